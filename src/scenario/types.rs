//! The Scenario document as the engine needs it: durations read, defaults filled in.

use crate::api::features::Features;
use crate::api::objects::{Object, ObjectKind};
pub use crate::api::place::Place;
use crate::api::pod::{Container, Name, Pod};
use crate::api::status::ConditionStatus;
use crate::api::written::Written;
use crate::kernel::{Duration, Time};

pub use super::distributions::{Distribution, PlacedDistribution, Span};
pub use super::sabotage::Sabotage;
use super::shared::Shared;

/// Everything a run reads: the pods and the script of the world around them.
#[derive(Clone, Debug)]
pub struct Input {
    /// Pods in file order, each with the time at which it is created.
    pub pods: Vec<PodInput>,
    /// ConfigMaps, Secrets and Services in file order.
    pub objects: Vec<ObjectInput>,
    /// The scripted world.
    pub scenario: Shared<Scenario>,
}

/// An object of the input that is not a pod.
#[derive(Clone, Debug)]
pub struct ObjectInput {
    /// The object itself.
    pub object: Shared<Object>,
    /// True when a `create` action makes it; otherwise it is there from the start.
    pub created_by_action: bool,
}

/// A pod of the input.
#[derive(Clone, Debug)]
pub struct PodInput {
    /// The pod itself.
    pub pod: Shared<Pod>,
    /// True when a `create` action makes it; otherwise it is created at 0.
    pub created_by_action: bool,
}

/// `kind: Scenario`, spec.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// metadata.name, `scenario` when there is no document
    pub name: String,
    /// spec.description
    pub description: Option<String>,
    /// spec.runFor; None: until nothing more can happen, at most 24 h
    pub run_for: Option<Duration>,
    /// spec.seed
    pub seed: u64,
    /// spec.epoch: seconds since 1970 at t = 0
    pub epoch_unix_secs: i64,
    /// spec.jitter is Kubernetes
    pub jitter: bool,
    /// spec.kubelet
    pub kubelet: Shared<KubeletConfig>,
    /// spec.latencies
    pub latencies: Latencies,
    /// spec.images
    pub images: Vec<ImageScript>,
    /// spec.containers
    pub containers: Vec<ContainerScript>,
    /// spec.sandboxes
    pub sandboxes: Vec<SandboxScript>,
    /// spec.volumes
    pub volumes: Vec<VolumeScript>,
    /// spec.actions, in file order
    pub actions: Vec<Action>,
    /// spec.nodes; empty: one node, [`ONLY_NODE`], with `kubelet` as it stands
    pub nodes: Vec<NodeScript>,
    /// spec.schedule
    pub schedule: Schedule,
    /// spec.programs
    pub programs: Vec<ProgramScript>,
    /// spec.expect, in file order
    pub expect: Vec<Expectation>,
    /// Every duration that is drawn; `distributions::draw` draws them anew for another run.
    pub distributions: Vec<PlacedDistribution>,
    /// Which run of its seed this is: each run draws otherwise. 0 but in a sweep.
    pub draw: u64,
    /// What `distributions::draw` decodes anew; None for scenarios that were not read from a document.
    pub(crate) document: Option<std::sync::Arc<super::distributions::Document>>,
}

/// spec.nodes[]
#[derive(Clone, Debug)]
pub struct NodeScript {
    /// name
    pub name: Name,
    /// spec.kubelet with what nodes[].kubelet says instead
    pub kubelet: Shared<KubeletConfig>,
}

/// spec.schedule: the order of what happens at the same virtual nanosecond.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Schedule {
    /// first come, first served
    #[default]
    Fifo,
    /// drawn from the seed
    Seeded,
}

/// spec.programs[]: a program that the guest does not know by itself, by its name or by its image.
#[derive(Clone, Debug, PartialEq)]
pub struct ProgramScript {
    /// name of the command, as argv\[0\] or its last path element
    pub name: Option<Name>,
    /// image whose entry point it is; a name or a glob
    pub image: Option<Name>,
    /// listens: ports
    pub listens: Vec<u16>,
    /// answers to HTTP requests; the first that matches
    pub answers: Vec<ProgramAnswer>,
    /// signals: the reaction to TERM, INT, QUIT …, by name without SIG
    pub signals: std::collections::BTreeMap<Name, OnTerm>,
    /// runsFor; None: until it is stopped
    pub runs_for: Option<Span>,
    /// exitCode at the end of runsFor; default 0
    pub exit_code: i32,
    /// output: what it writes to stdout at its start
    pub output: Option<Name>,
    /// where the entry stands
    pub place: Place,
}

