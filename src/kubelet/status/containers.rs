//! Container statuses from what the runtime shows (`kubelet_pods.go: convertToAPIContainerStatuses`).

use super::restart_policy::should_container_be_restarted;
use crate::api::pod::{Container, Name};
use crate::api::status::{ContainerState, ContainerStatus, Running, Terminated, Timestamp, Waiting};
use crate::kernel::Time;
use crate::kubelet::container::{PodStatus, State, Status};
use crate::kubelet::images::StartError;
use crate::kubelet::pod_workers::PodConfig;

/// Statuses of one list of the pod's containers.
pub(super) struct Conversion<'a> {
    pub config: &'a PodConfig,
    pub runtime: &'a PodStatus,
    pub epoch: i64,
    /// Why a container is not there (`reasonCache`).
    pub reason: &'a dyn Fn(&Name) -> Option<StartError>,
}

/// 64 hexadecimal digits that depend on nothing but the number.
fn hex_id(number: u64) -> String {
    let mut state = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut text = String::with_capacity(64);
    for _ in 0..4 {
        state = (state ^ (state >> 29))
            .wrapping_mul(0xbf58_476d_1ce4_e5b9)
            .wrapping_add(0x94d0_49bb_1331_11eb);
        text.push_str(&format!("{state:016x}"));
    }
    text
}

impl Conversion<'_> {
    fn timestamp(&self, time: Time) -> Timestamp {
        Timestamp(self.epoch + time.0.div_euclid(1_000_000_000))
    }

    /// One container of the runtime as the API shows it.
    fn convert(&self, status: &Status, old: Option<&ContainerStatus>) -> ContainerStatus {
        let id: Name = format!("containerd://{}", hex_id(status.id.0)).into();
        let filled = |text: &Name| (!text.is_empty()).then(|| text.clone());
        let state = match status.state {
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
                container_id: Some(id.clone()),
            }),
            State::Created | State::Unknown => ContainerState::Waiting(Waiting::default()),
        };
        let mut converted = ContainerStatus {
            name: status.name.clone(),
            state,
            last_state: None,
            ready: false,
            restart_count: status.restart_count,
            image: status.image.clone(),
            image_id: format!(
                "sha256:{}",
                hex_id(status.image.bytes().fold(7, |h, b| h * 31 % 0xffff_fffb + u64::from(b)))
            )
            .into(),
            container_id: Some(id),
            started: None,
        };
        let Some(old) = old else { return converted };
        converted.restart_count = converted.restart_count.max(old.restart_count);
        let ended = matches!(old.state, ContainerState::Terminated(_));
        converted.last_state = if old.container_id != converted.container_id && ended {
            Some(old.state.clone())
        } else {
            old.last_state.clone()
        };
        if status.state == State::Running {
            if ended && old.restart_count >= status.restart_count {
                converted.restart_count = old.restart_count + 1;
            }
            // By name, not by ID: `started` outlives a kill that restarts in the same sync.
            converted.started = old.started;
        }
        converted
    }

    /// The statuses of `list`, in its order.
    pub(super) fn statuses(&self, list: &[Container], old: &[ContainerStatus], init: bool) -> Vec<ContainerStatus> {
        list.iter().map(|container| self.status(container, old, init)).collect()
    }

    fn status(&self, container: &Container, old: &[ContainerStatus], init: bool) -> ContainerStatus {
        let old = old.iter().find(|s| s.name == container.name);
        let mut of_name = self
            .runtime
            .container_statuses
            .iter()
            .filter(|s| s.name == container.name);
        let newest = of_name.next();
        let mut status = match newest {
            Some(newest) => {
                let mut converted = self.convert(newest, old);
                if let Some(before) = of_name.next() {
                    converted.last_state = Some(self.convert(before, old).state);
                }
                converted
            }
            None => self.missing(container, old),
        };
        if init && newest.is_some_and(|s| s.state == State::Exited && s.exit_code == 0) {
            return status;
        }
        let deleted = self.config.deletion_grace.is_some();
        if should_container_be_restarted(container, &self.config.pod, deleted, self.runtime)
            && let Some(error) = (self.reason)(&container.name)
        {
            if matches!(status.state, ContainerState::Terminated(_)) {
                status.last_state = Some(status.state);
            }
            let message = (!error.message.is_empty()).then(|| error.message.clone());
            status.state = ContainerState::Waiting(Waiting {
                reason: Some(error.reason.into()),
                message,
            });
        }
        status
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
                reason: Some(reason.into()),
                message: None,
            }),
            last_state: None,
            ready: false,
            restart_count: 0,
            image: container.image.clone(),
            image_id: "".into(),
            container_id: None,
            started: None,
        };
        let Some(old) = old else { return status };
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
