//! Several futures in one task.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

pin_project! {
    /// Two futures in one task; made by [`race`].
    #[must_use = "nothing is waited for unless it is awaited"]
    pub struct Race<A, B> {
        #[pin]
        left: A,
        #[pin]
        right: B,
    }
}

/// Runs two futures in the same task; the first that is ready wins, the left one at a tie.
// No `async fn`: it would keep what it is given twice, as its arguments and pinned.
pub fn race<A: Future, B: Future>(left: A, right: B) -> Race<A, B> {
    Race { left, right }
}

impl<A: Future, B: Future> Future for Race<A, B> {
    type Output = Result<A::Output, B::Output>;

    #[inline]
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        if let Poll::Ready(value) = this.left.poll(context) {
            return Poll::Ready(Ok(value));
        }
        this.right.poll(context).map(Err)
    }
}

/// Runs futures in the same task until all are done; results in the order given.
pub async fn join_all<T>(futures: Vec<Pin<Box<dyn Future<Output = T>>>>) -> Vec<T> {
    let mut slots: Vec<_> = futures.into_iter().map(|future| (Some(future), None)).collect();
    std::future::poll_fn(|context| {
        for (future, result) in &mut slots {
            if let Some(running) = future
                && let Poll::Ready(value) = running.as_mut().poll(context)
            {
                *result = Some(value);
                *future = None;
            }
        }
        if slots.iter().all(|(_, result)| result.is_some()) {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    })
    .await;
    slots.into_iter().filter_map(|(_, result)| result).collect()
}

/// Runs futures in the same task until one is done: its place and its result, the first in order at a tie. Of none it is
/// never done.
pub async fn first_of<T>(mut futures: Vec<Pin<Box<dyn Future<Output = T> + '_>>>) -> (usize, T) {
    std::future::poll_fn(move |context| {
        for (place, future) in futures.iter_mut().enumerate() {
            if let Poll::Ready(value) = future.as_mut().poll(context) {
                return Poll::Ready((place, value));
            }
        }
        Poll::Pending
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::{Duration, Kernel, Time};

    #[test]
    fn the_first_of_several_wins_and_the_one_before_it_at_a_tie() {
        let kernel = Kernel::new();
        let clock = kernel.clone();
        kernel.spawn(async move {
            for (spans, first) in [([3, 1, 2], 1), ([2, 2, 2], 0), ([9, 5, 5], 1)] {
                let waits =
                    spans.map(|span| Box::pin(clock.sleep(Duration(span))) as Pin<Box<dyn Future<Output = ()> + '_>>);
                assert_eq!(first_of(Vec::from(waits)).await, (first, ()), "{spans:?}");
            }
        });
        kernel.run(Time::MAX);
        assert_eq!(kernel.now(), Time(1 + 2 + 5));
    }
}
