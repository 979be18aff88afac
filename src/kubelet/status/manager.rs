//! Caches statuses and writes them to the API (`status_manager.go`).

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use super::conditions::{self, condition, containers_ready};
use super::generate::all;
use super::restart_policy::{all_containers_could_restart, container_should_restart};
use crate::api::pod::{Container, Pod, RestartPolicy};
use crate::api::status::{
    ConditionStatus, ContainerState, ContainerStatus, Phase, PodStatus, RuntimeId, Terminated, Timestamp,
};
use crate::kernel::{Duration, Time};
use crate::kubelet::Kubelet;
use crate::kubelet::container::ContainerId;
use crate::kubelet::pod_workers::PodConfig;
use crate::runtime::PodIx;

/// Between a status that was set and its write.
const WRITE_DELAY: Duration = Duration::from_micros(1);

/// `podStatuses`: the newest status of each pod, whether written or not.
#[derive(Default)]
pub(in crate::kubelet) struct StatusManager {
    statuses: RefCell<BTreeMap<PodIx, Cached>>,
}

struct Cached {
    status: Rc<PodStatus>,
    /// The pod's end has been recorded: its object may go.
    finished: bool,
    /// A write is under way.
    queued: bool,
}

impl StatusManager {
    /// `GetPodStatus`
    pub(in crate::kubelet) fn get(&self, ix: PodIx) -> Option<Rc<PodStatus>> {
        self.statuses.borrow().get(&ix).map(|cached| cached.status.clone())
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

    fn timestamp(&self) -> Timestamp {
        Timestamp(self.epoch + self.kernel.now().0.div_euclid(1_000_000_000))
    }

    pub(in crate::kubelet) fn api_status(&self, ix: PodIx) -> PodStatus {
        let status = self.api.get(ix).map(|object| (**object.status.borrow()).clone());
        status.unwrap_or_else(|| PodStatus::empty(Phase::Pending))
    }

    /// `updateStatusInternal`: completes the status from the one before and queues its write if it differs.
    pub(in crate::kubelet) fn set_status(
        self: &Rc<Self>,
        ix: PodIx,
        config: &PodConfig,
        mut status: PodStatus,
        finished: bool,
    ) {
        let cached = self.statuses.get(ix);
        let old = cached.clone().unwrap_or_else(|| Rc::new(self.api_status(ix)));
        if is_illegal_transition(&config.pod, &old, &status) {
            return;
        }
        let now = self.timestamp();
        for condition in &mut status.conditions {
            let before = old.condition(&condition.kind).filter(|c| c.status == condition.status);
            condition.last_transition_time = before.map_or(Some(now), |c| c.last_transition_time);
        }
        status.start_time = old.start_time.or(Some(now));
        cut_messages(config, &mut status);
        if cached.is_some_and(|cached| *cached == status) && !finished {
            return;
        }
        let mut statuses = self.statuses.statuses.borrow_mut();
        let entry = statuses.entry(ix).or_insert(Cached {
            status: old,
            finished: false,
            queued: false,
        });
        entry.status = Rc::new(status);
        entry.finished |= finished;
        if !std::mem::replace(&mut entry.queued, true) {
            let kubelet = self.clone();
            self.kernel.spawn(async move {
                kubelet.kernel.sleep(WRITE_DELAY).await;
                kubelet.write_status(ix);
            });
        }
    }

    /// `syncPod`: merges with what the API has, writes, and removes the object of a pod that has ended.
    fn write_status(self: &Rc<Self>, ix: PodIx) {
        let (status, finished) = {
            let mut statuses = self.statuses.statuses.borrow_mut();
            let Some(cached) = statuses.get_mut(&ix) else { return };
            cached.queued = false;
            (cached.status.clone(), cached.finished)
        };
        let Some(object) = self.api.get(ix) else { return };
        let old = object.status.borrow().clone();
        let merged = merge(&old, (*status).clone(), self.could_have_running_containers(ix));
        self.api.write_status(&object, merged);
        let ended = object.status.borrow().is_terminal();
        if object.deletion.get().is_some() && ended && finished {
            self.api.remove(ix);
            self.statuses.statuses.borrow_mut().remove(&ix);
        }
    }

    /// A changed readiness result reaches the status before any sync (`SetContainerReadiness`).
    pub(in crate::kubelet) fn set_container_readiness(self: &Rc<Self>, ix: PodIx, id: ContainerId, ready: bool) {
        self.change_status(ix, |pod, generation, status| {
            if find_container(status, id).is_none_or(|c| std::mem::replace(&mut c.ready, ready) == ready) {
                return false;
            }
            let all = all(status);
            let containers = containers_ready(pod, &all, status.phase, generation);
            let ready = conditions::ready(pod, &status.conditions, &containers, generation);
            drop(all);
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
    fn change_status(self: &Rc<Self>, ix: PodIx, change: impl FnOnce(&Pod, i64, &mut PodStatus) -> bool) {
        let Some(config) = self.pods.borrow().get(&ix).cloned() else {
            return;
        };
        let Some(cached) = self.statuses.get(ix) else { return };
        let mut status = (*cached).clone();
        if change(&config.pod, config.generation, &mut status) {
            self.set_status(ix, &config, status, false);
        }
    }

    /// The new sandbox is known at once, before any container is started (`OnPodSandboxReady`).
    pub(in crate::kubelet) fn on_pod_sandbox_ready(self: &Rc<Self>, ix: PodIx, config: &PodConfig) {
        let Some(status) = self.statuses.get(ix) else { return };
        let mut status = (*status).clone();
        let ready = condition("PodReadyToStartContainers", true, config.generation);
        status.conditions.retain(|c| c.kind != ready.kind);
        status.conditions.insert(0, ready);
        self.set_status(ix, config, status, false);
    }
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
fn is_illegal_transition(pod: &Pod, old: &PodStatus, new: &PodStatus) -> bool {
    if pod.spec.restart_policy == RestartPolicy::Always || all_containers_could_restart(pod) {
        return false;
    }
    let revived = |spec: &[Container], old: &[ContainerStatus], new: &[ContainerStatus]| {
        old.iter().any(|before| {
            let ContainerState::Terminated(end) = &before.state else { return false };
            if end.exit_code != 0 && pod.spec.restart_policy == RestartPolicy::OnFailure {
                return false;
            }
            let container = spec.iter().find(|c| c.name == before.name);
            if container.is_some_and(|c| container_should_restart(c, pod, end.exit_code)) {
                return false;
            }
            let after = new.iter().find(|s| s.name == before.name);
            after.is_some_and(|s| !matches!(s.state, ContainerState::Terminated(_)))
        })
    };
    // Sidecars may always come back: their own policy says so.
    revived(&pod.spec.containers, &old.container_statuses, &new.container_statuses)
        || revived(&pod.spec.init_containers, &old.init_container_statuses, &new.init_container_statuses)
}

/// `normalizeStatus`: the pod's containers share 12 KiB of termination messages.
fn cut_messages(config: &PodConfig, status: &mut PodStatus) {
    let share = 12 * 1024 / config.pod.all_containers().count().max(1);
    for container in status
        .init_container_statuses
        .iter_mut()
        .chain(&mut status.container_statuses)
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
                let end = (0..=share)
                    .rev()
                    .find(|end| message.is_char_boundary(*end))
                    .unwrap_or(0);
                *message = message[..end].into();
            }
        }
    }
}

/// `mergePodStatus`: a terminal phase is withheld while containers may still run.
fn merge(old: &PodStatus, mut new: PodStatus, could_have_running_containers: bool) -> PodStatus {
    if !old.is_terminal() && new.is_terminal() && could_have_running_containers {
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
            if matches!(&*condition.kind, "Ready" | "ContainersReady") && condition.status == ConditionStatus::True {
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

/// `TerminatePod`: what has no end yet gets one, and the phase becomes terminal.
pub(in crate::kubelet) fn terminate(config: &PodConfig, status: &PodStatus) -> PodStatus {
    let mut status = status.clone();
    let end = |container: &mut ContainerStatus| {
        if !matches!(container.state, ContainerState::Terminated(_)) {
            let text = "The container could not be located when the pod was terminated";
            container.state = ContainerState::Terminated(lost(text));
        }
    };
    let has_run = |s: &ContainerStatus| s.last_state.is_some() || !matches!(s.state, ContainerState::Waiting(_));
    let inits = &config.pod.spec.init_containers;
    let last_init_done = status.init_container_statuses.last().is_some_and(|s| match &s.state {
        ContainerState::Running(_) => inits.last().is_some_and(|c| c.is_sidecar()) && s.started == Some(true),
        ContainerState::Terminated(t) => t.exit_code == 0,
        ContainerState::Waiting(_) => false,
    });
    if inits.is_empty() || last_init_done || status.container_statuses.iter().any(has_run) {
        status.container_statuses.iter_mut().for_each(end);
    }
    // Init containers behind the last one that has run keep their waiting state (`initializedContainers`).
    let reached = status
        .init_container_statuses
        .iter()
        .rposition(has_run)
        .map_or(0, |last| last + 1);
    status.init_container_statuses[..reached].iter_mut().for_each(end);
    if !status.is_terminal() {
        status.phase = Phase::Failed;
    }
    status
}
