//! Whether the Scenario speaks of things that exist: pods, containers, volumes, objects, nodes.

use std::collections::{BTreeMap, BTreeSet};

use super::actions::{Step, action_of, object_field, workload_field};
use super::lookup::matches_pod;
use super::moments::moment;
use super::named::Index;
use super::types::{Action, ActionKind, ONLY_NODE, Scenario};
use crate::api::decode::{Workload, WorkloadKind};
use crate::api::diagnostic::known;
use crate::api::node::Node;
use crate::api::objects::{Object, ObjectKind};
use crate::api::pod::{Name, Pod, is_called};
use crate::api::shape::Problems;

/// Which pods each workload has.
#[derive(Debug, Default)]
pub(crate) struct Owned(BTreeMap<Key, Vec<Name>>);

/// A workload: its kind, namespace and name.
type Key = (WorkloadKind, Name, Name);

impl Owned {
    pub(super) fn add(&mut self, workload: &Workload, pods: &[Pod]) {
        let key = (workload.kind, workload.namespace.clone(), workload.name.clone());
        let names = self.0.entry(key).or_default();
        names.extend(pods.iter().map(|pod| pod.name.clone()));
    }

    /// Lets the names of pods have their namespaces, so that they tell apart the pods of several.
    pub(super) fn qualify(&mut self) {
        for ((_, namespace, _), names) in &mut self.0 {
            for name in names {
                *name = format!("{namespace}/{name}").into();
            }
        }
    }

    /// The names of the pods of a workload.
    pub(super) fn pods(&self, kind: WorkloadKind, name: &str) -> Vec<Name> {
        let mut all = self.0.iter();
        let found = all.find(|((of, namespace, own), _)| *of == kind && is_called(name, namespace, own));
        found.map(|(_, pods)| pods.clone()).unwrap_or_default()
    }
}

/// Kinds of objects without pods.
const OBJECTS: [ObjectKind; 3] = [ObjectKind::ConfigMap, ObjectKind::Secret, ObjectKind::Service];

/// Everything that a Scenario may name.
pub(super) struct Fit<'f> {
    pods: &'f [Pod],
    by_name: Index<'f, &'f Pod>,
    objects: BTreeMap<ObjectKind, Index<'f, ()>>,
    workloads: BTreeMap<WorkloadKind, Index<'f, &'f Key>>,
    nodes: &'f [Name],
    scenario: &'f Scenario,
    steps: &'f [Step],
    /// Ephemeral containers that actions add: the pod as the action names it, container.
    debugged: BTreeSet<(&'f str, &'f str)>,
}

