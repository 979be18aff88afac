//! The process in a container: its scripted end, its reaction to SIGTERM, SIGKILL.

use std::cell::Cell;
use std::rc::Rc;

use super::abandon::Abandon;
use super::container::{Container, ContainerState};
use super::service::Runtime;
use crate::api::cut::last_bytes;
use crate::api::pod::Name;
use crate::guest::{self, TERMINATION_MESSAGE_BYTES};
use crate::kernel::{Duration, Gate, Group, Kernel, Time, race};
use crate::scenario::types::OnTerm;
use crate::trace::{ExitBy, What};

/// What is known of a process besides its container's state.
pub(super) struct Process {
    term_sent: Cell<bool>,
    /// Opens when the process ends.
    pub(super) gone: Gate,
}

/// How and when a process is going to end, unless it ends otherwise before.
struct End {
    at: Time,
    code: i32,
    reason: Option<Name>,
    message: Option<Name>,
    by: ExitBy,
}

/// A planned end, for whoever may want to take it back.
#[derive(Clone)]
struct Plan(Rc<Cell<bool>>);

impl Plan {
    fn take_back(&self) {
        self.0.set(false);
    }
}

impl Process {
    pub(super) fn new(kernel: &Kernel) -> Process {
        Process {
            term_sent: Cell::new(false),
            gone: Gate::new(kernel),
        }
    }
}

/// What the kubelet reads of a termination message (`kuberuntime_container.go: getTerminationMessage`).
fn read_of_message(message: &Name) -> Name {
    if message.len() <= TERMINATION_MESSAGE_BYTES {
        return message.clone();
    }
    last_bytes(message, TERMINATION_MESSAGE_BYTES).into()
}

impl Runtime {
    /// Plans the scripted exit of a process that starts now.
    pub(super) fn begin_process(self: &Rc<Self>, container: &Rc<Container>) {
        if let Some(guest) = &container.guest {
            self.begin_guest(container, guest);
        } else if let Some(exit) = &container.run.exit {
            let end = End {
                at: self.kernel.now() + self.draws.next(container.ix.0, exit.after),
                code: exit.code,
                reason: exit.reason.clone(),
                message: exit.message.as_ref().map(read_of_message),
                by: ExitBy::Itself,
            };
            self.plan(container, end);
        }
    }

    /// Starts the programs of a container that acts by itself; their end is its end.
    fn begin_guest(self: &Rc<Self>, container: &Rc<Container>, guest: &Rc<guest::Container>) {
        let (runtime, container, guest) = (self.clone(), container.clone(), guest.clone());
        self.kernel.within(Group::ROOT, || {
            guest.start();
            self.kernel.spawn(async move {
                let ended = guest.ended().await;
                let by = if container.process.term_sent.get() {
                    ExitBy::Term
                } else {
                    ExitBy::Itself
                };
                let end = End {
                    at: runtime.kernel.now(),
                    code: ended.code,
                    reason: ended.out_of_memory.then(|| "OOMKilled".into()),
                    message: Some(ended.message.into()),
                    by,
                };
                runtime.end_process(&container, end);
            });
        });
    }

    /// Of several planned ends the earliest holds; at one instant the one that was planned first.
    fn plan(self: &Rc<Self>, container: &Rc<Container>, end: End) -> Plan {
        let plan = Plan(Rc::new(Cell::new(true)));
        let (runtime, container, holds) = (self.clone(), container.clone(), plan.clone());
        // Processes outlive the kubelet.
        self.kernel.within(Group::ROOT, || {
            self.kernel.spawn(async move {
                let due = runtime.kernel.sleep_until(end.at);
                if race(due, container.process.gone.wait()).await.is_ok() && holds.0.get() {
                    runtime.end_process(&container, end);
                }
            });
        });
        plan
    }

    fn end_process(&self, container: &Container, end: End) {
        let mut state = container.state.borrow_mut();
        let ContainerState::Running { started_at } = *state else {
            return;
        };
        // What still runs in it dies with it; what it has left as its last words stays.
        let mut message = end.message;
        if let Some(guest) = &container.guest {
            message = message.or_else(|| Some(guest.termination_message(end.code).into()));
            guest.signal(guest::Signal::KILL);
        }
        let reason = end
            .reason
            .unwrap_or_else(|| Name::new_static(if end.code == 0 { "Completed" } else { "Error" }));
        *state = ContainerState::Exited {
            started_at: Some(started_at),
            finished_at: self.kernel.now(),
            code: end.code,
            reason: reason.clone(),
            message: message.unwrap_or_default(),
        };
        drop(state);
        let what = What::Exit {
            code: end.code,
            reason,
            by: end.by,
        };
        self.recorder.record(
            Some(&container.pod),
            Some(&container.name),
            Some(container.attempt),
            what,
        );
        self.touch(container.ix);
        container.process.gone.open();
    }

    /// Sends SIGTERM (once in a process's life) and SIGKILL after `timeout`; waits for the end. The SIGKILL is taken
    /// back when the caller goes away.
    pub(super) async fn terminate_process(self: &Rc<Self>, container: &Rc<Container>, timeout: Duration) {
        if !container.is_running() {
            return;
        }
        let now = self.kernel.now();
        let first = !container.process.term_sent.replace(true);
        if let (true, Some(guest)) = (first, &container.guest) {
            guest.signal(container.stop_signal.unwrap_or_else(|| guest.stop_signal()));
        } else if first && let OnTerm::Exit { after, code } = container.run.on_term {
            let end = End {
                at: now + self.draws.next(container.ix.0, after),
                code,
                reason: None,
                message: None,
                by: ExitBy::Term,
            };
            self.plan(container, end);
        }
        let kill = End {
            at: now + timeout,
            code: 137,
            reason: None,
            message: None,
            by: ExitBy::Kill,
        };
        let kill = self.plan(container, kill);
        let deadline = Abandon::new(|| kill.take_back());
        container.process.gone.wait().await;
        deadline.defuse();
    }

    /// Ends a running process at once, as an action of the scenario does; false when none runs.
    pub fn kill(&self, container: &Container, code: i32, reason: Option<Name>) -> bool {
        if !container.is_running() {
            return false;
        }
        let end = End {
            at: self.kernel.now(),
            code,
            reason,
            message: None,
            by: ExitBy::Kill,
        };
        self.end_process(container, end);
        true
    }

    /// Ends a running process with the machine; what containerd makes of it is known only after the boot.
    pub(super) fn lose_process(&self, container: &Container) {
        let end = End {
            at: self.kernel.now(),
            code: 255,
            reason: Some("Unknown".into()),
            message: None,
            by: ExitBy::Reboot,
        };
        self.end_process(container, end);
    }
}
