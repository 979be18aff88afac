//! `podlapse diff`: what an upgrade changes for scenarios, or what two scenarios do differently.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::exit::{Exit, Trouble};
use super::printer::Printer;
use super::{discover, sources, version};
use crate::api::diagnostic::{Diagnostic, Diagnostics};
use crate::api::features::Version;
use crate::api::switches::{SWITCHES, Switch};
use crate::diff::{Comparison, Options, Outcome, Side, compare, json, render, summary};
use crate::scenario::load::{Source, load_as};
use crate::scenario::types::Input;

/// What `diff` is told.
#[derive(Args)]
#[command(after_help = "\
Examples:
  podlapse diff crash-loop.yaml --from 1.34 --to 1.36   what the upgrade changes, and which rule makes it so
  podlapse diff scenarios/ --from 1.31                  an upgrade check of everything in a directory
  podlapse diff scenarios/ --from 1.34 --to 1.35 --summary
  podlapse diff old.yaml new.yaml                       two scenarios, two settings of a probe say

What is a scenario: as for `podlapse test`. A directory with manifests and no scenario below it is one input, as `run` \
takes it. A scenario that one version refuses differs; one that both refuse cannot be used, and the others go on.

Exit status: 0 nothing differs, 1 something does, 2 a scenario or the command line cannot be used.")]
pub(super) struct Arguments {
    /// Scenarios, directories of them, or -, standard input; without --from and --to just two, which are compared with each other
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// The version to come from [default: what each scenario says]
    #[arg(long, value_name = "VERSION", value_parser = version)]
    from: Option<Version>,
    /// The version to go to [default: 1.36]
    #[arg(long, value_name = "VERSION", value_parser = version)]
    to: Option<Version>,
    /// Leave out what this switch changes; the names are those that the output gives
    #[arg(long, value_name = "SWITCH", value_parser = switch)]
    ignore: Vec<&'static Switch>,
    /// What to print
    #[arg(short, long, value_enum, default_value_t = Format::Text)]
    output: Format,
    /// Only a line for each scenario
    #[arg(short, long)]
    summary: bool,
    /// Show every row of long stretches
    #[arg(short, long)]
    verbose: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A line for each scenario, then both timelines side by side where they differ
    Text,
    /// Everything as one JSON document
    Json,
}

fn switch(name: &str) -> Result<&'static Switch, String> {
    Switch::find(name).ok_or_else(|| {
        let likeness = |s: &&Switch| strsim::jaro_winkler(s.name, name);
        let nearest = SWITCHES.iter().max_by(|a, b| likeness(a).total_cmp(&likeness(b)));
        let nearest = nearest.map_or("", |s| s.name);
        format!("there is no such switch; the nearest is {nearest}")
    })
}

/// Runs the command.
pub(super) fn diff(arguments: &Arguments, printer: Printer) -> Result<Exit, Trouble> {
    let comparisons = if arguments.from.is_none() && arguments.to.is_none() {
        vec![two_scenarios(arguments, printer)?]
    } else {
        upgrades(arguments, printer)?
    };
    // Of a single one there is nothing to report beside the error.
    if let [
        Comparison {
            outcome: Outcome::Unusable([errors, _]),
            ..
        },
    ] = &comparisons[..]
    {
        return Err(Trouble::Input(errors.clone()));
    }
    match arguments.output {
        Format::Json => printer.data(&json(&comparisons))?,
        Format::Text => printer.data(&text(&comparisons, arguments, printer))?,
    }
    let exit = |comparison: &Comparison| match comparison.outcome {
        Outcome::Same => Exit::Success,
        Outcome::Differs(_) | Outcome::Refused { .. } => Exit::Failure,
        Outcome::Unusable(_) => Exit::Unusable,
    };
    Ok(comparisons.iter().map(exit).max().unwrap_or(Exit::Success))
}

/// Loads one side; its warnings are told.
fn side(label: String, sources: &[Source], version: Option<Version>, printer: Printer) -> Side {
    let input = load_as(sources, version).map(|(input, warnings)| {
        warnings.iter().for_each(|warning| printer.input_warning(warning));
        input
    });
    Side { label, input }
}

