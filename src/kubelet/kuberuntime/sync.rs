//! Carries out what a pod needs: sandbox, init containers, app containers (`SyncPod`, `startContainer`).

use std::collections::BTreeMap;
use std::rc::Rc;

use smallvec::SmallVec;

use crate::api::objects::Object;
use crate::api::pod::{Container, Handler, Name, concat};
use crate::kernel::Time;
use crate::kubelet::Kubelet;
use crate::kubelet::backoff::Backoff;
use crate::kubelet::container::{PodStatus, State};
use crate::kubelet::images::{StartError, Wanted};
use crate::kubelet::kuberuntime::actions::{Actions, Seen, compute_pod_actions};
use crate::kubelet::kuberuntime::kill::KillCall;
use crate::kubelet::lifecycle;
use crate::kubelet::pod_workers::PodConfig;
use crate::kubelet::security_context::verify_run_as_non_root;
use crate::runtime::PodIx;
use crate::scenario::shared::Shared;
use crate::scenario::types::Sabotage;
use crate::trace::{HookType, What};

/// `PodSyncResult`
#[derive(Default)]
pub(in crate::kubelet) struct SyncResult {
    /// A sync with the same pod and the same containers would do nothing at all.
    pub idle: bool,
    /// At least one thing was tried.
    pub acted: bool,
    /// The pod began to end while the sync waited for something that it need not wait for any more.
    pub cancelled: bool,
    /// Something other than a container failed.
    pub other_failure: bool,
    /// Containers were removed so that all can be restarted.
    pub removed: bool,
    /// Each container that was to be started, with what hindered it.
    pub starts: SmallVec<[(Name, Option<StartError>); 2]>,
    /// When the crash-loop back-offs that were met end.
    pub backoff_ends: Vec<Time>,
}

impl SyncResult {
    /// The pod began to end while the sync waited.
    pub(in crate::kubelet) fn cancelled() -> SyncResult {
        SyncResult {
            cancelled: true,
            ..SyncResult::default()
        }
    }

    /// Something other than a container failed.
    pub(in crate::kubelet) fn other_failure() -> SyncResult {
        SyncResult {
            other_failure: true,
            ..SyncResult::default()
        }
    }

    pub(in crate::kubelet) fn failed(&self) -> bool {
        self.other_failure || self.starts.iter().any(|(_, error)| error.is_some())
    }
}

/// What the containers of a sync are started on.
struct Ground {
    /// The sandbox's ID.
    sandbox: u64,
    /// The pull secrets of the pod.
    secrets: Vec<Shared<Object>>,
    /// The volumes whose image is not there, with what hinders it.
    without_image: BTreeMap<Name, StartError>,
}

