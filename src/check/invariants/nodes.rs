//! Nodes and what happens to them: kubelets that are away, shutdowns, evictions, sandboxes that die.

use super::{Invariant, Kind, Scene, Verdict, ensure};
use crate::api::status::{ConditionKind, ConditionStatus, Phase};
use crate::trace::{CallPhase, CriOp, What};

pub(super) const INVARIANTS: &[Invariant] = &[
    Invariant {
        name: "no-kubelet-no-work",
        holds: "while a node's kubelet is away nothing begins for its pods: no call, probe, hook, event or status",
        source: "podlapse's own: what does not run does nothing",
        kind: Kind::Any,
        check: no_kubelet_no_work,
    },
    Invariant {
        name: "shutdown-turns-away",
        holds: "a pod that comes to a node which shuts down gets no sandbox there",
        source: "pkg/kubelet/nodeshutdown/nodeshutdown_manager_linux.go: Admit",
        kind: Kind::Begins(&[CriOp::RunPodSandbox]),
        check: shutdown_turns_away,
    },
    Invariant {
        name: "evicted-means-evicted",
        holds: "a pod fails with Evicted only after its eviction; only evictions, shutdowns and others make it a DisruptionTarget",
        source: "pkg/kubelet/eviction/eviction_manager.go: evictPod; pkg/kubelet/nodeshutdown",
        kind: Kind::Status,
        check: evicted_means_evicted,
    },
    Invariant {
        name: "sandboxes-live-on",
        holds: "a sandbox is said to have changed only when it has died or was stopped, or to a new kubelet",
        source: "pkg/kubelet/kuberuntime/util/util.go: PodSandboxChanged",
        kind: Kind::Event,
        check: sandboxes_live_on,
    },
    Invariant {
        name: "generation-is-gated",
        holds: "observedGeneration is written only by kubelets that track it",
        source: "pkg/features/kube_features.go: PodObservedGenerationTracking",
        kind: Kind::Status,
        check: generation_is_gated,
    },
];

fn no_kubelet_no_work(scene: &Scene<'_>) -> Verdict {
    if scene.pod.is_none() || !scene.node().down {
        return Ok(());
    }
    let begins = match &scene.record.what {
        What::Cri(call) => call.phase == CallPhase::Begin,
        What::Hook { phase, .. } | What::Volume { phase, .. } => *phase == CallPhase::Begin,
        What::Probe { .. } | What::Event(_) | What::Status(_) | What::BackOff { .. } => true,
        What::Api(_) | What::Exit { .. } | What::Node { .. } | What::Log { .. } | What::Command { .. } => false,
        What::Assumed { .. } | What::Note { .. } | What::End { .. } => false,
    };
    ensure(!begins, || "something begins while no kubelet runs".to_owned())
}

fn makes_a_sandbox(scene: &Scene<'_>) -> bool {
    matches!(&scene.record.what, What::Cri(call) if call.op == CriOp::RunPodSandbox && call.phase == CallPhase::Begin)
}

fn shutdown_turns_away(scene: &Scene<'_>) -> Verdict {
    let (Some(pod), Some(since)) = (scene.pod, scene.node().shutting_down) else {
        return Ok(());
    };
    let came_later = pod.created.is_some_and(|created| created > since);
    ensure(!came_later || !makes_a_sandbox(scene), || {
        "a pod that came after the shutdown had begun is taken".to_owned()
    })
}

fn evicted_means_evicted(scene: &Scene<'_>) -> Verdict {
    let (Some(pod), What::Status(status)) = (scene.pod, &scene.record.what) else {
        return Ok(());
    };
    let says_evicted = status.phase == Phase::Failed && status.reason.as_deref() == Some("Evicted");
    ensure(!says_evicted || pod.evicted, || {
        "it fails with Evicted, and nobody has evicted it".to_owned()
    })?;
    let target = status
        .condition_of(&ConditionKind::DisruptionTarget)
        .is_some_and(|c| c.status == ConditionStatus::True);
    let disrupted = pod.evicted
        || pod.gate_written.is_some()
        || scene.node().shutting_down.is_some()
        || scene.node().kubelet_stops > 0;
    ensure(!target || disrupted, || {
        "it is a DisruptionTarget, and nothing has disrupted it".to_owned()
    })
}

fn sandboxes_live_on(scene: &Scene<'_>) -> Verdict {
    let (Some(pod), What::Event(event)) = (scene.pod, &scene.record.what) else {
        return Ok(());
    };
    // One that the kubelet has stopped because nothing ran in it any more is as good as dead.
    let good = pod.sandboxes_kept.is_empty() || pod.sandbox_died || scene.node().kubelet_stops > 0;
    ensure(good || event.reason != "SandboxChanged", || {
        "the sandbox is said to have changed while it is well".to_owned()
    })
}

fn generation_is_gated(scene: &Scene<'_>) -> Verdict {
    let (Some(_), What::Status(status)) = (scene.pod, &scene.record.what) else {
        return Ok(());
    };
    let tracked = scene.kubelet().features.observed_generation;
    ensure(tracked || status.observed_generation.is_none(), || {
        "observedGeneration is written by a kubelet that does not track it".to_owned()
    })
}
