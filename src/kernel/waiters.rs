//! The tasks that wait at a channel.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

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

/// Waits until `ready` gives something; made by [`Waiters::until`]. Given up, its task is not woken for it.
#[must_use = "nothing is waited for unless it is awaited"]
pub(super) struct Until<'a, F> {
    kernel: &'a Kernel,
    waiters: &'a Waiters,
    ready: F,
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
    pub(super) fn until<'a, T, F: FnMut() -> Option<T>>(&'a self, kernel: &'a Kernel, ready: F) -> Until<'a, F> {
        Until {
            kernel,
            waiters: self,
            ready,
            noted: None,
        }
    }
}

impl<F> Until<'_, F> {
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

impl<T, F: FnMut() -> Option<T> + Unpin> Future for Until<'_, F> {
    type Output = T;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<T> {
        if let Some(value) = (self.ready)() {
            return Poll::Ready(value);
        }
        let task = self.kernel.current();
        self.note(task);
        Poll::Pending
    }
}

impl<F> Drop for Until<'_, F> {
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
