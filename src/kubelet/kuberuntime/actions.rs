//! What a pod needs now: a pure decision (`computePodActions`, `computeInitContainerActions`).

use super::next_init;
use crate::api::features::Features;
use crate::api::pod::{Container, Name, Pod, RestartPolicy, RestartRuleAction, concat};
use crate::kubelet::container::{ContainerId, PodStatus, State, Status};
use crate::kubelet::prober::results::{ProbeResult, Results};
use crate::kubelet::status::restart_policy::{matching_rule, policy_of, should_container_be_restarted};
use crate::trace::ProbeType;

/// `podActions`
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Actions {
    /// All containers and sandboxes must end.
    pub kill_pod: bool,
    /// A new sandbox is needed.
    pub create_sandbox: bool,
    /// There was one before.
    pub sandbox_changed: bool,
    /// The attempt of the sandbox.
    pub attempt: u32,
    /// Indices into spec.initContainers, in the order of starting.
    pub init_to_start: Vec<usize>,
    /// Indices into spec.ephemeralContainers.
    pub ephemeral_to_start: Vec<usize>,
    /// Indices into spec.containers.
    pub to_start: Vec<usize>,
    /// Containers to kill before anything is started.
    pub to_kill: Vec<ToKill>,
    /// Containers to remove so that all can be restarted, in this order.
    pub to_reset: Vec<ToReset>,
}

/// `containerToKillInfo`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToKill {
    /// Which container.
    pub id: ContainerId,
    /// The text of its Killing event.
    pub message: Name,
    /// Why, as far as the grace period depends on it.
    pub reason: KillReason,
}

/// `containerToRemoveInfo`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToReset {
    /// Which container.
    pub id: ContainerId,
    /// It still runs and must be killed first.
    pub kill: bool,
}

/// `containerKillReason`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum KillReason {
    /// Anything that has no grace period of its own.
    #[default]
    Other,
    /// The startup probe has failed.
    StartupProbe,
    /// The liveness probe has failed.
    LivenessProbe,
}

impl Actions {
    fn kill_init(&mut self, container: &Container, found: &Status, why: &str, reason: KillReason) {
        self.to_kill.push(ToKill {
            id: found.id,
            message: concat(&["Init container ", &container.name, " ", why]),
            reason,
        });
    }
}

/// `containerChanged`: the spec names another image than the container was made from.
fn container_changed(container: &Container, status: &Status) -> bool {
    container.image != status.image
}

/// `containerSucceeded`
fn container_succeeded(container: &Container, status: &PodStatus, features: &Features) -> bool {
    let ended = |s: &Status| {
        if features.only_exited_succeeds {
            s.state == State::Exited
        } else {
            s.state != State::Running
        }
    };
    let found = status.find_by_name(&container.name);
    found.is_some_and(|s| ended(s) && s.exit_code == 0)
}

/// `PodSandboxChanged`: whether a new sandbox is needed, and its attempt.
pub(in crate::kubelet) fn sandbox_changed(status: &PodStatus) -> (bool, u32) {
    let Some(newest) = status.sandbox_statuses.first() else {
        return (true, 0);
    };
    let ready = status.sandbox_statuses.iter().filter(|s| s.ready).count();
    if ready > 1 || !newest.ready {
        return (true, newest.attempt + 1);
    }
    (false, newest.attempt)
}

/// What has become known of a pod since its spec was written: the input of the decision.
#[derive(Clone, Copy)]
pub struct Seen<'a> {
    /// The deletion of the pod has begun.
    pub deleted: bool,
    /// All containers are to be restarted.
    pub restarting_all: bool,
    /// What the runtime shows.
    pub status: &'a PodStatus,
    /// What this kubelet does.
    pub features: &'a Features,
    /// What the probes show.
    pub probes: &'a Results,
}

