//! The simulated container runtime behind a CRI-shaped interface: sandboxes, containers, images, processes.

mod abandon;
mod exec;
mod images;
mod process;
mod service;
mod volumes;

pub use exec::{CANCELED, Ending, ExecCall, NOT_RUNNING, command_failed, command_killed, runtime_error};
pub use images::Images;
pub use service::{Container, ContainerState, NodeIx, PodIx, Runtime, Sandbox};
pub use volumes::VolumePlugin;
