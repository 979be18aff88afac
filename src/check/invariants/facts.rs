//! What a trace has shown so far, folded record by record: the ground on which the invariants judge the next one.

use std::rc::Rc;
use std::sync::Arc;

use super::backoff::Backoffs;
use super::second;
use crate::api::pod::{Container, ContainerType, Name, Pod, RestartRuleAction};
use crate::api::status::PodStatus;
use crate::kernel::Time;
use crate::scenario::types::{ActionKind, Input};
use crate::trace::{CallPhase, CriCall, CriOp, ExitBy, ProbeOutcome, ProbeType, Record, What};

/// Everything that the trace has shown.
pub(super) struct Facts {
    pub input: Rc<Input>,
    pub pods: Vec<PodFacts>,
    /// Time and number of the last record.
    pub last: Option<(Time, u64)>,
    pub ended: bool,
    /// How often a kubelet has gone away: what it remembered is gone with it.
    pub kubelet_stops: u32,
    /// Image pulls under way on the node.
    pub pulls: u32,
    /// When the kubelet that runs now had started.
    pub kubelet_since: Time,
    /// The node shuts down.
    pub shutting_down: bool,
}

/// What is known of a pod.
pub(super) struct PodFacts {
    pub full_name: Name,
    /// Its place in the input.
    pub index: usize,
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

/// A StopContainer call.
#[derive(Clone, Copy)]
pub(super) struct Stop {
    pub begun: Time,
    pub timeout: i64,
    pub attempt: u32,
}

/// What is known of the probes of one type of a container.
#[derive(Default, Clone, Copy)]
pub(super) struct ProbeFacts {
    /// Answers in a row that may have counted as failures.
    pub failures: i32,
    /// The last answer was to be a success, and is one unless the process ends during the call.
    pub pending_success: bool,
    /// The last call may still be under way.
    called: bool,
    pub succeeded: bool,
    pub succeeded_attempt: Option<u32>,
}

/// How a process ended.
#[derive(Clone)]
pub(super) struct ExitFacts {
    pub at: Time,
    pub code: i32,
    pub by: ExitBy,
    pub attempt: u32,
}

/// What is known of a container.
pub(super) struct ContainerFacts {
    pub name: Name,
    pub kind: ContainerType,
    pub sidecar: bool,
    /// Its place in its list of the spec.
    pub place: usize,
    /// The image that the spec names now.
    pub image: Name,
    pub image_changed: bool,
    /// The attempt of the last CreateContainer call, and whether it has succeeded.
    pub attempt: Option<u32>,
    pub created: bool,
    /// The attempts that were made and wait for their start.
    pub to_start: Vec<u32>,
    /// The attempts whose process runs.
    pub live: Vec<u32>,
    /// Starts that succeeded.
    pub starts: u32,
    /// When the last process started.
    pub started: Option<(Time, u32)>,
    pub start_seconds: Vec<i64>,
    /// Its dead processes, as long as the runtime still has their containers; starts that failed count.
    pub exits: Vec<ExitFacts>,
    /// Second and exit code of every end.
    pub ends: Vec<(i64, i32)>,
    /// The kubelet kills the process to start another in the same sync, which knows nothing of its end yet.
    pub replaced: bool,
    /// The newest end that was known when that began.
    known_before: Option<Time>,
    /// Some container of the pod has a rule that restarts all.
    pub restarts_all: bool,
    /// It has done what the containers behind it wait for, in the present sandbox.
    pub done: bool,
    /// The kubelet has begun to kill the present process: when, and the event's text.
    pub killing: Option<(Time, Name)>,
    pub stops: Vec<Stop>,
    pub probes: [ProbeFacts; 3],
    pub backoffs: Backoffs,
    /// The last attempt to start it has met a back-off or another failure.
    pub backed_off: bool,
    /// Calls that have begun and not ended.
    pub open_calls: Vec<(CriOp, u32)>,
    pub open_hooks: u32,
}

impl ContainerFacts {
    fn new(kind: ContainerType, container: &Container, place: usize) -> ContainerFacts {
        ContainerFacts {
            name: container.name.clone(),
            kind,
            sidecar: kind == ContainerType::Init && container.is_sidecar(),
            place,
            image: container.image.clone(),
            image_changed: false,
            attempt: None,
            created: false,
            to_start: Vec::new(),
            live: Vec::new(),
            starts: 0,
            started: None,
            start_seconds: Vec::new(),
            exits: Vec::new(),
            ends: Vec::new(),
            replaced: false,
            known_before: None,
            restarts_all: false,
            done: false,
            killing: None,
            stops: Vec::new(),
            probes: Default::default(),
            backoffs: Backoffs::default(),
            backed_off: false,
            open_calls: Vec::new(),
            open_hooks: 0,
        }
    }

