//! `podlapse explain`: why a pod is as it is at a moment of a run.

use clap::Args;

use super::exit::{Exit, Trouble};
use super::moment::{self, Moment};
use super::printer::Printer;
use crate::scenario::named;
use crate::scenario::types::PodInput;
use crate::views::explain;

/// What `explain` is told.
#[derive(Args)]
#[command(after_help = "\
Examples:
  podlapse explain scenarios/crash-loop.yaml --at 2m
  podlapse explain web scenarios/crash-loop.yaml --at 2m     the pod's name first, as kubectl takes it; or pod/web

Exit status: 0 it is shown, 2 there is no such pod, or the input or the command line cannot be used.")]
#[command(override_usage = "podlapse explain [OPTIONS] [NAME] <FILES>...")]
pub(super) struct Arguments {
    #[command(flatten)]
    moment: moment::Place,
    /// The pod, as name or namespace/name; not needed when there is only one
    #[arg(long, value_name = "NAME")]
    pod: Option<String>,
    /// The pod's namespace, if its name alone does not say which is meant
    #[arg(short, long)]
    namespace: Option<String>,
}

/// Runs the command.
pub(super) fn run(arguments: &Arguments, printer: Printer) -> Result<Exit, Trouble> {
    let (name, Moment { input, records, time }) =
        arguments
            .moment
            .run_of(Some("podlapse explain"), arguments.pod.as_deref(), printer)?;
    let namespace = arguments.namespace.as_deref();
    let full_name = match (&name, &*input.pods) {
        (Some(name), _) => moment::pod(&input, namespace, name)?.full_name(),
        (None, all) => {
            let here = |pod: &&PodInput| namespace.is_none_or(|namespace| *pod.pod.namespace == *namespace);
            let candidates: Vec<&PodInput> = all.iter().filter(here).collect();
            match candidates[..] {
                [only] => only.pod.full_name(),
                [] => {
                    let namespace = namespace.unwrap_or_default();
                    return Err(Trouble::Message(format!("no pod is in namespace {namespace:?}")));
                }
                _ => {
                    let pods = all.iter().map(|p| (&*p.pod.namespace, &*p.pod.name));
                    let names = named::all_like(pods, "").into_iter().zip(all);
                    let names: Vec<String> = names.filter(|(_, p)| here(p)).map(|(name, _)| name).collect();
                    let names = named::few(&names);
                    return Err(Trouble::Message(format!("which pod? say --pod with one of {names}")));
                }
            }
        }
    };
    printer.data(&explain::render(&records, &input, &full_name, time, printer.width()))?;
    Ok(Exit::Success)
}
