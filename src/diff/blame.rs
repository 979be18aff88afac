//! Finds the switch that makes a difference, by turning one at a time and running again.

use std::cell::OnceCell;

use super::moments::Run;
use crate::api::features::Features;
use crate::api::pod::Pod;
use crate::api::switches::Switch;
use crate::scenario::types::Input;
use crate::sim;

/// Both scenarios with one switch turned, and the way from one to the other, each run once and only if asked for.
pub(super) struct Variants<'a> {
    from: &'a Input,
    to: &'a Input,
    old: &'a Run,
    new: &'a Run,
    switches: Vec<&'static Switch>,
    /// The first side with one switch as on the second.
    put_in: Vec<OnceCell<Run>>,
    /// The second side with one switch as on the first.
    left_out: Vec<OnceCell<Run>>,
    /// The first side with all switches up to this one as on the second.
    on_the_way: Vec<OnceCell<Run>>,
}

impl<'a> Variants<'a> {
    pub(super) fn new(from: &'a Input, to: &'a Input, old: &'a Run, new: &'a Run) -> Variants<'a> {
        let switches = Switch::differing(&from.scenario.kubelet.features, &to.scenario.kubelet.features);
        let cells = || switches.iter().map(|_| OnceCell::new()).collect();
        Variants {
            from,
            to,
            old,
            new,
            put_in: cells(),
            left_out: cells(),
            on_the_way: cells(),
            switches,
        }
    }

    fn put_in(&self, switch: usize) -> &Run {
        self.put_in[switch].get_or_init(|| run(&turned(self.from, self.to, &self.switches[switch..=switch])))
    }

    fn left_out(&self, switch: usize) -> &Run {
        self.left_out[switch].get_or_init(|| run(&turned(self.to, self.from, &self.switches[switch..=switch])))
    }

    fn on_the_way(&self, switch: usize) -> &Run {
        self.on_the_way[switch].get_or_init(|| run(&turned(self.from, self.to, &self.switches[..=switch])))
    }

    /// The switches that make `look` see something else in the second run than in the first: the one that does so by
    /// itself, or else those without which it would not.
    pub(super) fn causes<T: PartialEq>(&self, look: &dyn Fn(&Run) -> T) -> Vec<&'static Switch> {
        let (old, new) = (look(self.old), look(self.new));
        let all = 0..self.switches.len();
        let named = |found: Vec<usize>| found.into_iter().map(|ix| self.switches[ix]).collect();
        let makes: Vec<usize> = all.clone().filter(|&ix| look(self.put_in(ix)) == new).collect();
        let undone: Vec<usize> = all.clone().filter(|&ix| look(self.left_out(ix)) == old).collect();
        if let Some(&only) = makes.iter().find(|ix| undone.contains(ix)) {
            return named(vec![only]);
        }
        if !makes.is_empty() {
            return named(makes);
        }
        let needed: Vec<usize> = all.clone().filter(|&ix| look(self.left_out(ix)) != new).collect();
        if !needed.is_empty() {
            return named(needed);
        }
        // Each of several would do: the one that does it on the way from one version to the other.
        let mut before = old;
        let mut last = Vec::new();
        for ix in all {
            let after = look(self.on_the_way(ix));
            if after != before {
                last = vec![ix];
            }
            before = after;
        }
        named(last)
    }
}

fn run(input: &Input) -> Run {
    Run::new(&sim::run(input), input, false)
}

/// `base` with those switches as in `other`.
fn turned(base: &Input, other: &Input, switches: &[&'static Switch]) -> Input {
    let mut input = base.clone();
    set_aside(&mut input, other, switches);
    input
}

/// Turns those switches in `input` as they are in `other`, so that they make no difference between the two. What the API
/// server leaves of the pods comes with the switches that decide on it.
pub fn set_aside(input: &mut Input, other: &Input, switches: &[&'static Switch]) {
    let take = |features: &mut Features, from: &Features| {
        for switch in switches {
            (switch.set)(features, (switch.get)(from));
        }
    };
    take(&mut input.scenario.kubelet.features, &other.scenario.kubelet.features);
    for (node, like) in input.scenario.nodes.iter_mut().zip(&other.scenario.nodes) {
        take(&mut node.kubelet.features, &like.kubelet.features);
    }
    if input.pods.len() != other.pods.len() {
        return;
    }
    let turns = |name: &str| switches.iter().any(|switch| switch.name == name);
    let (rules, images) = (turns("container_restart_rules"), turns("image_volumes"));
    for (pod, like) in input.pods.iter_mut().zip(&other.pods) {
        if (rules || images) && *pod.pod != *like.pod {
            let mut changed = (*pod.pod).clone();
            admit_as(&mut changed, &like.pod, rules, images);
            pod.pod = changed.into();
        }
    }
}

/// Takes over what the API server has left of another version of the pod: of its restart policies and rules, of its volumes
/// that are images.
fn admit_as(pod: &mut Pod, like: &Pod, rules: bool, images: bool) {
    let (spec, other) = (&mut pod.spec, &like.spec);
    let containers = spec.init_containers.iter_mut().chain(&mut spec.containers);
    for (container, like) in containers.zip(other.init_containers.iter().chain(&other.containers)) {
        if rules {
            container.restart_policy = like.restart_policy;
            container.restart_policy_rules.clone_from(&like.restart_policy_rules);
        }
        if images {
            container.volume_mounts.clone_from(&like.volume_mounts);
        }
    }
    if images {
        spec.volumes.clone_from(&other.volumes);
        pod.manifest = like.manifest.clone();
    }
}
