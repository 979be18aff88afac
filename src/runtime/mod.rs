//! The simulated container runtime behind a CRI-shaped interface: sandboxes, containers, images, processes.

mod images;
mod process;
mod service;

pub use images::Images;
pub use service::{Container, ContainerState, PodIx, Runtime, Sandbox};
