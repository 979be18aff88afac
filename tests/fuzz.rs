//! The fuzzer: what it generates is sound, nothing it says depends on threads, and broken rules are found.

#![allow(missing_docs)]

use std::rc::Rc;

use podlapse::explore::fuzz::{Plan, check};
use podlapse::explore::generate::Generator;
use podlapse::explore::threads::LARGEST_BATCH;
use podlapse::explore::weights::Weights;
use podlapse::kernel::Duration;
use podlapse::scenario::load::{Source, load};

/// Every run of the engine as it is keeps every invariant.
#[test]
fn nothing_is_broken() {
    let plan = Plan {
        end: 20_000,
        jobs: 2,
        ..Plan::default()
    };
    let report = plan.fuzz(|_| Some(LARGEST_BATCH)).expect("threads");
    let broken: Vec<_> = report
        .findings
        .iter()
        .map(|f| {
            format!(
                "run {} ({} runs): {}\n  small: {}\n{}",
                f.run,
                f.runs,
                f.broken.text,
                f.small.1.text,
                podlapse::explore::write::yaml(&f.small.0)
            )
        })
        .collect();
    assert!(broken.is_empty(), "{}", broken.join("\n"));
    assert_eq!(report.checked, 20_000);
}

#[test]
fn the_same_seed_and_run_give_the_same_input() {
    let (one, other) = (Generator::new(Weights::default()), Generator::new(Weights::default()));
    for run in 0..200 {
        let _ = other.scenario(8, run);
        let (a, b) = (one.scenario(7, run), other.scenario(7, run));
        assert_eq!(format!("{a:?}"), format!("{b:?}"), "run {run}");
        assert_eq!(check(&Rc::new(a)), check(&Rc::new(b)));
    }
}

#[test]
fn shrinking_leaves_a_run_as_long_as_its_expectations_must_see() {
    let text = "apiVersion: v1
kind: Pod
metadata: {name: web}
spec: {containers: [{name: app, image: a}]}
---
apiVersion: podlapse.dev/v1alpha1
kind: Scenario
metadata: {name: s}
spec:
  runFor: 30m
  containers: [{name: app, runs: [{exit: {after: 5s, code: 1}}]}]
  expect:
  - EXPECTATION
";
    for (expectation, seconds) in [
        // It fails at 5 s, but what holds until 3 min is seen by no shorter run.
        ("{to: 3m, always: \"pod('web').restarts('app') == 0\"}", 180),
        ("{from: 2m, never: \"pod('web').restarts('app') > 0\"}", 120),
        ("{at: 100s, that: \"pod('web').restarts('app') == 0\"}", 100),
        ("{within: 90s, that: \"pod('web').restarts('app') > 90\"}", 90),
        ("{always: \"pod('web').restarts('app') == 0\"}", 7),
    ] {
        let source = Source {
            name: "x.yaml".to_owned(),
            text: text.replace("EXPECTATION", expectation),
        };
        let (input, _) = load(&[source]).unwrap_or_else(|error| panic!("{expectation}: {error}"));
        let plan = Plan {
            end: 1,
            around: Some(input),
            ..Plan::default()
        };
        let report = plan.fuzz(|_| Some(LARGEST_BATCH)).expect("threads");
        let [finding] = &report.findings[..] else {
            panic!("{expectation}: {:?}", report.findings);
        };
        let (small, broken) = &finding.small;
        assert!(!broken.text.contains("the run ended"), "{}", broken.text);
        let length = small.scenario.run_for.map(Duration::as_secs);
        assert_eq!(length, Some(seconds), "{expectation}");
    }
}
