//! Why a pod is as it is: its present state, and from there back to what the scenario did, with the rules at work.

use std::fmt::Write;

use super::cause::{chain, failed_pull, throttled_pull};
use super::humane::{clock, human_duration, short_name, span, wrap};
use super::kubectl;
use super::objects::{self, PodAt};
use super::say::sentence;
use super::spans::probe_word;
use crate::api::pod::{Container, RestartPolicy};
use crate::api::status::{ConditionStatus, ContainerState};
use crate::kernel::{Duration, Time};
use crate::scenario::lookup;
use crate::scenario::types::Input;
use crate::trace::{CallPhase, CriOp, ExitBy, ProbeOutcome, ProbeType, Record, What};

/// Steps of one chain that are told; the rest is summed up.
const LONGEST_CHAIN: usize = 14;

/// Explains the pod of that full name at `time`. Columns beyond `width` are wrapped.
pub fn render(records: &[Record], input: &Input, full_name: &str, time: Time, width: Option<usize>) -> String {
    let past = &records[..records.partition_point(|r| r.at <= time)];
    let mut text = Text {
        text: String::new(),
        width: width.unwrap_or(usize::MAX),
    };
    let pods = objects::at(past, input, time);
    let explainer = Explainer { past, input, full_name };
    let Some(pod) = pods.iter().find(|p| &*p.full_name == full_name) else {
        explainer.absent(&mut text, time);
        return text.text;
    };
    explainer.state(&mut text, pod, time);
    let mut told: Vec<u64> = Vec::new();
    for (what, record) in explainer.questions(pod) {
        // Several questions may have the same answer.
        if told.contains(&record.seq) {
            continue;
        }
        told.push(record.seq);
        let _ = writeln!(text.text, "\n{what}");
        explainer.chain(&mut text, record);
    }
    text.text
}

struct Text {
    text: String,
    width: usize,
}

impl Text {
    fn step(&mut self, at: Time, sentence: &str) {
        self.hang(&format!("{:>12}  ", clock(at)), sentence);
    }

    fn rule(&mut self, sentence: &str) {
        self.hang(&format!("{:>12}  ↳ ", ""), sentence);
    }

    fn hang(&mut self, head: &str, sentence: &str) {
        let indent = head.chars().count();
        for (number, line) in wrap(sentence, self.width.saturating_sub(indent).max(24))
            .iter()
            .enumerate()
        {
            let head = if number == 0 { head } else { "" };
            let _ = writeln!(self.text, "{head:<indent$}{line}");
        }
    }
}

struct Explainer<'a> {
    past: &'a [Record],
    input: &'a Input,
    full_name: &'a str,
}

impl<'a> Explainer<'a> {
    /// The pod is not in the API: it has never been, or it is gone, and why.
    fn absent(&self, text: &mut Text, time: Time) {
        let name = short_name(self.full_name);
        let mut removed = self
            .past
            .iter()
            .rev()
            .filter(|r| r.pod.as_deref() == Some(self.full_name));
        match removed.find(|r| matches!(&r.what, What::Api(call) if call.op == "removed")) {
            Some(record) => {
                let _ = writeln!(
                    text.text,
                    "At {} pod {name} is gone.\n\nIt was removed from the API:",
                    clock(time)
                );
                self.chain(text, record);
            }
            None => {
                let _ = writeln!(text.text, "At {} pod {name} has not been created.", clock(time));
            }
        }
    }

