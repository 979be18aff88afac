//! Caches statuses and writes them to the API (`status_manager.go`).

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use super::conditions::{self, condition, containers_ready};
use super::generate::Statuses;
use super::restart_policy::{all_containers_could_restart, container_should_restart};
use crate::api::cut::first_bytes;
use crate::api::features::Features;
use crate::api::pod::{Container, Pod, RestartPolicy};
use crate::api::status::{
    ConditionKind, ConditionStatus, ContainerState, ContainerStatus, Phase, PodCondition, PodStatus, RuntimeId,
    Terminated, Timestamp,
};
use crate::kernel::{Duration, Kernel, Notify, Time};
use crate::kubelet::Kubelet;
use crate::kubelet::container::ContainerId;
use crate::kubelet::pod_workers::PodConfig;
use crate::runtime::{PodIx, PodMap};
use crate::scenario::types::Sabotage;

/// Between a status that was set and its write.
const WRITE_DELAY: Duration = Duration::from_micros(1);

/// `podStatuses`: the newest status of each pod, whether written or not.
pub(in crate::kubelet) struct StatusManager {
    statuses: RefCell<PodMap<Cached>>,
    /// Raised when a status in the API differs from the cached one.
    pub(in crate::kubelet) unsettled: Notify,
}

struct Cached {
    status: Arc<PodStatus>,
    /// The pod's end has been recorded: its object may go.
    finished: bool,
    /// A write is under way.
    queued: bool,
}

impl StatusManager {
    pub(in crate::kubelet) fn new(kernel: &Kernel) -> StatusManager {
        StatusManager {
            statuses: RefCell::default(),
            unsettled: Notify::new(kernel),
        }
    }

    /// Forgets the pods that the API does not have any more (`RemoveOrphanedStatuses`).
    pub(in crate::kubelet) fn retain(&self, known: impl Fn(PodIx) -> bool) {
        self.statuses.borrow_mut().retain(|ix, _| known(ix));
    }

    /// `GetPodStatus`
    pub(in crate::kubelet) fn get(&self, ix: PodIx) -> Option<Arc<PodStatus>> {
        self.statuses.borrow().get(ix).map(|cached| cached.status.clone())
    }
}

impl Kubelet {
    /// The instant that an API timestamp names.
    pub(in crate::kubelet) fn time_of(&self, timestamp: Timestamp) -> Time {
        Time((timestamp.0 - self.epoch) * 1_000_000_000)
    }

    /// How long ago that was.
    pub(in crate::kubelet) fn since_timestamp(&self, timestamp: Timestamp) -> Duration {
        self.kernel.now() - self.time_of(timestamp)
    }

    pub(in crate::kubelet) fn timestamp(&self) -> Timestamp {
        Timestamp(self.epoch + self.kernel.now().0.div_euclid(1_000_000_000))
    }

    /// `SetPodStatus`, and `TerminatePod` with `finished`: completes the status from the one before and queues its write if
    /// it differs; whether it does. What a pod that is being deleted has come to is compared with the API each time.
    pub(in crate::kubelet) fn set_status(
        self: &Rc<Self>,
        ix: PodIx,
        config: &PodConfig,
        status: PodStatus,
        finished: bool,
    ) -> bool {
        let forced = finished || config.deletion_grace.is_some();
        self.update_status(ix, config, status, finished, forced)
    }

