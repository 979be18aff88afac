//! What will Kubernetes do with this pod? A deterministic simulator of pod lifecycles in virtual time.
//!
//! The command line is described in `docs/cli.md`. In Rust, [`Scenario`] is the front door:
//!
//! ```
//! use podlapse::Scenario;
//!
//! # fn main() -> Result<(), podlapse::testing::Error> {
//! let pod = "
//! apiVersion: v1
//! kind: Pod
//! metadata: {name: web}
//! spec:
//!   containers: [{name: app, image: 'app:1'}]
//! ";
//! let run = Scenario::from_yaml(pod)?.run()?;
//! run.assert_within("1s", "pod('web').ready()");
//! println!("{run}");
//! # Ok(())
//! # }
//! ```
//!
//! Below it, [`scenario::load`] gives the [`scenario::types::Input`] of a run, [`sim::run`] the [`trace::Record`]s of it, and
//! [`views`] and [`check`] are pure functions of both.

pub mod api;
pub mod check;
pub mod cli;
pub mod diff;
pub mod explore;
pub mod guest;
pub mod kernel;
pub mod kubelet;
pub mod runtime;
pub mod scenario;
pub mod sim;
pub mod testing;
pub mod trace;
pub mod views;

pub use testing::{Run, Scenario};
