//! What comes after the end of the run.

use super::{Lint, Spot};
use crate::scenario::types::Input;
use crate::views::humane::{clock, span};

/// What is to happen after the run's end.
pub(super) fn times(input: &Input, found: &mut Vec<Lint>) {
    let end = input.scenario.horizon();
    let said = match input.scenario.run_for {
        Some(run_for) => format!("after runFor, {}", span(run_for)),
        None => format!(
            "after the end of the run, which without runFor is at most {}",
            clock(end)
        ),
    };
    for action in input.scenario.actions.iter().filter(|action| action.at > end) {
        found.push(Lint {
            name: "action-too-late",
            subject: String::new(),
            written: action.place.clone().map(Spot::Place),
            message: format!("an action at {} comes {said}", clock(action.at)),
            hint: "raise runFor, or let the action be earlier",
        });
    }
    // Without runFor most runs end when nothing is left to happen: then what is true stays true.
    let judged = input
        .scenario
        .expect
        .iter()
        .filter(|_| input.scenario.run_for.is_some());
    for expectation in judged {
        let needs = expectation.when.reach();
        if needs > end {
            found.push(Lint {
                name: "expectation-too-late",
                subject: String::new(),
                written: Some(Spot::Place(expectation.place.clone())),
                message: format!("an expectation reaches to {}, {said}", clock(needs)),
                hint: "raise runFor, or let the expectation be about what is run",
            });
        }
    }
}
