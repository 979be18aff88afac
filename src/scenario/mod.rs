//! The Scenario document: types, decoding, loading of files, script lookup.

mod actions;
mod decode;
mod defaults;
pub mod distributions;
mod dropped;
pub mod duration;
mod expect;
mod fit;
mod gates;
pub mod json_schema;
mod kubelet_config;
pub mod load;
pub mod lookup;
mod moments;
pub mod named;
pub mod reference;
mod sabotage;
mod schema;
pub mod shared;
mod targets;
pub mod types;
pub(crate) mod versions;
