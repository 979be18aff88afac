//! The manifests of pods: every field that a run depends on.

use serde_json::{Value, json};

use super::Fields;
use crate::api::pod::{
    Container, EnvFrom, EnvValue, EnvVar, Handler, Pod, Probe, PullPolicy, RestartPolicy, RestartRuleAction,
    VolumeSource,
};

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
    let gates = spec.scheduling_gates.iter().map(|name| json!({"name": &**name}));
    fields
        .list("schedulingGates", gates.collect())
        .maybe("nodeName", spec.node_name.as_deref());
    if spec.host_network {
        fields.put("hostNetwork", true);
    }
    fields.maybe("resources", spec.resources.as_deref().cloned());
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
    let mounts = container.volume_mounts.iter().zip(&container.mount_paths);
    let mounts = mounts.map(|(name, path)| json!({"name": &**name, "mountPath": &**path}));
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
