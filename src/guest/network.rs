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

/// The network of one sandbox, shared by the pod's containers.
pub struct Network {
    pub(super) world: Rc<World>,
    /// metadata.namespace of the pod
    pub namespace: String,
    /// metadata.name of the pod, which is its hostname
    pub pod_name: String,
    /// the pod's address
    pub ip: String,
    /// metadata.labels of the pod
    pub labels: BTreeMap<String, String>,
    listeners: RefCell<BTreeMap<u16, (u64, Handler)>>,
}

impl Network {
    /// A network in which nobody listens; [`World::add_pod`] makes others see it.
    pub fn new(
        world: &Rc<World>,
        namespace: &str,
        pod_name: &str,
        ip: &str,
        labels: BTreeMap<String, String>,
    ) -> Rc<Network> {
        Rc::new(Network {
            world: world.clone(),
            namespace: namespace.to_owned(),
            pod_name: pod_name.to_owned(),
            ip: ip.to_owned(),
            labels,
            listeners: RefCell::default(),
        })
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

    /// Ends all listening of an owner.
    pub fn close(&self, owner: u64) {
        self.listeners.borrow_mut().retain(|_, (of, _)| *of != owner);
    }

    /// Connects to one of this pod's ports.
    pub fn connect(&self, port: u16) -> Connection {
        let listeners = self.listeners.borrow();
        listeners.get(&port).map_or(Connection::Refused, |(_, handler)| {
            Connection::Accepted(handler.clone())
        })
    }

    /// Connects to whatever port is listened on.
    pub(super) fn connect_any(&self) -> Connection {
        let listeners = self.listeners.borrow();
        listeners.values().next().map_or(Connection::Refused, |(_, handler)| {
            Connection::Accepted(handler.clone())
        })
    }
}
