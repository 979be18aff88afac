//! A node: a machine with its container runtime and images, on which a kubelet comes and goes.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use crate::api::pod::{Name, concat};
use crate::kernel::{Duration, Group, Kernel, Stream, Time};
use crate::kubelet::api_server::ApiServer;
use crate::kubelet::{Kubelet, Parts};
use crate::runtime::{Guests, Images, NodeIx, Runtime, VolumePlugin};
use crate::scenario::distributions::Draws;
use crate::scenario::shared::Shared;
use crate::scenario::types::{NodeScript, Phases, Scenario};
use crate::trace::{Recorder, What};

pub(super) struct Node {
    parts: Parts,
    kubelet: RefCell<Option<Rc<Kubelet>>>,
    /// The tasks of the present kubelet.
    group: Cell<Group>,
    /// The kubelet is about to stop at this very instant.
    leaving: Cell<bool>,
}

impl Node {
    pub(super) fn new(
        (kernel, recorder, scenario, api): (&Kernel, &Recorder, &Shared<Scenario>, &Rc<ApiServer>),
        node: NodeIx,
        script: &NodeScript,
        names: Rc<[Name]>,
        (guests, draws): (&Rc<Guests>, &Draws),
    ) -> Rc<Node> {
        let mut config = script.kubelet.clone();
        if config.seeded_phases {
            let stream = Stream::new(scenario.seed, concat(&["phases/", &script.name]));
            config.phases = draw_phases(&stream);
        }
        let parts = Parts {
            runtime: Rc::new(Runtime::new(
                kernel,
                recorder,
                scenario.clone(),
                (node, &script.name, script.kubelet.runtime_request_timeout),
                guests,
                draws.clone(),
            )),
            volumes: Rc::new(VolumePlugin::new(scenario.volumes.clone(), draws.clone())),
            images: Rc::new(Images::new(kernel, recorder, scenario.clone(), draws.clone())),
            pull_records: Rc::default(),
            jitter: scenario
                .jitter
                .then(|| Rc::new(Stream::new(scenario.seed, concat(&["jitter/", &script.name])))),
            kernel: kernel.clone(),
            recorder: recorder.clone(),
            epoch_unix_secs: scenario.epoch_unix_secs,
            config,
            api: api.clone(),
            node,
            node_name: script.name.clone(),
            names,
        };
        Rc::new(Node {
            parts,
            kubelet: RefCell::default(),
            group: Cell::new(Group::ROOT),
            leaving: Cell::new(false),
        })
    }

    pub(super) fn name(&self) -> &Name {
        &self.parts.node_name
    }

    pub(super) fn runtime(&self) -> &Rc<Runtime> {
        &self.parts.runtime
    }

    /// The kubelet, while one runs.
    pub(super) fn kubelet(&self) -> Option<Rc<Kubelet>> {
        self.kubelet.borrow().clone()
    }

    /// Says that the kubelet stops now; false if none runs, or somebody has said so already.
    pub(super) fn leave(&self) -> bool {
        self.kubelet.borrow().is_some() && !self.leaving.replace(true)
    }

    pub(super) fn record(&self, op: &'static str) {
        let node = Some(self.parts.node_name.clone());
        self.parts.recorder.record(None, None, None, What::Node { op, node });
    }

    /// Starts a kubelet that remembers nothing.
    pub(super) fn start_kubelet(&self, at: Time) {
        let kernel = &self.parts.kernel;
        let kubelet = Kubelet::new(self.parts.clone(), at);
        self.group.set(kernel.new_group());
        kernel.within(self.group.get(), || kubelet.start());
        *self.kubelet.borrow_mut() = Some(kubelet);
        self.leaving.set(false);
    }

    /// The kubelet is gone with its memory; what it waited for is cut short.
    fn stop_kubelet(&self) {
        *self.kubelet.borrow_mut() = None;
        self.parts.kernel.end_group(self.group.get());
    }

    /// Does something whose tasks end with the present kubelet.
    pub(super) fn within<R>(&self, work: impl FnOnce() -> R) -> R {
        self.parts.kernel.within(self.group.get(), work)
    }

    /// Starts a task that ends with the present kubelet.
    pub(super) fn spawn(&self, task: impl Future<Output = ()> + 'static) {
        self.parts
            .kernel
            .within(self.group.get(), || self.parts.kernel.spawn(task));
    }

    /// A kubelet that is away for `down`; the containers live on.
    pub(super) async fn restart_kubelet(&self, down: Duration) {
        self.record("kubeletStop");
        self.stop_kubelet();
        self.parts.runtime.forget_logs();
        self.parts.kernel.sleep(down).await;
        self.record("kubeletStart");
        self.start_kubelet(self.parts.kernel.now());
    }

    /// The machine is away for `down`: kubelet, sandboxes and processes are gone, images stay.
    pub(super) async fn reboot(&self, down: Duration) {
        self.record("rebootBegin");
        self.parts.images.down.set(true);
        self.parts.runtime.go_down();
        self.stop_kubelet();
        self.parts.kernel.sleep(down).await;
        self.record("rebootEnd");
        self.parts.images.down.set(false);
        self.parts.runtime.come_up();
        self.start_kubelet(self.parts.kernel.now());
    }
}

/// Phases anywhere within the periods of their loops.
fn draw_phases(stream: &Stream) -> Phases {
    let within = |seconds| stream.part_of(Duration::from_secs(seconds));
    Phases {
        relist: within(1),
        sync: within(1),
        housekeeping: within(2),
        container_gc: within(60),
        status_sync: within(10),
    }
}
