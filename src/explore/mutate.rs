//! Mutations: a given input with a few things changed, for `fuzz --around`.

use super::stream::{Stream, StreamOf};
use crate::api::features::Features;
use crate::api::pod::{Container, Handler, Name, PodSpec, RestartPolicy};
use crate::kernel::{Duration, Time};
use crate::scenario::distributions;
use crate::scenario::named;
use crate::scenario::types::{
    Action, ActionKind, ContainerScript, EVICTION_MESSAGE, EvictionReason, Exit, Input, NodeScript, OnTerm,
    ProbeAnswer, Run, Schedule, Span,
};

/// Run number `run` around `input`: number 0 is the input as it is.
pub fn mutated(input: &Input, seed: u64, run: u64) -> Input {
    let mut changed = input.clone();
    if run == 0 {
        return changed;
    }
    let mut stream = Stream::new(seed, run, StreamOf::Mutations);
    if !input.scenario.distributions.is_empty() {
        // A scenario that is written down has a seed, and no number of a run.
        changed.scenario.seed = u64::from(stream.below(u32::MAX));
        changed.scenario = distributions::draw(&changed.scenario, 0).into();
    }
    for _ in 0..stream.between(1, 4) {
        mutate(&mut stream, &mut changed);
    }
    changed.scenario.name_distributions();
    changed
}

fn mutate(stream: &mut Stream, input: &mut Input) {
    match stream.below(10) {
        0 => {
            input.scenario.schedule = Schedule::Seeded;
            let seeded = stream.chance(50);
            let scenario = &mut *input.scenario;
            let nodes = scenario.nodes.iter_mut().map(|node| &mut node.kubelet);
            nodes
                .chain([&mut scenario.kubelet])
                .for_each(|kubelet| kubelet.seeded_phases = seeded);
            input.scenario.seed = u64::from(stream.below(u32::MAX));
        }
        1 | 2 => add_action(stream, input),
        3 => move_action(stream, input),
        4 => change_pod(stream, input),
        5 => change_probe(stream, input),
        6 => change_latency(stream, input),
        _ => change_script(stream, input),
    }
}

/// Between half and twice as long.
fn stretched(stream: &mut Stream, duration: Duration) -> Duration {
    let factor = i64::from(stream.between(50, 200));
    Duration(duration.0 / 100 * factor)
}

fn horizon(input: &Input) -> Duration {
    input.scenario.run_for.unwrap_or(Duration::from_secs(120))
}

fn add_action(stream: &mut Stream, input: &mut Input) {
    let pod = &stream.pick(&input.pods).pod;
    let containers: Vec<_> = pod.all_containers().map(|(_, c)| c.name.clone()).collect();
    let name = named::shortest(input, pod);
    let node = |stream: &mut Stream| some_node(stream, &input.scenario.nodes);
    let what = match stream.below(12) {
        0..3 => ActionKind::Kill {
            pod: name,
            container: stream.pick(&containers).clone(),
            code: *stream.pick(&[0, 1, 137]),
            reason: None,
        },
        3 | 4 => ActionKind::KillSandbox { pod: name },
        5 => ActionKind::RestartKubelet {
            node: node(stream),
            down: stream.millis(0, 20_000),
        },
        6 => match stream.below(3) {
            0 => ActionKind::RebootNode {
                node: node(stream),
                down: stream.millis(1_000, 40_000),
            },
            1 => ActionKind::ShutdownNode { node: node(stream) },
            _ => ActionKind::Evict {
                pod: name,
                reason: EvictionReason::NodePressure,
                message: EVICTION_MESSAGE.into(),
            },
        },
        _ => ActionKind::DeletePod {
            pod: name,
            grace_period_seconds: stream.chance(50).then(|| i64::from(stream.between(0, 40))),
        },
    };
    let millis = u32::try_from(horizon(input).0 / 1_000_000).unwrap_or(u32::MAX - 1);
    let at = Time::ZERO + Duration::from_millis(i64::from(stream.between(0, millis)));
    input.scenario.actions.push(Action { at, what, place: None });
}

/// A node for an action: of several one must be named.
pub(super) fn some_node(stream: &mut Stream, nodes: &[NodeScript]) -> Option<Name> {
    (!nodes.is_empty()).then(|| stream.pick(nodes).name.clone())
}

fn move_action(stream: &mut Stream, input: &mut Input) {
    let count = u32::try_from(input.scenario.actions.len()).unwrap_or(0);
    if count > 0 {
        let action = &mut input.scenario.actions[stream.below(count) as usize];
        action.at = Time::ZERO + stretched(stream, action.at - Time::ZERO);
    }
}

