//! Which events a person would mention: those that no other record tells better.

use super::{Streak, Teller, Tone, probe_name, words};
use crate::api::pod::Name;
use crate::trace::{EventRecord, ProbeType, Record, What};
use crate::views::cause::{THROTTLED, throttled_pull};

impl Teller<'_> {
    pub(super) fn event(&mut self, record: &Record, event: &EventRecord) {
        let container = event.container().cloned().unwrap_or_default();
        if event.reason == "Unhealthy" {
            self.unhealthy(record, &container, &event.message);
        }
        // A pull that never came to be a call: nothing but this event tells of it.
        if let Some(image) = throttled_pull(record) {
            let why = THROTTLED.to_owned();
            self.line(record, Tone::Bad, format!("pull of {image} failed"), why);
        }
        if self.verbose {
            let tone = if event.warning { Tone::Warn } else { Tone::Dim };
            let what = format!("event {}", event.reason);
            self.line_about(record, container, None, tone, what, event.message.to_string());
            return;
        }
        let killing = event.reason == "Killing" && event.message.contains("failed");
        if killing {
            let probe = if event.message.contains("startup") {
                ProbeType::Startup
            } else {
                ProbeType::Liveness
            };
            let why = self.streak(record, &container, probe).unwrap_or_default();
            let what = format!("killed by its {} probe", probe_name(probe));
            self.line_about(record, container, None, Tone::Bad, what, why);
            return;
        }
        // What other records tell better.
        let told = matches!(event.reason, "Unhealthy" | "FailedPostStartHook" | "FailedPreStopHook");
        let told = told || event.reason == "BackOff" && event.message.starts_with("Back-off restarting");
        let told = told || event.reason == "Failed" && self.told_by_cri(record, &event.message);
        let pod = self
            .pods
            .entry(record.pod.clone().unwrap_or_else(|| "".into()))
            .or_default();
        let told = told || event.reason == "DeadlineExceeded" && std::mem::replace(&mut pod.deadline_told, true);
        let worth_telling = !told && (event.warning || event.reason == "BackOff");
        if worth_telling {
            let tone = if event.warning { Tone::Bad } else { Tone::Plain };
            let what = words(event.reason);
            self.line_about(record, container, None, tone, what, event.message.to_string());
        }
    }

    /// Whether a Failed event repeats what a failed CRI call has said at this instant, or the line of a throttled pull.
    fn told_by_cri(&self, record: &Record, message: &str) -> bool {
        if message.starts_with("Failed to pull image") || message.starts_with("Error: ErrImagePull") {
            return true;
        }
        if message.starts_with("Error: ImagePullBackOff") {
            return true;
        }
        let earlier = self.records[..self.records.partition_point(|r| r.seq < record.seq)].iter();
        let mut at_once = earlier
            .rev()
            .take_while(|r| r.at == record.at)
            .filter(|r| r.pod == record.pod);
        at_once.any(|r| matches!(&r.what, What::Cri(call) if call.error.is_some()))
    }

    fn unhealthy(&mut self, record: &Record, container: &Name, message: &str) {
        let probe = match message.split(' ').next() {
            Some("Startup") => ProbeType::Startup,
            Some("Readiness") => ProbeType::Readiness,
            _ => ProbeType::Liveness,
        };
        let pod = record.pod.clone().unwrap_or_else(|| "".into());
        let state = self.containers.entry((pod, container.clone())).or_default();
        let streak = state.streaks.entry(probe).or_insert(Streak {
            failures: 0,
            since: record.at,
        });
        streak.failures += 1;
        if streak.failures == 1 && !self.verbose {
            let why = message
                .split_once(": ")
                .map_or(message, |(_, text)| text)
                .trim()
                .to_owned();
            let what = format!("{} probe fails", probe_name(probe));
            self.line_about(record, container.clone(), None, Tone::Warn, what, why);
        }
    }

    pub(super) fn streak(&mut self, record: &Record, container: &Name, probe: ProbeType) -> Option<String> {
        let pod = record.pod.clone()?;
        let state = self.containers.get_mut(&(pod, container.clone()))?;
        Some(state.streaks.remove(&probe)?.told(record.at))
    }
}
