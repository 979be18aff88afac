//! How containers are killed: hooks, the order of sidecars, grace periods (`killContainer`, `terminationOrdering`).

use std::cell::Cell;
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;

use super::actions::KillReason;
use crate::api::pod::{Container as ContainerSpec, Handler, Name, concat};
use crate::api::status::RuntimeId;
use crate::kernel::{Duration, Kernel, Notify, join_all, race};
use crate::kubelet::Kubelet;
use crate::kubelet::container::State;
use crate::kubelet::lifecycle;
use crate::kubelet::pod_workers::PodConfig;
use crate::runtime::{Container, PodIx};
use crate::scenario::types::Sabotage;
use crate::trace::HookType;

/// `minimumGracePeriodInSeconds`: SIGKILL never comes earlier than this after SIGTERM.
const MINIMUM_GRACE_SECONDS: i64 = 2;

/// How a container is killed.
#[derive(Default)]
pub(in crate::kubelet) struct KillCall<'a> {
    /// Text of the Killing event; empty: "Stopping container …".
    pub message: Name,
    /// Why, as far as the grace period depends on it.
    pub reason: KillReason,
    /// Seconds, in place of what the pod says.
    pub grace: Option<i64>,
    /// The order in which the pod's containers end.
    pub ordering: Option<&'a Ordering>,
}

/// `setTerminationGracePeriod`, seconds: the deletion's, else that of the probe that failed, else the pod's.
fn termination_grace(config: &PodConfig, spec: Option<&ContainerSpec>, reason: KillReason) -> i64 {
    let probe = spec.and_then(|c| match reason {
        KillReason::Other => None,
        KillReason::StartupProbe => c.startup_probe.as_ref(),
        KillReason::LivenessProbe => c.liveness_probe.as_ref(),
    });
    let probe = probe.and_then(|p| p.termination_grace_period_seconds);
    let own = probe.unwrap_or(config.pod.spec.termination_grace_period_seconds);
    config.deletion_grace.unwrap_or(own)
}

/// `killContainer`, `SyncResult.Fail`, as Go prints it.
fn no_spec(config: &PodConfig, container: &Container) -> String {
    let (pod, name, id) = (config.pod.described(), &container.name, RuntimeId(container.id));
    let text = format!(
        "failed to get containerSpec {name:?} (id=\"{id}\") in pod {pod:?} when killing container for reason \"\""
    );
    format!("failed to \"KillContainer\" for {name:?} with KillContainerError: {text:?}")
}

impl Kubelet {
    /// `killPodWithSyncResult`: every running container at once, then every sandbox, newest first. What was not killed,
    /// each in the words of its error: a container that came after the kubelet was told of the pod.
    pub(in crate::kubelet) async fn kill_pod(
        self: &Rc<Self>,
        ix: PodIx,
        config: &PodConfig,
        status: &crate::kubelet::container::PodStatus,
        grace: Option<i64>,
    ) -> Vec<String> {
        let running = status.container_statuses.iter().filter(|s| s.state == State::Running);
        let running = running.filter_map(|s| self.runtime.container(ix, s.id.0));
        let (running, unknown): (Vec<_>, Vec<_>) =
            running.partition(|container| config.pod.find_container(&container.name).is_some());
        let ordering = config.pod.spec.init_containers.iter().any(|c| c.is_sidecar());
        let ordering = ordering && !self.breaks(Sabotage::SidecarsEndFirst);
        let ordering = ordering.then(|| Rc::new(Ordering::new(config, &running)));
        let mut kills: Vec<Pin<Box<dyn Future<Output = ()>>>> = Vec::new();
        for container in running {
            let (kubelet, config, ordering) = (self.clone(), config.clone(), ordering.clone());
            kills.push(Box::pin(async move {
                let call = KillCall {
                    grace,
                    ordering: ordering.as_deref(),
                    ..KillCall::default()
                };
                kubelet.kill_container(&config, &container, call).await;
            }));
        }
        join_all(kills).await;
        for sandbox in &status.sandbox_statuses {
            let found = self.runtime.look(ix, |_, sandboxes| {
                let mut all = sandboxes.iter();
                all.find(|s| s.id == sandbox.id.0).cloned()
            });
            if let Some(found) = found {
                self.runtime.stop_pod_sandbox(&config.full_name, &found).await;
            }
        }
        unknown.iter().map(|container| no_spec(config, container)).collect()
    }

