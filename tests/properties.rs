//! Properties of any generated scenario: it can be written and read, it runs the same twice, it keeps the invariants.

#![allow(missing_docs)]

#[path = "common/read.rs"]
mod read;

use std::rc::Rc;

use podlapse::explore::fuzz::check;
use podlapse::explore::generate::Generator;
use podlapse::explore::mutate::mutated;
use podlapse::explore::shrink::shrunk;
use podlapse::explore::weights::Weights;
use podlapse::explore::write;
use podlapse::scenario::types::Input;
use podlapse::sim;
use proptest::prelude::*;
use read::read;

/// Whatever the generator can make.
fn scenarios() -> impl Strategy<Value = Input> {
    (any::<u64>(), 0..10_000_u64).prop_map(|(seed, run)| Generator::new(Weights::default()).scenario(seed, run))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_written_is_read_and_runs_the_same(input in scenarios()) {
        let text = write::yaml(&input);
        let again = read(&text);
        prop_assert_eq!(&write::yaml(&again), &text);
        let (one, other) = (sim::run(&input), sim::run(&again));
        for (a, b) in one.iter().zip(&other) {
            prop_assert_eq!(a, b, "{}", text);
        }
        prop_assert_eq!(one.len(), other.len());
    }

    /// Draws are named after the places where they are written, whatever the order there.
    #[test]
    fn windows_in_any_order_and_signals_in_full_are_written_as_they_are_played(seed in any::<u64>(), run in 0..1_000_u64) {
        let weights = Weights { distributions: 100, probes: 60, guests: 30, ..Weights::default() };
        let mut input = Generator::new(weights).scenario(seed, run);
        for run in input.scenario.containers.iter_mut().flat_map(|script| &mut script.runs) {
            for windows in [&mut run.startup, &mut run.readiness, &mut run.liveness] {
                windows.reverse();
            }
        }
        let read_first = read(&write::yaml(&input).replace("TERM:", "SIGTERM:"));
        let read_again = read(&write::yaml(&read_first));
        prop_assert_eq!(sim::run(&read_first), sim::run(&read_again));
        let around = mutated(&read_first, 1, 1);
        prop_assert_eq!(sim::run(&around), sim::run(&read(&write::yaml(&around))));
    }

    #[test]
    fn a_run_repeats_itself(input in scenarios()) {
        prop_assert_eq!(sim::run(&input), sim::run(&input));
    }

    #[test]
    fn invariants_hold(input in scenarios()) {
        prop_assert_eq!(check(&Rc::new(input)), vec![]);
    }

    #[test]
    fn mutations_can_be_written_and_keep_the_invariants(input in scenarios(), seed in any::<u64>()) {
        let changed = mutated(&input, seed, 1);
        let _ = read(&write::yaml(&changed));
        prop_assert_eq!(check(&Rc::new(changed)), vec![]);
    }
}

/// Scenarios that once broke something, of the engine or of an invariant, as the fuzzer has shrunk them.
#[test]
fn past_failures_stay_mended() {
    let folder = std::fs::read_dir("tests/past").expect("the folder");
    let mut count = 0;
    for file in folder {
        let path = file.expect("a readable entry").path();
        let text = std::fs::read_to_string(&path).expect("a scenario");
        let broken = check(&Rc::new(read(&text)));
        assert_eq!(broken, [], "{}", path.display());
        count += 1;
    }
    assert!(count >= 10, "{count} scenarios were found");
}

/// Everything that the generator can draw comes up, so that the table in docs/fuzzing.md stays true.
#[test]
fn everything_is_drawn() {
    let generator = Generator::new(Weights::default());
    let mut missing: Vec<&str> = DRAWN.to_vec();
    for run in 0..4_000 {
        let text = write::yaml(&generator.scenario(2, run));
        missing.retain(|field| !text.contains(field));
    }
    assert!(missing.is_empty(), "never drawn: {missing:?}");
}

