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
