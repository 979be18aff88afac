//! One worker per pod: merges updates, runs syncs one after another, requeues (`pkg/kubelet/pod_workers.go`).

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

use super::Kubelet;
use super::eviction::StatusChange;
use crate::api::pod::{Name, Pod};
use crate::api::status::PodStatus;
use crate::kernel::{Duration, Gate, Kernel, Notify, Time};
use crate::runtime::PodIx;
use crate::scenario::shared::Shared;

/// Between an update (or the relist that was waited for) and the sync.
pub(super) const SYNC_DELAY: Duration = Duration::from_micros(2);
/// `backOffPeriod`
const BACK_OFF_PERIOD: Duration = Duration::from_secs(10);

/// A pod as the kubelet has it from the API.
#[derive(Clone)]
pub struct PodConfig {
    /// metadata and spec
    pub pod: Shared<Pod>,
    /// `namespace/name`
    pub full_name: Name,
    /// metadata.generation
    pub generation: i64,
    /// metadata.deletionGracePeriodSeconds
    pub deletion_grace: Option<i64>,
    /// status, as last heard from the API
    pub status: Arc<PodStatus>,
}

/// Why a worker is told of a pod (`SyncPodType`).
pub(super) enum UpdateType {
    /// it is new, has changed, or should be looked at again
    Sync,
    /// it must end: it has been removed from the API (None), or the kubelet wants it so
    Kill(Option<KillOptions>),
}

/// How the kubelet wants a pod to end (`KillPodOptions`).
pub(super) struct KillOptions {
    /// seconds
    pub grace: i64,
    /// it is evicted: nothing of it is kept
    pub evict: bool,
    /// what becomes of its status
    pub change: StatusChange,
    /// opens when its containers have ended
    pub done: Rc<Gate>,
}

/// `podSyncStatus`
pub(super) struct Worker {
    wake: Rc<Notify>,
    /// `pendingUpdate`: what the next sync works with.
    pending: RefCell<Option<PodConfig>>,
    /// `activeUpdate`: what the last one worked with.
    active: RefCell<Option<PodConfig>>,
    stage: Cell<Stage>,
    /// The end has begun, not only been asked for (`startedTerminating`).
    started_terminating: Cell<bool>,
    /// The pod was deleted, not only ended.
    pub(super) deleted: Cell<bool>,
    evicted: Cell<bool>,
    /// When the last sync ended.
    last_sync: Cell<Option<Time>>,
    /// Syncs are left out: they would do nothing.
    steady: Cell<bool>,
    /// 0: not known yet.
    grace: Cell<i64>,
    /// What becomes of the status of a pod that the kubelet ends: what was said last
    /// (`statusPostTerminating`).
    change: RefCell<Option<StatusChange>>,
    /// Who waits for the end of the containers (`notifyPostTerminating`).
    waiting: RefCell<Vec<Rc<Gate>>>,
    /// Opens when the pod begins to end: the context of its syncs is cancelled then.
    pub(super) cancelled: Rc<Gate>,
}

/// How far the pod's life has come (`PodWorkerState`, with `finished`).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Stage {
    Syncing,
    Terminating,
    Terminated,
    Finished,
}

/// What a sync gave.
enum Outcome {
    /// Requeue at the next tick, in the next stage.
    Transition(Stage),
    /// All is well: look again after syncFrequency.
    Well,
    /// All is well, and a sync that finds nothing new would do nothing: look again when something happens.
    Steady,
    /// The pod began to end under it: the next update is there already.
    Cancelled,
    /// Something failed: look again at the back-off's end, or after the usual time.
    Failed(Option<Time>),
}

impl Worker {
    fn new(kernel: &Kernel) -> Worker {
        Worker {
            wake: Rc::new(Notify::new(kernel)),
            pending: RefCell::default(),
            active: RefCell::default(),
            stage: Cell::new(Stage::Syncing),
            started_terminating: Cell::new(false),
            deleted: Cell::new(false),
            evicted: Cell::new(false),
            last_sync: Cell::new(None),
            steady: Cell::new(false),
            grace: Cell::new(0),
            change: RefCell::default(),
            waiting: RefCell::default(),
            cancelled: Rc::new(Gate::new(kernel)),
        }
    }

