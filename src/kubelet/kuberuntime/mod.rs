//! The generic runtime manager: decides what a pod needs and does it (`pkg/kubelet/kuberuntime`).

pub mod actions;
pub mod gc;
pub mod kill;
mod next_init;
pub mod sync;
