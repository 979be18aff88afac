//! The only wall clock: how long a command took, for people on standard error.

use std::time::{Duration, Instant};

/// Running since it was started.
pub(super) struct Watch(Instant);

impl Watch {
    #[allow(clippy::disallowed_methods)] // Nothing of a simulation sees it.
    pub(super) fn start() -> Watch {
        Watch(Instant::now())
    }

    /// Since the start.
    pub(super) fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}

impl std::fmt::Display for Watch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let elapsed = self.elapsed();
        if elapsed.as_secs() > 0 {
            write!(f, "{:.1} s", elapsed.as_secs_f64())
        } else {
            write!(f, "{:.1} ms", elapsed.as_secs_f64() * 1_000.0)
        }
    }
}
