//! A record as a sentence.

use super::cause::{THROTTLED, throttled_pull};
use super::humane::{clock, short_name, span};
use super::spans::probe_word;
use crate::kernel::Duration;
use crate::trace::{CallPhase, CriOp, ExitBy, HookType, ProbeOutcome, Record, What};

/// What the record says, for records that are steps of an explanation; None for those that only carry
/// a cause along (a call begins, a read).
pub fn sentence(record: &Record) -> Option<String> {
    let who = who(record);
    if let Some(image) = throttled_pull(record) {
        return Some(format!("the pull of image {image} was turned away: {THROTTLED}"));
    }
    Some(match &record.what {
        What::Api(call) => match (&call.object, call.op, call.grace_period_seconds) {
            (Some(object), op, _) => format!("{object}: {op}"),
            (None, "create", _) => format!("{who} was created"),
            (None, "delete", Some(grace)) => format!(
                "the deletion of {who} was asked for, with a grace period of {}",
                span(Duration::from_secs(grace))
            ),
            (None, "update", Some(grace)) => {
                format!(
                    "the grace period of {who} was shortened to {}",
                    span(Duration::from_secs(grace))
                )
            }
            (None, "removed", _) => format!("{who} was removed from the API"),
            (None, op, _) => format!("{op} of {who}"),
        },
        What::Cri(call) => match (call.op, call.phase, &call.error) {
            (op, CallPhase::End, Some(error)) => format!("{op:?} for {who} failed: {error}"),
            (CriOp::StartContainer, CallPhase::End, None) => format!("{who} was started"),
            (CriOp::StopContainer, CallPhase::Begin, _) => {
                let grace = span(Duration::from_secs(call.timeout.unwrap_or(0)));
                format!("{who} got SIGTERM, with {grace} until SIGKILL")
            }
            (CriOp::PullImage, CallPhase::Begin, _) => {
                format!("the pull of image {} began", call.image.as_deref().unwrap_or_default())
            }
            (CriOp::PullImage, CallPhase::End, None) => {
                format!("image {} was pulled", call.image.as_deref().unwrap_or_default())
            }
            (CriOp::RunPodSandbox, CallPhase::End, None) => format!("the sandbox of {who} was ready"),
            (_, _, _) => return None,
        },
        What::Exit { code, reason, by } => match by {
            ExitBy::Itself => format!("{who} exited by itself with code {code} ({reason})"),
            ExitBy::Term => format!("{who} exited on SIGTERM with code {code} ({reason})"),
            ExitBy::Kill => format!("{who} was killed: code {code} ({reason})"),
            ExitBy::Reboot => format!("{who} went down with the machine: code {code} ({reason})"),
        },
        What::Probe { probe, result } => {
            let word = match result {
                ProbeOutcome::Success => "succeeded",
                ProbeOutcome::Failure => "failed",
                ProbeOutcome::Error => "could not be made",
                ProbeOutcome::Timeout => "timed out",
            };
            format!("the {} probe of {who} {word}", probe_word(*probe))
        }
        What::Hook { hook, phase, error } => {
            let name = match hook {
                HookType::PostStart => "postStart",
                HookType::PreStop => "preStop",
            };
            match (phase, error) {
                (CallPhase::Begin, _) => format!("the {name} hook of {who} began"),
                (CallPhase::End, Some(error)) => format!("the {name} hook of {who} failed: {error}"),
                (CallPhase::End, None) => format!("the {name} hook of {who} ended"),
            }
        }
        What::Event(event) if event.warning || event.reason == "Killing" => {
            format!("event {}: {}", event.reason, event.message.trim())
        }
        What::BackOff { length, until } => {
            format!(
                "{who} was put into a back-off of {}, until {}",
                span(*length),
                clock(*until)
            )
        }
        What::Node { op, .. } => format!("the node: {op}"),
        What::Volume { volume, error, .. } => match error {
            Some(error) => format!("volume {volume} could not be mounted: {error}"),
            None => return None,
        },
        What::Command { command, .. } => format!("{who} ran {command}"),
        What::Assumed { text, assumed, .. } => format!("{text}: {assumed}"),
        What::Log { text, .. } => format!("{who} wrote {text}"),
        What::Note { note } => note.to_string(),
        What::Status(status) => format!("the API was told of {who}: phase {}", status.phase.as_str()),
        What::Event(_) | What::End { .. } => return None,
    })
}

/// `container app (attempt 2)`, or the pod.
fn who(record: &Record) -> String {
    match (&record.container, record.attempt) {
        (Some(container), Some(attempt)) => format!("container {container}#{attempt}"),
        (Some(container), None) => format!("container {container}"),
        (None, _) => format!("pod {}", short_name(record.pod.as_deref().unwrap_or_default())),
    }
}
