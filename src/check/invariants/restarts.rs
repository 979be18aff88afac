//! Restarts: who runs again, how often, and after what wait.

use super::backoff::EXPIRY;
use super::container::ContainerFacts;
use super::facts::PodFacts;
use super::{Invariant, Kind, Scene, Verdict, ensure};
use crate::api::pod::{ContainerType, Pod, RestartPolicy, RestartRuleAction};
use crate::kernel::Duration;
use crate::scenario::types::KubeletConfig;
use crate::trace::{CallPhase, CriOp, ExitBy, What};

pub(super) const INVARIANTS: &[Invariant] = &[
    Invariant {
        name: "never-runs-once",
        holds: "a container that is never restarted starts at most once, unless its image changes, or a pod with another policy has a new sandbox",
        source: "pkg/api/v1/pod/util.go: ContainerShouldRestart; pkg/kubelet/kuberuntime/kuberuntime_manager.go: computePodActions",
        kind: Kind::Begins(&[CriOp::StartContainer]),
        check: never_runs_once,
    },
    Invariant {
        name: "success-is-final",
        holds: "an app container restarted on failure only does not start again after it has ended by itself with 0",
        source: "pkg/api/v1/pod/util.go: ContainerShouldRestart",
        kind: Kind::Begins(&[CriOp::StartContainer]),
        check: success_is_final,
    },
    Invariant {
        name: "attempts-count-up",
        holds: "each attempt is the one before or the next; only an init container begins again at 0",
        source: "pkg/kubelet/kuberuntime/kuberuntime_container.go: startContainer",
        kind: Kind::Begins(&[CriOp::CreateContainer]),
        check: attempts_count_up,
    },
    Invariant {
        name: "back-off-respected",
        holds: "no container is started before its crash-loop back-off, counted from its last end, is over",
        source: "pkg/kubelet/kuberuntime/kuberuntime_manager.go: doBackOff",
        kind: Kind::Event,
        check: back_off_respected,
    },
    Invariant {
        name: "back-off-doubles",
        holds: "the crash-loop back-off is the first length, doubled at each restart, up to the longest",
        source: "client-go/util/flowcontrol/backoff.go: Next; pkg/kubelet/kubelet.go: newCrashLoopBackOff",
        kind: Kind::BackOff,
        check: back_off_doubles,
    },
    Invariant {
        name: "back-off-is-ahead",
        holds: "a crash-loop back-off that holds a container up has not ended yet",
        source: "client-go/util/flowcontrol/backoff.go: IsInBackOffSince",
        kind: Kind::BackOff,
        check: back_off_is_ahead,
    },
];

/// The policy that holds for a container without rules; None when rules or the kubelet's memory may say otherwise.
fn plain_policy(scene: &Scene<'_>) -> Option<RestartPolicy> {
    let (_, pod) = scene.pod()?;
    let spec = scene.container?.spec(pod)?;
    let features = &scene.kubelet().features;
    // Older kubelets know of no policy but a sidecar's.
    let known = |policy: &RestartPolicy| features.container_restart_rules || *policy == RestartPolicy::Always;
    let own = spec.restart_policy.filter(known);
    if own.is_some() && !spec.restart_policy_rules.is_empty() || restarts_all(pod) {
        return None;
    }
    Some(own.unwrap_or(pod.spec.restart_policy))
}

fn restarts_all(pod: &Pod) -> bool {
    let mut rules = pod.all_containers().flat_map(|(_, c)| &c.restart_policy_rules);
    rules.any(|rule| rule.action == RestartRuleAction::RestartAllContainers)
}

fn starts(scene: &Scene<'_>) -> bool {
    matches!(&scene.record.what, What::Cri(call) if call.op == CriOp::StartContainer && call.phase == CallPhase::Begin)
}

fn never_runs_once(scene: &Scene<'_>) -> Verdict {
    let Some(container) = scene.container.filter(|_| starts(scene)) else {
        return Ok(());
    };
    if plain_policy(scene) != Some(RestartPolicy::Never) || container.image_changed {
        return Ok(());
    }
    if is_unknown_to_the_kubelet(scene, container) {
        return Ok(());
    }
    // In a new sandbox everything starts anew; only the pod's own policy keeps it from being made.
    let begins_anew = |pod: &PodFacts| {
        pod.pod(scene.facts).spec.restart_policy != RestartPolicy::Never && container.sandboxes < pod.sandboxes_made
    };
    if scene.pod.is_some_and(begins_anew) {
        return Ok(());
    }
    ensure(container.starts == 0, || {
        format!("restartPolicy Never, and start {} begins", container.starts + 1)
    })
}

/// What an eviction has removed before the Failed phase was written, no sync that begins then has heard of; and a
/// container whose start was under way when a kubelet stopped is none that has run for the next one
/// (`ShouldContainerBeRestarted`: Created).
pub(super) fn is_unknown_to_the_kubelet(scene: &Scene<'_>, container: &ContainerFacts) -> bool {
    let evicted = scene.pod.is_some_and(|pod| pod.evicted);
    let orphans = &container.orphans;
    let unknown = container.exits.iter().all(|exit| orphans.contains(&exit.attempt));
    evicted || scene.node().kubelet_stops > 0 && unknown
}

