//! The scripted volume plugin of a node: how long each SetUp call takes and whether it fails.

use std::cell::RefCell;
use std::collections::BTreeMap;

use super::PodIx;
use crate::api::pod::Name;
use crate::kernel::Duration;
use crate::scenario::distributions::Draws;
use crate::scenario::lookup;
use crate::scenario::types::VolumeScript;

/// Mount calls by script. It outlives the kubelet: the calls are counted on.
pub struct VolumePlugin {
    scripts: Vec<VolumeScript>,
    draws: Draws,
    calls: RefCell<BTreeMap<(PodIx, Name), usize>>,
}

impl VolumePlugin {
    /// A plugin that follows these scripts.
    pub fn new(scripts: Vec<VolumeScript>, draws: Draws) -> VolumePlugin {
        VolumePlugin {
            scripts,
            draws,
            calls: RefCell::default(),
        }
    }

    /// Whether no script says anything.
    pub fn is_unused(&self) -> bool {
        self.scripts.is_empty()
    }

    /// Whether a script matches any volume of the pod.
    pub fn is_scripted(&self, pod: lookup::PodName<'_>) -> bool {
        self.scripts.iter().any(|s| lookup::matches_pod(s.pod.as_deref(), pod))
    }

    /// How long the next SetUp call of the volume takes, and its error; without a script it succeeds at once.
    pub fn next_mount(&self, ix: PodIx, full_name: &Name, volume: &Name) -> (Duration, Option<Name>) {
        let mut calls = self.calls.borrow_mut();
        let count = calls.entry((ix, volume.clone())).or_default();
        let number = *count;
        *count += 1;
        let script = lookup::volume_script(&self.scripts, lookup::parts(full_name), volume);
        let mounts = script.map_or(&[][..], |script| &script.mounts);
        let Some(outcome) = mounts.get(number).or(mounts.last()) else {
            return (Duration::ZERO, None);
        };
        let takes = outcome.takes.map_or(Duration::ZERO, |span| self.draws.next(ix.0, span));
        (takes, outcome.error.clone())
    }
}
