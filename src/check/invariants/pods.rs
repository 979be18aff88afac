//! What pods refer to, and what is done to them while they run: gates, objects, volumes, images, debuggers.

use super::restarts::is_unknown_to_the_kubelet;
use super::{Invariant, Kind, Scene, Verdict, ensure};
use crate::api::objects::ObjectKind;
use crate::api::pod::{Container, ContainerType, EnvFrom, EnvValue, Name};
use crate::api::status::ConditionStatus;
use crate::kernel::Duration;
use crate::trace::{CallPhase, CriCall, CriOp, What};

pub(super) const INVARIANTS: &[Invariant] = &[
    Invariant {
        name: "gated-pods-wait",
        holds: "nothing but calls of the API happens to a pod that has scheduling gates",
        source: "pkg/registry/core/pod/strategy.go: applySchedulingGatedCondition; pkg/scheduler/framework/plugins/schedulinggates",
        kind: Kind::Any,
        check: gated_pods_wait,
    },
    Invariant {
        name: "environment-is-there",
        holds: "a container is created only when every ConfigMap, Secret and key that its environment needs is there",
        source: "pkg/kubelet/kubelet_pods.go: makeEnvironmentVariables",
        kind: Kind::Begins(&[CriOp::CreateContainer]),
        check: environment_is_there,
    },
    Invariant {
        name: "nobody-is-root-who-must-not",
        holds: "a container that must not run as root and whose user is root is not created",
        source: "pkg/kubelet/kuberuntime/security_context_others.go: verifyRunAsNonRoot",
        kind: Kind::Begins(&[CriOp::CreateContainer]),
        check: nobody_is_root_who_must_not,
    },
    Invariant {
        name: "volumes-come-first",
        holds: "no sandbox and no container is made before the present kubelet has mounted the pod's scripted volumes",
        source: "pkg/kubelet/kubelet.go: SyncPod; pkg/kubelet/volumemanager/volume_manager.go: WaitForAttachAndMount",
        kind: Kind::Begins(&[CriOp::RunPodSandbox, CriOp::CreateContainer]),
        check: volumes_come_first,
    },
    Invariant {
        name: "mounts-back-off",
        holds: "a failed mount is tried again after 500 ms, doubled at each failure up to 2m2s",
        source: "pkg/util/goroutinemap/exponentialbackoff/exponential_backoff.go: SafeToRetry, Update",
        kind: Kind::Volume,
        check: mounts_back_off,
    },
    Invariant {
        name: "gates-hold-readiness-up",
        holds: "Ready becomes True only when the condition of each readiness gate is True, as the last sync saw it",
        source: "pkg/kubelet/status/generate.go: GeneratePodReadyCondition",
        kind: Kind::Status,
        check: gates_hold_readiness_up,
    },
    Invariant {
        name: "changed-means-changed",
        holds: "a container is killed because its definition changed only after somebody has changed its image",
        source: "pkg/kubelet/kuberuntime/kuberuntime_manager.go: containerChanged",
        kind: Kind::Event,
        check: changed_means_changed,
    },
    Invariant {
        name: "debuggers-start-once",
        holds: "an ephemeral container starts at most once, also in a new sandbox",
        source: "pkg/kubelet/kuberuntime/kuberuntime_manager.go: computePodActions (EphemeralContainersToStart)",
        kind: Kind::Begins(&[CriOp::StartContainer]),
        check: debuggers_start_once,
    },
];

fn begins<'a>(scene: &Scene<'a>, ops: &[CriOp]) -> Option<&'a CriCall> {
    match &scene.record.what {
        What::Cri(call) if call.phase == CallPhase::Begin && ops.contains(&call.op) => Some(call),
        _ => None,
    }
}

fn gated_pods_wait(scene: &Scene<'_>) -> Verdict {
    let Some((_, pod)) = scene.pod() else { return Ok(()) };
    let calm = matches!(scene.record.what, What::Api(_) | What::Note { .. });
    ensure(calm || !pod.is_gated(), || {
        "something happens to a pod that no scheduler has let through".to_owned()
    })
}

/// What a container's environment cannot do without: kind, object, key.
fn needed(container: &Container) -> impl Iterator<Item = (ObjectKind, &Name, Option<&Name>)> {
    let whole = container.env_from.iter().filter_map(|source| match source {
        EnvFrom::ConfigMap { name, optional } => (!optional).then_some((ObjectKind::ConfigMap, name, None)),
        EnvFrom::Secret { name, optional } => (!optional).then_some((ObjectKind::Secret, name, None)),
    });
    let keys = container.env.iter().filter_map(|variable| match &variable.value {
        EnvValue::ConfigMapKey { name, key, optional } => {
            (!optional).then_some((ObjectKind::ConfigMap, name, Some(key)))
        }
        EnvValue::SecretKey { name, key, optional } => (!optional).then_some((ObjectKind::Secret, name, Some(key))),
        EnvValue::Literal(_) | EnvValue::Field(_) | EnvValue::Other => None,
    });
    whole.chain(keys)
}

