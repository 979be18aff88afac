//! The report as JUnit XML, which every CI reads: a suite for each scenario, a case for each check.

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use super::case::{Check, Outcome};
use crate::cli::exit::Trouble;

/// The document. It has no times: they would differ from run to run.
pub(super) fn render(outcomes: &[Outcome]) -> Result<String, Trouble> {
    let mut report = Report::new("podlapse");
    for outcome in outcomes {
        let mut suite = TestSuite::new(outcome.name());
        match &outcome.result {
            Err(error) => {
                let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
                status.set_message(error.lines().next().unwrap_or_default());
                status.set_description(error.as_str());
                suite.add_test_case(case(outcome, "input", status));
            }
            Ok(checks) if checks.is_empty() => {
                suite.add_test_case(case(outcome, "runs", TestCaseStatus::success()));
            }
            Ok(checks) => {
                suite.add_test_cases(checks.iter().map(|check| case(outcome, &check.name, status(check))));
            }
        }
        report.add_test_suite(suite);
    }
    report
        .to_string()
        .map_err(|error| Trouble::Message(format!("cannot write JUnit: {error}")))
}

fn case(outcome: &Outcome, name: &str, status: TestCaseStatus) -> TestCase {
    let mut case = TestCase::new(name, status);
    case.set_classname(outcome.name());
    case
}

fn status(check: &Check) -> TestCaseStatus {
    let Some(failure) = &check.failure else {
        return TestCaseStatus::success();
    };
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
    status.set_message(failure.summary.as_str());
    status.set_description(failure.text.as_str());
    status
}
