//! ImageService: which images are on the node, and how their pulls go.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};

use super::PodIx;
use super::abandon::Abandon;
use super::exec::CANCELED;
use super::service::rpc_error;
use crate::api::pod::Name;
use crate::guest;
use crate::kernel::{Duration, Kernel};
use crate::scenario::distributions::Draws;
use crate::scenario::shared::Shared;
use crate::scenario::types::{ImageScript, Scenario};
use crate::trace::{CallPhase, CriCall, CriOp, Recorder, What};

/// The images of a node.
pub struct Images {
    kernel: Kernel,
    recorder: Recorder,
    scenario: Shared<Scenario>,
    draws: Draws,
    /// Images that have been pulled, by every name that they were asked for by.
    pulled: RefCell<BTreeSet<Name>>,
    pulls: RefCell<BTreeMap<Name, usize>>,
    /// ImageStatus calls so far, of images with a script for them, by the name that the script has for them.
    inspected: RefCell<BTreeMap<Name, usize>>,
    /// The machine is down: pulls under way have no end.
    pub down: Cell<bool>,
}

impl Images {
    /// Whether an image is known to name no user, so that root runs it.
    pub fn runs_as_root(image: &str) -> bool {
        guest::runs_as_root(image)
    }

    /// Images as the scenario says: one that it does not list is present.
    pub fn new(kernel: &Kernel, recorder: &Recorder, scenario: Shared<Scenario>, draws: Draws) -> Images {
        Images {
            kernel: kernel.clone(),
            recorder: recorder.clone(),
            scenario,
            draws,
            pulled: RefCell::default(),
            pulls: RefCell::default(),
            inspected: RefCell::default(),
            down: Cell::new(false),
        }
    }

    /// The first script of an image counts.
    fn script(&self, image: &str, tagged: &str) -> Option<&ImageScript> {
        let mut scripts = self.scenario.images.iter();
        scripts.find(|i| *i.image == *image || *i.image == *tagged)
    }

    /// Whether some ImageStatus calls may fail.
    pub fn inspections_may_fail(&self) -> bool {
        self.scenario.images.iter().any(|script| !script.inspects.is_empty())
    }

    /// ImageStatus: whether the image, as the spec names it and with the tag that it means, is on the node. Errors with
    /// what the runtime says.
    pub fn inspect(&self, image: &Name, tagged: &Name) -> Result<bool, Name> {
        let script = self.script(image, tagged);
        if let Some(script) = script.filter(|s| !s.inspects.is_empty()) {
            let mut inspected = self.inspected.borrow_mut();
            let count = inspected.entry(script.image.clone()).or_default();
            let error = script.inspects.get(*count).or(script.inspects.last());
            *count += 1;
            if let Some(Some(text)) = error {
                return Err(text.clone());
            }
        }
        Ok(self.has(script, image, tagged))
    }

    /// Whether an image, as the spec names it and with the tag that it means, is on the node.
    pub fn is_present(&self, image: &str, tagged: &str) -> bool {
        self.has(self.script(image, tagged), image, tagged)
    }

    fn has(&self, script: Option<&ImageScript>, image: &str, tagged: &str) -> bool {
        let pulled = self.pulled.borrow();
        script.is_none_or(|s| s.present) || pulled.contains(image) || pulled.contains(tagged)
    }

    /// PullImage for a container of a pod, of an image as the spec names it and with the tag that it means; errors with the CRI error's text.
    pub async fn pull(&self, (ix, pod): (PodIx, &Name), image: &Name, tagged: &Name) -> Result<Duration, Name> {
        let outcome = {
            let mut pulls = self.pulls.borrow_mut();
            let count = pulls.entry(image.clone()).or_default();
            let number = *count;
            *count += 1;
            self.script(image, tagged)
                .and_then(|s| s.pulls.get(number).or(s.pulls.last()))
                .cloned()
                .unwrap_or_default()
        };
        let begun = self.kernel.now();
        let record = |phase, error| {
            let call = CriCall {
                op: CriOp::PullImage,
                phase,
                image: Some(tagged.clone()),
                timeout: None,
                error,
                purpose: None,
            };
            self.recorder.record(Some(pod), None, None, What::Cri(call));
        };
        record(CallPhase::Begin, None);
        let abandoned = Abandon::new(|| {
            if !self.down.get() {
                record(CallPhase::End, Some(CANCELED.into()));
            }
        });
        let takes = outcome.takes.unwrap_or(self.scenario.latencies.pull_image);
        self.kernel.sleep(self.draws.next(ix.0, takes)).await;
        abandoned.defuse();
        record(CallPhase::End, outcome.error.as_ref().map(|text| rpc_error(text)));
        match outcome.error {
            Some(text) => Err(text),
            None => {
                let mut pulled = self.pulled.borrow_mut();
                pulled.insert(image.clone());
                pulled.insert(tagged.clone());
                drop(pulled);
                Ok(self.kernel.now() - begun)
            }
        }
    }
}
