//! What a run took for granted in containers that act by themselves, for people to read.

use std::collections::{BTreeMap, BTreeSet};

use crate::api::pod::{Name, Pod};
use crate::scenario::types::Input;
use crate::trace::{Record, What};

/// Each thing that was assumed once, with its place in the manifest, in the order of the run. Pods of one template, and
/// restarts, say it together.
pub(super) fn lines(input: &Input, records: &[Record]) -> Vec<String> {
    let pods = input.pods.iter().map(|one| (one.pod.full_name(), &*one.pod));
    let pods: BTreeMap<Name, &Pod> = pods.collect();
    let mut lines: Vec<String> = Vec::new();
    let mut told = BTreeSet::new();
    for record in records {
        let What::Assumed { place, text, assumed } = &record.what else {
            continue;
        };
        let (pod, container) = (record.pod.as_deref(), record.container.as_deref());
        let line = format!(
            "{}, {place}: {text}; assumed: {assumed}",
            written(&pods, pod, container, place)
        );
        if told.insert(line.clone()) {
            lines.push(line);
        }
    }
    lines
}

/// Where a container stands: `pod.yaml:7:5: container app of pod default/web`.
fn written(pods: &BTreeMap<Name, &Pod>, pod: Option<&str>, container: Option<&str>, field: &str) -> String {
    let (name, container) = (pod.unwrap_or_default(), container.unwrap_or_default());
    let Some(known) = pods.get(name) else {
        return format!("container {container} of pod {name}");
    };
    let owner = match known.written.as_ref().filter(|written| &*written.kind != "Pod") {
        Some(written) => {
            let kind = written.kind.to_ascii_lowercase();
            format!("{kind} {}/{}", known.namespace, written.name)
        }
        None => format!("pod {name}"),
    };
    // Of a container the place of its command, or args, is known.
    let is_known = field.starts_with("command") || field.starts_with("args");
    let place = known.find_container(container).and_then(|(_, one)| one.place.as_ref());
    let place = place.filter(|_| is_known);
    let place = place.map_or_else(String::new, |place| format!("{place}: "));
    format!("{place}container {container} of {owner}")
}
