//! One worker per probe: when it probes, what it makes of the answers, when it ends (`prober/worker.go`).

use std::cell::Cell;
use std::rc::Rc;

use super::results::ProbeResult;
use super::{Place, probe_of};
use crate::api::pod::{Container, Probe, RestartPolicy};
use crate::api::status::{ContainerState, ContainerStatus, PodStatus, find_status};
use crate::kernel::{Duration, Gate, Kernel, Notify, Time, race};
use crate::kubelet::Kubelet;
use crate::kubelet::container::ContainerId;
use crate::kubelet::pod_workers::PodConfig;
use crate::kubelet::status::restart_policy::{container_should_restart, is_restartable, should_all_containers_restart};
use crate::runtime::PodIx;
use crate::scenario::types::Sabotage;
use crate::trace::ProbeType;

/// Between the worker's hearing that it shall probe at once and the probe.
const TRIGGER_DELAY: Duration = Duration::from_micros(3);

/// `worker`
pub(super) struct Worker {
    pub(super) ix: PodIx,
    pub(super) config: PodConfig,
    place: Place,
    pub(super) kind: ProbeType,
    /// Raised by `stop` and `trigger`.
    signal: Notify,
    kernel: Kernel,
    stopped: Cell<bool>,
    /// A probe out of turn was asked for; one at a time is remembered.
    triggered: Cell<bool>,
    /// The container that the last result is about.
    container_id: Cell<Option<ContainerId>>,
    last_result: Cell<Option<ProbeResult>>,
    /// How many times in a row the last result came.
    result_run: Cell<i32>,
    /// No probing until there is a new container.
    on_hold: Cell<bool>,
    /// A probe out of turn starts the ticker afresh.
    trigger_restarts_ticker: bool,
    /// Opens when the pod begins to end.
    pub(super) cancelled: Rc<Gate>,
}

impl Worker {
    pub(super) fn new(
        kernel: &Kernel,
        ix: PodIx,
        config: &PodConfig,
        (place, kind): (Place, ProbeType),
        trigger_restarts_ticker: bool,
        cancelled: Rc<Gate>,
    ) -> Worker {
        Worker {
            ix,
            config: config.clone(),
            place,
            kind,
            signal: Notify::new(kernel),
            kernel: kernel.clone(),
            stopped: Cell::new(false),
            triggered: Cell::new(false),
            container_id: Cell::new(None),
            last_result: Cell::new(None),
            result_run: Cell::new(0),
            on_hold: Cell::new(false),
            trigger_restarts_ticker,
            cancelled,
        }
    }

    /// The container that it looks after.
    pub(super) fn container(&self) -> &Container {
        self.place.of(&self.config.pod)
    }

    /// Its probe.
    pub(super) fn spec(&self) -> &Probe {
        probe_of(self.container(), self.kind).expect("a worker is made for a probe")
    }

    /// Ends the worker, once the probe under way is over.
    pub(super) fn stop(&self) {
        self.stopped.set(true);
        self.signal.raise();
    }

    /// Asks for a probe out of turn (`manualTriggerCh`).
    pub(super) fn trigger(&self) {
        self.triggered.set(true);
        self.signal.raise();
    }

    /// The task.
    pub(super) async fn run(&self, kubelet: &Rc<Kubelet>, offset: Duration) {
        self.kernel.sleep(offset).await;
        let period = Duration::from_secs(self.spec().period_seconds.into());
        if let Some(stream) = &kubelet.jitter
            && period > self.kernel.now() - kubelet.started_at
        {
            // A kubelet that has just started does not probe everything at once.
            self.kernel.sleep(stream.part_of(period)).await;
        }
        let mut tick = self.kernel.now() + period;
        while self.do_probe(kubelet).await && self.wait_for_turn(&mut tick, period).await {}
        if let Some(id) = self.container_id.get() {
            kubelet.probes.results.borrow_mut().remove(self.kind, id);
        }
        let key = (self.ix, self.container().name.clone(), self.kind);
        kubelet.probes.workers.borrow_mut().remove(&key);
        // The next sync makes a new one.
        kubelet.resume_syncs(self.ix);
    }

    /// Waits for the next tick or for a trigger, which starts the ticker afresh; false when the worker must end.
    async fn wait_for_turn(&self, tick: &mut Time, period: Duration) -> bool {
        loop {
            if self.stopped.get() {
                return false;
            }
            if self.triggered.take() {
                self.kernel.sleep(TRIGGER_DELAY).await;
                if self.trigger_restarts_ticker {
                    *tick = self.kernel.now() + period;
                }
                return true;
            }
            let now = self.kernel.now();
            if *tick <= now {
                // A ticker keeps one tick for a reader that is late and drops the others.
                let missed = (now.0 - tick.0) / period.0;
                *tick += period.times(missed + 1);
                return true;
            }
            self.signal.take();
            let _ = race(self.kernel.sleep_until(*tick), self.signal.wait()).await;
        }
    }

