//! Whether an image is there, and pulling it: with a back-off, one at a time (`pkg/kubelet/images`).

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::collections::VecDeque;
use std::rc::Rc;

use super::backoff::Backoff;
use super::pull_rate::PullRate;
use super::pull_records::PullRecords;
use crate::api::image_name::with_default_tag;
use crate::api::pod::{Name, PullPolicy, concat};
use crate::kernel::{Duration, Kernel, Notify};
use crate::kubelet::Kubelet;
use crate::kubelet::pod_workers::PodConfig;
use crate::runtime::{Images, PodIx};
use crate::scenario::types::Sabotage;

/// Why a container could not be started: the reason and message of its waiting state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StartError {
    /// ErrImagePull, CreateContainerError, RunContainerError …
    pub reason: &'static str,
    /// message
    pub message: Name,
}

/// An image that must be there.
#[derive(Clone, Copy)]
pub(super) struct Wanted<'a> {
    /// As the spec names it.
    pub(super) image: &'a Name,
    pub(super) policy: PullPolicy,
    /// Which container is to run it; None for a volume, whose events are about the pod itself.
    pub(super) container: Option<&'a Name>,
}

/// `imageManager`
pub struct ImageManager {
    kernel: Kernel,
    images: Rc<Images>,
    records: Rc<PullRecords>,
    rate: PullRate,
    backoff: RefCell<Backoff<(PodIx, Name)>>,
    /// `prevPullErrMsg`
    last_error: RefCell<BTreeMap<(PodIx, Name), String>>,
    /// Free places for pulls; None when there is no limit.
    places: Cell<Option<u32>>,
    waiting: RefCell<VecDeque<Rc<Notify>>>,
}

impl ImageManager {
    /// A manager that pulls at most `parallel` images at a time, and so many a second as `rate` says.
    pub fn new(
        kernel: &Kernel,
        images: Rc<Images>,
        records: Rc<PullRecords>,
        (parallel, rate): (Option<u32>, PullRate),
    ) -> ImageManager {
        records.start(|image| {
            // Kubelets that keep records leave the registry out of the length.
            let tagged = with_default_tag(image, false).ok()?;
            images.is_present(image, &tagged).then_some(tagged)
        });
        ImageManager {
            kernel: kernel.clone(),
            images,
            records,
            rate,
            backoff: RefCell::new(Backoff::new(Duration::from_secs(10), Duration::from_secs(300))),
            last_error: RefCell::default(),
            places: Cell::new(parallel),
            waiting: RefCell::default(),
        }
    }

