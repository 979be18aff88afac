//! What `run` can print.

use clap::ValueEnum;

use crate::scenario::types::Input;
use crate::trace::Record;
use crate::views::{self, timeline};

/// The formats of `--output`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Output {
    /// One line for each thing that a person would mention
    Timeline,
    /// What `kubectl get pods --watch --output wide` would print
    Kubectl,
    /// What `kubectl get events` would print at the end
    Events,
    /// Every record as a JSON object
    Jsonl,
    /// Every record as comma-separated values
    Csv,
    /// The pods that exist at the end, as JSON
    Json,
    /// The pods that exist at the end, as YAML
    Yaml,
    /// Chrome trace events, for <https://ui.perfetto.dev>
    Perfetto,
    /// A Gantt chart for Mermaid
    Mermaid,
    /// A Gantt chart as a picture
    Svg,
    /// A Gantt chart as a web page that stands alone
    Html,
}

impl Output {
    /// The run in this format.
    pub(super) fn render(self, records: &[Record], input: &Input, options: timeline::Options) -> String {
        match self {
            Output::Timeline => timeline::render(records, input, options),
            Output::Kubectl => views::kubectl::render(records, input),
            Output::Events => views::events::render(records),
            Output::Jsonl => views::jsonl::render(records),
            Output::Csv => views::csv::render(records),
            Output::Json => views::json::render(records, input),
            Output::Yaml => views::yaml::render(records, input),
            Output::Perfetto => views::perfetto::render(records, input),
            Output::Mermaid => views::mermaid::render(records, input),
            Output::Svg => views::svg::render(records, input),
            Output::Html => views::html::render(records, input),
        }
    }
}