    /// One turn; false ends the worker (`doProbe`).
    async fn do_probe(&self, kubelet: &Rc<Kubelet>) -> bool {
        let Some(status) = kubelet.statuses.get(self.ix) else {
            return true;
        };
        if status.is_terminal() {
            return false;
        }
        let Some((container, id)) = self.find(&status) else {
            return true;
        };
        if self.container_id.get() != Some(id) {
            if let Some(old) = self.container_id.replace(Some(id)) {
                kubelet.probes.results.borrow_mut().remove(self.kind, old);
            }
            let initial = match self.kind {
                ProbeType::Readiness => ProbeResult::Failure,
                ProbeType::Liveness => ProbeResult::Success,
                ProbeType::Startup => ProbeResult::Unknown,
            };
            // A container that the kubelet found running keeps what its predecessor knew of it.
            let features = &kubelet.config.features;
            let old = match &container.state {
                ContainerState::Running(running) if features.carry_started => {
                    running.started_at < kubelet.second_before_restart()
                }
                ContainerState::Running(_) | ContainerState::Waiting(_) | ContainerState::Terminated(_) => false,
            };
            let sidecar_started = container.started == Some(true) && self.is_sidecar();
            if features.carry_started && self.kind == ProbeType::Startup && sidecar_started {
                kubelet.set_probe_result(self.ix, self.kind, id, ProbeResult::Success);
            }
            if !old {
                kubelet.set_probe_result(self.ix, self.kind, id, initial);
            }
            self.on_hold.set(false);
        }
        if self.on_hold.get() {
            return true;
        }
        let ContainerState::Running(running) = &container.state else {
            kubelet.set_probe_result(self.ix, self.kind, id, ProbeResult::Failure);
            let features = &kubelet.config.features;
            if features.probes_end_while_waiting {
                let ended = matches!(container.state, ContainerState::Terminated(_));
                return ended || is_restartable(self.container(), &self.config.pod);
            }
            // Only a container that comes back is worth waiting for.
            let ContainerState::Terminated(end) = &container.state else {
                return true;
            };
            let pod = &self.config.pod;
            if !features.end_probes_by_restart_rules {
                let survives = features.sidecar_probes_survive && self.is_sidecar();
                return pod.spec.restart_policy != RestartPolicy::Never || survives;
            }
            return container_should_restart(self.container(), pod, end.exit_code, features)
                || (features.restart_all_containers && should_all_containers_restart(pod, None, &status));
        };
        // The worker keeps the pod that it was made with: it never learns of a deletion that came later.
        if self.config.deletion_grace.is_some() && self.kind != ProbeType::Readiness {
            kubelet.set_probe_result(self.ix, self.kind, id, ProbeResult::Success);
            return false;
        }
        // The API's start time has lost its fraction of a second.
        let since = kubelet.since_timestamp(running.started_at);
        let delayed = since.as_secs() < self.spec().initial_delay_seconds.into();
        if delayed && !kubelet.breaks(Sabotage::NoInitialDelay) {
            return true;
        }
        let ungated = self.kind != ProbeType::Startup && kubelet.breaks(Sabotage::StartupGatesNothing);
        if (container.started == Some(true)) == (self.kind == ProbeType::Startup) && !ungated {
            return true;
        }
        let pod_ip = status.pod_ip.clone();
        let target = (id, container.restart_count.unsigned_abs());
        let Some(result) = self.probe(kubelet, target, pod_ip.as_deref().unwrap_or_default()).await else {
            return true;
        };
        let run = if self.last_result.replace(Some(result)) == Some(result) {
            self.result_run.get() + 1
        } else {
            1
        };
        self.result_run.set(run);
        let threshold = match result {
            ProbeResult::Failure if kubelet.breaks(Sabotage::ProbeOneFailureEarly) => self.spec().failure_threshold - 1,
            ProbeResult::Failure => self.spec().failure_threshold,
            ProbeResult::Success => self.spec().success_threshold,
            ProbeResult::Unknown => 0,
        };
        if run < threshold {
            return true;
        }
        kubelet.set_probe_result(self.ix, self.kind, id, result);
        let failed = result == ProbeResult::Failure;
        let hold = match self.kind {
            ProbeType::Startup => failed || kubelet.config.features.startup_on_hold,
            ProbeType::Liveness => failed,
            ProbeType::Readiness => false,
        };
        if hold {
            self.on_hold.set(true);
            self.result_run.set(0);
        }
        true
    }

    fn is_sidecar(&self) -> bool {
        matches!(self.place, Place::Sidecar(_))
    }

    /// The status of the worker's container, once it has been created.
    fn find<'a>(&self, status: &'a PodStatus) -> Option<(&'a ContainerStatus, ContainerId)> {
        let (list, index) = match self.place {
            Place::App(index) => (&status.container_statuses, index),
            Place::Sidecar(index) => (&status.init_container_statuses, index),
        };
        let found = find_status(list, index, &self.container().name)?;
        Some((found, ContainerId(found.container_id?.0)))
    }
}
