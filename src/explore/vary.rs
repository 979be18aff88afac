//! What a sweep varies: a path into the documents of the input, and the values that it takes there.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use crate::api::diagnostic::{Diagnostic, Diagnostics, known};
use crate::kernel::Duration;
use crate::scenario::duration;
use crate::scenario::named;
use crate::scenario::types::{ActionKind, Input, ONLY_NODE};

/// More points than these are a mistake in a step.
const MOST_VALUES: usize = 1_000_000;

/// A place and its values: `containers[app].runs[0].exit.after=1s..120s/1s`.
#[derive(Clone, Debug, PartialEq)]
pub struct Vary {
    /// all of it, as given
    pub given: String,
    /// the path as given
    pub path: String,
    /// kind of the document, with whose name the steps begin; None: the Scenario's spec
    pub(super) kind: Option<String>,
    steps: Vec<Step>,
    /// the values, as they are written
    pub values: Vec<String>,
    /// the values are those of a range
    is_range: bool,
}

/// What the input has for lists of the Scenario to name, by list: an element of another name is not made.
#[derive(Clone, Debug, Default)]
pub struct Names(BTreeMap<&'static str, BTreeSet<String>>);

impl Names {
    /// The names that scripts for this input can have.
    pub fn of(input: &Input) -> Names {
        let mut names = Names::default();
        for pod in input.pods.iter().map(|p| &p.pod) {
            for (_, container) in pod.all_containers() {
                names.add("containers", &container.name);
                names.add("images", &container.image);
            }
            for volume in &pod.spec.volumes {
                names.add("volumes", &volume.name);
            }
        }
        for action in &input.scenario.actions {
            match &action.what {
                ActionKind::Debug { container, .. } => {
                    names.add("containers", &container.name);
                    names.add("images", &container.image);
                }
                ActionKind::SetImage { image, .. } => names.add("images", image),
                _ => {}
            }
        }
        for node in &input.scenario.nodes {
            names.add("nodes", &node.name);
        }
        if input.scenario.nodes.is_empty() {
            names.add("nodes", ONLY_NODE);
        }
        names
    }

    fn add(&mut self, list: &'static str, name: &str) {
        self.0.entry(list).or_default().insert(name.to_owned());
    }

    fn has(&self, list: &str, name: &str) -> bool {
        let names = self.0.get(list);
        names.is_some_and(|names| {
            // An image without a tag is pulled, and may be listed, as the latest.
            names.contains(name) || list == "images" && name.strip_suffix(":latest").is_some_and(|n| names.contains(n))
        })
    }
}

/// The place that a path leads to, the same for all spellings of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Spot {
    /// which of the documents it is in
    document: usize,
    /// the names of fields and the numbers of elements on the way
    steps: Vec<String>,
}

impl Spot {
    /// Whether a value there stands in the place of the other's, or is a part of it.
    pub(super) fn overlaps(&self, other: &Spot) -> bool {
        let common = self.steps.len().min(other.steps.len());
        self.document == other.document && self.steps[..common] == other.steps[..common]
    }

    /// Whether it is this field of the Scenario's `expect[index]`; of any, if none is named.
    pub(super) fn is_of_expectation(&self, index: usize, field: Option<&str>) -> bool {
        let [spec, expect, at, of, ..] = &self.steps[..] else {
            return false;
        };
        spec == "spec" && expect == "expect" && *at == index.to_string() && field.is_none_or(|field| of == field)
    }
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
    /// `Pod/web.spec.terminationGracePeriodSeconds`, `Pod/shop/web.spec…`. `[app]` is the element of that name, `[0]` the first
    /// one. A value in double quotes is a string. Errors with what is wrong, for the end of a sentence.
    pub fn parse(text: &str) -> Result<Vary, String> {
        let (path, values) = text
            .split_once('=')
            .ok_or("write PATH=FROM..TO/STEP or PATH=VALUE,VALUE")?;
        let (kind, rest) = match path.split_once('/') {
            Some((kind, rest)) if !kind.contains(['.', '[']) => (Some(kind.to_owned()), rest),
            _ => (None, path),
        };
        let steps = steps(rest)?;
        if kind.is_some() && !matches!(steps[..], [Step::Field(_), Step::Field(_), ..]) {
            return Err("after the name of a manifest a field's name is missing".to_owned());
        }
        let (values, is_range) = expand(values)?;
        Ok(Vary {
            given: text.to_owned(),
            path: path.to_owned(),
            kind,
            steps,
            values,
            is_range,
        })
    }

