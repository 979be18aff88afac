//! Puts the pod status together (`kubelet_pods.go: generateAPIPodStatus`).

use std::rc::Rc;
use std::sync::Arc;

use super::conditions::{all_containers_restarting, condition, containers_ready, initialized, ready};
use super::containers::Conversion;
use super::manager::is_kubelets;
use super::phase::phase;
use super::restart_policy::{all_containers_could_restart, should_all_containers_restart};
use crate::api::pod::Name;
use crate::api::qos;
use crate::api::resources::{self, Requirements};
use crate::api::status::{ConditionKind, ContainerState, ContainerStatus, Phase, PodCondition, PodStatus as ApiStatus};
use crate::kubelet::Kubelet;
use crate::kubelet::cgroups::PodResources;
use crate::kubelet::container::PodStatus;
use crate::kubelet::kuberuntime::actions::sandbox_changed;
use crate::kubelet::pod_workers::PodConfig;
use crate::runtime::PodIx;
use crate::scenario::types::Sabotage;

/// As many conditions as a pod of which only the kubelet speaks can have.
const MOST_CONDITIONS: usize = 6;

impl Kubelet {
    /// The generation that a status names, where it names any.
    pub(in crate::kubelet) fn observed_generation(&self, config: &PodConfig) -> Option<i64> {
        let tracks = self.config.features.observed_generation || self.breaks(Sabotage::GenerationAlways);
        tracks.then_some(config.generation)
    }

    /// `generateAPIPodStatus`. `terminal`: all containers have been stopped for good.
    pub(in crate::kubelet) fn generate_status(
        self: &Rc<Self>,
        ix: PodIx,
        config: &PodConfig,
        runtime: &PodStatus,
        terminal: bool,
    ) -> ApiStatus {
        let pod = &config.pod;
        let features = &self.config.features;
        let old = self.statuses.get(ix).unwrap_or_else(|| config.status.clone());
        let reason = |name: &_| self.reasons.borrow().get(&(ix, Clone::clone(name))).cloned();
        let conversion = Conversion {
            config,
            runtime,
            epoch: self.epoch,
            features,
            restarting: features.restart_all_containers && should_all_containers_restart(pod, Some(runtime), &old),
            reason: &reason,
        };
        let mut status = ApiStatus::empty(Phase::Pending);
        status.init_container_statuses =
            conversion.statuses(&pod.spec.init_containers, &old.init_container_statuses, true);
        status.container_statuses = conversion.statuses(&pod.spec.containers, &old.container_statuses, false);
        status.container_statuses.sort_by(|a, b| a.name.cmp(&b.name));
        status.ephemeral_container_statuses =
            conversion.statuses(&pod.spec.ephemeral_containers, &old.ephemeral_container_statuses, false);
        status.ephemeral_container_statuses.sort_by(|a, b| a.name.cmp(&b.name));
        // Older kubelets ask what they would write, newer ones what runs in the present sandbox.
        let started = if features.pending_while_sidecars_return {
            let mut active = runtime.active_container_statuses();
            active.any(|s| pod.spec.containers.iter().any(|c| c.name == s.name))
        } else {
            let has_run = |s: &ContainerStatus| !matches!(s.state, ContainerState::Waiting(_));
            status.container_statuses.iter().any(has_run)
        };
        status.phase = phase(pod, Statuses::of(&status), terminal, started, features);
        if !status.is_terminal() && old.is_terminal() {
            status.phase = old.phase;
        }
        if status.phase == old.phase {
            let heard = &config.status;
            status.reason = old.reason.clone().or_else(|| heard.reason.clone());
            status.message = old.message.clone().or_else(|| heard.message.clone());
        }
        self.fail_past_deadline(ix, config, &mut status);
        if config.status.is_terminal() {
            // What the API shows as the end is the end, whatever a new kubelet makes of it.
            status.phase = config.status.phase;
        }
        self.probes
            .update_pod_status(ix, config, (self.before_restart(), runtime), features, &mut status);
        if self.breaks(Sabotage::ReadyWithoutProcess) {
            status
                .container_statuses
                .iter_mut()
                .for_each(|c| c.ready = c.restart_count > 0 || c.ready);
        }
        let generation = self.observed_generation(config);
        let statuses = Statuses::of(&status);
        // While two are ready a new one is needed, too.
        let (new_sandbox_needed, _) = sandbox_changed(runtime);
        let containers = containers_ready(pod, statuses, status.phase, generation);
        // Conditions of others stay; what the kubelet itself has said of a disruption does too.
        let others = config.status.conditions.iter().filter(|c| !is_kubelets(c, features));
        let mut conditions: Vec<PodCondition> = Vec::with_capacity(MOST_CONDITIONS);
        conditions.extend(others.cloned());
        if let Some(disruption) = old.condition_of(&ConditionKind::DisruptionTarget) {
            conditions.retain(|c| c.kind != disruption.kind);
            conditions.push(disruption.clone());
        }
        if features.sandbox_condition {
            conditions.push(condition(
                ConditionKind::PodReadyToStartContainers,
                !new_sandbox_needed,
                generation,
            ));
        }
        conditions.push(initialized(pod, &old, statuses, status.phase, generation, features));
        // A readiness gate may be named after any condition so far, not after those that follow.
        conditions.extend([
            ready(pod, &conditions, &containers, generation),
            containers,
            condition(ConditionKind::PodScheduled, true, generation),
        ]);
        if all_containers_could_restart(pod, features) {
            conditions.push(all_containers_restarting(pod, runtime, &old, status.phase));
        }
        status.conditions = conditions;
        if self.breaks(Sabotage::ReadinessGatesOpen)
            && let Some(containers) = status.condition_of(&ConditionKind::ContainersReady).map(|c| c.status)
            && let Some(ready) = status.conditions.iter_mut().find(|c| c.kind == ConditionKind::Ready)
        {
            ready.status = containers;
        }
        status.observed_generation = generation;
        status.host_ip = Some(self.host_ip.clone());
        status.pod_ip = if pod.spec.host_network {
            status.host_ip.clone()
        } else {
            runtime.ip.clone()
        };
        // It never changes.
        let class = || Some(qos::class(&pod.spec, features.pod_level_resources));
        status.qos_class = old.qos_class.or_else(class);
        if features.pod_resources_in_statuses {
            (status.allocated_resources, status.resources) = self.pod_resources(ix, config, &old);
        }
        status
    }
}