    /// `updateStatusInternal`; a `forced` write takes place even if the status is the one before.
    fn update_status(
        self: &Rc<Self>,
        ix: PodIx,
        config: &PodConfig,
        mut status: PodStatus,
        finished: bool,
        forced: bool,
    ) -> bool {
        let cached = self.statuses.get(ix);
        let old = cached.clone().unwrap_or_else(|| config.status.clone());
        if is_illegal_transition(&config.pod, &old, &status, &self.config.features) {
            return false;
        }
        let now = self.timestamp();
        let features = &self.config.features;
        for condition in status.conditions.iter_mut().filter(|c| is_compared(c, features)) {
            let before = old
                .condition_of(&condition.kind)
                .filter(|c| c.status == condition.status);
            let before = before.filter(|_| !self.breaks(Sabotage::TransitionsAlways));
            condition.last_transition_time = before.map_or(Some(now), |c| c.last_transition_time);
        }
        // A pod may come as it was a while ago.
        status.observed_generation = status.observed_generation.max(old.observed_generation);
        status.start_time = old.start_time.or(Some(now));
        if old.start_time.is_none() && config.pod.spec.active_deadline_seconds.is_some() {
            // From now on the sync ticker has a deadline to look at.
            self.work_queued.raise();
        }
        cut_messages(config, &mut status, &self.config.features);
        if cached.is_some_and(|cached| equal_by_kubelet(&cached, &status, &self.config.features)) && !forced {
            return false;
        }
        let mut statuses = self.statuses.statuses.borrow_mut();
        let entry = statuses.or_insert_with(ix, || Cached {
            status: old,
            finished: false,
            queued: false,
        });
        if !self.pods.borrow().has(ix) {
            // The status of a pod that is gone: the next housekeeping forgets it.
            self.housekeeping_wanted.raise();
        }
        entry.status = Arc::new(status);
        entry.finished |= finished;
        if !std::mem::replace(&mut entry.queued, true) {
            let kubelet = self.clone();
            self.kernel.spawn(async move {
                kubelet.kernel.sleep(WRITE_DELAY).await;
                kubelet.write_status(ix);
            });
        }
        true
    }

    /// `syncPod`: merges with what the API has, writes, and removes the object of a pod that has ended.
    fn write_status(self: &Rc<Self>, ix: PodIx) {
        let (status, finished) = {
            let mut statuses = self.statuses.statuses.borrow_mut();
            let Some(cached) = statuses.get_mut(ix) else { return };
            cached.queued = false;
            (cached.status.clone(), cached.finished)
        };
        let Some(object) = self.api.get(ix) else { return };
        let old = object.status.borrow().clone();
        let merged = if is_left_alone(&old, &status, &self.config.features) {
            status.clone()
        } else {
            let running = self.could_have_running_containers(ix);
            Arc::new(merge(
                &old,
                (*status).clone(),
                running,
                self.timestamp(),
                &self.config.features,
            ))
        };
        // Only what may be withheld from the API can make it differ.
        let differs = withholds(&status) || withholds(&merged);
        self.api.write_status(ix, &object, merged);
        if differs && self.differs_from_api(ix) {
            self.statuses.unsettled.raise();
        }
        let ended = object.status.borrow().is_terminal();
        if object.deletion.get().is_some() && ended && finished {
            self.api.remove(ix);
            self.statuses.statuses.borrow_mut().remove(ix);
        }
    }

    /// Whether the pod's readiness gates make its Ready condition another one than the API has
    /// (`NeedToReconcilePodReadiness`). Sidecars' statuses are not looked at: upstream forgets them, too.
    pub(in crate::kubelet) fn needs_readiness_reconciled(&self, config: &PodConfig) -> bool {
        if config.pod.spec.readiness_gates.is_empty() {
            return false;
        }
        let status = &config.status;
        let statuses = Statuses {
            init: &[],
            apps: &status.container_statuses,
        };
        let generation = self.observed_generation(config);
        let containers = containers_ready(&config.pod, statuses, status.phase, generation);
        let expected = conditions::ready(&config.pod, &status.conditions, &containers, generation);
        let present = status.condition_of(&ConditionKind::Ready);
        present.is_some_and(|c| c.status != expected.status || c.message != expected.message)
    }

    /// Whether what the API shows differs from the cached status in what the kubelet owns.
    fn differs_from_api(&self, ix: PodIx) -> bool {
        let (Some(cached), Some(object)) = (self.statuses.get(ix), self.api.get(ix)) else {
            return false;
        };
        !equal_by_kubelet(&object.status.borrow(), &cached, &self.config.features)
    }

    /// Whether a full sync writes the status again (`needsReconcile`). Statuses of ephemeral containers that are not
    /// normalised never compare equal: theirs have the nanoseconds that the API drops.
    fn needs_reconcile(&self, ix: PodIx) -> bool {
        let has_run = |cached: Arc<PodStatus>| {
            let mut states = cached.ephemeral_container_statuses.iter().map(|status| &status.state);
            states.any(|state| !matches!(state, ContainerState::Waiting(_)))
        };
        let unlike = !self.config.features.normalize_ephemeral_statuses && self.statuses.get(ix).is_some_and(has_run);
        unlike || self.differs_from_api(ix)
    }