/// `kuberuntime_manager.go: computePodActions`
pub fn compute_pod_actions(pod: &Pod, seen: Seen<'_>) -> Actions {
    let status = seen.status;
    let (create_sandbox, attempt) = sandbox_changed(status);
    let mut actions = Actions {
        kill_pod: create_sandbox,
        create_sandbox,
        sandbox_changed: create_sandbox && !status.sandbox_statuses.is_empty(),
        attempt,
        ..Actions::default()
    };
    if seen.restarting_all {
        actions.to_reset = containers_to_reset(pod, status);
        return actions;
    }
    if create_sandbox {
        plan_new_sandbox(pod, seen, &mut actions);
        return actions;
    }
    // Ephemeral containers wait for nothing, and are never started again.
    let unknown = |name: &str| status.find_by_name(name).is_none();
    let ephemeral = pod.spec.ephemeral_containers.iter().enumerate();
    actions.ephemeral_to_start = ephemeral
        .filter(|(_, c)| unknown(&c.name))
        .map(|(index, _)| index)
        .collect();
    let initialized = if next_init::looks_for_the_next(pod, seen.features) {
        next_init::plan_next(pod, status, &mut actions)
    } else {
        compute_init_container_actions(pod, seen, &mut actions)
    };
    if actions.kill_pod || !initialized {
        return actions;
    }
    let mut kept = 0;
    for (index, container) in pod.spec.containers.iter().enumerate() {
        let running = status
            .find_by_name(&container.name)
            .filter(|s| s.state == State::Running);
        let Some(running) = running else {
            if should_container_be_restarted(container, pod, seen.deleted, status, seen.features) {
                actions.to_start.push(index);
            }
            continue;
        };
        let name = &container.name;
        // The exit code of a container that still runs is not known: its rules are not asked.
        let policy = policy_of(container, pod, seen.features);
        let (why, reason, restart) = if container_changed(container, running) {
            ("definition changed", KillReason::Other, true)
        } else if let Some((failed, reason)) = failed_probe(seen.probes, running.id) {
            (failed, reason, policy != RestartPolicy::Never)
        } else {
            kept += 1;
            continue;
        };
        let suffix = if restart { ", will be restarted" } else { "" };
        if restart {
            actions.to_start.push(index);
        }
        actions.to_kill.push(ToKill {
            id: running.id,
            message: concat(&["Container ", name, " ", why, suffix]),
            reason,
        });
    }
    if kept == 0 && actions.to_start.is_empty() {
        actions.kill_pod = true;
        // Sidecars alone must not keep the pod alive.
        actions.init_to_start.clear();
    }
    actions
}

/// What the probe that has condemned a running container is said to have done.
fn failed_probe(probes: &Results, id: ContainerId) -> Option<(&'static str, KillReason)> {
    if probes.failed(ProbeType::Liveness, id) {
        Some(("failed liveness probe", KillReason::LivenessProbe))
    } else if probes.failed(ProbeType::Startup, id) {
        Some(("failed startup probe", KillReason::StartupProbe))
    } else {
        None
    }
}

/// Every container that the runtime still has; those whose end is the reason come last (`getContainersToReset`).
fn containers_to_reset(pod: &Pod, status: &PodStatus) -> Vec<ToReset> {
    let split = |list: &[Container]| {
        let (mut sources, mut targets) = (Vec::new(), Vec::new());
        for container in list {
            for found in status.container_statuses.iter().filter(|s| s.name == container.name) {
                let exited = found.state == State::Exited;
                let rule = matching_rule(container, found.exit_code);
                let is_source = exited && rule == Some(RestartRuleAction::RestartAllContainers);
                let reset = ToReset {
                    id: found.id,
                    kill: !exited,
                };
                if is_source { &mut sources } else { &mut targets }.push(reset);
            }
        }
        (sources, targets)
    };
    let (init_sources, init_targets) = split(&pod.spec.init_containers);
    let (sources, targets) = split(&pod.spec.containers);
    [targets, init_targets, sources, init_sources].concat()
}

