//! What the containers of a pod ask for together, and resources as a status shows them.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::{Map, Value};

use super::pod::PodSpec;
use super::quantity;

/// resources of a container or of a pod: limits and requests, each quantity as the API server writes it; `{}` when there
/// are none (v1.ResourceRequirements).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Requirements(Option<Arc<Value>>);

impl Requirements {
    /// As they stand in a spec.
    pub fn given(resources: Option<&Arc<Value>>) -> Requirements {
        Requirements(resources.cloned())
    }

    /// These limits and requests.
    pub(crate) fn new(limits: &Amounts<'_>, requests: &Amounts<'_>) -> Requirements {
        let mut both = Map::new();
        for (field, amounts) in [(Field::Limits, limits), (Field::Requests, requests)] {
            if let Some(amounts) = amounts.written() {
                both.insert(field.as_str().to_owned(), amounts);
            }
        }
        Requirements((!both.is_empty()).then(|| Arc::new(both.into())))
    }

    /// Whether a runtime tells it in other words than the API: it counts memory in bytes and in units of 1024, and what
    /// is not a multiple of 1024 is 100000000 where the API has 100M (`Quantity.CanonicalizeBytes` of a BinarySI).
    pub(crate) fn is_worded_otherwise(&self) -> bool {
        self.text(Field::Limits, "memory")
            .is_some_and(|text| text.ends_with(['k', 'M', 'G', 'T', 'P', 'E']) && text != "1k")
    }

    /// An amount as it is written.
    pub(crate) fn text(&self, field: Field, name: &str) -> Option<&str> {
        self.get(field)?.get(name)?.as_str()
    }

    /// The amounts of one of the two.
    pub(crate) fn amounts(&self, field: Field) -> Amounts<'_> {
        Amounts::of(self.0.as_ref(), field)
    }

    fn get(&self, field: Field) -> Option<&Value> {
        self.0.as_ref()?.get(field.as_str())
    }
}

impl fmt::Display for Requirements {
    /// `requests cpu 100m, memory 64Mi; limits memory 128Mi`, or `none`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let halves = [Field::Requests, Field::Limits].into_iter().filter_map(|field| {
            let amounts = self.get(field)?.as_object()?.iter();
            let amounts = amounts.map(|(name, amount)| format!("{name} {}", amount.as_str().unwrap_or_default()));
            Some(format!("{} {}", field.as_str(), amounts.collect::<Vec<_>>().join(", ")))
        });
        match &*halves.collect::<Vec<_>>() {
            [] => f.write_str("none"),
            halves => f.write_str(&halves.join("; ")),
        }
    }
}

impl Serialize for Requirements {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0 {
            Some(both) => both.serialize(serializer),
            None => serializer.serialize_map(Some(0))?.end(),
        }
    }
}

/// What the status of a container shows of resources. Nothing is resized: allocatedResources are what its spec requests.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ContainerResources {
    /// Of its spec.
    pub given: Requirements,
    /// What the runtime says that it has, or what is given as long as it does not run.
    pub actual: Requirements,
}

impl Serialize for ContainerResources {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_map(None)?;
        if let Some(requests) = self.given.get(Field::Requests) {
            fields.serialize_entry("allocatedResources", requests)?;
        }
        fields.serialize_entry("resources", &self.actual)?;
        fields.end()
    }
}

/// Either half of resources.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Field {
    Limits,
    Requests,
}

impl Field {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Field::Limits => "limits",
            Field::Requests => "requests",
        }
    }
}

/// An amount in nano, and a text with units of its kind.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Amount<'a> {
    pub nano: i128,
    pub like: &'a str,
}

impl Amount<'_> {
    /// In thousandths, rounded up (`Quantity.MilliValue`).
    pub(crate) fn milli(self) -> i64 {
        rounded_up(self.nano, 1_000_000)
    }

    /// In units, rounded up (`Quantity.Value`).
    pub(crate) fn value(self) -> i64 {
        rounded_up(self.nano, 1_000_000_000)
    }
}

