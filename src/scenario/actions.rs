//! Actions: exactly one thing at a time, done to something that exists.

use super::decode::Decoder;
use super::types::{Action, ActionKind, EVICTION_MESSAGE, EvictionReason};
use crate::api::decode::{WorkloadKind, ephemeral, is_dns_label};
use crate::api::node::Node;
use crate::api::objects::ObjectKind;
use crate::api::place::Place;
use crate::api::pod::Name;
use crate::api::status::ConditionStatus;
use crate::kernel::{Duration, Time};

/// What one entry of spec.actions does, before workloads are replaced by their pods.
#[derive(Clone, Debug)]
pub(super) enum Step {
    Act(Action),
    /// create or delete every pod of a workload
    Workload {
        at: Time,
        place: Option<Place>,
        kind: WorkloadKind,
        name: Name,
        deletion: Option<Deletion>,
    },
}

/// How pods are deleted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deletion {
    grace_period_seconds: Option<i64>,
}

/// The field of `create` and `delete` for a kind that has pods.
pub(super) fn workload_field(kind: WorkloadKind) -> &'static str {
    match kind {
        WorkloadKind::Deployment => "deployment",
        WorkloadKind::ReplicaSet => "replicaSet",
        WorkloadKind::ReplicationController => "replicationController",
        WorkloadKind::StatefulSet => "statefulSet",
        WorkloadKind::DaemonSet => "daemonSet",
        WorkloadKind::Job => "job",
        WorkloadKind::CronJob => "cronJob",
    }
}

/// The field of `create` and `delete` for any other object.
pub(super) fn object_field(kind: ObjectKind) -> &'static str {
    match kind {
        ObjectKind::ConfigMap => "configMap",
        ObjectKind::Secret => "secret",
        ObjectKind::Service => "service",
    }
}

const KINDS: [&str; 11] = [
    "create",
    "delete",
    "kill",
    "setImage",
    "setCondition",
    "debug",
    "evict",
    "killSandbox",
    "restartKubelet",
    "shutdownNode",
    "rebootNode",
];

/// The kind of an action and what it is done with: `{at: 1s, shutdownNode: {}}`, also with nothing in it.
pub(super) fn action_of(node: &Node) -> Option<(&'static str, &Node)> {
    // null is as good as leaving out.
    let given = node.fields().iter().filter(|(_, value)| !value.is_null());
    let mut given = given.filter_map(|(key, value)| {
        let kind = KINDS.iter().find(|kind| **kind == &*key.name)?;
        Some((*kind, value))
    });
    let first = given.next()?;
    given.next().is_none().then_some(first)
}