fn two_scenarios(arguments: &Arguments, printer: Printer) -> Result<Comparison, Trouble> {
    let [old, new] = &arguments.paths[..] else {
        return Err(Trouble::Message(
            "without --from and --to there must be two scenarios to compare with each other".to_owned(),
        ));
    };
    sources::stdin_once(&arguments.paths)?;
    let read = |path: &PathBuf| -> Result<Side, Trouble> {
        let sources = sources::read(std::slice::from_ref(path))?;
        let side = side(path.display().to_string(), &sources, None, printer);
        // Unlike a version's refusal, this is no answer to the question what differs.
        match &side.input {
            Ok(_) => Ok(side),
            Err(errors) => Err(errors.clone().into()),
        }
    };
    let mut sides = [read(old)?, read(new)?];
    set_aside(&mut sides, &arguments.ignore);
    let name = format!("{} and {}", old.display(), new.display());
    Ok(compare(&name, &sides, false))
}

fn upgrades(arguments: &Arguments, printer: Printer) -> Result<Vec<Comparison>, Trouble> {
    let cases = discover::discover(&arguments.paths, discover::Bare::OneInput)?;
    Ok(cases.iter().map(|case| upgrade(case, arguments, printer)).collect())
}

fn upgrade(case: &discover::Case, arguments: &Arguments, printer: Printer) -> Comparison {
    let to = arguments.to.unwrap_or(Version::LATEST);
    let sources = match sources::read(&case.files) {
        Ok(sources) => sources,
        Err(message) => {
            let errors = Diagnostics(vec![Diagnostic::general(message)]);
            return Comparison {
                name: case.name.clone(),
                labels: [String::new(), to.to_string()],
                outcome: Outcome::Unusable([errors.clone(), errors]),
            };
        }
    };
    let old = side("?".to_owned(), &sources, arguments.from, printer);
    // The newer side would repeat the warnings of the older one.
    let new = Side {
        label: to.to_string(),
        input: load_as(&sources, Some(to)).map(|(input, _)| input),
    };
    let said = |input: &Input| input.scenario.kubelet.features.version;
    let from = arguments.from.or(old.input.as_ref().ok().map(said));
    let label = from.map_or("the scenario's version".to_owned(), |from| from.to_string());
    let mut sides = [Side { label, ..old }, new];
    set_aside(&mut sides, &arguments.ignore);
    compare(&case.name, &sides, true)
}

/// Turns the switches that are not to matter on the first side as they are on the second.
fn set_aside(sides: &mut [Side; 2], switches: &[&'static Switch]) {
    let [Side { input: Ok(old), .. }, Side { input: Ok(new), .. }] = sides else {
        return;
    };
    crate::diff::set_aside(old, new, switches);
}

fn text(comparisons: &[Comparison], arguments: &Arguments, printer: Printer) -> String {
    let options = Options {
        verbose: arguments.verbose,
        width: printer.width(),
        colour: printer.colour(),
    };
    let columns = comparisons.iter().map(|c| c.name.chars().count()).max().unwrap_or(0);
    let mut text = String::new();
    for comparison in comparisons {
        text.push_str(&summary(comparison, columns, options));
        text.push('\n');
    }
    if !arguments.summary {
        for comparison in comparisons {
            if comparison.is_same() {
                continue;
            }
            text.push('\n');
            if comparisons.len() > 1 {
                text.push_str(&format!("{}\n", comparison.name));
            }
            text.push_str(&render(comparison, options));
        }
    }
    if comparisons.len() > 1 {
        let same = comparisons.iter().filter(|c| c.is_same()).count();
        let differ = comparisons.iter().filter(|c| c.differs()).count();
        text.push_str(&format!(
            "\n{} scenarios: {same} same, {differ} differ",
            comparisons.len()
        ));
        match comparisons.len() - same - differ {
            0 => text.push('\n'),
            unusable => text.push_str(&format!(", {unusable} cannot be used\n")),
        }
    }
    text
}
