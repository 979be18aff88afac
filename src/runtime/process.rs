//! The process in a container: its scripted end, its reaction to SIGTERM, SIGKILL.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use super::service::{Container, ContainerState, Runtime};
use crate::api::pod::Name;
use crate::kernel::{Duration, Gate, Kernel, Time};
use crate::scenario::types::OnTerm;
use crate::trace::{ExitBy, What};

/// How and when a process is going to end, as far as is known.
pub(super) struct Process {
    planned: RefCell<Option<End>>,
    term_sent: Cell<bool>,
    /// Opens when the process ends.
    pub(super) gone: Gate,
}

#[derive(Clone)]
struct End {
    at: Time,
    code: i32,
    reason: Option<Name>,
    message: Option<Name>,
    by: ExitBy,
}

impl Process {
    pub(super) fn new(kernel: &Kernel) -> Process {
        Process {
            planned: RefCell::default(),
            term_sent: Cell::new(false),
            gone: Gate::new(kernel),
        }
    }
}

impl Runtime {
    /// Plans the scripted exit of a process that starts now.
    pub(super) fn begin_process(self: &Rc<Self>, container: &Rc<Container>) {
        if let Some(exit) = &container.run.exit {
            let end = End {
                at: self.kernel.now() + exit.after,
                code: exit.code,
                reason: exit.reason.clone(),
                message: exit.message.clone(),
                by: ExitBy::Itself,
            };
            self.plan(container, end);
        }
    }

    /// Of several planned ends the earliest holds; at one instant the one that was planned first.
    fn plan(self: &Rc<Self>, container: &Rc<Container>, end: End) {
        let mut planned = container.process.planned.borrow_mut();
        if planned.as_ref().is_some_and(|earlier| earlier.at <= end.at) {
            return;
        }
        let at = end.at;
        *planned = Some(end);
        drop(planned);
        let (runtime, container) = (self.clone(), container.clone());
        self.kernel.spawn(async move {
            runtime.kernel.sleep_until(at).await;
            let due = container.process.planned.borrow().clone();
            if let Some(end) = due
                && end.at == at
            {
                runtime.end_process(&container, end);
            }
        });
    }

    fn end_process(&self, container: &Container, end: End) {
        let mut state = container.state.borrow_mut();
        let ContainerState::Running { started_at } = *state else {
            return;
        };
        let reason = end
            .reason
            .unwrap_or_else(|| if end.code == 0 { "Completed" } else { "Error" }.into());
        *state = ContainerState::Exited {
            started_at: Some(started_at),
            finished_at: self.kernel.now(),
            code: end.code,
            reason: reason.clone(),
            message: end.message.unwrap_or_else(|| "".into()),
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
        self.changed.raise();
        container.process.gone.open();
    }

    /// Sends SIGTERM (once in a process's life) and SIGKILL after `timeout`; waits for the end.
    pub(super) async fn terminate_process(self: &Rc<Self>, container: &Rc<Container>, timeout: Duration) {
        if !container.is_running() {
            return;
        }
        let now = self.kernel.now();
        if !container.process.term_sent.replace(true)
            && let OnTerm::Exit { after, code } = container.run.on_term
        {
            let end = End {
                at: now + after,
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
        self.plan(container, kill);
        container.process.gone.wait().await;
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
}
