//! Holds podlapse's traces against traces recorded from the real kubelet (1.36.3): every case, every kind, to the millisecond.

#![allow(missing_docs)]

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// Kinds that are compared; others are podlapse's own.
const KINDS: [&str; 7] = ["cri", "exit", "probe", "hook", "event", "status", "api"];

/// Fields that only identify a simulated thing, and those that are not modelled.
const LEFT_OUT: [&str; 17] = [
    "containerID",
    "imageID",
    "podIP",
    "podIPs",
    "hostIP",
    "hostIPs",
    "uid",
    "resourceVersion",
    "user",
    "resources",
    "allocatedResources",
    "allocatedResourcesStatus",
    "volumeMounts",
    "qosClass",
    "lastProbeTime",
    "seq",
    "cause",
];

fn strip(value: &mut Value) {
    let nothing = |v: &Value| match v {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    };
    match value {
        Value::Object(fields) => {
            fields.retain(|key, v| !LEFT_OUT.contains(&key.as_str()) && !nothing(v));
            fields.values_mut().for_each(strip);
        }
        Value::Array(items) => items.iter_mut().for_each(strip),
        Value::String(text) => {
            // A UID in brackets identifies too.
            if text.ends_with(')')
                && let Some(open) = text.rfind('(')
                && text.len() - open == 38
            {
                text.truncate(open);
                text.push_str("(UID)");
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// The records by kind: times in whole milliseconds, those of one millisecond in no order.
fn canonical(trace: &str) -> BTreeMap<String, Vec<(i64, String)>> {
    let mut kinds: BTreeMap<String, Vec<(i64, String)>> = BTreeMap::new();
    for line in trace.lines().filter(|line| !line.trim().is_empty()) {
        let mut record: Value = serde_json::from_str(line).expect("a trace is JSON lines");
        let kind = record["kind"].as_str().expect("a record has a kind").to_owned();
        if !KINDS.contains(&kind.as_str()) {
            continue;
        }
        strip(&mut record);
        if let Some(Value::Array(conditions)) = record.pointer_mut("/status/conditions") {
            conditions.sort_by_key(|c| c["type"].to_string());
        }
        let ns = record
            .as_object_mut()
            .and_then(|r| r.remove("ns"))
            .and_then(|ns| ns.as_i64());
        kinds
            .entry(kind)
            .or_default()
            .push((ns.expect("a record has a time") / 1_000_000, record.to_string()));
    }
    kinds.values_mut().for_each(|records| records.sort());
    kinds
}

#[test]
fn traces_are_those_of_the_kubelet() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance");
    let entries = std::fs::read_dir(&folder).expect("the cases are there");
    let mut cases: Vec<_> = entries.map(|e| e.expect("an entry").path()).collect();
    cases.retain(|path| path.extension().is_some_and(|e| e == "yaml"));
    cases.sort();
    assert!(cases.len() >= 44, "cases are missing: {}", cases.len());
    let mut failures = Vec::new();
    for case in cases {
        let packed = std::fs::File::open(case.with_extension("trace.jsonl.gz")).expect("each case has a trace");
        let mut wanted = String::new();
        flate2::read::GzDecoder::new(packed)
            .read_to_string(&mut wanted)
            .expect("the trace unpacks");
        let run = Command::new(env!("CARGO_BIN_EXE_podlapse"))
            .args(["run", "--output", "jsonl"])
            .arg(&case)
            .output();
        let run = run.expect("podlapse runs");
        let got = String::from_utf8(run.stdout).expect("a trace is UTF-8");
        let (wanted, got) = (canonical(&wanted), canonical(&got));
        for kind in KINDS {
            let (want, have) = (wanted.get(kind), got.get(kind));
            if want != have {
                let (want, have) = (want.map_or(&[][..], |w| w), have.map_or(&[][..], |h| h));
                let at = want.iter().zip(have).take_while(|(w, h)| w == h).count();
                let name = case.file_stem().unwrap_or_default().display();
                failures.push(format!(
                    "{name}: {kind}[{at}]\n  kubelet:  {:?}\n  podlapse: {:?}",
                    want.get(at),
                    have.get(at)
                ));
            }
        }
    }
    assert!(
        failures.is_empty(),
        "{} differences:\n{}",
        failures.len(),
        failures.join("\n")
    );
}
