//! How likely the generator is to make use of what a pod and a scenario can say.

use std::collections::BTreeSet;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::stream::Stream;

/// Percentages, unless a field says otherwise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Weights {
    /// how long a scenario lasts at most, in seconds; shorter ones are more likely
    pub longest_seconds: u32,
    /// pods of a scenario at most
    pub pods: u32,
    /// app containers of a pod at most
    pub containers: u32,
    /// a scenario makes use of a thing at all (of probes, hooks, actions, pulls and so on, each by itself). The fewer do,
    /// the more of it is in each; with 100 all use everything alike
    pub spread: u8,
    /// another pod
    pub more_pods: u8,
    /// another container
    pub more_containers: u8,
    /// a pod behind the first is in another namespace
    pub namespaces: u8,
    /// a pod has init containers
    pub init_containers: u8,
    /// an init container is a sidecar
    pub sidecars: u8,
    /// each of a container's three probes
    pub probes: u8,
    /// each of a container's two hooks
    pub hooks: u8,
    /// restart policies and rules of single containers
    pub restart_rules: u8,
    /// activeDeadlineSeconds
    pub deadlines: u8,
    /// readiness gates
    pub readiness_gates: u8,
    /// a container's processes end by themselves
    pub exits: u8,
    /// an end is a failure
    pub failures: u8,
    /// CreateContainer and StartContainer fail
    pub runtime_errors: u8,
    /// processes that take their time after SIGTERM, or ignore it
    pub slow_ends: u8,
    /// images that must be pulled, and pulls that fail
    pub pulls: u8,
    /// latencies other than the defaults
    pub latencies: u8,
    /// a kubelet configuration other than the default
    pub configuration: u8,
    /// each further action
    pub actions: u8,
    /// an action is one that only nodes and evictions know: restarts, reboots, shutdowns
    pub disruptions: u8,
    /// sandboxes that fail, volumes that mount slowly
    pub world: u8,
    /// environments and pull secrets that refer to objects, which may come late or never
    pub objects: u8,
    /// a container must not run as root, which it may do all the same
    pub users: u8,
    /// a pod's containers ask for resources
    pub resources: u8,
    /// containers that run a program by themselves
    pub guests: u8,
    /// several nodes
    pub nodes: u8,
    /// an older version of Kubernetes, of the API server or of a node
    pub versions: u8,
    /// a feature gate that is not as the version has it
    pub gates: u8,
    /// priorities
    pub priorities: u8,
    /// scheduling gates
    pub scheduling_gates: u8,
    /// probe windows that hold with some probability only
    pub probabilities: u8,
    /// durations given as distributions
    pub distributions: u8,
    /// the kubelet's own jitter
    pub jitter: u8,
    /// another time of day at the start
    pub epochs: u8,
    /// the order of simultaneous events and the phases of the kubelet's ticks are drawn
    pub interleavings: u8,
}

impl Default for Weights {
    fn default() -> Weights {
        Weights {
            longest_seconds: 30,
            pods: 2,
            containers: 3,
            spread: 30,
            more_pods: 5,
            more_containers: 6,
            namespaces: 6,
            init_containers: 16,
            sidecars: 60,
            probes: 14,
            hooks: 10,
            restart_rules: 10,
            deadlines: 8,
            readiness_gates: 5,
            exits: 60,
            failures: 60,
            runtime_errors: 6,
            slow_ends: 35,
            pulls: 18,
            latencies: 30,
            configuration: 15,
            actions: 35,
            disruptions: 25,
            world: 10,
            objects: 10,
            users: 2,
            resources: 10,
            guests: 2,
            nodes: 5,
            versions: 25,
            gates: 8,
            priorities: 6,
            scheduling_gates: 2,
            probabilities: 6,
            distributions: 6,
            jitter: 3,
            epochs: 3,
            interleavings: 50,
        }
    }
}

impl Weights {
    /// The weights of one scenario. Each thing that a scenario may have several times is left out of most and drawn the more
    /// often in the others, on the whole as often as these weights say. Of two rules that one thing hides from each other,
    /// one is looked at in some scenarios, the other in others; and a scenario that has little in it takes little time.
    /// This is swarm testing (Groce and others, ISSTA 2012).
    pub(super) fn of_one(&self, stream: &mut Stream) -> Weights {
        let mut one = self.clone();
        for weight in [
            &mut one.init_containers,
            &mut one.probes,
            &mut one.hooks,
            &mut one.restart_rules,
            &mut one.deadlines,
            &mut one.readiness_gates,
            &mut one.runtime_errors,
            &mut one.slow_ends,
            &mut one.pulls,
            &mut one.actions,
            &mut one.disruptions,
            &mut one.objects,
            &mut one.resources,
            &mut one.guests,
            &mut one.probabilities,
        ] {
            let used = self.spread.max(*weight);
            let more = u32::from(*weight) * 100 / u32::from(used).max(1);
            let more = u8::try_from(more).unwrap_or(100);
            *weight = if stream.chance(used) { more } else { 0 };
        }
        one
    }
}

/// No scenario runs longer than ten years.
const LONGEST_SECONDS: u32 = 10 * 365 * 24 * 3600;

impl FromStr for Weights {
    type Err = String;

    /// Reads `probes=80,pods=1`; what is not named is as by default.
    fn from_str(text: &str) -> Result<Weights, String> {
        let mut weights = serde_json::to_value(Weights::default()).map_err(|error| error.to_string())?;
        let mut given = BTreeSet::new();
        for pair in text.split(',') {
            let (name, value) = pair
                .split_once('=')
                .ok_or_else(|| format!("{pair:?} is not name=value"))?;
            let value: u32 = value
                .parse()
                .map_err(|_| format!("{value:?} is not a whole number from 0 to {}", u32::MAX))?;
            let fields = weights.as_object_mut().ok_or("weights are a list of fields")?;
            if !fields.contains_key(name) {
                let known: Vec<_> = fields.keys().map(String::as_str).collect();
                return Err(format!("{name:?} is not one of {}", known.join(", ")));
            }
            if !given.insert(name) {
                return Err(format!("{name} is given twice"));
            }
            let counted = ["longestSeconds", "pods", "containers"].contains(&name);
            if !counted && value > 100 {
                return Err(format!("{name}={value} is no percentage: it must be from 0 to 100"));
            }
            if name == "longestSeconds" && value > LONGEST_SECONDS {
                return Err(format!(
                    "{name}={value} is longer than a scenario may run: {LONGEST_SECONDS}, ten years"
                ));
            }
            fields.insert(name.to_owned(), value.into());
        }
        serde_json::from_value(weights).map_err(|error| error.to_string())
    }
}
