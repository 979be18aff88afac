//! The containers of a pod (`describeContainers`).

use serde_json::Value;

use super::page::Page;
use super::{items, plain, text};
use crate::api::features::Features;
use crate::api::quantity;
use crate::api::status::Timestamp;
use crate::views::humane::rfc1123;

/// Go's zero time, the first second of the year 1: what a time that is not there looks like.
const ZERO_TIME: Timestamp = Timestamp(-62_135_596_800);

/// All containers of a list, with their statuses. `pod` is the whole object.
pub(super) fn describe(page: &mut Page, title: &str, (list, statuses): (&str, &str), pod: &Value, features: &Features) {
    page.title(0, title);
    for container in items(&pod["spec"][list]) {
        let status = items(&pod["status"][statuses]).iter();
        let status = status.rev().find(|status| status["name"] == container["name"]);
        basics(page, container, status, features);
        words(page, "Command", &container["command"]);
        words(page, "Args", &container["args"]);
        if let Some(status) = status {
            state(page, "State", &status["state"]);
            if status["lastState"]["terminated"].is_object() {
                state(page, "Last State", &status["lastState"]);
            }
            let ready = status["ready"].as_bool().unwrap_or(false);
            page.field(2, "Ready", if ready { "True" } else { "False" });
            page.field(2, "Restart Count", status["restartCount"].as_i64().unwrap_or(0));
        }
        resources(page, 2, &container["resources"]);
        for (title, probe) in [
            ("Liveness", &container["livenessProbe"]),
            ("Readiness", &container["readinessProbe"]),
            ("Startup", &container["startupProbe"]),
        ] {
            if probe.is_object() {
                page.field(2, title, describe_probe(probe));
            }
        }
        environment_from(page, &container["envFrom"]);
        environment(page, container, &pod["metadata"]);
        mounts(page, container);
    }
}

/// Name, IDs, image, ports and profile (`describeContainerBasicInfo`).
fn basics(page: &mut Page, container: &Value, status: Option<&Value>, features: &Features) {
    page.title(1, text(&container["name"]));
    if let Some(status) = status {
        page.field(2, "Container ID", text(&status["containerID"]));
    }
    page.field(2, "Image", text(&container["image"]));
    if let Some(status) = status {
        page.field(2, "Image ID", text(&status["imageID"]));
    }
    for (title, field) in [("Port", "containerPort"), ("Host Port", "hostPort")] {
        let ports = items(&container["ports"]).iter().map(|port| {
            let number = port[field].as_i64().unwrap_or(0);
            let mut told = format!("{number}/{}", text(&port["protocol"]));
            let name = text(&port["name"]);
            if !name.is_empty() && features.describe_port_names {
                told.push_str(&format!(" ({name})"));
            }
            told
        });
        let ports: Vec<String> = ports.collect();
        match &ports[..] {
            [] => page.field(2, title, "<none>"),
            [port] => page.field(2, title, port),
            ports => page.field(2, &format!("{title}s"), ports.join(", ")),
        }
    }
    let profile = &container["securityContext"]["seccompProfile"];
    if profile.is_object() {
        page.field(2, "SeccompProfile", text(&profile["type"]));
        if profile["type"] == "Localhost" {
            page.field(3, "LocalhostProfile", text(&profile["localhostProfile"]));
        }
    }
}

fn words(page: &mut Page, title: &str, words: &Value) {
    let words = items(words);
    if words.is_empty() {
        return;
    }
    page.title(2, title);
    for line in words.iter().flat_map(|word| text(word).split('\n')) {
        page.line(&format!("      {line}"));
    }
}

