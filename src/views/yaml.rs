//! The API objects as `kubectl get pods -o yaml` shows them.

use serde_json::Value;

use super::{json, objects};
use crate::kernel::Time;
use crate::scenario::types::Input;
use crate::trace::Record;

/// The pods that exist at the end of the run, as a v1.List.
pub fn render(records: &[Record], input: &Input) -> String {
    text(&json::list(&objects::at(records, input, Time::MAX)))
}

/// The object as YAML.
pub fn text(object: &Value) -> String {
    let mut text = serde_yaml::to_string(object).expect("a JSON value can be written as YAML");
    if !text.ends_with('\n') {
        text.push('\n');
    }
    text
}
