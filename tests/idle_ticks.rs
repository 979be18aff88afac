//! Ticks and syncs that are left out make no difference: traces are those of the kubelet that ticks all the time.

#![allow(missing_docs)]

mod common;
#[path = "common/read.rs"]
mod read;

use podlapse::explore::generate::Generator;
use podlapse::explore::weights::Weights;
use podlapse::explore::write;
use podlapse::kernel::Duration;
use podlapse::scenario::types::{Input, Schedule};
use podlapse::sim;
use podlapse::trace::{Record, What};
use proptest::prelude::*;
use read::read;

/// The records without their numbers, which say how many tasks ran, and without why the run ended.
fn trace(input: &Input, leave_out: bool) -> Vec<Record> {
    let mut input = input.clone();
    input.scenario.kubelet.leave_out_idle_ticks = leave_out;
    let mut records = sim::run(&input);
    records.retain(|record| !matches!(record.what, What::End { .. }));
    for record in &mut records {
        (record.seq, record.cause) = (0, None);
    }
    // Within one instant the loops may come in another order.
    records.sort_by_key(|record| (record.at, format!("{record:?}")));
    records
}

fn assert_same(name: &str, input: &Input) {
    let (left_out, all) = (trace(input, true), trace(input, false));
    let at = left_out.iter().zip(&all).take_while(|(a, b)| a == b).count();
    assert!(
        left_out == all,
        "{name} differs at record {at}:\n  left out: {:?}\n  ticking:  {:?}",
        left_out.get(at),
        all.get(at)
    );
}

#[test]
fn in_every_recorded_case() {
    for archive in ["cases.tar.zst", "world.tar.zst"] {
        let files = common::unpack(archive);
        let scenarios = files
            .iter()
            .filter_map(|(name, text)| Some((name.strip_suffix(".yaml")?, text)));
        for (name, yaml) in scenarios {
            assert_same(name, &read(yaml));
        }
    }
}

fn probe() -> impl Strategy<Value = String> {
    let handler = prop_oneof![
        Just("exec: {command: [check]}"),
        Just("httpGet: {path: /healthz, port: 8080}"),
        Just("tcpSocket: {port: 8080}"),
        Just("grpc: {port: 8080}"),
    ];
    (handler, 0..20i32, 1..20i32, 1..4i32).prop_map(|(handler, delay, period, failures)| {
        format!("{{{handler}, initialDelaySeconds: {delay}, periodSeconds: {period}, failureThreshold: {failures}}}")
    })
}

fn windows() -> impl Strategy<Value = String> {
    let result = prop_oneof![Just("Success"), Just("Failure"), Just("Error")];
    let window = (0..200_000u32, result, 1..900u32);
    proptest::collection::vec(window, 0..4).prop_map(|windows| {
        let windows = windows.into_iter().map(|(from, result, takes)| {
            let from = from * 2 + 1;
            format!("{{from: {from}ms, result: {result}, takes: {}ms}}", takes * 2 + 1)
        });
        format!("[{}]", windows.collect::<Vec<_>>().join(", "))
    })
}

fn run() -> impl Strategy<Value = String> {
    let exit = proptest::option::of((0..60_000u32, prop_oneof![Just(0), Just(1), Just(137)]));
    (exit, 0..20_000u32, windows(), windows(), windows()).prop_map(|(exit, term, startup, readiness, liveness)| {
        let exit = exit.map_or(String::new(), |(after, code)| {
            format!("exit: {{after: {}ms, code: {code}}}, ", after * 2 + 1)
        });
        format!(
            "{{{exit}onTerm: {{after: {}ms, code: 0}}, \
             probes: {{startup: {startup}, readiness: {readiness}, liveness: {liveness}}}}}",
            term * 2 + 1
        )
    })
}

/// A container and its script.
fn container(name: String) -> impl Strategy<Value = (String, String)> {
    let probes = (
        proptest::option::of(probe()),
        proptest::option::of(probe()),
        proptest::option::of(probe()),
    );
    (probes, proptest::collection::vec(run(), 1..4)).prop_map(move |((startup, readiness, liveness), runs)| {
        let mut spec = format!("  - name: {name}\n    image: app:1\n");
        for (field, probe) in [
            ("startupProbe", startup),
            ("readinessProbe", readiness),
            ("livenessProbe", liveness),
        ] {
            if let Some(probe) = probe {
                spec += &format!("    {field}: {probe}\n");
            }
        }
        let mut script = format!("  - name: {name}\n    runs:\n");
        for run in runs {
            script += &format!("    - {run}\n");
        }
        (spec, script)
    })
}

fn action() -> impl Strategy<Value = String> {
    let what = prop_oneof![
        Just("delete: {pod: web}"),
        Just("delete: {pod: web, gracePeriodSeconds: 3}"),
        Just("kill: {pod: web, container: c0, code: 139}"),
        Just("killSandbox: {pod: web}"),
        Just("setImage: {pod: web, container: c0, image: \"app:2\"}"),
        Just("evict: {pod: web}"),
        Just("restartKubelet: {down: 5001ms}"),
        Just("rebootNode: {down: 7001ms}"),
        Just("setCondition: {pod: web, type: example.com/x, status: \"True\"}"),
    ];
    (0..200_000u32, what).prop_map(|(at, what)| format!("  - {{at: {}ms, {what}}}\n", at * 2 + 1))
}

