//! Whether an image is there, and pulling it: with a back-off, one at a time (`pkg/kubelet/images`).

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::collections::VecDeque;
use std::rc::Rc;

use super::aggregate;
use super::backoff::Backoff;
use super::keyring::logins;
use super::pull_rate::PullRate;
use super::pull_records::PullRecords;
use crate::api::features::Features;
use crate::api::image_name::{ImageName, with_default_tag};
use crate::api::objects::Object;
use crate::api::pod::{Name, PullPolicy, concat};
use crate::kernel::{Duration, Kernel, Notify};
use crate::kubelet::Kubelet;
use crate::kubelet::pod_workers::PodConfig;
use crate::runtime::{Images, PodIx, runtime_error};
use crate::scenario::shared::Shared;
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
    /// The pull secrets of the pod.
    pub(super) secrets: &'a [Shared<Object>],
}

impl Wanted<'_> {
    /// The logins that the pod has for the image, in the order in which they are tried.
    fn logins(&self, domain_counts: bool) -> Vec<Name> {
        let mut credentials = self.secrets.iter().flat_map(|secret| &secret.credentials).peekable();
        if credentials.peek().is_none() {
            return Vec::new();
        }
        let name = ImageName::parse(self.image, domain_counts);
        name.map_or_else(|_| Vec::new(), |name| logins(credentials, &name.repository()))
    }
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
        let domain_counts = !features.registry_not_in_length;
        let tagged = match with_default_tag(image, domain_counts) {
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
        let logins = wanted.logins(domain_counts);
        let always = policy == PullPolicy::Always;
        if !always || !features.always_skips_inspection {
            let present = self.images.inspect(image, &tagged).map_err(|error| {
                // Later kubelets name the reference that they have not got: nothing.
                let named: &str = if features.always_skips_inspection { "" } else { image };
                let message = concat(&["Failed to inspect image \"", named, "\": ", &runtime_error(&error)]);
                event(true, "InspectFailed", message.clone());
                StartError {
                    reason: "ImageInspectError",
                    message,
                }
            })?;
            let verified = features.ensure_secret_pulled_images;
            let present = present && !always && !(verified && self.records.must_pull(image, &tagged, &logins));
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
            if policy == PullPolicy::Never && !kubelet.breaks(Sabotage::NeverIsPulled) {
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
        let accepted = self.rate.try_accept(self.kernel.now()) || kubelet.breaks(Sabotage::PullsAtWill);
        let pulled = if accepted {
            let pull = self.pull((ix, &config.full_name), (image, &tagged), &logins);
            pull.await.map_err(|text| read_pull_error(image, &text))
        } else {
            let text = "pull QPS exceeded".to_owned();
            Err(("ErrImagePull", text.clone(), text))
        };
        self.give_place();
        self.records
            .end(image, &tagged, pulled.as_ref().ok().map(|(_, login)| *login));
        match pulled {
            Ok((took, _)) => {
                // Asked for with best effort.
                let size = match self.images.inspect(image, &tagged) {
                    Ok(true) => IMAGE_SIZE,
                    Ok(false) | Err(_) => 0,
                };
                let whole_millis = |span: Duration| Duration(span.0 / 1_000_000 * 1_000_000);
                let (took, waited) = (whole_millis(took), whole_millis(self.kernel.now() - begun));
                let text = format!(
                    "Successfully pulled image \"{image}\" in {took} ({waited} including waiting). Image size: {size} bytes."
                );
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

    /// Asks for the user that the image names, as whoever configures a container does. Errors with what the runtime says
    /// (`kuberuntime/helpers.go: getImageUser`).
    pub(super) fn ask_for_user(&self, image: &Name, features: &Features) -> Result<(), Name> {
        if !self.images.inspections_may_fail() {
            return Ok(());
        }
        let tagged = with_default_tag(image, !features.registry_not_in_length);
        self.images.inspect(image, tagged.as_ref().unwrap_or(image)).map(|_| ())
    }

    /// One call with each login until one succeeds, or a single one without; gives how long they took, and the login that
    /// was taken. Errors with what they said, all of them (`kubeGenericRuntimeManager.PullImage`).
    async fn pull<'l>(
        &self,
        pod: (PodIx, &Name),
        (image, tagged): (&Name, &Name),
        logins: &'l [Name],
    ) -> Result<(Duration, Option<&'l Name>), String> {
        let begun = self.kernel.now();
        let mut errors: Vec<String> = Vec::new();
        for attempt in 0..logins.len().max(1) {
            match self.images.pull(pod, image, tagged).await {
                Ok(_) => return Ok((self.kernel.now() - begun, logins.get(attempt))),
                Err(text) => {
                    let error = received(&text);
                    if !errors.contains(&error) {
                        errors.push(error);
                    }
                }
            }
        }
        Err(aggregate(errors))
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

/// Bytes, of every image.
const IMAGE_SIZE: u64 = 1 << 20;

/// Causes that a runtime may name itself.
const NAMED: [(&str, &str); 2] = [
    ("RegistryUnavailable", "the registry is unavailable"),
    ("SignatureValidationFailed", "the signature validation failed"),
];

/// What a runtime said, as it is received.
fn received(text: &str) -> String {
    if NAMED.iter().any(|(reason, _)| text.starts_with(reason)) {
        text.to_owned()
    } else {
        format!("rpc error: code = Unknown desc = {text}")
    }
}

/// What a failed pull comes to: the reason, the error as it was received, the message (`evalCRIPullErr`).
fn read_pull_error(image: &str, error: &str) -> (&'static str, String, String) {
    for (reason, what) in NAMED {
        if let Some(rest) = error.strip_prefix(reason) {
            let message = format!("image pull failed for {image} because {what}{rest}");
            return (reason, error.to_owned(), message);
        }
    }
    ("ErrImagePull", error.to_owned(), error.to_owned())
}
