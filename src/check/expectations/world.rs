//! What expressions see at a moment: objects of the API and what has happened so far, as CEL values.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use cel::common::types::{CelBool, CelInt, CelList, CelNull, CelString};
use cel::common::value::{CowVal, Val};
use cel::{Context, ExecutionError, FunctionContext};
use serde_json::{Value as Json, json};

use super::compile::Sees;
use super::fields::{Fields, MAP_LITERAL, Owned, Part, copy, value};
use crate::api::pod::Name;
use crate::scenario::lookup::{matches_pod, parts};
use crate::scenario::named;
use crate::scenario::types::Input;
use crate::trace::{EventRecord, Record, What};
use crate::views::objects::{PodAt, Store};

/// A list that grows; expressions get it as it is at a moment.
type Happened = BTreeMap<Name, Vec<Fields>>;

/// One of the lists of [`Seen`].
type ListOf = fn(&Seen) -> &Happened;

/// What the functions read.
#[derive(Default)]
struct Seen {
    pods: BTreeMap<Name, Fields>,
    events: Happened,
    exits: Happened,
    probes: Happened,
}

/// Follows a trace and answers what expressions ask.
pub(super) struct World<'a> {
    store: Store<'a>,
    /// Pods whose value in `seen` is out of date, and whether more than their status may be different.
    stale: BTreeMap<Name, bool>,
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
            stale: BTreeMap::new(),
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
            *self.stale.entry(pod.clone()).or_default() |= !matches!(record.what, What::Status(_));
            changed.objects = true;
        }
        let mut seen = lock(&self.seen);
        match &record.what {
            What::Event(found) if self.sees.events && found.object.is_none() => {
                seen.events.entry(pod.clone()).or_default().push(event(record, found));
                changed.events = true;
            }
            What::Exit { code, reason, by } if self.sees.exits => {
                let exit = Fields::of(json!({
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
                let probe = Fields::of(json!({
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
        for (name, respecified) in std::mem::take(&mut self.stale) {
            let Some(pod) = self.store.pods.get(&name) else {
                seen.pods.remove(&name);
                continue;
            };
            let known = seen.pods.get(&name).filter(|_| !respecified);
            let object = object(pod, known);
            seen.pods.insert(name, object);
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

/// A v1.Pod; `before` is what it was before its last change, if that was one of its status.
fn object(pod: &PodAt, before: Option<&Fields>) -> Fields {
    let metadata: Owned = match before.and_then(|before| before.get("metadata")?.downcast_ref::<Fields>()) {
        Some(before) => Box::new(before.with("resourceVersion", text(&pod.resource_version()))),
        None => value(Json::Object(pod.metadata())),
    };
    let spec = match before.and_then(|before| before.get("spec")) {
        Some(spec) => spec.clone_as_boxed(),
        None => value(Json::Object(pod.spec())),
    };
    let parts = [
        ("apiVersion", text("v1")),
        ("kind", text("Pod")),
        ("metadata", metadata),
        ("spec", spec),
        ("status", value(json!(pod.status))),
    ];
    Fields::new(parts.map(|(name, part)| (name.to_owned(), part)))
}

fn event(record: &Record, event: &EventRecord) -> Fields {
    Fields::of(json!({
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
    let (at, of) = (seen.clone(), names.clone());
    add(&mut context, "pod", move |name, _| {
        let full = of.full("pod", word(name)?)?;
        let pod = lock(&at).pods.get(&full).cloned();
        Ok(Box::new(pod.unwrap_or_else(|| absent(&full))))
    });
    let lists: [(&str, ListOf, [&str; 2]); 3] = [
        ("events", |seen| &seen.events, ["reason", ""]),
        ("exits", |seen| &seen.exits, ["container", "probe"]),
        ("probes", |seen| &seen.probes, ["container", "probe"]),
    ];
    for (name, list, keys) in lists {
        let (at, of) = (seen.clone(), names.clone());
        add(&mut context, name, move |pod, arguments| {
            let full = of.full(name, word(pod)?)?;
            let seen = lock(&at);
            let happened = list(&seen).get(&full).map_or(&[][..], Vec::as_slice);
            let is_wanted = |one: &&Fields| {
                let mut wanted = keys.iter().zip(arguments);
                wanted.all(|(key, wanted)| one.get(key).is_some_and(|value| value.equals(&**wanted)))
            };
            Ok(list_of(happened.iter().filter(is_wanted)))
        });
    }
    let at = seen.clone();
    let pods: Function = Box::new(move |call| {
        let pattern = call.args.first().map(|pattern| word(&**pattern)).transpose()?;
        let seen = lock(&at);
        let found = seen.pods.iter().filter(|(full, _)| matches_pod(pattern, parts(full)));
        Ok(CowVal::Owned(list_of(found.map(|(_, pod)| pod))))
    });
    register(&mut context, "pods", pods);
    let map_literal: Function = Box::new(|call| {
        let entries = call.args.chunks_exact(2);
        let entries = entries.map(|entry| Ok((word(&*entry[0])?.to_owned(), copy(&*entry[1]))));
        let entries = entries.collect::<Result<Vec<_>, ExecutionError>>()?;
        Ok(CowVal::owned(Fields::new(entries)))
    });
    register(&mut context, MAP_LITERAL, map_literal);
    add_methods(&mut context);
    context
}

/// A function as CEL calls it.
type Function = Box<
    dyn for<'context, 'call> Fn(
            &mut FunctionContext<'context, 'call>,
        ) -> Result<CowVal<'context, 'call>, ExecutionError>
        + Send
        + Sync,
>;

fn register(context: &mut Context<'static, 'static>, name: &str, function: Function) {
    let added = context.add_function(name, function);
    added.expect("CEL itself has no function of that name");
}

/// Adds a function of what it is called on, or of its first argument, and of the arguments behind that.
fn add(
    context: &mut Context<'static, 'static>,
    name: &str,
    function: impl Fn(&dyn Val, &[CowVal]) -> Result<Owned, ExecutionError> + Send + Sync + 'static,
) {
    let function: Function = Box::new(move |call| {
        let (on, arguments) = match (&call.this, call.args.split_first()) {
            (Some(on), _) => (on, &call.args[..]),
            (None, Some(first)) => first,
            (None, None) => return Err(ExecutionError::missing_argument_or_target()),
        };
        function(&**on, arguments).map(CowVal::Owned)
    });
    register(context, name, function);
}

fn list_of<'a>(elements: impl Iterator<Item = &'a Fields>) -> Owned {
    let elements = elements.map(|element| Box::new(element.clone()) as Owned);
    Box::new(CelList::from(elements.collect::<Vec<_>>()))
}

fn add_methods(context: &mut Context<'static, 'static>) {
    let mut method = |name: &str, method: fn(&Fields, Option<&str>) -> Owned| {
        add(context, name, move |on, arguments| {
            let argument = arguments.first().map(|argument| word(&**argument)).transpose()?;
            let fields = on.downcast_ref::<Fields>();
            let fields = fields.ok_or_else(|| unexpected(on, "map"))?;
            Ok(method(fields, argument))
        });
    };
    method("exists", |pod, _| truth(pod.path(&["metadata", "uid"]).is_some()));
    method("ready", |pod, _| truth(condition(pod, "Ready") == Some("True")));
    method("terminating", |pod, _| {
        truth(pod.path(&["metadata", "deletionTimestamp"]).is_some())
    });
    method("condition", |pod, kind| {
        text(condition(pod, kind.unwrap_or_default()).unwrap_or_default())
    });
    method("restarts", |pod, container| {
        let restarts = |status: &Fields| {
            let count = status.get("restartCount").and_then(Part::downcast_ref::<CelInt>);
            count.map_or(0, |count| *count.inner())
        };
        let count = match container {
            Some(name) => status_of(pod, name).map_or(0, restarts),
            None => statuses(pod).map(restarts).sum::<i64>(),
        };
        Box::new(CelInt::from(count))
    });
    method("container", |pod, name| {
        let name = name.unwrap_or_default();
        Box::new(container(name, status_of(pod, name)))
    });
}

fn truth(truth: bool) -> Owned {
    Box::new(CelBool::from(truth))
}

fn unexpected(value: &dyn Val, want: &str) -> ExecutionError {
    ExecutionError::UnexpectedType {
        got: value.get_type().name().to_owned(),
        want: want.to_owned(),
    }
}

fn word<'a>(value: &'a (dyn Val + '_)) -> Result<&'a str, ExecutionError> {
    let word = value.downcast_ref::<CelString>();
    word.map(CelString::inner).ok_or_else(|| unexpected(value, "string"))
}

fn text(text: &str) -> Owned {
    Box::new(CelString::from(text.to_owned()))
}

/// What `pod(name)` gives when there is none: no uid and no status but an empty phase.
fn absent(full_name: &str) -> Fields {
    let (namespace, name) = full_name.split_once('/').unwrap_or(("default", full_name));
    Fields::of(json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {},
        "status": {"phase": ""},
    }))
}

/// A field that holds text.
fn word_of<'a>(fields: &'a Fields, name: &str) -> Option<&'a str> {
    let word = fields.get(name)?.downcast_ref::<CelString>()?;
    Some(word.inner())
}

fn condition<'a>(pod: &'a Fields, kind: &str) -> Option<&'a str> {
    let mut conditions = pod.list(&["status", "conditions"]);
    let found = conditions.find(|condition| word_of(condition, "type") == Some(kind))?;
    word_of(found, "status")
}

/// Statuses of all containers: init containers, app containers, ephemeral ones.
fn statuses(pod: &Fields) -> impl Iterator<Item = &Fields> {
    let lists = [
        "initContainerStatuses",
        "containerStatuses",
        "ephemeralContainerStatuses",
    ];
    lists.into_iter().flat_map(|name| pod.list(&["status", name]))
}

fn status_of<'a>(pod: &'a Fields, container: &str) -> Option<&'a Fields> {
    statuses(pod).find(|status| word_of(status, "name") == Some(container))
}

/// What `.container(name)` gives: the container's status, flat; what is not there is null.
fn container(name: &str, status: Option<&Fields>) -> Fields {
    let get = |names: &[&str]| status.and_then(|status| status.path(names));
    let state = ["waiting", "running", "terminated"]
        .into_iter()
        .find(|state| get(&["state", state]).is_some());
    let or = |found: Option<&Part>, otherwise: &Part| found.unwrap_or(otherwise).clone_as_boxed();
    let or_null = |names: &[&str]| or(get(names), &CelNull);
    let reason_of = |state: &str| or_null(&["state", state, "reason"]);
    let message = ["waiting", "terminated"]
        .into_iter()
        .find_map(|state| get(&["state", state, "message"]));
    let no = CelBool::from(false);
    let fields: [(&str, Owned); 13] = [
        ("name", text(name)),
        ("state", text(state.unwrap_or_default())),
        ("waiting", reason_of("waiting")),
        ("running", truth(state == Some("running"))),
        ("terminated", reason_of("terminated")),
        ("exitCode", or_null(&["state", "terminated", "exitCode"])),
        ("message", or(message, &CelNull)),
        ("lastExitCode", or_null(&["lastState", "terminated", "exitCode"])),
        ("lastReason", or_null(&["lastState", "terminated", "reason"])),
        ("ready", or(get(&["ready"]), &no)),
        ("started", or(get(&["started"]), &no)),
        ("restartCount", or(get(&["restartCount"]), &CelInt::from(0))),
        ("image", or_null(&["image"])),
    ];
    Fields::new(fields.map(|(name, value)| (name.to_owned(), value)))
}
