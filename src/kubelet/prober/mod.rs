//! Probes: one worker per probe of each container, and what their results mean for the pod's status
//! (`pkg/kubelet/prober`).

pub(in crate::kubelet) mod handlers;
pub mod results;
mod worker;

use std::cell::{Cell, OnceCell, RefCell};
use std::rc::Rc;

use litemap::LiteMap;

use super::Kubelet;
use crate::api::features::Features;
use crate::api::pod::{Container, Name, Pod, Probe};
use crate::api::status::{ConditionKind, ConditionStatus, ContainerState, ContainerStatus, PodStatus, Timestamp};
use crate::kernel::{Duration, Gate, Kernel, Queue, Time};
use crate::kubelet::container::{ContainerId, PodStatus as RuntimeStatus};
use crate::kubelet::pod_workers::PodConfig;
use crate::runtime::PodIx;
use crate::trace::ProbeType;
use results::{ProbeResult, Results};
use worker::Worker;

/// Probe workers start this far apart, so that their ticks never coincide.
const WORKER_OFFSET: Duration = Duration::from_micros(20);
/// A container must be older than the kubelet by this to be one of its predecessor's.
const RESTART_GRACE: Duration = Duration::from_secs(10);
/// Each container has room for three workers.
const PROBE_TYPES: [ProbeType; 3] = [ProbeType::Startup, ProbeType::Readiness, ProbeType::Liveness];

/// `probeKey`
type Key = (PodIx, Name, ProbeType);

/// What is known of containers that are older than the kubelet.
struct Restart<'a> {
    /// What a predecessor knew counts.
    carry: bool,
    /// Containers that started before this are older than the kubelet.
    before: Time,
    runtime: &'a RuntimeStatus,
    /// The API says that the pod is ready.
    pod_was_ready: bool,
    pod: &'a Pod,
}

impl Restart<'_> {
    fn has_readiness_probe(&self, container: &Name) -> bool {
        let found = self.pod.find_container(container);
        found.is_some_and(|(_, c)| c.readiness_probe.is_some())
    }
}

/// `prober.manager`
pub(in crate::kubelet) struct ProbeManager {
    workers: RefCell<LiteMap<Key, Rc<Worker>>>,
    /// Results of all three kinds of probe.
    pub(in crate::kubelet) results: RefCell<Results>,
    /// Probes asked for out of turn so far.
    triggers: Cell<u64>,
    /// Changes on their way to the sync loop (`results.Updates`).
    updates: Queue<(PodIx, ProbeType, ContainerId, ProbeResult)>,
}

/// The probe of that type in a container's spec.
fn probe_of(container: &Container, kind: ProbeType) -> Option<&Probe> {
    match kind {
        ProbeType::Startup => container.startup_probe.as_ref(),
        ProbeType::Readiness => container.readiness_probe.as_ref(),
        ProbeType::Liveness => container.liveness_probe.as_ref(),
    }
}

/// Where a container is in a pod's spec.
#[derive(Clone, Copy)]
enum Place {
    App(usize),
    Sidecar(usize),
}

impl Place {
    fn of(self, pod: &Pod) -> &Container {
        match self {
            Place::App(index) => &pod.spec.containers[index],
            Place::Sidecar(index) => &pod.spec.init_containers[index],
        }
    }
}

/// The containers that can have probes, in the order in which their workers start: app containers, then sidecars.
fn probed_containers(pod: &Pod) -> impl Iterator<Item = (Place, &Container)> {
    let sidecars = pod
        .spec
        .init_containers
        .iter()
        .enumerate()
        .filter(|(_, c)| c.is_sidecar());
    let apps = pod.spec.containers.iter().enumerate();
    apps.map(|(index, c)| (Place::App(index), c))
        .chain(sidecars.map(|(index, c)| (Place::Sidecar(index), c)))
}

impl ProbeManager {
    pub(in crate::kubelet) fn new(kernel: &Kernel) -> ProbeManager {
        ProbeManager {
            workers: RefCell::default(),
            results: RefCell::default(),
            triggers: Cell::new(0),
            updates: Queue::new(kernel),
        }
    }

