//! `podlapse man`: manual pages.

use std::path::PathBuf;

use clap::Args;

use super::exit::{Exit, Trouble};
use super::printer::{Printer, write_file};

/// What `man` is told.
#[derive(Args)]
#[command(after_help = "\
Examples:
  podlapse man | man -l -
  podlapse man --directory ~/.local/share/man/man1")]
pub(super) struct Arguments {
    /// Write podlapse.1 and a page for each command there, instead of podlapse.1 to standard output
    #[arg(long, value_name = "DIRECTORY")]
    directory: Option<PathBuf>,
}

/// Runs the command.
pub(super) fn run(arguments: &Arguments, printer: Printer) -> Result<Exit, Trouble> {
    let root = super::description();
    let Some(directory) = &arguments.directory else {
        printer.data(&page(root)?)?;
        return Ok(Exit::Success);
    };
    for command in root.get_subcommands().filter(|command| !command.is_hide_set()) {
        let name = format!("podlapse-{}", command.get_name());
        // clap keeps names for as long as the program runs.
        let named = command.clone().name(name.clone());
        write_file(&directory.join(format!("{name}.1")), page(named)?.as_bytes())?;
    }
    write_file(&directory.join("podlapse.1"), page(root)?.as_bytes())?;
    Ok(Exit::Success)
}

fn page(command: clap::Command) -> Result<String, Trouble> {
    let mut text = Vec::new();
    clap_mangen::Man::new(command)
        .render(&mut text)
        .map_err(|error| Trouble::writing("the manual page", &error))?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}
