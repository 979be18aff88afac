//! A hierarchical timing wheel over nanoseconds: far timers in buckets, in no order within a bucket.
//!
//! Each level has 64 buckets. One of the lowest level spans a nanosecond, one of each further level 64 times as much.
//! Everything in the wheel is later than its owner's *limit*, and a timer's bucket is that of the highest digit (base 64)
//! in which its instant differs from the limit. Two things follow. The lowest bucket of the lowest level in use is the next,
//! always. And the limit may move to any instant of that bucket without a timer elsewhere changing its place.

use super::time::Time;
use super::timers::Timer;

/// Bits of one digit.
const DIGIT_BITS: u32 = 6;
/// Buckets of one level.
const BUCKETS: usize = 1 << DIGIT_BITS;

/// The wheel.
#[derive(Default)]
pub(super) struct Wheel {
    /// As many as were ever needed, at most 11.
    levels: Vec<Level>,
}

struct Level {
    /// A bit for each bucket that holds something.
    occupied: u64,
    buckets: [Vec<Timer>; BUCKETS],
}

/// A bucket that was taken out, to be emptied and given back with its memory.
pub(super) struct Bucket {
    level: usize,
    digit: usize,
    pub(super) timers: Vec<Timer>,
    /// The first and the last instant that it spans.
    pub(super) first: Time,
    pub(super) last: Time,
}

impl Wheel {
    /// Puts in a timer that is later than the limit.
    #[inline]
    pub(super) fn put(&mut self, timer: Timer, limit: Time) {
        let at = timer.at().as_nanos().cast_unsigned();
        let difference = at ^ limit.as_nanos().cast_unsigned();
        let level = difference.ilog2() / DIGIT_BITS;
        let digit = (at >> (level * DIGIT_BITS)) as usize % BUCKETS;
        let level = level as usize;
        if level >= self.levels.len() {
            self.levels.resize_with(level + 1, Level::default);
        }
        let level = &mut self.levels[level];
        level.occupied |= 1 << digit;
        level.buckets[digit].push(timer);
    }

    /// Takes the next bucket out.
    pub(super) fn take_next(&mut self) -> Option<Bucket> {
        let (index, level) = self
            .levels
            .iter_mut()
            .enumerate()
            .find(|(_, level)| level.occupied != 0)?;
        let digit = level.occupied.trailing_zeros() as usize;
        level.occupied &= !(1 << digit);
        let timers = std::mem::take(&mut level.buckets[digit]);
        let below = (1_i64 << (index as u32 * DIGIT_BITS)) - 1;
        let some = timers.first().map_or(0, |timer| timer.at().as_nanos());
        Some(Bucket {
            level: index,
            digit,
            timers,
            first: Time(some & !below),
            last: Time(some | below),
        })
    }

    /// Takes the memory of an emptied bucket back.
    pub(super) fn give_back(&mut self, bucket: Bucket) {
        debug_assert!(bucket.timers.is_empty(), "what is given back is empty");
        self.levels[bucket.level].buckets[bucket.digit] = bucket.timers;
    }

    /// Whether nothing is in it.
    pub(super) fn is_empty(&self) -> bool {
        self.levels.iter().all(|level| level.occupied == 0)
    }

    /// Removes the timers that are not to be kept; how many stay.
    pub(super) fn retain(&mut self, keep: impl Fn(&Timer) -> bool) -> usize {
        let mut kept = 0;
        for level in &mut self.levels {
            for (digit, bucket) in level.buckets.iter_mut().enumerate() {
                bucket.retain(&keep);
                kept += bucket.len();
                if bucket.is_empty() {
                    level.occupied &= !(1 << digit);
                }
            }
        }
        kept
    }
}

impl Bucket {
    /// Whether it spans one instant only.
    pub(super) fn is_one_instant(&self) -> bool {
        self.first == self.last
    }
}

impl Default for Level {
    fn default() -> Level {
        Level {
            occupied: 0,
            buckets: [const { Vec::new() }; BUCKETS],
        }
    }
}
