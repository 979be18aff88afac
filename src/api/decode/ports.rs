//! Ports of containers, and the ports of the host that they take (validation.go: validateContainerPorts,
//! checkHostPortConflicts, validatePodHostNetworkDeps).

use std::collections::BTreeSet;

use super::names;
use crate::api::node::{Bytes, Node};
use crate::api::pod::{ContainerPort, Name};
use crate::api::shape::Problems;

/// containers[].ports. The same port may be given twice: the API server only warns.
pub(super) fn ports(problems: &mut Problems<'_>, node: &Node) -> Vec<ContainerPort> {
    let mut names: BTreeSet<Name> = BTreeSet::new();
    let mut ports = Vec::new();
    for port in node.list("ports") {
        let name = port.filled_at("name").cloned();
        if let (Some(name), Some(node)) = (&name, port.get("name")) {
            if let Some(message) = names::port_name_error(name) {
                problems.invalid(node, message);
            } else if !names.insert(name.clone()) {
                problems.duplicate(node);
            }
        }
        if let Some(protocol) = port.get("protocol")
            && !matches!(protocol.text().map(|p| &**p), Some("" | "TCP" | "UDP" | "SCTP"))
        {
            problems.unsupported(protocol, &["SCTP", "TCP", "UDP"]);
        }
        let number = match given(port, "containerPort") {
            None => {
                problems.required(port, "containerPort", "");
                0
            }
            Some(node) => number(problems, node),
        };
        if let Some(node) = given(port, "hostPort") {
            self::number(problems, node);
        }
        ports.push(ContainerPort {
            name,
            port: number,
            protocol: protocol(port).into(),
        });
    }
    ports
}

/// A port's number (`IsValidPortNum`).
pub(super) fn number(problems: &mut Problems<'_>, node: &Node) -> u16 {
    let number = node.integer().and_then(|number| u16::try_from(number).ok());
    number.filter(|number| *number > 0).unwrap_or_else(|| {
        problems.invalid(node, "must be between 1 and 65535, inclusive");
        0
    })
}

/// A field with a number, unless it is zero: Go knows no difference between zero and missing.
fn given<'n>(port: &'n Node, field: &str) -> Option<&'n Node> {
    port.get(field).filter(|node| node.integer() != Some(0))
}

fn protocol(port: &Node) -> &str {
    port.filled_at("protocol").map_or("TCP", |protocol| protocol)
}

/// A port of the host that a container takes.
struct Taken {
    path: String,
    mark: Bytes,
    /// as the API server writes it: `TCP//80`
    key: String,
}

/// No two app containers take the same port of a host. Init containers run one after the other: each is looked at alone.
/// In a pod that has the network of its host every port is one of the host's (`defaultHostNetworkPorts`); in a template
/// only those that it says.
pub(super) fn of_host(problems: &mut Problems<'_>, spec: &Node, is_pod: bool) {
    let of_network = spec.boolean_at("hostNetwork") == Some(true);
    let taken = |problems: &Problems<'_>, container: &Node, place: &str| -> Vec<Taken> {
        let mut all = Vec::new();
        for (index, port) in container.list("ports").iter().enumerate() {
            let Some(node) =
                given(port, "hostPort").or_else(|| given(port, "containerPort").filter(|_| of_network && is_pod))
            else {
                continue;
            };
            let address = port.text_at("hostIP").map_or("", |address| address);
            let path = match place {
                "" => problems.path(port),
                place => format!("{place}.ports[{index}]"),
            };
            all.push(Taken {
                path: format!("{path}.hostPort"),
                mark: node.mark(),
                key: format!("{}/{address}/{}", protocol(port), node.integer().unwrap_or(0)),
            });
        }
        all
    };
    let mut of_pod: Vec<Taken> = Vec::new();
    for container in spec.list("containers") {
        for port in container.list("ports").iter().filter(|_| of_network) {
            let Some(host) = given(port, "hostPort") else { continue };
            let inner = given(port, "containerPort").and_then(Node::integer);
            if host.integer() != inner {
                problems.invalid(host, "must match `containerPort` when `hostNetwork` is true");
            }
        }
        of_pod.extend(taken(problems, container, ""));
    }
    taken_once(problems, of_pod);
    let list = spec.get("initContainers").map(|list| problems.path(list));
    for container in spec.list("initContainers") {
        // The API server takes each for the first of a list.
        let place = format!("{}[0]", list.as_deref().unwrap_or_default());
        let own = taken(problems, container, &place);
        taken_once(problems, own);
    }
}

fn taken_once(problems: &mut Problems<'_>, ports: Vec<Taken>) {
    let mut keys: BTreeSet<String> = BTreeSet::new();
    for Taken { path, mark, key } in ports {
        if keys.contains(&key) {
            problems.mark(mark, format!("{path}: Duplicate value: {key:?}"));
        } else {
            keys.insert(key);
        }
    }
}
