//! Status writes: consistent in themselves, with those before, and with what the trace has shown.

use std::sync::Arc;

use smallvec::SmallVec;

use super::container::ContainerFacts;
use super::facts::PodFacts;
use super::{Invariant, Kind, Scene, Verdict, ensure};
use crate::api::pod::{ContainerType, Pod};
use crate::api::status::{
    ConditionKind, ConditionStatus, ContainerState, ContainerStatus, Phase, PodCondition, PodStatus,
};
use crate::trace::{ProbeType, Record, What};

pub(super) const INVARIANTS: &[Invariant] = &[
    Invariant {
        name: "terminal-phase-is-final",
        holds: "the phase never leaves Succeeded or Failed",
        source: "pkg/kubelet/kubelet_pods.go: generateAPIPodStatus; pod lifecycle, Kubernetes documentation",
        kind: Kind::Status,
        check: terminal_phase_is_final,
    },
    Invariant {
        name: "writes-change-something",
        holds: "a status write differs from the status before, unless a running container has a memory limit that is no multiple of 1024 bytes",
        source: "pkg/kubelet/status/status_manager.go: syncPod (the patch is not empty)",
        kind: Kind::Status,
        check: writes_change_something,
    },
    Invariant {
        name: "restart-count-never-falls",
        holds: "no container's restartCount falls",
        source: "pkg/kubelet/kubelet_pods.go: convertToAPIContainerStatuses",
        kind: Kind::Status,
        check: restart_count_never_falls,
    },
    Invariant {
        name: "restarts-are-starts-minus-one",
        holds: "a running container's restartCount is its number of containers minus one, as long as none was lost",
        source: "pkg/kubelet/kuberuntime/kuberuntime_container.go: startContainer (restartCount)",
        kind: Kind::Status,
        check: restarts_are_starts_minus_one,
    },
    Invariant {
        name: "ready-means-running",
        holds: "a ready container runs; an init container that is ready has completed",
        source: "pkg/kubelet/prober/prober_manager.go: UpdatePodStatus",
        kind: Kind::Status,
        check: ready_means_running,
    },
    Invariant {
        name: "ready-means-all-ready",
        holds: "Ready is True only with ContainersReady, ContainersReady only if every app container and sidecar is ready",
        source: "pkg/kubelet/status/generate.go: GeneratePodReadyCondition, GenerateContainersReadyCondition",
        kind: Kind::Status,
        check: ready_means_all_ready,
    },
    Invariant {
        name: "running-has-started",
        holds: "a container shown as running has a process that started in the second of its startedAt",
        source: "pkg/kubelet/kubelet_pods.go: convertToAPIContainerStatuses",
        kind: Kind::Status,
        check: running_has_started,
    },
    Invariant {
        name: "terminated-has-ended",
        holds: "a container shown as terminated with a finish time ended in that second, with that exit code",
        source: "pkg/kubelet/kubelet_pods.go: convertToAPIContainerStatuses",
        kind: Kind::Status,
        check: terminated_has_ended,
    },
    Invariant {
        name: "start-time-is-fixed",
        holds: "startTime never changes once it is there",
        source: "pkg/kubelet/status/status_manager.go: updateStatusInternal",
        kind: Kind::Status,
        check: start_time_is_fixed,
    },
    Invariant {
        name: "transition-times",
        holds: "a condition whose status stays keeps its lastTransitionTime; no lastTransitionTime goes back",
        source: "pkg/kubelet/status/status_manager.go: updateLastTransitionTime",
        kind: Kind::Status,
        check: transition_times,
    },
    Invariant {
        name: "statuses-follow-the-spec",
        holds: "there is one status for each container: init containers in the order of the spec, others by name",
        source: "pkg/kubelet/kubelet_pods.go: convertToAPIContainerStatuses",
        kind: Kind::Status,
        check: statuses_follow_the_spec,
    },
    Invariant {
        name: "crash-loop-has-backed-off",
        holds: "a container waits with CrashLoopBackOff only after a back-off has held it up",
        source: "pkg/kubelet/kuberuntime/kuberuntime_manager.go: doBackOff; pkg/kubelet/reason_cache.go",
        kind: Kind::Status,
        check: crash_loop_has_backed_off,
    },
    Invariant {
        name: "terminal-means-stopped",
        holds: "a terminal phase is written only when no process of the pod runs",
        source: "pkg/kubelet/status/status_manager.go: mergePodStatus",
        kind: Kind::Status,
        check: terminal_means_stopped,
    },
    Invariant {
        name: "deadline-has-passed",
        holds: "a pod fails with DeadlineExceeded only when activeDeadlineSeconds after startTime have passed",
        source: "pkg/kubelet/active_deadline.go: pastActiveDeadline",
        kind: Kind::Status,
        check: deadline_has_passed,
    },
    Invariant {
        name: "network-needs-a-sandbox",
        holds: "podIP, unless it is the node's, and PodReadyToStartContainers=True come only after a sandbox was made",
        source: "pkg/kubelet/status/generate.go: GeneratePodReadyToStartContainersCondition; pkg/kubelet/kubelet_pods.go: generateAPIPodStatus",
        kind: Kind::Status,
        check: network_needs_a_sandbox,
    },
    Invariant {
        name: "conditions-are-complete",
        holds: "a status that speaks of containers has Initialized, Ready, ContainersReady and PodScheduled, which is True, each once",
        source: "pkg/kubelet/kubelet_pods.go: generateAPIPodStatus",
        kind: Kind::Status,
        check: conditions_are_complete,
    },
    Invariant {
        name: "pod-ip-stays",
        holds: "podIP, once there, stays as long as the sandbox and the kubelet do",
        source: "pkg/kubelet/kubelet_pods.go: generateAPIPodStatus; pkg/kubelet/pleg/generic.go: getPodIPs",
        kind: Kind::Status,
        check: pod_ip_stays,
    },
    Invariant {
        name: "generation-never-falls",
        holds: "observedGeneration counts from 1 and never falls",
        source: "pkg/kubelet/status/status_manager.go: updateStatusInternal",
        kind: Kind::Status,
        check: generation_never_falls,
    },
    Invariant {
        name: "mounts-are-those-of-the-spec",
        holds: "a container's status shows the volumeMounts of its spec, all of them; none only where the kubelet found the container there when it came",
        source: "pkg/kubelet/kubelet_pods.go: convertToAPIContainerStatuses",
        kind: Kind::Status,
        check: mounts_are_those_of_the_spec,
    },
];

