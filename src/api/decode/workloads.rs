//! The kinds that make pods from a template: what they ask for, and how their pods are named.

use std::collections::BTreeSet;

use sha2::{Digest, Sha256};

use super::jobs;
use super::meta::{Meta, annotations_of_pod, metadata, texts};
use super::pod::{pod_spec, written};
use super::rollouts;
use super::volumes::claim_spec;
use crate::api::node::{Bytes, Node};
use crate::api::pod::{Name, Pod, PodSpec, RestartPolicy};
use crate::api::shape::Problems;

/// Which kind it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum WorkloadKind {
    Deployment,
    ReplicaSet,
    ReplicationController,
    StatefulSet,
    DaemonSet,
    Job,
    CronJob,
}

impl WorkloadKind {
    /// All of them.
    pub(crate) const ALL: [WorkloadKind; 7] = [
        WorkloadKind::Deployment,
        WorkloadKind::ReplicaSet,
        WorkloadKind::ReplicationController,
        WorkloadKind::StatefulSet,
        WorkloadKind::DaemonSet,
        WorkloadKind::Job,
        WorkloadKind::CronJob,
    ];

    /// `Deployment`
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            WorkloadKind::Deployment => "Deployment",
            WorkloadKind::ReplicaSet => "ReplicaSet",
            WorkloadKind::ReplicationController => "ReplicationController",
            WorkloadKind::StatefulSet => "StatefulSet",
            WorkloadKind::DaemonSet => "DaemonSet",
            WorkloadKind::Job => "Job",
            WorkloadKind::CronJob => "CronJob",
        }
    }
}

/// How many pods it asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Replicas {
    /// that many, the first with this ordinal
    Count { count: u64, first_ordinal: u64 },
    /// one for each node
    PerNode,
}

/// A Deployment, ReplicaSet, … with its template.
#[derive(Clone, Debug)]
pub(crate) struct Workload {
    pub(crate) kind: WorkloadKind,
    pub(crate) namespace: Name,
    pub(crate) name: Name,
    pub(crate) replicas: Replicas,
    /// completionMode of a Job is Indexed
    indexed: bool,
    template: Pod,
    /// where it says that it is suspended: then it makes no pods
    pub(crate) suspended: Option<Bytes>,
    /// what its controller would do besides, and where it is asked for
    pub(crate) unplayed: Option<(Bytes, String)>,
    /// what to underline when there are too many
    pub(crate) mark: Bytes,
}

/// Decodes and validates one.
pub(super) fn workload(problems: &mut Problems<'_>, node: &Node, kind: WorkloadKind) -> Workload {
    let meta = metadata(problems, node);
    let nothing = Node {
        span: node.span,
        value: crate::api::node::Value::Null,
    };
    let spec = node.get("spec").unwrap_or_else(|| {
        problems.required(node, "spec", "");
        &nothing
    });
    let job = match kind {
        WorkloadKind::CronJob => match spec.at(&["jobTemplate", "spec"]) {
            Some(job) => {
                super::cron::cron_job_spec(problems, spec);
                job
            }
            None => {
                if !spec.is_null() {
                    problems.required(spec, "jobTemplate.spec", "");
                }
                &nothing
            }
        },
        _ => spec,
    };
    let template = match job.get("template") {
        Some(template) => self::template(problems, template, spec, kind, &meta),
        None => {
            if !job.is_null() {
                problems.required(job, "template", "");
            }
            empty_template(&meta)
        }
    };
    let is_job = matches!(kind, WorkloadKind::Job | WorkloadKind::CronJob);
    if is_job && !job.is_null() {
        jobs::job_spec(problems, job, &template);
        jobs::job_name(problems, node, job, kind);
    } else if !spec.is_null() {
        selector(problems, spec, kind, &template);
        rollouts::rollout(problems, spec, kind);
    }
    for claim in spec.list("volumeClaimTemplates") {
        let path = format!("{}.spec", problems.path(claim));
        claim_spec(problems, &path, claim.get("spec").unwrap_or(claim));
    }
    let replicas = match kind {
        WorkloadKind::DaemonSet => Replicas::PerNode,
        WorkloadKind::Job | WorkloadKind::CronJob => {
            let parallelism = amount(problems, job, "parallelism", 1);
            // Without completions each pod may be the one that succeeds.
            let completions = amount(problems, job, "completions", parallelism.max(1));
            Replicas::Count {
                count: parallelism.min(completions),
                first_ordinal: 0,
            }
        }
        WorkloadKind::StatefulSet => Replicas::Count {
            count: amount(problems, spec, "replicas", 1),
            first_ordinal: spec
                .get("ordinals")
                .map_or(0, |ordinals| amount(problems, ordinals, "start", 0)),
        },
        WorkloadKind::Deployment | WorkloadKind::ReplicaSet | WorkloadKind::ReplicationController => Replicas::Count {
            count: amount(problems, spec, "replicas", 1),
            first_ordinal: 0,
        },
    };
    // A CronJob may be suspended itself, or every Job that it makes.
    let suspended = [spec, job]
        .into_iter()
        .find(|node| node.boolean_at("suspend") == Some(true));
    let suspended = suspended.filter(|_| is_job).and_then(|node| node.get("suspend"));
    let unplayed = unplayed(kind, spec, job, replicas, template.spec.restart_policy);
    Workload {
        kind,
        replicas,
        unplayed: unplayed.filter(|_| suspended.is_none()),
        suspended: suspended.map(Node::mark),
        indexed: jobs::is_indexed(job),
        template,
        mark: job
            .get("replicas")
            .or_else(|| job.get("parallelism"))
            .map_or_else(|| node.mark(), Node::mark),
        namespace: meta.namespace,
        name: meta.name,
    }
}

