//! Whether the Scenario speaks of things that exist: pods, containers, volumes, objects, nodes.

use std::collections::{BTreeMap, BTreeSet};

use super::actions::{Step, action_of, object_field, workload_field};
use super::lookup::matches_pod;
use super::types::{Action, ActionKind, Scenario};
use crate::api::decode::{Workload, WorkloadKind};
use crate::api::diagnostic::known;
use crate::api::node::Node;
use crate::api::objects::{Object, ObjectKind};
use crate::api::pod::{Name, Pod};
use crate::api::shape::Problems;

/// Which pods each workload has.
#[derive(Debug, Default)]
pub(crate) struct Owned(BTreeMap<(WorkloadKind, Name), Vec<Name>>);

impl Owned {
    pub(super) fn add(&mut self, workload: &Workload, pods: &[Pod]) {
        let names = self.0.entry((workload.kind, workload.name.clone())).or_default();
        names.extend(pods.iter().map(|pod| pod.name.clone()));
    }

    /// The names of the pods of a workload.
    pub(super) fn pods(&self, kind: WorkloadKind, name: &Name) -> Vec<Name> {
        self.0.get(&(kind, name.clone())).cloned().unwrap_or_default()
    }
}

/// Everything that a Scenario may name.
pub(super) struct Fit<'f> {
    pods: &'f [Pod],
    by_name: BTreeMap<&'f str, &'f Pod>,
    objects: &'f [Object],
    owned: &'f Owned,
    nodes: &'f [Name],
    scenario: &'f Scenario,
    steps: &'f [Step],
    /// Ephemeral containers that actions add: pod, container.
    debugged: BTreeSet<(Name, Name)>,
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
                ActionKind::Debug { pod, container } => Some((pod.clone(), container.name.clone())),
                _ => None,
            },
            Step::Workload { .. } => None,
        });
        Fit {
            pods,
            by_name: pods.iter().map(|pod| (&*pod.name, pod)).collect(),
            objects,
            owned,
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
            let (field, name) = match step {
                Step::Act(Action {
                    what: ActionKind::CreatePod { pod },
                    ..
                }) => ("pod", pod),
                Step::Workload {
                    kind,
                    name,
                    deletion: None,
                    ..
                } => (workload_field(*kind), name),
                Step::Act(_) | Step::Workload { .. } => continue,
            };
            if !created.insert((field, name))
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
        let found: Vec<&Pod> = self.pods.iter().filter(|pod| matches_pod(pattern, &pod.name)).collect();
        if found.is_empty()
            && let Some(pod) = node.get("pod")
        {
            let hint = self.near_pod(pod.text().map_or("", |text| text));
            problems.at(pod, "nothing defines a pod like this").hint = hint;
        }
        found
    }

    fn container_script(&self, problems: &mut Problems<'_>, node: &Node) {
        let pods = self.matching(problems, node);
        let (Some(name), Some(place)) = (node.filled_at("name"), node.get("name")) else {
            return;
        };
        let has = |pod: &&Pod| {
            pod.find_container(name).is_some() || self.debugged.contains(&(pod.name.clone(), name.clone()))
        };
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
                if let Some(place) = with.get(workload_field(*kind))
                    && !self.owned.0.contains_key(&(*kind, name.clone()))
                {
                    let names = self
                        .owned
                        .0
                        .keys()
                        .filter(|(other, _)| other == kind)
                        .map(|(_, name)| &**name);
                    let hint = known(kind.as_str(), name, names);
                    problems
                        .at(place, &format!("nothing defines {} {name:?}", kind.as_str()))
                        .hint = hint;
                }
            }
            Step::Act(action) => match &action.what {
                ActionKind::CreateObject { kind, name } | ActionKind::DeleteObject { kind, name } => {
                    self.object(problems, with, *kind, name);
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
        let found = self.by_name.get(&**name).copied();
        if found.is_none()
            && let Some(place) = with.get("pod")
        {
            problems.at(place, &format!("nothing defines pod {name:?}")).hint = self.near_pod(name);
        }
        found
    }

    fn near_pod(&self, name: &str) -> Option<String> {
        // Of very many pods the first ones will do.
        known("pod", name, self.by_name.keys().take(10_000).copied())
    }

    fn container(&self, problems: &mut Problems<'_>, with: &Node, pod: &Name, container: &Name) {
        let Some(found) = self.pod(problems, with, pod) else {
            return;
        };
        if found.find_container(container).is_some() || self.debugged.contains(&(pod.clone(), container.clone())) {
            return;
        }
        if let Some(place) = with.get("container") {
            let hint = known("container", container, found.all_containers().map(|(_, c)| &*c.name));
            problems
                .at(place, &format!("pod {pod:?} has no container {container:?}"))
                .hint = hint;
        }
    }

    fn object(&self, problems: &mut Problems<'_>, with: &Node, kind: ObjectKind, name: &Name) {
        if self
            .objects
            .iter()
            .any(|object| object.kind == kind && object.name == *name)
        {
            return;
        }
        if let Some(place) = with.get(object_field(kind)) {
            let names = self
                .objects
                .iter()
                .filter(|object| object.kind == kind)
                .map(|object| &*object.name);
            let hint = known(kind.as_str(), name, names);
            problems
                .at(place, &format!("nothing defines {} {name:?}", kind.as_str()))
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
            Some(name) if !self.nodes.contains(name) && (!self.nodes.is_empty() || &**name != "node-1") => {
                if let Some(place) = with.get("node") {
                    let hint = known("node", name, self.nodes.iter().map(|n| &**n));
                    problems.at(place, &format!("nothing defines node {name:?}")).hint = hint;
                }
            }
            _ => {}
        }
    }

    /// Two ticks at one instant would leave their order to chance.
    fn phases_are_apart(&self, problems: &mut Problems<'_>, spec: &Node) {
        let Some(given) = spec.at(&["kubelet", "phases"]) else {
            return;
        };
        let phases = &self.scenario.kubelet.phases;
        if given.text().is_none() && phases.relist == phases.sync {
            problems.at(given, "relist and sync must not fall on the same instant");
        }
    }
}
