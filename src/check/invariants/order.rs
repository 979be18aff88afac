//! The order of things: time, causes, and calls that presuppose others.

use super::facts::PodFacts;
use super::{Invariant, Kind, Scene, Verdict, ensure};
use crate::api::pod::{ContainerType, Handler, Name};
use crate::trace::{CallPhase, CriCall, CriOp, HookType, What};

pub(super) const INVARIANTS: &[Invariant] = &[
    Invariant {
        name: "time-goes-forward",
        holds: "no record lies before the one before it, and their numbers have no gaps",
        source: "podlapse's own: a discrete-event simulation",
        kind: Kind::Any,
        check: time_goes_forward,
    },
    Invariant {
        name: "causes-come-first",
        holds: "a record's cause is an earlier record",
        source: "podlapse's own: causality",
        kind: Kind::Any,
        check: causes_come_first,
    },
    Invariant {
        name: "only-known-pods",
        holds: "the kubelet does nothing for a pod that has not been created, and writes no status of one that is gone",
        source: "pkg/kubelet/kubelet.go: HandlePodAdditions; pkg/kubelet/status/status_manager.go: syncPod",
        kind: Kind::Any,
        check: only_known_pods,
    },
    Invariant {
        name: "calls-end-once",
        holds: "a CRI call that ends has begun and had not ended",
        source: "cri-api: one reply to one request",
        kind: Kind::Cri,
        check: calls_end_once,
    },
    Invariant {
        name: "calls-say-what-they-need",
        holds: "only the end of a CRI call has an error, only StopContainer and ExecSync have a timeout, only CreateContainer and PullImage an image, which is the container's own as long as nobody has changed it",
        source: "cri-api: the fields of the requests; pkg/kubelet/kuberuntime/kuberuntime_container.go: generateContainerConfig",
        kind: Kind::Cri,
        check: calls_say_what_they_need,
    },
    Invariant {
        name: "sandbox-before-containers",
        holds: "a container is created in a sandbox that the kubelet made and has not begun to stop",
        source: "pkg/kubelet/kuberuntime/kuberuntime_manager.go: SyncPod, steps 4 to 7",
        kind: Kind::Begins(&[CriOp::CreateContainer]),
        check: sandbox_before_containers,
    },
    Invariant {
        name: "one-sandbox",
        holds: "a sandbox is made only when the kubelet has stopped the one before",
        source: "pkg/kubelet/kuberuntime/kuberuntime_manager.go: SyncPod, step 2",
        kind: Kind::Begins(&[CriOp::RunPodSandbox]),
        check: one_sandbox,
    },
    Invariant {
        name: "create-before-start",
        holds: "what is started was created before, and is started once",
        source: "pkg/kubelet/kuberuntime/kuberuntime_container.go: startContainer",
        kind: Kind::Begins(&[CriOp::StartContainer]),
        check: create_before_start,
    },
    Invariant {
        name: "one-live-process",
        holds: "a container has at most one live process",
        source: "pkg/kubelet/kuberuntime/kuberuntime_manager.go: computePodActions",
        kind: Kind::Cri,
        check: one_live_process,
    },
    Invariant {
        name: "only-the-living-exit",
        holds: "a process that ends was running",
        source: "podlapse's own: the simulated runtime",
        kind: Kind::Exit,
        check: only_the_living_exit,
    },
    Invariant {
        name: "init-order",
        holds: "a container starts only after every init container before it has completed, or has started if it is a sidecar",
        source: "pkg/kubelet/kuberuntime/kuberuntime_container.go: computeInitContainerActions",
        kind: Kind::Begins(&[CriOp::StartContainer]),
        check: init_order,
    },
    Invariant {
        name: "hooks-are-in-the-spec",
        holds: "a hook runs only if the container has it, and ends only if it has begun",
        source: "pkg/kubelet/lifecycle/handlers.go: Run",
        kind: Kind::Hook,
        check: hooks_are_in_the_spec,
    },
];