fn written<'a>(scene: &Scene<'a>) -> Option<(&'a PodFacts, &'a Pod, &'a Arc<PodStatus>)> {
    let What::Status(status) = &scene.record.what else {
        return None;
    };
    scene.pod().map(|(facts, pod)| (facts, pod, status))
}

/// The status with the one that was written before, unless others have changed that meanwhile.
fn pair<'a>(scene: &Scene<'a>) -> Option<(&'a PodStatus, &'a PodStatus)> {
    let (facts, _, status) = written(scene)?;
    facts
        .status
        .as_deref()
        .filter(|_| !facts.touched)
        .map(|before| (before, &**status))
}

fn statuses(status: &PodStatus) -> impl Iterator<Item = &ContainerStatus> {
    status.init_container_statuses.iter().chain(&status.container_statuses)
}

/// Each container status of a write with what is known of the container.
pub(super) type Known<'a> = SmallVec<[(&'a ContainerFacts, &'a ContainerStatus); 4]>;

/// What a record says of the pod's containers, if it is a status write.
pub(super) fn known<'a>(pod: Option<&'a PodFacts>, record: &'a Record) -> Known<'a> {
    let (Some(facts), What::Status(status)) = (pod, &record.what) else {
        return Known::new();
    };
    let pairs = statuses(status).filter_map(|s| facts.container(&s.name).map(|c| (c, s)));
    pairs.collect()
}

