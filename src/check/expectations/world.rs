//! What expressions see at a moment: objects of the API and what has happened so far, as CEL values.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};

use cel::extractors::{Arguments, This};
use cel::{Context, ExecutionError, Value};
use serde_json::json;

use super::compile::Sees;
use crate::api::pod::Name;
use crate::scenario::lookup::{matches_pod, parts};
use crate::scenario::named;
use crate::scenario::types::Input;
use crate::trace::{EventRecord, Record, What};
use crate::views::objects::Store;

/// A list that grows; expressions get it as it is at a moment.
type Happened = BTreeMap<Name, Vec<Value>>;

/// One of the lists of [`Seen`].
type ListOf = fn(&Seen) -> &Happened;

/// What the functions read.
#[derive(Default)]
struct Seen {
    pods: BTreeMap<Name, Value>,
    events: Happened,
    exits: Happened,
    probes: Happened,
}

/// Follows a trace and answers what expressions ask.
pub(super) struct World<'a> {
    store: Store<'a>,
    /// Pods whose value in `seen` is out of date.
    stale: BTreeSet<Name>,
    seen: Arc<Mutex<Seen>>,
    sees: Sees,
    context: Context<'static, 'static>,
}

impl<'a> World<'a> {
    /// The world before anything happened, for expressions that see no more than `sees`.
    pub(super) fn new(input: &'a Input, sees: Sees) -> World<'a> {
        let seen: Arc<Mutex<Seen>> = Arc::default();
        World {
            store: Store::new(input),
            stale: BTreeSet::new(),
            context: context(input, &seen),
            seen,
            sees,
        }
    }

    /// Follows one record. Says what of what expressions see is different now.
    pub(super) fn follow(&mut self, record: &Record) -> Sees {
        let mut changed = Sees::default();
        let Some(pod) = &record.pod else { return changed };
        if self.sees.objects && self.store.apply(record).is_some() {
            self.stale.insert(pod.clone());
            changed.objects = true;
        }
        let mut seen = lock(&self.seen);
        match &record.what {
            What::Event(found) if self.sees.events && found.object.is_none() => {
                seen.events.entry(pod.clone()).or_default().push(event(record, found));
                changed.events = true;
            }
            What::Exit { code, reason, by } if self.sees.exits => {
                let exit = value(json!({
                    "container": record.container,
                    "attempt": record.attempt,
                    "code": code,
                    "reason": reason,
                    "by": by,
                    "at": seconds(record),
                }));
                seen.exits.entry(pod.clone()).or_default().push(exit);
                changed.exits = true;
            }
            What::Probe { probe, result } if self.sees.probes => {
                let probe = value(json!({
                    "container": record.container,
                    "attempt": record.attempt,
                    "probe": probe,
                    "result": result,
                    "at": seconds(record),
                }));
                seen.probes.entry(pod.clone()).or_default().push(probe);
                changed.probes = true;
            }
            _ => {}
        }
        changed
    }

    /// What expressions are evaluated in, brought up to date.
    pub(super) fn context(&mut self) -> &Context<'static, 'static> {
        let mut seen = lock(&self.seen);
        for name in std::mem::take(&mut self.stale) {
            match self.store.pods.get(&name) {
                Some(pod) => seen.pods.insert(name, value(pod.object())),
                None => seen.pods.remove(&name),
            };
        }
        &self.context
    }
}

fn lock(seen: &Mutex<Seen>) -> MutexGuard<'_, Seen> {
    seen.lock().expect("nobody panics while holding it")
}

/// Seconds since the run began, with their fraction.
#[allow(clippy::cast_precision_loss)] // A nanosecond is lost after a hundred days; nothing is decided here.
fn seconds(record: &Record) -> f64 {
    record.at.as_nanos() as f64 / 1e9
}

/// JSON as CEL has it: whole numbers are ints, so that they equal what expressions compare them with.
fn value(json: serde_json::Value) -> Value {
    match json {
        serde_json::Value::Null => Value::Null,
        serde_json::Value::Bool(truth) => truth.into(),
        serde_json::Value::Number(number) => match number.as_i64() {
            Some(whole) => whole.into(),
            None => number.as_f64().unwrap_or(f64::NAN).into(),
        },
        serde_json::Value::String(text) => text.into(),
        serde_json::Value::Array(list) => list.into_iter().map(value).collect::<Vec<_>>().into(),
        serde_json::Value::Object(fields) => map(fields.into_iter().map(|(name, field)| (name, value(field)))),
    }
}

