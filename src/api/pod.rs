//! The pod as the lifecycle engine needs it: a v1.Pod, decoded, defaulted and validated.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use super::node::Node;
use super::place::Place;
use super::volume_mounts::VolumeMounts;

/// A name or any other short text: up to 23 bytes lie in it, longer ones are shared by those who have it.
pub type Name = smol_str::SmolStr;

/// The parts put together. Of short texts it is faster than formatting, by far.
pub(crate) fn concat(parts: &[&str]) -> Name {
    /// Bytes of nearly all texts: they are put together here, and then only copied to where they stay.
    const ROOM: usize = 160;
    let length = parts.iter().map(|part| part.len()).sum();
    let mut bytes = [0; ROOM];
    let Some(bytes) = bytes.get_mut(..length) else {
        return parts.concat().into();
    };
    let mut rest = &mut *bytes;
    for part in parts {
        let (place, behind) = rest.split_at_mut(part.len());
        place.copy_from_slice(part.as_bytes());
        rest = behind;
    }
    Name::new(str::from_utf8(bytes).expect("texts put together are a text"))
}

/// A v1.Pod after defaulting and validation.
#[derive(Clone, Debug, PartialEq)]
pub struct Pod {
    /// metadata.namespace
    pub namespace: Name,
    /// metadata.name
    pub name: Name,
    /// metadata.uid, derived from the name and the seed
    pub uid: Name,
    /// metadata.labels
    pub labels: BTreeMap<Name, Name>,
    /// metadata.annotations
    pub annotations: BTreeMap<Name, Name>,
    /// The spec.
    pub spec: PodSpec,
    /// The manifest as given: the object that the API shows has its metadata, and its spec with what the API server adds.
    pub manifest: Arc<serde_json::Value>,
    /// The owner's kind and name for pods made from a template (`ReplicaSet`, `web-5d4f`).
    pub owner: Option<(Name, Name)>,
    /// The object of the input that it comes from; None for pods that no file has.
    pub written: Option<Arc<Origin>>,
}

/// An object of the input as somebody wrote it: a pod, or what makes pods from a template.
#[derive(Clone, Debug, PartialEq)]
pub struct Origin {
    /// kind
    pub kind: Name,
    /// metadata.name
    pub name: Name,
    /// The file that it stands in.
    pub file: Name,
    /// The pod's spec as it was read, for the places of its fields.
    pub(crate) spec: Node,
}

/// v1.PodSpec: what the lifecycle depends on.
#[derive(Clone, Debug, PartialEq)]
pub struct PodSpec {
    /// Regular init containers and sidecars, in order.
    pub init_containers: Vec<Container>,
    /// App containers, in order.
    pub containers: Vec<Container>,
    /// Ephemeral containers (only ever added by the debug action).
    pub ephemeral_containers: Vec<Container>,
    /// spec.restartPolicy
    pub restart_policy: RestartPolicy,
    /// spec.terminationGracePeriodSeconds
    pub termination_grace_period_seconds: i64,
    /// spec.activeDeadlineSeconds
    pub active_deadline_seconds: Option<i64>,
    /// spec.readinessGates[].conditionType
    pub readiness_gates: Vec<Name>,
    /// spec.schedulingGates[].name: the scheduler passes the pod over as long as there is one
    pub scheduling_gates: Vec<Name>,
    /// spec.imagePullSecrets[].name
    pub image_pull_secrets: Vec<Name>,
    /// spec.volumes
    pub volumes: Vec<Volume>,
    /// spec.priority (0 when unset), or what the priority class gives
    pub priority: i32,
    /// spec.priorityClassName
    pub priority_class_name: Option<Name>,
    /// spec.preemptionPolicy, or what the priority class gives
    pub preemption_policy: Option<Name>,
    /// spec.nodeName
    pub node_name: Option<Name>,
    /// spec.hostNetwork
    pub host_network: bool,
    /// spec.resources, as a container's
    pub resources: Option<Arc<serde_json::Value>>,
    /// spec.overhead, canonical JSON
    pub overhead: Option<Arc<serde_json::Value>>,
}