impl Kubelet {
    /// `kubeGenericRuntimeManager.SyncPod`, with the pod's pull secrets.
    pub(in crate::kubelet) async fn sync_pod_runtime(
        self: &Rc<Self>,
        ix: PodIx,
        config: &PodConfig,
        status: &PodStatus,
        secrets: Vec<Shared<Object>>,
        restarting_all: bool,
    ) -> SyncResult {
        let mut actions = {
            let seen = Seen {
                deleted: config.deletion_grace.is_some(),
                restarting_all,
                status,
                features: &self.config.features,
                probes: &self.probes.results.borrow(),
            };
            compute_pod_actions(&config.pod, seen)
        };
        self.spoil(&config.pod, status, &mut actions);
        let mut result = SyncResult::default();
        if actions.sandbox_changed && actions.create_sandbox {
            let text = "Pod sandbox changed, it will be killed and re-created.";
            self.pod_event(config, false, "SandboxChanged", text.into());
        }
        if actions.kill_pod {
            result.acted = true;
            self.kill_pod(ix, config, status, None).await;
            if actions.create_sandbox {
                self.remove_init_containers(ix, config, status, 0).await;
            }
        }
        if !actions.kill_pod {
            for kill in &actions.to_kill {
                result.acted = true;
                if let Some(container) = self.runtime.container(ix, kill.id.0) {
                    let why = KillCall {
                        message: kill.message.clone(),
                        reason: kill.reason,
                        ..KillCall::default()
                    };
                    self.kill_container(config, &container, why).await;
                }
            }
            self.reset_containers(ix, config, &actions, &mut result).await;
            if result.failed() {
                return result;
            }
        }
        self.remove_init_containers(ix, config, status, 1).await;
        let mut sandbox = status.sandbox_statuses.first().map(|s| s.id.0);
        if actions.create_sandbox {
            result.acted = true;
            let made = self
                .runtime
                .run_pod_sandbox(ix, &config.full_name, actions.attempt)
                .await;
            match made {
                Ok(made) => sandbox = Some(made.id),
                // The failure of a sandbox that nobody wants any more is none.
                Err(_) if self.is_termination_requested(ix) => return result,
                Err(text) => {
                    let text = format!("Failed to create pod sandbox: {text}");
                    self.pod_event(config, true, "FailedCreatePodSandBox", text.into());
                    result.other_failure = true;
                    return result;
                }
            }
            self.on_pod_sandbox_ready(ix, config);
        }
        let without_image = self.pull_image_volumes(ix, config, &secrets).await;
        let Some(sandbox) = sandbox else { return result };
        let ground = Ground {
            sandbox,
            secrets,
            without_image,
        };
        self.start_containers(ix, config, status, &actions, &ground, &mut result)
            .await;
        result
    }

    /// Asks for the images of all volumes, whether or not a container is to be started; gives the volumes whose image is
    /// not there (`getImageVolumes`).
    async fn pull_image_volumes(
        &self,
        ix: PodIx,
        config: &PodConfig,
        secrets: &[Shared<Object>],
    ) -> BTreeMap<Name, StartError> {
        let mut failed = BTreeMap::new();
        if !self.config.features.image_volumes {
            return failed;
        }
        for (volume, image, policy) in config.pod.spec.image_volumes() {
            let wanted = Wanted {
                image,
                policy,
                container: None,
                secrets,
            };
            if let Err(error) = self.images.ensure(self, ix, config, wanted).await {
                failed.insert(volume.clone(), error);
            }
        }
        failed
    }

    /// What keeps a container from its start: the last of its mounts whose volume has no image
    /// (`toKubeContainerImageVolumes`).
    fn check_image_volumes(
        &self,
        config: &PodConfig,
        container: &Container,
        without_image: &BTreeMap<Name, StartError>,
    ) -> Result<(), StartError> {
        let mounts = container.volume_mounts.iter();
        let errors = mounts
            .filter_map(|mount| without_image.get(&mount.name))
            .inspect(|error| {
                let text = concat(&["Error: ", error.reason]);
                self.container_event(config, &container.name, true, "Failed", text);
            });
        errors.last().map_or(Ok(()), |error| Err(error.clone()))
    }

    /// Removes every container, without grace and with its logs kept, so that the pod starts afresh in place.
    async fn reset_containers(
        self: &Rc<Self>,
        ix: PodIx,
        config: &PodConfig,
        actions: &Actions,
        result: &mut SyncResult,
    ) {
        for reset in &actions.to_reset {
            result.acted = true;
            let Some(container) = self.runtime.container(ix, reset.id.0) else {
                continue;
            };
            if reset.kill {
                let why = KillCall {
                    message: "killing".into(),
                    grace: Some(0),
                    ..KillCall::default()
                };
                self.kill_container(config, &container, why).await;
            }
            let keep_logs = self.config.features.restart_all_at_once;
            if !self.runtime.remove_container(ix, &container, keep_logs).await {
                // Nothing more is done in this sync; the next one waits for its back-off.
                result.other_failure = true;
                return;
            }
            result.removed = true;
        }
    }

