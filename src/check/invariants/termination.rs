//! Ends: signals, grace periods, the order of sidecars, the object's removal.

use super::{Invariant, Kind, Scene, Verdict, ensure};
use crate::api::pod::{ContainerType, Pod};
use crate::kernel::Duration;
use crate::trace::{CallPhase, CriCall, CriOp, ExitBy, What};

pub(super) const INVARIANTS: &[Invariant] = &[
    Invariant {
        name: "sigkill-on-time",
        holds: "SIGKILL comes exactly when the timeout of a StopContainer call ends, by an action, or when the container is removed",
        source: "cri-api: StopContainer; pkg/kubelet/kuberuntime/kuberuntime_container.go: killContainer",
        kind: Kind::Exit,
        check: sigkill_on_time,
    },
    Invariant {
        name: "sigterm-was-sent",
        holds: "a process that ends by its reaction to SIGTERM is being stopped",
        source: "cri-api: StopContainer",
        kind: Kind::Exit,
        check: sigterm_was_sent,
    },
    Invariant {
        name: "minimum-grace",
        holds: "no StopContainer call has a timeout below two seconds",
        source: "pkg/kubelet/kuberuntime/kuberuntime_container.go: minimumGracePeriodInSeconds",
        kind: Kind::Begins(&[CriOp::StopContainer]),
        check: minimum_grace,
    },
    Invariant {
        name: "grace-period-in-full",
        holds: "without preStop hooks and sidecars the timeout is a grace period that somebody asked for",
        source: "pkg/kubelet/kuberuntime/kuberuntime_container.go: setTerminationGracePeriod",
        kind: Kind::Begins(&[CriOp::StopContainer]),
        check: grace_period_in_full,
    },
    Invariant {
        name: "killing-is-announced",
        holds: "each StopContainer call has its Killing event",
        source: "pkg/kubelet/kuberuntime/kuberuntime_container.go: killContainer",
        kind: Kind::Begins(&[CriOp::StopContainer]),
        check: killing_is_announced,
    },
    Invariant {
        name: "sidecars-end-last",
        holds: "when the pod ends, a sidecar is stopped after all app containers unless the grace period is over",
        source: "pkg/kubelet/kuberuntime/kuberuntime_termination_order.go: waitForTurn",
        kind: Kind::Begins(&[CriOp::StopContainer]),
        check: sidecars_end_last,
    },
    Invariant {
        name: "nothing-starts-after-the-end",
        holds: "nothing is created for a pod whose phase is terminal or whose object is gone",
        source: "pkg/kubelet/pod_workers.go: UpdatePod; pkg/kubelet/kubelet.go: SyncTerminatedPod",
        kind: Kind::Begins(&[CriOp::CreateContainer, CriOp::RunPodSandbox]),
        check: nothing_starts_after_the_end,
    },
    Invariant {
        name: "removed-when-stopped",
        holds: "a deleted pod's object goes away only when no process of it runs and its sandboxes are stopped",
        source: "pkg/kubelet/status/status_manager.go: canBeDeleted",
        kind: Kind::Api,
        check: removed_when_stopped,
    },
];

fn begins<'a>(scene: &Scene<'a>, op: CriOp) -> Option<&'a CriCall> {
    match &scene.record.what {
        What::Cri(call) if call.op == op && call.phase == CallPhase::Begin => Some(call),
        _ => None,
    }
}

fn sigkill_on_time(scene: &Scene<'_>) -> Verdict {
    let (Some((pod, _)), Some(container), What::Exit { by: ExitBy::Kill, .. }) =
        (scene.pod(), scene.container, &scene.record.what)
    else {
        return Ok(());
    };
    let at = scene.record.at;
    let attempt = scene.record.attempt;
    let mut stops = container.stops.iter().filter(|stop| Some(stop.attempt) == attempt);
    let due = stops.any(|stop| stop.begun + Duration::from_secs(stop.timeout) == at);
    // What is removed is stopped by force.
    let removed =
        |(op, attempt): &(CriOp, u32)| *op == CriOp::RemoveContainer && Some(*attempt) == scene.record.attempt;
    let due = due || container.open_calls.iter().any(removed);
    ensure(due || scene.facts.is_killed_by_action(pod, container, at), || {
        let stops = container.stops.iter();
        let due: Vec<_> = stops
            .map(|s| (s.begun + Duration::from_secs(s.timeout) - at).to_string())
            .collect();
        format!(
            "SIGKILL, though the timeouts of StopContainer end {} from now",
            due.join(", ")
        )
    })
}

fn sigterm_was_sent(scene: &Scene<'_>) -> Verdict {
    let (Some(container), What::Exit { by: ExitBy::Term, .. }) = (scene.container, &scene.record.what) else {
        return Ok(());
    };
    let stopped = container
        .stops
        .iter()
        .any(|stop| Some(stop.attempt) == scene.record.attempt);
    ensure(stopped, || "it reacts to a SIGTERM that nobody has sent".to_owned())
}

fn minimum_grace(scene: &Scene<'_>) -> Verdict {
    let Some(call) = begins(scene, CriOp::StopContainer) else {
        return Ok(());
    };
    ensure(call.timeout.is_some_and(|timeout| timeout >= 2), || {
        format!("StopContainer with a timeout of {:?} s", call.timeout)
    })
}

fn has_sidecars(pod: &Pod) -> bool {
    pod.spec.init_containers.iter().any(|c| c.is_sidecar())
}

