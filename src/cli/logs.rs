//! `podlapse logs`: what the containers of a run wrote.

use std::path::PathBuf;

use clap::Args;

use super::exit::{Exit, Trouble};
use super::printer::Printer;
use super::{moment, sources};
use crate::api::pod::Name;
use crate::kernel::{Duration, Time};
use crate::scenario::load::load_as;
use crate::scenario::types::Input;
use crate::sim;
use crate::views::logs::{self, Attempts};
use crate::views::{explain, objects};

/// What `logs` is told.
#[derive(Args)]
#[command(after_help = "\
Examples:
  podlapse logs pod.yaml                      everything, each line after its time and container
  podlapse logs pod.yaml --pod web --at 90s   what kubectl logs web would show after 90 seconds
  podlapse logs web pod.yaml -c app --previous     the pod's name first, as kubectl takes it; or pod/web

Exit status: 0 it is shown, 2 there is no such pod, or the input or the command line cannot be used.")]
#[command(override_usage = "podlapse logs [OPTIONS] [NAME] <FILES>...")]
pub(super) struct Arguments {
    /// Manifests and at most one Scenario: files, directories (the files directly in them) or -, standard input
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Only the lines of this pod's last attempt, without times, as kubectl shows them
    #[arg(long)]
    pod: Option<String>,
    /// The pod's namespace, if its name alone does not say which is meant
    #[arg(short, long)]
    namespace: Option<String>,
    /// Only this container's lines; of a pod that is named the first container is the default
    #[arg(short, long)]
    container: Option<String>,
    /// Only what was written until then, as a duration since the start
    #[arg(long, value_name = "TIME", value_parser = moment::since_start, allow_hyphen_values = true)]
    at: Option<Duration>,
    /// The lines of the attempt before the last one
    #[arg(long)]
    previous: bool,
}

/// Runs the command.
pub(super) fn run(arguments: &Arguments, printer: Printer) -> Result<Exit, Trouble> {
    let until = arguments.at.map_or(Time::MAX, |span| Time::ZERO + span);
    let (name, files) = moment::name_first(&arguments.files);
    if name.is_some() && arguments.pod.is_some() {
        return Err(Trouble::Message(
            "the pod is named twice: before the files and with --pod".to_owned(),
        ));
    }
    let named = name.or_else(|| arguments.pod.clone());
    let pod = named.map(|name| moment::qualified(arguments.namespace.as_deref(), &name));
    let sources = sources::read(files)?;
    let (mut input, warnings) = load_as(&sources, None)?;
    // As for `get`: a moment after the scenario's own end is simulated all the same.
    input.scenario.run_for = arguments.at.or(input.scenario.run_for);
    let named = match &pod {
        Some(name) => Some(container_of(&input, name, arguments.container.as_deref(), printer)?),
        None => None,
    };
    for warning in warnings {
        printer.input_warning(&warning);
    }
    let records = sim::run(&input);
    if let (Some(pod), Some((full_name, container))) = (&pod, &named) {
        // Without a moment the whole run is read, as a log that was kept.
        let exists = || {
            let pods = objects::at(&records, &input, until);
            pods.iter().any(|pod| *pod.full_name == **full_name)
        };
        if arguments.at.is_some() && !exists() {
            return Err(moment::not_there(pod));
        }
        let last = logs::last_attempt(&records, full_name, container, until);
        if arguments.previous && last.is_none_or(|last| last == 0) {
            let message = format!("previous terminated container {container:?} in pod {pod:?} not found");
            return Err(Trouble::Message(message));
        }
    }
    let container = named.map_or_else(|| arguments.container.clone(), |(_, container)| Some(container));
    let options = logs::Options {
        prefix: pod.is_none(),
        container,
        until,
        attempts: match (arguments.previous, &pod) {
            (true, _) => Attempts::Previous,
            (false, Some(_)) => Attempts::Last,
            (false, None) => Attempts::All,
        },
        pod,
    };
    printer.data_to(None, &logs::render(&records, &options))?;
    Ok(Exit::Success)
}

/// The full name of a pod and its container: the one that is asked for, or the first (`kubectl logs`: `podcmd: FindOrDefaultContainerByName`).
fn container_of(
    input: &Input,
    name: &str,
    asked_for: Option<&str>,
    printer: Printer,
) -> Result<(Name, String), Trouble> {
    let no_pod = || moment::no_pod(input, name);
    let full_name = explain::find_pod(input, name).ok_or_else(no_pod)?;
    let found = input.pods.iter().find(|p| p.pod.full_name() == full_name);
    let pod = &found.ok_or_else(no_pod)?.pod;
    let init = pod.spec.init_containers.iter().map(|c| (&*c.name, " (init)"));
    let all: Vec<(&str, &str)> = pod.spec.containers.iter().map(|c| (&*c.name, "")).chain(init).collect();
    let shown: Vec<String> = all.iter().map(|(name, kind)| format!("{name}{kind}")).collect();
    let Some(wanted) = asked_for else {
        let first = all.first().map_or("", |(name, _)| name);
        if all.len() > 1 {
            printer.remark(format_args!(
                "Defaulted container {first:?} out of: {}",
                shown.join(", ")
            ));
        }
        return Ok((full_name, first.to_owned()));
    };
    if all.iter().all(|(name, _)| *name != wanted) {
        let message = format!(
            "container {wanted} is not valid for pod {name}; there are: {}",
            shown.join(", ")
        );
        return Err(Trouble::Message(message));
    }
    Ok((full_name, wanted.to_owned()))
}
