//! Probes: when they come, what they may do.

use super::restarts::is_unknown_to_the_kubelet;
use super::second;
use super::{Invariant, Kind, Scene, Verdict, ensure};
use crate::api::pod::{Container, Probe, RestartPolicy};
use crate::trace::{ProbeType, What};

pub(super) const INVARIANTS: &[Invariant] = &[
    Invariant {
        name: "probes-are-in-the-spec",
        holds: "only probes that the container has are called, on containers that have started",
        source: "pkg/kubelet/prober/prober_manager.go: AddPod",
        kind: Kind::Probe,
        check: probes_are_in_the_spec,
    },
    Invariant {
        name: "initial-delay",
        holds: "no probe comes before initialDelaySeconds after the second in which the container started",
        source: "pkg/kubelet/prober/worker.go: doProbe",
        kind: Kind::Probe,
        check: initial_delay,
    },
    Invariant {
        name: "startup-first",
        holds: "liveness and readiness are not probed before a startup probe of the container has succeeded",
        source: "pkg/kubelet/prober/worker.go: doProbe",
        kind: Kind::Probe,
        check: startup_first,
    },
    Invariant {
        name: "startup-ends",
        holds: "a process whose startup probe has succeeded gets no startup probe again",
        source: "pkg/kubelet/prober/worker.go: doProbe (onHold)",
        kind: Kind::Probe,
        check: startup_ends,
    },
    Invariant {
        name: "kills-have-their-failures",
        holds: "a container killed for a probe has failed it failureThreshold times in a row",
        source: "pkg/kubelet/prober/worker.go: doProbe; pkg/kubelet/kuberuntime/kuberuntime_manager.go: computePodActions",
        kind: Kind::Event,
        check: kills_have_their_failures,
    },
];

fn probe_of(spec: &Container, kind: ProbeType) -> Option<&Probe> {
    match kind {
        ProbeType::Startup => spec.startup_probe.as_ref(),
        ProbeType::Readiness => spec.readiness_probe.as_ref(),
        ProbeType::Liveness => spec.liveness_probe.as_ref(),
    }
}

/// The container's spec and the kind of the probe that is called.
fn called<'a>(scene: &Scene<'a>) -> Option<(&'a Container, ProbeType)> {
    let What::Probe { probe, .. } = &scene.record.what else {
        return None;
    };
    let (_, pod) = scene.pod()?;
    Some((scene.container?.spec(pod)?, *probe))
}

fn probes_are_in_the_spec(scene: &Scene<'_>) -> Verdict {
    let (Some(container), Some((spec, kind))) = (scene.container, called(scene)) else {
        return Err("a container that the pod does not have is probed".to_owned());
    };
    ensure(probe_of(spec, kind).is_some(), || {
        format!("the container has no {kind:?} probe")
    })?;
    ensure(container.starts > 0, || "the container has never started".to_owned())
}

fn initial_delay(scene: &Scene<'_>) -> Verdict {
    let (Some(container), Some((spec, kind))) = (scene.container, called(scene)) else {
        return Ok(());
    };
    let (Some(probe), Some((started, attempt))) = (probe_of(spec, kind), container.started) else {
        return Ok(());
    };
    if scene.record.attempt != Some(attempt) {
        return Ok(());
    }
    let waited = scene.record.at.0 - second(started) * 1_000_000_000;
    ensure(waited >= i64::from(probe.initial_delay_seconds) * 1_000_000_000, || {
        format!("{kind:?} is probed {} after the start", scene.record.at - started)
    })
}

fn startup_first(scene: &Scene<'_>) -> Verdict {
    let (Some(container), Some((spec, kind))) = (scene.container, called(scene)) else {
        return Ok(());
    };
    let gated = spec.startup_probe.is_some() && kind != ProbeType::Startup && scene.node().kubelet_stops == 0;
    // A container that a rule or a new sandbox brings back after it had ended for good gets no new startup worker:
    // `AddPod` stops at the first worker that it knows. What has no worker counts as started.
    // Older kubelets ended the probes of a sidecar in a Never pod when it crashed, though it came back.
    let features = &scene.kubelet().features;
    let of_never = scene
        .pod()
        .is_some_and(|(_, pod)| pod.spec.restart_policy == RestartPolicy::Never);
    let crashed = container.sidecar && of_never && !features.sidecar_probes_survive;
    let may_end = scene.pod().is_some_and(|(_, pod)| {
        let own = container.spec(pod).and_then(|spec| spec.restart_policy);
        own.unwrap_or(pod.spec.restart_policy) != RestartPolicy::Always
    });
    let remade = may_end && scene.pod.is_some_and(|pod| pod.sandboxes_made > 1);
    let again = container.attempt.is_some_and(|attempt| attempt > 0);
    let brought_back = again && (container.restarts_all || crashed || remade);
    // `started` outlives the process: the one before may have succeeded.
    ensure(
        !gated || brought_back || container.probes[ProbeType::Startup as usize].succeeded,
        || format!("{kind:?} is probed before any startup probe has succeeded"),
    )
}

fn startup_ends(scene: &Scene<'_>) -> Verdict {
    let (Some(container), Some((_, ProbeType::Startup))) = (scene.container, called(scene)) else {
        return Ok(());
    };
    let succeeded = container.probes[ProbeType::Startup as usize].succeeded_attempt;
    // Older kubelets go on for a while.
    if !scene.kubelet().features.startup_on_hold {
        return Ok(());
    }
    ensure(succeeded.is_none() || succeeded != scene.record.attempt, || {
        "a startup probe follows one that has succeeded".to_owned()
    })
}

fn kills_have_their_failures(scene: &Scene<'_>) -> Verdict {
    let (Some((_, pod)), Some(container), What::Event(event)) = (scene.pod(), scene.container, &scene.record.what)
    else {
        return Ok(());
    };
    if event.reason != "Killing" {
        return Ok(());
    }
    let kind = if event.message.contains("failed liveness probe") {
        ProbeType::Liveness
    } else if event.message.contains("failed startup probe") {
        ProbeType::Startup
    } else {
        return Ok(());
    };
    let Some(probe) = container.spec(pod).and_then(|spec| probe_of(spec, kind)) else {
        return Err(format!("it is killed for a {kind:?} probe that it does not have"));
    };
    // A worker that meets a container that has been made and does not run yet puts that down as a failure.
    if is_unknown_to_the_kubelet(scene, container) {
        return Ok(());
    }
    let seen = container.probes[kind as usize];
    ensure(
        seen.failures + i32::from(seen.pending_success) >= probe.failure_threshold,
        || {
            format!(
                "it is killed after {} failures; failureThreshold is {}",
                seen.failures, probe.failure_threshold
            )
        },
    )
}
