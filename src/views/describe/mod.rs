//! A pod at a moment as `kubectl describe pod` prints it: from its object, as kubectl gets it from the API.

mod containers;
mod page;
mod volumes;

use serde_json::Value;

use super::events::{self, Event};
use super::humane::{human_duration, rfc1123};
use super::objects::PodAt;
use crate::api::features::Features;
use crate::api::qos;
use crate::api::status::Timestamp;
use crate::kernel::Time;
use crate::trace::Record;
use page::Page;

/// Longer annotations stand on lines of their own, and longer lines of those and of attributes are cut
/// (`maxAnnotationLen`).
const LONGEST_ANNOTATION: usize = 140;

/// What `kubectl apply` keeps there is not shown (`skipAnnotations`).
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// The description of `pod` at `time`, with its events of `records`.
pub fn render(records: &[Record], pod: &PodAt, time: Time) -> String {
    let object = pod.object();
    let (spec, status) = (&object["spec"], &object["status"]);
    let mut page = Page::default();
    head(&mut page, &object, pod.timestamp(time), pod.features);
    for (title, list, statuses) in [
        ("Init Containers", "initContainers", "initContainerStatuses"),
        ("Containers", "containers", "containerStatuses"),
        (
            "Ephemeral Containers",
            "ephemeralContainers",
            "ephemeralContainerStatuses",
        ),
    ] {
        if list == "containers" || !items(&spec[list]).is_empty() {
            containers::describe(&mut page, title, (list, statuses), &object, pod.features);
        }
    }
    conditions(&mut page, spec, status);
    volumes::describe(&mut page, spec, pod.features);
    // What the status does not say is computed.
    let class = status["qosClass"].as_str().map(str::to_owned);
    let computed = || qos::class(&pod.pod.spec, true).to_string();
    page.field(0, "QoS Class", class.unwrap_or_else(computed));
    page.list("Node-Selectors", &labels(&spec["nodeSelector"]));
    tolerations(&mut page, spec);
    spread(&mut page, spec);
    let subject = format!("pod/{}", pod.pod.name);
    let mut found = events::at(records, time);
    found.retain(|e| e.object == subject && e.namespace == *pod.pod.namespace && e.last >= pod.created);
    // kubectl knows whole seconds; the API gives events in the order of their names, which is that of their first times.
    found.sort_by_key(|e| (e.last.as_nanos().div_euclid(1_000_000_000), e.first));
    events(&mut page, &found, time, pod.features);
    page.finish()
}

