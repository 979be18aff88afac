//! `podlapse merge`: puts the outputs of shards together.

use std::path::PathBuf;

use clap::Args;

use super::exit::{Exit, Trouble};
use super::printer::Printer;
use super::sources;
use crate::explore::merge::merge;

/// What `merge` is told.
#[derive(Args)]
#[command(after_help = "\
Examples:
  podlapse merge shard-0.csv shard-1.csv shard-2.csv > sweep.csv
  podlapse merge fuzz-*.jsonl

The result is, byte for byte, what one process without --shard would have written. Shards of different things are \
refused, and so is one that is missing, cut or given twice.

Exit status: 0 merged, 2 the files do not fit together.")]
pub(super) struct Arguments {
    /// The outputs of all shards of one sweep or one fuzz; - is standard input
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Write there instead of to standard output
    #[arg(long, value_name = "FILE")]
    output_file: Option<PathBuf>,
}

/// Runs the command.
pub(super) fn run(arguments: &Arguments, printer: Printer) -> Result<Exit, Trouble> {
    sources::stdin_once(&arguments.files)?;
    sources::not_read(&arguments.files, "--output-file", arguments.output_file.as_deref())?;
    let mut files = Vec::new();
    for path in &arguments.files {
        let source = sources::read_file(path)?;
        files.push((source.name, source.text));
    }
    printer.data_to(arguments.output_file.as_deref(), &merge(&files)?)?;
    Ok(Exit::Success)
}