    /// How many probes have been asked for out of turn.
    pub(in crate::kubelet) fn triggers(&self) -> u64 {
        self.triggers.get()
    }

    fn worker(&self, pod: PodIx, container: &Name, kind: ProbeType) -> Option<Rc<Worker>> {
        self.workers.borrow().get(&(pod, container.clone(), kind)).cloned()
    }

    fn stop(&self, pod: PodIx, container: &Name, kinds: &[ProbeType]) {
        for kind in kinds {
            if let Some(worker) = self.worker(pod, container, *kind) {
                worker.stop();
            }
        }
    }

    /// Liveness and startup workers of app containers end when the pod's end begins; those of sidecars do not
    /// (`StopLivenessAndStartup`).
    pub(in crate::kubelet) fn stop_liveness_and_startup(&self, ix: PodIx, pod: &Pod) {
        for container in &pod.spec.containers {
            self.stop(ix, &container.name, &[ProbeType::Liveness, ProbeType::Startup]);
        }
    }

    /// `RemovePod`: every worker of the pod ends.
    pub(in crate::kubelet) fn remove_pod(&self, ix: PodIx, pod: &Pod) {
        for (_, container) in probed_containers(pod) {
            self.stop(ix, &container.name, &PROBE_TYPES);
        }
    }

    /// Whether the container counts as started (`isContainerStarted`). `carry`: what the status already
    /// says of it counts.
    fn is_started(&self, ix: PodIx, status: &ContainerStatus, carry: bool) -> bool {
        if !matches!(status.state, ContainerState::Running(_)) {
            return false;
        }
        let id = status.container_id.map(|id| ContainerId(id.0));
        let result = id.and_then(|id| self.results.borrow().get(ProbeType::Startup, id));
        if let Some(result) = result {
            return result == ProbeResult::Success;
        }
        if carry && status.started == Some(true) {
            return true;
        }
        self.worker(ix, &status.name, ProbeType::Startup).is_none()
    }

    /// Ready of a container that has started. One whose readiness probe has not succeeded is probed at once.
    fn is_ready(&self, ix: PodIx, status: &ContainerStatus, restart: &Restart<'_>) -> bool {
        if !matches!(status.state, ContainerState::Running(_)) {
            return false;
        }
        let id = status.container_id.map(|id| ContainerId(id.0));
        let result = id.and_then(|id| self.results.borrow().get(ProbeType::Readiness, id));
        if result == Some(ProbeResult::Success) {
            return true;
        }
        let ready = match self.worker(ix, &status.name, ProbeType::Readiness) {
            None => true,
            Some(worker) => {
                self.triggers.set(self.triggers.get() + 1);
                worker.trigger();
                false
            }
        };
        // The instant as the runtime has it: the status that is being made has not lost its fraction yet.
        let found = id.and_then(|id| restart.runtime.find_by_id(id));
        let is_older = found.and_then(|s| s.started_at).is_some_and(|at| at < restart.before);
        if !restart.carry || !is_older {
            return ready;
        }
        // The container is older than the kubelet: what its predecessor made of it holds until the probe has
        // answered (`setReadyStateOnKubeletRestart`).
        let ready = ready || result.is_none();
        ready && (restart.pod_was_ready || !restart.has_readiness_probe(&status.name))
    }

    /// `UpdatePodStatus`: started and ready of every container.
    pub(in crate::kubelet) fn update_pod_status(
        &self,
        ix: PodIx,
        config: &PodConfig,
        (before, runtime): (Time, &RuntimeStatus),
        features: &Features,
        status: &mut PodStatus,
    ) {
        let pod = &config.pod;
        let was_ready = config
            .status
            .condition_of(&ConditionKind::Ready)
            .is_some_and(|c| c.status == ConditionStatus::True);
        let restart = Restart {
            carry: features.carry_started,
            before,
            runtime,
            pod_was_ready: was_ready,
            pod,
        };
        for container in &mut status.container_statuses {
            let started = self.is_started(ix, container, restart.carry);
            container.started = Some(started);
            if started {
                container.ready = self.is_ready(ix, container, &restart);
            }
        }
        for (container, spec) in status.init_container_statuses.iter_mut().zip(&pod.spec.init_containers) {
            let started = self.is_started(ix, container, restart.carry);
            container.started = Some(started);
            if !spec.is_sidecar() {
                container.ready |= matches!(&container.state, ContainerState::Terminated(t) if t.exit_code == 0);
            } else if started {
                container.ready = self.is_ready(ix, container, &restart);
            }
        }
    }
}

