//! Comparisons as one JSON document.

use serde_json::{Value, json};

use super::{Comparison, Difference, Fact, Moment, Outcome, Row};
use crate::api::diagnostic::Diagnostics;

/// All comparisons: `{scenarios: [{name, result, …}], same, differ, unusable}`, ending with a newline.
pub fn json(comparisons: &[Comparison]) -> String {
    let same = comparisons.iter().filter(|c| c.is_same()).count();
    let differ = comparisons.iter().filter(|c| c.differs()).count();
    let document = json!({
        "scenarios": comparisons.iter().map(comparison).collect::<Vec<_>>(),
        "same": same,
        "differ": differ,
        "unusable": comparisons.len() - same - differ,
    });
    format!("{document:#}\n")
}

fn comparison(comparison: &Comparison) -> Value {
    let [from, to] = &comparison.labels;
    let mut value = json!({"name": comparison.name, "from": from, "to": to});
    match &comparison.outcome {
        Outcome::Same => value["result"] = json!("same"),
        Outcome::Refused { side, errors } => {
            value["result"] = json!("refused");
            value["by"] = json!(comparison.labels[*side]);
            value["errors"] = messages(errors);
            value["gates"] = errors.0.iter().filter_map(|error| error.gate.as_deref()).collect();
        }
        Outcome::Unusable(errors) => {
            value["result"] = json!("unusable");
            value["errors"] = messages(&errors[0]);
        }
        Outcome::Differs(difference) => {
            value["result"] = json!("differs");
            let stretches = difference.stretches.iter();
            value["stretches"] = stretches
                .map(|stretch| stretch.rows.iter().map(|r| row(r, difference)).collect::<Value>())
                .collect();
            value["facts"] = difference.facts.iter().map(|f| fact(f, difference)).collect();
            value["switches"] = (0..difference.causes.len()).map(|ix| switch(ix, difference)).collect();
        }
    }
    value
}

fn messages(errors: &Diagnostics) -> Value {
    errors.0.iter().map(|error| json!(error.message)).collect()
}

fn names(causes: &[usize], difference: &Difference) -> Value {
    causes.iter().map(|&ix| json!(difference.causes[ix].name)).collect()
}

fn row(row: &Row, difference: &Difference) -> Value {
    let [from, to] = row.sides.each_ref().map(|side| side.as_ref().map(moment));
    json!({
        "same": row.is_same(),
        "from": from,
        "to": to,
        "switches": names(&row.causes, difference),
    })
}

fn moment(moment: &Moment) -> Value {
    json!({
        "ns": moment.at.as_nanos(),
        "pod": moment.pod,
        "container": moment.container,
        "attempt": moment.attempt,
        "what": moment.what,
        "why": moment.why,
    })
}

fn fact(fact: &Fact, difference: &Difference) -> Value {
    let [from, to] = &fact.sides;
    json!({
        "about": fact.about,
        "from": from,
        "to": to,
        "switches": names(&fact.causes, difference),
    })
}

fn switch(index: usize, difference: &Difference) -> Value {
    let (switch, on) = (difference.causes[index], difference.turned_on[index]);
    json!({
        "name": switch.name,
        "gate": switch.gate,
        "upstream": switch.upstream,
        "from": switch.says(!on),
        "to": switch.says(on),
    })
}
