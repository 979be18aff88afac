//! Pure functions from a trace to text, one file a format.

pub mod jsonl;
pub mod timeline;
