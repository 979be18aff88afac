//! What containers see of the cluster: Services by name, other pods' ports, the time of day, the user's own programs.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use super::network::{Answer, Connection, Network, Request};
use super::script::ProgramScript;
use crate::kernel::{Kernel, Time};

/// The address of the API server's own Service, `kubernetes`.
const API_SERVER_IP: &str = "10.96.0.1";
/// The cluster's DNS server, as /etc/resolv.conf names it.
pub(super) const DNS_IP: &str = "10.96.0.10";

/// A Service, as far as names and connections need it.
#[derive(Clone, Debug)]
pub struct Service {
    /// metadata.namespace
    pub namespace: String,
    /// metadata.name
    pub name: String,
    /// spec.selector; empty selects nothing
    pub selector: BTreeMap<String, String>,
    /// spec.ports: port and the target port; None where the target is a name that is not known here
    pub ports: Vec<(u16, Option<u16>)>,
    /// spec.clusterIP is None: its name stands for the pods themselves
    pub headless: bool,
    /// spec.externalName
    pub external_name: Option<String>,
}

/// What a name stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lookup {
    /// a name of the cluster, in full, and its addresses
    Found {
        /// the full name
        name: String,
        /// at least one
        addresses: Vec<String>,
    },
    /// a name of the cluster that does not exist
    NotFound,
    /// a name outside the cluster
    External,
}

/// The cluster around the containers. One for each run.
pub struct World {
    pub(super) kernel: Kernel,
    epoch_unix_secs: i64,
    services: RefCell<BTreeMap<(String, String), (Service, String)>>,
    pods: RefCell<Vec<Rc<Network>>>,
    /// namespace and labels of the pods of the input, whether they run or not
    expected_labels: RefCell<Vec<(String, BTreeMap<String, String>)>>,
    pub(super) programs: Vec<ProgramScript>,
    next_service: Cell<u32>,
}

impl World {
    /// A cluster with nothing but the API server's Service; `epoch_unix_secs`: seconds since 1970 at t = 0.
    pub fn new(kernel: &Kernel, epoch_unix_secs: i64, programs: Vec<ProgramScript>) -> Rc<World> {
        Rc::new(World {
            kernel: kernel.clone(),
            epoch_unix_secs,
            services: RefCell::default(),
            pods: RefCell::default(),
            expected_labels: RefCell::default(),
            programs,
            next_service: Cell::new(20),
        })
    }

    /// A Service comes to be.
    pub fn add_service(&self, service: Service) {
        let number = self.next_service.get();
        self.next_service.set(number + 1);
        let ip = format!("10.96.{}.{}", number / 256 % 256, number % 256);
        let key = (service.namespace.clone(), service.name.clone());
        self.services.borrow_mut().insert(key, (service, ip));
    }

    /// A Service is deleted.
    pub fn remove_service(&self, namespace: &str, name: &str) {
        self.services
            .borrow_mut()
            .remove(&(namespace.to_owned(), name.to_owned()));
    }

    /// The input has a pod with these labels, which may run now or later.
    pub fn expect_pod(&self, namespace: &str, labels: BTreeMap<String, String>) {
        self.expected_labels.borrow_mut().push((namespace.to_owned(), labels));
    }

    /// A pod's network comes to be.
    pub fn add_pod(&self, network: &Rc<Network>) {
        self.pods.borrow_mut().push(network.clone());
    }

    /// A pod's network goes away.
    pub fn remove_pod(&self, network: &Rc<Network>) {
        self.pods.borrow_mut().retain(|known| !Rc::ptr_eq(known, network));
    }

    /// Seconds and nanoseconds since 1970.
    pub(super) fn unix_time(&self) -> (i64, i64) {
        self.unix_time_at(self.kernel.now())
    }

    /// Seconds and nanoseconds since 1970 at an instant.
    pub(super) fn unix_time_at(&self, at: Time) -> (i64, i64) {
        let nanos = at.as_nanos();
        (
            self.epoch_unix_secs + nanos.div_euclid(1_000_000_000),
            nanos.rem_euclid(1_000_000_000),
        )
    }

