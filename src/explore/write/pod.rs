//! The manifests of pods: every field that a run depends on.

use serde_json::{Value, json};

use super::Fields;
use crate::api::pod::{
    Container, EnvFrom, EnvValue, EnvVar, Handler, Pod, Port, Probe, PullPolicy, RestartPolicy, RestartRuleAction,
    RunAs, VolumeSource,
};

fn policy(policy: RestartPolicy) -> &'static str {
    match policy {
        RestartPolicy::Always => "Always",
        RestartPolicy::OnFailure => "OnFailure",
        RestartPolicy::Never => "Never",
    }
}

/// The manifest of a pod: as it was given, if it was, which may say more than a run depends on by its typed fields.
pub(super) fn pod(pod: &Pod) -> Value {
    let mut written = by_fields(pod);
    if let Some(spec) = pod.manifest.get("spec") {
        written["spec"] = spec.clone();
        if let Some(given) = pod.manifest.get("metadata").and_then(Value::as_object) {
            let mut metadata = given.clone();
            metadata.remove("generateName");
            metadata.extend(written["metadata"].as_object().cloned().unwrap_or_default());
            written["metadata"] = metadata.into();
        }
    }
    written
}

/// Puts the fields in which a pod is different from the one that it was made of into its manifest, if it has one, and leaves
/// all others as they were given.
pub(super) fn keep_in_step(pod: &mut Pod, original: &Pod) {
    if pod.manifest.get("spec").is_none() {
        return;
    }
    let (before, now) = (by_fields(original), by_fields(pod));
    let mut manifest = Value::clone(&original.manifest);
    overlay(&mut manifest["spec"], &before["spec"], &now["spec"]);
    pod.manifest = manifest.into();
}

/// Makes the changes between two objects to a third; lists of things with names are changed thing by thing.
fn overlay(given: &mut Value, before: &Value, now: &Value) {
    let fields = |value: &Value| value.as_object().cloned().unwrap_or_default();
    let (before, now) = (fields(before), fields(now));
    let Some(given) = given.as_object_mut() else { return };
    let gone: Vec<&String> = before.keys().filter(|field| !now.contains_key(*field)).collect();
    for field in gone {
        given.remove(field);
    }
    let changed = now.iter().filter(|(field, value)| before.get(*field) != Some(value));
    for (field, value) in changed {
        let (Some(Value::Array(old)), Value::Array(new)) = (before.get(field), value) else {
            given.insert(field.clone(), value.clone());
            continue;
        };
        if new.iter().any(|one| one["name"].is_null()) {
            given.insert(field.clone(), value.clone());
            continue;
        }
        let kept = given.get(field).and_then(Value::as_array).cloned().unwrap_or_default();
        let called = |list: &[Value], one: &Value| list.iter().find(|other| other["name"] == one["name"]).cloned();
        let changed = new.iter().map(|one| match (called(&kept, one), called(old, one)) {
            (Some(mut kept), Some(old)) => {
                overlay(&mut kept, &old, one);
                kept
            }
            _ => one.clone(),
        });
        given.insert(field.clone(), changed.collect());
    }
}

/// The class that gives a pod its priority; none of Kubernetes' own.
pub(super) fn priority_class(pod: &Pod) -> Option<Value> {
    let spec = &pod.spec;
    let name = spec.priority_class_name.as_deref()?;
    if name.starts_with("system-") {
        return None;
    }
    let mut fields = Fields::new();
    fields
        .put("apiVersion", "scheduling.k8s.io/v1")
        .put("kind", "PriorityClass")
        .put("metadata", json!({"name": name}))
        .put("value", spec.priority)
        .maybe("preemptionPolicy", spec.preemption_policy.as_deref());
    Some(fields.done())
}

