//! What the kubelet knows of a pod in the container runtime (`pkg/kubelet/container: PodStatus`).

use smallvec::SmallVec;

use crate::api::pod::{Name, Pod};
use crate::kernel::Time;

/// Identifies a container of the runtime for ever.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ContainerId(pub u64);

/// Identifies a sandbox of the runtime for ever.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct SandboxId(pub u64);

/// Sandboxes of a pod, mostly a single one.
pub type SandboxStatuses = SmallVec<[SandboxStatus; 1]>;

/// `kubecontainer.PodStatus`: what one relist saw of a pod.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PodStatus {
    /// All containers of the pod in all sandboxes, newest first.
    pub container_statuses: Vec<Status>,
    /// Sandboxes, newest first.
    pub sandbox_statuses: SandboxStatuses,
    /// The pod's IP from the newest ready sandbox.
    pub ip: Option<Name>,
    /// When the runtime was listed.
    pub timestamp: Time,
}

/// `kubecontainer.Status`: one container.
#[derive(Clone, Debug, PartialEq)]
pub struct Status {
    /// ID
    pub id: ContainerId,
    /// name of the container in the pod
    pub name: Name,
    /// sandbox in which it was made
    pub sandbox: SandboxId,
    /// state
    pub state: State,
    /// created at
    pub created_at: Time,
    /// started at; None when it never started
    pub started_at: Option<Time>,
    /// finished at; None while it has not
    pub finished_at: Option<Time>,
    /// exit code
    pub exit_code: i32,
    /// image as given in the spec when it was created
    pub image: Name,
    /// restart count from the annotation (the attempt)
    pub restart_count: i32,
    /// reason: Completed, Error, OOMKilled, StartError …
    pub reason: Name,
    /// message (termination message)
    pub message: Name,
}

/// `kubecontainer.State`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum State {
    Created,
    Running,
    Exited,
    Unknown,
}

/// A sandbox as the runtime reports it.
#[derive(Clone, Debug, PartialEq)]
pub struct SandboxStatus {
    /// ID
    pub id: SandboxId,
    /// SANDBOX_READY
    pub ready: bool,
    /// attempt
    pub attempt: u32,
    /// created at
    pub created_at: Time,
    /// its IP
    pub ip: Name,
}

impl PodStatus {
    /// `kuberuntime_container.go: HasAnyRegularContainerCreated`
    pub fn has_any_regular_container_created(&self, pod: &Pod) -> bool {
        let known = |name| self.find_by_name(name).is_some_and(|s| s.state != State::Unknown);
        pod.spec.containers.iter().any(|container| known(&container.name))
    }

    /// Whether nothing of the pod runs any more (`isPodStatusCacheTerminal`).
    pub fn has_ended(&self) -> bool {
        let running = self.container_statuses.iter().any(|s| s.state == State::Running);
        !running && !self.sandbox_statuses.iter().any(|s| s.ready)
    }

    /// The newest container of that name (`FindContainerStatusByName`).
    pub fn find_by_name(&self, name: &str) -> Option<&Status> {
        self.container_statuses.iter().find(|s| &*s.name == name)
    }

    /// Those of the newest sandbox if it is ready, newest first (`ActiveContainerStatuses`).
    pub fn active_container_statuses(&self) -> impl Iterator<Item = &Status> {
        let newest = self.sandbox_statuses.first().filter(|s| s.ready).map(|s| s.id);
        self.container_statuses
            .iter()
            .filter(move |c| Some(c.sandbox) == newest)
    }

    /// The container of that ID.
    pub fn find_by_id(&self, id: ContainerId) -> Option<&Status> {
        self.container_statuses.iter().find(|s| s.id == id)
    }
}
