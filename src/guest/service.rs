//! Services as containers meet them: names, ports, and which of the pods behind them get connections.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::network::{Connection, Network};

/// A Service, as far as names and connections need it.
#[derive(Clone, Debug, Default)]
pub struct Service {
    /// metadata.namespace
    pub namespace: String,
    /// metadata.name
    pub name: String,
    /// spec.selector; empty selects nothing
    pub selector: BTreeMap<String, String>,
    /// spec.ports
    pub ports: Vec<ServicePort>,
    /// spec.clusterIP, when it is given
    pub cluster_ip: Option<String>,
    /// spec.clusterIP is None: its name stands for the pods themselves
    pub headless: bool,
    /// spec.externalName
    pub external_name: Option<String>,
    /// spec.publishNotReadyAddresses: pods count before they are ready
    pub publish_not_ready_addresses: bool,
}

/// spec.ports[]
#[derive(Clone, Debug)]
pub struct ServicePort {
    /// name
    pub name: Option<String>,
    /// port
    pub port: u16,
    /// targetPort
    pub target: Target,
}

/// Which of a pod's ports a Service's port leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// by number
    Number(u16),
    /// by the name that one of the pod's containers gives it
    Named(String),
}

impl Service {
    /// Whether the selector chooses a pod.
    pub(super) fn selects(&self, namespace: &str, labels: &BTreeMap<String, String>) -> bool {
        namespace == self.namespace
            && !self.selector.is_empty()
            && self.selector.iter().all(|(key, value)| labels.get(key) == Some(value))
    }

    /// The pods that are published as ready (`endpointslice: podToEndpoint`).
    pub(super) fn ready(&self, selected: &[Rc<Network>]) -> Vec<Rc<Network>> {
        let published = |network: &&Rc<Network>| {
            let state = network.state();
            state.exists && (self.publish_not_ready_addresses || (state.ready && !state.terminating))
        };
        selected.iter().filter(published).cloned().collect()
    }

    /// The pods that get connections: those that are ready; without any, those that still serve while they terminate
    /// (`pkg/proxy: CategorizeEndpoints`).
    pub(super) fn usable(&self, selected: &[Rc<Network>]) -> Vec<Rc<Network>> {
        let ready = self.ready(selected);
        if !ready.is_empty() {
            return ready;
        }
        let serving = |network: &&Rc<Network>| {
            let state = network.state();
            state.exists && state.ready && state.terminating
        };
        selected.iter().filter(serving).cloned().collect()
    }

    /// Connects to one of the Service's ports by way of the pods that it selects; the first that accepts.
    pub(super) fn connect(&self, port: u16, selected: &[Rc<Network>]) -> Connection {
        let Some(port) = self.ports.iter().find(|known| known.port == port) else {
            return Connection::TimedOut;
        };
        let usable = self.usable(selected);
        let mut connections = usable.iter().filter_map(|network| {
            let number = match &port.target {
                Target::Number(number) => Some(*number),
                Target::Named(name) => network.port_named(name),
            };
            number.map(|number| network.connect_target(number))
        });
        connections
            .find(|connection| matches!(connection, Connection::Accepted(_)))
            .unwrap_or(Connection::Refused)
    }

    /// The variables that the kubelet sets for a Service in the containers of its namespace
    /// (`pkg/kubelet/envvars: FromServices`).
    pub(super) fn environment(&self, ip: &str) -> Vec<(String, String)> {
        if self.headless || self.external_name.is_some() {
            return Vec::new();
        }
        variables(&self.name, ip, &self.ports)
    }
}

/// `DB_SERVICE_HOST`, `DB_SERVICE_PORT`, `DB_PORT_5432_TCP` and their like.
pub(super) fn variables(name: &str, ip: &str, ports: &[ServicePort]) -> Vec<(String, String)> {
    let upper = |text: &str| text.to_ascii_uppercase().replace(['-', '.'], "_");
    let prefix = upper(name);
    let mut variables = vec![(format!("{prefix}_SERVICE_HOST"), ip.to_owned())];
    let Some(first) = ports.first() else {
        return variables;
    };
    variables.push((format!("{prefix}_SERVICE_PORT"), first.port.to_string()));
    for port in ports {
        if let Some(name) = &port.name {
            variables.push((format!("{prefix}_SERVICE_PORT_{}", upper(name)), port.port.to_string()));
        }
    }
    variables.push((format!("{prefix}_PORT"), format!("tcp://{ip}:{}", first.port)));
    for port in ports {
        let link = format!("{prefix}_PORT_{}_TCP", port.port);
        variables.push((link.clone(), format!("tcp://{ip}:{}", port.port)));
        variables.push((format!("{link}_PROTO"), "tcp".to_owned()));
        variables.push((format!("{link}_PORT"), port.port.to_string()));
        variables.push((format!("{link}_ADDR"), ip.to_owned()));
    }
    variables
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_of_a_service_with_two_ports() {
        let port = |name: &str, port| ServicePort {
            name: Some(name.to_owned()),
            port,
            target: Target::Number(port),
        };
        let service = Service {
            name: "my-db".to_owned(),
            ports: vec![port("sql", 5432), port("web-ui", 80)],
            ..Service::default()
        };
        let variables: Vec<String> = service
            .environment("10.96.0.20")
            .into_iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        for expected in [
            "MY_DB_SERVICE_HOST=10.96.0.20",
            "MY_DB_SERVICE_PORT=5432",
            "MY_DB_SERVICE_PORT_WEB_UI=80",
            "MY_DB_PORT=tcp://10.96.0.20:5432",
            "MY_DB_PORT_80_TCP_ADDR=10.96.0.20",
        ] {
            assert!(
                variables.iter().any(|known| known == expected),
                "{expected}: {variables:?}"
            );
        }
    }
}
