//! Nodes, the versions and gates of their kubelets, their configuration and ticks.

use std::collections::BTreeMap;

use super::Draw;
use crate::api::features::{Features, Version};
use crate::api::gates::find_gate;
use crate::explore::stream::Stream;
use crate::kernel::Duration;
use crate::scenario::types::{KubeletConfig, NodeScript, Scenario, Schedule};
use crate::scenario::versions::SIMULATED_GATES;

/// A version with some of its gates set otherwise, and what that comes to.
pub(super) struct Setup {
    version: Version,
    gates: BTreeMap<String, bool>,
    features: Features,
}

/// The versions with their defaults first, oldest to newest, then with each gate that changes something turned over.
pub(super) fn setups() -> Vec<Setup> {
    let setup = |version, gates: BTreeMap<String, bool>| {
        let features = Features::new(version, &gates).ok()?;
        Some(Setup {
            version,
            gates,
            features,
        })
    };
    let plain = Version::ALL.into_iter().map(|version| (version, BTreeMap::new()));
    let turned = Version::ALL.into_iter().flat_map(|version| {
        SIMULATED_GATES.iter().filter_map(move |name| {
            let gate = find_gate(version, name).filter(|gate| !gate.locked)?;
            Some((version, BTreeMap::from([((*name).to_owned(), !gate.default)])))
        })
    });
    // A gate that another one needs cannot be turned off alone: such a pair is left out.
    plain
        .chain(turned)
        .filter_map(|(version, gates)| setup(version, gates))
        .collect()
}

impl Draw<'_> {
    /// The kubelets of all nodes.
    pub(super) fn kubelets(&self, stream: &mut Stream, scenario: &mut Scenario) {
        let weights = self.weights;
        let kubelet = &mut scenario.kubelet;
        if stream.chance(weights.versions) {
            // The first of the setups are the versions as they come.
            self.set_up(kubelet, stream.pick(&self.setups[..Version::ALL.len()]));
        }
        if stream.chance(weights.gates) {
            let version = kubelet.features.version;
            let own: Vec<&Setup> = self.setups.iter().filter(|s| s.version == version).collect();
            let setup = *stream.pick(&own);
            self.set_up(kubelet, setup);
            if stream.chance(30) {
                let mut gates = setup.gates.clone();
                gates.extend(stream.pick(&own).gates.clone());
                // One may need the other as the version has it.
                if let Ok(features) = Features::new(version, &gates) {
                    (kubelet.features, kubelet.feature_gates) = (features, gates);
                }
            }
        }
        if stream.chance(weights.configuration) {
            self.configuration(stream, kubelet);
        }
        if !stream.chance(weights.nodes) {
            return;
        }
        let count = stream.between(2, 3) as usize;
        for name in &self.names.nodes[1..=count] {
            let mut kubelet = scenario.kubelet.clone();
            if stream.chance(weights.configuration) {
                kubelet.eviction_max_pod_grace_period = i64::from(stream.between(0, 20));
                kubelet.sync_frequency = stream.seconds(20, 90);
            }
            // Kubelets may be up to three versions older than the API server. A gate that was set may be
            // unknown to them, and the longest back-off not theirs to choose.
            let plain = kubelet.feature_gates.is_empty() && kubelet.max_container_restart_period.is_none();
            if plain && stream.chance(weights.versions) {
                let newest = kubelet.features.version as usize;
                let skew = stream.below(4) as usize;
                self.set_up(&mut kubelet, &self.setups[newest.saturating_sub(skew)]);
            }
            scenario.nodes.push(NodeScript {
                name: name.clone(),
                kubelet,
            });
        }
    }

    fn set_up(&self, kubelet: &mut KubeletConfig, setup: &Setup) {
        kubelet.features = setup.features.clone();
        kubelet.feature_gates = setup.gates.clone();
    }

    fn configuration(&self, stream: &mut Stream, config: &mut KubeletConfig) {
        config.serialize_image_pulls = stream.chance(50);
        if !config.serialize_image_pulls && stream.chance(50) {
            config.max_parallel_image_pulls = Some(stream.between(1, 3));
        }
        // Where nothing is pulled no rate of pulls is of any account.
        if stream.chance(if self.weights.pulls > 0 { 85 } else { 5 }) {
            (config.registry_pull_qps, config.registry_burst) =
                (*stream.pick(&[0, 1, 1, 1, 2]), *stream.pick(&[1, 1, 2, 3]));
        }
        config.eviction_max_pod_grace_period = i64::from(stream.between(0, 20));
        if config.features.crash_loop_max_configurable && stream.chance(40) {
            config.max_container_restart_period = Some(stream.seconds(1, 40));
        }
        if stream.chance(30) {
            config.sync_frequency = stream.seconds(10, 90);
        }
        if stream.chance(20) {
            config.runtime_request_timeout = stream.seconds(2, 60);
        }
        if stream.chance(20) {
            config.node_status_update_frequency = stream.seconds(1, 20);
        }
        match stream.below(4) {
            0 if config.features.graceful_node_shutdown => {
                config.shutdown_grace_period = stream.seconds(4, 40);
                config.shutdown_grace_period_critical_pods = stream.seconds(1, 4);
            }
            1 if config.features.shutdown_by_pod_priority => {
                let pair = |priority, seconds| (priority, i64::from(seconds));
                config.shutdown_grace_period_by_pod_priority =
                    vec![pair(0, stream.between(1, 15)), pair(1_000, stream.between(1, 15))];
                config.shutdown_grace_period = Duration::ZERO;
                config.shutdown_grace_period_critical_pods = Duration::ZERO;
            }
            _ => {}
        }
        if stream.chance(30) {
            let phases = &mut config.phases;
            let mut within = |seconds: u32| Duration::from_millis(i64::from(stream.between(0, seconds * 1_000 - 1)));
            (phases.relist, phases.sync) = (within(1), within(1));
            phases.housekeeping = within(2);
            phases.container_gc = within(60);
            phases.status_sync = within(10);
            if phases.relist == phases.sync {
                phases.sync = Duration((phases.sync.0 + 1_000_000) % 1_000_000_000);
            }
        }
    }

    /// The order at equal times, where the kubelet's ticks fall, and its jitter.
    pub(super) fn interleaving(&self, stream: &mut Stream, scenario: &mut Scenario, seed: u64) {
        if stream.chance(self.weights.jitter) {
            scenario.jitter = true;
            scenario.seed = seed;
        }
        if !stream.chance(self.weights.interleavings) {
            return;
        }
        scenario.seed = seed;
        if stream.chance(60) {
            scenario.schedule = Schedule::Seeded;
        }
        if stream.chance(60) {
            let nodes = scenario.nodes.iter_mut().map(|node| &mut node.kubelet);
            for kubelet in nodes.chain([&mut scenario.kubelet]) {
                kubelet.seeded_phases = true;
                // What is drawn when the run begins says nothing of what it would have been.
                kubelet.phases = self.scenario.kubelet.phases.clone();
            }
        }
    }
}
