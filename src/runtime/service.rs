//! RuntimeService: the CRI calls on sandboxes and containers, with the scenario's latencies and outcomes.

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::BTreeSet;
use std::rc::Rc;

use litemap::LiteMap;
use smallvec::SmallVec;

use super::abandon::Abandon;
use super::container::{Container, ContainerState};
use super::exec::CANCELED;
use super::guest_spec::Whereabouts;
use super::guests::Guests;
use super::process::Process;
use super::sandbox::Sandbox;
use super::{NodeIx, PodIx, PodMap};
use crate::api::pod::{Name, concat};
use crate::guest;
use crate::kernel::{Duration, Kernel, Notify, Stream};
use crate::scenario::distributions::Draws;
use crate::scenario::lookup;
use crate::scenario::shared::Shared;
use crate::scenario::types::{Run, Scenario};
use crate::trace::{CallPhase, CriCall, CriOp, Recorder, What};

/// The runtime of one node. It outlives the kubelet.
pub struct Runtime {
    pub(super) kernel: Kernel,
    pub(super) recorder: Recorder,
    pub(super) scenario: Shared<Scenario>,
    node: NodeIx,
    node_name: Name,
    /// How long the node's kubelet waits for a call.
    pub(super) request_timeout: Duration,
    /// How long what the scenario speaks of takes each time.
    pub draws: Draws,
    pub(super) pods: RefCell<PodMap<PodRecords>>,
    next_id: Cell<u64>,
    pub(super) next_ip: (usize, Cell<usize>),
    /// How often the machine has gone down.
    pub(super) boots: Cell<u32>,
    /// Pods that have a control group since the machine came up; only of those that ask for resources.
    cgroups: RefCell<BTreeSet<PodIx>>,
    /// While the machine is down: the containers whose processes it took along.
    lost: RefCell<Option<Vec<Rc<Container>>>>,
    /// The world of containers that act by themselves.
    guests: Rc<Guests>,
    /// Draws the answers of probes that succeed with some probability.
    pub(super) chances: Stream,
    /// Where to find the scripts of a pod, if there are many.
    scripts: OnceCell<lookup::ScriptIndex>,
    /// Scripts' runs that have been played, by their place in the scenario.
    played: RefCell<LiteMap<(usize, usize), Rc<Run>>>,
    /// Pods of which a relist could see something new.
    touched: RefCell<SmallVec<[PodIx; 4]>>,
    /// Raised whenever there are such.
    pub changed: Rc<Notify>,
    /// The same, for the collector of garbage.
    pub garbage: Notify,
}

/// Sandboxes of a pod, oldest first.
pub(super) type Sandboxes = SmallVec<[Rc<Sandbox>; 2]>;
/// Containers of a pod, oldest first.
pub(super) type Containers = SmallVec<[Rc<Container>; 4]>;

#[derive(Default)]
pub(super) struct PodRecords {
    pub(super) full_name: Option<Name>,
    pub(super) sandboxes: Sandboxes,
    containers: Containers,
    /// Per container name: the script that it has, if any, and which of its runs comes next.
    runs: LiteMap<Name, (Option<usize>, usize)>,
    /// RunPodSandbox calls so far.
    pub(super) sandbox_runs: usize,
    /// The attempts and names of containers whose log file exists.
    logs: SmallVec<[(u32, Name); 2]>,
}

impl Runtime {
    /// The runtime of that node, without sandboxes.
    pub fn new(
        kernel: &Kernel,
        recorder: &Recorder,
        scenario: Shared<Scenario>,
        (node, node_name, request_timeout): (NodeIx, &Name, Duration),
        guests: &Rc<Guests>,
        draws: Draws,
    ) -> Runtime {
        Runtime {
            draws,
            guests: guests.clone(),
            kernel: kernel.clone(),
            recorder: recorder.clone(),
            scenario: scenario.clone(),
            pods: RefCell::default(),
            next_id: Cell::new(1),
            node,
            node_name: node_name.clone(),
            request_timeout,
            next_ip: (pod_network(node), Cell::new(2)),
            boots: Cell::new(0),
            cgroups: RefCell::default(),
            lost: RefCell::default(),
            chances: Stream::new(scenario.seed, concat(&["probes/", node_name])),
            scripts: OnceCell::new(),
            played: RefCell::default(),
            touched: RefCell::default(),
            changed: Rc::new(Notify::new(kernel)),
            garbage: Notify::new(kernel),
        }
    }

