//! Containers: defaulting (v1/defaults.go: SetDefaults_Container) and validation (validation.go: validateContainerCommon).

use std::collections::BTreeSet;
use std::sync::Arc;

use super::handlers::{ProbeKind, Surroundings, hook, probe};
use super::{environment, mounts, names, ports, resources};
use crate::api::image_name::ImageName;
use crate::api::node::Node;
use crate::api::pod::{
    Container, ContainerType, Name, PullPolicy, RestartPolicy, RestartRule, RestartRuleAction, RunAs, Volume,
};
use crate::api::shape::Problems;

/// What a container needs to know of its pod.
pub(super) struct PodFacts<'p> {
    /// its spec as it is written
    pub(super) spec: &'p Node,
    pub(super) volumes: &'p [Volume],
    pub(super) claim_templates: &'p [Name],
    /// what spec.resourceClaims are called
    pub(super) claims: &'p BTreeSet<Name>,
    /// it is no template
    pub(super) is_pod: bool,
    pub(super) grace: i64,
    pub(super) restart_policy: RestartPolicy,
}

/// As whom a container runs: what it does not say itself its pod says.
fn run_as(container: &Node, pod: &Node) -> RunAs {
    let contexts = || {
        [container, pod]
            .into_iter()
            .filter_map(|node| node.get("securityContext"))
    };
    RunAs {
        user: contexts().find_map(|context| context.integer_at("runAsUser")),
        non_root: contexts().find_map(|context| context.boolean_at("runAsNonRoot")) == Some(true),
    }
}

/// An ephemeral container as `kubectl debug` makes it.
pub(crate) fn ephemeral(name: Name, image: Name) -> Container {
    Container {
        image_pull_policy: default_pull_policy(&image),
        ..Container::plain(name, image)
    }
}

/// Always for the tag `latest`, also where it is understood; a digest without a tag has none, nor has a name that can't
/// be read (`SetDefaults_Container`, `SetDefaults_Volume`).
pub(crate) fn default_pull_policy(image: &str) -> PullPolicy {
    match ImageName::parse(image, false) {
        Ok(name) if name.tag == "latest" => PullPolicy::Always,
        _ => PullPolicy::IfNotPresent,
    }
}

/// A field with a pull policy, if it is set (`validatePullPolicy`).
pub(super) fn pull_policy(problems: &mut Problems<'_>, node: &Node, field: &str) -> Option<PullPolicy> {
    let policy = node.get(field)?;
    match policy.text().map_or("", |text| text) {
        "" => None,
        "Always" => Some(PullPolicy::Always),
        "IfNotPresent" => Some(PullPolicy::IfNotPresent),
        "Never" => Some(PullPolicy::Never),
        _ => {
            problems.unsupported(policy, &["Always", "IfNotPresent", "Never"]);
            None
        }
    }
}

/// spec.containers[] or spec.initContainers[]
pub(super) fn container(
    problems: &mut Problems<'_>,
    node: &Node,
    kind: ContainerType,
    pod: &PodFacts<'_>,
) -> Container {
    names::label(problems, node, "name");
    let image = node.filled_at("image").cloned().unwrap_or_else(|| {
        problems.required(node, "image", "");
        "".into()
    });
    // In a template they are let through: only the pods that are made of it are refused.
    if pod.is_pod
        && let Some(image) = node.get("image")
        && image.text().is_some_and(|text| text.trim() != &**text)
    {
        problems.invalid(image, "must not have leading or trailing whitespace");
    }
    let mut container = ephemeral(node.text_at("name").cloned().unwrap_or_else(|| "".into()), image);
    if let Some(policy) = pull_policy(problems, node, "imagePullPolicy") {
        container.image_pull_policy = policy;
    }
    if let Some(policy) = node.get("terminationMessagePolicy") {
        match policy.text().map_or("", |text| text) {
            "" | "File" => {}
            "FallbackToLogsOnError" => container.termination_message_fallback = true,
            _ => problems.unsupported(policy, &["File", "FallbackToLogsOnError"]),
        }
    }
    container.command = node.texts_at("command");
    container.args = node.texts_at("args");
    container.stdin = node.boolean_at("stdin").unwrap_or(false);
    container.working_dir = node.filled_at("workingDir").cloned();
    container.run_as = run_as(node, pod.spec);
    if let Some(path) = node.filled_at("terminationMessagePath") {
        container.termination_message_path = path.clone();
    }
    container.env = node
        .list("env")
        .iter()
        .map(|n| environment::variable(problems, n, pod.spec))
        .collect();
    container.env_from = node
        .list("envFrom")
        .iter()
        .filter_map(|n| environment::source(problems, n))
        .collect();
    container.ports = ports::ports(problems, node);
    mounts::mounts(problems, node, pod, &mut container);
    mounts::devices(problems, node, pod);
    container.resources = resources::of_container(problems, node, pod);
    resize_policy(problems, node, pod);
    let told = node.get("command").or_else(|| node.get("args")).unwrap_or(node);
    container.place = Some(Arc::new(problems.place(told)));
    restart_policy(problems, node, &mut container);
    probes_and_hooks(problems, node, kind, pod, &mut container);
    container
}

