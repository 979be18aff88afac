//! Pods as `kubectl get pods` prints them: the columns of one object, and what a watch shows.

use std::io::Write;

use serde_json::Value;
use tabwriter::TabWriter;

use super::humane::{escape_terminal, first_line, human_duration};
use super::objects::{Change, PodAt, Store};
use crate::api::features::Features;
use crate::kernel::Time;
use crate::scenario::types::Input;
use crate::trace::Record;

/// The columns of a pod, in kubectl's order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// NAME
    pub name: String,
    /// READY
    pub ready: String,
    /// STATUS
    pub status: String,
    /// RESTARTS
    pub restarts: String,
    /// AGE
    pub age: String,
    /// IP, NODE, NOMINATED NODE, READINESS GATES
    pub wide: [String; 4],
}

/// What `kubectl get pods --watch --output wide` prints during the run: a line for each change of an object.
pub fn render(records: &[Record], input: &Input) -> String {
    let mut store = Store::new(input);
    let mut rows = Vec::new();
    for record in records {
        if let Some(Change::Changed(pod) | Change::Removed(pod)) = store.apply(record) {
            rows.push((pod.pod.namespace.to_string(), row_at(&pod, record.at)));
        }
    }
    table(&rows, true, false)
}

/// The table of the pods that exist at a time, as `kubectl get pods` prints it then; empty when there is none. The namespace
/// is shown when a pod is in another than `default`, unless only `one_namespace` was asked for.
pub fn pods(pods: &[PodAt], time: Time, wide: bool, one_namespace: bool) -> String {
    let rows: Vec<_> = pods
        .iter()
        .map(|p| (p.pod.namespace.to_string(), row_at(p, time)))
        .collect();
    if rows.is_empty() {
        return String::new();
    }
    table(&rows, wide, one_namespace)
}

/// The columns of a pod as it is at a time.
pub fn row_at(pod: &PodAt, time: Time) -> Row {
    row(&pod.object(), pod.timestamp(time).0, pod.features)
}

/// The rows under their headings.
fn table(rows: &[(String, Row)], wide: bool, one_namespace: bool) -> String {
    let namespaced = !one_namespace && rows.iter().any(|(namespace, _)| namespace != "default");
    let mut out = TabWriter::new(Vec::new()).minwidth(3).padding(3);
    let mut line = |namespace: &str, row: &Row| {
        let mut cells = vec![&*row.name, &*row.ready, &*row.status, &*row.restarts, &*row.age];
        if namespaced {
            cells.insert(0, namespace);
        }
        if wide {
            cells.extend(row.wide.iter().map(String::as_str));
        }
        let cells: Vec<String> = cells.into_iter().map(first_line).collect();
        writeln!(out, "{}", cells.join("\t")).expect("memory can be written");
    };
    let wide_headings = ["IP", "NODE", "NOMINATED NODE", "READINESS GATES"].map(str::to_owned);
    let headings = Row {
        name: "NAME".into(),
        ready: "READY".into(),
        status: "STATUS".into(),
        restarts: "RESTARTS".into(),
        age: "AGE".into(),
        wide: wide_headings,
    };
    line("NAMESPACE", &headings);
    for (namespace, row) in rows {
        line(namespace, row);
    }
    let bytes = out.into_inner().expect("memory can be written");
    escape_terminal(std::str::from_utf8(&bytes).expect("the columns are UTF-8"))
}

/// The columns of a v1.Pod at `now`, in seconds since 1970 (`pkg/printers/internalversion: printPod`).
pub fn row(pod: &Value, now_unix_secs: i64, features: &Features) -> Row {
    let (spec, status) = (&pod["spec"], &pod["status"]);
    let phase = text(&status["phase"]);
    let reason = text(&status["reason"]);
    let mut shown = if reason.is_empty() { phase } else { reason }.to_owned();
    let gated = |c: &Value| c["type"] == "PodScheduled" && c["reason"] == "SchedulingGated";
    if list(&status["conditions"]).iter().any(gated) {
        shown = "SchedulingGated".to_owned();
    }
    let init = init_containers(spec, status);
    let sidecars = list(&spec["initContainers"]).iter().filter(|c| is_sidecar(c)).count();
    let total = list(&spec["containers"]).len() + sidecars;
    let (mut restarts, mut ready) = (init.all, init.ready);
    if let Some(text) = &init.stuck {
        shown.clone_from(text);
    }
    if init.stuck.is_none() || has_condition(status, "Initialized") {
        restarts = init.sidecars;
        ready += app_containers(status, &mut shown, &mut restarts, features);
    }
    let deleted = pod["metadata"]["deletionTimestamp"].is_string();
    if deleted && reason == "NodeLost" {
        shown = "Unknown".to_owned();
    } else if deleted && phase != "Succeeded" && phase != "Failed" {
        shown = "Terminating".to_owned();
    }
    let since = |at: Option<i64>| at.map_or("<unknown>".to_owned(), |at| human_duration(now_unix_secs - at));
    Row {
        name: text(&pod["metadata"]["name"]).to_owned(),
        ready: format!("{ready}/{total}"),
        status: shown,
        restarts: match restarts.last {
            Some(_) if restarts.count != 0 => format!("{} ({} ago)", restarts.count, since(restarts.last)),
            _ => restarts.count.to_string(),
        },
        age: since(unix_secs(&pod["metadata"]["creationTimestamp"])),
        wide: wide(spec, status),
    }
}