    pub(super) fn call(
        &self,
        pod: &Name,
        container: Option<&Name>,
        attempt: u32,
        op: CriOp,
        phase: CallPhase,
        fill: impl FnOnce(&mut CriCall),
    ) {
        let mut call = CriCall {
            op,
            phase,
            image: None,
            timeout: None,
            error: None,
            purpose: None,
        };
        fill(&mut call);
        self.recorder
            .record(Some(pod), container, Some(attempt), What::Cri(call));
    }

    pub(super) fn next_id(&self) -> u64 {
        let id = self.next_id.get();
        self.next_id.set(id + 1);
        id
    }

    /// A relist could see something new of the pod.
    pub(super) fn touch(&self, pod: PodIx) {
        self.touched.borrow_mut().push(pod);
        self.changed.raise();
        self.garbage.raise();
    }

    /// The pods that have been touched since this was asked last, in order.
    pub fn take_touched(&self) -> SmallVec<[PodIx; 4]> {
        let mut pods = self.touched.take();
        pods.sort_unstable();
        pods.dedup();
        pods
    }

    /// Looks at a pod's containers and sandboxes, oldest first.
    pub fn look<T>(&self, pod: PodIx, look: impl FnOnce(&[Rc<Container>], &[Rc<Sandbox>]) -> T) -> T {
        match self.pods.borrow().get(pod) {
            Some(records) => look(&records.containers, &records.sandboxes),
            None => look(&[], &[]),
        }
    }

    /// Whether a process or a sandbox of the pod runs.
    pub fn is_alive(&self, pod: PodIx) -> bool {
        self.look(pod, |containers, sandboxes| {
            containers.iter().any(|c| c.is_running()) || sandboxes.iter().any(|s| s.ready.get())
        })
    }

    /// Sandboxes of a pod, oldest first.
    pub fn sandboxes(&self, pod: PodIx) -> Sandboxes {
        self.look(pod, |_, sandboxes| sandboxes.into())
    }

    /// Containers of a pod, oldest first.
    pub fn containers(&self, pod: PodIx) -> Containers {
        self.look(pod, |containers, _| containers.into())
    }

    /// The IP of the container's sandbox; empty when that is gone.
    pub fn ip_of(&self, container: &Container) -> Name {
        self.ip_of_sandbox(container.ix, container.sandbox)
    }

    fn ip_of_sandbox(&self, pod: PodIx, sandbox: u64) -> Name {
        self.look(pod, |_, sandboxes| {
            let found = sandboxes.iter().find(|s| s.id == sandbox);
            found.map_or_else(Name::default, |s| s.ip.clone())
        })
    }

    /// Pods of which the runtime knows anything.
    pub fn pods(&self) -> Vec<PodIx> {
        let pods = self.pods.borrow();
        let known = pods
            .iter()
            .filter(|(_, p)| !p.sandboxes.is_empty() || !p.containers.is_empty());
        known.map(|(ix, _)| ix).collect()
    }

    /// The container of that ID, unless it has been removed.
    pub fn container(&self, pod: PodIx, id: u64) -> Option<Rc<Container>> {
        self.pods
            .borrow()
            .get(pod)?
            .containers
            .iter()
            .find(|c| c.id == id)
            .cloned()
    }

    /// The highest attempt whose log exists, plus one; 0 without any (`calcRestartCountByLogDir`).
    pub fn next_attempt_by_logs(&self, pod: PodIx, container: &str) -> u32 {
        let pods = self.pods.borrow();
        let logs = pods.get(pod).map_or(&[][..], |records| &records.logs);
        let attempts = logs.iter().filter(|(_, name)| name == container);
        attempts.map(|(attempt, _)| attempt + 1).max().unwrap_or(0)
    }

