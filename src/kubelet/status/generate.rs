//! Puts the pod status together (`kubelet_pods.go: generateAPIPodStatus`).

use std::rc::Rc;

use super::conditions::{condition, containers_ready, initialized, ready};
use super::containers::Conversion;
use super::phase::phase;
use crate::api::pod::Pod;
use crate::api::status::{ContainerState, ContainerStatus, Phase, PodStatus as ApiStatus};
use crate::kubelet::Kubelet;
use crate::kubelet::container::{PodStatus, State};
use crate::kubelet::pod_workers::PodConfig;
use crate::runtime::PodIx;

impl Kubelet {
    /// `generateAPIPodStatus`. `terminal`: all containers have been stopped for good.
    pub(in crate::kubelet) fn generate_status(
        self: &Rc<Self>,
        ix: PodIx,
        config: &PodConfig,
        runtime: &PodStatus,
        terminal: bool,
    ) -> ApiStatus {
        let pod = &config.pod;
        let old = self.statuses.get(ix).unwrap_or_else(|| Rc::new(self.api_status(ix)));
        let reason = |name: &_| self.reasons.borrow().get(&(ix, Clone::clone(name))).cloned();
        let conversion = Conversion {
            config,
            runtime,
            epoch: self.epoch,
            reason: &reason,
        };
        let mut status = ApiStatus::empty(Phase::Pending);
        status.init_container_statuses =
            conversion.statuses(&pod.spec.init_containers, &old.init_container_statuses, true);
        status.container_statuses = conversion.statuses(&pod.spec.containers, &old.container_statuses, false);
        status.container_statuses.sort_by(|a, b| a.name.cmp(&b.name));
        let started = pod.spec.containers.iter().any(|c| {
            let active = runtime.active_container_statuses.iter();
            active
                .filter(|s| s.name == c.name)
                .any(|s| matches!(s.state, State::Running | State::Exited))
        });
        status.phase = phase(pod, &all(&status), terminal, started);
        if !status.is_terminal() && old.is_terminal() {
            status.phase = old.phase;
        }
        if status.phase == old.phase {
            status.reason = old.reason.clone();
            status.message = old.message.clone();
        }
        update_readiness(pod, &mut status);
        let generation = config.generation;
        let statuses = all(&status);
        let sandbox_ready = runtime.sandbox_statuses.first().is_some_and(|s| s.ready);
        let containers = containers_ready(pod, &statuses, status.phase, generation);
        let conditions = vec![
            condition("PodReadyToStartContainers", sandbox_ready, generation),
            initialized(pod, &old, &statuses, status.phase, generation),
            ready(pod, &old.conditions, &containers, generation),
            containers,
            condition("PodScheduled", true, generation),
        ];
        drop(statuses);
        status.conditions = conditions;
        status.observed_generation = Some(generation);
        status.host_ip = Some("10.0.0.4".into());
        status.pod_ip = runtime.ip.clone();
        status.qos_class = Some("BestEffort".into());
        status
    }
}

fn all(status: &ApiStatus) -> Vec<&ContainerStatus> {
    status
        .init_container_statuses
        .iter()
        .chain(&status.container_statuses)
        .collect()
}

/// Started and Ready of a pod without probes (`prober_manager.go: UpdatePodStatus`).
fn update_readiness(pod: &Pod, status: &mut ApiStatus) {
    for container in &mut status.container_statuses {
        let running = matches!(container.state, ContainerState::Running(_));
        container.started = Some(running);
        container.ready = running;
    }
    for container in &mut status.init_container_statuses {
        let running = matches!(container.state, ContainerState::Running(_));
        container.started = Some(running);
        let sidecar = pod
            .spec
            .init_containers
            .iter()
            .any(|c| c.name == container.name && c.is_sidecar());
        let done = matches!(&container.state, ContainerState::Terminated(t) if t.exit_code == 0);
        container.ready = if sidecar { running } else { done };
    }
}