    /// The task: a full sync (`syncBatch(all)`) at those ticks only that could find a difference.
    pub(in crate::kubelet) async fn sync_statuses_forever(self: Rc<Self>) {
        loop {
            self.wanted(&self.statuses.unsettled).await;
            let tick = self.ticks.status_sync.after(self.kernel.now());
            self.kernel.sleep_until(tick).await;
            self.statuses.unsettled.take();
            let known: Vec<PodIx> = self.statuses.statuses.borrow().pods().collect();
            for ix in known {
                if self.needs_reconcile(ix) {
                    self.write_status(ix);
                }
            }
        }
    }

    /// A changed readiness result reaches the status before any sync (`SetContainerReadiness`).
    pub(in crate::kubelet) fn set_container_readiness(self: &Rc<Self>, ix: PodIx, id: ContainerId, ready: bool) {
        self.change_status(ix, |pod, generation, status| {
            if find_container(status, id).is_none_or(|c| std::mem::replace(&mut c.ready, ready) == ready) {
                return false;
            }
            let containers = containers_ready(pod, Statuses::of(status), status.phase, generation);
            let ready = conditions::ready(pod, &status.conditions, &containers, generation);
            for condition in [ready, containers] {
                match status.conditions.iter_mut().find(|c| c.kind == condition.kind) {
                    Some(old) => *old = condition,
                    None => status.conditions.push(condition),
                }
            }
            true
        });
    }

    /// A changed startup result reaches the status before any sync (`SetContainerStartup`).
    pub(in crate::kubelet) fn set_container_startup(self: &Rc<Self>, ix: PodIx, id: ContainerId, started: bool) {
        self.change_status(ix, |_, _, status| {
            find_container(status, id).is_some_and(|c| c.started.replace(started) != Some(started))
        });
    }

    /// Changes the newest status of a pod that the API still has; `change` says whether it did.
    fn change_status(self: &Rc<Self>, ix: PodIx, change: impl FnOnce(&Pod, Option<i64>, &mut PodStatus) -> bool) {
        let Some(config) = self.pods.borrow().get(ix).cloned() else {
            return;
        };
        let Some(cached) = self.statuses.get(ix) else { return };
        let mut status = (*cached).clone();
        if change(&config.pod, self.observed_generation(&config), &mut status) {
            self.update_status(ix, &config, status, false, false);
        }
    }

    /// The new sandbox is known at once, before any container is started (`OnPodSandboxReady`).
    pub(in crate::kubelet) fn on_pod_sandbox_ready(self: &Rc<Self>, ix: PodIx, config: &PodConfig) {
        if !self.config.features.sandbox_ready_at_once {
            return;
        }
        let Some(status) = self.statuses.get(ix) else { return };
        let mut status = (*status).clone();
        let ready = condition(
            ConditionKind::PodReadyToStartContainers,
            true,
            self.observed_generation(config),
        );
        status.conditions.retain(|c| c.kind != ready.kind);
        status.conditions.insert(0, ready);
        self.set_status(ix, config, status, false);
    }
}

/// Conditions that only the kubelet writes (`PodConditionByKubelet`). What it does not know yet is anybody's.
pub(super) fn is_kubelets(condition: &PodCondition, features: &Features) -> bool {
    match condition.kind {
        ConditionKind::PodScheduled
        | ConditionKind::Initialized
        | ConditionKind::ContainersReady
        | ConditionKind::Ready => true,
        ConditionKind::PodReadyToStartContainers => features.sandbox_condition,
        ConditionKind::AllContainersRestarting => features.restart_all_containers,
        ConditionKind::PodResizePending | ConditionKind::PodResizeInProgress => features.owns_resize_conditions,
        ConditionKind::DisruptionTarget | ConditionKind::Other(_) => false,
    }
}

/// What the kubelet compares of a status (`PodConditionSharedByKubelet` included).
fn is_compared(condition: &PodCondition, features: &Features) -> bool {
    is_kubelets(condition, features) || condition.kind == ConditionKind::DisruptionTarget
}