/// What of a workload's pods is not as its controller has it: that is not simulated.
fn unplayed(
    kind: WorkloadKind,
    spec: &Node,
    job: &Node,
    replicas: Replicas,
    policy: RestartPolicy,
) -> Option<(Bytes, String)> {
    let Replicas::Count { count, .. } = replicas else {
        return None;
    };
    let pods = |count| {
        if count == 1 {
            "1 pod".to_owned()
        } else {
            format!("{count} pods")
        }
    };
    let mut told: Vec<(&Node, String)> = Vec::new();
    match kind {
        WorkloadKind::StatefulSet if count > 1 => {
            let ordered = spec
                .text_at("podManagementPolicy")
                .is_none_or(|policy| &**policy == "OrderedReady");
            let given = spec.get("replicas").filter(|_| ordered);
            told.extend(given.map(|given| (given, format!("all {count} pods at once, not one after the other"))));
        }
        WorkloadKind::Job | WorkloadKind::CronJob if count > 0 => {
            let schedule = spec.get("schedule").filter(|_| kind == WorkloadKind::CronJob);
            told.extend(schedule.map(|given| (given, "1 Job at once and no other".to_owned())));
            let more = job.get("completions");
            let more = more.filter(|given| given.integer().is_some_and(|wanted| wanted > i128::from(count)));
            told.extend(more.map(|given| (given, format!("{} at once and no more", pods(count)))));
            let limit = job.get("backoffLimit");
            let limit = limit.filter(|given| given.integer().is_some_and(|limit| limit > 0));
            let retries = match policy {
                RestartPolicy::Never => "no retries",
                // The kubelet makes them.
                _ => "no limit of retries",
            };
            told.extend(limit.map(|given| (given, retries.to_owned())));
        }
        _ => {}
    }
    let mark = told.first()?.0.mark();
    let parts: Vec<String> = told.into_iter().map(|(_, part)| part).collect();
    Some((mark, parts.join(", ")))
}

fn amount(problems: &mut Problems<'_>, node: &Node, field: &str, default: u64) -> u64 {
    let Some(given) = node.get(field) else { return default };
    match given.integer().map(u64::try_from) {
        Some(Ok(count)) => count,
        Some(Err(_)) => {
            problems.invalid(given, "must be greater than or equal to 0");
            0
        }
        None => default,
    }
}

