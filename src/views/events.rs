//! Events as `kubectl get events` shows them: correlated as client-go does before it writes them to the API.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;

use serde_json::{Value, json};
use tabwriter::TabWriter;

use super::humane::{escape_terminal, first_line, human_duration};
use super::objects::nodes;
use crate::api::pod::Name;
use crate::api::status::Timestamp;
use crate::api::uid::object_uid;
use crate::kernel::{Duration, Time};
use crate::scenario::types::{Input, PodInput};
use crate::trace::{EventRecord, Record, What};

/// An event object of the API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// What it is about: `pod/web`, `node/node-1`.
    pub object: String,
    /// The namespace of that; empty for nodes.
    pub namespace: String,
    /// involvedObject.fieldPath
    pub field_path: String,
    /// type is Warning
    pub warning: bool,
    /// reason
    pub reason: &'static str,
    /// message
    pub message: String,
    /// count
    pub count: u32,
    /// firstTimestamp
    pub first: Time,
    /// lastTimestamp
    pub last: Time,
    /// The record that was its latest.
    pub seq: u64,
}

/// source.component: who tells events.
pub(super) const SOURCE: &str = "kubelet";
/// As many messages of one reason are told apart; further ones are combined (`defaultAggregateMaxEvents`).
const MAX_SIMILAR: usize = 10;
/// Similar events further apart than this are not (`defaultAggregateIntervalInSeconds`).
const SIMILAR_WITHIN: Duration = Duration::from_secs(600);
/// So many events of one object are let through at once (`defaultSpamBurst`) …
const SPAM_BURST: i64 = 25;
/// … and one more in each of these (`defaultSpamQPS`).
const SPAM_REFILL: Duration = Duration::from_secs(300);
/// The API server forgets an event this long after its last write (`--event-ttl`).
const TIME_TO_LIVE: Duration = Duration::from_secs(3600);

/// The events that the API has at the end of the run, as `kubectl get events` prints them then.
pub fn render(records: &[Record]) -> String {
    let end = records.last().map_or(Time::ZERO, |r| r.at);
    table(&at(records, end), end, false)
}

/// The events that the API has at `time`, in its order: that of their names.
pub fn at(records: &[Record], time: Time) -> Vec<Event> {
    let mut correlator = Correlator::default();
    for record in records.iter().take_while(|r| r.at <= time) {
        if let What::Event(event) = &record.what {
            correlator.observe(record, event);
        }
    }
    let mut events = correlator.written;
    events.retain(|event| time - event.last <= TIME_TO_LIVE);
    events.sort_by_cached_key(|event| {
        let name = format!("{}.{:020}", event.object_name(), event.first.as_nanos());
        (event.stored_in().to_owned(), name)
    });
    events
}

/// The table of events at `now` (`pkg/printers/internalversion: printEvent`); empty when there is none. The namespace is
/// shown when an event is in another than `default`, unless only `one_namespace` was asked for.
pub fn table(events: &[Event], now: Time, one_namespace: bool) -> String {
    let headings = ["LAST SEEN", "TYPE", "REASON", "OBJECT", "MESSAGE"];
    let cells = |event: &Event| {
        let message = event.message.trim().to_owned();
        let (seen, kind) = (ago(event.last, now), event.kind().to_owned());
        vec![seen, kind, event.reason.to_owned(), event.object.clone(), message]
    };
    write_table(events, &headings, one_namespace, cells)
}

/// The same with more columns. The input says where pods are.
pub fn wide_table(events: &[Event], now: Time, one_namespace: bool, input: &Input) -> String {
    let nodes = nodes(input);
    let headings = [
        "LAST SEEN",
        "TYPE",
        "REASON",
        "OBJECT",
        "SUBOBJECT",
        "SOURCE",
        "MESSAGE",
        "FIRST SEEN",
        "COUNT",
        "NAME",
    ];
    let cells = |event: &Event| {
        let source = match event.host(&nodes) {
            Some(host) => format!("{SOURCE}, {host}"),
            None => SOURCE.to_owned(),
        };
        vec![
            ago(event.last, now),
            event.kind().to_owned(),
            event.reason.to_owned(),
            event.object.clone(),
            event.field_path.clone(),
            source,
            event.message.trim().to_owned(),
            ago(event.first, now),
            event.count.to_string(),
            event.name(input.scenario.epoch_unix_secs),
        ]
    };
    write_table(events, &headings, one_namespace, cells)
}

