//! Volumes of a pod (validation.go: ValidateVolumes).

use std::collections::BTreeSet;

use super::container::{default_pull_policy, pull_policy};
use crate::api::node::Node;
use crate::api::pod::{Name, Volume, VolumeSource};
use crate::api::shape::Problems;

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
        _ => VolumeSource::Plain,
    }
}
