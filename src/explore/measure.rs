//! What a sweep measures of a run, from its records as they come.

use crate::api::pod::Name;
use crate::api::status::{ConditionStatus, Phase, PodStatus};
use crate::kernel::{Duration, Time};
use crate::trace::{Record, What};

/// The figures of a run.
#[derive(Default)]
pub struct Measure {
    pods: Vec<PodFigures>,
    end: Time,
}

struct PodFigures {
    name: Name,
    created: Time,
    gone: Option<Time>,
    first_ready: Option<Time>,
    ready_since: Option<Time>,
    ready_for: Duration,
    restarts: i64,
    phase: Phase,
}

impl Measure {
    /// Takes the next record in.
    pub fn observe(&mut self, record: &Record) {
        self.end = self.end.max(record.at);
        let Some(name) = &record.pod else { return };
        match &record.what {
            What::Api(call) if call.op == "create" && call.object.is_none() => self.pods.push(PodFigures {
                name: name.clone(),
                created: record.at,
                gone: None,
                first_ready: None,
                ready_since: None,
                ready_for: Duration::ZERO,
                restarts: 0,
                phase: Phase::Pending,
            }),
            What::Api(call) if call.op == "removed" && call.object.is_none() => {
                if let Some(pod) = self.pod(name) {
                    pod.set_ready(record.at, false);
                    pod.gone = Some(record.at);
                }
            }
            What::Status(status) => {
                if let Some(pod) = self.pod(name) {
                    pod.on_status(record.at, status);
                }
            }
            _ => {}
        }
    }

    /// The newest pod of that name.
    fn pod(&mut self, name: &Name) -> Option<&mut PodFigures> {
        self.pods.iter_mut().rev().find(|pod| pod.name == *name)
    }

    /// From the first creation to the moment at which the last pod was ready for the first time; None if one never was.
    pub fn time_to_ready(&self) -> Option<Duration> {
        let first = self.pods.iter().map(|pod| pod.created).min()?;
        let ready: Option<Vec<Time>> = self.pods.iter().map(|pod| pod.first_ready).collect();
        ready?.into_iter().max().map(|last| last - first)
    }

    /// Restarts of all containers of all pods.
    pub fn restarts(&self) -> i64 {
        self.pods.iter().map(|pod| pod.restarts).sum()
    }

    /// The share of their lives for which the pods were ready, in parts per million.
    pub fn availability_ppm(&self) -> i64 {
        let (mut ready, mut lived) = (0_i128, 0_i128);
        for pod in &self.pods {
            let end = pod.gone.unwrap_or(self.end);
            let open = pod.ready_since.map_or(Duration::ZERO, |since| end - since);
            ready += i128::from(pod.ready_for.0) + i128::from(open.0);
            lived += i128::from((end - pod.created).0);
        }
        i64::try_from(ready * 1_000_000 / lived.max(1)).unwrap_or(0)
    }

    /// The last phase of each pod, in the order of their creation; a pod that is gone keeps its own.
    pub fn phases(&self) -> String {
        let phases: Vec<String> = self.pods.iter().map(|pod| format!("{:?}", pod.phase)).collect();
        phases.join(" ")
    }
}

impl PodFigures {
    fn set_ready(&mut self, at: Time, ready: bool) {
        match (self.ready_since, ready) {
            (None, true) => {
                self.first_ready.get_or_insert(at);
                self.ready_since = Some(at);
            }
            (Some(since), false) => {
                self.ready_for = self.ready_for + (at - since);
                self.ready_since = None;
            }
            (None, false) | (Some(_), true) => {}
        }
    }

    fn on_status(&mut self, at: Time, status: &PodStatus) {
        let ready = status
            .condition("Ready")
            .is_some_and(|c| c.status == ConditionStatus::True);
        self.set_ready(at, ready);
        let containers = status.init_container_statuses.iter().chain(&status.container_statuses);
        self.restarts = containers.map(|c| i64::from(c.restart_count)).sum();
        self.phase = status.phase;
    }
}