fn state(page: &mut Page, title: &str, state: &Value) {
    let time = |at: &Value| rfc1123(at.as_str().and_then(Timestamp::parse).unwrap_or(ZERO_TIME));
    let told = |page: &mut Page, title: &str, value: &Value| {
        if !text(value).is_empty() {
            page.field(3, title, text(value));
        }
    };
    if let Some(running) = state.get("running") {
        page.field(2, title, "Running");
        page.field(3, "Started", time(&running["startedAt"]));
    } else if let Some(ended) = state.get("terminated") {
        page.field(2, title, "Terminated");
        told(page, "Reason", &ended["reason"]);
        told(page, "Message", &ended["message"]);
        page.field(3, "Exit Code", ended["exitCode"].as_i64().unwrap_or(0));
        page.field(3, "Started", time(&ended["startedAt"]));
        page.field(3, "Finished", time(&ended["finishedAt"]));
    } else {
        page.field(2, title, "Waiting");
        told(page, "Reason", &state["waiting"]["reason"]);
    }
}

/// Limits and requests, of a container or of a pod (`describeResources`).
pub(super) fn resources(page: &mut Page, level: usize, resources: &Value) {
    for (title, field) in [("Limits", "limits"), ("Requests", "requests")] {
        let Some(amounts) = resources[field].as_object().filter(|amounts| !amounts.is_empty()) else {
            continue;
        };
        page.title(level, title);
        for (name, amount) in amounts {
            page.field(level + 1, name, plain(amount));
        }
    }
}

/// What a probe does, and how often (`DescribeProbe`).
fn describe_probe(probe: &Value) -> String {
    let number = |field: &str| probe[field].as_i64().unwrap_or(0);
    let what = if let Some(exec) = probe.get("exec") {
        let command: Vec<&str> = items(&exec["command"]).iter().map(text).collect();
        format!("exec [{}]", command.join(" "))
    } else if let Some(http) = probe.get("httpGet") {
        format!("http-get {}", url(http))
    } else if let Some(tcp) = probe.get("tcpSocket") {
        format!("tcp-socket {}:{}", text(&tcp["host"]), plain(&tcp["port"]))
    } else if let Some(grpc) = probe.get("grpc") {
        format!("grpc <pod>:{} {}", plain(&grpc["port"]), text(&grpc["service"]))
    } else {
        "unknown".to_owned()
    };
    format!(
        "{what} delay={}s timeout={}s period={}s #success={} #failure={}",
        number("initialDelaySeconds"),
        number("timeoutSeconds"),
        number("periodSeconds"),
        number("successThreshold"),
        number("failureThreshold")
    )
}

/// The address of an HTTP probe as Go's `net/url` writes it: a question mark in the path is part of the path.
fn url(http: &Value) -> String {
    let host = text(&http["host"]);
    let host = if host.contains([':', '%']) {
        format!("[{host}]")
    } else {
        host.to_owned()
    };
    let path = text(&http["path"]);
    let slash = if path.is_empty() || path.starts_with('/') {
        ""
    } else {
        "/"
    };
    let scheme = text(&http["scheme"]).to_lowercase();
    let mut address = format!("{scheme}://{host}:{}{slash}", plain(&http["port"]));
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"$&+,-./:;=@_~".contains(&byte) {
            address.push(char::from(byte));
        } else {
            address.push_str(&format!("%{byte:02X}"));
        }
    }
    address
}

fn environment_from(page: &mut Page, sources: &Value) {
    let sources = items(sources);
    if sources.is_empty() {
        return;
    }
    page.title(2, "Environment Variables from");
    for source in sources {
        let (kind, object) = match (source.get("configMapRef"), source.get("secretRef")) {
            (Some(map), _) => ("ConfigMap", map),
            (None, Some(secret)) => ("Secret", secret),
            (None, None) => ("", &Value::Null),
        };
        let prefix = match text(&source["prefix"]) {
            "" => String::new(),
            prefix => format!(" with prefix '{prefix}'"),
        };
        let optional = object["optional"].as_bool().unwrap_or(false);
        let name = text(&object["name"]);
        page.line(&format!("      {name}\t{kind}{prefix}\tOptional: {optional}"));
    }
}