/// A volume: its name and, where the kubelet must look an object up, that object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Volume {
    /// spec.volumes[].name
    pub name: Name,
    /// configMap.name, secret.secretName … with whether it is optional
    pub source: VolumeSource,
}

/// What a volume is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VolumeSource {
    /// emptyDir, hostPath and anything else that needs no other object
    Plain,
    /// configMap
    ConfigMap {
        /** its name */
        name: Name,
        /** may be missing */
        optional: bool,
    },
    /// secret
    Secret {
        /** its name */
        name: Name,
        /** may be missing */
        optional: bool,
    },
    /// persistentVolumeClaim
    Claim {
        /** its name */
        name: Name,
    },
    /// image
    Image {
        /** the image */
        reference: Name,
        /** pullPolicy after defaulting */
        pull_policy: PullPolicy,
    },
}

/// v1.RestartPolicy of a pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RestartPolicy {
    /// Always
    Always,
    /// OnFailure
    OnFailure,
    /// Never
    Never,
}

/// v1.PullPolicy
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PullPolicy {
    /// Always
    Always,
    /// IfNotPresent
    IfNotPresent,
    /// Never
    Never,
}

/// v1.Container (or v1.EphemeralContainer).
#[derive(Clone, Debug, PartialEq)]
pub struct Container {
    /// name
    pub name: Name,
    /// image
    pub image: Name,
    /// imagePullPolicy after defaulting
    pub image_pull_policy: PullPolicy,
    /// command
    pub command: Vec<Name>,
    /// args
    pub args: Vec<Name>,
    /// env
    pub env: Vec<EnvVar>,
    /// envFrom
    pub env_from: Vec<EnvFrom>,
    /// ports[]
    pub ports: Vec<ContainerPort>,
    /// livenessProbe
    pub liveness_probe: Option<Probe>,
    /// readinessProbe
    pub readiness_probe: Option<Probe>,
    /// startupProbe
    pub startup_probe: Option<Probe>,
    /// lifecycle.postStart
    pub post_start: Option<Handler>,
    /// lifecycle.preStop
    pub pre_stop: Option<Handler>,
    /// restartPolicy of the container; for init containers Always makes a sidecar
    pub restart_policy: Option<RestartPolicy>,
    /// restartPolicyRules
    pub restart_policy_rules: Vec<RestartRule>,
    /// terminationMessagePolicy is FallbackToLogsOnError
    pub termination_message_fallback: bool,
    /// volumeMounts
    pub volume_mounts: VolumeMounts,
    /// workingDir
    pub working_dir: Option<Name>,
    /// securityContext, the container's own or else the pod's
    pub run_as: RunAs,
    /// stdin: an open standard input, at which nobody types
    pub stdin: bool,
    /// terminationMessagePath after defaulting
    pub termination_message_path: Name,
    /// lifecycle.stopSignal, with its SIG
    pub stop_signal: Option<Name>,
    /// Where command or args stand in the input, or else the container, for warnings.
    pub place: Option<Arc<Place>>,
    /// targetContainerName of an ephemeral container
    pub target_container: Option<Name>,
    /// resources as given (canonical JSON of requests and limits), None when empty
    pub resources: Option<Arc<serde_json::Value>>,
}

/// As whom a container's process runs (`securitycontext.DetermineEffectiveSecurityContext`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RunAs {
    /// runAsUser; None: as the image says
    pub user: Option<i64>,
    /// runAsNonRoot
    pub non_root: bool,
}

/// containers[].ports[]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContainerPort {
    /// name
    pub name: Option<Name>,
    /// containerPort
    pub port: u16,
    /// protocol
    pub protocol: Name,
}

/// containers[].env[]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnvVar {
    /// name
    pub name: Name,
    /// where the value comes from
    pub value: EnvValue,
}

/// The value of an environment variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EnvValue {
    /// value
    Literal(Name),
    /// valueFrom.configMapKeyRef
    ConfigMapKey {
        /** object */
        name: Name,
        /** key */
        key: Name,
        /** may be missing */
        optional: bool,
    },
    /// valueFrom.secretKeyRef
    SecretKey {
        /** object */
        name: Name,
        /** key */
        key: Name,
        /** may be missing */
        optional: bool,
    },
    /// valueFrom.fieldRef (the field path)
    Field(Name),
    /// anything else
    Other,
}

