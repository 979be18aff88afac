//! A task as the kernel's table holds it: a future of any type, behind one pointer.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

/// A task; [`boxed`] makes one.
pub(super) type Task = Pin<Box<dyn Run>>;

/// What the kernel does with a task.
pub(super) trait Run {
    /// Runs it until it waits or ends.
    fn run(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()>;

    /// Reads its memory, for nothing but that it is in the processor's cache when it runs.
    fn touch(&self) -> u8;
}

pin_project! {
    /// A future between two marks, which can be read though the future itself is opaque.
    #[repr(C)]
    struct Marked<F> {
        head: u8,
        #[pin]
        future: F,
        tail: u8,
    }
}

impl<F: Future<Output = ()>> Run for Marked<F> {
    fn run(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        self.project().future.poll(context)
    }

    fn touch(&self) -> u8 {
        self.head | self.tail
    }
}

/// Puts a future behind a pointer.
pub(super) fn boxed(future: impl Future<Output = ()> + 'static) -> Task {
    Box::pin(Marked {
        head: 0,
        future,
        tail: 0,
    })
}
