//! One node's lifecycle engine: the rules of the real kubelet, its rooms named as there.

mod active_deadline;
pub mod api_server;
pub mod backoff;
mod cgroups;
pub mod container;
mod environment;
mod eviction;
pub mod images;
mod keyring;
pub mod kuberuntime;
mod lifecycle;
mod node_shutdown;
mod orphans;
pub mod pleg;
pub mod pod_workers;
pub mod prober;
pub mod pull_rate;
pub mod pull_records;
mod sabotage;
mod security_context;
pub mod status;
mod sync_loop;
pub mod ticks;
mod volume_manager;
mod work_queue;

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::rc::Rc;
use std::sync::Arc;

use litemap::LiteMap;

use crate::api::pod::{ContainerType, Name, concat};
use crate::api::resources;
use crate::kernel::{Duration, Gate, Kernel, Notify, Queue, Stream, Time};
use crate::runtime::{Images, NodeIx, PodIx, PodMap, Runtime, VolumePlugin};
use crate::scenario::shared::Shared;
use crate::scenario::types::{KubeletConfig, Sabotage};
use crate::trace::{EventRecord, Recorder, What};
use api_server::ApiServer;
use backoff::Backoff;
use cgroups::PodResources;
use container::{PodStatus, State};
use eviction::StatusChange;
use images::{ImageManager, StartError};
use kuberuntime::sync::SyncResult;
use pleg::Pleg;
use pod_workers::{PodConfig, UpdateType, Worker};
use prober::ProbeManager;
use pull_rate::PullRate;
use pull_records::PullRecords;
use status::manager::StatusManager;
use ticks::Ticks;
use volume_manager::{VolumeManager, VolumeWait};
use work_queue::WorkQueue;

/// The crash-loop back-off's key: pod, container, image (`GetBackoffKey`).
type BackoffKey = (PodIx, Name, Name);

/// What a kubelet works with.
#[derive(Clone)]
pub struct Parts {
    /// the simulation
    pub kernel: Kernel,
    /// the trace
    pub recorder: Recorder,
    /// what this kubelet is told
    pub config: Shared<KubeletConfig>,
    /// seconds since 1970 at t = 0
    pub epoch_unix_secs: i64,
    /// draws the kubelet's own jitter; None: there is none
    pub jitter: Option<Rc<Stream>>,
    /// the node's container runtime
    pub runtime: Rc<Runtime>,
    /// the node's images
    pub images: Rc<Images>,
    /// what the node's kubelets have pulled
    pub pull_records: Rc<PullRecords>,
    /// the node's volume plugin
    pub volumes: Rc<VolumePlugin>,
    /// the API server
    pub api: Rc<ApiServer>,
    /// which node
    pub node: NodeIx,
    /// its name
    pub node_name: Name,
    /// full names of the pods of the input, by index
    pub names: Rc<[Name]>,
}

/// A kubelet and all that it remembers.
pub struct Kubelet {
    pub(crate) kernel: Kernel,
    pub(crate) recorder: Recorder,
    pub(crate) runtime: Rc<Runtime>,
    pub(crate) api: Rc<ApiServer>,
    pub(crate) config: Shared<KubeletConfig>,
    jitter: Option<Rc<Stream>>,
    epoch: i64,
    node: NodeIx,
    node_name: Name,
    host_ip: Name,
    /// The node shuts down: pods that come now are turned away.
    shutting_down: Cell<bool>,
    /// When it started.
    started_at: Time,
    ticks: Ticks,
    /// What PLEG found before the sync loop ran.
    early_events: RefCell<Vec<(PodIx, pleg::Event)>>,
    images: ImageManager,
    pleg: Pleg,
    /// `podManager`: what the API has told.
    pods: RefCell<PodMap<PodConfig>>,
    /// Those of them that were turned away.
    rejected: RefCell<BTreeSet<PodIx>>,
    /// Those of them that have an activeDeadlineSeconds.
    deadlined: RefCell<BTreeSet<PodIx>>,
    workers: RefCell<PodMap<Rc<Worker>>>,
    work_queue: RefCell<WorkQueue>,
    work_queued: Notify,
    housekeeping_wanted: Notify,
    gc_wanted: Notify,
    to_delete: Queue<(PodIx, u64)>,
    /// What statuses say of the resources of pods that ask for any.
    resources: RefCell<PodMap<Rc<PodResources>>>,
    crash_loop_backoff: RefCell<Backoff<BackoffKey>>,
    /// `reasonCache`: why a container is not there.
    reasons: RefCell<LiteMap<(PodIx, Name), StartError>>,
    statuses: StatusManager,
    probes: ProbeManager,
    volumes: VolumeManager,
    names: Rc<[Name]>,
}

