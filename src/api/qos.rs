//! The quality of service class of a pod (`pkg/apis/core/v1/helper/qos: ComputePodQOS`).

use std::collections::BTreeMap;

use serde_json::Value;

use super::pod::PodSpec;
use super::quantity;

const COMPUTE: [&str; 2] = ["cpu", "memory"];

/// Guaranteed, Burstable or BestEffort, as status.qosClass says it. `pod_level`: the kubelet looks at spec.resources
/// first (gate PodLevelResources).
pub fn class(spec: &PodSpec, pod_level: bool) -> &'static str {
    let mut sums = Sums::default();
    match spec.resources.as_deref().filter(|_| pod_level) {
        Some(resources) => sums.add(resources, resources["limits"].is_object()),
        // Ephemeral containers have no resources.
        None => {
            for container in spec.containers.iter().chain(&spec.init_containers) {
                sums.add(container.resources.as_deref().unwrap_or(&Value::Null), true);
            }
        }
    }
    sums.class()
}

#[derive(Default)]
struct Sums<'a> {
    requests: BTreeMap<&'a str, i128>,
    limits: BTreeMap<&'a str, i128>,
    /// Somebody lacks a limit of processor time or memory.
    unlimited: bool,
}

impl<'a> Sums<'a> {
    fn add(&mut self, resources: &'a Value, must_limit: bool) {
        sum_up(&mut self.requests, &resources["requests"]);
        let limited = sum_up(&mut self.limits, &resources["limits"]);
        self.unlimited |= must_limit && limited < COMPUTE.len();
    }

    fn class(&self) -> &'static str {
        if self.requests.is_empty() && self.limits.is_empty() {
            "BestEffort"
        } else if !self.unlimited && self.requests == self.limits {
            "Guaranteed"
        } else {
            "Burstable"
        }
    }
}

/// Adds the amounts above zero of processor time and memory; how many of the two there were.
fn sum_up<'a>(sums: &mut BTreeMap<&'a str, i128>, amounts: &'a Value) -> usize {
    let mut found = 0;
    for (name, amount) in amounts.as_object().into_iter().flatten() {
        let amount = amount.as_str().and_then(quantity::parse).unwrap_or(0);
        if COMPUTE.contains(&name.as_str()) && amount > 0 {
            let sum = sums.entry(name).or_default();
            *sum = sum.saturating_add(amount);
            found += 1;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::*;
    use crate::api::pod::{Container, Pod};

    fn spec(resources: &[Value]) -> PodSpec {
        let containers = resources.iter().enumerate().map(|(n, resources)| {
            let mut container = Container::plain(format!("c{n}").into(), "app:1".into());
            container.resources = (!resources.is_null()).then(|| Arc::new(resources.clone()));
            container
        });
        Pod::plain("default".into(), "web".into(), containers.collect()).spec
    }

    #[test]
    fn classes() {
        let full = json!({"limits": {"cpu": "1", "memory": "1Gi"}, "requests": {"cpu": "1000m", "memory": "1024Mi"}});
        let requests = json!({"requests": {"cpu": "1"}});
        let half = json!({"limits": {"cpu": "1"}, "requests": {"cpu": "1"}});
        let other = json!({"limits": {"example.com/gpu": "1"}, "requests": {"example.com/gpu": "1"}});
        let zero = json!({"limits": {"cpu": "0", "memory": "0"}, "requests": {"cpu": "0", "memory": "0"}});
        for (resources, expected) in [
            (vec![Value::Null], "BestEffort"),
            (vec![full.clone()], "Guaranteed"),
            (vec![full.clone(), full.clone()], "Guaranteed"),
            (vec![full, Value::Null], "Burstable"),
            (vec![requests], "Burstable"),
            (vec![half], "Burstable"),
            (vec![other], "BestEffort"),
            (vec![zero], "BestEffort"),
        ] {
            assert_eq!(class(&spec(&resources), true), expected, "{resources:?}");
        }
    }

    #[test]
    fn resources_of_the_pod_come_first_where_the_gate_is_on() {
        let mut spec = spec(&[Value::Null]);
        spec.resources = Some(Arc::new(
            json!({"limits": {"cpu": "1", "memory": "1Gi"}, "requests": {"cpu": "1", "memory": "1Gi"}}),
        ));
        assert_eq!(class(&spec, true), "Guaranteed");
        assert_eq!(class(&spec, false), "BestEffort");
    }
}
