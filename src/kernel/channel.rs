//! What tasks wait for besides time: a notification, and a queue of values.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;

use super::executor::Kernel;
use super::waiters::Waiters;

/// A level that is raised and waited for: a channel of capacity one that carries only the cause.
pub struct Notify {
    kernel: Kernel,
    raised: Cell<Option<Option<u64>>>,
    waiters: Waiters,
}

impl Notify {
    /// A notification that has not been raised.
    pub fn new(kernel: &Kernel) -> Notify {
        Notify {
            kernel: kernel.clone(),
            raised: Cell::new(None),
            waiters: Waiters::default(),
        }
    }

    /// Raises it; raising it twice is raising it once. The first cause stays.
    pub fn raise(&self) {
        if self.raised.get().is_none() {
            self.raised.set(Some(self.kernel.cause()));
        }
        self.waiters.wake(&self.kernel);
    }

    /// Lowers it without waiting; whether it was raised.
    pub fn take(&self) -> bool {
        self.raised.take().is_some()
    }

    /// Waits until it is raised, lowers it and takes over its cause.
    pub async fn wait(&self) {
        let cause = self.waiters.until(&self.kernel, || self.raised.take()).await;
        self.kernel.set_cause(cause);
    }
}

/// An unbounded first-in-first-out queue of values, each with the cause of its sender.
pub struct Queue<T> {
    kernel: Kernel,
    values: RefCell<VecDeque<(T, Option<u64>)>>,
    waiters: Waiters,
}

impl<T> Queue<T> {
    /// An empty queue.
    pub fn new(kernel: &Kernel) -> Queue<T> {
        Queue {
            kernel: kernel.clone(),
            values: RefCell::default(),
            waiters: Waiters::default(),
        }
    }

    /// Puts a value at the end.
    pub fn push(&self, value: T) {
        self.values.borrow_mut().push_back((value, self.kernel.cause()));
        self.waiters.wake(&self.kernel);
    }

    /// Waits for a value and takes over its cause.
    pub async fn pop(&self) -> T {
        let next = || self.values.borrow_mut().pop_front();
        let (value, cause) = self.waiters.until(&self.kernel, next).await;
        self.kernel.set_cause(cause);
        value
    }
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use super::*;
    use crate::kernel::{Duration, Time, race};

    #[test]
    fn a_value_brings_its_cause() {
        let kernel = Kernel::new();
        let (queue, seen) = (Rc::new(Queue::new(&kernel)), Rc::new(RefCell::new(Vec::new())));
        let (k, q, s) = (kernel.clone(), queue.clone(), seen.clone());
        kernel.spawn(async move {
            loop {
                let value = q.pop().await;
                s.borrow_mut().push((value, k.cause()));
            }
        });
        let k = kernel.clone();
        kernel.spawn(async move {
            for (value, cause) in [("a", Some(3)), ("b", None), ("c", Some(5))] {
                k.set_cause(cause);
                queue.push(value);
            }
        });
        kernel.run(Time::MAX);
        assert_eq!(*seen.borrow(), [("a", Some(3)), ("b", None), ("c", Some(5))]);
    }

    #[test]
    fn a_wait_that_was_given_up_wakes_nobody() {
        let kernel = Kernel::new();
        let (notify, wakings) = (Rc::new(Notify::new(&kernel)), Rc::new(Cell::new(0)));
        let (k, n, w) = (kernel.clone(), notify.clone(), wakings.clone());
        kernel.spawn(async move {
            let _ = race(k.sleep(Duration(5)), n.wait()).await;
            let mut rest = std::pin::pin!(k.sleep(Duration(100)));
            std::future::poll_fn(|context| {
                w.set(w.get() + 1);
                rest.as_mut().poll(context)
            })
            .await;
        });
        let k = kernel.clone();
        kernel.spawn(async move {
            k.sleep(Duration(10)).await;
            notify.raise();
        });
        kernel.run(Time::MAX);
        assert_eq!(wakings.get(), 2, "once to begin, once at its end");
    }

    #[test]
    fn two_waits_of_one_task_are_two() {
        let kernel = Kernel::new();
        let notify = Rc::new(Notify::new(&kernel));
        let (k, n) = (kernel.clone(), notify.clone());
        kernel.spawn(async move {
            // The first is given up while the second goes on.
            let second = async {
                let first = race(k.sleep(Duration(5)), n.wait()).await;
                assert!(first.is_ok());
                std::future::pending::<()>().await;
            };
            assert!(race(second, n.wait()).await.is_err());
            k.sleep(Duration(1)).await;
        });
        let k = kernel.clone();
        kernel.spawn(async move {
            k.sleep(Duration(10)).await;
            notify.raise();
        });
        kernel.run(Time::MAX);
        assert_eq!(kernel.now(), Time(11));
    }
}
