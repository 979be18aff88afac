//! The processes of a container: numbers, signals and ends, with the special rules for process 1.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

use super::io::Change;
use super::machine::Context;
use crate::kernel::{Gate, Kernel};

/// A signal by its number on Linux.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Signal(pub u8);

impl Signal {
    #[allow(missing_docs)]
    pub const HUP: Signal = Signal(1);
    #[allow(missing_docs)]
    pub const INT: Signal = Signal(2);
    #[allow(missing_docs)]
    pub const QUIT: Signal = Signal(3);
    #[allow(missing_docs)]
    pub const KILL: Signal = Signal(9);
    #[allow(missing_docs)]
    pub const PIPE: Signal = Signal(13);
    #[allow(missing_docs)]
    pub const TERM: Signal = Signal(15);

    const NAMES: [(u8, &'static str); 20] = [
        (1, "HUP"),
        (2, "INT"),
        (3, "QUIT"),
        (4, "ILL"),
        (5, "TRAP"),
        (6, "ABRT"),
        (7, "BUS"),
        (8, "FPE"),
        (9, "KILL"),
        (10, "USR1"),
        (11, "SEGV"),
        (12, "USR2"),
        (13, "PIPE"),
        (14, "ALRM"),
        (15, "TERM"),
        (17, "CHLD"),
        (18, "CONT"),
        (19, "STOP"),
        (23, "URG"),
        (28, "WINCH"),
    ];

    /// By name (`TERM`, `SIGTERM`, any case) or number.
    pub fn parse(text: &str) -> Option<Signal> {
        if let Ok(number) = text.parse::<u8>() {
            return (1..=64).contains(&number).then_some(Signal(number));
        }
        let upper = text.to_ascii_uppercase();
        let name = upper.strip_prefix("SIG").unwrap_or(&upper);
        Signal::NAMES
            .iter()
            .find(|(_, known)| *known == name)
            .map(|(number, _)| Signal(*number))
    }

    /// `TERM`; the number where it has no name here.
    pub fn name(self) -> String {
        let known = Signal::NAMES.iter().find(|(number, _)| *number == self.0);
        known.map_or_else(|| self.0.to_string(), |(_, name)| (*name).to_owned())
    }

    /// Whether a process that says nothing of the signal lives on (CHLD, CONT, URG, WINCH; STOP is not played).
    fn ignored_by_default(self) -> bool {
        matches!(self.0, 17..=19 | 23 | 28)
    }

    /// The exit code that tells of a death by this signal.
    pub fn exit_code(self) -> i32 {
        128 + i32::from(self.0)
    }
}

/// What a process does about a signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Disposition {
    Ignore,
    Handle,
}

/// A process.
pub(super) struct Process {
    pub(super) pid: u32,
    pub(super) parent: u32,
    /// argv joined by blanks, as ps and pgrep see it
    pub(super) command: RefCell<String>,
    /// where in the manifest it comes from: `args[0]`
    pub(super) origin: RefCell<Rc<str>>,
    dispositions: RefCell<BTreeMap<Signal, Disposition>>,
    pending: RefCell<VecDeque<Signal>>,
    /// notified when a handled signal arrives
    pub(super) signalled: Change,
    doom: Cell<i32>,
    /// opens when the process must end by a signal
    pub(super) doomed: Gate,
    code: Cell<Option<i32>>,
    /// opens when the process has ended
    pub(super) ended: Gate,
    /// the program that it becomes as soon as what runs now has returned
    pub(super) becomes: RefCell<Option<(Context, Vec<String>)>>,
}

impl Process {
    /// Its exit code, once it has ended.
    pub(super) fn code(&self) -> Option<i32> {
        self.code.get()
    }

    /// Waits for the end; the exit code.
    pub(super) async fn wait(&self) -> i32 {
        self.ended.wait().await;
        self.code.get().unwrap_or(0)
    }

    pub(super) fn set_disposition(&self, signal: Signal, disposition: Option<Disposition>) {
        match disposition {
            Some(disposition) => self.dispositions.borrow_mut().insert(signal, disposition),
            None => self.dispositions.borrow_mut().remove(&signal),
        };
    }

    /// The next handled signal that has arrived.
    pub(super) fn take_signal(&self) -> Option<Signal> {
        self.pending.borrow_mut().pop_front()
    }

    /// The handled signal that has arrived first and was not taken yet.
    pub(super) fn first_signal(&self) -> Option<Signal> {
        self.pending.borrow().front().copied()
    }

    /// Whether a handled signal has arrived.
    pub(super) fn has_signal(&self) -> bool {
        !self.pending.borrow().is_empty()
    }

    /// What exec keeps: signals that are ignored stay ignored, handlers are gone.
    pub(super) fn reset_handlers(&self) {
        self.dispositions
            .borrow_mut()
            .retain(|_, disposition| *disposition == Disposition::Ignore);
        self.pending.borrow_mut().clear();
    }

