//! What containers wrote, as `kubectl logs` shows it.

use std::fmt::Write;

use crate::kernel::Time;
use crate::trace::{Record, What};

/// Whose lines are shown.
#[derive(Clone, Debug)]
pub struct Options {
    /// name of the pod, with or without its namespace; None: of every pod
    pub pod: Option<String>,
    /// name of the container; None: of every container
    pub container: Option<String>,
    /// only what was written until then
    pub until: Time,
    /// only of the attempt before the last one, as `kubectl logs --previous`
    pub previous: bool,
    /// each line after its time and container
    pub prefix: bool,
}

/// The lines, in order.
pub fn render(records: &[Record], options: &Options) -> String {
    let of_pod = |record: &Record| {
        let full = record.pod.as_deref().unwrap_or_default();
        let name = full.split_once('/').map_or(full, |(_, name)| name);
        options.pod.as_deref().is_none_or(|pod| pod == name || pod == full)
    };
    let wanted: Vec<(&Record, &str)> = records
        .iter()
        .take_while(|record| record.at <= options.until)
        .filter(|record| of_pod(record))
        .filter(|record| {
            options
                .container
                .as_deref()
                .is_none_or(|name| record.container.as_deref() == Some(name))
        })
        .filter_map(|record| match &record.what {
            What::Log { text, .. } => Some((record, &**text)),
            _ => None,
        })
        .collect();
    let mut text = String::new();
    for (record, line) in &wanted {
        if options.previous {
            let same = |other: &&Record| other.pod == record.pod && other.container == record.container;
            let begun = records.iter().take_while(|other| other.at <= options.until);
            let last = begun.filter(same).filter_map(|other| other.attempt).max();
            if record
                .attempt
                .zip(last)
                .is_none_or(|(attempt, last)| attempt + 1 != last)
            {
                continue;
            }
        }
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
