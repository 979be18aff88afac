//! Writes an input down as the documents that `podlapse run` reads: what a failing run is handed over as.

use serde_json::{Map, Value, json};

use crate::api::pod::{Container, Handler, Pod, Probe, PullPolicy, RestartPolicy, RestartRuleAction, VolumeSource};
use crate::api::status::ConditionStatus;
use crate::kernel::Duration;
use crate::scenario::types::{
    Action, ActionKind, ContainerScript, EvictionReason, Input, KubeletConfig, Latencies, OnTerm, Outcome, ProbeAnswer,
    ProbeWindow, Run, Scenario, Schedule,
};

/// The documents as one YAML text, the scenario last. What the generator never makes (programs, expectations,
/// distributions, several nodes, objects other than pods) is not written.
pub fn yaml(input: &Input) -> String {
    let mut text = String::new();
    let pods = input.pods.iter().map(|p| pod(&p.pod));
    for document in pods.chain([scenario(&input.scenario)]) {
        text.push_str("---\n");
        // A tree of strings, numbers and lists has nothing in it that YAML could not say.
        text.push_str(&serde_yaml::to_string(&document).unwrap_or_default());
        if !text.ends_with('\n') {
            text.push('\n');
        }
    }
    text
}

/// A mapping of those fields that are there.
struct Fields(Map<String, Value>);

impl Fields {
    fn new() -> Fields {
        Fields(Map::new())
    }

    fn put(&mut self, key: &str, value: impl Into<Value>) -> &mut Fields {
        self.0.insert(key.to_owned(), value.into());
        self
    }

    fn maybe(&mut self, key: &str, value: Option<impl Into<Value>>) -> &mut Fields {
        if let Some(value) = value {
            self.put(key, value);
        }
        self
    }

    /// A list that is not empty.
    fn list(&mut self, key: &str, values: Vec<Value>) -> &mut Fields {
        if !values.is_empty() {
            self.put(key, values);
        }
        self
    }

    /// A mapping that is not empty.
    fn nested(&mut self, key: &str, value: Value) -> &mut Fields {
        if value.as_object().is_none_or(|fields| !fields.is_empty()) {
            self.put(key, value);
        }
        self
    }

    fn done(&mut self) -> Value {
        Value::Object(std::mem::take(&mut self.0))
    }
}

fn text(duration: Duration) -> Value {
    Value::String(duration.to_string())
}

fn policy(policy: RestartPolicy) -> &'static str {
    match policy {
        RestartPolicy::Always => "Always",
        RestartPolicy::OnFailure => "OnFailure",
        RestartPolicy::Never => "Never",
    }
}

/// The manifest of a pod.
pub(super) fn pod(pod: &Pod) -> Value {
    let spec = &pod.spec;
    let containers = |list: &[Container]| list.iter().map(container).collect::<Vec<_>>();
    let mut fields = Fields::new();
    fields
        .list("initContainers", containers(&spec.init_containers))
        .list("containers", containers(&spec.containers))
        .put("restartPolicy", policy(spec.restart_policy))
        .put("terminationGracePeriodSeconds", spec.termination_grace_period_seconds)
        .maybe("activeDeadlineSeconds", spec.active_deadline_seconds)
        .maybe("priorityClassName", spec.priority_class_name.as_deref())
        .list(
            "readinessGates",
            spec.readiness_gates
                .iter()
                .map(|gate| json!({"conditionType": &**gate}))
                .collect(),
        )
        .list(
            "imagePullSecrets",
            spec.image_pull_secrets
                .iter()
                .map(|name| json!({"name": &**name}))
                .collect(),
        );
    if spec.priority_class_name.is_none() && spec.priority != 0 {
        fields.put("priority", spec.priority);
    }
    let volumes = spec.volumes.iter().map(|volume| {
        let name = &*volume.name;
        match &volume.source {
            VolumeSource::Plain => json!({"name": name, "emptyDir": {}}),
            VolumeSource::ConfigMap { name: object, optional } => {
                json!({"name": name, "configMap": {"name": &**object, "optional": optional}})
            }
            VolumeSource::Secret { name: object, optional } => {
                json!({"name": name, "secret": {"secretName": &**object, "optional": optional}})
            }
            VolumeSource::Claim { name: claim } => {
                json!({"name": name, "persistentVolumeClaim": {"claimName": &**claim}})
            }
        }
    });
    fields.list("volumes", volumes.collect());
    let metadata = if &*pod.namespace == "default" {
        json!({"name": &*pod.name})
    } else {
        json!({"name": &*pod.name, "namespace": &*pod.namespace})
    };
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": fields.done()})
}

