//! The sync loop: what comes from the API, from PLEG and from the tickers, and to whom it goes (`kubelet.go: syncLoop`).

use std::rc::Rc;

use super::Kubelet;
use super::pleg::Event;
use super::pod_workers::{PodConfig, UpdateType};
use crate::api::qos;
use crate::api::status::{Phase, PodStatus};
use crate::kernel::{Duration, Notify, Time, race};
use crate::kubelet::api_server::{PodChange, PodVersion};
use crate::kubelet::container::State;
use crate::runtime::PodIx;
use crate::scenario::types::Sabotage;

/// Between a kubelet's start and its first list of the API's pods.
const FIRST_LIST: Duration = Duration::from_millis(3);
/// Between a sync that acted and the relist that it asks for.
const RELIST_DELAY: Duration = Duration::from_micros(5);

impl Kubelet {
    /// Starts every task of the kubelet.
    pub fn start(self: &Rc<Self>) {
        if !self.runtime.pods().is_empty() {
            // What a predecessor has left must be looked at.
            self.pleg.wanted.raise();
            self.housekeeping_wanted.raise();
            self.gc_wanted.raise();
        }
        let (kernel, kubelet) = (&self.kernel, || self.clone());
        kernel.spawn(kubelet().watch_forever());
        kernel.spawn(kubelet().relist_forever());
        kernel.spawn(kubelet().tick_forever());
        kernel.spawn(kubelet().housekeep_forever());
        kernel.spawn(kubelet().collect_garbage_forever());
        kernel.spawn(kubelet().delete_containers_forever());
        kernel.spawn(kubelet().sync_statuses_forever());
        kernel.spawn(kubelet().manage_volumes_forever());
        kernel.spawn(kubelet().handle_probe_results_forever());
    }

    /// The API's side of the sync loop: the pods that are there at the start, then every change. Nothing is acted
    /// upon before the loop runs.
    async fn watch_forever(self: Rc<Self>) {
        self.kernel.sleep_until(self.started_at + FIRST_LIST).await;
        let (present, changes) = self.api.list_and_watch(self.node);
        self.kernel.sleep_until(self.ticks.sync_loop).await;
        for version in present {
            // Also one that has been removed since: the list comes before what the watch tells.
            self.handle_pod_addition(version);
        }
        for (ix, event) in self.early_events.take() {
            self.handle_pleg_event(ix, event);
        }
        loop {
            self.handle_pod_change(changes.pop().await);
        }
    }

    /// `HandlePodUpdates`, `HandlePodReconcile`, `HandlePodRemoves`
    fn handle_pod_change(self: &Rc<Self>, change: PodChange) {
        match change {
            PodChange::Reconciled(ix) => {
                // Nothing but the status is taken over: not even the generation.
                if let Some(config) = self.known_pod(ix) {
                    self.handle_pod_reconcile(ix, config);
                }
            }
            PodChange::Added(version) => self.handle_pod_addition(version),
            PodChange::Updated(version) => {
                let ix = version.ix;
                let config = self.take_over(version);
                if !self.is_left_alone(ix) {
                    self.update_pod(ix, config, UpdateType::Sync);
                }
            }
            PodChange::Removed(ix, object) => {
                let removed = self.pods.borrow_mut().remove(ix);
                self.deadlined.borrow_mut().remove(&ix);
                self.volumes.changed.raise();
                self.housekeeping_wanted.raise();
                if let Some(mut config) = removed {
                    config.status = object.status_heard(self.kernel.now());
                    self.update_pod(ix, config, UpdateType::Kill(None));
                }
            }
        }
    }

    /// `HandlePodAdditions`
    fn handle_pod_addition(self: &Rc<Self>, version: PodVersion) {
        let ix = version.ix;
        let config = self.take_over(version);
        let admitted = config.status.is_terminal() || self.is_termination_requested(ix);
        if self.shutting_down.get() && !admitted && !self.breaks(Sabotage::ShutdownAdmits) {
            self.reject_pod(ix, &config);
            return;
        }
        self.update_pod(ix, config, UpdateType::Sync);
    }

