//! The pod status that the kubelet derives and writes (`pkg/kubelet/status`, `kubelet_pods.go`).

mod conditions;
mod containers;
mod generate;
pub(super) mod manager;
mod phase;
pub mod restart_policy;