/// spec.programs[].answers[]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProgramAnswer {
    /// port; None: any of `listens`
    pub port: Option<u16>,
    /// path; None: any
    pub path: Option<Name>,
    /// from, since the program started
    pub from: Duration,
    /// status, default 200
    pub status: u16,
    /// body
    pub body: Name,
}

/// spec.expect[]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expectation {
    /// when it must hold
    pub when: When,
    /// the CEL expression as written
    pub that: Name,
    /// where the expression stands
    pub place: Place,
    /// how it stands there; None: as it is, from `place` on
    pub written: Option<Written>,
}

/// When an expectation must hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// at, that: at that time
    At(Time),
    /// within, that: at some time not later than this
    Within(Duration),
    /// from, to, always: all the time between (from: default 0; to: None is the end of the run)
    Always {
        /** from */
        from: Time,
        /** to */
        to: Option<Time>,
    },
    /// never: at no time between
    Never {
        /** from */
        from: Time,
        /** to */
        to: Option<Time>,
    },
}

impl When {
    /// How far a run must go to tell whether it holds: of one that ends before, while more would happen, nobody knows.
    pub fn reach(&self) -> Time {
        match *self {
            When::At(at) => at,
            When::Within(span) => Time::ZERO + span,
            When::Always { from, to } | When::Never { from, to } => to.unwrap_or(from).max(from),
        }
    }
}

/// The name of the node that there is when spec.nodes lists none.
pub const ONLY_NODE: &str = "node-1";

impl Scenario {
    /// When the run ends at the latest.
    pub fn horizon(&self) -> Time {
        /// When the scenario does not say.
        const DEFAULT: Duration = Duration::from_secs(24 * 3600);
        Time::ZERO + self.run_for.unwrap_or(DEFAULT)
    }
}

/// spec.sandboxes[]
#[derive(Clone, Debug)]
pub struct SandboxScript {
    /// pod: a name or a glob; None matches every pod
    pub pod: Option<Name>,
    /// runs: one entry per RunPodSandbox call of the pod, the last repeats
    pub runs: Vec<Outcome>,
}

/// spec.volumes[]
#[derive(Clone, Debug)]
pub struct VolumeScript {
    /// pod: a name or a glob; None matches every pod
    pub pod: Option<Name>,
    /// name of the volume
    pub name: Name,
    /// mounts: one entry per SetUp call of the volume, the last repeats
    pub mounts: Vec<Outcome>,
}

/// spec.kubelet
#[derive(Clone, Debug)]
pub struct KubeletConfig {
    /// version, with what its feature gates come to
    pub features: Features,
    /// Whether ticks at which nothing could happen are left out (they are, but for tests of just that).
    pub leave_out_idle_ticks: bool,
    /// featureGates, in name order
    pub feature_gates: std::collections::BTreeMap<String, bool>,
    /// config.crashLoopBackOff.maxContainerRestartPeriod
    pub max_container_restart_period: Option<Duration>,
    /// config.serializeImagePulls
    pub serialize_image_pulls: bool,
    /// config.maxParallelImagePulls
    pub max_parallel_image_pulls: Option<u32>,
    /// config.registryPullQPS: pulls a second; 0 is no limit
    pub registry_pull_qps: u32,
    /// config.registryBurst
    pub registry_burst: u32,
    /// config.syncFrequency
    pub sync_frequency: Duration,
    /// config.evictionMaxPodGracePeriod, seconds
    pub eviction_max_pod_grace_period: i64,
    /// config.shutdownGracePeriod
    pub shutdown_grace_period: Duration,
    /// config.shutdownGracePeriodCriticalPods
    pub shutdown_grace_period_critical_pods: Duration,
    /// config.shutdownGracePeriodByPodPriority: priority and seconds
    pub shutdown_grace_period_by_pod_priority: Vec<(i32, i64)>,
    /// config.runtimeRequestTimeout
    pub runtime_request_timeout: Duration,
    /// config.nodeStatusUpdateFrequency
    pub node_status_update_frequency: Duration,
    /// kubelet.phases
    pub phases: Phases,
    /// kubelet.phases is Seeded: each node draws its own from the seed
    pub seeded_phases: bool,
    /// A rule that is broken on purpose, so that tests can see it found.
    #[doc(hidden)]
    pub sabotage: Option<Sabotage>,
}

