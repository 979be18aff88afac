//! Shrinking: from an input that breaks an invariant to a small one that still does.
//!
//! Reductions are tried in a fixed order, from the largest to the smallest. One that keeps the failure is kept, and
//! the order begins again behind it; when a whole round keeps nothing, that is the result. No randomness is involved.

use crate::api::pod::{Container, Handler, Name, Pod, Port, RestartPolicy, RunAs};
use crate::kernel::{Duration, Time};
use crate::scenario::lookup::matches_pod;
use crate::scenario::types::{
    Action, ActionKind, Input, KubeletConfig, OnTerm, Outcome, Run, Scenario, Schedule, Span,
};

/// A smaller input on which `fails` still says true, after at most `tries` calls of it.
pub fn shrunk(input: &Input, tries: usize, mut fails: impl FnMut(&Input) -> bool) -> Input {
    let mut best = input.clone();
    let mut left = tries;
    if !best.scenario.distributions.is_empty() {
        best.scenario.fix();
        if !fails(&best) {
            // It takes more than the first draws.
            best = input.clone();
            best.scenario.name_distributions();
            if !fails(&best) {
                return input.clone();
            }
        }
        left = left.saturating_sub(2);
    }
    loop {
        let mut progress = false;
        for reduction in REDUCTIONS {
            let mut place = 0;
            while left > 0 {
                let mut candidate = best.clone();
                match reduction(&mut candidate, place) {
                    Step::Beyond => break,
                    Step::Nothing => place += 1,
                    Step::Reduced => {
                        left -= 1;
                        // What is drawn is named after its place, and places change.
                        candidate.scenario.name_distributions();
                        if fails(&candidate) {
                            // What stood behind is now at this place.
                            best = candidate;
                            progress = true;
                        } else {
                            place += 1;
                        }
                    }
                }
            }
        }
        if !progress || left == 0 {
            return best;
        }
    }
}

/// What a reduction did at a place.
enum Step {
    /// There is no such place.
    Beyond,
    /// There is nothing to reduce at it.
    Nothing,
    /// The input is smaller.
    Reduced,
}

type Reduction = fn(&mut Input, usize) -> Step;

const REDUCTIONS: &[Reduction] = &[
    drop_pod,
    one_node,
    drop_container,
    drop_action,
    drop_script,
    drop_object,
    shorten,
    calm_world,
    drop_run,
    calm_run,
    calm_container,
    calm_pod,
    drop_window,
    fix_duration,
    round_time,
];

/// A change is a reduction only if it changes something.
fn step(changed: bool) -> Step {
    if changed { Step::Reduced } else { Step::Nothing }
}

fn drop_pod(input: &mut Input, place: usize) -> Step {
    if place >= input.pods.len() || input.pods.len() == 1 {
        return Step::Beyond;
    }
    let gone = input.pods.remove(place).pod;
    let scenario = &mut input.scenario;
    let is_gone = |name: &Name| gone.is_called(name);
    scenario.actions.retain(|a| !a.what.pod().is_some_and(is_gone));
    scenario.containers.retain(|s| !s.pod.as_ref().is_some_and(is_gone));
    drop_idle_scripts(input);
    Step::Reduced
}

/// Scripts must name what exists.
fn drop_idle_scripts(input: &mut Input) {
    let pods: Vec<_> = input.pods.iter().map(|p| &*p.pod).collect();
    let matching = |pattern: &Option<Name>| {
        let pattern = pattern.clone();
        let matches = move |pod: &&&Pod| matches_pod(pattern.as_deref(), (&pod.namespace, &pod.name));
        pods.iter().filter(matches)
    };
    let scenario = &mut input.scenario;
    scenario
        .containers
        .retain(|script| matching(&script.pod).any(|p| p.find_container(&script.name).is_some()));
    scenario
        .sandboxes
        .retain(|script| matching(&script.pod).next().is_some());
    scenario
        .volumes
        .retain(|script| matching(&script.pod).any(|p| p.spec.volumes.iter().any(|v| v.name == script.name)));
}

/// The one node of a scenario that says nothing of nodes.
fn one_node(input: &mut Input, place: usize) -> Step {
    if place > 0 || input.scenario.nodes.is_empty() {
        return Step::Beyond;
    }
    input.scenario.nodes.clear();
    for action in &mut input.scenario.actions {
        match &mut action.what {
            ActionKind::RestartKubelet { node, .. }
            | ActionKind::RebootNode { node, .. }
            | ActionKind::ShutdownNode { node } => *node = None,
            _ => {}
        }
    }
    input.pods.iter_mut().for_each(|p| p.pod.spec.node_name = None);
    Step::Reduced
}

