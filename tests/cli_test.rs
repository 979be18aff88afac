//! `podlapse test`, `check`, `logs`, `completions` and `man`, as they are used.

#![allow(missing_docs)]

#[path = "common/process.rs"]
mod process;

use std::process::Command;

use process::{folder, podlapse, stderr, stdout};
use tempfile::TempDir;

const POD: &str = "\
apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  containers:
  - {name: app, image: 'app:1'}
---
";

/// A scenario whose container ends after five seconds, once.
fn scenario(expect: &str) -> String {
    format!(
        "{POD}apiVersion: podlapse.dev/v1alpha1
kind: Scenario
metadata: {{name: s}}
spec:
  runFor: 1m
  containers:
  - name: app
    runs:
    - exit: {{after: 5s, code: 1}}
    - {{}}
  expect:
{expect}"
    )
}

const GOOD: &str = "  - {within: 1m, that: \"pod('web').restarts('app') == 1\"}\n  - {never: \"pod('web').status.phase == 'Failed'\"}\n";
const BAD: &str =
    "  - {at: 30s, that: \"pod('web').restarts('app') == 0\"}\n  - {at: 30s, that: \"pod('web').ready()\"}\n";
const UGLY: &str = "  - {at: 30s, that: \"pod('wbe').ready()\"}\n";

fn mixed() -> TempDir {
    folder(&[
        ("good.yaml", &scenario(GOOD)),
        ("bad.yaml", &scenario(BAD)),
        ("ugly.yaml", &scenario(UGLY)),
        ("pod.yaml", POD.trim_end_matches("---\n")),
        ("whole/pod.yaml", POD.trim_end_matches("---\n")),
        (
            "whole/scenario.yaml",
            scenario(GOOD).strip_prefix(POD).expect("the pod is first"),
        ),
    ])
}

