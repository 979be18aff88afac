//! metadata of objects (apimachinery: ValidateObjectMeta).

use std::collections::BTreeMap;

use super::names::{self, Form};
use crate::api::node::{Key, Node, Value};
use crate::api::pod::Name;
use crate::api::shape::Problems;

/// metadata as pods have it.
pub(super) struct Meta {
    pub(super) namespace: Name,
    pub(super) name: Name,
    /// the name is only a beginning (generateName)
    pub(super) generated: bool,
    pub(super) labels: BTreeMap<Name, Name>,
    pub(super) annotations: BTreeMap<Name, Name>,
}

/// Finalizers that need no domain before them (`IsStandardFinalizerName`).
const FINALIZERS: [&str; 3] = ["kubernetes", ORPHAN, FOREGROUND];
const ORPHAN: &str = "orphan";
const FOREGROUND: &str = "foregroundDeletion";

/// metadata of any object
pub(super) fn metadata(problems: &mut Problems<'_>, object: &Node) -> Meta {
    let nothing = Node {
        span: object.span,
        value: Value::Null,
    };
    let given = object.get("metadata");
    let node = given.unwrap_or(&nothing);
    let generate = node.filled_at("generateName");
    let name = node.filled_at("name");
    match (name, given) {
        (None, _) if generate.is_some() => {}
        (None, None) => {
            problems.required(object, "metadata.name", "name or generateName is required");
        }
        (None, Some(node)) => {
            problems.required(node, "name", "name or generateName is required");
        }
        (Some(_), _) => {
            if let Some(name) = node.get("name") {
                names::subdomain(problems, name);
            }
        }
    }
    if let Some(given) = node.get("generateName") {
        // The dash that it may end with is none of the name's (`maskTrailingDash`).
        let base = generate.map_or("", |base| base);
        let masked = match base.strip_suffix('-') {
            Some(rest) if !rest.is_empty() => {
                let before = rest.char_indices().next_back().map_or("", |(at, _)| &rest[..at]);
                format!("{before}a")
            }
            _ => base.to_owned(),
        };
        if let Some(message) = Form::Subdomain.error(&masked).filter(|_| !base.is_empty()) {
            problems.invalid(given, &message).hint = Form::Subdomain.hint(base);
        }
    }
    if let Some(namespace) = node.get("namespace")
        && namespace
            .text()
            .is_some_and(|text| !text.is_empty() && !names::is_dns_label(text))
    {
        names::label(problems, node, "namespace");
    }
    finalizers(problems, node);
    owners(problems, node);
    Meta {
        namespace: node.filled_at("namespace").cloned().unwrap_or_else(|| "default".into()),
        name: name.or(generate).cloned().unwrap_or_else(|| "".into()),
        generated: name.is_none(),
        labels: texts(node.get("labels")),
        annotations: texts(node.get("annotations")),
    }
}

/// A map of texts.
pub(super) fn texts(node: Option<&Node>) -> BTreeMap<Name, Name> {
    let fields = node.map_or(&[][..], Node::fields);
    let text = |(key, node): &(Key, Node)| (key.name.clone(), node.text().cloned().unwrap_or_else(|| "".into()));
    fields.iter().map(text).collect()
}

/// metadata.finalizers (`ValidateFinalizers`, `validateKubeFinalizerName`)
fn finalizers(problems: &mut Problems<'_>, meta: &Node) {
    let Some(list) = meta.get("finalizers") else { return };
    let path = problems.path(list);
    let name = |node: &Node| node.text().map_or("", |text| text).to_owned();
    for (index, node) in list.items().iter().enumerate() {
        let name = name(node);
        if let Some(message) = Form::LabelKey.error(&name) {
            problems.mark(node.mark(), format!("{path}: Invalid value: {name:?}: {message}"));
        }
        if !name.contains('/') && !FINALIZERS.contains(&&*name) {
            let message = "name is neither a standard finalizer name nor is it fully qualified";
            problems.mark(
                node.mark(),
                format!("{path}[{index}]: Invalid value: {name:?}: {message}"),
            );
        }
    }
    let has = |wanted: &str| list.items().iter().any(|node| name(node) == wanted);
    if has(ORPHAN) && has(FOREGROUND) {
        problems.invalid(list, &format!("finalizer {ORPHAN} and {FOREGROUND} cannot be both set"));
    }
}

/// metadata.ownerReferences (`ValidateOwnerReferences`)
fn owners(problems: &mut Problems<'_>, meta: &Node) {
    let Some(list) = meta.get("ownerReferences") else {
        return;
    };
    let path = problems.path(list);
    let mut controller: Option<String> = None;
    for owner in list.items() {
        let text = |field: &str| owner.text_at(field).map_or("", |text| text);
        for field in ["apiVersion", "kind", "name", "uid"] {
            let given = text(field);
            let (is_wrong, message) = match field {
                // Of a version that can't be read nothing is left.
                "apiVersion" => (
                    given.ends_with('/') || given.is_empty() || given.matches('/').count() > 1,
                    "version must not be empty",
                ),
                _ => (given.is_empty(), "must not be empty"),
            };
            if is_wrong {
                let mark = owner.get(field).unwrap_or(owner).mark();
                problems.mark(mark, format!("{path}.{field}: Invalid value: {given:?}: {message}"));
            }
        }
        if (text("apiVersion"), text("kind")) == ("v1", "Event") {
            let message = "/v1, Kind=Event is disallowed from being an owner";
            problems.mark(owner.mark(), format!("{path}: Invalid value: {{…}}: {message}"));
        }
        if owner.boolean_at("controller") != Some(true) {
            continue;
        }
        let own = format!("{}/{}", text("kind"), text("name"));
        match &controller {
            None => controller = Some(own),
            Some(first) => {
                let message = format!(
                    "Only one reference can have Controller set to true. Found \"true\" in references for {first} and {own}"
                );
                problems.invalid(list, &message);
            }
        }
    }
}

/// Annotations that mean something for pods, of a pod or of a template (`ValidatePodSpecificAnnotations`).
pub(super) fn annotations_of_pod(problems: &mut Problems<'_>, object: &Node) {
    const COST: &str = "controller.kubernetes.io/pod-deletion-cost";
    let Some(annotations) = object.at(&["metadata", "annotations"]) else {
        return;
    };
    let Some((_, node)) = annotations.fields().iter().find(|(key, _)| &*key.name == COST) else {
        return;
    };
    let cost = node.text().map_or("", |text| text);
    // Neither a plus nor zeros may stand before it.
    let is_plain = cost == "0" || cost.starts_with('-') || cost.starts_with(|first| matches!(first, '1'..='9'));
    if !is_plain || cost.parse::<i32>().is_err() {
        let path = problems.path(annotations);
        let message = format!("{path}[{COST}]: Invalid value: {cost:?}: must be a 32bit integer");
        problems.mark(node.mark(), message);
    }
}