    /// Takes a pod over as the API has told of it (`podManager.UpdatePod`).
    fn take_over(&self, version: PodVersion) -> PodConfig {
        let (ix, object) = (version.ix, version.object);
        let config = PodConfig {
            pod: version.pod,
            full_name: object.full_name.clone(),
            generation: version.generation,
            deletion_grace: version.deletion_grace,
            status: object.status_heard(self.kernel.now()),
        };
        self.pods.borrow_mut().insert(ix, config.clone());
        if config.pod.spec.active_deadline_seconds.is_some() {
            self.deadlined.borrow_mut().insert(ix);
            // A pod that a former kubelet has started has a deadline to look at from now on.
            self.work_queued.raise();
        }
        config
    }

    /// Whether changes of the pod are none of the workers' business: it was turned away (`HasPodAllocatedResources`).
    fn is_left_alone(&self, ix: PodIx) -> bool {
        self.config.features.ignores_rejected && self.rejected.borrow().contains(&ix)
    }

    /// A pod that comes while the node shuts down is turned away (`rejectPod`, `nodeshutdown: Admit`). One that has ended
    /// or is ending is not asked any more (`HandlePodAdditions`).
    fn reject_pod(self: &Rc<Self>, ix: PodIx, config: &PodConfig) {
        self.rejected.borrow_mut().insert(ix);
        let message = "Pod was rejected as the node is shutting down.";
        self.pod_event(config, true, "NodeShutdown", message.into());
        let features = &self.config.features;
        let class = qos::class(&config.pod.spec, features.pod_level_resources);
        let status = PodStatus {
            observed_generation: self.observed_generation(config),
            reason: Some("NodeShutdown".into()),
            message: Some(format!("Pod was rejected: {message}").into()),
            qos_class: Some(class).filter(|_| features.rejected_keeps_qos_class),
            ..PodStatus::empty(Phase::Failed)
        };
        self.set_status(ix, config, status, false);
    }

    /// Somebody else wrote the pod's status: it is synced if its readiness gates now say something else
    /// (`NeedToReconcilePodReadiness`).
    fn handle_pod_reconcile(self: &Rc<Self>, ix: PodIx, config: PodConfig) {
        self.statuses.unsettled.raise();
        self.resume_syncs(ix);
        if self.is_left_alone(ix) {
            return;
        }
        let evicted = config.status.is_evicted();
        if self.needs_readiness_reconciled(&config) {
            self.update_pod(ix, config, UpdateType::Sync);
        }
        if evicted {
            let status = self.pleg.cached(ix);
            for dead in status.container_statuses.iter().filter(|s| s.state == State::Exited) {
                self.to_delete.push((ix, dead.id.0));
            }
        }
    }

    /// PLEG, and to whom it tells what it finds.
    async fn relist_forever(self: Rc<Self>) {
        self.pleg.run(|pod, event| self.receive_pleg_event(pod, event)).await;
    }

    /// What PLEG found; before the sync loop runs it waits for it.
    fn receive_pleg_event(self: &Rc<Self>, ix: PodIx, event: Event) {
        if self.kernel.now() < self.ticks.sync_loop {
            self.early_events.borrow_mut().push((ix, event));
        } else {
            self.handle_pleg_event(ix, event);
        }
    }

    fn handle_pleg_event(self: &Rc<Self>, ix: PodIx, event: Event) {
        if !self.pods.borrow().has(ix) {
            // An orphan may come alive late: a call of a predecessor runs to its end.
            self.housekeeping_wanted.raise();
        }
        if event != Event::Removed {
            self.handle_pod_sync(ix);
        } else {
            self.resume_syncs(ix);
        }
        self.gc_wanted.raise();
        if let Event::Died(id) = event {
            self.delete_dead_containers(ix, id);
        }
    }

    /// `HandlePodSyncs`
    pub(super) fn handle_pod_sync(self: &Rc<Self>, ix: PodIx) {
        if let Some(config) = self.known_pod(ix) {
            self.update_pod(ix, config, UpdateType::Sync);
        }
    }

    /// Asks for a relist of one pod now (`RequestPodRelist`).
    pub(super) fn request_relist(self: &Rc<Self>, ix: PodIx) {
        let (kubelet, demanded) = (self.clone(), self.kernel.now());
        self.kernel.spawn(async move {
            kubelet.kernel.sleep(RELIST_DELAY).await;
            kubelet
                .pleg
                .relist_pod(ix, demanded, &|pod, event| kubelet.handle_pleg_event(pod, event));
        });
    }

