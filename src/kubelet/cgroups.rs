//! The control group of a pod: what the kubelet sets there, and what it reads there again for the status (`cm/`, on a node
//! with cgroup v2 and pages of 4 KiB).

use std::cell::RefCell;
use std::sync::Arc;

use serde_json::Value;

use crate::api::pod::PodSpec;
use crate::api::qos;
use crate::api::resources::{Amount, Amounts, Field, Requirements, of_pod};

/// cpu.shares of a group that asks for nothing, and the most that there are.
const MIN_SHARES: i64 = 2;
const MAX_SHARES: i64 = 262_144;
const SHARES_PER_CPU: i64 = 1024;
/// Microseconds of processor time in which a limit is counted, and the least that a limit may be.
const PERIOD: i64 = 100_000;
const MIN_QUOTA: i64 = 1000;
/// The least limit in thousandths of a processor.
const MIN_MILLI_LIMIT: i64 = MIN_QUOTA * 1000 / PERIOD;
const PAGE: i64 = 4096;

/// What is written into the group.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Config {
    weight: i64,
    /// Of cpu.max, None for no limit.
    quota: Option<i64>,
    /// memory.max, None for no limit.
    memory: Option<i64>,
}

impl Config {
    /// `cm/helpers_linux.go: ResourceConfigForPod`. Time and memory are limited only if every container limits them, or
    /// the pod itself.
    fn of(spec: &PodSpec, pod_level: bool) -> Config {
        let (mut all_limit_cpu, mut all_limit_memory) = (true, true);
        let limits = of_pod(spec, Field::Limits, pod_level, |own| {
            all_limit_cpu &= own.has("cpu");
            all_limit_memory &= own.has("memory");
        });
        let own = Amounts::of(spec.resources.as_ref().filter(|_| pod_level), Field::Limits);
        let requests = of_pod(spec, Field::Requests, pod_level, |_| {});
        let class = qos::class(spec, pod_level);
        if class == "BestEffort" {
            return Config {
                weight: weight(MIN_SHARES),
                quota: None,
                memory: None,
            };
        }
        let guaranteed = class == "Guaranteed";
        let memory = limits.get("memory").map(Amount::value).filter(|bytes| *bytes > 0);
        Config {
            weight: weight(shares(milli_of_cpu(&requests))),
            quota: quota(milli_of_cpu(&limits)).filter(|_| guaranteed || all_limit_cpu || own.has("cpu")),
            memory: memory.filter(|_| guaranteed || all_limit_memory || own.has("memory")),
        }
    }

    /// The request that the weight stands for, in thousandths (`cpuWeightToCPUShares`). Both ways are rounded: 100m
    /// become 79m.
    fn request(self) -> i64 {
        milli_of_shares((self.weight - 1) * (MAX_SHARES - MIN_SHARES) / 9999 + MIN_SHARES)
    }
}

/// `MilliCPUToShares`
fn shares(milli: i64) -> i64 {
    (milli.saturating_mul(SHARES_PER_CPU) / 1000).clamp(MIN_SHARES, MAX_SHARES)
}

/// `SharesToMilliCPU`
fn milli_of_shares(shares: i64) -> i64 {
    (shares * 1000 + SHARES_PER_CPU - 1) / SHARES_PER_CPU
}

/// `MilliCPUToQuota`; None for no limit.
fn quota(milli: i64) -> Option<i64> {
    (milli != 0).then(|| (milli.saturating_mul(PERIOD) / 1000).max(MIN_QUOTA))
}

fn milli_of_cpu(amounts: &Amounts<'_>) -> i64 {
    amounts.get("cpu").map_or(0, Amount::milli)
}

/// cpu.weight for cpu.shares (`cm/cgroup_manager_linux.go: getCPUWeight`).
fn weight(shares: i64) -> i64 {
    1 + (shares - MIN_SHARES) * 9999 / (MAX_SHARES - MIN_SHARES)
}

/// What the status of a pod says of its resources, each reckoned once.
pub(super) struct PodResources {
    /// allocatedResources: what all of it requests.
    pub allocated: Option<Arc<Value>>,
    /// resources as long as the API does not know that it runs: what its spec adds up to (`getEffectiveAllocatedResources`).
    pub effective: Requirements,
    /// resources of one that runs, and what they were reckoned from: whether it has a group, and what was said before.
    actual: RefCell<Option<(bool, Option<Requirements>, Requirements)>>,
}

