//! What holds when the Scenario document does not say otherwise.

use std::collections::BTreeMap;

use super::types::{KubeletConfig, Latencies, Phases, Scenario, Schedule};
use crate::api::features::Features;
use crate::kernel::Duration;

impl Default for Scenario {
    /// What holds when no document says otherwise.
    fn default() -> Scenario {
        let millis = Duration::from_millis;
        Scenario {
            name: "scenario".to_owned(),
            description: None,
            run_for: None,
            seed: 0,
            epoch_unix_secs: 946_684_800,
            jitter: false,
            kubelet: KubeletConfig {
                features: Features::default(),
                leave_out_idle_ticks: true,
                feature_gates: BTreeMap::new(),
                max_container_restart_period: None,
                serialize_image_pulls: true,
                max_parallel_image_pulls: None,
                registry_pull_qps: 5,
                registry_burst: 10,
                sync_frequency: Duration::from_secs(60),
                eviction_max_pod_grace_period: 0,
                shutdown_grace_period: Duration::from_secs(30),
                shutdown_grace_period_critical_pods: Duration::from_secs(10),
                shutdown_grace_period_by_pod_priority: Vec::new(),
                runtime_request_timeout: Duration::from_secs(120),
                phases: Phases {
                    relist: millis(100),
                    sync: millis(200),
                    housekeeping: millis(250),
                    container_gc: millis(300),
                    status_sync: millis(400),
                },
                node_status_update_frequency: Duration::from_secs(10),
                seeded_phases: false,
                sabotage: None,
            }
            .into(),
            latencies: Latencies {
                run_pod_sandbox: millis(211).into(),
                stop_pod_sandbox: millis(17).into(),
                remove_pod_sandbox: millis(5).into(),
                create_container: millis(23).into(),
                start_container: millis(41).into(),
                remove_container: millis(3).into(),
                pull_image: millis(50).into(),
            },
            images: Vec::new(),
            containers: Vec::new(),
            sandboxes: Vec::new(),
            volumes: Vec::new(),
            actions: Vec::new(),
            nodes: Vec::new(),
            schedule: Schedule::Fifo,
            programs: Vec::new(),
            expect: Vec::new(),
            distributions: Vec::new(),
            draw: 0,
            document: None,
        }
    }
}
