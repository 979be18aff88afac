//! What a person would tell a colleague about the run, line by line, and a summary.

mod fold;
mod lines;

use std::collections::BTreeMap;
use std::fmt::Write;

use anstyle::{AnsiColor, Style};

use super::humane::{clock, elide, short_name, span, wrap};
use crate::api::pod::Name;
use crate::api::status::{ConditionStatus, PodStatus};
use crate::kernel::Time;
use crate::scenario::types::Input;
use crate::trace::{EndReason, Record, What};
use fold::{Repeats, Stretch, fold};
pub(crate) use lines::{Line, Tone, lines as told};

/// How to show it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Every CRI call, event and status write too, and nothing folded.
    pub verbose: bool,
    /// Columns to keep to; None for as many as it takes.
    pub width: Option<usize>,
    /// Whether to colour with ANSI escapes.
    pub colour: bool,
}

/// The reason goes below what happened when fewer columns than this are left for it.
const LEAST_WHY: usize = 16;
/// What happened is padded to this, so that the reasons are aligned.
const WHAT_COLUMNS: usize = 34;

/// The whole timeline with its summary.
pub fn render(records: &[Record], input: &Input, options: Options) -> String {
    let mut text = String::new();
    if let Some(description) = &input.scenario.description {
        let description = format!("{}: {description}", input.scenario.name);
        for line in wrap(&description, options.width.unwrap_or(usize::MAX)) {
            let _ = writeln!(text, "{line}");
        }
        text.push('\n');
    }
    let lines = lines::lines(records, input, options.verbose);
    let rows = rows(lines, input, options.verbose);
    let layout = Layout::of(&rows, input, options);
    for row in &rows {
        layout.write(&mut text, row);
    }
    text.push('\n');
    summary(&mut text, records);
    text
}

/// The rows next to an instant, unfolded: at most `before` that are not later, and `after` that are. What is said of
/// an instant is marked with `>`.
pub fn around(records: &[Record], input: &Input, at: Time, before: usize, after: usize, options: Options) -> String {
    let lines = lines::lines(records, input, options.verbose);
    let split = lines.partition_point(|line| line.at <= at);
    let near = &lines[split.saturating_sub(before)..(split + after).min(lines.len())];
    let rows: Vec<Row> = near.iter().map(Row::from).collect();
    let options = Options {
        width: options.width.map(|width| width.saturating_sub(4)),
        ..options
    };
    let layout = Layout::of(&rows, input, options);
    let mut text = String::new();
    for row in &rows {
        let mut own = String::new();
        layout.write(&mut own, row);
        for (index, line) in own.lines().enumerate() {
            let mark = if row.at == at && index == 0 { ">" } else { " " };
            let _ = writeln!(text, "{mark} {line}");
        }
    }
    text
}

/// A row as shown.
struct Row {
    at: Time,
    pod: Name,
    subject: String,
    what: String,
    why: String,
    tone: Tone,
}

impl From<&Line> for Row {
    fn from(line: &Line) -> Row {
        let Line {
            at,
            pod,
            container,
            attempt,
            what,
            why,
            tone,
            ..
        } = line;
        let attempt = attempt.map_or(String::new(), |n| format!("#{n}"));
        Row {
            at: *at,
            pod: pod.clone(),
            subject: format!("{container}{attempt}"),
            what: what.clone(),
            why: why.clone(),
            tone: *tone,
        }
    }
}

impl Repeats for &Line {
    fn at(&self) -> Time {
        self.at
    }
    fn key(&self) -> &str {
        &self.key
    }
}

