//! `podlapse run`: plays manifests and a scenario and shows what happens.

use std::fmt::Write;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::exit::{Exit, Trouble};
use super::printer::Printer;
use super::{clock, sources, version};
use crate::api::features::Version;
use crate::scenario::load::load_as;
use crate::scenario::types::Input;
use crate::trace::Record;
use crate::{sim, views};

/// What `run` is told.
#[derive(Args)]
#[command(after_help = "\
Examples:
  podlapse run pod.yaml                          a pod alone: its containers run until they are stopped
  podlapse run pod.yaml crash.yaml               manifests and the Scenario that scripts their world
  podlapse run scenarios/crash-loop.yaml -v      every status write, CRI call and event
  kubectl get pod web -o yaml | podlapse run -   what a pod of the cluster would do
  podlapse run manifests/ -o jsonl --output-file trace.jsonl

Exit status: 0 all expectations hold, 1 one does not, 2 the input or the command line cannot be used.")]
pub(super) struct Arguments {
    /// Files or directories with manifests and at most one Scenario; - is standard input
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// What to print
    #[arg(short, long, value_enum, default_value_t = Format::Timeline)]
    output: Format,
    /// Write there instead of to standard output; the file is replaced whole or not at all
    #[arg(long, value_name = "FILE")]
    output_file: Option<PathBuf>,
    /// Show every CRI call, event and status write
    #[arg(short, long)]
    verbose: bool,
    /// Which Kubernetes' kubelet and API server to be, in place of what the scenario says
    #[arg(long, value_name = "VERSION", value_parser = version)]
    kubernetes_version: Option<Version>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// One line for each thing that a person would mention
    Timeline,
    /// Every record as a JSON object
    Jsonl,
}

/// Runs the command.
pub(super) fn run(arguments: &Arguments, printer: Printer) -> Result<Exit, Trouble> {
    let watch = clock::Watch::start();
    let sources = sources::read(&arguments.files)?;
    let (input, warnings) = load_as(&sources, arguments.kubernetes_version)?;
    for warning in warnings {
        printer.warning(warning);
    }
    let records = sim::run(&input);
    let text = show(&records, &input, arguments, printer);
    printer.data_to(arguments.output_file.as_deref(), &text)?;
    if arguments.output == Format::Timeline {
        printer.remark(format_args!("took {watch}"));
    }
    Ok(Exit::Success)
}

fn show(records: &[Record], input: &Input, arguments: &Arguments, printer: Printer) -> String {
    let to_file = arguments.output_file.is_some();
    match arguments.output {
        Format::Timeline => {
            let options = views::timeline::Options {
                verbose: arguments.verbose,
                width: printer.width().filter(|_| !to_file),
                colour: printer.colour() && !to_file,
            };
            views::timeline::render(records, input, options)
        }
        Format::Jsonl => records.iter().fold(String::new(), |mut text, record| {
            let _ = writeln!(text, "{}", views::jsonl::line(record));
            text
        }),
    }
}
