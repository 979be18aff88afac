//! `podlapse fuzz`: many generated scenarios, each held against the invariants.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::exit::{Exit, Trouble};
use super::printer::{Printer, try_file, write_file};
use super::sweep::quoted;
use super::{clock, load, progress, sources};
use crate::explore::fuzz::Plan;
use crate::explore::report;
use crate::explore::shard::Shard;
use crate::explore::weights::Weights;

/// What `fuzz` is told.
#[derive(Args)]
#[command(after_help = "\
Examples:
  podlapse fuzz                                    10,000 scenarios of seed 0
  podlapse fuzz --minutes 5 --out failures         for five minutes; what fails is written there, shrunk
  podlapse fuzz --around scenario.yaml --seed 3    mutations of a scenario; run 0 is the scenario itself
  podlapse fuzz --weights probes=80,pods=1         more probes, one pod
  podlapse fuzz --seed 7 --run 1234                one run, as a report names it

Exit status: 0 every invariant held, 1 one was broken, 2 the input or the command line cannot be used.")]
pub(super) struct Arguments {
    /// Seed of all runs
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// How many runs, over all shards
    #[arg(long, default_value_t = 10_000, conflicts_with_all = ["minutes", "run"], value_parser = clap::value_parser!(u64).range(1..))]
    runs: u64,
    /// Go on for so long instead of a number of runs; 0.5 is half a minute
    #[arg(long, value_name = "MINUTES", conflicts_with = "run", value_parser = minutes, allow_negative_numbers = true)]
    minutes: Option<Duration>,
    /// Only this run
    #[arg(long, value_name = "NUMBER", conflicts_with = "shard", value_parser = clap::value_parser!(u64).range(..u64::MAX - 1))]
    run: Option<u64>,
    /// Threads; the result does not depend on them
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    jobs: Option<u16>,
    /// Write a scenario for each failure into this directory
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Mutate this input instead of generating one, and hold its expectations to be invariants; may be given several times
    #[arg(long, value_name = "FILE")]
    around: Vec<PathBuf>,
    /// What the generator makes use of, name=value, separated by commas; an unknown name is refused with the list of known ones
    #[arg(long, value_name = "LIST", conflicts_with = "around")]
    weights: Option<String>,
    /// Do only shard i of n (i/n, i from 0); of a bare n the index is JOB_COMPLETION_INDEX
    #[arg(long, value_name = "i/n", value_parser = shard)]
    shard: Option<Shard>,
    /// What to print
    #[arg(short, long, value_enum, default_value_t = Output::Text)]
    output: Output,
    /// Write there instead of to standard output
    #[arg(long, value_name = "FILE")]
    output_file: Option<PathBuf>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    /// For people
    Text,
    /// JSON lines, which `merge` puts together
    Json,
}

/// `--shard`, with the index of an Indexed Job's pod.
pub(super) fn shard(text: &str) -> Result<Shard, String> {
    let index = std::env::var("JOB_COMPLETION_INDEX").ok();
    Shard::of_job(text, index.as_deref())
}

/// As many as the machine has, unless told otherwise.
pub(super) fn threads(jobs: Option<u16>) -> usize {
    let all = || std::thread::available_parallelism().map_or(1, usize::from);
    jobs.map_or_else(all, usize::from)
}

/// `--minutes`, which may have a fraction.
fn minutes(text: &str) -> Result<Duration, String> {
    let minutes: f64 = text.parse().map_err(|_| "it is a number such as 5 or 0.5".to_owned())?;
    let span = Duration::try_from_secs_f64(minutes * 60.0).ok();
    span.filter(|span| *span > Duration::ZERO)
        .ok_or_else(|| "it must be above 0 and finite".to_owned())
}

/// Runs the command.
pub(super) fn run(arguments: &Arguments, printer: Printer) -> Result<Exit, Trouble> {
    let plan = plan(arguments, printer)?;
    let output_file = arguments.output_file.as_deref();
    sources::not_read(&arguments.around, "--output-file", output_file)?;
    output_file.map_or(Ok(()), try_file)?;
    if let Some(folder) = &arguments.out {
        sources::not_within(&arguments.around, "--out", folder)?;
        let failed = |error| Trouble::writing(&folder.display().to_string(), &error);
        std::fs::create_dir_all(folder).map_err(failed)?;
        try_file(&folder.join("scenario.yaml"))?;
    }
    if arguments.run.is_none() {
        progress::catch_interrupts();
    }
    // A panic is a finding: the report tells of it.
    std::panic::set_hook(Box::new(|_| {}));
    let watch = clock::Watch::start();
    let limit = arguments.minutes;
    let total = (plan.end != u64::MAX).then(|| (plan.end - plan.first) / plan.shard.count);
    let bar = progress::bar(printer, total);
    let mut pace = progress::Pace::start();
    let report = plan.fuzz(|done| {
        bar.set_position(done);
        pace.next(done, limit)
    })?;
    bar.finish_and_clear();
    let options = options(arguments);
    let text = match arguments.output {
        Output::Text => report::text(&plan, &report, &options),
        Output::Json => report::json(&plan, &report, &options),
    };
    printer.data_to(output_file, &text)?;
    if let Some(folder) = &arguments.out {
        for (name, text) in report::files(&plan, &report, &options) {
            let path = folder.join(name);
            write_file(&path, text.as_bytes())?;
            printer.remark(format_args!("wrote {}", path.display()));
        }
    }
    let rate = report.checked as f64 / watch.elapsed().as_secs_f64().max(1e-9);
    printer.remark(format_args!(
        "took {watch}, {rate:.0} runs a second on {} threads",
        plan.jobs
    ));
    Ok(if report.findings.is_empty() {
        Exit::Success
    } else {
        Exit::Failure
    })
}

fn plan(arguments: &Arguments, printer: Printer) -> Result<Plan, Trouble> {
    let around = match &arguments.around[..] {
        [] => None,
        files => {
            // Its expectations must fit it.
            let (input, _) = load::load(files, None, printer)?;
            Some(input)
        }
    };
    let (first, end) = match (arguments.run, arguments.minutes) {
        (Some(run), _) => (run, run + 1),
        (None, Some(_)) => (0, u64::MAX),
        (None, None) => (0, arguments.runs),
    };
    let weights = arguments.weights.as_deref().map(str::parse::<Weights>);
    let weights = weights.transpose().map_err(|error| format!("--weights: {error}"))?;
    Ok(Plan {
        seed: arguments.seed,
        first,
        end,
        shard: arguments.shard.unwrap_or(Shard::WHOLE),
        jobs: threads(arguments.jobs),
        weights: weights.unwrap_or_default(),
        around,
        sabotage: None,
    })
}

/// What a run needs to come out the same.
fn options(arguments: &Arguments) -> String {
    let mut options = format!(" --seed {}", arguments.seed);
    for file in &arguments.around {
        options.push_str(&format!(" --around {}", quoted(&file.display().to_string())));
    }
    if let Some(weights) = &arguments.weights {
        options.push_str(&format!(" --weights {weights}"));
    }
    options
}
