//! Garbage collection of dead containers and sandboxes (`kuberuntime_gc.go`).

use std::collections::BTreeMap;
use std::rc::Rc;

use crate::api::pod::Name;
use crate::kernel::{Time, race};
use crate::kubelet::Kubelet;
use crate::kubelet::ticks::Ticker;
use crate::runtime::{Container, PodIx, Sandbox};

/// `MaxPerPodContainer`
const DEAD_TO_KEEP: usize = 1;

impl Kubelet {
    /// The task: a round at each tick at which there could be something to do. A round that takes time
    /// moves all later ones.
    pub(in crate::kubelet) async fn collect_garbage_forever(self: Rc<Self>) {
        let mut ticker = self.ticks.container_gc;
        // The first round may be at the very instant of the start.
        let mut next = Ticker::from as fn(&Ticker, Time) -> Time;
        loop {
            if self.leaves_out_idle_ticks() {
                // What has died is garbage at the next tick, which may come before any relist that would tell of it.
                let _ = race(self.gc_wanted.wait(), self.runtime.garbage.wait()).await;
            }
            let tick = next(&ticker, self.kernel.now());
            next = Ticker::after;
            self.kernel.sleep_until(tick).await;
            self.gc_wanted.take();
            self.runtime.garbage.take();
            self.collect_containers().await;
            self.collect_sandboxes().await;
            ticker = ticker.delayed(self.kernel.now() - tick);
        }
    }

    /// `evictContainers`: all of deleted pods, all but the newest dead one of each name otherwise.
    async fn collect_containers(&self) {
        let mut units: BTreeMap<(PodIx, Name), Vec<Rc<Container>>> = BTreeMap::new();
        for pod in self.runtime.pods() {
            self.runtime.look(pod, |containers, _| {
                for container in containers.iter().filter(|c| !c.is_running()) {
                    let unit = units.entry((pod, container.name.clone())).or_default();
                    unit.push(container.clone());
                }
            });
        }
        let mut kept = Vec::new();
        for ((pod, _), unit) in units {
            // Removals take time: each pod is asked about when its turn comes.
            if !self.should_pod_content_be_removed(pod) {
                kept.push((pod, unit));
                continue;
            }
            // Nothing is kept: upstream does not sort then, and goes through the runtime's list from its end.
            for container in unit.into_iter().rev() {
                self.collect_container(pod, &container).await;
            }
        }
        for (pod, mut unit) in kept {
            unit.sort_by_key(|c| (c.created_at, c.id));
            let remove = unit.len().saturating_sub(DEAD_TO_KEEP);
            for container in unit.into_iter().take(remove) {
                self.collect_container(pod, &container).await;
            }
        }
    }

    /// Removes a container, unless somebody else has done so since the runtime was listed: its status is asked for first
    /// (`removeContainerLog`).
    async fn collect_container(&self, pod: PodIx, container: &Rc<Container>) {
        if self.runtime.container(pod, container.id).is_some() {
            self.runtime.remove_container(pod, container, false).await;
        }
    }

    /// `evictSandboxes`: of deleted pods all that are empty and not ready, otherwise all of those but the newest.
    async fn collect_sandboxes(&self) {
        let listed = self.runtime.pods().into_iter().map(|pod| {
            let mut sandboxes = self.runtime.sandboxes(pod);
            sandboxes.sort_by_key(|s| (s.created_at, s.id));
            let containers = self.runtime.containers(pod);
            let is_idle = |s: &Rc<Sandbox>| !s.ready.get() && !containers.iter().any(|c| c.sandbox == s.id);
            let sandboxes: Vec<(bool, Rc<Sandbox>)> = sandboxes.into_iter().map(|s| (is_idle(&s), s)).collect();
            (pod, sandboxes)
        });
        let listed: Vec<_> = listed.collect();
        for (pod, mut sandboxes) in listed {
            let remove = if self.should_pod_content_be_removed(pod) {
                sandboxes.reverse();
                sandboxes.len()
            } else {
                sandboxes.len().saturating_sub(1)
            };
            let name = self.full_name(pod);
            for (_, sandbox) in sandboxes.into_iter().take(remove).filter(|(idle, _)| *idle) {
                self.runtime.stop_pod_sandbox(&name, &sandbox).await;
                self.runtime.remove_pod_sandbox(pod, &name, &sandbox).await;
            }
        }
    }
}