fn drop_object(input: &mut Input, place: usize) -> Step {
    if place >= input.objects.len() {
        return Step::Beyond;
    }
    let gone = input.objects.remove(place).object;
    input.scenario.actions.retain(|action| match &action.what {
        ActionKind::CreateObject { kind, name } | ActionKind::DeleteObject { kind, name } => {
            *kind != gone.kind || !gone.is_called(name)
        }
        _ => true,
    });
    Step::Reduced
}

fn drop_container(input: &mut Input, place: usize) -> Step {
    let mut place = place;
    for pod in input.pods.iter_mut().map(|p| &mut p.pod) {
        let spec = &mut pod.spec;
        let count = spec.init_containers.len() + spec.containers.len();
        if place >= count {
            place -= count;
            continue;
        }
        let gone = match place.checked_sub(spec.init_containers.len()) {
            None => spec.init_containers.remove(place).name,
            Some(_) if spec.containers.len() == 1 => return Step::Nothing,
            Some(place) => spec.containers.remove(place).name,
        };
        let is_gone =
            |a: &Action| a.what.container() == Some(&gone) && a.what.pod().is_some_and(|of| pod.is_called(of));
        input.scenario.actions.retain(|a| !is_gone(a));
        drop_idle_scripts(input);
        return Step::Reduced;
    }
    Step::Beyond
}

fn drop_action(input: &mut Input, place: usize) -> Step {
    if place >= input.scenario.actions.len() {
        return Step::Beyond;
    }
    match input.scenario.actions.remove(place).what {
        ActionKind::CreatePod { pod } => {
            let created = input.pods.iter_mut().filter(|p| p.pod.is_called(&pod));
            created.for_each(|p| p.created_by_action = false);
        }
        ActionKind::CreateObject { kind, name } => {
            let mut objects = input.objects.iter_mut();
            if let Some(object) = objects.find(|o| o.object.kind == kind && o.object.is_called(&name)) {
                object.created_by_action = false;
            }
        }
        _ => {}
    }
    Step::Reduced
}

fn drop_script(input: &mut Input, place: usize) -> Step {
    if place >= input.scenario.containers.len() {
        return Step::Beyond;
    }
    input.scenario.containers.remove(place);
    Step::Reduced
}

/// Half the horizon, but not less than expectations must see: what the run does not reach fails of itself. Nothing else
/// makes a run end too early to tell.
fn shorten(input: &mut Input, place: usize) -> Step {
    let Some(length) = input
        .scenario
        .run_for
        .filter(|length| place == 0 && length.as_secs() > 1)
    else {
        return Step::Beyond;
    };
    let reaches = input.scenario.expect.iter().map(|expectation| expectation.when.reach());
    let least = reaches.max().unwrap_or(Time::ZERO);
    let half = Duration::from_secs(length.as_secs() / 2).max(least - Time::ZERO);
    if half >= length {
        return Step::Beyond;
    }
    input.scenario.run_for = Some(half);
    Step::Reduced
}

/// The world of a scenario that says nothing of it.
fn calm_world(input: &mut Input, place: usize) -> Step {
    let base = Scenario::default();
    let mut containers = input.pods.iter().flat_map(|p| p.pod.all_containers());
    let mut rules_alone = || containers.any(|(_, c)| c.restart_policy.is_none() && !c.restart_policy_rules.is_empty());
    let scenario = &mut input.scenario;
    let changed = match place {
        0 => std::mem::replace(&mut scenario.schedule, Schedule::Fifo) != Schedule::Fifo,
        1 => std::mem::take(&mut scenario.kubelet.seeded_phases),
        2 => std::mem::replace(&mut scenario.seed, 0) != 0,
        3 => {
            let changed = format!("{:?}", scenario.latencies) != format!("{:?}", base.latencies);
            scenario.latencies = base.latencies;
            changed
        }
        4 => !std::mem::take(&mut scenario.sandboxes).is_empty(),
        5 => !std::mem::take(&mut scenario.volumes).is_empty(),
        6 => !std::mem::take(&mut scenario.images).is_empty(),
        7 => calm_kubelet(&mut scenario.kubelet, &base.kubelet),
        8 => !std::mem::take(&mut scenario.programs).is_empty(),
        9 => std::mem::take(&mut scenario.jitter),
        10 => {
            let epoch = base.epoch_unix_secs;
            std::mem::replace(&mut scenario.epoch_unix_secs, epoch) != epoch
        }
        11 => !rules_alone() && newest_version(scenario),
        _ => return Step::Beyond,
    };
    step(changed)
}

