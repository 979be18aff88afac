//! Resources of containers and pods (validation.go: validateResourceRequirements, validatePodResources).

use std::collections::BTreeSet;
use std::sync::Arc;

use super::claims;
use super::container::PodFacts;
use super::names::Form;
use crate::api::node::{Bytes, Node, Value};
use crate::api::pod::{Name, PodSpec};
use crate::api::quantity;
use crate::api::resources::{Amount, Amounts, Field, of_containers};
use crate::api::shape::{Problems, unsupported};

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

/// One amount of limits or requests.
struct Entry<'n> {
    name: &'n str,
    /// as the API server writes it
    written: String,
    /// where its name stands, and where the amount
    key: Bytes,
    mark: Bytes,
}

impl Entry<'_> {
    fn nano(&self) -> Option<i128> {
        quantity::parse(&self.written)
    }
}

fn entries(amounts: Option<&Node>) -> Vec<Entry<'_>> {
    let fields = amounts.map_or(&[][..], Node::fields).iter();
    fields
        .map(|(key, amount)| Entry {
            name: &key.name,
            written: written(amount),
            key: key.span,
            mark: amount.mark(),
        })
        .collect()
}

/// Names and amounts of limits or requests, each by itself; `path` is theirs.
fn amounts_alone(problems: &mut Problems<'_>, path: &str, amounts: &[Entry<'_>], scope: Scope) {
    const ONE: i128 = 1_000_000_000;
    for entry in amounts {
        let Entry { name, written, .. } = entry;
        if let Some(message) = resource_name_error(name, scope) {
            problems.mark(entry.key, format!("{path}[{name}]: {message}"));
        }
        let Some(nano) = entry.nano() else { continue };
        let mut tell = |message: &str| {
            problems.mark(
                entry.mark,
                format!("{path}[{name}]: Invalid value: {written:?}: {message}"),
            );
        };
        if nano < 0 {
            tell("must be greater than or equal to 0");
        } else if is_extended(name) && nano % ONE != 0 {
            tell("must be an integer");
        }
        if let Some(size) = name.strip_prefix(HUGE_PAGES) {
            // `IsHugePageResourceValueDivisible`: an amount is rounded up first.
            let size = quantity::parse(size).filter(|size| *size > 0 && size % ONE == 0);
            let value = nano.saturating_add(ONE - 1).div_euclid(ONE);
            if size.is_none_or(|size| value % (size / ONE) != 0) {
                tell(&format!("{written} is not positive integer multiple of {name}"));
            }
        }
    }
}

/// Limits and requests of one resource, which does not need to be requested as it is limited (`IsOvercommitAllowed`).
fn may_differ(name: &str) -> bool {
    !is_extended(name) && !name.starts_with(HUGE_PAGES)
}

/// Limits and requests, each by itself and against each other; `path` is that of both.
fn requirements(
    problems: &mut Problems<'_>,
    path: &str,
    mark: Bytes,
    (limits, requests): (&[Entry<'_>], &[Entry<'_>]),
    scope: Scope,
) {
    let of_requests = format!("{path}.requests");
    amounts_alone(problems, &format!("{path}.limits"), limits, scope);
    amounts_alone(problems, &of_requests, requests, scope);
    for request in requests {
        let name = request.name;
        let limit = limits.iter().find(|limit| limit.name == name);
        let relation = match limit {
            Some(limit) if request.nano() != limit.nano() && !may_differ(name) => "equal to",
            Some(limit) if request.nano() > limit.nano() => "less than or equal to",
            None if !may_differ(name) => {
                let message = "Required value: Limit must be set for non overcommitable resources";
                problems.mark(request.key, format!("{path}.limits: {message}"));
                continue;
            }
            _ => continue,
        };
        let limit = limit.map_or("", |limit| &limit.written);
        let given = &request.written;
        let message = format!("{of_requests}: Invalid value: {given:?}: must be {relation} {name} limit of {limit}");
        problems.mark(request.mark, message);
    }
    let names = || limits.iter().chain(requests).map(|entry| entry.name);
    if names().any(|name| name.starts_with(HUGE_PAGES)) && !names().any(|name| matches!(name, "cpu" | "memory")) {
        problems.mark(mark, format!("{path}: Forbidden: HugePages require cpu or memory"));
    }
}

fn json(entries: &[Entry<'_>]) -> serde_json::Map<String, serde_json::Value> {
    let field = |entry: &Entry<'_>| (entry.name.to_owned(), entry.written.as_str().into());
    entries.iter().map(field).collect()
}

/// What is not requested is requested as it is limited, unless `known` says otherwise (`SetDefaults_Pod`).
/// A pod requests only what it may.
fn defaulted<'n>(limits: &[Entry<'n>], given: &[Entry<'n>], scope: Scope, known: &Amounts<'_>) -> Vec<Entry<'n>> {
    let may = |name: &str| scope == Scope::Container || OF_PODS.contains(&name) || name.starts_with(HUGE_PAGES);
    let missing = limits
        .iter()
        .filter(|limit| may(limit.name) && given.iter().all(|request| request.name != limit.name));
    missing
        .map(|limit| {
            let known = known.get(limit.name).filter(|_| matches!(limit.name, "cpu" | "memory"));
            let Amount { nano, like } = known.unwrap_or(Amount {
                nano: limit.nano().unwrap_or(0),
                like: &limit.written,
            });
            Entry {
                written: quantity::write(nano, like),
                ..*limit
            }
        })
        .collect()
}

