//! Decodes v1/Pod strictly, defaults it and checks what the lifecycle depends on.

use serde::Deserialize;
use serde_json::Value;

use super::objects::{Object, ObjectKind};
use super::pod::{
    Container, EnvFrom, EnvValue, EnvVar, Handler, Name, Pod, PodSpec, Probe, PullPolicy, RestartPolicy, RestartRule,
    RestartRuleAction, Volume, VolumeSource,
};
use super::uid::pod_uid;

/// v1.Pod as it stands in a file. Fields that the lifecycle does not depend on are taken as they are.
#[derive(Deserialize, Debug)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct RawPod {
    #[serde(rename = "apiVersion")]
    _api_version: String,
    #[serde(rename = "kind")]
    _kind: String,
    metadata: RawMeta,
    spec: RawPodSpec,
    #[serde(rename = "status", default)]
    _status: Value,
}

#[derive(Deserialize, Debug)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RawMeta {
    name: String,
    #[serde(default)]
    namespace: Option<String>,
    #[serde(default)]
    labels: std::collections::BTreeMap<Name, Name>,
    #[serde(default)]
    annotations: std::collections::BTreeMap<Name, Name>,
    #[serde(rename = "uid", default)]
    _uid: Value,
    #[serde(rename = "creationTimestamp", default)]
    _creation_timestamp: Value,
    #[serde(rename = "generateName", default)]
    _generate_name: Value,
    #[serde(rename = "finalizers", default)]
    _finalizers: Value,
    #[serde(rename = "ownerReferences", default)]
    _owner_references: Value,
    #[serde(rename = "resourceVersion", default)]
    _resource_version: Value,
    #[serde(rename = "managedFields", default)]
    _managed_fields: Value,
}

