//! Expectations as they stand in the document; what they say is read by the checks.

use super::decode::Decoder;
use super::types::{Expectation, When};
use crate::api::node::Node;
use crate::api::written::Written;
use crate::kernel::Time;

/// spec.expect[]
pub(super) fn expectation(decoder: &mut Decoder<'_, '_>, node: &Node) -> Option<Expectation> {
    let given: Vec<&str> = ["that", "always", "never"]
        .into_iter()
        .filter(|field| node.get(field).is_some())
        .collect();
    let [kind] = given[..] else {
        let message = "an expectation has exactly one of that, always and never";
        decoder.problems.at(node, message);
        return None;
    };
    let (allowed, needed): (&[&str], &[&str]) = match kind {
        "that" => (&["at", "within"], &["at", "within"]),
        _ => (&["from", "to"], &[]),
    };
    for field in ["at", "within", "from", "to"] {
        if let Some(node) = node.get(field)
            && !allowed.contains(&field)
        {
            let message = format!("it does not go with `{kind}`, which takes {}", allowed.join(" and "));
            decoder.problems.at(node, &message);
        }
    }
    let times: Vec<&str> = needed
        .iter()
        .copied()
        .filter(|field| node.get(field).is_some())
        .collect();
    if !needed.is_empty() && times.len() != 1 {
        decoder
            .problems
            .at(node, "with `that` goes exactly one of at and within");
        return None;
    }
    let (from, to) = (decoder.time_at(node, "from"), decoder.time_at(node, "to"));
    let from = from.unwrap_or(Time::ZERO);
    if to.is_some_and(|to| to < from)
        && let Some(node) = node.get("to")
    {
        decoder.problems.at(node, "it must not be before `from`");
    }
    let when = match kind {
        "always" => When::Always { from, to },
        "never" => When::Never { from, to },
        _ => match decoder.time_at(node, "at") {
            Some(at) => When::At(at),
            None => When::Within(decoder.drawn_at(node, "within")?),
        },
    };
    let expression = node.get(kind)?;
    let that = expression.text()?.clone();
    if that.trim().is_empty() {
        decoder.problems.at(expression, "the expression is empty");
        return None;
    }
    let written = Written::new(decoder.source(), expression.span);
    let first = that.len() - that.trim_start().len();
    let start = written.range(&that, &(first..first)).start;
    Some(Expectation {
        when,
        place: decoder.problems.place_of(start),
        that,
        written: Some(written),
    })
}
