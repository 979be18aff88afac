//! The tasks that wait at a channel.

use std::cell::{Cell, RefCell};
use std::task::Poll;

use smallvec::SmallVec;

use super::executor::{Kernel, TaskId};

/// So many wait at most channels, and need no memory elsewhere.
const USUAL: usize = 2;

/// Who waits, in the order of their coming.
#[derive(Default)]
pub(super) struct Waiters {
    tasks: RefCell<SmallVec<[TaskId; USUAL]>>,
    /// How often they were woken: what was noted before the last time is noted no more.
    rounds: Cell<u64>,
}

/// A wait that may be given up: then its task must not be woken for it.
struct Wait<'a> {
    waiters: &'a Waiters,
    /// The task, and the round in which it was noted.
    noted: Option<(TaskId, u64)>,
}

impl Waiters {
    /// Wakes all.
    pub(super) fn wake(&self, kernel: &Kernel) {
        self.rounds.set(self.rounds.get() + 1);
        for task in self.tasks.borrow_mut().drain(..) {
            kernel.wake(task);
        }
    }

    /// Waits until `ready` gives something; it is asked at once and after each waking.
    pub(super) async fn until<T>(&self, kernel: &Kernel, mut ready: impl FnMut() -> Option<T>) -> T {
        let mut wait = Wait {
            waiters: self,
            noted: None,
        };
        std::future::poll_fn(|_| match ready() {
            Some(value) => Poll::Ready(value),
            None => {
                wait.note(kernel.current());
                Poll::Pending
            }
        })
        .await
    }
}

impl Wait<'_> {
    fn is_noted(&self) -> bool {
        self.noted.is_some_and(|(_, round)| round == self.waiters.rounds.get())
    }

    fn note(&mut self, task: TaskId) {
        if !self.is_noted() {
            self.noted = Some((task, self.waiters.rounds.get()));
            self.waiters.tasks.borrow_mut().push(task);
        }
    }
}

impl Drop for Wait<'_> {
    fn drop(&mut self) {
        if self.is_noted()
            && let Some((task, _)) = self.noted
        {
            let mut tasks = self.waiters.tasks.borrow_mut();
            if let Some(place) = tasks.iter().position(|other| *other == task) {
                tasks.remove(place);
            }
        }
    }
}