/// The newest version with its own gates takes every pod that another one takes, except where rules stand without a policy.
fn newest_version(scenario: &mut Scenario) -> bool {
    let newest = Scenario::default().kubelet;
    let nodes = scenario.nodes.iter_mut().map(|node| &mut node.kubelet);
    let mut changed = false;
    for kubelet in nodes.chain([&mut scenario.kubelet]) {
        changed |= kubelet.features != newest.features;
        kubelet.features = newest.features.clone();
        kubelet.feature_gates.clear();
    }
    changed
}

fn calm_kubelet(kubelet: &mut KubeletConfig, base: &KubeletConfig) -> bool {
    let calm = KubeletConfig {
        features: kubelet.features.clone(),
        feature_gates: kubelet.feature_gates.clone(),
        seeded_phases: kubelet.seeded_phases,
        phases: kubelet.phases.clone(),
        sabotage: kubelet.sabotage,
        ..base.clone()
    };
    let changed = format!("{kubelet:?}") != format!("{calm:?}");
    *kubelet = calm;
    changed
}

/// The run at a place among those of all scripts.
fn run_at(scenario: &mut Scenario, place: usize) -> Option<&mut Run> {
    scenario.containers.iter_mut().flat_map(|s| &mut s.runs).nth(place)
}

fn drop_run(input: &mut Input, place: usize) -> Step {
    let mut place = place;
    for script in &mut input.scenario.containers {
        if place < script.runs.len() {
            if script.runs.len() == 1 {
                return Step::Nothing;
            }
            script.runs.remove(place);
            return Step::Reduced;
        }
        place -= script.runs.len();
    }
    Step::Beyond
}

/// How many things of a run are calmed one by one.
const CALMS_OF_A_RUN: usize = 9;

fn calm_run(input: &mut Input, place: usize) -> Step {
    let Some(run) = run_at(&mut input.scenario, place / CALMS_OF_A_RUN) else {
        return Step::Beyond;
    };
    let calm = |outcome: &mut Outcome| std::mem::take(outcome) != Outcome::default();
    let changed = match place % CALMS_OF_A_RUN {
        0 => run.exit.take().is_some(),
        1 => std::mem::take(&mut run.on_term) != OnTerm::default(),
        2 => calm(&mut run.create),
        3 => calm(&mut run.start),
        4 => calm(&mut run.post_start),
        5 => calm(&mut run.pre_stop),
        6 => !std::mem::take(&mut run.startup).is_empty(),
        7 => !std::mem::take(&mut run.readiness).is_empty(),
        _ => !std::mem::take(&mut run.liveness).is_empty(),
    };
    step(changed)
}

/// How many things of a container are calmed one by one.
const CALMS_OF_A_CONTAINER: usize = 14;

