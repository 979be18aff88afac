//! The API's pod objects at a moment, made anew from the trace: manifest, metadata and status.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use serde_json::{Map, Value, json};

use crate::api::defaults;
use crate::api::features::Features;
use crate::api::pod::{Name, Pod};
use crate::api::status::{PodStatus, Timestamp};
use crate::api::uid::object_uid;
use crate::kernel::{Duration, Time};
use crate::scenario::lookup::nodes_of_pods;
use crate::scenario::types::{Input, ONLY_NODE};
use crate::trace::{ApiCall, Record, What};

/// A pod object of the API as it is at a moment.
#[derive(Clone, Debug)]
pub struct PodAt<'a> {
    /// `namespace/name`
    pub full_name: Name,
    /// What the input says of it.
    pub pod: &'a Pod,
    /// spec as it was created, once somebody asks.
    created_spec: Arc<OnceLock<Map<String, Value>>>,
    /// When it was created.
    pub created: Time,
    /// When its deletion was first asked for, and the grace period in seconds in force.
    pub deletion: Option<(Time, i64)>,
    /// metadata.generation
    pub generation: i64,
    /// The node that it is bound to; None behind scheduling gates.
    pub node: Option<Name>,
    /// Images that were set since, by container.
    pub images: BTreeMap<Name, Name>,
    /// Ephemeral containers that were added since, with their images.
    pub ephemeral: Vec<(Name, Name)>,
    /// status
    pub status: Arc<PodStatus>,
    /// The record that last changed it.
    pub changed_by: u64,
    /// What the API server and kubectl of that version do.
    pub(super) features: &'a Features,
    epoch_unix_secs: i64,
}

/// The pods that exist at `time`, in the order of their full names.
pub fn at<'a>(records: &[Record], input: &'a Input, time: Time) -> Vec<PodAt<'a>> {
    let mut store = Store::new(input);
    for record in records.iter().take_while(|r| r.at <= time) {
        store.apply(record);
    }
    store.pods.into_values().collect()
}

/// The nodes of the pods, by full name.
pub fn nodes(input: &Input) -> BTreeMap<Name, Name> {
    let store = Store::new(input);
    let placed = store.by_name.into_iter();
    placed.filter_map(|(name, (_, node))| Some((name, node?))).collect()
}

