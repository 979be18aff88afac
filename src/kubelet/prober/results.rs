//! The last result of each probe of each container (`prober/results: Manager`).

use crate::kubelet::container::ContainerId;
use crate::trace::ProbeType;
use litemap::LiteMap;

/// What a probe has shown so far (`results.Result`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProbeResult {
    /// A startup probe that has not succeeded yet.
    Unknown,
    /// The threshold of successes was met.
    Success,
    /// The threshold of failures was met.
    Failure,
}

/// Results by container; those of a container that no worker looks after are absent.
#[derive(Debug, Default)]
pub struct Results(LiteMap<(ContainerId, ProbeType), ProbeResult>);

impl Results {
    /// The result, if a worker has set one.
    pub fn get(&self, probe: ProbeType, id: ContainerId) -> Option<ProbeResult> {
        self.0.get(&(id, probe)).copied()
    }

    /// Whether the probe has failed as often as it takes to kill the container.
    pub fn failed(&self, probe: ProbeType, id: ContainerId) -> bool {
        self.get(probe, id) == Some(ProbeResult::Failure)
    }

    /// Sets the result; whether that is a change, of which the sync loop must hear.
    pub(super) fn set(&mut self, probe: ProbeType, id: ContainerId, result: ProbeResult) -> bool {
        self.0.insert((id, probe), result) != Some(result)
    }

    pub(super) fn remove(&mut self, probe: ProbeType, id: ContainerId) {
        self.0.remove(&(id, probe));
    }
}
