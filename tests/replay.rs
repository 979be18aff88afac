//! A row of a sweep, played alone: `podlapse run` with the sweep's own options and the row's number.

#![allow(missing_docs)]

#[path = "common/process.rs"]
mod process;

use podlapse::check::expectations::judge;
use podlapse::explore::measure::Measure;
use podlapse::explore::shard::Shard;
use podlapse::explore::sweep::Sweep;
use podlapse::explore::vary::Vary;
use podlapse::scenario::load::{Source, load};
use podlapse::sim;
use process::{folder, podlapse, stderr, stdout};

/// Durations drawn each time and once a run, some of them behind aliases.
const SCENARIO: &str = "\
apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  containers:
  - name: app
    image: app:1
    readinessProbe: {httpGet: {path: /, port: 80}, periodSeconds: 1}
---
apiVersion: podlapse.dev/v1alpha1
kind: Scenario
metadata: {name: drawn}
spec:
  runFor: 5m
  seed: 7
  containers:
  - name: app
    runs:
    - exit: {after: {uniform: [1s, 60s]}, code: 1}
      probes: {readiness: [{result: Failure}, {from: {uniform: [1s, 40s]}}]}
  actions:
  - {at: &any {uniform: [1m, 10m]}, kill: {pod: web, container: app}}
  - {at: *any, delete: {pod: web}}
  expect:
  - {within: 30s, that: \"pod('web').ready()\"}
";
const POLICIES: &str = "Pod/web.spec.restartPolicy=Always,Never";
const LENGTHS: &str = "runFor=2m..4m/1m";

#[test]
fn each_row_has_the_figures_of_its_run() {
    let sources = [Source {
        name: "drawn.yaml".to_owned(),
        text: SCENARIO.to_owned(),
    }];
    let (input, _) = load(&sources).unwrap_or_else(|error| panic!("{error}"));
    let vary = || [POLICIES, LENGTHS].map(|vary| Vary::parse(vary).expect(vary)).to_vec();
    for (vary, draws) in [(vary(), 3), (vary(), 1), (Vec::new(), 12)] {
        let grid = Sweep::new(&sources, &input, vary, draws).unwrap_or_else(|error| panic!("{error}"));
        let table = grid
            .sweep(Shard::WHOLE, 1, |_| Some(16))
            .unwrap_or_else(|error| panic!("{error}"));
        let column = |name: &str| {
            let found = table.header.iter().position(|column| column.starts_with(name));
            found.unwrap_or_else(|| panic!("{name}: {:?}", table.header))
        };
        let drawn = ["containers[0].runs[0].exit.after", "actions[0].at", "actions[1].at"].map(column);
        let figures = ["timeToReadySeconds", "restarts", "availability", "phase", "expect[0]"].map(column);
        assert_eq!(table.rows.len() as u64, grid.runs());
        for (run, row) in (0..).zip(&table.rows) {
            let (input, expectations) = grid.run(run).unwrap_or_else(|error| panic!("{error}"));
            let records = sim::run(&input);
            let mut measure = Measure::default();
            records.iter().for_each(|record| measure.observe(record));
            let scenario = &input.scenario;
            let after = scenario.containers[0].runs[0].exit.as_ref().expect("it exits").after;
            let own = [
                scenario.first(after).to_string(),
                (scenario.actions[0].at - podlapse::kernel::Time::ZERO).to_string(),
                (scenario.actions[1].at - podlapse::kernel::Time::ZERO).to_string(),
            ];
            assert_eq!(own, drawn.map(|at| row[at].clone()), "{row:?}");
            let micros = measure.time_to_ready().map(|span| span.0 / 1_000);
            let own = [
                micros.map_or(String::new(), |n| format!("{}.{:06}", n / 1_000_000, n % 1_000_000)),
                measure.restarts().to_string(),
                format!("{:.6}", measure.availability_ppm() as f64 / 1e6),
                measure.phases(),
                judge(&expectations, &input, &records)[0].holds().to_string(),
            ];
            assert_eq!(own, figures.map(|at| row[at].clone()), "{row:?}");
        }
        let beyond = grid.run(grid.runs()).map(|_| ()).expect_err("there is none");
        assert!(beyond.to_string().contains("there is no run"), "{beyond}");
    }
}

#[test]
fn the_command_that_the_summary_names_plays_a_row() {
    let folder = folder(&[("drawn.yaml", SCENARIO)]);
    for options in [
        &["--vary", POLICIES, "--vary", LENGTHS, "--runs", "5"][..],
        &["--runs", "20"],
        &["--vary", "Pod/web.spec.restartPolicy=Never"],
    ] {
        let output = podlapse(folder.path(), &[&["sweep", "drawn.yaml"], options].concat());
        let (table, told) = (stdout(&output), stderr(&output));
        assert_eq!(output.status.code(), Some(0), "{told}");
        let (why, command) = told
            .lines()
            .find_map(|line| line.split_once("; to see it: podlapse "))
            .unwrap_or_else(|| panic!("no command: {told}"));
        let (run, why) = why.split_once(": ").expect("a number and why");
        let row = table.lines().skip(1).find(|row| row.ends_with(",false"));
        let row = row.unwrap_or_else(|| panic!("each holds: {table}"));
        assert_eq!(
            (run, why),
            (
                &*format!("run {}", &row[..row.find(',').unwrap_or(0)]),
                "expect[0] does not hold"
            )
        );
        let words: Vec<&str> = command.split(' ').collect();
        let played = podlapse(folder.path(), &words);
        assert_eq!(played.status.code(), Some(1), "{command}: {}", stderr(&played));
        assert!(stdout(&played).contains("pod created"), "{}", stdout(&played));
        assert!(stderr(&played).contains("--> drawn.yaml:25:"), "{}", stderr(&played));
        // One that holds.
        if let Some(row) = table.lines().find(|row| row.ends_with(",true")) {
            let run = &row[..row.find(',').unwrap_or(0)];
            let words = [&words[..words.len() - 1], &[run]].concat();
            let played = podlapse(folder.path(), &words);
            assert_eq!(played.status.code(), Some(0), "{words:?}: {}", stderr(&played));
        }
    }
}

#[test]
fn what_is_no_run_of_a_sweep_is_refused() {
    let folder = folder(&[("drawn.yaml", SCENARIO)]);
    for (options, wanted) in [
        (
            &["--vary", POLICIES, "--run", "2"][..],
            "there is no run 2: the sweep has 2, from 0 on",
        ),
        (&["--runs", "5", "--run", "5"], "there is no run 5: the sweep has 5"),
        (&["--vary", POLICIES], "--run <N>"),
        (&["--runs", "5"], "--run <N>"),
        (&["--run", "1", "--kubernetes-version", "1.34"], "cannot be used with"),
    ] {
        let output = podlapse(folder.path(), &[&["run", "drawn.yaml"], options].concat());
        assert_eq!(output.status.code(), Some(2), "{options:?}");
        assert_eq!(stdout(&output), "", "{options:?}");
        assert!(stderr(&output).contains(wanted), "{options:?}: {}", stderr(&output));
    }
}

#[test]
fn an_expectation_of_a_vary_is_called_by_it() {
    let folder = folder(&[
        ("drawn.yaml", SCENARIO),
        ("pod.yaml", &SCENARIO[..SCENARIO.find("---").expect("two documents")]),
    ]);
    let (at, that) = ("expect[0].at=10s", "expect[0].that=pod('web').restarts() > 9,!true");
    let made = ["pod.yaml", "--vary", at, "--vary", that];
    let output = podlapse(folder.path(), &[&["run"], &made[..], &["--run", "0"]].concat());
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    assert!(
        stderr(&output).contains("  --> --vary expect[0].that\n"),
        "{}",
        stderr(&output)
    );
    // In the words of the first row it would be wrong for the second.
    let swept = podlapse(folder.path(), &[&["sweep"], &made[..]].concat());
    let header = stdout(&swept).lines().next().map(str::to_owned);
    assert!(
        header.is_some_and(|header| header.ends_with(",phase,expect[0]")),
        "{}",
        stdout(&swept)
    );
    assert!(
        stderr(&swept).contains("\nexpect[0]: held in 0 of 2 runs\n"),
        "{}",
        stderr(&swept)
    );
    let others = podlapse(folder.path(), &["sweep", "drawn.yaml", "--vary", "runFor=2m"]);
    assert!(stdout(&others).contains(",expect[0] within 30s"), "{}", stdout(&others));
}

#[test]
fn one_place_in_two_spellings_is_given_twice() {
    let folder = folder(&[("drawn.yaml", SCENARIO)]);
    let after = |container: &str| format!("containers[{container}].runs[0].exit.after=1s,2s");
    for (first, second, wanted) in [
        (
            after("app"),
            after("app"),
            "--vary containers[app].runs[0].exit.after is given twice",
        ),
        (
            after("app"),
            after("0"),
            "--vary containers[0].runs[0].exit.after: one place is given twice",
        ),
        (
            "Pod/web.spec.priority=1".to_owned(),
            "Pod/default/web.spec.priority=2".to_owned(),
            "one place is given twice",
        ),
    ] {
        let output = podlapse(
            folder.path(),
            &["sweep", "drawn.yaml", "--vary", &first, "--vary", &second],
        );
        assert_eq!(output.status.code(), Some(2), "{first} {second}");
        assert!(
            stderr(&output).contains(wanted),
            "{first} {second}: {}",
            stderr(&output)
        );
    }
}
