//! Virtual time: an instant and a span, both integer nanoseconds.

use std::fmt;
use std::ops::{Add, AddAssign, Sub};

/// An instant of virtual time, in nanoseconds since t = 0.
///
/// It is signed, because a kubelet may have started before the scenario did.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Debug)]
pub struct Time(pub i64);

/// A span of virtual time, in nanoseconds. It may be negative, as Go's `time.Duration` may.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Debug)]
pub struct Duration(pub i64);

impl Time {
    /// t = 0.
    pub const ZERO: Time = Time(0);
    /// The latest instant that can be represented.
    pub const MAX: Time = Time(i64::MAX);

    /// Nanoseconds since t = 0.
    pub const fn as_nanos(self) -> i64 {
        self.0
    }

    /// This instant, or `other` if that is later.
    pub fn max(self, other: Time) -> Time {
        Ord::max(self, other)
    }
}

impl Duration {
    /// No time at all.
    pub const ZERO: Duration = Duration(0);
    /// The longest span that can be represented.
    pub const MAX: Duration = Duration(i64::MAX);

    /// A span of whole seconds; saturates at the ends of the range.
    pub const fn from_secs(secs: i64) -> Duration {
        Duration(secs.saturating_mul(1_000_000_000))
    }

    /// A span of milliseconds; saturates at the ends of the range.
    pub const fn from_millis(millis: i64) -> Duration {
        Duration(millis.saturating_mul(1_000_000))
    }

    /// A span of microseconds; saturates at the ends of the range.
    pub const fn from_micros(micros: i64) -> Duration {
        Duration(micros.saturating_mul(1_000))
    }

    /// The span in nanoseconds.
    pub const fn as_nanos(self) -> i64 {
        self.0
    }

    /// Whole seconds, rounded towards zero.
    pub const fn as_secs(self) -> i64 {
        self.0 / 1_000_000_000
    }

    /// Twice, three times … this span; saturates.
    pub const fn times(self, n: i64) -> Duration {
        Duration(self.0.saturating_mul(n))
    }
}

impl Add<Duration> for Time {
    type Output = Time;
    fn add(self, span: Duration) -> Time {
        Time(self.0.saturating_add(span.0))
    }
}

impl Sub<Duration> for Time {
    type Output = Time;
    fn sub(self, span: Duration) -> Time {
        Time(self.0.saturating_sub(span.0))
    }
}

impl Sub for Time {
    type Output = Duration;
    fn sub(self, earlier: Time) -> Duration {
        Duration(self.0.saturating_sub(earlier.0))
    }
}

impl Add for Duration {
    type Output = Duration;
    fn add(self, other: Duration) -> Duration {
        Duration(self.0.saturating_add(other.0))
    }
}

impl Sub for Duration {
    type Output = Duration;
    fn sub(self, other: Duration) -> Duration {
        Duration(self.0.saturating_sub(other.0))
    }
}

impl AddAssign<Duration> for Time {
    fn add_assign(&mut self, span: Duration) {
        *self = *self + span;
    }
}

impl fmt::Display for Duration {
    /// As Go prints a `time.Duration`: `1m30s`, `250ms`, `1.5µs`, `0s`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 {
            return f.write_str("0s");
        }
        if self.0 < 0 {
            f.write_str("-")?;
        }
        let ns = self.0.unsigned_abs();
        let fraction = |f: &mut fmt::Formatter<'_>, whole: u64, part: u64, digits: usize, unit: &str| {
            if part == 0 {
                write!(f, "{whole}{unit}")
            } else {
                let text = format!("{part:0digits$}");
                write!(f, "{whole}.{}{unit}", text.trim_end_matches('0'))
            }
        };
        if ns < 1_000 {
            return write!(f, "{ns}ns");
        }
        if ns < 1_000_000 {
            return fraction(f, ns / 1_000, ns % 1_000, 3, "µs");
        }
        if ns < 1_000_000_000 {
            return fraction(f, ns / 1_000_000, ns % 1_000_000, 6, "ms");
        }
        let secs = ns / 1_000_000_000;
        if secs >= 3600 {
            write!(f, "{}h", secs / 3600)?;
        }
        if secs >= 60 {
            write!(f, "{}m", secs / 60 % 60)?;
        }
        fraction(f, secs % 60, ns % 1_000_000_000, 9, "s")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_print_as_go_prints_them() {
        for (ns, text) in [
            (0, "0s"),
            (1, "1ns"),
            (1_500, "1.5µs"),
            (250_000_000, "250ms"),
            (1_000_000_000, "1s"),
            (90_000_000_000, "1m30s"),
            (3_600_000_000_000, "1h0m0s"),
            (-1_500_000_000, "-1.5s"),
        ] {
            assert_eq!(Duration(ns).to_string(), text);
        }
    }
}