/// `isPodStatusByKubeletEqual`: times of conditions and the conditions of others do not count.
fn equal_by_kubelet(old: &PodStatus, new: &PodStatus, features: &Features) -> bool {
    fn own<'a>(status: &'a PodStatus, features: &'a Features) -> impl Iterator<Item = &'a PodCondition> {
        status.conditions.iter().filter(|c| is_compared(c, features))
    }
    let same = |a: &PodCondition, b: &PodCondition| {
        a.kind == b.kind && a.status == b.status && a.reason == b.reason && a.message == b.message
    };
    if features.count_conditions && own(old, features).count() != own(new, features).count() {
        return false;
    }
    // Upstream asks of each new condition whether the old ones have it.
    let known = |new: &PodCondition| old.conditions.iter().any(|old| same(old, new));
    old.differs_in_conditions_only(new) && own(new, features).all(known)
}

/// The status of the container of that ID.
fn find_container(status: &mut PodStatus, id: ContainerId) -> Option<&mut ContainerStatus> {
    let lists = status
        .container_statuses
        .iter_mut()
        .chain(&mut status.init_container_statuses);
    lists.into_iter().find(|c| c.container_id == Some(RuntimeId(id.0)))
}

/// A container that has ended for good must not come back to life (`checkContainerStateTransition`).
fn is_illegal_transition(pod: &Pod, old: &PodStatus, new: &PodStatus, features: &Features) -> bool {
    if pod.spec.restart_policy == RestartPolicy::Always || all_containers_could_restart(pod, features) {
        return false;
    }
    let revived = |init: bool, spec: &[Container], old: &[ContainerStatus], new: &[ContainerStatus]| {
        old.iter().any(|before| {
            let ContainerState::Terminated(end) = &before.state else {
                return false;
            };
            if end.exit_code != 0 && pod.spec.restart_policy == RestartPolicy::OnFailure {
                return false;
            }
            let container = spec.iter().find(|c| c.name == before.name);
            if init && container.is_some_and(Container::is_sidecar) {
                return false;
            }
            if container.is_some_and(|c| container_should_restart(c, pod, end.exit_code, features)) {
                return false;
            }
            let after = new.iter().find(|s| s.name == before.name);
            after.is_some_and(|s| !matches!(s.state, ContainerState::Terminated(_)))
        })
    };
    // Sidecars may always come back.
    let (spec, init) = (&pod.spec, true);
    revived(
        !init,
        &spec.containers,
        &old.container_statuses,
        &new.container_statuses,
    ) || revived(
        init,
        &spec.init_containers,
        &old.init_container_statuses,
        &new.init_container_statuses,
    )
}

/// `normalizeStatus`: the pod's containers share 12 KiB of termination messages.
fn cut_messages(config: &PodConfig, status: &mut PodStatus, features: &Features) {
    let spec = &config.pod.spec;
    let regular = spec.init_containers.len() + spec.containers.len();
    let (count, ephemeral) = if features.normalize_ephemeral_statuses {
        (
            regular + spec.ephemeral_containers.len(),
            &mut status.ephemeral_container_statuses[..],
        )
    } else {
        (regular, &mut [][..])
    };
    let share = 12 * 1024 / count.max(1);
    for container in status
        .init_container_statuses
        .iter_mut()
        .chain(&mut status.container_statuses)
        .chain(ephemeral)
    {
        for state in [Some(&mut container.state), container.last_state.as_mut()]
            .into_iter()
            .flatten()
        {
            if let ContainerState::Terminated(Terminated {
                message: Some(message), ..
            }) = state
                && message.len() > share
            {
                *message = first_bytes(message, share).into();
            }
        }
    }
}

/// Whether [`merge`] may keep something of such a status back.
fn withholds(status: &PodStatus) -> bool {
    status.is_terminal() || status.condition_of(&ConditionKind::DisruptionTarget).is_some()
}

/// Whether [`merge`] would give the new status as it is: nothing of others' is in it, and nothing may be held back.
fn is_left_alone(old: &PodStatus, new: &PodStatus, features: &Features) -> bool {
    let mut conditions = old.conditions.iter().chain(&new.conditions);
    !new.is_terminal() && conditions.all(|c| is_kubelets(c, features))
}

