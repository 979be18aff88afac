//! What `test` says to people: a line for each scenario, all about those that are not as expected, a summary.

use std::fmt::Write;

use anstyle::{AnsiColor, Style};

use super::case::{Check, Kind, Outcome, Status};
use crate::views::humane::count_of;

/// All that came of the scenarios.
#[derive(Clone, Copy)]
pub(super) struct All<'o> {
    pub(super) outcomes: &'o [Outcome],
    /// Runs that were left out.
    pub(super) skipped: usize,
    /// How many scenarios there are; each may have had several runs.
    pub(super) scenarios: usize,
    /// Warnings are shown.
    pub(super) warnings: bool,
}

/// The text, ending with the summary line.
pub(super) fn render(all: All<'_>, colour: bool) -> String {
    let mut text = String::new();
    let outcomes = all.outcomes;
    let width = outcomes.iter().map(|o| o.name().chars().count()).max().unwrap_or(0);
    for (index, outcome) in outcomes.iter().enumerate() {
        let (word, style) = match outcome.status() {
            Status::Ok => ("ok   ", AnsiColor::Green.on_default()),
            Status::Failed => ("FAIL ", AnsiColor::Red.on_default().bold()),
            Status::Unusable => ("ERROR", AnsiColor::Red.on_default().bold()),
        };
        let style = if colour { style } else { Style::new() };
        let _ = writeln!(
            text,
            "{style}{word}{style:#} {:<width$}  {}",
            outcome.name(),
            said(outcome)
        );
        // What one version warned of need not be said by each.
        let before = outcomes[..index].iter().rev().take_while(|o| o.case == outcome.case);
        let known: Vec<&String> = before.flat_map(|o| &o.warnings).collect();
        let new = outcome.warnings.iter().filter(|warning| !known.contains(warning));
        for warning in new.filter(|_| all.warnings) {
            indent(&mut text, warning);
        }
        match &outcome.result {
            Err(error) => indent(&mut text, error),
            Ok(checks) => {
                for failure in checks.iter().filter_map(|check| check.failure.as_ref()) {
                    indent(&mut text, &failure.text);
                }
            }
        }
    }
    summary(&mut text, all);
    text
}

/// What was checked of a scenario.
fn said(outcome: &Outcome) -> String {
    let Ok(checks) = &outcome.result else {
        return "cannot be used".to_owned();
    };
    if checks.iter().any(|check| check.kind == Kind::Input) {
        return "refused".to_owned();
    }
    let failed = checks.iter().filter(|check| check.failure.is_some()).count();
    let expectations = checks.iter().filter(|check| check.kind == Kind::Expectation).count();
    let mut said = Vec::new();
    if failed > 0 {
        said.push(format!("{failed} of {} failed", count_of(checks.len(), "check")));
    } else if expectations > 0 {
        said.push(count_of(expectations, "expectation"));
    }
    let timeline = checks.iter().find(|check| check.kind == Kind::Timeline);
    if let Some(Check {
        remark, failure: None, ..
    }) = timeline
    {
        said.push(remark.unwrap_or("timeline").to_owned());
    }
    if said.is_empty() {
        said.push("runs; nothing is expected of it".to_owned());
    }
    said.join(", ")
}

fn indent(text: &mut String, what: &str) {
    text.push('\n');
    for line in what.trim_end().lines() {
        let _ = writeln!(text, "{}{line}", if line.is_empty() { "" } else { "      " });
    }
    text.push('\n');
}

fn summary(text: &mut String, all: All<'_>) {
    let count = |status: Status| all.outcomes.iter().filter(|outcome| outcome.status() == status).count();
    let mut parts = vec![format!("{} ok", count(Status::Ok))];
    for (status, word) in [(Status::Failed, "failed"), (Status::Unusable, "cannot be used")] {
        if count(status) > 0 {
            parts.push(format!("{} {word}", count(status)));
        }
    }
    if all.skipped > 0 {
        parts.push(format!("{} left out", all.skipped));
    }
    let runs = all.outcomes.len() + all.skipped;
    let mut of = count_of(all.scenarios, "scenario");
    if runs != all.scenarios {
        of = format!("{} of {of}", count_of(runs, "run"));
    }
    let _ = writeln!(text, "{of}: {}", parts.join(", "));
}
