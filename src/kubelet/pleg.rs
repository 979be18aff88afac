//! The pod lifecycle event generator: relists the runtime, keeps the cache, tells the sync loop (`pkg/kubelet/pleg`).
//!
//! A relist per second is not an event per second: a relist that would see nothing new and for which nobody
//! waits is left out, and the time of the last one is computed.

use std::cell::{Cell, RefCell};
use std::cmp::Reverse;
use std::rc::Rc;

use smallvec::SmallVec;

use super::container::{ContainerId, PodStatus, SandboxId, SandboxStatus, SandboxStatuses, State, Status};
use super::ticks::Ticker;
use crate::api::pod::Name;
use crate::kernel::{Duration, Kernel, Notify, Time};
use crate::runtime::{self, ContainerState, PodIx, PodMap, Runtime};
use crate::scenario::types::KubeletConfig;

/// What a relist found (`PodLifecycleEvent`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A container or sandbox runs.
    Started,
    /// One has ended.
    Died(u64),
    /// One is gone.
    Removed,
}

/// The generator and its cache.
pub struct Pleg {
    kernel: Kernel,
    ticker: Ticker,
    newest_first: bool,
    leaves_out_idle_ticks: bool,
    runtime: Rc<Runtime>,
    /// States at the last relist, by pod and in the order of IDs; sandboxes too. Nothing is left of some pods.
    seen: RefCell<PodMap<States>>,
    cache: RefCell<PodMap<(Rc<PodStatus>, Time)>>,
    /// When the last global relist took place.
    relisted_at: Cell<Time>,
    /// Raised after each relist.
    fresh: RefCell<SmallVec<[Rc<Notify>; 2]>>,
    /// Raised by whoever waits for a relist.
    pub wanted: Notify,
}

/// Those of a pod, mostly of one or two containers and a sandbox.
type States = SmallVec<[(u64, Seen); 4]>;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Seen {
    Running,
    Exited,
    Unknown,
}

impl Pleg {
    /// A generator that relists at these ticks.
    pub fn new(kernel: &Kernel, runtime: Rc<Runtime>, ticker: Ticker, config: &KubeletConfig) -> Pleg {
        Pleg {
            kernel: kernel.clone(),
            ticker,
            newest_first: config.features.pleg_newest_first,
            leaves_out_idle_ticks: config.leave_out_idle_ticks,
            runtime,
            seen: RefCell::default(),
            cache: RefCell::default(),
            relisted_at: Cell::new(Time(i64::MIN)),
            fresh: RefCell::default(),
            wanted: Notify::new(kernel),
        }
    }

    /// The task: relists at the next tick whenever the runtime has changed or somebody waits.
    pub async fn run(&self, deliver: impl Fn(PodIx, Event)) {
        // The first round may be at the very instant of the start.
        let mut next = Ticker::from as fn(&Ticker, Time) -> Time;
        loop {
            if self.leaves_out_idle_ticks {
                let _ = crate::kernel::race(self.runtime.changed.wait(), self.wanted.wait()).await;
            }
            let cause = self.kernel.cause();
            self.kernel.sleep_until(next(&self.ticker, self.kernel.now())).await;
            next = Ticker::after;
            self.runtime.changed.take();
            self.wanted.take();
            self.kernel.set_cause(cause);
            self.relist(&deliver);
        }
    }

    /// `Relist`: every pod, events first, then the cache's time moves on. Pods of which nothing has changed since the
    /// last time are left out: nothing would be found.
    fn relist(&self, deliver: &impl Fn(PodIx, Event)) {
        let now = self.kernel.now();
        let first = self.relisted_at.replace(now) == Time(i64::MIN);
        let mut pods = self.runtime.take_touched();
        if first {
            pods.extend(self.runtime.pods());
        }
        for pod in pods {
            self.reconcile(pod, deliver);
        }
        self.wake();
    }

    /// `relistPod`, on demand of a sync that acted. A global relist since the demand makes it needless.
    pub fn relist_pod(&self, pod: PodIx, demanded: Time, deliver: &impl Fn(PodIx, Event)) {
        if demanded <= self.last_relist() || self.runtime.look(pod, |_, sandboxes| sandboxes.is_empty()) {
            return;
        }
        self.reconcile(pod, deliver);
        if let Some((_, modified)) = self.cache.borrow_mut().get_mut(pod) {
            *modified = self.kernel.now();
        }
        self.wake();
    }

    fn wake(&self) {
        for waiter in self.fresh.borrow_mut().drain(..) {
            waiter.raise();
        }
    }

    /// When the last relist was or, since idle ones are left out, would have been.
    fn last_relist(&self) -> Time {
        let now = self.kernel.now();
        // At the very instant of a tick only one that took place counts.
        let passed = self.ticker.last(now - Duration(1));
        self.relisted_at.get().max(passed.unwrap_or(self.relisted_at.get()))
    }