    /// The values to try first: all of a list, the two ends of a range.
    pub fn telling(&self) -> impl Iterator<Item = &str> {
        let step = if self.is_range { self.values.len() - 1 } else { 1 };
        self.values.iter().step_by(step.max(1)).map(String::as_str)
    }

    /// Puts a value at the path and gives the place that it is; errors with where the path does not lead on.
    pub(super) fn set(&self, documents: &mut [Value], value: &str, names: &Names) -> Result<Spot, Diagnostics> {
        let (place, of_name) = self.document(documents)?;
        let document = &mut documents[place];
        let mut spot = Spot {
            document: place,
            steps: Vec::new(),
        };
        let (mut at, names) = match self.kind {
            None => {
                spot.steps.push("spec".to_owned());
                (&mut document["spec"], Some(names))
            }
            Some(_) => (document, None),
        };
        let mut list = "";
        for step in &self.steps[of_name..] {
            let key;
            (at, key) = descend(at, step, list, names)?;
            spot.steps.push(key);
            if let Step::Field(name) = step {
                list = name;
            }
        }
        // The only number with a fraction that a Scenario has.
        let is_fraction = at.is_f64() || list == "probability";
        *at = match (unquoted(value), value.parse::<f64>()) {
            (Some(text), _) => text.into(),
            // What is written as a string stays one: the value of a variable, an expression, an annotation.
            (None, _) if at.is_string() => value.into(),
            (None, Ok(number)) if is_fraction && number.is_finite() => number.into(),
            (None, Ok(_)) if is_fraction => {
                return Err(error(format!("{value} is not a finite number"), None));
            }
            _ => scalar(value),
        };
        Ok(spot)
    }

    /// Which document is meant, and how many steps its name takes up. Names may have dots: the longest that a document has
    /// is meant.
    fn document(&self, documents: &[Value]) -> Result<(usize, usize), Diagnostics> {
        let kind = self.kind.as_deref().unwrap_or("Scenario");
        let of_kind = documents.iter().enumerate().filter(|(_, d)| d["kind"] == kind);
        if self.kind.is_none() {
            let mut of_kind = of_kind;
            let none = || error("the input has no Scenario".to_owned(), None);
            return of_kind.next().map(|(place, _)| (place, 0)).ok_or_else(none);
        }
        let rest = &self.path[kind.len() + 1..];
        let (namespace, named) = rest
            .split_once('/')
            .map_or((None, rest), |(of, named)| (Some(of), named));
        let is_meant = |document: &Value| {
            let (of, name) = full_name(document);
            let follows = named.strip_prefix(name).is_some_and(|rest| rest.starts_with('.'));
            follows && namespace.is_none_or(|namespace| namespace == of)
        };
        let mut meant: Vec<(usize, &Value)> = of_kind.clone().filter(|(_, d)| is_meant(d)).collect();
        let longest = meant.iter().map(|(_, d)| full_name(d).1.len()).max().unwrap_or(0);
        meant.retain(|(_, d)| full_name(d).1.len() == longest);
        match meant[..] {
            [(place, document)] => Ok((place, full_name(document).1.split('.').count())),
            [] => {
                let fields = [".spec", ".metadata"].iter().filter_map(|field| rest.find(field)).min();
                let name = &rest[..fields.or_else(|| rest.find('.')).unwrap_or(rest.len())];
                let all = named::all_like(of_kind.map(|(_, d)| full_name(d)), name);
                let hint = known(kind, name, all.iter().map(String::as_str));
                Err(error(format!("the input has no {kind} named {name:?}"), hint))
            }
            [(_, first), ..] => {
                let names = meant.iter().map(|(_, d)| full_name(d));
                let names: Vec<String> = names.map(|(namespace, name)| format!("{namespace}/{name}")).collect();
                let hint = format!("say which, as {kind}/NAMESPACE/NAME: {kind}/{}", names[0]);
                Err(error(named::ambiguous(kind, full_name(first).1, &names), Some(hint)))
            }
        }
    }
}

/// The namespace and the name of a document.
fn full_name(document: &Value) -> (&str, &str) {
    let metadata = &document["metadata"];
    let namespace = metadata["namespace"].as_str().unwrap_or("default");
    (namespace, metadata["name"].as_str().unwrap_or_default())
}

