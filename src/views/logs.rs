//! What containers wrote, as `kubectl logs` shows it.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::api::pod::{Name, is_called};
use crate::kernel::Time;
use crate::scenario::lookup::parts;
use crate::trace::{Record, What};

/// Whose lines are shown.
#[derive(Clone, Debug)]
pub struct Options {
    /// name of the pod, with or without its namespace; None: of every pod
    pub pod: Option<String>,
    /// only of pods in this namespace
    pub namespace: Option<String>,
    /// name of the container; None: of every container
    pub container: Option<String>,
    /// only what was written until then
    pub until: Time,
    /// which lives of each container
    pub attempts: Attempts,
    /// each line after its time and container
    pub prefix: bool,
}

/// Which lives of a container are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attempts {
    /// all of them
    All,
    /// the last one, as `kubectl logs`
    Last,
    /// the one before it, as `kubectl logs --previous`
    Previous,
}

/// The number of a container's last attempt until then; None before its first one. The pod's name is the full one.
pub fn last_attempt(records: &[Record], pod: &str, container: &str, until: Time) -> Option<u32> {
    let mut found = None;
    for record in records.iter().take_while(|record| record.at <= until) {
        if record.pod.as_deref() == Some(pod) && record.container.as_deref() == Some(container) {
            found = found.max(record.attempt);
        }
    }
    found
}

/// The lines, in order.
pub fn render(records: &[Record], options: &Options) -> String {
    let records = &records[..records.partition_point(|record| record.at <= options.until)];
    let mut last: BTreeMap<(&Option<Name>, &Option<Name>), u32> = BTreeMap::new();
    for record in records {
        if let Some(attempt) = record.attempt {
            let newest = last.entry((&record.pod, &record.container)).or_default();
            *newest = attempt.max(*newest);
        }
    }
    let is_wanted = |record: &Record| {
        let full = record.pod.as_deref().unwrap_or_default();
        let (namespace, name) = parts(full);
        let container = options.container.as_deref();
        let newest = last.get(&(&record.pod, &record.container)).copied();
        options.pod.as_deref().is_none_or(|pod| is_called(pod, namespace, name))
            && options.namespace.as_deref().is_none_or(|wanted| wanted == namespace)
            && container.is_none_or(|container| record.container.as_deref() == Some(container))
            && match options.attempts {
                Attempts::All => true,
                Attempts::Last => record.attempt == newest,
                Attempts::Previous => record.attempt.map(|attempt| attempt + 1) == newest,
            }
    };
    let mut text = String::new();
    for record in records.iter().filter(|record| is_wanted(record)) {
        let What::Log { text: line, .. } = &record.what else {
            continue;
        };
        if options.prefix {
            let millis = record.at.as_nanos() / 1_000_000;
            let (pod, container) = (
                record.pod.as_deref().unwrap_or("-"),
                record.container.as_deref().unwrap_or("-"),
            );
            let _ = write!(text, "{:>6}.{:03} {pod}/{container} ", millis / 1000, millis % 1000);
        }
        text.push_str(line);
        text.push('\n');
    }
    text
}
