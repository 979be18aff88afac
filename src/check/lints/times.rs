//! What comes after the end of the run.

use super::{Lint, Spot};
use crate::kernel::Time;
use crate::scenario::types::{Input, When};
use crate::views::humane::{clock, span};

/// What is to happen after the run's end.
pub(super) fn times(input: &Input, found: &mut Vec<Lint>) {
    let Some(run_for) = input.scenario.run_for else { return };
    let end = Time::ZERO + run_for;
    for action in input.scenario.actions.iter().filter(|action| action.at > end) {
        found.push(Lint {
            name: "action-too-late",
            subject: String::new(),
            written: action.place.clone().map(Spot::Place),
            message: format!(
                "an action at {} comes after runFor, {}",
                clock(action.at),
                span(run_for)
            ),
            hint: "raise runFor, or let the action be earlier",
        });
    }
    for expectation in &input.scenario.expect {
        let needs = match expectation.when {
            When::At(at) => at,
            When::Within(within) => Time::ZERO + within,
            When::Always { from, to } | When::Never { from, to } => to.unwrap_or(from),
        };
        if needs > end {
            found.push(Lint {
                name: "expectation-too-late",
                subject: String::new(),
                written: Some(Spot::Place(expectation.place.clone())),
                message: format!(
                    "an expectation reaches to {}, after runFor, {}",
                    clock(needs),
                    span(run_for)
                ),
                hint: "raise runFor, or let the expectation be about what is run",
            });
        }
    }
}
