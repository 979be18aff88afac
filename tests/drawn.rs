//! Durations that are drawn: each time of what happens again and again, once a run of moments of the script.

#![allow(missing_docs)]

#[path = "common/read.rs"]
mod read;

use std::collections::BTreeSet;

use podlapse::kernel::Duration;
use podlapse::scenario::distributions::draw;
use podlapse::scenario::load::{Source, load};
use podlapse::scenario::types::{Input, Scenario};
use podlapse::sim;
use podlapse::trace::{CallPhase, CriOp, Record, What};
use read::read;

const PODS: &str = "apiVersion: v1
kind: Pod
metadata: {name: web}
spec: {containers: [{name: app, image: a}]}
---
apiVersion: v1
kind: Pod
metadata: {name: other}
spec: {containers: [{name: app, image: a}]}
---
";

const SCENARIO: &str = "apiVersion: podlapse.dev/v1alpha1
kind: Scenario
metadata: {name: s}
spec:
  seed: 5
  runFor: 1h
  latencies: {startContainer: {uniform: [1ms, 2s]}}
  containers:
  - name: app
    runs:
    - exit: {after: {normal: {mean: 5s, sd: 1s}}, code: 1}
    - exit: {after: {exponential: {mean: 3s}}, code: 1}
  actions:
  - at: {uniform: [50m, 55m]}
    delete: {pod: web}
";

fn input(scenario: &str) -> Input {
    read(&format!("{PODS}{scenario}"))
}

/// How long each life of a pod's container was.
fn lives(records: &[Record], pod: &str) -> Vec<Duration> {
    let of_pod = records.iter().filter(|r| r.pod.as_deref() == Some(pod));
    let mut began = None;
    let mut lives = Vec::new();
    for record in of_pod {
        match &record.what {
            What::Cri(call) if (call.op, call.phase) == (CriOp::StartContainer, CallPhase::End) => {
                began = Some(record.at)
            }
            What::Exit { .. } => lives.extend(began.take().map(|began| record.at - began)),
            _ => {}
        }
    }
    lives
}

fn distinct(lives: &[Duration]) -> usize {
    lives.iter().collect::<BTreeSet<_>>().len()
}

#[test]
fn each_life_is_drawn() {
    let records = sim::run(&input(SCENARIO));
    let (web, other) = (lives(&records, "default/web"), lives(&records, "default/other"));
    assert!(web.len() > 10, "{web:?}");
    assert_eq!(
        distinct(&[web.clone(), other.clone()].concat()),
        web.len() + other.len()
    );
    assert_eq!(records, sim::run(&input(SCENARIO)), "the same seed, the same draws");
    let otherwise = sim::run(&input(&SCENARIO.replace("seed: 5", "seed: 6")));
    assert_ne!(web, lives(&otherwise, "default/web"));
}

#[test]
fn each_run_of_a_program_is_drawn() {
    let programs = "apiVersion: podlapse.dev/v1alpha1
kind: Scenario
metadata: {name: s}
spec:
  runFor: 1h
  programs: [{image: a, runsFor: {uniform: [1s, 9s]}, exitCode: 1}]
";
    let lives = lives(&sim::run(&input(programs)), "default/web");
    assert!(lives.len() > 5 && distinct(&lives) == lives.len(), "{lives:?}");
    let bounds = Duration::from_secs(1)..=Duration::from_secs(9);
    assert!(lives.iter().all(|life| bounds.contains(life)), "{lives:?}");
}

#[test]
fn a_new_distribution_leaves_the_draws_of_the_others() {
    let fixed = SCENARIO.replace("{uniform: [1ms, 2s]}", "1s");
    let first = |scenario: &str| lives(&sim::run(&input(scenario)), "default/web")[0];
    assert_eq!(first(SCENARIO), first(&fixed));
}

#[test]
fn what_a_pod_draws_does_not_depend_on_other_pods() {
    let other = |scenario: &str| lives(&sim::run(&input(scenario)), "default/other");
    let without = SCENARIO.replace("at: {uniform: [50m, 55m]}", "at: 1s");
    assert_eq!(other(SCENARIO), other(&without));
}

#[test]
fn an_alias_is_a_place_of_its_own() {
    let aliased = SCENARIO
        .replace(
            "- exit: {after: {normal: {mean: 5s, sd: 1s}}, code: 1}",
            "- exit: &end {after: {uniform: [1s, 9s]}, code: 1}",
        )
        .replace("- exit: {after: {exponential: {mean: 3s}}, code: 1}", "- exit: *end");
    let scenario = input(&aliased).scenario;
    let paths: Vec<&str> = scenario.distributions.iter().map(|placed| &*placed.path).collect();
    assert_eq!(
        paths,
        [
            "latencies.startContainer",
            "containers[0].runs[0].exit.after",
            "containers[0].runs[1].exit.after",
            "actions[0].at"
        ]
    );
}

