//! What a person would tell a colleague about the run, line by line, and a summary.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::api::pod::Name;
use crate::api::status::{ConditionStatus, PodStatus};
use crate::kernel::{Duration, Time};
use crate::scenario::types::Input;
use crate::trace::{ApiCall, CallPhase, CriOp, EndReason, ExitBy, HookType, Record, What};

/// How to show it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Every CRI call and status write too.
    pub verbose: bool,
}

/// The whole timeline with its summary.
pub fn render(records: &[Record], input: &Input, options: Options) -> String {
    let mut view = View {
        options,
        several: input.pods.len() > 1,
        ..View::default()
    };
    if let Some(description) = &input.scenario.description {
        let _ = writeln!(view.text, "{}: {description}\n", input.scenario.name);
    }
    for record in records {
        view.show(record);
    }
    view.summary(records.last());
    view.text
}

#[derive(Default)]
struct View {
    options: Options,
    several: bool,
    text: String,
    last: BTreeMap<Name, PodState>,
}

#[derive(Default)]
struct PodState {
    phase: String,
    ready: bool,
    first_ready: Option<Time>,
    restarts: BTreeMap<Name, i32>,
}

impl View {
    fn show(&mut self, record: &Record) {
        let container = record.container.as_deref().unwrap_or_default();
        let attempt = record.attempt.map_or(String::new(), |n| format!("#{n}"));
        let subject = if container.is_empty() {
            String::new()
        } else {
            format!("{container}{attempt}")
        };
        let verbose = self.options.verbose;
        match &record.what {
            What::Api(ApiCall {
                op: "delete",
                grace_period_seconds,
                ..
            }) => {
                let grace = grace_period_seconds.unwrap_or(0);
                self.line(record, &subject, &format!("deletion asked for, grace period {grace}s"));
            }
            What::Api(call) => self.line(
                record,
                &subject,
                &format!("pod {}", if call.op == "create" { "created" } else { call.op }),
            ),
            What::Cri(call) if call.op == CriOp::StartContainer && call.phase == CallPhase::End => {
                let text = match &call.error {
                    Some(error) => format!("did not start: {error}"),
                    None => "started".to_owned(),
                };
                self.line(record, &subject, &text);
            }
            What::Cri(call) if call.phase == CallPhase::End && call.error.is_some() && !verbose => {
                let error = call.error.as_deref().unwrap_or_default();
                self.line(record, &subject, &format!("{:?} failed: {error}", call.op));
            }
            What::Cri(call) if verbose => {
                let phase = if call.phase == CallPhase::Begin {
                    "begins"
                } else {
                    "ends"
                };
                self.line(record, &subject, &format!("{:?} {phase}", call.op));
            }
            What::Exit { code, reason, by } => {
                let by = match by {
                    ExitBy::Itself => "",
                    ExitBy::Term => " on SIGTERM",
                    ExitBy::Reboot => " with the machine",
                    ExitBy::Kill => " by SIGKILL",
                };
                self.line(record, &subject, &format!("exited with {code} ({reason}){by}"));
            }
            What::BackOff { length, until } => {
                self.line(record, &subject, &format!("back-off {length}, until {}", clock(*until)));
            }
            What::Event(event)
                if verbose
                    || matches!(
                        event.reason,
                        "Pulling" | "ErrImageNeverPull" | "FailedPostStartHook" | "FailedPreStopHook"
                    ) =>
            {
                self.line(
                    record,
                    &event.field_path,
                    &format!("{}: {}", event.reason, event.message),
                );
            }
            What::Event(event) if event.reason == "Pulled" && event.message.starts_with("Successfully") => {
                self.line(record, &event.field_path, &event.message);
            }
            What::Hook { hook, phase, .. } if *phase == CallPhase::Begin => {
                let name = if *hook == HookType::PostStart {
                    "postStart"
                } else {
                    "preStop"
                };
                self.line(record, &subject, &format!("{name} hook runs"));
            }
            What::Status(status) => self.status(record, status),
            What::Node { op } => self.line(record, &subject, &format!("node: {op}")),
            What::Volume { .. } => {}
            What::Note { note } => self.line(record, &subject, note),
            What::Cri(_) | What::Event(_) | What::Hook { .. } | What::Probe { .. } | What::End { .. } => {}
        }
    }

    fn status(&mut self, record: &Record, status: &PodStatus) {
        let Some(pod) = &record.pod else { return };
        let mut state = self.last.remove(pod).unwrap_or_default();
        let phase = format!("{:?}", status.phase);
        if phase != state.phase {
            self.line(record, "", &format!("phase {phase}"));
            state.phase = phase;
        }
        let ready = status
            .condition("Ready")
            .is_some_and(|c| c.status == ConditionStatus::True);
        if ready != state.ready {
            self.line(record, "", if ready { "pod is ready" } else { "pod is not ready" });
            state.ready = ready;
            if ready && state.first_ready.is_none() {
                state.first_ready = Some(record.at);
            }
        }
        for container in status.init_container_statuses.iter().chain(&status.container_statuses) {
            state.restarts.insert(container.name.clone(), container.restart_count);
        }
        self.last.insert(pod.clone(), state);
    }

    fn line(&mut self, record: &Record, subject: &str, what: &str) {
        let pod = record.pod.as_deref().unwrap_or_default();
        let pod = pod.strip_prefix("default/").unwrap_or(pod);
        let pod = if self.several {
            format!("{pod:<12} ")
        } else {
            String::new()
        };
        let subject = subject
            .split_once('{')
            .map_or(subject, |(_, name)| name.trim_end_matches('}'));
        let text = format!("{:>12}  {pod}{subject:<10} {what}", clock(record.at));
        self.text.push_str(text.trim_end());
        self.text.push('\n');
    }

    fn summary(&mut self, last: Option<&Record>) {
        self.text.push('\n');
        for (pod, state) in &self.last {
            let restarts: Vec<String> = state.restarts.iter().map(|(name, n)| format!("{name} {n}")).collect();
            let ready = state.first_ready.map_or("never".to_owned(), clock);
            let restarts = restarts.join(", ");
            let _ = writeln!(
                self.text,
                "{pod}: {}; restarts: {restarts}; first ready: {ready}",
                state.phase
            );
        }
        if let Some(Record {
            at,
            what: What::End { reason },
            ..
        }) = last
        {
            let why = match reason {
                EndReason::Horizon => "the horizon was reached",
                EndReason::NothingLeft => "nothing was left to happen",
            };
            let _ = writeln!(self.text, "simulated {}; {why}", clock(*at));
        }
    }
}

/// A time in whole milliseconds.
fn clock(at: Time) -> String {
    Duration(at.0 / 1_000_000 * 1_000_000).to_string()
}
