//! How many pulls a second the kubelet asks the runtime for (`images/helpers.go: throttleImagePulling`).

use std::cell::Cell;

use crate::kernel::Time;

/// What one pull takes of the credit, which a second of virtual time, in nanoseconds, fills by `per_second` pulls.
const PULL: u128 = 1_000_000_000;

/// A bucket of pulls: full at first, and filled as time goes by (client-go's `flowcontrol.NewTokenBucketRateLimiter`).
pub struct PullRate {
    per_second: u32,
    burst: u32,
    credit: Cell<u128>,
    counted_at: Cell<Time>,
}

impl PullRate {
    /// At most `burst` pulls at once and `per_second` from then on; no limit when that is 0.
    pub fn new(per_second: u32, burst: u32, now: Time) -> PullRate {
        PullRate {
            per_second,
            burst,
            credit: Cell::new(u128::from(burst) * PULL),
            counted_at: Cell::new(now),
        }
    }

    /// Whether a pull may begin now; it counts, if so.
    pub(super) fn try_accept(&self, now: Time) -> bool {
        if self.per_second == 0 {
            return true;
        }
        let passed = (now - self.counted_at.replace(now)).0.unsigned_abs();
        let filled = self.credit.get() + u128::from(passed) * u128::from(self.per_second);
        let credit = filled.min(u128::from(self.burst) * PULL);
        let accepted = credit >= PULL;
        self.credit.set(if accepted { credit - PULL } else { credit });
        accepted
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Duration;

    fn accepted(rate: &PullRate, millis: i64, asked: usize) -> usize {
        let now = Time::ZERO + Duration::from_millis(millis);
        (0..asked).filter(|_| rate.try_accept(now)).count()
    }

    #[test]
    fn a_burst_and_then_as_many_as_the_time_brings() {
        let rate = PullRate::new(5, 10, Time::ZERO);
        for (millis, asked, expected) in [
            (0, 12, 10),
            (199, 1, 0),
            (200, 2, 1),
            (1_000, 9, 4),
            (1_100, 1, 0),
            (1_200, 1, 1),
            (60_000, 20, 10),
        ] {
            assert_eq!(accepted(&rate, millis, asked), expected, "at {millis} ms");
        }
    }

    #[test]
    fn none_a_second_is_no_limit() {
        assert_eq!(accepted(&PullRate::new(0, 10, Time::ZERO), 0, 100), 100);
    }
}
