//! The generator: a seed and a run number give pods and a scenario, as typed values ready to run.
//!
//! 1. The nodes and their kubelets come first: what a pod may say depends on the API server's version and gates;
//! 2. then the pods, with what they refer to;
//! 3. then the world around them, the scripts of their containers and what is done to them.

mod actions;
mod kubelets;
mod names;
mod pods;
mod references;
mod scripts;
mod world;

use std::sync::Arc;

use super::stream::{Stream, StreamOf};
use super::weights::Weights;
use super::write;
use crate::api::decode::ephemeral;
use crate::api::pod::{Container, Name, Pod};
use crate::kernel::Duration;
use crate::scenario::named::shortest_of;
use crate::scenario::types::{ActionKind, Input, NodeScript, ObjectInput, PodInput, Scenario};
use kubelets::Setup;
use names::Names;

/// Makes scenarios. It keeps nothing from one to the next.
pub struct Generator {
    weights: Weights,
    names: Names,
    /// Every version with every setting of its gates that is drawn.
    setups: Vec<Setup>,
    base: Container,
    scenario: Scenario,
}

/// What is drawn of a run.
struct Draw<'a> {
    weights: &'a Weights,
    names: &'a Names,
    setups: &'a [Setup],
    base: &'a Container,
    scenario: &'a Scenario,
    nodes: Vec<NodeScript>,
    /// Some kubelet takes notice when its node shuts down.
    shuts_down: bool,
    length: Duration,
}

impl Generator {
    /// A generator with these weights.
    pub fn new(weights: Weights) -> Generator {
        let names = Names::new(&weights);
        Generator {
            base: ephemeral(names.empty.clone(), names.present.clone()),
            scenario: Scenario {
                name: "generated".to_owned(),
                ..Scenario::default()
            },
            setups: kubelets::setups(),
            weights,
            names,
        }
    }

    /// The scenario of run number `run` of `seed`.
    pub fn scenario(&self, seed: u64, run: u64) -> Input {
        let stream = |place| Stream::new(seed, run, place);
        let mut shape = stream(StreamOf::Shape);
        let weights = self.weights.of_one(&mut shape);
        let mut draw = Draw {
            weights: &weights,
            names: &self.names,
            setups: &self.setups,
            base: &self.base,
            scenario: &self.scenario,
            nodes: Vec::new(),
            shuts_down: false,
            length: shape.short_seconds(10, weights.longest_seconds.max(10)),
        };
        let mut scenario = self.scenario.clone();
        scenario.run_for = Some(draw.length);
        draw.kubelets(&mut stream(StreamOf::Nodes), &mut scenario);
        draw.nodes.clone_from(&scenario.nodes);
        let mut nodes = scenario.nodes.iter();
        draw.shuts_down = scenario.kubelet.hears_of_shutdowns() || nodes.any(|node| node.kubelet.hears_of_shutdowns());
        let features = &scenario.kubelet.features;
        let mut pods = stream(StreamOf::Pods);
        let mut references = stream(StreamOf::References);
        let count = pods.count(weights.pods, weights.more_pods);
        let mut pods: Vec<Pod> = (0..count).map(|place| draw.pod(&mut pods, place, features)).collect();
        draw.resources(&mut stream(StreamOf::Resources), &mut pods, features);
        let objects = draw.references(&mut references, &mut pods, features);
        for pod in pods.iter_mut().filter(|pod| is_looked_at(pod)) {
            pod.manifest = Arc::new(write::manifest(pod));
        }
        draw.world(&mut stream(StreamOf::World), &mut scenario, &pods);
        draw.interleaving(&mut shape, &mut scenario, seed ^ run);
        scenario.actions = draw.actions(&mut stream(StreamOf::Actions), &pods, &objects);
        scenario.containers = draw.scripts(&mut stream(StreamOf::Scripts), &pods, &scenario.actions);
        draw.distributions(&mut shape, &mut scenario, seed ^ run);
        together(pods, objects, scenario)
    }
}

/// Whether a guest reads in the pod's manifest what its volumes hold.
fn is_looked_at(pod: &Pod) -> bool {
    let mut containers = pod.spec.init_containers.iter().chain(&pod.spec.containers);
    !pod.spec.volumes.is_empty() && containers.any(|container| !container.command.is_empty())
}

/// What actions create is not there from the start.
fn together(pods: Vec<Pod>, objects: Vec<crate::api::objects::Object>, scenario: Scenario) -> Input {
    let created = |name: &Name, is_pod: bool| {
        scenario.actions.iter().any(|action| match &action.what {
            ActionKind::CreatePod { pod } => is_pod && pod == name,
            ActionKind::CreateObject { name: object, .. } => !is_pod && object == name,
            _ => false,
        })
    };
    let created_pods: Vec<bool> = pods
        .iter()
        .map(|pod| created(&shortest_of(pods.iter(), pod), true))
        .collect();
    let pods = pods.into_iter().zip(created_pods).map(|(pod, created)| PodInput {
        created_by_action: created,
        pod: pod.into(),
    });
    let objects = objects.into_iter().map(|object| ObjectInput {
        created_by_action: created(&object.name, false),
        object: object.into(),
    });
    Input {
        pods: pods.collect(),
        objects: objects.collect(),
        scenario: scenario.into(),
    }
}
