//! Comparisons as text: a line for each scenario, then both timelines side by side where they differ.

use std::collections::BTreeMap;
use std::fmt::Write;

use anstyle::{AnsiColor, Style};

use super::{Comparison, Difference, Fact, Moment, Outcome, Row, Stretch};
use crate::api::diagnostic::Diagnostics;
use crate::api::pod::Name;
use crate::views::humane::{clock, elide, short_name, wrap};

/// How to show it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Every row of a long stretch.
    pub verbose: bool,
    /// Columns to keep to; None: 120.
    pub width: Option<usize>,
    /// Whether to colour with ANSI escapes.
    pub colour: bool,
}

const DEFAULT_WIDTH: usize = 120;
/// Fewer columns than these for a side show nothing.
const LEAST_SIDE: usize = 24;
/// Of a stretch that is longer than this …
const LONG_STRETCH: usize = 14;
/// … so many rows of each cause are shown, and the last one.
const SHOWN_OF_CAUSE: usize = 4;
/// What a side shows that has nothing there.
const NOTHING: &str = "–";

/// The scenario in one line: same or not, and the first difference.
pub fn summary(comparison: &Comparison, name_columns: usize, options: Options) -> String {
    let paint = Paint(options.colour);
    let name = format!("{:<name_columns$}", comparison.name);
    match &comparison.outcome {
        Outcome::Same => format!("{name}  {}", paint.good("same")),
        Outcome::Refused { side, errors } => {
            let who = &comparison.labels[*side];
            format!(
                "{name}  {}  refused by {who}: {}",
                paint.bad("differs"),
                first_error(errors)
            )
        }
        Outcome::Unusable([errors, _]) => {
            format!("{name}  {}  {}", paint.bad("cannot be used"), first_error(errors))
        }
        Outcome::Differs(difference) => {
            let first = first_difference(difference, &comparison.labels);
            format!("{name}  {}  {first}", paint.bad("differs"))
        }
    }
}

fn first_error(errors: &Diagnostics) -> &str {
    errors.0.first().map_or("", |error| &error.message)
}

fn first_difference(difference: &Difference, labels: &[String; 2]) -> String {
    let rows = || difference.stretches.iter().flat_map(|stretch| &stretch.rows);
    let told = |row: &&Row| row.sides.iter().flatten().any(|moment| moment.on_timeline);
    let Some(row) = rows().filter(|row| !row.is_same()).find(told).or(rows().next()) else {
        return "in texts and fields only".to_owned();
    };
    let [from, to] = labels;
    match &row.sides {
        [Some(old), Some(new)] => {
            let (at, before, after) = (clock(row.at()), clock(old.at), clock(new.at));
            if before != after {
                return format!("first at {at}: {} at {after} in {to}, {before} in {from}", words(new));
            }
            let full = |moment: &Moment| match moment.why.as_str() {
                "" => words(moment),
                why => format!("{}: {why}", words(moment)),
            };
            format!("first at {at}: {} in {to}, {} in {from}", full(new), full(old))
        }
        [Some(old), None] => format!("first at {}: {} in {from} only", clock(old.at), words(old)),
        [None, Some(new)] => format!("first at {}: {} in {to} only", clock(new.at), words(new)),
        [None, None] => String::new(),
    }
}

fn words(moment: &Moment) -> String {
    if moment.container.is_empty() {
        moment.what.clone()
    } else {
        format!("{} {}", moment.container, moment.what)
    }
}

/// Everything that differs in the scenario, or why it is refused; empty when nothing differs.
pub fn render(comparison: &Comparison, options: Options) -> String {
    let difference = match &comparison.outcome {
        Outcome::Same => return String::new(),
        Outcome::Refused { side, errors } => return refusal(&comparison.labels[*side], errors, options),
        // Two versions mostly have one thing to say.
        Outcome::Unusable([old, new]) if old == new => return indented(&old.render(options.colour)),
        Outcome::Unusable(errors) => {
            let sides = comparison.labels.iter().zip(errors);
            let refusals: Vec<String> = sides.map(|(label, errors)| refusal(label, errors, options)).collect();
            return refusals.join("\n");
        }
        Outcome::Differs(difference) => difference,
    };
    let page = Page::of(comparison, difference, options);
    let mut text = String::new();
    for (index, stretch) in difference.stretches.iter().enumerate() {
        if index > 0 {
            text.push('\n');
        } else {
            page.heading(&mut text);
        }
        page.stretch(&mut text, stretch);
    }
    if !difference.facts.is_empty() {
        if !text.is_empty() {
            text.push('\n');
        }
        page.facts(&mut text, &difference.facts);
    }
    for index in 0..difference.causes.len() {
        text.push('\n');
        page.cause(&mut text, index);
    }
    text
}