fn terminal_phase_is_final(scene: &Scene<'_>) -> Verdict {
    let (Some((before, after)), Some((pod, ..))) = (pair(scene), written(scene)) else {
        return Ok(());
    };
    // Of a deleted or evicted pod whose dead containers go one by one, a status may be made up from those that are left:
    // `generateAPIPodStatus` keeps the old phase only if the new one is not final.
    if pod.lost && (pod.deletion.is_some() || pod.evicted) && after.is_terminal() {
        return Ok(());
    }
    // A pod that its kubelet ended (Failed) while somebody deleted it: SyncTerminatedPod works with the pod of the
    // deletion, which had no phase of an end yet, and only that one binds it.
    let ended_by_kubelet = pod.evicted || scene.node().shutting_down.is_some();
    if ended_by_kubelet && pod.deletion.is_some() && after.is_terminal() {
        return Ok(());
    }
    // A deadline that passes while the kubelet finishes a pod off still makes it fail: pastActiveDeadline asks for
    // no phase, and the pod that SyncTerminatedPod works with has its status from before.
    let late = after.phase == Phase::Failed && after.reason.as_deref() == Some("DeadlineExceeded");
    ensure(!before.is_terminal() || before.phase == after.phase || late, || {
        format!("the phase goes from {:?} to {:?}", before.phase, after.phase)
    })
}

fn writes_change_something(scene: &Scene<'_>) -> Verdict {
    let Some((before, after)) = pair(scene) else {
        return Ok(());
    };
    // Of a running container's memory limit the kubelet may have other words than the API.
    ensure(before != after || after.is_worded_otherwise(), || {
        "the status is the same as before".to_owned()
    })
}

fn restart_count_never_falls(scene: &Scene<'_>) -> Verdict {
    let Some((before, after)) = pair(scene) else {
        return Ok(());
    };
    // Without RestartAllContainers the count is the container's own, and init containers begin anew in a new sandbox.
    let keeps_count = scene.kubelet().features.restart_all_containers;
    // Of an evicted or deleted pod all dead containers go, the newest first.
    let goes = |pod: &PodFacts| pod.evicted || pod.lost && pod.deletion.is_some();
    if !keeps_count && scene.pod.is_some_and(|pod| pod.sandboxes_made > 1 || goes(pod)) {
        return Ok(());
    }
    for old in statuses(before) {
        let Some(new) = statuses(after).find(|s| s.name == old.name) else {
            continue;
        };
        ensure(new.restart_count >= old.restart_count, || {
            format!(
                "restartCount of {} goes from {} to {}",
                old.name, old.restart_count, new.restart_count
            )
        })?;
    }
    Ok(())
}

fn restarts_are_starts_minus_one(scene: &Scene<'_>) -> Verdict {
    // A kubelet that was away, sandboxes that took containers along, and an eviction that removed them with their logs
    // make the count a guess.
    let lost = |pod: &PodFacts| pod.sandboxes_made > 1 || pod.evicted;
    if scene.node().kubelet_stops > 0 || scene.pod.is_some_and(lost) {
        return Ok(());
    }
    for (container, status) in &scene.known {
        if !matches!(status.state, ContainerState::Running(_)) {
            continue;
        }
        let attempt = container.started.map_or(-1, |(_, attempt)| i64::from(attempt));
        ensure(i64::from(status.restart_count) <= attempt, || {
            format!(
                "restartCount of {} is {}, its attempt {attempt}",
                status.name, status.restart_count
            )
        })?;
        // The status may be older than the process that runs now.
        let fresh =
            container.started.is_some_and(|(at, _)| at == scene.record.at) || container.start_seconds.len() == 1;
        ensure(
            !fresh || i64::from(status.restart_count) == attempt || attempt > 0,
            || {
                format!(
                    "restartCount of {} is {} at attempt {attempt}",
                    status.name, status.restart_count
                )
            },
        )?;
    }
    Ok(())
}