fn environment_is_there(scene: &Scene<'_>) -> Verdict {
    let (Some((_, pod)), Some(container), Some(_)) =
        (scene.pod(), scene.container, begins(scene, &[CriOp::CreateContainer]))
    else {
        return Ok(());
    };
    let Some(spec) = container.spec(pod) else { return Ok(()) };
    let there = |(kind, name, key): &(ObjectKind, &Name, Option<&Name>)| {
        let objects = &scene.facts.objects;
        objects.has(*kind, &pod.namespace, name, *key, scene.record.at)
    };
    match needed(spec).find(|needed| !there(needed)) {
        None => Ok(()),
        Some((kind, name, key)) => Err(format!(
            "it is created without {} {name:?}{}",
            kind.as_str(),
            key.map(|key| format!(" with key {key:?}")).unwrap_or_default()
        )),
    }
}

fn nobody_is_root_who_must_not(scene: &Scene<'_>) -> Verdict {
    let (Some((_, pod)), Some(container), Some(_)) =
        (scene.pod(), scene.container, begins(scene, &[CriOp::CreateContainer]))
    else {
        return Ok(());
    };
    let run_as = container.spec(pod).map(|spec| spec.run_as).unwrap_or_default();
    ensure(!run_as.non_root || run_as.user != Some(0), || {
        "it is created as root, which it must not be".to_owned()
    })
}

fn volumes_come_first(scene: &Scene<'_>) -> Verdict {
    let made = begins(scene, &[CriOp::RunPodSandbox, CriOp::CreateContainer]);
    let (Some(pod), Some(call)) = (scene.pod, made) else {
        return Ok(());
    };
    match pod.volumes.iter().find(|volume| !volume.mounted) {
        None => Ok(()),
        Some(volume) => Err(format!("{:?} while volume {} is not mounted", call.op, volume.name)),
    }
}

fn mounts_back_off(scene: &Scene<'_>) -> Verdict {
    let (Some(pod), What::Volume { volume, phase, .. }) = (scene.pod, &scene.record.what) else {
        return Ok(());
    };
    let known = pod.volumes.iter().find(|v| v.name == *volume);
    let Some(not_before) = known
        .filter(|_| *phase == CallPhase::Begin)
        .and_then(|v| v.not_before())
    else {
        return Ok(());
    };
    ensure(scene.record.at >= not_before, || {
        format!("volume {volume} is tried {} too early", not_before - scene.record.at)
    })
}

fn gates_hold_readiness_up(scene: &Scene<'_>) -> Verdict {
    let (Some((facts, pod)), What::Status(status)) = (scene.pod(), &scene.record.what) else {
        return Ok(());
    };
    let is_true = |status: &crate::api::status::PodStatus, kind: &str| {
        let condition = status.condition(kind);
        condition.is_some_and(|c| c.status == ConditionStatus::True)
    };
    let became = is_true(status, "Ready") && !facts.status.as_ref().is_some_and(|before| is_true(before, "Ready"));
    // Nobody asks for a sync because of a gate as long as containers are not ready: what probes find is put together with
    // the gate as the last sync saw it, and the next regular one may be half as late again, with jitter.
    let next_sync = scene.kubelet().sync_frequency.times(3).0 / 2;
    let written_now = facts
        .gate_written
        .is_some_and(|at| scene.record.at - at < Duration(next_sync) + Duration::from_secs(3));
    if !became || written_now || facts.touched {
        return Ok(());
    }
    match pod.spec.readiness_gates.iter().find(|gate| !is_true(status, gate)) {
        None => Ok(()),
        Some(gate) => Err(format!("Ready becomes True while {gate} is not")),
    }
}

fn changed_means_changed(scene: &Scene<'_>) -> Verdict {
    let (Some(container), What::Event(event)) = (scene.container, &scene.record.what) else {
        return Ok(());
    };
    let says_so = event.reason == "Killing" && event.message.contains("definition changed");
    ensure(!says_so || container.image_changed, || {
        "it is killed for a change that nobody has made".to_owned()
    })
}

fn debuggers_start_once(scene: &Scene<'_>) -> Verdict {
    let (Some(container), Some(_)) = (scene.container, begins(scene, &[CriOp::StartContainer])) else {
        return Ok(());
    };
    let again = container.kind == ContainerType::Ephemeral && container.starts > 0;
    let again = again && !is_unknown_to_the_kubelet(scene, container);
    ensure(!again, || "an ephemeral container is started again".to_owned())
}
