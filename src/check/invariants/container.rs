//! What a trace has shown of a container: its processes, its probes, its calls.

use smallvec::SmallVec;

use super::backoff::Backoffs;
use super::second;
use crate::api::pod::{Container, ContainerType, Name, Pod, RestartRuleAction};
use crate::kernel::Time;
use crate::trace::{CallPhase, CriCall, CriOp, ExitBy, ProbeOutcome, ProbeType, Record};

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
    pub called: bool,
    pub succeeded: bool,
    pub succeeded_attempt: Option<u32>,
}

/// Mostly one or two.
type Few<T> = SmallVec<[T; 2]>;

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
    pub to_start: Few<u32>,
    /// Attempts that a kubelet was starting when it went away: the next one may not know that they run.
    pub orphans: Vec<u32>,
    /// The attempts whose process runs.
    pub live: Few<u32>,
    /// Starts that succeeded.
    pub starts: u32,
    /// How many sandboxes the pod had had at the last of them.
    pub sandboxes: u32,
    /// When the last process started.
    pub started: Option<(Time, u32)>,
    pub start_seconds: Few<i64>,
    /// Its dead processes, as long as the runtime still has their containers; starts that failed count.
    pub exits: Few<ExitFacts>,
    /// When a process ended last.
    pub last_end: Option<Time>,
    /// Second and exit code of every end.
    pub ends: Few<(i64, i32)>,
    /// The kubelet kills the process to start another in the same sync, which knows nothing of its end yet.
    pub replaced: bool,
    /// The newest end that was known when that began.
    pub known_before: Option<Time>,
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
    pub open_calls: Few<(CriOp, u32)>,
    pub open_hooks: u32,
}

impl ContainerFacts {
    pub(super) fn new(kind: ContainerType, container: &Container, place: usize) -> ContainerFacts {
        ContainerFacts {
            name: container.name.clone(),
            kind,
            sidecar: kind == ContainerType::Init && container.is_sidecar(),
            place,
            image: container.image.clone(),
            image_changed: false,
            attempt: None,
            created: false,
            to_start: Few::new(),
            orphans: Vec::new(),
            live: Few::new(),
            starts: 0,
            sandboxes: 0,
            started: None,
            start_seconds: Few::new(),
            exits: Few::new(),
            last_end: None,
            ends: Few::new(),
            replaced: false,
            known_before: None,
            restarts_all: false,
            done: false,
            killing: None,
            stops: Vec::new(),
            probes: Default::default(),
            backoffs: Backoffs::default(),
            backed_off: false,
            open_calls: Few::new(),
            open_hooks: 0,
        }
    }

    /// Whether a process of it runs that its kubelet can know of.
    pub(super) fn runs_knowingly(&self) -> bool {
        self.live.iter().any(|attempt| !self.orphans.contains(attempt))
    }

    /// Its part of the pod's spec; None for an ephemeral container.
    pub(super) fn spec<'a>(&self, pod: &'a Pod) -> Option<&'a Container> {
        match self.kind {
            ContainerType::Init => pod.spec.init_containers.get(self.place),
            ContainerType::App => pod.spec.containers.get(self.place),
            ContainerType::Ephemeral => None,
        }
    }

    /// What was made and not started is nobody's any more: its kubelet is gone.
    pub(super) fn leave_unstarted(&mut self) {
        self.orphans.extend(&self.to_start);
    }

    /// The newest end that the sync that decides now can know of; a start that failed counts.
    pub(super) fn known_end(&self) -> Option<Time> {
        if self.replaced {
            return self.known_before;
        }
        self.exits.last().map(|e| e.at)
    }

    pub(super) fn on_cri(&mut self, record: &Record, call: &CriCall) {
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
                    self.start_seconds.push(second(record.at));
                    self.done |= self.sidecar;
                    // One that a former kubelet was starting may come up beside the present one.
                    if self.attempt == Some(attempt) {
                        self.started = Some((record.at, attempt));
                        self.probes.iter_mut().for_each(|p| p.succeeded_attempt = None);
                        self.killing = None;
                        self.stops.clear();
                    }
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
            (CriOp::ExecSync, CallPhase::End) if !ok => {
                // A call that was cut short gives no result, whatever it was to be.
                let kinds = ["probe:Startup", "probe:Readiness", "probe:Liveness"];
                if let Some(kind) = kinds.iter().position(|kind| call.purpose == Some(*kind)) {
                    self.probes[kind].pending_success = false;
                    self.probes[kind].succeeded_attempt = None;
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

    pub(super) fn on_probe(&mut self, attempt: Option<u32>, probe: ProbeType, result: ProbeOutcome) {
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

/// Whether the Killing event is of a container that the same sync starts anew.
pub(super) fn is_replacing(message: &str) -> bool {
    message.ends_with(", will be restarted") || message.starts_with("Init container ")
}

pub(super) fn containers_of(pod: &Pod) -> Vec<ContainerFacts> {
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
