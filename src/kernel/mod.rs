//! The simulation kernel: virtual clock, event queue, tasks, channels. It knows nothing of Kubernetes.
//!
//! The life of a run:
//! 1. Tasks (async fns) are spawned and put at the end of the ready queue.
//! 2. Every ready task runs until it waits for virtual time or for a channel.
//! 3. When none is ready, the clock jumps to the earliest timer (first in, first out at equal times).
//! 4. The run ends at the horizon, or when no timer is left: then nothing can happen any more.
//!
//! No waker is needed: a leaf future notes the running task, so the kernel is free of locks and of `unsafe`.

mod batch;
mod channel;
mod combinators;
mod executor;
mod gate;
mod sleep;
mod stream;
mod task;
mod time;
mod timers;
mod waiters;
mod wheel;

pub use channel::{Notify, Queue};
pub use combinators::{Race, first_of, join_all, race};
pub use executor::{Group, Kernel, Stop};
pub use gate::Gate;
pub use sleep::Sleep;
pub use stream::Stream;
pub use time::{Duration, Time};
