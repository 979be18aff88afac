//! `podlapse get`: pods or events at a moment of a run, as `kubectl get` shows them.

use clap::{Args, ValueEnum};

use super::exit::{Exit, Trouble};
use super::moment::{self, Moment};
use super::printer::Printer;
use crate::views::{events, json, kubectl, objects, yaml};

/// What `get` is told.
#[derive(Args)]
#[command(after_help = "\
Examples:
  podlapse get pods scenarios/crash-loop.yaml --at 90s
  podlapse get pods pod.yaml --at 2m -o yaml
  podlapse get events scenarios/crash-loop.yaml --at 10m")]
pub(super) struct Arguments {
    /// What to show
    #[arg(value_enum)]
    what: What,
    #[command(flatten)]
    moment: moment::Place,
    /// How to show it; json and yaml are for pods
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
    let Moment { input, records, time } = arguments.moment.run(printer)?;
    let text = match (arguments.what, arguments.output) {
        (What::Events, None | Some(Output::Wide)) => events::table(&events::at(&records, time), time),
        (What::Events, Some(Output::Json | Output::Yaml)) => {
            return Err(Trouble::Message("events are shown as a table only".to_owned()));
        }
        (What::Pods, output) => {
            let pods = objects::at(&records, &input, time);
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