    /// CreateContainer. Errors with the CRI error's text.
    pub async fn create_container(
        self: &Rc<Self>,
        pod: PodIx,
        full_name: &Name,
        sandbox: u64,
        container: &crate::api::pod::Container,
        stop_signal: Option<&Name>,
        attempt: u32,
    ) -> Result<Rc<Container>, Name> {
        let (run, scripted) = self.next_run(pod, full_name, &container.name);
        let (name, image) = (container.name.clone(), container.image.clone());
        let stop_signal = stop_signal.and_then(|name| guest::Signal::parse(name));
        let definition = (!scripted).then(|| container.clone());
        let full_name = full_name.clone();
        let op = CriOp::CreateContainer;
        self.call(&full_name, Some(&name), attempt, op, CallPhase::Begin, |call| {
            call.image = Some(image.clone());
        });
        let created_at = self.kernel.now();
        let takes = run.create.takes.unwrap_or(self.scenario.latencies.create_container);
        let takes = self.draws.next(pod.0, takes);
        let patience = self.request_timeout;
        let (takes, failure) = Failure::within(patience, takes, run.create.error.clone());
        self.carry(created_at + takes, move |runtime| {
            runtime.call(&full_name, Some(&name), attempt, op, CallPhase::End, |call| {
                call.image = Some(image.clone());
                call.error = failure.as_ref().map(Failure::as_rpc_error);
            });
            if let Some(failure) = failure {
                return Err(failure.text);
            }
            let id = runtime.next_id();
            let ip = runtime.ip_of_sandbox(pod, sandbox);
            let here = Whereabouts {
                sandbox_ip: &ip,
                node: runtime.node,
                node_name: &runtime.node_name,
            };
            let played = definition.and_then(|container| runtime.guests.make(pod, &container, (id, attempt, here)));
            let made = Rc::new(Container {
                id,
                ix: pod,
                pod: full_name,
                name: name.clone(),
                attempt,
                image,
                sandbox,
                created_at,
                state: RefCell::new(ContainerState::Created),
                starting: Cell::new(false),
                run,
                process: Process::new(&runtime.kernel),
                stop_signal,
                guest: played,
            });
            if made.guest.is_none() {
                runtime.guests.stand_in(pod, &made, here);
            }
            let mut pods = runtime.pods.borrow_mut();
            let records = pods.or_insert_with(pod, Default::default);
            records.containers.push(made.clone());
            // An attempt that is made again goes on with its file.
            let log = (attempt, name);
            if !records.logs.contains(&log) {
                records.logs.push(log);
            }
            drop(pods);
            runtime.touch(pod);
            Ok(made)
        })
        .await
    }

    fn script_place(&self, full_name: &Name, container: &Name) -> Option<usize> {
        /// So many are gone through sooner than looked up.
        const FEW: usize = 8;
        let scripts = &self.scenario.containers;
        if scripts.len() <= FEW {
            return lookup::script_place(scripts, lookup::parts(full_name), container);
        }
        let index = self.scripts.get_or_init(|| lookup::ScriptIndex::new(scripts));
        index.place(scripts, full_name, container)
    }

    /// What the container does this time, and whether a script says so.
    fn next_run(&self, pod: PodIx, full_name: &Name, container: &Name) -> (Rc<Run>, bool) {
        let mut pods = self.pods.borrow_mut();
        let scripts = &self.scenario.containers;
        let runs = pods.or_insert_with(pod, Default::default).runs.entry(container.clone());
        let (place, next) = runs.or_insert_with(|| (self.script_place(full_name, container), 0));
        let number = *next;
        *next += 1;
        let Some(place) = *place else {
            return (Rc::default(), false);
        };
        let script = &scripts[place];
        // The last run repeats.
        let number = number.min(script.runs.len().saturating_sub(1));
        let mut played = self.played.borrow_mut();
        let run = played.entry((place, number));
        let run = run.or_insert_with(|| Rc::new(lookup::run_at(script, number).clone()));
        (run.clone(), true)
    }

