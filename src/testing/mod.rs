//! For tests in Rust: a scenario from text, its run, and assertions about it.
//!
//! ```
//! use podlapse::Scenario;
//!
//! # fn main() -> Result<(), podlapse::testing::Error> {
//! let run = Scenario::from_yaml(
//!     "
//! apiVersion: v1
//! kind: Pod
//! metadata: {name: web}
//! spec:
//!   containers: [{name: app, image: 'app:1'}]
//! ---
//! apiVersion: podlapse.dev/v1alpha1
//! kind: Scenario
//! metadata: {name: crash-once}
//! spec:
//!   runFor: 5m
//!   containers:
//!   - name: app
//!     runs: [{exit: {after: 5s, code: 1}}, {}]
//!   expect:
//!   - {within: 1m, that: \"pod('web').restarts('app') == 1\"}
//! ",
//! )?
//! .run()?;
//! run.assert_at("10s", "pod('web').ready()");
//! run.assert_never("pod('web').status.phase == 'Failed'");
//! # Ok(())
//! # }
//! ```
//!
//! A [`Run`] snapshots well: its `Debug` is the timeline (`insta::assert_debug_snapshot!(run)`), its `Serialize` the list of
//! its records (`insta::assert_json_snapshot!(run)`).

mod run;
mod scenario;
#[cfg(feature = "proptest")]
pub mod strategies;

pub use run::Run;
pub use scenario::{Error, Scenario, Unmet};
