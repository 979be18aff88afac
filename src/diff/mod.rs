//! What two runs do differently, and which switch makes each difference: between two versions, or two scenarios.
//!
//! 1. Each run is told as the timeline tells it, every line with an identity that does not depend on time
//!    (`moments`); what is not a moment in time (texts of events, fields of the API) becomes a fact (`facts`).
//! 2. Moments of one identity make a row; rows that differ, and the few alike between them, make stretches
//!    (`rows`).
//! 3. For each switch that stands differently both scenarios are run again with only that switch turned; a row's
//!    cause is the switch that makes the row what it is (`blame`).

mod blame;
mod facts;
mod json;
mod moments;
mod render;
mod rows;

use crate::api::diagnostic::Diagnostics;
use crate::api::switches::Switch;
use crate::scenario::types::Input;
use crate::sim;

pub use blame::set_aside;
pub use facts::Fact;
pub use json::json;
pub use moments::Moment;
pub use render::{Options, render, summary};
pub use rows::{Row, Stretch};

use blame::Variants;
use moments::Run;

/// One of the two sides: a name for it, and its input or why that is refused.
#[derive(Clone, Debug)]
pub struct Side {
    /// The version, or the name of the scenario.
    pub label: String,
    /// What is run.
    pub input: Result<Input, Diagnostics>,
}

/// What the comparison of a scenario's two sides has given.
#[derive(Clone, Debug)]
pub struct Comparison {
    /// The scenario, as it is called.
    pub name: String,
    /// The labels of the two sides.
    pub labels: [String; 2],
    /// What it has given.
    pub outcome: Outcome,
}

/// Same or not.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// Nothing that a user could see differs.
    Same,
    /// Something does.
    Differs(Difference),
    /// One side does not take the input: why, and which.
    Refused {
        /** which side: 0 or 1 */
        side: usize,
        /** in what words */
        errors: Diagnostics,
    },
    /// Neither side takes it: why not, for each. Nothing can be compared.
    Unusable([Diagnostics; 2]),
}

/// What differs.
#[derive(Clone, Debug, Default)]
pub struct Difference {
    /// Stretches of the timelines, in order.
    pub stretches: Vec<Stretch>,
    /// Texts and fields.
    pub facts: Vec<Fact>,
    /// The switches that make the differences; rows and facts name them by their index here. None have been looked
    /// for between two scenarios.
    pub causes: Vec<&'static Switch>,
    /// Whether each cause is on with the second side.
    pub turned_on: Vec<bool>,
}

impl Comparison {
    /// Whether nothing differs.
    pub fn is_same(&self) -> bool {
        matches!(self.outcome, Outcome::Same)
    }

    /// Whether something does.
    pub fn differs(&self) -> bool {
        matches!(self.outcome, Outcome::Differs(_) | Outcome::Refused { .. })
    }
}

/// Compares both sides. With `blaming` the sides are one scenario under two sets of switches, and each difference is
/// traced to its switch.
pub fn compare(name: &str, sides: &[Side; 2], blaming: bool) -> Comparison {
    let labels = [sides[0].label.clone(), sides[1].label.clone()];
    let outcome = match (&sides[0].input, &sides[1].input) {
        (Err(old), Err(new)) => Outcome::Unusable([old.clone(), new.clone()]),
        (Err(errors), Ok(_)) => Outcome::Refused {
            side: 0,
            errors: errors.clone(),
        },
        (Ok(_), Err(errors)) => Outcome::Refused {
            side: 1,
            errors: errors.clone(),
        },
        (Ok(from), Ok(to)) => compare_inputs(from, to, blaming),
    };
    Comparison {
        name: name.to_owned(),
        labels,
        outcome,
    }
}

fn compare_inputs(from: &Input, to: &Input, blaming: bool) -> Outcome {
    // Two scenarios may each call their only pod as they like.
    let nameless = !blaming && from.pods.len() == 1 && to.pods.len() == 1;
    let tell = |input: &Input| Run::new(&sim::run(input), input, nameless);
    let (old, new) = (tell(from), tell(to));
    let mut rows = rows::pair(&old, &new);
    let mut differing = facts::differing(&old.facts, &new.facts);
    if rows.iter().all(Row::is_same) && differing.is_empty() {
        return Outcome::Same;
    }
    let mut difference = Difference::default();
    if blaming {
        let variants = Variants::new(from, to, &old, &new);
        let mut used = Vec::new();
        let mut number = |switches: Vec<&'static Switch>| -> Vec<usize> {
            let place = |switch: &'static Switch| {
                let known = used.iter().position(|u: &&Switch| u.name == switch.name);
                known.unwrap_or_else(|| {
                    used.push(switch);
                    used.len() - 1
                })
            };
            switches.into_iter().map(place).collect()
        };
        for row in rows.iter_mut().filter(|row| !row.is_same()) {
            row.causes = number(variants.causes(&|run| run.at(&row.ids)));
        }
        for fact in &mut differing {
            fact.causes = number(variants.causes(&|run| facts::seen(&run.facts, &fact.key)));
        }
        let features = &to.scenario.kubelet.features;
        difference.turned_on = used.iter().map(|switch| (switch.get)(features)).collect();
        difference.causes = used;
    }
    difference.stretches = rows::stretches(rows);
    difference.facts = differing;
    Outcome::Differs(difference)
}
