//! One JSON object a record, with just the fields of the conformance traces.

use serde_json::{Map, Value, json};

use crate::trace::{Record, What};

/// All records, a line each.
pub fn render(records: &[Record]) -> String {
    let mut text = String::new();
    for record in records {
        text.push_str(&line(record));
        text.push('\n');
    }
    text
}

/// The record as one line without its newline.
pub fn line(record: &Record) -> String {
    value(record).to_string()
}

/// The record as an object.
pub fn value(record: &Record) -> Value {
    Value::Object(fields(record))
}

/// The fields of the line.
pub(super) fn fields(record: &Record) -> Map<String, Value> {
    let mut object = Map::new();
    let mut put = |key: &str, value: Value| {
        if !value.is_null() {
            object.insert(key.to_owned(), value);
        }
    };
    put("ns", json!(record.at.as_nanos()));
    put("pod", json!(record.pod));
    put("container", json!(record.container));
    put("attempt", json!(record.attempt));
    let kind = match &record.what {
        What::Api(call) => {
            put("op", json!(call.op));
            put("gracePeriodSeconds", json!(call.grace_period_seconds));
            put("object", json!(call.object));
            put("image", json!(call.image));
            if let Some((kind, status)) = &call.condition {
                put("type", json!(kind));
                put("status", json!(status));
            }
            "api"
        }
        What::Node { op, node } => {
            put("op", json!(op));
            put("node", json!(node));
            "node"
        }
        What::Volume { volume, phase, error } => {
            put("op", json!("mount"));
            put("volume", json!(volume));
            put("phase", json!(phase));
            put("error", json!(error));
            "volume"
        }
        What::Cri(call) => {
            put("op", json!(call.op));
            put("phase", json!(call.phase));
            put("image", json!(call.image));
            put("timeout", json!(call.timeout));
            put("error", json!(call.error));
            put("for", json!(call.purpose));
            "cri"
        }
        What::Exit { code, reason, by } => {
            put("code", json!(code));
            put("reason", json!(reason));
            put("by", json!(by));
            "exit"
        }
        What::Probe { probe, result } => {
            put("probe", json!(probe));
            put("result", json!(result));
            "probe"
        }
        What::Hook { hook, phase, error } => {
            put("hook", json!(hook));
            put("phase", json!(phase));
            put("error", json!(error));
            "hook"
        }
        What::Event(event) => {
            put("type", json!(if event.warning { "Warning" } else { "Normal" }));
            put("reason", json!(event.reason));
            put("object", json!(event.object));
            if event.container.is_some() {
                put("fieldPath", json!(event.field_path()));
            }
            put("message", json!(event.message));
            "event"
        }
        What::Status(status) => {
            put("status", json!(status));
            "status"
        }
        What::BackOff { length, until } => {
            put("length", json!(length.to_string()));
            put("until", json!(until.as_nanos()));
            "backoff"
        }
        What::Log { stream, text } => {
            put("stream", json!(stream));
            put("text", json!(text));
            "log"
        }
        What::Command { pid, command } => {
            put("pid", json!(pid));
            put("command", json!(command));
            "command"
        }
        What::Assumed { place, text, assumed } => {
            put("place", json!(place));
            put("text", json!(text));
            put("assumed", json!(assumed));
            "assumed"
        }
        What::Note { note } => {
            put("note", json!(note));
            "note"
        }
        What::End { reason } => {
            put("reason", json!(format!("{reason:?}")));
            "end"
        }
    };
    put("kind", json!(kind));
    object
}