/// What a record did to the store.
#[derive(Clone, Debug)]
pub enum Change<'a> {
    /// The object is there, or is different.
    Changed(PodAt<'a>),
    /// The object is gone; this is how it last was.
    Removed(PodAt<'a>),
}

/// The API's store of pods, which follows a trace record by record.
pub struct Store<'a> {
    input: &'a Input,
    /// Each pod's manifest, and its node unless it is gated.
    by_name: BTreeMap<Name, (&'a Pod, Option<Name>)>,
    /// The pods that exist now.
    pub pods: BTreeMap<Name, PodAt<'a>>,
}

impl<'a> Store<'a> {
    /// An empty store.
    pub fn new(input: &'a Input) -> Store<'a> {
        let nodes = &input.scenario.nodes;
        let node = |place: usize| nodes.get(place).map_or_else(|| ONLY_NODE.into(), |n| n.name.clone());
        let placed = input.pods.iter().zip(nodes_of_pods(input));
        let by_name = placed.map(|(given, place)| {
            let pod = &*given.pod;
            // A scenario that lists no nodes takes any name for its only one.
            let own = pod.spec.node_name.clone().filter(|_| nodes.is_empty());
            let node = own.unwrap_or_else(|| node(place));
            (pod.full_name(), (pod, Some(node).filter(|_| !pod.is_gated())))
        });
        Store {
            input,
            by_name: by_name.collect(),
            pods: BTreeMap::new(),
        }
    }

    /// Follows one record. Gives the object that changed, if one did.
    pub fn apply(&mut self, record: &Record) -> Option<Change<'a>> {
        let name = record.pod.as_ref()?;
        match &record.what {
            What::Api(call) if call.object.is_none() => match call.op {
                "create" => self.create(name, record),
                "removed" => return self.pods.remove(name).map(Change::Removed),
                _ => self.pods.get_mut(name)?.edit(record, call),
            },
            What::Status(status) => self.pods.get_mut(name)?.status = status.clone(),
            _ => return None,
        }
        let pod = self.pods.get_mut(name)?;
        pod.changed_by = record.seq;
        Some(Change::Changed(pod.clone()))
    }

    fn create(&mut self, name: &Name, record: &Record) {
        let Some((pod, node)) = self.by_name.get(&**name).cloned() else {
            return;
        };
        let scenario = &self.input.scenario;
        let timestamp = Timestamp(scenario.epoch_unix_secs + record.at.as_nanos().div_euclid(1_000_000_000));
        let made = PodAt {
            full_name: name.clone(),
            pod,
            created_spec: Arc::default(),
            created: record.at,
            deletion: None,
            generation: i64::from(scenario.kubelet.features.generation),
            node,
            images: BTreeMap::new(),
            ephemeral: Vec::new(),
            status: Arc::new(PodStatus::of_new(pod, timestamp)),
            changed_by: record.seq,
            features: &scenario.kubelet.features,
            epoch_unix_secs: scenario.epoch_unix_secs,
        };
        self.pods.insert(name.clone(), made);
    }
}

impl PodAt<'_> {
    fn edit(&mut self, record: &Record, call: &ApiCall) {
        let container = record.container.clone().unwrap_or_else(|| "".into());
        let image = call.image.clone().unwrap_or_else(|| "".into());
        let counts = i64::from(self.features.generation);
        match call.op {
            "delete" | "update" => {
                let grace = call.grace_period_seconds.unwrap_or(0);
                let mut since = self.deletion.map_or(record.at, |(since, _)| since);
                if self.features.delete_clamps_to_now {
                    // The deletion timestamp, which is this long after `since`, never lies in the past.
                    let earliest = Time(record.at.0 - Duration::from_secs(grace).0);
                    since = since.max(earliest);
                }
                self.deletion = Some((since, grace));
                self.generation += counts * i64::from(call.op == "delete");
            }
            "setImage" => {
                self.images.insert(container, image);
                self.generation += counts;
            }
            "debug" => {
                self.ephemeral.push((container, image));
                self.generation += counts;
            }
            "setCondition" => {
                let Some((kind, status)) = &call.condition else { return };
                let now = Some(self.timestamp(record.at));
                let mut edited = (*self.status).clone();
                match edited.conditions.iter_mut().find(|c| *c.kind == **kind) {
                    Some(condition) => {
                        if condition.status != *status {
                            condition.last_transition_time = now;
                        }
                        condition.status = *status;
                    }
                    None => edited.conditions.push(crate::api::status::PodCondition {
                        kind: kind.into(),
                        observed_generation: None,
                        status: *status,
                        last_transition_time: now,
                        reason: None,
                        message: None,
                    }),
                }
                self.status = Arc::new(edited);
            }
            _ => {}
        }
    }

    /// The API timestamp of an instant of this run: whole seconds.
    pub fn timestamp(&self, at: Time) -> Timestamp {
        Timestamp(self.epoch_unix_secs + at.as_nanos().div_euclid(1_000_000_000))
    }

    /// metadata.deletionTimestamp
    pub fn deletion_timestamp(&self) -> Option<Timestamp> {
        let (since, grace) = self.deletion?;
        Some(self.timestamp(since + Duration::from_secs(grace)))
    }

    /// The whole v1.Pod: metadata and spec as given, with what the API server adds, and the status.
    pub fn object(&self) -> Value {
        let parts = [
            ("apiVersion", json!("v1")),
            ("kind", json!("Pod")),
            ("metadata", Value::Object(self.metadata())),
            ("spec", Value::Object(self.spec())),
            ("status", json!(self.status)),
        ];
        let fields = parts.into_iter().map(|(name, part)| (name.to_owned(), part));
        Value::Object(fields.collect())
    }

    /// metadata.resourceVersion: the record that changed it last.
    pub(crate) fn resource_version(&self) -> String {
        self.changed_by.to_string()
    }

    /// The metadata: as given, with what the API server adds.
    pub(crate) fn metadata(&self) -> Map<String, Value> {
        let manifest = &self.pod.manifest;
        let mut metadata = manifest["metadata"].as_object().cloned().unwrap_or_default();
        // What the API server keeps of no new object (`rest.BeforeCreate`), and what kubectl shows only when asked to.
        for field in [
            "selfLink",
            "deletionTimestamp",
            "deletionGracePeriodSeconds",
            "managedFields",
        ] {
            metadata.remove(field);
        }
        metadata.insert("name".into(), json!(self.pod.name));
        metadata.insert("namespace".into(), json!(self.pod.namespace));
        if !self.pod.labels.is_empty() {
            metadata.insert("labels".into(), json!(self.pod.labels));
        }
        if let Some((kind, name)) = &self.pod.owner {
            let version = match &**kind {
                "Job" => "batch/v1",
                "ReplicationController" => "v1",
                _ => "apps/v1",
            };
            let uid = object_uid(kind, &self.pod.namespace, name);
            // `metav1.NewControllerRef`
            let owner = json!({
                "apiVersion": version,
                "kind": kind,
                "name": name,
                "uid": uid,
                "controller": true,
                "blockOwnerDeletion": true,
            });
            metadata.insert("ownerReferences".into(), json!([owner]));
        }
        metadata.insert("uid".into(), json!(self.pod.uid));
        if self.features.generation {
            metadata.insert("generation".into(), json!(self.generation));
        }
        metadata.insert("resourceVersion".into(), json!(self.resource_version()));
        metadata.insert("creationTimestamp".into(), json!(self.timestamp(self.created)));
        if let (Some(timestamp), Some((_, grace))) = (self.deletion_timestamp(), self.deletion) {
            metadata.insert("deletionTimestamp".into(), json!(timestamp));
            metadata.insert("deletionGracePeriodSeconds".into(), json!(grace));
        }
        metadata
    }

    /// The spec: as given, with what the API server adds and what was changed since.
    pub(crate) fn spec(&self) -> Map<String, Value> {
        let mut spec = self.created_spec.get_or_init(|| defaults::spec(self.pod)).clone();
        if let Some(node) = &self.node {
            spec.insert("nodeName".into(), json!(node));
        }
        for list in ["initContainers", "containers"] {
            for container in spec.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten() {
                let image = container["name"].as_str().and_then(|name| self.images.get(name));
                if let Some(image) = image {
                    container["image"] = json!(image);
                }
            }
        }
        if !self.ephemeral.is_empty() {
            let added = self.ephemeral.iter().map(|(name, image)| {
                let mut added = Map::new();
                added.insert("name".into(), json!(name));
                added.insert("image".into(), json!(image));
                defaults::container(&mut added);
                Value::Object(added)
            });
            let ephemeral = spec.entry("ephemeralContainers").or_insert_with(|| json!([]));
            if let Some(ephemeral) = ephemeral.as_array_mut() {
                ephemeral.extend(added);
            }
        }
        spec
    }
}
