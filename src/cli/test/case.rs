//! Plays one scenario and gives what came of it, in words and for machines.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::stored::{self, Review};
use super::versions::Run;
use crate::api::features::Version;
use crate::api::place::Place;
use crate::check::expectations::{Verdict, describe, judge, report};
use crate::cli::exit::Trouble;
use crate::cli::load;
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
    pub(super) case: String,
    /// The version that it was run as, when it is run as every one.
    pub(super) version: Option<Version>,
    pub(super) warnings: Vec<String>,
    pub(super) result: Result<Vec<Check>, String>,
}

/// What is to hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Expectation,
    /// That the timeline is the stored one.
    Timeline,
    /// That the version takes the input.
    Input,
}

/// Something that was to hold.
#[derive(Clone, Debug)]
pub(super) struct Check {
    /// `never: pod('web')…`, or `timeline`
    pub(super) name: String,
    pub(super) kind: Kind,
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
    /// The scenario's file or directory, and the version when it is run as every one.
    pub(super) fn name(&self) -> String {
        match self.version {
            Some(version) => format!("{} ({version})", self.case),
            None => self.case.clone(),
        }
    }

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
pub(super) fn play(run: &Run<'_>, review: Review) -> Outcome {
    let mut warnings = Vec::new();
    let played = catch_unwind(AssertUnwindSafe(|| checks(run, review, &mut warnings)));
    let result = played.unwrap_or_else(|_| Err("error: podlapse itself is broken here; please report it".to_owned()));
    Outcome {
        case: run.case.name.clone(),
        version: run.how.version(),
        warnings,
        result,
    }
}

fn checks(run: &Run<'_>, review: Review, warnings: &mut Vec<String>) -> Result<Vec<Check>, String> {
    let texts = run.texts.as_ref().as_ref().map_err(|error| format!("error: {error}"))?;
    let (version, is_stored) = run.how.place(texts);
    let ((input, expectations), found) = match load::decode(texts, version, false) {
        Ok(loaded) => loaded,
        Err(Trouble::Input(errors)) => {
            return run
                .how
                .refused(&errors)
                .map_or_else(|| Err(errors.render(false)), |check| Ok(vec![check]));
        }
        Err(Trouble::Message(message)) => return Err(format!("error: {message}")),
        Err(Trouble::Rendered(messages)) => return Err(messages),
        Err(Trouble::NoReader) => return Err("error: cannot be read".to_owned()),
    };
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
    if is_stored {
        let timeline = timeline::render(&records, &input, options);
        checks.extend(stored::check(run.case, &timeline, review)?);
    } else if review == Review::Accept && run.case.stored.is_some() && run.how.version().is_none() {
        warnings.push(
            "warning: it is not run as the version that it is written for, of which its stored timeline tells: \
             --update leaves that as it is\n"
                .to_owned(),
        );
    }
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
        kind: Kind::Expectation,
        place: Some(verdict.expectation.place.clone()),
        failure,
        remark: None,
    }
}
