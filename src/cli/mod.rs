//! The command line: the only place that prints, reads files or exits. One file a command.

mod assumptions;
mod check;
mod clock;
mod completions;
mod describe;
mod diff;
mod discover;
mod exit;
mod explain;
mod fuzz;
mod get;
mod load;
mod logs;
mod man;
mod merge;
mod moment;
mod new;
mod output;
mod printer;
mod progress;
mod run;
mod schema;
mod sources;
mod sweep;
mod test;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::api::features::Version;
use exit::{Exit, Trouble};
use printer::{Color, Printer};

/// What will Kubernetes do with this pod?
///
/// Runs the kubelet's lifecycle rules in virtual time, without a cluster.
#[derive(Parser)]
#[command(
    name = "podlapse",
    version,
    about,
    after_help = "\
Examples:
  podlapse run pod.yaml                  what happens to this pod, and when
  podlapse run pod.yaml crash.yaml       the same, with a Scenario that scripts its world
  podlapse new pod.yaml > crash.yaml     a commented Scenario to begin with
  podlapse test scenarios/               do the expectations of all scenarios hold?

`podlapse help COMMAND` has examples of each command."
)]
struct Arguments {
    /// When to colour
    #[arg(long, global = true, value_enum, value_name = "WHEN", default_value_t = Color::Auto)]
    color: Color,
    /// No warnings, remarks or progress on standard error
    #[arg(short, long, global = true)]
    quiet: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Runs manifests and a scenario in virtual time and shows what happens
    Run(run::Arguments),
    /// Runs every scenario below the paths and says which expectations do not hold
    Test(test::Arguments),
    /// Says what is wrong with the input, and what a careful person would ask about; its one run shows nothing but what it assumes
    Check(check::Arguments),
    /// Shows pods or events as kubectl would at a moment of the run
    Get(get::Arguments),
    /// Describes a pod as kubectl would at a moment of the run
    Describe(describe::Arguments),
    /// Tells why a pod is as it is at a moment of the run
    Explain(explain::Arguments),
    /// Shows what the containers wrote
    Logs(logs::Arguments),
    /// Writes a commented scenario for manifests
    New(new::Arguments),
    /// Writes the schema of the Scenario document, as JSON Schema or Markdown
    Schema(schema::Arguments),
    /// Runs generated scenarios and holds each against what must hold for any pod
    Fuzz(fuzz::Arguments),
    /// Runs one scenario many times, with values varied or drawn, and makes a table of it
    Sweep(sweep::Arguments),
    /// Puts the outputs of shards of a sweep or of fuzzing together
    Merge(merge::Arguments),
    /// Compares what scenarios do in two versions of Kubernetes, or two scenarios with each other
    Diff(diff::Arguments),
    /// Writes a script that completes commands in a shell
    Completions(completions::Arguments),
    /// Writes manual pages
    Man(man::Arguments),
}

/// Runs the command line.
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let printer = Printer::new(arguments.color, arguments.quiet);
    let ended = match &arguments.command {
        Command::Run(arguments) => run::run(arguments, printer),
        Command::Test(arguments) => test::run(arguments, printer),
        Command::Check(arguments) => check::run(arguments, printer),
        Command::New(arguments) => new::run(arguments, printer),
        Command::Schema(arguments) => schema::run(arguments, printer),
        Command::Completions(arguments) => completions::run(arguments, printer),
        Command::Man(arguments) => man::run(arguments, printer),
        Command::Get(arguments) => get::run(arguments, printer),
        Command::Describe(arguments) => describe::run(arguments, printer),
        Command::Explain(arguments) => explain::run(arguments, printer),
        Command::Fuzz(arguments) => fuzz::run(arguments, printer),
        Command::Sweep(arguments) => sweep::run(arguments, printer),
        Command::Merge(arguments) => merge::run(arguments, printer),
        Command::Diff(arguments) => diff::diff(arguments, printer),
        Command::Logs(arguments) => logs::run(arguments, printer),
    };
    match ended {
        Ok(exit) => exit,
        // A reader that has seen enough is no error.
        Err(Trouble::NoReader) => Exit::Success,
        Err(Trouble::Input(diagnostics)) => {
            printer.input_errors(&diagnostics);
            Exit::Unusable
        }
        Err(Trouble::Rendered(messages)) => {
            printer.complain(messages);
            Exit::Unusable
        }
        Err(Trouble::Message(message)) => {
            printer.error(message);
            Exit::Unusable
        }
    }
    .into()
}

/// The command line's own description, for completions and manual pages.
fn description() -> clap::Command {
    <Arguments as clap::CommandFactory>::command()
}

fn version(text: &str) -> Result<Version, String> {
    Version::parse(text).ok_or_else(|| format!("it is one of {}", Version::ALL.map(|v| v.to_string()).join(", ")))
}