fn scenario() -> impl Strategy<Value = String> {
    let policy = prop_oneof![Just("Always"), Just("OnFailure"), Just("Never")];
    let containers =
        (1..4usize).prop_flat_map(|count| (0..count).map(|n| container(format!("c{n}"))).collect::<Vec<_>>());
    let deadline = proptest::option::of(20..400i32);
    (policy, containers, deadline, proptest::collection::vec(action(), 0..4)).prop_map(
        |(policy, containers, deadline, actions)| {
            let (specs, scripts): (Vec<_>, Vec<_>) = containers.into_iter().unzip();
            let deadline = deadline.map_or(String::new(), |s| format!("  activeDeadlineSeconds: {s}\n"));
            let mut yaml = format!(
                "apiVersion: v1\nkind: Pod\nmetadata: {{name: web}}\nspec:\n  restartPolicy: {policy}\n{deadline}  \
                 containers:\n{}---\napiVersion: podlapse.dev/v1alpha1\nkind: Scenario\nmetadata: {{name: drawn}}\n\
                 spec:\n  runFor: 10m\n  containers:\n{}",
                specs.concat(),
                scripts.concat()
            );
            if !actions.is_empty() {
                yaml += &format!("  actions:\n{}", actions.concat());
            }
            yaml
        },
    )
}

/// The container dies between two relists, and the next round of garbage collection is earlier than the next relist.
#[test]
fn when_an_evicted_pod_dies_just_before_a_round_of_garbage_collection() {
    let yaml = "\
apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  containers:
  - {name: c0, image: \"app:1\"}
---
apiVersion: podlapse.dev/v1alpha1
kind: Scenario
metadata: {name: evicted}
spec:
  runFor: 10m
  containers:
  - name: c0
    runs: [{onTerm: {after: 1311ms, code: 0}}]
  actions:
  - {at: 238973ms, evict: {pod: web}}
";
    assert_same(yaml, &read(yaml));
}

/// The same, of a container that is restarted: the one that died before it is garbage.
#[test]
fn when_a_container_dies_again_just_before_a_round_of_garbage_collection() {
    let yaml = "\
apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  containers:
  - name: c0
    image: app:1
    startupProbe: {exec: {command: [check]}, periodSeconds: 17, failureThreshold: 3}
---
apiVersion: podlapse.dev/v1alpha1
kind: Scenario
metadata: {name: dies-again}
spec:
  runFor: 10m
  containers:
  - name: c0
    runs:
    - {onTerm: {after: 51ms, code: 0}, probes: {startup: [{from: 1ms, takes: 1001ms}]}}
    - {exit: {after: 113983ms, code: 0}}
";
    assert_same(yaml, &read(yaml));
}

/// The readiness worker of the container that has ended ends too; the next regular sync makes another, whose first
/// result asks for a sync.
#[test]
fn when_a_sync_makes_probe_workers_anew() {
    let yaml = "\
apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  restartPolicy: Never
  activeDeadlineSeconds: 74
  containers:
  - name: c0
    image: app:1
    readinessProbe: {exec: {command: [check]}, periodSeconds: 19, failureThreshold: 1}
    livenessProbe: {exec: {command: [check]}, periodSeconds: 13, failureThreshold: 1}
  - {name: c1, image: \"app:1\"}
---
apiVersion: podlapse.dev/v1alpha1
kind: Scenario
metadata: {name: workers-anew}
spec:
  runFor: 10m
  containers:
  - name: c0
    runs: [{exit: {after: 65ms, code: 0}}]
  - name: c1
    runs: [{onTerm: {after: 1ms, code: 0}}]
";
    assert_same(yaml, &read(yaml));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn in_drawn_scenarios(yaml in scenario()) {
        assert_same(&yaml, &read(&yaml));
    }
}

/// What the fuzzer draws: several pods, init containers, sidecars, hooks, images, volumes, kubelets that restart.
#[test]
fn in_what_the_fuzzer_draws() {
    let generator = Generator::new(Weights::default());
    for run in 0..1000 {
        let mut input = generator.scenario(7, run);
        // Idle ticks would draw, too.
        input.scenario.schedule = Schedule::Fifo;
        input.scenario.jitter = false;
        // What happens at the very instant of a tick may come before or after it: both are right, so it is avoided.
        let scenario = &mut *input.scenario;
        let mut kubelets = vec![&mut scenario.kubelet];
        kubelets.extend(scenario.nodes.iter_mut().map(|node| &mut node.kubelet));
        for kubelet in kubelets {
            let phases = &mut kubelet.phases;
            for phase in [
                &mut phases.relist,
                &mut phases.sync,
                &mut phases.housekeeping,
                &mut phases.container_gc,
                &mut phases.status_sync,
            ] {
                *phase = *phase + Duration(555);
            }
        }
        assert_same(&format!("run {run}: {}", write::yaml(&input)), &input);
    }
}