impl Kubelet {
    /// A kubelet that starts at `started_at`, on a node of which it knows nothing yet.
    pub fn new(parts: Parts, started_at: Time) -> Rc<Kubelet> {
        let Parts {
            kernel,
            recorder,
            config,
            epoch_unix_secs,
            jitter,
            runtime,
            images,
            pull_records,
            volumes,
            api,
            node,
            node_name,
            names,
        } = parts;
        let parallel = if config.sabotage == Some(Sabotage::PullsAtOnce) {
            None
        } else if config.serialize_image_pulls {
            Some(1)
        } else {
            config.max_parallel_image_pulls
        };
        let rate = PullRate::new(config.registry_pull_qps, config.registry_burst, started_at);
        let (initial, max) = crash_loop_bounds(&config);
        let ticks = Ticks::new(&config.phases, started_at);
        Rc::new(Kubelet {
            pleg: Pleg::new(&kernel, runtime.clone(), ticks.relist, &config),
            images: ImageManager::new(&kernel, images, pull_records, (parallel, rate)),
            pods: RefCell::default(),
            workers: RefCell::default(),
            rejected: RefCell::default(),
            deadlined: RefCell::default(),
            work_queue: RefCell::default(),
            work_queued: Notify::new(&kernel),
            housekeeping_wanted: Notify::new(&kernel),
            gc_wanted: Notify::new(&kernel),
            to_delete: Queue::new(&kernel),
            resources: RefCell::default(),
            crash_loop_backoff: RefCell::new(Backoff::new(initial, max)),
            reasons: RefCell::default(),
            statuses: StatusManager::new(&kernel),
            probes: ProbeManager::new(&kernel),
            volumes: VolumeManager::new(&kernel, volumes, started_at),
            early_events: RefCell::default(),
            epoch: epoch_unix_secs,
            jitter,
            kernel,
            recorder,
            runtime,
            api,
            node,
            node_name,
            host_ip: node.address(),
            shutting_down: Cell::new(false),
            started_at,
            ticks,
            names,
            config,
        })
    }

    /// Whether the status that the sync knew is the one that the API has.
    fn has_heard_all(&self, ix: PodIx, config: &PodConfig) -> bool {
        let object = self.api.get(ix);
        object.is_some_and(|object| Arc::ptr_eq(&object.status.borrow(), &config.status))
    }

    /// A span with the kubelet's jitter: up to half as long again (`wait.Jitter(period, 0.5)`).
    fn jittered(&self, span: Duration) -> Duration {
        match &self.jitter {
            Some(stream) => span + stream.part_of(Duration(span.0 / 2)),
            None => span,
        }
    }

    /// A pod as the API has told of it.
    fn known_pod(&self, ix: PodIx) -> Option<PodConfig> {
        let mut config = self.pods.borrow().get(ix).cloned()?;
        if let Some(object) = self.api.get(ix) {
            config.status = object.status_heard(self.kernel.now());
        }
        Some(config)
    }

    /// Every pod that the API has told of, in the order of the input.
    fn known_pods(&self) -> Vec<PodIx> {
        self.pods.borrow().pods().collect()
    }

    pub(crate) fn full_name(&self, ix: PodIx) -> Name {
        self.names[ix.0].clone()
    }

    /// An event about the pod itself.
    fn pod_event(&self, config: &PodConfig, warning: bool, reason: &'static str, message: Name) {
        let event = EventRecord {
            object: None,
            warning,
            reason,
            container: None,
            message,
        };
        self.recorder
            .record(Some(&config.full_name), None, None, What::Event(event));
    }

    /// An event about one of its containers (`recordContainerEvent`).
    fn container_event(
        &self,
        config: &PodConfig,
        container: &Name,
        warning: bool,
        reason: &'static str,
        message: Name,
    ) {
        let found = config.pod.find_container(container);
        let kind = found.map_or(ContainerType::App, |(kind, _)| kind);
        let event = EventRecord {
            object: None,
            warning,
            reason,
            container: Some((kind, container.clone())),
            message,
        };
        self.recorder
            .record(Some(&config.full_name), None, None, What::Event(event));
    }