fn container(container: &Container) -> Value {
    let pull = match container.image_pull_policy {
        PullPolicy::Always => "Always",
        PullPolicy::IfNotPresent => "IfNotPresent",
        PullPolicy::Never => "Never",
    };
    let names = |list: &[crate::api::pod::Name]| list.iter().map(|name| json!(&**name)).collect::<Vec<_>>();
    let mut lifecycle = Fields::new();
    lifecycle
        .maybe("postStart", container.post_start.as_ref().map(handler))
        .maybe("preStop", container.pre_stop.as_ref().map(handler));
    let rules = container.restart_policy_rules.iter().map(|rule| {
        let action = match rule.action {
            RestartRuleAction::Restart => "Restart",
            RestartRuleAction::RestartAllContainers => "RestartAllContainers",
        };
        let operator = if rule.not_in { "NotIn" } else { "In" };
        json!({"action": action, "exitCodes": {"operator": operator, "values": rule.values}})
    });
    Fields::new()
        .put("name", &*container.name)
        .put("image", &*container.image)
        .put("imagePullPolicy", pull)
        .list("command", names(&container.command))
        .list("args", names(&container.args))
        .maybe("restartPolicy", container.restart_policy.map(policy))
        .list("restartPolicyRules", rules.collect())
        .maybe("startupProbe", container.startup_probe.as_ref().map(probe))
        .maybe("readinessProbe", container.readiness_probe.as_ref().map(probe))
        .maybe("livenessProbe", container.liveness_probe.as_ref().map(probe))
        .nested("lifecycle", lifecycle.done())
        .done()
}

fn handler(handler: &Handler) -> Value {
    let mut inner = Fields::new();
    let kind = match handler {
        Handler::Exec { command } => {
            inner.put("command", command.iter().map(|word| json!(&**word)).collect::<Vec<_>>());
            "exec"
        }
        Handler::HttpGet {
            path,
            port,
            https,
            host,
        } => {
            inner
                .put("path", &**path)
                .put("port", *port)
                .maybe("host", host.as_deref());
            if *https {
                inner.put("scheme", "HTTPS");
            }
            "httpGet"
        }
        Handler::TcpSocket { port, host } => {
            inner.put("port", *port).maybe("host", host.as_deref());
            "tcpSocket"
        }
        Handler::Grpc { port, service } => {
            inner.put("port", *port).put("service", &**service);
            "grpc"
        }
        Handler::Sleep { seconds } => {
            inner.put("seconds", *seconds);
            "sleep"
        }
    };
    json!({kind: inner.done()})
}

fn probe(probe: &Probe) -> Value {
    let mut value = handler(&probe.handler);
    if let Some(fields) = value.as_object_mut() {
        for (key, number) in [
            ("initialDelaySeconds", probe.initial_delay_seconds),
            ("timeoutSeconds", probe.timeout_seconds),
            ("periodSeconds", probe.period_seconds),
            ("successThreshold", probe.success_threshold),
            ("failureThreshold", probe.failure_threshold),
        ] {
            fields.insert(key.to_owned(), number.into());
        }
        if let Some(grace) = probe.termination_grace_period_seconds {
            fields.insert("terminationGracePeriodSeconds".to_owned(), grace.into());
        }
    }
    value
}

/// The Scenario document.
pub(super) fn scenario(scenario: &Scenario) -> Value {
    let base = Scenario::default();
    let mut spec = Fields::new();
    spec.maybe("description", scenario.description.as_deref())
        .maybe("runFor", scenario.run_for.map(text));
    if scenario.seed != base.seed {
        spec.put("seed", scenario.seed);
    }
    if scenario.schedule == Schedule::Seeded {
        spec.put("schedule", "Seeded");
    }
    if scenario.jitter {
        spec.put("jitter", "Kubernetes");
    }
    let images = scenario.images.iter().map(|image| {
        let mut fields = Fields::new();
        fields.put("image", &*image.image).put("present", image.present);
        fields.list("pulls", image.pulls.iter().map(outcome).collect()).done()
    });
    let sandboxes = scenario.sandboxes.iter().map(|sandbox| {
        let mut fields = Fields::new();
        fields.maybe("pod", sandbox.pod.as_deref());
        fields.list("runs", sandbox.runs.iter().map(outcome).collect()).done()
    });
    let volumes = scenario.volumes.iter().map(|volume| {
        let mut fields = Fields::new();
        fields.maybe("pod", volume.pod.as_deref()).put("name", &*volume.name);
        fields
            .list("mounts", volume.mounts.iter().map(outcome).collect())
            .done()
    });
    spec.nested("kubelet", kubelet(&scenario.kubelet, &base.kubelet))
        .nested("latencies", latencies(&scenario.latencies, &base.latencies))
        .list("images", images.collect())
        .list("sandboxes", sandboxes.collect())
        .list("volumes", volumes.collect())
        .list("containers", scenario.containers.iter().map(script).collect())
        .list("actions", scenario.actions.iter().map(action).collect());
    json!({
        "apiVersion": "podlapse.dev/v1alpha1",
        "kind": "Scenario",
        "metadata": {"name": scenario.name},
        "spec": spec.done(),
    })
}

