//! Plays one scenario and gives what came of it, in words and for machines.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::discover::Case;
use super::stored::{self, Review};
use crate::api::features::Version;
use crate::api::place::Place;
use crate::check::expectations::{Verdict, describe, judge, report};
use crate::cli::exit::Trouble;
use crate::cli::{load, sources};
use crate::kernel::Time;
use crate::sim;
use crate::views::timeline;

/// How a scenario ended; worse is greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Status {
    Ok,
    Failed,
    Unusable,
}

/// What came of a scenario.
#[derive(Clone, Debug)]
pub(super) struct Outcome {
    /// The scenario's file or directory.
    pub(super) name: String,
    pub(super) warnings: Vec<String>,
    pub(super) result: Result<Vec<Check>, String>,
}

/// Something that was to hold.
#[derive(Clone, Debug)]
pub(super) struct Check {
    /// `never: pod('web')…`, or `timeline`
    pub(super) name: String,
    /// Where it stands.
    pub(super) place: Option<Place>,
    pub(super) failure: Option<CheckFailure>,
    /// What was done that a person should know, though nothing failed.
    pub(super) remark: Option<&'static str>,
}

/// Why a check failed.
#[derive(Clone, Debug)]
pub(super) struct CheckFailure {
    /// One line.
    pub(super) summary: String,
    /// When, for expectations.
    pub(super) at: Option<Time>,
    /// Parts of the expression and their values.
    pub(super) saw: Vec<(String, String)>,
    /// All that is to be said, over several lines.
    pub(super) text: String,
}

impl Outcome {
    pub(super) fn status(&self) -> Status {
        match &self.result {
            Err(_) => Status::Unusable,
            Ok(checks) if checks.iter().any(|check| check.failure.is_some()) => Status::Failed,
            Ok(_) => Status::Ok,
        }
    }
}

/// Columns of stored and reported timelines, the same on every machine.
const COLUMNS: usize = 100;

/// Plays the case. A fault of the simulator's own is told as one, and the other cases go on.
pub(super) fn play(case: &Case, version: Option<Version>, review: Review) -> Outcome {
    let mut warnings = Vec::new();
    let played = catch_unwind(AssertUnwindSafe(|| checks(case, version, review, &mut warnings)));
    let result = played.unwrap_or_else(|_| Err("error: podlapse itself is broken here; please report it".to_owned()));
    Outcome {
        name: case.name.clone(),
        warnings,
        result,
    }
}

fn checks(
    case: &Case,
    version: Option<Version>,
    review: Review,
    warnings: &mut Vec<String>,
) -> Result<Vec<Check>, String> {
    let texts = sources::read(&case.files).map_err(|error| format!("error: {error}"))?;
    let ((input, expectations), found) = load::decode(&texts, version, false).map_err(|trouble| match trouble {
        Trouble::Message(message) => format!("error: {message}"),
        Trouble::Input(diagnostics) => diagnostics.render(false),
        Trouble::Rendered(messages) => messages,
        Trouble::NoReader => "error: cannot be read".to_owned(),
    })?;
    *warnings = found.iter().map(|warning| warning.render(false)).collect();
    let records = sim::run(&input);
    let options = timeline::Options {
        width: Some(COLUMNS),
        ..timeline::Options::default()
    };
    let verdicts = judge(&expectations, &input, &records);
    let mut checks: Vec<Check> = verdicts
        .iter()
        .map(|verdict| check(verdict, || report(verdict, &input, &records, options)))
        .collect();
    let timeline = timeline::render(&records, &input, options);
    checks.extend(stored::check(case, &timeline, review)?);
    Ok(checks)
}

fn check(verdict: &Verdict, text: impl FnOnce() -> String) -> Check {
    let failure = verdict.failure.as_ref().map(|failure| CheckFailure {
        summary: failure.why.clone(),
        at: Some(failure.at),
        saw: failure
            .saw
            .iter()
            .map(|seen| (seen.expression.clone(), seen.value.clone()))
            .collect(),
        text: text(),
    });
    Check {
        name: describe(&verdict.expectation),
        place: Some(verdict.expectation.place.clone()),
        failure,
        remark: None,
    }
}
