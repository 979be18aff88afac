//! Which records a person would mention, and in what words.

mod events;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::api::pod::Name;
use crate::api::resources::Requirements;
use crate::api::status::{ConditionStatus, PodStatus};
use crate::kernel::{Duration, Time};
use crate::scenario::types::Input;
use crate::trace::{ApiCall, CallPhase, CriCall, CriOp, ExitBy, HookType, ProbeOutcome, ProbeType, Record, What};
use crate::views::cause::{Reason, reason};
use crate::views::humane::{clock, span};

/// One thing that a person would mention.
pub(crate) struct Line {
    pub(crate) at: Time,
    /// The record's number, which orders lines.
    pub(crate) seq: u64,
    pub(crate) pod: Name,
    /// Empty for the pod itself.
    pub(crate) container: Name,
    pub(crate) attempt: Option<u32>,
    pub(crate) what: String,
    pub(crate) why: String,
    pub(crate) tone: Tone,
    /// What must be the same for two lines to be alike: no times, no attempts.
    pub(crate) key: String,
}

/// How a line is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tone {
    Plain,
    Dim,
    Good,
    Warn,
    Bad,
    Fold,
}

/// A pull that is over sooner than this is told in one line.
const LONG_PULL: Duration = Duration::from_secs(1);

/// The lines of the trace of an input, in its order.
pub(crate) fn lines(records: &[Record], input: &Input, verbose: bool) -> Vec<Line> {
    let mut teller = Teller {
        records,
        several_nodes: input.scenario.nodes.len() > 1,
        verbose,
        lines: Vec::new(),
        pods: BTreeMap::new(),
        containers: BTreeMap::new(),
    };
    for record in records {
        teller.tell(record);
    }
    teller.lines
}

struct Teller<'a> {
    records: &'a [Record],
    several_nodes: bool,
    verbose: bool,
    lines: Vec<Line>,
    pods: BTreeMap<Name, PodState>,
    containers: BTreeMap<(Name, Name), ContainerState>,
}

#[derive(Default)]
struct PodState {
    phase: &'static str,
    ready: bool,
    deadline_told: bool,
    waiting: BTreeMap<Name, Name>,
    resources: Option<Requirements>,
}

#[derive(Default)]
struct ContainerState {
    started: Option<Time>,
    last_exit: Option<String>,
    /// When the pull began, and the line that says so.
    pull: Option<(Time, usize)>,
    hook: Option<Time>,
    back_off_until: Option<Time>,
    streaks: BTreeMap<ProbeType, Streak>,
}

/// Failures of one probe in a row.
struct Streak {
    failures: u32,
    since: Time,
}

