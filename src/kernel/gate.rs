//! A gate that opens once, for any number of waiters: an end, a cancellation.

use std::cell::{Cell, RefCell};
use std::task::Poll;

use super::executor::Kernel;

/// Closed until [`Gate::open`]; whoever waits then or later goes through.
pub struct Gate {
    kernel: Kernel,
    open: Cell<bool>,
    cause: Cell<Option<u64>>,
    waiters: RefCell<Vec<usize>>,
}

impl Gate {
    /// A closed gate.
    pub fn new(kernel: &Kernel) -> Gate {
        Gate {
            kernel: kernel.clone(),
            open: Cell::new(false),
            cause: Cell::new(None),
            waiters: RefCell::default(),
        }
    }

    /// Opens it for ever; opening it again does nothing.
    pub fn open(&self) {
        if self.open.replace(true) {
            return;
        }
        self.cause.set(self.kernel.cause());
        for task in self.waiters.borrow_mut().drain(..) {
            self.kernel.wake(task);
        }
    }

    /// Whether it is open.
    pub fn is_open(&self) -> bool {
        self.open.get()
    }

    /// Waits until it is open and takes over the cause of its opening.
    pub async fn wait(&self) {
        std::future::poll_fn(|_| {
            if self.open.get() {
                self.kernel.set_cause(self.cause.get());
                return Poll::Ready(());
            }
            let task = self.kernel.current();
            let mut waiters = self.waiters.borrow_mut();
            if !waiters.contains(&task) {
                waiters.push(task);
            }
            Poll::Pending
        })
        .await;
    }
}
