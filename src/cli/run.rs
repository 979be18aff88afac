//! `podlapse run`: plays manifests and a scenario and shows what happens.

use std::path::PathBuf;

use clap::Args;

use super::exit::{Exit, Trouble};
use super::load::Loaded;
use super::output::Output;
use super::printer::Printer;
use super::{assumptions, clock, load, sources, version};
use crate::api::features::Version;
use crate::check::expectations::{Verdict, judge, report};
use crate::explore::sweep::Sweep;
use crate::explore::vary::Vary;
use crate::scenario::types::Input;
use crate::sim;
use crate::trace::Record;
use crate::views::humane::count_of;
use crate::views::timeline;

/// What `run` is told.
#[derive(Args)]
#[command(after_help = "\
Examples:
  podlapse run pod.yaml                          a pod alone: its containers run until they are stopped
  podlapse run pod.yaml crash.yaml               manifests and the Scenario that scripts their world
  podlapse run scenarios/crash-loop.yaml -v      every status write, CRI call and event
  kubectl get pod web -o yaml | podlapse run -   what a pod of the cluster would do
  podlapse run pod.yaml -o html --output-file run.html   a page to look at in a browser
  podlapse run manifests/ -o jsonl --output-file trace.jsonl
  podlapse run drawn.yaml --run 4217             run 4217 of `podlapse sweep drawn.yaml --runs 10000`
  podlapse run web.yaml --vary Pod/web.spec.terminationGracePeriodSeconds=5,30,60 --runs 100 --run 250

Exit status: 0 all expectations hold, 1 one does not, 2 the input or the command line cannot be used.")]
pub(super) struct Arguments {
    /// Manifests and at most one Scenario: files, directories (the files directly in them) or -, standard input
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// What to print
    #[arg(short, long, value_enum, default_value_t = Output::Timeline)]
    output: Output,
    /// Write there instead of to standard output; the file is replaced whole or not at all
    #[arg(long, value_name = "FILE")]
    output_file: Option<PathBuf>,
    /// Show every CRI call, event and status write, and fold no loops
    #[arg(short, long)]
    verbose: bool,
    /// Which Kubernetes' kubelet and API server to be, in place of what the scenario says
    #[arg(long, value_name = "VERSION", value_parser = version)]
    kubernetes_version: Option<Version>,
    /// The run of this number of a sweep: its row's values, and its draws of durations; --vary and --runs as of the sweep
    #[arg(long, value_name = "N", conflicts_with = "kubernetes_version")]
    run: Option<u64>,
    /// As of the sweep whose run it is
    #[arg(long, value_name = "PATH=VALUES", value_parser = Vary::parse, requires = "run")]
    vary: Vec<Vary>,
    /// As of the sweep whose run it is; without --vary it may be left out
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..), requires = "run")]
    runs: Option<u64>,
}

/// Runs the command.
pub(super) fn run(arguments: &Arguments, printer: Printer) -> Result<Exit, Trouble> {
    let watch = clock::Watch::start();
    sources::not_read(&arguments.files, "--output-file", arguments.output_file.as_deref())?;
    let (input, expectations) = match arguments.run {
        None => load::load(&arguments.files, arguments.kubernetes_version, printer)?,
        Some(run) => of_sweep(arguments, run, printer)?,
    };
    let records = sim::run(&input);
    for line in assumptions::lines(&input, &records) {
        printer.warning(line);
    }
    let verdicts = judge(&expectations, &input, &records);
    let to_file = arguments.output_file.is_some();
    let options = timeline::Options {
        verbose: arguments.verbose,
        width: printer.width().filter(|_| !to_file),
        colour: printer.colour() && !to_file,
    };
    let text = arguments.output.render(&records, &input, options);
    let written = printer.data_to(arguments.output_file.as_deref(), &text);
    let is_read = !matches!(written, Err(Trouble::NoReader));
    if is_read {
        written?;
    }
    // Whether the expectations hold is told, whoever reads the rest.
    let exit = tell(&verdicts, &input, &records, printer);
    if arguments.output == Output::Timeline && is_read {
        printer.remark(format_args!("took {watch}"));
    }
    Ok(exit)
}

/// The input of a sweep's run, and its expectations.
fn of_sweep(arguments: &Arguments, run: u64, printer: Printer) -> Result<Loaded, Trouble> {
    let sources = sources::read(&arguments.files)?;
    let ((input, _), warnings) = load::decode(&sources, None, printer.colour_errors())?;
    for warning in warnings {
        printer.input_warning(&warning);
    }
    // Without a grid a run is what it draws, however many there are.
    let draws = arguments
        .runs
        .unwrap_or(if arguments.vary.is_empty() { u64::MAX } else { 1 });
    let sweep = Sweep::new(&sources, &input, arguments.vary.clone(), draws)?;
    Ok(sweep.run(run)?)
}

fn tell(verdicts: &[Verdict], input: &Input, records: &[Record], printer: Printer) -> Exit {
    let options = timeline::Options {
        verbose: false,
        width: printer.width(),
        colour: printer.colour_errors(),
    };
    for verdict in verdicts.iter().filter(|verdict| !verdict.holds()) {
        let report = report(verdict, input, records, options);
        printer.error(format_args!("an expectation does not hold\n{report}"));
    }
    let failed = verdicts.iter().filter(|verdict| !verdict.holds()).count();
    match (verdicts.len(), failed) {
        (0, _) => Exit::Success,
        (count, 0) => {
            printer.remark(format_args!(
                "{} {}",
                count_of(count, "expectation"),
                if count == 1 { "holds" } else { "hold" }
            ));
            Exit::Success
        }
        (count, failed) => {
            printer.remark(format_args!(
                "{failed} of {} not hold",
                if count == 1 {
                    "1 expectation does".to_owned()
                } else {
                    format!("{count} expectations do")
                }
            ));
            Exit::Failure
        }
    }
}
