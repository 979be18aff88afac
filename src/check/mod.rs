//! What must hold: expectations, lints and built-in invariants, as pure functions of the input and the trace.

pub mod expectations;
pub mod invariants;
pub mod lints;
