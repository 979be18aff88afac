//! Environment variables and resources of containers (validation.go: ValidateEnv, ValidateEnvFrom).

use std::sync::Arc;

use super::names::Form;
use crate::api::node::{Node, Value};
use crate::api::pod::{EnvFrom, EnvValue, EnvVar, Name, PodSpec};
use crate::api::quantity;
use crate::api::resources::{Field, of_containers};
use crate::api::shape::{Problems, unsupported};

const SOURCES: [&str; 5] = [
    "fieldRef",
    "resourceFieldRef",
    "configMapKeyRef",
    "secretKeyRef",
    "fileKeyRef",
];

/// containers[].env[]
pub(super) fn variable(problems: &mut Problems<'_>, node: &Node) -> EnvVar {
    let name = node.filled_at("name").cloned();
    let value = node.text_at("value").cloned().unwrap_or_else(|| "".into());
    let value = match node.get("valueFrom") {
        None => EnvValue::Literal(value),
        Some(from) => {
            if !value.is_empty() {
                problems.invalid(from, "may not be specified when `value` is not empty");
            }
            value_from(problems, from)
        }
    };
    EnvVar {
        name: name.unwrap_or_else(|| "".into()),
        value,
    }
}

fn value_from(problems: &mut Problems<'_>, from: &Node) -> EnvValue {
    match SOURCES.iter().filter(|source| from.get(source).is_some()).count() {
        0 => {
            problems.invalid(
                from,
                "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`",
            );
        }
        1 => {}
        _ => {
            problems.invalid(from, "may not have more than one field specified at a time");
        }
    }
    let mut reference = |kind: &str| {
        let node = from.get(kind)?;
        let mut needed = |field: &str| {
            if node.filled_at(field).is_none() {
                problems.required(node, field, "");
            }
            node.text_at(field).cloned().unwrap_or_else(|| "".into())
        };
        Some((
            needed("name"),
            needed("key"),
            node.boolean_at("optional").unwrap_or(false),
        ))
    };
    if let Some((name, key, optional)) = reference("configMapKeyRef") {
        return EnvValue::ConfigMapKey { name, key, optional };
    }
    if let Some((name, key, optional)) = reference("secretKeyRef") {
        return EnvValue::SecretKey { name, key, optional };
    }
    let Some(field) = from.get("fieldRef") else {
        return EnvValue::Other;
    };
    match field.filled_at("fieldPath") {
        None => {
            problems.required(field, "fieldPath", "");
            EnvValue::Other
        }
        Some(path) => {
            if !is_field_path(path)
                && let Some(node) = field.get("fieldPath")
            {
                problems.unsupported(node, &FIELD_PATHS);
            }
            EnvValue::Field(path.clone())
        }
    }
}

/// What a variable may be set from (`validEnvDownwardAPIFieldPathExpressions`).
const FIELD_PATHS: [&str; 9] = [
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
    "spec.nodeName",
    "spec.serviceAccountName",
    "status.hostIP",
    "status.hostIPs",
    "status.podIP",
    "status.podIPs",
];

fn is_field_path(path: &str) -> bool {
    let of_map = ["metadata.labels['", "metadata.annotations['"];
    FIELD_PATHS.contains(&path) || path.ends_with("']") && of_map.iter().any(|start| path.starts_with(start))
}