/// The element that a step leads to, and its name or number; made if it is not there: fields as they are, list elements when
/// `names` has them.
fn descend<'a>(
    at: &'a mut Value,
    step: &Step,
    list: &str,
    names: Option<&Names>,
) -> Result<(&'a mut Value, String), Diagnostics> {
    match step {
        Step::Field(name) => {
            if at.is_null() {
                *at = Value::Object(Map::new());
            }
            let fields = at
                .as_object_mut()
                .ok_or_else(|| error(format!("{name:?} is asked of what has no fields"), None))?;
            Ok((fields.entry(name.clone()).or_insert(Value::Null), name.clone()))
        }
        Step::Named(name) => {
            let key = if list == "images" { "image" } else { "name" };
            let items = items(at, list)?;
            if let Some(place) = items.iter().position(|item| item[key] == name.as_str()) {
                return Ok((&mut items[place], place.to_string()));
            }
            if names.is_none_or(|names| !names.has(list, name)) {
                let there = items.iter().filter_map(|item| item[key].as_str());
                let others = names.and_then(|names| names.0.get(list)).into_iter().flatten();
                let hint = known(list, name, there.chain(others.map(String::as_str)));
                return Err(error(format!("{list}[{name}]: nothing is named {name:?}"), hint));
            }
            items.push(serde_json::json!({key: name}));
            let place = items.len() - 1;
            Ok((&mut items[place], place.to_string()))
        }
        Step::Index(index) => {
            let items = items(at, list)?;
            if *index == items.len() {
                items.push(Value::Null);
            }
            let count = items.len();
            let missing = || error(format!("{list}[{index}] is not there: it has {count}"), None);
            let item = items.get_mut(*index).ok_or_else(missing)?;
            Ok((item, index.to_string()))
        }
    }
}

fn items<'a>(at: &'a mut Value, list: &str) -> Result<&'a mut Vec<Value>, Diagnostics> {
    if at.is_null() {
        *at = Value::Array(Vec::new());
    }
    at.as_array_mut()
        .ok_or_else(|| error(format!("{list} is not a list"), None))
}

/// One error, about the input as a whole.
fn error(message: String, hint: Option<String>) -> Diagnostics {
    let mut error = Diagnostic::general(message);
    error.hint = hint;
    Diagnostics(vec![error])
}

/// What is between the double quotes of a value that is nothing but them and it.
fn unquoted(value: &str) -> Option<&str> {
    let inside = value.strip_prefix('"')?.strip_suffix('"')?;
    (!inside.contains('"')).then_some(inside)
}

