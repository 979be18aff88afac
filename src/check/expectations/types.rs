//! What expressions are about: the types of values, the fields of objects, the functions and methods.

use super::words::words;
use crate::api::schema::container::{RECURSIONS, RESOURCE_REQUIREMENTS};
use crate::api::schema::meta::OWNER_REFERENCE;
use crate::api::schema::pod::POD_SPEC;
use crate::api::shape::{Field, Object, Shape};

/// What is known of a value before the run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Type {
    /// Anything: nothing is checked.
    Any,
    Null,
    Bool,
    /// int or double: CEL compares them with each other.
    Number,
    String,
    /// A string that is one of these.
    Enum(&'static [&'static str]),
    /// A string that is one of these, or of what the input adds to them.
    Word(Vocabulary),
    List(Box<Type>),
    /// Names to strings, such as labels.
    StringMap,
    Object(Kind),
}

/// Words to which the input may add its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Vocabulary {
    /// The type of a pod condition; readiness gates and `setCondition` add theirs.
    Condition,
    /// Why a process ended; scripts add theirs.
    End,
    /// Why a pod was ended; others may come.
    Pod,
    /// Why there is an event; others may come.
    Event,
}

/// Objects, by what their fields are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Pod,
    Metadata,
    Status,
    Condition,
    ContainerStatus,
    ContainerState,
    Waiting,
    Running,
    Terminated,
    PodIp,
    VolumeMount,
    /// What `.container(name)` gives.
    Container,
    Event,
    Exit,
    Probe,
    /// A part of a manifest, as the tables of the API have it.
    Api(&'static Object),
}

const PHASES: &[&str] = &["Pending", "Running", "Succeeded", "Failed", "Unknown", ""];
const CONDITION_STATUSES: &[&str] = &["True", "False", "Unknown", ""];
const CONDITIONS: &[&str] = &[
    "PodScheduled",
    "PodReadyToStartContainers",
    "Initialized",
    "ContainersReady",
    "Ready",
    "DisruptionTarget",
    "PodResizePending",
    "PodResizeInProgress",
    "AllContainersRestarting",
];
const STATES: &[&str] = &["waiting", "running", "terminated", ""];
/// What a kubelet gives as the reason of a waiting container.
const WAITING: &[&str] = &[
    "ContainerCreating",
    "PodInitializing",
    "CrashLoopBackOff",
    "ErrImagePull",
    "ImagePullBackOff",
    "ErrImageNeverPull",
    "InvalidImageName",
    "ImageInspectError",
    "RegistryUnavailable",
    "SignatureValidationFailed",
    "CreateContainerConfigError",
    "CreateContainerError",
    "RunContainerError",
    "PostStartHookError",
];
/// What a runtime and a kubelet give as the reason of a terminated container.
const ENDS: &[&str] = &[
    "Completed",
    "Error",
    "OOMKilled",
    "StartError",
    "ContainerStatusUnknown",
    "RestartingAllContainers",
    "Unknown",
];
/// What a kubelet gives as the reason of a pod.
const POD_REASONS: &[&str] = &["Evicted", "DeadlineExceeded", "NodeShutdown", "Terminated"];
const EVENT_TYPES: &[&str] = &["Normal", "Warning"];
const PROBES: &[&str] = &["startup", "readiness", "liveness"];
const PROBE_RESULTS: &[&str] = &["success", "failure", "error", "timeout"];
const ENDED_BY: &[&str] = &["self", "term", "kill", "reboot"];
const QOS: &[&str] = &["Guaranteed", "Burstable", "BestEffort"];