fn change_pod(stream: &mut Stream, input: &mut Input) {
    let count = u32::try_from(input.pods.len()).unwrap_or(1);
    let features = &input.scenario.kubelet.features;
    let spec = &mut input.pods[stream.below(count) as usize].pod.spec;
    match stream.below(4) {
        0 => spec.termination_grace_period_seconds = i64::from(stream.between(0, 40)),
        1 => {
            spec.restart_policy = *stream.pick(&[RestartPolicy::Always, RestartPolicy::OnFailure, RestartPolicy::Never])
        }
        2 => spec.active_deadline_seconds = Some(i64::from(stream.between(1, 60))),
        _ if features.container_restart_rules => {
            // An app container's own policy; rules need that there is one.
            let count = u32::try_from(spec.containers.len()).unwrap_or(1);
            let container = &mut spec.containers[stream.below(count) as usize];
            let policies = [RestartPolicy::Always, RestartPolicy::OnFailure, RestartPolicy::Never];
            container.restart_policy = Some(*stream.pick(&policies));
        }
        _ => {}
    }
    fit_sleeps(spec, &input.scenario.kubelet.features);
}

/// Hooks that sleep may not sleep for longer than the grace period, and not at all where the version knows no such
/// hooks or no sleep of zero seconds (`validateSleepAction`).
pub(super) fn fit_sleeps(spec: &mut PodSpec, features: &Features) {
    let grace = spec.termination_grace_period_seconds;
    for container in spec.init_containers.iter_mut().chain(&mut spec.containers) {
        for hook in [&mut container.post_start, &mut container.pre_stop] {
            if let Some(Handler::Sleep { seconds }) = hook {
                *seconds = (*seconds).min(grace);
                if !features.sleep_action || *seconds == 0 && !features.sleep_allows_zero {
                    *hook = None;
                }
            }
        }
    }
}

fn change_probe(stream: &mut Stream, input: &mut Input) {
    let pods = input.pods.iter_mut().map(|p| &mut p.pod.spec);
    let containers = pods.flat_map(|spec| spec.init_containers.iter_mut().chain(&mut spec.containers));
    let probes = |c: &'_ mut Container| {
        [
            c.liveness_probe.take(),
            c.readiness_probe.take(),
            c.startup_probe.take(),
        ]
    };
    for container in containers {
        let mut own = probes(container);
        for probe in own.iter_mut().flatten() {
            if !stream.chance(50) {
                continue;
            }
            let number = i32::try_from(stream.between(1, 5)).unwrap_or(1);
            match stream.below(3) {
                0 => probe.period_seconds = number,
                1 => probe.failure_threshold = number,
                _ => probe.initial_delay_seconds = number,
            }
        }
        [
            container.liveness_probe,
            container.readiness_probe,
            container.startup_probe,
        ] = own;
    }
}

fn change_latency(stream: &mut Stream, input: &mut Input) {
    let latencies = &mut input.scenario.latencies;
    let which = match stream.below(4) {
        0 => &mut latencies.run_pod_sandbox,
        1 => &mut latencies.create_container,
        2 => &mut latencies.start_container,
        _ => &mut latencies.stop_pod_sandbox,
    };
    if let Span::Fixed(duration) = which {
        *duration = stretched(stream, *duration);
    }
}

fn change_script(stream: &mut Stream, input: &mut Input) {
    if input.scenario.containers.is_empty() || stream.chance(10) {
        let pod = &stream.pick(&input.pods).pod;
        let containers: Vec<_> = pod.all_containers().map(|(_, c)| c.name.clone()).collect();
        let script = ContainerScript {
            pod: Some(named::shortest(input, pod)),
            name: stream.pick(&containers).clone(),
            runs: vec![Run::default()],
        };
        input.scenario.containers.insert(0, script);
    }
    let count = u32::try_from(input.scenario.containers.len()).unwrap_or(1);
    let runs = &mut input.scenario.containers[stream.below(count) as usize].runs;
    if runs.is_empty() {
        runs.push(Run::default());
    }
    let count = u32::try_from(runs.len()).unwrap_or(1);
    let run = &mut runs[stream.below(count) as usize];
    match stream.below(5) {
        0 => {
            run.exit = Some(Exit {
                after: stream.millis(0, 30_000).into(),
                code: *stream.pick(&[0, 1, 137]),
                reason: None,
                message: None,
            });
        }
        1 => match run.exit.as_mut().map(|exit| &mut exit.after) {
            Some(Span::Fixed(after)) => *after = stretched(stream, *after),
            Some(Span::Drawn(_)) => {}
            None => run.on_term = OnTerm::Ignore,
        },
        2 => {
            run.on_term = OnTerm::Exit {
                after: stream.millis(0, 40_000).into(),
                code: 143,
            };
        }
        3 => run.start.error = stream.chance(50).then(|| "exec: not found".into()),
        _ => {
            let windows = run
                .liveness
                .iter_mut()
                .chain(&mut run.readiness)
                .chain(&mut run.startup);
            for window in windows {
                if !stream.chance(50) {
                    continue;
                }
                window.result = *stream.pick(&[ProbeAnswer::Success, ProbeAnswer::Failure]);
            }
        }
    }
}
