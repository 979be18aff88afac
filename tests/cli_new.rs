//! `podlapse new`: what it writes runs, and each of its scripts is in force somewhere.

#![allow(missing_docs)]

#[path = "common/process.rs"]
mod process;

use process::{folder, podlapse, stderr, stdout};

#[test]
fn a_new_scenario_runs_as_it_is_written() {
    let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec:\n  initContainers: [{name: setup-1, image: 'setup:1'}]\n  containers:\n  - name: app\n    image: reg.example/app:1\n    livenessProbe: {tcpSocket: {port: 80}}\n    lifecycle: {preStop: {exec: {command: [a]}}}\n";
    let folder = folder(&[("pod.yaml", pod)]);
    let output = podlapse(folder.path(), &["new", "pod.yaml"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    insta::assert_snapshot!(stdout(&output));
    let written = podlapse(folder.path(), &["new", "pod.yaml", "--output-file", "new.yaml"]);
    assert_eq!(written.status.code(), Some(0));
    let run = podlapse(folder.path(), &["run", "pod.yaml", "new.yaml"]);
    assert_eq!(run.status.code(), Some(0), "{}", stderr(&run));
    // Its comments are examples: they are good, too.
    let text = std::fs::read_to_string(folder.path().join("new.yaml")).expect("written");
    let commented = text.replace("  - {within: 10m", "  # - {within: 10m");
    for line in commented
        .lines()
        .filter(|line| line.trim_start().starts_with("# - {") && line.contains("that:"))
    {
        let expectation = line.replacen("# - ", "- ", 1);
        let one = commented.replace(line, &expectation);
        std::fs::write(folder.path().join("one.yaml"), one).expect("written");
        let run = podlapse(folder.path(), &["check", "pod.yaml", "one.yaml"]);
        assert_eq!(run.status.code(), Some(0), "{line}\n{}", stderr(&run));
    }
    assert_eq!(
        podlapse(folder.path(), &["new", "pod.yaml", "new.yaml"]).status.code(),
        Some(2)
    );
    let again = podlapse(folder.path(), &["new", "pod.yaml", "--output-file", "new.yaml"]);
    assert_eq!(again.status.code(), Some(2), "a file that exists is not replaced");
}

#[test]
fn a_new_scenario_leaves_out_what_acts_by_itself() {
    let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec:\n  containers:\n  - {name: script, image: 'busybox:1', command: [sh, -c, 'sleep 5; exit 3']}\n  - {name: nginx, image: 'nginx:1'}\n  - {name: own, image: 'reg.example/app:1', command: [/app]}\n";
    let folder = folder(&[("pod.yaml", pod)]);
    let new = podlapse(folder.path(), &["new", "pod.yaml", "--output-file", "new.yaml"]);
    assert_eq!(new.status.code(), Some(0), "{}", stderr(&new));
    let text = std::fs::read_to_string(folder.path().join("new.yaml")).expect("written");
    let entries = |comment: &str| -> Vec<&str> {
        let begin = format!("  {comment}- ");
        let lines = text.lines().filter_map(|line| line.strip_prefix(&begin));
        lines.filter(|line| line.contains("pod: web")).collect()
    };
    assert_eq!(entries("").len(), 1, "{text}");
    assert!(text.contains("name: own\n"), "{text}");
    let known = |name: &str| format!("{{pod: web, name: {name}, runs: [{{exit: {{after: 5s, code: 1}}}}]}}");
    assert_eq!(entries("# ")[..2], [known("script"), known("nginx")]);
    let run = podlapse(folder.path(), &["run", "pod.yaml", "new.yaml"]);
    assert!(stdout(&run).contains("exited with 3"), "{}", stdout(&run));
    let job = "apiVersion: batch/v1\nkind: Job\nmetadata: {name: once}\nspec: {suspend: true, template: {spec: {restartPolicy: Never, containers: [{name: a, image: 'a:1'}]}}}\n";
    std::fs::write(folder.path().join("job.yaml"), job).expect("written");
    let none = podlapse(folder.path(), &["new", "job.yaml"]);
    assert_eq!(none.status.code(), Some(2));
    assert!(stderr(&none).contains("the input makes no pods"), "{}", stderr(&none));
}

/// Workloads whose names begin alike, in the order in which the first pattern matches all pods.
fn of_like_names() -> String {
    let workload = |kind: &str, name: &str, containers: &str| {
        format!(
            "apiVersion: apps/v1\nkind: {kind}\nmetadata: {{name: {name}}}\nspec:\n  selector: {{matchLabels: {{app: {name}}}}}\n  template:\n    metadata: {{labels: {{app: {name}}}}}\n    spec: {{containers: [{containers}]}}\n---\n"
        )
    };
    let app = "{name: app, image: 'own:1'}";
    [
        workload("Deployment", "web", &format!("{app}, {{name: side, image: 'nginx:1'}}")),
        workload("StatefulSet", "web", &format!("{app}, {{name: other, image: 'own:1'}}")),
        workload("DaemonSet", "web", &format!("{app}, {{name: third, image: 'own:1'}}")),
        workload("StatefulSet", "web-a", app),
        workload(
            "Deployment",
            "web-api",
            &format!("{app}, {{name: side, image: 'nginx:1'}}"),
        ),
        "apiVersion: v1\nkind: Pod\nmetadata: {name: web-a-b}\nspec: {containers: [{name: app, image: 'own:1'}]}\n"
            .to_owned(),
    ]
    .concat()
}

#[test]
fn each_script_of_a_new_scenario_is_in_force_somewhere() {
    let folder = folder(&[("all.yaml", &of_like_names())]);
    let new = podlapse(folder.path(), &["new", "all.yaml"]);
    assert_eq!(new.status.code(), Some(0), "{}", stderr(&new));
    // Each script makes its containers end with a code of its own, those in comments as well.
    let mut codes = 0;
    let mut text = String::new();
    for line in stdout(&new).lines() {
        let enabled = line.replacen("# - {pod:", "- {pod:", 1);
        let code = 10 + codes;
        let ends = if line.contains("- {}   # runs until") {
            format!("    - exit: {{after: 5s, code: {code}}}")
        } else {
            enabled.replace("code: 1}}]}", &format!("code: {code}}}}}]}}"))
        };
        codes += usize::from(ends.contains(&format!("code: {code}}}")));
        text.push_str(&(ends + "\n"));
    }
    assert_eq!(codes, 9, "{text}");
    std::fs::write(folder.path().join("new.yaml"), &text).expect("written");
    let run = podlapse(folder.path(), &["run", "all.yaml", "new.yaml"]);
    assert_eq!(run.status.code(), Some(0), "{}", stderr(&run));
    for code in 10..10 + codes {
        let exited = format!("exited with {code}");
        assert!(stdout(&run).contains(&exited), "{exited}\n{text}\n{}", stdout(&run));
    }
}
