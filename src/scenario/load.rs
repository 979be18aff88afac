//! From texts to the input of a run: all documents, the one Scenario, and whether they fit together.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::distributions::Document;
use super::fit::{Fit, Owned};
use super::types::{ActionKind, Input, ONLY_NODE, ObjectInput, PodInput, Scenario};
use super::{actions, decode, gates, versions};
use crate::api::decode::{
    Decoded, Head, Manifest, PriorityClass, Workload, WorkloadKind, decode as decode_manifest, generated_name, head,
    is_dns_subdomain, with_typed_items,
};
use crate::api::diagnostic::{Diagnostic, Diagnostics};
use crate::api::features::Version;
use crate::api::node::{Bytes, Lines, Node};
use crate::api::objects::{Object, ObjectKind};
use crate::api::pod::{Name, Pod, is_called};
use crate::api::shape::Problems;
use crate::api::uid::pod_uid;
use crate::api::yaml;

pub use crate::api::Source;

/// The most pods that an input may ask for.
pub const MOST_PODS: u64 = 1_000_000;
/// How deep `v1/List`s may be nested.
const DEEPEST_LIST: usize = 3;

/// Reads all documents. Gives the input and warnings, or everything that is wrong with it.
pub fn load(sources: &[Source]) -> Result<(Input, Vec<Diagnostic>), Diagnostics> {
    load_as(sources, None)
}

/// As [`load`], for the Kubernetes version given in place of the scenario's.
pub fn load_as(sources: &[Source], version: Option<Version>) -> Result<(Input, Vec<Diagnostic>), Diagnostics> {
    let mut loader = Loader::new(sources);
    for (index, source) in sources.iter().enumerate() {
        match yaml::documents(source) {
            Ok(documents) => documents.into_iter().for_each(|root| loader.document(index, root)),
            Err(unreadable) => loader.errors.push(*unreadable),
        }
    }
    loader.finish(version)
}

/// Where an object's name stands.
type Mark = (usize, Bytes);

struct Loader<'s> {
    sources: &'s [Source],
    lines: Vec<Lines>,
    errors: Vec<Diagnostic>,
    warnings: Vec<Diagnostic>,
    /// Pods and workloads in the order of the input.
    makers: Vec<(Maker, Mark)>,
    objects: Vec<Object>,
    /// Everything that has a name: kind, namespace, name.
    names: BTreeMap<(&'static str, Name, Name), Mark>,
    skipped: BTreeSet<(Name, Name)>,
    priority_classes: Vec<PriorityClass>,
    scenario: Option<(usize, Node)>,
}

/// What makes pods.
enum Maker {
    Pod { pod: Box<Pod>, generated: bool },
    Workload(Box<Workload>),
}

