//! What operators and the world do, in virtual time: the scenario's actions.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::Cluster;
use super::node::Node;
use crate::api::pod::Name;
use crate::api::status::Timestamp;
use crate::runtime::{NodeIx, PodIx};
use crate::scenario::types::{ActionKind, Input};
use crate::trace::What;

impl Cluster {
    /// One task for all actions: those of one instant run in file order.
    pub(super) fn plan_actions(self: &Rc<Self>, input: &Input) {
        let scenario = input.scenario.clone();
        let mut order: Vec<usize> = (0..scenario.actions.len()).collect();
        order.sort_by_key(|place| scenario.actions[*place].at);
        let objects: Vec<_> = input.objects.iter().map(|o| o.object.clone()).collect();
        let cluster = self.clone();
        self.kernel.spawn(async move {
            for action in order.into_iter().map(|place| &scenario.actions[place]) {
                cluster.kernel.sleep_until(action.at).await;
                cluster.kernel.set_cause(None);
                match &action.what {
                    ActionKind::CreateObject { kind, name } => {
                        let wanted = objects.iter().find(|o| o.kind == *kind && o.is_called(name));
                        if let Some(object) = wanted {
                            cluster.guests.object_created(object);
                            cluster.api.put_object(object.clone(), true);
                        }
                    }
                    ActionKind::DeleteObject { kind, name } => {
                        let wanted = objects.iter().find(|o| o.kind == *kind && o.is_called(name));
                        if let Some(object) = wanted {
                            cluster.guests.object_removed(*kind, &object.namespace, &object.name);
                            cluster.api.remove_object(*kind, &object.namespace, &object.name);
                        }
                    }
                    what => cluster.act(what),
                }
            }
        });
    }

    fn act(self: &Rc<Self>, what: &ActionKind) {
        match what {
            ActionKind::CreateObject { .. } | ActionKind::DeleteObject { .. } => {}
            ActionKind::CreatePod { pod } => {
                let Some(ix) = self.find(pod) else { return };
                if self.api.get(ix).is_some() {
                    self.note(ix, None, "create action: the pod already exists");
                } else {
                    self.create_pod(ix);
                }
            }
            ActionKind::DeletePod {
                pod,
                grace_period_seconds,
            } => self.on_pod(pod, "delete", |ix| self.api.delete(ix, *grace_period_seconds)),
            ActionKind::SetImage { pod, container, image } => {
                self.on_pod(pod, "setImage", |ix| self.api.set_image(ix, container, image));
            }
            ActionKind::SetCondition { pod, kind, status } => {
                let now = self.timestamp();
                self.on_pod(pod, "setCondition", |ix| self.api.set_condition(ix, kind, *status, now));
            }
            ActionKind::Debug { pod, container } => {
                let Some(ix) = self.find(pod) else { return };
                if let Err(text) = self.api.add_ephemeral(ix, container) {
                    self.note(ix, None, &format!("debug action: {text}"));
                }
            }
            ActionKind::Kill {
                pod,
                container,
                code,
                reason,
            } => self.kill(pod, container, *code, reason.clone()),
            ActionKind::KillSandbox { pod } => {
                let Some(ix) = self.find(pod) else { return };
                let runtime = self.node_of(ix).runtime();
                if runtime.is_down() || runtime.kill_sandbox(ix).is_none() {
                    self.note(ix, None, "killSandbox action: no ready sandbox");
                }
            }
            ActionKind::Evict { pod, reason, message } => {
                let Some(ix) = self.find(pod) else { return };
                let node = self.node_of(ix);
                let refusal = match node.kubelet() {
                    None => Err("evict action: no kubelet runs"),
                    // What it waits for ends with the kubelet.
                    Some(kubelet) => node.within(|| kubelet.evict(ix, *reason, message.clone())),
                };
                if let Err(text) = refusal {
                    self.note(ix, None, text);
                }
            }
            ActionKind::RestartKubelet { node, down } => {
                let down = *down;
                self.stop_kubelet(node.as_ref(), "restartKubelet", |node| async move {
                    node.restart_kubelet(down).await;
                });
            }
            ActionKind::RebootNode { node, down } => {
                let down = *down;
                self.stop_kubelet(
                    node.as_ref(),
                    "rebootNode",
                    |node| async move { node.reboot(down).await },
                );
            }
            ActionKind::ShutdownNode { node } => self.on_node(node.as_ref(), "shutdownNode", |node| {
                let Some(kubelet) = node.kubelet() else { return false };
                node.record("shutdown");
                node.spawn(async move { kubelet.shut_down_node().await });
                true
            }),
        }
    }

    fn kill(&self, pod: &Name, container: &Name, code: i32, reason: Option<Name>) {
        let Some(ix) = self.find(pod) else { return };
        let runtime = self.node_of(ix).runtime();
        let newest_first = runtime.containers(ix).into_iter().rev();
        let target = newest_first.filter(|c| c.name == *container).find(|c| c.is_running());
        if !target.is_some_and(|target| runtime.kill(&target, code, reason)) {
            self.note(ix, Some(container), "kill action: no running process");
        }
    }

    fn find(&self, pod: &Name) -> Option<PodIx> {
        let by_name = self.by_name.get_or_init(|| {
            let mut by_name: BTreeMap<Name, Vec<PodIx>> = BTreeMap::new();
            for (place, (pod, _)) in self.pods.iter().enumerate() {
                by_name.entry(pod.name.clone()).or_default().push(PodIx(place));
            }
            by_name
        });
        let name = pod.split_once('/').map_or(&**pod, |(_, name)| name);
        let mut named = by_name.get(name)?.iter();
        named.find(|ix| self.pods[ix.0].0.is_called(pod)).copied()
    }

    fn node_of(&self, ix: PodIx) -> &Rc<Node> {
        let NodeIx(node) = self.pods[ix.0].1;
        &self.nodes[node]
    }

    /// Does something to a pod that the API must have.
    fn on_pod(&self, pod: &Name, action: &str, work: impl FnOnce(PodIx) -> bool) {
        let Some(ix) = self.find(pod) else { return };
        if !work(ix) {
            self.note(ix, None, &format!("{action} action: no such pod"));
        }
    }

    /// Does something to a node; without a name to the only one. False of `work` says that no kubelet runs there.
    fn on_node(&self, name: Option<&Name>, action: &str, work: impl FnOnce(Rc<Node>) -> bool) {
        let Some(node) = self.nodes.iter().find(|n| name.is_none_or(|name| n.name() == name)) else {
            return;
        };
        if !work(node.clone()) {
            let note = format!("{action} action: no kubelet runs").into();
            self.recorder.record(None, None, None, What::Note { note });
        }
    }

    /// Does something to a node that stops its kubelet: of several at one instant the first.
    fn stop_kubelet<F: Future<Output = ()> + 'static>(
        &self,
        name: Option<&Name>,
        action: &str,
        work: impl FnOnce(Rc<Node>) -> F,
    ) {
        self.on_node(name, action, |node| {
            let leaves = node.leave();
            if leaves {
                self.kernel.spawn(work(node));
            }
            leaves
        });
    }

    fn note(&self, ix: PodIx, container: Option<&Name>, text: &str) {
        let full_name = self.pods[ix.0].0.full_name();
        let what = What::Note { note: text.into() };
        self.recorder.record(Some(&full_name), container, None, what);
    }

    pub(super) fn timestamp(&self) -> Timestamp {
        Timestamp(self.epoch_unix_secs + self.kernel.now().0.div_euclid(1_000_000_000))
    }
}
