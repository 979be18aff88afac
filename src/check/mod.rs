//! Expectations and built-in invariants over a trace.

pub mod invariants;
