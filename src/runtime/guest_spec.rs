//! What a guest is told of its container: environment, downward API, mounts and limits.

use serde_json::Value;

use super::guests::Guests;
use super::{NodeIx, PodIx};
use crate::api::objects::{Object, ObjectKind};
use crate::api::pod::{self, EnvValue, Name, Pod};
use crate::api::quantity;
use crate::guest::{Assumption, Spec};
use std::collections::BTreeMap;

/// What a node is taken to have, where a container without a limit asks for it: CPUs and bytes of memory.
const NODE_CPU: (&str, &str) = ("4", "4 CPUs");
const NODE_MEMORY: (&str, &str) = ("16Gi", "16Gi");
const NANO: i128 = 1_000_000_000;

/// Where a pod runs.
#[derive(Clone, Copy)]
pub(super) struct Whereabouts<'a> {
    /// The address of its sandbox: its own, unless it has its node's.
    pub sandbox_ip: &'a Name,
    /// Its node.
    pub node: NodeIx,
    /// That one's name.
    pub node_name: &'a Name,
}

impl Whereabouts<'_> {
    /// status.podIP: a pod of the host's network has its node's.
    pub(super) fn pod_ip(self, pod: &Pod) -> Name {
        if pod.spec.host_network {
            self.node.address()
        } else {
            self.sandbox_ip.clone()
        }
    }
}

impl Guests {
    /// What is to run. What can't be known of it is added to `unknown`.
    pub(super) fn spec(
        &self,
        ix: PodIx,
        pod: &Pod,
        container: &pod::Container,
        (attempt, here): (u32, Whereabouts<'_>),
        unknown: &mut Vec<Assumption>,
    ) -> Spec {
        let names = |names: &[Name]| names.iter().map(ToString::to_string).collect();
        let definition = definition(pod, &container.name).unwrap_or(&Value::Null);
        let limit = container.resources.as_ref().and_then(|r| r.pointer("/limits/memory"));
        let is_init = |c: &pod::Container| c.name == container.name && !c.is_sidecar();
        let flag = |pointer: &str, value: &Value| value.pointer(pointer).and_then(Value::as_bool);
        let mut spec = Spec {
            image: container.image.to_string(),
            command: names(&container.command),
            args: names(&container.args),
            env: self.environment(pod, container, definition, here, unknown),
            working_dir: container.working_dir.as_ref().map(ToString::to_string),
            stdin: container.stdin,
            completes: pod.spec.init_containers.iter().any(is_init),
            ports: container.ports.iter().map(|port| port.port).collect(),
            termination_message_path: container.termination_message_path.to_string(),
            falls_back_to_logs: container.termination_message_fallback,
            read_only_root: flag("/securityContext/readOnlyRootFilesystem", definition) == Some(true),
            no_service_account: flag("/spec/automountServiceAccountToken", &pod.manifest) == Some(false),
            memory_limit_bytes: limit.and_then(|limit| bytes(limit.as_str()?)),
            seed: self.seed,
            place: format!("{}/{}/{attempt}", pod.full_name(), container.name),
            ..Spec::default()
        };
        let environment = spec.environment(&[]);
        spec.mounts = self.mounts((ix, pod, here), container, definition, &environment, unknown);
        spec
    }

    /// The ConfigMap or Secret of that name in the pod's namespace.
    pub(super) fn object(&self, kind: ObjectKind, pod: &Pod, name: &str) -> Option<&Object> {
        let fits = |o: &Object| o.kind == kind && o.namespace == pod.namespace && *o.name == *name;
        self.objects.iter().map(|object| &**object).find(|object| fits(object))
    }

    fn data(&self, kind: ObjectKind, pod: &Pod, name: &str) -> Option<&BTreeMap<Name, Name>> {
        self.object(kind, pod, name).map(|object| &object.data)
    }

    /// envFrom, then env (`kubelet_pods.go: makeEnvironmentVariables`).
    fn environment(
        &self,
        pod: &Pod,
        container: &pod::Container,
        definition: &Value,
        here: Whereabouts<'_>,
        unknown: &mut Vec<Assumption>,
    ) -> Vec<(String, String)> {
        let mut environment = Vec::new();
        let given = list(definition, "envFrom");
        for (index, from) in container.env_from.iter().enumerate() {
            let prefix = given
                .get(index)
                .and_then(|from| text(from, "prefix"))
                .unwrap_or_default();
            let data = match from {
                pod::EnvFrom::ConfigMap { name, .. } => self.data(ObjectKind::ConfigMap, pod, name),
                pod::EnvFrom::Secret { name, .. } => self.data(ObjectKind::Secret, pod, name),
            };
            let pairs = data.into_iter().flatten();
            environment.extend(pairs.map(|(key, text)| (format!("{prefix}{key}"), text.to_string())));
        }
        let given = list(definition, "env");
        for (index, variable) in container.env.iter().enumerate() {
            let key = |kind, name, key: &Name| self.data(kind, pod, name).and_then(|data| data.get(key)).cloned();
            let value = match &variable.value {
                EnvValue::Literal(text) => Some(text.clone()),
                EnvValue::ConfigMapKey { name, key: k, .. } => key(ObjectKind::ConfigMap, name, k),
                EnvValue::SecretKey { name, key: k, .. } => key(ObjectKind::Secret, name, k),
                EnvValue::Field(path) => Some(field(pod, path, here)),
                EnvValue::Other => {
                    let from = given.get(index).and_then(|variable| variable.get("valueFrom"));
                    let place = format!("env[{index}].valueFrom");
                    match from.and_then(|from| from.get("resourceFieldRef")) {
                        Some(reference) => {
                            let of = text(reference, "containerName").unwrap_or(&container.name);
                            Some(resource(pod, of, reference, &place, unknown).into())
                        }
                        None => {
                            unknown.push(Assumption {
                                place,
                                what: format!("the source of {} is not known", variable.name),
                                assumed: "it is not set".to_owned(),
                            });
                            None
                        }
                    }
                }
            };
            environment.extend(value.map(|value| (variable.name.to_string(), value.to_string())));
        }
        environment
    }
}

/// The container as the manifest has it.
fn definition<'a>(pod: &'a Pod, name: &str) -> Option<&'a Value> {
    let spec = pod.manifest.get("spec")?;
    let all = ["initContainers", "containers", "ephemeralContainers"];
    let mut containers = all.iter().flat_map(|field| list(spec, field));
    containers.find(|container| text(container, "name") == Some(name))
}

