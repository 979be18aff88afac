//! The API server as the kubelet meets it: pods, graceful deletion, and who hears of a change when.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;
use std::sync::Arc;

use litemap::LiteMap;

use crate::api::features::Features;
use crate::api::objects::{Object, ObjectKind};
use crate::api::pod::{Container, Name, Pod};
use crate::api::status::{ConditionStatus, PodCondition, PodStatus, Timestamp};
use crate::kernel::{Duration, Group, Kernel, Queue, Time};
use crate::runtime::{NodeIx, PodIx, PodMap};
use crate::scenario::shared::Shared;
use crate::trace::{ApiCall, Recorder, What};

/// A created pod reaches the kubelet this long after its creation, at the earliest.
const WATCH_CREATE: Duration = Duration::from_millis(3);
/// Every other change does after this, at the earliest.
const WATCH_CHANGE: Duration = Duration::from_millis(1);
/// A kubelet hears of changes in their order, so far apart at least.
const WATCH_GAP: Duration = Duration::from_micros(10);

/// What the kubelet hears.
pub enum PodChange {
    /// The pod is there.
    Added(PodVersion),
    /// Its spec has changed, its deletion has begun or its grace period was shortened.
    Updated(PodVersion),
    /// Its status was written by somebody else.
    Reconciled(PodIx),
    /// The object is gone.
    Removed(PodIx, Rc<ApiPod>),
}

/// A pod object as it was at one moment: changes that come later are heard of later.
pub struct PodVersion {
    /// which pod
    pub ix: PodIx,
    /// the object, whatever it is by now
    pub object: Rc<ApiPod>,
    /// metadata and spec
    pub pod: Shared<Pod>,
    /// metadata.generation
    pub generation: i64,
    /// metadata.deletionGracePeriodSeconds
    pub deletion_grace: Option<i64>,
}

/// A pod object of the API.
pub struct ApiPod {
    /// metadata and spec
    pub pod: RefCell<Shared<Pod>>,
    /// the node it is bound to
    pub node: NodeIx,
    /// metadata.creationTimestamp, not yet truncated
    pub created_at: Time,
    /// `namespace/name`
    pub full_name: Name,
    /// metadata.generation
    pub generation: Cell<i64>,
    /// metadata.deletionGracePeriodSeconds, with the instant from which it counts: deletionTimestamp has whole seconds
    pub deletion: Cell<Option<(i64, Time)>>,
    /// status
    pub status: RefCell<Arc<PodStatus>>,
    /// Statuses with the times when the kubelet hears of them, back to the one that it has heard of.
    written: RefCell<VecDeque<(Time, Arc<PodStatus>)>>,
}

/// What one kubelet hears.
struct Watch {
    changes: Rc<Queue<PodChange>>,
    /// When it hears of the last change so far.
    last: Cell<Option<Time>>,
}

impl ApiPod {
    /// The object as it is now.
    fn version(self: &Rc<Self>, ix: PodIx) -> PodVersion {
        PodVersion {
            ix,
            object: self.clone(),
            pod: self.pod.borrow().clone(),
            generation: self.generation.get(),
            deletion_grace: self.deletion.get().map(|(grace, _)| grace),
        }
    }

    /// The status that the kubelet has heard of by now: what it writes itself comes back to it by the watch.
    pub fn status_heard(&self, now: Time) -> Arc<PodStatus> {
        let mut written = self.written.borrow_mut();
        while written.get(1).is_some_and(|(heard_at, _)| *heard_at <= now) {
            written.pop_front();
        }
        written
            .front()
            .map_or_else(|| self.status.borrow().clone(), |(_, status)| status.clone())
    }

    /// The kubelet has it from a list as it is.
    fn hear_all(&self) {
        let mut written = self.written.borrow_mut();
        let before = written.len().saturating_sub(1);
        written.drain(..before);
    }

    fn set_status(&self, now: Time, heard_at: Time, status: Arc<PodStatus>) {
        self.written.borrow_mut().push_back((heard_at, status.clone()));
        self.status_heard(now);
        *self.status.borrow_mut() = status;
    }
}

/// The store, and the kubelets that watch it.
pub struct ApiServer {
    kernel: Kernel,
    recorder: Recorder,
    pods: RefCell<PodMap<Rc<ApiPod>>>,
    objects: RefCell<BTreeMap<(ObjectKind, Name, Name), Shared<Object>>>,
    /// By the kubelet's node.
    watches: RefCell<LiteMap<NodeIx, Watch>>,
    counts_generation: bool,
    clamps_deletion: bool,
}

