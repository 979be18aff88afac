//! The run as a Mermaid Gantt chart, for Markdown pages.

use std::fmt::Write;

use super::humane::wrap;
use super::spans::{SpanKind, lanes};
use crate::kernel::Time;
use crate::scenario::types::Input;
use crate::trace::Record;

/// A lane with more spans than this is cut: Mermaid draws one row for each.
const MOST_SPANS: usize = 40;

/// The chart, with a section for each pod and container.
pub fn render(records: &[Record], input: &Input) -> String {
    let mut text = format!("gantt\n    title {}\n", plain(&input.scenario.name));
    let end = records.last().map_or(Time::ZERO, |r| r.at);
    let axis = if end.as_nanos() < 3_600_000_000_000 {
        "%M:%S"
    } else {
        "%Hh%M"
    };
    let _ = write!(text, "    dateFormat x\n    axisFormat {axis}\n");
    for lane in lanes(records, input) {
        let spans = &lane.spans[..lane.spans.len().min(MOST_SPANS)];
        if spans.is_empty() {
            continue;
        }
        let _ = writeln!(text, "    section {} {}", plain(lane.pod_name()), plain(&lane.title()));
        for span in spans {
            let tag = match span.kind {
                SpanKind::Running | SpanKind::Ready => "active, ",
                SpanKind::BackOff | SpanKind::Terminating => "crit, ",
                SpanKind::Pulling | SpanKind::Starting | SpanKind::Phase | SpanKind::Hook => "",
            };
            let from = millis(span.from);
            let to = millis(span.to).max(from + 1);
            let _ = writeln!(text, "    {} :{tag}{from}, {to}", plain(&span.label));
        }
        if lane.spans.len() > MOST_SPANS {
            let from = millis(lane.spans[MOST_SPANS].from);
            let rest = lane.spans.len() - MOST_SPANS;
            let _ = writeln!(text, "    and {rest} more :done, {from}, {}", millis(end).max(from + 1));
        }
    }
    text
}

fn millis(at: Time) -> i64 {
    at.as_nanos().div_euclid(1_000_000)
}

/// The text in one line, without what Mermaid reads as syntax.
fn plain(text: &str) -> String {
    wrap(&text.replace([':', ';', '#', ',', '%'], " "), usize::MAX).concat()
}