macro_rules! ignored_fields {
    ($(#[$meta:meta])* $visibility:vis struct $name:ident { $($kept:tt)* } ignored { $($field:ident: $key:literal,)* }) => {
        $(#[$meta])*
        $visibility struct $name {
            $($kept)*
            $(#[serde(rename = $key, default)] $field: Value,)*
        }
    };
}

ignored_fields! {
    #[derive(Deserialize, Debug)]
    #[serde(rename_all = "camelCase", deny_unknown_fields)]
    struct RawPodSpec {
        containers: Vec<RawContainer>,
        #[serde(default)]
        init_containers: Vec<RawContainer>,
        #[serde(default)]
        restart_policy: Option<String>,
        #[serde(default)]
        termination_grace_period_seconds: Option<i64>,
        #[serde(default)]
        active_deadline_seconds: Option<i64>,
        #[serde(default)]
        image_pull_secrets: Vec<RawName>,
        #[serde(default)]
        readiness_gates: Vec<RawGate>,
        #[serde(default)]
        volumes: Vec<RawVolume>,
        #[serde(default)]
        priority: Option<i32>,
        #[serde(default)]
        priority_class_name: Option<Name>,
    }
    ignored {
        _affinity: "affinity", _automount: "automountServiceAccountToken", _dns_config: "dnsConfig",
        _dns_policy: "dnsPolicy", _links: "enableServiceLinks", _aliases: "hostAliases", _ipc: "hostIPC",
        _network: "hostNetwork", _pid: "hostPID", _users: "hostUsers", _hostname: "hostname",
        _hostname_override: "hostnameOverride", _node: "nodeName",
        _selector: "nodeSelector", _os: "os", _overhead: "overhead", _preemption: "preemptionPolicy",
        _claims: "resourceClaims",
        _resources: "resources", _runtime: "runtimeClassName", _scheduler: "schedulerName",
        _scheduling_gates: "schedulingGates", _security: "securityContext", _account: "serviceAccountName",
        _old_account: "serviceAccount", _fqdn: "setHostnameAsFQDN", _shared: "shareProcessNamespace",
        _subdomain: "subdomain", _tolerations: "tolerations", _spread: "topologySpreadConstraints",
    }
}

ignored_fields! {
    #[derive(Deserialize, Debug)]
    #[serde(rename_all = "camelCase", deny_unknown_fields)]
    struct RawContainer {
        name: String,
        image: String,
        #[serde(default)]
        image_pull_policy: Option<String>,
        #[serde(default)]
        command: Vec<Name>,
        #[serde(default)]
        args: Vec<Name>,
        #[serde(default)]
        liveness_probe: Option<RawProbe>,
        #[serde(default)]
        readiness_probe: Option<RawProbe>,
        #[serde(default)]
        startup_probe: Option<RawProbe>,
        #[serde(default)]
        lifecycle: RawLifecycle,
        #[serde(default)]
        restart_policy: Option<String>,
        #[serde(default)]
        restart_policy_rules: Vec<RawRule>,
        #[serde(default)]
        env: Vec<RawEnv>,
        #[serde(default)]
        env_from: Vec<RawEnvFrom>,
        #[serde(default)]
        volume_mounts: Vec<RawMount>,
    }
    ignored {
        _ports: "ports", _resources: "resources", _resize: "resizePolicy",
        _security: "securityContext", _stdin: "stdin", _stdin_once: "stdinOnce", _path: "terminationMessagePath",
        _message_policy: "terminationMessagePolicy", _tty: "tty", _devices: "volumeDevices",
        _dir: "workingDir",
    }
}

#[derive(Deserialize, Debug)]
struct RawName {
    name: Name,
}

#[derive(Deserialize, Debug)]
#[serde(rename_all = "camelCase")]
struct RawGate {
    condition_type: Name,
}

#[derive(Deserialize, Debug)]
#[serde(rename_all = "camelCase")]
struct RawVolume {
    name: Name,
    #[serde(default)]
    persistent_volume_claim: Option<RawClaim>,
}

#[derive(Deserialize, Debug)]
#[serde(rename_all = "camelCase")]
struct RawClaim {
    claim_name: Name,
}

#[derive(Deserialize, Debug)]
#[serde(rename_all = "camelCase")]
struct RawMount {
    name: Name,
}

#[derive(Deserialize, Debug)]
#[serde(rename_all = "camelCase")]
struct RawEnv {
    name: Name,
    #[serde(default)]
    value: Option<Name>,
    #[serde(default)]
    value_from: Option<RawValueFrom>,
}

#[derive(Deserialize, Debug)]
#[serde(rename_all = "camelCase")]
struct RawValueFrom {
    #[serde(default)]
    config_map_key_ref: Option<RawKeyRef>,
    #[serde(default)]
    secret_key_ref: Option<RawKeyRef>,
    #[serde(default)]
    field_ref: Option<RawFieldRef>,
}

#[derive(Deserialize, Debug)]
#[serde(rename_all = "camelCase")]
struct RawFieldRef {
    field_path: Name,
}

#[derive(Deserialize, Debug)]
#[serde(rename_all = "camelCase")]
struct RawKeyRef {
    name: Name,
    key: Name,
    #[serde(default)]
    optional: bool,
}

#[derive(Deserialize, Debug)]
#[serde(rename_all = "camelCase")]
struct RawEnvFrom {
    #[serde(default)]
    config_map_ref: Option<RawObjectRef>,
    #[serde(default)]
    secret_ref: Option<RawObjectRef>,
}

#[derive(Deserialize, Debug)]
struct RawObjectRef {
    name: Name,
    #[serde(default)]
    optional: bool,
}

/// A ConfigMap or Secret as it stands in a file.
#[derive(Deserialize, Debug)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RawObject {
    metadata: RawMeta,
    #[serde(default)]
    data: std::collections::BTreeMap<Name, Name>,
    #[serde(default)]
    string_data: std::collections::BTreeMap<Name, Name>,
}

pub(crate) fn object(kind: ObjectKind, raw: RawObject) -> Object {
    let mut data = raw.data;
    data.extend(raw.string_data);
    Object {
        kind,
        namespace: raw.metadata.namespace.as_deref().unwrap_or("default").into(),
        name: raw.metadata.name.into(),
        data,
        ports: Vec::new(),
    }
}

fn env_var(raw: RawEnv) -> EnvVar {
    let value = match raw.value_from {
        None => EnvValue::Literal(raw.value.unwrap_or_else(|| "".into())),
        Some(RawValueFrom {
            config_map_key_ref: Some(r),
            ..
        }) => EnvValue::ConfigMapKey {
            name: r.name,
            key: r.key,
            optional: r.optional,
        },
        Some(RawValueFrom {
            secret_key_ref: Some(r),
            ..
        }) => EnvValue::SecretKey {
            name: r.name,
            key: r.key,
            optional: r.optional,
        },
        Some(RawValueFrom { field_ref: Some(r), .. }) => EnvValue::Field(r.field_path),
        Some(_) => EnvValue::Other,
    };
    EnvVar { name: raw.name, value }
}

fn env_from(raw: RawEnvFrom) -> Option<EnvFrom> {
    match (raw.config_map_ref, raw.secret_ref) {
        (Some(r), _) => Some(EnvFrom::ConfigMap {
            name: r.name,
            optional: r.optional,
        }),
        (None, Some(r)) => Some(EnvFrom::Secret {
            name: r.name,
            optional: r.optional,
        }),
        (None, None) => None,
    }
}

#[derive(Deserialize, Debug, Default)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RawLifecycle {
    #[serde(default)]
    post_start: Option<RawHandler>,
    #[serde(default)]
    pre_stop: Option<RawHandler>,
    #[serde(rename = "stopSignal", default)]
    _stop_signal: Value,
}

#[derive(Deserialize, Debug)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RawHandler {
    #[serde(default)]
    exec: Option<RawExec>,
    #[serde(default)]
    http_get: Option<RawHttp>,
    #[serde(default)]
    tcp_socket: Option<RawTcp>,
    #[serde(default)]
    sleep: Option<RawSleep>,
}

