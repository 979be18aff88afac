//! The conditions that the kubelet owns (`pkg/kubelet/status/generate.go`).

use smallvec::SmallVec;

use super::generate::Statuses;
use super::restart_policy::should_all_containers_restart;
use crate::api::features::Features;
use crate::api::pod::{Name, Pod, concat};
use crate::api::status::{
    ConditionKind, ConditionStatus, ContainerState, ContainerStatus, Phase, PodCondition, PodStatus,
};
use crate::kubelet::container::PodStatus as RuntimeStatus;

/// A few names at most, mostly.
type Names<'a> = SmallVec<[&'a Name; 4]>;

/// Of the usual message.
const PARTS: usize = 16;

/// A condition without reason and message.
pub(super) fn condition(kind: ConditionKind, status: bool, generation: Option<i64>) -> PodCondition {
    PodCondition {
        kind,
        observed_generation: generation,
        status: if status {
            ConditionStatus::True
        } else {
            ConditionStatus::False
        },
        last_transition_time: None,
        reason: None,
        message: None,
    }
}

fn because(condition: PodCondition, reason: &'static str, message: Option<Name>) -> PodCondition {
    PodCondition {
        reason: Some(Name::new_static(reason)),
        message,
        ..condition
    }
}

/// Two lists of containers as the message of a condition; None when both are empty.
fn message(unknown: &[&Name], others: &[&Name], what: &str) -> Option<Name> {
    let mut parts: SmallVec<[&str; PARTS]> = SmallVec::new();
    for (names, what) in [(unknown, "unknown"), (others, what)] {
        let [first, rest @ ..] = names else { continue };
        if !parts.is_empty() {
            parts.push(", ");
        }
        // As Go prints a list of strings.
        parts.extend(["containers with ", what, " status: [", first]);
        parts.extend(rest.iter().flat_map(|name| [" ", name.as_str()]));
        parts.push("]");
    }
    (!parts.is_empty()).then(|| concat(&parts))
}

/// ContainersReady (`GenerateContainersReadyCondition`).
pub(super) fn containers_ready(
    pod: &Pod,
    statuses: Statuses<'_>,
    phase: Phase,
    generation: Option<i64>,
) -> PodCondition {
    let sidecars = pod.spec.init_containers.iter().filter(|c| c.is_sidecar());
    let (mut unknown, mut unready) = (Names::new(), Names::new());
    for container in sidecars.chain(&pod.spec.containers) {
        match statuses.find(&container.name) {
            None => unknown.push(&container.name),
            Some(status) if !status.ready => unready.push(&container.name),
            Some(_) => {}
        }
    }
    let not = condition(ConditionKind::ContainersReady, false, generation);
    if phase == Phase::Succeeded && unknown.is_empty() {
        return because(not, "PodCompleted", None);
    }
    if phase == Phase::Failed {
        return because(not, "PodFailed", None);
    }
    match message(&unknown, &unready, "unready") {
        Some(message) => because(not, "ContainersNotReady", Some(message)),
        None => condition(ConditionKind::ContainersReady, true, generation),
    }
}

/// Ready: what ContainersReady says, then the readiness gates (`GeneratePodReadyCondition`).
pub(super) fn ready(
    pod: &Pod,
    others: &[PodCondition],
    containers: &PodCondition,
    generation: Option<i64>,
) -> PodCondition {
    if containers.status != ConditionStatus::True {
        return PodCondition {
            kind: ConditionKind::Ready,
            ..containers.clone()
        };
    }
    let mut missing = Vec::new();
    for gate in &pod.spec.readiness_gates {
        match others.iter().find(|c| *c.kind == **gate) {
            None => missing.push(format!(
                "corresponding condition of pod readiness gate \"{gate}\" does not exist."
            )),
            Some(c) if c.status != ConditionStatus::True => missing.push(format!(
                "the status of pod readiness gate \"{gate}\" is not \"True\", but {:?}",
                c.status
            )),
            Some(_) => {}
        }
    }
    if missing.is_empty() {
        return condition(ConditionKind::Ready, true, generation);
    }
    because(
        condition(ConditionKind::Ready, false, generation),
        "ReadinessGatesNotReady",
        Some(missing.join(", ").into()),
    )
}

/// Initialized; once true it stays true (`GeneratePodInitializedCondition`).
pub(super) fn initialized(
    pod: &Pod,
    old: &PodStatus,
    statuses: Statuses<'_>,
    phase: Phase,
    generation: Option<i64>,
    features: &Features,
) -> PodCondition {
    let (mut unknown, mut incomplete) = (Names::new(), Names::new());
    for container in &pod.spec.init_containers {
        let done = |s: &ContainerStatus| {
            if container.is_sidecar() {
                s.started == Some(true)
            } else {
                s.ready
            }
        };
        match statuses.find(&container.name) {
            None => unknown.push(&container.name),
            Some(status) if !done(status) => incomplete.push(&container.name),
            Some(_) => {}
        }
    }
    let yes = condition(ConditionKind::Initialized, true, generation);
    if phase == Phase::Succeeded && unknown.is_empty() {
        return because(yes, "PodCompleted", None);
    }
    let has_started = |s: &ContainerStatus| {
        let app = pod.spec.containers.iter().any(|c| c.name == s.name);
        app && !matches!(s.state, ContainerState::Waiting(_))
    };
    if statuses.iter().any(has_started) {
        return yes;
    }
    match message(&unknown, &incomplete, "incomplete") {
        None => yes,
        Some(_)
            if features.initialized_is_final
                && old
                    .condition_of(&ConditionKind::Initialized)
                    .is_some_and(|c| c.status == ConditionStatus::True) =>
        {
            yes
        }
        Some(message) => because(
            condition(ConditionKind::Initialized, false, generation),
            "ContainersNotInitialized",
            Some(message),
        ),
    }
}

/// AllContainersRestarting, which only pods with such a rule have; it carries no generation
/// (`GenerateAllContainersRestartingCondition`).
pub(super) fn all_containers_restarting(
    pod: &Pod,
    runtime: &RuntimeStatus,
    old: &PodStatus,
    phase: Phase,
) -> PodCondition {
    let make = |status| condition(ConditionKind::AllContainersRestarting, status, None);
    match phase {
        Phase::Succeeded => return because(make(false), "PodCompleted", None),
        Phase::Failed => return because(make(false), "PodFailed", None),
        Phase::Pending | Phase::Running | Phase::Unknown => {}
    }
    let regular = pod.spec.init_containers.iter().chain(&pod.spec.containers);
    let cleaned_up = regular.into_iter().all(|c| runtime.find_by_name(&c.name).is_none());
    if cleaned_up || !should_all_containers_restart(pod, Some(runtime), old) {
        return make(false);
    }
    let message = Name::new_static("container exited with restart policy rule");
    because(make(true), "RestartAllContainersStarted", Some(message))
}
