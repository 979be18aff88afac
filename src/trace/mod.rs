//! What happened in a run, and why.

mod record;
mod recorder;

pub use record::*;
pub use recorder::Recorder;
