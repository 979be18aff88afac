//! docs/scenario.md: the fields of the Scenario document for people, made from the tables that decoding uses.

use std::fmt::Write;

use super::schema;
use crate::api::schema::meta::OBJECT_META;
use crate::api::shape::{Object, Shape};

const HEAD: &str = "\
# The Scenario document

At most one document of the input is a `kind: Scenario`. It says what a real cluster would supply: how processes behave, how
long things take, what operators do and when, and what must hold. Everything but its head may be left out, and null is as
good as leaving out. This page is what `podlapse schema --output markdown` prints; `podlapse schema` prints the same as a
JSON Schema, with which editors complete and check.

```yaml
apiVersion: podlapse.dev/v1alpha1
kind: Scenario
metadata: {name: crash-loop}
spec:
  runFor: 30m
  containers:
  - name: app
    runs:
    - exit: {after: 5s, code: 1}
```

A *fixed duration* is written as in Go: `1m30s`, `250ms`. A *duration* is a fixed one or a [Distribution](#distribution), from
which the seed draws it: what happens again and again each time, a moment (`at`, `from`, `runFor`, `down`) and what configures
the kubelet once a run. Each place has draws of its own, also where an alias repeats what stands elsewhere. Where a field has
limits, the shortest and the longest that the distribution can give must be within them, so that no run has a draw that does
not fit: of `normal` that is the mean less and more than 8.3 sd, of `exponential` 0s and 37 times the mean, of `lognormal`
p50 times (p99 / p50) to the power of -3.6 and 3.6.
";

/// The types that a duration may be.
const DISTRIBUTIONS: [&str; 4] = [
    schema::DISTRIBUTION.name,
    schema::NORMAL.name,
    schema::EXPONENTIAL.name,
    schema::LOG_NORMAL.name,
];

/// A type with the paths of the fields that have it.
struct Section {
    object: &'static Object,
    places: Vec<String>,
}

/// The page.
pub fn markdown() -> String {
    let mut sections = Vec::new();
    visit(&schema::SCENARIO, String::new(), &mut sections);
    // They are allowed nearly everywhere, and so stand last.
    sections.sort_by_key(|section| DISTRIBUTIONS.contains(&section.object.name));
    let mut text = HEAD.to_owned();
    for section in &sections {
        let object = section.object;
        let _ = write!(text, "\n## {}\n\n", object.name);
        text.push_str(&match DISTRIBUTIONS.iter().position(|name| *name == object.name) {
            None if section.places.is_empty() => "The document.".to_owned(),
            None => {
                let places = section.places.iter().map(|place| format!("`{place}`"));
                places.collect::<Vec<String>>().join(", ")
            }
            Some(0) => "Wherever a duration is allowed; exactly one of these.".to_owned(),
            Some(_) => "In a [Distribution](#distribution).".to_owned(),
        });
        text.push_str("\n\n| field | type | default | meaning |\n|---|---|---|---|\n");
        for field in object.fields {
            let (name, shape) = (field.name, type_of(field.shape));
            let _ = writeln!(text, "| `{name}` | {shape} | {} | {} |", field.default, field.about);
        }
    }
    text
}

/// Notes a type and, the first time, those below it.
fn visit(object: &'static Object, place: String, sections: &mut Vec<Section>) {
    if object.name == OBJECT_META.name {
        return;
    }
    let places = Vec::from_iter((!place.is_empty()).then(|| place.clone()));
    if let Some(known) = sections.iter_mut().find(|section| section.object.name == object.name) {
        known.places.extend(places);
        return;
    }
    sections.push(Section { object, places });
    for field in object.fields {
        let dot = if place.is_empty() { "" } else { "." };
        below(field.shape, format!("{place}{dot}{}", field.name), sections);
    }
}

fn below(shape: Shape, place: String, sections: &mut Vec<Section>) {
    match shape {
        Shape::Of(object) | Shape::DurationOr(object) | Shape::ChoiceOr(_, object) => visit(object, place, sections),
        Shape::List(item) => below(*item, place + "[]", sections),
        Shape::Map(value) => below(*value, place + ".*", sections),
        Shape::Any
        | Shape::Text
        | Shape::Boolean
        | Shape::Integer(..)
        | Shape::Number(..)
        | Shape::Version
        | Shape::Quantity
        | Shape::IntOrString
        | Shape::Time
        | Shape::Bytes
        | Shape::Duration
        | Shape::Choice(_) => {}
    }
}

/// A type in a table's cell.
fn type_of(shape: Shape) -> String {
    let link = |object: &Object| {
        if object.name == OBJECT_META.name {
            return object.name.to_owned();
        }
        format!("[{}](#{})", object.name, object.name.to_ascii_lowercase())
    };
    let words = |words: &[&str]| -> String {
        let words: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
        words.join(", ")
    };
    match shape {
        Shape::Any => "anything".to_owned(),
        Shape::Text | Shape::Version => "string".to_owned(),
        Shape::Boolean => "boolean".to_owned(),
        Shape::Integer(least, most) if most <= 65_535 => format!("integer, {least} to {most}"),
        Shape::Integer(least @ 0..=1, _) => format!("integer, {least} or more"),
        Shape::Integer(..) => "integer".to_owned(),
        Shape::Number(least, most) => format!("number, {least} to {most}"),
        Shape::Quantity => "quantity".to_owned(),
        Shape::IntOrString => "integer or string".to_owned(),
        Shape::Time => "time".to_owned(),
        Shape::Bytes => "base64".to_owned(),
        Shape::Duration => "fixed duration".to_owned(),
        Shape::DurationOr(_) => "duration".to_owned(),
        Shape::Choice(choices) => words(choices),
        Shape::ChoiceOr(choices, object) => format!("{} or {}", words(choices), link(object)),
        Shape::List(item) => format!("list of {}", type_of(*item)),
        Shape::Map(value) => format!("map of {}", type_of(*value)),
        Shape::Of(object) => link(object),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_in_docs_is_what_is_printed() {
        let page = include_str!("../../docs/scenario.md");
        assert!(
            page == markdown(),
            "write it anew: podlapse schema --output markdown > docs/scenario.md"
        );
    }

    #[test]
    fn every_field_has_a_meaning() {
        let mut sections = Vec::new();
        visit(&schema::SCENARIO, String::new(), &mut sections);
        for section in sections {
            for field in section.object.fields {
                assert!(!field.about.is_empty(), "{}.{}", section.object.name, field.name);
            }
        }
    }
}