/// containers[].envFrom[]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EnvFrom {
    /// configMapRef
    ConfigMap {
        /** object */
        name: Name,
        /** may be missing */
        optional: bool,
    },
    /// secretRef
    Secret {
        /** object */
        name: Name,
        /** may be missing */
        optional: bool,
    },
}

/// v1.Probe after defaulting.
#[derive(Clone, Debug, PartialEq)]
pub struct Probe {
    /// what is called
    pub handler: Handler,
    /// initialDelaySeconds
    pub initial_delay_seconds: i32,
    /// timeoutSeconds
    pub timeout_seconds: i32,
    /// periodSeconds
    pub period_seconds: i32,
    /// successThreshold
    pub success_threshold: i32,
    /// failureThreshold
    pub failure_threshold: i32,
    /// terminationGracePeriodSeconds of the probe
    pub termination_grace_period_seconds: Option<i64>,
}

/// v1.ProbeHandler or v1.LifecycleHandler.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Handler {
    /// exec
    Exec {
        /** argv */
        command: Vec<Name>,
    },
    /// httpGet
    HttpGet {
        /** scheme://host part omitted: the pod's IP */
        path: Name,
        /** port */
        port: Port,
        /** HTTP or HTTPS */
        https: bool,
        /** host, if given */
        host: Option<Name>,
    },
    /// tcpSocket
    TcpSocket {
        /** port */
        port: Port,
        /** host, if given */
        host: Option<Name>,
    },
    /// grpc
    Grpc {
        /** port */
        port: u16,
        /** service, may be empty */
        service: Name,
    },
    /// sleep (hooks only)
    Sleep {
        /** seconds */
        seconds: i64,
    },
}

/// The port of a handler as it is given (`intstr.IntOrString`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Port {
    /// by its number
    Number(u16),
    /// by the name of one of the container's ports
    Named {
        /** the name */
        name: Name,
        /** its number, unless the container has no such port: the API takes that, and whoever calls the port fails */
        number: Option<u16>,
    },
}

impl Port {
    /// The number. Errors with what Go says of a name that it does not find and that is no number
    /// (`pkg/probe/util.go: ResolveContainerPort`).
    pub fn resolve(&self) -> Result<u16, String> {
        match self {
            Port::Number(number) => Ok(*number),
            Port::Named { name, number } => {
                number.ok_or_else(|| format!("strconv.Atoi: parsing {:?}: invalid syntax", &**name))
            }
        }
    }
}

impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Port::Number(number) => write!(f, "{number}"),
            Port::Named { name, .. } => f.write_str(name),
        }
    }
}

impl Handler {
    /// The port that it calls, if it calls one by number or name. Errors as [`Port::resolve`].
    pub fn port(&self) -> Result<Option<u16>, String> {
        match self {
            Handler::HttpGet { port, .. } | Handler::TcpSocket { port, .. } => port.resolve().map(Some),
            Handler::Grpc { port, .. } => Ok(Some(*port)),
            Handler::Exec { .. } | Handler::Sleep { .. } => Ok(None),
        }
    }
}

/// containers[].restartPolicyRules[]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RestartRule {
    /// action
    pub action: RestartRuleAction,
    /// exitCodes.operator is NotIn
    pub not_in: bool,
    /// exitCodes.values
    pub values: Vec<i32>,
}

/// What a restart rule does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RestartRuleAction {
    /// Restart
    Restart,
    /// RestartAllContainers
    RestartAllContainers,
}

/// Which of the pod's lists a container is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ContainerType {
    /// spec.initContainers, sidecars included
    Init,
    /// spec.containers
    App,
    /// spec.ephemeralContainers
    Ephemeral,
}

impl Container {
    /// A container of which nothing is known but its name and image.
    pub fn plain(name: Name, image: Name) -> Container {
        Container {
            name,
            image,
            image_pull_policy: PullPolicy::IfNotPresent,
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
            volume_mounts: VolumeMounts::default(),
            working_dir: None,
            run_as: RunAs::default(),
            stdin: false,
            termination_message_path: "/dev/termination-log".into(),
            stop_signal: None,
            place: None,
            target_container: None,
            resources: None,
        }
    }

