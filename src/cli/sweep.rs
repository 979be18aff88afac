//! `podlapse sweep`: one scenario many times, varied over a grid or drawn.

use std::path::{Path, PathBuf};

use clap::Args;

use super::exit::{Exit, Trouble};
use super::printer::{Printer, try_file, write_file};
use super::{clock, fuzz, load, progress, sources};
use crate::explore::chart;
use crate::explore::shard::Shard;
use crate::explore::sweep::Sweep;
use crate::explore::vary::Vary;

/// What `sweep` is told.
#[derive(Args)]
#[command(after_help = "\
Examples:
  podlapse sweep web.yaml --vary 'containers[app].runs[0].exit.after=1s..120s/1s'
  podlapse sweep web.yaml --vary Pod/web.spec.terminationGracePeriodSeconds=5,30,60 --chart grace.svg
  podlapse sweep drawn.yaml --runs 10000 --out drawn.csv      durations drawn anew in each run
  podlapse sweep drawn.yaml --runs 10000 --shard 0/4          a quarter of it; `podlapse merge` puts them together

A path begins at the Scenario's spec, or at a manifest: Pod/NAME.spec…, or Pod/NAMESPACE/NAME.spec… where several \
namespaces have one of that name. [app] is the element of that name, [0] the \
first one. Fields that are not there are made, and so are the scripts of containers, images, volumes and nodes that the \
input has. A range is one of integers or durations; the values of a list may be anything. What is a \
string in the input stays one; elsewhere a number, true or false is taken for what it is, unless it stands in double \
quotes: Pod/web.metadata.annotations.weight='\"80\"'. Several --vary make a grid, the \
first of them changing slowest.

A duration that is drawn has a column. Of one that is drawn again and again in a run (exit.after of a container that \
crashes, takes of a probe, latencies) it holds the first draw only.

`podlapse run` plays the run of one row: the files, --vary and --runs as of the sweep, and --run with the row's number. \
The summary names such a command for the run that is most worth a look, if one is: the first that does not do what is \
expected, else the first that is never ready and does not succeed, else the one that takes longest to be ready.

Exit status: 0 done, 2 the input or the command line cannot be used, 130 interrupted: then no file is written.")]
pub(super) struct Arguments {
    /// Manifests and at most one Scenario: files, directories (the files directly in them) or -, standard input
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// A path and its values: path=from..to/step or path=value,value; may be given several times
    #[arg(long, value_name = "PATH=VALUES", value_parser = Vary::parse)]
    vary: Vec<Vary>,
    /// Runs at each point of the grid, each with durations drawn anew
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
    runs: u64,
    /// Write the table there instead of to standard output
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Draw a chart: .svg or .html
    #[arg(long, value_name = "FILE")]
    chart: Option<PathBuf>,
    /// Threads; the result does not depend on them
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    jobs: Option<u16>,
    /// Do only shard i of n (i/n, i from 0); of a bare n the index is JOB_COMPLETION_INDEX
    #[arg(long, value_name = "i/n", value_parser = fuzz::shard)]
    shard: Option<Shard>,
}

/// Runs the command.
pub(super) fn run(arguments: &Arguments, printer: Printer) -> Result<Exit, Trouble> {
    let picture = arguments
        .chart
        .as_deref()
        .map(|path| picture(path).map(|draw| (path, draw)))
        .transpose()?;
    for (option, path) in [("--out", &arguments.out), ("--chart", &arguments.chart)] {
        sources::not_read(&arguments.files, option, path.as_deref())?;
        path.as_deref().map_or(Ok(()), try_file)?;
    }
    if let (Some(table), Some(chart)) = (&arguments.out, &arguments.chart)
        && real_path(table) == real_path(chart)
    {
        return Err("--out and --chart name the same file".to_owned().into());
    }
    let sources = sources::read(&arguments.files)?;
    // As given first: the places in messages are those of the files.
    let ((input, _), warnings) = load::decode(&sources, None, printer.colour_errors())?;
    for warning in warnings {
        printer.input_warning(&warning);
    }
    let sweep = Sweep::new(&sources, &input, arguments.vary.clone(), arguments.runs)?;
    progress::catch_interrupts();
    let watch = clock::Watch::start();
    let shard = arguments.shard.unwrap_or(Shard::WHOLE);
    let bar = progress::bar(printer, Some(sweep.runs() / shard.count));
    let mut pace = progress::Pace::start();
    let table = sweep.sweep(shard, fuzz::threads(arguments.jobs), |done| {
        bar.set_position(done);
        pace.next(done, None)
    })?;
    bar.finish_and_clear();
    // A file holds the whole or is left as it was.
    if !table.stopped || arguments.out.is_none() {
        let mark = arguments.shard.map(|shard| sweep.mark(shard));
        printer.data_to(arguments.out.as_deref(), &table.csv(mark.as_deref())?)?;
    }
    if let Some((path, draw)) = picture.filter(|_| !table.stopped) {
        write_file(path, draw(&table).as_bytes())?;
    }
    printer.remark(table.summary().trim_end());
    if let Some((run, why)) = table.telling() {
        printer.remark(format_args!("run {run}: {why}; to see it: {}", replay(arguments, run)));
    }
    if table.stopped {
        let files = arguments.out.is_some() || arguments.chart.is_some();
        let left = if files { ": no file is written" } else { "" };
        printer.remark(format_args!("took {watch}, stopped before its end{left}"));
        return Ok(Exit::Interrupted);
    }
    printer.remark(format_args!("took {watch}"));
    Ok(Exit::Success)
}

/// The path of a file that may not be there yet, whatever it is called.
fn real_path(path: &Path) -> Option<PathBuf> {
    let folder = path.parent().filter(|folder| *folder != Path::new(""));
    let folder = folder.unwrap_or(Path::new(".")).canonicalize().ok()?;
    Some(folder.join(path.file_name()?))
}

/// The command that plays one run of the sweep, as a shell takes it.
fn replay(arguments: &Arguments, run: u64) -> String {
    let mut words = vec!["podlapse".to_owned(), "run".to_owned()];
    words.extend(arguments.files.iter().map(|file| quoted(&file.display().to_string())));
    for vary in &arguments.vary {
        words.extend(["--vary".to_owned(), quoted(&vary.given)]);
    }
    if arguments.runs > 1 && !arguments.vary.is_empty() {
        words.extend(["--runs".to_owned(), arguments.runs.to_string()]);
    }
    words.extend(["--run".to_owned(), run.to_string()]);
    words.join(" ")
}

/// A word as it stands in a line of the shell.
pub(super) fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-=:,@%+".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

type Draw = fn(&crate::explore::sweep::Table) -> String;

fn picture(path: &Path) -> Result<Draw, String> {
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("svg") => Ok(chart::svg),
        Some("html") => Ok(chart::html),
        _ => Err(format!(
            "--chart {}: the name must end in .svg or .html",
            path.display()
        )),
    }
}
