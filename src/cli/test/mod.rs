//! `podlapse test`: runs every scenario below the paths and says which expectations do not hold.

mod case;
mod human;
mod json;
mod junit;
mod stored;
mod tap;
mod versions;

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use clap::{Args, ValueEnum};
use rayon::prelude::*;

use super::exit::{Exit, Trouble};
use super::printer::{Printer, try_file};
use super::{clock, discover, fuzz, progress, version};
use crate::api::features::Version;
use crate::explore::threads;
use case::{Outcome, Status};
use stored::Review;
use versions::Run;

/// What `test` is told.
#[derive(Args)]
#[command(after_help = "\
Examples:
  podlapse test scenarios/
  podlapse test scenarios/ --report junit --report-file junit.xml      in CI
  podlapse test scenarios/ --update                                   accept the timelines as they are now
  podlapse test scenarios/ --all-versions                             do they hold in each version of Kubernetes?

What is a scenario: a file that is named; below a directory that is named, every directory with a scenario.yaml, whose \
files are one input, and in other directories every YAML or JSON file with a Scenario document, which is played alone. \
NAME.timeline.snap beside a scenario is its stored timeline, which must be the same; --update writes it. One that differs \
is left in NAME.timeline.snap.new, unless the environment has CI.

Exit status: 0 all is as expected, 1 something is not, 2 a scenario or the command line cannot be used.")]
pub(super) struct Arguments {
    /// Files, directories with scenarios directly or deeper in them, or -, standard input
    #[arg(required = true)]
    paths: Vec<PathBuf>,
    /// Write a report for machines; to standard output, in place of the words for people, unless --report-file is given
    #[arg(long, value_enum, value_name = "FORMAT")]
    report: Option<Report>,
    /// Write the report there; the file is replaced whole or not at all
    #[arg(long, value_name = "FILE", requires = "report")]
    report_file: Option<PathBuf>,
    /// Stop after the first scenario that is not as expected
    #[arg(long)]
    fail_fast: bool,
    /// Write the stored timelines of all scenarios anew
    #[arg(long)]
    update: bool,
    /// Run at most so many scenarios at once; default: one for each processor
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    jobs: Option<u16>,
    /// Which Kubernetes' kubelet and API server to be, in place of what the scenarios say. Timelines stored for another
    /// version are not held against
    #[arg(long, value_name = "VERSION", value_parser = version)]
    kubernetes_version: Option<Version>,
    /// Run each scenario as every version from 1.31 to 1.36; what is expected must hold in each. Stored timelines are
    /// held only against the scenario's own version
    #[arg(long, conflicts_with = "kubernetes_version")]
    all_versions: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Report {
    /// JUnit XML: a suite for each scenario, a case for each expectation
    Junit,
    /// One JSON object
    Json,
    /// Test Anything Protocol, version 14
    Tap,
}

/// Runs the command.
pub(super) fn run(arguments: &Arguments, printer: Printer) -> Result<Exit, Trouble> {
    let watch = clock::Watch::start();
    let cases = discover::discover(&arguments.paths, discover::Bare::Refused)?;
    let read: Vec<PathBuf> = cases.iter().flat_map(|case| case.files.clone()).collect();
    super::sources::not_read(&read, "--report-file", arguments.report_file.as_deref())?;
    arguments.report_file.as_deref().map_or(Ok(()), try_file)?;
    let review = if arguments.update {
        Review::Accept
    } else if std::env::var_os("CI").is_some_and(|value| !value.is_empty() && value != "false") {
        Review::Refuse
    } else {
        Review::Leave
    };
    let (outcomes, skipped) = play(&cases, arguments, review, printer)?;
    let all = human::All {
        outcomes: &outcomes,
        skipped,
        scenarios: cases.len(),
        warnings: !printer.is_quiet(),
    };
    let people = human::render(all, printer.colour());
    let written = match (arguments.report, &arguments.report_file) {
        (None, _) => printer.data(&people),
        (Some(report), None) => printer.data(&report.render(&outcomes)?),
        (Some(report), Some(file)) => {
            printer.data_to(Some(file), &report.render(&outcomes)?)?;
            printer.data(&people)
        }
    };
    match written {
        Ok(()) | Err(Trouble::NoReader) => {}
        Err(trouble) => return Err(trouble),
    }
    printer.remark(format_args!("took {watch}"));
    let worst = outcomes.iter().map(Outcome::status).max();
    Ok(match worst {
        None | Some(Status::Ok) => Exit::Success,
        Some(Status::Failed) => Exit::Failure,
        Some(Status::Unusable) => Exit::Unusable,
    })
}

/// Plays the cases, several at once. Gives the outcomes in the order of the cases, and how many were left out: with
/// `--fail-fast` all that come after the first that is not as expected, however many of them had been played.
fn play(
    cases: &[discover::Case],
    arguments: &Arguments,
    review: Review,
    printer: Printer,
) -> Result<(Vec<Outcome>, usize), Trouble> {
    let pool = threads::pool(fuzz::threads(arguments.jobs)).map_err(Trouble::Message)?;
    let version = arguments.kubernetes_version;
    let runs: Vec<Run<'_>> = pool.install(|| {
        let runs = |case| {
            if arguments.all_versions {
                Run::each(case)
            } else {
                vec![Run::once(case, version)]
            }
        };
        cases.par_iter().flat_map_iter(runs).collect()
    });
    let bar = progress::bar(printer, Some(runs.len() as u64));
    let first_bad = AtomicUsize::new(usize::MAX);
    let mut outcomes: Vec<Option<Outcome>> = pool.install(|| {
        runs.par_iter()
            .enumerate()
            .map(|(index, run)| {
                if arguments.fail_fast && first_bad.load(Ordering::Relaxed) < index {
                    return None;
                }
                let outcome = case::play(run, review);
                if outcome.status() != Status::Ok {
                    first_bad.fetch_min(index, Ordering::Relaxed);
                }
                bar.inc(1);
                Some(outcome)
            })
            .collect()
    });
    bar.finish_and_clear();
    if arguments.fail_fast {
        outcomes.truncate(first_bad.into_inner().saturating_add(1));
    }
    let skipped = runs.len() - outcomes.len();
    let played = outcomes.into_iter().flatten().collect();
    Ok((played, skipped))
}

impl Report {
    fn render(self, outcomes: &[Outcome]) -> Result<String, Trouble> {
        match self {
            Report::Junit => junit::render(outcomes),
            Report::Json => Ok(json::render(outcomes)),
            Report::Tap => Ok(tap::render(outcomes)),
        }
    }
}
