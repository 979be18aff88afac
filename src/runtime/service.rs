//! RuntimeService: the CRI calls on sandboxes and containers, with the scenario's latencies and outcomes.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::process::Process;
use crate::api::pod::Name;
use crate::kernel::{Duration, Kernel, Notify, Time};
use crate::scenario::lookup;
use crate::scenario::types::{Run, Scenario};
use crate::trace::{CallPhase, CriCall, CriOp, Recorder, What};

/// A pod of the run: its place in the input.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct PodIx(pub usize);

/// The runtime of one node. It outlives the kubelet.
pub struct Runtime {
    pub(super) kernel: Kernel,
    pub(super) recorder: Recorder,
    pub(super) scenario: Rc<Scenario>,
    pods: RefCell<BTreeMap<PodIx, PodRecords>>,
    next_id: Cell<u64>,
    next_ip: Cell<u32>,
    /// Raised whenever a relist could see something new.
    pub changed: Rc<Notify>,
}

#[derive(Default)]
struct PodRecords {
    full_name: Option<Name>,
    sandboxes: Vec<Rc<Sandbox>>,
    containers: Vec<Rc<Container>>,
    /// CreateContainer calls so far, per container name: which run comes next.
    runs: BTreeMap<Name, usize>,
    /// Attempts whose log file exists, per container name.
    logs: BTreeMap<Name, BTreeSet<u32>>,
}

/// A pod sandbox.
pub struct Sandbox {
    /// Identifies it for ever.
    pub id: u64,
    /// Attempt.
    pub attempt: u32,
    /// Whether it is ready.
    pub ready: Cell<bool>,
    /// When it was made.
    pub created_at: Time,
    /// Its IP.
    pub ip: Name,
}

/// A container.
pub struct Container {
    /// Identifies it for ever.
    pub id: u64,
    /// The pod's full name, for records.
    pub pod: Name,
    /// Name.
    pub name: Name,
    /// Attempt.
    pub attempt: u32,
    /// Image.
    pub image: Name,
    /// The sandbox it is in.
    pub sandbox: u64,
    /// When it was made.
    pub created_at: Time,
    /// How it is.
    pub state: RefCell<ContainerState>,
    /// Its script.
    pub run: Rc<Run>,
    pub(super) process: Process,
}

/// Where a container is in its life.
#[derive(Clone, Debug, PartialEq)]
pub enum ContainerState {
    /// Made, not started.
    Created,
    /// Runs.
    Running {
        /// since
        started_at: Time,
    },
    /// Has ended.
    Exited {
        /// None when it never ran
        started_at: Option<Time>,
        /// when it ended
        finished_at: Time,
        /// exit code
        code: i32,
        /// Completed, Error, OOMKilled, StartError …
        reason: Name,
        /// termination message
        message: Name,
    },
}

impl Container {
    /// Whether its process runs.
    pub fn is_running(&self) -> bool {
        matches!(*self.state.borrow(), ContainerState::Running { .. })
    }

    /// When its process started; None when it never has.
    pub fn started_at(&self) -> Option<Time> {
        match *self.state.borrow() {
            ContainerState::Created => None,
            ContainerState::Running { started_at } => Some(started_at),
            ContainerState::Exited { started_at, .. } => started_at,
        }
    }
}

