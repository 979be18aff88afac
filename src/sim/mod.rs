//! Puts a cluster together from the input and runs it: the library's front door.

mod actions;
mod node;

use std::cell::{OnceCell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use crate::api::pod::{Name, Pod};
use crate::api::status::{ConditionKind, ConditionStatus};
use crate::guest::Reachability;
use crate::kernel::{Duration, Kernel, Stop, Stream, Time};
use crate::kubelet::api_server::ApiServer;
use crate::runtime::{Guests, NodeIx, PodIx};
use crate::scenario::distributions::Draws;
use crate::scenario::lookup::nodes_of_pods;
use crate::scenario::shared::Shared;
use crate::scenario::types::{Input, NodeScript, ONLY_NODE, Schedule};
use crate::trace::{EndReason, Record, Recorder, What};
use node::Node;

/// Objects that exist from the start are created this far apart.
const CREATION_GAP: Duration = Duration::from_micros(10);
/// The kubelets have been up for some time when the scenario begins.
const KUBELET_START: Time = Time(-60_000_000_000);

/// Everything that takes part in a run.
struct Cluster {
    kernel: Kernel,
    recorder: Recorder,
    api: Rc<ApiServer>,
    guests: Rc<Guests>,
    nodes: Vec<Rc<Node>>,
    pods: Vec<(Shared<Pod>, NodeIx)>,
    /// Made when an action first names a pod.
    by_name: OnceCell<BTreeMap<Name, Vec<PodIx>>>,
    epoch_unix_secs: i64,
}

/// Runs the input and gives every record, in order; the last one says why the run ended.
pub fn run(input: &Input) -> Vec<Record> {
    let records: Rc<RefCell<Vec<Record>>> = Rc::default();
    let sink = records.clone();
    run_with(input, move |record| sink.borrow_mut().push(record));
    records.take()
}

/// Runs the input and hands every record to `sink`, in order.
pub fn run_with(input: &Input, sink: impl FnMut(Record) + 'static) {
    let scenario = input.scenario.clone();
    let order = match scenario.schedule {
        Schedule::Fifo => None,
        Schedule::Seeded => Some(Stream::new(scenario.seed, "schedule")),
    };
    let kernel = Kernel::with_order(order);
    let recorder = Recorder::new(&kernel, sink);
    let api = ApiServer::new(&kernel, &recorder, &scenario.kubelet.features);
    let names: Rc<[Name]> = input.pods.iter().map(|p| p.pod.full_name()).collect();
    let only = [NodeScript {
        name: ONLY_NODE.into(),
        kubelet: scenario.kubelet.clone(),
    }];
    let scripts = if scenario.nodes.is_empty() {
        &only[..]
    } else {
        &scenario.nodes
    };
    let draws = Draws::new(&scenario);
    let guests = Guests::new(&kernel, &recorder, input, &draws);
    let asked = api.clone();
    guests.ask(Rc::new(move |pod| reachability(&asked, pod)));
    let nodes = scripts.iter().enumerate().map(|(index, script)| {
        let parts = (&kernel, &recorder, &scenario, &api);
        Node::new(parts, NodeIx(index), script, names.clone(), (&guests, &draws))
    });
    let nodes: Vec<Rc<Node>> = nodes.collect();
    let placed = input.pods.iter().zip(nodes_of_pods(input));
    let placed = placed.map(|(given, node)| (given.pod.clone(), NodeIx(node)));
    let cluster = Rc::new(Cluster {
        pods: placed.collect(),
        by_name: OnceCell::new(),
        nodes,
        guests,
        epoch_unix_secs: scenario.epoch_unix_secs,
        kernel: kernel.clone(),
        recorder: recorder.clone(),
        api,
    });
    for node in &cluster.nodes {
        node.start_kubelet(KUBELET_START);
    }
    cluster.plan_creations(input);
    cluster.plan_actions(input);
    let reason = match kernel.run(scenario.horizon()) {
        Stop::Horizon => EndReason::Horizon,
        Stop::NothingLeft => EndReason::NothingLeft,
    };
    kernel.set_cause(None);
    recorder.record(None, None, None, What::End { reason });
    recorder.close();
    // Tasks hold what they work with: without this nothing of the run would ever be freed.
    kernel.end_all();
}

/// Whether Services may lead to a pod now.
fn reachability(api: &ApiServer, pod: PodIx) -> Reachability {
    let Some(pod) = api.get(pod) else {
        return Reachability {
            exists: false,
            ready: false,
            terminating: true,
        };
    };
    let status = pod.status.borrow();
    let ready = status.condition_of(&ConditionKind::Ready);
    Reachability {
        exists: !status.is_terminal(),
        ready: ready.is_some_and(|c| c.status == ConditionStatus::True),
        terminating: pod.deletion.get().is_some(),
    }
}

impl Cluster {
    /// What exists from the start, in file order.
    fn plan_creations(self: &Rc<Self>, input: &Input) {
        for object in input.objects.iter().filter(|o| !o.created_by_action) {
            self.guests.object_created(&object.object);
            self.api.put_object(object.object.clone(), false);
        }
        let at_start = input.pods.iter().enumerate().filter(|(_, p)| !p.created_by_action);
        for (position, (index, _)) in at_start.enumerate() {
            let cluster = self.clone();
            let at = Time::ZERO + CREATION_GAP.times(i64::try_from(position).unwrap_or(i64::MAX));
            self.kernel.spawn(async move {
                cluster.kernel.sleep_until(at).await;
                cluster.kernel.set_cause(None);
                cluster.create_pod(PodIx(index));
            });
        }
    }

    fn create_pod(&self, ix: PodIx) {
        let (pod, node) = &self.pods[ix.0];
        self.api.create(ix, pod.clone(), *node, self.timestamp());
    }
}
