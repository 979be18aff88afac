//! `podlapse schema`: the JSON Schema of the Scenario document, for editors.

use clap::Args;

use super::exit::{Exit, Trouble};
use super::printer::Printer;
use crate::scenario::json_schema::schema;

/// What `schema` is told.
#[derive(Args)]
#[command(after_help = "\
Examples:
  podlapse schema > podlapse.schema.json

An editor with the YAML language server completes and checks a scenario that begins with
  # yaml-language-server: $schema=podlapse.schema.json")]
pub(super) struct Arguments {}

/// Runs the command.
pub(super) fn run(Arguments {}: &Arguments, printer: Printer) -> Result<Exit, Trouble> {
    printer.data(&format!("{:#}\n", schema()))?;
    Ok(Exit::Success)
}