fn empty_template(meta: &Meta) -> Pod {
    Pod {
        namespace: meta.namespace.clone(),
        name: "".into(),
        uid: "".into(),
        labels: std::collections::BTreeMap::new(),
        annotations: std::collections::BTreeMap::new(),
        spec: PodSpec::plain(Vec::new()),
        manifest: std::sync::Arc::default(),
        owner: None,
        written: None,
    }
}

fn template(problems: &mut Problems<'_>, node: &Node, spec: &Node, kind: WorkloadKind, meta: &Meta) -> Pod {
    let mut pod = empty_template(meta);
    annotations_of_pod(problems, node);
    pod.manifest = std::sync::Arc::new(node.to_json());
    pod.labels = texts(node.at(&["metadata", "labels"]));
    pod.annotations = texts(node.at(&["metadata", "annotations"]));
    let claims = spec.list("volumeClaimTemplates");
    let claims: Vec<Name> = claims
        .iter()
        .filter_map(|claim| claim.at(&["metadata", "name"]))
        .filter_map(|name| name.text().cloned())
        .collect();
    let Some(pod_node) = node.get("spec") else {
        problems.required(node, "spec.containers", "");
        return pod;
    };
    pod.spec = pod_spec(problems, pod_node, &claims, false);
    pod.written = Some(written(problems, kind.as_str(), meta, pod_node));
    let is_job = matches!(kind, WorkloadKind::Job | WorkloadKind::CronJob);
    let allowed: &[&str] = if is_job { &["OnFailure", "Never"] } else { &["Always"] };
    match (is_job, pod.spec.restart_policy, pod_node.get("restartPolicy")) {
        (true, RestartPolicy::Always, None) => {
            problems
                .required(pod_node, "restartPolicy", "valid values: \"OnFailure\", \"Never\"")
                .hint = Some("the default, Always, is not for jobs".to_owned());
        }
        (true, RestartPolicy::Always, Some(policy))
        | (false, RestartPolicy::OnFailure | RestartPolicy::Never, Some(policy)) => {
            problems.unsupported(policy, allowed);
        }
        _ => {}
    }
    if !is_job && let Some(deadline) = pod_node.get("activeDeadlineSeconds") {
        let message = format!("activeDeadlineSeconds in {} is not Supported", kind.as_str());
        problems.forbidden(deadline, &message);
    }
    pod
}

/// The selector must choose the template's own pods.
fn selector(problems: &mut Problems<'_>, spec: &Node, kind: WorkloadKind, template: &Pod) {
    let wanted = match (kind, spec.get("selector")) {
        (WorkloadKind::ReplicationController, selector) => selector,
        (_, Some(selector)) => {
            if selector.get("matchLabels").is_none() && selector.list("matchExpressions").is_empty() {
                // Of ReplicaSets the API server says the same as of Deployments.
                let of = match kind {
                    WorkloadKind::StatefulSet => "statefulset",
                    WorkloadKind::DaemonSet => "daemonset",
                    _ => "deployment",
                };
                problems.invalid(selector, &format!("empty selector is invalid for {of}"));
            }
            selector.get("matchLabels")
        }
        (_, None) => {
            problems.required(spec, "selector", "");
            None
        }
    };
    for (key, value) in wanted.map_or(&[][..], Node::fields) {
        if template.labels.get(&key.name) != value.text() {
            problems.at(value, "`selector` does not match template `labels`").hint =
                Some(match template.labels.get(&key.name) {
                    Some(label) => format!("the template has {}: {label}", key.name),
                    None => format!("the template has no label {}", key.name),
                });
        }
    }
    let expressions = spec
        .get("selector")
        .map_or(&[][..], |selector| selector.list("matchExpressions"));
    for expression in expressions
        .iter()
        .filter(|_| kind != WorkloadKind::ReplicationController)
    {
        if !is_met(expression, template) {
            problems.at(expression, "`selector` does not match template `labels`");
        }
    }
}