/// The elements of a list; none where there is no list.
fn items(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// A string; empty where there is none.
fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// A scalar without quotes.
fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// `name=value` of each entry of a map, in the order of the names.
fn labels(map: &Value) -> Vec<String> {
    let entries = map.as_object().into_iter().flatten();
    entries
        .map(|(name, value)| format!("{name}={}", plain(value)))
        .collect()
}

/// No more of a line than that many bytes, and three dots where that is not all of it; never half a letter.
fn shortened(line: &str, most: usize) -> String {
    let mut end = line.len().min(most);
    while !line.is_char_boundary(end) {
        end -= 1;
    }
    let more = if end < line.len() { "..." } else { "" };
    format!("{}{more}", &line[..end])
}

/// `name: value` of each annotation; long ones and those of several lines below their name
/// (`printAnnotationsMultiline`).
fn annotations(map: &Value) -> Vec<String> {
    let entries = map.as_object().into_iter().flatten();
    let shown = entries.filter(|(name, _)| *name != LAST_APPLIED).map(|(name, value)| {
        let value = text(value);
        let value = value.strip_suffix('\n').unwrap_or(value);
        if name.len() + value.len() + 2 <= LONGEST_ANNOTATION && !value.contains('\n') {
            return format!("{name}: {value}");
        }
        let mut lines = format!("{name}:");
        for line in value.split('\n') {
            lines.push_str(&format!("\n\t  {}", shortened(line, LONGEST_ANNOTATION - 2)));
        }
        lines
    });
    shown.collect()
}

fn head(page: &mut Page, object: &Value, now: Timestamp, features: &Features) {
    let (metadata, spec, status) = (&object["metadata"], &object["spec"], &object["status"]);
    let told = |page: &mut Page, title: &str, value: &Value| {
        if !text(value).is_empty() {
            page.field(0, title, text(value));
        }
    };
    page.field(0, "Name", text(&metadata["name"]));
    page.field(0, "Namespace", text(&metadata["namespace"]));
    page.field(0, "Priority", plain(&spec["priority"]));
    told(page, "Priority Class Name", &spec["priorityClassName"]);
    told(page, "Runtime Class Name", &spec["runtimeClassName"]);
    told(page, "Service Account", &spec["serviceAccountName"]);
    match text(&spec["nodeName"]) {
        "" => page.field(0, "Node", "<none>"),
        node => page.field(0, "Node", format_args!("{node}/{}", text(&status["hostIP"]))),
    }
    if let Some(start) = status["startTime"].as_str().and_then(Timestamp::parse) {
        page.field(0, "Start Time", rfc1123(start));
    }
    page.list("Labels", &labels(&metadata["labels"]));
    page.list("Annotations", &annotations(&metadata["annotations"]));
    let phase = text(&status["phase"]);
    let deleted = metadata["deletionTimestamp"].as_str().and_then(Timestamp::parse);
    match deleted.filter(|_| !matches!(phase, "Failed" | "Succeeded")) {
        Some(since) => {
            let lasts = human_duration(now.0 - since.0);
            page.field(0, "Status", format_args!("Terminating (lasts {lasts})"));
            let grace = plain(&metadata["deletionGracePeriodSeconds"]);
            page.field(0, "Termination Grace Period", format_args!("{grace}s"));
        }
        None => page.field(0, "Status", phase),
    }
    told(page, "Reason", &status["reason"]);
    told(page, "Message", &status["message"]);
    let profile = &spec["securityContext"]["seccompProfile"];
    if profile.is_object() {
        page.field(0, "SeccompProfile", text(&profile["type"]));
        if profile["type"] == "Localhost" {
            page.field(0, "LocalhostProfile", text(&profile["localhostProfile"]));
        }
    }
    page.field(0, "IP", text(&status["podIP"]));
    match items(&status["podIPs"]) {
        [] => page.field(0, "IPs", "<none>"),
        addresses => {
            page.title(0, "IPs");
            for address in addresses {
                page.field(1, "IP", text(&address["ip"]));
            }
        }
    }
    let mut owners = items(&metadata["ownerReferences"]).iter();
    if let Some(owner) = owners.find(|owner| owner["controller"] == true) {
        let (kind, name) = (text(&owner["kind"]), text(&owner["name"]));
        page.field(0, "Controlled By", format_args!("{kind}/{name}"));
    }
    if spec["resources"].is_object() && features.describe_pod_resources {
        page.title(0, "Resources");
        containers::resources(page, 1, &spec["resources"]);
    }
}

/// Readiness gates and conditions. What stands before the tab is wider by a space than it looks.
fn conditions(page: &mut Page, spec: &Value, status: &Value) {
    let known = items(&status["conditions"]);
    let gates = items(&spec["readinessGates"]);
    if !gates.is_empty() {
        page.line("Readiness Gates:");
        page.line("  Type\tStatus");
        for gate in gates {
            let condition = known
                .iter()
                .find(|condition| condition["type"] == gate["conditionType"]);
            let status = condition.map_or("<none>", |condition| text(&condition["status"]));
            page.line(&format!("  {} \t{status} ", text(&gate["conditionType"])));
        }
    }
    if !known.is_empty() {
        page.line("Conditions:");
        page.line("  Type\tStatus");
        for condition in known {
            page.line(&format!(
                "  {} \t{} ",
                text(&condition["type"]),
                text(&condition["status"])
            ));
        }
    }
}

fn tolerations(page: &mut Page, spec: &Value) {
    let mut tolerations: Vec<&Value> = items(&spec["tolerations"]).iter().collect();
    tolerations.sort_by_key(|toleration| text(&toleration["key"]).to_owned());
    let told = tolerations.into_iter().map(|toleration| {
        let field = |name: &str| text(&toleration[name]);
        let mut told = field("key").to_owned();
        if !field("value").is_empty() {
            told.push_str(&format!("={}", field("value")));
        }
        if !field("effect").is_empty() {
            told.push_str(&format!(":{}", field("effect")));
        }
        if field("operator") == "Exists" && field("value").is_empty() {
            told.push_str(if told.is_empty() { "op=Exists" } else { " op=Exists" });
        }
        if let Some(seconds) = toleration["tolerationSeconds"].as_i64() {
            told.push_str(&format!(" for {seconds}s"));
        }
        told
    });
    page.list("Tolerations", &told.collect::<Vec<_>>());
}

fn spread(page: &mut Page, spec: &Value) {
    let mut constraints: Vec<&Value> = items(&spec["topologySpreadConstraints"]).iter().collect();
    if constraints.is_empty() {
        return;
    }
    constraints.sort_by_key(|constraint| text(&constraint["topologyKey"]).to_owned());
    let told = constraints.into_iter().map(|constraint| {
        let (key, when) = (text(&constraint["topologyKey"]), text(&constraint["whenUnsatisfiable"]));
        let skew = constraint["maxSkew"].as_i64().unwrap_or(0);
        let selector = match &constraint["labelSelector"] {
            Value::Null => String::new(),
            given => format!(" for selector {}", selector(given)),
        };
        format!("{key}:{when} when max skew {skew} is exceeded{selector}")
    });
    page.list("Topology Spread Constraints", &told.collect::<Vec<_>>());
}

/// A label selector in one line (`metav1.FormatLabelSelector`).
fn selector(selector: &Value) -> String {
    let equal = selector["matchLabels"].as_object().into_iter().flatten();
    let equal = equal.map(|(key, value)| (key.as_str(), format!("{key}={}", plain(value))));
    let expressions = items(&selector["matchExpressions"]).iter().map(|expression| {
        let key = text(&expression["key"]);
        let mut values: Vec<&str> = items(&expression["values"]).iter().map(text).collect();
        values.sort_unstable();
        let told = match text(&expression["operator"]) {
            "In" => format!("{key} in ({})", values.join(",")),
            "NotIn" => format!("{key} notin ({})", values.join(",")),
            "DoesNotExist" => format!("!{key}"),
            _ => key.to_owned(),
        };
        (key, told)
    });
    let mut all: Vec<(&str, String)> = equal.chain(expressions).collect();
    all.sort_by_key(|(key, _)| key.to_owned());
    if all.is_empty() {
        return "<none>".to_owned();
    }
    let told: Vec<String> = all.into_iter().map(|(_, told)| told).collect();
    told.join(",")
}

fn events(page: &mut Page, events: &[Event], time: Time, features: &Features) {
    if events.is_empty() {
        page.field(0, "Events", "<none>");
        return;
    }
    page.title(0, "Events");
    page.line("  Type\tReason\tAge\tFrom\tMessage");
    page.line("  ----\t------\t----\t----\t-------");
    for event in events {
        let place = match event.field_path.as_str() {
            "" => String::new(),
            path if features.describe_field_paths => format!("{path}: "),
            _ => String::new(),
        };
        let (kind, age, from) = (event.kind(), event.age(time), events::SOURCE);
        let message = event.message.trim();
        page.line(&format!("  {kind}\t{}\t{age}\t{from}\t{place}{message}", event.reason));
    }
}