    fn is_deleted_for_good(&self) -> bool {
        self.deleted.get() && self.stage.get() >= Stage::Terminated
    }

    /// Somebody wants the pod to end: its syncs' context is cancelled.
    fn begin_terminating(&self) {
        self.stage.set(Stage::Terminating);
        self.cancelled.open();
    }
}

impl Kubelet {
    /// `UpdatePod`
    pub(super) fn update_pod(self: &Rc<Self>, ix: PodIx, config: PodConfig, kind: UpdateType) {
        let known = self.workers.borrow().get(ix).cloned();
        let worker = known.unwrap_or_else(|| {
            let worker = self.new_worker(ix);
            // A kubelet that has just started meets pods that ended under its predecessor.
            if config.status.is_terminal() && self.pleg.cached(ix).has_ended() {
                worker.stage.set(Stage::Terminated);
            }
            worker
        });
        if worker.stage.get() == Stage::Finished {
            return;
        }
        self.end_steadiness(ix, &worker);
        if worker.stage.get() == Stage::Syncing {
            if config.deletion_grace.is_some() {
                worker.deleted.set(true);
                worker.begin_terminating();
            } else if config.status.is_terminal() {
                worker.begin_terminating();
            } else if let UpdateType::Kill(options) = &kind {
                worker.evicted.set(options.as_ref().is_some_and(|o| o.evict));
                self.gc_wanted.raise();
                worker.begin_terminating();
            }
        }
        let options = match kind {
            UpdateType::Sync | UpdateType::Kill(None) => None,
            UpdateType::Kill(Some(options)) => Some(options),
        };
        match worker.stage.get() {
            Stage::Syncing | Stage::Finished => {}
            Stage::Terminating => {
                let asked = options.as_ref().map(|o| o.grace);
                let before = worker.grace.get();
                worker.grace.set(effective_grace(before, &config, asked));
                if before != 0 && worker.grace.get() != before {
                    worker.cancelled.open();
                }
                if let Some(options) = options {
                    worker.change.replace(Some(options.change));
                    worker.waiting.borrow_mut().push(options.done);
                }
            }
            Stage::Terminated => {
                if let Some(options) = options {
                    options.done.open();
                }
            }
        }
        *worker.pending.borrow_mut() = Some(config);
        worker.wake.raise();
        self.volumes.changed.raise();
    }

    /// Whether ticks and syncs that would find nothing are left out. With jitter they can't be computed.
    pub(super) fn leaves_out_idle_ticks(&self) -> bool {
        self.config.leave_out_idle_ticks && self.jitter.is_none()
    }

    /// What a steady pod's worker would be like now, had none of its syncs been left out: when the last one ended,
    /// and that the next one is due.
    fn end_steadiness(&self, ix: PodIx, worker: &Worker) {
        if !worker.steady.replace(false) {
            return;
        }
        let Some(mut ended) = worker.last_sync.get() else {
            return;
        };
        let (now, ticker) = (self.kernel.now(), self.ticks.sync);
        let next = |sync: Time| ticker.after(sync + self.config.sync_frequency) + SYNC_DELAY;
        let first = next(ended);
        // A sync that would begin at this very moment takes what happens now along.
        if first <= now {
            let step = next(first) - first;
            let passed = (now - first).0 / step.0;
            ended = first + step.times(passed);
            worker.last_sync.set(Some(ended));
        }
        self.enqueue(ix, ended + self.config.sync_frequency);
    }

    /// Something that a sync would see has changed, but nobody asks for a sync: the next regular one is due again.
    pub(super) fn resume_syncs(&self, ix: PodIx) {
        let worker = self.workers.borrow().get(ix).cloned();
        if let Some(worker) = worker {
            self.end_steadiness(ix, &worker);
        }
    }

    fn new_worker(self: &Rc<Self>, ix: PodIx) -> Rc<Worker> {
        let worker = Rc::new(Worker::new(&self.kernel));
        self.workers.borrow_mut().insert(ix, worker.clone());
        let (kubelet, task) = (self.clone(), worker.clone());
        self.kernel.spawn(async move { kubelet.work(ix, &task).await });
        worker
    }