    /// `SyncPod`: status first, then what the pod needs. The first value says that the pod has ended.
    async fn sync_pod(
        self: &Rc<Self>,
        ix: PodIx,
        config: &PodConfig,
        runtime: &PodStatus,
        cancelled: &Rc<Gate>,
    ) -> (bool, SyncResult) {
        let triggers = self.probes.triggers();
        let status = self.generate_status(ix, config, runtime, false);
        let terminal = status.is_terminal();
        let restarting = self.config.features.restart_all_containers && status.is_restarting_all_containers();
        let changed = self.set_status(ix, config, status, false);
        if terminal {
            return (true, SyncResult::default());
        }
        if !self.is_termination_requested(ix) && resources::any(&config.pod.spec) {
            self.runtime.make_cgroup(ix);
        }
        match self.wait_for_mounts(ix, config, cancelled).await {
            VolumeWait::Mounted => {}
            VolumeWait::Cancelled => return (false, SyncResult::cancelled()),
            VolumeWait::TimedOut => return (false, SyncResult::other_failure()),
        }
        let secrets = self.pull_secrets(config);
        self.add_probes(ix, config, cancelled);
        let mut result = self.sync_pod_runtime(ix, config, runtime, secrets, restarting).await;
        let quiet = !changed && !result.acted && !restarting && self.probes.triggers() == triggers;
        // Images of volumes have events in every sync, and so have pull secrets that are missing: one may go at any time.
        let spec = &config.pod.spec;
        let tells = !spec.image_pull_secrets.is_empty() || spec.image_volumes().next().is_some();
        result.idle = quiet && !tells && self.has_heard_all(ix, config);
        let mut reasons = self.reasons.borrow_mut();
        for (name, error) in &result.starts {
            match error {
                Some(error) => reasons.insert((ix, name.clone()), error.clone()),
                None => reasons.remove(&(ix, name.clone())),
            };
        }
        drop(reasons);
        if self.config.features.restart_all_at_once && restarting && result.removed && !result.failed() {
            // All containers are gone: the next sync starts them, and nothing else would bring it about.
            self.update_pod(ix, config.clone(), UpdateType::Sync);
        }
        (false, result)
    }

    /// `SyncTerminatingPod`: everything that runs is stopped, then the final status is derived. False if something was not
    /// killed, or runs all the same: a start that a former kubelet had begun may have come to its end meanwhile.
    async fn sync_terminating_pod(
        self: &Rc<Self>,
        ix: PodIx,
        config: &PodConfig,
        runtime: &PodStatus,
        grace: Option<i64>,
        change: Option<StatusChange>,
    ) -> bool {
        let mut status = self.generate_status(ix, config, runtime, false);
        if let Some(change) = change {
            change.apply(&mut status, self.timestamp());
        }
        self.set_status(ix, config, status, false);
        self.probes.stop_liveness_and_startup(ix, &config.pod);
        let failures = self.kill_pod(ix, config, runtime, grace).await;
        if !failures.is_empty() {
            let text = concat(&["error killing pod: ", &aggregate(failures)]);
            self.pod_event(config, true, "FailedKillPod", text);
            return false;
        }
        self.probes.remove_pod(ix, &config.pod);
        let mut stopped = self.pleg.read_status(ix);
        stopped.ip = runtime.ip.clone();
        if stopped.container_statuses.iter().any(|c| c.state == State::Running) {
            return false;
        }
        let status = self.generate_status(ix, config, &stopped, true);
        self.set_status(ix, config, status, false);
        true
    }

    /// `SyncTerminatedPod`
    async fn sync_terminated_pod(self: &Rc<Self>, ix: PodIx, config: &PodConfig, runtime: &PodStatus) {
        let status = self.generate_status(ix, config, runtime, true);
        self.set_status(ix, config, status, false);
        self.wait_for_unmounts(ix).await;
        let last = self.statuses.get(ix).unwrap_or_else(|| config.status.clone());
        let mut finished = status::manager::terminate(config, &last);
        if self.breaks(Sabotage::TerminalPhaseLeft) {
            finished.phase = crate::api::status::Phase::Running;
        }
        self.set_status(ix, config, finished, true);
    }
}

/// Several errors as one (`utilerrors.NewAggregate`).
fn aggregate(mut errors: Vec<String>) -> String {
    match &mut errors[..] {
        [only] => std::mem::take(only),
        all => format!("[{}]", all.join(", ")),
    }
}

/// Where the crash-loop back-off begins and ends (`newCrashLoopBackOff`).
fn crash_loop_bounds(config: &KubeletConfig) -> (Duration, Duration) {
    let features = &config.features;
    let initial = Duration::from_secs(if features.reduced_crash_loop_decay { 1 } else { 10 });
    // With the reduced decay the maximum is lower, unless the other gate overwrites it with its own default.
    let default_max = if features.reduced_crash_loop_decay && !features.crash_loop_max_configurable {
        60
    } else {
        300
    };
    let configured = config
        .max_container_restart_period
        .filter(|_| features.crash_loop_max_configurable);
    let max = configured.unwrap_or(Duration::from_secs(default_max));
    (initial.min(max), max)
}