/// containers[].envFrom[]
pub(super) fn source(problems: &mut Problems<'_>, node: &Node) -> Option<EnvFrom> {
    let (config_map, secret) = (node.get("configMapRef"), node.get("secretRef"));
    let from = match (config_map, secret) {
        (None, None) => {
            problems.invalid(node, "must specify one of: `configMapRef` or `secretRef`");
            return None;
        }
        (Some(_), Some(_)) => {
            problems.invalid(node, "may not have more than one field specified at a time");
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

/// Whose resources they are.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    Container,
    Pod,
}

/// Resources that nodes have besides those that devices give.
const OF_CONTAINERS: [&str; 3] = ["cpu", "ephemeral-storage", "memory"];
const OF_PODS: [&str; 3] = ["cpu", "hugepages-", "memory"];
const HUGE_PAGES: &str = "hugepages-";
/// Resources that only quotas know (`standardResources`).
const OF_QUOTAS: [&str; 17] = [
    "configmaps",
    "limits.cpu",
    "limits.ephemeral-storage",
    "limits.memory",
    "persistentvolumeclaims",
    "pods",
    "replicationcontrollers",
    "requests.cpu",
    "requests.ephemeral-storage",
    "requests.memory",
    "requests.storage",
    "resourcequotas",
    "secrets",
    "services",
    "services.loadbalancers",
    "services.nodeports",
    "storage",
];

/// What is wrong with the name of a resource (`validateContainerResourceName`, `validatePodResourceName`).
fn resource_name_error(name: &str, scope: Scope) -> Option<String> {
    let invalid = |message: &str| Some(format!("Invalid value: {name:?}: {message}"));
    if let Some(message) = Form::LabelKey.error(name) {
        return invalid(&message);
    }
    let is_huge = name.starts_with(HUGE_PAGES);
    let is_for_containers = OF_CONTAINERS.contains(&name) || is_huge;
    let is_for_quotas = OF_QUOTAS.contains(&name) || name.starts_with("requests.hugepages-");
    if !name.contains('/') && !is_for_containers && !is_for_quotas {
        return invalid("must be a standard resource type or fully qualified");
    }
    match scope {
        Scope::Pod if is_huge || OF_PODS.contains(&name) => None,
        Scope::Pod => Some(unsupported(&format!("{name:?}"), &OF_PODS)),
        Scope::Container if !name.contains('/') => {
            if is_for_containers {
                None
            } else {
                invalid("must be a standard resource for containers")
            }
        }
        // A quota names it with `requests.` before it.
        Scope::Container if is_extended(name) => {
            let in_quota = format!("requests.{name}");
            let is_wrong = name.starts_with("requests.") || Form::LabelKey.error(&in_quota).is_some();
            if is_wrong {
                invalid("doesn't follow extended resource name standard")
            } else {
                None
            }
        }
        Scope::Container => None,
    }
}

/// Whether a device gives it (`!IsNativeResource`).
fn is_extended(name: &str) -> bool {
    name.contains('/') && !name.contains("kubernetes.io/")
}

/// Names and amounts of limits or requests, each by itself.
fn amounts_alone(problems: &mut Problems<'_>, amounts: Option<&Node>, scope: Scope) {
    let Some(node) = amounts else { return };
    let path = problems.path(node);
    for (key, amount) in node.fields() {
        let name = &*key.name;
        if let Some(message) = resource_name_error(name, scope) {
            problems.mark(key.span, format!("{path}[{name}]: {message}"));
        }
        let Some(nano) = nano(amount) else { continue };
        let message = if nano < 0 {
            "must be greater than or equal to 0"
        } else if is_extended(name) && nano % 1_000_000_000 != 0 {
            "must be an integer"
        } else {
            continue;
        };
        let shown = written(amount);
        problems.mark(
            amount.mark(),
            format!("{path}[{name}]: Invalid value: {shown:?}: {message}"),
        );
    }
}

/// Limits and requests of one resource, which does not need to be requested as it is limited (`IsOvercommitAllowed`).
fn may_differ(name: &str) -> bool {
    !is_extended(name) && !name.starts_with(HUGE_PAGES)
}

/// resources of a container or of a pod: limits without a request are requests too (`SetDefaults_Pod`); None when there
/// is nothing (`validateResourceRequirements`).
pub(super) fn resources(
    problems: &mut Problems<'_>,
    node: Option<&Node>,
    scope: Scope,
) -> Option<Arc<serde_json::Value>> {
    let node = node?;
    let amounts = |field: &str| node.get(field).map_or(&[][..], Node::fields);
    for field in ["limits", "requests"] {
        amounts_alone(problems, node.get(field), scope);
    }
    let names = || {
        amounts("limits")
            .iter()
            .chain(amounts("requests"))
            .map(|(key, _)| &*key.name)
    };
    if names().any(|name| name.starts_with(HUGE_PAGES)) && !names().any(|name| matches!(name, "cpu" | "memory")) {
        problems.forbidden(node, "HugePages require cpu or memory");
    }
    let mut requests = serde_json::Map::new();
    let mut limits = serde_json::Map::new();
    for (key, limit) in amounts("limits") {
        limits.insert(key.name.to_string(), written(limit).into());
        requests.insert(key.name.to_string(), written(limit).into());
    }
    for (key, request) in amounts("requests") {
        let limit = amounts("limits").iter().find(|(limit, _)| limit.name == key.name);
        match limit {
            Some((_, limit)) if nano(request) != nano(limit) && !may_differ(&key.name) => {
                let message = format!("must be equal to {} limit of {}", key.name, written(limit));
                problems.invalid(request, &message);
            }
            Some((_, limit)) if nano(request) > nano(limit) => {
                let message = format!("must be less than or equal to {} limit of {}", key.name, written(limit));
                problems.invalid(request, &message);
            }
            None if !may_differ(&key.name) => {
                let path = problems.path(node);
                let message = "Required value: Limit must be set for non overcommitable resources";
                problems.mark(key.span, format!("{path}.limits: {message}"));
            }
            _ => {}
        }
        requests.insert(key.name.to_string(), written(request).into());
    }
    let mut both = serde_json::Map::new();
    for (name, amounts) in [("limits", limits), ("requests", requests)] {
        if !amounts.is_empty() {
            both.insert(name.to_owned(), amounts.into());
        }
    }
    (!both.is_empty()).then(|| Arc::new(both.into()))
}

/// spec.resources: what is not requested there is requested as by the containers together, else as it is limited
/// (`defaultPodRequests`).
pub(super) fn pod_resources(
    problems: &mut Problems<'_>,
    node: &Node,
    spec: &PodSpec,
) -> Option<Arc<serde_json::Value>> {
    let mut resources = resources(problems, node.get("resources"), Scope::Pod)?;
    if resources["limits"].is_object() {
        let requested = of_containers(spec, Field::Requests, |_| {});
        for name in ["cpu", "memory"] {
            if node.at(&["resources", "requests", name]).is_none()
                && let Some(amount) = requested.get(name)
            {
                let amount = quantity::write(amount.nano, amount.like);
                Arc::make_mut(&mut resources)["requests"][name] = amount.into();
            }
        }
    }
    Some(resources)
}

/// spec.overhead; None when there is nothing.
pub(super) fn overhead(node: &Node) -> Option<Arc<serde_json::Value>> {
    let amounts = node.get("overhead")?.fields().iter();
    let amounts: serde_json::Map<_, _> = amounts
        .map(|(key, amount)| (key.name.to_string(), written(amount).into()))
        .collect();
    (!amounts.is_empty()).then(|| Arc::new(amounts.into()))
}

/// An amount as the API server writes it.
fn written(amount: &Node) -> String {
    let text = match &amount.value {
        Value::Text(text) => text.to_string(),
        _ => amount.to_json().to_string(),
    };
    quantity::canonical(&text).unwrap_or(text)
}

fn nano(amount: &Node) -> Option<i128> {
    quantity::parse(&written(amount))
}
