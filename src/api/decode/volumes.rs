//! Volumes of a pod (validation.go: ValidateVolumes).

use std::collections::BTreeSet;

use super::container::{default_pull_policy, pull_policy};
use super::fields;
use super::names::{self, Form};
use super::resources::written;
use crate::api::node::Node;
use crate::api::pod::{Name, Volume, VolumeSource};
use crate::api::quantity;
use crate::api::shape::{Problems, unsupported};

/// spec.volumes
pub(super) fn volumes(problems: &mut Problems<'_>, spec: &Node) -> Vec<Volume> {
    let mut names: BTreeSet<Name> = BTreeSet::new();
    let mut volumes = Vec::new();
    for node in spec.list("volumes") {
        super::names::label(problems, node, "name");
        if let Some(name) = node.filled_at("name")
            && !names.insert(name.clone())
            && let Some(name) = node.get("name")
        {
            problems.duplicate(name);
        }
        let mut sources = node
            .fields()
            .iter()
            .filter(|(key, value)| &*key.name != "name" && !value.is_null());
        let source = sources.next();
        for (_, another) in sources {
            problems.forbidden(another, "may not specify more than 1 volume type");
        }
        volumes.push(Volume {
            name: node.text_at("name").cloned().unwrap_or_else(|| "".into()),
            // Without a source it is an emptyDir (`SetDefaults_Volume`).
            source: source.map_or(VolumeSource::Plain, |(key, node)| {
                self::source(problems, &key.name, node)
            }),
        });
    }
    volumes
}

fn source(problems: &mut Problems<'_>, kind: &str, node: &Node) -> VolumeSource {
    let optional = node.boolean_at("optional").unwrap_or(false);
    let mut needed = |field: &str| {
        if node.filled_at(field).is_none() {
            problems.required(node, field, "");
        }
        node.text_at(field).cloned().unwrap_or_else(|| "".into())
    };
    match kind {
        "configMap" => VolumeSource::ConfigMap {
            name: needed("name"),
            optional,
        },
        "secret" => VolumeSource::Secret {
            name: needed("secretName"),
            optional,
        },
        "persistentVolumeClaim" => VolumeSource::Claim {
            name: needed("claimName"),
        },
        "image" => {
            let reference = needed("reference");
            let given = pull_policy(problems, node, "pullPolicy");
            VolumeSource::Image {
                pull_policy: given.unwrap_or_else(|| default_pull_policy(&reference)),
                reference,
            }
        }
        "hostPath" => {
            needed("path");
            VolumeSource::Plain
        }
        "emptyDir" => {
            if let Some(size) = node.get("sizeLimit")
                && quantity::parse(&written(size)).is_some_and(|nano| nano < 0)
            {
                problems.forbidden(size, "SizeLimit field must be a valid resource quantity");
            }
            VolumeSource::Plain
        }
        "downwardAPI" => {
            let path = problems.path(node);
            for item in node.list("items") {
                fields::file(problems, item, &path);
            }
            VolumeSource::Plain
        }
        "ephemeral" => {
            if let Some(template) = node.get("volumeClaimTemplate") {
                claim_template(problems, template);
            }
            VolumeSource::Plain
        }
        "projected" => {
            projected(problems, node);
            VolumeSource::Plain
        }
        _ => VolumeSource::Plain,
    }
}

