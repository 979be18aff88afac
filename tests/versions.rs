//! What changed between versions: each switch has a scenario that shows it, and stands in docs/versions.md.

#![allow(missing_docs)]

use std::collections::BTreeMap;

use podlapse::Scenario;
use podlapse::api::features::{Features, Version};
use podlapse::api::switches::{SWITCHES, Switch};
use podlapse::diff::{Comparison, Options, Outcome, Side, compare, render, summary};
use podlapse::kernel::{Duration, Time};
use podlapse::scenario::load::{Source, load_as};
use podlapse::testing::Run;
use podlapse::trace::{Record, What};

const DESCRIBED: &str = "changes what `describe` prints, which no comparison shows";

/// Switches that no scenario can show by itself, and why.
const NOT_SHOWN: [(&str, &str); 10] = [
    (
        "startup_on_hold",
        "takes a tick within the microseconds before the status knows",
    ),
    ("pleg_newest_first", "changes an order within one instant"),
    ("count_conditions", "takes a condition that vanishes and nothing else"),
    (
        "pod_level_resources",
        "changes status.qosClass, which no comparison shows",
    ),
    ("describe_field_paths", DESCRIBED),
    ("describe_port_names", DESCRIBED),
    ("describe_plain_projections", DESCRIBED),
    ("describe_pod_resources", DESCRIBED),
    ("container_stop_signals", "is off in all versions: a gate sets it"),
    ("reduced_crash_loop_decay", "is off in all versions: a gate sets it"),
];

/// Switches that decide what the API server takes: the older version refuses the scenario.
const DECIDE_ADMISSION: [&str; 2] = ["restart_all_containers", "sleep_allows_zero"];

fn path_of(switch: &Switch) -> String {
    format!("scenarios/versions/{}.yaml", switch.name.replace('_', "-"))
}