    /// The environment variables that the kubelet sets for Services of the namespace (`pkg/kubelet/envvars: FromServices`).
    pub fn service_environment(&self, namespace: &str) -> Vec<(String, String)> {
        let mut variables = vec![
            ("KUBERNETES_SERVICE_HOST".to_owned(), API_SERVER_IP.to_owned()),
            ("KUBERNETES_SERVICE_PORT".to_owned(), "443".to_owned()),
            ("KUBERNETES_SERVICE_PORT_HTTPS".to_owned(), "443".to_owned()),
        ];
        for ((_, name), (service, ip)) in self.services.borrow().iter().filter(|((ns, _), _)| ns == namespace) {
            if service.headless || service.external_name.is_some() {
                continue;
            }
            let prefix = name.to_ascii_uppercase().replace(['-', '.'], "_");
            variables.push((format!("{prefix}_SERVICE_HOST"), ip.clone()));
            if let Some((port, _)) = service.ports.first() {
                variables.push((format!("{prefix}_SERVICE_PORT"), port.to_string()));
            }
        }
        variables
    }

    /// What a name means to a pod of the namespace, by the cluster's DNS rules and search list.
    pub fn lookup(&self, namespace: &str, name: &str) -> Lookup {
        let name = name.trim_end_matches('.').to_ascii_lowercase();
        if name.is_empty() {
            return Lookup::NotFound;
        }
        let full = name.ends_with(".cluster.local");
        let short = name.strip_suffix(".cluster.local").unwrap_or(&name);
        let (short, is_service) = match short.strip_suffix(".svc") {
            Some(short) => (short, true),
            None => (short, false),
        };
        let parts: Vec<&str> = short.split('.').collect();
        let candidates: Vec<(Option<&str>, &str, &str)> = match parts[..] {
            [service] if !is_service && !full => vec![(None, service, namespace)],
            [service, of] => vec![(None, service, of), (Some(service), of, namespace)],
            [pod, service, of] => vec![(Some(pod), service, of)],
            _ => Vec::new(),
        };
        for (pod, service, of) in candidates {
            if let Some(addresses) = self.addresses(pod, service, of) {
                let pod = pod.map_or(String::new(), |pod| format!("{pod}."));
                return Lookup::Found {
                    name: format!("{pod}{service}.{of}.svc.cluster.local"),
                    addresses,
                };
            }
        }
        if full || is_service || parts.len() == 1 {
            Lookup::NotFound
        } else {
            Lookup::External
        }
    }

    fn addresses(&self, pod: Option<&str>, service: &str, namespace: &str) -> Option<Vec<String>> {
        if pod.is_none() && (service, namespace) == ("kubernetes", "default") {
            return Some(vec![API_SERVER_IP.to_owned()]);
        }
        let services = self.services.borrow();
        let (found, ip) = services.get(&(namespace.to_owned(), service.to_owned()))?;
        if found.headless || pod.is_some() {
            let pods = self.selected(found);
            let wanted = pods
                .iter()
                .filter(|network| pod.is_none_or(|pod| network.pod_name == pod));
            let addresses: Vec<String> = wanted.map(|network| network.ip.clone()).collect();
            return (!addresses.is_empty()).then_some(addresses);
        }
        Some(vec![ip.clone()])
    }

    fn selected(&self, service: &Service) -> Vec<Rc<Network>> {
        let fits = |network: &Network| {
            network.namespace == service.namespace
                && !service.selector.is_empty()
                && service
                    .selector
                    .iter()
                    .all(|(key, value)| network.labels.get(key) == Some(value))
        };
        self.pods
            .borrow()
            .iter()
            .filter(|network| fits(network))
            .cloned()
            .collect()
    }

    /// Opens a connection from a pod to a host's port.
    pub(super) fn connect(&self, from: &Rc<Network>, host: &str, port: u16) -> Connection {
        if matches!(host, "localhost" | "127.0.0.1" | "0.0.0.0" | "::1" | "[::1]")
            || host == from.ip
            || host == from.pod_name
        {
            return from.connect(port);
        }
        let addresses = match host.parse::<std::net::Ipv4Addr>() {
            Ok(address) => vec![address.to_string()],
            Err(_) => match self.lookup(&from.namespace, host) {
                Lookup::Found { addresses, .. } => addresses,
                Lookup::NotFound => return Connection::UnknownHost,
                Lookup::External => return Connection::External,
            },
        };
        let Some(address) = addresses.first() else {
            return Connection::UnknownHost;
        };
        if address == API_SERVER_IP {
            return Connection::Accepted(Rc::new(|_: &Request| Answer::text(401, "Unauthorized")));
        }
        let pod = self
            .pods
            .borrow()
            .iter()
            .find(|network| network.ip == *address)
            .cloned();
        if let Some(network) = pod {
            return network.connect(port);
        }
        self.connect_service(address, port)
    }

