//! Images: pulls one at a time, and not before their back-off is over.

use super::{Invariant, Kind, Scene, Verdict, ensure};
use crate::api::objects::ObjectKind;
use crate::api::pod::{Pod, PullPolicy};
use crate::kernel::Duration;
use crate::scenario::lookup::is_image;
use crate::scenario::types::Input;
use crate::trace::{CallPhase, CriCall, CriOp, What};

pub(super) const INVARIANTS: &[Invariant] = &[
    Invariant {
        name: "pulls-within-their-limit",
        holds: "a node pulls at most as many images at a time as serializeImagePulls and maxParallelImagePulls allow",
        source: "pkg/kubelet/images/puller.go: serialImagePuller, parallelImagePuller",
        kind: Kind::Begins(&[CriOp::PullImage]),
        check: pulls_within_their_limit,
    },
    Invariant {
        name: "pulls-within-their-rate",
        holds: "a kubelet begins at most registryBurst pulls at once and registryPullQPS a second after them",
        source: "pkg/kubelet/images/helpers.go: throttleImagePulling",
        kind: Kind::Begins(&[CriOp::PullImage]),
        check: pulls_within_their_rate,
    },
    Invariant {
        name: "pull-back-off",
        holds: "after a failed pull of an image a pod waits at least ten seconds before it is pulled again",
        source: "pkg/kubelet/images/image_manager.go: EnsureImageExists",
        kind: Kind::Begins(&[CriOp::PullImage]),
        check: pull_back_off,
    },
    Invariant {
        name: "never-pulled",
        holds: "an image is pulled only if a container or a volume of the pod may have it pulled",
        source: "pkg/kubelet/images/image_manager.go: shouldPullImage",
        kind: Kind::Begins(&[CriOp::PullImage]),
        check: never_pulled,
    },
];

fn pull<'a>(scene: &Scene<'a>) -> Option<&'a CriCall> {
    match &scene.record.what {
        What::Cri(call) if call.op == CriOp::PullImage && call.phase == CallPhase::Begin => Some(call),
        _ => None,
    }
}

/// Whether a call is for an image of the spec, whose tag may be left out.
fn means(image: &str, call: &CriCall) -> bool {
    call.image.as_deref().is_some_and(|pulled| is_image(pulled, image))
}

/// Whether a pod may have several logins for an image, each of which is tried with a call of its own in the same pull
/// (`kubeGenericRuntimeManager.PullImage`).
fn has_several_logins(input: &Input, pod: &Pod) -> bool {
    let objects = input.objects.iter().map(|given| &given.object);
    let secrets = objects.filter(|object| {
        object.kind == ObjectKind::Secret
            && object.namespace == pod.namespace
            && pod.spec.image_pull_secrets.contains(&object.name)
    });
    secrets.map(|secret| secret.credentials.len()).sum::<usize>() > 1
}

fn pulls_within_their_limit(scene: &Scene<'_>) -> Verdict {
    let Some(_) = pull(scene) else { return Ok(()) };
    let config = scene.kubelet();
    let limit = if config.serialize_image_pulls {
        Some(1)
    } else {
        config.max_parallel_image_pulls
    };
    // A pull goes on when its kubelet stops; the next one does not know of it.
    let within = limit.is_none_or(|limit| scene.node().pulls < limit);
    ensure(within || scene.node().kubelet_stops > 0, || {
        format!("a pull begins beside {} others", scene.node().pulls)
    })
}

fn pulls_within_their_rate(scene: &Scene<'_>) -> Verdict {
    let Some(_) = pull(scene) else { return Ok(()) };
    let config = scene.kubelet();
    let level = scene
        .node()
        .pulls_begun
        .level(scene.record.at, config.registry_pull_qps);
    let burst = f64::from(config.registry_burst);
    let input = &scene.facts.input;
    let tries_logins = || input.pods.iter().any(|given| has_several_logins(input, &given.pod));
    // A rounding error is no pull.
    let within = config.registry_pull_qps == 0 || level + 1.0 < burst + 1e-6;
    ensure(within || tries_logins(), || {
        format!("a pull begins with {level:.3} of {burst} still counting")
    })
}

fn pull_back_off(scene: &Scene<'_>) -> Verdict {
    let (Some((pod, spec)), Some(call)) = (scene.pod(), pull(scene)) else {
        return Ok(());
    };
    let known = pod.pulls.iter().find(|p| Some(&p.image) == call.image.as_ref());
    let Some(failed) = known.and_then(|p| p.failed) else {
        return Ok(());
    };
    let waited = scene.record.at - failed;
    let goes_on = waited == Duration::ZERO && has_several_logins(&scene.facts.input, spec);
    ensure(goes_on || waited >= Duration::from_secs(10), || {
        format!("it is pulled again {waited} after a failed pull")
    })
}

fn never_pulled(scene: &Scene<'_>) -> Verdict {
    let (Some((pod, spec)), Some(call)) = (scene.pod(), pull(scene)) else {
        return Ok(());
    };
    let wanted = pod.containers.iter().any(|c| {
        let may = c.spec(spec).is_none_or(|s| s.image_pull_policy != PullPolicy::Never);
        let own = c.spec(spec).is_some_and(|s| means(&s.image, call));
        // A sync that was under way when the image was changed goes on with the old one.
        may && (own || c.image_changed || means(&c.image, call))
    });
    let mut volumes = spec.spec.image_volumes();
    let mounted = volumes.any(|(_, image, policy)| policy != PullPolicy::Never && means(image, call));
    ensure(wanted || mounted, || {
        format!("image {:?} is pulled, which nothing asks for", call.image)
    })
}