    /// `killContainer`
    pub(in crate::kubelet) async fn kill_container(
        self: &Rc<Self>,
        config: &PodConfig,
        container: &Rc<Container>,
        call: KillCall<'_>,
    ) {
        let ordering = call.ordering;
        let message = if call.message.is_empty() {
            concat(&["Stopping container ", &container.name])
        } else {
            call.message
        };
        if !self.breaks(Sabotage::SilentKills) {
            self.container_event(config, &container.name, false, "Killing", message);
        }
        let spec = config.pod.find_container(&container.name).map(|(_, c)| c);
        let mut grace = call
            .grace
            .unwrap_or_else(|| termination_grace(config, spec, call.reason));
        if self.breaks(Sabotage::ShortGrace) {
            grace /= 2;
        }
        let pre_stop = spec.and_then(|c| c.pre_stop.clone());
        if let Some(handler) = pre_stop
            && grace > 0
        {
            grace -= self.run_pre_stop(config, container, handler, grace).await;
        }
        if let Some(ordering) = ordering
            && grace > 0
        {
            grace -= ordering.wait_for_turn(&self.kernel, &container.name, grace).await;
        }
        self.runtime
            .stop_container(container, grace.max(MINIMUM_GRACE_SECONDS))
            .await;
        if let Some(ordering) = ordering {
            ordering.terminated(&container.name);
        }
    }

    /// `executePreStopHook`: whole seconds that the hook took, at most the grace period.
    async fn run_pre_stop(
        self: &Rc<Self>,
        config: &PodConfig,
        container: &Rc<Container>,
        handler: Handler,
        grace: i64,
    ) -> i64 {
        let begun = self.kernel.now();
        let done = Rc::new(Notify::new(&self.kernel));
        let (kubelet, config, container, finished) = (self.clone(), config.clone(), container.clone(), done.clone());
        // The hook goes on in the background when the grace period ends first.
        self.kernel.spawn(async move {
            let outcome = lifecycle::run(&kubelet, (&config.pod, &container), HookType::PreStop, &handler).await;
            if outcome.is_err() {
                kubelet.container_event(
                    &config,
                    &container.name,
                    true,
                    "FailedPreStopHook",
                    "PreStopHook failed".into(),
                );
            }
            finished.raise();
        });
        let _ = race(done.wait(), self.kernel.sleep(Duration::from_secs(grace))).await;
        (self.kernel.now() - begun).as_secs()
    }
}

/// `terminationOrdering`: sidecars end after all app containers, the last one first.
pub(in crate::kubelet) struct Ordering {
    ended: BTreeMap<Name, Cell<bool>>,
    prerequisites: BTreeMap<Name, Vec<Name>>,
    changed: std::cell::RefCell<Vec<Rc<Notify>>>,
}

impl Ordering {
    fn new(config: &PodConfig, running: &[Rc<Container>]) -> Ordering {
        let spec = &config.pod.spec;
        let is_running = |name: &Name| running.iter().any(|c| c.name == *name);
        let names = config.pod.all_containers().map(|(_, c)| c.name.clone());
        let ended = names
            .map(|name| (name.clone(), Cell::new(!is_running(&name))))
            .collect();
        let mut prerequisites = BTreeMap::new();
        let mut later: Option<Name> = None;
        for container in spec.init_containers.iter().rev().filter(|c| c.is_sidecar()) {
            let mut before: Vec<Name> = spec.containers.iter().map(|c| c.name.clone()).collect();
            before.extend(later.replace(container.name.clone()));
            prerequisites.insert(container.name.clone(), before);
        }
        Ordering {
            ended,
            prerequisites,
            changed: Default::default(),
        }
    }

    /// Waits until all that must end before have ended, or the grace period is over; whole seconds waited.
    async fn wait_for_turn(&self, kernel: &Kernel, name: &Name, grace: i64) -> i64 {
        let begun = kernel.now();
        let deadline = begun + Duration::from_secs(grace);
        let open = |name: &Name| self.ended.get(name).is_some_and(|ended| !ended.get());
        while kernel.now() < deadline && self.prerequisites.get(name).is_some_and(|names| names.iter().any(open)) {
            let changed = Rc::new(Notify::new(kernel));
            self.changed.borrow_mut().push(changed.clone());
            let _ = race(changed.wait(), kernel.sleep_until(deadline)).await;
        }
        (kernel.now() - begun).as_secs()
    }

    fn terminated(&self, name: &Name) {
        if let Some(ended) = self.ended.get(name) {
            ended.set(true);
        }
        for waiter in self.changed.borrow_mut().drain(..) {
            waiter.raise();
        }
    }
}