impl<'f> Fit<'f> {
    pub(super) fn new(
        pods: &'f [Pod],
        objects: &'f [Object],
        owned: &'f Owned,
        nodes: &'f [Name],
        scenario: &'f Scenario,
        steps: &'f [Step],
    ) -> Fit<'f> {
        let debugged = steps.iter().filter_map(|step| match step {
            Step::Act(action) => match &action.what {
                ActionKind::Debug { pod, container } => Some((&**pod, &*container.name)),
                _ => None,
            },
            Step::Workload { .. } => None,
        });
        let of_kind = |kind| {
            let of_kind = objects.iter().filter(|object| object.kind == kind);
            Index::new(of_kind.map(|object| (&object.namespace, &object.name, ())))
        };
        let made = |kind| {
            let made = owned.0.keys().filter(|(of, ..)| *of == kind);
            Index::new(made.map(|key| (&key.1, &key.2, key)))
        };
        Fit {
            pods,
            by_name: Index::new(pods.iter().map(|pod| (&pod.namespace, &pod.name, pod))),
            objects: OBJECTS.into_iter().map(|kind| (kind, of_kind(kind))).collect(),
            workloads: WorkloadKind::ALL.into_iter().map(|kind| (kind, made(kind))).collect(),
            nodes,
            scenario,
            steps,
            debugged: debugged.collect(),
        }
    }

    /// Notes everything that names nothing.
    pub(super) fn check(&self, problems: &mut Problems<'_>) {
        let root = problems.root;
        let Some(spec) = root.get("spec") else { return };
        for node in spec.list("containers") {
            self.container_script(problems, node);
        }
        for node in spec.list("sandboxes") {
            self.matching(problems, node);
        }
        for node in spec.list("volumes") {
            self.volume_script(problems, node);
        }
        for (node, step) in spec.list("actions").iter().zip(self.steps) {
            self.action(problems, node, step);
        }
        self.created_once(problems, spec);
        self.phases_are_apart(problems, spec);
    }

    /// What comes back under its old name is another pod, with a UID of its own: a run knows a pod by its name.
    fn created_once(&self, problems: &mut Problems<'_>, spec: &Node) {
        let mut created = BTreeSet::new();
        for (node, step) in spec.list("actions").iter().zip(self.steps) {
            let (field, found) = match step {
                Step::Act(Action {
                    what: ActionKind::CreatePod { pod },
                    ..
                }) => {
                    let found = self.by_name.one(problems, None, "pod", pod);
                    ("pod", found.map(|pod| (&pod.namespace, &pod.name)))
                }
                Step::Workload {
                    kind,
                    name,
                    deletion: None,
                    ..
                } => {
                    let found = self.workloads[kind].one(problems, None, kind.as_str(), name);
                    (
                        workload_field(*kind),
                        found.map(|(_, namespace, name)| (namespace, name)),
                    )
                }
                Step::Act(_) | Step::Workload { .. } => continue,
            };
            if let Some(found) = found
                && !created.insert((field, found))
                && let Some(place) = action_of(node).and_then(|(_, with)| with.get(field))
            {
                problems.duplicate(place).hint = Some(
                    "a pod is created once; describe the one that comes back as another pod, under another name".into(),
                );
            }
        }
    }

    /// The pods that a script's `pod` matches; it is an error if there is none.
    fn matching(&self, problems: &mut Problems<'_>, node: &Node) -> Vec<&'f Pod> {
        let pattern = node.text_at("pod").map(|pod| &**pod);
        let matches = |pod: &&Pod| matches_pod(pattern, (&pod.namespace, &pod.name));
        let found: Vec<&Pod> = self.pods.iter().filter(matches).collect();
        if found.is_empty()
            && let Some(pod) = node.get("pod")
        {
            let hint = self.by_name.near("pod", pod.text().map_or("", |text| text));
            problems.at(pod, "nothing defines a pod like this").hint = hint;
        }
        found
    }

    fn container_script(&self, problems: &mut Problems<'_>, node: &Node) {
        let pods = self.matching(problems, node);
        let (Some(name), Some(place)) = (node.filled_at("name"), node.get("name")) else {
            return;
        };
        let has = |pod: &&Pod| pod.find_container(name).is_some() || self.is_debugged(pod, name);
        if pods.is_empty() || pods.iter().any(has) {
            return;
        }
        let containers = pods
            .iter()
            .take(100)
            .flat_map(|pod| pod.all_containers())
            .map(|(_, c)| &*c.name);
        let hint = known("container", name, containers);
        problems
            .at(place, &format!("nothing defines container {:?}", &**name))
            .hint = hint;
    }

    fn volume_script(&self, problems: &mut Problems<'_>, node: &Node) {
        let pods = self.matching(problems, node);
        let (Some(name), Some(place)) = (node.filled_at("name"), node.get("name")) else {
            return;
        };
        if pods.is_empty() || pods.iter().any(|pod| pod.spec.volumes.iter().any(|v| v.name == *name)) {
            return;
        }
        let volumes = pods
            .iter()
            .take(100)
            .flat_map(|pod| &pod.spec.volumes)
            .map(|v| &*v.name);
        let hint = known("volume", name, volumes);
        problems
            .at(place, &format!("nothing defines volume {:?}", &**name))
            .hint = hint;
    }

    fn action(&self, problems: &mut Problems<'_>, node: &Node, step: &Step) {
        let Some((_, with)) = action_of(node) else { return };
        match step {
            Step::Workload { kind, name, .. } => {
                let place = with.get(workload_field(*kind));
                self.workloads[kind].one(problems, place, kind.as_str(), name);
            }
            Step::Act(action) => match &action.what {
                ActionKind::CreateObject { kind, name } | ActionKind::DeleteObject { kind, name } => {
                    self.objects[kind].one(problems, with.get(object_field(*kind)), kind.as_str(), name);
                }
                ActionKind::CreatePod { pod }
                | ActionKind::DeletePod { pod, .. }
                | ActionKind::SetCondition { pod, .. }
                | ActionKind::Evict { pod, .. }
                | ActionKind::KillSandbox { pod } => {
                    self.pod(problems, with, pod);
                }
                ActionKind::Kill { pod, container, .. } | ActionKind::SetImage { pod, container, .. } => {
                    self.container(problems, with, pod, container);
                }
                ActionKind::Debug { pod, container } => {
                    let pod = self.pod(problems, with, pod);
                    if let Some(pod) = pod
                        && pod.find_container(&container.name).is_some()
                        && let Some(name) = with.get("name")
                    {
                        problems.duplicate(name);
                    }
                }
                ActionKind::RestartKubelet { node, .. }
                | ActionKind::ShutdownNode { node }
                | ActionKind::RebootNode { node, .. } => self.node(problems, with, node.as_ref()),
            },
        }
    }

    fn pod(&self, problems: &mut Problems<'_>, with: &Node, name: &Name) -> Option<&'f Pod> {
        self.by_name.one(problems, with.get("pod"), "pod", name)
    }

    /// Whether an action adds that ephemeral container to the pod.
    fn is_debugged(&self, pod: &Pod, container: &Name) -> bool {
        let adds = |name: &str| self.debugged.contains(&(name, &**container));
        !self.debugged.is_empty() && (adds(&pod.name) || adds(&pod.full_name()))
    }

    fn container(&self, problems: &mut Problems<'_>, with: &Node, pod: &Name, container: &Name) {
        let Some(found) = self.pod(problems, with, pod) else {
            return;
        };
        if found.find_container(container).is_some() || self.is_debugged(found, container) {
            return;
        }
        if let Some(place) = with.get("container") {
            let hint = known("container", container, found.all_containers().map(|(_, c)| &*c.name));
            problems
                .at(place, &format!("pod {pod:?} has no container {container:?}"))
                .hint = hint;
        }
    }

    fn node(&self, problems: &mut Problems<'_>, with: &Node, name: Option<&Name>) {
        match name {
            None if self.nodes.len() > 1 => {
                let names: Vec<&str> = self.nodes.iter().map(|n| &**n).collect();
                let message = format!("there are several nodes: {}", names.join(", "));
                problems.required(with, "node", &message);
            }
            Some(name) if !self.nodes.contains(name) && (!self.nodes.is_empty() || &**name != ONLY_NODE) => {
                if let Some(place) = with.get("node") {
                    // A scenario that lists no nodes has one.
                    let only = self.nodes.is_empty().then_some(ONLY_NODE);
                    let hint = known("node", name, self.nodes.iter().map(|n| &**n).chain(only));
                    problems.at(place, &format!("nothing defines node {name:?}")).hint = hint;
                }
            }
            _ => {}
        }
    }

    /// Two ticks at one instant would leave their order to chance. What is drawn falls there once in a thousand million
    /// times, as where the phases are Seeded.
    fn phases_are_apart(&self, problems: &mut Problems<'_>, spec: &Node) {
        let of_nodes = spec.list("nodes").iter().zip(&self.scenario.nodes);
        let of_nodes = of_nodes.map(|(node, script)| (node, &script.kubelet));
        for (node, kubelet) in of_nodes.chain([(spec, &self.scenario.kubelet)]) {
            let Some(given) = node.at(&["kubelet", "phases"]) else {
                continue;
            };
            let is_drawn = |field: &str| given.get(field).is_some_and(|phase| moment(phase).is_drawn());
            let is_left_to_chance = given.text().is_some() || is_drawn("relist") || is_drawn("sync");
            if !is_left_to_chance && kubelet.phases.relist == kubelet.phases.sync {
                problems.at(given, "relist and sync must not fall on the same instant");
            }
        }
    }
}