impl ApiServer {
    /// An empty store of that version.
    pub fn new(kernel: &Kernel, recorder: &Recorder, features: &Features) -> Rc<ApiServer> {
        Rc::new(ApiServer {
            kernel: kernel.clone(),
            recorder: recorder.clone(),
            pods: RefCell::default(),
            objects: RefCell::default(),
            watches: RefCell::default(),
            counts_generation: features.generation,
            clamps_deletion: features.delete_clamps_to_now,
        })
    }

    /// The pod object, while it exists.
    pub fn get(&self, pod: PodIx) -> Option<Rc<ApiPod>> {
        self.pods.borrow().get(pod).cloned()
    }

    /// A ConfigMap, Secret or Service, while it exists.
    pub fn object(&self, kind: ObjectKind, namespace: &Name, name: &Name) -> Option<Shared<Object>> {
        let key = (kind, namespace.clone(), name.clone());
        self.objects.borrow().get(&key).cloned()
    }

    /// The pods of a node as they are now, and from now on their changes: list and watch. Whoever listened for
    /// that node before hears nothing any more.
    pub fn list_and_watch(&self, node: NodeIx) -> (Vec<PodVersion>, Rc<Queue<PodChange>>) {
        let changes = Rc::new(Queue::new(&self.kernel));
        let watch = Watch {
            changes: changes.clone(),
            last: Cell::new(None),
        };
        self.watches.borrow_mut().insert(node, watch);
        let pods = self.pods.borrow();
        let own = pods.iter().filter(|(_, object)| object.node == node);
        let listed = own.map(|(ix, object)| {
            object.hear_all();
            object.version(ix)
        });
        (listed.collect(), changes)
    }

    /// When the kubelet of a node would hear of what changes now, `after` so long at the earliest.
    fn hearing(&self, node: NodeIx, after: Duration) -> Time {
        let at = self.kernel.now() + after;
        let watches = self.watches.borrow();
        let last = watches.get(&node).and_then(|watch| watch.last.get());
        last.map_or(at, |last| at.max(last + WATCH_GAP))
    }

    /// Lets it hear of a change then, if it listens now.
    fn deliver(&self, node: NodeIx, change: PodChange, at: Time) {
        let changes = {
            let watches = self.watches.borrow();
            let Some(watch) = watches.get(&node) else { return };
            watch.last.set(Some(at));
            watch.changes.clone()
        };
        let kernel = self.kernel.clone();
        self.kernel.within(Group::ROOT, || {
            self.kernel.spawn(async move {
                kernel.sleep_until(at).await;
                changes.push(change);
            });
        });
    }

    fn announce(&self, node: NodeIx, change: PodChange, after: Duration) {
        self.deliver(node, change, self.hearing(node, after));
    }

    fn announce_update(&self, ix: PodIx, object: &Rc<ApiPod>) {
        self.announce(object.node, PodChange::Updated(object.version(ix)), WATCH_CHANGE);
    }

    /// Puts a status in. The kubelet is told of it only if it would do something then.
    fn put_status(&self, ix: PodIx, object: &ApiPod, status: Arc<PodStatus>, told: bool) {
        let heard_at = self.hearing(object.node, WATCH_CHANGE);
        object.set_status(self.kernel.now(), heard_at, status);
        if told {
            self.deliver(object.node, PodChange::Reconciled(ix), heard_at);
        }
    }

    fn record(&self, pod: Option<&Name>, container: Option<&Name>, call: ApiCall) {
        self.recorder.record(pod, container, None, What::Api(call));
    }

    /// Puts an object there; one that exists from the start is not worth a record.
    pub fn put_object(&self, object: Shared<Object>, recorded: bool) {
        if recorded {
            self.record(None, None, object_call("create", &object));
        }
        let key = (object.kind, object.namespace.clone(), object.name.clone());
        self.objects.borrow_mut().insert(key, object);
    }

    /// Takes an object away; false when there is none.
    pub fn remove_object(&self, kind: ObjectKind, namespace: &Name, name: &Name) -> bool {
        let key = (kind, namespace.clone(), name.clone());
        let Some(object) = self.objects.borrow_mut().remove(&key) else {
            return false;
        };
        self.record(None, None, object_call("removed", &object));
        true
    }

