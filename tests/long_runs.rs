//! `fuzz` and `sweep` as people meet them: expectations, and Ctrl-C.

#![allow(missing_docs)]

#[path = "common/process.rs"]
mod process;

use std::path::Path;
use std::process::{Command, Output};

use process::{command, folder, podlapse, stderr, stdout};
use tempfile::TempDir;

const SCENARIO: &str = "\
apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  containers:
  - {name: app, image: app:1}
---
apiVersion: podlapse.dev/v1alpha1
kind: Scenario
metadata: {name: around}
spec:
  runFor: 1m
  containers:
  - name: app
    runs:
    - exit: {after: 5s, code: 1}
  expect:
  - {within: 10s, that: \"pod('web').ready()\"}
  - {never: \"pod('web').restarts('app') > 1\"}
";

fn input() -> TempDir {
    folder(&[("around.yaml", SCENARIO)])
}

#[test]
fn a_failing_expectation_is_a_finding_and_its_small_scenario_fails_too() {
    let folder = input();
    let output = podlapse(
        folder.path(),
        &["fuzz", "--around", "around.yaml", "--runs", "1", "--out", "found"],
    );
    let text = stdout(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(
        text.contains("never: pod('web').restarts('app') > 1")
            && text.contains("1 invariant or expectation was broken"),
        "{text}"
    );
    assert!(!text.contains("expect[0]"), "{text}");
    let small = podlapse(folder.path(), &["run", "found/expect-1-0-0.yaml"]);
    assert_eq!(small.status.code(), Some(1), "{}", stderr(&small));
}

/// What a small scenario has instead is another failure: an expression without a value, or what the input says beside the
/// fields that a run is played by.
#[test]
fn what_is_found_is_in_the_small_scenario_too() {
    const PODS: &str = "\
apiVersion: scheduling.k8s.io/v1
kind: PriorityClass
metadata: {name: important}
value: 1000
---
apiVersion: v1
kind: ConfigMap
metadata: {name: config}
data: {key: text}
---
apiVersion: v1
kind: Pod
metadata: {name: web, labels: {app: web}}
spec:
  priorityClassName: important
  hostname: somewhere
  volumes: [{name: config, configMap: {name: config, items: [{key: key, path: file}]}}]
  containers:
  - {name: app, image: app:1}
  - {name: shell, image: app:1, volumeMounts: [{name: config, mountPath: /config}], command: [sh, -c, 'test $(cat /config/file) = text && test $(hostname) = somewhere && exit 7; sleep 300']}
---
apiVersion: podlapse.dev/v1alpha1
kind: Scenario
metadata: {name: around}
spec:
  runFor: 1m
  containers:
  - name: app
    runs:
    - exit: {after: 5s, code: 137, reason: OOMKilled}
  expect:
  - never: \"pod('web').status.containerStatuses[0].lastState.terminated.reason == 'OOMKilled'\"
  - always: \"pod('web').spec.priority == 0\"
  - never: \"exits('web', 'shell').exists(end, end.code == 7)\"
  - never: \"pod('web').spec.restartPolicy == 'Never'\"
";
    let folder = folder(&[("around.yaml", PODS)]);
    let arguments = ["fuzz", "--around", "around.yaml", "--runs", "300", "--out", "found"];
    let output = podlapse(folder.path(), &arguments);
    assert_eq!(output.status.code(), Some(1), "{}{}", stdout(&output), stderr(&output));
    let mut found = 0;
    for file in std::fs::read_dir(folder.path().join("found")).expect("findings") {
        let path = file.expect("a file").path();
        let text = std::fs::read_to_string(&path).expect("a scenario");
        assert!(!text.contains("never had a value"), "{text}");
        let small = podlapse(folder.path(), &["run", path.to_str().expect("UTF-8")]);
        assert_eq!(small.status.code(), Some(1), "{text}\n{}", stderr(&small));
        found += 1;
    }
    assert_eq!(found, 4, "{}", stdout(&output));
}

#[test]
fn what_is_read_is_not_replaced() {
    let folder = input();
    let path = folder.path();
    std::fs::create_dir(path.join("sub")).expect("a folder");
    for (arguments, wanted) in [
        (
            &["fuzz", "--around", "around.yaml", "--runs", "1", "--out", "."][..],
            "is read from there",
        ),
        (
            &[
                "test",
                "around.yaml",
                "--report",
                "junit",
                "--report-file",
                "around.yaml",
            ],
            "it is read",
        ),
        (
            &["merge", "around.yaml", "--output-file", "./around.yaml"],
            "it is read",
        ),
        (
            &["sweep", "around.yaml", "--out", "x.svg", "--chart", "sub/../x.svg"],
            "the same file",
        ),
    ] {
        let output = podlapse(path, arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(stderr(&output).contains(wanted), "{arguments:?}: {}", stderr(&output));
    }
    assert_eq!(
        std::fs::read_to_string(path.join("around.yaml")).expect("it is there"),
        SCENARIO
    );
}

#[test]
fn an_expectation_that_does_not_fit_is_refused() {
    let folder = input();
    let wrong = SCENARIO.replace("pod('web').ready()", "pod('wbe').ready()");
    std::fs::write(folder.path().join("wrong.yaml"), wrong).expect("written");
    for arguments in [&["fuzz", "--around", "wrong.yaml"][..], &["sweep", "wrong.yaml"]] {
        let output = podlapse(folder.path(), arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(stderr(&output).contains("wbe"), "{arguments:?}");
    }
}

/// The kernel says which signals a process has handlers for: nothing is sent before there is one.
#[cfg(target_os = "linux")]
fn interrupted(folder: &Path, arguments: &[&str]) -> Output {
    use std::process::Stdio;
    let child = command(folder, arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("podlapse starts");
    const SIGINT: u64 = 1 << (2 - 1);
    let catches = || {
        let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).expect("it runs");
        let mask = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
        u64::from_str_radix(mask.expect("a mask").trim(), 16).expect("a number") & SIGINT != 0
    };
    while !catches() {
        std::thread::yield_now();
    }
    let kill = Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    assert!(kill.expect("kill runs").success());
    child.wait_with_output().expect("it ends")
}

#[test]
#[cfg(target_os = "linux")]
fn an_interrupt_ends_fuzzing_with_a_summary() {
    let folder = input();
    let output = interrupted(folder.path(), &["fuzz", "--runs", "1000000000", "--jobs", "1"]);
    let text = stdout(&output);
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(
        text.ends_with(" checked before it was stopped: every invariant held\n"),
        "{text}"
    );
}

#[test]
#[cfg(target_os = "linux")]
fn an_interrupt_ends_a_sweep_with_its_rows_and_a_summary() {
    let folder = input();
    let arguments = ["sweep", "around.yaml", "--runs", "1000000000", "--jobs", "1"];
    let output = interrupted(folder.path(), &arguments);
    let (rows, summary) = (stdout(&output), stderr(&output));
    assert_eq!(output.status.code(), Some(130), "{summary}");
    assert!(rows.lines().count() > 1 && rows.ends_with('\n'), "{rows}");
    assert!(
        summary.contains("stopped before its end") && summary.contains("p99"),
        "{summary}"
    );
    assert!(
        summary.contains("expect[1]") && summary.contains("held in 0 of"),
        "{summary}"
    );
}

#[test]
#[cfg(target_os = "linux")]
fn an_interrupted_sweep_leaves_its_file_as_it_was() {
    let folder = input();
    let table = folder.path().join("table.csv");
    std::fs::write(&table, "old").expect("written");
    let arguments = ["sweep", "around.yaml", "--runs", "1000000000", "--out", "table.csv"];
    let output = interrupted(folder.path(), &arguments);
    let remarks = stderr(&output);
    assert_eq!(output.status.code(), Some(130), "{remarks}");
    assert!(remarks.contains("no file is written"), "{remarks}");
    assert_eq!(std::fs::read_to_string(&table).expect("it is there"), "old");
}

#[test]
fn where_nothing_can_be_written_nothing_is_run() {
    let folder = input();
    std::fs::write(folder.path().join("file"), "old").expect("written");
    let endless = ["--runs", "1000000000", "--jobs", "1"];
    for (arguments, wanted) in [
        (
            &["sweep", "around.yaml", "--out", "no/t.csv"][..],
            "cannot write no/t.csv",
        ),
        (
            &["sweep", "around.yaml", "--out", "file/t.csv"],
            "cannot write file/t.csv",
        ),
        (&["sweep", "around.yaml", "--out", "."], "cannot write ."),
        (
            &["sweep", "around.yaml", "--chart", "no/c.svg"],
            "cannot write no/c.svg",
        ),
        (
            &["sweep", "around.yaml", "--out", "around.yaml"],
            "--out around.yaml: it is read",
        ),
        (
            &["sweep", ".", "--out", "./around.yaml"],
            "--out ./around.yaml: it is read",
        ),
        (
            &["sweep", "around.yaml", "--out", "c.svg", "--chart", "c.svg"],
            "the same file",
        ),
        (&["fuzz", "--out", "file"], "cannot write file"),
        (&["fuzz", "--output-file", "no/r.txt"], "cannot write no/r.txt"),
        (
            &["fuzz", "--around", "around.yaml", "--output-file", "around.yaml"],
            "--output-file around.yaml: it is read",
        ),
    ] {
        let output = podlapse(folder.path(), &[arguments, &endless].concat());
        let told = stderr(&output);
        assert_eq!(
            (output.status.code(), &*stdout(&output)),
            (Some(2), ""),
            "{arguments:?}: {told}"
        );
        assert!(told.contains(wanted), "{arguments:?}: {told}");
    }
    let played = podlapse(folder.path(), &["run", "around.yaml", "--output-file", "around.yaml"]);
    assert_eq!(played.status.code(), Some(2), "{}", stderr(&played));
    let tested = ["test", "around.yaml", "--report", "tap", "--report-file", "no/t.tap"];
    assert_eq!(podlapse(folder.path(), &tested).status.code(), Some(2));
    let mut left: Vec<_> = std::fs::read_dir(folder.path())
        .expect("readable")
        .map(|entry| entry.expect("an entry").file_name())
        .collect();
    left.sort();
    assert_eq!(left, ["around.yaml", "file"]);
    let kept = |name: &str| std::fs::read_to_string(folder.path().join(name)).expect("it is there");
    assert_eq!((&*kept("around.yaml"), &*kept("file")), (SCENARIO, "old"));
}

#[test]
fn a_run_that_no_number_follows_is_refused() {
    let folder = input();
    let last = podlapse(folder.path(), &["fuzz", "--run", "18446744073709551613"]);
    assert_eq!(stdout(&last), "1 run of seed 0 checked: every invariant held\n");
    let beyond = podlapse(folder.path(), &["fuzz", "--run", "18446744073709551614"]);
    assert_eq!((beyond.status.code(), &*stdout(&beyond)), (Some(2), ""));
}

/// The summary of a sweep, without the time that it took.
fn summary(folder: &Path, arguments: &[&str]) -> String {
    let output = podlapse(folder, &[&["sweep"], arguments].concat());
    let told = stderr(&output);
    assert_eq!(output.status.code(), Some(0), "{told}");
    told[..told.rfind("took ").expect("the last line")].to_owned()
}

#[test]
fn a_summary_names_a_run_only_if_it_is_unlike_the_others() {
    let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec: {containers: [{name: app, image: 'app:1'}]}\n";
    let job = "apiVersion: batch/v1\nkind: Job\nmetadata: {name: j}\nspec: {template: {spec: {restartPolicy: Never, \
               containers: [{name: a, image: 'a:1', command: [sh, -c, exit 0]}]}}}\n";
    let folder = folder(&[("pod.yaml", pod), ("job.yaml", job)]);
    for arguments in [
        &["pod.yaml"][..],
        &["pod.yaml", "--runs", "3"],
        &["job.yaml"],
        &["job.yaml", "--runs", "3"],
    ] {
        let told = summary(folder.path(), arguments);
        assert!(
            !told.contains("to see it") && !told.contains("1 runs"),
            "{arguments:?}: {told}"
        );
    }
    let told = summary(
        folder.path(),
        &["pod.yaml", "--vary", "containers[app].runs[0].start.takes=1s,2s,1s"],
    );
    assert!(told.contains("run 1: it takes longest to be ready, "), "{told}");
    assert_eq!(
        summary(folder.path(), &["pod.yaml", "--runs", "3", "--shard", "5/8"]),
        "no runs\n"
    );
}
