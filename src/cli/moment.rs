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
use crate::api::pod::Pod;
use crate::kernel::{Duration, Time};
use crate::scenario::duration;
use crate::scenario::load::load_as;
use crate::scenario::named::{self, Meant};
use crate::scenario::types::Input;
use crate::sim;
use crate::trace::Record;

/// Which run, and when.
#[derive(Args)]
pub(super) struct Place {
    /// Manifests and at most one Scenario: files, directories (the files directly in them) or -, standard input. NAME before
    /// them is a pod's name, NAMESPACE/NAME or pod/NAME
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

/// The name of the pod that is asked for, and the files: the name is `given` otherwise, or stands before the files as it
/// does for kubectl. `command` is what was written before those, if it takes a name.
///
/// # Errors
/// The pod is named twice, or there is nothing but a name: no file is called that.
pub(super) fn name_first<'f>(
    command: Option<&str>,
    given: Option<&str>,
    files: &'f [PathBuf],
) -> Result<(Option<String>, &'f [PathBuf]), Trouble> {
    let is_name = |path: &PathBuf| !path.exists() && looks_like_a_name(path);
    match (files, given) {
        ([name], None) if is_name(name) => {
            let name = name.display();
            let example = command.map_or(String::new(), |command| {
                format!("; if it is the name of a pod, files come after it: {command} {name} FILE…")
            });
            Err(Trouble::Message(format!("{name}: there is no such file{example}")))
        }
        ([name, _, ..], Some(given)) if is_name(name) => {
            let message = format!(
                "the pod is named twice: {given:?}, and {:?} before the files",
                name.display()
            );
            Err(Trouble::Message(message))
        }
        ([name, rest @ ..], None) if is_name(name) => Ok((Some(name.display().to_string()), rest)),
        _ => Ok((given.map(str::to_owned), files)),
    }
}

/// Whether it may be a pod's name rather than a file that is missing: `web`, `shop/web` or `pod/web`, but nothing that ends
/// as manifests do.
fn looks_like_a_name(path: &Path) -> bool {
    let text = path.to_string_lossy();
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '.');
    let parts: Vec<&str> = without_kind(&text).split('/').collect();
    let named = |part: &&str| part.starts_with(|c: char| c.is_ascii_alphanumeric()) && part.chars().all(allowed);
    parts.len() <= 2 && parts.iter().all(named) && !sources::is_manifest(path)
}

impl Place {
    /// Runs up to the moment; with the name of the pod, as [`name_first`] has it.
    pub(super) fn run_of(
        &self,
        command: Option<&str>,
        given: Option<&str>,
        printer: Printer,
    ) -> Result<(Option<String>, Moment), Trouble> {
        let (name, files) = name_first(command, given, &self.files)?;
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

/// The name of `pod/web`, which may have its namespace before it.
fn without_kind(name: &str) -> &str {
    let kinds = ["pod/", "pods/", "po/"];
    let mut rests = kinds.into_iter().filter_map(|kind| name.strip_prefix(kind));
    rests.next().unwrap_or(name)
}

/// The pod that is asked for: by a name as kubectl takes it or as `namespace/name`, and perhaps by a namespace.
///
/// # Errors
/// No pod is called that, or several are, or the two say different namespaces.
pub(super) fn pod<'i>(input: &'i Input, namespace: Option<&str>, name: &str) -> Result<&'i Pod, Trouble> {
    let given = without_kind(name);
    let name = match (namespace, given.split_once('/')) {
        (Some(namespace), None) => &*format!("{namespace}/{given}"),
        (Some(namespace), Some((other, _))) if other != namespace => {
            let message = format!("--namespace is {namespace:?}, but the pod is named {given:?}");
            return Err(Trouble::Message(message));
        }
        _ => given,
    };
    match named::pods(input, name) {
        Meant::One(pod) => Ok(pod),
        Meant::Nothing => Err(no_pod(input, name)),
        Meant::Several(pods) => {
            let (message, which) = named::several_pods(name, &pods);
            Err(Trouble::Message(format!("{message}; {which}, or with --namespace")))
        }
    }
}

/// The pod of that name is not there yet, or any more.
pub(super) fn not_there(name: &str) -> Trouble {
    let name = without_kind(name);
    Trouble::Message(format!("pods {name:?} not found: it does not exist at that time"))
}

/// Nothing is called that; what is.
fn no_pod(input: &Input, name: &str) -> Trouble {
    let pods = input.pods.iter().map(|p| (&*p.pod.namespace, &*p.pod.name));
    let names = named::nearest_first(name, named::all_like(pods, name));
    Trouble::Message(format!("no pod is named {name:?}; there are: {names}"))
}