impl Kubelet {
    /// Containers that started before this were there before the kubelet (`kubeletRestartGracePeriod`).
    pub(in crate::kubelet) fn before_restart(&self) -> Time {
        self.started_at - RESTART_GRACE
    }

    /// The same for start times that have lost their fractions: the whole second that has begun counts as before.
    pub(in crate::kubelet) fn second_before_restart(&self) -> Timestamp {
        let nanos = self.before_restart().0;
        Timestamp(self.epoch + nanos.div_euclid(1_000_000_000) + i64::from(nanos.rem_euclid(1_000_000_000) != 0))
    }

    /// `AddPod`: a worker for each probe; stops at the first that is already known, whatever comes behind it.
    pub(in crate::kubelet) fn add_probes(self: &Rc<Self>, ix: PodIx, config: &PodConfig, cancelled: &Rc<Gate>) {
        let features = &self.config.features;
        // Kubelets that do not hand their context on have workers that nothing cancels.
        let context = OnceCell::new();
        let context = || {
            let own = || Rc::new(Gate::new(&self.kernel));
            context.get_or_init(|| {
                if features.cancel_exec_probes {
                    cancelled.clone()
                } else {
                    own()
                }
            })
        };
        for (index, (place, container)) in probed_containers(&config.pod).enumerate() {
            for (number, kind) in PROBE_TYPES.into_iter().enumerate() {
                if probe_of(container, kind).is_none() {
                    continue;
                }
                let key = (ix, container.name.clone(), kind);
                if self.probes.workers.borrow().contains_key(&key) {
                    return;
                }
                let worker = Rc::new(Worker::new(
                    &self.kernel,
                    ix,
                    config,
                    (place, kind),
                    features.trigger_restarts_ticker,
                    context().clone(),
                ));
                self.probes.workers.borrow_mut().insert(key, worker.clone());
                let offset = WORKER_OFFSET.times(i64::try_from(3 * index + number).unwrap_or(0));
                let kubelet = self.clone();
                self.kernel.spawn(async move { worker.run(&kubelet, offset).await });
            }
        }
    }

    /// A changed result: the status follows at once, then the pod is synced (`syncLoopIteration`).
    fn handle_probe_result(self: &Rc<Self>, ix: PodIx, kind: ProbeType, id: ContainerId, result: ProbeResult) {
        let success = result == ProbeResult::Success;
        match kind {
            ProbeType::Liveness if result != ProbeResult::Failure => return,
            ProbeType::Liveness => {}
            ProbeType::Readiness => self.set_container_readiness(ix, id, success),
            ProbeType::Startup => self.set_container_startup(ix, id, success),
        }
        self.handle_pod_sync(ix);
    }

    /// Sets a result and tells the sync loop if that is a change (`results.Set`).
    fn set_probe_result(self: &Rc<Self>, ix: PodIx, kind: ProbeType, id: ContainerId, result: ProbeResult) {
        let changed = self.probes.results.borrow_mut().set(kind, id, result);
        if changed {
            self.probes.updates.push((ix, kind, id, result));
        }
    }

    /// The task: what the sync loop makes of changed results, after the worker that set them has gone on.
    pub(in crate::kubelet) async fn handle_probe_results_forever(self: Rc<Self>) {
        loop {
            let (ix, kind, id, result) = self.probes.updates.pop().await;
            self.handle_probe_result(ix, kind, id, result);
        }
    }
}
