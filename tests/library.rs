//! The library as tests in Rust use it.

#![allow(missing_docs)]

use podlapse::Scenario;
use podlapse::testing::Error;

const CRASH_ONCE: &str = "\
apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  containers: [{name: app, image: 'app:1'}]
---
apiVersion: podlapse.dev/v1alpha1
kind: Scenario
metadata: {name: crash-once}
spec:
  runFor: 1m
  containers:
  - name: app
    runs: [{exit: {after: 5s, code: 1}}, {}]
  expect:
  - {within: 1m, that: \"pod('web').restarts('app') == 1\"}
";

#[test]
fn a_run_snapshots_well() -> Result<(), Error> {
    let run = Scenario::from_yaml(CRASH_ONCE)?.run()?;
    insta::assert_debug_snapshot!(run);
    insta::assert_json_snapshot!(run);
    Ok(())
}

#[test]
fn assertions_hold_or_tell_why_not() -> Result<(), Error> {
    let run = Scenario::from_yaml(CRASH_ONCE)?.run()?;
    run.assert_at("10s", "pod('web').ready()");
    run.assert_within("10s", "size(exits('web')) == 1");
    run.assert_from("10s", "pod('web').ready()");
    run.assert_never("pod('web').status.phase == 'Failed'");
    let panicked = std::panic::catch_unwind(|| run.assert_never("pod('web').restarts() == 1"));
    let text = panicked
        .expect_err("it does not hold")
        .downcast::<String>()
        .expect("a text");
    assert!(text.contains("it is true at 6.1"), "{text}");
    Ok(())
}

#[test]
fn what_is_wrong_is_told() {
    for (from, to, wanted) in [
        ("image:", "imagee:", "imagee"),
        ("pod('web')", "pod('wbe')", "is it 'web'?"),
        ("== 1", "== 7", "an expectation does not hold"),
    ] {
        let scenario = Scenario::from_yaml(&CRASH_ONCE.replace(from, to));
        let error = scenario.and_then(|scenario| scenario.run()).expect_err(from);
        assert!(format!("{error:?}").contains(wanted), "{error}");
    }
}
