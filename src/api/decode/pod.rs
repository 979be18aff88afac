//! Pods and pod templates: defaulting (v1/defaults.go: SetDefaults_PodSpec) and validation (validation.go: ValidatePodSpec).

use std::collections::BTreeSet;
use std::sync::Arc;

use super::container::{PodFacts, container};
use super::meta::{Meta, annotations_of_pod, metadata};
use super::{claims, isolation, names, ports, resources, volumes};
use crate::api::node::Node;
use crate::api::pod::{ContainerType, Name, Origin, Pod, PodSpec, RestartPolicy};
use crate::api::shape::Problems;

/// A pod that stands in the input by itself. Its UID is given when all pods are known.
pub(super) fn pod(problems: &mut Problems<'_>, node: &Node) -> (Pod, bool) {
    let meta = metadata(problems, node);
    annotations_of_pod(problems, node);
    let spec = match node.get("spec") {
        Some(spec) => pod_spec(problems, spec, &[], true),
        None => {
            problems.required(node, "spec.containers", "");
            PodSpec::plain(Vec::new())
        }
    };
    if let Some(ephemeral) = node.at(&["spec", "ephemeralContainers"])
        && !ephemeral.items().is_empty()
    {
        problems.forbidden(ephemeral, "cannot be set on create").hint =
            Some("a `debug` action of the Scenario adds one to a running pod".to_owned());
    }
    let written = node.get("spec").map(|spec| written(problems, "Pod", &meta, spec));
    let pod = Pod {
        namespace: meta.namespace,
        name: meta.name,
        uid: "".into(),
        labels: meta.labels,
        annotations: meta.annotations,
        spec,
        manifest: Arc::new(node.to_json()),
        owner: None,
        written,
    };
    (pod, meta.generated)
}

/// Where a pod comes from.
pub(super) fn written(problems: &Problems<'_>, kind: &str, meta: &Meta, spec: &Node) -> Arc<Origin> {
    Arc::new(Origin {
        kind: kind.into(),
        name: meta.name.clone(),
        file: problems.source.name.as_str().into(),
        spec: spec.clone(),
    })
}

/// v1.PodSpec, of a pod or of a template. `claim_templates` are the names of volumes that a StatefulSet adds.
pub(super) fn pod_spec(problems: &mut Problems<'_>, node: &Node, claim_templates: &[Name], is_pod: bool) -> PodSpec {
    let mut spec = PodSpec::plain(Vec::new());
    if let Some(policy) = node.get("restartPolicy") {
        match policy.text().map_or("", |text| text) {
            "" | "Always" => {}
            "OnFailure" => spec.restart_policy = RestartPolicy::OnFailure,
            "Never" => spec.restart_policy = RestartPolicy::Never,
            _ => problems.unsupported(policy, &["Always", "OnFailure", "Never"]),
        }
    }
    // As the API server has it: zero stays zero, a negative value becomes one.
    if let Some(seconds) = node.integer_at::<i64>("terminationGracePeriodSeconds") {
        spec.termination_grace_period_seconds = if seconds < 0 { 1 } else { seconds };
    }
    if let Some(deadline) = node.get("activeDeadlineSeconds") {
        spec.active_deadline_seconds = node.integer_at("activeDeadlineSeconds");
        if spec
            .active_deadline_seconds
            .is_some_and(|s| !(1..=i64::from(i32::MAX)).contains(&s))
        {
            problems.invalid(deadline, "must be between 1 and 2147483647, inclusive");
        }
    }
    let gates = node.list("readinessGates").iter();
    spec.readiness_gates = gates
        .filter_map(|gate| gate.text_at("conditionType"))
        .cloned()
        .collect();
    spec.scheduling_gates = scheduling_gates(problems, node);
    let secrets = node
        .list("imagePullSecrets")
        .iter()
        .filter_map(|secret| secret.text_at("name"));
    spec.image_pull_secrets = secrets.cloned().collect();
    spec.volumes = volumes::volumes(problems, node);
    let claims = claims::of_pod(problems, node);
    containers(problems, node, (claim_templates, &claims, is_pod), &mut spec);
    ports::of_host(problems, node, is_pod);
    isolation::isolation(problems, node);
    spec.preemption_policy = node.filled_at("preemptionPolicy").cloned();
    spec.priority_class_name = node.filled_at("priorityClassName").cloned();
    spec.priority = node
        .integer_at("priority")
        .unwrap_or(match spec.priority_class_name.as_deref() {
            Some("system-cluster-critical") => 2_000_000_000,
            Some("system-node-critical") => 2_000_001_000,
            _ => 0,
        });
    spec.node_name = node.filled_at("nodeName").cloned();
    if let Some(given) = node.get("nodeName").filter(|_| spec.node_name.is_some()) {
        // `ValidateNodeName`
        names::subdomain(problems, given);
    }
    spec.host_network = node.boolean_at("hostNetwork").unwrap_or(false);
    spec.resources = resources::of_pod(problems, node, &spec, (&claims, is_pod));
    spec.overhead = resources::overhead(problems, node);
    spec
}

/// spec.schedulingGates (`ValidatePodCreate`).
fn scheduling_gates(problems: &mut Problems<'_>, spec: &Node) -> Vec<Name> {
    let gates = spec.list("schedulingGates").iter();
    let gates: Vec<Name> = gates.filter_map(|gate| gate.text_at("name")).cloned().collect();
    if let Some(node) = spec.get("nodeName")
        && spec.filled_at("nodeName").is_some()
        && !gates.is_empty()
    {
        problems.forbidden(node, "cannot be set until all schedulingGates have been cleared");
    }
    gates
}

fn containers(
    problems: &mut Problems<'_>,
    node: &Node,
    (claim_templates, claims, is_pod): (&[Name], &BTreeSet<Name>, bool),
    spec: &mut PodSpec,
) {
    let volumes = std::mem::take(&mut spec.volumes);
    let facts = PodFacts {
        spec: node,
        volumes: &volumes,
        claim_templates,
        claims,
        is_pod,
        grace: spec.termination_grace_period_seconds,
        restart_policy: spec.restart_policy,
    };
    let mut taken: BTreeSet<Name> = BTreeSet::new();
    let mut list = |field: &str, kind: ContainerType| {
        let mut containers = Vec::new();
        for node in node.list(field) {
            let container = container(problems, node, kind, &facts);
            if !container.name.is_empty()
                && !taken.insert(container.name.clone())
                && let Some(name) = node.get("name")
            {
                problems.duplicate(name);
            }
            containers.push(container);
        }
        containers
    };
    spec.containers = list("containers", ContainerType::App);
    spec.init_containers = list("initContainers", ContainerType::Init);
    if spec.containers.is_empty() {
        problems.required(node, "containers", "");
    }
    spec.volumes = volumes;
}
