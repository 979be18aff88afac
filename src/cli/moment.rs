//! What the commands that look at a moment of a run have in common.

use std::path::{Path, PathBuf};

use clap::Args;

use super::exit::Trouble;
use super::printer::Printer;
use super::{sources, version};
use crate::api::features::Version;
use crate::kernel::{Duration, Time};
use crate::scenario::duration;
use crate::scenario::load::load_as;
use crate::scenario::types::Input;
use crate::sim;
use crate::trace::Record;

/// Which run, and when.
#[derive(Args)]
pub(super) struct Place {
    /// Files or directories with manifests and at most one Scenario; - is standard input
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// The moment, since the beginning of the run, such as 90s or 1h30m; by default the end
    #[arg(long, value_name = "TIME", value_parser = since_start)]
    at: Option<Duration>,
    /// Which Kubernetes' kubelet and API server to be, in place of what the scenario says
    #[arg(long, value_name = "VERSION", value_parser = version)]
    kubernetes_version: Option<Version>,
}

/// A run up to a moment.
pub(super) struct Moment {
    pub(super) input: Input,
    pub(super) records: Vec<Record>,
    pub(super) time: Time,
}

fn since_start(text: &str) -> Result<Duration, String> {
    match duration::parse(text)? {
        span if span < Duration::ZERO => Err("it is before the run begins".to_owned()),
        span => Ok(span),
    }
}

/// The pod's name that stands before the files, as it does for kubectl; then the files.
pub(super) fn name_first(files: &[PathBuf]) -> (Option<String>, &[PathBuf]) {
    match files {
        [name, rest @ ..] if !rest.is_empty() && !name.exists() && looks_like_a_name(name) => {
            (Some(name.display().to_string()), rest)
        }
        _ => (None, files),
    }
}

/// Whether it may be a pod's name rather than a file that is missing: `web` or `shop/web`, but nothing that ends as
/// manifests do.
fn looks_like_a_name(path: &Path) -> bool {
    let text = path.to_string_lossy();
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '.');
    let parts: Vec<&str> = text.split('/').collect();
    let named = |part: &&str| part.starts_with(|c: char| c.is_ascii_alphanumeric()) && part.chars().all(allowed);
    parts.len() <= 2 && parts.iter().all(named) && !sources::is_manifest(path)
}

impl Place {
    /// Runs up to the moment.
    pub(super) fn run(&self, printer: Printer) -> Result<Moment, Trouble> {
        self.run_files(&self.files, printer)
    }

    /// As [`Place::run`], with the pod's name that may stand before the files.
    pub(super) fn run_of(&self, printer: Printer) -> Result<(Option<String>, Moment), Trouble> {
        let (name, files) = name_first(&self.files);
        Ok((name, self.run_files(files, printer)?))
    }

    fn run_files(&self, files: &[PathBuf], printer: Printer) -> Result<Moment, Trouble> {
        let sources = sources::read(files)?;
        let (mut input, warnings) = load_as(&sources, self.kubernetes_version)?;
        for warning in warnings {
            printer.input_warning(&warning);
        }
        // What happens later does not matter; a moment after the scenario's own end is simulated all the same.
        if let Some(at) = self.at {
            input.scenario.run_for = Some(at);
        }
        let records = sim::run(&input);
        let end = records.last().map_or(Time::ZERO, |r| r.at);
        let time = self.at.map_or(end, |at| Time::ZERO + at);
        Ok(Moment { input, records, time })
    }
}

/// The pod's name with the namespace that was asked for.
pub(super) fn qualified(namespace: Option<&str>, name: &str) -> String {
    let name = name.strip_prefix("pod/").unwrap_or(name);
    match namespace {
        // `default/web` is what the only web may be called, too.
        Some(namespace) if !name.contains('/') => format!("{namespace}/{name}"),
        _ => name.to_owned(),
    }
}

/// Nothing is called that; what is.
pub(super) fn no_pod(input: &Input, name: &str) -> Trouble {
    let names: Vec<&str> = input.pods.iter().map(|p| &*p.pod.name).collect();
    Trouble::Message(format!("no pod is named {name:?}; there are: {}", names.join(", ")))
}
