//! Graceful node shutdown: pods end by groups of priority, low ones first (`pkg/kubelet/nodeshutdown`).

use std::rc::Rc;

use super::Kubelet;
use super::eviction::{Ending, SYSTEM_CRITICAL_PRIORITY};
use super::pod_workers::PodConfig;
use crate::kernel::{Duration, Gate, race};
use crate::runtime::PodIx;
use crate::scenario::types::KubeletConfig;
use crate::trace::{EventRecord, What};

/// A priority and the seconds that pods from it upwards have.
type Group = (i32, i64);

/// The groups from low to high (`newPodManager`, `migrateConfig`); none where the kubelet takes no notice of a shutdown.
fn groups(config: &KubeletConfig) -> Vec<Group> {
    if !config.hears_of_shutdowns() {
        return Vec::new();
    }
    let mut groups = config.shutdown_grace_period_by_pod_priority.clone();
    if groups.is_empty() {
        let critical = config.shutdown_grace_period_critical_pods;
        let regular = (config.shutdown_grace_period - critical).as_secs();
        groups = vec![(0, regular), (SYSTEM_CRITICAL_PRIORITY, critical.as_secs())];
    }
    groups.sort_by_key(|(priority, _)| *priority);
    groups
}

/// The group of a pod: the first of exactly its priority, the highest below it, or the lowest of all (`groupByPriority`).
fn group_of(groups: &[Group], priority: i32) -> usize {
    let own = groups.iter().position(|(from, _)| *from == priority);
    own.or_else(|| groups.iter().rposition(|(from, _)| *from < priority))
        .unwrap_or(0)
}

impl Kubelet {
    /// The node is told to shut down (`processShutdownEvent`): each group in its turn, for as long as it may take. A kubelet
    /// without groups does not hear of it (`managerStub`).
    pub async fn shut_down_node(self: Rc<Self>) {
        let groups = groups(&self.config);
        if groups.is_empty() {
            return;
        }
        let event = EventRecord {
            object: Some(format!("Node/{}", self.node_name).into()),
            warning: false,
            reason: "Shutdown",
            container: None,
            message: "Shutdown manager detected shutdown event".into(),
        };
        self.recorder.record(None, None, None, What::Event(event));
        self.shutting_down.set(true);
        // Each group goes as it is now, however much later its turn comes.
        let mut members: Vec<Vec<(PodIx, PodConfig)>> = vec![Vec::new(); groups.len()];
        for ix in self.known_pods() {
            if let Some(config) = self.active_pod(ix) {
                members[group_of(&groups, config.pod.spec.priority)].push((ix, config));
            }
        }
        for ((_, seconds), pods) in groups.into_iter().zip(members) {
            if !pods.is_empty() {
                self.shut_down_group(pods, seconds).await;
            }
        }
        let (op, node) = ("shutdownDone", Some(self.node_name.clone()));
        self.recorder.record(None, None, None, What::Node { op, node });
    }

    async fn shut_down_group(self: &Rc<Self>, pods: Vec<(PodIx, PodConfig)>, seconds: i64) {
        let mut ends = Vec::new();
        for (ix, config) in &pods {
            let (ix, config) = (*ix, config.clone());
            let grace = config.pod.spec.termination_grace_period_seconds.min(seconds);
            let end = Rc::new(Gate::new(&self.kernel));
            let (kubelet, ended) = (self.clone(), end.clone());
            self.kernel.spawn(async move {
                kubelet
                    .kill_pod_now(ix, config, grace, false, Ending::NodeShutdown)
                    .await;
                ended.open();
            });
            ends.push(end);
        }
        let all = async {
            for end in &ends {
                end.wait().await;
            }
            if self.config.features.shutdown_waits_for_volumes {
                // A driver of the last group must still be there to unmount them.
                for (ix, _) in &pods {
                    self.wait_for_unmounts(*ix).await;
                }
            }
        };
        let _ = race(all, self.kernel.sleep(Duration::from_secs(seconds))).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::types::Scenario;

    #[test]
    fn a_kubelet_without_a_grace_period_or_without_the_gate_has_no_groups() {
        let mut config = Scenario::default().kubelet;
        let usual = vec![(0, 20), (SYSTEM_CRITICAL_PRIORITY, 10)];
        assert_eq!(groups(&config), usual);
        config.features.graceful_node_shutdown = false;
        assert_eq!(groups(&config), []);
        config.features.graceful_node_shutdown = true;
        config.shutdown_grace_period = Duration::ZERO;
        config.shutdown_grace_period_critical_pods = Duration::ZERO;
        assert_eq!(groups(&config), []);
        config.shutdown_grace_period_by_pod_priority = vec![(100, 7), (0, 5)];
        assert_eq!(groups(&config), [(0, 5), (100, 7)]);
    }

    #[test]
    fn pods_go_with_the_highest_group_that_is_not_above_them() {
        let groups = [(0, 12), (5000, 8), (SYSTEM_CRITICAL_PRIORITY, 5)];
        for (priority, group) in [
            (-5, 0),
            (0, 0),
            (4999, 0),
            (5000, 1),
            (1_999_999_999, 1),
            (2_000_001_000, 2),
        ] {
            assert_eq!(group_of(&groups, priority), group, "{priority}");
        }
        let twice = [(0, 10), (5, 5), (5, 20)];
        assert_eq!([5, 6].map(|priority| group_of(&twice, priority)), [1, 2]);
    }
}
