//! The command line: the only place that prints, reads files or exits.

use std::io::{BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};

use crate::api::features::Version;
use crate::scenario::load::{Source, load_as};
use crate::{sim, views};

/// What will Kubernetes do with this pod?
#[derive(Parser)]
#[command(version, about, after_help = "Example:\n  podlapse run scenarios/crash-loop.yaml")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Runs manifests and a scenario in virtual time and shows what happens
    Run {
        /// Files or directories with manifests and at most one Scenario; - is standard input
        #[arg(required = true)]
        files: Vec<PathBuf>,
        /// What to print
        #[arg(short, long, value_enum, default_value_t = Output::Timeline)]
        output: Output,
        /// Show every CRI call and event
        #[arg(short, long)]
        verbose: bool,
        /// Which Kubernetes' kubelet and API server to be, in place of what the scenario says
        #[arg(long, value_name = "VERSION", value_parser = version)]
        kubernetes_version: Option<Version>,
    },
}

#[derive(Clone, Copy, ValueEnum)]
enum Output {
    /// One line for each thing that a person would mention
    Timeline,
    /// Every record as a JSON object
    Jsonl,
}

/// Input or command line cannot be used.
const UNUSABLE: u8 = 2;

/// Runs the command line.
pub fn main() -> ExitCode {
    let Command::Run {
        files,
        output,
        verbose,
        kubernetes_version,
    } = Arguments::parse().command;
    match run(&files, output, verbose, kubernetes_version) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(UNUSABLE)
        }
    }
}

fn version(text: &str) -> Result<Version, String> {
    Version::parse(text).ok_or_else(|| "it is one of 1.31, 1.32, 1.33, 1.34, 1.35, 1.36".to_owned())
}

fn run(files: &[PathBuf], output: Output, verbose: bool, version: Option<Version>) -> Result<(), String> {
    let sources = read(files)?;
    let (input, warnings) = load_as(&sources, version)?;
    for warning in warnings {
        eprintln!("warning: {warning}");
    }
    let records = sim::run(&input);
    let mut out = BufWriter::new(std::io::stdout().lock());
    let written = match output {
        Output::Timeline => {
            let options = views::timeline::Options {
                verbose,
                width: None,
                colour: false,
            };
            let text = views::timeline::render(&records, &input, options);
            out.write_all(text.as_bytes())
        }
        Output::Jsonl => records
            .iter()
            .try_for_each(|record| writeln!(out, "{}", views::jsonl::line(record))),
    };
    match written.and_then(|()| out.flush()) {
        // A reader that has seen enough is no error.
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(format!("cannot write: {error}")),
        _ => Ok(()),
    }
}

fn read(files: &[PathBuf]) -> Result<Vec<Source>, String> {
    let mut sources = Vec::new();
    for file in files {
        if file == Path::new("-") {
            let mut text = String::new();
            std::io::stdin()
                .read_to_string(&mut text)
                .map_err(|error| format!("<stdin>: {error}"))?;
            sources.push(Source {
                name: "<stdin>".to_owned(),
                text,
            });
        } else if file.is_dir() {
            let failed = |error| format!("{}: {error}", file.display());
            let entries = std::fs::read_dir(file).map_err(failed)?;
            let mut paths = entries
                .map(|e| e.map(|e| e.path()))
                .collect::<Result<Vec<_>, _>>()
                .map_err(failed)?;
            paths.retain(|p| p.extension().is_some_and(|e| e == "yaml" || e == "yml" || e == "json"));
            paths.sort();
            for path in paths {
                sources.push(read_file(&path)?);
            }
        } else {
            sources.push(read_file(file)?);
        }
    }
    Ok(sources)
}

fn read_file(path: &Path) -> Result<Source, String> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(Source {
        name: path.display().to_string(),
        text,
    })
}
