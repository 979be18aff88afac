//! `podlapse describe`: a pod at a moment of a run, as `kubectl describe` shows it.

use clap::{Args, ValueEnum};

use super::exit::{Exit, Trouble};
use super::moment::{self, Moment, Target, TargetParser};
use super::printer::Printer;
use crate::views::{describe, objects};

/// What `describe` is told.
#[derive(Args)]
#[command(after_help = "\
Examples:
  podlapse describe pod web scenarios/crash-loop.yaml --at 90s
  podlapse describe pod/web scenarios/crash-loop.yaml --at 90s

Exit status: 0 it is shown, 2 there is no such pod, or the input or the command line cannot be used.")]
#[command(override_usage = "podlapse describe [OPTIONS] pod <NAME> <FILES>...
       podlapse describe [OPTIONS] pod/<NAME> <FILES>...")]
pub(super) struct Arguments {
    /// What kind of object; its name, or namespace/name, comes next, or after a slash
    #[arg(value_parser = TargetParser::<Kind>::default())]
    kind: Target<Kind>,
    /// Its namespace, if its name alone does not say which is meant
    #[arg(short, long)]
    namespace: Option<String>,
    #[command(flatten)]
    moment: moment::Place,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Kind {
    #[default]
    #[value(aliases = ["pods", "po"])]
    Pod,
}

/// Runs the command.
pub(super) fn run(arguments: &Arguments, printer: Printer) -> Result<Exit, Trouble> {
    let Kind::Pod = arguments.kind.kind;
    let (name, Moment { input, records, time }) = arguments.moment.run_named(&arguments.kind, printer)?;
    let full_name = moment::pod(&input, arguments.namespace.as_deref(), &name)?.full_name();
    let pods = objects::at(&records, &input, time);
    let pod = pods.iter().find(|p| *p.full_name == *full_name);
    let pod = pod.ok_or_else(|| moment::not_there(&name))?;
    printer.data(&describe::render(&records, pod, time))?;
    Ok(Exit::Success)
}