impl PodResources {
    pub(super) fn new(spec: &PodSpec, pod_level: bool) -> PodResources {
        let [limits, requests] = [Field::Limits, Field::Requests].map(|field| of_pod(spec, field, pod_level, |_| {}));
        PodResources {
            allocated: requests.written().map(Arc::new),
            effective: Requirements::new(&limits, &requests),
            actual: RefCell::default(),
        }
    }

    /// status.resources of a pod that is Running: what its group says, if there is one; `old` is what was said before, by
    /// a status with that phase too (`kubelet_pods.go: convertToAPIPodLevelResourcesStatus`).
    pub(super) fn actual(
        &self,
        spec: &PodSpec,
        pod_level: bool,
        exists: bool,
        old: Option<&Requirements>,
    ) -> Requirements {
        let mut known = self.actual.borrow_mut();
        let same = known
            .as_ref()
            .filter(|(group, said, _)| (*group, said.as_ref()) == (exists, old));
        if let Some((_, _, actual)) = same {
            return actual.clone();
        }
        let told = actual(spec, pod_level, exists, old);
        *known = Some((exists, old.cloned(), told.clone()));
        told
    }
}

fn actual(spec: &PodSpec, pod_level: bool, exists: bool, old: Option<&Requirements>) -> Requirements {
    let given = |field| Amounts::of(spec.resources.as_ref().filter(|_| pod_level), field);
    let said = |field, name| old.and_then(|old| old.amounts(field).get(name));
    let group = exists.then(|| Config::of(spec, pod_level));
    let (mut limits, mut requests) = (given(Field::Limits), given(Field::Requests));
    match group.map(Config::request) {
        Some(milli) => set_cpu(&mut requests, milli, MIN_SHARES),
        None => keep(&mut requests, "cpu", said(Field::Requests, "cpu")),
    }
    // No group knows of memory that is requested.
    if requests.get("memory").is_none() {
        let in_all = of_pod(spec, Field::Requests, pod_level, |_| {});
        keep(&mut requests, "memory", in_all.get("memory"));
    }
    keep(&mut requests, "memory", said(Field::Requests, "memory"));
    match group.and_then(|group| group.quota) {
        Some(quota) => set_cpu(&mut limits, milli_of_quota(quota), MIN_MILLI_LIMIT),
        None => keep(&mut limits, "cpu", said(Field::Limits, "cpu")),
    }
    match group.and_then(|group| group.memory).map(|bytes| bytes / PAGE * PAGE) {
        Some(bytes) if bytes > 0 => limits.set("memory", memory(bytes)),
        _ => keep(&mut limits, "memory", said(Field::Limits, "memory")),
    }
    Requirements::new(&limits, &requests)
}

/// resources of a container that runs, as the runtime tells them: where it has no limit of its own, that of the pod holds,
/// and for a request a limit (`kuberuntime_container_linux.go: generateLinuxContainerResources, toKubeContainerResources`).
/// A half that is not given at all stays away.
pub(super) fn of_container(given: &Requirements, of_pod: Option<&Arc<Value>>) -> Requirements {
    let counted_otherwise = |text: &str| !text.ends_with('i');
    if of_pod.is_none() && !given.text(Field::Limits, "memory").is_some_and(counted_otherwise) {
        // It is what is given.
        return given.clone();
    }
    let (mut limits, mut requests) = (given.amounts(Field::Limits), given.amounts(Field::Requests));
    let of_pod = Amounts::of(of_pod, Field::Limits);
    let limit = |name| limits.get(name).filter(|own| own.nano != 0).or(of_pod.get(name));
    let limited_cpu = limit("cpu").map_or(0, Amount::milli);
    let limited_memory = limit("memory").map_or(0, Amount::value);
    let requested_cpu = requests.get("cpu").map_or(limited_cpu, Amount::milli);
    if !limits.is_empty() {
        if let Some(quota) = quota(limited_cpu) {
            set_cpu(&mut limits, milli_of_quota(quota), MIN_MILLI_LIMIT);
        }
        if limited_memory > 0 {
            limits.set("memory", memory(limited_memory));
        }
    }
    if !requests.is_empty() {
        set_cpu(&mut requests, milli_of_shares(shares(requested_cpu)), MIN_SHARES);
    }
    Requirements::new(&limits, &requests)
}

fn milli_of_quota(quota: i64) -> i64 {
    quota * 1000 / PERIOD
}