/// spec.actions[]
pub(super) fn step(decoder: &mut Decoder<'_, '_>, node: &Node) -> Option<Step> {
    if node.get("at").is_none() {
        decoder.problems.required(node, "at", "");
    }
    let at = decoder.time_at(node, "at").unwrap_or(Time::ZERO);
    let place = node.get("at").map(|at| decoder.problems.place(at));
    let Some((kind, with)) = action_of(node) else {
        let message = format!("an action is exactly one of {}", KINDS.join(", "));
        decoder.problems.at(node, &message);
        return None;
    };
    let down = |decoder: &mut Decoder<'_, '_>| {
        let given = decoder.field(node, kind, |decoder, with| decoder.drawn_at(with, "down"));
        given.flatten().unwrap_or(Duration::ZERO)
    };
    let what = match kind {
        "create" => return target(decoder, with, (at, place), None),
        "delete" => {
            let deletion = Deletion {
                grace_period_seconds: with.integer_at("gracePeriodSeconds"),
            };
            return target(decoder, with, (at, place), Some(deletion));
        }
        "kill" => ActionKind::Kill {
            pod: decoder.name(with, "pod"),
            container: decoder.name(with, "container"),
            code: with.integer_at("code").unwrap_or(137),
            reason: with.filled_at("reason").cloned(),
        },
        "setImage" => ActionKind::SetImage {
            pod: decoder.name(with, "pod"),
            container: decoder.name(with, "container"),
            image: decoder.name(with, "image"),
        },
        "setCondition" => ActionKind::SetCondition {
            pod: decoder.name(with, "pod"),
            kind: decoder.name(with, "type"),
            status: match &*decoder.name(with, "status") {
                "True" => ConditionStatus::True,
                "False" => ConditionStatus::False,
                _ => ConditionStatus::Unknown,
            },
        },
        "debug" => {
            let name = decoder.name(with, "name");
            if !name.is_empty()
                && !is_dns_label(&name)
                && let Some(node) = with.get("name")
            {
                decoder
                    .problems
                    .invalid(node, "it is no name of a container: lower case letters, digits and '-'");
            }
            ActionKind::Debug {
                pod: decoder.name(with, "pod"),
                container: Box::new(ephemeral(name, decoder.name(with, "image"))),
            }
        }
        "evict" => ActionKind::Evict {
            pod: decoder.name(with, "pod"),
            reason: match with.text_at("reason").map_or("", |text| text) {
                "SoftThreshold" => EvictionReason::SoftThreshold,
                "LocalStorageLimit" => EvictionReason::LocalStorageLimit,
                _ => EvictionReason::NodePressure,
            },
            message: with
                .text_at("message")
                .cloned()
                .unwrap_or_else(|| EVICTION_MESSAGE.into()),
        },
        "killSandbox" => ActionKind::KillSandbox {
            pod: decoder.name(with, "pod"),
        },
        "restartKubelet" => ActionKind::RestartKubelet {
            node: with.filled_at("node").cloned(),
            down: down(decoder),
        },
        "shutdownNode" => ActionKind::ShutdownNode {
            node: with.filled_at("node").cloned(),
        },
        "rebootNode" => ActionKind::RebootNode {
            node: with.filled_at("node").cloned(),
            down: down(decoder),
        },
        _ => unreachable!("action_of gives one of KINDS"),
    };
    Some(Step::Act(Action { at, what, place }))
}

/// The object that create or delete names.
fn target(
    decoder: &mut Decoder<'_, '_>,
    with: &Node,
    (at, place): (Time, Option<Place>),
    deletion: Option<Deletion>,
) -> Option<Step> {
    let mut given = with
        .fields()
        .iter()
        .filter(|(key, value)| &*key.name != "gracePeriodSeconds" && !value.is_null());
    let (Some((key, value)), None) = (given.next(), given.next()) else {
        let message = "it names exactly one object: pod, configMap, secret, service, deployment …";
        decoder.problems.at(with, message);
        return None;
    };
    let name = value.text().filter(|name| !name.is_empty())?.clone();
    let field = &*key.name;
    if let Some(kind) = WorkloadKind::ALL
        .into_iter()
        .find(|kind| workload_field(*kind) == field)
    {
        return Some(Step::Workload {
            at,
            place,
            kind,
            name,
            deletion,
        });
    }
    let objects = [ObjectKind::ConfigMap, ObjectKind::Secret, ObjectKind::Service];
    let object = objects.into_iter().find(|kind| object_field(*kind) == field);
    let what = match (object, deletion) {
        (None, None) => ActionKind::CreatePod { pod: name },
        (None, Some(deletion)) => ActionKind::DeletePod {
            pod: name,
            grace_period_seconds: deletion.grace_period_seconds,
        },
        (Some(kind), None) => ActionKind::CreateObject { kind, name },
        (Some(kind), Some(_)) => ActionKind::DeleteObject { kind, name },
    };
    Some(Step::Act(Action { at, what, place }))
}

/// The actions with every workload replaced by its pods, in the order of their names' numbers.
pub(super) fn expand(steps: Vec<Step>, pods_of: impl Fn(WorkloadKind, &str) -> Vec<Name>) -> Vec<Action> {
    let mut actions = Vec::with_capacity(steps.len());
    for step in steps {
        match step {
            Step::Act(action) => actions.push(action),
            Step::Workload {
                at,
                place,
                kind,
                name,
                deletion,
            } => actions.extend(pods_of(kind, &name).into_iter().map(|pod| Action {
                at,
                what: match deletion {
                    None => ActionKind::CreatePod { pod },
                    Some(Deletion { grace_period_seconds }) => ActionKind::DeletePod {
                        pod,
                        grace_period_seconds,
                    },
                },
                place: place.clone(),
            })),
        }
    }
    actions
}