    /// `podWorkerLoop`
    async fn work(self: &Rc<Self>, ix: PodIx, worker: &Rc<Worker>) {
        loop {
            worker.wake.wait().await;
            // What comes within this moment is merged into one sync.
            self.kernel.sleep(SYNC_DELAY).await;
            let Some(config) = worker.pending.borrow_mut().take() else {
                continue;
            };
            *worker.active.borrow_mut() = Some(config.clone());
            let stage = worker.stage.get();
            let grace = worker.grace.get();
            let begun = self.kernel.now();
            let status = self.pleg.newer_than(ix, worker.last_sync.get()).await;
            if self.kernel.now() > begun {
                self.kernel.sleep(SYNC_DELAY).await;
            }
            let mut relist = false;
            let outcome = match stage {
                Stage::Syncing => {
                    let (terminal, result) = self.sync_pod(ix, &config, &status, &worker.cancelled).await;
                    relist = self.config.features.on_demand_relist && result.acted && !result.failed();
                    if terminal {
                        Outcome::Transition(Stage::Terminating)
                    } else if result.cancelled {
                        Outcome::Cancelled
                    } else if result.failed() {
                        Outcome::Failed(result.backoff_ends.iter().min().copied())
                    } else if result.idle && self.leaves_out_idle_ticks() {
                        Outcome::Steady
                    } else {
                        Outcome::Well
                    }
                }
                Stage::Terminating => {
                    if !worker.started_terminating.replace(true) {
                        self.volumes.changed.raise();
                    }
                    let change = worker.change.borrow().clone();
                    let sync = self.sync_terminating_pod(ix, &config, &status, (grace != 0).then_some(grace), change);
                    match sync.await {
                        true => Outcome::Transition(Stage::Terminated),
                        false => Outcome::Failed(None),
                    }
                }
                Stage::Terminated | Stage::Finished => {
                    self.sync_terminated_pod(ix, &config, &status).await;
                    worker.stage.set(Stage::Finished);
                    Outcome::Transition(Stage::Finished)
                }
            };
            worker.last_sync.set(Some(self.kernel.now()));
            if relist {
                self.request_relist(ix);
            }
            if matches!(outcome, Outcome::Transition(Stage::Finished)) {
                self.housekeeping_wanted.raise();
                self.gc_wanted.raise();
                return;
            }
            self.complete_work(ix, worker, outcome);
        }
    }

    /// `completeSync`, `completeTerminating`, `completeWork`
    fn complete_work(&self, ix: PodIx, worker: &Worker, outcome: Outcome) {
        let now = self.kernel.now();
        let due = match outcome {
            Outcome::Transition(stage) => {
                worker.stage.set(worker.stage.get().max(stage));
                worker.started_terminating.set(true);
                self.volumes.changed.raise();
                if stage == Stage::Terminated {
                    worker.change.take();
                    for waiting in worker.waiting.take() {
                        waiting.open();
                    }
                }
                self.gc_wanted.raise();
                if worker.pending.borrow().is_none() {
                    let active = worker.active.borrow().clone();
                    *worker.pending.borrow_mut() = active;
                }
                now
            }
            Outcome::Well => now + self.jittered(self.config.sync_frequency),
            Outcome::Steady => {
                worker.steady.set(true);
                self.work_queue.borrow_mut().remove(ix);
                if worker.pending.borrow().is_none() {
                    return;
                }
                now + self.config.sync_frequency
            }
            Outcome::Cancelled => now + self.jittered(BACK_OFF_PERIOD),
            Outcome::Failed(ends) => {
                let wait = if self.config.features.requeue_at_backoff_expiry {
                    let wait = ends.map_or(BACK_OFF_PERIOD, |ends| ends - now);
                    wait.max(Duration::ZERO).min(self.config.sync_frequency)
                } else {
                    BACK_OFF_PERIOD
                };
                now + self.jittered(wait)
            }
        };
        self.enqueue(ix, due);
        if worker.pending.borrow().is_some() {
            worker.wake.raise();
        }
    }

    /// `CouldHaveRunningContainers`
    pub(super) fn could_have_running_containers(&self, ix: PodIx) -> bool {
        self.workers
            .borrow()
            .get(ix)
            .is_some_and(|w| w.stage.get() < Stage::Terminated)
    }

    /// Whether the pod's worker has done all that it will ever do.
    pub(super) fn is_finished(&self, ix: PodIx) -> bool {
        let workers = self.workers.borrow();
        workers.get(ix).is_some_and(|w| w.stage.get() == Stage::Finished)
    }