fn write_table(
    events: &[Event],
    headings: &[&str],
    one_namespace: bool,
    cells: impl Fn(&Event) -> Vec<String>,
) -> String {
    if events.is_empty() {
        return String::new();
    }
    let namespaced = !one_namespace && events.iter().any(|event| event.stored_in() != "default");
    let mut out = TabWriter::new(Vec::new()).minwidth(3).padding(3);
    let mut line = |namespace: &str, cells: Vec<String>| {
        let namespace = namespaced.then(|| namespace.to_owned());
        let cells: Vec<String> = namespace
            .into_iter()
            .chain(cells)
            .map(|cell| first_line(&cell))
            .collect();
        writeln!(out, "{}", cells.join("\t")).expect("memory can be written");
    };
    line("NAMESPACE", headings.iter().map(ToString::to_string).collect());
    for event in events {
        line(event.stored_in(), cells(event));
    }
    let bytes = out.into_inner().expect("memory can be written");
    escape_terminal(std::str::from_utf8(&bytes).expect("the columns are UTF-8"))
}

/// The events as a v1.List, as `kubectl get events -o json` shows them. The input says where pods are, and when the run
/// began.
pub fn list(events: &[Event], input: &Input) -> Value {
    let nodes = nodes(input);
    let items: Vec<Value> = events.iter().map(|event| event.v1(input, &nodes)).collect();
    json!({"apiVersion": "v1", "kind": "List", "metadata": {"resourceVersion": ""}, "items": items})
}

impl Event {
    /// The v1.Event.
    fn v1(&self, input: &Input, nodes: &BTreeMap<Name, Name>) -> Value {
        let epoch_unix_secs = input.scenario.epoch_unix_secs;
        let timestamp = |at: Time| Timestamp(epoch_unix_secs + at.as_nanos().div_euclid(1_000_000_000)).to_string();
        let (name, of_node) = (self.object_name(), self.namespace.is_empty());
        let mut about = json!({"apiVersion": "v1", "kind": if of_node { "Node" } else { "Pod" }, "name": name});
        if of_node {
            // A kubelet takes the name of its node for its UID.
            about["uid"] = json!(name);
        } else {
            about["namespace"] = json!(self.namespace);
            let is_it = |pod: &&PodInput| *pod.pod.name == *name && *pod.pod.namespace == *self.namespace;
            if let Some(pod) = input.pods.iter().find(is_it) {
                about["uid"] = json!(pod.pod.uid);
            }
        }
        if !self.field_path.is_empty() {
            about["fieldPath"] = json!(self.field_path);
        }
        let (own_name, host) = (self.name(epoch_unix_secs), self.host(nodes));
        let mut source = json!({"component": SOURCE});
        if let Some(host) = host {
            source["host"] = json!(host);
        }
        json!({
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {
                "name": own_name,
                "namespace": self.stored_in(),
                "uid": object_uid("event", self.stored_in(), &own_name),
                "resourceVersion": self.seq.to_string(),
                "creationTimestamp": timestamp(self.first),
            },
            "involvedObject": about,
            "type": self.kind(),
            "reason": self.reason,
            "message": self.message,
            "count": self.count,
            "eventTime": null,
            "firstTimestamp": timestamp(self.first),
            "lastTimestamp": timestamp(self.last),
            "source": source,
            "reportingComponent": SOURCE,
            "reportingInstance": host.unwrap_or_default(),
        })
    }