    /// StartContainer. Errors with the CRI error's text; then an exited container with code 128 is left.
    pub async fn start_container(self: &Rc<Self>, pod: PodIx, container: &Rc<Container>) -> Result<(), Name> {
        let op = CriOp::StartContainer;
        let (name, attempt) = (Some(&container.name), container.attempt);
        self.call(&container.pod, name, attempt, op, CallPhase::Begin, |_| {});
        let takes = container
            .run
            .start
            .takes
            .unwrap_or(self.scenario.latencies.start_container);
        let container = container.clone();
        container.starting.set(true);
        let takes = self.draws.next(pod.0, takes);
        let patience = self.request_timeout;
        let (takes, failure) = Failure::within(patience, takes, container.run.start.error.clone());
        self.carry(self.kernel.now() + takes, move |runtime| {
            container.starting.set(false);
            let failure = failure.or_else(|| {
                let dead = runtime.sandbox_is_dead(pod, container.sandbox);
                dead.then(|| Failure::of(SANDBOX_DEAD.into()))
            });
            let (name, attempt) = (Some(&container.name), container.attempt);
            runtime.call(&container.pod, name, attempt, op, CallPhase::End, |call| {
                call.error = failure.as_ref().map(Failure::as_rpc_error);
            });
            let now = runtime.kernel.now();
            runtime.touch(pod);
            let Some(Failure { text, .. }) = failure else {
                *container.state.borrow_mut() = ContainerState::Running { started_at: now };
                runtime.begin_process(&container);
                return Ok(());
            };
            *container.state.borrow_mut() = ContainerState::Exited {
                started_at: None,
                finished_at: now,
                code: 128,
                reason: "StartError".into(),
                message: text.clone(),
            };
            Err(text)
        })
        .await
    }

    fn sandbox_is_dead(&self, pod: PodIx, sandbox: u64) -> bool {
        let pods = self.pods.borrow();
        let known = pods.get(pod).and_then(|p| p.sandboxes.iter().find(|s| s.id == sandbox));
        !known.is_some_and(|s| s.ready.get())
    }

    /// StopContainer: SIGTERM once, SIGKILL after `timeout` seconds; returns when the process has ended.
    pub async fn stop_container(self: &Rc<Self>, container: &Rc<Container>, timeout: i64) {
        let record = |phase, error: Option<Name>| {
            let (name, attempt) = (Some(&container.name), container.attempt);
            self.call(&container.pod, name, attempt, CriOp::StopContainer, phase, |call| {
                call.timeout = Some(timeout);
                call.error = error;
            });
        };
        record(CallPhase::Begin, None);
        let call = Abandon::new(|| {
            if !self.is_down() {
                record(CallPhase::End, Some(CANCELED.into()));
            }
        });
        self.terminate_process(container, Duration::from_secs(timeout)).await;
        call.defuse();
        record(CallPhase::End, None);
    }

    /// RemoveContainer, with the log of its attempt unless `keep_logs`; false when it cannot be removed now.
    pub async fn remove_container(self: &Rc<Self>, pod: PodIx, container: &Rc<Container>, keep_logs: bool) -> bool {
        let (name, attempt) = (Some(&container.name), container.attempt);
        if !keep_logs && let Some(records) = self.pods.borrow_mut().get_mut(pod) {
            records
                .logs
                .retain(|(number, of)| (*number, &*of) != (attempt, &container.name));
        }
        let op = CriOp::RemoveContainer;
        self.call(&container.pod, name, attempt, op, CallPhase::Begin, |_| {});
        if container.starting.get() {
            self.call(&container.pod, name, attempt, op, CallPhase::End, |call| {
                call.error = Some(rpc_error(STARTING));
            });
            return false;
        }
        // One that runs after all is stopped by force (containerd's RemoveContainer): whoever removes it had seen it before
        // it ran.
        self.kill(container, 137, None);
        let container = container.clone();
        self.carry(
            self.kernel.now() + self.draws.next(pod.0, self.scenario.latencies.remove_container),
            move |runtime| {
                if let Some(records) = runtime.pods.borrow_mut().get_mut(pod) {
                    records.containers.retain(|c| c.id != container.id);
                }
                runtime.touch(pod);
                let (name, attempt) = (Some(&container.name), container.attempt);
                runtime.call(&container.pod, name, attempt, op, CallPhase::End, |_| {});
            },
        )
        .await;
        true
    }

    /// The newest ready sandbox dies, its processes with it; its attempt, or None when no sandbox is ready.
    pub fn kill_sandbox(&self, pod: PodIx) -> Option<u32> {
        let sandboxes = self.sandboxes(pod);
        let sandbox = sandboxes.iter().rev().find(|s| s.ready.get())?;
        let (full_name, op) = (self.full_name(pod), "killSandbox");
        let what = What::Node { op, node: None };
        self.recorder
            .record(full_name.as_ref(), None, Some(sandbox.attempt), what);
        sandbox.ready.set(false);
        for container in self.containers(pod).iter().filter(|c| c.sandbox == sandbox.id) {
            self.kill(container, 137, None);
        }
        self.touch(pod);
        Some(sandbox.attempt)
    }

