//! What containers see of the cluster: Services by name, other pods' ports, the time of day, the user's own programs.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::{Rc, Weak};

use super::network::{Answer, Connection, Network, Request};
use super::script::ProgramScript;
use super::service::{self, Service, ServicePort, Target};
use crate::kernel::{Kernel, Time};

/// The address of the API server's own Service, `kubernetes`.
const API_SERVER_IP: &str = "10.96.0.1";
/// The cluster's DNS server, as /etc/resolv.conf names it.
pub(super) const DNS_IP: &str = "10.96.0.10";

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
    /// Each knows the world: the other way round only as long as its pod has it.
    pods: RefCell<Vec<Weak<Network>>>,
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
        let ip = service.cluster_ip.clone().unwrap_or_else(|| {
            let number = self.next_service.get();
            self.next_service.set(number + 1);
            format!("10.96.{}.{}", number / 256 % 256, number % 256)
        });
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
        self.pods.borrow_mut().push(Rc::downgrade(network));
    }

    /// A pod's network goes away.
    pub fn remove_pod(&self, network: &Rc<Network>) {
        self.pods
            .borrow_mut()
            .retain(|known| !std::ptr::eq(known.as_ptr(), Rc::as_ptr(network)));
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

    /// The instant of so many seconds since 1970, if it can be told.
    pub(super) fn time_at(&self, unix: i64) -> Option<Time> {
        let seconds = unix.checked_sub(self.epoch_unix_secs)?;
        seconds.checked_mul(1_000_000_000).map(Time)
    }

    /// The environment variables that the kubelet sets for Services of the namespace (`pkg/kubelet/envvars: FromServices`);
    /// without `links` only those of the API server's own.
    pub fn service_environment(&self, namespace: &str, links: bool) -> Vec<(String, String)> {
        let https = ServicePort {
            name: Some("https".to_owned()),
            port: 443,
            target: Target::Number(6443),
        };
        let mut variables = service::variables("kubernetes", API_SERVER_IP, &[https]);
        let services = self.services.borrow();
        let linked = services.iter().filter(|((of, _), _)| links && of == namespace);
        variables.extend(linked.flat_map(|(_, (service, ip))| service.environment(ip)));
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
        // Names that end in a namespace or a Service of the cluster are nobody else's.
        let is_ours = match parts[..] {
            [_, of] => {
                let services = self.services.borrow();
                let is_namespace = of == namespace || services.keys().any(|(namespace, _)| namespace == of);
                is_namespace || services.contains_key(&(namespace.to_owned(), of.to_owned()))
            }
            _ => false,
        };
        if full || is_service || is_ours || parts.len() == 1 {
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
            let pods = found.ready(&self.selected(found));
            let wanted = pods
                .iter()
                .filter(|network| pod.is_none_or(|pod| network.name_under(service) == pod));
            let addresses: Vec<String> = wanted.map(|network| network.ip.clone()).collect();
            return (!addresses.is_empty()).then_some(addresses);
        }
        Some(vec![ip.clone()])
    }

    fn selected(&self, service: &Service) -> Vec<Rc<Network>> {
        let pods = self.pods.borrow();
        let fits = |network: &Rc<Network>| service.selects(&network.namespace, &network.labels);
        pods.iter().filter_map(Weak::upgrade).filter(fits).collect()
    }

    /// Opens a connection from a pod to a host's port.
    pub(super) fn connect(&self, from: &Rc<Network>, host: &str, port: u16) -> Connection {
        if matches!(host, "localhost" | "127.0.0.1" | "0.0.0.0" | "::1" | "[::1]")
            || host == from.ip
            || host == from.hostname
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
        // Pods of the host's network share an address: whoever listens there answers.
        let pods = self.pods.borrow();
        let mut there = pods
            .iter()
            .filter_map(Weak::upgrade)
            .filter(|network| network.ip == *address);
        let Some(first) = there.next() else {
            return self.connect_service(address, port);
        };
        let mut answers = std::iter::once(first).chain(there).map(|network| network.connect(port));
        let accepts = |answer: &Connection| matches!(answer, Connection::Accepted(_));
        let refusal = answers.next().unwrap_or(Connection::Refused);
        if accepts(&refusal) {
            return refusal;
        }
        answers.find(accepts).unwrap_or(refusal)
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
        let selected = self.selected(service);
        // A Service whose pods are not part of the input is there to be waited for: it answers.
        if selected.is_empty() && service.ports.iter().any(|known| known.port == port) && !self.has_pods_for(service) {
            return Connection::External;
        }
        service.connect(port, &selected)
    }

    /// Whether the input has pods that the Service would select; those that have no network yet can't be seen from here.
    fn has_pods_for(&self, service: &Service) -> bool {
        let expected = self.expected_labels.borrow();
        expected
            .iter()
            .any(|(namespace, labels)| service.selects(namespace, labels))
    }
}

