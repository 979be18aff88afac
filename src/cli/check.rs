//! `podlapse check`: what is wrong with the input, what a careful person would ask about, and what a run assumes.

use std::cell::RefCell;
use std::path::PathBuf;
use std::rc::Rc;

use clap::Args;

use super::exit::{Exit, Trouble};
use super::printer::Printer;
use super::{assumptions, load, sources, version};
use crate::api::features::Version;
use crate::check::lints::{diagnostics, lints};
use crate::sim;
use crate::trace::{Record, What};
use crate::views::humane::count_of;

/// What `check` is told.
#[derive(Args)]
#[command(after_help = "\
Examples:
  podlapse check pod.yaml crash.yaml
  podlapse check manifests/ --deny-warnings      in CI: exit 1 when there is a warning
  podlapse check pod.yaml --allow image-tag      a warning that is not wanted

Each warning names its lint in brackets; docs/lints.md explains them.

Exit status: 0 the input can be used, 1 it has warnings and they are denied, 2 it cannot be used.")]
pub(super) struct Arguments {
    /// Manifests and at most one Scenario: files, directories (the files directly in them) or -, standard input
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Exit with 1 when there is a warning
    #[arg(long)]
    deny_warnings: bool,
    /// Do not warn of that; may be given several times
    #[arg(long, value_name = "LINT", value_parser = lint_name)]
    allow: Vec<String>,
    /// Which Kubernetes' kubelet and API server to be, in place of what the scenario says
    #[arg(long, value_name = "VERSION", value_parser = version)]
    kubernetes_version: Option<Version>,
}

fn lint_name(text: &str) -> Result<String, String> {
    let known = crate::check::lints::NAMES;
    if known.contains(&text) {
        Ok(text.to_owned())
    } else {
        Err(format!("it is one of {}", known.join(", ")))
    }
}

/// Runs the command.
pub(super) fn run(arguments: &Arguments, printer: Printer) -> Result<Exit, Trouble> {
    let sources = sources::read(&arguments.files)?;
    let version = arguments.kubernetes_version;
    let ((input, expectations), warnings) = load::decode(&sources, version, printer.colour_errors())?;
    let mut found = lints(&input);
    found.retain(|lint| !arguments.allow.iter().any(|allowed| *allowed == lint.name));
    let all = warnings.len() + found.len();
    for warning in warnings.into_iter().chain(diagnostics(&found, &sources)) {
        printer.input_warning(&warning);
    }
    // Of a long run only what it assumes is kept.
    let assumed: Rc<RefCell<Vec<Record>>> = Rc::default();
    let sink = assumed.clone();
    sim::run_with(&input, move |record| {
        if matches!(record.what, What::Assumed { .. }) {
            sink.borrow_mut().push(record);
        }
    });
    for line in assumptions::lines(&input, &assumed.borrow()) {
        printer.remark(line);
    }
    printer.remark(format_args!(
        "{}, {}, {}",
        count_of(input.pods.len(), "pod"),
        count_of(expectations.len(), "expectation"),
        count_of(all, "warning"),
    ));
    if arguments.deny_warnings && all > 0 {
        return Ok(Exit::Failure);
    }
    Ok(Exit::Success)
}