impl KubeletConfig {
    /// Whether a shutdown of the node ends pods in order: the kubelet has grace periods for it (`managerImpl`; without any
    /// it is `managerStub`).
    pub(crate) fn hears_of_shutdowns(&self) -> bool {
        let all = self.shutdown_grace_period;
        let has_period = all > Duration::ZERO && self.shutdown_grace_period_critical_pods <= all;
        self.features.graceful_node_shutdown && (has_period || !self.shutdown_grace_period_by_pod_priority.is_empty())
    }
}

/// Where in time the kubelet's own ticks fall (`kubelet.phases`).
#[derive(Clone, Debug)]
pub struct Phases {
    /// PLEG's global relist: this + k · 1 s
    pub relist: Duration,
    /// the sync loop's sync ticker: this + k · 1 s
    pub sync: Duration,
    /// housekeeping: this + k · 2 s
    pub housekeeping: Duration,
    /// container garbage collection: this + k · 60 s, then sliding
    pub container_gc: Duration,
    /// the status manager's full sync: this + k · 10 s
    pub status_sync: Duration,
}

/// spec.latencies: durations of CRI calls.
#[derive(Clone, Debug)]
pub struct Latencies {
    /// default 211ms
    pub run_pod_sandbox: Span,
    /// default 17ms
    pub stop_pod_sandbox: Span,
    /// default 5ms
    pub remove_pod_sandbox: Span,
    /// default 23ms
    pub create_container: Span,
    /// default 41ms
    pub start_container: Span,
    /// default 3ms
    pub remove_container: Span,
    /// default 50ms: a pull of an image that is present (pull policy Always)
    pub pull_image: Span,
}

impl Latencies {
    /// Each by the name of its field.
    pub(crate) fn each(&mut self) -> [(&'static str, &mut Span); 7] {
        [
            ("runPodSandbox", &mut self.run_pod_sandbox),
            ("stopPodSandbox", &mut self.stop_pod_sandbox),
            ("removePodSandbox", &mut self.remove_pod_sandbox),
            ("createContainer", &mut self.create_container),
            ("startContainer", &mut self.start_container),
            ("removeContainer", &mut self.remove_container),
            ("pullImage", &mut self.pull_image),
        ]
    }
}

/// spec.images[]
#[derive(Clone, Debug)]
pub struct ImageScript {
    /// image
    pub image: Name,
    /// present
    pub present: bool,
    /// pulls: one entry per attempt, the last repeats
    pub pulls: Vec<Outcome>,
    /// inspects: the error, if any, of each ImageStatus call; the last repeats
    pub inspects: Vec<Option<Name>>,
}

/// A duration and perhaps an error: `{takes, error}`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// takes; None: the default of the place where it stands
    pub takes: Option<Span>,
    /// error
    pub error: Option<Name>,
}

/// spec.containers[]
#[derive(Clone, Debug)]
pub struct ContainerScript {
    /// pod: a name or a glob; None matches every pod
    pub pod: Option<Name>,
    /// name of the container
    pub name: Name,
    /// runs: one entry per attempt, the last repeats
    pub runs: Vec<Run>,
}

/// spec.containers[].runs[]
#[derive(Clone, Debug, Default)]
pub struct Run {
    /// create.takes, create.error
    pub create: Outcome,
    /// start.takes, start.error
    pub start: Outcome,
    /// exit; None: runs until it is stopped
    pub exit: Option<Exit>,
    /// onTerm
    pub on_term: OnTerm,
    /// postStart
    pub post_start: Outcome,
    /// preStop
    pub pre_stop: Outcome,
    /// probes.startup, in any order
    pub startup: Vec<ProbeWindow>,
    /// probes.readiness
    pub readiness: Vec<ProbeWindow>,
    /// probes.liveness
    pub liveness: Vec<ProbeWindow>,
}

/// runs[].exit
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exit {
    /// counted from StartContainer's return
    pub after: Span,
    /// 0..=255
    pub code: i32,
    /// reason; None: Completed for 0, Error otherwise
    pub reason: Option<Name>,
    /// termination message
    pub message: Option<Name>,
}

/// runs[].onTerm: the reaction to SIGTERM.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnTerm {
    /// exits after that time with that code
    Exit {
        /** after SIGTERM */
        after: Span,
        /** exit code */
        code: i32,
    },
    /// only SIGKILL ends it
    Ignore,
}

impl Default for OnTerm {
    fn default() -> OnTerm {
        OnTerm::Exit {
            after: Span::ZERO,
            code: 143,
        }
    }
}