fn calm_container(input: &mut Input, place: usize) -> Step {
    let specs = input.pods.iter_mut().map(|p| &mut p.pod.spec);
    let mut containers = specs.flat_map(|spec| {
        let inits = spec.init_containers.iter_mut().map(|c| (true, c));
        inits.chain(spec.containers.iter_mut().map(|c| (false, c)))
    });
    let Some((is_init, container)) = containers.nth(place / CALMS_OF_A_CONTAINER) else {
        return Step::Beyond;
    };
    let Container {
        liveness_probe,
        readiness_probe,
        startup_probe,
        post_start,
        pre_stop,
        restart_policy,
        restart_policy_rules,
        command,
        env,
        env_from,
        volume_mounts,
        resources,
        run_as,
        ports,
        ..
    } = container;
    let changed = match place % CALMS_OF_A_CONTAINER {
        0 => liveness_probe.take().is_some(),
        1 => readiness_probe.take().is_some(),
        2 => startup_probe.take().is_some(),
        3 => post_start.take().is_some(),
        4 => pre_stop.take().is_some(),
        5 => !std::mem::take(restart_policy_rules).is_empty(),
        6 => !std::mem::take(command).is_empty(),
        7 => !std::mem::take(env).is_empty(),
        8 => !std::mem::take(env_from).is_empty(),
        9 => volume_mounts.clear(),
        10 => resources.take().is_some(),
        11 => std::mem::take(run_as) != RunAs::default(),
        12 => {
            // Handlers call by number what has no name any more.
            let probes = [liveness_probe, readiness_probe, startup_probe].into_iter().flatten();
            let handlers = probes.map(|probe| &mut probe.handler);
            for handler in handlers.chain(post_start).chain(pre_stop) {
                if let Handler::HttpGet { port, .. } | Handler::TcpSocket { port, .. } = handler
                    && let Port::Named {
                        number: Some(number), ..
                    } = port
                {
                    *port = Port::Number(*number);
                }
            }
            !std::mem::take(ports).is_empty()
        }
        // Without its Always a sidecar would be another kind of container; rules need a policy.
        _ => {
            let rules = !restart_policy_rules.is_empty();
            let own = restart_policy.take_if(|policy| !(rules || is_init && *policy == RestartPolicy::Always));
            own.is_some()
        }
    };
    step(changed)
}

/// How many things of a pod are calmed one by one.
const CALMS_OF_A_POD: usize = 9;

fn calm_pod(input: &mut Input, place: usize) -> Step {
    let Some(pod) = input.pods.get_mut(place / CALMS_OF_A_POD) else {
        return Step::Beyond;
    };
    let spec = &mut pod.pod.spec;
    let changed = match place % CALMS_OF_A_POD {
        0 => spec.active_deadline_seconds.take().is_some(),
        1 => !std::mem::take(&mut spec.readiness_gates).is_empty(),
        2 => std::mem::replace(&mut spec.termination_grace_period_seconds, 30) != 30,
        3 => {
            let lists = spec.init_containers.iter_mut().chain(&mut spec.containers);
            lists.for_each(|c| _ = c.volume_mounts.clear());
            !std::mem::take(&mut spec.volumes).is_empty()
        }
        4 => !std::mem::take(&mut spec.scheduling_gates).is_empty(),
        5 => !std::mem::take(&mut spec.image_pull_secrets).is_empty(),
        6 => std::mem::take(&mut spec.host_network),
        7 => spec.resources.take().is_some(),
        _ => std::mem::take(&mut spec.priority_class_name).is_some() | (std::mem::take(&mut spec.priority) != 0),
    };
    drop_idle_scripts(input);
    step(changed)
}

fn drop_window(input: &mut Input, place: usize) -> Step {
    let runs = input.scenario.containers.iter_mut().flat_map(|s| &mut s.runs);
    let lists = runs.flat_map(|run| [&mut run.startup, &mut run.readiness, &mut run.liveness]);
    let mut place = place;
    for windows in lists {
        if place < windows.len() {
            if windows.len() == 1 {
                return Step::Nothing;
            }
            windows.remove(place);
            return Step::Reduced;
        }
        place -= windows.len();
    }
    Step::Beyond
}

/// What is drawn each time is as it is the first time.
fn fix_duration(input: &mut Input, place: usize) -> Step {
    if place >= input.scenario.distributions.len() {
        return Step::Beyond;
    }
    let scenario = input.scenario.clone();
    input.scenario.each_span(|_, span| {
        if matches!(span, Span::Drawn(index) if *index as usize == place) {
            *span = scenario.first(*span).into();
        }
    });
    Step::Reduced
}

/// Times of actions and ends in whole seconds read better.
fn round_time(input: &mut Input, place: usize) -> Step {
    let actions = input.scenario.actions.len();
    let whole = |nanos: &mut i64| {
        let rounded = *nanos / 1_000_000_000 * 1_000_000_000;
        std::mem::replace(nanos, rounded) != rounded
    };
    if place < actions {
        let Time(nanos) = &mut input.scenario.actions[place].at;
        return step(whole(nanos));
    }
    match run_at(&mut input.scenario, place - actions) {
        None => Step::Beyond,
        Some(run) => match run.exit.as_mut().map(|exit| &mut exit.after) {
            Some(Span::Fixed(Duration(nanos))) => step(whole(nanos)),
            Some(Span::Drawn(_)) | None => Step::Nothing,
        },
    }
}