fn ready_means_running(scene: &Scene<'_>) -> Verdict {
    for (container, status) in scene.known.iter().filter(|(_, s)| s.ready) {
        let fits = match &status.state {
            ContainerState::Running(_) => container.kind == ContainerType::App || container.sidecar,
            // The end of one that the runtime has lost is made up; its readiness stays as it was (`TerminatePod`).
            ContainerState::Terminated(end) if end.reason.as_deref() == Some("ContainerStatusUnknown") => true,
            ContainerState::Terminated(end) => container.kind == ContainerType::Init && end.exit_code == 0,
            // One that has completed stays ready while it waits to run again.
            ContainerState::Waiting(_) => container.kind == ContainerType::Init && status.last_state.is_some(),
        };
        ensure(fits, || format!("{} is ready: {:?}", status.name, status.state))?;
    }
    Ok(())
}

fn is_true(condition: Option<&PodCondition>) -> bool {
    condition.is_some_and(|c| c.status == ConditionStatus::True)
}

fn ready_means_all_ready(scene: &Scene<'_>) -> Verdict {
    let Some((_, _, status)) = written(scene) else {
        return Ok(());
    };
    let containers_ready = is_true(status.condition_of(&ConditionKind::ContainersReady));
    ensure(
        !is_true(status.condition_of(&ConditionKind::Ready)) || containers_ready,
        || "Ready is True without ContainersReady".to_owned(),
    )?;
    let counts = |c: &ContainerFacts| c.kind == ContainerType::App || c.sidecar;
    let unready = scene.known.iter().find(|(c, s)| counts(c) && !s.ready);
    match unready {
        Some((_, unready)) if containers_ready => {
            Err(format!("ContainersReady is True, {} is not ready", unready.name))
        }
        _ => Ok(()),
    }
}

fn running_has_started(scene: &Scene<'_>) -> Verdict {
    let epoch = scene.facts.input.scenario.epoch_unix_secs;
    for (container, status) in &scene.known {
        if let ContainerState::Running(running) = &status.state {
            let second = running.started_at.0 - epoch;
            ensure(container.start_seconds.contains(&second), || {
                format!("{} is running since second {second}, when nothing started", status.name)
            })?;
        }
    }
    Ok(())
}

fn terminated_has_ended(scene: &Scene<'_>) -> Verdict {
    // After a reboot the runtime dates the ends of what it lost to its own return.
    if scene.node().kubelet_stops > 0 {
        return Ok(());
    }
    let epoch = scene.facts.input.scenario.epoch_unix_secs;
    for (container, status) in &scene.known {
        let states = [Some(&status.state), status.last_state.as_ref()];
        for state in states.into_iter().flatten() {
            let ContainerState::Terminated(end) = state else {
                continue;
            };
            let Some(finished) = end.finished_at else { continue };
            let (second, code) = (finished.0 - epoch, end.exit_code);
            ensure(container.ends.contains(&(second, code)), || {
                format!(
                    "{} has ended in second {second} with {code}, says the status; it has not",
                    status.name
                )
            })?;
        }
    }
    Ok(())
}

fn start_time_is_fixed(scene: &Scene<'_>) -> Verdict {
    let Some((before, after)) = pair(scene) else {
        return Ok(());
    };
    ensure(
        before.start_time.is_none() || before.start_time == after.start_time,
        || format!("startTime goes from {:?} to {:?}", before.start_time, after.start_time),
    )
}