    /// Puts a pod into the work queue, in place of what was there (`workQueue.Enqueue`).
    pub(super) fn enqueue(&self, ix: PodIx, due: Time) {
        self.work_queue.borrow_mut().enqueue(ix, due, self.kernel.cause());
        self.work_queued.raise();
    }

    /// The sync ticker, at those ticks only that find something due: the queue asks for strictly before now.
    async fn tick_forever(self: Rc<Self>) {
        loop {
            let queued = self.work_queue.borrow_mut().first();
            // A deadline is noticed at the first tick that is not before it; the queue gives what is strictly older.
            let deadline = self.next_deadline().map(|at| at - Duration(1));
            let idle = (!self.leaves_out_idle_ticks()).then_some(self.kernel.now());
            let Some(earliest) = queued.into_iter().chain(deadline).chain(idle).min() else {
                self.work_queued.wait().await;
                continue;
            };
            let from = if self.leaves_out_idle_ticks() {
                earliest.max(self.kernel.now())
            } else {
                self.kernel.now()
            };
            let tick = self.ticks.sync.after(from);
            if race(self.kernel.sleep_until(tick), self.work_queued.wait())
                .await
                .is_err()
            {
                continue;
            }
            let now = self.kernel.now();
            let mut due = self.work_queue.borrow_mut().take_due(now);
            for ix in self
                .deadlined
                .borrow()
                .iter()
                .filter(|ix| self.past_deadline(**ix, now))
            {
                due.or_insert_with(*ix, || self.kernel.cause());
            }
            for (ix, cause) in due {
                self.kernel.set_cause(cause);
                self.handle_pod_sync(ix);
            }
        }
    }

    /// Waits until a round of a loop is wanted; where idle rounds are not left out, each is.
    pub(super) async fn wanted(&self, reason: &Notify) {
        if self.leaves_out_idle_ticks() {
            reason.wait().await;
        }
    }

    /// The earliest deadline of a pod that has not ended.
    fn next_deadline(&self) -> Option<Time> {
        let pods = self.pods.borrow();
        let deadlined = self.deadlined.borrow();
        let open = deadlined.iter().filter(|ix| !self.is_finished(**ix));
        open.filter_map(|ix| self.deadline(*ix, pods.get(*ix)?)).min()
    }

    fn past_deadline(&self, ix: PodIx, now: Time) -> bool {
        let pods = self.pods.borrow();
        let at = pods.get(ix).and_then(|config| self.deadline(ix, config));
        at.is_some_and(|at| at <= now) && !self.is_finished(ix)
    }

    /// When housekeeping last took place, or would have.
    pub(super) fn last_housekeeping(&self) -> Time {
        let last = self.ticks.housekeeping.last(self.kernel.now());
        last.unwrap_or(self.started_at)
    }

    /// Housekeeping, at those ticks only that could find something.
    async fn housekeep_forever(self: Rc<Self>) {
        loop {
            self.wanted(&self.housekeeping_wanted).await;
            let tick = self.ticks.housekeeping.after(self.kernel.now());
            self.kernel.sleep_until(tick).await;
            self.housekeeping_wanted.take();
            self.sync_known_pods();
            self.kill_orphans();
            let is_known = |ix| self.pods.borrow().has(ix);
            self.statuses.retain(is_known);
            self.resources.borrow_mut().retain(|ix, _| is_known(ix));
            // Pods that nobody knows are garbage from the first round on.
            self.gc_wanted.raise();
        }
    }

    /// `podContainerDeletor.deleteContainersInPod`: dead containers of the name that died but the newest;
    /// of a deleted pod all.
    fn delete_dead_containers(&self, ix: PodIx, died: u64) {
        let status = self.pleg.cached(ix);
        let all = self.should_pod_content_be_removed(ix);
        let name = status
            .container_statuses
            .iter()
            .find(|s| s.id.0 == died)
            .map(|s| s.name.clone());
        if name.is_none() && !all {
            return;
        }
        let dead = status.container_statuses.iter().filter(|s| s.state == State::Exited);
        let dead = dead.filter(|s| all || Some(&s.name) == name.as_ref());
        for old in dead.skip(usize::from(!all)) {
            self.to_delete.push((ix, old.id.0));
        }
    }

    async fn delete_containers_forever(self: Rc<Self>) {
        loop {
            let (ix, id) = self.to_delete.pop().await;
            if let Some(container) = self.runtime.container(ix, id) {
                self.runtime.remove_container(ix, &container, false).await;
            }
        }
    }
}
