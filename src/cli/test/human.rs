//! What `test` says to people: a line for each scenario, all about those that are not as expected, a summary.

use std::fmt::Write;

use anstyle::{AnsiColor, Style};

use super::case::{Check, Outcome, Status};
use crate::cli::run::count_of;

/// The text, ending with the summary line.
pub(super) fn render(outcomes: &[Outcome], skipped: usize, colour: bool) -> String {
    let mut text = String::new();
    let width = outcomes.iter().map(|o| o.name.chars().count()).max().unwrap_or(0);
    for outcome in outcomes {
        let (word, style) = match outcome.status() {
            Status::Ok => ("ok   ", AnsiColor::Green.on_default()),
            Status::Failed => ("FAIL ", AnsiColor::Red.on_default().bold()),
            Status::Unusable => ("ERROR", AnsiColor::Red.on_default().bold()),
        };
        let style = if colour { style } else { Style::new() };
        let _ = writeln!(
            text,
            "{style}{word}{style:#} {:<width$}  {}",
            outcome.name,
            said(outcome)
        );
        for warning in &outcome.warnings {
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
    summary(&mut text, outcomes, skipped);
    text
}

/// What was checked of a scenario.
fn said(outcome: &Outcome) -> String {
    let Ok(checks) = &outcome.result else {
        return "cannot be used".to_owned();
    };
    let failed = checks.iter().filter(|check| check.failure.is_some()).count();
    let expectations = checks.iter().filter(|check| check.place.is_some()).count();
    let mut said = Vec::new();
    if failed > 0 {
        said.push(format!("{failed} of {} failed", count_of(checks.len(), "check")));
    } else if expectations > 0 {
        said.push(count_of(expectations, "expectation"));
    }
    let timeline = checks.iter().find(|check| check.place.is_none());
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

fn summary(text: &mut String, outcomes: &[Outcome], skipped: usize) {
    let count = |status: Status| outcomes.iter().filter(|outcome| outcome.status() == status).count();
    let mut parts = vec![format!("{} ok", count(Status::Ok))];
    for (status, word) in [(Status::Failed, "failed"), (Status::Unusable, "cannot be used")] {
        if count(status) > 0 {
            parts.push(format!("{} {word}", count(status)));
        }
    }
    if skipped > 0 {
        parts.push(format!("{skipped} left out"));
    }
    let scenarios = count_of(outcomes.len() + skipped, "scenario");
    let _ = writeln!(text, "{scenarios}: {}", parts.join(", "));
}
