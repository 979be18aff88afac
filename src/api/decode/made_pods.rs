//! The pods that a workload's controller makes of its template: how they are named, and what they have beside it.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::workloads::{Replicas, Workload, WorkloadKind};
use crate::api::pod::{EnvValue, EnvVar, Name, Pod, Volume, VolumeSource};
use crate::api::uid::object_uid;

/// The annotation and the label that say which of an Indexed Job's pods a pod is.
const COMPLETION_INDEX: &str = "batch.kubernetes.io/job-completion-index";
/// The variable that says the same to its containers.
const COMPLETION_INDEX_VARIABLE: &str = "JOB_COMPLETION_INDEX";
/// Only so much of a base is kept that a name is a label with its five characters (`names.MaxGeneratedNameLength`).
const LONGEST_BASE: usize = 58;

/// Letters and digits that spell no words (apimachinery: util/rand).
const SAFE: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";

/// Characters of a name that depend on the seed and on what the name is for.
fn safe_suffix(seed: u64, purpose: &[&str], number: u64, length: usize) -> String {
    let mut hash = Sha256::new();
    hash.update(seed.to_le_bytes());
    for part in purpose {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    hash.update(number.to_le_bytes());
    let symbols = hash.finalize();
    symbols
        .iter()
        .take(length)
        .map(|b| char::from(SAFE[usize::from(*b) % SAFE.len()]))
        .collect()
}

/// A name that begins with `base` and has five more characters, as `generateName` gives it: one that is not taken.
pub(crate) fn generated_name(
    seed: u64,
    namespace: &str,
    base: &str,
    number: u64,
    is_taken: impl Fn(&Name) -> bool,
) -> Name {
    let kept: String = base.chars().take(LONGEST_BASE).collect();
    let mut purpose = vec!["pod", namespace, base];
    loop {
        let name: Name = format!("{kept}{}", safe_suffix(seed, &purpose, number, 5)).into();
        if !is_taken(&name) {
            return name;
        }
        purpose.push("again");
    }
}

impl Workload {
    /// How many pods it asks for when the cluster has that many nodes.
    pub(crate) fn count(&self, nodes: u64) -> u64 {
        match self.replicas {
            _ if self.suspended.is_some() => 0,
            Replicas::Count { count, .. } => count,
            // `NodeShouldRunDaemonPod`: a template that names a node is for that node alone.
            Replicas::PerNode if self.template.spec.node_name.is_some() => 1,
            Replicas::PerNode => nodes,
        }
    }

    /// The names of its pods, if they are known before they are made.
    pub(crate) fn known_names(&self) -> impl Iterator<Item = Name> + '_ {
        let count = match self.replicas {
            Replicas::Count { count, .. } if self.kind == WorkloadKind::StatefulSet => count,
            _ => 0,
        };
        (0..count).map(move |number| self.ordinal_name(self.first_ordinal() + number))
    }

    fn first_ordinal(&self) -> u64 {
        match self.replicas {
            Replicas::Count { first_ordinal, .. } => first_ordinal,
            Replicas::PerNode => 0,
        }
    }

    /// `web-0`
    fn ordinal_name(&self, ordinal: u64) -> Name {
        format!("{}-{ordinal}", self.name).into()
    }

    /// Its pods, named as Kubernetes names them; UIDs are given when all pods are known.
    pub(crate) fn pods(&self, seed: u64, nodes: &[Name], is_taken: impl Fn(&Name) -> bool) -> Vec<Pod> {
        let hash = safe_suffix(seed, &["hash", self.kind.as_str(), &self.namespace, &self.name], 0, 10);
        let owner = self.owner(&hash);
        let like = self.like(&owner, &hash);
        let mut own_names: BTreeSet<Name> = BTreeSet::new();
        (0..self.count(nodes.len() as u64))
            .map(|number| {
                let mut pod = like.clone();
                let mut base = format!("{}-", owner.1);
                match self.kind {
                    WorkloadKind::StatefulSet => {
                        self.with_identity(&mut pod, self.first_ordinal() + number);
                        return pod;
                    }
                    WorkloadKind::Job | WorkloadKind::CronJob if self.indexed => {
                        base = indexed_base(&owner.1, number);
                        with_completion_index(&mut pod, &owner.1, &base, number);
                    }
                    WorkloadKind::DaemonSet => {
                        let own = nodes.get(usize::try_from(number).unwrap_or(usize::MAX));
                        pod.spec.node_name = pod.spec.node_name.or_else(|| own.cloned());
                    }
                    WorkloadKind::Job
                    | WorkloadKind::CronJob
                    | WorkloadKind::Deployment
                    | WorkloadKind::ReplicaSet
                    | WorkloadKind::ReplicationController => {}
                }
                let is_taken = |name: &Name| own_names.contains(name) || is_taken(name);
                pod.name = generated_name(seed, &self.namespace, &base, number, is_taken);
                own_names.insert(pod.name.clone());
                pod
            })
            .collect()
    }

    /// Kind and name of what makes the pods: a Deployment has a ReplicaSet do it, a CronJob a Job.
    fn owner(&self, hash: &str) -> (Name, Name) {
        match self.kind {
            WorkloadKind::Deployment => ("ReplicaSet".into(), format!("{}-{hash}", self.name).into()),
            // Named after the minute for which it is scheduled; here that is t = 0.
            WorkloadKind::CronJob => ("Job".into(), format!("{}-{}", self.name, 946_684_800 / 60).into()),
            kind => (kind.as_str().into(), self.name.clone()),
        }
    }

    /// What all its pods have in common: of the template's metadata the labels, the annotations and the finalizers
    /// (`controller_utils.go: GetPodFromTemplate`), and what the kind adds.
    fn like(&self, owner: &(Name, Name), hash: &str) -> Pod {
        let mut pod = self.template.clone();
        let mut label = |key: &str, value: &str| {
            pod.labels.insert(key.into(), value.into());
        };
        match self.kind {
            WorkloadKind::Deployment => label("pod-template-hash", hash),
            WorkloadKind::StatefulSet => label("controller-revision-hash", &format!("{}-{hash}", self.name)),
            WorkloadKind::DaemonSet => {
                label("controller-revision-hash", hash);
                label("pod-template-generation", "1");
            }
            // `batch/job/strategy.go: generateSelector`
            WorkloadKind::Job | WorkloadKind::CronJob if !self.manual_selector => {
                let uid = object_uid(&owner.0, &self.namespace, &owner.1);
                for prefix in ["", "batch.kubernetes.io/"] {
                    label(&format!("{prefix}controller-uid"), &uid);
                    label(&format!("{prefix}job-name"), &owner.1);
                }
            }
            WorkloadKind::Job
            | WorkloadKind::CronJob
            | WorkloadKind::ReplicaSet
            | WorkloadKind::ReplicationController => {}
        }
        if let Some(metadata) = metadata(&mut pod) {
            metadata.retain(|field, _| matches!(&**field, "labels" | "annotations" | "finalizers"));
            metadata.insert("generateName".into(), json!(format!("{}-", owner.1)));
        }
        pod.owner = Some(owner.clone());
        pod
    }

    /// What tells a StatefulSet's pods apart: name, hostname and claims (`stateful_set_utils.go: updateIdentity`,
    /// `updateStorage`).
    fn with_identity(&self, pod: &mut Pod, ordinal: u64) {
        pod.name = self.ordinal_name(ordinal);
        let own = [
            ("apps.kubernetes.io/pod-index", Name::from(ordinal.to_string())),
            ("statefulset.kubernetes.io/pod-name", pod.name.clone()),
        ];
        pod.labels.extend(own.map(|(key, value)| (key.into(), value)));
        let name = pod.name.clone();
        let claimed = |claim: &Name| Name::from(format!("{claim}-{name}"));
        pod.spec.volumes.retain(|volume| !self.claims.contains(&volume.name));
        let volumes = self.claims.iter().map(|claim| Volume {
            name: claim.clone(),
            source: VolumeSource::Claim { name: claimed(claim) },
        });
        pod.spec.volumes.splice(0..0, volumes);
        let Some(spec) = spec(pod) else { return };
        spec.insert("hostname".into(), json!(name));
        match &self.service_name {
            Some(service) => spec.insert("subdomain".into(), json!(service)),
            None => spec.remove("subdomain"),
        };
        if self.claims.is_empty() {
            return;
        }
        let volumes = self.claims.iter().map(|claim| {
            let source = json!({"claimName": claimed(claim)});
            json!({"name": claim, "persistentVolumeClaim": source})
        });
        let given = spec.get_mut("volumes").and_then(Value::as_array_mut);
        let given = given.map(std::mem::take).unwrap_or_default();
        let is_claim = |volume: &Value| self.claims.iter().any(|claim| volume["name"] == **claim);
        let others = given.into_iter().filter(|volume| !is_claim(volume));
        spec.insert("volumes".into(), volumes.chain(others).collect());
    }
}