    /// metadata.name, as `client-go/tools/record: makeEvent` makes it: the object and the nanosecond.
    fn name(&self, epoch_unix_secs: i64) -> String {
        let unix_ns = i128::from(epoch_unix_secs) * 1_000_000_000 + i128::from(self.first.as_nanos());
        format!("{}.{unix_ns:x}", self.object_name())
    }

    /// The name of what it is about.
    fn object_name(&self) -> &str {
        self.object.split_once('/').map_or(&self.object, |(_, name)| name)
    }

    /// metadata.namespace: events of nodes, which have no namespace, are kept in default.
    pub fn stored_in(&self) -> &str {
        if self.namespace.is_empty() {
            "default"
        } else {
            &self.namespace
        }
    }

    /// type
    pub(super) fn kind(&self) -> &'static str {
        if self.warning { "Warning" } else { "Normal" }
    }

    /// source.host: whose kubelet it is.
    fn host<'a>(&'a self, nodes: &'a BTreeMap<Name, Name>) -> Option<&'a str> {
        if self.namespace.is_empty() {
            return Some(self.object_name());
        }
        let full_name = format!("{}/{}", self.namespace, self.object_name());
        nodes.get(&*full_name).map(Name::as_str)
    }

    /// How long ago it was last seen, and how often: `5s`, `5s (x3 over 2m)`.
    pub fn age(&self, now: Time) -> String {
        match self.count {
            1 => ago(self.last, now),
            count => format!("{} (x{count} over {})", ago(self.last, now), ago(self.first, now)),
        }
    }
}

/// How long ago the second of that instant was.
fn ago(then: Time, now: Time) -> String {
    let second = Time(then.as_nanos().div_euclid(1_000_000_000) * 1_000_000_000);
    human_duration((now - second).as_secs())
}

