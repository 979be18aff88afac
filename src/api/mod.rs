//! Kubernetes objects: types, strict decoding, defaulting, validation.

pub mod decode;
pub mod features;
pub mod objects;
pub mod place;
pub mod pod;
pub mod status;
pub mod uid;
