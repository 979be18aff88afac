//! The API server as the kubelet meets it: pods, graceful deletion, and who hears of a change when.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;
use std::sync::Arc;

use crate::api::pod::{Name, Pod};
use crate::api::status::{Phase, PodStatus};
use crate::kernel::{Duration, Kernel, Queue, Time};
use crate::runtime::PodIx;
use crate::trace::{Recorder, What};

/// A created pod reaches the kubelet this long after its creation.
const WATCH_CREATE: Duration = Duration::from_millis(3);
/// Every other change does after this.
const WATCH_CHANGE: Duration = Duration::from_millis(1);

/// What the kubelet hears.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PodChange {
    /// The pod is there.
    Added(PodIx),
    /// Its deletion has begun or its grace period was shortened.
    Updated(PodIx),
    /// The object is gone.
    Removed(PodIx),
}

/// A pod object of the API.
pub struct ApiPod {
    /// metadata and spec
    pub pod: Rc<Pod>,
    /// `namespace/name`
    pub full_name: Name,
    /// metadata.generation
    pub generation: Cell<i64>,
    /// metadata.deletionGracePeriodSeconds, with when deletion was last asked for
    pub deletion: Cell<Option<(i64, Time)>>,
    /// status
    pub status: RefCell<Arc<PodStatus>>,
    /// Statuses with the times of their writes, back to the one that the kubelet has heard of.
    written: RefCell<VecDeque<(Time, Arc<PodStatus>)>>,
}

impl ApiPod {
    /// The status that the kubelet has heard of by now: what it writes itself comes back to it by the watch.
    pub fn status_heard(&self, now: Time) -> Arc<PodStatus> {
        let mut written = self.written.borrow_mut();
        while written.get(1).is_some_and(|(at, _)| *at + WATCH_CHANGE <= now) {
            written.pop_front();
        }
        written
            .front()
            .map_or_else(|| self.status.borrow().clone(), |(_, status)| status.clone())
    }

    fn set_status(&self, now: Time, status: Arc<PodStatus>) {
        self.written.borrow_mut().push_back((now, status.clone()));
        self.status_heard(now);
        *self.status.borrow_mut() = status;
    }
}

/// The store and its one watcher.
pub struct ApiServer {
    kernel: Kernel,
    recorder: Recorder,
    pods: RefCell<BTreeMap<PodIx, Rc<ApiPod>>>,
    /// What the kubelet hears, in order.
    pub watch: Queue<PodChange>,
}

impl ApiServer {
    /// An empty store.
    pub fn new(kernel: &Kernel, recorder: &Recorder) -> Rc<ApiServer> {
        Rc::new(ApiServer {
            kernel: kernel.clone(),
            recorder: recorder.clone(),
            pods: RefCell::default(),
            watch: Queue::new(kernel),
        })
    }

    /// The pod object, while it exists.
    pub fn get(&self, pod: PodIx) -> Option<Rc<ApiPod>> {
        self.pods.borrow().get(&pod).cloned()
    }

    fn announce(self: &Rc<Self>, change: PodChange, after: Duration) {
        let api = self.clone();
        self.kernel.spawn(async move {
            api.kernel.sleep(after).await;
            api.watch.push(change);
        });
    }

    /// Creates a pod that is bound to the node at once.
    pub fn create(self: &Rc<Self>, ix: PodIx, pod: Rc<Pod>) {
        let full_name: Name = pod.full_name().into();
        let what = What::Api {
            op: "create",
            grace_period_seconds: None,
            object: None,
        };
        self.recorder.record(Some(&full_name), None, None, what);
        let status = Arc::new(PodStatus::empty(Phase::Pending));
        let created = ApiPod {
            pod,
            full_name,
            generation: Cell::new(1),
            deletion: Cell::new(None),
            written: RefCell::new([(self.kernel.now(), status.clone())].into()),
            status: RefCell::new(status),
        };
        self.pods.borrow_mut().insert(ix, Rc::new(created));
        self.announce(PodChange::Added(ix), WATCH_CREATE);
    }

    /// A delete call. A pod whose phase is terminal goes at once, as does one with grace 0
    /// (`pkg/registry/core/pod: CheckGracefulDelete`).
    pub fn delete(self: &Rc<Self>, ix: PodIx, name: &Name, grace: Option<i64>) {
        let Some(object) = self.get(ix) else {
            let note = What::Note {
                note: "delete action: no such pod".into(),
            };
            self.recorder.record(Some(name), None, None, note);
            return;
        };
        // A deletion that is under way is only ever shortened, and only by a grace period that is given.
        if object.deletion.get().is_some() && grace.is_none() {
            return;
        }
        let mut grace = grace.unwrap_or(object.pod.spec.termination_grace_period_seconds).max(0);
        if object.status.borrow().is_terminal() {
            grace = 0;
        }
        let record = |op, grace| {
            let what = What::Api {
                op,
                grace_period_seconds: grace,
                object: None,
            };
            self.recorder.record(Some(&object.full_name), None, None, what);
        };
        if grace == 0 {
            self.remove(ix);
            return;
        }
        let now = self.kernel.now();
        match object.deletion.get() {
            None => {
                object.deletion.set(Some((grace, now)));
                object.generation.set(object.generation.get() + 1);
                record("delete", Some(grace));
            }
            Some((present, since)) if grace < present => {
                // The deletion timestamp never lies in the past: what is left is at least one second.
                let end = Time(since.0 + (grace * 1_000_000_000));
                let grace = if end < now { 1 } else { grace };
                object.deletion.set(Some((grace, since)));
                record("update", Some(grace));
            }
            Some(_) => return,
        }
        self.announce(PodChange::Updated(ix), WATCH_CHANGE);
    }

    /// Removes the object.
    pub fn remove(self: &Rc<Self>, ix: PodIx) {
        let Some(object) = self.pods.borrow_mut().remove(&ix) else {
            return;
        };
        let what = What::Api {
            op: "removed",
            grace_period_seconds: None,
            object: None,
        };
        self.recorder.record(Some(&object.full_name), None, None, what);
        self.announce(PodChange::Removed(ix), WATCH_CHANGE);
    }

    /// A status write; false when nothing changed.
    pub fn write_status(&self, object: &ApiPod, status: PodStatus) -> bool {
        if **object.status.borrow() == status {
            return false;
        }
        let status = Arc::new(status);
        object.set_status(self.kernel.now(), status.clone());
        self.recorder
            .record(Some(&object.full_name), None, None, What::Status(status));
        true
    }
}
