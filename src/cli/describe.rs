//! `podlapse describe`: a pod at a moment of a run, as `kubectl describe` shows it.

use clap::{Args, ValueEnum};

use super::exit::{Exit, Trouble};
use super::moment::{self, Moment};
use super::printer::Printer;
use crate::views::{describe, explain, objects};

/// What `describe` is told.
#[derive(Args)]
#[command(after_help = "\
Example:
  podlapse describe pod web scenarios/crash-loop.yaml --at 90s")]
pub(super) struct Arguments {
    /// What kind of object
    #[arg(value_enum)]
    kind: Kind,
    /// Its name, or namespace/name
    name: String,
    /// Its namespace, if its name alone does not say which is meant
    #[arg(short, long)]
    namespace: Option<String>,
    #[command(flatten)]
    moment: moment::Place,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Kind {
    #[value(aliases = ["pods", "po"])]
    Pod,
}

/// Runs the command.
pub(super) fn run(arguments: &Arguments, printer: Printer) -> Result<Exit, Trouble> {
    let Kind::Pod = arguments.kind;
    let Moment { input, records, time } = arguments.moment.run(printer)?;
    let name = &moment::qualified(arguments.namespace.as_deref(), &arguments.name);
    let full_name = explain::find_pod(&input, name).ok_or_else(|| moment::no_pod(&input, name))?;
    let pods = objects::at(&records, &input, time);
    let pod = pods.iter().find(|p| *p.full_name == *full_name);
    let pod =
        pod.ok_or_else(|| Trouble::Message(format!("pods {name:?} not found: it does not exist at that time")))?;
    printer.data(&describe::render(&records, pod, time))?;
    Ok(Exit::Success)
}
