//! Waiting for virtual time.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::executor::Kernel;
use super::time::Time;
use super::timers::Ticket;

/// Waits for virtual time; made by [`Kernel::sleep`]. Dropped before its time it leaves nothing behind.
#[must_use = "nothing is waited for unless it is awaited"]
pub struct Sleep<'a> {
    kernel: &'a Kernel,
    at: Time,
    timer: Option<Ticket>,
}

impl Sleep<'_> {
    pub(super) fn new(kernel: &Kernel, at: Time) -> Sleep<'_> {
        Sleep {
            kernel,
            at,
            timer: None,
        }
    }
}

impl Future for Sleep<'_> {
    type Output = ();

    #[inline]
    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        let over = match self.timer {
            None => self.kernel.now() >= self.at,
            Some(ticket) => self.kernel.has_fired(self.at, ticket),
        };
        if over {
            // Nothing is left to take back.
            self.timer = None;
            return Poll::Ready(());
        }
        if self.timer.is_none() {
            self.timer = Some(self.kernel.start_timer(self.at));
        }
        Poll::Pending
    }
}

impl Drop for Sleep<'_> {
    #[inline]
    fn drop(&mut self) {
        if let Some(ticket) = self.timer
            && !self.kernel.has_fired(self.at, ticket)
        {
            self.kernel.cancel_timer(self.at, ticket);
        }
    }
}
