//! A container of the runtime, and where it is in its life.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use super::PodIx;
use super::process::Process;
use crate::api::pod::Name;
use crate::guest;
use crate::kernel::Time;
use crate::scenario::types::Run;

/// A container.
pub struct Container {
    /// Identifies it for ever.
    pub id: u64,
    /// Whose it is.
    pub ix: PodIx,
    /// The pod's full name, for records.
    pub pod: Name,
    /// Name.
    pub name: Name,
    /// Attempt.
    pub attempt: u32,
    /// Image.
    pub image: Name,
    /// The sandbox it is in.
    pub sandbox: u64,
    /// When it was made.
    pub created_at: Time,
    /// How it is.
    pub state: RefCell<ContainerState>,
    /// A StartContainer call is under way.
    pub(super) starting: Cell<bool>,
    /// Its script.
    pub run: Rc<Run>,
    pub(super) process: Process,
    /// The signal that stops it, where the manifest names one.
    pub(super) stop_signal: Option<guest::Signal>,
    /// What plays it, where no script does and its program is known.
    pub guest: Option<Rc<guest::Container>>,
}

/// Where a container is in its life.
#[derive(Clone, Debug, PartialEq)]
pub enum ContainerState {
    /// Made, not started.
    Created,
    /// Runs.
    Running {
        /// since
        started_at: Time,
    },
    /// Has ended.
    Exited {
        /// None when it never ran
        started_at: Option<Time>,
        /// when it ended
        finished_at: Time,
        /// exit code
        code: i32,
        /// Completed, Error, OOMKilled, StartError …
        reason: Name,
        /// termination message
        message: Name,
    },
}

impl Container {
    /// Whether its process runs.
    pub fn is_running(&self) -> bool {
        matches!(*self.state.borrow(), ContainerState::Running { .. })
    }

    /// When its process started; None when it never has.
    pub fn started_at(&self) -> Option<Time> {
        match *self.state.borrow() {
            ContainerState::Created => None,
            ContainerState::Running { started_at } => Some(started_at),
            ContainerState::Exited { started_at, .. } => started_at,
        }
    }
}
