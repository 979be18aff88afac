//! The API objects as `kubectl get pods -o json` shows them.

use serde_json::{Value, json};

use super::objects::{PodAt, at};
use crate::kernel::Time;
use crate::scenario::types::Input;
use crate::trace::Record;

/// The pods that exist at the end of the run, as a v1.List.
pub fn render(records: &[Record], input: &Input) -> String {
    text(&list(&at(records, input, Time::MAX)))
}

/// A v1.List of the objects.
pub fn list(pods: &[PodAt]) -> Value {
    let items: Vec<Value> = pods.iter().map(PodAt::object).collect();
    json!({"apiVersion": "v1", "kind": "List", "metadata": {"resourceVersion": ""}, "items": items})
}

/// The object in four-space indentation, as kubectl has it.
pub fn text(object: &Value) -> String {
    let mut bytes = Vec::new();
    let formatter = serde_json::ser::PrettyFormatter::with_indent(b"    ");
    let mut serializer = serde_json::Serializer::with_formatter(&mut bytes, formatter);
    serde::Serialize::serialize(object, &mut serializer).expect("a value can be written to memory");
    let mut text = String::from_utf8(bytes).expect("JSON is UTF-8");
    text.push('\n');
    // As Go writes it, so that it can stand in a page of HTML; outside of strings there are no such characters.
    for (character, escape) in [
        ('&', "\\u0026"),
        ('<', "\\u003c"),
        ('>', "\\u003e"),
        ('\u{2028}', "\\u2028"),
        ('\u{2029}', "\\u2029"),
    ] {
        if text.contains(character) {
            text = text.replace(character, escape);
        }
    }
    text
}