fn refusal(label: &str, errors: &Diagnostics, options: Options) -> String {
    format!("  refused by {label}\n\n{}", indented(&errors.render(options.colour)))
}

fn indented(text: &str) -> String {
    let line = |line: &str| format!("{}{line}\n", if line.is_empty() { "" } else { "  " });
    text.lines().map(line).collect()
}

/// Where the columns are.
struct Page<'a> {
    labels: &'a [String; 2],
    difference: &'a Difference,
    paint: Paint,
    verbose: bool,
    width: usize,
    side: usize,
    time: usize,
    pod: usize,
    subject: usize,
}

impl<'a> Page<'a> {
    fn of(comparison: &'a Comparison, difference: &'a Difference, options: Options) -> Page<'a> {
        let width = options.width.unwrap_or(DEFAULT_WIDTH);
        let rows = || difference.stretches.iter().flat_map(|stretch| &stretch.rows);
        let moments = || rows().flat_map(|row| row.sides.iter().flatten());
        let widest = |text: &dyn Fn(&Moment) -> usize| moments().map(text).max().unwrap_or(0);
        let first: Option<&Name> = moments().map(|m| &m.pod).find(|pod| !pod.is_empty());
        let several = moments().any(|m| !m.pod.is_empty() && Some(&m.pod) != first);
        let marks = if difference.causes.is_empty() { 0 } else { 8 };
        Page {
            labels: &comparison.labels,
            difference,
            paint: Paint(options.colour),
            verbose: options.verbose,
            width,
            side: (width.saturating_sub(5 + marks) / 2).max(LEAST_SIDE),
            time: widest(&|m| clock(m.at).chars().count()).max(6),
            pod: if several {
                widest(&|m| short_name(&m.pod).chars().count()).min(12)
            } else {
                0
            },
            subject: widest(&|m| subject(m).chars().count()).min(12),
        }
    }

    fn heading(&self, text: &mut String) {
        let [from, to] = self.labels.each_ref().map(|label| {
            let label = elide(label, self.side - self.time - 2);
            format!("{:>time$}  {label}", "", time = self.time)
        });
        let line = format!("  {from:<side$}   {to}", side = self.side);
        let _ = writeln!(text, "{}", self.paint.dim(line.trim_end()));
    }

    fn stretch(&self, text: &mut String, stretch: &Stretch) {
        let rows = &stretch.rows;
        let mut left_out = 0;
        for (row, shown) in rows.iter().zip(self.shown(rows)) {
            if !shown {
                left_out += 1;
                continue;
            }
            self.left_out(text, std::mem::take(&mut left_out));
            self.row(text, row);
        }
    }

    /// Which rows of a stretch are shown: of a long one the first few of each cause, and the last.
    fn shown(&self, rows: &[Row]) -> Vec<bool> {
        let mut met: BTreeMap<&[usize], usize> = BTreeMap::new();
        let mut shown = Vec::new();
        for row in rows {
            let of_cause = met.entry(&row.causes).or_default();
            *of_cause += usize::from(!row.is_same());
            shown.push(!row.is_same() && *of_cause <= SHOWN_OF_CAUSE);
        }
        if self.verbose || rows.len() <= LONG_STRETCH {
            return vec![true; rows.len()];
        }
        if let Some(last) = shown.last_mut() {
            *last = true;
        }
        // A single row is worth as much as the line that would stand for it.
        for ix in 1..shown.len().saturating_sub(1) {
            shown[ix] |= shown[ix - 1] && shown[ix + 1];
        }
        shown
    }

    fn left_out(&self, text: &mut String, rows: usize) {
        if rows > 0 {
            let line = format!("  {:>time$}  {rows} more rows; -v shows them", "…", time = self.time);
            let _ = writeln!(text, "{}", self.paint.dim(&line));
        }
    }

    fn row(&self, text: &mut String, row: &Row) {
        let same = row.is_same();
        let [from, to] = [0, 1].map(|side| {
            let padded = format!("{:<side$}", self.moment(row, side), side = self.side);
            if same { self.paint.dim(&padded) } else { padded }
        });
        let between = if same { " " } else { "|" };
        let line = format!("  {from} {between} {to} {}", self.marks(&row.causes));
        let _ = writeln!(text, "{}", line.trim_end());
    }

    /// One side of a row. What is behind the words is shown when it makes the difference.
    fn moment(&self, row: &Row, side: usize) -> String {
        let Some(moment) = &row.sides[side] else {
            return format!("{NOTHING:>time$}", time = self.time);
        };
        let mut line = format!("{:>time$}  ", clock(moment.at), time = self.time);
        if self.pod > 0 {
            let _ = write!(
                line,
                "{:<pod$} ",
                elide(short_name(&moment.pod), self.pod),
                pod = self.pod
            );
        }
        if self.subject > 0 {
            let _ = write!(
                line,
                "{:<width$} ",
                elide(&subject(moment), self.subject),
                width = self.subject
            );
        }
        line.push_str(&moment.what);
        let other = &row.sides[1 - side];
        if other.as_ref().is_none_or(|other| other.why != moment.why) && !moment.why.is_empty() {
            let _ = write!(line, ": {}", moment.why);
        }
        elide(&line, self.side)
    }

    fn marks(&self, causes: &[usize]) -> String {
        if causes.is_empty() {
            return String::new();
        }
        let numbers: Vec<String> = causes.iter().map(|ix| (ix + 1).to_string()).collect();
        format!("[{}]", numbers.join(" "))
    }

    fn facts(&self, text: &mut String, facts: &[Fact]) {
        for fact in facts {
            let head = format!("  {}  {}", fact.about, self.marks(&fact.causes));
            let _ = writeln!(text, "{}", head.trim_end());
            for (label, side) in self.labels.iter().zip(&fact.sides) {
                let label = elide(label, 20);
                let side = side.as_deref().unwrap_or(NOTHING);
                let room = self.width.saturating_sub(6 + label.chars().count()).max(LEAST_SIDE);
                let _ = writeln!(text, "    {}  {}", self.paint.dim(&label), elide(side, room));
            }
        }
    }

    fn cause(&self, text: &mut String, index: usize) {
        let (switch, on) = (self.difference.causes[index], self.difference.turned_on[index]);
        let [from, to] = self.labels;
        let mark = format!("[{}]", index + 1);
        let sentence = format!(
            "In {to} {}; in {from} {}.",
            switch.says(on).trim_end_matches('.'),
            switch.says(!on)
        );
        let gate = switch.gate.map_or(String::new(), |gate| format!("; gate {gate}"));
        let source = format!("{} ({}{gate})", switch.upstream, switch.name);
        let room = self.width.saturating_sub(8).max(LEAST_SIDE);
        let mut lines = wrap(&sentence, room).into_iter();
        let _ = writeln!(text, "  {mark:<5} {}", lines.next().unwrap_or_default());
        for line in lines {
            let _ = writeln!(text, "        {line}");
        }
        for line in wrap(&source, room) {
            let _ = writeln!(text, "        {}", self.paint.dim(&line));
        }
    }
}

fn subject(moment: &Moment) -> String {
    let attempt = moment.attempt.map_or(String::new(), |n| format!("#{n}"));
    format!("{}{attempt}", moment.container)
}

/// Colours, or none.
#[derive(Clone, Copy)]
struct Paint(bool);

impl Paint {
    fn with(self, style: Style, text: &str) -> String {
        if self.0 {
            format!("{style}{text}{style:#}")
        } else {
            text.to_owned()
        }
    }

    fn dim(self, text: &str) -> String {
        self.with(Style::new().dimmed(), text)
    }

    fn good(self, text: &str) -> String {
        self.with(AnsiColor::Green.on_default(), text)
    }

    fn bad(self, text: &str) -> String {
        self.with(AnsiColor::Yellow.on_default(), text)
    }
}
