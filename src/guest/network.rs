//! A pod's network: its address, and who listens on which port.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use super::world::World;
use crate::kernel::Duration;

/// An HTTP request.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// path and query, from the slash on
    pub path: String,
    /// what a client sends that does not speak HTTP
    pub text: Option<String>,
}

/// An HTTP answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// the status code
    pub status: u16,
    /// the body
    pub body: String,
    /// how long the server takes
    pub takes: Duration,
}

impl Answer {
    /// An answer that takes no time.
    pub fn text(status: u16, body: &str) -> Answer {
        Answer {
            status,
            body: body.to_owned(),
            takes: Duration::ZERO,
        }
    }
}

/// How a server answers.
pub type Handler = Rc<dyn Fn(&Request) -> Answer>;

/// What became of an attempt to connect.
#[derive(Clone)]
pub enum Connection {
    /// somebody listens
    Accepted(Handler),
    /// nobody listens
    Refused,
    /// no answer at all
    TimedOut,
    /// the host's name means nothing
    UnknownHost,
    /// outside of what is simulated: taken as accepted
    External,
}

impl Connection {
    /// Whether a connection stands; with hosts outside it is assumed.
    pub fn stands(&self) -> bool {
        matches!(self, Connection::Accepted(_) | Connection::External)
    }
}

/// Whether a Service may lead to a pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reachability {
    /// the object exists and has not come to its end (phase Succeeded or Failed)
    pub exists: bool,
    /// condition Ready is True
    pub ready: bool,
    /// its deletion has begun
    pub terminating: bool,
}

impl Default for Reachability {
    fn default() -> Reachability {
        Reachability {
            exists: true,
            ready: true,
            terminating: false,
        }
    }
}

/// Tells how a pod stands now.
pub type AskState = Rc<dyn Fn() -> Reachability>;

/// What others see of a pod.
#[derive(Clone, Default)]
pub struct PodFacts {
    /// metadata.namespace
    pub namespace: String,
    /// metadata.name
    pub name: String,
    /// spec.hostname; None: the pod's name
    pub hostname: Option<String>,
    /// spec.subdomain
    pub subdomain: Option<String>,
    /// the pod's address
    pub ip: String,
    /// metadata.labels
    pub labels: BTreeMap<String, String>,
    /// the numbers of the ports to which containers give a name
    pub ports: BTreeMap<String, u16>,
    /// spec.hostAliases: an address and its names
    pub host_aliases: Vec<(String, Vec<String>)>,
    /// spec.enableServiceLinks is false
    pub no_service_links: bool,
    /// None: always ready
    pub state: Option<AskState>,
}

/// A program that is not played: the ports that it declares, and whether it runs.
struct StandIn {
    ports: Vec<u16>,
    runs: Rc<dyn Fn() -> bool>,
}

/// The network of one sandbox, shared by the pod's containers.
pub struct Network {
    pub(super) world: Rc<World>,
    /// metadata.namespace of the pod
    pub namespace: String,
    /// the pod's hostname: spec.hostname, else its name
    pub hostname: String,
    /// spec.subdomain, where spec.hostname is given, too: the Service under which DNS knows the pod by its hostname
    pub(super) subdomain: Option<String>,
    /// the pod's address
    pub ip: String,
    /// metadata.labels of the pod
    pub labels: BTreeMap<String, String>,
    pub(super) host_aliases: Vec<(String, Vec<String>)>,
    pub(super) service_links: bool,
    ports: BTreeMap<String, u16>,
    state: Option<AskState>,
    listeners: RefCell<BTreeMap<u16, (u64, Handler)>>,
    stand_ins: RefCell<Vec<StandIn>>,
}

/// How long a hostname may be (`pkg/kubelet/util: truncatePodHostnameIfNeeded`).
const HOSTNAME_LIMIT: usize = 63;

impl Network {
    /// A network in which nobody listens; [`World::add_pod`] makes others see it.
    pub fn new(world: &Rc<World>, pod: PodFacts) -> Rc<Network> {
        let subdomain = pod.subdomain.filter(|_| pod.hostname.is_some());
        let mut hostname = pod.hostname.unwrap_or(pod.name);
        hostname.truncate(HOSTNAME_LIMIT);
        let hostname = hostname.trim_end_matches(['-', '.']).to_owned();
        Rc::new(Network {
            world: world.clone(),
            namespace: pod.namespace,
            hostname,
            subdomain,
            ip: pod.ip,
            labels: pod.labels,
            host_aliases: pod.host_aliases,
            service_links: !pod.no_service_links,
            ports: pod.ports,
            state: pod.state,
            listeners: RefCell::default(),
            stand_ins: RefCell::default(),
        })
    }

    /// The name of the pod's own under a Service: its hostname, if the Service is its subdomain; else its address with
    /// dashes, as of an endpoint without a hostname (`pkg/controller/util/endpointslice: ShouldSetHostname`).
    pub(super) fn name_under(&self, service: &str) -> String {
        match self.subdomain.as_deref() {
            Some(subdomain) if subdomain == service => self.hostname.clone(),
            _ => self.ip.replace(['.', ':'], "-"),
        }
    }

    pub(super) fn state(&self) -> Reachability {
        self.state.as_ref().map_or_else(Reachability::default, |state| state())
    }

    pub(super) fn port_named(&self, name: &str) -> Option<u16> {
        self.ports.get(name).copied()
    }

    /// Starts to listen; false when somebody else does already.
    pub fn listen(&self, port: u16, owner: u64, handler: Handler) -> bool {
        let mut listeners = self.listeners.borrow_mut();
        if listeners.contains_key(&port) {
            return false;
        }
        listeners.insert(port, (owner, handler));
        true
    }

    /// A program that is not played is taken to listen on its declared ports while it runs.
    pub fn stand_in(&self, ports: Vec<u16>, runs: Rc<dyn Fn() -> bool>) {
        self.stand_ins.borrow_mut().push(StandIn { ports, runs });
    }

    /// Ends all listening of an owner.
    pub fn close(&self, owner: u64) {
        self.listeners.borrow_mut().retain(|_, (of, _)| *of != owner);
    }

    /// Connects to one of this pod's ports.
    pub fn connect(&self, port: u16) -> Connection {
        if let Some((_, handler)) = self.listeners.borrow().get(&port) {
            return Connection::Accepted(handler.clone());
        }
        self.connect_stand_in(|one| one.ports.contains(&port))
    }

    /// Connects to a port that a Service names as its target: a program that is not played and declares no port at all
    /// is taken to listen there.
    pub(super) fn connect_target(&self, port: u16) -> Connection {
        match self.connect(port) {
            Connection::Refused => self.connect_stand_in(|one| one.ports.is_empty()),
            connection => connection,
        }
    }

    fn connect_stand_in(&self, fits: impl Fn(&StandIn) -> bool) -> Connection {
        if self.stand_ins.borrow().iter().any(|one| fits(one) && (one.runs)()) {
            return Connection::Accepted(Rc::new(|_: &Request| Answer::text(200, "")));
        }
        Connection::Refused
    }
}
