//! What a trace has shown of the things around pods: nodes, objects, volumes.

use super::facts::{NodeFacts, Pulls};
use crate::api::objects::ObjectKind;
use crate::api::pod::{Name, Pod};
use crate::kernel::{Duration, Time};
use crate::scenario::lookup::matches_pod;
use crate::scenario::types::{Input, ONLY_NODE, Scenario};
use crate::trace::{ApiCall, CallPhase};

/// `exponentialbackoff`: the first wait after a failed mount, and the longest.
const MOUNT_BACKOFF: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(122));

/// The nodes of an input: those that it names, or one.
pub(super) fn nodes_of(input: &Input) -> Vec<NodeFacts> {
    let scenario = &input.scenario;
    let node = |name: Name, script| NodeFacts {
        name,
        script,
        kubelet_stops: 0,
        down: false,
        pulls: 0,
        pulls_begun: Pulls::default(),
        shutting_down: None,
    };
    if scenario.nodes.is_empty() {
        return vec![node(ONLY_NODE.into(), None)];
    }
    let scripts = scenario.nodes.iter().enumerate();
    scripts
        .map(|(place, script)| node(script.name.clone(), Some(place)))
        .collect()
}

/// The ConfigMaps and Secrets that the API has had.
pub(super) struct Objects {
    /// Kind, namespace, name, keys.
    known: Vec<Known>,
}

struct Known {
    full_name: String,
    keys: Vec<Name>,
    there: bool,
    /// When it was last created or removed.
    turned: Option<Time>,
}

impl Objects {
    pub(super) fn new(input: &Input) -> Objects {
        let known = input.objects.iter().map(|o| Known {
            full_name: full_name(o.object.kind, &o.object.namespace, &o.object.name),
            keys: o.object.data.keys().cloned().collect(),
            there: !o.created_by_action,
            turned: None,
        });
        Objects { known: known.collect() }
    }

    pub(super) fn take_in(&mut self, call: &ApiCall, at: Time) {
        let mut known = self.known.iter_mut();
        if let Some(known) = known.find(|k| Some(&*k.full_name) == call.object.as_deref()) {
            known.there = call.op == "create";
            known.turned = Some(at);
        }
    }

    /// Whether the object is there, with that key; one that has come or gone in this very instant may be.
    pub(super) fn has(&self, kind: ObjectKind, namespace: &str, name: &str, key: Option<&Name>, now: Time) -> bool {
        let wanted = full_name(kind, namespace, name);
        let mut known = self.known.iter().filter(|k| k.full_name == wanted);
        known.any(|k| (k.there || k.turned == Some(now)) && key.is_none_or(|key| k.keys.contains(key)))
    }
}

fn full_name(kind: ObjectKind, namespace: &str, name: &str) -> String {
    format!("{}/{namespace}/{name}", kind.as_str())
}

/// A volume of a pod that a script has hold of.
pub(super) struct VolumeFacts {
    pub name: Name,
    pub mounted: bool,
    /// When the last attempt failed, and how many have in a row.
    pub failed: Option<(Time, u32)>,
}

impl VolumeFacts {
    /// Those that some container mounts and some script matches.
    pub(super) fn of(pod: &Pod, scenario: &Scenario) -> Vec<VolumeFacts> {
        let used = |name: &Name| pod.all_containers().any(|(_, c)| c.volume_mounts.uses(name));
        let scripted = |name: &Name| {
            let mut scripts = scenario.volumes.iter();
            scripts.any(|s| s.name == *name && matches_pod(s.pod.as_deref(), (&pod.namespace, &pod.name)))
        };
        let names = pod.spec.volumes.iter().map(|v| &v.name);
        let facts = names
            .filter(|name| used(name) && scripted(name))
            .map(|name| VolumeFacts {
                name: name.clone(),
                mounted: false,
                failed: None,
            });
        facts.collect()
    }

    pub(super) fn forget(&mut self) {
        self.mounted = false;
        self.failed = None;
    }

    pub(super) fn take_in(&mut self, phase: CallPhase, failed: bool, at: Time) {
        match (phase, failed) {
            (CallPhase::Begin, _) => {}
            (CallPhase::End, false) => {
                self.mounted = true;
                self.failed = None;
            }
            (CallPhase::End, true) => self.failed = Some((at, self.failed.map_or(1, |(_, count)| count + 1))),
        }
    }

    /// When it may be tried again.
    pub(super) fn not_before(&self) -> Option<Time> {
        let (first, longest) = MOUNT_BACKOFF;
        self.failed.map(|(at, count)| {
            let factor = 1_i64 << (count - 1).min(20);
            at + Ord::min(first.times(factor), longest)
        })
    }
}
