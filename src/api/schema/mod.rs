//! The fields of every API type that a manifest may have, as of Kubernetes 1.36: an unknown one is refused.

pub(crate) mod container;
pub(crate) mod meta;
pub(crate) mod objects;
pub(crate) mod pod;
pub(crate) mod scheduling;
pub(crate) mod volumes;
pub(crate) mod workloads;