    fn state(&self, text: &mut Text, pod: &PodAt, time: Time) {
        let row = kubectl::row_at(pod, time);
        let restarts = match &*row.restarts {
            "0" => "no restarts".to_owned(),
            count => format!("restarts: {count}"),
        };
        let _ = writeln!(
            text.text,
            "At {} pod {} shows {}: phase {}, {} ready, {restarts}, age {}.",
            clock(time),
            short_name(self.full_name),
            row.status,
            pod.status.phase.as_str(),
            row.ready,
            row.age,
        );
        let statuses = pod
            .status
            .init_container_statuses
            .iter()
            .chain(&pod.status.container_statuses);
        for status in statuses {
            let state = match &status.state {
                ContainerState::Running(running) => {
                    let since = human_duration(pod.timestamp(time).0 - running.started_at.0);
                    let ready = if status.ready { "ready" } else { "not ready" };
                    format!("running for {since}, {ready}")
                }
                ContainerState::Waiting(waiting) => {
                    format!("waiting: {}", waiting.reason.as_deref().unwrap_or("no reason given"))
                }
                ContainerState::Terminated(ended) => {
                    let reason = ended.reason.as_deref().unwrap_or("no reason given");
                    format!("terminated: exit code {} ({reason})", ended.exit_code)
                }
            };
            let _ = writeln!(text.text, "  container {} is {state}", status.name);
        }
    }

    /// What there is to ask about the pod's state, each with the record that brought it about.
    fn questions(&self, pod: &PodAt) -> Vec<(String, &'a Record)> {
        let mut questions = Vec::new();
        let of_pod = || {
            self.past
                .iter()
                .rev()
                .filter(|r| r.pod.as_deref() == Some(self.full_name))
        };
        if pod.deletion.is_some() {
            let deletion = of_pod().find(|r| matches!(&r.what, What::Api(call) if call.op == "delete"));
            questions.extend(deletion.map(|r| ("Why it is being deleted:".to_owned(), r)));
        }
        for status in pod
            .status
            .init_container_statuses
            .iter()
            .chain(&pod.status.container_statuses)
        {
            let name = &status.name;
            let question = match &status.state {
                ContainerState::Waiting(waiting) => {
                    let reason = waiting.reason.as_deref().unwrap_or("waiting");
                    format!("Why container {name} is {reason}:")
                }
                ContainerState::Terminated(_) => format!("Why container {name} is terminated:"),
                ContainerState::Running(_) if !status.ready => format!("Why container {name} is not ready:"),
                ContainerState::Running(_) => format!("Why container {name} runs:"),
            };
            let unready = matches!(status.state, ContainerState::Running(_)) && !status.ready;
            let ready_probe = |r: &&Record| {
                let readiness = |p: ProbeType| p != ProbeType::Liveness;
                matches!(r.what, What::Probe { probe, result } if readiness(probe) && result != ProbeOutcome::Success)
            };
            let of_container = || of_pod().filter(|r| r.about() == Some(name));
            let probe = of_container().find(ready_probe).filter(|_| unready);
            let record = probe.or_else(|| of_container().find(|r| brings_about(r)));
            let ended = record.is_some_and(|r| matches!(r.what, What::Exit { .. }));
            let question = if ended && matches!(status.state, ContainerState::Running(_)) {
                format!("Why container {name} has ended, which the API does not show yet:")
            } else {
                question
            };
            questions.extend(record.map(|r| (question, r)));
        }
        let ready = pod
            .status
            .condition("Ready")
            .is_some_and(|c| c.status == ConditionStatus::True);
        if questions.is_empty() || pod.status.is_terminal() && !ready {
            let status = of_pod().find(|r| matches!(&r.what, What::Status(s) if s.phase == pod.status.phase));
            let last = status.or_else(|| of_pod().next());
            let question = format!("Why its phase is {}:", pod.status.phase.as_str());
            questions.extend(last.map(|r| (question, r)));
        }
        questions
    }

    /// The record and its causes, with the rules, latest first.
    fn chain(&self, text: &mut Text, record: &Record) {
        let steps: Vec<(&Record, String)> = std::iter::successors(Some(record), |r| self.led_to(r))
            .filter(|r| r.seq == record.seq || !is_retold(r))
            .filter_map(|r| sentence(r).map(|text| (r, text)))
            .collect();
        let shown = steps.len().min(LONGEST_CHAIN);
        let (first, cut) = match steps.len() {
            // The beginning matters more than the middle.
            count if count > LONGEST_CHAIN => (shown - 1, count - LONGEST_CHAIN),
            _ => (shown, 0),
        };
        for (record, sentence) in &steps[..first] {
            self.told(text, record, sentence);
        }
        if cut > 0 {
            let _ = writeln!(text.text, "{:>12}  and {cut} steps more, back to", "…");
        }
        for (record, sentence) in &steps[first + cut..] {
            self.told(text, record, sentence);
        }
    }

