//! ConfigMaps, Secrets, Services and PriorityClasses.

use std::collections::BTreeMap;

use super::meta::metadata;
use super::{names, pull_secret};
use crate::api::node::{Node, Value};
use crate::api::objects::{Object, ObjectKind, ServicePort, ServiceSpec, TargetPort, decode_base64};
use crate::api::pod::Name;
use crate::api::shape::Problems;

/// v1.ConfigMap, v1.Secret or v1.Service.
pub(super) fn object(problems: &mut Problems<'_>, node: &Node, kind: ObjectKind) -> Object {
    let meta = metadata(problems, node);
    let (mut data, mut binary_data) = (BTreeMap::new(), BTreeMap::new());
    let (mut secret_type, mut credentials) = (None, Vec::new());
    let mut selector = BTreeMap::new();
    let mut service = ServiceSpec::default();
    match kind {
        ObjectKind::ConfigMap => {
            data.extend(texts(problems, node, "data"));
            binary_data.extend(decoded(problems, node, "binaryData"));
            keys_of_both(problems, node);
        }
        ObjectKind::Secret => {
            // What is no UTF-8 is replaced, as it is when it becomes a variable.
            let text = |bytes: Vec<u8>| Name::from(String::from_utf8_lossy(&bytes).as_ref());
            data.extend(decoded(problems, node, "data").map(|(key, bytes)| (key, text(bytes))));
            data.extend(texts(problems, node, "stringData"));
            if let Some(kind) = node.filled_at("type") {
                credentials = pull_secret::credentials(problems, node, kind, &data);
                secret_type = Some(kind.clone());
            }
        }
        ObjectKind::Service => {
            service = service_spec(problems, node);
            let spec = node.get("spec").and_then(|spec| spec.get("selector"));
            let labels = spec.map_or(&[][..], Node::fields);
            selector.extend(
                labels
                    .iter()
                    .filter_map(|(key, text)| Some((key.name.clone(), text.text()?.clone()))),
            );
        }
    }
    Object {
        kind,
        namespace: meta.namespace,
        name: meta.name,
        data,
        binary_data,
        secret_type,
        credentials,
        selector,
        service,
    }
}

/// Plain texts by key.
fn texts(problems: &mut Problems<'_>, node: &Node, field: &str) -> Vec<(Name, Name)> {
    let fields = node.get(field).map_or(&[][..], Node::fields);
    keys(problems, fields);
    fields
        .iter()
        .map(|(key, text)| (key.name.clone(), text.text().cloned().unwrap_or_else(|| "".into())))
        .collect()
}

/// What texts in base64 stand for, by key.
fn decoded<'n>(
    problems: &mut Problems<'_>,
    node: &'n Node,
    field: &str,
) -> impl Iterator<Item = (Name, Vec<u8>)> + use<'n> {
    let fields = node.get(field).map_or(&[][..], Node::fields);
    keys(problems, fields);
    let bytes = |node: &Node| node.text().and_then(|text| decode_base64(text)).unwrap_or_default();
    fields.iter().map(move |(key, node)| (key.name.clone(), bytes(node)))
}

/// No key of a ConfigMap is in both of its maps (`ValidateConfigMap`).
fn keys_of_both(problems: &mut Problems<'_>, node: &Node) {
    let Some(binary) = node.get("binaryData") else { return };
    for (key, value) in node.get("data").map_or(&[][..], Node::fields) {
        if binary.get(&key.name).is_some() {
            let (path, name) = (problems.path(value), &*key.name);
            let message = format!("{path}: Invalid value: {name:?}: duplicate of key present in binaryData");
            problems.mark(key.span, message);
        }
    }
}

/// `IsConfigMapKey`
fn keys(problems: &mut Problems<'_>, fields: &[(crate::api::node::Key, Node)]) {
    for (key, node) in fields {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
        let name = key.name.as_bytes();
        if name.is_empty() || name.len() > 253 || !name.iter().all(|b| allowed(*b)) || name == b"." || name == b".." {
            let message = format!(
                "{}: Invalid value: {:?}: a valid config key must consist of alphanumeric characters, '-', '_' or '.'",
                problems.path(node),
                &*key.name
            );
            problems.mark(key.span, message);
        }
    }
}

/// v1.ServiceSpec (`ValidateService`)
fn service_spec(problems: &mut Problems<'_>, node: &Node) -> ServiceSpec {
    let Some(spec) = node.get("spec") else {
        problems.required(node, "spec", "");
        return ServiceSpec::default();
    };
    let kind = spec.filled_at("type").map_or("ClusterIP", |kind| kind);
    let cluster_ip = spec.filled_at("clusterIP");
    let headless = cluster_ip.is_some_and(|ip| &**ip == "None");
    if !["ClusterIP", "NodePort", "LoadBalancer", "ExternalName"].contains(&kind)
        && let Some(kind) = spec.get("type")
    {
        problems.unsupported(kind, &["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"]);
    }
    let ports = spec.list("ports");
    if ports.is_empty() && !headless && kind != "ExternalName" {
        problems.required(spec, "ports", "");
    }
    ServiceSpec {
        ports: ports.iter().filter_map(|port| service_port(problems, port)).collect(),
        cluster_ip: cluster_ip.filter(|_| !headless).cloned(),
        headless,
        external_name: spec
            .filled_at("externalName")
            .filter(|_| kind == "ExternalName")
            .cloned(),
        publish_not_ready_addresses: spec.boolean_at("publishNotReadyAddresses").unwrap_or(false),
    }
}

/// v1.ServicePort (`validateServicePort`)
fn service_port(problems: &mut Problems<'_>, port: &Node) -> Option<ServicePort> {
    if let Some(name) = port.get("name")
        && name
            .text()
            .is_some_and(|text| !text.is_empty() && !names::is_dns_label(text))
    {
        names::label(problems, port, "name");
    }
    let Some(node) = port.get("port") else {
        problems.required(port, "port", "");
        return None;
    };
    let number = super::ports::number(problems, node);
    let target = match port.get("targetPort").map(|node| (node, &node.value)) {
        Some((node, Value::Text(name))) => {
            if let Some(message) = names::port_name_error(name) {
                problems.invalid(node, message);
            }
            TargetPort::Named(name.clone())
        }
        // Zero stands for none, as in Go.
        Some((node, Value::Integer(target))) if *target != 0 => {
            TargetPort::Number(super::ports::number(problems, node))
        }
        _ => TargetPort::Number(number),
    };
    Some(ServicePort {
        name: port.filled_at("name").cloned(),
        port: number,
        target,
    })
}

/// scheduling.k8s.io/v1 PriorityClass
pub(crate) struct PriorityClass {
    pub(crate) name: Name,
    pub(crate) value: i32,
    /// Pods without a class have it.
    pub(crate) global_default: bool,
    pub(crate) preemption_policy: Option<Name>,
}

pub(super) fn priority_class(problems: &mut Problems<'_>, node: &Node) -> PriorityClass {
    let meta = metadata(problems, node);
    let value: i32 = node.integer_at("value").unwrap_or(0);
    if value > 1_000_000_000
        && !meta.name.starts_with("system-")
        && let Some(node) = node.get("value")
    {
        problems.forbidden(node, "maximum allowed value of a user defined priority is 1000000000");
    }
    PriorityClass {
        name: meta.name,
        value,
        global_default: node.boolean_at("globalDefault").unwrap_or(false),
        preemption_policy: node.filled_at("preemptionPolicy").cloned(),
    }
}
