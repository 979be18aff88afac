//! The pod's phase (`kubelet_pods.go: getPhase`).

use super::generate::Statuses;
use super::restart_policy::container_should_restart;
use crate::api::features::Features;
use crate::api::pod::{Container, Pod, RestartPolicy};
use crate::api::status::{ContainerState, Phase, Terminated};

/// What the phase asks of one container.
enum Seen {
    Unknown,
    Running {
        started: bool,
    },
    /// Ended, or waiting after it ended.
    Stopped {
        code: i32,
        waiting: bool,
        /// It was removed so that all containers can be restarted.
        restarting: bool,
    },
    Waiting,
}

fn is_restarting(end: &Terminated) -> bool {
    end.reason.as_deref() == Some("RestartingAllContainers")
}

fn look(container: &Container, statuses: Statuses<'_>) -> Seen {
    let Some(status) = statuses.find(&container.name) else {
        return Seen::Unknown;
    };
    match (&status.state, &status.last_state) {
        (ContainerState::Running(_), _) => Seen::Running {
            started: status.started == Some(true),
        },
        (ContainerState::Terminated(t), _) => Seen::Stopped {
            code: t.exit_code,
            waiting: false,
            restarting: is_restarting(t),
        },
        (ContainerState::Waiting(_), Some(ContainerState::Terminated(t))) => Seen::Stopped {
            code: t.exit_code,
            waiting: true,
            restarting: is_restarting(t),
        },
        (ContainerState::Waiting(_), _) => Seen::Waiting,
    }
}

/// `getPhase`. `terminal`: nothing runs any more and nothing will; `initialized`: an app container has
/// started in the present sandbox.
pub(super) fn phase(
    pod: &Pod,
    statuses: Statuses<'_>,
    terminal: bool,
    initialized: bool,
    features: &Features,
) -> Phase {
    let (mut pending_init, mut pending_sidecars) = (0, 0);
    let (mut unknown, mut running, mut waiting, mut stopped, mut final_stops, mut succeeded) = (0, 0, 0, 0, 0, 0);
    for container in &pod.spec.init_containers {
        let seen = look(container, statuses);
        if !container.is_sidecar() {
            match seen {
                Seen::Unknown | Seen::Running { .. } | Seen::Waiting => pending_init += 1,
                Seen::Stopped { code, restarting, .. }
                    if code != 0 && !restarting && !container_should_restart(container, pod, code, features) =>
                {
                    return Phase::Failed;
                }
                Seen::Stopped { .. } => {}
            }
            continue;
        }
        match seen {
            Seen::Unknown => unknown += 1,
            Seen::Running { started } => {
                pending_sidecars += i32::from(!started);
                running += 1;
            }
            Seen::Stopped { .. } => {}
            Seen::Waiting => {
                pending_sidecars += 1;
                waiting += 1;
            }
        }
    }
    for container in &pod.spec.containers {
        match look(container, statuses) {
            Seen::Unknown => unknown += 1,
            Seen::Running { .. } => running += 1,
            Seen::Waiting => waiting += 1,
            Seen::Stopped {
                code,
                waiting,
                restarting,
            } => {
                stopped += 1;
                final_stops += i32::from(!restarting && !container_should_restart(container, pod, code, features));
                succeeded += i32::from(code == 0 && !waiting);
            }
        }
    }
    let ended = if stopped == succeeded {
        Phase::Succeeded
    } else {
        Phase::Failed
    };
    let initializing = pending_init > 0 && (features.pending_while_initializing_again || !initialized);
    if initializing || (pending_sidecars > 0 && !initialized) || waiting > 0 {
        Phase::Pending
    } else if running > 0 && unknown == 0 {
        Phase::Running
    } else if running == 0 && stopped > 0 && unknown == 0 {
        let over = if features.container_restart_rules {
            stopped == final_stops
        } else {
            // Without rules nobody looks at a container that waits: it may come back.
            match pod.spec.restart_policy {
                RestartPolicy::Always => false,
                RestartPolicy::OnFailure => stopped == succeeded,
                RestartPolicy::Never => true,
            }
        };
        if terminal || over { ended } else { Phase::Running }
    } else {
        Phase::Pending
    }
}
