//! Containers that act by themselves: what runs in them, and that scripts come first.

use super::{Invariant, Kind, Scene, Verdict, ensure};
use crate::scenario::lookup::script;

pub(super) const INVARIANTS: &[Invariant] = &[
    Invariant {
        name: "only-the-living-act",
        holds: "commands run and lines are written only in containers that have a process",
        source: "podlapse's own: the simulated runtime",
        kind: Kind::Guest,
        check: only_the_living_act,
    },
    Invariant {
        name: "scripts-come-first",
        holds: "a container that a script speaks of runs no commands of its own",
        source: "podlapse's own: the Scenario's containers[]",
        kind: Kind::Guest,
        check: scripts_come_first,
    },
];

fn only_the_living_act(scene: &Scene<'_>) -> Verdict {
    let Some(container) = scene.container else {
        return Err("something acts in no container".to_owned());
    };
    // What a process writes with its last breath may be seen after its end.
    let just_ended = container.last_end == Some(scene.record.at);
    ensure(!container.live.is_empty() || just_ended, || {
        "something acts in a container that does not run".to_owned()
    })
}

fn scripts_come_first(scene: &Scene<'_>) -> Verdict {
    let (Some((_, pod)), Some(container)) = (scene.pod(), scene.container) else {
        return Ok(());
    };
    let found = script(
        &scene.facts.input.scenario.containers,
        (&pod.namespace, &pod.name),
        &container.name,
    );
    ensure(found.is_none_or(|script| script.runs.is_empty()), || {
        "a container with a script runs commands".to_owned()
    })
}
