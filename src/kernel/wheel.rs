//! A hierarchical timing wheel over nanoseconds: far timers in buckets, in no order within a bucket.
//!
//! Each level has 256 buckets. One of the lowest level spans a nanosecond, one of each further level 256 times as much: with
//! fewer, larger levels a timer seldom moves from one to another.
//! Everything in the wheel is later than its owner's *limit*, and a timer's bucket is that of the highest digit (base 256)
//! in which its instant differs from the limit. Two things follow. The lowest bucket of the lowest level in use is the next,
//! always. And the limit may move to any instant of that bucket without a timer elsewhere changing its place.
//!
//! A bucket is a chain of blocks of memory. A block that was emptied last is filled next: so the wheel takes little more
//! memory than its timers need, and what it takes is in the processor's cache.

use super::time::Time;
use super::timers::Timer;

/// Bits of one digit.
const DIGIT_BITS: u32 = 8;
/// Buckets of one level.
const BUCKETS: usize = 1 << DIGIT_BITS;
/// A bit for each bucket of a level.
type Occupied = [u64; BUCKETS / 64];
/// Timers of one block: 1 KiB.
const BLOCK: usize = 64;

/// The wheel.
#[derive(Default)]
pub(super) struct Wheel {
    /// As many as were ever needed, at most 8.
    levels: Vec<Level>,
    blocks: Vec<[Timer; BLOCK]>,
    /// What follows each block in its chain.
    next: Vec<Link>,
    /// The chain of the blocks that no bucket has.
    spare: Link,
}

struct Level {
    /// Which buckets hold something.
    occupied: Occupied,
    buckets: [Chain; BUCKETS],
}

/// The memory of a bucket. All blocks but the first are full.
#[derive(Clone, Copy, Default)]
struct Chain {
    first: Link,
    /// The timers in all blocks.
    len: u32,
}

/// The place of a block.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Link(u32);

impl Link {
    const NONE: Link = Link(u32::MAX);
}

impl Default for Link {
    fn default() -> Link {
        Link::NONE
    }
}

/// A bucket of the wheel that is not empty.
#[derive(Clone, Copy)]
pub(super) struct Bucket {
    level: usize,
    digit: usize,
    /// How many timers are in it.
    pub(super) len: usize,
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
        self.put_at(level as usize, digit, timer);
    }

    #[inline]
    fn put_at(&mut self, level: usize, digit: usize, timer: Timer) {
        if level >= self.levels.len() {
            self.levels.resize_with(level + 1, Level::default);
        }
        let level = &mut self.levels[level];
        let bucket = &mut level.buckets[digit];
        let place = bucket.len as usize % BLOCK;
        bucket.len += 1;
        if place == 0 {
            level.occupied[digit / 64] |= 1 << (digit % 64);
            let before = bucket.first;
            let block = self.spare;
            bucket.first = match self.next.get_mut(block.0 as usize) {
                Some(next) => {
                    self.spare = std::mem::replace(next, before);
                    block
                }
                None => {
                    self.blocks.push([timer; BLOCK]);
                    self.next.push(before);
                    Link(u32::try_from(self.next.len() - 1).expect("fewer than 2^32 blocks"))
                }
            };
        }
        self.blocks[bucket.first.0 as usize][place] = timer;
    }

    /// The next bucket after the limit.
    pub(super) fn next(&self, limit: Time) -> Option<Bucket> {
        let mut levels = self.levels.iter().enumerate();
        let (index, digit) = levels.find_map(|(index, level)| Some((index, level.first()?)))?;
        let shift = index as u32 * DIGIT_BITS;
        // Its higher digits are the limit's.
        let higher = u64::MAX.checked_shl(shift + DIGIT_BITS).unwrap_or(0);
        let first = limit.as_nanos().cast_unsigned() & higher | (digit as u64) << shift;
        let last = first | ((1 << shift) - 1);
        Some(Bucket {
            level: index,
            digit,
            len: self.levels[index].buckets[digit].len as usize,
            first: Time(first.cast_signed()),
            last: Time(last.cast_signed()),
        })
    }

    /// Takes out all that is in a bucket, in no order.
    pub(super) fn take(&mut self, bucket: Bucket, into: &mut Vec<Timer>) {
        self.drain(bucket.level, bucket.digit, into);
    }

    fn drain(&mut self, level: usize, digit: usize, into: &mut Vec<Timer>) {
        let mut chain = self.empty(level, digit);
        while let Some(timers) = self.pop_block(&mut chain) {
            into.extend_from_slice(timers);
        }
    }

    /// Spreads the next bucket over the lower levels: the limit has moved to its first instant. What is due at that
    /// instant is taken out.
    pub(super) fn spread(&mut self, bucket: Bucket, into: &mut Vec<Timer>) {
        let limit = bucket.first;
        let mut chain = self.empty(bucket.level, bucket.digit);
        while let Some(timers) = self.pop_block(&mut chain) {
            // Where they are may be the next block to be filled.
            let mut copy = [timers[0]; BLOCK];
            let copy = &mut copy[..timers.len()];
            copy.copy_from_slice(timers);
            for timer in copy {
                if timer.at() > limit {
                    self.put(*timer, limit);
                } else {
                    into.push(*timer);
                }
            }
        }
    }

    /// Empties a bucket; what was in it.
    fn empty(&mut self, level: usize, digit: usize) -> Chain {
        let level = &mut self.levels[level];
        level.occupied[digit / 64] &= !(1 << (digit % 64));
        std::mem::take(&mut level.buckets[digit])
    }

    /// The timers of a chain's first block, which leaves it.
    #[inline]
    fn pop_block(&mut self, chain: &mut Chain) -> Option<&[Timer]> {
        let block = chain.first;
        let next = self.next.get_mut(block.0 as usize)?;
        chain.first = std::mem::replace(next, self.spare);
        self.spare = block;
        let len = (chain.len as usize - 1) % BLOCK + 1;
        chain.len -= len as u32;
        Some(&self.blocks[block.0 as usize][..len])
    }

    /// Whether nothing is in it.
    pub(super) fn is_empty(&self) -> bool {
        self.levels.iter().all(|level| level.first().is_none())
    }

    /// Removes the timers that are not to be kept; how many stay.
    pub(super) fn retain(&mut self, keep: impl Fn(&Timer) -> bool) -> usize {
        let mut kept = 0;
        let mut timers = Vec::new();
        for level in 0..self.levels.len() {
            for digit in 0..BUCKETS {
                if self.levels[level].buckets[digit].len == 0 {
                    continue;
                }
                self.drain(level, digit, &mut timers);
                for timer in timers.drain(..).filter(&keep) {
                    self.put_at(level, digit, timer);
                    kept += 1;
                }
            }
        }
        kept
    }
}

impl Level {
    /// The lowest bucket that holds something.
    fn first(&self) -> Option<usize> {
        let word = self.occupied.iter().position(|word| *word != 0)?;
        Some(word * 64 + self.occupied[word].trailing_zeros() as usize)
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
            occupied: Occupied::default(),
            buckets: [Chain::default(); BUCKETS],
        }
    }
}