fn rounded_up(nano: i128, unit: i128) -> i64 {
    i64::try_from(nano.saturating_add(unit - 1).div_euclid(unit)).unwrap_or(i64::MAX)
}

/// Amounts by the name of the resource (v1.ResourceList).
#[derive(Clone, Debug, Default)]
pub(crate) struct Amounts<'a>(BTreeMap<&'a str, Amount<'a>>);

impl<'a> Amounts<'a> {
    /// One half of resources.
    pub(crate) fn of(resources: Option<&'a Arc<Value>>, field: Field) -> Amounts<'a> {
        Amounts::list(resources.and_then(|both| both.get(field.as_str())))
    }

    fn list(amounts: Option<&'a Value>) -> Amounts<'a> {
        let amounts = amounts.and_then(Value::as_object).into_iter().flatten();
        let read = amounts.filter_map(|(name, text)| {
            let like = text.as_str()?;
            let nano = quantity::parse(like)?;
            Some((name.as_str(), Amount { nano, like }))
        });
        Amounts(read.collect())
    }

    pub(crate) fn get(&self, name: &str) -> Option<Amount<'a>> {
        self.0.get(name).copied()
    }

    /// All of them by name.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&'a str, Amount<'a>)> + '_ {
        self.0.iter().map(|(name, amount)| (*name, *amount))
    }

    pub(crate) fn set(&mut self, name: &'a str, amount: Amount<'a>) {
        self.0.insert(name, amount);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether there is more than nothing of it.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.get(name).is_some_and(|amount| amount.nano != 0)
    }

    /// `addResourceList`
    fn add(&mut self, more: &Amounts<'a>) {
        for (name, amount) in &more.0 {
            let sum = self.0.entry(name).or_insert(Amount { nano: 0, ..*amount });
            if sum.nano == 0 {
                // Nothing has no units.
                sum.like = amount.like;
            }
            sum.nano = sum.nano.saturating_add(amount.nano);
        }
    }

    /// `maxResourceList`
    fn raise(&mut self, to: &Amounts<'a>) {
        for (name, amount) in &to.0 {
            if self.get(name).is_none_or(|own| amount.nano > own.nano) {
                self.set(name, *amount);
            }
        }
    }

    /// As JSON; None when empty.
    pub(crate) fn written(&self) -> Option<Value> {
        let written = self.0.iter();
        let amounts: Map<String, Value> = written
            .map(|(name, amount)| {
                let text = quantity::write(amount.nano, amount.like);
                ((*name).to_owned(), text.into())
            })
            .collect();
        (!amounts.is_empty()).then(|| amounts.into())
    }
}

/// Whether the spec speaks of resources at all.
pub(crate) fn any(spec: &PodSpec) -> bool {
    let mut containers = spec.containers.iter().chain(&spec.init_containers);
    spec.resources.is_some() || spec.overhead.is_some() || containers.any(|c| c.resources.is_some())
}