#[derive(Deserialize, Debug)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RawProbe {
    #[serde(default)]
    exec: Option<RawExec>,
    #[serde(default)]
    http_get: Option<RawHttp>,
    #[serde(default)]
    tcp_socket: Option<RawTcp>,
    #[serde(default)]
    grpc: Option<RawGrpc>,
    #[serde(default)]
    initial_delay_seconds: Option<i32>,
    #[serde(default)]
    timeout_seconds: Option<i32>,
    #[serde(default)]
    period_seconds: Option<i32>,
    #[serde(default)]
    success_threshold: Option<i32>,
    #[serde(default)]
    failure_threshold: Option<i32>,
    #[serde(default)]
    termination_grace_period_seconds: Option<i64>,
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
struct RawExec {
    #[serde(default)]
    command: Vec<Name>,
}

#[derive(Deserialize, Debug)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RawHttp {
    #[serde(default)]
    path: Option<String>,
    port: Value,
    #[serde(default)]
    scheme: Option<String>,
    #[serde(default)]
    host: Option<Name>,
    #[serde(rename = "httpHeaders", default)]
    _http_headers: Value,
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
struct RawTcp {
    port: Value,
    #[serde(default)]
    host: Option<Name>,
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
struct RawGrpc {
    port: u16,
    #[serde(default)]
    service: Option<Name>,
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
struct RawSleep {
    seconds: i64,
}

#[derive(Deserialize, Debug)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RawRule {
    action: String,
    exit_codes: RawExitCodes,
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
struct RawExitCodes {
    operator: String,
    values: Vec<i32>,
}

/// Turns what a file says into the pod that the API server would store; errors with the field and what is wrong.
/// `manifest` is the same text once more, untyped.
pub(crate) fn pod(raw: RawPod, manifest: Value) -> Result<Pod, String> {
    let spec = raw.spec;
    let restart_policy = match spec.restart_policy.as_deref() {
        None => RestartPolicy::Always,
        Some(text) => restart_policy("spec.restartPolicy", text)?,
    };
    dns_label("metadata.name", &raw.metadata.name)?;
    // As the API server has it: zero stays zero, a negative value becomes one.
    let grace = spec
        .termination_grace_period_seconds
        .map_or(30, |given| if given < 0 { 1 } else { given });
    let mut containers = Vec::new();
    for (index, container) in spec.containers.into_iter().enumerate() {
        containers.push(self::container(&format!("spec.containers[{index}]"), container)?);
    }
    let mut init_containers = Vec::new();
    for (index, container) in spec.init_containers.into_iter().enumerate() {
        let path = format!("spec.initContainers[{index}]");
        let container = self::container(&path, container)?;
        let has_probe = container.liveness_probe.is_some() || container.readiness_probe.is_some();
        if !container.is_sidecar()
            && (has_probe
                || container.startup_probe.is_some()
                || container.pre_stop.is_some()
                || container.post_start.is_some())
        {
            return Err(format!(
                "{path}: probes and hooks may not be set for init containers without restartPolicy Always"
            ));
        }
        init_containers.push(container);
    }
    if containers.is_empty() {
        return Err("spec.containers: at least one container is required".to_owned());
    }
    let mut names: Vec<&Name> = containers.iter().chain(&init_containers).map(|c| &c.name).collect();
    names.sort();
    if let Some(pair) = names.windows(2).find(|pair| pair[0] == pair[1]) {
        return Err(format!("spec.containers: two containers are named {:?}", pair[0]));
    }
    if let Some(seconds) = spec.active_deadline_seconds
        && seconds < 1
    {
        return Err("spec.activeDeadlineSeconds: must be at least 1".to_owned());
    }
    let namespace: Name = raw.metadata.namespace.as_deref().unwrap_or("default").into();
    Ok(Pod {
        uid: pod_uid(0, &namespace, &raw.metadata.name),
        namespace,
        name: raw.metadata.name.into(),
        labels: raw.metadata.labels,
        annotations: raw.metadata.annotations,
        owner: None,
        manifest: std::sync::Arc::new(manifest),
        spec: PodSpec {
            init_containers,
            containers,
            ephemeral_containers: Vec::new(),
            restart_policy,
            termination_grace_period_seconds: grace,
            active_deadline_seconds: spec.active_deadline_seconds,
            readiness_gates: spec.readiness_gates.into_iter().map(|g| g.condition_type).collect(),
            image_pull_secrets: spec.image_pull_secrets.into_iter().map(|s| s.name).collect(),
            volumes: spec
                .volumes
                .into_iter()
                .map(|v| Volume {
                    name: v.name,
                    source: v
                        .persistent_volume_claim
                        .map_or(VolumeSource::Plain, |c| VolumeSource::Claim { name: c.claim_name }),
                })
                .collect(),
            priority: spec.priority.unwrap_or(match spec.priority_class_name.as_deref() {
                Some("system-cluster-critical") => 2_000_000_000,
                Some("system-node-critical") => 2_000_001_000,
                _ => 0,
            }),
            priority_class_name: spec.priority_class_name,
            node_name: None,
            host_network: false,
        },
    })
}

fn dns_label(path: &str, name: &str) -> Result<(), String> {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '.';
    let ends = |c: Option<char>| c.is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
    if name.len() <= 253 && name.chars().all(allowed) && ends(name.chars().next()) && ends(name.chars().last()) {
        return Ok(());
    }
    Err(format!(
        "{path}: {name:?} is not a valid name: lower case letters, digits and '-', beginning and ending with a letter or digit"
    ))
}

fn restart_policy(path: &str, text: &str) -> Result<RestartPolicy, String> {
    match text {
        "Always" => Ok(RestartPolicy::Always),
        "OnFailure" => Ok(RestartPolicy::OnFailure),
        "Never" => Ok(RestartPolicy::Never),
        _ => Err(format!(
            "{path}: {text:?} is not supported; it is one of Always, OnFailure, Never"
        )),
    }
}

/// An ephemeral container that a debug action adds.
pub(crate) fn ephemeral(name: Name, image: Name) -> Container {
    let last = image.rsplit('/').next().unwrap_or(&image);
    let latest = !last.contains(':') && !last.contains('@') || last.ends_with(":latest");
    Container {
        name,
        image_pull_policy: if latest {
            PullPolicy::Always
        } else {
            PullPolicy::IfNotPresent
        },
        image,
        command: Vec::new(),
        args: Vec::new(),
        env: Vec::new(),
        env_from: Vec::new(),
        ports: Vec::new(),
        liveness_probe: None,
        readiness_probe: None,
        startup_probe: None,
        post_start: None,
        pre_stop: None,
        restart_policy: None,
        restart_policy_rules: Vec::new(),
        termination_message_fallback: false,
        volume_mounts: Vec::new(),
        mount_paths: Vec::new(),
        working_dir: None,
        termination_message_path: "/dev/termination-log".into(),
        stop_signal: None,
        place: None,
        target_container: None,
        resources: None,
    }
}

fn container(path: &str, raw: RawContainer) -> Result<Container, String> {
    dns_label(&format!("{path}.name"), &raw.name)?;
    let last = raw.image.rsplit('/').next().unwrap_or(&raw.image);
    let latest = !last.contains(':') && !last.contains('@') || last.ends_with(":latest");
    let image_pull_policy = match raw.image_pull_policy.as_deref() {
        None if latest => PullPolicy::Always,
        None | Some("IfNotPresent") => PullPolicy::IfNotPresent,
        Some("Always") => PullPolicy::Always,
        Some("Never") => PullPolicy::Never,
        Some(text) => {
            return Err(format!(
                "{path}.imagePullPolicy: {text:?} is not supported; it is one of Always, IfNotPresent, Never"
            ));
        }
    };
    let mut rules = Vec::new();
    for rule in raw.restart_policy_rules {
        let action = match rule.action.as_str() {
            "Restart" => RestartRuleAction::Restart,
            "RestartAllContainers" => RestartRuleAction::RestartAllContainers,
            text => return Err(format!("{path}.restartPolicyRules: action {text:?} is not supported")),
        };
        let not_in = match rule.exit_codes.operator.as_str() {
            "In" => false,
            "NotIn" => true,
            text => {
                return Err(format!(
                    "{path}.restartPolicyRules: operator {text:?} is not supported; it is In or NotIn"
                ));
            }
        };
        rules.push(RestartRule {
            action,
            not_in,
            values: rule.exit_codes.values,
        });
    }
    let own_policy = raw.restart_policy.as_deref();
    Ok(Container {
        name: raw.name.into(),
        image: raw.image.into(),
        image_pull_policy,
        command: raw.command,
        args: raw.args,
        env: raw.env.into_iter().map(env_var).collect(),
        env_from: raw.env_from.into_iter().filter_map(env_from).collect(),
        ports: Vec::new(),
        liveness_probe: probe(path, raw.liveness_probe)?,
        readiness_probe: probe(path, raw.readiness_probe)?,
        startup_probe: probe(path, raw.startup_probe)?,
        post_start: hook(path, raw.lifecycle.post_start)?,
        pre_stop: hook(path, raw.lifecycle.pre_stop)?,
        restart_policy: own_policy
            .map(|text| restart_policy(&format!("{path}.restartPolicy"), text))
            .transpose()?,
        restart_policy_rules: rules,
        termination_message_fallback: false,
        volume_mounts: raw.volume_mounts.into_iter().map(|m| m.name).collect(),
        mount_paths: Vec::new(),
        working_dir: None,
        termination_message_path: "/dev/termination-log".into(),
        stop_signal: None,
        place: None,
        target_container: None,
        resources: None,
    })
}

/// A port by number; names are not resolved.
fn port(value: &Value) -> u16 {
    value
        .as_u64()
        .and_then(|number| u16::try_from(number).ok())
        .unwrap_or(0)
}

fn one_of(path: &str, handlers: [Option<Handler>; 4]) -> Result<Handler, String> {
    let mut given = handlers.into_iter().flatten();
    match (given.next(), given.next()) {
        (Some(handler), None) => Ok(handler),
        (None, _) => Err(format!("{path}: must specify a handler type")),
        (Some(_), Some(_)) => Err(format!("{path}: may not specify more than 1 handler type")),
    }
}

fn common(exec: Option<RawExec>, http: Option<RawHttp>, tcp: Option<RawTcp>) -> [Option<Handler>; 3] {
    [
        exec.map(|exec| Handler::Exec { command: exec.command }),
        http.map(|http| Handler::HttpGet {
            path: http.path.as_deref().unwrap_or("/").into(),
            port: port(&http.port),
            https: http.scheme.as_deref() == Some("HTTPS"),
            host: http.host,
        }),
        tcp.map(|tcp| Handler::TcpSocket {
            port: port(&tcp.port),
            host: tcp.host,
        }),
    ]
}

fn hook(path: &str, raw: Option<RawHandler>) -> Result<Option<Handler>, String> {
    let Some(raw) = raw else { return Ok(None) };
    let [exec, http, tcp] = common(raw.exec, raw.http_get, raw.tcp_socket);
    let sleep = raw.sleep.map(|sleep| Handler::Sleep { seconds: sleep.seconds });
    one_of(&format!("{path}.lifecycle"), [exec, http, tcp, sleep]).map(Some)
}

fn probe(path: &str, raw: Option<RawProbe>) -> Result<Option<Probe>, String> {
    let Some(raw) = raw else { return Ok(None) };
    let [exec, http, tcp] = common(raw.exec, raw.http_get, raw.tcp_socket);
    let grpc = raw.grpc.map(|grpc| Handler::Grpc {
        port: grpc.port,
        service: grpc.service.unwrap_or_else(|| "".into()),
    });
    Ok(Some(Probe {
        handler: one_of(&format!("{path} probe"), [exec, http, tcp, grpc])?,
        initial_delay_seconds: raw.initial_delay_seconds.unwrap_or(0),
        timeout_seconds: raw.timeout_seconds.unwrap_or(1),
        period_seconds: raw.period_seconds.unwrap_or(10),
        success_threshold: raw.success_threshold.unwrap_or(1),
        failure_threshold: raw.failure_threshold.unwrap_or(3),
        termination_grace_period_seconds: raw.termination_grace_period_seconds,
    }))
}
