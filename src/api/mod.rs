//! Kubernetes objects: types, strict decoding, defaulting, validation.

pub(crate) mod cut;
pub mod decode;
pub(crate) mod defaults;
pub mod diagnostic;
pub(crate) mod duration;
pub(crate) mod expansion;
pub mod features;
pub mod gates;
pub(crate) mod image_name;
pub(crate) mod node;
pub mod objects;
mod omitted;
pub mod place;
pub mod pod;
pub mod qos;
pub(crate) mod quantity;
pub mod resources;
pub(crate) mod rules;
pub(crate) mod scalar;
pub(crate) mod schema;
pub(crate) mod shape;
pub mod status;
pub mod switches;
pub mod uid;
pub mod volume_mounts;
pub mod written;
pub(crate) mod yaml;

pub use node::Source;
