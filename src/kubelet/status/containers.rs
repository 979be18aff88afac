//! Container statuses from what the runtime shows (`kubelet_pods.go: convertToAPIContainerStatuses`).

use super::restart_policy::should_container_be_restarted;
use crate::api::features::Features;
use crate::api::pod::{Container, Name};
use crate::api::resources::{ContainerResources, Requirements};
use crate::api::status::{
    ContainerState, ContainerStatus, ImageId, Running, RuntimeId, Terminated, Timestamp, Waiting, find_status,
};
use crate::api::volume_mounts::VolumeMounts;
use crate::kernel::Time;
use crate::kubelet::cgroups;
use crate::kubelet::container::{PodStatus, State, Status};
use crate::kubelet::images::StartError;
use crate::kubelet::pod_workers::PodConfig;

/// Statuses of one list of the pod's containers.
pub(super) struct Conversion<'a> {
    pub config: &'a PodConfig,
    pub runtime: &'a PodStatus,
    pub epoch: i64,
    pub features: &'a Features,
    /// All containers are being restarted.
    pub restarting: bool,
    /// Why a container is not there (`reasonCache`).
    pub reason: &'a dyn Fn(&Name) -> Option<StartError>,
}

impl Conversion<'_> {
    fn timestamp(&self, time: Time) -> Timestamp {
        Timestamp(self.epoch + time.0.div_euclid(1_000_000_000))
    }

    /// The state of a container of the runtime as the API shows it.
    fn state(&self, status: &Status) -> ContainerState {
        let filled = |text: &Name| (!text.is_empty()).then(|| text.clone());
        match status.state {
            State::Running => ContainerState::Running(Running {
                started_at: self.timestamp(status.started_at.unwrap_or(Time::ZERO)),
            }),
            State::Exited => ContainerState::Terminated(Terminated {
                exit_code: status.exit_code,
                reason: filled(&status.reason),
                message: filled(&status.message),
                // A container that never started bears the beginning of Unix time, as containerd's does.
                started_at: Some(status.started_at.map_or(Timestamp(0), |at| self.timestamp(at))),
                finished_at: status.finished_at.map(|at| self.timestamp(at)),
                container_id: Some(RuntimeId(status.id.0)),
            }),
            State::Created | State::Unknown => ContainerState::Waiting(Waiting::default()),
        }
    }

    /// One container of the runtime as the API shows it.
    fn convert(&self, status: &Status, old: Option<&ContainerStatus>) -> ContainerStatus {
        let mut converted = ContainerStatus {
            name: status.name.clone(),
            state: self.state(status),
            last_state: None,
            ready: false,
            restart_count: status.restart_count,
            image: status.image.clone(),
            image_id: ImageId(Some(status.image.clone())),
            container_id: Some(RuntimeId(status.id.0)),
            started: None,
            resources: None,
            // The runtime does not know volumes by their names.
            volume_mounts: old.map_or_else(VolumeMounts::default, |old| old.volume_mounts.clone()),
        };
        let Some(old) = old else { return converted };
        let ended = matches!(old.state, ContainerState::Terminated(_));
        if self.features.restart_all_containers {
            // Containers that were removed to be restarted have left nothing in the runtime: what is known is kept.
            converted.restart_count = converted.restart_count.max(old.restart_count);
            if status.state == State::Running && ended && old.restart_count >= status.restart_count {
                converted.restart_count = old.restart_count + 1;
            }
        }
        if self.features.last_state_survives {
            let latest = if old.container_id != converted.container_id && ended {
                Some(&old.state)
            } else {
                old.last_state.as_ref()
            };
            // Only an end is carried along, not that a predecessor never ran.
            converted.last_state = latest.filter(|s| matches!(s, ContainerState::Terminated(_))).cloned();
        }
        // By name, not by ID: `started` outlives a kill that restarts in the same sync.
        if status.state == State::Running && self.features.carry_started {
            converted.started = old.started;
        }
        converted
    }

    /// `convertContainerStatusResources`
    fn resources(&self, container: &Container, state: State) -> Option<ContainerResources> {
        if !self.features.resources_in_statuses {
            return None;
        }
        let given = Requirements::given(container.resources.as_ref());
        let actual = if state == State::Running {
            let of_pod = self.config.pod.spec.resources.as_ref();
            cgroups::of_container(&given, of_pod.filter(|_| self.features.pod_level_resources))
        } else {
            given.clone()
        };
        Some(ContainerResources { given, actual })
    }

    /// The statuses of `list`, in its order.
    pub(super) fn statuses(&self, list: &[Container], old: &[ContainerStatus], init: bool) -> Vec<ContainerStatus> {
        let mut statuses = Vec::with_capacity(list.len());
        for (index, container) in list.iter().enumerate() {
            let old = find_status(old, index, &container.name);
            let known = self.runtime.container_statuses.iter();
            let mut of_name = known.filter(|s| s.name == container.name);
            let newest = of_name.next();
            // A status is large: it is made where it stays.
            statuses.push(match newest {
                Some(newest) => self.convert(newest, old),
                None => self.missing(container, old),
            });
            let Some(status) = statuses.last_mut() else { continue };
            if let Some(newest) = newest {
                status.resources = self.resources(container, newest.state);
            }
            if let Some(before) = of_name.next() {
                status.last_state = Some(self.state(before));
            }
            self.say_why(status, container, newest, init);
        }
        statuses
    }

    /// Why a container is not there, where something else is known than what the runtime shows of it.
    fn say_why(&self, status: &mut ContainerStatus, container: &Container, newest: Option<&Status>, init: bool) {
        if init && newest.is_some_and(|s| s.state == State::Exited && s.exit_code == 0) {
            return;
        }
        let waiting = matches!(status.state, ContainerState::Waiting(_));
        if self.features.lost_init_completed
            && init
            && newest.is_none()
            && !container.is_sidecar()
            && waiting
            && self.runtime.has_any_regular_container_created(&self.config.pod)
        {
            status.state = ContainerState::Terminated(treated_as_completed());
            return;
        }
        let deleted = self.config.deletion_grace.is_some();
        if should_container_be_restarted(container, &self.config.pod, deleted, self.runtime, self.features)
            && let Some(error) = (self.reason)(&container.name)
        {
            let message = (!error.message.is_empty()).then(|| error.message.clone());
            let waiting = ContainerState::Waiting(Waiting {
                reason: Some(Name::new_static(error.reason)),
                message,
            });
            let before = std::mem::replace(&mut status.state, waiting);
            if matches!(before, ContainerState::Terminated(_)) {
                status.last_state = Some(before);
            }
        }
    }

    /// A container of which the runtime knows nothing: not made yet, or lost.
    fn missing(&self, container: &Container, old: Option<&ContainerStatus>) -> ContainerStatus {
        let has_init = !self.config.pod.spec.init_containers.is_empty();
        let reason = if has_init {
            "PodInitializing"
        } else {
            "ContainerCreating"
        };
        let mut status = ContainerStatus {
            name: container.name.clone(),
            state: ContainerState::Waiting(Waiting {
                reason: Some(Name::new_static(reason)),
                message: None,
            }),
            last_state: None,
            ready: false,
            restart_count: 0,
            image: container.image.clone(),
            image_id: ImageId::default(),
            container_id: None,
            started: None,
            resources: None,
            volume_mounts: if self.features.mounts_in_statuses {
                container.volume_mounts.clone()
            } else {
                VolumeMounts::default()
            },
        };
        let Some(old) = old else { return status };
        if self.restarting && !matches!(old.state, ContainerState::Waiting(_)) {
            return removed_to_restart(status, old);
        }
        match &old.state {
            ContainerState::Terminated(_) => return old.clone(),
            ContainerState::Running(_) | ContainerState::Waiting(_) => {
                status.restart_count = old.restart_count;
                status.last_state = old.last_state.clone();
            }
        }
        if matches!(old.state, ContainerState::Running(_)) && status.last_state.is_none() {
            let text = "The container could not be located when the pod was deleted.  The container used to be Running";
            status.last_state = Some(ContainerState::Terminated(super::manager::lost(text)));
            status.restart_count += i32::from(self.config.deletion_grace.is_none());
        }
        status
    }
}

