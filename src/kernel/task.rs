//! A task as the kernel's table holds it: a future of any type, behind one pointer.

use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use pin_project_lite::pin_project;

use super::executor::Group;

/// A task; [`boxed`] makes one.
pub(super) type Task = Pin<Box<dyn Run>>;

/// What the kernel does with a task.
pub(super) trait Run {
    /// Runs it until it waits or ends, with its group and its cause as the kernel's.
    fn run(self: Pin<&mut Self>, group: &Cell<Group>, cause: &Cell<Option<u64>>) -> Poll<()>;

    /// The group that it ends with.
    fn group(&self) -> Group;

    /// Reads its memory, for nothing but that it is in the processor's cache when it runs.
    fn touch(&self) -> u8;
}

/// No record has this number.
const NO_CAUSE: u64 = u64::MAX;

pin_project! {
    /// A future between what can be read though the future itself is opaque. All that a task needs lies together: of very
    /// many tasks the memory is what takes time.
    #[repr(C)]
    struct Enclosed<F> {
        // `NO_CAUSE` if there is none: so it is one word.
        cause: u64,
        #[pin]
        future: F,
        // At the other end of the memory; see `touch`.
        group: Group,
    }
}

impl<F: Future<Output = ()>> Run for Enclosed<F> {
    fn run(self: Pin<&mut Self>, group: &Cell<Group>, cause: &Cell<Option<u64>>) -> Poll<()> {
        let this = self.project();
        group.set(*this.group);
        cause.set((*this.cause != NO_CAUSE).then_some(*this.cause));
        let result = this.future.poll(&mut Context::from_waker(Waker::noop()));
        *this.cause = cause.get().unwrap_or(NO_CAUSE);
        result
    }

    fn group(&self) -> Group {
        self.group
    }

    fn touch(&self) -> u8 {
        // Both ends: it may not lie within one line of the cache.
        self.cause as u8 | self.group.number() as u8
    }
}

/// Puts a future behind a pointer.
pub(super) fn boxed(future: impl Future<Output = ()> + 'static, group: Group, cause: Option<u64>) -> Task {
    Box::pin(Enclosed {
        cause: cause.unwrap_or(NO_CAUSE),
        future,
        group,
    })
}