/// The manifest as far as the typed fields go.
fn by_fields(pod: &Pod) -> Value {
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
    let gates = spec.scheduling_gates.iter().map(|name| json!({"name": &**name}));
    fields
        .list("schedulingGates", gates.collect())
        .maybe("nodeName", spec.node_name.as_deref());
    if spec.host_network {
        fields.put("hostNetwork", true);
    }
    fields
        .maybe("resources", spec.resources.as_deref().cloned())
        .maybe("overhead", spec.overhead.as_deref().cloned());
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
            VolumeSource::Image { reference, pull_policy } => {
                json!({"name": name, "image": {"reference": &**reference, "pullPolicy": format!("{pull_policy:?}")}})
            }
        }
    });
    fields.list("volumes", volumes.collect());
    let mut metadata = Fields::new();
    metadata.put("name", &*pod.name);
    if &*pod.namespace != "default" {
        metadata.put("namespace", &*pod.namespace);
    }
    metadata
        .nested("labels", json!(pod.labels))
        .nested("annotations", json!(pod.annotations));
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata.done(), "spec": fields.done()})
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
        .maybe("preStop", container.pre_stop.as_ref().map(handler))
        .maybe("stopSignal", container.stop_signal.as_deref());
    let mounts = container.volume_mounts.iter().map(|mount| {
        Fields::new()
            .put("name", &*mount.name)
            .put("mountPath", &*mount.path)
            .maybe("readOnly", mount.read_only.then_some(true))
            .maybe("recursiveReadOnly", mount.recursively.then_some("Enabled"))
            .done()
    });
    let ports = container.ports.iter().map(|port| {
        Fields::new()
            .maybe("name", port.name.as_deref())
            .put("containerPort", port.port)
            .put("protocol", &*port.protocol)
            .done()
    });
    let fallback = container
        .termination_message_fallback
        .then_some("FallbackToLogsOnError");
    let rules = container.restart_policy_rules.iter().map(|rule| {
        let action = match rule.action {
            RestartRuleAction::Restart => "Restart",
            RestartRuleAction::RestartAllContainers => "RestartAllContainers",
        };
        let operator = if rule.not_in { "NotIn" } else { "In" };
        json!({"action": action, "exitCodes": {"operator": operator, "values": rule.values}})
    });
    let mut fields = Fields::new();
    if container.stdin {
        fields.put("stdin", true);
    }
    if &*container.termination_message_path != "/dev/termination-log" {
        fields.put("terminationMessagePath", &*container.termination_message_path);
    }
    fields
        .put("name", &*container.name)
        .put("image", &*container.image)
        .put("imagePullPolicy", pull)
        .list("command", names(&container.command))
        .list("args", names(&container.args))
        .maybe("workingDir", container.working_dir.as_deref())
        .maybe("securityContext", security_context(container))
        .list("env", container.env.iter().filter_map(variable).collect())
        .list("envFrom", container.env_from.iter().map(source).collect())
        .list("volumeMounts", mounts.collect())
        .list("ports", ports.collect())
        .maybe("terminationMessagePolicy", fallback)
        .maybe("resources", container.resources.as_deref().cloned())
        .maybe("restartPolicy", container.restart_policy.map(policy))
        .list("restartPolicyRules", rules.collect())
        .maybe("startupProbe", container.startup_probe.as_ref().map(probe))
        .maybe("readinessProbe", container.readiness_probe.as_ref().map(probe))
        .maybe("livenessProbe", container.liveness_probe.as_ref().map(probe))
        .nested("lifecycle", lifecycle.done())
        .done()
}

fn given(port: &Port) -> Value {
    match port {
        Port::Number(number) => json!(*number),
        Port::Named { name, .. } => json!(&**name),
    }
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
                .put("port", given(port))
                .maybe("host", host.as_deref());
            if *https {
                inner.put("scheme", "HTTPS");
            }
            "httpGet"
        }
        Handler::TcpSocket { port, host } => {
            inner.put("port", given(port)).maybe("host", host.as_deref());
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

/// A variable of the environment; None where it is not known where it comes from.
fn variable(variable: &EnvVar) -> Option<Value> {
    let name = &*variable.name;
    let from = |source: Value| json!({"name": name, "valueFrom": source});
    Some(match &variable.value {
        EnvValue::Literal(value) => json!({"name": name, "value": &**value}),
        EnvValue::Field(path) => from(json!({"fieldRef": {"fieldPath": &**path}})),
        EnvValue::ConfigMapKey { name, key, optional } => {
            from(json!({"configMapKeyRef": {"name": &**name, "key": &**key, "optional": optional}}))
        }
        EnvValue::SecretKey { name, key, optional } => {
            from(json!({"secretKeyRef": {"name": &**name, "key": &**key, "optional": optional}}))
        }
        EnvValue::Other => return None,
    })
}

fn source(source: &EnvFrom) -> Value {
    match source {
        EnvFrom::ConfigMap { name, optional } => json!({"configMapRef": {"name": &**name, "optional": optional}}),
        EnvFrom::Secret { name, optional } => json!({"secretRef": {"name": &**name, "optional": optional}}),
    }
}

/// What a container's security context says of who runs it.
fn security_context(container: &Container) -> Option<Value> {
    let RunAs { user, non_root } = container.run_as;
    let context = Fields::new()
        .maybe("runAsUser", user)
        .maybe("runAsNonRoot", non_root.then_some(true))
        .done();
    (container.run_as != RunAs::default()).then_some(context)
}