impl Kubelet {
    /// allocatedResources and resources of a pod: what its spec adds up to, and once the API knows that it runs what its
    /// control group says (`convertToAPIPodLevelResourcesStatus`).
    fn pod_resources(
        &self,
        ix: PodIx,
        config: &PodConfig,
        old: &ApiStatus,
    ) -> (Option<Arc<serde_json::Value>>, Option<Requirements>) {
        let spec = &config.pod.spec;
        if !resources::any(spec) {
            return (None, Some(Requirements::default()));
        }
        let pod_level = self.config.features.pod_level_resources;
        let known = self.resources.borrow().get(ix).cloned();
        let known = known.unwrap_or_else(|| {
            let new = Rc::new(PodResources::new(spec, pod_level));
            self.resources.borrow_mut().insert(ix, new.clone());
            new
        });
        let actual = if config.status.phase == Phase::Running {
            let said = old.resources.as_ref().filter(|_| old.phase == Phase::Running);
            known.actual(spec, pod_level, self.runtime.has_cgroup(ix), said)
        } else {
            known.effective.clone()
        };
        (known.allocated.clone(), Some(actual))
    }
}

/// The statuses of init containers and of app containers.
#[derive(Clone, Copy)]
pub(super) struct Statuses<'a> {
    pub init: &'a [ContainerStatus],
    pub apps: &'a [ContainerStatus],
}

impl<'a> Statuses<'a> {
    pub(super) fn of(status: &'a ApiStatus) -> Statuses<'a> {
        Statuses {
            init: &status.init_container_statuses,
            apps: &status.container_statuses,
        }
    }

    pub(super) fn iter(self) -> impl Iterator<Item = &'a ContainerStatus> {
        self.init.iter().chain(self.apps)
    }

    pub(super) fn find(self, name: &Name) -> Option<&'a ContainerStatus> {
        self.iter().find(|status| status.name == *name)
    }
}
