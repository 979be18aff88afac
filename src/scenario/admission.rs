//! Fields of pods that a version of Kubernetes does not have.

use crate::api::features::{Features, find_gate};
use crate::api::pod::Pod;

/// What a version's API server makes of fields that it does not have: it drops those behind a gate that is off, and
/// refuses those that it has never heard of.
pub(super) fn admit_fields(pod: &mut Pod, features: &Features) -> Result<(), String> {
    if features.container_restart_rules {
        return Ok(());
    }
    let knows_fields = find_gate(features.version, "ContainerRestartRules").is_some();
    let spec = &mut pod.spec;
    let app = spec.containers.iter_mut().map(|c| (c, false));
    let init = spec.init_containers.iter_mut().map(|c| {
        let sidecar = c.is_sidecar();
        (c, sidecar)
    });
    for (container, sidecar) in app.chain(init) {
        let has_policy = container.restart_policy.is_some() && !sidecar;
        if !knows_fields && (has_policy || !container.restart_policy_rules.is_empty()) {
            return Err(format!(
                "container {}: Kubernetes {} has no restartPolicy for containers other than sidecars",
                container.name, features.version
            ));
        }
        if !sidecar {
            container.restart_policy = None;
        }
        container.restart_policy_rules.clear();
    }
    Ok(())
}