/// CEL's own map has no order; nothing here goes through one.
#[allow(clippy::disallowed_types)]
fn map<K: Into<cel::objects::Key> + std::hash::Hash + Eq>(fields: impl Iterator<Item = (K, Value)>) -> Value {
    fields.collect::<std::collections::HashMap<K, Value>>().into()
}

fn event(record: &Record, event: &EventRecord) -> Value {
    value(json!({
        "type": if event.warning { "Warning" } else { "Normal" },
        "reason": event.reason,
        "message": event.message,
        "container": event.container().map_or("", Name::as_str),
        "at": seconds(record),
    }))
}

/// Names as expressions give them to full names: of all that are called that.
struct Names(BTreeMap<String, Vec<Name>>);

impl Names {
    fn of(input: &Input) -> Names {
        let mut names: BTreeMap<String, Vec<Name>> = BTreeMap::new();
        for pod in input.pods.iter().map(|p| &p.pod) {
            let full = pod.full_name();
            names.entry(pod.name.to_string()).or_default().push(full.clone());
            names.insert(full.to_string(), vec![full]);
        }
        Names(names)
    }

    /// The full name of what `name` means. One that is written out was looked at before the run; one that is computed may be
    /// that of several pods, which is an error.
    fn full(&self, function: &str, name: &str) -> Result<Name, ExecutionError> {
        match self.0.get(name).map_or(&[][..], Vec::as_slice) {
            [] => Ok(name.into()),
            [full] => Ok(full.clone()),
            several => {
                let several: Vec<String> = several.iter().map(|name| name.to_string()).collect();
                let message = named::ambiguous("pod", name, &several);
                Err(ExecutionError::function_error(function, message))
            }
        }
    }
}

/// A context with the functions and methods of `types`.
fn context(input: &Input, seen: &Arc<Mutex<Seen>>) -> Context<'static, 'static> {
    let names = Arc::new(Names::of(input));
    let mut context = Context::default();
    let mut add = |name: &'static str, function: Box<dyn Function>| {
        let added = context.add_function(name, move |This(this): This<Value>, Arguments(arguments): Arguments| {
            function(this, &arguments)
        });
        added.expect("CEL itself has no function of that name");
    };
    let (at, of) = (seen.clone(), names.clone());
    add(
        "pod",
        Box::new(move |name, _| {
            let full = of.full("pod", &word(&name)?)?;
            Ok(lock(&at).pods.get(&full).cloned().unwrap_or_else(|| absent(&full)))
        }),
    );
    let lists: [(&str, ListOf); 3] = [
        ("events", |seen| &seen.events),
        ("exits", |seen| &seen.exits),
        ("probes", |seen| &seen.probes),
    ];
    for (name, list) in lists {
        let (at, of) = (seen.clone(), names.clone());
        add(
            name,
            Box::new(move |pod, arguments| {
                let full = of.full(name, &word(&pod)?)?;
                let keys = if name == "events" {
                    ["reason", ""]
                } else {
                    ["container", "probe"]
                };
                let seen = lock(&at);
                let mut found: Vec<Value> = list(&seen).get(&full).cloned().unwrap_or_default();
                for (key, wanted) in keys.iter().zip(rest(arguments)) {
                    found.retain(|value| field(value, key).as_ref() == Some(wanted));
                }
                Ok(found.into())
            }),
        );
    }
    let at = seen.clone();
    let pods = move |Arguments(arguments): Arguments| -> Result<Value, ExecutionError> {
        let pattern = arguments.first().map(word).transpose()?;
        let pattern = pattern.as_deref().map(String::as_str);
        let matches = |full: &Name| matches_pod(pattern, parts(full));
        let seen = lock(&at);
        let found = seen.pods.iter().filter(|(name, _)| matches(name));
        Ok(found.map(|(_, pod)| pod.clone()).collect::<Vec<_>>().into())
    };
    context
        .add_function("pods", pods)
        .expect("CEL has no function of that name");
    add_methods(&mut context);
    context
}

/// The arguments after the one that is taken as the receiver.
fn rest(arguments: &[Value]) -> &[Value] {
    arguments.get(1..).unwrap_or_default()
}

trait Function: Fn(Value, &[Value]) -> Result<Value, ExecutionError> + Send + Sync + 'static {}
impl<F: Fn(Value, &[Value]) -> Result<Value, ExecutionError> + Send + Sync + 'static> Function for F {}