#[test]
fn what_a_person_sees() {
    let folder = mixed();
    let output = podlapse(folder.path(), &["test", "."]);
    assert_eq!(output.status.code(), Some(2));
    insta::assert_snapshot!(stdout(&output));
    let output = podlapse(folder.path(), &["test", "good.yaml", "whole"]);
    assert_eq!(output.status.code(), Some(0), "{}", stdout(&output));
    let output = podlapse(folder.path(), &["test", "good.yaml", "bad.yaml"]);
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn what_machines_see() {
    let folder = mixed();
    for format in ["junit", "json", "tap"] {
        let output = podlapse(folder.path(), &["test", ".", "--report", format]);
        assert_eq!(output.status.code(), Some(2));
        insta::assert_snapshot!(format, stdout(&output));
        let file = format!("report.{format}");
        let arguments = ["test", ".", "--report", format, "--report-file", &file];
        let with_file = podlapse(folder.path(), &arguments);
        let written = std::fs::read(folder.path().join(&file)).expect("written");
        assert_eq!(written, output.stdout);
        assert!(stdout(&with_file).ends_with("4 scenarios: 2 ok, 1 failed, 1 cannot be used\n"));
        std::fs::remove_file(folder.path().join(&file)).expect("removed");
    }
}

#[test]
fn the_order_is_the_same_for_any_number_of_jobs_and_fail_fast_stops_at_the_first() {
    let folder = mixed();
    let one = podlapse(folder.path(), &["test", ".", "--jobs", "1"]);
    let many = podlapse(folder.path(), &["test", ".", "--jobs", "7"]);
    assert_eq!(stdout(&one), stdout(&many));
    for jobs in ["1", "7"] {
        let arguments = [
            "test",
            "whole",
            "bad.yaml",
            "good.yaml",
            "ugly.yaml",
            "--fail-fast",
            "--jobs",
            jobs,
        ];
        let output = podlapse(folder.path(), &arguments);
        assert_eq!(output.status.code(), Some(1));
        assert!(
            stdout(&output).ends_with("4 scenarios: 1 ok, 1 failed, 2 left out\n"),
            "{}",
            stdout(&output)
        );
    }
}

#[test]
fn stored_timelines_are_reviewed_as_insta_does() {
    let folder = folder(&[("good.yaml", &scenario(GOOD))]);
    let stored = folder.path().join("good.timeline.snap");
    let left = folder.path().join("good.timeline.snap.new");
    assert_eq!(podlapse(folder.path(), &["test", "."]).status.code(), Some(0));
    assert!(!stored.exists(), "nothing is stored unasked");
    let output = podlapse(folder.path(), &["test", ".", "--update"]);
    assert!(stdout(&output).contains("timeline stored"));
    let text = std::fs::read_to_string(&stored).expect("stored");
    assert_eq!(podlapse(folder.path(), &["test", "."]).status.code(), Some(0));

    std::fs::write(&stored, text.replace("exited with 1", "exited with 2")).expect("changed");
    let output = podlapse(folder.path(), &["test", "."]);
    assert_eq!(output.status.code(), Some(1));
    let shown = stdout(&output);
    assert!(
        shown.contains("+") && shown.contains("exited with 2") && shown.contains("exited with 1"),
        "{shown}"
    );
    assert_eq!(std::fs::read_to_string(&left).expect("left for review"), text);

    assert_eq!(
        podlapse(folder.path(), &["test", ".", "--update"]).status.code(),
        Some(0)
    );
    assert_eq!(std::fs::read_to_string(&stored).expect("stored"), text);
    assert!(!left.exists());
}

#[test]
fn in_ci_nothing_is_left_behind() {
    let folder = folder(&[
        ("good.yaml", &scenario(GOOD)),
        (
            "good.timeline.snap",
            "---\nsource: good\nexpression: timeline\n---\nnothing\n",
        ),
    ]);
    let output = Command::new(env!("CARGO_BIN_EXE_podlapse"))
        .args(["test", "."])
        .current_dir(folder.path())
        .env("CI", "true")
        .output()
        .expect("podlapse runs");
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(std::fs::read_dir(folder.path()).expect("readable").count(), 2);
}

#[test]
fn run_tells_what_does_not_hold() {
    let folder = mixed();
    let output = podlapse(folder.path(), &["run", "bad.yaml", "-o", "jsonl"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(!output.stdout.is_empty());
    insta::assert_snapshot!(stderr(&output));
    let output = podlapse(folder.path(), &["run", "ugly.yaml"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(output.stdout.is_empty());
    insta::assert_snapshot!(stderr(&output));
    assert_eq!(podlapse(folder.path(), &["run", "good.yaml"]).status.code(), Some(0));
}

/// A pod that versions before 1.34 refuse, and that 1.34 restarts whatever its own rules say.
fn ruled() -> String {
    scenario("  - {at: 30s, that: \"pod('web').status.phase == 'Failed'\"}\n").replace(
        "{name: app, image: 'app:1'}",
        "{name: app, image: 'app:1', restartPolicy: Never}",
    )
}

#[test]
fn what_is_expected_must_hold_in_every_version() {
    let folder = folder(&[
        ("good.yaml", &scenario(GOOD)),
        ("ruled.yaml", &ruled()),
        ("ugly.yaml", &scenario(UGLY)),
    ]);
    let output = podlapse(folder.path(), &["test", ".", "--all-versions"]);
    assert_eq!(output.status.code(), Some(2));
    insta::assert_snapshot!(stdout(&output));
    for format in ["junit", "json", "tap"] {
        let output = podlapse(
            folder.path(),
            &["test", "ruled.yaml", "--all-versions", "--report", format],
        );
        assert_eq!(output.status.code(), Some(1));
        insta::assert_snapshot!(format!("all_versions_{format}"), stdout(&output));
    }
    let output = podlapse(folder.path(), &["test", "good.yaml", "--all-versions"]);
    assert_eq!(output.status.code(), Some(0));
    assert!(stdout(&output).ends_with("6 runs of 1 scenario: 6 ok\n"));
    let output = podlapse(
        folder.path(),
        &["test", ".", "--all-versions", "--fail-fast", "--jobs", "2"],
    );
    assert_eq!(output.status.code(), Some(1));
    let shown = stdout(&output);
    assert!(
        shown.ends_with("13 runs of 3 scenarios: 6 ok, 1 failed, 6 left out\n"),
        "{shown}"
    );
    let both = ["test", ".", "--all-versions", "--kubernetes-version", "1.34"];
    assert_eq!(podlapse(folder.path(), &both).status.code(), Some(2));
}

#[test]
fn a_stored_timeline_tells_of_the_scenarios_own_version_only() {
    let older = scenario(GOOD).replace("  runFor: 1m\n", "  runFor: 1m\n  kubelet: {version: \"1.33\"}\n");
    let folder = folder(&[("good.yaml", &scenario(GOOD)), ("older.yaml", &older)]);
    let arguments = ["test", ".", "--all-versions"];
    assert_eq!(
        podlapse(folder.path(), &["test", ".", "--update"]).status.code(),
        Some(0)
    );
    let stored = |name: &str| {
        let path = folder.path().join(name);
        (path.clone(), std::fs::read_to_string(path).expect("stored"))
    };
    let (newer, older) = (stored("good.timeline.snap"), stored("older.timeline.snap"));
    assert_ne!(newer.1, older.1.replace("older", "good"), "the versions show nothing");
    let output = podlapse(folder.path(), &arguments);
    assert_eq!(output.status.code(), Some(0), "{}", stdout(&output));
    let shown = stdout(&output);
    let held: Vec<&str> = shown.lines().filter(|line| line.contains("timeline")).collect();
    assert!(
        held.len() == 2 && held[0].contains("good.yaml (1.36)") && held[1].contains("older.yaml (1.33)"),
        "{shown}"
    );

    std::fs::write(&older.0, older.1.replace("exited with 1", "exited with 2")).expect("changed");
    let output = podlapse(folder.path(), &arguments);
    assert_eq!(output.status.code(), Some(1));
    assert!(stdout(&output).ends_with("12 runs of 2 scenarios: 11 ok, 1 failed\n"));
    let update = ["test", ".", "--all-versions", "--update"];
    assert_eq!(podlapse(folder.path(), &update).status.code(), Some(0));
    assert_eq!(stored("good.timeline.snap"), newer);
    assert_eq!(stored("older.timeline.snap"), older);
    // One version is told of as each of all is.
    let output = podlapse(folder.path(), &["test", ".", "--kubernetes-version", "1.33"]);
    assert_eq!(output.status.code(), Some(0), "{}", stdout(&output));
    assert!(!folder.path().join("good.timeline.snap.new").exists());
    // What cannot be stored is told, if warnings are wanted.
    let update = ["test", ".", "--kubernetes-version", "1.33", "--update"];
    let told = "not run as the version that it is written for";
    let output = podlapse(folder.path(), &update);
    assert_eq!(stdout(&output).matches(told).count(), 1, "{}", stdout(&output));
    let output = podlapse(folder.path(), &[&["-q"], &update[..]].concat());
    assert!(!stdout(&output).contains(told), "{}", stdout(&output));
    assert_eq!(stored("good.timeline.snap"), newer);
}

#[test]
fn standard_input_is_tested_in_every_version() {
    let folder = folder(&[("good.yaml", &scenario(GOOD))]);
    let output = Command::new(env!("CARGO_BIN_EXE_podlapse"))
        .args(["test", "-", "--all-versions"])
        .stdin(std::fs::File::open(folder.path().join("good.yaml")).expect("it is there"))
        .output()
        .expect("podlapse runs");
    assert!(
        stdout(&output).ends_with("6 runs of 1 scenario: 6 ok\n"),
        "{}",
        stdout(&output)
    );
}

#[test]
fn nothing_to_test_is_an_error() {
    let folder = folder(&[("pod.yaml", POD)]);
    let output = podlapse(folder.path(), &["test", "."]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("no scenario is below it"));
    assert_eq!(podlapse(folder.path(), &["test", "no.yaml"]).status.code(), Some(2));
    assert_eq!(
        podlapse(folder.path(), &["test", ".", "--report-file", "x"])
            .status
            .code(),
        Some(2)
    );
}

#[test]
fn check_warns_and_denies() {
    let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec:\n  containers:\n  - name: app\n    image: app\n    livenessProbe: {tcpSocket: {port: 80}}\n";
    let folder = folder(&[("pod.yaml", pod)]);
    let output = podlapse(folder.path(), &["check", "pod.yaml"]);
    assert_eq!(output.status.code(), Some(0));
    assert!(output.stdout.is_empty());
    insta::assert_snapshot!(stderr(&output));
    assert_eq!(
        podlapse(folder.path(), &["check", "pod.yaml", "--deny-warnings"])
            .status
            .code(),
        Some(1)
    );
    let allowed = [
        "check",
        "pod.yaml",
        "--deny-warnings",
        "--allow",
        "image-tag",
        "--allow",
        "liveness-without-startup",
    ];
    assert_eq!(podlapse(folder.path(), &allowed).status.code(), Some(0));
    assert_eq!(
        podlapse(folder.path(), &["check", "pod.yaml", "--allow", "x"])
            .status
            .code(),
        Some(2)
    );
}

#[test]
fn a_pods_name_may_stand_before_the_files() {
    let folder = folder(&[
        ("web.yaml", &scenario(GOOD)),
        ("manifests/pod.yaml", POD.trim_end_matches("---\n")),
    ]);
    let path = folder.path();
    let shown = stdout(&podlapse(path, &["get", "pods", "web", "web.yaml", "--at", "3s"]));
    assert_eq!(shown.lines().count(), 2, "{shown}");
    for (arguments, error) in [
        (
            &["get", "pods", "wbe", "web.yaml"][..],
            "no pod is named \"wbe\"; there are: web",
        ),
        (
            &["get", "pods", "web.yml", "web.yaml"],
            "web.yml: No such file or directory",
        ),
        (
            &["get", "pods", "web"],
            "web: there is no such file; if it is the name of a pod, files come after it: podlapse get pods web FILE…",
        ),
        (&["explain", "web"], "files come after it: podlapse explain web FILE…"),
        (&["logs", "web"], "files come after it: podlapse logs web FILE…"),
        (&["explain", "web.yml"], "web.yml: No such file or directory"),
        (
            &["explain", "wbe", "web.yaml"],
            "no pod is named \"wbe\"; there are: web",
        ),
        (
            &["explain", "web", "web.yaml", "--pod", "web"],
            "the pod is named twice: \"web\", and \"web\" before the files",
        ),
        (&["logs", "wbe", "web.yaml"], "no pod is named \"wbe\"; there are: web"),
        (
            &["logs", "web", "web.yaml", "-c", "ap"],
            "container ap is not valid for pod web; there are: app",
        ),
        (&["logs", "web", "web.yaml", "--pod", "web"], "the pod is named twice"),
    ] {
        let output = podlapse(path, arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(stderr(&output).contains(error), "{arguments:?}: {}", stderr(&output));
    }
    assert_eq!(
        podlapse(path, &["get", "pods", "web", "manifests"]).status.code(),
        Some(0)
    );
}

#[test]
fn logs_of_a_pod_are_those_of_one_attempt() {
    let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec:\n  containers:\n  - name: app\n    image: busybox:1\n    command: [sh, -c, 'echo begun at $(date +%s); sleep 5; exit 1']\n  - {name: other, image: 'other:1'}\n";
    let folder = folder(&[("pod.yaml", pod)]);
    let logs = |arguments: &[&str]| {
        let mut all = vec!["logs"];
        all.extend(arguments);
        podlapse(folder.path(), &all)
    };
    let all = stdout(&logs(&["pod.yaml", "--at", "15s"]));
    let last = logs(&["web", "pod.yaml", "--at", "15s"]);
    let previous = stdout(&logs(&["web", "pod.yaml", "--at", "15s", "--previous"]));
    assert_eq!(stderr(&last), "Defaulted container \"app\" out of: app, other\n");
    assert_eq!(all.lines().count(), 2, "{all}");
    assert!(previous.starts_with("begun at") && stdout(&last).starts_with("begun at"));
    assert_ne!(stdout(&last), previous);
    let without = logs(&["web", "pod.yaml", "--at", "3s", "--previous"]);
    let error = "error: previous terminated container \"app\" in pod \"web\" not found";
    assert!(stderr(&without).contains(error), "{}", stderr(&without));
    assert_eq!((without.status.code(), stdout(&without)), (Some(2), String::new()));
}

#[test]
fn a_pod_that_is_gone_has_no_logs() {
    let folder = folder(&[(
        "web.yaml",
        &scenario(GOOD).replace(
            "  runFor: 1m",
            "  runFor: 1m\n  actions: [{at: 20s, delete: {pod: web}}]",
        ),
    )]);
    for (arguments, code) in [
        (&["logs", "web", "web.yaml", "--at", "15s"][..], 0),
        (&["logs", "web", "web.yaml"], 0),
        (&["logs", "web", "web.yaml", "--at", "50s"], 2),
    ] {
        let output = podlapse(folder.path(), arguments);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}");
        let told = stderr(&output).contains("\"web\" not found: it does not exist at that time");
        assert_eq!(told, code == 2, "{}", stderr(&output));
    }
}

#[test]
fn describe_computes_the_quality_of_service_that_no_status_says_yet() {
    let resources = "{name: app, image: 'app:1', resources: {limits: {cpu: 1, memory: 1Gi}}}";
    let pod = POD
        .trim_end_matches("---\n")
        .replace("{name: app, image: 'app:1'}", resources);
    let folder = folder(&[("pod.yaml", &pod)]);
    for at in ["0s", "1s"] {
        let shown = stdout(&podlapse(
            folder.path(),
            &["describe", "pod", "web", "pod.yaml", "--at", at],
        ));
        let class = shown.lines().find_map(|line| line.strip_prefix("QoS Class:"));
        assert_eq!(class.map(str::trim), Some("Guaranteed"), "{at}: {shown}");
    }
}

#[test]
fn a_namespace_chooses_among_pods_of_one_name() {
    let pod = |namespace: &str| {
        format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: web, namespace: {namespace}}}\nspec:\n  containers:\n  - {{name: app, \
             image: 'of-{namespace}:1'}}\n---\n"
        )
    };
    let both = pod("blue") + &pod("green");
    let folder = folder(&[("both.yaml", &both)]);
    let shown = |arguments: &[&str]| stdout(&podlapse(folder.path(), arguments));
    let all = shown(&["get", "pods", "both.yaml", "--at", "5s"]);
    assert_eq!(all.matches("web").count(), 2, "{all}");
    let one = shown(&["get", "pods", "both.yaml", "-n", "green", "--at", "5s"]);
    assert_eq!(one.matches("web").count(), 1, "{one}");
    let events = shown(&["get", "events", "both.yaml", "-n", "green", "--at", "5s"]);
    assert!(
        events.contains("of-green:1") && !events.contains("of-blue:1"),
        "{events}"
    );
    let at = ["both.yaml", "--at", "5s"];
    for named in [
        &["describe", "pod", "web", "-n", "green"][..],
        &["describe", "pod", "green/web"],
        &["describe", "pod/green/web"],
        &["get", "pods", "green/web", "-o", "yaml"],
        &["get", "pod/web", "-n", "green", "-o", "yaml"],
    ] {
        let shown = shown(&[named, &at].concat());
        assert!(
            shown.contains("of-green:1") && !shown.contains("of-blue:1"),
            "{named:?}: {shown}"
        );
    }
    for named in [
        &["explain", "web", "-n", "green"][..],
        &["explain", "green/web"],
        &["explain", "-n", "green"],
    ] {
        let shown = shown(&[named, &at].concat());
        assert!(shown.contains("pod green/web shows Running"), "{named:?}: {shown}");
    }
    for command in [&["get", "pods"][..], &["describe", "pod"], &["explain"], &["logs"]] {
        let output = podlapse(folder.path(), &[command, &["web"], &at].concat());
        let told = "error: several pods are named \"web\": blue/web, green/web; say which, as NAMESPACE/NAME: blue/web, or \
                    with --namespace\n";
        assert_eq!(
            (output.status.code(), &*stderr(&output)),
            (Some(2), told),
            "{command:?}"
        );
    }
    let unlike = podlapse(folder.path(), &["get", "pods", "green/web", "both.yaml", "-n", "blue"]);
    assert_eq!(
        stderr(&unlike),
        "error: --namespace is \"blue\", but the pod is named \"green/web\"\n"
    );
}

#[test]
fn a_scenario_says_which_of_two_pods_of_one_name_it_means() {
    let pod = |namespace: &str| {
        format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: web, namespace: {namespace}}}\nspec:\n  containers:\n  - {{name: app, \
             image: 'app:1'}}\n---\n"
        )
    };
    let deployment = |namespace: &str| {
        format!(
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: shop, namespace: {namespace}}}\nspec:\n  \
             selector: {{matchLabels: {{app: shop}}}}\n  template:\n    metadata: {{labels: {{app: shop}}}}\n    \
             spec: {{containers: [{{name: app, image: 'app:1'}}]}}\n---\n"
        )
    };
    let scenario = "apiVersion: podlapse.dev/v1alpha1\nkind: Scenario\nmetadata: {name: s}\nspec:\n  runFor: 1m\n  \
                    containers: [{pod: green/web, name: app, runs: [{exit: {after: 5s, code: 0}}]}]\n  actions:\n  \
                    - {at: 10s, create: {pod: green/web}}\n  - {at: 30s, delete: {pod: blue/web}}\n  \
                    - {at: 30s, delete: {deployment: green/shop}}\n  expect:\n  \
                    - {at: 9s, that: \"!pod('green/web').exists() && pod('blue/web').ready()\"}\n  \
                    - {at: 20s, that: \"size(exits('green/web')) == 1 && size(exits('blue/web')) == 0\"}\n  \
                    - {at: 29s, that: \"size(pods('*/shop-*')) == 2\"}\n  \
                    - {at: 40s, that: \"pod('green/web').exists() && !pod('blue/web').exists()\"}\n  \
                    - {at: 40s, that: \"size(pods('blue/shop-*')) == 1 && size(pods('green/shop-*')) == 0\"}\n  \
                    - {at: 20s, that: \"pods('web').all(p, size(events(p.metadata.name)) > 0)\"}\n";
    let input = pod("blue") + &pod("green") + &deployment("blue") + &deployment("green") + scenario;
    let folder = folder(&[("both.yaml", &input)]);
    let output = podlapse(folder.path(), &["run", "both.yaml"]);
    let told = stderr(&output);
    // Only what is computed is found out while it runs.
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.contains("1 of 6 expectations do not hold"), "{told}");
    assert!(
        told.contains("several pods are named \"web\": blue/web, green/web"),
        "{told}"
    );
}

