//! Which images the kubelet has pulled itself: kept on the node's disk (`images/pullmanager`).
//!
//! An image that was there before any kubelet pulled it is open to every pod (`NeverVerifyPreloadedImages`). One that a
//! kubelet is pulling is not, even if it was there before, until a pull has succeeded: without credentials for every pod,
//! with those of a pull secret for the pods that have the same ones.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use crate::api::pod::Name;

/// Whom an image that a kubelet has pulled is open to (`ImagePullCredentials`).
enum Access {
    /// every pod of the node (`NodePodsAccessible`)
    All,
    /// pods with one of these logins; none where it is not known how the image came
    Logins(BTreeSet<Name>),
}

/// The records of a node; they outlive its kubelets.
#[derive(Default)]
pub struct PullRecords {
    /// Pulls that were begun and have not ended, by the image as the spec names it (`ImagePullIntent`).
    intents: RefCell<BTreeMap<Name, u32>>,
    /// By the image with its tag (`ImagePulledRecord`).
    pulled: RefCell<BTreeMap<Name, Access>>,
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
                let mut pulled = self.pulled.borrow_mut();
                let unknown = || Access::Logins(BTreeSet::new());
                pulled.entry(found.clone()).or_insert_with(unknown);
            }
            found.is_none()
        });
    }

    /// A pull begins (`RecordPullIntent`).
    pub(super) fn begin(&self, image: &Name) {
        *self.intents.borrow_mut().entry(image.clone()).or_default() += 1;
    }

    /// A pull has ended (`RecordImagePulled`, `RecordImagePullFailed`); `succeeded` with a login or without one.
    pub(super) fn end(&self, image: &Name, tagged: &Name, succeeded: Option<Option<&Name>>) {
        if let Some(login) = succeeded {
            let mut pulled = self.pulled.borrow_mut();
            let access = pulled
                .entry(tagged.clone())
                .or_insert_with(|| Access::Logins(BTreeSet::new()));
            match (&mut *access, login) {
                (Access::All, _) => {}
                (Access::Logins(logins), Some(login)) => {
                    logins.insert(login.clone());
                }
                (Access::Logins(_), None) => *access = Access::All,
            }
        }
        let mut intents = self.intents.borrow_mut();
        let left = intents.get(image).copied().unwrap_or_default().saturating_sub(1);
        if left == 0 {
            intents.remove(image);
        } else {
            intents.insert(image.clone(), left);
        }
    }

    /// Whether an image that is on the node must be pulled all the same by a pod with these logins
    /// (`MustAttemptImagePull`).
    pub(super) fn must_pull(&self, image: &Name, tagged: &Name, logins: &[Name]) -> bool {
        match self.pulled.borrow().get(tagged) {
            Some(Access::All) => false,
            Some(Access::Logins(known)) => !logins.iter().any(|login| known.contains(login)),
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
        let must_pull = || records.must_pull(&image, &tagged, &[]);
        assert!(!must_pull());
        records.begin(&image);
        records.begin(&image);
        assert!(must_pull());
        records.end(&image, &tagged, None);
        assert!(must_pull(), "one is still under way");
        records.end(&image, &tagged, None);
        assert!(!must_pull(), "none has come to anything");
        records.begin(&image);
        records.end(&image, &tagged, Some(None));
        records.begin(&image);
        assert!(!must_pull(), "it was pulled once");
    }

    #[test]
    fn what_a_kubelet_was_pulling_when_it_went_is_pulled_again() {
        let (records, image, tagged) = (PullRecords::default(), Name::new("app:1"), Name::new("app:1"));
        records.begin(&image);
        records.start(|_| None);
        assert!(records.must_pull(&image, &tagged, &[]), "it is not there yet");
        records.start(|_| Some(tagged.clone()));
        assert!(records.must_pull(&image, &tagged, &[]));
        records.begin(&image);
        records.end(&image, &tagged, Some(None));
        assert!(!records.must_pull(&image, &tagged, &[]));
    }

    #[test]
    fn an_image_is_open_to_those_who_could_have_pulled_it() {
        let (records, image) = (PullRecords::default(), Name::new("quay.io/app:1"));
        let logins = ["ann", "bob", "eve"].map(Name::new);
        let [ann, bob, _] = &logins;
        let pull = |login: Option<&Name>| {
            records.begin(&image);
            records.end(&image, &image, Some(login));
        };
        let must_pull = || {
            logins
                .each_ref()
                .map(|own| records.must_pull(&image, &image, std::slice::from_ref(own)))
        };
        pull(Some(ann));
        assert_eq!(must_pull(), [false, true, true]);
        assert!(records.must_pull(&image, &image, &[]), "without a login nobody knows");
        assert!(!records.must_pull(&image, &image, &[bob.clone(), ann.clone()]));
        pull(Some(bob));
        assert_eq!(must_pull(), [false, false, true]);
        pull(None);
        assert_eq!(must_pull(), [false; 3]);
        assert!(!records.must_pull(&image, &image, &[]));
        pull(Some(ann));
        assert_eq!(must_pull(), [false; 3], "what is open stays open");
    }
}