fn time_goes_forward(scene: &Scene<'_>) -> Verdict {
    let Some((at, seq)) = scene.facts.last else {
        return Ok(());
    };
    let record = scene.record;
    ensure(record.at >= at && record.seq == seq + 1 && !scene.facts.ended, || {
        format!(
            "record {} at {} follows record {seq} at {}",
            record.seq, record.at.0, at.0
        )
    })
}

fn causes_come_first(scene: &Scene<'_>) -> Verdict {
    let record = scene.record;
    ensure(record.cause.is_none_or(|cause| cause < record.seq), || {
        format!("record {} says that {:?} has caused it", record.seq, record.cause)
    })
}

fn only_known_pods(scene: &Scene<'_>) -> Verdict {
    let Some((pod, _)) = scene.pod() else { return Ok(()) };
    match &scene.record.what {
        What::Api(_) | What::Note { .. } => Ok(()),
        What::Status(_) => ensure(pod.exists(), || {
            "a status is written of a pod that the API does not have".to_owned()
        }),
        _ => ensure(pod.created.is_some(), || {
            "something happens to a pod before its creation".to_owned()
        }),
    }
}

fn cri<'a>(scene: &Scene<'a>) -> Option<(&'a CriCall, u32)> {
    match &scene.record.what {
        What::Cri(call) => Some((call, scene.record.attempt.unwrap_or(0))),
        _ => None,
    }
}

/// A call of that kind and phase which did not fail.
fn call<'a>(scene: &Scene<'a>, op: CriOp, phase: CallPhase) -> Option<(&'a CriCall, u32)> {
    cri(scene).filter(|(call, _)| call.op == op && call.phase == phase && call.error.is_none())
}

fn calls_say_what_they_need(scene: &Scene<'_>) -> Verdict {
    let Some((call, _)) = cri(scene) else { return Ok(()) };
    ensure(call.phase == CallPhase::End || call.error.is_none(), || {
        format!("{:?} fails before it has ended", call.op)
    })?;
    let has_timeout = matches!(call.op, CriOp::StopContainer | CriOp::ExecSync);
    ensure(has_timeout || call.timeout.is_none(), || {
        format!("{:?} has the timeout {:?}", call.op, call.timeout)
    })?;
    let has_image = matches!(call.op, CriOp::CreateContainer | CriOp::PullImage);
    ensure(call.image.is_some() == has_image, || {
        format!("{:?} has the image {:?}", call.op, call.image)
    })?;
    let created = scene.container.filter(|_| call.op == CriOp::CreateContainer);
    let own = |image: &Name| created.is_none_or(|container| container.image == *image || container.image_changed);
    ensure(call.image.as_ref().is_none_or(own), || {
        format!("the container is created from {:?}", call.image)
    })
}

fn calls_end_once(scene: &Scene<'_>) -> Verdict {
    let (Some(container), Some((call, attempt))) = (scene.container, cri(scene)) else {
        return Ok(());
    };
    // What a machine took down with it may be answered by nobody, or late.
    let open = call.phase == CallPhase::Begin || container.open_calls.contains(&(call.op, attempt));
    ensure(open, || {
        format!("{:?} of attempt {attempt} ends without having begun", call.op)
    })
}

fn sandbox_before_containers(scene: &Scene<'_>) -> Verdict {
    let (Some((pod, _)), Some(_)) = (scene.pod(), call(scene, CriOp::CreateContainer, CallPhase::Begin)) else {
        return Ok(());
    };
    // The sync that stops a pod whose work is done still starts the ephemeral containers that it had planned.
    if scene.container.is_some_and(|c| c.kind == ContainerType::Ephemeral) {
        return Ok(());
    }
    // A new kubelet may find a sandbox ready whose stop its predecessor has begun; and a dead one of an evicted pod is
    // garbage even while a sync goes on with it.
    let may_be_gone = pod.sandboxes_made > 0 && (pod.evicted || scene.node().kubelet_stops > 0);
    ensure(!pod.sandboxes_kept.is_empty() || may_be_gone, || {
        "a container is created without a sandbox".to_owned()
    })
}

