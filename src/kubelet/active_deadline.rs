//! activeDeadlineSeconds (`active_deadline.go`).

use std::rc::Rc;

use super::Kubelet;
use super::pod_workers::PodConfig;
use crate::api::status::{Phase, PodStatus};
use crate::kernel::{Duration, Time};
use crate::runtime::PodIx;
use crate::scenario::types::Sabotage;

const REASON: &str = "DeadlineExceeded";
const MESSAGE: &str = "Pod was active on the node longer than the specified deadline";

impl Kubelet {
    /// When the pod's deadline passes; None without one, or before the pod has a start time.
    pub(super) fn deadline(&self, ix: PodIx, config: &PodConfig) -> Option<Time> {
        let early = i64::from(self.breaks(Sabotage::DeadlineEarly));
        let allowed = Duration::from_secs(config.pod.spec.active_deadline_seconds? - early);
        let started = match self.statuses.get(ix) {
            Some(status) => status.start_time,
            None => config.status.start_time,
        };
        Some(self.time_of(started?) + allowed)
    }

    /// `ShouldEvict`: the status of a pod past its deadline is Failed, with an event each time it is asked for.
    pub(super) fn fail_past_deadline(self: &Rc<Self>, ix: PodIx, config: &PodConfig, status: &mut PodStatus) {
        if self.deadline(ix, config).is_none_or(|at| at > self.kernel.now()) {
            return;
        }
        self.pod_event(config, false, REASON, MESSAGE.into());
        status.phase = Phase::Failed;
        status.reason = Some(REASON.into());
        status.message = Some(MESSAGE.into());
    }
}
