//! Every record as a row of comma-separated values, for spreadsheets and data frames.

use csv::Writer;
use serde_json::{Map, Value, json};

use super::jsonl;
use crate::api::status::PodStatus;
use crate::trace::{Record, What};

/// The columns, in order: where a record does not have the field, the cell is empty.
const COLUMNS: [&str; 26] = [
    "ns",
    "seq",
    "cause",
    "kind",
    "pod",
    "container",
    "attempt",
    "op",
    "phase",
    "image",
    "volume",
    "timeout",
    "gracePeriodSeconds",
    "for",
    "object",
    "code",
    "by",
    "probe",
    "result",
    "hook",
    "type",
    "reason",
    "message",
    "error",
    "length",
    "note",
];

/// All records under their headings. A status write has the pod's phase in `phase` and its reason in `reason`.
pub fn render(records: &[Record]) -> String {
    let mut out = Writer::from_writer(Vec::new());
    out.write_record(COLUMNS).expect("memory can be written");
    for record in records {
        let mut fields = match &record.what {
            // The whole status has no place in a cell; most of a trace is statuses.
            What::Status(status) => status_fields(record, status),
            _ => jsonl::fields(record),
        };
        fields.insert("seq".into(), record.seq.into());
        fields.insert("cause".into(), record.cause.into());
        let cells = COLUMNS.map(|column| match fields.get(column) {
            None | Some(Value::Null) => String::new(),
            Some(Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
        });
        out.write_record(&cells).expect("memory can be written");
    }
    let bytes = out.into_inner().expect("memory can be flushed");
    String::from_utf8(bytes).expect("the cells are UTF-8")
}

fn status_fields(record: &Record, status: &PodStatus) -> Map<String, Value> {
    let fields = [
        ("ns", json!(record.at.as_nanos())),
        ("kind", json!("status")),
        ("pod", json!(record.pod)),
        ("phase", json!(status.phase)),
        ("reason", json!(status.reason)),
        ("message", json!(status.message)),
    ];
    fields
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}
