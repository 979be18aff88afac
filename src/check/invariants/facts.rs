//! What a trace has shown so far, folded record by record: the ground on which the invariants judge the next one.

use std::rc::Rc;
use std::sync::Arc;

use super::container::{ContainerFacts, ExitFacts, containers_of, is_replacing};
use super::second;
use super::world::{Objects, VolumeFacts, nodes_of};
use crate::api::pod::{ContainerType, Name, Pod};
use crate::api::status::PodStatus;
use crate::kernel::Time;
use crate::scenario::lookup::nodes_of_pods;
use crate::scenario::types::{ActionKind, Input, KubeletConfig};
use crate::trace::{CallPhase, CriCall, CriOp, Record, What};

/// Everything that the trace has shown.
pub(super) struct Facts {
    pub input: Rc<Input>,
    pub pods: Vec<PodFacts>,
    /// Time and number of the last record.
    pub last: Option<(Time, u64)>,
    pub ended: bool,
    /// In the order of the input; one if it names none.
    pub nodes: Vec<NodeFacts>,
    /// The ConfigMaps and Secrets that the API has.
    pub objects: Objects,
}

/// What is known of a node.
pub(super) struct NodeFacts {
    pub name: Name,
    /// Its place in `nodes`; None for the one node of a scenario that names none.
    pub script: Option<usize>,
    /// How often its kubelet has gone away: what that remembered is gone with it.
    pub kubelet_stops: u32,
    /// No kubelet runs.
    pub down: bool,
    /// Image pulls under way.
    pub pulls: u32,
    /// Pulls that its kubelet has begun.
    pub pulls_begun: Pulls,
    /// When it began to shut down.
    pub shutting_down: Option<Time>,
}

/// The pulls of a kubelet as water in a bucket with a hole.
#[derive(Clone, Copy, Default)]
pub(super) struct Pulls {
    /// Those that counted at the time of the last one, with it.
    counting: f64,
    last: Time,
}

impl Pulls {
    /// How many still count at this time, when `rate` of them cease to each second.
    pub(super) fn level(self, now: Time, rate: u32) -> f64 {
        let passed = (now - self.last).0 as f64 / 1e9;
        (self.counting - passed * f64::from(rate)).max(0.0)
    }
}

/// What is known of a pod.
pub(super) struct PodFacts {
    pub full_name: Name,
    /// Its place in the input.
    pub index: usize,
    /// Its node's place among the nodes.
    pub node: usize,
    pub created: Option<Time>,
    /// The grace period of the last deletion, in seconds; None as long as there was none.
    pub deletion: Option<Option<i64>>,
    pub removed: bool,
    /// Its object was removed at once, whatever ran.
    pub forced: bool,
    /// The last status written.
    pub status: Option<Arc<PodStatus>>,
    /// RunPodSandbox calls that succeeded.
    pub sandboxes_made: u32,
    /// Attempts of the sandboxes made whose stop has not begun.
    pub sandboxes_kept: Vec<u32>,
    pub evicted: bool,
    /// A container that was its name's newest is gone: the pod's status has to do without it.
    pub lost: bool,
    /// Its sandbox has died, or its machine went down, since the last one was made.
    pub sandbox_died: bool,
    /// The present sync has found the sandbox changed: it stops all containers and starts them anew.
    pub replacing_sandbox: bool,
    /// When somebody last wrote a condition that is no business of the kubelet's.
    pub gate_written: Option<Time>,
    /// Its volumes that a script has hold of.
    pub volumes: Vec<VolumeFacts>,
    /// Somebody else has changed the status since the kubelet's last write.
    pub touched: bool,
    pub containers: Vec<ContainerFacts>,
    /// The last pulls of each image.
    pub pulls: Vec<PullFacts>,
}

/// What is known of the pulls of an image for a pod.
pub(super) struct PullFacts {
    pub image: Name,
    /// The end of the last failed pull, since the kubelet started.
    pub failed: Option<Time>,
    pub open: u32,
    /// Those under way whose kubelet has gone: the next one learns nothing of their end.
    orphans: u32,
}

impl PodFacts {
    /// The pod as the input has it.
    pub(super) fn pod<'a>(&self, facts: &'a Facts) -> &'a Pod {
        &facts.input.pods[self.index].pod
    }

    /// Whether the API still has it.
    pub(super) fn exists(&self) -> bool {
        self.created.is_some() && !self.removed
    }

    /// The container of that name.
    pub(super) fn container(&self, name: &Name) -> Option<&ContainerFacts> {
        self.containers.iter().find(|c| c.name == *name)
    }
}