/// One moment behind an alias, in actions, windows and the kubelets' configuration.
const ALIASED: &str = "apiVersion: podlapse.dev/v1alpha1
kind: Scenario
metadata: {name: s}
spec:
  runFor: &any {uniform: [10m, 20m]}
  kubelet: {config: &config {syncFrequency: *any}}
  nodes: [{name: one, kubelet: {config: *config}}]
  containers:
  - name: app
    runs: [{probes: {liveness: [{result: Success}, &late {from: *any, result: Failure, takes: {uniform: [1ms, 2ms]}}]}}]
  - {name: app, runs: [{probes: {readiness: [*late, {from: 1s}]}}]}
  programs: [{name: x, answers: [{from: *any}], signals: {SIGTERM: {after: *any}}}]
  actions:
  - {at: *any, delete: &web {pod: web}}
  - {<<: {at: *any}, delete: {pod: other}}
  - {at: *any, restartKubelet: {node: one, down: *any}}
";

/// The documents as `sweep` hands them on: every alias written out.
fn written_out(text: &str) -> Input {
    let documents = text.split("---\n").map(|document| {
        let value: serde_json::Value = serde_yaml::from_str(document).expect("it is YAML");
        value.to_string()
    });
    let documents: Vec<String> = documents.collect();
    read(&documents.join("\n---\n"))
}

#[test]
fn a_moment_behind_an_alias_is_drawn_from_the_place_of_the_alias() {
    let aliased = input(ALIASED).scenario;
    let mut paths: Vec<&str> = aliased.distributions.iter().map(|placed| &*placed.path).collect();
    paths.sort_unstable();
    assert_eq!(
        paths,
        [
            "actions[0].at",
            "actions[1].at",
            "actions[2].at",
            "actions[2].restartKubelet.down",
            "containers[0].runs[0].probes.liveness[1].from",
            "containers[0].runs[0].probes.liveness[1].takes",
            "containers[1].runs[0].probes.readiness[0].from",
            "containers[1].runs[0].probes.readiness[0].takes",
            "kubelet.config.syncFrequency",
            "nodes[0].kubelet.config.syncFrequency",
            "programs[0].answers[0].from",
            "programs[0].signals.TERM.after",
            "runFor",
        ]
    );
    let written_out = written_out(&format!("{PODS}{ALIASED}")).scenario;
    for run in [0, 3] {
        let [aliased, written_out] = [&aliased, &written_out].map(|scenario| draw(scenario, run));
        let times: BTreeSet<_> = aliased.actions.iter().map(|action| action.at).collect();
        assert_eq!(times.len(), 3, "each action has a time of its own");
        let drawn = |scenario: &Scenario| {
            let times: Vec<_> = scenario.actions.iter().map(|action| action.at).collect();
            let kubelets = (
                scenario.kubelet.sync_frequency,
                scenario.nodes[0].kubelet.sync_frequency,
            );
            let windows: Vec<_> = scenario.containers.iter().map(|script| &script.runs[0]).collect();
            let froms = (windows[0].liveness[1].from, windows[1].readiness[1].from);
            (
                times,
                kubelets,
                froms,
                scenario.programs[0].answers[0].from,
                scenario.run_for,
            )
        };
        assert_eq!(drawn(&aliased), drawn(&written_out), "run {run}");
    }
}

/// With a search of the document for each of them this would take minutes.
#[test]
fn very_many_moments_are_drawn_in_one_pass() {
    let actions = "  - {at: {uniform: [1s, 1h]}, kill: {pod: web, container: app}}\n".repeat(30_000);
    let many = input(&format!(
        "apiVersion: podlapse.dev/v1alpha1\nkind: Scenario\nmetadata: {{name: s}}\nspec:\n  actions:\n{actions}"
    ));
    assert_eq!(many.scenario.distributions[29_999].path, "actions[29999].at");
    for run in [1, 2] {
        let drawn = draw(&many.scenario, run);
        let times: BTreeSet<_> = drawn.actions.iter().map(|action| action.at).collect();
        assert!(times.len() > 29_990, "{}", times.len());
    }
}

/// What is said of a kubelet's `config` and `phases`; None when it is taken.
fn refusal(kubelet: &str) -> Option<String> {
    let scenario = format!(
        "apiVersion: podlapse.dev/v1alpha1\nkind: Scenario\nmetadata: {{name: s}}\nspec: {{kubelet: {{{kubelet}}}}}\n"
    );
    let source = Source {
        name: "x.yaml".to_owned(),
        text: format!("{PODS}{scenario}"),
    };
    load(&[source]).err().map(|error| error.to_string())
}

