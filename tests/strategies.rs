//! What the proptest strategies give can be run, and runs alike each time.

#![allow(missing_docs)]

use podlapse::testing::strategies;
use podlapse::trace::What;
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn drawn_scenarios_run_alike(scenario in strategies::scenario()) {
        let run = scenario.play();
        let ended = run.records().last().is_some_and(|record| matches!(record.what, What::End { .. }));
        prop_assert!(ended);
        prop_assert_eq!(scenario.play(), run);
    }

    #[test]
    fn drawn_pods_are_good(pod in strategies::pod()) {
        prop_assert!(podlapse::Scenario::from_yaml(&pod).is_ok());
    }
}