    /// What led to a record. Where a timer did, that is what the timer was set for: a back-off counts from the end
    /// of a life, an image's from the pull that failed.
    fn led_to<'r>(&'r self, record: &'r Record) -> Option<&'r Record> {
        let before = &self.past[..self.past.partition_point(|r| r.seq < record.seq)];
        let of_pod = || before.iter().rev().filter(|r| r.pod == record.pod);
        let counted_from = match &record.what {
            What::BackOff { .. } => of_pod().find(|r| r.container == record.container && ends_life(r)),
            What::Event(event) if event.message.contains("ImagePull") || event.message.contains("pulling image") => {
                self.pull_before(before, record)
            }
            _ => None,
        };
        counted_from.or_else(|| {
            let cause = chain(self.past, record).nth(1)?;
            // The kubelet looks after all pods in one loop: what woke it may be another pod's affair. Calls of the API are
            // not its own; one pod's end may be why the next is created.
            let is_own = cause.pod.is_none() || cause.pod == record.pod;
            let is_own = is_own || record.pod.is_none() || matches!(record.what, What::Api(_));
            let name = record.about();
            let of_another = name.is_some() && ends_life(cause) && cause.about() != name;
            if is_own && !of_another {
                return Some(cause);
            }
            // What is started again has ended before, what is started at all comes after something else of the pod.
            let again = of_pod().find(|r| name.is_some() && r.about() == name && ends_life(r));
            let own_cause = Some(cause).filter(|_| is_own);
            again.or(own_cause).or_else(|| of_pod().find(|r| moves_on(r)))
        })
    }

