//! Whether a container is started again (`podutil.ContainerShouldRestart`, `ShouldContainerBeRestarted`).

use crate::api::pod::{Container, Pod, RestartPolicy, RestartRuleAction};
use crate::kubelet::container::{PodStatus, State};

/// Whether a container that ended with that code runs again: its rules first, then its own policy, then the pod's
/// (`podutil.ContainerShouldRestart`).
pub fn container_should_restart(container: &Container, pod: &Pod, exit_code: i32) -> bool {
    let matches = |values: &[i32], not_in: bool| values.contains(&exit_code) != not_in;
    let rule = container
        .restart_policy_rules
        .iter()
        .find(|rule| matches(&rule.values, rule.not_in));
    if let Some(rule) = rule {
        return match rule.action {
            RestartRuleAction::Restart | RestartRuleAction::RestartAllContainers => true,
        };
    }
    match container.restart_policy.unwrap_or(pod.spec.restart_policy) {
        RestartPolicy::Always => true,
        RestartPolicy::OnFailure => exit_code != 0,
        RestartPolicy::Never => false,
    }
}

/// Whether the next sync would start the container (`kubecontainer.ShouldContainerBeRestarted`).
pub fn should_container_be_restarted(container: &Container, pod: &Pod, deleted: bool, status: &PodStatus) -> bool {
    if deleted {
        return false;
    }
    let Some(newest) = status.find_by_name(&container.name) else {
        return true;
    };
    match newest.state {
        State::Running => false,
        State::Created | State::Unknown => true,
        State::Exited => container_should_restart(container, pod, newest.exit_code),
    }
}
