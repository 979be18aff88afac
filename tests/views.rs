//! What users see: one snapshot for each view, over a run with a slow pull, a crash, probes and a deletion.

#![allow(missing_docs)]

use podlapse::kernel::{Duration, Time};
use podlapse::scenario::load::{Source, load};
use podlapse::scenario::types::Input;
use podlapse::trace::Record;
use podlapse::{sim, views};

const SCENARIO: &str = include_str!("inputs/views.yaml");

fn run() -> (Input, Vec<Record>) {
    run_of(SCENARIO)
}

fn run_of(text: &str) -> (Input, Vec<Record>) {
    let source = Source {
        name: "views".to_owned(),
        text: text.to_owned(),
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
    describe = |records, input| {
        let time = seconds(21);
        let pods = views::objects::at(records, input, time);
        views::describe::render(records, &pods[0], time)
    };
    events_at_a_moment = |records, _| views::events::table(&views::events::at(records, seconds(21)), seconds(21), false);
    pods_at_a_moment = |records, input| {
        let pods = views::objects::at(records, input, seconds(21));
        views::kubectl::pods(&pods, seconds(21), true, false)
    };
    explain = |records, input| {
        let moments = [1, 6, 13, 21, 40, 46].map(seconds);
        let texts = moments.map(|time| views::explain::render(records, input, "default/web", time, Some(100)));
        texts.join("\n----\n\n")
    };
}

#[test]
fn a_throttled_pull_is_told_though_the_runtime_was_never_asked() {
    let (input, records) = run_of(include_str!("rules/more-pulls-than-a-second-allows.yaml"));
    let explained = views::explain::render(&records, &input, "default/web", seconds(5), Some(100));
    let timeline = timeline(&records, &input, views::timeline::Options::default());
    insta::assert_snapshot!(format!("{timeline}\n----\n\n{explained}"));
    let drawn = views::svg::render(&records, &input);
    assert!(drawn.contains("pull QPS exceeded"), "{drawn}");
}

/// Containers of two pods end within one relist: each restart goes back to the end of its own container.
#[test]
fn an_explanation_names_the_containers_own_end() {
    const PODS: &str = "\
apiVersion: v1
kind: Pod
metadata: {name: a}
spec: {containers: [{name: app, image: 'a:1'}]}
---
apiVersion: v1
kind: Pod
metadata: {name: b}
spec: {restartPolicy: OnFailure, containers: [{name: app, image: 'a:1'}, {name: two, image: 'a:1'}]}
---
apiVersion: podlapse.dev/v1alpha1
kind: Scenario
metadata: {name: ends}
spec:
  runFor: 20s
  containers:
  - {pod: a, name: app, runs: [{exit: {after: 5s, code: 1}}]}
  - {pod: b, name: app, runs: [{exit: {after: 5s, code: 3}}]}
  - {pod: b, name: two, runs: [{exit: {after: 5s, code: 0}}]}
";
    let (input, records) = run_of(PODS);
    let explained = views::explain::render(&records, &input, "default/b", seconds(7), None);
    let (_, why) = explained.split_once("Why container app runs:\n").expect("it is asked");
    let steps: Vec<&str> = why.lines().filter(|line| !line.contains('↳')).take(2).collect();
    assert!(steps[0].contains("container app#1 was started"), "{explained}");
    assert!(
        steps[1].contains("container app#0 exited by itself with code 3"),
        "{explained}"
    );
}

/// The kubelet looks after all pods in one loop, which the first of them may have woken.
#[test]
fn an_explanation_does_not_leave_the_pod() {
    let pods: String = (0..12)
        .map(|n| {
            format!(
                "---\napiVersion: v1\nkind: Pod\nmetadata: {{name: p{n}}}\nspec: {{containers: [{{name: app, image: 'a:{n}', \
                 imagePullPolicy: Always}}]}}\n"
            )
        })
        .collect();
    const SCENARIO: &str = "---\napiVersion: podlapse.dev/v1alpha1\nkind: Scenario\nmetadata: {name: pulls}\n\
                            spec: {kubelet: {config: {serializeImagePulls: false}}}\n";
    let (input, records) = run_of(&(pods + SCENARIO));
    insta::assert_snapshot!(views::explain::render(
        &records,
        &input,
        "default/p11",
        seconds(5),
        Some(100)
    ));
}

fn seconds(secs: i64) -> Time {
    Time::ZERO + Duration::from_secs(secs)
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
fn a_perfetto_trace_is_what_the_format_asks_for() {
    let (input, records) = run();
    let trace: serde_json::Value =
        serde_json::from_str(&views::perfetto::render(&records, &input)).expect("a Chrome trace is JSON");
    let mut last = -1.0;
    for event in trace["traceEvents"].as_array().expect("it has events") {
        assert!(
            event["name"].is_string() && event["pid"].is_u64() && event["tid"].is_u64(),
            "{event}"
        );
        let timed = event["ts"].as_f64();
        match event["ph"].as_str() {
            Some("M") => assert!(event["args"].is_object() && last < 0.0, "names come first: {event}"),
            Some("X") => assert!(event["dur"].as_f64().is_some_and(|dur| dur >= 0.0), "{event}"),
            Some("i") => assert_eq!(event["s"], "t", "{event}"),
            other => panic!("{other:?} is none of the phases that are written: {event}"),
        }
        if let Some(at) = timed {
            assert!(at >= last, "{event} is earlier than the one before it");
            last = at;
        } else {
            assert_eq!(event["ph"], "M", "{event}");
        }
    }
    assert!(last > 0.0);
}

#[test]
fn a_long_name_does_not_run_into_the_bars() {
    let (input, records) = run_of(&SCENARIO.replace("name: app\n", "name: an-application-with-a-long-name\n"));
    let picture = views::svg::render(&records, &input);
    assert!(
        picture.contains("an-application-with-a-l…<title>an-application-with-a-long-name</title>"),
        "{picture}"
    );
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

#[test]
fn control_characters_are_shown_and_not_written() {
    let text = SCENARIO.replace("{name: views}", "{name: \"vi\\u0001ews\"}");
    let text = text.replace("code: 3", "code: 3, reason: \"b\\u001b[31mad\\u0000\"");
    let (input, records) = run_of(&text);
    let views = [
        timeline(&records, &input, views::timeline::Options::default()),
        views::svg::render(&records, &input),
        views::html::render(&records, &input),
        views::mermaid::render(&records, &input),
        views::explain::render(&records, &input, "default/web", seconds(40), None),
    ];
    for view in &views {
        assert!(!view.contains(|c: char| c.is_control() && c != '\n'), "{view}");
    }
    assert!(
        views[1].contains("vi␁ews") && views[2].contains("<title>vi␁ews"),
        "{}",
        views[1]
    );
    for view in &views[..3] {
        assert!(view.contains("b␛[31mad␀"), "{view}");
    }
    let pods = views::kubectl::render(&records, &input);
    assert!(!pods.contains('\x1b') && pods.contains("b^[[31mad"), "{pods}");
}

#[test]
fn of_several_nodes_the_timeline_says_which_is_meant() {
    const NODES: &str = "nodes: [{name: n1}, {name: n2}]";
    const ACTIONS: &str = "
  - {at: 10s, restartKubelet: {node: n2, down: 5s}}
  - {at: 20s, rebootNode: {node: n1, down: 5s}}
  - {at: 40s, shutdownNode: {node: n2}}
";
    let told = |nodes: &str, actions: &str| {
        let (input, records) = run_of(&format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: web}}\nspec: {{containers: [{{name: app, image: 'app:1'}}]}}\n---\n\
             apiVersion: podlapse.dev/v1alpha1\nkind: Scenario\nmetadata: {{name: s}}\nspec:\n  runFor: 2m\n  {nodes}\n  actions:{actions}"
        ));
        timeline(&records, &input, views::timeline::Options::default())
    };
    let several = told(NODES, ACTIONS);
    for line in [
        "kubelet of node n2 stops",
        "kubelet of node n2 starts",
        "node n1 goes down for a reboot",
        "node n1 is up again",
        "node n2 shuts down",
        "node n2 has shut down",
    ] {
        assert!(several.contains(line), "{line}: {several}");
    }
    let one = told("", "\n  - {at: 20s, rebootNode: {down: 5s}}\n");
    assert!(one.contains("  node goes down for a reboot\n"), "{one}");
}

#[test]
fn the_image_of_a_volume_is_pulled_for_the_pod() {
    let (input, records) = run_of(include_str!("rules/image-volumes.yaml"));
    let lanes = views::spans::lanes(&records, &input);
    let pulling = lanes
        .iter()
        .filter(|lane| &*lane.pod == "default/web")
        .flat_map(|lane| {
            let pulls = lane.spans.iter().filter(|span| span.label.starts_with("pulling"));
            pulls.map(|span| (lane.title(), span.label.clone()))
        });
    let pod = |label: &str| ("pod".to_owned(), label.to_owned());
    assert_eq!(
        pulling.collect::<Vec<_>>(),
        [pod("pulling model:1"), pod("pulling model:1")]
    );
    let pods = views::objects::at(&records, &input, seconds(5));
    let described = views::describe::render(&records, &pods[0], seconds(5));
    let lines: Vec<String> = described
        .lines()
        .skip_while(|line| *line != "  model:")
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        .take(4)
        .collect();
    assert_eq!(
        lines,
        [
            "model:",
            "Type: Image (a container image or OCI artifact)",
            "Reference: model:1",
            "PullPolicy: IfNotPresent"
        ]
    );
}