impl Facts {
    pub(super) fn new(input: Rc<Input>) -> Facts {
        let nodes = nodes_of(&input);
        let pods = input.pods.iter().zip(nodes_of_pods(&input)).enumerate();
        let pods = pods.map(|(index, (p, node))| PodFacts {
            full_name: p.pod.full_name(),
            index,
            node,
            lost: false,
            sandbox_died: false,
            replacing_sandbox: false,
            gate_written: None,
            volumes: VolumeFacts::of(&p.pod, &input.scenario),
            created: None,
            deletion: None,
            removed: false,
            forced: false,
            status: None,
            sandboxes_made: 0,
            sandboxes_kept: Vec::new(),
            evicted: false,
            touched: false,
            containers: containers_of(&p.pod),
            pulls: Vec::new(),
        });
        let pods = pods.collect();
        Facts {
            pods,
            objects: Objects::new(&input),
            nodes,
            input,
            last: None,
            ended: false,
        }
    }

    /// The places of a record's pod and container.
    pub(super) fn locate(&self, record: &Record) -> (Option<usize>, Option<usize>) {
        let Some(name) = &record.pod else { return (None, None) };
        let Some(pod) = self.pods.iter().position(|p| p.full_name == *name) else {
            return (None, None);
        };
        let container = record
            .about()
            .and_then(|name| self.pods[pod].containers.iter().position(|c| c.name == *name));
        (Some(pod), container)
    }

    /// Whether an action of the scenario deletes the pod just now.
    pub(super) fn is_deleted_by_action(&self, pod: &PodFacts, at: Time) -> bool {
        let deleted = &self.input.pods[pod.index].pod;
        let mut actions = self.input.scenario.actions.iter().filter(|action| action.at == at);
        actions.any(|action| matches!(&action.what, ActionKind::DeletePod { pod, .. } if deleted.is_called(pod)))
    }

    /// Whether an action of the scenario kills that container just now.
    pub(super) fn is_killed_by_action(&self, pod: &PodFacts, container: &ContainerFacts, at: Time) -> bool {
        let dies = &self.input.pods[pod.index].pod;
        self.input.scenario.actions.iter().any(|action| {
            action.at == at
                && match &action.what {
                    ActionKind::Kill {
                        pod, container: killed, ..
                    } => dies.is_called(pod) && *killed == container.name,
                    ActionKind::KillSandbox { pod } => dies.is_called(pod),
                    _ => false,
                }
        })
    }

    /// Takes a record in, after it has been judged.
    pub(super) fn take_in(&mut self, record: &Record, place: (Option<usize>, Option<usize>)) {
        self.last = Some((record.at, record.seq));
        match &record.what {
            What::Node { op, node } => self.on_node(op, node.as_ref(), place.0),
            // Only a kubelet that says so ends its pods.
            What::Event(event) if event.reason == "Shutdown" => self.on_shutdown(record.at, event.object.as_ref()),
            What::End { .. } => self.ended = true,
            What::Api(call) if call.object.is_some() => self.objects.take_in(call, record.at),
            What::Cri(call) if call.op == CriOp::PullImage => self.on_pull(record, call, place.0),
            _ => {
                let Some(ix) = place.0 else { return };
                let removed = matches!(&record.what, What::Api(call) if call.op == "removed");
                let forced = removed && self.is_deleted_by_action(&self.pods[ix], record.at);
                let pod = &mut self.pods[ix];
                pod.take_in(record, place.1);
                pod.forced |= pod.removed && forced;
            }
        }
    }

    fn on_shutdown(&mut self, at: Time, object: Option<&Name>) {
        let name = object.and_then(|object| object.strip_prefix("Node/"));
        let node = self.nodes.iter_mut().find(|n| Some(&*n.name) == name);
        if let Some(facts) = node {
            facts.shutting_down = Some(at);
        }
    }