/// What the containers need at most at a time: all that stay together, or an init container with the sidecars before it.
/// `each` hears what each of them needs (`component-helpers/resource/helpers.go: AggregateContainerRequests,
/// AggregateContainerLimits`).
pub(crate) fn of_containers<'a>(spec: &'a PodSpec, field: Field, mut each: impl FnMut(&Amounts<'a>)) -> Amounts<'a> {
    let mut running = Amounts::default();
    for container in &spec.containers {
        let own = Amounts::of(container.resources.as_ref(), field);
        each(&own);
        running.add(&own);
    }
    let (mut sidecars, mut starting) = (Amounts::default(), Amounts::default());
    for container in &spec.init_containers {
        let mut needed = Amounts::of(container.resources.as_ref(), field);
        if container.is_sidecar() {
            running.add(&needed);
            sidecars.add(&needed);
            needed = sidecars.clone();
        } else {
            needed.add(&sidecars);
        }
        each(&needed);
        starting.raise(&needed);
    }
    running.raise(&starting);
    running
}

/// What the pod needs in all: as its containers, unless spec.resources say otherwise (`pod_level`: they are looked at,
/// gate PodLevelResources), and its overhead (`component-helpers/resource/helpers.go: PodRequests, PodLimits`).
pub(crate) fn of_pod<'a>(
    spec: &'a PodSpec,
    field: Field,
    pod_level: bool,
    each: impl FnMut(&Amounts<'a>),
) -> Amounts<'a> {
    let mut sum = of_containers(spec, field, each);
    let own = Amounts::of(spec.resources.as_ref().filter(|_| pod_level), field);
    for (name, amount) in own.0 {
        if matches!(name, "cpu" | "memory") || name.starts_with("hugepages-") {
            sum.set(name, amount);
        }
    }
    let mut overhead = Amounts::list(spec.overhead.as_deref());
    if field == Field::Limits {
        // What has no limit gets none.
        overhead.0.retain(|name, _| sum.has(name));
    }
    sum.add(&overhead);
    sum
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::api::pod::{Container, Pod, RestartPolicy};

    fn container(name: &str, resources: Value) -> Container {
        let mut container = Container::plain(name.into(), "app:1".into());
        container.resources = Some(Arc::new(resources));
        container
    }

    fn spec() -> PodSpec {
        let apps = vec![
            container(
                "a",
                json!({"limits": {"memory": "1Gi"}, "requests": {"cpu": "500m", "memory": "1Gi"}}),
            ),
            container("b", json!({"requests": {"cpu": "1", "example.com/gpu": "2"}})),
        ];
        let mut spec = Pod::plain("default".into(), "web".into(), apps).spec;
        let mut sidecar = container("s", json!({"requests": {"cpu": "250m"}}));
        sidecar.restart_policy = Some(RestartPolicy::Always);
        let init = container(
            "i",
            json!({"limits": {"memory": "3Gi"}, "requests": {"cpu": "1", "memory": "3Gi"}}),
        );
        spec.init_containers = vec![sidecar, init];
        spec
    }

    #[test]
    fn sidecars_count_with_both_those_that_start_and_those_that_stay() {
        let spec = spec();
        let mut heard = Vec::new();
        let requests = of_pod(&spec, Field::Requests, true, |own| {
            heard.push(own.get("cpu").map(Amount::milli))
        });
        assert_eq!(
            requests.written(),
            Some(json!({"cpu": "1750m", "example.com/gpu": "2", "memory": "3Gi"}))
        );
        assert_eq!(heard, [Some(500), Some(1000), Some(250), Some(1250)]);
        let limits = of_pod(&spec, Field::Limits, true, |_| {});
        assert_eq!(limits.written(), Some(json!({"memory": "3Gi"})));
    }

    #[test]
    fn resources_of_the_pod_come_first_and_overhead_on_top() {
        let mut spec = spec();
        spec.resources = Some(Arc::new(json!({"limits": {"cpu": "4"}, "requests": {"cpu": "2"}})));
        spec.overhead = Some(Arc::new(json!({"cpu": "100m", "ephemeral-storage": "1Mi"})));
        let of = |field, pod_level| of_pod(&spec, field, pod_level, |_| {}).written();
        assert_eq!(
            of(Field::Requests, true),
            Some(json!({"cpu": "2100m", "ephemeral-storage": "1Mi", "example.com/gpu": "2", "memory": "3Gi"}))
        );
        assert_eq!(of(Field::Limits, true), Some(json!({"cpu": "4100m", "memory": "3Gi"})));
        assert_eq!(of(Field::Limits, false), Some(json!({"memory": "3Gi"})));
    }

    #[test]
    fn none_at_all_are_an_empty_object() {
        let of = |resources| {
            let given = Requirements::given(resources);
            let actual = given.clone();
            serde_json::to_value(ContainerResources { given, actual }).expect("it is JSON")
        };
        assert_eq!(of(None), json!({"resources": {}}));
        let some = Arc::new(json!({"requests": {"cpu": "1"}}));
        assert_eq!(
            of(Some(&some)),
            json!({"allocatedResources": {"cpu": "1"}, "resources": {"requests": {"cpu": "1"}}})
        );
    }
}
