//! The kinds that make pods from a template: what they ask for.

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
    pub(super) indexed: bool,
    /// manualSelector of a Job: its pods have only the labels that the template gives them
    pub(super) manual_selector: bool,
    /// serviceName of a StatefulSet
    pub(super) service_name: Option<Name>,
    /// names of a StatefulSet's volumeClaimTemplates, in order
    pub(super) claims: Vec<Name>,
    pub(super) template: Pod,
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
        manual_selector: job.boolean_at("manualSelector") == Some(true),
        service_name: spec.filled_at("serviceName").cloned(),
        claims: claims(spec),
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

/// The names of a StatefulSet's volumeClaimTemplates.
fn claims(spec: &Node) -> Vec<Name> {
    let claims = spec.list("volumeClaimTemplates").iter();
    let names = claims.filter_map(|claim| claim.at(&["metadata", "name"]));
    names.filter_map(|name| name.text().cloned()).collect()
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
    let Some(pod_node) = node.get("spec") else {
        problems.required(node, "spec.containers", "");
        return pod;
    };
    pod.spec = pod_spec(problems, pod_node, &claims(spec), false);
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
