//! Every invariant can fail: traces of fuzzed runs are falsified, one record at a time, until each has objected to one.

#![allow(missing_docs)]

use std::collections::BTreeSet;
use std::rc::Rc;
use std::sync::Arc;

use podlapse::api::status::{
    ConditionStatus, ContainerState, ContainerStatus, Phase, PodStatus, Running, Terminated, Timestamp, Waiting,
};
use podlapse::check::invariants::{self, Checker};
use podlapse::explore::generate::Generator;
use podlapse::explore::weights::Weights;
use podlapse::kernel::Duration;
use podlapse::scenario::types::Input;
use podlapse::sim;
use podlapse::trace::{CallPhase, CriOp, EndReason, ExitBy, HookType, ProbeOutcome, ProbeType, Record, What};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// Falsified traces of each run.
const LIES: usize = 60;
/// After so many runs an invariant that has not objected never will.
const MOST_RUNS: u64 = 3_000;

/// Falsifies traces.
struct Liar(ChaCha8Rng);

impl Liar {
    fn below(&mut self, end: usize) -> usize {
        (self.0.next_u32() as usize) % end.max(1)
    }

    fn one<T: Clone>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())].clone()
    }

    fn span(&mut self) -> Duration {
        let nanos = self.one(&[1, 1_000_000, 400_000_000, 1_000_000_000, 7_000_000_000, 60_000_000_000]);
        if self.below(2) == 0 {
            Duration(nanos)
        } else {
            Duration(-nanos)
        }
    }

    /// The same trace but for one thing.
    fn falsify(&mut self, records: &mut Vec<Record>) {
        let place = self.below(records.len());
        match self.below(12) {
            0 | 1 => drop(records.remove(place)),
            2 | 3 => {
                // It takes place again, some time later.
                let at = (place + 1 + self.below(6)).min(records.len());
                let mut again = records[place].clone();
                again.at = records[at - 1].at;
                records.insert(at, again);
            }
            4 => {
                let other = (place + 1).min(records.len() - 1);
                let (one, two) = (records[place].at, records[other].at);
                records.swap(place, other);
                (records[place].at, records[other].at) = (one, two);
            }
            5 => records[place].at += self.span(),
            6 => {
                let span = self.span();
                records[place..].iter_mut().for_each(|record| record.at += span);
            }
            7 => {
                let other = self.below(records.len());
                match self.below(4) {
                    0 => records[place].pod = records[other].pod.clone(),
                    1 => records[place].container = records[other].container.clone(),
                    2 => records[place].attempt = records[place].attempt.map(|attempt| attempt + 1),
                    _ => records[place].attempt = records[place].attempt.map(|attempt| attempt.saturating_sub(1)),
                }
            }
            _ => {
                let what = &mut records[place].what;
                self.falsify_what(what);
            }
        }
        for (seq, record) in (0..).zip(&mut *records) {
            record.seq = seq;
            record.cause = record.cause.filter(|cause| *cause < seq);
        }
        let place = self.below(records.len());
        if self.below(20) == 0
            && let Some(record) = records.get_mut(place)
        {
            match self.below(2) {
                0 => record.seq += 1,
                _ => record.cause = Some(record.seq),
            }
        }
    }

    fn falsify_what(&mut self, what: &mut What) {
        match what {
            What::Api(call) => match self.below(3) {
                0 => {
                    call.op = self.one(&[
                        "create",
                        "delete",
                        "update",
                        "removed",
                        "setImage",
                        "setCondition",
                        "debug",
                    ])
                }
                1 => call.grace_period_seconds = self.one(&[None, Some(0), Some(1), Some(30), Some(600)]),
                _ => call.object = None,
            },
            What::Cri(call) => match self.below(5) {
                0 => call.op = self.one(&CriOp::ALL),
                1 => call.phase = self.one(&[CallPhase::Begin, CallPhase::End]),
                2 => call.timeout = self.one(&[None, Some(0), Some(1), Some(2), Some(30), Some(600)]),
                3 => call.error = self.one(&[None, Some("it failed".into())]),
                _ => call.image = Some("another:1".into()),
            },
            What::Exit { code, by, reason } => match self.below(3) {
                0 => *code = self.one(&[0, 1, 137, 143]),
                1 => *by = self.one(&[ExitBy::Itself, ExitBy::Term, ExitBy::Kill, ExitBy::Reboot]),
                _ => *reason = self.one(&["Completed", "Error", "OOMKilled"]).into(),
            },
            What::Probe { probe, result } => match self.below(2) {
                0 => *probe = self.one(&[ProbeType::Startup, ProbeType::Readiness, ProbeType::Liveness]),
                _ => *result = self.one(&[ProbeOutcome::Success, ProbeOutcome::Failure]),
            },
            What::Hook { hook, phase, error } => match self.below(3) {
                0 => *hook = self.one(&[HookType::PostStart, HookType::PreStop]),
                1 => *phase = self.one(&[CallPhase::Begin, CallPhase::End]),
                _ => *error = self.one(&[None, Some("it failed".into())]),
            },
            What::Event(event) => match self.below(3) {
                0 => event.warning = !event.warning,
                1 => {
                    event.reason = self.one(&[
                        "Killing",
                        "BackOff",
                        "Started",
                        "Created",
                        "Pulled",
                        "Pulling",
                        "Failed",
                        "Evicted",
                        "Unhealthy",
                        "FailedMount",
                        "Shutdown",
                        "NodeShutdown",
                        "DeadlineExceeded",
                    ]);
                }
                _ => event.container = None,
            },
            What::Status(status) => {
                let mut other = PodStatus::clone(status);
                self.falsify_status(&mut other);
                *status = Arc::new(other);
            }
            What::BackOff { length, until } => match self.below(2) {
                0 => *length = *length + self.span(),
                _ => *until += self.span(),
            },
            What::Node { op, .. } => {
                *op = self.one(&[
                    "kubeletStop",
                    "kubeletStart",
                    "rebootBegin",
                    "rebootEnd",
                    "shutdown",
                    "shutdownDone",
                    "killSandbox",
                ]);
            }
            What::Volume { phase, error, volume } => match self.below(3) {
                0 => *phase = self.one(&[CallPhase::Begin, CallPhase::End]),
                1 => *error = self.one(&[None, Some("it failed".into())]),
                _ => *volume = "another".into(),
            },
            What::End { reason } => *reason = self.one(&[EndReason::Horizon, EndReason::NothingLeft]),
            What::Log { .. } | What::Command { .. } | What::Assumed { .. } | What::Note { .. } => {
                *what = What::Note { note: "nothing".into() };
            }
        }
    }

    fn falsify_status(&mut self, status: &mut PodStatus) {
        let second = |liar: &mut Liar, at: Timestamp| Timestamp(at.0 + liar.one(&[-1, 1, 60]));
        match self.below(9) {
            0 => {
                status.phase = self.one(&[
                    Phase::Pending,
                    Phase::Running,
                    Phase::Succeeded,
                    Phase::Failed,
                    Phase::Unknown,
                ]);
            }
            1 => status.start_time = status.start_time.map(|at| second(self, at)),
            2 => status.reason = Some(self.one(&["DeadlineExceeded", "Evicted", "Terminated"]).into()),
            3 => status.pod_ip = self.one(&[None, Some("10.1.2.3".into())]),
            4 => status.observed_generation = self.one(&[None, Some(1), Some(9)]),
            5 if !status.conditions.is_empty() => {
                let place = self.below(status.conditions.len());
                let condition = &mut status.conditions[place];
                match self.below(4) {
                    0 => condition.status = self.one(&[ConditionStatus::True, ConditionStatus::False]),
                    1 => condition.last_transition_time = condition.last_transition_time.map(|at| second(self, at)),
                    2 => condition.observed_generation = self.one(&[None, Some(1), Some(9)]),
                    _ => drop(status.conditions.remove(place)),
                }
            }
            6 => {
                status.container_statuses.pop();
            }
            _ => {
                let statuses = status
                    .init_container_statuses
                    .iter_mut()
                    .chain(&mut status.container_statuses);
                let mut statuses: Vec<_> = statuses.collect();
                if !statuses.is_empty() {
                    let place = self.below(statuses.len());
                    self.falsify_container(statuses[place]);
                }
            }
        }
    }

    fn falsify_container(&mut self, status: &mut ContainerStatus) {
        match self.below(6) {
            0 => status.ready = !status.ready,
            4 => _ = status.volume_mounts.clear(),
            1 => status.restart_count += self.one(&[-1, 1, 5]),
            2 => status.name = "another".into(),
            3 => {
                status.state = self.one(&[
                    ContainerState::Waiting(Waiting {
                        reason: Some("CrashLoopBackOff".into()),
                        message: None,
                    }),
                    ContainerState::Running(Running {
                        started_at: Timestamp(0),
                    }),
                ]);
            }
            _ => {
                if let ContainerState::Terminated(Terminated {
                    exit_code, finished_at, ..
                }) = &mut status.state
                {
                    match self.below(2) {
                        0 => *exit_code += 1,
                        _ => *finished_at = finished_at.map(|at| Timestamp(at.0 + 1)),
                    }
                }
            }
        }
    }
}

