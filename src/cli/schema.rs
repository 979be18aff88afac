//! `podlapse schema`: the fields of the Scenario document, for editors and for people.

use clap::{Args, ValueEnum};

use super::exit::{Exit, Trouble};
use super::printer::Printer;
use crate::scenario::json_schema::schema;
use crate::scenario::reference::markdown;

/// What `schema` is told.
#[derive(Args)]
#[command(after_help = "\
Examples:
  podlapse schema > podlapse.schema.json
  podlapse schema --output markdown      docs/scenario.md: each field with its type, default and meaning

An editor with the YAML language server completes and checks a scenario that begins with
  # yaml-language-server: $schema=podlapse.schema.json")]
pub(super) struct Arguments {
    /// For whom
    #[arg(short, long, value_enum, default_value_t = Format::Json, value_name = "FORMAT")]
    output: Format,
}

/// How the fields are described.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// A JSON Schema, for editors
    Json,
    /// Tables, for people
    Markdown,
}

/// Runs the command.
pub(super) fn run(arguments: &Arguments, printer: Printer) -> Result<Exit, Trouble> {
    printer.data(&match arguments.output {
        Format::Json => format!("{:#}\n", schema()),
        Format::Markdown => markdown(),
    })?;
    Ok(Exit::Success)
}