fn kubelet(kubelet: &KubeletConfig, base: &KubeletConfig) -> Value {
    let mut config = Fields::new();
    if let Some(longest) = kubelet.max_container_restart_period {
        config.put("crashLoopBackOff", json!({"maxContainerRestartPeriod": text(longest)}));
    }
    if !kubelet.serialize_image_pulls {
        config.put("serializeImagePulls", false);
    }
    config.maybe("maxParallelImagePulls", kubelet.max_parallel_image_pulls);
    if kubelet.eviction_max_pod_grace_period != base.eviction_max_pod_grace_period {
        config.put("evictionMaxPodGracePeriod", kubelet.eviction_max_pod_grace_period);
    }
    for (key, value, default) in [
        ("syncFrequency", kubelet.sync_frequency, base.sync_frequency),
        (
            "shutdownGracePeriod",
            kubelet.shutdown_grace_period,
            base.shutdown_grace_period,
        ),
        (
            "shutdownGracePeriodCriticalPods",
            kubelet.shutdown_grace_period_critical_pods,
            base.shutdown_grace_period_critical_pods,
        ),
        (
            "runtimeRequestTimeout",
            kubelet.runtime_request_timeout,
            base.runtime_request_timeout,
        ),
    ] {
        if value != default {
            config.put(key, text(value));
        }
    }
    let mut fields = Fields::new();
    if kubelet.features.version != base.features.version {
        fields.put("version", kubelet.features.version.to_string());
    }
    let gates = kubelet
        .feature_gates
        .iter()
        .map(|(gate, on)| (gate.clone(), Value::Bool(*on)));
    fields
        .nested("featureGates", Value::Object(gates.collect()))
        .nested("config", config.done());
    if kubelet.seeded_phases {
        fields.put("phases", "Seeded");
        return fields.done();
    }
    let (own, default) = (&kubelet.phases, &base.phases);
    let mut phases = Fields::new();
    for (key, value, default) in [
        ("relist", own.relist, default.relist),
        ("sync", own.sync, default.sync),
        ("housekeeping", own.housekeeping, default.housekeeping),
        ("containerGc", own.container_gc, default.container_gc),
        ("statusSync", own.status_sync, default.status_sync),
    ] {
        if value != default {
            phases.put(key, text(value));
        }
    }
    fields.nested("phases", phases.done()).done()
}

fn latencies(own: &Latencies, base: &Latencies) -> Value {
    let mut fields = Fields::new();
    for (key, value, default) in [
        ("runPodSandbox", own.run_pod_sandbox, base.run_pod_sandbox),
        ("stopPodSandbox", own.stop_pod_sandbox, base.stop_pod_sandbox),
        ("removePodSandbox", own.remove_pod_sandbox, base.remove_pod_sandbox),
        ("createContainer", own.create_container, base.create_container),
        ("startContainer", own.start_container, base.start_container),
        ("removeContainer", own.remove_container, base.remove_container),
        ("pullImage", own.pull_image, base.pull_image),
    ] {
        if value != default {
            fields.put(key, text(value));
        }
    }
    fields.done()
}

fn outcome(outcome: &Outcome) -> Value {
    Fields::new()
        .maybe("takes", outcome.takes.map(text))
        .maybe("error", outcome.error.as_deref())
        .done()
}

fn script(script: &ContainerScript) -> Value {
    Fields::new()
        .maybe("pod", script.pod.as_deref())
        .put("name", &*script.name)
        .list("runs", script.runs.iter().map(run).collect())
        .done()
}

