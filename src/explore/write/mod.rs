//! Writes an input down as the documents that `podlapse run` reads: what a failing run is handed over as.

mod kubelet;
mod objects;
mod pod;
mod scenario;

use serde_json::{Map, Value};

use crate::api::pod::Pod;
use crate::kernel::Duration;
use crate::scenario::types::Input;

/// The documents as one YAML text, the scenario last.
pub fn yaml(input: &Input) -> String {
    let mut text = String::new();
    let objects = input.objects.iter().map(|o| objects::object(&o.object));
    let pods = input.pods.iter().map(|p| pod::pod(&p.pod));
    let mut classes: Vec<Value> = Vec::new();
    for class in input.pods.iter().filter_map(|p| pod::priority_class(&p.pod)) {
        if !classes.contains(&class) {
            classes.push(class);
        }
    }
    let documents = classes.into_iter().chain(objects).chain(pods);
    for document in documents.chain([scenario::scenario(&input.scenario)]) {
        text.push_str("---\n");
        // A tree of strings, numbers and lists has nothing in it that YAML could not say.
        text.push_str(&serde_yaml::to_string(&document).unwrap_or_default());
        if !text.ends_with('\n') {
            text.push('\n');
        }
    }
    text
}

/// The manifest of a generated pod.
pub(super) fn manifest(generated: &Pod) -> Value {
    pod::pod(generated)
}

/// Lets the manifests of pods say what has been changed in them since they were those of `original`. Some of its pods may be
/// gone, the others are in the same order.
pub fn keep_in_step(input: &mut Input, original: &Input) {
    let mut originals = original.pods.iter().map(|p| &*p.pod);
    for changed in &mut input.pods {
        let is_its = |pod: &&Pod| pod.namespace == changed.pod.namespace && pod.name == changed.pod.name;
        if let Some(original) = originals.find(is_its)
            && changed.pod.spec != original.spec
        {
            pod::keep_in_step(&mut changed.pod, original);
        }
    }
}

/// A mapping of those fields that are there.
pub(super) struct Fields(Map<String, Value>);

impl Fields {
    pub(super) fn new() -> Fields {
        Fields(Map::new())
    }

    pub(super) fn put(&mut self, key: &str, value: impl Into<Value>) -> &mut Fields {
        self.0.insert(key.to_owned(), value.into());
        self
    }

    pub(super) fn maybe(&mut self, key: &str, value: Option<impl Into<Value>>) -> &mut Fields {
        if let Some(value) = value {
            self.put(key, value);
        }
        self
    }

    /// A list that is not empty.
    pub(super) fn list(&mut self, key: &str, values: Vec<Value>) -> &mut Fields {
        if !values.is_empty() {
            self.put(key, values);
        }
        self
    }

    /// A mapping that is not empty.
    pub(super) fn nested(&mut self, key: &str, value: Value) -> &mut Fields {
        if value.as_object().is_none_or(|fields| !fields.is_empty()) {
            self.put(key, value);
        }
        self
    }

    pub(super) fn done(&mut self) -> Value {
        Value::Object(std::mem::take(&mut self.0))
    }
}

pub(super) fn text(duration: Duration) -> Value {
    Value::String(duration.to_string())
}
