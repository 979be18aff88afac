//! When the kubelet's own loops wake: instants that are computed, not events that happen.

use crate::kernel::{Duration, Time};
use crate::scenario::types::Phases;

/// The instants `first` + k · `period`.
#[derive(Clone, Copy, Debug)]
pub struct Ticker {
    first: Time,
    period: Duration,
}

impl Ticker {
    /// A ticker whose first tick is at `first`.
    pub const fn new(first: Time, period: Duration) -> Ticker {
        Ticker { first, period }
    }

    /// The first tick later than `now`.
    pub fn after(&self, now: Time) -> Time {
        if now < self.first {
            return self.first;
        }
        let passed = (now - self.first).0 / self.period.0;
        self.first + self.period.times(passed + 1)
    }

    /// The first tick that is not earlier than `now`.
    pub fn from(&self, now: Time) -> Time {
        self.after(now - Duration(1))
    }

    /// The last tick that is not later than `now`; None before the first.
    pub fn last(&self, now: Time) -> Option<Time> {
        (now >= self.first).then(|| self.after(now) - self.period)
    }

    /// The same ticks, all of them later by `span`.
    pub fn delayed(&self, span: Duration) -> Ticker {
        Ticker::new(self.first + span, self.period)
    }
}

/// The loops of one kubelet, from its start on.
#[derive(Clone, Copy, Debug)]
pub struct Ticks {
    /// PLEG's global relist (`relistPeriod`).
    pub relist: Ticker,
    /// From when on the sync loop takes what comes (`syncLoop`).
    pub sync_loop: Time,
    /// The sync loop's sync ticker.
    pub sync: Ticker,
    /// `housekeepingPeriod`
    pub housekeeping: Ticker,
    /// `ContainerGCPeriod`
    pub container_gc: Ticker,
    /// The status manager's full sync (`syncPeriod`).
    pub status_sync: Ticker,
}

impl Ticks {
    /// The ticks of a kubelet that starts at `start`.
    pub fn new(phases: &Phases, start: Time) -> Ticks {
        let every = |phase: Duration, period: i64| Ticker::new(start + phase, Duration::from_secs(period));
        // The loops that run on tickers first wait for one period.
        let waiting = |phase, period| every(phase, period).delayed(Duration::from_secs(period));
        Ticks {
            relist: every(phases.relist, 1),
            sync_loop: start + phases.sync,
            sync: waiting(phases.sync, 1),
            housekeeping: waiting(phases.housekeeping, 2),
            container_gc: every(phases.container_gc, 60),
            status_sync: waiting(phases.status_sync, 10),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_counted_from_the_first() {
        let ticker = Ticker::new(Time(100), Duration(10));
        for (now, after, last) in [
            (0, 100, None),
            (99, 100, None),
            (100, 110, Some(100)),
            (109, 110, Some(100)),
        ] {
            assert_eq!(ticker.after(Time(now)), Time(after), "after {now}");
            assert_eq!(ticker.last(Time(now)), last.map(Time), "last {now}");
        }
    }
}