    /// `IsPodKnownTerminated`
    pub(super) fn is_known_terminated(&self, ix: PodIx) -> bool {
        let workers = self.workers.borrow();
        workers.get(ix).is_some_and(|w| w.stage.get() >= Stage::Terminated)
    }

    /// `IsPodTerminationRequested`
    pub(super) fn is_termination_requested(&self, ix: PodIx) -> bool {
        let workers = self.workers.borrow();
        workers.get(ix).is_some_and(|w| w.stage.get() >= Stage::Terminating)
    }

    /// `ShouldPodContainersBeTerminating`: a pod whose end was asked for may still wait for a relist. One that no worker has
    /// been told of is not to run.
    pub(super) fn should_containers_be_terminating(&self, ix: PodIx) -> bool {
        let workers = self.workers.borrow();
        workers.get(ix).map_or_else(
            || self.pods_synced(),
            |w| w.started_terminating.get() || w.stage.get() >= Stage::Terminated,
        )
    }

    /// `ShouldPodRuntimeBeRemoved`
    pub(super) fn should_pod_runtime_be_removed(&self, ix: PodIx) -> bool {
        let workers = self.workers.borrow();
        workers
            .get(ix)
            .map_or_else(|| self.pods_synced(), |w| w.stage.get() >= Stage::Terminated)
    }

    pub(super) fn has_worker(&self, ix: PodIx) -> bool {
        self.workers.borrow().has(ix)
    }

    /// A worker for a pod that only the runtime has: it ends at once, and nothing else can be made of it.
    pub(super) fn add_orphan(&self, ix: PodIx) {
        let worker = Worker::new(&self.kernel);
        worker.deleted.set(true);
        worker.begin_terminating();
        self.workers.borrow_mut().insert(ix, Rc::new(worker));
    }

    /// The pod of that worker has ended (`completeTerminatingRuntimePod`).
    pub(super) fn finish_orphan(&self, ix: PodIx) {
        if let Some(worker) = self.workers.borrow().get(ix) {
            worker.stage.set(Stage::Finished);
        }
    }

    /// Whether housekeeping has been round once since the kubelet started.
    fn pods_synced(&self) -> bool {
        self.ticks.housekeeping.last(self.kernel.now()).is_some()
    }

    /// `ShouldPodContentBeRemoved`; a pod without a worker is nobody's.
    pub(super) fn should_pod_content_be_removed(&self, ix: PodIx) -> bool {
        let workers = self.workers.borrow();
        workers
            .get(ix)
            .map_or_else(|| self.pods_synced(), |w| w.evicted.get() || w.is_deleted_for_good())
    }

    /// `SyncKnownPods`: forgets workers that have finished and whose pod is gone; ends those whose pod is gone.
    pub(super) fn sync_known_pods(self: &Rc<Self>) {
        let known: Vec<_> = self.workers.borrow().iter().map(|(ix, w)| (ix, w.clone())).collect();
        for (ix, worker) in known {
            if self.pods.borrow().has(ix) {
                continue;
            }
            worker.deleted.set(true);
            if worker.stage.get() == Stage::Finished {
                self.workers.borrow_mut().remove(ix);
                self.gc_wanted.raise();
                continue;
            }
            let active = worker.active.borrow().clone();
            if let Some(config) = &active
                && worker.stage.get() == Stage::Syncing
            {
                worker.begin_terminating();
                worker.grace.set(effective_grace(worker.grace.get(), config, None));
            }
            if worker.pending.borrow().is_none() && active.is_some() {
                *worker.pending.borrow_mut() = active;
                worker.wake.raise();
            }
        }
    }
}

/// `calculateEffectiveGracePeriod`: a grace period only ever becomes shorter, and never shorter than a second.
fn effective_grace(present: i64, config: &PodConfig, asked: Option<i64>) -> i64 {
    let mut grace = present;
    let mut overridden = false;
    for shorter in [config.deletion_grace, asked].into_iter().flatten() {
        if grace == 0 || shorter < grace {
            grace = shorter;
            overridden = true;
        }
    }
    if !overridden && grace == 0 {
        grace = config.pod.spec.termination_grace_period_seconds;
    }
    grace.max(1)
}