/// In a pod that restarts nothing a resize can't either (`validateResizePolicy`).
fn resize_policy(problems: &mut Problems<'_>, node: &Node, pod: &PodFacts<'_>) {
    if pod.restart_policy != RestartPolicy::Never {
        return;
    }
    let Some(list) = node.get("resizePolicy") else { return };
    let mut words = list.items().iter().filter_map(|policy| policy.get("restartPolicy"));
    if let Some(word) = words.find(|word| word.text().is_some_and(|text| &**text == "RestartContainer")) {
        let message = "Invalid value: \"RestartContainer\": must be 'NotRequired' when pod `restartPolicy` is 'Never'";
        let path = problems.path(list);
        problems.mark(word.mark(), format!("{path}: {message}"));
    }
}

/// A regular init container may have neither probes nor hooks (`validateInitContainers`).
fn probes_and_hooks(
    problems: &mut Problems<'_>,
    node: &Node,
    kind: ContainerType,
    pod: &PodFacts<'_>,
    container: &mut Container,
) {
    let lifecycle = node.get("lifecycle");
    // Whether the API server keeps it is decided by its version.
    let signal = lifecycle.and_then(|lifecycle| lifecycle.filled_at("stopSignal"));
    container.stop_signal = signal.cloned();
    if kind == ContainerType::Init && !container.is_sidecar() {
        let is_signal =
            |field: &str| field == "lifecycle" && signal.is_some() && lifecycle.is_some_and(|l| l.fields().len() == 1);
        for field in ["lifecycle", "livenessProbe", "readinessProbe", "startupProbe"] {
            if let Some(node) = node.get(field).filter(|_| !is_signal(field)) {
                problems
                    .forbidden(node, "may not be set for init containers without restartPolicy=Always")
                    .hint = Some("`restartPolicy: Always` on the init container makes it a sidecar".to_owned());
            }
        }
        return;
    }
    let ports = container.ports.clone();
    let around = Surroundings {
        ports: &ports,
        grace: pod.grace,
    };
    let mut probe = |field, kind| node.get(field).and_then(|node| probe(problems, node, kind, &around));
    container.liveness_probe = probe("livenessProbe", ProbeKind::Liveness);
    container.readiness_probe = probe("readinessProbe", ProbeKind::Readiness);
    container.startup_probe = probe("startupProbe", ProbeKind::Startup);
    let Some(lifecycle) = lifecycle else { return };
    container.post_start = lifecycle
        .get("postStart")
        .and_then(|node| hook(problems, node, &around));
    container.pre_stop = lifecycle.get("preStop").and_then(|node| hook(problems, node, &around));
}

/// restartPolicy and restartPolicyRules of the container (`validateContainerRestartPolicy`). Whether the rules need the
/// policy is a matter of the version (`scenario::versions::admit`).
fn restart_policy(problems: &mut Problems<'_>, node: &Node, container: &mut Container) {
    let rules = node.list("restartPolicyRules");
    if let Some(policy) = node.get("restartPolicy") {
        match policy.text().map_or("", |text| text) {
            "Always" => container.restart_policy = Some(RestartPolicy::Always),
            "OnFailure" => container.restart_policy = Some(RestartPolicy::OnFailure),
            "Never" => container.restart_policy = Some(RestartPolicy::Never),
            _ => problems.unsupported(policy, &["Always", "Never", "OnFailure"]),
        }
    }
    if rules.len() > 20
        && let Some(rules) = node.get("restartPolicyRules")
    {
        problems.at(rules, "Too many: must have at most 20 items");
    }
    container.restart_policy_rules = rules.iter().map(|rule| self::rule(problems, rule)).collect();
}

fn rule(problems: &mut Problems<'_>, node: &Node) -> RestartRule {
    let action = match node.text_at("action").map_or("", |text| text) {
        "Restart" => RestartRuleAction::Restart,
        "RestartAllContainers" => RestartRuleAction::RestartAllContainers,
        _ => {
            match node.get("action") {
                Some(action) => problems.unsupported(action, &["Restart", "RestartAllContainers"]),
                None => {
                    problems.required(node, "action", "");
                }
            }
            RestartRuleAction::Restart
        }
    };
    let Some(codes) = node.get("exitCodes") else {
        problems.required(node, "exitCodes", "must be specified");
        return RestartRule {
            action,
            not_in: false,
            values: Vec::new(),
        };
    };
    let not_in = match codes.text_at("operator").map_or("", |text| text) {
        "In" => false,
        "NotIn" => true,
        _ => {
            match codes.get("operator") {
                Some(operator) => problems.unsupported(operator, &["In", "NotIn"]),
                None => {
                    problems.required(codes, "operator", "");
                }
            }
            false
        }
    };
    let values = codes.list("values");
    if values.len() > 255
        && let Some(values) = codes.get("values")
    {
        problems.at(values, "Too many: must have at most 255 items");
    }
    RestartRule {
        action,
        not_in,
        values: values
            .iter()
            .filter_map(Node::integer)
            .filter_map(|value| i32::try_from(value).ok())
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tag_latest_is_always_pulled() {
        let digest = format!("sha256:{}", "0".repeat(64));
        for (image, policy) in [
            ("nginx", PullPolicy::Always),
            ("nginx:latest", PullPolicy::Always),
            ("nginx:1", PullPolicy::IfNotPresent),
            ("host:5000/nginx", PullPolicy::Always),
            ("host:5000/nginx:1", PullPolicy::IfNotPresent),
            (&format!("nginx@{digest}"), PullPolicy::IfNotPresent),
            (&format!("nginx:latest@{digest}"), PullPolicy::Always),
            ("nginx:latest@sha256:00", PullPolicy::IfNotPresent),
            ("Nginx", PullPolicy::IfNotPresent),
        ] {
            assert_eq!(default_pull_policy(image), policy, "{image}");
        }
    }
}