/// What tells similar events apart from others: object, type, reason.
type SimilarKey = (String, bool, &'static str);
/// What makes two events the same: the above with field path and message. A combined event has neither.
type SameKey = (SimilarKey, String, String);

/// `client-go/tools/record: EventCorrelator`: aggregates, counts, and refuses spam.
#[derive(Default)]
struct Correlator {
    similar: BTreeMap<SimilarKey, Similar>,
    /// Every event that was observed, written or not: its count and first time.
    observed: BTreeMap<SameKey, Observed>,
    spam: BTreeMap<String, Bucket>,
    written: Vec<Event>,
}

#[derive(Default)]
struct Similar {
    messages: BTreeSet<Name>,
    last: Option<Time>,
}

struct Observed {
    count: u32,
    first: Time,
    /// Its place among the written events.
    written: Option<usize>,
}

/// A token bucket, in nanoseconds of refill so that it needs no fractions.
struct Bucket {
    filled: i64,
    at: Time,
}

impl Correlator {
    fn observe(&mut self, record: &Record, event: &EventRecord) {
        let (namespace, object) = subject(record, event);
        let about = format!("{namespace}/{object}");
        let similar_key = (about.clone(), event.warning, event.reason);
        let combined = self.is_one_of_many(record.at, &similar_key, &event.message);
        let (field_path, message) = if combined {
            (String::new(), String::new())
        } else {
            (event.field_path(), event.message.to_string())
        };
        let observed = self
            .observed
            .entry((similar_key, field_path, message))
            .or_insert(Observed {
                count: 0,
                first: record.at,
                written: None,
            });
        observed.count += 1;
        if !self
            .spam
            .entry(about)
            .or_insert_with(|| Bucket::full(record.at))
            .take(record.at)
        {
            return;
        }
        let text = if combined {
            format!("(combined from similar events): {}", event.message)
        } else {
            event.message.to_string()
        };
        match observed.written {
            Some(index) => {
                let written = &mut self.written[index];
                written.count = observed.count;
                written.last = record.at;
                written.message = text;
                written.seq = record.seq;
            }
            None => {
                observed.written = Some(self.written.len());
                self.written.push(Event {
                    object,
                    namespace,
                    field_path: event.field_path(),
                    warning: event.warning,
                    reason: event.reason,
                    message: text,
                    count: observed.count,
                    first: observed.first,
                    last: record.at,
                    seq: record.seq,
                });
            }
        }
    }

    /// Whether the event is one of so many similar ones that it goes into their combined event (`EventAggregate`).
    fn is_one_of_many(&mut self, now: Time, key: &SimilarKey, message: &Name) -> bool {
        let similar = self.similar.entry(key.clone()).or_default();
        if similar.last.is_some_and(|last| now - last > SIMILAR_WITHIN) {
            similar.messages.clear();
        }
        similar.last = Some(now);
        similar.messages.insert(message.clone());
        if similar.messages.len() < MAX_SIMILAR {
            return false;
        }
        // Upstream forgets any one of them; here the first.
        similar.messages.pop_first();
        true
    }
}

impl Bucket {
    fn full(at: Time) -> Bucket {
        Bucket {
            filled: SPAM_REFILL.times(SPAM_BURST).as_nanos(),
            at,
        }
    }

    fn take(&mut self, now: Time) -> bool {
        let full = SPAM_REFILL.times(SPAM_BURST).as_nanos();
        self.filled = self.filled.saturating_add((now - self.at).as_nanos()).min(full);
        self.at = now;
        let left = self.filled - SPAM_REFILL.as_nanos();
        if left < 0 {
            return false;
        }
        self.filled = left;
        true
    }
}

/// Namespace and `kind/name` of what the event is about.
fn subject(record: &Record, event: &EventRecord) -> (String, String) {
    if let Some((kind, name)) = event.object.as_ref().and_then(|object| object.split_once('/')) {
        return (String::new(), format!("{}/{name}", kind.to_lowercase()));
    }
    let full_name = record.pod.as_deref().unwrap_or_default();
    let (namespace, name) = full_name.split_once('/').unwrap_or(("", full_name));
    (namespace.to_owned(), format!("pod/{name}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::pod::ContainerType;

    fn record(secs: i64, message: &str) -> Record {
        Record {
            at: Time::ZERO + Duration::from_secs(secs),
            seq: 0,
            cause: None,
            pod: Some("default/web".into()),
            container: None,
            attempt: None,
            what: What::Event(EventRecord {
                warning: true,
                object: None,
                reason: "BackOff",
                container: Some((ContainerType::App, "app".into())),
                message: message.into(),
            }),
        }
    }

    fn ages(records: &[Record]) -> Vec<(String, String)> {
        let now = records.last().map_or(Time::ZERO, |r| r.at);
        at(records, now).into_iter().map(|e| (e.age(now), e.message)).collect()
    }

    #[test]
    fn the_same_event_is_counted() {
        let records = [0, 60, 150].map(|secs| record(secs, "waits"));
        assert_eq!(ages(&records), [("0s (x3 over 2m30s)".to_owned(), "waits".to_owned())]);
    }

    #[test]
    fn many_messages_of_one_reason_are_combined() {
        let records: Vec<Record> = (0..12).map(|n| record(n, &format!("message {n:02}"))).collect();
        let got = ages(&records);
        assert_eq!(got.len(), 10);
        let combined = (
            "0s (x3 over 2s)".to_owned(),
            "(combined from similar events): message 11".to_owned(),
        );
        assert_eq!(got.last(), Some(&combined));
    }

    #[test]
    fn an_object_has_25_events_and_one_more_every_five_minutes() {
        let mut records: Vec<Record> = (0..40).map(|n| record(n, "waits")).collect();
        assert_eq!(ages(&records)[0].0, "15s (x25 over 39s)");
        records.push(record(301, "waits"));
        assert_eq!(ages(&records)[0].0, "0s (x41 over 5m1s)");
    }

    #[test]
    fn the_api_forgets_events_after_an_hour() {
        assert_eq!(at(&[record(0, "old")], Time::ZERO + Duration::from_secs(3601)), []);
    }
}
