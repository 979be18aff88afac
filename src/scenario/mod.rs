//! The Scenario document: types, decoding, loading of files, script lookup.

mod decode;
pub mod distributions;
pub mod duration;
pub mod load;
pub mod lookup;
pub mod types;