    /// Whether this is a sidecar: an init container with restartPolicy Always
    /// (`pkg/api/v1/pod: IsRestartableInitContainer`). Ask it of init containers only.
    pub fn is_sidecar(&self) -> bool {
        self.restart_policy == Some(RestartPolicy::Always)
    }
}

impl PodSpec {
    /// A spec of which nothing is known but its containers; the rest is as the API server's defaults have it.
    pub fn plain(containers: Vec<Container>) -> PodSpec {
        PodSpec {
            init_containers: Vec::new(),
            containers,
            ephemeral_containers: Vec::new(),
            restart_policy: RestartPolicy::Always,
            termination_grace_period_seconds: 30,
            active_deadline_seconds: None,
            readiness_gates: Vec::new(),
            scheduling_gates: Vec::new(),
            image_pull_secrets: Vec::new(),
            volumes: Vec::new(),
            priority: 0,
            priority_class_name: None,
            preemption_policy: None,
            node_name: None,
            host_network: false,
            resources: None,
            overhead: None,
        }
    }

    /// The volumes that are images: name, image and pull policy of each.
    pub fn image_volumes(&self) -> impl Iterator<Item = (&Name, &Name, PullPolicy)> {
        self.volumes.iter().filter_map(|volume| match &volume.source {
            VolumeSource::Image { reference, pull_policy } => Some((&volume.name, reference, *pull_policy)),
            _ => None,
        })
    }
}

impl Pod {
    /// A pod of which nothing is known but its name and its containers.
    pub fn plain(namespace: Name, name: Name, containers: Vec<Container>) -> Pod {
        Pod {
            namespace,
            name,
            uid: "".into(),
            labels: BTreeMap::new(),
            annotations: BTreeMap::new(),
            spec: PodSpec::plain(containers),
            manifest: Arc::default(),
            owner: None,
            written: None,
        }
    }

    /// Whether scheduling gates keep it from any node.
    pub fn is_gated(&self) -> bool {
        !self.spec.scheduling_gates.is_empty()
    }

    /// `namespace/name`, as traces and messages show it.
    pub fn full_name(&self) -> Name {
        concat(&[&self.namespace, "/", &self.name])
    }

    /// `name_namespace(uid)`, as the kubelet names it in messages (`format.Pod`).
    pub fn described(&self) -> Name {
        concat(&[&self.name, "_", &self.namespace, "(", &self.uid, ")"])
    }

    /// Whether `name` means this pod: see [`is_called`].
    pub fn is_called(&self, name: &str) -> bool {
        is_called(name, &self.namespace, &self.name)
    }

    /// Every container with its type, in the order init, app, ephemeral.
    pub fn all_containers(&self) -> impl Iterator<Item = (ContainerType, &Container)> {
        let spec = &self.spec;
        let init = spec.init_containers.iter().map(|c| (ContainerType::Init, c));
        let app = spec.containers.iter().map(|c| (ContainerType::App, c));
        let ephemeral = spec.ephemeral_containers.iter().map(|c| (ContainerType::Ephemeral, c));
        init.chain(app).chain(ephemeral)
    }

    /// The container of that name, with its type.
    pub fn find_container(&self, name: &str) -> Option<(ContainerType, &Container)> {
        self.all_containers().find(|(_, c)| &*c.name == name)
    }
}

/// Whether the object of that namespace and name is called `given`: its name, alone or after its namespace and a slash. No
/// name has a slash itself.
pub fn is_called(given: &str, namespace: &str, name: &str) -> bool {
    match given.split_once('/') {
        Some((of, given)) => of == namespace && given == name,
        None => given == name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_may_say_its_namespace() {
        for (given, called) in [
            ("web", true),
            ("shop/web", true),
            ("default/web", false),
            ("shop/we", false),
            ("/web", false),
            ("shop/web/", false),
        ] {
            assert_eq!(is_called(given, "shop", "web"), called, "{given}");
        }
    }
}