/// A list's items; none when it is missing.
pub(super) fn list<'a>(value: &'a Value, field: &str) -> &'a [Value] {
    value.get(field).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// A field's text.
pub(super) fn text<'a>(value: &'a Value, field: &str) -> Option<&'a str> {
    value.get(field)?.as_str()
}

/// The downward API's fields (`pkg/fieldpath: ExtractFieldPathAsString`).
pub(super) fn field(pod: &Pod, path: &str, here: Whereabouts<'_>) -> Name {
    let subscript = |prefix: &str| path.strip_prefix(prefix)?.strip_prefix("['")?.strip_suffix("']");
    match path {
        "metadata.name" => pod.name.clone(),
        "metadata.namespace" => pod.namespace.clone(),
        "metadata.uid" => pod.uid.clone(),
        "metadata.labels" => lines(&pod.labels).into(),
        "metadata.annotations" => lines(&pod.annotations).into(),
        "spec.nodeName" => here.node_name.clone(),
        "spec.serviceAccountName" => {
            // The other is its old name.
            let fields = ["/spec/serviceAccountName", "/spec/serviceAccount"];
            let mut given = fields.iter().filter_map(|field| pod.manifest.pointer(field)?.as_str());
            given.find(|name| !name.is_empty()).unwrap_or("default").into()
        }
        "status.podIP" | "status.podIPs" => here.pod_ip(pod),
        "status.hostIP" | "status.hostIPs" => here.node.address(),
        _ => {
            let label = subscript("metadata.labels").and_then(|key| pod.labels.get(key));
            let annotation = subscript("metadata.annotations").and_then(|key| pod.annotations.get(key));
            label.or(annotation).cloned().unwrap_or_else(|| "".into())
        }
    }
}

/// `key="value"`, a line each, without an end of line behind the last (`pkg/fieldpath: FormatMap`).
fn lines(map: &BTreeMap<Name, Name>) -> String {
    let lines: Vec<String> = map.iter().map(|(key, value)| format!("{key}={value:?}")).collect();
    lines.join("\n")
}

/// resourceFieldRef: a container's request or limit in units of the divisor, rounded up
/// (`pkg/api/v1/resource: ExtractContainerResourceValue`). Without a limit it is what the node has
/// (`MergeContainerResourceLimits`), which is assumed.
pub(super) fn resource(
    pod: &Pod,
    container: &str,
    reference: &Value,
    place: &str,
    unknown: &mut Vec<Assumption>,
) -> String {
    let name = text(reference, "resource").unwrap_or_default();
    let (which, kind) = name.split_once('.').unwrap_or_default();
    let resources = definition(pod, container).and_then(|container| container.get("resources"));
    let given = |which: &str| {
        let amount = resources?.get(which)?.get(kind)?;
        amount
            .as_str()
            .map(str::to_owned)
            .or_else(|| amount.as_number().map(ToString::to_string))
    };
    // A request that is missing is the limit (`SetDefaults_Pod`).
    let found = given(which).or_else(|| (which == "requests").then(|| given("limits")).flatten());
    let amount = found.unwrap_or_else(|| {
        if which == "requests" {
            return "0".to_owned();
        }
        let (of_node, said) = if kind == "cpu" { NODE_CPU } else { NODE_MEMORY };
        unknown.push(Assumption {
            place: place.to_owned(),
            what: format!("{name} of container {container}, which has none, is what the node has"),
            assumed: format!("the node has {said}"),
        });
        of_node.to_owned()
    });
    let divisor = reference.get("divisor").map_or_else(String::new, |divisor| {
        divisor.as_str().map_or_else(|| divisor.to_string(), str::to_owned)
    });
    let divisor = quantity::parse(&divisor).filter(|divisor| *divisor > 0).unwrap_or(NANO);
    let amount = quantity::parse(&amount).unwrap_or(0);
    (amount.saturating_add(divisor - 1) / divisor).to_string()
}

/// A quantity of memory in bytes, rounded up.
fn bytes(text: &str) -> Option<u64> {
    let nano = quantity::parse(text)?;
    u64::try_from(nano.saturating_add(NANO - 1) / NANO).ok()
}