    /// Ends it by force, with this exit code.
    pub(super) fn doom(&self, code: i32) {
        if !self.doomed.is_open() {
            self.doom.set(code);
            self.doomed.open();
        }
    }

    /// The exit code with which it has been ended by force.
    pub(super) fn doom_code(&self) -> i32 {
        self.doom.get()
    }

    /// Delivers a signal. `outside`: from the runtime, whose SIGKILL reaches even process 1.
    ///
    /// Process 1 of a PID namespace gets no signal for which it has no handler (`man 7 pid_namespaces`):
    /// that is why `sh -c "sleep 600"` takes the whole grace period.
    pub(super) fn deliver(&self, signal: Signal, outside: bool) {
        if self.ended.is_open() {
            return;
        }
        if signal == Signal::KILL {
            if self.pid != 1 || outside {
                self.doom(signal.exit_code());
            }
            return;
        }
        let disposition = self.dispositions.borrow().get(&signal).copied();
        match disposition {
            Some(Disposition::Ignore) => {}
            Some(Disposition::Handle) => {
                if !self.pending.borrow().contains(&signal) {
                    self.pending.borrow_mut().push_back(signal);
                }
                self.signalled.notify();
            }
            None if self.pid == 1 || signal.ignored_by_default() => {}
            None => self.doom(signal.exit_code()),
        }
    }

    /// Waits until a handled signal is there.
    pub(super) async fn wait_signal(&self) {
        while !self.has_signal() {
            self.signalled.wait().await;
        }
    }
}

/// The processes of a container that run.
pub(super) struct Table {
    kernel: Kernel,
    next: Cell<u32>,
    running: RefCell<BTreeMap<u32, Rc<Process>>>,
    limit: usize,
}

impl Table {
    pub(super) fn new(kernel: &Kernel, limit: usize) -> Table {
        Table {
            kernel: kernel.clone(),
            next: Cell::new(1),
            running: RefCell::default(),
            limit,
        }
    }

    /// A new process, ignoring what its parent ignores; None when there are too many.
    pub(super) fn add(&self, parent: Option<&Process>, command: String, origin: Rc<str>) -> Option<Rc<Process>> {
        if self.running.borrow().len() >= self.limit {
            return None;
        }
        let pid = self.next.get();
        self.next.set(pid + 1);
        let mut dispositions = parent.map(|p| p.dispositions.borrow().clone()).unwrap_or_default();
        dispositions.retain(|_, disposition| *disposition == Disposition::Ignore);
        let process = Rc::new(Process {
            pid,
            parent: parent.map_or(0, |p| p.pid),
            command: RefCell::new(command),
            origin: RefCell::new(origin),
            dispositions: RefCell::new(dispositions),
            pending: RefCell::default(),
            signalled: Change::new(&self.kernel),
            doom: Cell::new(0),
            doomed: Gate::new(&self.kernel),
            code: Cell::new(None),
            ended: Gate::new(&self.kernel),
            becomes: RefCell::default(),
        });
        self.running.borrow_mut().insert(pid, process.clone());
        Some(process)
    }

    /// The process has ended.
    pub(super) fn remove(&self, process: &Process, code: i32) {
        self.running.borrow_mut().remove(&process.pid);
        process.code.set(Some(code));
        process.ended.open();
    }

    pub(super) fn get(&self, pid: u32) -> Option<Rc<Process>> {
        self.running.borrow().get(&pid).cloned()
    }

    /// All processes that run, by number.
    pub(super) fn all(&self) -> Vec<Rc<Process>> {
        self.running.borrow().values().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals_by_name_and_number() {
        for text in ["TERM", "SIGTERM", "15", "sigterm"] {
            assert_eq!(Signal::parse(text), Some(Signal::TERM), "{text}");
        }
        assert_eq!(Signal::parse("NOPE"), None);
        assert_eq!(Signal::TERM.name(), "TERM");
    }

    #[test]
    fn process_one_gets_only_what_it_handles() {
        let table = Table::new(&Kernel::new(), 10);
        let one = table
            .add(None, "sh".to_owned(), "args[0]".into())
            .expect("there is room");
        let two = table
            .add(Some(&one), "sleep 1".to_owned(), "args[0]".into())
            .expect("there is room");
        one.deliver(Signal::TERM, true);
        one.deliver(Signal::KILL, false);
        assert!(!one.doomed.is_open());
        one.set_disposition(Signal::TERM, Some(Disposition::Handle));
        one.deliver(Signal::TERM, true);
        assert_eq!(one.take_signal(), Some(Signal::TERM));
        two.deliver(Signal::TERM, false);
        assert_eq!(two.doom_code(), 143);
        one.deliver(Signal::KILL, true);
        assert_eq!(one.doom_code(), 137);
    }
}