    fn connect_service(&self, address: &str, port: u16) -> Connection {
        let services = self.services.borrow();
        let Some((service, _)) = services.values().find(|(_, ip)| ip == address) else {
            return if address.starts_with("10.") {
                Connection::TimedOut
            } else {
                Connection::External
            };
        };
        if service.external_name.is_some() {
            return Connection::External;
        }
        let Some((_, target)) = service.ports.iter().find(|(known, _)| *known == port) else {
            return Connection::TimedOut;
        };
        let pods = self.selected(service);
        // A Service whose pods are not part of the input is there to be waited for: it answers.
        if pods.is_empty() && !self.has_pods_for(service) {
            return Connection::External;
        }
        let connections = pods.iter().map(|network| match target {
            Some(target) => network.connect(*target),
            None => network.connect_any(),
        });
        connections
            .into_iter()
            .find(|c| matches!(c, Connection::Accepted(_)))
            .unwrap_or(Connection::Refused)
    }

    /// Whether the input has pods that the Service would select; those that have no network yet can't be seen from here.
    fn has_pods_for(&self, service: &Service) -> bool {
        if service.selector.is_empty() {
            return false;
        }
        self.expected_labels.borrow().iter().any(|(namespace, labels)| {
            *namespace == service.namespace
                && service
                    .selector
                    .iter()
                    .all(|(key, value)| labels.get(key) == Some(value))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service(name: &str, headless: bool) -> Service {
        Service {
            namespace: "default".to_owned(),
            name: name.to_owned(),
            selector: BTreeMap::from([("app".to_owned(), "db".to_owned())]),
            ports: vec![(80, Some(8080))],
            headless,
            external_name: None,
        }
    }

    #[test]
    fn names_follow_the_search_list() {
        let world = World::new(&Kernel::new(), 0, Vec::new());
        world.add_service(service("db", false));
        world.add_service(service("peers", true));
        for (from, name, found) in [
            ("default", "db", true),
            ("default", "db.default", true),
            ("other", "db", false),
            ("other", "db.default.svc", true),
            ("other", "db.default.svc.cluster.local", true),
            ("other", "db.default.svc.cluster.local.", true),
            ("other", "kubernetes.default", true),
            ("default", "peers", false),
        ] {
            let answer = world.lookup(from, name);
            assert_eq!(matches!(answer, Lookup::Found { .. }), found, "{name} from {from}");
        }
        assert_eq!(world.lookup("default", "example.com"), Lookup::External);
        assert_eq!(world.lookup("default", "x.y.svc.cluster.local"), Lookup::NotFound);
        world.remove_service("default", "db");
        assert_eq!(world.lookup("default", "db"), Lookup::NotFound);
    }

    #[test]
    fn a_service_leads_to_the_pods_it_selects() {
        let world = World::new(&Kernel::new(), 0, Vec::new());
        world.add_service(service("db", false));
        let labels = BTreeMap::from([("app".to_owned(), "db".to_owned())]);
        world.expect_pod("default", labels.clone());
        let one = Network::new(&world, "default", "one", "10.88.0.2", labels);
        let two = Network::new(&world, "default", "two", "10.88.0.3", BTreeMap::new());
        world.add_pod(&one);
        world.add_pod(&two);
        assert!(matches!(world.connect(&two, "db", 80), Connection::Refused));
        one.listen(8080, 1, Rc::new(|_: &Request| Answer::text(200, "hello")));
        assert!(matches!(world.connect(&two, "db", 80), Connection::Accepted(_)));
        assert!(matches!(
            world.connect(&two, "10.88.0.2", 8080),
            Connection::Accepted(_)
        ));
        assert!(matches!(world.connect(&two, "localhost", 8080), Connection::Refused));
        one.close(1);
        assert!(matches!(world.connect(&two, "db", 80), Connection::Refused));
    }
}
