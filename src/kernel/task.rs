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
    fn run(self: Pin<&mut Self>, group: &Cell<Group>, cause: &Cell<Cause>) -> Poll<()>;

    /// The group that it ends with.
    fn group(&self) -> Group;

    /// Reads its memory, for nothing but that it is in the processor's cache when it runs.
    fn touch(&self) -> u8;
}

/// What a task acts upon: a number, or nothing. It is one word, as an `Option` of any number is not.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Cause(u64);

impl Cause {
    /// What stands for nothing; no record has this number.
    pub(super) const NONE: Cause = Cause(u64::MAX);

    pub(super) fn new(number: Option<u64>) -> Cause {
        number.map_or(Cause::NONE, Cause)
    }

    pub(super) fn number(self) -> Option<u64> {
        (self != Cause::NONE).then_some(self.0)
    }
}

pin_project! {
    /// A future between what can be read though the future itself is opaque. All that a task needs lies together: of very
    /// many tasks the memory is what takes time.
    #[repr(C)]
    struct Enclosed<F> {
        cause: Cause,
        #[pin]
        future: F,
        // At the other end of the memory; see `touch`.
        group: Group,
    }
}

impl<F: Future<Output = ()>> Run for Enclosed<F> {
    fn run(self: Pin<&mut Self>, group: &Cell<Group>, cause: &Cell<Cause>) -> Poll<()> {
        let this = self.project();
        group.set(*this.group);
        cause.set(*this.cause);
        let result = this.future.poll(&mut Context::from_waker(Waker::noop()));
        *this.cause = cause.get();
        result
    }

    fn group(&self) -> Group {
        self.group
    }

    fn touch(&self) -> u8 {
        // Both ends: it may not lie within one line of the cache.
        self.cause.0 as u8 | self.group.number() as u8
    }
}

/// Puts a future behind a pointer.
pub(super) fn boxed(future: impl Future<Output = ()> + 'static, group: Group, cause: Cause) -> Task {
    Box::pin(Enclosed { cause, future, group })
}
