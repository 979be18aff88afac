//! What will Kubernetes do with this pod? A deterministic simulator of pod lifecycles in virtual time.

pub mod api;
pub mod check;
pub mod cli;
pub mod diff;
pub mod explore;
pub mod kernel;
pub mod kubelet;
pub mod runtime;
pub mod scenario;
pub mod sim;
pub mod trace;
pub mod views;