/// Whether the template's labels meet a requirement (`labels.Requirement.Matches`). One that is no requirement is told of
/// elsewhere.
fn is_met(expression: &Node, template: &Pod) -> bool {
    let label = expression.text_at("key").and_then(|key| template.labels.get(key));
    let among = || {
        let mut values = expression.list("values").iter();
        label.is_some_and(|label| values.any(|value| value.text() == Some(label)))
    };
    match expression.text_at("operator").map(|operator| &**operator) {
        Some("In") => among(),
        Some("NotIn") => !among(),
        Some("Exists") => label.is_some(),
        Some("DoesNotExist") => label.is_none(),
        _ => true,
    }
}

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
    // Only so much of the base is kept that the name is a label (`names.SimpleNameGenerator`).
    let kept: String = base.chars().take(58).collect();
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
        let (count, first) = match self.replicas {
            Replicas::Count { count, first_ordinal } if self.kind == WorkloadKind::StatefulSet => {
                (count, first_ordinal)
            }
            _ => (0, 0),
        };
        (0..count).map(move |number| self.ordinal_name(first + number))
    }

    /// `web-0`
    fn ordinal_name(&self, ordinal: u64) -> Name {
        format!("{}-{ordinal}", self.name).into()
    }

    /// Its pods, named as Kubernetes names them; UIDs are given when all pods are known.
    pub(crate) fn pods(&self, seed: u64, nodes: &[Name], is_taken: impl Fn(&Name) -> bool) -> Vec<Pod> {
        let mut own_names: BTreeSet<Name> = BTreeSet::new();
        let hash = safe_suffix(seed, &["hash", self.kind.as_str(), &self.namespace, &self.name], 0, 10);
        let own = |kind: &str, name: &str| Some((Name::from(kind), Name::from(name)));
        (0..self.count(nodes.len() as u64))
            .map(|number| {
                let mut pod = self.template.clone();
                let mut label = |key: &str, value: &str| {
                    pod.labels.insert(key.into(), value.into());
                };
                let (owner_kind, owner) = match self.kind {
                    WorkloadKind::Deployment => {
                        label("pod-template-hash", &hash);
                        ("ReplicaSet", format!("{}-{hash}", self.name))
                    }
                    WorkloadKind::CronJob => {
                        // Named after the minute for which it is scheduled; here that is t = 0.
                        let job = format!("{}-{}", self.name, 946_684_800 / 60);
                        ("Job", job)
                    }
                    kind => (kind.as_str(), self.name.to_string()),
                };
                pod.owner = own(owner_kind, &owner);
                let base = match self.kind {
                    WorkloadKind::StatefulSet => {
                        let Replicas::Count { first_ordinal, .. } = self.replicas else {
                            unreachable!("a StatefulSet counts its pods")
                        };
                        let ordinal = first_ordinal + number;
                        pod.name = self.ordinal_name(ordinal);
                        let name = pod.name.clone();
                        let mut label = |key: &str, value: &str| {
                            pod.labels.insert(key.into(), value.into());
                        };
                        label("apps.kubernetes.io/pod-index", &ordinal.to_string());
                        label("controller-revision-hash", &format!("{}-{hash}", self.name));
                        label("statefulset.kubernetes.io/pod-name", &name);
                        return pod;
                    }
                    WorkloadKind::Job | WorkloadKind::CronJob => {
                        label("batch.kubernetes.io/job-name", &owner);
                        label("job-name", &owner);
                        if self.indexed {
                            label("batch.kubernetes.io/job-completion-index", &number.to_string());
                            format!("{owner}-{number}-")
                        } else {
                            format!("{owner}-")
                        }
                    }
                    WorkloadKind::DaemonSet => {
                        label("controller-revision-hash", &hash);
                        label("pod-template-generation", "1");
                        let own = nodes.get(usize::try_from(number).unwrap_or(usize::MAX));
                        pod.spec.node_name = pod.spec.node_name.or_else(|| own.cloned());
                        format!("{owner}-")
                    }
                    WorkloadKind::Deployment | WorkloadKind::ReplicaSet | WorkloadKind::ReplicationController => {
                        format!("{owner}-")
                    }
                };
                let is_taken = |name: &Name| own_names.contains(name) || is_taken(name);
                pod.name = generated_name(seed, &self.namespace, &base, number, is_taken);
                own_names.insert(pod.name.clone());
                pod
            })
            .collect()
    }
}