/// Fields as they stand in what is written.
const DRAWN: &[&str] = &[
    "nodes:",
    "nodeName:",
    "programs:",
    "signals:",
    "answers:",
    "runsFor:",
    "command:",
    "grpc:",
    "port: http",
    "port: metrics",
    "containerPort:",
    "persistentVolumeClaim:",
    "runAsNonRoot:",
    "runAsUser: 0",
    "kind: ConfigMap",
    "kind: Secret",
    "configMapKeyRef:",
    "secretKeyRef:",
    "fieldRef:",
    "configMapRef:",
    "secretRef:",
    "imagePullSecrets:",
    "volumeMounts:",
    "configMap:",
    "secretName:",
    "volumes:",
    "mounts:",
    "sandboxes:",
    "schedulingGates:",
    "ephemeral-storage:",
    "memory: 9Gi",
    "readinessGates:",
    "priorityClassName:",
    "priority:",
    "setCondition:",
    "setImage:",
    "debug:",
    "kill:",
    "delete:",
    "create:",
    "killSandbox:",
    "NodePressure",
    "SoftThreshold",
    "LocalStorageLimit",
    "restartKubelet:",
    "shutdownNode:",
    "rebootNode:",
    "uniform:",
    "normal:",
    "exponential:",
    "lognormal:",
    "probability:",
    "status: 503",
    "exitCode: 3",
    "jitter: Kubernetes",
    "schedule: Seeded",
    "phases: Seeded",
    "containerGC:",
    "epoch:",
    "version: \"1.31\"",
    "version: \"1.32\"",
    "version: \"1.33\"",
    "version: \"1.34\"",
    "version: \"1.35\"",
    "featureGates:",
    "SidecarContainers: false",
    "PLEGOnDemandRelist: false",
    "crashLoopBackOff:",
    "maxParallelImagePulls:",
    "registryPullQPS:",
    "registryBurst:",
    "syncFrequency:",
    "nodeStatusUpdateFrequency:",
    "evictionMaxPodGracePeriod:",
    "shutdownGracePeriod:",
    "shutdownGracePeriodByPodPriority:",
    "runtimeRequestTimeout:",
    "RestartAllContainers",
    "sleep:",
    "web-*",
    "namespace: shop",
    "pod: shop/web-0",
    "hostNetwork: true",
    "image: App:1",
    "scheme: HTTPS",
    "host:",
    "name: shell",
    "reason: Upgraded",
];

#[test]
fn shrinking_ends_with_what_matters_and_nothing_else() {
    let generator = Generator::new(Weights::default());
    let kills = |input: &Input| {
        input
            .pods
            .iter()
            .any(|p| p.pod.spec.containers.iter().any(|c| c.pre_stop.is_some()))
    };
    let input = (0..)
        .map(|run| generator.scenario(1, run))
        .find(kills)
        .expect("one of them");
    let small = shrunk(&input, 10_000, kills);
    assert!(kills(&small));
    assert_eq!(small.pods.len(), 1);
    assert_eq!(small.pods[0].pod.all_containers().count(), 1);
    assert!(small.scenario.actions.is_empty() && small.scenario.containers.is_empty());
    let again = shrunk(&input, 10_000, kills);
    assert_eq!(write::yaml(&small), write::yaml(&again));
}

/// What a volume is decides whether a guest may write to it, and a manifest says what it is.
#[test]
fn guests_find_the_volumes_of_drawn_pods_as_those_of_written_ones() {
    let weights = Weights {
        guests: 100,
        objects: 100,
        pods: 1,
        ..Weights::default()
    };
    let generator = Generator::new(weights);
    for run in 0..400 {
        let input = generator.scenario(1, run);
        let (one, other) = (sim::run(&input), sim::run(&read(&write::yaml(&input))));
        assert!(one == other, "run {run}:\n{}", write::yaml(&input));
    }
}
