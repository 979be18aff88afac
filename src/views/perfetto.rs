//! The trace in Chrome's trace-event format, for the Perfetto UI: a process per pod, a track per container and probe.

use serde_json::{Value, json};

use super::spans::{LaneKind, SpanKind, lanes};
use crate::kernel::Time;
use crate::scenario::types::Input;
use crate::trace::Record;

/// One JSON object: names of processes and tracks first, then everything by time, an outer span before what is within
/// it. Times are in microseconds, as the format has them, to the nanosecond.
pub fn render(records: &[Record], input: &Input) -> String {
    let mut events = Vec::new();
    let mut timed: Vec<(Time, std::cmp::Reverse<Time>, Value)> = Vec::new();
    let mut pods: Vec<String> = Vec::new();
    let mut track = 0;
    for lane in lanes(records, input) {
        let pod = lane.pod_name();
        if pods.last().map(String::as_str) != Some(pod) {
            pods.push(pod.to_owned());
            track = 0;
            events.push(metadata("process_name", pods.len(), 0, json!({"name": pod})));
            events.push(metadata(
                "process_sort_index",
                pods.len(),
                0,
                json!({"sort_index": pods.len()}),
            ));
        }
        let process = pods.len();
        // Spans of one track must nest: those that may overlap otherwise get a track of their own.
        let groups: [(&str, &dyn Fn(SpanKind) -> bool); 2] = [
            ("", &|kind| !matches!(kind, SpanKind::Terminating | SpanKind::Hook)),
            (" termination and hooks", &|kind| {
                matches!(kind, SpanKind::Terminating | SpanKind::Hook)
            }),
        ];
        for (suffix, belongs) in groups {
            let spans: Vec<_> = lane.spans.iter().filter(|s| belongs(s.kind)).collect();
            let instants = if suffix.is_empty() { &*lane.instants } else { &[] };
            if spans.is_empty() && instants.is_empty() {
                continue;
            }
            track += 1;
            let title = format!("{}{suffix}", lane.title());
            events.push(metadata("thread_name", process, track, json!({"name": title})));
            events.push(metadata(
                "thread_sort_index",
                process,
                track,
                json!({"sort_index": track}),
            ));
            for span in spans {
                let event = json!({
                    "ph": "X", "pid": process, "tid": track, "cat": span.kind.as_str(), "name": span.label,
                    "ts": micros(span.from), "dur": micros(Time((span.to - span.from).as_nanos())),
                    "args": {"seq": span.seq},
                });
                timed.push((span.from, std::cmp::Reverse(span.to), event));
            }
            for instant in instants {
                let category = if matches!(lane.kind, LaneKind::Probe(..)) {
                    "probe"
                } else {
                    "signal"
                };
                let event = json!({
                    "ph": "i", "s": "t", "pid": process, "tid": track, "cat": category, "name": instant.label,
                    "ts": micros(instant.at), "args": {"seq": instant.seq, "bad": instant.bad},
                });
                timed.push((instant.at, std::cmp::Reverse(instant.at), event));
            }
        }
    }
    timed.sort_by_key(|(from, to, _)| (*from, *to));
    events.extend(timed.into_iter().map(|(.., event)| event));
    let name = &input.scenario.name;
    let mut text = json!({"displayTimeUnit": "ms", "metadata": {"scenario": name}, "traceEvents": events}).to_string();
    text.push('\n');
    text
}

fn metadata(name: &str, process: usize, track: usize, arguments: Value) -> Value {
    json!({"ph": "M", "name": name, "pid": process, "tid": track, "args": arguments})
}

/// Microseconds with the nanoseconds behind the point, without going through a binary fraction's rounding
/// more than once.
fn micros(at: Time) -> Value {
    let ns = at.as_nanos();
    if ns % 1_000 == 0 {
        return json!(ns / 1_000);
    }
    let text = format!("{}.{:03}", ns / 1_000, (ns % 1_000).abs());
    text.parse::<f64>().map_or(Value::Null, |us| json!(us))
}
