//! Rules broken on purpose, so that tests can see the fuzzer find each. No scenario can ask for it.

use super::Kubelet;
use super::container::{PodStatus, State};
use super::kuberuntime::actions::Actions;
use super::status::restart_policy::policy_of;
use crate::api::pod::{Pod, RestartPolicy};
use crate::scenario::types::Sabotage;

impl Kubelet {
    /// Whether that rule is broken here.
    pub(super) fn breaks(&self, rule: Sabotage) -> bool {
        self.config.sabotage == Some(rule)
    }

    /// Spoils what the pod needs now.
    pub(super) fn spoil(&self, pod: &Pod, status: &PodStatus, actions: &mut Actions) {
        let apps = || pod.spec.containers.iter().enumerate();
        match self.config.sabotage {
            Some(Sabotage::NeverRestarts) if !actions.create_sandbox => {
                for (index, container) in apps() {
                    let never = policy_of(container, pod, &self.config.features) == RestartPolicy::Never;
                    let dead = status
                        .find_by_name(&container.name)
                        .is_some_and(|s| s.state == State::Exited);
                    if never && dead && !actions.kill_pod && !actions.to_start.contains(&index) {
                        actions.to_start.push(index);
                    }
                }
            }
            Some(Sabotage::InitOrder) if !actions.init_to_start.is_empty() => {
                actions.to_start = apps()
                    .filter(|(_, c)| status.find_by_name(&c.name).is_none())
                    .map(|(index, _)| index)
                    .collect();
            }
            Some(Sabotage::RestartWithoutKill) => actions.to_kill.clear(),
            _ => {}
        }
    }
}
