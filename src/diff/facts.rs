//! What differs without a time of its own: texts of events and statuses, how often an event comes, fields of the API.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::scenario::types::Input;
use crate::trace::{Record, What};
use crate::views::kubectl;
use crate::views::objects::{Change, Store};

/// What a run shows, by what it is about: texts without their numbers, each with the first that was met.
pub(super) type Facts = BTreeMap<Key, BTreeMap<String, String>>;

/// What a fact is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Key {
    /// The texts of an event: pod, field path, reason.
    EventText(String, String, &'static str),
    /// How often it comes.
    EventCount(String, String, &'static str),
    /// The texts of a field of the status: pod, path.
    Text(String, String),
    /// That a field is there at all: pod, path.
    Field(String, String),
    /// What kubectl shows as its STATUS: pod.
    Kubectl(String),
}

/// Something that differs without a time of its own.
#[derive(Clone, Debug)]
pub struct Fact {
    pub(super) key: Key,
    /// `event Started of web app`, `web status.observedGeneration`
    pub about: String,
    /// What each side shows.
    pub sides: [Option<String>; 2],
    /// Indices into [`super::Difference::causes`].
    pub causes: Vec<usize>,
}

/// What a run shows of one thing; what does not matter for being alike left out.
pub(super) fn seen(facts: &Facts, key: &Key) -> Option<Vec<String>> {
    facts.get(key).map(|texts| texts.keys().cloned().collect())
}

/// All facts of a run.
pub(super) fn of(records: &[Record], input: &Input, nameless: bool) -> Facts {
    let mut facts = Facts::new();
    let mut store = Store::new(input);
    let mut counts: BTreeMap<Key, u64> = BTreeMap::new();
    for record in records {
        let pod = match &record.pod {
            Some(pod) if !nameless => pod.to_string(),
            _ => String::new(),
        };
        if let Some(Change::Changed(object)) = store.apply(record) {
            if object.generation > 0 {
                let field = Key::Field(pod.clone(), "metadata.generation".to_owned());
                facts
                    .entry(field)
                    .or_default()
                    .insert("present".to_owned(), "present".to_owned());
            }
            let shown = kubectl::row_at(&object, record.at).status;
            let key = Key::Kubectl(pod.clone());
            facts.entry(key).or_default().insert(shown.clone(), shown);
        }
        match &record.what {
            What::Event(event) => {
                let path = event.field_path();
                let count = Key::EventCount(pod.clone(), path.clone(), event.reason);
                *counts.entry(count).or_default() += 1;
                facts
                    .entry(Key::EventText(pod, path, event.reason))
                    .or_default()
                    .entry(without_numbers(&event.message))
                    .or_insert_with(|| event.message.to_string());
            }
            What::Status(status) => {
                // A status that cannot be told as JSON does not exist.
                let value = serde_json::to_value(status).unwrap_or_default();
                walk(&value, "status", &pod, &mut facts);
            }
            _ => {}
        }
    }
    let counted = |n: u64| [(n.to_string(), n.to_string())].into();
    facts.extend(counts.into_iter().map(|(key, n)| (key, counted(n))));
    facts
}

/// Texts without numbers: what takes how long is told by the timeline.
fn without_numbers(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        let digit = c.is_ascii_digit() || c == '.' && out.ends_with('0');
        if !digit {
            out.push(c);
        } else if !out.ends_with('0') {
            out.push('0');
        }
    }
    out.replace("0h", "").replace("0m0s", "0s")
}

fn walk(value: &Value, path: &str, pod: &str, facts: &mut Facts) {
    match value {
        Value::Object(fields) => {
            let tells = |name: &str, value: &Value| match name {
                // That no resources were given says nothing.
                "resources" => !is_empty(value),
                // They are hostIP and podIP once more.
                "hostIPs" | "podIPs" => false,
                _ => true,
            };
            for (name, value) in fields.iter().filter(|(name, value)| tells(name, value)) {
                let path = format!("{path}.{name}");
                let field = Key::Field(pod.to_owned(), path.clone());
                let present = || "present".to_owned();
                facts.entry(field).or_default().entry(present()).or_insert_with(present);
                if let (Value::String(text), "message" | "reason") = (value, name.as_str()) {
                    let key = Key::Text(pod.to_owned(), path.clone());
                    let texts = facts.entry(key).or_default();
                    texts.entry(without_numbers(text)).or_insert_with(|| text.clone());
                }
                walk(value, &path, pod, facts);
            }
        }
        Value::Array(items) => {
            for item in items {
                walk(item, &format!("{path}[]"), pod, facts);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn is_empty(value: &Value) -> bool {
    value.as_object().is_some_and(serde_json::Map::is_empty)
}

/// The facts that differ.
pub(super) fn differing(old: &Facts, new: &Facts) -> Vec<Fact> {
    let keys: BTreeSet<&Key> = old.keys().chain(new.keys()).collect();
    let mut facts = Vec::new();
    for key in keys {
        let none = BTreeMap::new();
        let (before, after) = (old.get(key).unwrap_or(&none), new.get(key).unwrap_or(&none));
        if before.keys().eq(after.keys()) || covered(key, old, new) {
            continue;
        }
        let only = |this: &BTreeMap<String, String>, that: &BTreeMap<String, String>| {
            let own = this.iter().find(|(text, _)| !that.contains_key(*text));
            own.or(this.first_key_value()).map(|(_, text)| text.clone())
        };
        facts.push(Fact {
            key: key.clone(),
            about: about(key),
            sides: [only(before, after), only(after, before)],
            causes: Vec::new(),
        });
    }
    facts
}

/// Whether another fact says as much: fields within one that is missing altogether, counts of an event that is.
fn covered(key: &Key, old: &Facts, new: &Facts) -> bool {
    let differs = |key: &Key| old.contains_key(key) != new.contains_key(key);
    match key {
        Key::EventText(pod, path, reason) => differs(&Key::EventCount(pod.clone(), path.clone(), reason)),
        Key::EventCount(..) | Key::Kubectl(_) => false,
        Key::Text(pod, path) => differs(&Key::Field(pod.clone(), path.clone())),
        Key::Field(pod, path) => path
            .match_indices('.')
            .any(|(at, _)| differs(&Key::Field(pod.clone(), path[..at].trim_end_matches("[]").to_owned()))),
    }
}

fn about(key: &Key) -> String {
    use crate::views::humane::short_name;
    let joined = |parts: &[&str]| {
        let parts: Vec<&str> = parts.iter().copied().filter(|part| !part.is_empty()).collect();
        parts.join(" ")
    };
    match key {
        Key::EventText(pod, path, reason) => joined(&[short_name(pod), path, &format!("event {reason}")]),
        Key::EventCount(pod, path, reason) => joined(&[short_name(pod), path, &format!("events {reason}")]),
        Key::Kubectl(pod) => joined(&[short_name(pod), "STATUS as kubectl shows it"]),
        Key::Text(pod, path) | Key::Field(pod, path) => joined(&[short_name(pod), path]),
    }
}
