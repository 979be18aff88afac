//! Shards of a sweep and of fuzzing, each a process of its own, merge to what one process writes: byte for byte.

#![allow(missing_docs)]

#[path = "common/process.rs"]
mod process;

use std::path::Path;

use process::{command, folder, podlapse, stderr, stdout};
use tempfile::TempDir;

const SCENARIO: &str = "\
apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  containers:
  - name: app
    image: app:1
    readinessProbe: {httpGet: {path: /, port: 80}, periodSeconds: 5}
---
apiVersion: podlapse.dev/v1alpha1
kind: Scenario
metadata: {name: drawn}
spec:
  runFor: 3m
  seed: 7
  containers:
  - name: app
    runs:
    - exit: {after: {uniform: [1s, 60s]}, code: 1}
  expect:
  - {within: 30s, that: \"pod('web').restarts('app') > 0\"}
";

fn input() -> TempDir {
    folder(&[("drawn.yaml", SCENARIO)])
}

/// Standard output of a command that ends with that status.
fn output(folder: &Path, arguments: &[&str], index: Option<&str>, status: i32) -> String {
    let index = index.map(|index| ("JOB_COMPLETION_INDEX", index));
    let output = command(folder, arguments).envs(index).output().expect("podlapse runs");
    assert_eq!(output.status.code(), Some(status), "{arguments:?}: {}", stderr(&output));
    stdout(&output)
}

/// Runs the command whole, then as three processes, and merges them.
fn shards_merge(arguments: &[&str]) -> String {
    let folder = input();
    let whole = output(folder.path(), &[arguments, &["--jobs", "1"]].concat(), None, 0);
    let threaded = output(folder.path(), &[arguments, &["--jobs", "3"]].concat(), None, 0);
    assert_eq!(whole, threaded, "the number of threads shows");
    let mut names = Vec::new();
    for index in ["2", "0", "1"] {
        // Once by hand, then as the pods of an Indexed Job.
        let by_hand = format!("{index}/3");
        let text = output(folder.path(), &[arguments, &["--shard", &by_hand]].concat(), None, 0);
        let of_job = output(folder.path(), &[arguments, &["--shard", "3"]].concat(), Some(index), 0);
        assert_eq!(text, of_job);
        assert_ne!(text, whole);
        let name = format!("shard-{index}");
        std::fs::write(folder.path().join(&name), text).expect("written");
        names.push(name);
    }
    let mut merge = vec!["merge"];
    merge.extend(names.iter().map(String::as_str));
    assert_eq!(output(folder.path(), &merge, None, 0), whole);
    merge.pop();
    let missing = podlapse(folder.path(), &merge);
    assert_eq!(missing.status.code(), Some(2), "a shard is missing");
    whole
}

#[test]
fn of_a_sweep() {
    let whole = shards_merge(&[
        "sweep",
        "drawn.yaml",
        "--vary",
        "Pod/web.spec.restartPolicy=Always,Never",
        "--runs",
        "20",
    ]);
    let mut lines = whole.lines();
    assert_eq!(
        lines.next(),
        Some(
            "run,Pod/web.spec.restartPolicy,draw,containers[0].runs[0].exit.after,timeToReadySeconds,restarts,availability,phase,expect[0] within 30s: pod('web').restarts('app') > 0"
        )
    );
    assert_eq!(lines.clone().count(), 40);
    let column = |line: &str, at: usize| line.split(',').nth(at).unwrap_or_default().to_owned();
    let drawn: std::collections::BTreeSet<_> = lines.clone().map(|line| column(line, 3)).collect();
    assert_eq!(
        drawn.len(),
        20,
        "each draw is another, the same at each point of the grid"
    );
    for line in lines {
        let (policy, restarts, phase) = (column(line, 1), column(line, 5), column(line, 7));
        match policy.as_str() {
            "Always" => assert!(restarts != "0" && phase == "Running", "{line}"),
            _ => assert!(restarts == "0" && phase == "Failed", "{line}"),
        }
        // Whether the expectation held: the container had ended and was back within 30 s.
        let held = column(line, 8);
        let ended_after: f64 = column(line, 3).trim_end_matches('s').parse().unwrap_or(60.0);
        match policy.as_str() {
            "Always" if ended_after < 28.0 => assert_eq!(held, "true", "{line}"),
            _ => assert_eq!(
                held,
                if ended_after > 29.0 || policy == "Never" {
                    "false"
                } else {
                    "true"
                },
                "{line}"
            ),
        }
    }
}

#[test]
fn of_fuzzing() {
    let whole = shards_merge(&["fuzz", "--runs", "600", "--seed", "3", "--output", "json"]);
    assert!(whole.contains("\"checked\":600"), "{whole}");
}

#[test]
fn a_grid_has_a_row_for_each_point_and_a_chart() {
    let folder = input();
    let arguments = [
        "sweep",
        "drawn.yaml",
        "--vary",
        "containers[app].runs[0].exit.after=10s..50s/10s",
        "--vary",
        "kubelet.config.crashLoopBackOff.maxContainerRestartPeriod=10s,300s",
        "--chart",
        "chart.svg",
        "--out",
        "table.csv",
    ];
    assert_eq!(output(folder.path(), &arguments, None, 0), "");
    let table = std::fs::read_to_string(folder.path().join("table.csv")).expect("the table");
    assert_eq!(table.lines().count(), 11);
    assert!(table.contains("\n3,20s,300s,"), "{table}");
    let chart = std::fs::read_to_string(folder.path().join("chart.svg")).expect("the chart");
    assert!(chart.starts_with("<svg") && chart.contains("<circle"), "{chart}");
}

/// What is said of a sweep that cannot be made.
fn refused(arguments: &[&str]) -> String {
    let folder = input();
    let output = podlapse(folder.path(), &[&["sweep", "drawn.yaml"], arguments].concat());
    let errors = stderr(&output);
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {errors}");
    assert!(output.stdout.is_empty(), "{arguments:?}");
    errors
}

#[test]
fn what_cannot_be_varied_is_told_with_the_option() {
    for (vary, wanted) in [
        (
            &["containers[app].runs[0].exti.after=1s"][..],
            "error: --vary containers[app].runs[0].exti.after=1s: unknown field \"spec.containers[0].runs[0].exti\"\n |\n = help: is it \"exit\"?\n",
        ),
        (
            &["containers[app].runs[0].exit.after=1s,banana"],
            "error: --vary containers[app].runs[0].exit.after=banana: spec.containers[0].runs[0].exit.after: \"banana\" is not a duration: write 30s, 1m30s or 250ms\n",
        ),
        (
            &["seed=1,2", "containers[app].runs[0].exit.code=250..260"],
            "error: --vary containers[app].runs[0].exit.code=260: spec.containers[0].runs[0].exit.code: 260 is out of range: it must be from 0 to 255\n",
        ),
        (
            &["containers[ap].runs[0].exit.after=1s"],
            "error: --vary containers[ap].runs[0].exit.after=1s: containers[ap]: nothing is named \"ap\"\n |\n = help: is it \"app\"?\n",
        ),
        (
            &["Pod/web.metadata.name=other"],
            "error: --vary Pod/web.metadata.name=other: within 30s: pod('web').restarts('app') > 0: the input has no pod 'web'\n",
        ),
        (
            &["containers[app].runs[0].probes.readiness[0].probability=0.5,nan"],
            "error: --vary containers[app].runs[0].probes.readiness[0].probability=nan: nan is not a finite number\n",
        ),
        (&["seed=1", "seed=2"], "error: --vary seed is given twice\n"),
        (
            &["seed"],
            "error: invalid value 'seed' for '--vary <PATH=VALUES>': write PATH=FROM..TO/STEP or PATH=VALUE,VALUE\n",
        ),
    ] {
        let arguments: Vec<&str> = vary.iter().flat_map(|vary| ["--vary", vary]).collect();
        let errors = refused(&arguments);
        assert!(errors.starts_with(wanted), "{errors}");
    }
}

#[test]
fn the_items_of_a_list_are_varied_and_strings_stay_strings() {
    let list = "\
apiVersion: v1
kind: List
items:
- apiVersion: v1
  kind: PodList
  items:
  - apiVersion: v1
    kind: Pod
    metadata: {name: web, annotations: {port: '80'}}
    spec: {containers: [{name: app, image: app, env: [{name: PORT, value: '8080'}]}]}
- apiVersion: podlapse.dev/v1alpha1
  kind: Scenario
  metadata: {name: list}
  spec:
    runFor: 1m
    expect: [{at: 30s, that: 'false'}]
";
    let folder = folder(&[("list.yaml", list)]);
    let arguments = [
        "sweep",
        "list.yaml",
        "--vary",
        "Pod/web.spec.containers[app].env[PORT].value=80",
        "--vary",
        "Pod/web.metadata.annotations.weight=\"81\"",
        "--vary",
        "Pod/web.spec.terminationGracePeriodSeconds=5",
        "--vary",
        "expect[0].that=true",
    ];
    let table = output(folder.path(), &arguments, None, 0);
    let row = table.lines().nth(1).expect("a row");
    assert!(row.starts_with("0,80,81,5,true,"), "{table}");
    assert!(row.ends_with(",true"), "the expectation holds: {table}");
}

#[test]
fn shards_of_other_sweeps_do_not_merge() {
    let folder = input();
    let shard = |name: &str, arguments: &[&str]| {
        let arguments = [&["sweep", "drawn.yaml", "--out", name], arguments].concat();
        output(folder.path(), &arguments, None, 0);
    };
    let vary = "kubelet.config.syncFrequency=1m,2m";
    shard("first", &["--vary", vary, "--shard", "0/2"]);
    shard("last", &["--vary", vary, "--shard", "1/2"]);
    shard(
        "other",
        &["--vary", "kubelet.config.syncFrequency=1m,3m", "--shard", "1/2"],
    );
    shard("whole", &["--vary", vary]);
    let text = std::fs::read_to_string(folder.path().join("last")).expect("written");
    let (cut, _) = text.trim_end().rsplit_once('\n').expect("several lines");
    std::fs::write(folder.path().join("cut"), format!("{cut}\n")).expect("written");
    let merged = output(folder.path(), &["merge", "last", "first"], None, 0);
    assert_eq!(
        merged,
        std::fs::read_to_string(folder.path().join("whole")).expect("written")
    );
    for (with, wanted) in [
        ("other", "another input or another --vary"),
        ("cut", "run 1 is missing"),
        ("whole", "its last column does not name the sweep"),
    ] {
        let refused = podlapse(folder.path(), &["merge", "first", with]);
        let errors = stderr(&refused);
        assert_eq!(refused.status.code(), Some(2), "{errors}");
        assert!(errors.contains(wanted), "{errors}");
    }
    for (name, shard, weights) in [("0", "0/2", "pods=1"), ("1", "1/2", "pods=2")] {
        let arguments = [
            "fuzz",
            "--runs",
            "2",
            "-o",
            "json",
            "--shard",
            shard,
            "--weights",
            weights,
            "--output-file",
            name,
        ];
        output(folder.path(), &arguments, None, 0);
    }
    let refused = podlapse(folder.path(), &["merge", "0", "1"]);
    assert!(stderr(&refused).contains("other --weights"));
}