    /// Its part of the pod's spec; None for an ephemeral container.
    pub(super) fn spec<'a>(&self, pod: &'a Pod) -> Option<&'a Container> {
        match self.kind {
            ContainerType::Init => pod.spec.init_containers.get(self.place),
            ContainerType::App => pod.spec.containers.get(self.place),
            ContainerType::Ephemeral => None,
        }
    }

    /// The newest end that the sync that decides now can know of; a start that failed counts.
    pub(super) fn known_end(&self) -> Option<Time> {
        if self.replaced {
            return self.known_before;
        }
        self.exits.last().map(|e| e.at)
    }

    fn on_cri(&mut self, record: &Record, call: &CriCall) {
        let attempt = record.attempt.unwrap_or(0);
        match call.phase {
            CallPhase::Begin => self.open_calls.push((call.op, attempt)),
            CallPhase::End => {
                if let Some(place) = self.open_calls.iter().position(|open| *open == (call.op, attempt)) {
                    self.open_calls.swap_remove(place);
                }
            }
        }
        let ok = call.error.is_none();
        match (call.op, call.phase) {
            (CriOp::CreateContainer, CallPhase::Begin) => {
                self.attempt = Some(attempt);
                self.created = false;
            }
            (CriOp::CreateContainer, CallPhase::End) => {
                self.created = ok;
                if ok {
                    self.to_start.push(attempt);
                }
            }
            (CriOp::StartContainer, CallPhase::End) => {
                self.to_start.retain(|a| *a != attempt);
                if ok {
                    self.live.push(attempt);
                    self.starts += 1;
                    self.started = Some((record.at, attempt));
                    self.probes.iter_mut().for_each(|p| p.succeeded_attempt = None);
                    self.start_seconds.push(second(record.at));
                    self.killing = None;
                    self.stops.clear();
                    self.done |= self.sidecar;
                } else {
                    self.ends.push((second(record.at), 128));
                    self.exits.push(ExitFacts {
                        at: record.at,
                        code: 128,
                        by: ExitBy::Itself,
                        attempt,
                    });
                }
            }
            (CriOp::StopContainer, CallPhase::Begin) => {
                let timeout = call.timeout.unwrap_or(0);
                self.stops.push(Stop {
                    begun: record.at,
                    timeout,
                    attempt,
                });
            }
            (CriOp::RemoveContainer, CallPhase::Begin) => {
                if self.exits.last().is_some_and(|e| e.attempt == attempt) {
                    // The sync that removes it may still decide by what it had seen before.
                    self.backoffs.uncertain = true;
                }
                self.exits.retain(|e| e.attempt != attempt);
                if self.attempt == Some(attempt) && self.restarts_all {
                    self.done = false;
                }
            }
            _ => {}
        }
    }

    fn on_probe(&mut self, attempt: Option<u32>, probe: ProbeType, result: ProbeOutcome) {
        let facts = &mut self.probes[probe as usize];
        facts.called = true;
        match result {
            ProbeOutcome::Success => {
                facts.pending_success = true;
                facts.succeeded = true;
                facts.succeeded_attempt = attempt;
            }
            ProbeOutcome::Failure | ProbeOutcome::Timeout => {
                if std::mem::take(&mut facts.pending_success) {
                    facts.failures = 0;
                }
                facts.failures += 1;
            }
            ProbeOutcome::Error => {}
        }
    }
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
    pub(super) fn container(&self, name: &str) -> Option<&ContainerFacts> {
        self.containers.iter().find(|c| *c.name == *name)
    }
}

