//! `podlapse completions`: a script that completes commands in a shell.

use clap::Args;
use clap_complete::Shell;

use super::exit::{Exit, Trouble};
use super::printer::Printer;

/// What `completions` is told.
#[derive(Args)]
#[command(after_help = "\
Examples:
  podlapse completions bash > ~/.local/share/bash-completion/completions/podlapse
  podlapse completions zsh > ~/.zfunc/_podlapse
  podlapse completions fish > ~/.config/fish/completions/podlapse.fish")]
pub(super) struct Arguments {
    /// The shell
    shell: Shell,
}

/// Runs the command.
pub(super) fn run(arguments: &Arguments, printer: Printer) -> Result<Exit, Trouble> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut super::description(), "podlapse", &mut script);
    printer.data(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Success)
}