    fn reconcile(&self, pod: PodIx, deliver: &impl Fn(PodIx, Event)) {
        let current = self.current(pod);
        let mut seen = self.seen.borrow_mut();
        let known = seen.or_insert_with(pod, Default::default);
        if *known == current {
            return;
        }
        let old = std::mem::replace(known, current);
        let current = &*known;
        let state = |list: &[(u64, Seen)], id: u64| {
            let place = list.binary_search_by_key(&id, |(id, _)| *id).ok()?;
            Some(list[place].1)
        };
        // What was there before comes first, the newest of it first; then what is new, likewise.
        let mut ids: SmallVec<[u64; 8]> = old.iter().map(|(id, _)| *id).collect();
        let known = ids.len();
        ids.extend(
            current
                .iter()
                .map(|(id, _)| *id)
                .filter(|id| state(&old, *id).is_none()),
        );
        if self.newest_first {
            ids[..known].reverse();
            ids[known..].reverse();
        }
        let mut events: SmallVec<[Event; 4]> = SmallVec::new();
        for id in ids {
            match (state(&old, id), state(current, id)) {
                (before, after) if before == after => {}
                (_, Some(Seen::Running)) => events.push(Event::Started),
                (_, Some(Seen::Exited)) => events.push(Event::Died(id)),
                // ContainerChanged: the cache is renewed, nobody is told.
                (_, Some(Seen::Unknown)) => events.push(Event::Removed),
                (Some(Seen::Exited), None) => events.push(Event::Removed),
                (_, None) => events.extend([Event::Died(id), Event::Removed]),
            }
        }
        let gone = current.is_empty();
        drop(seen);
        if gone {
            self.cache.borrow_mut().remove(pod);
        } else {
            let status = Rc::new(self.read_status(pod));
            self.cache.borrow_mut().insert(pod, (status, self.kernel.now()));
        }
        for event in events {
            deliver(pod, event);
        }
    }

    fn current(&self, pod: PodIx) -> States {
        self.runtime.look(pod, |containers, sandboxes| {
            let states = containers.iter().map(|c| {
                let seen = match *c.state.borrow() {
                    ContainerState::Created => Seen::Unknown,
                    ContainerState::Running { .. } => Seen::Running,
                    ContainerState::Exited { .. } => Seen::Exited,
                };
                (c.id, seen)
            });
            let ready = sandboxes
                .iter()
                .map(|s| (s.id, if s.ready.get() { Seen::Running } else { Seen::Exited }));
            let mut current: States = states.chain(ready).collect();
            current.sort_unstable_by_key(|(id, _)| *id);
            current
        })
    }

    /// Asks the runtime how the pod is now (`GetPodStatus`), with the IP that the cache remembers.
    pub fn read_status(&self, pod: PodIx) -> PodStatus {
        let mut status = read(&self.runtime, pod, self.kernel.now());
        let any_ready = status.sandbox_statuses.iter().any(|s| s.ready);
        if status.ip.is_none() && !any_ready {
            status.ip = self.cache.borrow().get(pod).and_then(|(old, _)| old.ip.clone());
        }
        status
    }

    /// What the cache holds of a pod; nothing is an empty status.
    pub fn cached(&self, pod: PodIx) -> Rc<PodStatus> {
        self.cache
            .borrow()
            .get(pod)
            .map(|(status, _)| status.clone())
            .unwrap_or_default()
    }

    /// Waits until the cache is newer than `than` (`GetNewerThan`); None asks for no more than what is there, but
    /// before a kubelet's first relist nothing is.
    pub async fn newer_than(&self, pod: PodIx, than: Option<Time>) -> Rc<PodStatus> {
        let relisted = self.last_relist() > Time(i64::MIN);
        if let Some(than) = than.or((!relisted).then_some(Time(i64::MIN))) {
            loop {
                let modified = self.cache.borrow().get(pod).map(|(_, modified)| *modified);
                if self.last_relist() > than || modified.is_some_and(|m| m > than) {
                    break;
                }
                let waiter = Rc::new(Notify::new(&self.kernel));
                self.fresh.borrow_mut().push(waiter.clone());
                let cause = self.kernel.cause();
                self.wanted.raise();
                waiter.wait().await;
                self.kernel.set_cause(cause);
            }
        }
        self.cached(pod)
    }
}

/// `kuberuntime: GetPodStatus`
fn read(runtime: &Runtime, pod: PodIx, now: Time) -> PodStatus {
    let (mut container_statuses, mut sandbox_statuses) = runtime.look(pod, |containers, sandboxes| {
        let sandboxes = sandboxes.iter().map(|s| SandboxStatus {
            id: SandboxId(s.id),
            ready: s.ready.get(),
            attempt: s.attempt,
            created_at: s.created_at,
            ip: s.ip.clone(),
        });
        let containers = containers.iter().map(|c| container_status(c));
        (
            containers.collect::<Vec<Status>>(),
            sandboxes.collect::<SandboxStatuses>(),
        )
    });
    // `podSandboxByCreatedThenID`
    sandbox_statuses.sort_by_key(|s| (Reverse((s.attempt, s.created_at)), s.id));
    container_statuses.sort_by_key(|c| Reverse((c.created_at, c.id)));
    let ip = sandbox_statuses.first().filter(|s| s.ready).map(|s| s.ip.clone());
    PodStatus {
        container_statuses,
        sandbox_statuses,
        ip,
        timestamp: now,
    }
}

fn container_status(container: &runtime::Container) -> Status {
    let mut status = Status {
        id: ContainerId(container.id),
        name: container.name.clone(),
        sandbox: SandboxId(container.sandbox),
        state: State::Created,
        created_at: container.created_at,
        started_at: None,
        finished_at: None,
        exit_code: 0,
        image: container.image.clone(),
        restart_count: i32::try_from(container.attempt).unwrap_or(i32::MAX),
        reason: Name::default(),
        message: Name::default(),
    };
    match &*container.state.borrow() {
        ContainerState::Created => {}
        ContainerState::Running { started_at } => {
            status.state = State::Running;
            status.started_at = Some(*started_at);
        }
        ContainerState::Exited {
            started_at,
            finished_at,
            code,
            reason,
            message,
        } => {
            status.state = State::Exited;
            status.started_at = *started_at;
            status.finished_at = Some(*finished_at);
            status.exit_code = *code;
            status.reason = reason.clone();
            status.message = message.clone();
        }
    }
    status
}
