//! A run that has been made: its records, its timeline, and assertions about it.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::api::place::Place;
use crate::check::expectations::{Verdict, compile, judge, report};
use crate::kernel::{Duration, Time};
use crate::scenario::duration;
use crate::scenario::types::{Expectation, Input, When};
use crate::trace::Record;
use crate::views::jsonl;
use crate::views::timeline::{self, Options};

/// Columns of timelines in texts, the same on every machine.
const COLUMNS: usize = 100;

/// What happened. `Debug` is the timeline, `Serialize` the list of records.
#[derive(Clone, PartialEq)]
pub struct Run {
    input: Inputs,
    records: Vec<Record>,
}

/// The input, which says nothing when runs are compared.
#[derive(Clone)]
struct Inputs(Box<Input>);

impl PartialEq for Inputs {
    fn eq(&self, _: &Inputs) -> bool {
        true
    }
}

impl Run {
    pub(super) fn new(input: Input, records: Vec<Record>) -> Run {
        Run {
            input: Inputs(Box::new(input)),
            records,
        }
    }

    /// Everything that happened, in order; the last record says why the run ended.
    pub fn records(&self) -> &[Record] {
        &self.records
    }

    /// When the run ended.
    pub fn end(&self) -> Time {
        self.records.last().map_or(Time::ZERO, |record| record.at)
    }

    /// What a person would tell of the run, at 100 columns and without colours.
    pub fn timeline(&self) -> String {
        timeline::render(&self.records, &self.input.0, options())
    }

    pub(super) fn report(&self, verdict: &Verdict) -> String {
        report(verdict, &self.input.0, &self.records, options())
    }

    /// Whether a CEL expression holds; docs/expectations.md says what it may be.
    ///
    /// # Errors
    /// What is wrong with the expression.
    pub fn judge(&self, when: When, that: &str) -> Result<Verdict, String> {
        let mut input = (*self.input.0).clone();
        input.scenario.expect = vec![Expectation {
            when,
            that: that.into(),
            place: Place {
                file: "<expression>".into(),
                line: 1,
                column: 1,
            },
            written: None,
        }];
        let compiled = compile(&input).map_err(|problems| {
            let texts: Vec<String> = problems.iter().map(ToString::to_string).collect();
            texts.join("\n\n")
        })?;
        let mut verdicts = judge(&compiled, &input, &self.records);
        Ok(verdicts.remove(0))
    }

    /// Asserts that the expression is true at that time (`1m30s`).
    ///
    /// # Panics
    /// When it is not, with what it saw; when the expression or the time cannot be used.
    #[track_caller]
    pub fn assert_at(&self, at: &str, that: &str) {
        self.assert(When::At(Time::ZERO + span(at)), that);
    }

    /// Asserts that the expression is true at some time not later than that.
    ///
    /// # Panics
    /// When it is not, with what it saw; when the expression or the time cannot be used.
    #[track_caller]
    pub fn assert_within(&self, within: &str, that: &str) {
        self.assert(When::Within(span(within)), that);
    }

    /// Asserts that the expression is true from that time on.
    ///
    /// # Panics
    /// When it is not, with what it saw; when the expression or the time cannot be used.
    #[track_caller]
    pub fn assert_from(&self, from: &str, that: &str) {
        let from = Time::ZERO + span(from);
        self.assert(When::Always { from, to: None }, that);
    }

    /// Asserts that the expression is true at no time.
    ///
    /// # Panics
    /// When it is, with what it saw; when the expression cannot be used.
    #[track_caller]
    pub fn assert_never(&self, that: &str) {
        let from = Time::ZERO;
        self.assert(When::Never { from, to: None }, that);
    }

    #[track_caller]
    fn assert(&self, when: When, that: &str) {
        match self.judge(when, that) {
            Ok(verdict) if verdict.holds() => {}
            Ok(verdict) => panic!("{}", self.report(&verdict)),
            Err(wrong) => panic!("{wrong}"),
        }
    }
}

#[track_caller]
fn span(text: &str) -> Duration {
    duration::parse(text).unwrap_or_else(|wrong| panic!("{wrong}"))
}

fn options() -> Options {
    Options {
        width: Some(COLUMNS),
        ..Options::default()
    }
}

impl fmt::Debug for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.timeline().trim_end())
    }
}

impl fmt::Display for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.timeline())
    }
}

impl Serialize for Run {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.records.iter().map(jsonl::value))
    }
}
