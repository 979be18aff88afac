//! Holds podlapse's traces against traces recorded from the real kubelet: every case, every kind, to the nanosecond.

#![allow(missing_docs)]

#[allow(dead_code)]
mod common;

use std::collections::BTreeMap;

use common::{Archive, unpack};
use podlapse::api::features::Version;
use podlapse::scenario::load::{Source, load_as};
use podlapse::{sim, views};
use serde_json::Value;

/// Kinds that are compared; others are podlapse's own.
const KINDS: [&str; 7] = ["cri", "exit", "probe", "hook", "event", "status", "api"];

/// Without the IDs of containers and images, which only tell one simulated thing from another.
fn without_ids(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|key, _| key != "containerID" && key != "imageID");
            fields.values_mut().for_each(without_ids);
        }
        Value::Array(items) => items.iter_mut().for_each(without_ids),
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// When a record was made. The oldest recordings put all pods that exist from the start at 0, the others 10 µs apart, as
/// here: of creations in the first millisecond it does not count.
fn instant(record: &Value, ns: i64) -> i64 {
    let is_early = record["op"] == "create" && ns < 1_000_000;
    if is_early { 0 } else { ns }
}

/// The records by kind, those of one instant in no order.
fn canonical(trace: &str) -> BTreeMap<String, Vec<(i64, String)>> {
    let mut kinds: BTreeMap<String, Vec<(i64, String)>> = BTreeMap::new();
    for line in trace.lines().filter(|line| !line.trim().is_empty()) {
        let mut record: Value = serde_json::from_str(line).expect("a trace is JSON lines");
        let kind = record["kind"].as_str().expect("a record has a kind").to_owned();
        if !KINDS.contains(&kind.as_str()) {
            continue;
        }
        without_ids(&mut record);
        let ns = record
            .as_object_mut()
            .and_then(|r| r.remove("ns"))
            .and_then(|ns| ns.as_i64());
        let at = instant(&record, ns.expect("a record has a time"));
        kinds.entry(kind).or_default().push((at, record.to_string()));
    }
    kinds.values_mut().for_each(|records| records.sort());
    kinds
}

/// What podlapse makes of a scenario, as JSON lines.
fn trace_of(name: &str, yaml: &str, version: Version) -> String {
    let source = Source {
        name: name.to_owned(),
        text: yaml.to_owned(),
    };
    let (input, _) = load_as(&[source], Some(version)).unwrap_or_else(|error| panic!("{name} is refused: {error}"));
    let lines = sim::run(&input).iter().map(views::jsonl::line).collect::<Vec<_>>();
    lines.join("\n")
}

/// Compares every trace of `traces` with the run of the scenario of that name in `scenarios`.
fn compare(scenarios: &Archive, traces: &Archive, version: Version, expected_cases: usize) {
    let mut failures = Vec::new();
    let mut cases = 0;
    for (file, wanted) in traces {
        let Some(name) = file.strip_suffix(".trace.jsonl") else {
            continue;
        };
        cases += 1;
        let yaml = scenarios
            .get(&format!("{name}.yaml"))
            .expect("each trace has a scenario");
        let (wanted, got) = (canonical(wanted), canonical(&trace_of(name, yaml, version)));
        for kind in KINDS {
            let (want, have) = (wanted.get(kind), got.get(kind));
            if want != have {
                let (want, have) = (want.map_or(&[][..], |w| w), have.map_or(&[][..], |h| h));
                let at = want.iter().zip(have).take_while(|(w, h)| w == h).count();
                failures.push(format!(
                    "{name}: {kind}[{at}]\n  kubelet:  {:?}\n  podlapse: {:?}",
                    want.get(at),
                    have.get(at)
                ));
            }
        }
    }
    assert_eq!(cases, expected_cases, "cases are missing or new");
    assert!(
        failures.is_empty(),
        "{} differences:\n{}",
        failures.len(),
        failures.join("\n")
    );
}

#[test]
fn the_world_around_a_pod() {
    let cases = unpack("world.tar.zst");
    compare(&cases, &cases, Version::V1_36, 316);
}

#[test]
fn kubelet_1_36() {
    let cases = unpack("cases.tar.zst");
    compare(&cases, &cases, Version::V1_36, 312);
}

/// The traces of the same cases under an older kubelet; those that it refuses have none.
fn older(version: Version, expected_cases: usize) {
    let folder = format!("{version}/");
    let traces = unpack("versions.tar.zst").into_iter();
    let traces = traces.filter_map(|(name, text)| Some((name.strip_prefix(&folder)?.to_owned(), text)));
    compare(&unpack("cases.tar.zst"), &traces.collect(), version, expected_cases);
}

#[test]
fn kubelet_1_35() {
    older(Version::V1_35, 251);
}

#[test]
fn kubelet_1_34() {
    older(Version::V1_34, 250);
}

#[test]
fn kubelet_1_33() {
    older(Version::V1_33, 210);
}

#[test]
fn kubelet_1_32() {
    older(Version::V1_32, 202);
}

#[test]
fn kubelet_1_31() {
    older(Version::V1_31, 202);
}
