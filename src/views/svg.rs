//! The run as a Gantt chart: one SVG picture that needs nothing else and follows the reader's light or dark mode.

use std::fmt::Write;

use super::humane::{clock, elide, span, visible};
use super::spans::{Lane, LaneKind, SpanKind, lanes};
use crate::kernel::{Duration, Time};
use crate::scenario::types::Input;
use crate::trace::Record;

const WIDTH: i64 = 1200;
const LEFT: i64 = 190;
const RIGHT: i64 = 20;
const TOP: i64 = 64;
const ROW: i64 = 26;
const PROBE_ROW: i64 = 18;
const HEADING: i64 = 26;
/// As many fit before the bars begin.
const TITLE_CHARS: usize = 24;

/// The colours, which the page uses too: text and lines, then one for each kind of span.
pub(super) const STYLE: &str = "\
:root{color-scheme:light dark;--ink:#1c2330;--soft:#5b6675;--line:#d9dee6;--ground:#ffffff;--raise:#f4f6f9;\
--phase:#74839a;--ready:#2f8a5f;--pulling:#8465c4;--starting:#8fb7e8;--running:#3d7fd6;--back-off:#b0760d;\
--terminating:#e0705f;--hook:#6fb9b3;--bad:#c73a32;--good:#2f8f63}\
@media (prefers-color-scheme:dark){:root{--ink:#e6eaf0;--soft:#9aa6b6;--line:#303845;--ground:#14181f;--raise:#1d232d;\
--phase:#5a677a;--ready:#2f8059;--pulling:#8a6cc4;--starting:#4f7fb8;--running:#3b78c9;--back-off:#a86f10;\
--terminating:#cf5b4b;--hook:#4f9a94;--bad:#ff7b70;--good:#5fc994}}";

/// The whole picture.
pub fn render(records: &[Record], input: &Input) -> String {
    let end = records.last().map_or(Time::ZERO, |r| r.at);
    let scale = Scale::new(end);
    let lanes = lanes(records, input);
    let mut rows = String::new();
    let mut y = TOP;
    let mut pod = "";
    for lane in &lanes {
        if lane.pod_name() != pod {
            pod = lane.pod_name();
            let _ = writeln!(
                rows,
                r#"<text class="pod" x="12" y="{}">{}</text>"#,
                y + 18,
                escape(pod)
            );
            y += HEADING;
        }
        y += row(&mut rows, lane, y, &scale);
    }
    let height = y + 16;
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" \
         aria-label=\"Timeline of {name}\">\n<style>{STYLE}\
         text{{font:12px system-ui,sans-serif;fill:var(--ink)}}.pod{{font-weight:600;font-size:14px}}\
         .tick{{fill:var(--soft);text-anchor:middle}}.title{{font-size:16px;font-weight:600}}.in{{fill:#fff}}\
         line{{stroke:var(--line)}}</style>\n<rect width=\"{WIDTH}\" height=\"{height}\" fill=\"var(--ground)\"/>\n",
        name = escape(&input.scenario.name),
    );
    let _ = writeln!(
        text,
        r#"<text class="title" x="12" y="24">{}</text>"#,
        escape(&input.scenario.name)
    );
    for at in scale.ticks() {
        let x = scale.x(at);
        let label = span(at - Time::ZERO);
        let _ = writeln!(text, r#"<line x1="{x}" x2="{x}" y1="{TOP}" y2="{}"/>"#, height - 12);
        let _ = writeln!(text, r#"<text class="tick" x="{x}" y="{}">{label}</text>"#, TOP - 8);
    }
    text.push_str(&rows);
    text.push_str("</svg>\n");
    text
}

/// Draws a lane and gives its height.
fn row(out: &mut String, lane: &Lane, y: i64, scale: &Scale) -> i64 {
    let height = if matches!(lane.kind, LaneKind::Probe(..)) {
        PROBE_ROW
    } else {
        ROW
    };
    let title = lane.title();
    let shown = escape(&elide(&title, TITLE_CHARS));
    let whole = if shown == escape(&title) {
        String::new()
    } else {
        format!("<title>{}</title>", escape(&title))
    };
    let _ = writeln!(out, r#"<text x="24" y="{}">{shown}{whole}</text>"#, y + height - 8);
    for s in &lane.spans {
        let (x, right) = (scale.x(s.from), scale.x(s.to));
        let width = (right - x).max(1);
        // What happens to a running container is drawn over it, lower.
        let inner = matches!(s.kind, SpanKind::Terminating | SpanKind::Hook);
        let (top, bar) = if inner {
            (y + height - 9, 6)
        } else {
            (y + 3, height - 8)
        };
        let label = escape(&s.label);
        let _ = writeln!(
            out,
            r#"<rect x="{x}" y="{top}" width="{width}" height="{bar}" rx="2" fill="var(--{})"><title>{label}: {} to {}</title></rect>"#,
            s.kind.as_str(),
            clock(s.from),
            clock(s.to),
        );
        let needed = i64::try_from(s.label.chars().count())
            .unwrap_or(i64::MAX)
            .saturating_mul(7);
        if !inner && width > needed.saturating_add(8) {
            // White on the lightest of the colours is not read.
            let class = if s.kind == SpanKind::Starting { "on" } else { "in" };
            let _ = writeln!(
                out,
                r#"<text class="{class}" x="{}" y="{}">{label}</text>"#,
                x + 5,
                y + height - 9
            );
        }
    }
    let middle = y + height / 2 - 1;
    let mut last = i64::MIN;
    for instant in &lane.instants {
        let x = scale.x(instant.at);
        // Successes closer together than a pixel look like one.
        if x == last && !instant.bad {
            continue;
        }
        last = x;
        let title = format!("<title>{} at {}</title>", escape(&instant.label), clock(instant.at));
        let _ = if instant.bad {
            let (left, right, top, bottom) = (x - 4, x + 4, middle - 4, middle + 4);
            writeln!(
                out,
                r#"<path d="M{left} {top}L{right} {bottom}M{left} {bottom}L{right} {top}" stroke="var(--bad)" stroke-width="2">{title}</path>"#
            )
        } else {
            writeln!(
                out,
                r#"<circle cx="{x}" cy="{middle}" r="3" fill="var(--good)">{title}</circle>"#
            )
        };
    }
    height
}

/// Virtual time to pixels, in whole numbers.
struct Scale {
    end_ns: i64,
}

impl Scale {
    fn new(end: Time) -> Scale {
        Scale {
            end_ns: end.as_nanos().max(1),
        }
    }

    fn x(&self, at: Time) -> i64 {
        let inside = i128::from(at.as_nanos().clamp(0, self.end_ns));
        let x = inside * i128::from(WIDTH - LEFT - RIGHT) / i128::from(self.end_ns);
        LEFT + i64::try_from(x).expect("a pixel of the picture")
    }

    /// Round times, at most ten.
    fn ticks(&self) -> Vec<Time> {
        const STEPS_SECS: [i64; 20] = [
            1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 21_600, 43_200, 86_400, 604_800,
            2_592_000,
        ];
        let fits = |secs: &&i64| self.end_ns / (**secs * 1_000_000_000) <= 10;
        let step = STEPS_SECS.iter().find(fits).copied().unwrap_or(31_536_000);
        let count = (self.end_ns / (step * 1_000_000_000)).min(100);
        (0..=count)
            .map(|n| Time::ZERO + Duration::from_secs(step * n))
            .collect()
    }
}

/// The text with what XML reads as markup replaced, and what it refuses.
pub(crate) fn escape(text: &str) -> String {
    visible(text)
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}