    async fn start_containers(
        self: &Rc<Self>,
        ix: PodIx,
        config: &PodConfig,
        status: &PodStatus,
        actions: &Actions,
        ground: &Ground,
        result: &mut SyncResult,
    ) {
        let spec = &config.pod.spec;
        for index in &actions.ephemeral_to_start {
            self.try_start(ix, config, status, ground, &spec.ephemeral_containers[*index], result)
                .await;
        }
        for index in &actions.init_to_start {
            let container = &spec.init_containers[*index];
            let started = self.try_start(ix, config, status, ground, container, result).await;
            if !started && !container.is_sidecar() {
                return;
            }
        }
        for index in &actions.to_start {
            self.try_start(ix, config, status, ground, &spec.containers[*index], result)
                .await;
        }
    }

    async fn try_start(
        self: &Rc<Self>,
        ix: PodIx,
        config: &PodConfig,
        status: &PodStatus,
        ground: &Ground,
        container: &Container,
        result: &mut SyncResult,
    ) -> bool {
        result.acted = true;
        let outcome = match self.do_backoff(ix, config, container, status) {
            Err((error, ends)) => {
                result.backoff_ends.push(ends);
                Err(error)
            }
            Ok(()) => match self.check_image_volumes(config, container, &ground.without_image) {
                Err(error) => Err(error),
                Ok(()) => self.start_container(ix, config, status, ground, container).await,
            },
        };
        let started = outcome.is_ok();
        result.starts.push((container.name.clone(), outcome.err()));
        started
    }

    /// `doBackOff`: the wait counts from the newest dead container's end; otherwise the next wait is armed.
    fn do_backoff(
        &self,
        ix: PodIx,
        config: &PodConfig,
        container: &Container,
        status: &PodStatus,
    ) -> Result<(), (StartError, Time)> {
        let dead = status.container_statuses.iter();
        let mut dead = dead.filter(|s| s.name == container.name && s.state == State::Exited);
        let Some(finished) = dead.next().and_then(|s| s.finished_at) else {
            return Ok(());
        };
        let key = (ix, container.name.clone(), container.image.clone());
        let now = self.kernel.now();
        let mut backoff = self.crash_loop_backoff.borrow_mut();
        if self.breaks(Sabotage::NoBackOff) {
            return Ok(());
        }
        backoff.collect(self.last_housekeeping());
        if backoff.is_in_backoff_since(&key, finished, now) {
            let (name, pod) = (&container.name, &config.pod);
            let described = &*pod.described();
            let text = concat(&["Back-off restarting failed container ", name, " in pod ", described]);
            let length = backoff.get(&key);
            drop(backoff);
            self.container_event(config, name, true, "BackOff", text);
            let ends = finished + length;
            let what = What::BackOff { length, until: ends };
            self.recorder.record(Some(&config.full_name), Some(name), None, what);
            let length = length.to_string();
            let message = [
                "back-off ",
                &length,
                " restarting failed container=",
                name,
                " pod=",
                described,
            ];
            return Err((
                StartError {
                    reason: "CrashLoopBackOff",
                    message: concat(&message),
                },
                ends,
            ));
        }
        if self.breaks(Sabotage::BackOffStaysShort) {
            let (initial, max) = super::super::crash_loop_bounds(&self.config);
            *backoff = Backoff::new(initial, max);
        }
        backoff.next(key, finished, now);
        Ok(())
    }

