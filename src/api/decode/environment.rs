//! Environment variables of containers (validation.go: ValidateEnv, ValidateEnvFrom).

use super::fields;
use crate::api::node::Node;
use crate::api::pod::{EnvFrom, EnvValue, EnvVar, Name};
use crate::api::shape::Problems;

const SOURCES: [&str; 5] = [
    "fieldRef",
    "resourceFieldRef",
    "configMapKeyRef",
    "secretKeyRef",
    "fileKeyRef",
];

/// containers[].env[]
pub(super) fn variable(problems: &mut Problems<'_>, node: &Node, spec: &Node) -> EnvVar {
    let name = node.filled_at("name").cloned();
    let value = node.text_at("value").cloned().unwrap_or_else(|| "".into());
    let value = match node.get("valueFrom") {
        None => EnvValue::Literal(value),
        Some(from) => {
            let message = match SOURCES.iter().filter(|source| from.get(source).is_some()).count() {
                0 => Some(
                    "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`",
                ),
                _ if !value.is_empty() => Some("may not be specified when `value` is not empty"),
                1 => None,
                _ => Some("may not have more than one field specified at a time"),
            };
            if let Some(message) = message {
                problems.at(from, &format!("Invalid value: \"\": {message}"));
            }
            value_from(problems, from, spec)
        }
    };
    EnvVar {
        name: name.unwrap_or_else(|| "".into()),
        value,
    }
}

fn value_from(problems: &mut Problems<'_>, from: &Node, spec: &Node) -> EnvValue {
    let mut reference = |kind: &str| {
        let node = from.get(kind)?;
        if node.filled_at("key").is_none() {
            problems.required(node, "key", "");
        }
        let text = |field: &str| node.text_at(field).cloned().unwrap_or_else(|| "".into());
        Some((text("name"), text("key"), node.boolean_at("optional").unwrap_or(false)))
    };
    let config_map = reference("configMapKeyRef");
    let secret = reference("secretKeyRef");
    let path = problems.path(from);
    let field = from.get("fieldRef");
    let field = field.and_then(|node| fields::field(problems, node, &format!("{path}.fieldRef"), fields::OF_VARIABLES));
    if let Some(node) = from.get("resourceFieldRef") {
        fields::resource(problems, node, &format!("{path}.resourceFieldRef"), false);
    }
    if let Some(node) = from.get("fileKeyRef") {
        fields::key_of_file(problems, node, spec);
    }
    if let Some((name, key, optional)) = config_map {
        EnvValue::ConfigMapKey { name, key, optional }
    } else if let Some((name, key, optional)) = secret {
        EnvValue::SecretKey { name, key, optional }
    } else {
        field.map_or(EnvValue::Other, EnvValue::Field)
    }
}

/// containers[].envFrom[]
pub(super) fn source(problems: &mut Problems<'_>, node: &Node) -> Option<EnvFrom> {
    let (config_map, secret) = (node.get("configMapRef"), node.get("secretRef"));
    // The API server names the list, not the item.
    let mut of_list = |message: &str| {
        let path = problems.path(node);
        let list = path.rsplit_once('[').map_or(&*path, |(list, _)| list);
        problems.mark(node.mark(), format!("{list}: Invalid value: \"\": {message}"));
    };
    let from = match (config_map, secret) {
        (None, None) => {
            of_list("must specify one of: `configMapRef` or `secretRef`");
            return None;
        }
        (Some(_), Some(_)) => {
            of_list("may not have more than one field specified at a time");
            return None;
        }
        (Some(from), None) | (None, Some(from)) => from,
    };
    if from.filled_at("name").is_none() {
        problems.required(from, "name", "");
    }
    let name: Name = from.text_at("name").cloned().unwrap_or_else(|| "".into());
    let optional = from.boolean_at("optional").unwrap_or(false);
    Some(if config_map.is_some() {
        EnvFrom::ConfigMap { name, optional }
    } else {
        EnvFrom::Secret { name, optional }
    })
}
