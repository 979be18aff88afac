//! The JSON Schema of the Scenario document, for editors: made from the same tables that decoding uses.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::schema;
use crate::api::features::Version;
use crate::api::shape::{Field, ONE_OF, Object, REQUIRED, Shape};

/// A duration as Go writes it, without a sign.
const DURATION: &str =
    r"^\+?(0|([0-9]+(\.[0-9]*)?|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h))(([0-9]+(\.[0-9]*)?|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h))*$";

/// The schema (draft 2020-12).
pub fn schema() -> Value {
    let mut definitions = BTreeMap::new();
    let document = reference(&schema::SCENARIO, &mut definitions);
    let definitions: Map<String, Value> = definitions
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect();
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "podlapse Scenario",
        "$ref": document["$ref"],
        "$defs": definitions,
    })
}

/// A reference to a type, which is defined if it is not yet.
fn reference(object: &'static Object, definitions: &mut BTreeMap<&'static str, Value>) -> Value {
    if !definitions.contains_key(object.name) {
        definitions.insert(object.name, Value::Null);
        let mut properties = Map::new();
        let (mut required, mut one_of) = (Vec::new(), Vec::new());
        for field in object.fields {
            let mut value = of(field.shape, definitions);
            if field.default == REQUIRED {
                required.push(field.name);
            } else {
                value = or_null(value);
            }
            if field.default == ONE_OF {
                one_of.push(given(field.name));
            }
            if !field.about.is_empty() {
                value["description"] = described(field).into();
            }
            properties.insert(field.name.to_owned(), value);
        }
        let mut definition = json!({"type": "object", "properties": properties, "additionalProperties": false});
        if !required.is_empty() {
            definition["required"] = json!(required);
        }
        if !one_of.is_empty() {
            definition["oneOf"] = json!(one_of);
        }
        definitions.insert(object.name, definition);
    }
    json!({"$ref": format!("#/$defs/{}", object.name)})
}

/// That a field is there, and not null.
fn given(field: &str) -> Value {
    json!({"required": [field], "properties": {field: {"not": {"type": "null"}}}})
}

/// What a field is for, and its default.
fn described(field: &Field) -> String {
    match field.default {
        "" | REQUIRED | ONE_OF => field.about.to_owned(),
        default => format!("{} Default: {default}.", field.about),
    }
}

/// Null is as good as leaving a field out, as in manifests.
fn or_null(mut value: Value) -> Value {
    if let Some(choices) = value.get_mut("enum").and_then(Value::as_array_mut) {
        choices.push(Value::Null);
    } else if let Some(choices) = value.get_mut("anyOf").and_then(Value::as_array_mut) {
        choices.push(json!({"type": "null"}));
    } else if let Some(types) = value.get_mut("type") {
        *types = match types.take() {
            Value::Array(mut types) => {
                types.push("null".into());
                types.into()
            }
            one => json!([one, "null"]),
        };
    } else if value.get("$ref").is_some() {
        return json!({"anyOf": [value, {"type": "null"}]});
    }
    value
}

fn of(shape: Shape, definitions: &mut BTreeMap<&'static str, Value>) -> Value {
    match shape {
        Shape::Any => json!({}),
        Shape::Text => json!({"type": "string"}),
        Shape::Boolean => json!({"type": "boolean"}),
        Shape::Integer(least, most) => {
            let mut value = json!({"type": "integer"});
            for (name, bound) in [("minimum", least), ("maximum", most)] {
                if let Ok(bound) = i64::try_from(bound) {
                    value[name] = bound.into();
                }
            }
            value
        }
        Shape::Number(least, most) => json!({"type": "number", "minimum": least, "maximum": most}),
        Shape::Version => json!({"type": "string", "pattern": version()}),
        Shape::Quantity => json!({"type": ["string", "number"]}),
        Shape::IntOrString => json!({"type": ["integer", "string"]}),
        Shape::Time => json!({"type": "string", "format": "date-time"}),
        Shape::Bytes => json!({"type": "string", "contentEncoding": "base64"}),
        Shape::Duration => json!({"type": "string", "pattern": DURATION}),
        Shape::DurationOr(object) => {
            json!({"anyOf": [{"type": "string", "pattern": DURATION}, reference(object, definitions)]})
        }
        Shape::Choice(words) => json!({"enum": words}),
        Shape::ChoiceOr(words, object) => json!({"anyOf": [{"enum": words}, reference(object, definitions)]}),
        Shape::List(item) => json!({"type": "array", "items": of(*item, definitions)}),
        Shape::Map(value) => json!({"type": "object", "additionalProperties": of(*value, definitions)}),
        Shape::Of(object) => reference(object, definitions),
    }
}