fn add_methods(context: &mut Context<'static, 'static>) {
    let mut add = |name: &str, method: fn(&Value, Option<&str>) -> Value| {
        let added = context.add_function(
            name,
            move |This(this): This<Value>, Arguments(arguments): Arguments| -> Result<Value, ExecutionError> {
                let argument = arguments.first().map(word).transpose()?;
                Ok(method(&this, argument.as_deref().map(String::as_str)))
            },
        );
        added.expect("CEL itself has no function of that name");
    };
    add("exists", |pod, _| path(pod, &["metadata", "uid"]).is_some().into());
    add("ready", |pod, _| (condition(pod, "Ready") == Some(text("True"))).into());
    add("terminating", |pod, _| {
        path(pod, &["metadata", "deletionTimestamp"]).is_some().into()
    });
    add("condition", |pod, kind| {
        condition(pod, kind.unwrap_or_default()).unwrap_or_else(|| text(""))
    });
    add("restarts", |pod, container| {
        let restarts = |status: &Value| match field(status, "restartCount") {
            Some(Value::Int(count)) => count,
            _ => 0,
        };
        match container {
            Some(name) => status_of(pod, name).as_ref().map_or(0, restarts).into(),
            None => statuses(pod).iter().map(restarts).sum::<i64>().into(),
        }
    });
    add("container", |pod, name| {
        let name = name.unwrap_or_default();
        container(name, status_of(pod, name).as_ref())
    });
}

fn word(value: &Value) -> Result<Arc<String>, ExecutionError> {
    match value {
        Value::String(word) => Ok(word.clone()),
        other => Err(ExecutionError::UnexpectedType {
            got: other.type_of().to_string(),
            want: "string".to_owned(),
        }),
    }
}

fn text(text: &str) -> Value {
    text.into()
}

/// What `pod(name)` gives when there is none: no uid and no status but an empty phase.
fn absent(full_name: &str) -> Value {
    let (namespace, name) = full_name.split_once('/').unwrap_or(("default", full_name));
    value(json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {},
        "status": {"phase": ""},
    }))
}

fn field(value: &Value, name: &str) -> Option<Value> {
    match value {
        Value::Map(map) => map.get(&cel::objects::KeyRef::String(name)).cloned(),
        _ => None,
    }
}

fn path(value: &Value, path: &[&str]) -> Option<Value> {
    path.iter().try_fold(value.clone(), |value, name| field(&value, name))
}

fn list(value: Option<Value>) -> Vec<Value> {
    match value {
        Some(Value::List(list)) => list.to_vec(),
        _ => Vec::new(),
    }
}

fn condition(pod: &Value, kind: &str) -> Option<Value> {
    let conditions = list(path(pod, &["status", "conditions"]));
    let found = conditions.iter().find(|c| field(c, "type") == Some(text(kind)))?;
    field(found, "status")
}

/// Statuses of all containers: init containers, app containers, ephemeral ones.
fn statuses(pod: &Value) -> Vec<Value> {
    [
        "initContainerStatuses",
        "containerStatuses",
        "ephemeralContainerStatuses",
    ]
    .iter()
    .flat_map(|name| list(path(pod, &["status", name])))
    .collect()
}

fn status_of(pod: &Value, container: &str) -> Option<Value> {
    let mut all = statuses(pod).into_iter();
    all.find(|status| field(status, "name") == Some(text(container)))
}

/// What `.container(name)` gives: the container's status, flat; what is not there is null.
fn container(name: &str, status: Option<&Value>) -> Value {
    let get = |names: &[&str]| status.and_then(|status| path(status, names));
    let state = ["waiting", "running", "terminated"]
        .into_iter()
        .find(|state| get(&["state", state]).is_some());
    let or_null = |names: &[&str]| get(names).unwrap_or(Value::Null);
    let reason_of = |state: &str| or_null(&["state", state, "reason"]);
    let message = ["waiting", "terminated"]
        .into_iter()
        .find_map(|state| get(&["state", state, "message"]));
    let fields: Vec<(&str, Value)> = vec![
        ("name", text(name)),
        ("state", text(state.unwrap_or_default())),
        ("waiting", reason_of("waiting")),
        ("running", (state == Some("running")).into()),
        ("terminated", reason_of("terminated")),
        ("exitCode", or_null(&["state", "terminated", "exitCode"])),
        ("message", message.unwrap_or(Value::Null)),
        ("lastExitCode", or_null(&["lastState", "terminated", "exitCode"])),
        ("lastReason", or_null(&["lastState", "terminated", "reason"])),
        ("ready", get(&["ready"]).unwrap_or(false.into())),
        ("started", get(&["started"]).unwrap_or(false.into())),
        ("restartCount", get(&["restartCount"]).unwrap_or(0_i64.into())),
        ("image", or_null(&["image"])),
    ];
    map(fields.into_iter())
}