/// What is said of processor time, in thousandths; what is given stays where neither is above the `least` that can be told.
fn set_cpu(amounts: &mut Amounts<'_>, milli: i64, least: i64) {
    if milli > least || milli_of_cpu(amounts) > least {
        let nano = i128::from(milli) * 1_000_000;
        amounts.set("cpu", Amount { nano, like: "m" });
    }
}

fn memory(bytes: i64) -> Amount<'static> {
    let nano = i128::from(bytes) * 1_000_000_000;
    let like = if bytes % 1024 == 0 { "Ki" } else { "" };
    Amount { nano, like }
}

/// What was said before, where something was.
fn keep<'a>(amounts: &mut Amounts<'a>, name: &'a str, said: Option<Amount<'a>>) {
    if let Some(amount) = said {
        amounts.set(name, amount);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::api::pod::{Container, Pod};

    fn spec(resources: &[Value]) -> PodSpec {
        let containers = resources.iter().enumerate().map(|(n, resources)| {
            let mut container = Container::plain(format!("c{n}").into(), "app:1".into());
            container.resources = Some(Arc::new(resources.clone()));
            container
        });
        Pod::plain("default".into(), "web".into(), containers.collect()).spec
    }

    fn json_of(requirements: &Requirements) -> Value {
        serde_json::to_value(requirements).expect("it is JSON")
    }

    /// What is said at first, and once the pod runs.
    fn said(resources: &[Value]) -> [Value; 2] {
        let spec = spec(resources);
        let known = PodResources::new(&spec, true);
        let actual = known.actual(&spec, true, true, Some(&known.effective));
        [json_of(&known.effective), json_of(&actual)]
    }

    #[test]
    fn requests_for_processor_time_come_back_roughly() {
        for (given, back) in [
            ("1m", None),
            ("2m", None),
            ("3m", None),
            ("5m", None),
            ("100m", Some("79m")),
            ("250m", Some("232m")),
            ("1", Some("975m")),
            ("20", Some("19998m")),
            ("300", Some("256")),
        ] {
            let [first, then] = said(&[json!({"requests": {"cpu": given}})]);
            assert_eq!(first["requests"]["cpu"], given);
            assert_eq!(then["requests"]["cpu"].as_str(), back, "{given}");
        }
    }

    #[test]
    fn limits_are_those_of_the_group_where_every_container_has_one() {
        let limits = |limits: Value| json!({"limits": limits.clone(), "requests": limits});
        for (resources, then) in [
            (
                vec![limits(json!({"cpu": "5m", "memory": "100M"}))],
                json!({"memory": "97656Ki"}),
            ),
            (
                vec![limits(json!({"cpu": "13m", "memory": "4Ki"}))],
                json!({"cpu": "13m", "memory": "4Ki"}),
            ),
            // One has none: the group has none either, and what was said stays.
            (
                vec![limits(json!({"memory": "100M"})), json!({})],
                json!({"memory": "100M"}),
            ),
            // Of other resources no group tells.
            (
                vec![limits(json!({"ephemeral-storage": "1Gi", "memory": "1Gi"}))],
                json!({"memory": "1Gi"}),
            ),
        ] {
            assert_eq!(said(&resources)[1]["limits"], then, "{resources:?}");
        }
    }

    #[test]
    fn without_a_group_what_was_said_is_said_again() {
        let spec = spec(&[json!({"limits": {"cpu": "1", "memory": "1Gi"}, "requests": {"cpu": "1", "memory": "1Gi"}})]);
        let known = PodResources::new(&spec, true);
        let actual = known.actual(&spec, true, false, Some(&known.effective));
        assert_eq!(actual, known.effective);
        let forgotten = known.actual(&spec, true, false, None);
        assert_eq!(json_of(&forgotten), json!({"requests": {"memory": "1Gi"}}));
    }

    #[test]
    fn containers_have_the_limits_of_their_pod() {
        let of_pod = Arc::new(json!({"limits": {"cpu": "2", "memory": "1Gi"}}));
        let of = |given: Value| {
            let given = Requirements::given(Some(&Arc::new(given)));
            json_of(&of_container(&given, Some(&of_pod)))
        };
        assert_eq!(of(json!({})), json!({}));
        assert_eq!(
            of(json!({"requests": {"memory": "1Mi"}})),
            json!({"requests": {"cpu": "2", "memory": "1Mi"}})
        );
        assert_eq!(
            of(json!({"limits": {"memory": "1000k"}, "requests": {"cpu": "1m", "memory": "1000k"}})),
            json!({"limits": {"cpu": "2", "memory": "1M"}, "requests": {"cpu": "1m", "memory": "1M"}})
        );
    }
}