#[test]
fn events_are_objects_too() {
    let folder = folder(&[("web.yaml", &scenario(GOOD))]);
    let arguments = ["get", "events", "web.yaml", "--at", "8s", "-o", "yaml"];
    insta::assert_snapshot!(stdout(&podlapse(folder.path(), &arguments)));
}

#[test]
fn completions_and_manual_pages_name_every_command() {
    let folder = folder(&[]);
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = stdout(&podlapse(folder.path(), &["completions", shell]));
        assert!(
            script.contains("completions") && script.contains("deny-warnings"),
            "{shell}"
        );
    }
    assert!(stdout(&podlapse(folder.path(), &["man"])).starts_with(".ie"));
    let output = podlapse(folder.path(), &["man", "--directory", "."]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    for page in ["podlapse.1", "podlapse-run.1", "podlapse-test.1"] {
        assert!(folder.path().join(page).exists(), "{page}");
    }
}

#[test]
fn every_command_has_examples() {
    let folder = folder(&[]);
    let help = stdout(&podlapse(folder.path(), &["--help"]));
    let commands: Vec<&str> = help
        .lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.strip_prefix("  ").and_then(|line| line.split(' ').next()))
        .filter(|name| !name.is_empty() && *name != "help")
        .collect();
    assert!(commands.len() >= 6, "{help}");
    for command in commands {
        let help = stdout(&podlapse(folder.path(), &["help", command]));
        assert!(
            help.contains("Example") && help.contains(&format!("podlapse {command}")),
            "{command}"
        );
    }
}