    /// The container's last pull that failed before an event: the call, or the event of a pull that was turned away.
    fn pull_before<'r>(&self, before: &'r [Record], event: &Record) -> Option<&'r Record> {
        let of_pod = |end: usize| {
            before[..end]
                .iter()
                .enumerate()
                .rev()
                .filter(|(_, r)| r.pod == event.pod)
        };
        let (at, told, image) = of_pod(before.len())
            .filter(|(_, r)| r.about() == event.about())
            .find_map(|(at, r)| failed_pull(r).map(|(image, _)| (at, r, image)))?;
        if throttled_pull(told).is_some() {
            return Some(told);
        }
        let is_call = |r: &&Record| {
            matches!(&r.what, What::Cri(call) if call.op == CriOp::PullImage && call.error.is_some()
                && call.image.as_deref() == Some(image))
        };
        of_pod(at).map(|(_, r)| r).find(is_call)
    }

    fn told(&self, text: &mut Text, record: &Record, sentence: &str) {
        text.step(record.at, sentence);
        if let Some(rule) = self.rule(record) {
            text.rule(&rule);
        }
    }

    fn container(&self, record: &Record) -> Option<&'a Container> {
        let pod = self
            .input
            .pods
            .iter()
            .find(|p| Some(&*p.pod.full_name()) == record.pod.as_deref())?;
        pod.pod.find_container(record.container.as_deref()?).map(|(_, c)| c)
    }

    /// The rule that made this step follow from the one before: its place upstream and its numbers.
    fn rule(&self, record: &Record) -> Option<String> {
        let pod = self
            .input
            .pods
            .iter()
            .find(|p| Some(&*p.pod.full_name()) == record.pod.as_deref())?;
        match &record.what {
            What::BackOff { length, until } => Some(self.back_off_rule(record, *length, *until)),
            What::Exit { by, .. } => self.exit_rule(record, *by),
            What::Probe { probe, result } if *result != ProbeOutcome::Success => self.probe_rule(record, *probe),
            What::Cri(call) => match (call.op, call.phase) {
                (CriOp::StopContainer, CallPhase::Begin) => {
                    let own = pod.pod.spec.termination_grace_period_seconds;
                    let seconds = call.timeout.unwrap_or(0);
                    let pods_own = Duration::from_secs(own);
                    Some(format!(
                        "kuberuntime_container.go: killContainer: SIGKILL would follow after {seconds}s \
                         (the pod's terminationGracePeriodSeconds: {})",
                        span(pods_own)
                    ))
                }
                (CriOp::StartContainer, CallPhase::End) if record.attempt.unwrap_or(0) > 0 => {
                    let own = self.container(record).and_then(|c| c.restart_policy);
                    let policy = match own.unwrap_or(pod.pod.spec.restart_policy) {
                        RestartPolicy::Always => "Always",
                        RestartPolicy::OnFailure => "OnFailure",
                        RestartPolicy::Never => "Never",
                    };
                    Some(format!("kuberuntime_manager.go: computePodActions: restartPolicy {policy} starts it again"))
                }
                (CriOp::PullImage, CallPhase::End) if call.error.is_some() => Some(
                    "images/image_manager.go: EnsureImageExists: the next pull waits 10s, then twice as long each \
                     time, 5m at most"
                        .to_owned(),
                ),
                (_, _) => None,
            },
            What::Event(_) if throttled_pull(record).is_some() => Some(self.throttle_rule(record)),
            What::Event(event) if event.reason == "Killing" && event.message.contains("failed liveness") => {
                Some("kuberuntime_manager.go: computePodActions: a container that fails its liveness probe is killed and restarted in one sync".to_owned())
            }
            What::Event(event) if event.reason == "Killing" && event.message.contains("failed startup") => {
                Some("kuberuntime_manager.go: computePodActions: a container that fails its startup probe is killed and restarted in one sync".to_owned())
            }
            What::Api(call) if call.op == "create" || call.op == "delete" => {
                let scripted = self.input.scenario.actions.iter().any(|a| a.at == record.at);
                Some(if scripted {
                    format!("an action of the scenario, at {}", clock(record.at))
                } else {
                    "the manifest is there from the start".to_owned()
                })
                .filter(|_| call.op == "create" || scripted)
            }
            _ => None,
        }
    }

    fn throttle_rule(&self, record: &Record) -> String {
        let scenario = &self.input.scenario;
        let pods = self.input.pods.iter().zip(lookup::nodes_of_pods(self.input));
        let mut of_pod = pods.filter(|(pod, _)| Some(&*pod.pod.full_name()) == record.pod.as_deref());
        let node = of_pod.next().and_then(|(_, place)| scenario.nodes.get(place));
        let kubelet = node.map_or(&scenario.kubelet, |node| &node.kubelet);
        format!(
            "images/helpers.go: throttleImagePulling: the pods of a node begin at most registryBurst ({}) pulls at once and \
             registryPullQPS ({}) a second from then on; the next try waits 10s, then twice as long each time, 5m at most",
            kubelet.registry_burst, kubelet.registry_pull_qps
        )
    }

    fn back_off_rule(&self, record: &Record, length: Duration, until: Time) -> String {
        let from = until - length;
        let earlier = self
            .past
            .iter()
            .filter(|r| r.seq < record.seq && r.pod == record.pod && r.container == record.container);
        let previous = earlier.rev().find_map(|r| match &r.what {
            What::BackOff { length: l, .. } if *l < length => Some(*l),
            _ => None,
        });
        let grown = match previous {
            Some(previous) if length == previous.times(2) => format!("twice the {} before", span(previous)),
            Some(previous) => format!("twice the {} before, cut to the longest there is", span(previous)),
            None => "the first one".to_owned(),
        };
        format!(
            "kuberuntime_manager.go: doBackOff: {}, {grown}, counted from the end of the last life at {}; \
             ten minutes without a crash reset it",
            span(length),
            clock(from)
        )
    }

    fn exit_rule(&self, record: &Record, by: ExitBy) -> Option<String> {
        let name = lookup::parts(record.pod.as_deref()?);
        let container = record.container.as_deref()?;
        let script = lookup::script(&self.input.scenario.containers, name, container);
        let before = self.past.iter().filter(|r| r.seq < record.seq && r.pod == record.pod);
        let creates = before.filter(|r| {
            let created =
                matches!(&r.what, What::Cri(c) if c.op == CriOp::CreateContainer && c.phase == CallPhase::Begin);
            created && r.container == record.container
        });
        let number = creates.count().saturating_sub(1);
        let runs = script.map_or(0, |s| s.runs.len());
        let script = match runs {
            0 if by == ExitBy::Itself => {
                format!(
                    "the scenario has no script for {container}: the program that its spec names is played, and ended"
                )
            }
            0 => format!(
                "the scenario has no script for {container}: a program that is played ends as it handles SIGTERM, \
                 any other at once"
            ),
            runs => {
                let run = number.min(runs - 1);
                format!("the scenario's script for {container}, runs[{run}]")
            }
        };
        match by {
            ExitBy::Itself | ExitBy::Term => Some(script),
            ExitBy::Kill => {
                Some("SIGKILL: the grace period was over, or an action of the scenario killed it".to_owned())
            }
            ExitBy::Reboot => None,
        }
    }

    fn probe_rule(&self, record: &Record, probe: ProbeType) -> Option<String> {
        let container = self.container(record)?;
        let spec = match probe {
            ProbeType::Startup => &container.startup_probe,
            ProbeType::Readiness => &container.readiness_probe,
            ProbeType::Liveness => &container.liveness_probe,
        };
        let spec = spec.as_ref()?;
        let same = |r: &&Record| {
            let of_probe = matches!(r.what, What::Probe { probe: p, .. } if p == probe);
            of_probe && r.pod == record.pod && r.container == record.container && r.attempt == record.attempt
        };
        let before = self.past.iter().rev().filter(|r| r.seq <= record.seq).filter(same);
        let failed = |r: &&Record| {
            !matches!(
                r.what,
                What::Probe {
                    result: ProbeOutcome::Success,
                    ..
                }
            )
        };
        let in_a_row: Vec<&Record> = before.take_while(failed).collect();
        let since = in_a_row.last().map_or(record.at, |r| r.at);
        Some(format!(
            "prober/worker.go: doProbe: failure {} in a row since {}, failureThreshold {}, periodSeconds {}, \
             timeoutSeconds {}, initialDelaySeconds {} ({})",
            in_a_row.len(),
            clock(since),
            spec.failure_threshold,
            spec.period_seconds,
            spec.timeout_seconds,
            spec.initial_delay_seconds,
            probe_word(probe),
        ))
    }
}

