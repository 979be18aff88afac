//! How older kubelets find the next init container of a pod without sidecars (`findNextInitContainerToRun`).

use super::actions::Actions;
use crate::api::features::Features;
use crate::api::pod::{Container, Pod, RestartPolicy};
use crate::kubelet::container::{PodStatus, State, Status};

/// What initialisation has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    /// All init containers have done their work.
    Done,
    /// One is running.
    Wait,
    /// The one of that index is the next; it has failed before, or not.
    Start { index: usize, failed: bool },
}

/// Whether the kubelet looks for one next init container instead of deciding on all (`handleRestartableInitContainers` is
/// false).
pub(super) fn looks_for_the_next(pod: &Pod, features: &Features) -> bool {
    !features.created_means_initialized && !pod.spec.init_containers.iter().any(Container::is_sidecar)
}

/// Whether nothing is left to initialise.
pub(super) fn is_done(pod: &Pod, status: &PodStatus) -> bool {
    next(pod, status) == Next::Done
}

/// Plans the next init container; whether the pod is initialised (that part of `computePodActions`).
pub(super) fn plan_next(pod: &Pod, status: &PodStatus, actions: &mut Actions) -> bool {
    match next(pod, status) {
        Next::Done => return true,
        Next::Wait => {}
        Next::Start { failed: true, .. } if pod.spec.restart_policy == RestartPolicy::Never => actions.kill_pod = true,
        Next::Start { index, .. } => actions.init_to_start.push(index),
    }
    false
}

/// `findNextInitContainerToRun`
fn next(pod: &Pod, status: &PodStatus) -> Next {
    let inits = &pod.spec.init_containers;
    let find = |c: &Container| status.find_by_name(&c.name);
    let runs = |c: &Container| find(c).is_some_and(|s| s.state == State::Running);
    if inits.is_empty() || pod.spec.containers.iter().any(runs) {
        return Next::Done;
    }
    if let Some(index) = inits.iter().rposition(|c| find(c).is_some_and(has_failed)) {
        return Next::Start { index, failed: true };
    }
    for (index, container) in inits.iter().enumerate().rev() {
        match find(container).map(|s| s.state) {
            Some(State::Running) => return Next::Wait,
            Some(State::Exited) if index + 1 == inits.len() => return Next::Done,
            Some(State::Exited) => {
                let index = index + 1;
                return Next::Start { index, failed: false };
            }
            Some(State::Created | State::Unknown) | None => {}
        }
    }
    Next::Start {
        index: 0,
        failed: false,
    }
}

/// One that was out of memory has failed whatever its exit code (`isInitContainerFailed`).
pub(super) fn has_failed(status: &Status) -> bool {
    let by_state = match status.state {
        State::Exited => status.exit_code != 0,
        State::Unknown => true,
        State::Created | State::Running => false,
    };
    by_state || status.reason == "OOMKilled"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Time;
    use crate::kubelet::container::{ContainerId, SandboxId};
    use crate::scenario::load::{Source, load};

    fn pod() -> Pod {
        let text = "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec: {initContainers: [{name: a, image: i}, \
                    {name: b, image: i}], containers: [{name: app, image: i}]}\n";
        let source = Source {
            name: "x.yaml".to_owned(),
            text: text.to_owned(),
        };
        let (input, _) = load(&[source]).unwrap_or_else(|error| panic!("{error}"));
        (*input.pods[0].pod).clone()
    }

    fn status(containers: &[(&str, State, i32)]) -> PodStatus {
        let status = |(name, state, exit_code): &(&str, State, i32)| Status {
            id: ContainerId(1),
            name: (*name).into(),
            sandbox: SandboxId(1),
            state: *state,
            created_at: Time::ZERO,
            started_at: None,
            finished_at: None,
            exit_code: *exit_code,
            image: "i".into(),
            restart_count: 0,
            reason: "".into(),
            message: "".into(),
        };
        PodStatus {
            container_statuses: containers.iter().map(status).collect(),
            ..PodStatus::default()
        }
    }

    #[test]
    fn the_last_failed_one_runs_first_then_the_one_behind_the_last_that_has_ended() {
        use State::{Created, Exited, Running};
        let start = |index, failed| Next::Start { index, failed };
        for (containers, expected) in [
            (&[][..], start(0, false)),
            (&[("a", Running, 0)], Next::Wait),
            (&[("a", Exited, 0)], start(1, false)),
            (&[("a", Exited, 0), ("b", Created, 0)], start(1, false)),
            (&[("b", Created, 0)], start(0, false)),
            (&[("a", Exited, 1), ("b", Exited, 0)], start(0, true)),
            (&[("b", Exited, 0)], Next::Done),
            // An app container that was created and does not run says nothing.
            (&[("a", Exited, 0), ("app", Created, 0)], start(1, false)),
            (&[("app", Running, 0)], Next::Done),
        ] {
            assert_eq!(next(&pod(), &status(containers)), expected, "{containers:?}");
        }
    }

    #[test]
    fn a_failed_one_ends_a_pod_that_never_restarts() {
        let mut pod = pod();
        let failed = status(&[("a", State::Exited, 1)]);
        let mut actions = Actions::default();
        assert!(!plan_next(&pod, &failed, &mut actions));
        assert_eq!((actions.kill_pod, &actions.init_to_start[..]), (false, &[0][..]));
        pod.spec.restart_policy = RestartPolicy::Never;
        let mut actions = Actions::default();
        assert!(!plan_next(&pod, &failed, &mut actions));
        assert_eq!((actions.kill_pod, &actions.init_to_start[..]), (true, &[][..]));
    }
}