impl Facts {
    pub(super) fn new(input: Rc<Input>) -> Facts {
        let pods = input.pods.iter().enumerate();
        let pods = pods.map(|(index, p)| PodFacts {
            full_name: p.pod.full_name().into(),
            index,
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
        Facts {
            pods: pods.collect(),
            input,
            last: None,
            ended: false,
            kubelet_stops: 0,
            pulls: 0,
            kubelet_since: Time(i64::MIN),
            shutting_down: false,
        }
    }

    /// The places of a record's pod and container.
    pub(super) fn locate(&self, record: &Record) -> (Option<usize>, Option<usize>) {
        let Some(name) = &record.pod else { return (None, None) };
        let Some(pod) = self.pods.iter().position(|p| p.full_name == *name) else {
            return (None, None);
        };
        let named = |name: &Name| self.pods[pod].containers.iter().position(|c| c.name == *name);
        let container = match (&record.container, &record.what) {
            (Some(name), _) => named(name),
            // An event names its container in the field path: `spec.containers{app}`.
            (None, What::Event(event)) => {
                let name = event
                    .field_path
                    .split_once('{')
                    .and_then(|(_, rest)| rest.strip_suffix('}'));
                name.and_then(|name| self.pods[pod].containers.iter().position(|c| *c.name == *name))
            }
            (None, _) => None,
        };
        (Some(pod), container)
    }

    /// Whether an action of the scenario deletes the pod just now.
    pub(super) fn is_deleted_by_action(&self, pod: &PodFacts, at: Time) -> bool {
        let name = &self.input.pods[pod.index].pod.name;
        let mut actions = self.input.scenario.actions.iter().filter(|action| action.at == at);
        actions.any(|action| matches!(&action.what, ActionKind::DeletePod { pod, .. } if pod == name))
    }

    /// Whether an action of the scenario kills that container just now.
    pub(super) fn is_killed_by_action(&self, pod: &PodFacts, container: &ContainerFacts, at: Time) -> bool {
        let name = &self.input.pods[pod.index].pod.name;
        self.input.scenario.actions.iter().any(|action| {
            action.at == at
                && match &action.what {
                    ActionKind::Kill {
                        pod, container: killed, ..
                    } => pod == name && *killed == container.name,
                    ActionKind::KillSandbox { pod } => pod == name,
                    _ => false,
                }
        })
    }

    /// Takes a record in, after it has been judged.
    pub(super) fn take_in(&mut self, record: &Record, place: (Option<usize>, Option<usize>)) {
        self.last = Some((record.at, record.seq));
        match &record.what {
            What::Node { op, .. } => self.on_node(record, op),
            What::End { .. } => self.ended = true,
            What::Cri(call) if call.op == CriOp::PullImage => self.on_pull(record, call, place.0),
            _ => {
                let Some(ix) = place.0 else { return };
                let forced = self.is_deleted_by_action(&self.pods[ix], record.at);
                let pod = &mut self.pods[ix];
                pod.take_in(record, place.1);
                pod.forced |= pod.removed && forced;
            }
        }
    }

    fn on_node(&mut self, record: &Record, op: &str) {
        match op {
            "kubeletStop" | "rebootBegin" => {
                self.kubelet_stops += 1;
                for pod in &mut self.pods {
                    for pull in &mut pod.pulls {
                        pull.failed = None;
                        pull.orphans = pull.open;
                    }
                    for container in &mut pod.containers {
                        container.backoffs.forget();
                        container.probes = Default::default();
                    }
                }
            }
            "kubeletStart" | "rebootEnd" => self.kubelet_since = record.at,
            "shutdown" => self.shutting_down = true,
            _ => {}
        }
        if op == "rebootBegin" {
            // Nothing that was under way ends.
            self.pulls = 0;
            for pod in &mut self.pods {
                for pull in &mut pod.pulls {
                    pull.open = 0;
                    pull.orphans = 0;
                }
                pod.sandboxes_kept.clear();
                pod.containers.iter_mut().for_each(|c| c.open_calls.clear());
            }
        }
    }

    fn on_pull(&mut self, record: &Record, call: &CriCall, pod: Option<usize>) {
        let (Some(pod), Some(image)) = (pod, &call.image) else {
            return;
        };
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
                self.pulls += 1;
            }
            CallPhase::End => {
                pull.open = pull.open.saturating_sub(1);
                self.pulls = self.pulls.saturating_sub(1);
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
    fn take_in(&mut self, record: &Record, container: Option<usize>) {
        match &record.what {
            What::Api(call) => match call.op {
                "create" => self.created = Some(record.at),
                "delete" | "update" => self.deletion = Some(call.grace_period_seconds),
                "removed" => {
                    self.removed = true;
                    self.forced = matches!(self.deletion, None | Some(Some(0)));
                }
                "setCondition" => self.touched = true,
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
                    self.containers[container].on_cri(record, call);
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
                if event.reason == "Evicted" {
                    self.evicted = true;
                }
                let Some(container) = container.map(|ix| &mut self.containers[ix]) else {
                    return;
                };
                if event.reason == "Killing" {
                    container.killing = Some((record.at, event.message.clone()));
                    container.replaced = is_replacing(&event.message);
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
            What::BackOff { .. }
            | What::Node { .. }
            | What::Volume { .. }
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
                self.sandboxes_kept.push(attempt);
            }
            (CriOp::StopPodSandbox, CallPhase::Begin) => {
                self.sandboxes_kept.retain(|kept| *kept != attempt);
            }
            _ => {}
        }
    }
}

/// Whether the Killing event is of a container that the same sync starts anew.
fn is_replacing(message: &str) -> bool {
    message.ends_with(", will be restarted") || message.starts_with("Init container ")
}

fn containers_of(pod: &Pod) -> Vec<ContainerFacts> {
    let mut places = [0; 3];
    let place = |kind: ContainerType, places: &mut [usize; 3]| {
        let next = &mut places[kind as usize];
        *next += 1;
        *next - 1
    };
    let mut rules = pod.all_containers().flat_map(|(_, c)| &c.restart_policy_rules);
    let restarts_all = rules.any(|rule| rule.action == RestartRuleAction::RestartAllContainers);
    pod.all_containers()
        .map(|(kind, c)| ContainerFacts {
            restarts_all,
            ..ContainerFacts::new(kind, c, place(kind, &mut places))
        })
        .collect()
}
