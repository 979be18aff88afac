//! A failing expectation in words: the expression, what it saw, when, and the timeline around it.

use std::fmt::Write;

use super::judge::{Failure, Verdict};
use crate::scenario::types::{Expectation, Input, When};
use crate::trace::Record;
use crate::views::humane::clock;
use crate::views::timeline::{self, Options};

/// Rows of the timeline shown before and after.
const ROWS_BEFORE: usize = 5;
const ROWS_AFTER: usize = 2;

/// When and what, as in the scenario: `never: pod('web').…`.
pub fn describe(expectation: &Expectation) -> String {
    let that = &expectation.that;
    let between = |from: crate::kernel::Time, to: Option<crate::kernel::Time>, word: &str| {
        let mut text = String::new();
        if from > crate::kernel::Time::ZERO {
            let _ = write!(text, "from {} ", clock(from));
        }
        if let Some(to) = to {
            let _ = write!(text, "to {} ", clock(to));
        }
        format!("{text}{word}: {that}")
    };
    match expectation.when {
        When::At(at) => format!("at {}: {that}", clock(at)),
        When::Within(span) => format!("within {span}: {that}"),
        When::Always { from, to } => between(from, to, "always"),
        When::Never { from, to } => between(from, to, "never"),
    }
}

/// What a failing expectation has to say; ends with a newline.
pub fn report(verdict: &Verdict, input: &Input, records: &[Record], options: Options) -> String {
    let Some(Failure { at, why, saw, .. }) = &verdict.failure else {
        return String::new();
    };
    let mut text = String::new();
    let _ = writeln!(text, "{}", describe(&verdict.expectation));
    let _ = writeln!(text, "  --> {}", verdict.expectation.place);
    let _ = writeln!(text, "  {why}");
    let width = saw
        .iter()
        .map(|s| s.expression.chars().count())
        .max()
        .unwrap_or(0)
        .min(60);
    for seen in saw {
        let _ = writeln!(text, "    {:<width$}  {}", seen.expression, seen.value);
    }
    let around = timeline::around(records, input, *at, ROWS_BEFORE, ROWS_AFTER, options);
    if !around.is_empty() {
        text.push('\n');
        for line in around.lines() {
            let _ = writeln!(text, "  {line}");
        }
    }
    text
}
