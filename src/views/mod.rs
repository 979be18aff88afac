//! Pure functions from a trace to text, one file a format.

pub mod cause;
pub mod humane;
pub mod jsonl;
pub mod timeline;
