//! What is said of feature gates: which one decides on what was refused, and which change nothing here.

use super::types::KubeletConfig;
use super::versions::SIMULATED_GATES;
use crate::api::diagnostic::Diagnostic;
use crate::api::features::Features;
use crate::api::gates::{find_gate, gate_life, gates_set_by};

/// Says of something refused that a gate decides on it, and what became of the gate over the versions.
pub(super) fn name(gate: &str, refused: &mut Diagnostic) {
    let Some(life) = gate_life(gate) else { return };
    refused.hint = Some(format!("the feature gate {gate} is {life}"));
    refused.gate = Some(gate.to_owned());
}

/// What is to be known of a gate that somebody has set otherwise than the version does, if what it changes is not
/// simulated.
pub(super) fn idle(kubelet: &KubeletConfig, gate: &str) -> Option<String> {
    let value = *kubelet.feature_gates.get(gate)?;
    let version = kubelet.features.version;
    if let Some(set) = gates_set_by(version, &kubelet.feature_gates, gate) {
        let (simulated, idle): (Vec<&str>, Vec<&str>) = set.partition(|name| is_simulated(kubelet, name, value));
        return match (&simulated[..], &idle[..]) {
            (_, []) => None,
            ([], _) => Some(format!(
                "what the feature gates change that {gate} sets is not simulated"
            )),
            _ => Some(format!(
                "of the feature gates that {gate} sets, only these are simulated: {}",
                simulated.join(", ")
            )),
        };
    }
    let is_default = find_gate(version, gate).is_some_and(|known| known.default == value);
    let idle = !is_default && !is_simulated(kubelet, gate, value);
    idle.then(|| format!("what the feature gate {gate} changes is not simulated"))
}

/// Whether the kubelet would do something else if the gate had another value.
fn is_simulated(kubelet: &KubeletConfig, gate: &str, value: bool) -> bool {
    let mut gates = kubelet.feature_gates.clone();
    gates.insert(gate.to_owned(), !value);
    // A gate on which others depend changes what the kubelet takes.
    let otherwise = Features::new(kubelet.features.version, &gates);
    SIMULATED_GATES.contains(&gate) || otherwise.is_ok_and(|otherwise| otherwise != kubelet.features)
}
