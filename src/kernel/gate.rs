//! A gate that opens once, for any number of waiters: an end, a cancellation.

use std::cell::Cell;

use super::executor::Kernel;
use super::waiters::Waiters;

/// Closed until [`Gate::open`]; whoever waits then or later goes through.
pub struct Gate {
    kernel: Kernel,
    open: Cell<bool>,
    cause: Cell<Option<u64>>,
    waiters: Waiters,
}

impl Gate {
    /// A closed gate.
    pub fn new(kernel: &Kernel) -> Gate {
        Gate {
            kernel: kernel.clone(),
            open: Cell::new(false),
            cause: Cell::new(None),
            waiters: Waiters::default(),
        }
    }

    /// Opens it for ever; opening it again does nothing.
    pub fn open(&self) {
        if self.open.replace(true) {
            return;
        }
        self.cause.set(self.kernel.cause());
        self.waiters.wake(&self.kernel);
    }

    /// Whether it is open.
    pub fn is_open(&self) -> bool {
        self.open.get()
    }

    /// Waits until it is open and takes over the cause of its opening.
    pub async fn wait(&self) {
        let open = || self.open.get().then_some(());
        self.waiters.until(&self.kernel, open).await;
        self.kernel.set_cause(self.cause.get());
    }
}