/// projected.sources (`validateProjectionSources`). Sources that are behind gates which are off are dropped before.
fn projected(problems: &mut Problems<'_>, node: &Node) {
    let path = problems.path(node);
    let mut taken: BTreeSet<Name> = BTreeSet::new();
    for source in node.list("sources") {
        let kinds = ["secret", "configMap", "downwardAPI", "serviceAccountToken"];
        if kinds.iter().filter(|kind| source.get(kind).is_some()).count() > 1 {
            problems.forbidden(source, "may not specify more than 1 volume type per source");
        }
        for kind in &kinds[..3] {
            let Some(given) = source.get(kind) else { continue };
            let inner = problems.path(given);
            for item in given.list("items") {
                if *kind == "downwardAPI" {
                    fields::file(problems, item, &inner);
                }
                let Some(file) = item.filled_at("path").filter(|file| !taken.insert((*file).clone())) else {
                    continue;
                };
                // Of an object that is projected its name is told, not the file's.
                let shown = match *kind {
                    "downwardAPI" => file.clone(),
                    _ => given.text_at("name").cloned().unwrap_or_else(|| "".into()),
                };
                let mark = item.get("path").unwrap_or(item).mark();
                let message = format!("Invalid value: {:?}: conflicting duplicate paths", &*shown);
                problems.mark(mark, format!("{path}: {message}"));
            }
        }
        let Some(token) = source.get("serviceAccountToken") else {
            continue;
        };
        let mark = token.get("path").unwrap_or(token).mark();
        // The API server forgets in which source it is.
        match token.filled_at("path") {
            None => {
                problems.mark(mark, format!("{path}.path: Required value"));
            }
            Some(file) => {
                if let Some(message) = Form::LocalPath.error(file) {
                    let file = &**file;
                    problems.mark(mark, format!("{path}.path: Invalid value: {file:?}: {message}"));
                }
            }
        }
    }
}

const ACCESS_MODES: [&str; 4] = ["ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"];

/// ephemeral.volumeClaimTemplate (`ValidatePersistentVolumeClaimTemplate`)
fn claim_template(problems: &mut Problems<'_>, template: &Node) {
    for (key, node) in template.get("metadata").map_or(&[][..], Node::fields) {
        let is_empty = node.is_null() || node.text().is_some_and(|text| text.is_empty());
        if !is_empty && !matches!(&*key.name, "annotations" | "labels") {
            let path = problems.path(template);
            problems.mark(
                key.span,
                format!("{path}.metadata.{}: Forbidden: cannot be set", key.name),
            );
        }
    }
    let path = format!("{}.spec", problems.path(template));
    claim_spec(problems, &path, template.get("spec").unwrap_or(template));
}

/// The spec of a claim for a volume (`ValidatePersistentVolumeClaimSpec`).
pub(super) fn claim_spec(problems: &mut Problems<'_>, path: &str, spec: &Node) {
    let mark = |field: &str| spec.get(field).unwrap_or(spec).mark();
    let modes = spec.list("accessModes");
    if modes.is_empty() {
        let message = format!("{path}.accessModes: Required value: at least 1 access mode is required");
        problems.mark(mark("accessModes"), message);
    }
    let word = |node: &Node| node.text().map_or("", |text| text).to_owned();
    for node in modes {
        if !ACCESS_MODES.contains(&&*word(node)) {
            problems.unsupported_at(node, &format!("{path}.accessModes"), &ACCESS_MODES);
        }
    }
    let is_alone = |node: &Node| word(node) == "ReadWriteOncePod";
    if modes.iter().any(is_alone)
        && modes
            .iter()
            .any(|node| !is_alone(node) && ACCESS_MODES.contains(&&*word(node)))
    {
        let message = format!("{path}.accessModes: Forbidden: may not use ReadWriteOncePod with other access modes");
        problems.mark(mark("accessModes"), message);
    }
    match spec.at(&["resources", "requests", "storage"]) {
        None => {
            problems.mark(mark("resources"), format!("{path}.resources[storage]: Required value"));
        }
        Some(size) => {
            let text = written(size);
            if quantity::parse(&text).is_some_and(|nano| nano <= 0) {
                let message = format!("Invalid value: {text:?}: must be greater than zero");
                problems.mark(size.mark(), format!("{path}.resources[storage]: {message}"));
            }
        }
    }
    for field in ["storageClassName", "volumeAttributesClassName"] {
        if let Some(node) = spec.get(field).filter(|_| spec.filled_at(field).is_some()) {
            names::form(problems, node, Form::Subdomain);
        }
    }
    if let Some(node) = spec.get("volumeMode") {
        let words = ["Block", "Filesystem"];
        let given = word(node);
        if !words.contains(&&*given) {
            let message = unsupported(&format!("{given:?}"), &words);
            problems.at(node, &message);
        }
    }
}