fn plan_new_sandbox(pod: &Pod, seen: Seen<'_>, actions: &mut Actions) {
    let Seen { status, features, .. } = seen;
    let never = pod.spec.restart_policy == RestartPolicy::Never;
    if never && actions.attempt != 0 && !status.container_statuses.is_empty() {
        // What ran once in such a pod does not run again in another sandbox.
        actions.create_sandbox = false;
        return;
    }
    let runs_once = |c: &Container| policy_of(c, pod, features) == RestartPolicy::OnFailure;
    let wanted = pod.spec.containers.iter().enumerate();
    let wanted = wanted.filter(|(_, c)| !(runs_once(c) && container_succeeded(c, status, features)));
    let to_start: Vec<usize> = wanted.map(|(index, _)| index).collect();
    let has_initialized = || {
        if next_init::looks_for_the_next(pod, features) {
            next_init::is_done(pod, status)
        } else {
            status.has_any_regular_container_created(pod)
        }
    };
    if to_start.is_empty() && has_initialized() {
        actions.create_sandbox = false;
        return;
    }
    if pod.spec.init_containers.is_empty() {
        actions.to_start = to_start;
    } else {
        actions.init_to_start = vec![0];
    }
}

/// Walks the init containers from the last to the first; whether the pod is initialised
/// (`kuberuntime_container.go: computeInitContainerActions`).
fn compute_init_container_actions(pod: &Pod, seen: Seen<'_>, actions: &mut Actions) -> bool {
    let Seen {
        deleted,
        status,
        features,
        probes,
        ..
    } = seen;
    let inits = &pod.spec.init_containers;
    if inits.is_empty() {
        return true;
    }
    let alive = |s: &Status| matches!(s.state, State::Created | State::Running);
    let mut initialized = pod
        .spec
        .containers
        .iter()
        .any(|c| status.find_by_name(&c.name).is_some_and(alive));
    let mut previously = initialized;
    for (index, container) in inits.iter().enumerate().rev() {
        let last = index + 1 == inits.len();
        let sidecar = container.is_sidecar();
        let Some(found) = status.find_by_name(&container.name) else {
            if previously && sidecar {
                actions.init_to_start.push(index);
            }
            continue;
        };
        if previously && !sidecar {
            continue;
        }
        match found.state {
            State::Created => actions.init_to_start.push(index),
            State::Running if !sidecar => {}
            // A sidecar holds up the others until its startup probe has succeeded.
            State::Running if probes.failed(ProbeType::Startup, found.id) && container.startup_probe.is_some() => {
                actions.kill_init(container, found, "failed startup probe", KillReason::StartupProbe);
                actions.init_to_start.push(index);
            }
            State::Running
                if container.startup_probe.is_some()
                    && probes.get(ProbeType::Startup, found.id) != Some(ProbeResult::Success) => {}
            State::Running => {
                if last {
                    initialized = true;
                } else if !previously {
                    actions.init_to_start.push(index + 1);
                }
                if features.sidecar_follows_image && container_changed(container, found) {
                    actions.kill_init(container, found, "definition changed", KillReason::Other);
                    actions.init_to_start.push(index);
                } else if probes.failed(ProbeType::Liveness, found.id) && container.liveness_probe.is_some() {
                    actions.kill_init(container, found, "failed liveness probe", KillReason::LivenessProbe);
                    actions.init_to_start.push(index);
                }
            }
            State::Exited if sidecar => actions.init_to_start.push(index),
            State::Exited if next_init::has_failed(found) => {
                let again = match features.container_restart_rules {
                    true => should_container_be_restarted(container, pod, deleted, status, features),
                    false => pod.spec.restart_policy != RestartPolicy::Never,
                };
                if !again {
                    actions.kill_pod = true;
                    actions.init_to_start.clear();
                    return false;
                }
                actions.init_to_start.push(index);
            }
            State::Exited if last => initialized = true,
            State::Exited => actions.init_to_start.push(index + 1),
            // The simulated runtime never loses track of a container.
            State::Unknown => {}
        }
        previously = true;
    }
    if !previously {
        actions.init_to_start.push(0);
    }
    // The walk went backwards; containers are killed and started in the order of the spec.
    actions.init_to_start.reverse();
    actions.to_kill.reverse();
    initialized
}
