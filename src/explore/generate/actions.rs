//! What operators and the world do to pods, objects and nodes.

use super::Draw;
use crate::api::decode::ephemeral;
use crate::api::objects::Object;
use crate::api::pod::{Name, Pod};
use crate::api::status::ConditionStatus;
use crate::explore::mutate::some_node;
use crate::explore::stream::Stream;
use crate::scenario::named::shortest_of;
use crate::scenario::types::{Action, ActionKind, EVICTION_MESSAGE, EvictionReason};

/// A second debug container of one name the API server would refuse.
fn is_one_container(one: &ActionKind, other: &ActionKind) -> bool {
    match (one, other) {
        (
            ActionKind::Debug { pod, container },
            ActionKind::Debug {
                pod: of,
                container: second,
            },
        ) => pod == of && container.name == second.name,
        _ => false,
    }
}

impl Draw<'_> {
    pub(super) fn actions(&self, stream: &mut Stream, pods: &[Pod], objects: &[Object]) -> Vec<Action> {
        let mut actions = Vec::new();
        for (place, pod) in pods.iter().enumerate() {
            if stream.chance(if place == 0 { 8 } else { 30 }) {
                actions.push(Action {
                    at: stream.instant(self.length),
                    what: ActionKind::CreatePod {
                        pod: shortest_of(pods.iter(), pod),
                    },
                    place: None,
                });
            }
        }
        for object in objects {
            // There from the start, made later, taken away.
            let (kind, name) = (object.kind, object.name.clone());
            let what = match stream.below(10) {
                0..=2 => ActionKind::CreateObject { kind, name },
                3 => ActionKind::DeleteObject { kind, name },
                _ => continue,
            };
            let at = stream.instant(self.length);
            actions.push(Action { at, what, place: None });
        }
        let most = actions.len() + 5;
        while actions.len() < most && stream.chance(self.weights.actions) {
            let pod = stream.pick(pods);
            let what = match stream.chance(self.weights.disruptions) {
                true => self.disruption(stream, shortest_of(pods.iter(), pod)),
                false => self.everyday(stream, pod, shortest_of(pods.iter(), pod)),
            };
            let at = stream.instant(self.length);
            if actions
                .iter()
                .any(|a| a.what == what || is_one_container(&a.what, &what))
            {
                continue;
            }
            actions.push(Action { at, what, place: None });
        }
        actions.sort_by_key(|action| action.at);
        actions
    }

    fn everyday(&self, stream: &mut Stream, pod: &Pod, pod_name: Name) -> ActionKind {
        let names = self.names;
        let containers = if pod.spec.init_containers.is_empty() || stream.chance(70) {
            &pod.spec.containers
        } else {
            &pod.spec.init_containers
        };
        let container = stream.pick(containers).name.clone();
        match stream.below(10) {
            0..=4 => ActionKind::DeletePod {
                pod: pod_name,
                grace_period_seconds: stream.chance(50).then(|| i64::from(*stream.pick(&[0, 1, 3, 10, 40]))),
            },
            5 | 6 => ActionKind::Kill {
                pod: pod_name,
                container,
                code: *stream.pick(&[137, 0, 1]),
                reason: stream.chance(20).then(|| names.reason.clone()),
            },
            7 => ActionKind::SetImage {
                pod: pod_name,
                container,
                image: stream.pick(&[&names.other, &names.absent]).to_owned().clone(),
            },
            8 => ActionKind::SetCondition {
                pod: pod_name,
                kind: names.gate.clone(),
                status: *stream.pick(&[ConditionStatus::True, ConditionStatus::False]),
            },
            _ => ActionKind::Debug {
                pod: pod_name,
                container: Box::new(ephemeral(
                    stream.pick(&names.debug).clone(),
                    stream
                        .pick(&[&names.present, &names.present, &names.absent])
                        .to_owned()
                        .clone(),
                )),
            },
        }
    }

    fn disruption(&self, stream: &mut Stream, pod: Name) -> ActionKind {
        // What is configured is made use of.
        let kinds = if self.shuts_down { 9 } else { 6 };
        match stream.below(kinds) {
            0 | 1 => ActionKind::KillSandbox { pod },
            2 => ActionKind::Evict {
                pod,
                reason: *stream.pick(&[
                    EvictionReason::NodePressure,
                    EvictionReason::SoftThreshold,
                    EvictionReason::LocalStorageLimit,
                ]),
                message: EVICTION_MESSAGE.into(),
            },
            3 => ActionKind::RestartKubelet {
                node: some_node(stream, &self.nodes),
                down: stream.millis(0, 20_000),
            },
            4 => ActionKind::RebootNode {
                node: some_node(stream, &self.nodes),
                down: stream.millis(1_000, 40_000),
            },
            _ => ActionKind::ShutdownNode {
                node: some_node(stream, &self.nodes),
            },
        }
    }
}