/// Lines to rows, steady loops folded. Each container repeats at its own pace, so each is folded by itself;
/// what is said of a pod with one container alone belongs to that container's loop.
fn rows(lines: Vec<Line>, input: &Input, verbose: bool) -> Vec<Row> {
    if verbose {
        return lines.iter().map(Row::from).collect();
    }
    let single: BTreeMap<Name, bool> = input
        .pods
        .iter()
        .map(|p| (p.pod.full_name(), p.pod.all_containers().count() == 1))
        .collect();
    let mut streams: BTreeMap<(Name, Name), Vec<&Line>> = BTreeMap::new();
    for line in &lines {
        let alone = single.get(&*line.pod).copied().unwrap_or(false);
        let container = if alone { "".into() } else { line.container.clone() };
        streams.entry((line.pod.clone(), container)).or_default().push(line);
    }
    let mut rows: Vec<(u64, Row)> = Vec::new();
    for stream in streams.values() {
        for stretch in fold(stream) {
            let (order, row) = match stretch {
                Stretch::Line(ix) => (stream[ix].seq, Row::from(stream[ix])),
                Stretch::Fold {
                    first,
                    length,
                    cycles,
                    period,
                } => {
                    let last = stream[first + length * cycles - 1];
                    let cycle: Vec<&str> = stream[first..first + length].iter().map(|l| &*l.what).collect();
                    let row = Row {
                        at: stream[first].at,
                        pod: last.pod.clone(),
                        subject: last.container.to_string(),
                        what: format!("×{cycles} every {}, until {}", span(period), clock(last.at)),
                        why: cycle.join(", "),
                        tone: Tone::Fold,
                    };
                    (stream[first].seq, row)
                }
            };
            rows.push((order, row));
        }
    }
    rows.sort_by_key(|(order, _)| *order);
    rows.into_iter().map(|(_, row)| row).collect()
}

/// Where the columns are.
struct Layout {
    options: Options,
    time: usize,
    /// 0 when there is one pod only.
    pod: usize,
    subject: usize,
}

impl Layout {
    fn of(rows: &[Row], input: &Input, options: Options) -> Layout {
        let widest = |text: &dyn Fn(&Row) -> usize| rows.iter().map(text).max().unwrap_or(0);
        let several = input.pods.len() > 1;
        // Where there is room without end nothing is cut.
        let most = options.width.map_or(usize::MAX, |_| 24);
        Layout {
            options,
            time: widest(&|r| clock(r.at).chars().count()).max(8),
            pod: if several {
                widest(&|r| short_name(&r.pod).chars().count()).min(most)
            } else {
                0
            },
            subject: widest(&|r| r.subject.chars().count()).min(most),
        }
    }

    fn write(&self, text: &mut String, row: &Row) {
        let dim = self.style(Tone::Dim);
        let mut head = format!("{:>width$}  ", clock(row.at), width = self.time);
        if self.pod > 0 {
            let _ = write!(
                head,
                "{:<width$}  ",
                elide(short_name(&row.pod), self.pod),
                width = self.pod
            );
        }
        let _ = write!(
            head,
            "{:<width$}  ",
            elide(&row.subject, self.subject),
            width = self.subject
        );
        let indent = head.chars().count();
        let width = self.options.width.unwrap_or(usize::MAX);
        let room = width.saturating_sub(indent).max(LEAST_WHY);
        let tone = self.style(row.tone);
        let whats = wrap(&row.what, room);
        let _ = write!(text, "{dim}{head}{dim:#}{tone}{}{tone:#}", whats[0]);
        for line in &whats[1..] {
            let _ = write!(text, "\n{:indent$}{tone}{line}{tone:#}", "");
        }
        if row.why.is_empty() {
            text.push('\n');
            return;
        }
        // A loop is told in full: it stands for all that is not shown.
        let whole = self.options.verbose || row.tone == Tone::Fold;
        let used = whats.last().map_or(0, |line| line.chars().count());
        let column = used.max(WHAT_COLUMNS) + 2;
        if whats.len() == 1 && room >= column + row.why.chars().count().min(LEAST_WHY) {
            let why = wrap_or_elide(&row.why, room - column, whole);
            let _ = writeln!(text, "{:gap$}{dim}{}{dim:#}", "", why[0], gap = column - used);
            for line in &why[1..] {
                let _ = writeln!(text, "{:gap$}{dim}{line}{dim:#}", "", gap = indent + column);
            }
        } else {
            for line in wrap_or_elide(&row.why, room - 2, whole) {
                let _ = write!(text, "\n{:gap$}{dim}{line}{dim:#}", "", gap = indent + 2);
            }
            text.push('\n');
        }
    }