    /// `EnsureImageExists`
    pub(super) async fn ensure(
        &self,
        kubelet: &Kubelet,
        ix: PodIx,
        config: &PodConfig,
        wanted: Wanted<'_>,
    ) -> Result<(), StartError> {
        let Wanted { image, policy, .. } = wanted;
        let event = |warning, reason, message: Name| match wanted.container {
            Some(name) => kubelet.container_event(config, name, warning, reason, message),
            None => kubelet.pod_event(config, warning, reason, message),
        };
        let features = &kubelet.config.features;
        let tagged = match with_default_tag(image, !features.registry_not_in_length) {
            Ok(tagged) => tagged,
            Err(error) => {
                let message: Name = format!("Failed to apply default image tag {:?}: {error}", &**image).into();
                event(true, "InspectFailed", message.clone());
                return Err(StartError {
                    reason: "InvalidImageName",
                    message,
                });
            }
        };
        let always = policy == PullPolicy::Always;
        if !always || !features.always_skips_inspection {
            let present = self.images.inspect(image, &tagged).map_err(|error| {
                // Later kubelets name the reference that they have not got: nothing.
                let named: &str = if features.always_skips_inspection { "" } else { image };
                let message = concat(&["Failed to inspect image \"", named, "\": ", &error]);
                event(true, "InspectFailed", message.clone());
                StartError {
                    reason: "ImageInspectError",
                    message,
                }
            })?;
            let verified = features.ensure_secret_pulled_images;
            let present = present && !always && !(verified && self.records.must_pull(image, &tagged));
            if present {
                let suffix = if verified {
                    " and can be accessed by the pod"
                } else {
                    ""
                };
                let text = ["Container image \"", image, "\" already present on machine", suffix];
                event(false, "Pulled", concat(&text));
                return Ok(());
            }
            if policy == PullPolicy::Never {
                let message = concat(&[
                    "Container image \"",
                    image,
                    "\" is not present with pull policy of Never",
                ]);
                event(true, "ErrImageNeverPull", message.clone());
                return Err(StartError {
                    reason: "ErrImageNeverPull",
                    message,
                });
            }
        }
        let key = (ix, image.clone());
        let waits = self
            .backoff
            .borrow()
            .is_in_backoff_since_update(&key, self.kernel.now());
        if waits && !kubelet.breaks(Sabotage::NoPullBackOff) {
            let mut message = concat(&["Back-off pulling image \"", image, "\""]);
            event(false, "BackOff", message.clone());
            if kubelet.config.features.pull_error_in_backoff
                && let Some(last) = self.last_error.borrow().get(&key)
            {
                message = concat(&[&message, ": ", last]);
            }
            return Err(StartError {
                reason: "ImagePullBackOff",
                message,
            });
        }
        self.last_error.borrow_mut().remove(&key);
        event(false, "Pulling", concat(&["Pulling image \"", image, "\""]));
        let begun = self.kernel.now();
        self.records.begin(image);
        self.take_place().await;
        let pulled = if self.rate.try_accept(self.kernel.now()) || kubelet.breaks(Sabotage::PullsAtWill) {
            let pull = self.images.pull((ix, &config.full_name), image, &tagged);
            pull.await.map_err(|text| read_pull_error(image, &text))
        } else {
            let text = "pull QPS exceeded".to_owned();
            Err(("ErrImagePull", text.clone(), text))
        };
        self.give_place();
        self.records.end(image, &tagged, pulled.is_ok());
        match pulled {
            Ok(took) => {
                let whole_millis = |span: Duration| Duration(span.0 / 1_000_000 * 1_000_000);
                let (took, waited) = (whole_millis(took), whole_millis(self.kernel.now() - begun));
                let size = "Image size: 1048576 bytes.";
                let text =
                    format!("Successfully pulled image \"{image}\" in {took} ({waited} including waiting). {size}");
                event(false, "Pulled", text.into());
                Ok(())
            }
            Err((reason, cause, error)) => {
                event(
                    true,
                    "Failed",
                    format!("Failed to pull image \"{image}\": {cause}").into(),
                );
                let now = self.kernel.now();
                self.backoff.borrow_mut().next(key.clone(), now, now);
                self.last_error.borrow_mut().insert(key, format!("{reason}: {error}"));
                Err(StartError {
                    reason,
                    message: error.into(),
                })
            }
        }
    }

    /// Pulls are served in the order in which they are asked for (`serialImagePuller`).
    async fn take_place(&self) {
        match self.places.get() {
            None => {}
            Some(0) => {
                let turn = Rc::new(Notify::new(&self.kernel));
                self.waiting.borrow_mut().push_back(turn.clone());
                let cause = self.kernel.cause();
                turn.wait().await;
                self.kernel.set_cause(cause);
            }
            Some(free) => self.places.set(Some(free - 1)),
        }
    }

    fn give_place(&self) {
        match self.waiting.borrow_mut().pop_front() {
            Some(next) => next.raise(),
            None => self.places.set(self.places.get().map(|free| free + 1)),
        }
    }
}

/// What a failed pull comes to: the reason, the error as it was received, the message (`evalCRIPullErr`). A runtime
/// may name two causes of its own.
fn read_pull_error(image: &str, text: &str) -> (&'static str, String, String) {
    for (reason, what) in [
        ("RegistryUnavailable", "the registry is unavailable"),
        ("SignatureValidationFailed", "the signature validation failed"),
    ] {
        if let Some(rest) = text.strip_prefix(reason) {
            let message = format!("image pull failed for {image} because {what}{rest}");
            return (reason, text.to_owned(), message);
        }
    }
    let error = format!("rpc error: code = Unknown desc = {text}");
    ("ErrImagePull", error.clone(), error)
}
