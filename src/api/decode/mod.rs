//! Decodes manifests: from checked trees to objects, defaulted and validated as the API server does it.

mod claims;
mod container;
mod cron;
mod environment;
mod fields;
mod handlers;
mod isolation;
mod jobs;
mod made_pods;
mod manifest;
mod meta;
mod mounts;
mod names;
mod object;
mod pod;
mod ports;
mod pull_secret;
mod resources;
mod rollouts;
mod volumes;
mod workloads;

pub(crate) use container::{default_pull_policy, ephemeral};
pub(crate) use made_pods::generated_name;
pub(crate) use manifest::{Decoded, Head, Manifest, decode, head, is_list, items_of_list, with_typed_items};
pub(crate) use names::{Form, is_dns_label, is_dns_subdomain, subdomain};
pub(crate) use object::PriorityClass;
pub(crate) use workloads::{Workload, WorkloadKind};
