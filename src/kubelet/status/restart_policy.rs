//! Whether a container is started again (`podutil.ContainerShouldRestart`, `ShouldContainerBeRestarted`).

use crate::api::features::Features;
use crate::api::pod::{Container, Pod, RestartPolicy, RestartRule, RestartRuleAction};
use crate::api::status::{ContainerState, PodStatus as ApiStatus};
use crate::kubelet::container::{PodStatus, State};

/// The policy that holds for a container: its own, where the kubelet knows of such, or the pod's.
pub fn policy_of(container: &Container, pod: &Pod, features: &Features) -> RestartPolicy {
    let own = container.restart_policy.filter(|_| features.container_restart_rules);
    own.unwrap_or(pod.spec.restart_policy)
}

/// Whether a container that ended with that code runs again: its rules first, then its own policy, then the pod's
/// (`podutil.ContainerShouldRestart`).
pub fn container_should_restart(container: &Container, pod: &Pod, exit_code: i32, features: &Features) -> bool {
    // Rules without a policy, which 1.34 takes for init containers, are not looked at.
    if features.container_restart_rules
        && container.restart_policy.is_some()
        && let Some(action) = matching_rule(container, exit_code)
    {
        match action {
            RestartRuleAction::Restart => return true,
            RestartRuleAction::RestartAllContainers if features.restart_all_containers => return true,
            // Without the feature the policy decides.
            RestartRuleAction::RestartAllContainers => {}
        }
    }
    match policy_of(container, pod, features) {
        RestartPolicy::Always => true,
        RestartPolicy::OnFailure => exit_code != 0,
        RestartPolicy::Never => false,
    }
}

/// Whether a container may run again after any exit code at all (`podutil.IsContainerRestartable` of 1.34).
pub fn is_restartable(container: &Container, pod: &Pod) -> bool {
    let restarts = |rule: &RestartRule| rule.action == RestartRuleAction::Restart;
    let own = container.restart_policy;
    let by_rule = own.is_some() && container.restart_policy_rules.iter().any(restarts);
    by_rule || own.unwrap_or(pod.spec.restart_policy) != RestartPolicy::Never
}

/// The action of the first rule that the exit code matches (`FindMatchingContainerRestartRule`).
pub fn matching_rule(container: &Container, exit_code: i32) -> Option<RestartRuleAction> {
    let rules = container.restart_policy_rules.iter();
    let mut matching = rules.filter(|rule| rule.values.contains(&exit_code) != rule.not_in);
    matching.next().map(|rule| rule.action)
}

/// Whether any container has a rule that restarts all of them (`podutil.AllContainersCouldRestart`).
pub fn all_containers_could_restart(pod: &Pod, features: &Features) -> bool {
    if !features.restart_all_containers {
        return false;
    }
    let regular = pod.spec.init_containers.iter().chain(&pod.spec.containers);
    let mut rules = regular.flat_map(|c| &c.restart_policy_rules);
    rules.any(|rule| rule.action == RestartRuleAction::RestartAllContainers)
}

/// Whether all containers must be restarted: it is under way, or a container has ended with a code that asks for it
/// (`ShouldAllContainersRestart`). Without `runtime` the API's status alone is asked.
pub fn should_all_containers_restart(pod: &Pod, runtime: Option<&PodStatus>, api: &ApiStatus) -> bool {
    if api.is_restarting_all_containers() {
        return true;
    }
    let asks = |c: &Container, code| matching_rule(c, code) == Some(RestartRuleAction::RestartAllContainers);
    let statuses = || api.init_container_statuses.iter().chain(&api.container_statuses);
    pod.spec.init_containers.iter().chain(&pod.spec.containers).any(|c| {
        if let Some(runtime) = runtime {
            let found = runtime.find_by_name(&c.name).filter(|s| s.state == State::Exited);
            match found {
                None => return false,
                Some(found) if asks(c, found.exit_code) => return true,
                Some(_) => {}
            }
        }
        let known = statuses().find(|s| s.name == c.name);
        known.is_some_and(|s| matches!(&s.state, ContainerState::Terminated(end) if asks(c, end.exit_code)))
    })
}

/// Whether the next sync would start the container (`kubecontainer.ShouldContainerBeRestarted`).
pub fn should_container_be_restarted(
    container: &Container,
    pod: &Pod,
    deleted: bool,
    status: &PodStatus,
    features: &Features,
) -> bool {
    if deleted {
        return false;
    }
    let Some(newest) = status.find_by_name(&container.name) else {
        return true;
    };
    match newest.state {
        State::Running => false,
        State::Created | State::Unknown => true,
        State::Exited => container_should_restart(container, pod, newest.exit_code, features),
    }
}
