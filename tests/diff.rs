//! `podlapse diff` on the command line: exit status, streams, JSON, directories.

#![allow(missing_docs)]

use std::process::{Command, Output};

use serde_json::Value;

fn diff(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_podlapse"))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .arg("diff")
        .args(arguments)
        .output()
        .expect("podlapse starts")
}

fn stdout(output: &Output) -> &str {
    std::str::from_utf8(&output.stdout).expect("UTF-8")
}

const RELIST: &str = "scenarios/versions/on-demand-relist.yaml";
const RULES: &str = "scenarios/versions/container-restart-rules.yaml";

#[test]
fn the_exit_status_says_whether_anything_differs() {
    for (arguments, code) in [
        (&[RELIST, "--from", "1.36", "--to", "1.36"][..], 0),
        (&[RELIST, RELIST], 0),
        (&[RELIST, "--from", "1.35"], 1),
        (&[RELIST, RULES], 1),
        (&[RELIST], 2),
        (&[RELIST, "--from", "1.30"], 2),
        (&[RELIST, "--from", "1.35", "--ignore", "on_demand_relists"], 2),
        (&["scenarios/none.yaml", "--from", "1.35"], 2),
        // Neither 1.31 nor 1.33 takes a restart rule.
        (&[RULES, "--from", "1.31", "--to", "1.33"], 2),
        // One of them does: that is a difference.
        (&[RULES, "--from", "1.33", "--to", "1.35"], 1),
    ] {
        let output = diff(arguments);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {stderr}");
        assert_eq!(code == 2, output.stdout.is_empty(), "{arguments:?}");
    }
}

#[test]
fn what_is_ignored_makes_no_difference() {
    let output = diff(&[RELIST, "--from", "1.35", "--output", "json"]);
    let report: Value = serde_json::from_str(stdout(&output)).expect("JSON");
    let scenario = &report["scenarios"][0];
    assert_eq!(scenario["result"], "differs");
    assert_eq!(report["differ"], 1);
    let names: Vec<&str> = scenario["switches"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|switch| switch["name"].as_str())
        .collect();
    assert_eq!(names, ["sandbox_ready_at_once", "on_demand_relist"]);
    let mut arguments = vec![RELIST, "--from", "1.35"];
    for name in names {
        arguments.extend(["--ignore", name]);
    }
    let output = diff(&arguments);
    assert_eq!(output.status.code(), Some(0), "{}", stdout(&output));
    assert!(stdout(&output).trim_end().ends_with("same"));
}

#[test]
fn a_directory_is_an_upgrade_check_of_everything_in_it() {
    let output = diff(&["scenarios/versions", "--from", "1.35", "--summary"]);
    let text = stdout(&output);
    let scenarios = text
        .lines()
        .filter(|line| line.starts_with("scenarios/versions/"))
        .count();
    let files = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios/versions"));
    assert_eq!(scenarios, files.expect("they are there").count());
    let last = text.lines().last().expect("a line");
    assert!(last.starts_with(&format!("{scenarios} scenarios: ")), "{last}");
    assert_eq!(
        stdout(&diff(&["scenarios/versions", "--from", "1.35", "--summary"])),
        text
    );
}

#[test]
fn what_a_version_refuses_does_not_end_the_upgrade_check() {
    let folder = tempfile::tempdir().expect("a folder");
    let text = |path: &str| {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
        std::fs::read_to_string(path).expect("it is there")
    };
    for (name, text) in [
        ("a-refused-by-the-older.yaml", text(RULES)),
        ("b-same.yaml", text("scenarios/completes.yaml")),
        (
            "c-refused-by-both.yaml",
            text(RULES).replace("kind: Pod", "kind: Pod\nspek: {}"),
        ),
        ("d-no-scenario.yaml", "kind: Pod\n".to_owned()),
        (
            "whole/scenario.yaml",
            text("scenarios/completes.yaml")
                .split_once("---\n")
                .expect("two documents")
                .1
                .to_owned(),
        ),
        (
            "whole/pod.yaml",
            text("scenarios/completes.yaml")
                .split_once("---\n")
                .expect("two documents")
                .0
                .to_owned(),
        ),
        (
            "gate/gate.yaml",
            text(RELIST).replace(
                "\nspec:\n  description",
                "\nspec:\n  kubelet: {featureGates: {PLEGOnDemandRelist: true}}\n  description",
            ),
        ),
    ] {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().expect("below the root")).expect("a folder");
        std::fs::write(path, text).expect("written");
    }
    let run = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_podlapse"))
            .current_dir(folder.path())
            .args(["diff", ".", "--from", "1.32", "--to", "1.33"])
            .args(arguments)
            .output()
            .expect("podlapse starts");
        assert_eq!(
            output.status.code(),
            Some(2),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        output
    };
    insta::assert_snapshot!(stdout(&run(&["--ignore", "generation"])));
    let output = Command::new(env!("CARGO_BIN_EXE_podlapse"))
        .current_dir(folder.path())
        .args([
            "diff",
            "a-refused-by-the-older.yaml",
            "--from",
            "1.33",
            "--to",
            "1.34",
            "-o",
            "json",
        ])
        .output()
        .expect("podlapse starts");
    let report: Value = serde_json::from_str(stdout(&output)).expect("JSON");
    assert_eq!(report["scenarios"][0]["result"], "refused");
    assert_eq!(report["scenarios"][0]["gates"][0], "ContainerRestartRules");
}

#[test]
fn manifests_without_a_scenario_are_one_input() {
    let folder = tempfile::tempdir().expect("a folder");
    let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec:\n  containers: [{name: app, image: 'a:1'}]\n";
    std::fs::write(folder.path().join("pod.yaml"), pod).expect("written");
    let path = folder.path().display().to_string();
    let output = diff(&[&path, "--from", "1.34", "--summary"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stdout(&output).starts_with(&path));
}
