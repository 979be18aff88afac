//! Pods that run although the API does not have them: deleted while no kubelet looked
//! (`HandlePodCleanups`, `SyncTerminatingRuntimePod`).

use std::rc::Rc;
use std::sync::Arc;

use super::Kubelet;
use super::pod_workers::{PodConfig, SYNC_DELAY};
use crate::api::pod::{Container, Pod};
use crate::api::status::{Phase, PodStatus};
use crate::runtime::PodIx;

/// Seconds that the containers of such a pod have.
const GRACE_SECONDS: i64 = 1;

impl Kubelet {
    /// Housekeeping ends every pod of the runtime that has neither a worker nor an object.
    pub(super) fn kill_orphans(self: &Rc<Self>) {
        for ix in self.runtime.pods() {
            let known = self.pods.borrow().has(ix) || self.has_worker(ix);
            if !known && self.runtime.is_alive(ix) {
                self.add_orphan(ix);
                let kubelet = self.clone();
                self.kernel.spawn(async move { kubelet.kill_orphan(ix).await });
            }
        }
    }

    async fn kill_orphan(self: &Rc<Self>, ix: PodIx) {
        self.kernel.sleep(SYNC_DELAY).await;
        let config = self.config_of_orphan(ix);
        let mut status = self.pleg.read_status(ix);
        // What runs is listed, and a sandbox that is not ready does not (`GetPods`).
        status.sandbox_statuses.retain(|sandbox| sandbox.ready);
        self.kill_pod(ix, &config, &status, Some(GRACE_SECONDS)).await;
        self.finish_orphan(ix);
        self.housekeeping_wanted.raise();
        self.gc_wanted.raise();
    }

    /// What the runtime's labels tell of a pod: its name and its containers' names, no hooks, no order.
    fn config_of_orphan(&self, ix: PodIx) -> PodConfig {
        let full_name = self.full_name(ix);
        let (namespace, name) = full_name.split_once('/').unwrap_or(("default", &full_name));
        let running = self.runtime.containers(ix).into_iter().filter(|c| c.is_running());
        let containers = running
            .map(|c| Container::plain(c.name.clone(), c.image.clone()))
            .collect();
        PodConfig {
            pod: Pod::plain(namespace.into(), name.into(), containers).into(),
            full_name: full_name.clone(),
            generation: 0,
            deletion_grace: None,
            status: Arc::new(PodStatus::empty(Phase::Unknown)),
        }
    }
}
