//! `podlapse logs`: what the containers of a run wrote.

use std::collections::BTreeSet;
use std::path::PathBuf;

use clap::Args;

use super::exit::{Exit, Trouble};
use super::printer::Printer;
use super::{moment, sources, version};
use crate::api::features::Version;
use crate::api::pod::Pod;
use crate::kernel::{Duration, Time};
use crate::scenario::load::load_as;
use crate::scenario::named;
use crate::scenario::types::{ActionKind, Input};
use crate::sim;
use crate::views::logs::{self, Attempts};
use crate::views::objects;

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
    /// Manifests and at most one Scenario: files, directories (the files directly in them) or -, standard input. NAME before
    /// them is a pod's name, NAMESPACE/NAME or pod/NAME, and does what --pod does
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Only the lines of this pod's last attempt, without times, as kubectl shows them
    #[arg(long)]
    pod: Option<String>,
    /// Only what is in this namespace; of a pod that is named its namespace
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
    /// Which Kubernetes' kubelet and API server to be, in place of what the scenario says
    #[arg(long, value_name = "VERSION", value_parser = version)]
    kubernetes_version: Option<Version>,
}

/// Runs the command.
pub(super) fn run(arguments: &Arguments, printer: Printer) -> Result<Exit, Trouble> {
    let until = arguments.at.map_or(Time::MAX, |span| Time::ZERO + span);
    let (pod, files) = moment::name_first(Some("podlapse logs"), arguments.pod.as_deref(), &arguments.files)?;
    let sources = sources::read(files)?;
    let (mut input, warnings) = load_as(&sources, arguments.kubernetes_version)?;
    // As for `get`: a moment after the scenario's own end is simulated all the same.
    input.scenario.run_for = arguments.at.or(input.scenario.run_for);
    let named = match &pod {
        Some(name) => {
            let found = moment::pod(&input, arguments.namespace.as_deref(), name)?;
            let container = container_of(found, arguments.container.as_deref(), printer)?;
            Some((found.full_name(), container))
        }
        None => {
            let namespace = arguments.namespace.as_deref();
            arguments
                .container
                .as_deref()
                .map_or(Ok(()), |wanted| of_any(&input, namespace, wanted))?;
            None
        }
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
    let (full_name, container) = match named {
        Some((full_name, container)) => (Some(full_name.to_string()), Some(container)),
        None => (None, arguments.container.clone()),
    };
    let options = logs::Options {
        prefix: full_name.is_none(),
        container,
        until,
        attempts: match (arguments.previous, &full_name) {
            (true, _) => Attempts::Previous,
            (false, Some(_)) => Attempts::Last,
            (false, None) => Attempts::All,
        },
        pod: full_name,
        namespace: arguments.namespace.clone(),
    };
    let text = logs::render(&records, &options);
    if text.is_empty() {
        let place = arguments.namespace.as_ref().filter(|_| options.prefix);
        let place = place.map_or(String::new(), |namespace| format!(" in {namespace} namespace"));
        printer.remark(format_args!("Nothing was written{place}."));
    }
    printer.data(&text)?;
    Ok(Exit::Success)
}

/// Errors when no pod (of the namespace, if one is given) has a container of that name, also none that is added later.
fn of_any(input: &Input, namespace: Option<&str>, wanted: &str) -> Result<(), Trouble> {
    let pods = input.pods.iter().map(|p| &*p.pod);
    let pods: Vec<&Pod> = pods
        .filter(|pod| namespace.is_none_or(|of| *pod.namespace == *of))
        .collect();
    let mut names: BTreeSet<&str> = BTreeSet::new();
    for pod in &pods {
        names.extend(pod.all_containers().map(|(_, container)| &*container.name));
    }
    for action in &input.scenario.actions {
        if let ActionKind::Debug { pod: of, container } = &action.what
            && pods.iter().any(|pod| pod.is_called(of))
        {
            names.insert(&*container.name);
        }
    }
    // Without pods that there is nothing to show says enough.
    if names.is_empty() || names.contains(wanted) {
        return Ok(());
    }
    let names = named::nearest_first(wanted, names.into_iter().map(str::to_owned).collect());
    let message = format!("no pod has a container named {wanted:?}; there are: {names}");
    Err(Trouble::Message(message))
}

/// A container of the pod: the one that is asked for, or the first (`kubectl logs`: `podcmd: FindOrDefaultContainerByName`).
fn container_of(pod: &Pod, asked_for: Option<&str>, printer: Printer) -> Result<String, Trouble> {
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
        return Ok(first.to_owned());
    };
    if all.iter().all(|(name, _)| *name != wanted) {
        let message = format!(
            "container {wanted} is not valid for pod {}; there are: {}",
            pod.name,
            shown.join(", ")
        );
        return Err(Trouble::Message(message));
    }
    Ok(wanted.to_owned())
}