#[test]
fn a_moment_must_fit_in_every_run() {
    let longest =
        |distribution: &str| format!("config: {{crashLoopBackOff: {{maxContainerRestartPeriod: {{{distribution}}}}}}}");
    for (kubelet, wanted) in [
        // Nearly every draw would do, that of run 0 too.
        (
            longest("uniform: [1s, 300001ms]"),
            Some("it must be from 1s to 300s; what it draws is from 1s to 5m0.001s"),
        ),
        (
            longest("uniform: [999ms, 300s]"),
            Some("it must be from 1s to 300s; what it draws is from 999ms to 5m"),
        ),
        (longest("uniform: [1s, 300s]"), None),
        (longest("normal: {mean: 60s, sd: 5s}"), None),
        (
            longest("normal: {mean: 60s, sd: 10s}"),
            Some("what it draws is from 0s to 2m2"),
        ),
        (
            longest("exponential: {mean: 60s}"),
            Some("what it draws is from 0s to 36m"),
        ),
        (longest("lognormal: {p50: 60s, p99: 70s}"), None),
        (
            longest("lognormal: {p50: 60s, p99: 120s}"),
            Some("it must be from 1s to 300s"),
        ),
        (
            "phases: {relist: {uniform: [0s, 1s]}}".to_owned(),
            Some("it must be shorter than the period, 1s; what it draws is from 0s to 1s"),
        ),
        ("phases: {relist: {uniform: [0s, 999ms]}}".to_owned(), None),
        (
            "config: {shutdownGracePeriod: {uniform: [0s, 30s]}}".to_owned(),
            Some("it must be zero or at least 1s; what it draws is from 0s to 30s"),
        ),
        ("config: {shutdownGracePeriod: {uniform: [0s, 0s]}}".to_owned(), None),
        (
            "config: {shutdownGracePeriod: {uniform: [5s, 30s]}, shutdownGracePeriodCriticalPods: {uniform: [1s, 6s]}}"
                .to_owned(),
            Some("at least shutdownGracePeriodCriticalPods, which is up to 6s; what it draws is from 5s to 30s"),
        ),
        (
            "config: {shutdownGracePeriod: {uniform: [6s, 30s]}, shutdownGracePeriodCriticalPods: {uniform: [1s, 6s]}}"
                .to_owned(),
            None,
        ),
    ] {
        let found = refusal(&kubelet);
        match wanted {
            None => assert_eq!(found, None, "{kubelet}"),
            Some(wanted) => {
                let found = found.unwrap_or_default();
                assert!(
                    found.contains(wanted) && found.contains("--> x.yaml:"),
                    "{kubelet}: {found}"
                );
            }
        }
    }
}

#[test]
fn moments_are_drawn_once_a_run() {
    let scenario = input(SCENARIO).scenario;
    let at = |scenario: &Scenario| scenario.actions[0].at;
    assert_eq!(at(&draw(&scenario, 0)), at(&scenario));
    assert_eq!(at(&draw(&scenario, 7)), at(&draw(&scenario, 7)));
    assert_ne!(at(&draw(&scenario, 7)), at(&draw(&scenario, 8)));
    // What was changed since, and has no such moment in it, stays.
    let mut changed = (*scenario).clone();
    changed.kubelet.serialize_image_pulls = false;
    assert!(!draw(&changed, 3).kubelet.serialize_image_pulls);
}

#[test]
fn a_run_of_a_sweep_draws_otherwise() {
    let given = input(SCENARIO);
    let [one, two] = [1, 2].map(|run| {
        let mut input = given.clone();
        input.scenario = draw(&given.scenario, run).into();
        let after = input.scenario.containers[0].runs[0]
            .exit
            .as_ref()
            .expect("it exits")
            .after;
        let records = sim::run(&input);
        let first = lives(&records, "default/web")[0];
        assert_eq!(first, input.scenario.first(after));
        first
    });
    assert_ne!(one, two);
}

#[test]
fn a_nodes_own_phases_hold_where_the_others_are_seeded() {
    const SEEDED: &str = "apiVersion: podlapse.dev/v1alpha1
kind: Scenario
metadata: {name: s}
spec:
  kubelet: {phases: Seeded}
  nodes: [{name: one, kubelet: {phases: {relist: 700ms, sync: 100ms}}}, {name: two}]
";
    let scenario = input(SEEDED).scenario;
    let seeded: Vec<bool> = scenario.nodes.iter().map(|node| node.kubelet.seeded_phases).collect();
    assert_eq!(seeded, [false, true]);
    let again = podlapse::explore::write::yaml(&input(SEEDED));
    assert!(
        again.contains("relist: 700ms") && again.contains("phases: Seeded"),
        "{again}"
    );
}