    /// `startContainer`: image, create, start, postStart.
    async fn start_container(
        self: &Rc<Self>,
        ix: PodIx,
        config: &PodConfig,
        status: &PodStatus,
        ground: &Ground,
        container: &Container,
    ) -> Result<(), StartError> {
        let name = &container.name;
        let fail = |reason: &'static str, text: Name| {
            self.container_event(config, name, true, "Failed", concat(&["Error: ", &text]));
            StartError { reason, message: text }
        };
        let wanted = Wanted {
            image: &container.image,
            policy: container.image_pull_policy,
            container: Some(name),
            secrets: &ground.secrets,
        };
        if let Err(error) = self.images.ensure(self, ix, config, wanted).await {
            fail(error.reason, error.reason.into());
            return Err(error);
        }
        let environment = self.check_environment(config, container);
        let user = environment.and_then(|()| self.images.ask_for_user(&container.image, &self.config.features));
        let allowed = user.and_then(|()| match self.breaks(Sabotage::RootMayRun) {
            true => Ok(()),
            false => verify_run_as_non_root(&config.pod, container),
        });
        if let Err(text) = allowed {
            return Err(fail("CreateContainerConfigError", text));
        }
        let attempt = match status.find_by_name(name) {
            Some(previous) if self.breaks(Sabotage::AttemptsStandStill) => {
                u32::try_from(previous.restart_count).unwrap_or(0)
            }
            Some(previous) => u32::try_from(previous.restart_count + 1).unwrap_or(0),
            None => self.runtime.next_attempt_by_logs(ix, name),
        };
        let signal = container.stop_signal.as_ref();
        let signal = signal.filter(|_| self.config.features.container_stop_signals);
        let created = self
            .runtime
            .create_container(ix, &config.full_name, ground.sandbox, container, signal, attempt)
            .await;
        let made = created.map_err(|text| fail("CreateContainerError", text))?;
        let text = |long: &str, short: &'static str| -> Name {
            if self.config.features.container_events_without_name {
                short.into()
            } else {
                concat(&[long, " ", name])
            }
        };
        let created = text("Created container:", "Container created");
        self.container_event(config, name, false, "Created", created);
        let started = self.runtime.start_container(ix, &made).await;
        started.map_err(|text| fail("RunContainerError", text))?;
        let begun = text("Started container", "Container started");
        self.container_event(config, name, false, "Started", begun);
        let Some(handler) = &container.post_start else {
            return Ok(());
        };
        let Err(text) = lifecycle::run(self, (&config.pod, &made), HookType::PostStart, handler).await else {
            return Ok(());
        };
        self.container_event(config, name, true, "FailedPostStartHook", "PostStartHook failed".into());
        let why = KillCall {
            message: "FailedPostStartHook".into(),
            ..KillCall::default()
        };
        self.kill_container(config, &made, why).await;
        let message = match handler {
            Handler::Exec { command } => {
                // What the command has printed: the scripted error, unless its container died under it.
                let printed = made
                    .run
                    .post_start
                    .error
                    .as_deref()
                    .filter(|printed| text.ends_with(printed))
                    .unwrap_or_default();
                format!(
                    "Exec lifecycle hook ([{}]) for Container \"{name}\" in Pod \"{}\" failed - error: {text}, message: {printed:?}",
                    command.join(" "), config.pod.described()
                )
                .into()
            }
            Handler::HttpGet { path, .. } => format!(
                "HTTP lifecycle hook ({path}) for Container \"{name}\" in Pod \"{}\" failed - error: {text}",
                config.pod.described()
            )
            .into(),
            Handler::TcpSocket { .. } | Handler::Grpc { .. } => concat(&["Cannot run handler: ", &text]),
            Handler::Sleep { .. } => text,
        };
        Err(StartError {
            reason: "PostStartHookError",
            message,
        })
    }

    /// Removes dead init containers but the newest `keep` of each name, with their logs
    /// (`pruneInitContainersBeforeStart`; `purgeInitContainers` for a new sandbox).
    async fn remove_init_containers(&self, ix: PodIx, config: &PodConfig, status: &PodStatus, keep: usize) {
        for container in &config.pod.spec.init_containers {
            let of_name = status.container_statuses.iter().filter(|s| s.name == container.name);
            let dead = of_name.filter(|s| keep == 0 || s.state == State::Exited);
            for old in dead.skip(keep) {
                if let Some(found) = self.runtime.container(ix, old.id.0) {
                    self.runtime.remove_container(ix, &found, false).await;
                }
            }
        }
    }
}