/// Restarts of some containers, and when the latest life before them ended.
#[derive(Clone, Copy, Default)]
struct Restarts {
    count: i64,
    last: Option<i64>,
}

impl Restarts {
    fn add(&mut self, container: &Value) {
        self.count += container["restartCount"].as_i64().unwrap_or(0);
        let finished = unix_secs(&container["lastState"]["terminated"]["finishedAt"]);
        self.last = self.last.max(finished);
    }
}

/// What the init containers say.
struct Init {
    /// The STATUS, when the first of them that is not done holds everything up.
    stuck: Option<String>,
    ready: usize,
    all: Restarts,
    sidecars: Restarts,
}

/// Goes through the init containers up to the first that is neither done nor a started sidecar.
fn init_containers(spec: &Value, status: &Value) -> Init {
    let specs = list(&spec["initContainers"]);
    let mut init = Init {
        stuck: None,
        ready: 0,
        all: Restarts::default(),
        sidecars: Restarts::default(),
    };
    for (index, container) in list(&status["initContainerStatuses"]).iter().enumerate() {
        let sidecar = specs.iter().any(|c| c["name"] == container["name"] && is_sidecar(c));
        init.all.add(container);
        if sidecar {
            init.sidecars.add(container);
        }
        let (waiting, terminated) = (&container["state"]["waiting"], &container["state"]["terminated"]);
        if terminated.is_object() && exit_code(terminated) == 0 {
            continue;
        }
        if sidecar && container["started"] == true {
            init.ready += usize::from(container["ready"] == true);
            continue;
        }
        let reason = text(&waiting["reason"]);
        let stuck = if terminated.is_object() {
            ended(terminated)
        } else if !reason.is_empty() && reason != "PodInitializing" {
            reason.to_owned()
        } else {
            format!("{index}/{}", specs.len())
        };
        init.stuck = Some(format!("Init:{stuck}"));
        break;
    }
    init
}

/// Goes through the app containers from last to first, so that the first one's reason is what is shown.
/// Gives how many are ready.
fn app_containers(status: &Value, shown: &mut String, restarts: &mut Restarts, features: &Features) -> usize {
    let mut ready = 0;
    let mut error: Option<String> = None;
    for container in list(&status["containerStatuses"]).iter().rev() {
        restarts.add(container);
        let state = &container["state"];
        let reason = text(&state["waiting"]["reason"]);
        if !reason.is_empty() {
            *shown = reason.to_owned();
        } else if state["terminated"].is_object() {
            *shown = ended(&state["terminated"]);
            if exit_code(&state["terminated"]) != 0 && features.kubectl_shows_errors_first {
                error = Some(shown.clone());
            }
        } else if container["ready"] == true && state["running"].is_object() {
            ready += 1;
        }
    }
    // A container that has completed says nothing of those that still run or have failed.
    if shown == "Completed" {
        if ready > 0 && has_condition(status, "Ready") {
            *shown = "Running".to_owned();
        } else if let Some(error) = error {
            *shown = error;
        } else if ready > 0 {
            *shown = "NotReady".to_owned();
        }
    }
    ready
}

/// How a container ended: its reason, else the signal, else the exit code.
fn ended(terminated: &Value) -> String {
    let reason = text(&terminated["reason"]);
    let signal = terminated["signal"].as_i64().unwrap_or(0);
    match (reason, signal) {
        ("", 0) => format!("ExitCode:{}", exit_code(terminated)),
        ("", signal) => format!("Signal:{signal}"),
        (reason, _) => reason.to_owned(),
    }
}

fn wide(spec: &Value, status: &Value) -> [String; 4] {
    let or_none = |value: &Value| match text(value) {
        "" => "<none>".to_owned(),
        text => text.to_owned(),
    };
    let gates = list(&spec["readinessGates"]);
    let met = gates
        .iter()
        .filter(|g| has_condition(status, text(&g["conditionType"])))
        .count();
    [
        or_none(&status["podIPs"][0]["ip"]),
        or_none(&spec["nodeName"]),
        or_none(&status["nominatedNodeName"]),
        if gates.is_empty() {
            "<none>".to_owned()
        } else {
            format!("{met}/{}", gates.len())
        },
    ]
}

fn is_sidecar(container: &Value) -> bool {
    container["restartPolicy"] == "Always"
}

fn has_condition(status: &Value, kind: &str) -> bool {
    let mut of_kind = list(&status["conditions"]).iter().filter(|c| c["type"] == kind);
    of_kind.next().is_some_and(|c| c["status"] == "True")
}

fn exit_code(terminated: &Value) -> i64 {
    terminated["exitCode"].as_i64().unwrap_or(0)
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// Seconds since 1970 of an API timestamp; the epoch itself is no time at all.
fn unix_secs(value: &Value) -> Option<i64> {
    crate::api::status::Timestamp::parse(value.as_str()?).map(|t| t.0)
}
