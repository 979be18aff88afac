//! A kubelet: what is different of it from another.

use serde_json::{Value, json};

use super::{Fields, text};
use crate::scenario::types::KubeletConfig;

/// What of a kubelet is not as `base` has it.
pub(super) fn kubelet(kubelet: &KubeletConfig, base: &KubeletConfig) -> Value {
    let mut config = Fields::new();
    if let Some(longest) = kubelet.max_container_restart_period {
        config.put("crashLoopBackOff", json!({"maxContainerRestartPeriod": text(longest)}));
    }
    if kubelet.serialize_image_pulls != base.serialize_image_pulls {
        config.put("serializeImagePulls", kubelet.serialize_image_pulls);
    }
    config.maybe("maxParallelImagePulls", kubelet.max_parallel_image_pulls);
    if kubelet.registry_pull_qps != base.registry_pull_qps {
        config.put("registryPullQPS", kubelet.registry_pull_qps);
    }
    if kubelet.registry_burst != base.registry_burst {
        config.put("registryBurst", kubelet.registry_burst);
    }
    let by_priority = kubelet.shutdown_grace_period_by_pod_priority.iter();
    let pair = |(priority, seconds): &(i32, i64)| json!({"priority": priority, "shutdownGracePeriodSeconds": seconds});
    config.list("shutdownGracePeriodByPodPriority", by_priority.map(pair).collect());
    if kubelet.eviction_max_pod_grace_period != base.eviction_max_pod_grace_period {
        config.put("evictionMaxPodGracePeriod", kubelet.eviction_max_pod_grace_period);
    }
    for (key, value, default) in [
        (
            "nodeStatusUpdateFrequency",
            kubelet.node_status_update_frequency,
            base.node_status_update_frequency,
        ),
        ("syncFrequency", kubelet.sync_frequency, base.sync_frequency),
        (
            "shutdownGracePeriod",
            kubelet.shutdown_grace_period,
            base.shutdown_grace_period,
        ),
        (
            "shutdownGracePeriodCriticalPods",
            kubelet.shutdown_grace_period_critical_pods,
            base.shutdown_grace_period_critical_pods,
        ),
        (
            "runtimeRequestTimeout",
            kubelet.runtime_request_timeout,
            base.runtime_request_timeout,
        ),
    ] {
        if value != default {
            config.put(key, text(value));
        }
    }
    let mut fields = Fields::new();
    if kubelet.features.version != base.features.version {
        fields.put("version", kubelet.features.version.to_string());
    }
    let gates = kubelet
        .feature_gates
        .iter()
        .map(|(gate, on)| (gate.clone(), Value::Bool(*on)));
    fields
        .nested("featureGates", Value::Object(gates.collect()))
        .nested("config", config.done());
    if kubelet.seeded_phases {
        fields.put("phases", "Seeded");
        return fields.done();
    }
    let (own, default) = (&kubelet.phases, &base.phases);
    let mut phases = Fields::new();
    for (key, value, default) in [
        ("relist", own.relist, default.relist),
        ("sync", own.sync, default.sync),
        ("housekeeping", own.housekeeping, default.housekeeping),
        ("containerGC", own.container_gc, default.container_gc),
        ("statusSync", own.status_sync, default.status_sync),
    ] {
        // Fixed ones below Seeded must be said, whatever they are.
        if value != default || base.seeded_phases {
            phases.put(key, text(value));
        }
    }
    fields.nested("phases", phases.done()).done()
}
