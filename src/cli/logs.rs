//! `podlapse logs`: what the containers of a run wrote.

use std::path::PathBuf;

use clap::Args;

use super::exit::{Exit, Trouble};
use super::printer::Printer;
use super::sources;
use crate::kernel::Time;
use crate::scenario::duration::parse;
use crate::scenario::load::load_as;
use crate::sim;
use crate::views::logs;

/// What `logs` is told.
#[derive(Args)]
#[command(after_help = "\
Examples:
  podlapse logs pod.yaml                      everything, each line after its time and container
  podlapse logs pod.yaml --pod web --at 90s   what kubectl logs web would show after 90 seconds
  podlapse logs pod.yaml --pod web -c app --previous")]
pub(super) struct Arguments {
    /// Files or directories with manifests and at most one Scenario; - is standard input
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Only this pod's lines, without times
    #[arg(long)]
    pod: Option<String>,
    /// Only this container's lines
    #[arg(short, long)]
    container: Option<String>,
    /// Only what was written until then, as a duration since the start
    #[arg(long, value_name = "DURATION")]
    at: Option<String>,
    /// Only the lines of the attempt before the last one
    #[arg(long)]
    previous: bool,
}

/// Runs the command.
pub(super) fn run(arguments: &Arguments, printer: Printer) -> Result<Exit, Trouble> {
    let until = match &arguments.at {
        None => Time::MAX,
        Some(text) => match parse(text) {
            Ok(span) => Time::ZERO + span,
            Err(error) => return Err(Trouble::Message(format!("--at {text}: {error}"))),
        },
    };
    let sources = sources::read(&arguments.files)?;
    let (input, warnings) = load_as(&sources, None)?;
    for warning in warnings {
        printer.input_warning(&warning);
    }
    let records = sim::run(&input);
    let options = logs::Options {
        pod: arguments.pod.clone(),
        container: arguments.container.clone(),
        until,
        previous: arguments.previous,
        prefix: arguments.pod.is_none(),
    };
    printer.data_to(None, &logs::render(&records, &options))?;
    Ok(Exit::Success)
}