/// resources of a container or of a pod; None when there is nothing. Limits of a pod without a request are requests too
/// before it is validated, those of a template only in the pods that are made of it.
fn resources_with(
    problems: &mut Problems<'_>,
    node: &Node,
    scope: Scope,
    (claims, is_pod): (&BTreeSet<Name>, bool),
    known: &Amounts<'_>,
) -> Option<Arc<serde_json::Value>> {
    let path = problems.path(node);
    let limits = entries(node.get("limits"));
    let mut requests = entries(node.get("requests"));
    let more = defaulted(&limits, &requests, scope, known);
    let mut after = Vec::new();
    let late = if is_pod { &mut requests } else { &mut after };
    late.extend(more);
    requirements(problems, &path, node.mark(), (&limits, &requests), scope);
    claims::named(problems, node, claims);
    requests.append(&mut after);
    let mut both = serde_json::Map::new();
    for (name, amounts) in [("limits", json(&limits)), ("requests", json(&requests))] {
        if !amounts.is_empty() {
            both.insert(name.to_owned(), amounts.into());
        }
    }
    (!both.is_empty()).then(|| Arc::new(both.into()))
}

/// resources of a container
pub(super) fn of_container(
    problems: &mut Problems<'_>,
    node: &Node,
    pod: &PodFacts<'_>,
) -> Option<Arc<serde_json::Value>> {
    let node = node.get("resources")?;
    let around = (pod.claims, pod.is_pod);
    resources_with(problems, node, Scope::Container, around, &Amounts::default())
}

/// spec.resources: what is not requested there is requested as by the containers together, else as it is limited
/// (`defaultPodRequests`).
pub(super) fn of_pod(
    problems: &mut Problems<'_>,
    node: &Node,
    spec: &PodSpec,
    around: (&BTreeSet<Name>, bool),
) -> Option<Arc<serde_json::Value>> {
    let given = node.get("resources")?;
    let requested = of_containers(spec, Field::Requests, |_| {});
    let mut resources = resources_with(problems, given, Scope::Pod, around, &requested)?;
    if resources["limits"].is_object() {
        for name in ["cpu", "memory"] {
            if node.at(&["resources", "requests", name]).is_none()
                && let Some(amount) = requested.get(name)
            {
                let amount = quantity::write(amount.nano, amount.like);
                Arc::make_mut(&mut resources)["requests"][name] = amount.into();
            }
        }
    }
    consistent(problems, given, spec, &resources);
    Some(resources)
}

/// A pod requests no less than its containers together, and limits none of them to less than it limits itself
/// (`validatePodResourceConsistency`).
fn consistent(problems: &mut Problems<'_>, node: &Node, spec: &PodSpec, resources: &Arc<serde_json::Value>) {
    let path = problems.path(node);
    let of_pod = |field: Field| Amounts::of(Some(resources), field);
    let mark = |field: Field, name: &str| node.at(&[field.as_str(), name]).unwrap_or(node).mark();
    let shown = |amount: Amount<'_>| quantity::write(amount.nano, amount.like);
    for field in [Field::Requests, Field::Limits] {
        let own = of_pod(field);
        for (name, together) in of_containers(spec, field, |_| {}).iter() {
            let Some(amount) = own.get(name).filter(|own| own.nano < together.nano) else {
                continue;
            };
            // Other limits may be exceeded together, only not by one alone.
            if field == Field::Limits && !name.starts_with(HUGE_PAGES) {
                continue;
            }
            let (what, own, together) = (field.as_str(), shown(amount), shown(together));
            let message = format!("must be greater than or equal to aggregate container {what} of {together}");
            let message = format!("{path}.{what}[{name}]: Invalid value: {own:?}: {message}");
            problems.mark(mark(field, name), message);
        }
    }
    let own = of_pod(Field::Limits);
    for (index, container) in spec.containers.iter().enumerate() {
        for (name, limit) in Amounts::of(container.resources.as_ref(), Field::Limits).iter() {
            if let Some(amount) = own.get(name).filter(|own| own.nano < limit.nano) {
                let (own, limit) = (shown(amount), shown(limit));
                let message = format!(
                    "{path}.containers[{index}][{name}].limits: Invalid value: {limit:?}: must be less than or equal to \
                     pod limits of {own}"
                );
                problems.mark(mark(Field::Limits, name), message);
            }
        }
    }
}

/// spec.overhead, which is checked as limits of a container are; None when there is nothing (`validateOverhead`).
pub(super) fn overhead(problems: &mut Problems<'_>, node: &Node) -> Option<Arc<serde_json::Value>> {
    let node = node.get("overhead")?;
    let amounts = entries(Some(node));
    let path = problems.path(node);
    requirements(problems, &path, node.mark(), (&amounts, &[]), Scope::Container);
    (!amounts.is_empty()).then(|| Arc::new(json(&amounts).into()))
}

/// An amount as the API server writes it.
pub(super) fn written(amount: &Node) -> String {
    let text = match &amount.value {
        Value::Text(text) => text.to_string(),
        _ => amount.to_json().to_string(),
    };
    quantity::canonical(&text).unwrap_or(text)
}