fn grace_period_in_full(scene: &Scene<'_>) -> Verdict {
    let (Some((facts, pod)), Some(container), Some(call)) =
        (scene.pod(), scene.container, begins(scene, CriOp::StopContainer))
    else {
        return Ok(());
    };
    let spec = container.spec(pod);
    // A pod that the kubelet itself ends has other grace periods: the eviction's, the shutdown's.
    if facts.evicted
        || scene.node().shutting_down.is_some()
        || has_sidecars(pod)
        || spec.is_some_and(|c| c.pre_stop.is_some())
    {
        return Ok(());
    }
    let why = container.killing.as_ref().map_or("", |(_, why)| why);
    let own = pod.spec.termination_grace_period_seconds;
    let of_probe = spec.and_then(|c| {
        let probe = if why.contains("failed liveness probe") {
            c.liveness_probe.as_ref()
        } else if why.contains("failed startup probe") {
            c.startup_probe.as_ref()
        } else {
            None
        };
        probe.and_then(|p| p.termination_grace_period_seconds)
    });
    let deletion = facts.deletion.map(|grace| grace.unwrap_or(own));
    let resets = why == "killing";
    // What runs without an object is ended with one second (`HandlePodCleanups`), which two seconds are made of.
    let orphan = facts.removed && scene.node().kubelet_stops > 0;
    let timeout = call.timeout.unwrap_or(0);
    let fits = |grace: i64| timeout == grace.max(2);
    // A deletion that has only just come may not have reached the kubelet; one that shortens another does not.
    let deleted = deletion.is_some_and(|latest| fits(latest) || asked_for(scene, timeout));
    ensure(
        fits(of_probe.unwrap_or(own)) || deleted || (timeout == 2 && (resets || orphan)),
        || {
            format!(
                "StopContainer with a timeout of {timeout} s, where {} s were asked for",
                of_probe.unwrap_or(own)
            )
        },
    )
}

/// Whether a deletion of the scenario asked for that grace period.
fn asked_for(scene: &Scene<'_>, timeout: i64) -> bool {
    use crate::scenario::types::ActionKind;
    scene
        .facts
        .input
        .scenario
        .actions
        .iter()
        .any(|action| match &action.what {
            ActionKind::DeletePod {
                grace_period_seconds, ..
            } => grace_period_seconds.is_some_and(|grace| timeout == grace.max(2)),
            _ => false,
        })
}

fn killing_is_announced(scene: &Scene<'_>) -> Verdict {
    let (Some(container), Some(_)) = (scene.container, begins(scene, CriOp::StopContainer)) else {
        return Ok(());
    };
    ensure(
        container.killing.is_some() || scene.node().kubelet_stops > 0 || container.live.is_empty(),
        || "it is stopped without a Killing event".to_owned(),
    )
}

fn sidecars_end_last(scene: &Scene<'_>) -> Verdict {
    let (Some((pod, _)), Some(container), Some(call)) =
        (scene.pod(), scene.container, begins(scene, CriOp::StopContainer))
    else {
        return Ok(());
    };
    let ending = container
        .killing
        .as_ref()
        .is_some_and(|(_, why)| why.starts_with("Stopping container"));
    let in_time = call.timeout.is_some_and(|timeout| timeout > 2);
    if !container.sidecar || !ending || !in_time {
        return Ok(());
    }
    // What was started behind the kubelet's back is not waited for; of two that run under one name the first to end counts.
    let waited_for = |c: &&super::container::ContainerFacts| {
        c.kind == ContainerType::App && c.killing.is_some() && c.orphans.is_empty()
    };
    let running = pod.containers.iter().filter(waited_for).find(|c| c.runs_knowingly());
    match running {
        None => Ok(()),
        Some(app) => Err(format!("it is stopped while app container {} runs", app.name)),
    }
}

fn nothing_starts_after_the_end(scene: &Scene<'_>) -> Verdict {
    let creates = begins(scene, CriOp::CreateContainer).or(begins(scene, CriOp::RunPodSandbox));
    let (Some((pod, _)), Some(call)) = (scene.pod(), creates) else {
        return Ok(());
    };
    let ended = pod.status.as_ref().is_some_and(|status| status.is_terminal());
    // A sync that was under way when the object was removed by force goes on.
    ensure(pod.forced || (!ended && pod.exists()), || {
        let state = if pod.removed { "gone" } else { "at its end" };
        format!("{:?} for a pod that is {state}", call.op)
    })
}

fn removed_when_stopped(scene: &Scene<'_>) -> Verdict {
    let (Some((pod, _)), What::Api(call)) = (scene.pod(), &scene.record.what) else {
        return Ok(());
    };
    if call.op != "removed" || call.object.is_some() {
        return Ok(());
    }
    // A deletion without grace removes the object at once, whatever still runs.
    if pod.deletion == Some(Some(0)) || scene.facts.is_deleted_by_action(pod, scene.record.at) {
        return Ok(());
    }
    ensure(pod.deletion.is_some(), || {
        "the object goes away though nobody has deleted it".to_owned()
    })?;
    let running = pod.containers.iter().find(|c| c.runs_knowingly());
    // A sandbox that was under way when the kubelet stopped is unknown to the next one.
    let sandboxes = !pod.sandboxes_kept.is_empty() && scene.node().kubelet_stops == 0;
    ensure(running.is_none() && !sandboxes, || {
        "the object goes away while something of the pod still runs".to_owned()
    })
}