/// Reasons of events.
const EVENT_REASONS: &[&str] = &[
    // Those of `pkg/kubelet/events`, in any version.
    "AlreadyMountedVolume",
    "BackOff",
    "CgroupV1",
    "ContainerGCFailed",
    "Created",
    "ErrImageNeverPull",
    "ExceededGracePeriod",
    "Failed",
    "FailedAttachVolume",
    "FailedCreatePodContainer",
    "FailedCreatePodSandBox",
    "FailedKillPod",
    "FailedMapVolume",
    "FailedMount",
    "FailedMountOnFilesystemMismatch",
    "FailedNodeAllocatableEnforcement",
    "FailedNodeDeclaredFeaturesCheck",
    "FailedPodSandBoxStatus",
    "FailedPostStartHook",
    "FailedPreStopHook",
    "FailedPrepareDynamicResources",
    "FailedSync",
    "FailedValidation",
    "FileSystemResizeFailed",
    "FileSystemResizeSuccessful",
    "FreeDiskSpaceFailed",
    "ImageGCFailed",
    "InspectFailed",
    "InvalidDiskCapacity",
    "InvalidImageID",
    "Killing",
    "KubeletSetupFailed",
    "NetworkNotReady",
    "NodeAllocatableEnforced",
    "NodeNotReady",
    "NodeNotSchedulable",
    "NodeReady",
    "NodeSchedulable",
    "PossibleMemoryBackedVolumesOnDisk",
    "Preempting",
    "ProbeWarning",
    "Pulled",
    "Pulling",
    "Rebooted",
    "ResizeCompleted",
    "ResizeDeferred",
    "ResizeError",
    "ResizeInfeasible",
    "ResizeStarted",
    "SandboxChanged",
    "Shutdown",
    "Started",
    "Starting",
    "SuccessfulAttachVolume",
    "SuccessfulMountVolume",
    "Unhealthy",
    "VolumePermissionChangeInProgress",
    "VolumeResizeFailed",
    "VolumeResizeSuccessful",
    // What a kubelet says without a name for it there.
    "CheckLimitsForResolvConf",
    "DNSConfigForming",
    "DeadlineExceeded",
    "Evicted",
    "EvictionThresholdMet",
    "FailedToRetrieveImagePullSecret",
    "HostIPsIPFamilyMismatch",
    "InvalidEnvironmentVariableNames",
    "LifecycleHTTPFallback",
    "MissingClusterDNS",
    "NodeAffinity",
    "NodeHasDiskPressure",
    "NodeHasInsufficientMemory",
    "NodeHasInsufficientPID",
    "NodeHasNoDiskPressure",
    "NodeHasSufficientMemory",
    "NodeHasSufficientPID",
    "NodeShutdown",
    "OutOfcpu",
    "OutOfmemory",
    "OutOfpods",
    "SystemOOM",
    "UnexpectedAdmissionError",
    "VolumeConditionAbnormal",
    // The scheduler's and the controllers'.
    "BackoffLimitExceeded",
    "Completed",
    "FailedCreate",
    "FailedDelete",
    "FailedScheduling",
    "Preempted",
    "Resumed",
    "ScalingReplicaSet",
    "Scheduled",
    "SuccessfulCreate",
    "SuccessfulDelete",
    "Suspended",
    "TaintManagerEviction",
];

/// The value of a literal argument must be one that exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Parameter {
    /// The name of a pod of the input.
    Pod,
    /// A name or glob that matches a pod of the input.
    PodGlob,
    /// A container of the pod that the first argument or the receiver names.
    Container,
    /// The type of a pod condition.
    Condition,
    /// The reason of an event.
    Reason,
    /// startup, readiness or liveness
    Probe,
}

/// A function or method of ours.
pub(super) struct Signature {
    pub(super) name: &'static str,
    /// For each number of arguments that is allowed.
    pub(super) parameters: &'static [Parameter],
    /// How many of the parameters must be given.
    pub(super) required: usize,
    pub(super) result: fn() -> Type,
    /// How to write it.
    pub(super) usage: &'static str,
}

pub(super) const FUNCTIONS: &[Signature] = &[
    Signature {
        name: "pod",
        parameters: &[Parameter::Pod],
        required: 1,
        result: || Type::Object(Kind::Pod),
        usage: "pod('NAME')",
    },
    Signature {
        name: "pods",
        parameters: &[Parameter::PodGlob],
        required: 0,
        result: || Type::List(Box::new(Type::Object(Kind::Pod))),
        usage: "pods() or pods('NAME-*')",
    },
    Signature {
        name: "events",
        parameters: &[Parameter::Pod, Parameter::Reason],
        required: 1,
        result: || Type::List(Box::new(Type::Object(Kind::Event))),
        usage: "events('POD') or events('POD', 'REASON')",
    },
    Signature {
        name: "exits",
        parameters: &[Parameter::Pod, Parameter::Container],
        required: 1,
        result: || Type::List(Box::new(Type::Object(Kind::Exit))),
        usage: "exits('POD') or exits('POD', 'CONTAINER')",
    },
    Signature {
        name: "probes",
        parameters: &[Parameter::Pod, Parameter::Container, Parameter::Probe],
        required: 1,
        result: || Type::List(Box::new(Type::Object(Kind::Probe))),
        usage: "probes('POD'), probes('POD', 'CONTAINER') or probes('POD', 'CONTAINER', 'liveness')",
    },
];

pub(super) const POD_METHODS: &[Signature] = &[
    Signature {
        name: "exists",
        parameters: &[],
        required: 0,
        result: || Type::Bool,
        usage: "pod('NAME').exists()",
    },
    Signature {
        name: "ready",
        parameters: &[],
        required: 0,
        result: || Type::Bool,
        usage: "pod('NAME').ready()",
    },
    Signature {
        name: "terminating",
        parameters: &[],
        required: 0,
        result: || Type::Bool,
        usage: "pod('NAME').terminating()",
    },
    Signature {
        name: "restarts",
        parameters: &[Parameter::Container],
        required: 0,
        result: || Type::Number,
        usage: "pod('NAME').restarts() or pod('NAME').restarts('CONTAINER')",
    },
    Signature {
        name: "container",
        parameters: &[Parameter::Container],
        required: 1,
        result: || Type::Object(Kind::Container),
        usage: "pod('NAME').container('CONTAINER')",
    },
    Signature {
        name: "condition",
        parameters: &[Parameter::Condition],
        required: 1,
        result: || Type::Enum(CONDITION_STATUSES),
        usage: "pod('NAME').condition('Ready')",
    },
];