fn run(run: &Run) -> Value {
    let exit = run.exit.as_ref().map(|exit| {
        Fields::new()
            .put("after", text(exit.after))
            .put("code", exit.code)
            .maybe("reason", exit.reason.as_deref())
            .maybe("message", exit.message.as_deref())
            .done()
    });
    let on_term = match run.on_term {
        OnTerm::Ignore => Some(json!({"ignore": true})),
        other if other == OnTerm::default() => None,
        OnTerm::Exit { after, code } => Some(json!({"after": text(after), "code": code})),
    };
    let windows = |list: &[ProbeWindow]| list.iter().map(window).collect::<Vec<_>>();
    let mut probes = Fields::new();
    probes
        .list("startup", windows(&run.startup))
        .list("readiness", windows(&run.readiness))
        .list("liveness", windows(&run.liveness));
    Fields::new()
        .nested("create", outcome(&run.create))
        .nested("start", outcome(&run.start))
        .maybe("exit", exit)
        .maybe("onTerm", on_term)
        .nested("postStart", outcome(&run.post_start))
        .nested("preStop", outcome(&run.pre_stop))
        .nested("probes", probes.done())
        .done()
}

fn window(window: &ProbeWindow) -> Value {
    let result = match window.result {
        ProbeAnswer::Success => "Success",
        ProbeAnswer::Failure => "Failure",
        ProbeAnswer::Error => "Error",
    };
    let mut fields = Fields::new();
    if window.from != Duration::ZERO {
        fields.put("from", text(window.from));
    }
    match (window.status, window.exit_code) {
        (None, None) => fields.put("result", result),
        (status, code) => fields.maybe("status", status).maybe("exitCode", code),
    };
    if window.takes != Duration::from_millis(7) {
        fields.put("takes", text(window.takes));
    }
    fields.maybe("message", window.message.as_deref()).done()
}

fn action(action: &Action) -> Value {
    let pod = |name: &str| json!({"pod": name});
    let node = |node: &Option<crate::api::pod::Name>, down: Option<Duration>| {
        Fields::new()
            .maybe("node", node.as_deref())
            .maybe("down", down.map(text))
            .done()
    };
    let (key, value) = match &action.what {
        ActionKind::CreatePod { pod: name } => ("create", pod(name)),
        ActionKind::DeletePod {
            pod,
            grace_period_seconds,
        } => (
            "delete",
            Fields::new()
                .put("pod", &**pod)
                .maybe("gracePeriodSeconds", *grace_period_seconds)
                .done(),
        ),
        ActionKind::Kill {
            pod,
            container,
            code,
            reason,
        } => (
            "kill",
            Fields::new()
                .put("pod", &**pod)
                .put("container", &**container)
                .put("code", *code)
                .maybe("reason", reason.as_deref())
                .done(),
        ),
        ActionKind::CreateObject { kind, name } => ("create", json!({object_key(kind.as_str()): &**name})),
        ActionKind::DeleteObject { kind, name } => ("delete", json!({object_key(kind.as_str()): &**name})),
        ActionKind::SetImage { pod, container, image } => (
            "setImage",
            json!({"pod": &**pod, "container": &**container, "image": &**image}),
        ),
        ActionKind::SetCondition { pod, kind, status } => {
            let status = match status {
                ConditionStatus::True => "True",
                ConditionStatus::False => "False",
                ConditionStatus::Unknown => "Unknown",
            };
            (
                "setCondition",
                json!({"pod": &**pod, "type": &**kind, "status": status}),
            )
        }
        ActionKind::Debug { pod, container } => (
            "debug",
            json!({"pod": &**pod, "name": &*container.name, "image": &*container.image}),
        ),
        ActionKind::Evict { pod, reason, message } => {
            let reason = match reason {
                EvictionReason::NodePressure => "NodePressure",
                EvictionReason::SoftThreshold => "SoftThreshold",
                EvictionReason::LocalStorageLimit => "LocalStorageLimit",
            };
            ("evict", json!({"pod": &**pod, "reason": reason, "message": &**message}))
        }
        ActionKind::KillSandbox { pod: name } => ("killSandbox", pod(name)),
        ActionKind::RestartKubelet { node: name, down } => ("restartKubelet", node(name, Some(*down))),
        ActionKind::ShutdownNode { node: name } => ("shutdownNode", node(name, None)),
        ActionKind::RebootNode { node: name, down } => ("rebootNode", node(name, Some(*down))),
    };
    json!({"at": text(action.at - crate::kernel::Time::ZERO), key: value})
}

/// `configMap` for ConfigMap.
fn object_key(kind: &str) -> String {
    let mut letters = kind.chars();
    letters
        .next()
        .map(|first| first.to_ascii_lowercase().to_string() + letters.as_str())
        .unwrap_or_default()
}