/// Whether a record is the end of a container's life, or of the attempt to begin one.
fn ends_life(record: &Record) -> bool {
    match &record.what {
        What::Exit { .. } => true,
        What::Cri(call) => call.op == CriOp::StartContainer && call.error.is_some(),
        _ => false,
    }
}

/// Whether a record is one after which a kubelet may have something to do for the pod: it is another one than before.
fn moves_on(record: &Record) -> bool {
    match &record.what {
        What::Exit { .. } => true,
        What::Api(call) => call.object.is_none(),
        What::Cri(call) => call.op == CriOp::RunPodSandbox && call.phase == CallPhase::End,
        What::Node { op, .. } => *op == "killSandbox",
        _ => false,
    }
}

/// Whether other steps of a chain say the same: status writes only carry a cause along, and events repeat
/// what probes and back-offs tell.
fn is_retold(record: &Record) -> bool {
    match &record.what {
        What::Status(_) => true,
        What::Event(event) => matches!(event.reason, "BackOff" | "Unhealthy"),
        _ => false,
    }
}

/// Whether a record brings a container into the state that it is in.
fn brings_about(record: &Record) -> bool {
    match &record.what {
        What::Exit { .. } | What::BackOff { .. } => true,
        What::Cri(call) => match (call.op, call.phase) {
            (CriOp::StartContainer, CallPhase::End) | (CriOp::StopContainer, CallPhase::Begin) => true,
            (CriOp::CreateContainer, CallPhase::End) => call.error.is_some(),
            (_, _) => false,
        },
        What::Event(event) => {
            let image = event.message.contains("image");
            matches!(event.reason, "Pulling" | "ErrImageNeverPull" | "InspectFailed")
                || event.reason == "BackOff" && image
                || event.reason == "Failed"
        }
        _ => false,
    }
}