/// CEL's own functions that are allowed, as function or as method, and what they give.
pub(super) fn standard(name: &str) -> Option<Type> {
    Some(match name {
        "contains" | "startsWith" | "endsWith" | "matches" => Type::Bool,
        "size" | "int" | "double" => Type::Number,
        "string" => Type::String,
        _ => return None,
    })
}

/// Names of [`standard`] and of the macros, for hints.
pub(super) const STANDARD_NAMES: &[&str] = &[
    "contains",
    "startsWith",
    "endsWith",
    "matches",
    "size",
    "int",
    "double",
    "string",
    "has",
    "all",
    "exists",
    "exists_one",
    "filter",
    "map",
];

impl Vocabulary {
    /// What there is without the input.
    pub(super) fn known(self) -> &'static [&'static str] {
        match self {
            Vocabulary::Condition => CONDITIONS,
            Vocabulary::End => ENDS,
            Vocabulary::Pod => POD_REASONS,
            Vocabulary::Event => EVENT_REASONS,
        }
    }

    /// Whether nothing else can come. Of an open one, what is nearly one of its words is a slip of the pen.
    pub(super) fn is_closed(self) -> bool {
        match self {
            Vocabulary::Condition | Vocabulary::End => true,
            Vocabulary::Pod | Vocabulary::Event => false,
        }
    }
}

/// The three kinds of probe.
pub(super) fn probes() -> &'static [&'static str] {
    PROBES
}