fn transition_times(scene: &Scene<'_>) -> Verdict {
    let (Some((before, after)), Some((pod, _))) = (pair(scene), scene.pod()) else {
        return Ok(());
    };
    // What was never written may have turned there and back between two writes: Ready with a container that becomes ready
    // and another that ceases to be, with a new container, or with a readiness probe that fails and one that then succeeds
    // at once or is the first of a new kubelet; a sandbox may have come and gone, or gone and come; anything before the
    // pod's end, which turns conditions without dating the turn anew (mergePodStatus).
    let turned_ready = |new: &ContainerStatus, old: &ContainerStatus| {
        old.name == new.name && (!old.ready || old.container_id != new.container_id)
    };
    let became_ready = |new: &ContainerStatus| new.ready && statuses(before).any(|old| turned_ready(new, old));
    let failed = |container: &ContainerFacts| container.probes[ProbeType::Readiness as usize].failures > 0;
    let readiness_turned =
        statuses(after).any(became_ready) || pod.containers.iter().any(failed) || scene.node().kubelet_stops > 0;
    let init_turned = before.init_container_statuses != after.init_container_statuses;
    let sandbox_turned = pod.sandboxes_made > 1 || pod.sandboxes_made > 0 && pod.sandboxes_kept.is_empty();
    let ends = after.is_terminal() && !before.is_terminal();
    for old in &before.conditions {
        let Some(new) = after.condition_of(&old.kind) else {
            continue;
        };
        let (was, is) = (old.last_transition_time, new.last_transition_time);
        let turned = match old.kind {
            _ if old.status != new.status || ends => true,
            ConditionKind::Ready | ConditionKind::ContainersReady => readiness_turned,
            ConditionKind::PodReadyToStartContainers => sandbox_turned,
            ConditionKind::Initialized => init_turned,
            _ => false,
        };
        ensure(was == is || was.is_none() || turned && is >= was, || {
            format!(
                "lastTransitionTime of {} goes from {was:?} to {is:?}, its status from {:?} to {:?}",
                old.kind, old.status, new.status
            )
        })?;
    }
    Ok(())
}

fn statuses_follow_the_spec(scene: &Scene<'_>) -> Verdict {
    let Some((_, pod, status)) = written(scene) else {
        return Ok(());
    };
    // A pod that was turned away, or that ends before the kubelet has seen it, has none.
    let (init, apps) = (&status.init_container_statuses, &status.container_statuses);
    if init.is_empty() && apps.is_empty() {
        return Ok(());
    }
    let in_order = init
        .iter()
        .map(|s| &s.name)
        .eq(pod.spec.init_containers.iter().map(|c| &c.name));
    let sorted = apps.is_sorted_by(|a, b| a.name < b.name);
    let complete = apps.len() == pod.spec.containers.len()
        && pod
            .spec
            .containers
            .iter()
            .all(|c| apps.iter().any(|s| s.name == c.name));
    ensure(in_order && sorted && complete, || {
        let names: Vec<_> = statuses(status).map(|s| &*s.name).collect();
        format!("the statuses are those of {}", names.join(", "))
    })
}

fn crash_loop_has_backed_off(scene: &Scene<'_>) -> Verdict {
    for (container, status) in &scene.known {
        let ContainerState::Waiting(waiting) = &status.state else {
            continue;
        };
        let crash_loop = waiting.reason.as_deref() == Some("CrashLoopBackOff");
        ensure(!crash_loop || container.backed_off, || {
            format!("{} waits with CrashLoopBackOff, and no back-off was met", status.name)
        })?;
    }
    Ok(())
}

fn terminal_means_stopped(scene: &Scene<'_>) -> Verdict {
    let Some((facts, _, status)) = written(scene) else {
        return Ok(());
    };
    let was = facts.status.as_ref().is_some_and(|before| before.is_terminal());
    if was || !status.is_terminal() {
        return Ok(());
    }
    match facts.containers.iter().find(|c| !c.live.is_empty()) {
        Some(running) if scene.node().kubelet_stops == 0 => Err(format!(
            "the phase becomes {:?} while {} runs",
            status.phase, running.name
        )),
        _ => Ok(()),
    }
}