/// A value as a table shows it: a string without its quotes.
pub(super) fn shown(value: &str) -> &str {
    unquoted(value).unwrap_or(value)
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

/// The values, and whether they are those of a range.
fn expand(text: &str) -> Result<(Vec<String>, bool), String> {
    let Some((from, rest)) = text.split_once("..").filter(|(from, _)| !from.starts_with('"')) else {
        return Ok((list(text), false));
    };
    let (to, step) = rest.split_once('/').map_or((rest, None), |(to, step)| (to, Some(step)));
    if let (Ok(from), Ok(to)) = (from.parse::<i64>(), to.parse::<i64>()) {
        let step = step.unwrap_or("1");
        let step: i64 = step
            .parse()
            .map_err(|_| format!("the step {step:?} is not an integer"))?;
        return Ok((range(from, to, step)?.map(|n| n.to_string()).collect(), true));
    }
    let step = step.ok_or("a range of durations needs a step: 1s..10s/1s")?;
    let (from, to, step) = (duration::parse(from)?, duration::parse(to)?, duration::parse(step)?);
    let values = range(from.0, to.0, step.0)?.map(|n| Duration(n).to_string());
    Ok((values.collect(), true))
}

/// The values between commas. A comma within double quotes is part of a value.
fn list(text: &str) -> Vec<String> {
    let mut values = Vec::new();
    let mut rest = text;
    loop {
        let quotes = rest.strip_prefix('"').and_then(|inside| inside.find('"'));
        let end = quotes.map(|inside| inside + 2);
        let end = end.filter(|end| matches!(rest.as_bytes().get(*end), None | Some(b',')));
        let (value, more) = match end.or_else(|| rest.find(',')) {
            Some(end) => rest.split_at(end),
            None => (rest, ""),
        };
        values.push(value.to_owned());
        match more.strip_prefix(',') {
            Some(more) => rest = more,
            None => return values,
        }
    }
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
        assert_eq!(
            values("\"a,b..c\",,\"a\"b,\"\""),
            Ok(["\"a,b..c\"", "", "\"a\"b", "\"\""].map(str::to_owned).to_vec())
        );
        for text in ["3..1", "1s..2s", "1..2/0", "1s..2/1s", "0..9999999999"] {
            assert!(values(text).is_err(), "{text}");
        }
    }

    fn documents() -> Vec<Value> {
        vec![
            json!({"kind": "Pod", "metadata": {"name": "web"}, "spec": {"containers": [{"name": "app", "image": "app"}]}}),
            json!({"kind": "Scenario", "spec": {"containers": [{"name": "app", "runs": [{"exit": {"after": "1s", "code": 1}}]}]}}),
        ]
    }

    fn set(documents: &mut [Value], vary: &str) -> Result<Spot, String> {
        let mut names = Names::default();
        names.add("containers", "app");
        names.add("containers", "other");
        names.add("images", "app");
        names.add("images", "shop/app:1");
        let vary = Vary::parse(vary)?;
        vary.set(documents, &vary.values[0], &names)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn paths_lead_to_fields_that_are_made_on_the_way() {
        let mut documents = documents();
        for vary in [
            "containers[app].runs[0].exit.after=2s",
            "containers[other].runs[0].start.takes=1s",
            "containers[other].runs[0].probes.readiness[0].probability=0.5",
            "images[app:latest].present=false",
            "images[shop/app:1].present=false",
            "Pod/web.spec.terminationGracePeriodSeconds=5",
            "kubelet.config.serializeImagePulls=false",
            "kubelet.version=1.34",
        ] {
            set(&mut documents, vary).expect(vary);
        }
        assert_eq!(documents[0]["spec"]["terminationGracePeriodSeconds"], 5);
        let spec = &documents[1]["spec"];
        assert_eq!(
            spec["containers"][0]["runs"][0]["exit"],
            json!({"after": "2s", "code": 1})
        );
        assert_eq!(
            spec["containers"][1],
            json!({"name": "other", "runs": [{"start": {"takes": "1s"}, "probes": {"readiness": [{"probability": 0.5}]}}]})
        );
        let images = ["app:latest", "shop/app:1"].map(|image| json!({"image": image, "present": false}));
        assert_eq!(spec["images"], json!(images));
        assert_eq!(
            spec["kubelet"],
            json!({"config": {"serializeImagePulls": false}, "version": "1.34"})
        );
        for text in ["a..b=1", "=1", "a[0=1", "a.=1", "Pod/web=1", "Pod/web[0].spec=1"] {
            assert!(Vary::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_manifest_may_be_named_with_its_namespace() {
        let pod = |namespace| json!({"kind": "Pod", "metadata": {"name": "web", "namespace": namespace}, "spec": {}});
        let mut documents = vec![pod(Value::Null), pod("shop".into())];
        let error = set(&mut documents, "Pod/web.spec.priority=1").expect_err("there are two");
        assert!(
            error.contains("several Pods are named \"web\": default/web, shop/web")
                && error.contains("Pod/default/web"),
            "{error}"
        );
        set(&mut documents, "Pod/shop/web.spec.priority=1").expect("it says which");
        set(&mut documents, "Pod/default/web.spec.priority=2").expect("it says which");
        assert_eq!(
            (&documents[0]["spec"]["priority"], &documents[1]["spec"]["priority"]),
            (&json!(2), &json!(1))
        );
    }

    #[test]
    fn a_name_may_have_dots() {
        let pod = |name| json!({"kind": "Pod", "metadata": {"name": name}, "spec": {}});
        let mut documents = ["web", "web.example.com", "web.example"].map(pod);
        for (place, name) in ["web", "web.example.com", "default/web.example"].iter().enumerate() {
            let spot = set(&mut documents, &format!("Pod/{name}.spec.restartPolicy=Never")).expect(name);
            assert_eq!(
                (spot.document, &spot.steps[..]),
                (place, &["spec", "restartPolicy"].map(str::to_owned)[..])
            );
            assert_eq!(documents[place]["spec"]["restartPolicy"], "Never", "{name}");
        }
        let error = set(&mut documents, "Pod/wep.example.com.spec.nodeName=n").expect_err("no pod has that name");
        assert!(error.contains("no Pod named \"wep.example.com\""), "{error}");
        let error = set(&mut documents, "Pod/nope/web.spec.nodeName=n").expect_err("no pod is there");
        assert!(error.contains("there is default/web, default/web.example"), "{error}");
    }

    #[test]
    fn two_spellings_of_a_place_are_one_spot() {
        let mut documents = documents();
        let mut spot = |path: &str| set(&mut documents, &format!("{path}=1s")).expect(path);
        let app = spot("containers[app].runs[0].exit.after");
        assert_eq!(app, spot("containers[0].runs[0].exit.after"));
        let other = spot("containers[other].runs[0].exit.after");
        assert!(app.overlaps(&app) && !app.overlaps(&other));
        let that = spot("expect[0].that");
        assert!(that.is_of_expectation(0, None) && that.is_of_expectation(0, Some("that")));
        assert!(!that.is_of_expectation(1, None) && !that.is_of_expectation(0, Some("at")));
        assert!(spot("expect[0]").overlaps(&that));
    }

    #[test]
    fn strings_stay_strings_and_quotes_make_them() {
        let mut documents = vec![
            json!({"kind": "Pod", "metadata": {"name": "web"}, "spec": {"containers": [
                {"name": "app", "env": [{"name": "PORT", "value": "8080"}], "livenessProbe": {"periodSeconds": 5}},
            ]}}),
            json!({"kind": "Scenario", "spec": {"expect": [{"that": "false"}]}}),
        ];
        for vary in [
            "Pod/web.spec.containers[app].env[PORT].value=80",
            "Pod/web.spec.containers[app].livenessProbe.periodSeconds=7",
            "Pod/web.metadata.annotations.weight=\"80\"",
            "Pod/web.metadata.annotations.probability=\"0.5\"",
            "expect[0].that=true",
        ] {
            set(&mut documents, vary).expect(vary);
        }
        let app = &documents[0]["spec"]["containers"][0];
        assert_eq!(app["env"][0]["value"], "80");
        assert_eq!(app["livenessProbe"]["periodSeconds"], 7);
        assert_eq!(
            documents[0]["metadata"]["annotations"],
            json!({"weight": "80", "probability": "0.5"})
        );
        assert_eq!(documents[1]["spec"]["expect"][0]["that"], "true");
        assert_eq!(
            (shown("\"80\""), shown("\"a\"b\""), shown("80")),
            ("80", "\"a\"b\"", "80")
        );
    }

    #[test]
    fn what_no_file_can_hold_is_no_number() {
        for value in ["nan", "inf", "-inf", "1e400"] {
            let vary = format!("containers[app].runs[0].probes.readiness[0].probability={value}");
            let error = set(&mut documents(), &vary).expect_err(&vary);
            assert!(error.contains(&format!("{value} is not a finite number")), "{error}");
        }
    }

    #[test]
    fn what_the_input_does_not_know_is_not_made() {
        for (vary, wanted) in [
            ("containers[7].name=x", "containers[7] is not there: it has 1"),
            ("containers[ap].runs[0].exit.after=1s", "is it \"app\"?"),
            ("images[ap:1].present=false", "there is app, shop/app:1"),
            ("volumes[data].mounts[0].takes=1s", "the input has no volumes at all"),
            ("Pod/web.spec.containers[ap].image=x", "is it \"app\"?"),
            ("Pod/web.spec.containers[other].image=x", "nothing is named \"other\""),
            ("Pod/wbe.spec.nodeName=x", "is it \"web\"?"),
            ("containers[app].name.x=1", "\"x\" is asked of what has no fields"),
            ("containers[app].name[0]=1", "name is not a list"),
        ] {
            let mut documents = documents();
            let error = set(&mut documents, vary).expect_err(vary);
            assert!(error.contains(wanted), "{error}");
        }
    }

    #[test]
    fn the_values_of_a_list_and_the_ends_of_a_range_are_telling() {
        for (text, telling) in [
            ("x=1s,2s,3s", &["1s", "2s", "3s"][..]),
            ("x=1..9", &["1", "9"]),
            ("x=5..5", &["5"]),
        ] {
            let vary = Vary::parse(text).expect(text);
            assert_eq!(vary.telling().collect::<Vec<_>>(), telling, "{text}");
        }
    }
}