    fn on_node(&mut self, op: &str, node: Option<&Name>, pod: Option<usize>) {
        if op == "killSandbox" {
            if let Some(pod) = pod {
                self.pods[pod].sandbox_died = true;
            }
            return;
        }
        let Some(place) = self.nodes.iter().position(|n| Some(&n.name) == node) else {
            return;
        };
        let facts = &mut self.nodes[place];
        match op {
            "kubeletStop" | "rebootBegin" => {
                facts.kubelet_stops += 1;
                facts.down = true;
            }
            "kubeletStart" | "rebootEnd" => {
                facts.down = false;
                facts.shutting_down = None;
            }
            _ => {}
        }
        let own = self.pods.iter_mut().filter(|pod| pod.node == place);
        match op {
            "kubeletStop" => own.for_each(PodFacts::forget),
            // What was still being made when the last kubelet stopped is there now.
            "kubeletStart" | "rebootEnd" => {
                facts.pulls_begun = Pulls::default();
                own.flat_map(|pod| &mut pod.containers)
                    .for_each(ContainerFacts::leave_unstarted);
            }
            "rebootBegin" => {
                // Nothing that was under way ends.
                facts.pulls = 0;
                own.for_each(|pod| {
                    pod.forget();
                    pod.go_down();
                });
            }
            _ => {}
        }
    }

    /// The configuration of a node's kubelet.
    pub(super) fn kubelet_of(&self, node: &NodeFacts) -> &KubeletConfig {
        let scenario = &self.input.scenario;
        node.script
            .map_or(&scenario.kubelet, |place| &scenario.nodes[place].kubelet)
    }

    /// The node of a pod; of nothing in particular the first.
    pub(super) fn node_of(&self, pod: Option<&PodFacts>) -> &NodeFacts {
        &self.nodes[pod.map_or(0, |pod| pod.node)]
    }

    fn on_pull(&mut self, record: &Record, call: &CriCall, pod: Option<usize>) {
        let (Some(pod), Some(image)) = (pod, &call.image) else {
            return;
        };
        let node = self.pods[pod].node;
        let rate = self.kubelet_of(&self.nodes[node]).registry_pull_qps;
        let pulls = &mut self.pods[pod].pulls;
        let place = pulls.iter().position(|p| p.image == *image).unwrap_or_else(|| {
            pulls.push(PullFacts {
                image: image.clone(),
                failed: None,
                open: 0,
                orphans: 0,
            });
            pulls.len() - 1
        });
        let pull = &mut pulls[place];
        match call.phase {
            CallPhase::Begin => {
                pull.open += 1;
                self.nodes[node].pulls += 1;
                let counting = 1.0 + self.nodes[node].pulls_begun.level(record.at, rate);
                self.nodes[node].pulls_begun = Pulls {
                    counting,
                    last: record.at,
                };
            }
            CallPhase::End => {
                pull.open = pull.open.saturating_sub(1);
                self.nodes[node].pulls = self.nodes[node].pulls.saturating_sub(1);
                if pull.orphans > 0 {
                    pull.orphans -= 1;
                } else {
                    pull.failed = call.error.is_some().then_some(record.at);
                }
            }
        }
    }
}

impl PodFacts {
    /// Its kubelet is gone with all that it remembered.
    fn forget(&mut self) {
        for pull in &mut self.pulls {
            pull.failed = None;
            pull.orphans = pull.open;
        }
        for volume in &mut self.volumes {
            volume.forget();
        }
        for container in &mut self.containers {
            container.backoffs.forget();
            container.probes = Default::default();
            container.replaced = false;
            container.leave_unstarted();
            // The next kubelet may not see the end of one whose start it does not know of.
            container.backoffs.uncertain |= !container.to_start.is_empty();
        }
    }

    /// Its machine is down: nothing that was under way ends.
    fn go_down(&mut self) {
        for pull in &mut self.pulls {
            pull.open = 0;
            pull.orphans = 0;
        }
        self.sandboxes_kept.clear();
        self.sandbox_died = true;
        self.containers.iter_mut().for_each(|c| c.open_calls.clear());
    }