    fn style(&self, tone: Tone) -> Style {
        if !self.options.colour {
            return Style::new();
        }
        match tone {
            Tone::Plain => Style::new(),
            Tone::Dim => Style::new().dimmed(),
            Tone::Good => AnsiColor::Green.on_default(),
            Tone::Warn => AnsiColor::Yellow.on_default(),
            Tone::Bad => AnsiColor::Red.on_default(),
            Tone::Fold => AnsiColor::Cyan.on_default(),
        }
    }
}

fn wrap_or_elide(text: &str, width: usize, whole: bool) -> Vec<String> {
    if whole {
        wrap(text, width)
    } else {
        vec![elide(text, width)]
    }
}

/// What the summary says of a pod.
#[derive(Default)]
struct PodEnd {
    phase: &'static str,
    first_ready: Option<Time>,
    created: Option<Time>,
    removed: Option<Time>,
    restarts: Vec<(Name, i32)>,
}

fn summary(text: &mut String, records: &[Record]) {
    let mut pods: BTreeMap<Name, PodEnd> = BTreeMap::new();
    for record in records {
        let Some(pod) = &record.pod else { continue };
        match &record.what {
            What::Api(call) if call.op == "create" && call.object.is_none() => {
                let end = pods.entry(pod.clone()).or_default();
                *end = PodEnd {
                    phase: "Pending",
                    created: Some(record.at),
                    ..PodEnd::default()
                };
            }
            What::Api(call) if call.op == "removed" && call.object.is_none() => {
                pods.entry(pod.clone()).or_default().removed = Some(record.at)
            }
            What::Status(status) => pods.entry(pod.clone()).or_default().note(record.at, status),
            _ => {}
        }
    }
    let width = pods.keys().map(|p| short_name(p).chars().count()).max().unwrap_or(0);
    for (pod, end) in &pods {
        let ready = match (end.first_ready, end.created) {
            (Some(ready), Some(created)) => format!("ready after {}", span(ready - created)),
            _ => "never ready".to_owned(),
        };
        let restarts: Vec<String> = end
            .restarts
            .iter()
            .filter(|(_, n)| *n > 0)
            .map(|(c, n)| format!("{c} {n}"))
            .collect();
        let restarts = if restarts.is_empty() {
            "no restarts".to_owned()
        } else {
            format!("restarts: {}", restarts.join(", "))
        };
        let removed = end
            .removed
            .map_or(String::new(), |at| format!(", removed at {}", clock(at)));
        let pod = short_name(pod);
        let _ = writeln!(text, "{pod:<width$}  {}, {ready}, {restarts}{removed}", end.phase);
    }
    if let Some(Record {
        at,
        what: What::End { reason },
        ..
    }) = records.last()
    {
        let why = match reason {
            EndReason::Horizon => "the run ended at its horizon",
            EndReason::NothingLeft => "the run ended because nothing was left to happen",
        };
        let _ = writeln!(text, "simulated {}; {why}", span(*at - Time::ZERO));
    }
}

impl PodEnd {
    fn note(&mut self, at: Time, status: &PodStatus) {
        self.phase = status.phase.as_str();
        let ready = status
            .condition("Ready")
            .is_some_and(|c| c.status == ConditionStatus::True);
        if ready && self.first_ready.is_none() {
            self.first_ready = Some(at);
        }
        let statuses = status.init_container_statuses.iter().chain(&status.container_statuses);
        self.restarts = statuses.map(|c| (c.name.clone(), c.restart_count)).collect();
    }
}