impl Runtime {
    /// A runtime without sandboxes.
    pub fn new(kernel: &Kernel, recorder: &Recorder, scenario: Rc<Scenario>) -> Runtime {
        Runtime {
            kernel: kernel.clone(),
            recorder: recorder.clone(),
            scenario,
            pods: RefCell::default(),
            next_id: Cell::new(1),
            next_ip: Cell::new(2),
            changed: Rc::new(Notify::new(kernel)),
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

    fn next_id(&self) -> u64 {
        let id = self.next_id.get();
        self.next_id.set(id + 1);
        id
    }

    /// Sandboxes of a pod, oldest first.
    pub fn sandboxes(&self, pod: PodIx) -> Vec<Rc<Sandbox>> {
        self.pods
            .borrow()
            .get(&pod)
            .map(|p| p.sandboxes.clone())
            .unwrap_or_default()
    }

    /// Containers of a pod, oldest first.
    pub fn containers(&self, pod: PodIx) -> Vec<Rc<Container>> {
        self.pods
            .borrow()
            .get(&pod)
            .map(|p| p.containers.clone())
            .unwrap_or_default()
    }

    /// The IP of the container's sandbox; empty when that is gone.
    pub fn ip_of(&self, container: &Container) -> Name {
        let pods = self.pods.borrow();
        let mut sandboxes = pods.values().flat_map(|p| &p.sandboxes);
        let found = sandboxes.find(|s| s.id == container.sandbox);
        found.map_or_else(|| "".into(), |s| s.ip.clone())
    }

    /// Pods of which the runtime knows anything.
    pub fn pods(&self) -> Vec<PodIx> {
        let pods = self.pods.borrow();
        let known = pods
            .iter()
            .filter(|(_, p)| !p.sandboxes.is_empty() || !p.containers.is_empty());
        known.map(|(ix, _)| *ix).collect()
    }

    /// The container of that ID, unless it has been removed.
    pub fn container(&self, pod: PodIx, id: u64) -> Option<Rc<Container>> {
        self.pods
            .borrow()
            .get(&pod)?
            .containers
            .iter()
            .find(|c| c.id == id)
            .cloned()
    }

    /// The highest attempt whose log exists, plus one; 0 without any (`calcRestartCountByLogDir`).
    pub fn next_attempt_by_logs(&self, pod: PodIx, container: &str) -> u32 {
        let pods = self.pods.borrow();
        let logs = pods.get(&pod).and_then(|p| p.logs.get(container));
        logs.and_then(|attempts| attempts.last()).map_or(0, |last| last + 1)
    }

    /// RunPodSandbox.
    pub async fn run_pod_sandbox(&self, pod: PodIx, full_name: &Name, attempt: u32) -> Result<Rc<Sandbox>, Name> {
        self.call(full_name, None, attempt, CriOp::RunPodSandbox, CallPhase::Begin, |_| {});
        let created_at = self.kernel.now();
        self.kernel.sleep(self.scenario.latencies.run_pod_sandbox).await;
        let number = self.next_ip.get();
        self.next_ip.set(number + 1);
        let sandbox = Rc::new(Sandbox {
            id: self.next_id(),
            attempt,
            ready: Cell::new(true),
            created_at,
            ip: format!("10.88.{}.{}", number / 256 % 256, number % 256).into(),
        });
        let mut pods = self.pods.borrow_mut();
        let records = pods.entry(pod).or_default();
        records.full_name = Some(full_name.clone());
        records.sandboxes.push(sandbox.clone());
        drop(pods);
        self.changed.raise();
        self.call(full_name, None, attempt, CriOp::RunPodSandbox, CallPhase::End, |_| {});
        Ok(sandbox)
    }

    /// StopPodSandbox: the sandbox is not ready any more.
    pub async fn stop_pod_sandbox(&self, full_name: &Name, sandbox: &Sandbox) {
        self.call(
            full_name,
            None,
            sandbox.attempt,
            CriOp::StopPodSandbox,
            CallPhase::Begin,
            |_| {},
        );
        self.kernel.sleep(self.scenario.latencies.stop_pod_sandbox).await;
        sandbox.ready.set(false);
        self.changed.raise();
        self.call(
            full_name,
            None,
            sandbox.attempt,
            CriOp::StopPodSandbox,
            CallPhase::End,
            |_| {},
        );
    }

    /// RemovePodSandbox.
    pub async fn remove_pod_sandbox(&self, pod: PodIx, full_name: &Name, sandbox: &Sandbox) {
        self.call(
            full_name,
            None,
            sandbox.attempt,
            CriOp::RemovePodSandbox,
            CallPhase::Begin,
            |_| {},
        );
        self.kernel.sleep(self.scenario.latencies.remove_pod_sandbox).await;
        if let Some(records) = self.pods.borrow_mut().get_mut(&pod) {
            records.sandboxes.retain(|s| s.id != sandbox.id);
        }
        self.changed.raise();
        self.call(
            full_name,
            None,
            sandbox.attempt,
            CriOp::RemovePodSandbox,
            CallPhase::End,
            |_| {},
        );
    }

    /// CreateContainer. Errors with the CRI error's text.
    pub async fn create_container(
        &self,
        pod: PodIx,
        full_name: &Name,
        sandbox: u64,
        container: &crate::api::pod::Container,
        attempt: u32,
    ) -> Result<Rc<Container>, Name> {
        let run = self.next_run(pod, full_name, &container.name);
        let (name, image) = (&container.name, &container.image);
        self.call(
            full_name,
            Some(name),
            attempt,
            CriOp::CreateContainer,
            CallPhase::Begin,
            |call| {
                call.image = Some(image.clone());
            },
        );
        let created_at = self.kernel.now();
        self.kernel
            .sleep(run.create.takes.unwrap_or(self.scenario.latencies.create_container))
            .await;
        let error = run.create.error.as_ref().map(|text| rpc_error(text));
        self.call(
            full_name,
            Some(name),
            attempt,
            CriOp::CreateContainer,
            CallPhase::End,
            |call| {
                call.image = Some(image.clone());
                call.error = error;
            },
        );
        if let Some(text) = &run.create.error {
            return Err(text.clone());
        }
        let made = Rc::new(Container {
            id: self.next_id(),
            pod: full_name.clone(),
            name: name.clone(),
            attempt,
            image: image.clone(),
            sandbox,
            created_at,
            state: RefCell::new(ContainerState::Created),
            run,
            process: Process::new(&self.kernel),
        });
        let mut pods = self.pods.borrow_mut();
        let records = pods.entry(pod).or_default();
        records.containers.push(made.clone());
        records.logs.entry(name.clone()).or_default().insert(attempt);
        drop(pods);
        self.changed.raise();
        Ok(made)
    }

    fn next_run(&self, pod: PodIx, full_name: &Name, container: &Name) -> Rc<Run> {
        let mut pods = self.pods.borrow_mut();
        let count = pods.entry(pod).or_default().runs.entry(container.clone()).or_default();
        let number = *count;
        *count += 1;
        let pod_name = full_name.split_once('/').map_or(&**full_name, |(_, name)| name);
        let script = lookup::script(&self.scenario.containers, pod_name, container);
        Rc::new(
            script
                .map(|script| lookup::run_at(script, number).clone())
                .unwrap_or_default(),
        )
    }

    /// StartContainer. Errors with the CRI error's text; then an exited container with code 128 is left.
    pub async fn start_container(self: &Rc<Self>, container: &Rc<Container>) -> Result<(), Name> {
        let Container {
            pod,
            name,
            attempt,
            run,
            ..
        } = &**container;
        self.call(
            pod,
            Some(name),
            *attempt,
            CriOp::StartContainer,
            CallPhase::Begin,
            |_| {},
        );
        self.kernel
            .sleep(run.start.takes.unwrap_or(self.scenario.latencies.start_container))
            .await;
        let error = run.start.error.as_ref().map(|text| rpc_error(text));
        self.call(
            pod,
            Some(name),
            *attempt,
            CriOp::StartContainer,
            CallPhase::End,
            |call| call.error = error,
        );
        let now = self.kernel.now();
        self.changed.raise();
        if let Some(text) = &run.start.error {
            *container.state.borrow_mut() = ContainerState::Exited {
                started_at: None,
                finished_at: now,
                code: 128,
                reason: "StartError".into(),
                message: text.clone(),
            };
            return Err(text.clone());
        }
        *container.state.borrow_mut() = ContainerState::Running { started_at: now };
        self.begin_process(container);
        Ok(())
    }

    /// StopContainer: SIGTERM once, SIGKILL after `timeout` seconds; returns when the process has ended.
    pub async fn stop_container(self: &Rc<Self>, container: &Rc<Container>, timeout: i64) {
        let Container { pod, name, attempt, .. } = &**container;
        self.call(
            pod,
            Some(name),
            *attempt,
            CriOp::StopContainer,
            CallPhase::Begin,
            |call| {
                call.timeout = Some(timeout);
            },
        );
        self.terminate_process(container, Duration::from_secs(timeout)).await;
        self.call(
            pod,
            Some(name),
            *attempt,
            CriOp::StopContainer,
            CallPhase::End,
            |call| {
                call.timeout = Some(timeout);
            },
        );
    }

    /// RemoveContainer, with the log of its attempt unless `keep_logs`.
    pub async fn remove_container(&self, pod: PodIx, container: &Rc<Container>, keep_logs: bool) {
        let Container {
            pod: full_name,
            name,
            attempt,
            ..
        } = &**container;
        if !keep_logs
            && let Some(records) = self.pods.borrow_mut().get_mut(&pod)
            && let Some(logs) = records.logs.get_mut(name)
        {
            logs.remove(attempt);
        }
        self.call(
            full_name,
            Some(name),
            *attempt,
            CriOp::RemoveContainer,
            CallPhase::Begin,
            |_| {},
        );
        self.kernel.sleep(self.scenario.latencies.remove_container).await;
        if let Some(records) = self.pods.borrow_mut().get_mut(&pod) {
            records.containers.retain(|c| c.id != container.id);
        }
        self.changed.raise();
        self.call(
            full_name,
            Some(name),
            *attempt,
            CriOp::RemoveContainer,
            CallPhase::End,
            |_| {},
        );
    }
}

/// A CRI error as the client shows it.
pub(super) fn rpc_error(text: &str) -> Name {
    format!("rpc error: code = Unknown desc = {text}").into()
}
