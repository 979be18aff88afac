//! The crash-loop back-off, kept a second time from the events alone, so that the engine's can be judged.

use crate::api::pod::Name;
use crate::kernel::{Duration, Time};
use crate::trace::EventRecord;

/// `client-go/util/flowcontrol: hasExpired`: an entry holds for this long after its last update.
pub(super) const EXPIRY: Duration = Duration::from_secs(600);
/// The housekeeping, every two seconds, takes away entries that are older (`Backoff.GC`).
const COLLECTED: Duration = Duration::from_secs(603);

/// What becomes of a container without an image (`pkg/kubelet/images: types.go`).
const IMAGE_ERRORS: [&str; 7] = [
    "Error: ErrImageNeverPull",
    "Error: ErrImagePull",
    "Error: ImageInspectError",
    "Error: ImagePullBackOff",
    "Error: InvalidImageName",
    "Error: RegistryUnavailable",
    "Error: SignatureValidationFailed",
];

/// The back-off entries of a container, one for each image that it has had.
#[derive(Default)]
pub(super) struct Backoffs {
    entries: Vec<Entry>,
    /// A pull is under way: the next `Pulled` or `Failed` is its end and no new decision.
    pulling: bool,
    /// When the last decision was taken or the last pull ended: an error of that moment is its outcome.
    settled: Option<Time>,
    /// What the kubelet knew of dead containers is not known here: nothing can be said.
    pub uncertain: bool,
}

/// One entry: how often it was armed since it began, and when last.
#[derive(Clone)]
pub(super) struct Entry {
    pub image: Name,
    pub doublings: u32,
    pub last_update: Time,
}

impl Entry {
    /// Its length, from the first one and the longest.
    pub(super) fn length(&self, initial: Duration, longest: Duration) -> Duration {
        let factor = 1_i64.checked_shl(self.doublings.min(40)).unwrap_or(i64::MAX);
        Ord::min(initial.times(factor), longest)
    }
}

impl Backoffs {
    /// A new kubelet knows of none.
    pub(super) fn forget(&mut self) {
        *self = Backoffs {
            uncertain: self.uncertain,
            ..Backoffs::default()
        };
    }

    /// The entry that holds for an image.
    pub(super) fn entry(&self, image: &Name) -> Option<&Entry> {
        self.entries.iter().find(|e| e.image == *image)
    }

    /// Whether the event says that the kubelet has decided to start the container: the first thing that it does
    /// then is to ask for the image, and each answer has its event (`EnsureImageExists`).
    pub(super) fn is_decision(&self, event: &EventRecord, now: Time) -> bool {
        match event.reason {
            "Pulling" | "ErrImageNeverPull" | "InspectFailed" => true,
            "Pulled" => !self.pulling,
            "BackOff" => event.message.starts_with("Back-off pulling"),
            // The image of a volume is not there (`toKubeContainerImageVolumes`): the container's own is not asked for.
            "Failed" => self.settled != Some(now) && IMAGE_ERRORS.contains(&&*event.message),
            _ => false,
        }
    }

    /// Takes in an event about the container, whose newest dead process ended at `finished`: without one nothing is
    /// armed (`Next`). True if the kubelet has decided to start the container.
    pub(super) fn on_event(&mut self, event: &EventRecord, image: Name, finished: Option<Time>, now: Time) -> bool {
        let decided = self.is_decision(event, now);
        if decided || event.reason == "Failed" && self.pulling {
            self.settled = Some(now);
        }
        match event.reason {
            "Pulling" => self.pulling = true,
            "Pulled" | "Failed" => self.pulling = false,
            _ => {}
        }
        let (true, Some(finished)) = (decided, finished) else {
            return decided;
        };
        match self.entries.iter_mut().find(|e| e.image == image) {
            Some(entry) if finished - entry.last_update <= EXPIRY && now - entry.last_update <= COLLECTED => {
                // Within one housekeeping period nobody but the kubelet knows which it was.
                self.uncertain |= now - entry.last_update > EXPIRY;
                entry.doublings += 1;
                entry.last_update = now;
            }
            Some(entry) => {
                entry.doublings = 0;
                entry.last_update = now;
            }
            None => self.entries.push(Entry {
                image,
                doublings: 0,
                last_update: now,
            }),
        }
        true
    }
}