    /// Creates a pod that is bound to its node at once; one with scheduling gates is bound to none, and no kubelet
    /// hears of it.
    pub fn create(&self, ix: PodIx, pod: Shared<Pod>, node: NodeIx, timestamp: Timestamp) {
        let node = if pod.is_gated() { NodeIx::NONE } else { node };
        let full_name: Name = pod.full_name();
        self.record(Some(&full_name), None, call("create"));
        let status = Arc::new(PodStatus::of_new(&pod, timestamp));
        let now = self.kernel.now();
        let mut written = VecDeque::with_capacity(4);
        written.push_back((now, status.clone()));
        let created = Rc::new(ApiPod {
            pod: RefCell::new(pod),
            node,
            full_name,
            created_at: now,
            generation: Cell::new(i64::from(self.counts_generation)),
            deletion: Cell::new(None),
            written: RefCell::new(written),
            status: RefCell::new(status),
        });
        self.pods.borrow_mut().insert(ix, created.clone());
        let version = created.version(ix);
        self.announce(node, PodChange::Added(version), WATCH_CREATE);
    }

    /// A delete call. A pod whose phase is terminal goes at once, as do one without a node and one with grace 0
    /// (`pkg/registry/core/pod: CheckGracefulDelete`). Only the first call looks at the phase: a further one may shorten
    /// the deletion that is under way, no more (`registry/rest/delete.go: BeforeDelete`). False when there is no such pod.
    pub fn delete(&self, ix: PodIx, grace: Option<i64>) -> bool {
        let Some(object) = self.get(ix) else {
            return false;
        };
        // A deletion that is under way is only ever shortened, and only by a grace period that is given.
        if object.deletion.get().is_some() && grace.is_none() {
            return true;
        }
        let own = object.pod.borrow().spec.termination_grace_period_seconds;
        let mut grace = grace.unwrap_or(own).max(0);
        let goes_at_once = object.status.borrow().is_terminal() || object.node == NodeIx::NONE;
        if goes_at_once && object.deletion.get().is_none() {
            grace = 0;
        }
        let record = |op, grace| {
            let call = ApiCall {
                grace_period_seconds: Some(grace),
                ..call(op)
            };
            self.record(Some(&object.full_name), None, call);
        };
        if grace == 0 {
            self.remove(ix);
            return true;
        }
        let now = self.kernel.now();
        match object.deletion.get() {
            None => {
                object.deletion.set(Some((grace, whole_seconds(now))));
                object
                    .generation
                    .set(object.generation.get() + i64::from(self.counts_generation));
                record("delete", grace);
            }
            Some((present, since)) if grace < present => {
                // The deletion timestamp never lies in the past: what is left is at least one second.
                let is_past = since + Duration::from_secs(grace) < now && self.clamps_deletion;
                let (grace, since) = if is_past {
                    (1, whole_seconds(now) - Duration::from_secs(1))
                } else {
                    (grace, since)
                };
                object.deletion.set(Some((grace, since)));
                record("update", grace);
            }
            Some(_) => return true,
        }
        self.announce_update(ix, &object);
        true
    }

    /// Removes the object.
    pub fn remove(&self, ix: PodIx) {
        let Some(object) = self.pods.borrow_mut().remove(ix) else {
            return;
        };
        self.record(Some(&object.full_name), None, call("removed"));
        self.announce(object.node, PodChange::Removed(ix, object), WATCH_CHANGE);
    }

    /// A change of the spec: the generation counts it, the kubelet hears of it.
    fn change_spec(&self, ix: PodIx, object: &Rc<ApiPod>, change: impl FnOnce(&mut Pod)) {
        change(&mut object.pod.borrow_mut());
        object
            .generation
            .set(object.generation.get() + i64::from(self.counts_generation));
        self.announce_update(ix, object);
    }

    /// Sets the image of an app container, init container or sidecar. Setting the same one again counts as a
    /// change of the spec, and the kubelet does not hear of it.
    pub fn set_image(&self, ix: PodIx, container: &Name, image: &Name) -> bool {
        let Some(object) = self.get(ix) else {
            return false;
        };
        let call = ApiCall {
            image: Some(image.clone()),
            ..call("setImage")
        };
        self.record(Some(&object.full_name), Some(container), call);
        let present = object
            .pod
            .borrow()
            .find_container(container)
            .map(|(_, c)| c.image.clone());
        if present.as_ref() == Some(image) {
            object
                .generation
                .set(object.generation.get() + i64::from(self.counts_generation));
        } else {
            self.change_spec(ix, &object, |pod| {
                let lists = pod.spec.init_containers.iter_mut().chain(&mut pod.spec.containers);
                for found in lists.filter(|c| c.name == *container) {
                    found.image = image.clone();
                }
            });
        }
        true
    }