    fn full_name(&self, pod: PodIx) -> Option<Name> {
        self.pods.borrow().get(pod).and_then(|p| p.full_name.clone())
    }

    /// A new kubelet does not find the logs that its predecessor knew of.
    pub fn forget_logs(&self) {
        for (_, records) in self.pods.borrow_mut().iter_mut() {
            records.logs.clear();
        }
    }

    /// Makes the control group of a pod (`cm/pod_container_manager_linux.go: EnsureExists`).
    pub fn make_cgroup(&self, pod: PodIx) {
        self.cgroups.borrow_mut().insert(pod);
    }

    /// Whether the pod has one.
    pub fn has_cgroup(&self, pod: PodIx) -> bool {
        self.cgroups.borrow().contains(&pod)
    }

    /// Whether the machine is down.
    pub fn is_down(&self) -> bool {
        self.lost.borrow().is_some()
    }

    /// The machine goes down: every process is gone, nothing that was under way ends.
    pub fn go_down(&self) {
        *self.lost.borrow_mut() = Some(Vec::new());
        self.boots.set(self.boots.get() + 1);
        self.cgroups.borrow_mut().clear();
        for pod in self.pods() {
            self.containers(pod).iter().for_each(|c| c.starting.set(false));
            for container in self.containers(pod).into_iter().filter(|c| c.is_running()) {
                self.lose_process(&container);
                if let Some(lost) = self.lost.borrow_mut().as_mut() {
                    lost.push(container);
                }
            }
        }
    }

    /// The machine is up again: the runtime finds its sandboxes dead and its running containers without a process
    /// (containerd `internal/cri/server/restart.go: loadContainer`).
    pub fn come_up(&self) {
        let lost = self.lost.borrow_mut().take().unwrap_or_default();
        for container in lost {
            if let ContainerState::Exited { finished_at, .. } = &mut *container.state.borrow_mut() {
                *finished_at = self.kernel.now();
            }
        }
        for pod in self.pods() {
            for sandbox in self.sandboxes(pod) {
                sandbox.ready.set(false);
            }
            self.touch(pod);
        }
        self.changed.raise();
    }
}

/// What runc says of a container in a sandbox whose process is gone.
const SANDBOX_DEAD: &str = "sandbox container is not running";
/// containerd `internal/cri/server/container_remove.go: setContainerRemoving`, without the ID.
const STARTING: &str = "failed to set removing state for container: container is in starting state, can't be removed";

/// A CRI error as the client shows it.
/// The second number of the addresses of a node's pods. Those of Services begin with 10.96.
fn pod_network(NodeIx(node): NodeIx) -> usize {
    const FIRST: usize = 88;
    const OF_SERVICES: usize = 96;
    let network = FIRST + node % (255 - FIRST);
    network + usize::from(network >= OF_SERVICES)
}

pub(super) fn rpc_error(text: &str) -> Name {
    concat(&["rpc error: code = Unknown desc = ", text])
}

/// Why a call to the runtime failed.
pub(super) struct Failure {
    /// What the runtime says, or the client when it has waited long enough.
    pub(super) text: Name,
    timed_out: bool,
}

impl Failure {
    /// The runtime's own error.
    fn of(text: Name) -> Failure {
        let timed_out = false;
        Failure { text, timed_out }
    }

    /// How long a call keeps its client, and what becomes of it: the client does not wait longer than that
    /// (`cri-client/pkg: remoteRuntimeService`).
    pub(super) fn within(patience: Duration, takes: Duration, error: Option<Name>) -> (Duration, Option<Failure>) {
        if takes <= patience {
            return (takes, error.map(Failure::of));
        }
        let text = "context deadline exceeded".into();
        let timed_out = true;
        (patience, Some(Failure { text, timed_out }))
    }

    /// The error as gRPC has it.
    pub(super) fn as_rpc_error(&self) -> Name {
        if self.timed_out {
            concat(&["rpc error: code = DeadlineExceeded desc = ", &self.text])
        } else {
            rpc_error(&self.text)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_node_has_the_addresses_of_services_or_of_another_node() {
        let networks: BTreeSet<usize> = (0..167).map(|node| pod_network(NodeIx(node))).collect();
        assert_eq!(
            (networks.len(), networks.first(), networks.last()),
            (167, Some(&88), Some(&255))
        );
        assert!(!networks.contains(&96));
    }
}