#[cfg(test)]
mod tests {
    use super::super::network::{PodFacts, Reachability};
    use super::*;

    fn service(name: &str, headless: bool) -> Service {
        Service {
            namespace: "default".to_owned(),
            name: name.to_owned(),
            selector: labels(),
            ports: vec![ServicePort {
                name: None,
                port: 80,
                target: Target::Number(8080),
            }],
            headless,
            ..Service::default()
        }
    }

    fn labels() -> BTreeMap<String, String> {
        BTreeMap::from([("app".to_owned(), "db".to_owned())])
    }

    /// A pod's network in the world, and the switch of its state.
    fn pod(world: &Rc<World>, name: &str, ip: &str) -> (Rc<Network>, Rc<Cell<Reachability>>) {
        let state = Rc::new(Cell::new(Reachability::default()));
        let asked = state.clone();
        let facts = PodFacts {
            namespace: "default".to_owned(),
            name: name.to_owned(),
            ip: ip.to_owned(),
            labels: labels(),
            ports: BTreeMap::from([("sql".to_owned(), 8080)]),
            state: Some(Rc::new(move || asked.get())),
            ..PodFacts::default()
        };
        let network = Network::new(world, facts);
        world.add_pod(&network);
        world.expect_pod("default", labels());
        (network, state)
    }

    fn listen(network: &Network) {
        network.listen(8080, 1, Rc::new(|_: &Request| Answer::text(200, "hello")));
    }

    fn accepts(world: &World, from: &Rc<Network>, host: &str, port: u16) -> bool {
        matches!(world.connect(from, host, port), Connection::Accepted(_))
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
        let (one, _) = pod(&world, "one", "10.88.0.2");
        let other = PodFacts {
            namespace: "default".to_owned(),
            name: "two".to_owned(),
            ip: "10.88.0.3".to_owned(),
            ..PodFacts::default()
        };
        let two = Network::new(&world, other);
        world.add_pod(&two);
        assert!(matches!(world.connect(&two, "db", 80), Connection::Refused));
        listen(&one);
        assert!(accepts(&world, &two, "db", 80));
        assert!(!accepts(&world, &two, "db", 8080));
        assert!(accepts(&world, &two, "10.88.0.2", 8080));
        assert!(matches!(world.connect(&two, "localhost", 8080), Connection::Refused));
        one.close(1);
        assert!(matches!(world.connect(&two, "db", 80), Connection::Refused));
    }

    #[test]
    fn only_ready_pods_get_a_services_connections() {
        let world = World::new(&Kernel::new(), 0, Vec::new());
        let named = |target| {
            vec![ServicePort {
                name: None,
                port: 80,
                target,
            }]
        };
        world.add_service(service("db", false));
        world.add_service(Service {
            publish_not_ready_addresses: true,
            ports: named(Target::Named("sql".to_owned())),
            ..service("early", false)
        });
        world.add_service(Service {
            ports: named(Target::Named("other".to_owned())),
            ..service("wrong", false)
        });
        world.add_service(service("peers", true));
        let (one, state) = pod(&world, "one", "10.88.0.2");
        listen(&one);
        let ready = Reachability::default();
        for (now, db, early) in [
            (ready, true, true),
            (Reachability { ready: false, ..ready }, false, true),
            // Nobody else is there: who terminates and still serves gets them.
            (
                Reachability {
                    terminating: true,
                    ..ready
                },
                true,
                true,
            ),
            (Reachability { exists: false, ..ready }, false, false),
        ] {
            state.set(now);
            assert_eq!(accepts(&world, &one, "db", 80), db, "{now:?}");
            assert_eq!(accepts(&world, &one, "early", 80), early, "{now:?}");
            assert!(!accepts(&world, &one, "wrong", 80), "{now:?}");
            let published = matches!(world.lookup("default", "peers"), Lookup::Found { .. });
            assert_eq!(published, now == ready, "{now:?}");
        }
        // A ready pod beside one that terminates gets them all.
        let (_two, other) = pod(&world, "two", "10.88.0.3");
        state.set(Reachability {
            terminating: true,
            ..ready
        });
        other.set(ready);
        assert!(!accepts(&world, &one, "db", 80));
    }

    #[test]
    fn what_is_not_played_listens_while_it_runs() {
        let world = World::new(&Kernel::new(), 0, Vec::new());
        let (one, _) = pod(&world, "one", "10.88.0.2");
        let runs = Rc::new(Cell::new(true));
        let asked = runs.clone();
        one.stand_in(vec![5432], Rc::new(move || asked.get()));
        assert!(accepts(&world, &one, "localhost", 5432));
        assert!(!accepts(&world, &one, "localhost", 80));
        runs.set(false);
        assert!(!accepts(&world, &one, "localhost", 5432));
    }
}