/// A container that was removed so that all can be restarted.
fn removed_to_restart(status: ContainerStatus, old: &ContainerStatus) -> ContainerStatus {
    let reason: Name = "RestartingAllContainers".into();
    let message: Name = "The container is removed because RestartAllContainers in place".into();
    // What has ended keeps what is known of it; what ran begins afresh.
    let base = match old.state {
        ContainerState::Terminated(_) => old.clone(),
        ContainerState::Running(_) | ContainerState::Waiting(_) => status,
    };
    ContainerStatus {
        state: ContainerState::Waiting(Waiting {
            reason: Some(reason.clone()),
            message: Some(message.clone()),
        }),
        last_state: Some(ContainerState::Terminated(Terminated {
            exit_code: 137,
            reason: Some(reason),
            message: Some(message),
            started_at: None,
            finished_at: None,
            container_id: None,
        })),
        restart_count: old.restart_count + 1,
        ..base
    }
}

/// An init container of which nothing is known any more in a pod that has been initialised.
fn treated_as_completed() -> Terminated {
    let text = "Unable to get init container status from container runtime and pod has been initialized, \
                treat it as exited normally";
    Terminated {
        exit_code: 0,
        reason: Some("Completed".into()),
        message: Some(text.into()),
        started_at: None,
        finished_at: None,
        container_id: None,
    }
}