/// runs[].probes.*[]: in force from `from` after the container's start until the next window.
#[derive(Clone, Debug, PartialEq)]
pub struct ProbeWindow {
    /// from, since the container started
    pub from: Duration,
    /// result
    pub result: ProbeAnswer,
    /// takes, default 7ms
    pub takes: Span,
    /// message: the handler's output
    pub message: Option<Name>,
    /// status of an httpGet probe, if scripted
    pub status: Option<u16>,
    /// exitCode of an exec probe, if scripted
    pub exit_code: Option<i32>,
    /// probability that the result holds, in parts per 2^32; None: always
    pub probability: Option<u32>,
}

impl ProbeWindow {
    /// How long a probe takes where the scenario says nothing.
    pub const DEFAULT_TAKES: Duration = Duration::from_millis(7);
    /// What holds where nothing is scripted.
    pub const HEALTHY: ProbeWindow = ProbeWindow {
        from: Duration::ZERO,
        result: ProbeAnswer::Success,
        takes: Span::Fixed(ProbeWindow::DEFAULT_TAKES),
        message: None,
        status: None,
        exit_code: None,
        probability: None,
    };

    /// The answer, a status or an exit code taken for what it is.
    pub fn answer(&self) -> ProbeAnswer {
        match (self.status, self.exit_code) {
            (Some(200..=399), _) | (None, Some(0)) => ProbeAnswer::Success,
            (Some(_), _) | (None, Some(_)) => ProbeAnswer::Failure,
            (None, None) => self.result,
        }
    }
}

/// What a probe call gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum ProbeAnswer {
    Success,
    Failure,
    Error,
}

/// spec.actions[]
#[derive(Clone, Debug)]
pub struct Action {
    /// at
    pub at: Time,
    /// what is done
    pub what: ActionKind,
    /// the place of its `at`; None when it was not read from a file
    pub place: Option<Place>,
}

/// What an action does.
#[derive(Clone, Debug, PartialEq)]
pub enum ActionKind {
    /// create: {pod}; the index into `Input::pods`
    CreatePod {
        /** name of the pod */
        pod: Name,
    },
    /// delete: {pod, gracePeriodSeconds}
    DeletePod {
        /** name of the pod */
        pod: Name,
        /** None: the pod's own */
        grace_period_seconds: Option<i64>,
    },
    /// kill: {pod, container, code, reason}
    Kill {
        /** name of the pod */
        pod: Name,
        /** container */
        container: Name,
        /** exit code */
        code: i32,
        /** reason */
        reason: Option<Name>,
    },
    /// create: {configMap}, {secret}, {service}
    CreateObject {
        /** kind */
        kind: ObjectKind,
        /** name */
        name: Name,
    },
    /// delete: {configMap}, {secret}, {service}
    DeleteObject {
        /** kind */
        kind: ObjectKind,
        /** name */
        name: Name,
    },
    /// setImage: {pod, container, image}
    SetImage {
        /** name of the pod */
        pod: Name,
        /** container */
        container: Name,
        /** the new image */
        image: Name,
    },
    /// setCondition: {pod, type, status}
    SetCondition {
        /** name of the pod */
        pod: Name,
        /** type of the condition */
        kind: Name,
        /** True, False or Unknown */
        status: ConditionStatus,
    },
    /// debug: {pod, name, image}: a new ephemeral container
    Debug {
        /** name of the pod */
        pod: Name,
        /** the ephemeral container */
        container: Box<Container>,
    },
    /// evict: {pod, reason, message}
    Evict {
        /** name of the pod */
        pod: Name,
        /** which kind of eviction */
        reason: EvictionReason,
        /** status.message */
        message: Name,
    },
    /// killSandbox: {pod}
    KillSandbox {
        /** name of the pod */
        pod: Name,
    },
    /// restartKubelet: {node, down}
    RestartKubelet {
        /** None: the only one */
        node: Option<Name>,
        /** how long it is away */
        down: Duration,
    },
    /// shutdownNode: {node}
    ShutdownNode {
        /** None: the only one */
        node: Option<Name>,
    },
    /// rebootNode: {node, down}
    RebootNode {
        /** None: the only one */
        node: Option<Name>,
        /** how long it is away */
        down: Duration,
    },
}

/// evict.message where none is given
pub const EVICTION_MESSAGE: &str = "The node was low on resource: memory. ";

/// evict.reason
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum EvictionReason {
    /// a hard threshold: one second of grace
    #[default]
    NodePressure,
    /// a soft threshold: evictionMaxPodGracePeriod
    SoftThreshold,
    /// a container or volume used more local storage than it may
    LocalStorageLimit,
}
