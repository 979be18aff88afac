//! The fuzzer: what it generates is sound, nothing it says depends on threads, and broken rules are found.

#![allow(missing_docs)]

use std::rc::Rc;

use podlapse::explore::fuzz::{Plan, check};
use podlapse::explore::generate::Generator;
use podlapse::explore::weights::Weights;

/// Every run of the engine as it is keeps every invariant.
#[test]
fn nothing_is_broken() {
    let plan = Plan {
        end: 20_000,
        jobs: 2,
        ..Plan::default()
    };
    let report = plan.fuzz(|_| true).expect("threads");
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
