//! `podlapse explain`: why a pod is as it is at a moment of a run.

use clap::Args;

use super::exit::{Exit, Trouble};
use super::moment::{self, Moment};
use super::printer::Printer;
use crate::views::explain;

/// What `explain` is told.
#[derive(Args)]
#[command(after_help = "\
Example:
  podlapse explain scenarios/crash-loop.yaml --pod web --at 2m

Exit status: 0 it is shown, 2 there is no such pod, or the input or the command line cannot be used.")]
pub(super) struct Arguments {
    #[command(flatten)]
    moment: moment::Place,
    /// The pod, as name or namespace/name; not needed when there is only one
    #[arg(long, value_name = "NAME")]
    pod: Option<String>,
}

/// Runs the command.
pub(super) fn run(arguments: &Arguments, printer: Printer) -> Result<Exit, Trouble> {
    let Moment { input, records, time } = arguments.moment.run(printer)?;
    let full_name = match (&arguments.pod, &*input.pods) {
        (Some(name), _) => explain::find_pod(&input, name).ok_or_else(|| moment::no_pod(&input, name))?,
        (None, [only]) => only.pod.full_name(),
        (None, several) => {
            let names: Vec<&str> = several.iter().map(|p| &*p.pod.name).collect();
            let names = names.join(", ");
            return Err(Trouble::Message(format!("which pod? say --pod with one of {names}")));
        }
    };
    printer.data(&explain::render(&records, &input, &full_name, time, printer.width()))?;
    Ok(Exit::Success)
}
