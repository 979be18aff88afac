//! Durations that are drawn: each time of what happens again and again, once a run of moments of the script.

#![allow(missing_docs)]

use std::collections::BTreeSet;

use podlapse::kernel::Duration;
use podlapse::scenario::distributions::draw;
use podlapse::scenario::load::{Source, load};
use podlapse::scenario::types::{Input, Scenario};
use podlapse::sim;
use podlapse::trace::{CallPhase, CriOp, Record, What};

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
    let source = Source {
        name: "x.yaml".to_owned(),
        text: format!("{PODS}{scenario}"),
    };
    load(&[source]).unwrap_or_else(|error| panic!("{error}")).0
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
