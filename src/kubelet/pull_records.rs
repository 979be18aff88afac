//! Which images the kubelet has pulled itself: kept on the node's disk (`images/pullmanager`).
//!
//! An image that was there before any kubelet pulled it is open to every pod (`NeverVerifyPreloadedImages`). One that a
//! kubelet is pulling is not, even if it was there before, until a pull has succeeded.

use std::cell::RefCell;
use std::collections::BTreeMap;

use crate::api::pod::Name;

/// The records of a node; they outlive its kubelets.
#[derive(Default)]
pub struct PullRecords {
    /// Pulls that were begun and have not ended, by the image as the spec names it (`ImagePullIntent`).
    intents: RefCell<BTreeMap<Name, u32>>,
    /// By the image with its tag: whether a pull has succeeded, or how the image came is not known (`ImagePulledRecord`).
    pulled: RefCell<BTreeMap<Name, bool>>,
}

impl PullRecords {
    /// A kubelet starts: what its predecessor was pulling may or may not have come by it (`initialize`). `tagged` gives an
    /// image its tag, if it is on the node.
    pub(super) fn start(&self, tagged: impl Fn(&Name) -> Option<Name>) {
        self.intents.borrow_mut().retain(|image, pulls| {
            // What is left is on the disk alone: nobody pulls any more.
            *pulls = 0;
            let found = tagged(image);
            if let Some(found) = &found {
                self.pulled.borrow_mut().entry(found.clone()).or_insert(false);
            }
            found.is_none()
        });
    }

    /// A pull begins (`RecordPullIntent`).
    pub(super) fn begin(&self, image: &Name) {
        *self.intents.borrow_mut().entry(image.clone()).or_default() += 1;
    }

    /// A pull has ended (`RecordImagePulled`, `RecordImagePullFailed`).
    pub(super) fn end(&self, image: &Name, tagged: &Name, succeeded: bool) {
        if succeeded {
            self.pulled.borrow_mut().insert(tagged.clone(), true);
        }
        let mut intents = self.intents.borrow_mut();
        let left = intents.get(image).copied().unwrap_or_default().saturating_sub(1);
        if left == 0 {
            intents.remove(image);
        } else {
            intents.insert(image.clone(), left);
        }
    }

    /// Whether an image that is on the node must be pulled all the same (`MustAttemptImagePull`).
    pub(super) fn must_pull(&self, image: &Name, tagged: &Name) -> bool {
        match self.pulled.borrow().get(tagged) {
            Some(known) => !known,
            None => self.intents.borrow().contains_key(image),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_preloaded_image_is_open_but_while_it_is_first_pulled() {
        let (records, image, tagged) = (PullRecords::default(), Name::new("app"), Name::new("app:latest"));
        let must_pull = || records.must_pull(&image, &tagged);
        assert!(!must_pull());
        records.begin(&image);
        records.begin(&image);
        assert!(must_pull());
        records.end(&image, &tagged, false);
        assert!(must_pull(), "one is still under way");
        records.end(&image, &tagged, false);
        assert!(!must_pull(), "none has come to anything");
        records.begin(&image);
        records.end(&image, &tagged, true);
        records.begin(&image);
        assert!(!must_pull(), "it was pulled once");
    }

    #[test]
    fn what_a_kubelet_was_pulling_when_it_went_is_pulled_again() {
        let (records, image, tagged) = (PullRecords::default(), Name::new("app:1"), Name::new("app:1"));
        records.begin(&image);
        records.start(|_| None);
        assert!(records.must_pull(&image, &tagged), "it is not there yet");
        records.start(|_| Some(tagged.clone()));
        assert!(records.must_pull(&image, &tagged));
        records.begin(&image);
        records.end(&image, &tagged, true);
        assert!(!records.must_pull(&image, &tagged));
    }
}
