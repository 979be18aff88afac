//! What tasks wait for besides time: a notification, and a queue of values.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::task::Poll;

use super::executor::Kernel;

/// A level that is raised and waited for: a channel of capacity one that carries only the cause.
pub struct Notify {
    kernel: Kernel,
    raised: Cell<Option<Option<u64>>>,
    waiters: RefCell<Vec<usize>>,
}

impl Notify {
    /// A notification that has not been raised.
    pub fn new(kernel: &Kernel) -> Notify {
        Notify {
            kernel: kernel.clone(),
            raised: Cell::new(None),
            waiters: RefCell::default(),
        }
    }

    /// Raises it; raising it twice is raising it once. The first cause stays.
    pub fn raise(&self) {
        if self.raised.get().is_none() {
            self.raised.set(Some(self.kernel.cause()));
        }
        for task in self.waiters.borrow_mut().drain(..) {
            self.kernel.wake(task);
        }
    }

    /// Lowers it without waiting; whether it was raised.
    pub fn take(&self) -> bool {
        self.raised.take().is_some()
    }

    /// Waits until it is raised, lowers it and takes over its cause.
    pub async fn wait(&self) {
        std::future::poll_fn(|_| match self.raised.take() {
            Some(cause) => {
                self.kernel.set_cause(cause);
                Poll::Ready(())
            }
            None => {
                register(&self.waiters, self.kernel.current());
                Poll::Pending
            }
        })
        .await;
    }
}

fn register(waiters: &RefCell<Vec<usize>>, task: usize) {
    let mut waiters = waiters.borrow_mut();
    if !waiters.contains(&task) {
        waiters.push(task);
    }
}

/// An unbounded first-in-first-out queue of values, each with the cause of its sender.
pub struct Queue<T> {
    kernel: Kernel,
    values: RefCell<VecDeque<(T, Option<u64>)>>,
    waiters: RefCell<Vec<usize>>,
}

impl<T> Queue<T> {
    /// An empty queue.
    pub fn new(kernel: &Kernel) -> Queue<T> {
        Queue {
            kernel: kernel.clone(),
            values: RefCell::default(),
            waiters: RefCell::default(),
        }
    }

    /// Puts a value at the end.
    pub fn push(&self, value: T) {
        self.values.borrow_mut().push_back((value, self.kernel.cause()));
        for task in self.waiters.borrow_mut().drain(..) {
            self.kernel.wake(task);
        }
    }

    /// Waits for a value and takes over its cause.
    pub async fn pop(&self) -> T {
        std::future::poll_fn(|_| {
            let value = self.values.borrow_mut().pop_front();
            match value {
                Some((value, cause)) => {
                    self.kernel.set_cause(cause);
                    Poll::Ready(value)
                }
                None => {
                    register(&self.waiters, self.kernel.current());
                    Poll::Pending
                }
            }
        })
        .await
    }
}
