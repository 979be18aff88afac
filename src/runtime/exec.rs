//! ExecSync and the network calls of probes: how long they take, and what cuts them short.

use super::abandon::Abandon;
use super::container::Container;
use super::service::{Runtime, rpc_error};
use crate::api::pod::Name;
use crate::kernel::{Duration, Gate, race};
use crate::scenario::types::{ProbeAnswer, ProbeWindow};
use crate::trace::{CallPhase, CriOp, ProbeType};

/// How a call into a container ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The answer came.
    Answered,
    /// It did not come in time.
    TimedOut,
    /// The container does not run, or its process ended during the call.
    Died,
    /// The caller lost interest.
    Cancelled,
}

/// What the other side of a probe does.
#[derive(Clone, Debug)]
pub struct ProbeReply {
    /// how it goes
    pub answer: ProbeAnswer,
    /// how long it takes
    pub takes: Duration,
    /// the handler's output
    pub message: Option<Name>,
    /// the status of an httpGet probe, if it is known
    pub status: Option<u16>,
    /// the exit code of an exec probe, if it is known
    pub exit_code: Option<i32>,
}

/// An ExecSync call.
pub struct ExecCall<'a> {
    /// `probe:Liveness`, `hook:preStop`
    pub purpose: &'static str,
    /// argv
    pub command: &'a [Name],
    /// how long the command runs
    pub takes: Duration,
    /// seconds, None: as long as it takes
    pub timeout: Option<i64>,
    /// the CRI error with which it ends by itself, in full
    pub error: Option<Name>,
    /// opens when the caller loses interest
    pub cancel: Option<&'a Gate>,
}

/// The error of ExecSync in a container that does not run.
pub const NOT_RUNNING: &str =
    "rpc error: code = Unknown desc = failed to exec in container: container is in CONTAINER_EXITED state";
/// The error of a call whose context is gone.
pub const CANCELED: &str = "rpc error: code = Canceled desc = context canceled";

impl Runtime {
    /// Waits for a call's end: the answer, the time-out, the death of the container, the caller's loss of interest.
    async fn call_into(
        &self,
        container: &Container,
        takes: Duration,
        timeout: Duration,
        cancel: Option<&Gate>,
    ) -> Ending {
        if !container.is_running() {
            return Ending::Died;
        }
        let answer = async {
            self.kernel.sleep(takes.min(timeout)).await;
            if takes > timeout {
                Ending::TimedOut
            } else {
                Ending::Answered
            }
        };
        let lost = async {
            match cancel {
                Some(cancel) => cancel.wait().await,
                None => std::future::pending().await,
            }
        };
        let cut = race(container.process.gone.wait(), lost);
        match race(answer, cut).await {
            Ok(ending) => ending,
            Err(Ok(())) => Ending::Died,
            Err(Err(())) => Ending::Cancelled,
        }
    }

    /// ExecSync: runs a command in the container.
    pub async fn exec_sync(&self, container: &Container, call: ExecCall<'_>) -> Ending {
        let Container { pod, name, attempt, .. } = container;
        let record = |phase, error: Option<Name>| {
            self.call(pod, Some(name), *attempt, CriOp::ExecSync, phase, |record| {
                record.purpose = Some(call.purpose);
                record.timeout = call.timeout;
                record.error = error;
            });
        };
        record(CallPhase::Begin, None);
        let alive = container.is_running();
        let timeout = call.timeout.map_or(Duration::MAX, Duration::from_secs);
        let abandoned = Abandon::new(|| {
            if !self.is_down() {
                record(CallPhase::End, Some(CANCELED.into()));
            }
        });
        let ending = self.call_into(container, call.takes, timeout, call.cancel).await;
        abandoned.defuse();
        let command = || call.command.join(" ");
        let error = match ending {
            Ending::Answered => call.error,
            Ending::TimedOut => Some(format!("command timed out: \"{}\" timed out after {timeout}", command()).into()),
            Ending::Died if alive => Some(format!("command '{}' exited with 137: ", command()).into()),
            Ending::Died => Some(NOT_RUNNING.into()),
            Ending::Cancelled => Some(CANCELED.into()),
        };
        record(CallPhase::End, error);
        ending
    }

    /// A call over the network to a port of the container.
    pub async fn network_call(&self, container: &Container, takes: Duration, timeout: Duration) -> Ending {
        self.call_into(container, takes, timeout, None).await
    }

    /// What the scenario says of a probe that begins now: the last window that has begun.
    pub fn scripted_reply(&self, container: &Container, kind: ProbeType) -> ProbeReply {
        let windows = match kind {
            ProbeType::Startup => &container.run.startup,
            ProbeType::Readiness => &container.run.readiness,
            ProbeType::Liveness => &container.run.liveness,
        };
        let since = container
            .started_at()
            .map_or(Duration::ZERO, |at| self.kernel.now() - at);
        let begun = windows.iter().filter(|w| w.from <= since);
        let in_force = begun.max_by_key(|w| w.from);
        // Before the first one nothing is wrong.
        let window = in_force.unwrap_or(&ProbeWindow::HEALTHY);
        let mut reply = ProbeReply {
            answer: window.answer(),
            takes: self.draws.next(container.ix.0, window.takes),
            message: window.message.clone(),
            status: window.status,
            exit_code: window.exit_code,
        };
        // A result that holds for a share of the calls only is the opposite for the others.
        if let Some(share) = window.probability
            && self.chances.next_u64() >> 32 >= u64::from(share)
        {
            reply.answer = match reply.answer {
                ProbeAnswer::Success => ProbeAnswer::Failure,
                ProbeAnswer::Failure | ProbeAnswer::Error => ProbeAnswer::Success,
            };
            (reply.status, reply.exit_code) = (None, None);
        }
        reply
    }
}

/// The error of a hook's command that exits with 1 and has printed `text`.
pub fn command_failed(command: &[Name], text: &str) -> Name {
    format!("command '{}' exited with 1: {text}", command.join(" ")).into()
}

/// The error of a hook's command whose container ended under it.
pub fn command_killed(command: &[Name]) -> Name {
    format!("command '{}' exited with 137: ", command.join(" ")).into()
}

/// An error of the runtime itself.
pub fn runtime_error(text: &str) -> Name {
    rpc_error(text)
}