fn one_sandbox(scene: &Scene<'_>) -> Verdict {
    let (Some((pod, _)), Some(_)) = (scene.pod(), call(scene, CriOp::RunPodSandbox, CallPhase::Begin)) else {
        return Ok(());
    };
    // A sandbox that was under way when the kubelet stopped is unknown to the next one.
    ensure(pod.sandboxes_kept.is_empty() || scene.node().kubelet_stops > 0, || {
        format!(
            "another sandbox is made beside those of attempts {:?}",
            pod.sandboxes_kept
        )
    })
}

fn create_before_start(scene: &Scene<'_>) -> Verdict {
    let (Some(container), Some((_, attempt))) = (scene.container, call(scene, CriOp::StartContainer, CallPhase::Begin))
    else {
        return Ok(());
    };
    ensure(container.to_start.contains(&attempt), || {
        format!("attempt {attempt} is started without having been created")
    })
}

fn one_live_process(scene: &Scene<'_>) -> Verdict {
    let (Some(container), Some((_, attempt))) = (scene.container, call(scene, CriOp::StartContainer, CallPhase::End))
    else {
        return Ok(());
    };
    // What a kubelet was starting when it went away may come up late, beside what the next one has started.
    let late = container.orphans.contains(&attempt);
    ensure(late || !container.runs_knowingly(), || {
        format!("attempt {attempt} starts while {:?} still runs", container.live)
    })
}

fn only_the_living_exit(scene: &Scene<'_>) -> Verdict {
    let Some(container) = scene.container else {
        return Ok(());
    };
    let attempt = scene.record.attempt.unwrap_or(0);
    ensure(container.live.contains(&attempt), || {
        format!("attempt {attempt} ends but does not run")
    })
}

fn init_order(scene: &Scene<'_>) -> Verdict {
    let (Some((pod, _)), Some(container), Some(_)) = (
        scene.pod(),
        scene.container,
        call(scene, CriOp::StartContainer, CallPhase::Begin),
    ) else {
        return Ok(());
    };
    let before = match container.kind {
        ContainerType::Init => container.place,
        ContainerType::App => usize::MAX,
        ContainerType::Ephemeral => return Ok(()),
    };
    // Once an app container is there, its predecessors have done what it waited for.
    if container.sidecar
        && pod
            .containers
            .iter()
            .any(|c| c.kind == ContainerType::App && c.starts > 0)
    {
        return Ok(());
    }
    let mut inits = pod
        .containers
        .iter()
        .filter(|c| c.kind == ContainerType::Init && c.place < before);
    match inits.find(|c| !c.done) {
        None => Ok(()),
        // An app container that comes back while another lives asks for no init container.
        Some(_) if container.kind == ContainerType::App && container.starts > 0 => Ok(()),
        // One whose start a reboot has cut short stays `Created`; it counts as initialised in the next sandbox too
        // (`computeInitContainerActions`, podHasInitialized).
        Some(_) if scene.node().kubelet_stops > 0 && has_one_cut_short(pod) => Ok(()),
        Some(waited) => Err(format!("it starts before init container {} is done", waited.name)),
    }
}

/// An app container was created, and a later attempt or nobody started it, or a kubelet's end came before its start.
fn has_one_cut_short(pod: &PodFacts) -> bool {
    let mut apps = pod.containers.iter().filter(|c| c.kind == ContainerType::App);
    apps.any(|c| !c.orphans.is_empty() || c.to_start.iter().any(|attempt| Some(*attempt) != c.attempt))
}

fn hooks_are_in_the_spec(scene: &Scene<'_>) -> Verdict {
    let (Some((_, pod)), Some(container), What::Hook { hook, phase, .. }) =
        (scene.pod(), scene.container, &scene.record.what)
    else {
        return Ok(());
    };
    let handler: Option<&Handler> = container.spec(pod).and_then(|spec| match hook {
        HookType::PostStart => spec.post_start.as_ref(),
        HookType::PreStop => spec.pre_stop.as_ref(),
    });
    ensure(handler.is_some(), || format!("the container has no {hook:?} hook"))?;
    let begun = *phase == CallPhase::Begin || container.open_hooks > 0 || scene.node().kubelet_stops > 0;
    ensure(begun, || format!("{hook:?} ends without having begun"))
}
