//! What users see: one snapshot for each view, over a run with a slow pull, a crash, probes and a deletion.

#![allow(missing_docs)]

use podlapse::scenario::load::{Source, load};
use podlapse::scenario::types::Input;
use podlapse::trace::Record;
use podlapse::{sim, views};

const SCENARIO: &str = r#"
apiVersion: v1
kind: Pod
metadata: {name: web, labels: {app: web}}
spec:
  terminationGracePeriodSeconds: 5
  initContainers:
  - {name: setup, image: "setup:1"}
  containers:
  - name: app
    image: app:1
    readinessProbe: {httpGet: {path: /ready, port: 8080}, periodSeconds: 2, failureThreshold: 1}
    livenessProbe: {tcpSocket: {port: 8080}, periodSeconds: 5, failureThreshold: 2}
---
apiVersion: podlapse.dev/v1alpha1
kind: Scenario
metadata: {name: views}
spec:
  description: a slow pull, a crash, a hung server, a deletion
  runFor: 60s
  images:
  - {image: app:1, present: false, pulls: [{takes: 3s}]}
  containers:
  - {name: setup, runs: [{exit: {after: 1s, code: 0}}]}
  - name: app
    runs:
    - {exit: {after: 6s, code: 3}}
    - {probes: {readiness: [{from: 8s, result: Failure}], liveness: [{from: 8s, result: Failure}]}}
    - {}
  actions:
  - {at: 45s, delete: {pod: web}}
"#;

fn run() -> (Input, Vec<Record>) {
    let source = Source {
        name: "views".to_owned(),
        text: SCENARIO.to_owned(),
    };
    let (input, _) = load(&[source]).expect("it loads");
    let records = sim::run(&input);
    (input, records)
}

macro_rules! snapshots {
    ($($name:ident = $view:expr;)*) => {$(
        #[test]
        fn $name() {
            let (input, records) = run();
            let view: fn(&[Record], &Input) -> String = $view;
            insta::assert_snapshot!(view(&records, &input));
        }
    )*};
}

fn timeline(records: &[Record], input: &Input, options: views::timeline::Options) -> String {
    views::timeline::render(records, input, options)
}

/// The part of a run that is deleted at 45 s, so that an object is left to show.
fn until_deletion(records: &[Record]) -> &[Record] {
    &records[..records.partition_point(|r| r.at.as_nanos() < 45_050_000_000)]
}

snapshots! {
    timeline_plain = |records, input| timeline(records, input, views::timeline::Options::default());
    timeline_coloured = |records, input| {
        let options = views::timeline::Options { colour: true, width: Some(100), verbose: false };
        timeline(records, input, options)
    };
    timeline_verbose = |records, input| {
        let options = views::timeline::Options { colour: false, width: Some(120), verbose: true };
        timeline(records, input, options)
    };
    kubectl = views::kubectl::render;
    events = |records, _| views::events::render(records);
    csv = |records, _| views::csv::render(records);
    json = |records, input| views::json::render(until_deletion(records), input);
    yaml = |records, input| views::yaml::render(until_deletion(records), input);
    perfetto = |records, input| {
        let text = views::perfetto::render(records, input);
        let trace: serde_json::Value = serde_json::from_str(&text).expect("a Chrome trace is JSON");
        let events = trace["traceEvents"].as_array().expect("it has events");
        events.iter().map(|e| format!("{e}\n")).collect()
    };
    mermaid = views::mermaid::render;
    svg = views::svg::render;
}

#[test]
fn spans_of_a_perfetto_track_nest() {
    let (input, records) = run();
    let trace: serde_json::Value =
        serde_json::from_str(&views::perfetto::render(&records, &input)).expect("a Chrome trace is JSON");
    let mut open: std::collections::BTreeMap<String, Vec<f64>> = std::collections::BTreeMap::new();
    let mut spans = 0;
    for event in trace["traceEvents"].as_array().expect("it has events") {
        if event["ph"] != "X" {
            continue;
        }
        spans += 1;
        let from = event["ts"].as_f64().expect("a time");
        let to = from + event["dur"].as_f64().expect("a length");
        let stack = open.entry(format!("{}/{}", event["pid"], event["tid"])).or_default();
        stack.retain(|end| *end > from + 0.0005);
        assert!(
            stack.last().is_none_or(|end| *end >= to - 0.0005),
            "{event} overlaps the span before it"
        );
        stack.push(to);
    }
    assert!(spans > 5, "there is hardly anything to check");
}

#[test]
fn the_page_stands_alone() {
    let (input, records) = run();
    let page = views::html::render(&records, &input);
    for loads in ["http://", "https://", "src=", "@import", "url(", "{{"] {
        let inside = page.replace("http://www.w3.org/2000/svg", "");
        // Messages of the run may mention addresses; the page around its data may not.
        let (before, rest) = inside.split_once("id=\"data\">").expect("the data");
        let (_, after) = rest.split_once("</script>").expect("the end of the data");
        assert!(
            !before.contains(loads) && !after.contains(loads),
            "the page has {loads}"
        );
    }
    let (_, data) = page.split_once("id=\"data\">").expect("the data");
    let (data, _) = data.split_once("</script>").expect("the end of the data");
    let data: serde_json::Value = serde_json::from_str(data).expect("the data is JSON");
    assert_eq!(data["lanes"].as_array().map(Vec::len), Some(6));
}
