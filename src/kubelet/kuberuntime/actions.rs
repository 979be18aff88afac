//! What a pod needs now: a pure decision (`computePodActions`, `computeInitContainerActions`).

use crate::api::pod::{Container, Pod, RestartPolicy};
use crate::kubelet::container::{ContainerId, PodStatus, State, Status};
use crate::kubelet::status::restart_policy::should_container_be_restarted;

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
    /// Indices into spec.containers.
    pub to_start: Vec<usize>,
    /// Containers to kill before anything is started.
    pub to_kill: Vec<ToKill>,
}

/// `containerToKillInfo`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToKill {
    /// Which container.
    pub id: ContainerId,
    /// The text of its Killing event.
    pub message: String,
}

/// `containerChanged`: the spec names another image than the container was made from.
fn container_changed(container: &Container, status: &Status) -> bool {
    container.image != status.image
}

/// `containerSucceeded`
fn container_succeeded(container: &Container, status: &PodStatus) -> bool {
    status
        .find_by_name(&container.name)
        .is_some_and(|s| s.state == State::Exited && s.exit_code == 0)
}

/// `HasAnyRegularContainerCreated`
fn has_any_app_container(pod: &Pod, status: &PodStatus) -> bool {
    let known = |c: &Container| status.find_by_name(&c.name).is_some_and(|s| s.state != State::Unknown);
    pod.spec.containers.iter().any(known)
}

/// `PodSandboxChanged`: whether a new sandbox is needed, and its attempt.
fn sandbox_changed(status: &PodStatus) -> (bool, u32) {
    let Some(newest) = status.sandbox_statuses.first() else {
        return (true, 0);
    };
    let ready = status.sandbox_statuses.iter().filter(|s| s.ready).count();
    if ready > 1 || !newest.ready || newest.ip.is_none() {
        return (true, newest.attempt + 1);
    }
    (false, newest.attempt)
}

/// `kuberuntime_manager.go: computePodActions`
pub fn compute_pod_actions(pod: &Pod, deleted: bool, status: &PodStatus) -> Actions {
    let (create_sandbox, attempt) = sandbox_changed(status);
    let mut actions = Actions {
        kill_pod: create_sandbox,
        create_sandbox,
        sandbox_changed: create_sandbox && !status.sandbox_statuses.is_empty(),
        attempt,
        ..Actions::default()
    };
    if create_sandbox {
        plan_new_sandbox(pod, status, &mut actions);
        return actions;
    }
    let initialized = compute_init_container_actions(pod, deleted, status, &mut actions);
    if actions.kill_pod || !initialized {
        return actions;
    }
    let mut kept = 0;
    for (index, container) in pod.spec.containers.iter().enumerate() {
        let running = status
            .find_by_name(&container.name)
            .filter(|s| s.state == State::Running);
        let Some(running) = running else {
            if should_container_be_restarted(container, pod, deleted, status) {
                actions.to_start.push(index);
            }
            continue;
        };
        if !container_changed(container, running) {
            kept += 1;
            continue;
        }
        actions.to_start.push(index);
        let message = format!("Container {} definition changed, will be restarted", container.name);
        actions.to_kill.push(ToKill {
            id: running.id,
            message,
        });
    }
    if kept == 0 && actions.to_start.is_empty() {
        actions.kill_pod = true;
        actions.init_to_start.clear();
    }
    actions
}

fn plan_new_sandbox(pod: &Pod, status: &PodStatus, actions: &mut Actions) {
    let never = pod.spec.restart_policy == RestartPolicy::Never;
    if never && actions.attempt != 0 && !status.container_statuses.is_empty() {
        // What ran once in such a pod does not run again in another sandbox.
        actions.create_sandbox = false;
        return;
    }
    let runs_once = |c: &Container| c.restart_policy.unwrap_or(pod.spec.restart_policy) == RestartPolicy::OnFailure;
    let wanted = pod.spec.containers.iter().enumerate();
    let wanted = wanted.filter(|(_, c)| !(runs_once(c) && container_succeeded(c, status)));
    let to_start: Vec<usize> = wanted.map(|(index, _)| index).collect();
    if to_start.is_empty() && has_any_app_container(pod, status) {
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
fn compute_init_container_actions(pod: &Pod, deleted: bool, status: &PodStatus, actions: &mut Actions) -> bool {
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
            State::Running => {
                if last {
                    initialized = true;
                } else if !previously {
                    actions.init_to_start.push(index + 1);
                }
                if container_changed(container, found) {
                    let message = format!("Init container {} definition changed", container.name);
                    actions.to_kill.push(ToKill { id: found.id, message });
                    actions.init_to_start.push(index);
                }
            }
            State::Exited if sidecar => actions.init_to_start.push(index),
            State::Exited if found.exit_code != 0 => {
                if !should_container_be_restarted(container, pod, deleted, status) {
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
    actions.init_to_start.reverse();
    initialized
}