/// The versions that are played, as people write them: see `Version::parse`.
fn version() -> String {
    let minors: Vec<String> = Version::ALL.iter().map(|version| version.minor().to_string()).collect();
    format!("^v?1\\.({})(\\.|$)", minors.join("|"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reference_is_defined() {
        fn references(value: &Value, found: &mut Vec<String>) {
            match value {
                Value::Object(fields) => {
                    found.extend(fields.get("$ref").and_then(Value::as_str).map(str::to_owned));
                    fields.values().for_each(|value| references(value, found));
                }
                Value::Array(items) => items.iter().for_each(|value| references(value, found)),
                _ => {}
            }
        }
        let schema = schema();
        let mut found = Vec::new();
        references(&schema, &mut found);
        assert!(found.len() > 30);
        for reference in found {
            let name = reference.strip_prefix("#/$defs/").expect("a reference to a definition");
            assert!(schema["$defs"][name]["properties"].is_object(), "{name}");
        }
    }

    #[test]
    fn what_loading_refuses_is_no_version_and_no_share() {
        let definitions = &schema()["$defs"];
        let version = &definitions["Kubelet"]["properties"]["version"];
        let pattern = regex::Regex::new(version["pattern"].as_str().expect("a pattern")).expect("a regular expression");
        for text in [
            "1.31", "1.36", "v1.34", "1.34.9", "1.30", "1.37", "1.3", "1.361", "2.31", "1", "x1.31", "",
        ] {
            assert_eq!(pattern.is_match(text), Version::parse(text).is_some(), "{text}");
        }
        let share = &definitions["ProbeWindow"]["properties"]["probability"];
        assert_eq!((&share["minimum"], &share["maximum"]), (&json!(0), &json!(1)));
    }

    #[test]
    fn of_those_that_exclude_each_other_exactly_one_is_given() {
        let definitions = &schema()["$defs"];
        for (name, others) in [
            ("Action", &["at"][..]),
            ("Create", &[]),
            ("Delete", &["gracePeriodSeconds"]),
            ("Distribution", &[]),
            ("Expectation", &["at", "within", "from", "to"]),
        ] {
            let fields = definitions[name]["properties"].as_object().expect("fields");
            let mut expected: Vec<Value> = fields
                .keys()
                .filter(|field| !others.contains(&field.as_str()))
                .map(|field| json!([field]))
                .collect();
            let one_of = definitions[name]["oneOf"].as_array().expect("a list");
            let mut found: Vec<Value> = one_of.iter().map(|one| one["required"].clone()).collect();
            for list in [&mut expected, &mut found] {
                list.sort_by_key(Value::to_string);
            }
            assert_eq!(found, expected, "{name}");
        }
    }

    #[test]
    fn what_may_be_left_out_may_be_null() {
        let schema = schema();
        let definitions = schema["$defs"].as_object().expect("definitions");
        for (name, definition) in definitions {
            let required = definition["required"].as_array();
            for (field, value) in definition["properties"].as_object().expect("fields") {
                let is_required = required.is_some_and(|required| required.contains(&field.as_str().into()));
                let has = |list: &Value, wanted: Value| list.as_array().is_some_and(|list| list.contains(&wanted));
                let takes_anything = ["type", "enum", "anyOf", "$ref"]
                    .iter()
                    .all(|key| value.get(*key).is_none());
                let takes_null = takes_anything
                    || has(&value["type"], "null".into())
                    || has(&value["enum"], Value::Null)
                    || has(&value["anyOf"], json!({"type": "null"}));
                assert_eq!(takes_null, !is_required, "{name}.{field}: {value}");
            }
        }
        assert_eq!(definitions["Exit"]["required"], json!(["after", "code"]));
    }
}