/// `mergePodStatus`: a terminal phase is withheld while containers may still run.
fn merge(
    old: &PodStatus,
    mut new: PodStatus,
    could_have_running_containers: bool,
    now: Timestamp,
    features: &Features,
) -> PodStatus {
    let becomes_terminal = !old.is_terminal() && new.is_terminal();
    let foreign = old.conditions.iter().filter(|c| !is_kubelets(c, features));
    let mut conditions: Vec<PodCondition> = Vec::with_capacity(old.conditions.len().max(new.conditions.len()));
    conditions.extend(foreign.cloned());
    for condition in new.conditions {
        if is_kubelets(&condition, features) {
            conditions.push(condition);
        } else if condition.kind == ConditionKind::DisruptionTarget
            && becomes_terminal
            && !could_have_running_containers
        {
            // Said only once the pod has ended, and from then on.
            let before = old
                .condition_of(&condition.kind)
                .filter(|c| c.status == condition.status);
            let since = before.map_or(Some(now), |c| c.last_transition_time);
            conditions.retain(|c| c.kind != condition.kind);
            conditions.push(PodCondition {
                last_transition_time: since,
                ..condition
            });
        }
    }
    new.conditions = conditions;
    if becomes_terminal && could_have_running_containers {
        new.phase = old.phase;
        new.reason = old.reason.clone();
        new.message = old.message.clone();
    }
    if new.is_terminal() {
        let reason = if new.phase == Phase::Failed {
            "PodFailed"
        } else {
            "PodCompleted"
        };
        for condition in &mut new.conditions {
            if matches!(condition.kind, ConditionKind::Ready | ConditionKind::ContainersReady)
                && condition.status == ConditionStatus::True
            {
                condition.status = ConditionStatus::False;
                condition.reason = Some(reason.into());
            }
        }
    }
    new
}

/// The state of a container that cannot be found.
pub(super) fn lost(message: &str) -> Terminated {
    Terminated {
        exit_code: 137,
        reason: Some("ContainerStatusUnknown".into()),
        message: Some(message.into()),
        started_at: None,
        finished_at: None,
        container_id: None,
    }
}

/// Whether a container of that status has ever run.
fn has_run(status: &ContainerStatus) -> bool {
    status.last_state.is_some() || !matches!(status.state, ContainerState::Waiting(_))
}

/// Whether the pod has got past its init containers, as far as the kubelet has heard from the API
/// (`hasPodInitialized`).
fn has_initialized(config: &PodConfig) -> bool {
    let Some(last) = config.pod.spec.init_containers.last() else {
        return true;
    };
    let ended_well = |state: &ContainerState| matches!(state, ContainerState::Terminated(t) if t.exit_code == 0);
    let last_done = |s: &ContainerStatus| match &s.state {
        ContainerState::Running(_) if last.is_sidecar() => s.started == Some(true),
        _ if last.is_sidecar() => false,
        state => ended_well(state) || s.last_state.as_ref().is_some_and(ended_well),
    };
    let status = &config.status;
    status.container_statuses.iter().any(has_run) || status.init_container_statuses.last().is_some_and(last_done)
}

/// `TerminatePod`: what has no end yet gets one, and the phase becomes terminal.
pub(in crate::kubelet) fn terminate(config: &PodConfig, status: &PodStatus) -> PodStatus {
    let mut status = status.clone();
    let end = |container: &mut ContainerStatus| {
        if !matches!(container.state, ContainerState::Terminated(_)) {
            let text = "The container could not be located when the pod was terminated";
            container.state = ContainerState::Terminated(lost(text));
        }
    };
    if has_initialized(config) {
        status.container_statuses.iter_mut().for_each(end);
    }
    // Init containers behind the last one that has run keep their waiting state, but not the first of all
    // (`initializedContainers`).
    let reached = status
        .init_container_statuses
        .iter()
        .rposition(has_run)
        .map_or(1, |last| last + 1)
        .min(status.init_container_statuses.len());
    status.init_container_statuses[..reached].iter_mut().for_each(end);
    if !status.is_terminal() {
        status.phase = Phase::Failed;
    }
    status
}