fn environment(page: &mut Page, container: &Value, metadata: &Value) {
    let variables = items(&container["env"]);
    if variables.is_empty() {
        page.field(2, "Environment", "<none>");
        return;
    }
    page.title(2, "Environment");
    for variable in variables {
        let name = text(&variable["name"]);
        let source = &variable["valueFrom"];
        if source.is_null() {
            let value = text(&variable["value"]).replace('\n', "\n      \t");
            page.field(3, name, value);
        } else if let Some(field) = source.get("fieldRef") {
            let path = text(&field["fieldPath"]);
            let (value, version) = (field_of(metadata, path), text(&field["apiVersion"]));
            page.field(3, name, format_args!("{value} ({version}:{path})"));
        } else if let Some(reference) = source.get("resourceFieldRef") {
            let resource = text(&reference["resource"]);
            let value = amount(&container["resources"], resource, text(&reference["divisor"]));
            let value = match value.as_deref() {
                Some("0") if matches!(resource, "limits.cpu" | "limits.memory") => "node allocatable",
                value => value.unwrap_or_default(),
            };
            page.field(3, name, format_args!("{value} ({resource})"));
        } else {
            for (field, words) in [("secretKeyRef", "in secret"), ("configMapKeyRef", "of config map")] {
                if let Some(reference) = source.get(field) {
                    let (key, object) = (text(&reference["key"]), text(&reference["name"]));
                    let optional = reference["optional"].as_bool().unwrap_or(false);
                    let value = format!("<set to the key '{key}' {words} '{object}'>\tOptional: {optional}");
                    page.field(3, name, value);
                }
            }
        }
    }
}

/// What a field path leads to, as far as kubectl resolves it: its scheme knows these two labels of fields only
/// (`EnvValueRetriever`).
fn field_of<'v>(metadata: &'v Value, path: &str) -> &'v str {
    match path {
        "metadata.name" => text(&metadata["name"]),
        "metadata.namespace" => text(&metadata["namespace"]),
        _ => "",
    }
}

/// How often a divisor goes into an amount of the container, rounded up (`ExtractContainerResourceValue`); None for an
/// amount that kubectl does not know.
fn amount(resources: &Value, resource: &str, divisor: &str) -> Option<String> {
    let (field, name) = resource.split_once('.')?;
    let known = matches!(name, "cpu" | "memory" | "ephemeral-storage") || name.starts_with("hugepages-");
    if !known || !matches!(field, "limits" | "requests") {
        return None;
    }
    let nano = |text: &str| quantity::parse(text).unwrap_or(0);
    // Processors are told in thousandths, all else in whole numbers, both rounded up.
    let unit: i128 = if name == "cpu" { 1_000_000 } else { 1_000_000_000 };
    let units = |nano: i128| nano.div_euclid(unit) + i128::from(nano.rem_euclid(unit) > 0);
    let divisor = match units(nano(divisor)) {
        0 => units(1_000_000_000),
        divisor => divisor,
    };
    let amount = units(nano(text(&resources[field][name])));
    Some((amount.div_euclid(divisor) + i128::from(amount.rem_euclid(divisor) > 0)).to_string())
}

fn mounts(page: &mut Page, container: &Value) {
    let sorted = |list: &'static str, field: &'static str| {
        let mut list: Vec<&Value> = items(&container[list]).iter().collect();
        list.sort_by_key(|entry| text(&entry[field]).to_owned());
        list
    };
    let (mounts, devices) = (
        sorted("volumeMounts", "mountPath"),
        sorted("volumeDevices", "devicePath"),
    );
    let title = |page: &mut Page, title: &str| match mounts.is_empty() {
        true => page.field(2, title, "<none>"),
        false => page.title(2, title),
    };
    title(page, "Mounts");
    for mount in &mounts {
        let mode = if mount["readOnly"] == true { "ro" } else { "rw" };
        let part = match text(&mount["subPath"]) {
            "" => String::new(),
            path => format!(",path={path:?}"),
        };
        let (path, volume) = (text(&mount["mountPath"]), text(&mount["name"]));
        page.line(&format!("      {path} from {volume} ({mode}{part})"));
    }
    if !devices.is_empty() {
        // kubectl asks whether there are mounts.
        title(page, "Devices");
        for device in &devices {
            let (path, volume) = (text(&device["devicePath"]), text(&device["name"]));
            page.line(&format!("      {path} from {volume}"));
        }
    }
}
