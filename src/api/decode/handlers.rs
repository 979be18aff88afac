//! Probes and lifecycle hooks: defaulting (v1/defaults.go) and validation (validation.go: validateProbe, validateHandler).

use crate::api::node::{Node, Value};
use crate::api::pod::{ContainerPort, Handler, Port, Probe};
use crate::api::shape::Problems;

/// Which probe it is: the three differ in what they may say.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum ProbeKind {
    Liveness,
    Readiness,
    Startup,
}

/// What handlers need to know of their surroundings.
pub(super) struct Surroundings<'p> {
    /// the container's ports, for handlers that name one
    pub(super) ports: &'p [ContainerPort],
    /// terminationGracePeriodSeconds of the pod
    pub(super) grace: i64,
}

/// v1.Probe. Zero means unset, as in Go.
pub(super) fn probe(
    problems: &mut Problems<'_>,
    node: &Node,
    kind: ProbeKind,
    around: &Surroundings<'_>,
) -> Option<Probe> {
    for field in [
        "initialDelaySeconds",
        "timeoutSeconds",
        "periodSeconds",
        "successThreshold",
        "failureThreshold",
    ] {
        if let Some(value) = node.get(field)
            && value.integer().is_some_and(|integer| integer < 0)
        {
            problems.invalid(value, "must be greater than or equal to 0");
        }
    }
    if let Some(threshold) = node.get("successThreshold")
        && kind != ProbeKind::Readiness
        && threshold.integer().is_some_and(|integer| integer > 1)
    {
        problems.invalid(threshold, "must be 1");
    }
    if let Some(grace) = node.get("terminationGracePeriodSeconds") {
        if grace.integer().is_some_and(|integer| integer <= 0) {
            problems.invalid(grace, "must be greater than 0");
        }
        if kind == ProbeKind::Readiness {
            problems.invalid(grace, "must not be set for readinessProbes");
        }
    }
    let or = |field: &str, default: i32| node.integer_at(field).filter(|given| *given != 0).unwrap_or(default);
    Some(Probe {
        handler: handler(problems, node, &["exec", "httpGet", "tcpSocket", "grpc"], around)?,
        initial_delay_seconds: or("initialDelaySeconds", 0),
        timeout_seconds: or("timeoutSeconds", 1),
        period_seconds: or("periodSeconds", 10),
        success_threshold: or("successThreshold", 1),
        failure_threshold: or("failureThreshold", 3),
        termination_grace_period_seconds: node.integer_at("terminationGracePeriodSeconds"),
    })
}

/// lifecycle.postStart or lifecycle.preStop.
pub(super) fn hook(problems: &mut Problems<'_>, node: &Node, around: &Surroundings<'_>) -> Option<Handler> {
    handler(problems, node, &["exec", "httpGet", "tcpSocket", "sleep"], around)
}

/// The one handler of a probe or hook.
fn handler(problems: &mut Problems<'_>, node: &Node, kinds: &[&str], around: &Surroundings<'_>) -> Option<Handler> {
    let mut given = kinds.iter().filter_map(|kind| node.get(kind).map(|node| (*kind, node)));
    let Some((kind, first)) = given.next() else {
        problems.at(node, "Required value: must specify a handler type").hint =
            Some(format!("one of {}", kinds.join(", ")));
        return None;
    };
    for (_, another) in given {
        problems.forbidden(another, "may not specify more than 1 handler type");
    }
    let host = first.filled_at("host").cloned();
    let handler = match kind {
        "exec" => {
            let command = first.texts_at("command");
            if command.is_empty() {
                problems.required(first, "command", "");
            }
            Handler::Exec { command }
        }
        "httpGet" => {
            if let Some(scheme) = first.get("scheme")
                && !matches!(scheme.text().map(|s| &**s), Some("HTTP" | "HTTPS" | ""))
            {
                problems.unsupported(scheme, &["HTTP", "HTTPS"]);
            }
            Handler::HttpGet {
                path: first.filled_at("path").cloned().unwrap_or_else(|| "/".into()),
                port: port(problems, first, around),
                https: first.text_at("scheme").is_some_and(|scheme| &**scheme == "HTTPS"),
                host,
            }
        }
        "tcpSocket" => Handler::TcpSocket {
            port: port(problems, first, around),
            host,
        },
        "grpc" => Handler::Grpc {
            port: port(problems, first, around).resolve().unwrap_or(0),
            service: first.text_at("service").cloned().unwrap_or_else(|| "".into()),
        },
        "sleep" => {
            let seconds: i64 = first.integer_at("seconds").unwrap_or(0);
            if seconds < 0 || seconds > around.grace {
                let grace = around.grace;
                let message = format!("must be non-negative and less than terminationGracePeriodSeconds ({grace})");
                let (path, mark) = (problems.path(first), first.get("seconds").unwrap_or(first).mark());
                problems.mark(mark, format!("{path}: Invalid value: {seconds}: {message}"));
            }
            Handler::Sleep { seconds }
        }
        _ => unreachable!("only the kinds above are asked for"),
    };
    Some(handler)
}

/// A port by number, or by the name of one of the container's own ports.
fn port(problems: &mut Problems<'_>, handler: &Node, around: &Surroundings<'_>) -> Port {
    let none = Port::Number(0);
    let Some(node) = handler.get("port") else {
        problems.required(handler, "port", "");
        return none;
    };
    match &node.value {
        Value::Integer(number) => match u16::try_from(*number) {
            Ok(number) if number > 0 => Port::Number(number),
            _ => {
                problems.invalid(node, "must be between 1 and 65535, inclusive");
                none
            }
        },
        Value::Text(name) => {
            if let Some(message) = super::names::port_name_error(name) {
                // The kubelet would take a number in quotes as a number; the API does not let it through.
                let number = name.parse::<u16>().ok().filter(|number| *number > 0);
                problems.invalid(node, message).hint = number.map(|number| format!("write {number} without quotes"));
                return none;
            }
            let known = around.ports.iter().find(|p| p.name.as_ref() == Some(name));
            Port::Named {
                name: name.clone(),
                number: known.map(|p| p.port),
            }
        }
        _ => none,
    }
}