    fn take_in(&mut self, record: &Record, container: Option<usize>) {
        match &record.what {
            What::Api(call) => match call.op {
                "create" => self.created = Some(record.at),
                "delete" | "update" => self.deletion = Some(call.grace_period_seconds),
                "removed" => {
                    self.removed = true;
                    self.forced = matches!(self.deletion, None | Some(Some(0)));
                }
                "setCondition" => {
                    self.touched = true;
                    self.gate_written = Some(record.at);
                }
                "setImage" => {
                    if let (Some(ix), Some(image)) = (container, &call.image) {
                        self.containers[ix].image = image.clone();
                        self.containers[ix].image_changed = true;
                        // For a while the kubelet still goes by the old one.
                        self.containers[ix].backoffs.uncertain = true;
                    }
                }
                "debug" => {
                    if let Some(name) = &record.container
                        && container.is_none()
                    {
                        let place = self.containers.len();
                        let image = call.image.clone().unwrap_or_else(|| "".into());
                        let made = crate::api::decode::ephemeral(name.clone(), image);
                        self.containers
                            .push(ContainerFacts::new(ContainerType::Ephemeral, &made, place));
                    }
                }
                _ => {}
            },
            What::Status(status) => {
                self.status = Some(status.clone());
                self.touched = false;
            }
            What::Cri(call) => {
                if let Some(container) = container {
                    let container = &mut self.containers[container];
                    let newest = container.attempt == record.attempt;
                    self.lost |= newest && call.op == CriOp::RemoveContainer && call.phase == CallPhase::Begin;
                    // An evicted or deleted pod has its dead containers taken away; that undoes nothing.
                    let done = container.done && (self.evicted || self.deletion.is_some());
                    let starts = container.starts;
                    container.on_cri(record, call);
                    if container.starts > starts {
                        container.sandboxes = self.sandboxes_made;
                    }
                    container.done |= done;
                    return;
                }
                self.on_sandbox(call, record.attempt.unwrap_or(0));
            }
            What::Exit { code, by, .. } => {
                let Some(container) = container.map(|ix| &mut self.containers[ix]) else {
                    return;
                };
                let attempt = record.attempt.unwrap_or(0);
                container.live.retain(|a| *a != attempt);
                container.last_end = Some(record.at);
                container.ends.push((second(record.at), *code));
                container.exits.push(ExitFacts {
                    at: record.at,
                    code: *code,
                    by: *by,
                    attempt,
                });
                container.done |= *code == 0 && !container.sidecar;
                for probe in &mut container.probes {
                    // The call may have been under way: then it has failed, whatever the script says.
                    probe.failures += i32::from(std::mem::take(&mut probe.called));
                    probe.pending_success = false;
                    probe.succeeded_attempt = None;
                }
            }
            What::Probe { probe, result } => {
                if let Some(container) = container {
                    self.containers[container].on_probe(record.attempt, *probe, *result);
                }
            }
            What::Hook { phase, .. } => {
                let Some(container) = container.map(|ix| &mut self.containers[ix]) else {
                    return;
                };
                match phase {
                    CallPhase::Begin => container.open_hooks += 1,
                    CallPhase::End => container.open_hooks = container.open_hooks.saturating_sub(1),
                }
            }
            What::Event(event) => {
                match event.reason {
                    "Evicted" => self.evicted = true,
                    "SandboxChanged" => {
                        // A new sync, which knows of all ends so far.
                        self.replacing_sandbox = true;
                        self.containers.iter_mut().for_each(|c| c.replaced = false);
                    }
                    _ => {}
                }
                let replacing_sandbox = self.replacing_sandbox;
                let Some(container) = container.map(|ix| &mut self.containers[ix]) else {
                    return;
                };
                if event.reason == "Killing" {
                    // A sync from before its end: which ends that one knows of cannot be told.
                    container.backoffs.uncertain |= container.live.is_empty();
                    container.killing = Some((record.at, event.message.clone()));
                    container.replaced = replacing_sandbox || is_replacing(&event.message);
                    let own = container.started.map(|(_, attempt)| attempt);
                    let mut others = container.exits.iter().rev().filter(|e| Some(e.attempt) != own);
                    container.known_before = others.next().map(|e| e.at);
                }
                let (finished, image) = (container.known_end(), container.image.clone());
                if container.backoffs.on_event(event, image, finished, record.at) || event.reason == "BackOff" {
                    container.replaced = false;
                }
                container.backed_off |= event.reason == "BackOff";
            }
            What::Volume { volume, phase, error } => {
                if let Some(volume) = self.volumes.iter_mut().find(|v| v.name == *volume) {
                    volume.take_in(*phase, error.is_some(), record.at);
                }
            }
            What::BackOff { .. }
            | What::Node { .. }
            | What::Log { .. }
            | What::Command { .. }
            | What::Assumed { .. }
            | What::Note { .. }
            | What::End { .. } => {}
        }
    }

    fn on_sandbox(&mut self, call: &CriCall, attempt: u32) {
        match (call.op, call.phase) {
            (CriOp::RunPodSandbox, CallPhase::Begin) => {
                for container in &mut self.containers {
                    container.done = false;
                }
            }
            (CriOp::RunPodSandbox, CallPhase::End) if call.error.is_none() => {
                self.sandboxes_made += 1;
                self.sandbox_died = false;
                self.replacing_sandbox = false;
                self.sandboxes_kept.push(attempt);
            }
            (CriOp::StopPodSandbox, CallPhase::Begin) => {
                self.sandboxes_kept.retain(|kept| *kept != attempt);
            }
            _ => {}
        }
    }
}