impl Kind {
    /// What the object is called in messages.
    pub(super) fn name(self) -> &'static str {
        match self {
            Kind::Pod => "a pod",
            Kind::Metadata => "metadata",
            Kind::Status => "a pod's status",
            Kind::Condition => "a pod condition",
            Kind::ContainerStatus => "a container status",
            Kind::ContainerState => "a container state",
            Kind::Waiting => "a waiting state",
            Kind::Running => "a running state",
            Kind::Terminated => "a terminated state",
            Kind::PodIp => "a pod IP",
            Kind::VolumeMount => "a volume mount",
            Kind::Container => "a container",
            Kind::Event => "an event",
            Kind::Exit => "an exit",
            Kind::Probe => "a probe call",
            Kind::Api(object) => object.name,
        }
    }

    /// The fields, with their types.
    pub(super) fn fields(self) -> Vec<(&'static str, Type)> {
        use Type::{Bool, Enum, Number, Object, String, StringMap, Word};
        let list = |kind| Type::List(Box::new(Object(kind)));
        match self {
            Kind::Pod => vec![
                ("apiVersion", String),
                ("kind", String),
                ("metadata", Object(Kind::Metadata)),
                ("spec", Object(Kind::Api(&POD_SPEC))),
                ("status", Object(Kind::Status)),
            ],
            Kind::Metadata => vec![
                ("name", String),
                ("namespace", String),
                ("uid", String),
                ("generateName", String),
                ("labels", StringMap),
                ("annotations", StringMap),
                ("finalizers", Type::List(Box::new(String))),
                ("ownerReferences", list(Kind::Api(&OWNER_REFERENCE))),
                ("generation", Number),
                ("resourceVersion", String),
                ("creationTimestamp", String),
                ("deletionTimestamp", String),
                ("deletionGracePeriodSeconds", Number),
            ],
            Kind::Status => vec![
                ("phase", Enum(PHASES)),
                ("reason", Word(Vocabulary::Pod)),
                ("message", String),
                ("conditions", list(Kind::Condition)),
                ("initContainerStatuses", list(Kind::ContainerStatus)),
                ("containerStatuses", list(Kind::ContainerStatus)),
                ("ephemeralContainerStatuses", list(Kind::ContainerStatus)),
                ("hostIP", String),
                ("hostIPs", list(Kind::PodIp)),
                ("podIP", String),
                ("podIPs", list(Kind::PodIp)),
                ("qosClass", Enum(QOS)),
                ("allocatedResources", StringMap),
                ("resources", Object(Kind::Api(&RESOURCE_REQUIREMENTS))),
                ("startTime", String),
                ("nominatedNodeName", String),
                ("observedGeneration", Number),
            ],
            Kind::Condition => vec![
                ("type", Word(Vocabulary::Condition)),
                ("status", Enum(CONDITION_STATUSES)),
                ("reason", String),
                ("message", String),
                ("lastProbeTime", String),
                ("lastTransitionTime", String),
                ("observedGeneration", Number),
            ],
            Kind::ContainerStatus => vec![
                ("name", String),
                ("state", Object(Kind::ContainerState)),
                ("lastState", Object(Kind::ContainerState)),
                ("ready", Bool),
                ("started", Bool),
                ("restartCount", Number),
                ("image", String),
                ("imageID", String),
                ("containerID", String),
                ("allocatedResources", StringMap),
                ("resources", Object(Kind::Api(&RESOURCE_REQUIREMENTS))),
                ("volumeMounts", list(Kind::VolumeMount)),
            ],
            Kind::VolumeMount => vec![
                ("name", String),
                ("mountPath", String),
                ("readOnly", Bool),
                ("recursiveReadOnly", Enum(RECURSIONS)),
            ],
            Kind::ContainerState => vec![
                ("waiting", Object(Kind::Waiting)),
                ("running", Object(Kind::Running)),
                ("terminated", Object(Kind::Terminated)),
            ],
            Kind::Waiting => vec![("reason", Enum(WAITING)), ("message", String)],
            Kind::Running => vec![("startedAt", String)],
            Kind::Terminated => vec![
                ("exitCode", Number),
                ("signal", Number),
                ("reason", Word(Vocabulary::End)),
                ("message", String),
                ("startedAt", String),
                ("finishedAt", String),
                ("containerID", String),
            ],
            Kind::PodIp => vec![("ip", String)],
            Kind::Container => vec![
                ("name", String),
                ("state", Enum(STATES)),
                ("waiting", Enum(WAITING)),
                ("running", Bool),
                ("terminated", Word(Vocabulary::End)),
                ("exitCode", Number),
                ("message", String),
                ("lastExitCode", Number),
                ("lastReason", Word(Vocabulary::End)),
                ("ready", Bool),
                ("started", Bool),
                ("restartCount", Number),
                ("image", String),
            ],
            Kind::Event => vec![
                ("type", Enum(EVENT_TYPES)),
                ("reason", Word(Vocabulary::Event)),
                ("message", String),
                ("container", String),
                ("at", Number),
            ],
            Kind::Exit => vec![
                ("container", String),
                ("attempt", Number),
                ("code", Number),
                ("reason", Word(Vocabulary::End)),
                ("by", Enum(ENDED_BY)),
                ("at", Number),
            ],
            Kind::Api(object) => {
                let fields = object.fields.iter();
                let type_of = |field: &Field| match words(object.name, field) {
                    Some(words) => Enum(words),
                    None => Type::of(&field.shape),
                };
                fields.map(|field| (field.name, type_of(field))).collect()
            }
            Kind::Probe => vec![
                ("container", String),
                ("attempt", Number),
                ("probe", Enum(PROBES)),
                ("result", Enum(PROBE_RESULTS)),
                ("at", Number),
            ],
        }
    }
}

impl Type {
    /// What a field of the API of that shape holds.
    fn of(shape: &Shape) -> Type {
        match shape {
            Shape::Text | Shape::Time | Shape::Bytes | Shape::Version | Shape::Duration | Shape::Choice(_) => {
                Type::String
            }
            Shape::Boolean => Type::Bool,
            Shape::Integer(..) | Shape::Number(..) => Type::Number,
            Shape::List(element) => Type::List(Box::new(Type::of(element))),
            Shape::Map(Shape::Text | Shape::Quantity) => Type::StringMap,
            Shape::Of(object) => Type::Object(Kind::Api(object)),
            Shape::Map(_)
            | Shape::Any
            | Shape::Quantity
            | Shape::IntOrString
            | Shape::DurationOr(_)
            | Shape::ChoiceOr(..) => Type::Any,
        }
    }

    /// What the type is called in messages.
    pub(super) fn name(&self) -> String {
        match self {
            Type::Any => "any value".to_owned(),
            Type::Null => "null".to_owned(),
            Type::Bool => "true or false".to_owned(),
            Type::Number => "a number".to_owned(),
            Type::String | Type::Enum(_) | Type::Word(_) => "a string".to_owned(),
            Type::List(_) => "a list".to_owned(),
            Type::StringMap => "a map".to_owned(),
            Type::Object(kind) => kind.name().to_owned(),
        }
    }

    pub(super) fn is_string(&self) -> bool {
        matches!(self, Type::String | Type::Enum(_) | Type::Word(_))
    }

    /// Whether values of the two can be equal.
    pub(super) fn comparable(&self, other: &Type) -> bool {
        use Type::{Any, Null};
        match (self, other) {
            (Any | Null, _) | (_, Any | Null) => true,
            (a, b) if a.is_string() && b.is_string() => true,
            (Type::List(a), Type::List(b)) => a.comparable(b),
            (a, b) => a == b,
        }
    }
}
