//! Rules broken on purpose, so that tests can see the fuzzer find each. No scenario can ask for it.

use super::Kubelet;
use super::container::{PodStatus, State};
use super::kuberuntime::actions::Actions;
use super::status::restart_policy::policy_of;
use crate::api::pod::{Container, Name, Pod, RestartPolicy};
use crate::scenario::types::Sabotage;

impl Kubelet {
    /// Whether that rule is broken here.
    pub(super) fn breaks(&self, rule: Sabotage) -> bool {
        self.config.sabotage == Some(rule)
    }

    /// Spoils what the pod needs now.
    pub(super) fn spoil(&self, pod: &Pod, status: &PodStatus, actions: &mut Actions) {
        let apps = || pod.spec.containers.iter().enumerate();
        let last = |name: &Name| status.find_by_name(name).filter(|s| s.state == State::Exited);
        let policy = |container: &Container| policy_of(container, pod, &self.config.features);
        match self.config.sabotage {
            Some(Sabotage::NeverRestarts) => {
                let dead = |c: &Container| policy(c) == RestartPolicy::Never && last(&c.name).is_some();
                restart(actions, apps().filter(|(_, c)| dead(c)));
            }
            Some(Sabotage::SuccessRestarts) => {
                let well = |c: &Container| last(&c.name).is_some_and(|s| s.exit_code == 0);
                let done = |c: &Container| policy(c) == RestartPolicy::OnFailure && well(c);
                restart(actions, apps().filter(|(_, c)| done(c)));
            }
            Some(Sabotage::InitOrder) if !actions.init_to_start.is_empty() => {
                actions.to_start = apps()
                    .filter(|(_, c)| status.find_by_name(&c.name).is_none())
                    .map(|(index, _)| index)
                    .collect();
            }
            Some(Sabotage::RestartWithoutKill) => actions.to_kill.clear(),
            Some(Sabotage::DebuggersRestart) => {
                let debuggers = pod.spec.ephemeral_containers.iter().enumerate();
                let dead = debuggers.filter(|(_, c)| last(&c.name).is_some());
                actions.ephemeral_to_start.extend(dead.map(|(index, _)| index));
            }
            Some(Sabotage::SandboxEndsWithContainer) if !actions.kill_pod && !actions.to_start.is_empty() => {
                let again = actions
                    .to_start
                    .iter()
                    .any(|i| last(&pod.spec.containers[*i].name).is_some());
                (actions.kill_pod, actions.create_sandbox) = (again, again);
                actions.sandbox_changed |= again;
                actions.attempt += u32::from(again);
            }
            _ => {}
        }
    }
}

/// Starts these, too, unless the pod itself begins or ends.
fn restart<'a>(actions: &mut Actions, containers: impl Iterator<Item = (usize, &'a Container)>) {
    if actions.create_sandbox || actions.kill_pod {
        return;
    }
    for (index, _) in containers {
        if !actions.to_start.contains(&index) {
            actions.to_start.push(index);
        }
    }
}