    /// Adds an ephemeral container, as `kubectl debug` does. Errors say why there is none.
    pub fn add_ephemeral(&self, ix: PodIx, container: &Container) -> Result<(), &'static str> {
        let Some(object) = self.get(ix) else {
            return Err("no such pod");
        };
        if object.pod.borrow().find_container(&container.name).is_some() {
            return Err("the pod has a container of that name");
        }
        let call = ApiCall {
            image: Some(container.image.clone()),
            ..call("debug")
        };
        self.record(Some(&object.full_name), Some(&container.name), call);
        self.change_spec(ix, &object, |pod| pod.spec.ephemeral_containers.push(container.clone()));
        Ok(())
    }

    /// A write of a condition by somebody else than the kubelet.
    pub fn set_condition(&self, ix: PodIx, kind: &Name, status: ConditionStatus, now: Timestamp) -> bool {
        let Some(object) = self.get(ix) else {
            return false;
        };
        let call = ApiCall {
            condition: Some((kind.clone(), status)),
            ..call("setCondition")
        };
        self.record(Some(&object.full_name), None, call);
        let mut written = (**object.status.borrow()).clone();
        match written.conditions.iter_mut().find(|c| *c.kind == **kind) {
            Some(condition) => {
                if condition.status != status {
                    condition.last_transition_time = Some(now);
                }
                condition.status = status;
            }
            None => written.conditions.push(PodCondition {
                kind: kind.into(),
                observed_generation: None,
                status,
                last_transition_time: Some(now),
                reason: None,
                message: None,
            }),
        }
        if **object.status.borrow() != written {
            self.put_status(ix, &object, Arc::new(written), true);
        }
        true
    }

    /// A status write of the kubelet; false when it has nothing to write. What it writes in other words than the API
    /// has it changes nothing, and is written all the same.
    pub fn write_status(&self, ix: PodIx, object: &ApiPod, status: Arc<PodStatus>) -> bool {
        if *object.status.borrow() == status {
            if !status.is_worded_otherwise() {
                return false;
            }
            self.recorder
                .record(Some(&object.full_name), None, None, What::Status(status));
            return true;
        }
        let told = status.is_evicted() || !object.pod.borrow().spec.readiness_gates.is_empty();
        self.put_status(ix, object, status.clone(), told);
        self.recorder
            .record(Some(&object.full_name), None, None, What::Status(status));
        true
    }
}

/// What is left of an instant in the API (`metav1.Time` is written with whole seconds).
fn whole_seconds(at: Time) -> Time {
    const SECOND: i64 = 1_000_000_000;
    Time(at.0.div_euclid(SECOND) * SECOND)
}

fn call(op: &'static str) -> ApiCall {
    ApiCall {
        op,
        ..ApiCall::default()
    }
}

fn object_call(op: &'static str, object: &Object) -> ApiCall {
    let name = format!("{}/{}/{}", object.kind.as_str(), object.namespace, object.name);
    ApiCall {
        object: Some(name.into()),
        ..call(op)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kubelet_hears_of_each_change_in_its_turn_and_as_it_was() {
        let kernel = Kernel::new();
        let recorder = Recorder::new(&kernel, |_| {});
        let api = ApiServer::new(&kernel, &recorder, &Features::default());
        let (node, web) = (NodeIx(0), PodIx(0));
        let (listed, changes) = api.list_and_watch(node);
        assert!(listed.is_empty());
        let app = Container::plain("app".into(), "app:1".into());
        let pod = Pod::plain("default".into(), "web".into(), vec![app]);
        // All at one instant.
        api.create(web, pod.into(), node, Timestamp(0));
        assert!(api.set_image(web, &"app".into(), &"app:2".into()));
        assert!(api.delete(web, None));
        let heard = Rc::new(RefCell::new(Vec::new()));
        let (log, clock) = (heard.clone(), kernel.clone());
        kernel.spawn(async move {
            loop {
                let (PodChange::Added(version) | PodChange::Updated(version)) = changes.pop().await else {
                    continue;
                };
                let image = version.pod.spec.containers[0].image.clone();
                log.borrow_mut().push((clock.now(), image, version.deletion_grace));
            }
        });
        kernel.run(Time::MAX);
        let at = |micros| Time::ZERO + Duration::from_micros(micros);
        let expected = [
            (at(3000), "app:1".into(), None),
            (at(3010), "app:2".into(), None),
            (at(3020), "app:2".into(), Some(30)),
        ];
        assert_eq!(*heard.borrow(), expected);
    }
}