fn success_is_final(scene: &Scene<'_>) -> Verdict {
    let Some(container) = scene.container.filter(|_| starts(scene)) else {
        return Ok(());
    };
    let on_failure = plain_policy(scene) == Some(RestartPolicy::OnFailure);
    if !on_failure || container.kind != ContainerType::App || container.image_changed || container.killing.is_some() {
        return Ok(());
    }
    // The end of one whose start a kubelet did not live to see may come under a sync of the next.
    let mut ends = container.exits.iter().rev();
    let known = ends.find(|e| !container.orphans.contains(&e.attempt));
    let ended_well = known.is_some_and(|e| e.code == 0 && e.by == ExitBy::Itself);
    ensure(!ended_well, || {
        "restartPolicy OnFailure, and it starts after exit code 0".to_owned()
    })
}

fn attempts_count_up(scene: &Scene<'_>) -> Verdict {
    let Some(container) = scene.container else {
        return Ok(());
    };
    let What::Cri(call) = &scene.record.what else {
        return Ok(());
    };
    if call.op != CriOp::CreateContainer || call.phase != CallPhase::Begin {
        return Ok(());
    }
    let attempt = scene.record.attempt.unwrap_or(0);
    // A new kubelet knows no logs; neither does one whose pod has lost its containers and its sandbox.
    let remade = scene.pod.is_some_and(|pod| pod.sandboxes_made > 1) && container.restarts_all;
    let restarted = scene.node().kubelet_stops > 0 || remade;
    let fits = match container.attempt {
        None => attempt == 0,
        Some(last) if container.created => attempt == last + 1,
        Some(last) => attempt == last || attempt == last + 1,
    };
    // A new sandbox takes init containers and their logs away.
    let afresh = attempt == 0 && container.kind == ContainerType::Init;
    // An eviction takes away all that is dead; a sync that it met under way goes by the logs that are left.
    let evicted = scene.pod.is_some_and(|pod| pod.evicted);
    ensure(fits || afresh || restarted || evicted, || {
        format!("attempt {attempt} comes after {:?}", container.attempt)
    })
}

/// The first and the longest back-off (`newCrashLoopBackOff`).
fn bounds(config: &KubeletConfig) -> (Duration, Duration) {
    let features = &config.features;
    let initial = Duration::from_secs(if features.reduced_crash_loop_decay { 1 } else { 10 });
    let configured = config
        .max_container_restart_period
        .filter(|_| features.crash_loop_max_configurable);
    let default = match (features.reduced_crash_loop_decay, features.crash_loop_max_configurable) {
        (true, false) => 60,
        (true, true) | (false, _) => 300,
    };
    let longest = configured.unwrap_or(Duration::from_secs(default));
    (Ord::min(initial, longest), longest)
}

fn back_off_respected(scene: &Scene<'_>) -> Verdict {
    let (Some(container), What::Event(event)) = (scene.container, &scene.record.what) else {
        return Ok(());
    };
    if container.backoffs.uncertain || !container.backoffs.is_decision(event, scene.record.at) {
        return Ok(());
    }
    let (Some(finished), Some(entry)) = (container.known_end(), container.backoffs.entry(&container.image)) else {
        return Ok(());
    };
    let now = scene.record.at;
    // An old entry may have been collected by the housekeeping meanwhile.
    if now - entry.last_update > EXPIRY || finished - entry.last_update > EXPIRY {
        return Ok(());
    }
    let (initial, longest) = bounds(scene.kubelet());
    let length = entry.length(initial, longest);
    ensure(now - finished >= length, || {
        format!(
            "it is started {} after its last end, within its back-off of {length}",
            now - finished
        )
    })
}

fn back_off_doubles(scene: &Scene<'_>) -> Verdict {
    let (Some(container), What::BackOff { length, .. }) = (scene.container, &scene.record.what) else {
        return Ok(());
    };
    if container.backoffs.uncertain {
        return Ok(());
    }
    let (initial, longest) = bounds(scene.kubelet());
    let (doublings, expected) = match container.backoffs.entry(&container.image) {
        Some(entry) => (entry.doublings, entry.length(initial, longest)),
        None => (0, initial),
    };
    // A sync decides by what it saw when it began. Of a container that died while it was under way nobody else can tell
    // whether that death was seen: one doubling more or less is no fault.
    let fits = [expected, expected.times(2), Duration(expected.0 / 2)].map(|l| Ord::clamp(l, initial, longest));
    ensure(fits.contains(length), || {
        format!("a back-off of {length} after {doublings} doublings of {initial}, which make {expected}")
    })
}

fn back_off_is_ahead(scene: &Scene<'_>) -> Verdict {
    let What::BackOff { length, until } = &scene.record.what else {
        return Ok(());
    };
    let now = scene.record.at;
    ensure(*until > now && *until - now <= *length, || {
        format!("a back-off of {length} ends {} from now", *until - now)
    })
}
