//! The report in the Test Anything Protocol, version 14: a line for each check.

use std::fmt::Write;

use super::case::Outcome;

/// The text.
pub(super) fn render(outcomes: &[Outcome]) -> String {
    let mut points: Vec<(bool, String, Option<String>)> = Vec::new();
    for outcome in outcomes {
        match &outcome.result {
            Err(error) => points.push((false, outcome.name(), Some(error.clone()))),
            Ok(checks) if checks.is_empty() => points.push((true, outcome.name(), None)),
            Ok(checks) => points.extend(checks.iter().map(|check| {
                let text = check.failure.as_ref().map(|failure| failure.text.clone());
                (text.is_none(), format!("{}: {}", outcome.name(), check.name), text)
            })),
        }
    }
    let mut text = format!("TAP version 14\n1..{}\n", points.len());
    for (index, (ok, name, details)) in points.into_iter().enumerate() {
        // A description must be one line, and what stands after # would be a directive.
        let name = name
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ")
            .replace('#', "\\#");
        let _ = writeln!(text, "{} {} - {name}", if ok { "ok" } else { "not ok" }, index + 1);
        if let Some(details) = details {
            text.push_str("  ---\n  message: |\n");
            for line in details.trim_end().lines() {
                let _ = writeln!(text, "{}{line}", if line.is_empty() { "" } else { "    " });
            }
            text.push_str("  ...\n");
        }
    }
    text
}
