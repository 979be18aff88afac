//! What the commands that look at a moment of a run have in common.

use std::ffi::OsStr;
use std::marker::PhantomData;
use std::path::{Path, PathBuf};

use clap::builder::{EnumValueParser, PossibleValue, TypedValueParser};
use clap::{Arg, Args, Command, ValueEnum};

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
    /// Manifests and at most one Scenario: files, directories (the files directly in them) or -, standard input
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// The moment, since the beginning of the run, such as 90s or 1h30m; by default the end
    #[arg(long, value_name = "TIME", value_parser = since_start, allow_hyphen_values = true)]
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

/// Reads `--at`.
pub(super) fn since_start(text: &str) -> Result<Duration, String> {
    // A duration itself has no sign: what is wrong is not its form.
    match text
        .strip_prefix('-')
        .map_or_else(|| duration::parse(text), duration::parse)?
    {
        _ if text.starts_with('-') => Err("it is before the run begins, which is at 0s".to_owned()),
        span => Ok(span),
    }
}

/// A kind of object, alone or with a name as kubectl takes it: `pod`, `pod/web`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target<K> {
    pub(super) kind: K,
    pub(super) name: Option<String>,
}

/// Reads a [`Target`].
#[derive(Clone, Debug, Default)]
pub(super) struct TargetParser<K>(PhantomData<K>);

impl<K: ValueEnum + Default + Send + Sync + 'static> TypedValueParser for TargetParser<K> {
    type Value = Target<K>;

    fn parse_ref(&self, command: &Command, argument: Option<&Arg>, value: &OsStr) -> Result<Target<K>, clap::Error> {
        let (kind, name) = match value.to_str().and_then(|text| text.split_once('/')) {
            Some((kind, name)) => (OsStr::new(kind), Some(name.to_owned())),
            None => (value, None),
        };
        let kind = EnumValueParser::<K>::new().parse_ref(command, argument, kind)?;
        Ok(Target { kind, name })
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        let values = K::value_variants().iter().filter_map(ValueEnum::to_possible_value);
        Some(Box::new(values))
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

    /// As [`Place::run`], with the name that the target has or that may stand before the files.
    pub(super) fn run_of<K>(&self, target: &Target<K>, printer: Printer) -> Result<(Option<String>, Moment), Trouble> {
        let (name, files) = match &target.name {
            Some(name) => (Some(name.clone()), &self.files[..]),
            None => name_first(&self.files),
        };
        Ok((name, self.run_files(files, printer)?))
    }

    /// As [`Place::run_of`], of a pod that must be named.
    pub(super) fn run_named<K>(&self, target: &Target<K>, printer: Printer) -> Result<(String, Moment), Trouble> {
        let (name, files) = match (&target.name, &self.files[..]) {
            (Some(name), files) => (name.clone(), files),
            (None, [name, files @ ..]) if !files.is_empty() => (name.display().to_string(), files),
            (None, _) => {
                let message = "which pod, of which files? Write: describe pod NAME FILE…";
                return Err(Trouble::Message(message.to_owned()));
            }
        };
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
    let kinds = ["pod/", "pods/", "po/"];
    let name = kinds
        .into_iter()
        .find_map(|kind| name.strip_prefix(kind))
        .unwrap_or(name);
    match namespace {
        // `default/web` is what the only web may be called, too.
        Some(namespace) if !name.contains('/') => format!("{namespace}/{name}"),
        _ => name.to_owned(),
    }
}

/// The pod of that name is not there yet, or any more.
pub(super) fn not_there(name: &str) -> Trouble {
    Trouble::Message(format!("pods {name:?} not found: it does not exist at that time"))
}

/// Nothing is called that; what is.
pub(super) fn no_pod(input: &Input, name: &str) -> Trouble {
    let names: Vec<&str> = input.pods.iter().map(|p| &*p.pod.name).collect();
    Trouble::Message(format!("no pod is named {name:?}; there are: {}", names.join(", ")))
}