fn deadline_has_passed(scene: &Scene<'_>) -> Verdict {
    let Some((_, pod, status)) = written(scene) else {
        return Ok(());
    };
    if status.reason.as_deref() != Some("DeadlineExceeded") {
        return Ok(());
    }
    let (Some(deadline), Some(start)) = (pod.spec.active_deadline_seconds, status.start_time) else {
        return Err("DeadlineExceeded without a deadline or a start time".to_owned());
    };
    let start = (start.0 - scene.facts.input.scenario.epoch_unix_secs) * 1_000_000_000;
    let passed = scene.record.at.0 - start;
    ensure(passed >= deadline * 1_000_000_000, || {
        format!("DeadlineExceeded {passed} ns after startTime, with activeDeadlineSeconds {deadline}")
    })
}

fn network_needs_a_sandbox(scene: &Scene<'_>) -> Verdict {
    let Some((facts, pod, status)) = written(scene) else {
        return Ok(());
    };
    let own_ip = status.pod_ip.is_some() && !pod.spec.host_network;
    let network = own_ip || is_true(status.condition_of(&ConditionKind::PodReadyToStartContainers));
    ensure(!network || facts.sandboxes_made > 0, || {
        "the pod has a network without a sandbox".to_owned()
    })
}

/// Those that every kubelet writes.
const CONDITIONS: [ConditionKind; 4] = [
    ConditionKind::Initialized,
    ConditionKind::Ready,
    ConditionKind::ContainersReady,
    ConditionKind::PodScheduled,
];

fn conditions_are_complete(scene: &Scene<'_>) -> Verdict {
    let Some((_, _, status)) = written(scene) else {
        return Ok(());
    };
    // A pod that was turned away, or that ends before the kubelet has seen it, has none.
    if statuses(status).next().is_none() {
        return Ok(());
    }
    for kind in &CONDITIONS {
        let mut of_kind = status.conditions.iter().filter(|c| c.kind == *kind);
        let (first, second) = (of_kind.next(), of_kind.next());
        ensure(first.is_some() && second.is_none(), || {
            format!("{kind} is not there, or more than once")
        })?;
        ensure(*kind != ConditionKind::PodScheduled || is_true(first), || {
            "PodScheduled is not True".to_owned()
        })?;
    }
    Ok(())
}

fn pod_ip_stays(scene: &Scene<'_>) -> Verdict {
    let (Some((before, after)), Some(pod)) = (pair(scene), scene.pod) else {
        return Ok(());
    };
    let kept = before.pod_ip.is_none() || before.pod_ip == after.pod_ip;
    // Of a sandbox that is stopped before a relist has seen it the kubelet remembers nothing.
    let gone = pod.sandboxes_made > 1 || pod.sandboxes_kept.is_empty() || pod.sandbox_died;
    ensure(kept || gone || scene.node().kubelet_stops > 0, || {
        format!("podIP goes from {:?} to {:?}", before.pod_ip, after.pod_ip)
    })
}

fn mounts_are_those_of_the_spec(scene: &Scene<'_>) -> Verdict {
    let Some((_, pod, status)) = written(scene) else {
        return Ok(());
    };
    let told = scene.kubelet().features.mounts_in_statuses;
    let may_lack = !told || scene.node().kubelet_stops > 0;
    for (_, container) in pod.all_containers() {
        let Some(shown) = statuses(status).find(|status| status.name == container.name) else {
            continue;
        };
        let shown = &shown.volume_mounts;
        let holds = if shown.is_empty() {
            may_lack || container.volume_mounts.is_empty()
        } else {
            told && *shown == container.volume_mounts
        };
        ensure(holds, || {
            format!(
                "the status of {} shows the mounts {shown:?}, its spec has {:?}",
                container.name, container.volume_mounts
            )
        })?;
    }
    Ok(())
}

fn generation_never_falls(scene: &Scene<'_>) -> Verdict {
    let Some((facts, _, status)) = written(scene) else {
        return Ok(());
    };
    let before = facts.status.as_ref().and_then(|before| before.observed_generation);
    let after = status.observed_generation;
    ensure(after >= before && after.is_none_or(|after| after >= 1), || {
        format!("observedGeneration goes from {before:?} to {after:?}")
    })
}
