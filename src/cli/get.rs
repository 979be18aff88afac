//! `podlapse get`: pods or events at a moment of a run, as `kubectl get` shows them.

use clap::{Args, ValueEnum};

use super::exit::{Exit, Trouble};
use super::moment::{self, Moment};
use super::printer::Printer;
use crate::views::{events, explain, json, kubectl, objects, yaml};

/// What `get` is told.
#[derive(Args)]
#[command(after_help = "\
Examples:
  podlapse get pods scenarios/crash-loop.yaml --at 90s
  podlapse get pods pod.yaml --at 2m -o yaml
  podlapse get events scenarios/crash-loop.yaml --at 10m
  podlapse get pods web manifests/ --at 90s              only this pod, as kubectl takes its name")]
pub(super) struct Arguments {
    /// What to show
    #[arg(value_enum)]
    what: What,
    #[command(flatten)]
    moment: moment::Place,
    /// Only what is in this namespace; by default everything
    #[arg(short, long)]
    namespace: Option<String>,
    /// How to show it
    #[arg(short, long, value_enum)]
    output: Option<Output>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum What {
    #[value(aliases = ["pod", "po"])]
    Pods,
    #[value(aliases = ["event", "ev"])]
    Events,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Output {
    /// More columns
    Wide,
    /// The objects, as JSON
    Json,
    /// The objects, as YAML
    Yaml,
}

/// Runs the command.
pub(super) fn run(arguments: &Arguments, printer: Printer) -> Result<Exit, Trouble> {
    let namespace = arguments.namespace.as_deref();
    let (name, Moment { input, records, time }) = arguments.moment.run_of(printer)?;
    let text = match (arguments.what, arguments.output) {
        (What::Events, output) => {
            if let Some(name) = name {
                return Err(Trouble::Message(format!(
                    "{name}: there is no such file, and events have no names to choose by"
                )));
            }
            let mut found = events::at(&records, time);
            found.retain(|event| namespace.is_none_or(|namespace| event.namespace == namespace));
            let objects = || events::list(&found, input.scenario.epoch_unix_secs);
            match output {
                None | Some(Output::Wide) => events::table(&found, time),
                Some(Output::Json) => json::text(&objects()),
                Some(Output::Yaml) => yaml::text(&objects()),
            }
        }
        (What::Pods, output) => {
            let mut pods = objects::at(&records, &input, time);
            pods.retain(|pod| namespace.is_none_or(|namespace| *pod.pod.namespace == *namespace));
            if let Some(name) = &name {
                let name = moment::qualified(namespace, name);
                let full_name = explain::find_pod(&input, &name).ok_or_else(|| moment::no_pod(&input, &name))?;
                pods.retain(|pod| *pod.full_name == *full_name);
                if pods.is_empty() {
                    let message = format!("pods {name:?} not found: it does not exist at that time");
                    return Err(Trouble::Message(message));
                }
            }
            match output {
                None => kubectl::pods(&pods, time, false),
                Some(Output::Wide) => kubectl::pods(&pods, time, true),
                Some(Output::Json) => json::text(&json::list(&pods)),
                Some(Output::Yaml) => yaml::text(&json::list(&pods)),
            }
        }
    };
    printer.data(&text)?;
    Ok(Exit::Success)
}
