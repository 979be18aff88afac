//! The simulated container runtime behind a CRI-shaped interface: sandboxes, containers, images, processes.

mod abandon;
mod container;
mod exec;
mod guest_spec;
mod guest_volumes;
mod guests;
mod images;
mod process;
mod sandbox;
mod service;
mod volumes;

pub use container::{Container, ContainerState};
pub use exec::{CANCELED, Ending, ExecCall, NOT_RUNNING, ProbeReply, command_failed, command_killed, runtime_error};
pub use guests::{AskPod, GuestAnswer, GuestExec, Guests};
pub use images::Images;
pub use sandbox::Sandbox;
pub use service::Runtime;
pub use volumes::VolumePlugin;

/// A pod of the run: its place in the input.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct PodIx(pub usize);

/// A node of the run: its place in the input.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct NodeIx(pub usize);

impl NodeIx {
    /// The node of a pod that the scheduler has not placed.
    pub const NONE: NodeIx = NodeIx(usize::MAX);
}
