//! What a sweep varies: a path into the documents of the input, and the values that it takes there.

use serde_json::{Map, Value};

use crate::kernel::Duration;
use crate::scenario::duration;

/// More points than these are a mistake in a step.
const MOST_VALUES: usize = 1_000_000;

/// A place and its values: `containers[app].runs[0].exit.after=1s..120s/1s`.
#[derive(Clone, Debug, PartialEq)]
pub struct Vary {
    /// the path as given
    pub path: String,
    /// kind and name of the document; None: the Scenario's spec
    root: Option<(String, String)>,
    steps: Vec<Step>,
    /// the values, as text
    pub values: Vec<String>,
}

#[derive(Clone, Debug, PartialEq)]
enum Step {
    Field(String),
    /// An element of a list by its name (or image).
    Named(String),
    Index(usize),
}

impl Vary {
    /// Reads `path=from..to/step` or `path=value,value`. A path begins at the Scenario's spec, or at a manifest:
    /// `Pod/web.spec.terminationGracePeriodSeconds`. `[app]` is the element of that name, `[0]` the first one.
    pub fn parse(text: &str) -> Result<Vary, String> {
        let (path, values) = text
            .split_once('=')
            .ok_or_else(|| format!("--vary {text:?}: write path=from..to/step or path=value,value"))?;
        let failed = |error: String| format!("--vary {path}: {error}");
        let (root, rest) = match path.split_once('.') {
            Some((head, rest)) if head.contains('/') => {
                let (kind, name) = head.split_once('/').unwrap_or((head, ""));
                (Some((kind.to_owned(), name.to_owned())), rest)
            }
            _ => (None, path),
        };
        Ok(Vary {
            path: path.to_owned(),
            root,
            steps: steps(rest).map_err(failed)?,
            values: expand(values).map_err(failed)?,
        })
    }

    /// Puts a value at the path; errors with where the path does not lead on.
    pub fn set(&self, documents: &mut [Value], value: &str) -> Result<(), String> {
        let failed = |error: String| format!("--vary {}: {error}", self.path);
        let mut at = match &self.root {
            None => documents
                .iter_mut()
                .find(|d| d["kind"] == "Scenario")
                .map(|d| &mut d["spec"])
                .ok_or_else(|| failed("the input has no Scenario".to_owned()))?,
            Some((kind, name)) => documents
                .iter_mut()
                .find(|d| d["kind"] == kind.as_str() && d["metadata"]["name"] == name.as_str())
                .ok_or_else(|| failed(format!("the input has no {kind} named {name:?}")))?,
        };
        let mut list = "";
        for step in &self.steps {
            at = descend(at, step, list).map_err(failed)?;
            if let Step::Field(name) = step {
                list = name;
            }
        }
        *at = scalar(value);
        Ok(())
    }
}

/// The element that a step leads to, made if it is not there.
fn descend<'a>(at: &'a mut Value, step: &Step, list: &str) -> Result<&'a mut Value, String> {
    match step {
        Step::Field(name) => {
            if at.is_null() {
                *at = Value::Object(Map::new());
            }
            let fields = at
                .as_object_mut()
                .ok_or_else(|| format!("{name:?} is asked of what has no fields"))?;
            Ok(fields.entry(name.clone()).or_insert(Value::Null))
        }
        Step::Named(name) => {
            let key = if list == "images" { "image" } else { "name" };
            let items = items(at, list)?;
            let place = items
                .iter()
                .position(|item| item[key] == name.as_str())
                .unwrap_or_else(|| {
                    items.push(serde_json::json!({key: name}));
                    items.len() - 1
                });
            Ok(&mut items[place])
        }
        Step::Index(index) => {
            let items = items(at, list)?;
            if *index == items.len() {
                items.push(Value::Null);
            }
            let count = items.len();
            items
                .get_mut(*index)
                .ok_or_else(|| format!("{list}[{index}] is not there: it has {count}"))
        }
    }
}

fn items<'a>(at: &'a mut Value, list: &str) -> Result<&'a mut Vec<Value>, String> {
    if at.is_null() {
        *at = Value::Array(Vec::new());
    }
    at.as_array_mut().ok_or_else(|| format!("{list} is not a list"))
}

/// A value as YAML reads it: numbers and booleans for what they are, all else as text.
fn scalar(text: &str) -> Value {
    if let Ok(number) = text.parse::<i64>() {
        return number.into();
    }
    match text {
        "true" => true.into(),
        "false" => false.into(),
        text => text.into(),
    }
}

