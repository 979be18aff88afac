//! Pods that the kubelet itself ends: evictions (`eviction_manager.go: evictPod`, `pod_workers.go: killPodNow`).

use std::rc::Rc;

use super::Kubelet;
use super::pod_workers::{KillOptions, PodConfig, UpdateType};
use crate::api::pod::{Name, Pod};
use crate::api::status::{ConditionKind, ConditionStatus, Phase, PodCondition, PodStatus, Timestamp};
use crate::kernel::{Duration, Gate, race};
use crate::runtime::PodIx;
use crate::scenario::types::EvictionReason;

/// `immediateEvictionGracePeriodSeconds`
const IMMEDIATE_GRACE_SECONDS: i64 = 1;
/// `scheduling.SystemCriticalPriority`
pub(super) const SYSTEM_CRITICAL_PRIORITY: i32 = 2_000_000_000;
/// `killPodNow` waits at least so long for the pod's end.
const MINIMUM_KILL_TIMEOUT_SECONDS: i64 = 10;

/// What becomes of the status of a pod that the kubelet ends (`PodStatusFunc`).
#[derive(Clone, Debug)]
pub(super) struct StatusChange {
    ending: Ending,
    /// The generation of which its condition speaks: the pod's when its end was asked for.
    generation: Option<i64>,
}

/// Why the kubelet ends a pod.
#[derive(Clone, Debug)]
pub(super) enum Ending {
    /// Evicted; with DisruptionTarget unless the pod itself was at fault.
    Evicted { message: Name, disruption: bool },
    /// The node shuts down.
    NodeShutdown,
}

/// `nodeShutdownMessage`
const SHUTDOWN_MESSAGE: &str = "Pod was terminated in response to imminent node shutdown.";

impl StatusChange {
    /// Puts the change into a status.
    pub(super) fn apply(&self, status: &mut PodStatus, now: Timestamp) {
        let (reason, message, disruption): (&'static str, Name, bool) = match &self.ending {
            Ending::Evicted { message, disruption } => ("Evicted", message.clone(), *disruption),
            Ending::NodeShutdown => ("Terminated", SHUTDOWN_MESSAGE.into(), true),
        };
        if matches!(self.ending, Ending::Evicted { .. }) || status.phase != Phase::Succeeded {
            status.phase = Phase::Failed;
        }
        status.reason = Some(reason.into());
        status.message = Some(message.clone());
        if !disruption {
            return;
        }
        let condition = PodCondition {
            kind: ConditionKind::DisruptionTarget,
            observed_generation: self.generation,
            status: ConditionStatus::True,
            last_transition_time: Some(now),
            reason: Some("TerminationByKubelet".into()),
            message: Some(message),
        };
        match status.conditions.iter_mut().find(|c| c.kind == condition.kind) {
            Some(old) => *old = condition,
            None => status.conditions.push(condition),
        }
    }
}

/// `kubelettypes.IsCriticalPod`
fn is_critical(pod: &Pod) -> bool {
    pod.spec.priority >= SYSTEM_CRITICAL_PRIORITY
}

impl Kubelet {
    /// Evicts a pod; Err says why it is left alone.
    pub fn evict(self: &Rc<Self>, ix: PodIx, reason: EvictionReason, message: Name) -> Result<(), &'static str> {
        let Some(config) = self.active_pod(ix) else {
            return Err("evict action: the kubelet has no such active pod");
        };
        if is_critical(&config.pod) {
            return Err("evict action: cannot evict a critical pod");
        }
        let grace = match reason {
            EvictionReason::NodePressure | EvictionReason::LocalStorageLimit => IMMEDIATE_GRACE_SECONDS,
            EvictionReason::SoftThreshold => {
                let own = config.pod.spec.termination_grace_period_seconds;
                let most = self.config.eviction_max_pod_grace_period;
                if self.config.features.soft_eviction_respects_pod {
                    most.min(own)
                } else {
                    most
                }
            }
        };
        self.pod_event(&config, true, "Evicted", message.clone());
        let ending = Ending::Evicted {
            message,
            disruption: reason != EvictionReason::LocalStorageLimit,
        };
        let kubelet = self.clone();
        self.kernel
            .spawn(async move { kubelet.kill_pod_now(ix, config, grace, true, ending).await });
        Ok(())
    }

    /// A pod that the kubelet knows and that has not ended (`filterOutInactivePods`).
    pub(super) fn active_pod(&self, ix: PodIx) -> Option<PodConfig> {
        let config = self.known_pod(ix)?;
        if self.is_known_terminated(ix) {
            return None;
        }
        let cached = self.statuses.get(ix).is_some_and(|status| status.is_terminal());
        let terminal = config.status.is_terminal() || cached;
        (!terminal || self.is_termination_requested(ix)).then_some(config)
    }

    /// `killPodNow`: asks for the pod's end and waits for it, though not for ever.
    pub(super) async fn kill_pod_now(
        self: &Rc<Self>,
        ix: PodIx,
        config: PodConfig,
        grace: i64,
        evict: bool,
        ending: Ending,
    ) {
        let timeout = Duration::from_secs((grace + grace / 2).max(MINIMUM_KILL_TIMEOUT_SECONDS));
        let done = Rc::new(Gate::new(&self.kernel));
        let kill = KillOptions {
            grace,
            evict,
            change: StatusChange {
                ending,
                generation: self.observed_generation(&config),
            },
            done: done.clone(),
        };
        self.update_pod(ix, config.clone(), UpdateType::Kill(Some(kill)));
        if race(done.wait(), self.kernel.sleep(timeout)).await.is_err() {
            let text = "Container runtime did not kill the pod within specified grace period.";
            self.pod_event(&config, true, "ExceededGracePeriod", text.into());
        }
    }
}
