//! `podlapse get`: pods or events at a moment of a run, as `kubectl get` shows them.

use clap::{Args, ValueEnum};

use super::exit::{Exit, Trouble};
use super::moment::{self, Moment, Target, TargetParser};
use super::printer::Printer;
use crate::views::{events, json, kubectl, objects, yaml};

/// What `get` is told.
#[derive(Args)]
#[command(after_help = "\
Examples:
  podlapse get pods scenarios/crash-loop.yaml --at 90s
  podlapse get pods pod.yaml --at 2m -o yaml
  podlapse get events scenarios/crash-loop.yaml --at 10m
  podlapse get pods web manifests/ --at 90s              only this pod, as kubectl takes its name
  podlapse get pod/web manifests/ -o yaml                the same, and its object alone

Exit status: 0 it is shown, 2 there is no such pod, or the input or the command line cannot be used.")]
#[command(override_usage = "podlapse get [OPTIONS] <WHAT>[/NAME] [NAME] <FILES>...")]
pub(super) struct Arguments {
    /// What to show; pod/NAME is one pod
    #[arg(value_parser = TargetParser::<What>::default())]
    what: Target<What>,
    #[command(flatten)]
    moment: moment::Place,
    /// Only what is in this namespace; by default everything
    #[arg(short, long)]
    namespace: Option<String>,
    /// How to show it
    #[arg(short, long, value_enum)]
    output: Option<Output>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum What {
    #[default]
    #[value(aliases = ["pod", "po"])]
    Pods,
    #[value(aliases = ["event", "ev"])]
    Events,
}

impl What {
    /// What is written before a name, of what is chosen by name.
    fn command(self) -> Option<&'static str> {
        match self {
            What::Pods => Some("podlapse get pods"),
            What::Events => None,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Output {
    /// More columns
    Wide,
    /// The objects, as JSON; one that is named by itself
    Json,
    /// The objects, as YAML; one that is named by itself
    Yaml,
}

/// Runs the command.
pub(super) fn run(arguments: &Arguments, printer: Printer) -> Result<Exit, Trouble> {
    let namespace = arguments.namespace.as_deref();
    let (name, Moment { input, records, time }) =
        arguments
            .moment
            .run_of(arguments.what.kind.command(), arguments.what.name.as_deref(), printer)?;
    let text = match (arguments.what.kind, arguments.output) {
        (What::Events, output) => {
            if let Some(name) = name {
                return Err(Trouble::Message(format!(
                    "{name}: there is no such file, and events are not chosen by name"
                )));
            }
            let mut found = events::at(&records, time);
            found.retain(|event| namespace.is_none_or(|namespace| event.stored_in() == namespace));
            let objects = || events::list(&found, &input);
            let one_namespace = namespace.is_some();
            match output {
                None => events::table(&found, time, one_namespace),
                Some(Output::Wide) => events::wide_table(&found, time, one_namespace, &input),
                Some(Output::Json) => json::text(&objects()),
                Some(Output::Yaml) => yaml::text(&objects()),
            }
        }
        (What::Pods, output) => {
            let mut pods = objects::at(&records, &input, time);
            pods.retain(|pod| namespace.is_none_or(|namespace| *pod.pod.namespace == *namespace));
            if let Some(name) = &name {
                let full_name = moment::pod(&input, namespace, name)?.full_name();
                pods.retain(|pod| *pod.full_name == *full_name);
                if pods.is_empty() {
                    return Err(moment::not_there(name));
                }
            }
            // One that is named is shown as it is, several as a list.
            let objects = || match &pods[..] {
                [pod] if name.is_some() => pod.object(),
                pods => json::list(pods),
            };
            match output {
                None => kubectl::pods(&pods, time, false, namespace.is_some()),
                Some(Output::Wide) => kubectl::pods(&pods, time, true, namespace.is_some()),
                Some(Output::Json) => json::text(&objects()),
                Some(Output::Yaml) => yaml::text(&objects()),
            }
        }
    };
    if text.is_empty() {
        let place = namespace.map_or(String::new(), |namespace| format!(" in {namespace} namespace."));
        printer.remark(format_args!("No resources found{place}"));
    }
    printer.data(&text)?;
    Ok(Exit::Success)
}