impl Teller<'_> {
    fn tell(&mut self, record: &Record) {
        match &record.what {
            What::Api(call) => self.api(record, call),
            What::Node { op, node } => self.node(record, op, node.as_deref()),
            What::Volume { volume, phase, error } => self.volume(record, volume, *phase, error.as_ref()),
            What::Cri(call) => self.cri(record, call),
            What::Exit { code, reason, by } => self.exit(record, *code, reason, *by),
            What::Probe { probe, result } => self.probe(record, *probe, *result),
            What::Hook { hook, phase, error } => self.hook(record, *hook, *phase, error.as_ref()),
            What::Event(event) => self.event(record, event),
            What::Status(status) => self.status(record, status),
            What::BackOff { length, until } => self.back_off(record, *length, *until),
            What::Command { command, .. } => {
                if self.verbose {
                    self.line(record, Tone::Dim, format!("$ {command}"), String::new());
                }
            }
            What::Log { text, .. } => {
                if self.verbose {
                    self.line(record, Tone::Dim, format!("| {text}"), String::new());
                }
            }
            What::Assumed { place, text, assumed } => {
                self.line(
                    record,
                    Tone::Warn,
                    format!("assumed: {assumed}"),
                    format!("{place}: {text}"),
                );
            }
            What::Note { note } => self.line(record, Tone::Warn, note.to_string(), String::new()),
            What::End { .. } => self.end(record),
        }
    }

    fn line(&mut self, record: &Record, tone: Tone, what: String, why: String) {
        let container = record.container.clone().unwrap_or_else(|| "".into());
        self.line_about(record, container, record.attempt, tone, what, why);
    }

    fn line_about(
        &mut self,
        record: &Record,
        container: Name,
        attempt: Option<u32>,
        tone: Tone,
        what: String,
        why: String,
    ) {
        // A sandbox's attempt is not a container's.
        let attempt = attempt.filter(|_| !container.is_empty());
        self.lines.push(Line {
            at: record.at,
            seq: record.seq,
            pod: record.pod.clone().unwrap_or_else(|| "".into()),
            key: format!("{container} {what}"),
            container,
            attempt,
            what,
            why,
            tone,
        });
    }

    fn container(&mut self, record: &Record) -> &mut ContainerState {
        let pod = record.pod.clone().unwrap_or_else(|| "".into());
        let container = record.container.clone().unwrap_or_else(|| "".into());
        self.containers.entry((pod, container)).or_default()
    }

    fn api(&mut self, record: &Record, call: &ApiCall) {
        let image = call.image.as_deref().unwrap_or_default();
        let grace = call.grace_period_seconds;
        let grace = grace.map_or(String::new(), |n| {
            format!("grace period {}", span(Duration::from_secs(n)))
        });
        let (tone, what, why) = match (&call.object, call.op) {
            (Some(object), "create") => (Tone::Plain, format!("{object} created"), String::new()),
            (Some(object), "delete") => (Tone::Warn, format!("{object} deleted"), String::new()),
            (Some(object), op) => (Tone::Plain, format!("{op} {object}"), String::new()),
            (None, "create") => (Tone::Plain, "pod created".to_owned(), String::new()),
            (None, "delete") => (Tone::Warn, "deletion asked for".to_owned(), grace),
            (None, "update") => (Tone::Warn, "deletion asked for again".to_owned(), grace),
            (None, "removed") => (Tone::Plain, "pod removed".to_owned(), String::new()),
            (None, "setImage") => (Tone::Plain, format!("image set to {image}"), String::new()),
            (None, "debug") => (
                Tone::Plain,
                format!("debug container added, image {image}"),
                String::new(),
            ),
            (None, "setCondition") => {
                let told = call
                    .condition
                    .as_ref()
                    .map(|(kind, status)| format!("condition {kind} set to {status:?}"));
                (Tone::Plain, told.unwrap_or_default(), String::new())
            }
            (None, op) => (Tone::Plain, words(op), String::new()),
        };
        self.line(record, tone, what, why);
    }

    fn node(&mut self, record: &Record, op: &str, node: Option<&str>) {
        let name = node.filter(|_| self.several_nodes);
        let (of, node) = name.map_or((String::new(), "node".to_owned()), |name| {
            (format!(" of node {name}"), format!("node {name}"))
        });
        let what = match op {
            "kubeletStop" => format!("kubelet{of} stops"),
            "kubeletStart" => format!("kubelet{of} starts"),
            "rebootBegin" => format!("{node} goes down for a reboot"),
            "rebootEnd" => format!("{node} is up again"),
            "shutdown" => format!("{node} shuts down"),
            "shutdownDone" => format!("{node} has shut down"),
            "killSandbox" => "sandbox killed".to_owned(),
            other => words(other),
        };
        self.line(record, Tone::Warn, what, String::new());
    }

    fn volume(&mut self, record: &Record, volume: &Name, phase: CallPhase, error: Option<&Name>) {
        let (tone, what) = match (phase, error) {
            (CallPhase::End, Some(_)) => (Tone::Bad, format!("volume {volume} cannot be mounted")),
            _ if !self.verbose => return,
            (CallPhase::Begin, _) => (Tone::Dim, format!("volume {volume} is mounted: begins")),
            (CallPhase::End, None) => (Tone::Dim, format!("volume {volume} is mounted: ends")),
        };
        self.line(record, tone, what, error.map_or(String::new(), |e| e.to_string()));
    }

    fn cri(&mut self, record: &Record, call: &CriCall) {
        let begins = call.phase == CallPhase::Begin;
        let error = call.error.as_deref();
        match call.op {
            CriOp::PullImage => self.pull(record, call),
            CriOp::StartContainer if !begins => {
                let state = self.container(record);
                state.streaks.clear();
                state.back_off_until = None;
                let last_exit = state.last_exit.clone();
                if let Some(error) = error {
                    self.line(record, Tone::Bad, "did not start".to_owned(), plain_error(error));
                    return;
                }
                self.container(record).started = Some(record.at);
                let (what, why) = match record.attempt {
                    Some(1..) => ("restarted", last_exit.unwrap_or_default()),
                    _ => ("started", String::new()),
                };
                self.line(record, Tone::Good, what.to_owned(), why);
            }
            CriOp::StopContainer if begins && !self.verbose => {
                let grace = call.timeout.unwrap_or(0);
                let why = self.because(record);
                let grace = span(Duration::from_secs(grace));
                self.line(record, Tone::Warn, format!("SIGTERM, {grace} grace"), why);
            }
            op if self.verbose => {
                let phase = if begins { "begins" } else { "ends" };
                let mut why: Vec<String> = Vec::new();
                why.extend(call.purpose.map(str::to_owned));
                why.extend(call.timeout.map(|secs| format!("timeout {secs}s")));
                why.extend(error.map(str::to_owned));
                self.line(record, Tone::Dim, format!("{op:?} {phase}"), why.join(", "));
            }
            CriOp::ExecSync => {}
            op => {
                if let Some(error) = error {
                    self.line(record, Tone::Bad, format!("{op:?} failed"), plain_error(error));
                }
            }
        }
    }

    fn pull(&mut self, record: &Record, call: &CriCall) {
        let image = call.image.clone().unwrap_or_else(|| "".into());
        if call.phase == CallPhase::Begin {
            let line = self.lines.len();
            self.container(record).pull = Some((record.at, line));
            self.line(record, Tone::Plain, format!("pulling {image}"), String::new());
            return;
        }
        let began = self.container(record).pull.take();
        let takes = began.map_or(Duration::ZERO, |(at, _)| record.at - at);
        let (tone, what, why) = match &call.error {
            None => (Tone::Plain, format!("pulled {image}"), format!("took {}", span(takes))),
            Some(error) => (Tone::Bad, format!("pull of {image} failed"), plain_error(error)),
        };
        if let Some((_, line)) = began
            && takes < LONG_PULL
            && !self.verbose
            && line + 1 == self.lines.len()
        {
            self.lines.pop();
        }
        self.line(record, tone, what, why);
    }

    fn exit(&mut self, record: &Record, code: i32, reason: &Name, by: ExitBy) {
        let state = self.container(record);
        let lived = state.started.take().map(|at| format!("ran {}", span(record.at - at)));
        state.last_exit = Some(format!("exited with {code} ({reason})"));
        let by = match by {
            ExitBy::Itself => "",
            ExitBy::Term => " on SIGTERM",
            ExitBy::Kill => ", killed",
            ExitBy::Reboot => ", the machine went down",
        };
        let tone = if code == 0 { Tone::Plain } else { Tone::Bad };
        let what = format!("exited with {code} ({reason}){by}");
        self.line(record, tone, what, lived.unwrap_or_default());
    }

    fn probe(&mut self, record: &Record, probe: ProbeType, result: ProbeOutcome) {
        if self.verbose {
            let what = format!("{} probe: {}", probe_name(probe), outcome_name(result));
            self.line(record, Tone::Dim, what, String::new());
        }
        if result != ProbeOutcome::Success {
            return;
        }
        let Some(streak) = self.container(record).streaks.remove(&probe) else {
            return;
        };
        let why = format!("after {}", streak.told(record.at));
        self.line(record, Tone::Good, format!("{} probe succeeds", probe_name(probe)), why);
    }

    fn hook(&mut self, record: &Record, hook: HookType, phase: CallPhase, error: Option<&Name>) {
        let name = match hook {
            HookType::PostStart => "postStart",
            HookType::PreStop => "preStop",
        };
        match (phase, error) {
            (CallPhase::Begin, _) => {
                self.container(record).hook = Some(record.at);
                self.line(record, Tone::Plain, format!("{name} hook runs"), String::new());
            }
            (CallPhase::End, Some(error)) => {
                self.line(record, Tone::Bad, format!("{name} hook failed"), error.to_string());
            }
            (CallPhase::End, None) => {
                let began = self.container(record).hook.take();
                let why = began.map_or(String::new(), |at| format!("took {}", span(record.at - at)));
                self.line(record, Tone::Plain, format!("{name} hook done"), why);
            }
        }
    }

    fn back_off(&mut self, record: &Record, length: Duration, until: Time) {
        let state = self.container(record);
        // Every sync within the back-off asks again; it is armed once.
        if state.back_off_until.replace(until) != Some(until) || self.verbose {
            let why = format!("until {}", clock(until));
            self.line(record, Tone::Warn, format!("back-off {}", span(length)), why);
        }
    }

    fn status(&mut self, record: &Record, status: &Arc<PodStatus>) {
        let Some(pod) = &record.pod else { return };
        let mut state = self.pods.remove(pod).unwrap_or_default();
        let phase = status.phase.as_str();
        let mut said = false;
        if phase != state.phase {
            said = true;
            let tone = match phase {
                "Succeeded" => Tone::Good,
                "Failed" => Tone::Bad,
                _ => Tone::Plain,
            };
            let reason = status.reason.as_deref().unwrap_or_default();
            let message = status.message.as_deref().unwrap_or_default();
            let why = [reason, message]
                .into_iter()
                .filter(|t| !t.is_empty())
                .collect::<Vec<_>>();
            self.line(record, tone, format!("phase {phase}"), why.join(": "));
            state.phase = phase;
        }
        said |= self.waiting(record, status, &mut state);
        let condition = status.condition("Ready");
        let ready = condition.is_some_and(|c| c.status == ConditionStatus::True);
        if ready != state.ready {
            said = true;
            state.ready = ready;
            let why = condition
                .and_then(|c| c.message.as_deref().or(c.reason.as_deref()))
                .unwrap_or_default();
            let (tone, what) = if ready {
                (Tone::Good, "pod is ready")
            } else {
                (Tone::Warn, "pod is not ready")
            };
            self.line(record, tone, what.to_owned(), why.to_owned());
        }
        if self.verbose && !said {
            let resources = status
                .resources
                .as_ref()
                .filter(|now| state.resources.as_ref() != Some(now));
            let why = resources.map(|now| format!("resources: {now}")).unwrap_or_default();
            self.line(record, Tone::Dim, "status written".to_owned(), why);
        }
        state.resources.clone_from(&status.resources);
        self.pods.insert(pod.clone(), state);
    }

    /// Tells why containers wait, where no other record does.
    fn waiting(&mut self, record: &Record, status: &PodStatus, state: &mut PodState) -> bool {
        let mut said = false;
        for container in status.init_container_statuses.iter().chain(&status.container_statuses) {
            let waiting = match &container.state {
                crate::api::status::ContainerState::Waiting(waiting) => waiting.reason.clone(),
                _ => None,
            };
            let Some(reason) = waiting else {
                state.waiting.remove(&container.name);
                continue;
            };
            let changed = state.waiting.insert(container.name.clone(), reason.clone()).as_ref() != Some(&reason);
            if changed && matches!(&*reason, "CrashLoopBackOff" | "ImagePullBackOff") {
                said = true;
                self.line_about(
                    record,
                    container.name.clone(),
                    None,
                    Tone::Warn,
                    format!("shows {reason}"),
                    String::new(),
                );
            }
        }
        said
    }

    fn end(&mut self, record: &Record) {
        let mut open = Vec::new();
        for ((pod, container), state) in &mut self.containers {
            for (probe, streak) in std::mem::take(&mut state.streaks) {
                if streak.failures > 1 && state.started.is_some() {
                    open.push((pod.clone(), container.clone(), probe, streak));
                }
            }
        }
        for (pod, container, probe, streak) in open {
            let of_pod = Record {
                pod: Some(pod),
                ..record.clone()
            };
            let what = format!("{} probe still fails", probe_name(probe));
            self.line_about(&of_pod, container, None, Tone::Warn, what, streak.told(record.at));
        }
    }

    /// The reason of a record in a few words.
    fn because(&self, record: &Record) -> String {
        match reason(self.records, record) {
            Some(Reason::Deletion(at)) => format!("deletion asked for at {}", clock(at)),
            Some(Reason::Exit(exit)) => {
                let name = exit.container.as_deref().unwrap_or_default();
                format!("{name} ended")
            }
            Some(Reason::Probe(probe)) => match probe.what {
                What::Probe { probe, .. } => format!("{} probe failed", probe_name(probe)),
                _ => String::new(),
            },
            Some(Reason::Killing(message)) => message.to_owned(),
            None => String::new(),
        }
    }
}

impl Streak {
    fn told(&self, now: Time) -> String {
        if self.failures == 1 {
            return "1 failure".to_owned();
        }
        format!("{} failures in {}", self.failures, span(now - self.since))
    }
}

fn probe_name(probe: ProbeType) -> &'static str {
    match probe {
        ProbeType::Startup => "startup",
        ProbeType::Readiness => "readiness",
        ProbeType::Liveness => "liveness",
    }
}

fn outcome_name(outcome: ProbeOutcome) -> &'static str {
    match outcome {
        ProbeOutcome::Success => "success",
        ProbeOutcome::Failure => "failure",
        ProbeOutcome::Error => "error",
        ProbeOutcome::Timeout => "timeout",
    }
}

/// A CRI error without its gRPC wrapping.
fn plain_error(error: &str) -> String {
    let prefix = "rpc error: code = Unknown desc = ";
    error.strip_prefix(prefix).unwrap_or(error).to_owned()
}

/// An event's reason in words: `FailedMount` is `failed mount`.
fn words(reason: &str) -> String {
    let mut text = String::new();
    for c in reason.chars() {
        if c.is_uppercase() && !text.is_empty() {
            text.push(' ');
        }
        text.extend(c.to_lowercase());
    }
    text
}
