//! `spec.expect`: CEL over the API's objects and the trace; docs/expectations.md is its reference.
//!
//! An expectation is compiled once, before virtual time starts: what it names must exist and its types must fit.
//! It is judged after the run, by following the trace record by record.

mod compile;
mod fields;
mod infer;
mod judge;
mod report;
mod source;
mod types;
mod words;
mod world;

pub use compile::{Compiled, compile};
pub use judge::{Failure, Seen, Verdict, judge};
pub use report::{describe, report};