fn steps(path: &str) -> Result<Vec<Step>, String> {
    let mut steps = Vec::new();
    let mut rest = path;
    while !rest.is_empty() {
        let end = rest.find(['.', '[']).unwrap_or(rest.len());
        let (name, tail) = rest.split_at(end);
        if name.is_empty() {
            return Err("a field's name is missing".to_owned());
        }
        steps.push(Step::Field(name.to_owned()));
        rest = tail;
        while let Some(inside) = rest.strip_prefix('[') {
            let (element, tail) = inside.split_once(']').ok_or("a ] is missing")?;
            steps.push(
                element
                    .parse()
                    .map_or_else(|_| Step::Named(element.to_owned()), Step::Index),
            );
            rest = tail;
        }
        match rest.strip_prefix('.') {
            Some(tail) if !tail.is_empty() => rest = tail,
            None if rest.is_empty() => {}
            _ => return Err("a field's name is missing".to_owned()),
        }
    }
    if steps.is_empty() {
        return Err("the path is empty".to_owned());
    }
    Ok(steps)
}

fn expand(text: &str) -> Result<Vec<String>, String> {
    let Some((from, rest)) = text.split_once("..") else {
        return Ok(text.split(',').map(str::to_owned).collect());
    };
    let (to, step) = rest.split_once('/').map_or((rest, None), |(to, step)| (to, Some(step)));
    if let (Ok(from), Ok(to)) = (from.parse::<i64>(), to.parse::<i64>()) {
        let step = step.unwrap_or("1");
        let step: i64 = step
            .parse()
            .map_err(|_| format!("the step {step:?} is not an integer"))?;
        return Ok(range(from, to, step)?.map(|n| n.to_string()).collect());
    }
    let step = step.ok_or("a range of durations needs a step: 1s..10s/1s")?;
    let (from, to, step) = (duration::parse(from)?, duration::parse(to)?, duration::parse(step)?);
    Ok(range(from.0, to.0, step.0)?.map(|n| Duration(n).to_string()).collect())
}

fn range(from: i64, to: i64, step: i64) -> Result<impl Iterator<Item = i64>, String> {
    if step <= 0 || to < from {
        return Err("a range goes upwards, by a step above 0".to_owned());
    }
    let count = (i128::from(to) - i128::from(from)) / i128::from(step) + 1;
    match usize::try_from(count) {
        Ok(count) if count <= MOST_VALUES => Ok((0_i64..).map(move |n| from + n * step).take(count)),
        _ => Err(format!("that is {count} values; at most {MOST_VALUES} are allowed")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn ranges_and_lists() {
        let values = |text: &str| Vary::parse(&format!("x={text}")).map(|v| v.values);
        assert_eq!(values("1s..3s/1s"), Ok(vec!["1s".into(), "2s".into(), "3s".into()]));
        assert_eq!(values("1..9/4"), Ok(vec!["1".into(), "5".into(), "9".into()]));
        assert_eq!(values("250ms..1s/500ms"), Ok(vec!["250ms".into(), "750ms".into()]));
        assert_eq!(values("Always,Never"), Ok(vec!["Always".into(), "Never".into()]));
        for text in ["3..1", "1s..2s", "1..2/0", "1s..2/1s", "0..9999999999"] {
            assert!(values(text).is_err(), "{text}");
        }
    }

    #[test]
    fn paths_lead_to_fields_that_are_made_on_the_way() {
        let mut documents = vec![
            json!({"kind": "Pod", "metadata": {"name": "web"}, "spec": {}}),
            json!({"kind": "Scenario", "spec": {"containers": [{"name": "app", "runs": [{"exit": {"after": "1s", "code": 1}}]}]}}),
        ];
        for (vary, value) in [
            ("containers[app].runs[0].exit.after=2s", "2s"),
            ("containers[other].runs[0].start.takes=1s", "1s"),
            ("Pod/web.spec.terminationGracePeriodSeconds=5", "5"),
            ("kubelet.config.serializeImagePulls=false", "false"),
        ] {
            Vary::parse(vary)
                .and_then(|v| v.set(&mut documents, value))
                .expect(vary);
        }
        assert_eq!(documents[0]["spec"]["terminationGracePeriodSeconds"], 5);
        let spec = &documents[1]["spec"];
        assert_eq!(
            spec["containers"][0]["runs"][0]["exit"],
            json!({"after": "2s", "code": 1})
        );
        assert_eq!(
            spec["containers"][1],
            json!({"name": "other", "runs": [{"start": {"takes": "1s"}}]})
        );
        assert_eq!(spec["kubelet"]["config"]["serializeImagePulls"], false);
        for text in ["a..b=1", "=1", "a[0=1", "a.=1"] {
            assert!(Vary::parse(text).is_err(), "{text}");
        }
        let missing = Vary::parse("containers[7].name=x").and_then(|v| v.set(&mut documents, "x"));
        assert!(missing.is_err());
    }
}