/// What is seldom drawn otherwise is drawn often.
fn weights() -> Weights {
    Weights {
        spread: 100,
        guests: 20,
        readiness_gates: 50,
        scheduling_gates: 20,
        sidecars: 80,
        init_containers: 40,
        probes: 30,
        pulls: 40,
        actions: 60,
        disruptions: 50,
        configuration: 50,
        objects: 50,
        users: 20,
        ..Weights::default()
    }
}

#[test]
fn each_objects_to_some_falsified_trace() {
    let mut silent: BTreeSet<&str> = invariants::all().map(|invariant| invariant.name).collect();
    let generator = Generator::new(weights());
    for run in 0..MOST_RUNS {
        let input: Rc<Input> = Rc::new(generator.scenario(4711, run));
        let records = sim::run(&input);
        let mut liar = Liar(ChaCha8Rng::seed_from_u64(run));
        for _ in 0..LIES {
            let mut lie = records.clone();
            liar.falsify(&mut lie);
            let mut checker = Checker::new(input.clone());
            lie.iter().for_each(|record| checker.observe(record));
            for violation in checker.violations() {
                silent.remove(violation.invariant);
            }
        }
        if silent.is_empty() {
            return;
        }
    }
    panic!("these have objected to nothing in {MOST_RUNS} runs: {silent:?}");
}