/// What the name of an Indexed Job's pod begins with: the number stays whole (`podGenerateNameWithIndex`).
fn indexed_base(job: &str, index: u64) -> String {
    let number = format!("-{index}-");
    let kept: String = job.chars().take(LONGEST_BASE - number.len()).collect();
    kept + &number
}

/// What tells the pods of an Indexed Job which one they are (`indexed_job_utils.go: addCompletionIndexAnnotation`,
/// `addCompletionIndexEnvVariables`).
fn with_completion_index(pod: &mut Pod, job: &str, base: &str, index: u64) {
    let text = Name::from(index.to_string());
    pod.labels.insert(COMPLETION_INDEX.into(), text.clone());
    pod.annotations.insert(COMPLETION_INDEX.into(), text);
    let field = format!("metadata.labels['{COMPLETION_INDEX}']");
    for container in pod.spec.init_containers.iter_mut().chain(&mut pod.spec.containers) {
        if !container
            .env
            .iter()
            .any(|given| given.name == COMPLETION_INDEX_VARIABLE)
        {
            container.env.push(EnvVar {
                name: COMPLETION_INDEX_VARIABLE.into(),
                value: EnvValue::Field(field.as_str().into()),
            });
        }
    }
    let annotations = json!(pod.annotations);
    if let Some(metadata) = metadata(pod) {
        metadata.insert("annotations".into(), annotations);
        metadata.insert("generateName".into(), json!(base));
    }
    let Some(spec) = spec(pod) else { return };
    spec.insert("hostname".into(), json!(format!("{job}-{index}")));
    for list in ["initContainers", "containers"] {
        let containers = spec.get_mut(list).and_then(Value::as_array_mut);
        for container in containers.into_iter().flatten().filter_map(Value::as_object_mut) {
            let env = container.entry("env").or_insert_with(|| json!([]));
            if env.is_null() {
                *env = json!([]);
            }
            let Some(env) = env.as_array_mut() else { continue };
            if !env.iter().any(|given| given["name"] == COMPLETION_INDEX_VARIABLE) {
                env.push(json!({
                    "name": COMPLETION_INDEX_VARIABLE,
                    "valueFrom": {"fieldRef": {"fieldPath": field}},
                }));
            }
        }
    }
}

/// metadata of the manifest; an empty one is made if there is none.
fn metadata(pod: &mut Pod) -> Option<&mut Map<String, Value>> {
    let manifest = Arc::make_mut(&mut pod.manifest).as_object_mut()?;
    let metadata = manifest.entry("metadata").or_insert_with(|| json!({}));
    if metadata.is_null() {
        *metadata = json!({});
    }
    metadata.as_object_mut()
}

/// spec of the manifest.
fn spec(pod: &mut Pod) -> Option<&mut Map<String, Value>> {
    Arc::make_mut(&mut pod.manifest).get_mut("spec")?.as_object_mut()
}