fn read(path: &str) -> String {
    let path = format!("{}/{path}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The versions between which the switch is turned, the last time that it is.
fn turned(switch: &Switch) -> [Version; 2] {
    let is_on = |version| {
        let features = Features::new(version, &BTreeMap::new()).expect("a version takes its own defaults");
        (switch.get)(&features)
    };
    let mut pairs = Version::ALL.windows(2).rev();
    let pair = pairs.find(|pair| is_on(pair[0]) != is_on(pair[1]));
    let pair = pair.unwrap_or_else(|| panic!("{} is the same in all versions", switch.name));
    [pair[0], pair[1]]
}

fn compare_versions(path: &str, versions: [Version; 2]) -> Comparison {
    let text = read(path);
    let sides = versions.map(|version| {
        let name = path.to_owned();
        let source = Source {
            name,
            text: text.clone(),
        };
        Side {
            label: version.to_string(),
            input: load_as(&[source], Some(version)).map(|(input, _)| input),
        }
    });
    compare(path, &sides, true)
}

#[test]
fn each_switch_is_shown_by_a_scenario() {
    let options = Options::default();
    let mut missing = Vec::new();
    for switch in SWITCHES {
        if NOT_SHOWN.iter().any(|(name, _)| *name == switch.name) {
            continue;
        }
        let comparison = compare_versions(&path_of(switch), turned(switch));
        let shown = match &comparison.outcome {
            Outcome::Same | Outcome::Unusable(_) => false,
            Outcome::Refused { side, .. } => *side == 0 && DECIDE_ADMISSION.contains(&switch.name),
            Outcome::Differs(difference) => difference.causes.iter().any(|cause| cause.name == switch.name),
        };
        if !shown {
            missing.push(format!(
                "{}\n{}",
                summary(&comparison, 0, options),
                render(&comparison, options)
            ));
        }
        insta::with_settings!({snapshot_suffix => switch.name, omit_expression => true}, {
            insta::assert_snapshot!(format!("{}\n\n{}", summary(&comparison, 0, options), render(&comparison, options)));
        });
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}

#[test]
fn a_switch_that_is_set_aside_makes_no_difference() {
    let path = "scenarios/versions/container-events-without-name.yaml";
    let load = |version| {
        let source = Source {
            name: path.to_owned(),
            text: read(path),
        };
        load_as(&[source], Some(version)).expect("it loads").0
    };
    let (mut old, new) = (load(Version::V1_34), load(Version::V1_35));
    let side = |label: &str, input: &podlapse::scenario::types::Input| Side {
        label: label.to_owned(),
        input: Ok(input.clone()),
    };
    let differs = compare("s", &[side("old", &old), side("new", &new)], true);
    let Outcome::Differs(difference) = differs.outcome else {
        panic!("1.34 and 1.35 have other texts");
    };
    podlapse::diff::set_aside(&mut old, &new, &difference.causes);
    let same = compare("s", &[side("old", &old), side("new", &new)], true);
    assert!(same.is_same(), "{}", render(&same, Options::default()));
}

#[test]
fn the_table_in_the_documentation_has_every_switch() {
    let text = read("docs/versions.md");
    let rows: Vec<&str> = text.lines().filter(|line| line.starts_with("| ")).collect();
    let mut missing = Vec::new();
    for switch in SWITCHES {
        let hidden = NOT_SHOWN.iter().any(|(name, _)| *name == switch.name);
        let row = rows.iter().find(|row| row.contains(&format!("`{}`", switch.name)));
        let whole = row.is_some_and(|row| {
            hidden || row.contains(&format!("({})", path_of(switch).replace("scenarios", "../scenarios")))
        });
        if !whole {
            missing.push(switch.name);
        }
    }
    assert!(missing.is_empty(), "docs/versions.md lacks {missing:?}");
}

/// The run of one pod under a kubelet, with what else its Scenario says.
fn run(kubelet: &str, containers: &str, scenario: &str) -> Run {
    let text = format!(
        "apiVersion: v1\nkind: Pod\nmetadata: {{name: web}}\nspec: {{{containers}}}\n---\n\
         apiVersion: podlapse.dev/v1alpha1\nkind: Scenario\nmetadata: {{name: s}}\nspec: {{kubelet: {{{kubelet}}}, {scenario}}}\n"
    );
    let made = Scenario::from_yaml(&text).and_then(|scenario| scenario.run());
    made.unwrap_or_else(|error| panic!("{kubelet}: {error}"))
}

#[test]
fn a_condition_stays_that_is_none_of_the_kubelets() {
    let gate_off = "featureGates: {PodReadyToStartContainersCondition: false}";
    for (kubelet, kind, stays) in [
        ("version: '1.32'", "PodResizePending", true),
        ("version: '1.32'", "PodResizeInProgress", true),
        ("version: '1.33'", "PodResizePending", false),
        ("version: '1.33'", "PodResizeInProgress", false),
        ("version: '1.33'", "AllContainersRestarting", true),
        ("version: '1.35'", "AllContainersRestarting", true),
        ("version: '1.36'", "AllContainersRestarting", false),
        (gate_off, "PodReadyToStartContainers", true),
    ] {
        let scenario = format!(
            "runFor: 1m, containers: [{{name: app, runs: [{{exit: {{after: 30s, code: 1}}}}, {{}}]}}], \
             actions: [{{at: 12s, setCondition: {{pod: web, type: {kind}, status: 'True'}}}}]"
        );
        let run = run(kubelet, "containers: [{name: app, image: a}]", &scenario);
        let has = format!("pod('web').status.conditions.exists(c, c.type == '{kind}')");
        run.assert_at("12s", &has);
        let between = Time::ZERO + Duration::from_secs(12)..Time::ZERO + Duration::from_secs(30);
        let mut records = run.records().iter();
        let rewritten = records.any(|r| between.contains(&r.at) && matches!(r.what, What::Status(_)));
        assert_eq!(rewritten, !stays, "{kubelet}, {kind}\n{run}");
        run.assert_at("1m", &if stays { has } else { format!("!{has}") });
    }
}

#[test]
fn a_kubelet_without_a_grace_period_does_not_hear_of_a_shutdown() {
    for (kubelet, ends) in [
        ("config: {shutdownGracePeriod: 8s}", true),
        ("config: {shutdownGracePeriod: 0s}", false),
        (
            "featureGates: {GracefulNodeShutdown: false, GracefulNodeShutdownBasedOnPodPriority: false, \
             WindowsGracefulNodeShutdown: false}",
            false,
        ),
        ("version: '1.34', featureGates: {GracefulNodeShutdown: false}", false),
        (
            "config: {shutdownGracePeriod: 0s, shutdownGracePeriodByPodPriority: [{priority: 0, shutdownGracePeriodSeconds: 5}]}",
            true,
        ),
    ] {
        let scenario = "runFor: 1m, actions: [{at: 5s, shutdownNode: {}}, {at: 20s, killSandbox: {pod: web}}]";
        let run = run(kubelet, "containers: [{name: app, image: a}]", scenario);
        let heard = |record: &Record| match &record.what {
            What::Event(event) => event.reason == "Shutdown",
            What::Node { op, .. } => *op == "shutdownDone",
            _ => false,
        };
        let count = run.records().iter().filter(|record| heard(record)).count();
        assert_eq!(count, if ends { 2 } else { 0 }, "{kubelet}\n{run}");
        let phase = if ends { "Failed" } else { "Running" };
        run.assert_at("1m", &format!("pod('web').status.phase == '{phase}'"));
    }
}

#[test]
fn an_exec_probe_that_takes_too_long_errs_without_its_gate() {
    let probe = "{exec: {command: [check]}, periodSeconds: 10, failureThreshold: 1}";
    let pod = format!("containers: [{{name: app, image: a, livenessProbe: {probe}}}]");
    let script = "runFor: 1m, containers: [{name: app, runs: [{probes: {liveness: [{takes: 5s}]}}]}]";
    for (kubelet, said) in [
        (
            "version: '1.34'",
            "Liveness probe failed: command timed out: \"check\" timed out after 1s",
        ),
        (
            "version: '1.32', featureGates: {ExecProbeTimeout: false}",
            "Liveness probe errored: command timed out: \"check\" timed out after 1s",
        ),
        (
            "version: '1.33', featureGates: {ExecProbeTimeout: false}",
            "Liveness probe errored and resulted in unknown state: command timed out: \"check\" timed out after 1s",
        ),
    ] {
        let run = run(kubelet, &pod, script);
        let is_said =
            |r: &Record| matches!(&r.what, What::Event(event) if event.reason == "Unhealthy" && event.message == said);
        let events: Vec<Time> = run.records().iter().filter(|r| is_said(r)).map(|r| r.at).collect();
        let mut calls = run.records().iter().filter(|r| matches!(r.what, What::Probe { .. }));
        let restarts = if kubelet.contains("featureGates") {
            // Three calls of a second each before the event, and nothing comes of it.
            let first = calls.next().expect("it probes").at;
            assert_eq!(events[0].as_nanos() - first.as_nanos(), 3_000_000_000, "{run}");
            0
        } else {
            1
        };
        assert!(!events.is_empty(), "{kubelet}\n{run}");
        let many = if restarts == 0 { "== 0" } else { ">= 1" };
        run.assert_at("1m", &format!("pod('web').restarts('app') {many}"));
    }
}

#[test]
fn rules_without_a_policy_are_not_looked_at() {
    let rules = "restartPolicyRules: [{action: Restart, exitCodes: {operator: In, values: [1]}}]";
    let script = "runFor: 1m, containers: [{name: setup, runs: [{exit: {after: 1s, code: 1}}]}]";
    for (policy, phase) in [("", "Failed"), ("restartPolicy: Never, ", "Pending")] {
        let pod = format!(
            "restartPolicy: Never, initContainers: [{{name: setup, image: a, {policy}{rules}}}], \
             containers: [{{name: app, image: a}}]"
        );
        let run = run(
            "version: '1.34', featureGates: {ContainerRestartRules: true}",
            &pod,
            script,
        );
        run.assert_at("30s", &format!("pod('web').status.phase == '{phase}'"));
    }
}

#[test]
fn ephemeral_containers_share_the_length_of_messages_since_1_32() {
    let print = |count| format!("[sh, -c, 'head -c {count} /dev/zero | tr \"\\0\" x > /dev/termination-log']");
    let pod = format!(
        "restartPolicy: Never, containers: [{{name: app, image: busybox, command: {}}}, {{name: b, image: a}}, \
         {{name: c, image: a}}]",
        print(4_000)
    );
    for (version, left) in [("1.31", 4_000), ("1.32", 3_072), ("1.36", 3_072)] {
        let debug = "runFor: 1m, actions: [{at: 10s, debug: {pod: web, name: shell, image: a}}]";
        let run = run(&format!("version: '{version}'"), &pod, debug);
        let length = "size(pod('web').status.containerStatuses[0].state.terminated.message)";
        run.assert_at("9s", &format!("{length} == 4000"));
        run.assert_at("1m", &format!("{length} == {left}"));
    }
}
