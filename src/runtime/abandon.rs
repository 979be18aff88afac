//! What becomes of a call whose caller goes away: the kubelet stops while it waits.

use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use super::service::Runtime;
use crate::kernel::{Group, Sleep, Time};

/// Runs its work when it is dropped before it was defused: the caller has gone away.
pub(super) struct Abandon<F: FnOnce()>(Option<F>);

impl<F: FnOnce()> Abandon<F> {
    pub(super) fn new(work: F) -> Abandon<F> {
        Abandon(Some(work))
    }

    /// The call has ended as it should.
    pub(super) fn defuse(mut self) {
        self.0 = None;
    }
}

impl<F: FnOnce()> Drop for Abandon<F> {
    fn drop(&mut self) {
        if let Some(work) = self.0.take() {
            work();
        }
    }
}

/// A call that the runtime carries out to its end, whether somebody waits for it or not.
#[must_use = "nothing is waited for unless it is awaited"]
pub(super) struct Carried<'a, T, F: FnOnce(&Rc<Runtime>) -> T + Unpin + 'static> {
    runtime: &'a Rc<Runtime>,
    at: Time,
    sleep: Sleep<'a>,
    finish: Option<F>,
}

impl Runtime {
    /// At `at` the call ends with `finish`, unless the machine goes down before.
    pub(super) fn carry<T, F: FnOnce(&Rc<Runtime>) -> T + Unpin + 'static>(
        self: &Rc<Self>,
        at: Time,
        finish: F,
    ) -> Carried<'_, T, F> {
        Carried {
            runtime: self,
            at,
            sleep: self.kernel.sleep_until(at),
            finish: Some(finish),
        }
    }
}

impl<T, F: FnOnce(&Rc<Runtime>) -> T + Unpin + 'static> Future for Carried<'_, T, F> {
    type Output = T;
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        match Pin::new(&mut self.sleep).poll(context) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(()) => {
                let finish = self.finish.take().expect("a finished call is not polled again");
                Poll::Ready(finish(self.runtime))
            }
        }
    }
}

impl<T, F: FnOnce(&Rc<Runtime>) -> T + Unpin + 'static> Drop for Carried<'_, T, F> {
    fn drop(&mut self) {
        let Some(finish) = self.finish.take() else { return };
        let (runtime, at, boot) = (self.runtime.clone(), self.at, self.runtime.boots.get());
        if runtime.is_down() {
            return;
        }
        self.runtime.kernel.within(Group::ROOT, || {
            self.runtime.kernel.spawn(async move {
                runtime.kernel.sleep_until(at).await;
                if runtime.boots.get() == boot {
                    finish(&runtime);
                }
            });
        });
    }
}
