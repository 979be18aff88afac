//! Events: of the right type, and told when what they tell of has happened.

use super::{Invariant, Kind, Scene, Verdict, ensure};
use crate::trace::What;

pub(super) const INVARIANTS: &[Invariant] = &[
    Invariant {
        name: "events-have-their-type",
        holds: "an event is a Warning if its reason tells of something wrong, and Normal otherwise; BackOff of a pull is Normal",
        source: "pkg/kubelet/events/event.go, and the calls of the recorder there",
        kind: Kind::Event,
        check: events_have_their_type,
    },
    Invariant {
        name: "events-follow-their-calls",
        holds: "Created is told of a container that was created and waits for its start, Started at the instant at which a process has started",
        source: "pkg/kubelet/kuberuntime/kuberuntime_container.go: startContainer",
        kind: Kind::Event,
        check: events_follow_their_calls,
    },
];

/// Reasons that tell of nothing wrong, besides the BackOff of a pull.
const NORMAL: [&str; 9] = [
    "Created",
    "DeadlineExceeded",
    "Killing",
    "Pulled",
    "Pulling",
    "SandboxChanged",
    "Shutdown",
    "Started",
    "Starting",
];

fn events_have_their_type(scene: &Scene<'_>) -> Verdict {
    let What::Event(event) = &scene.record.what else {
        return Ok(());
    };
    let normal = match event.reason {
        "BackOff" => event.message.starts_with("Back-off pulling image"),
        reason => NORMAL.contains(&reason),
    };
    ensure(event.warning != normal, || {
        let called = if event.warning { "a warning" } else { "no warning" };
        format!("{} is {called}: {}", event.reason, event.message)
    })
}

fn events_follow_their_calls(scene: &Scene<'_>) -> Verdict {
    let (What::Event(event), Some(container)) = (&scene.record.what, scene.container) else {
        return Ok(());
    };
    match event.reason {
        "Created" => ensure(container.created && !container.to_start.is_empty(), || {
            "Created is told, and no container waits for its start".to_owned()
        }),
        "Started" => ensure(container.started.is_some_and(|(at, _)| at == scene.record.at), || {
            "Started is told, and no process has started just now".to_owned()
        }),
        _ => Ok(()),
    }
}
