//! Programs inside containers: a shell, files, servers and names, so that most manifests act by themselves.
//!
//! The life of a container that is played:
//! 1. [`understands`] says whether its main program is known. If not, the runtime's defaults stand in for it.
//! 2. [`Container::start`] makes process 1: a task on the kernel. Each child process is a task of its own.
//! 3. Probes and hooks run in the same files and network ([`Container::exec`], [`Container::http`]).
//! 4. [`Container::signal`] reaches process 1 by the rules for process 1.
//! 5. When process 1 ends, the others die, and [`Container::ended`] tells code and termination message.
//!
//! Commands take no time by themselves; only what waits (`sleep`, a pipe, a signal) does.

mod container;
mod files;
mod images;
mod io;
mod limits;
mod machine;
mod network;
mod process;
mod programs;
mod script;
mod service;
mod shell;
mod spec;
mod umask;
mod world;

pub use container::{Container, Ended, ExecOutput, TERMINATION_MESSAGE_BYTES, understands};
pub use images::runs_as_root;
pub use io::LogStream;
pub use machine::{Assumption, Observer};
pub use network::{Answer, AskState, Connection, Handler, Network, PodFacts, Reachability, Request};
pub use process::Signal;
pub use script::{AnswerScript, ProgramScript, SignalScript};
pub use service::{Service, ServicePort, Target};
pub use spec::{Mount, Spec, Volume};
pub use world::{Lookup, World};