impl<'s> Loader<'s> {
    fn new(sources: &'s [Source]) -> Loader<'s> {
        Loader {
            sources,
            lines: sources.iter().map(Lines::new).collect(),
            errors: Vec::new(),
            warnings: Vec::new(),
            makers: Vec::new(),
            objects: Vec::new(),
            names: BTreeMap::new(),
            skipped: BTreeSet::new(),
            priority_classes: Vec::new(),
            scenario: None,
        }
    }

    fn document(&mut self, file: usize, root: Node) {
        let root = with_typed_items(root);
        self.manifest(file, &root, &root, 0);
    }

    /// Decodes an object that is not the Scenario; that one is kept until all pods are known.
    fn manifest(&mut self, file: usize, root: &Node, node: &Node, depth: usize) {
        let mut problems = Problems::new(&self.sources[file], &self.lines[file], root);
        let found = head(&mut problems, node);
        match found {
            None => {}
            Some(Head::Scenario) if self.scenario.is_some() => {
                problems.mark(node.mark(), "there is more than one Scenario".to_owned());
            }
            Some(Head::Scenario) => self.scenario = Some((file, node.clone())),
            Some(Head::List) if depth >= DEEPEST_LIST => {
                problems.mark(node.mark(), "lists are nested too deeply".to_owned());
            }
            Some(Head::List) => {
                crate::api::shape::check(node, &crate::api::schema::objects::LIST, &mut problems);
                self.errors.extend(problems.take());
                for item in node.list("items") {
                    self.manifest(file, root, item, depth + 1);
                }
                return;
            }
            Some(Head::Other { version, kind }) => {
                let mark = node.get("kind").map_or_else(|| node.mark(), Node::mark);
                let message = format!("{version} {kind} is not simulated; it is skipped");
                if self.skipped.insert((version, kind)) {
                    let warning = Diagnostic::at(&self.sources[file], mark.range(), message).warning();
                    self.warnings.push(warning);
                }
            }
            Some(Head::Known(known)) => {
                let decoded = decode_manifest(&mut problems, node, known);
                self.errors.extend(problems.take());
                self.add(file, decoded);
                return;
            }
        }
        self.errors.extend(problems.take());
    }

    fn add(&mut self, file: usize, decoded: Decoded<'_>) {
        let mark = (file, decoded.name.mark());
        match decoded.manifest {
            Manifest::Pod { pod, generated } => {
                if !generated {
                    self.claim("Pod", &pod.namespace, &pod.name, mark);
                }
                self.makers.push((Maker::Pod { pod, generated }, mark));
            }
            Manifest::Workload(workload) => {
                self.claim(workload.kind.as_str(), &workload.namespace, &workload.name, mark);
                let name = format!("{} {}", workload.kind.as_str(), workload.name);
                let suspended = workload
                    .suspended
                    .map(|place| (place, format!("{name} is suspended: it makes no pods")));
                let unplayed = workload.unplayed.clone();
                let unplayed =
                    unplayed.map(|(place, what)| (place, format!("{name}: its controller is not simulated: {what}")));
                for (place, message) in suspended.into_iter().chain(unplayed) {
                    let warning = Diagnostic::at(&self.sources[file], place.range(), message).warning();
                    self.warnings.push(warning);
                }
                self.makers.push((Maker::Workload(workload), mark));
            }
            Manifest::Object(object) => {
                self.claim(object.kind.as_str(), &object.namespace, &object.name, mark);
                self.objects.push(object);
            }
            Manifest::PriorityClass(class) => {
                self.claim("PriorityClass", &"".into(), &class.name, mark);
                self.priority_classes.push(class);
            }
        }
    }

    /// Two objects of one kind may not have the same name.
    fn claim(&mut self, kind: &'static str, namespace: &Name, name: &Name, mark: Mark) {
        let key = (kind, namespace.clone(), name.clone());
        let Some(first) = self.names.get(&key).copied() else {
            self.names.insert(key, mark);
            return;
        };
        let shown = if namespace.is_empty() {
            name.to_string()
        } else {
            format!("{namespace}/{name}")
        };
        let message = format!("{}s {shown:?} already exists", kind.to_ascii_lowercase());
        let place = self.place(first);
        let error = Diagnostic::at(&self.sources[mark.0], mark.1.range(), message);
        self.errors.push(error.hint(format!("the first one is at {place}")));
    }

    fn is_taken(&self, kind: &'static str, namespace: &Name, name: &Name) -> bool {
        self.names.contains_key(&(kind, namespace.clone(), name.clone()))
    }

    fn place(&self, (file, span): Mark) -> crate::api::place::Place {
        self.lines[file].place(&self.sources[file], span.start as usize)
    }

    fn finish(mut self, version: Option<Version>) -> Result<(Input, Vec<Diagnostic>), Diagnostics> {
        let document = self.scenario.take();
        let (mut scenario, steps) = match &document {
            Some((file, root)) => {
                let mut problems = Problems::new(&self.sources[*file], &self.lines[*file], root);
                let decoded = decode::scenario(
                    &mut problems,
                    root,
                    decode::How {
                        version,
                        ..decode::How::default()
                    },
                );
                self.errors.extend(problems.take());
                (decoded.scenario, decoded.steps)
            }
            None => {
                let mut scenario = Scenario::default();
                scenario.kubelet.features = decode::features_by_default(version);
                (scenario, Vec::new())
            }
        };
        if let Some((file, root)) = &document {
            self.warnings.extend(idle_gates(&self.sources[*file], root, &scenario));
        }
        let nodes: Vec<Name> = scenario.nodes.iter().map(|node| node.name.clone()).collect();
        let (pods, owned) = self.pods(&scenario, &nodes);
        if self.makers.is_empty() && self.errors.is_empty() {
            let mut general = Diagnostic::general("the input has no pod");
            if !self.warnings.is_empty() {
                let kinds: Vec<String> = self
                    .skipped
                    .iter()
                    .map(|(version, kind)| format!("{version} {kind}"))
                    .collect();
                general = general.hint(format!("it has {}, which are not simulated", kinds.join(", ")));
            } else if document.is_some() {
                general = general.hint(
                    "a Scenario is given together with the manifests of its pods; `podlapse test` and `diff` take those \
                     beside it when its file is called scenario.yaml",
                );
            }
            self.errors.push(general);
        }
        if let Some((file, root)) = &document {
            let mut problems = Problems::new(&self.sources[*file], &self.lines[*file], root);
            // After other errors much would be reported as missing that is only unreadable.
            if self.errors.is_empty() {
                Fit::new(&pods, &self.objects, &owned, &nodes, &scenario, &steps).check(&mut problems);
            }
            self.errors.extend(problems.take());
        }
        if !self.errors.is_empty() {
            return Err(Diagnostics(self.errors));
        }
        let owned = Arc::new(owned);
        scenario.actions = actions::expand(steps, |kind, name| owned.pods(kind, name));
        if let Some((file, root)) = document
            && !scenario.distributions.is_empty()
        {
            scenario.document = Some(Arc::new(Document {
                source: self.sources[file].clone(),
                root,
                owned,
            }));
        }
        Ok((together(pods, self.objects, scenario), self.warnings))
    }

    /// All pods: those that stand in the input and those that workloads ask for.
    fn pods(&mut self, scenario: &Scenario, listed: &[Name]) -> (Vec<Pod>, Owned) {
        let one = [ONLY_NODE.into()];
        let nodes = if listed.is_empty() { &one[..] } else { listed };
        let mut total: u64 = 0;
        for (maker, (file, _)) in &self.makers {
            let Maker::Workload(workload) = maker else {
                total += 1;
                continue;
            };
            total = total.saturating_add(workload.count(nodes.len() as u64));
            if total > MOST_PODS {
                let message = format!("the input asks for more than {MOST_PODS} pods, which memory cannot hold");
                let error = Diagnostic::at(&self.sources[*file], workload.mark.range(), message);
                self.errors.push(error);
                return (Vec::new(), Owned::default());
            }
        }
        let mut pods = Vec::new();
        let mut owned = Owned::default();
        let makers = std::mem::take(&mut self.makers);
        for (maker, mark) in &makers {
            if let Maker::Workload(workload) = maker {
                for name in workload.known_names() {
                    self.claim("Pod", &workload.namespace, &name, *mark);
                }
            }
        }
        for (number, (maker, mark)) in makers.iter().enumerate() {
            let first = pods.len();
            match maker {
                Maker::Pod { pod, generated } => {
                    let mut pod = (**pod).clone();
                    if *generated {
                        let is_taken = |name: &Name| self.is_taken("Pod", &pod.namespace, name);
                        pod.name = generated_name(scenario.seed, &pod.namespace, &pod.name, number as u64, is_taken);
                        self.claim("Pod", &pod.namespace, &pod.name, *mark);
                    }
                    pods.push(pod);
                }
                Maker::Workload(workload) => {
                    let is_taken = |name: &Name| self.is_taken("Pod", &workload.namespace, name);
                    let made = workload.pods(scenario.seed, nodes, is_taken);
                    // What is drawn is not taken; other names have been claimed above.
                    for pod in made.iter().filter(|_| workload.kind != WorkloadKind::StatefulSet) {
                        self.claim("Pod", &pod.namespace, &pod.name, *mark);
                    }
                    owned.add(workload, &made);
                    pods.extend(made);
                }
            }
            if let Some(pod) = pods.get(first) {
                let nowhere = bound_to_nowhere(&self.sources[mark.0], pod, listed);
                self.errors.extend(nowhere);
            }
            if let Some(pod) = pods.get(first) {
                let dropped = versions::dropped_signals(&self.sources[mark.0], pod, &scenario.kubelet.features);
                self.warnings.extend(dropped);
            }
            for pod in &mut pods[first..] {
                self.prioritise(pod);
                if let Err(refusal) = versions::admit(pod, &scenario.kubelet.features) {
                    let given = pod.written.as_ref().zip(refusal.field.strip_prefix("spec."));
                    let field = given.and_then(|(written, field)| written.spec.at_path(field));
                    let span = field.map_or(mark.1, Node::mark);
                    let mut error = Diagnostic::at(&self.sources[mark.0], span.range(), refusal.message);
                    if let Some(gate) = refusal.gate {
                        gates::name(gate, &mut error);
                    }
                    self.errors.push(error);
                    break;
                }
            }
        }
        self.makers = makers;
        if pods.iter().any(|pod| pod.namespace != pods[0].namespace) {
            owned.qualify();
        }
        (pods, owned)
    }

    /// What the priority admission plugin does.
    fn prioritise(&self, pod: &mut Pod) {
        let spec = &mut pod.spec;
        let mut classes = self.priority_classes.iter();
        let class = match &spec.priority_class_name {
            Some(name) => classes.find(|class| class.name == *name),
            None if spec.priority != 0 => None,
            None => classes.find(|class| class.global_default),
        };
        let Some(class) = class else { return };
        if spec.priority == 0 {
            spec.priority = class.value;
            spec.priority_class_name = Some(class.name.clone());
        }
        if spec.preemption_policy.is_none() {
            spec.preemption_policy.clone_from(&class.preemption_policy);
        }
    }
}

/// A pod that is bound to a node which is not there is run by no kubelet. Without listed nodes there is one, which has any
/// name.
fn bound_to_nowhere(source: &Source, pod: &Pod, nodes: &[Name]) -> Option<Diagnostic> {
    let name = pod.spec.node_name.as_ref()?;
    // What can be no node's name has been refused already.
    if nodes.is_empty() || nodes.contains(name) || !is_dns_subdomain(name) {
        return None;
    }
    let given = pod.written.as_ref()?.spec.get("nodeName")?;
    let message = format!("nodeName: nothing defines node {name:?}");
    let names: Vec<&str> = nodes.iter().map(|node| &**node).take(8).collect();
    let hint = format!("there is {}", names.join(", "));
    Some(Diagnostic::at(source, given.mark().range(), message).hint(hint))
}

/// A warning for each feature gate whose changes are not simulated, where it is first set.
fn idle_gates(source: &Source, root: &Node, scenario: &Scenario) -> Vec<Diagnostic> {
    let mut warnings: Vec<Diagnostic> = Vec::new();
    let Some(spec) = root.get("spec") else {
        return warnings;
    };
    let of_nodes = spec.list("nodes").iter().zip(&scenario.nodes);
    let kubelets = of_nodes.map(|(node, script)| (node, &script.kubelet));
    for (node, kubelet) in std::iter::once((spec, &scenario.kubelet)).chain(kubelets) {
        for (key, _) in node.at(&["kubelet", "featureGates"]).map_or(&[][..], Node::fields) {
            if let Some(message) = gates::idle(kubelet, &key.name)
                && warnings.iter().all(|warning| warning.message != message)
            {
                warnings.push(Diagnostic::at(source, key.span.range(), message).warning());
            }
        }
    }
    warnings
}

/// The input of the run: UIDs are given, and what actions create is not there from the start.
fn together(pods: Vec<Pod>, objects: Vec<Object>, scenario: Scenario) -> Input {
    // What is created, as actions name it, by kind (none is a pod's) and name; few of very many things are.
    let mut created: BTreeMap<(Option<ObjectKind>, &str), Vec<&Name>> = BTreeMap::new();
    for action in &scenario.actions {
        let (kind, given) = match &action.what {
            ActionKind::CreatePod { pod } => (None, pod),
            ActionKind::CreateObject { kind, name } => (Some(*kind), name),
            _ => continue,
        };
        let name = given.rsplit('/').next().unwrap_or(given);
        created.entry((kind, name)).or_default().push(given);
    }
    let is_created = |kind, namespace: &Name, name: &Name| {
        let given = created.get(&(kind, &**name));
        given.is_some_and(|given| given.iter().any(|given| is_called(given, namespace, name)))
    };
    let objects = objects
        .into_iter()
        .map(|object| ObjectInput {
            created_by_action: is_created(Some(object.kind), &object.namespace, &object.name),
            object: object.into(),
        })
        .collect();
    let pods = pods
        .into_iter()
        .enumerate()
        .map(|(number, mut pod)| {
            pod.uid = pod_uid(number, &pod.namespace, &pod.name);
            PodInput {
                created_by_action: is_created(None, &pod.namespace, &pod.name),
                pod: pod.into(),
            }
        })
        .collect();
    Input {
        pods,
        objects,
        scenario: scenario.into(),
    }
}
