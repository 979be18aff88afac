//! Seeded random streams, and the draws that the generators make from them.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use crate::kernel::{Duration, Time};

/// The places of a generated scenario that have a stream of their own, so that more draws at one place leave the
/// others as they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum StreamOf {
    Shape,
    Pods,
    Scripts,
    World,
    Actions,
    Mutations,
    Nodes,
    References,
    Resources,
}

/// A random stream.
pub struct Stream(ChaCha8Rng);

impl Stream {
    /// The stream of a place in run number `run` of `seed`.
    pub fn new(seed: u64, run: u64, place: StreamOf) -> Stream {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        key[8..16].copy_from_slice(&run.to_le_bytes());
        key[16..24].copy_from_slice(b"podlapse");
        let mut rng = ChaCha8Rng::from_seed(key);
        rng.set_stream(place as u64);
        Stream(rng)
    }

    /// A number below `bound`, which is not 0.
    pub fn below(&mut self, bound: u32) -> u32 {
        // The bias of a 32-bit range over so small bounds is of no account here.
        let wide = u64::from(self.0.next_u32()) * u64::from(bound);
        u32::try_from(wide >> 32).unwrap_or(0)
    }

    /// A number of a range, both ends included.
    pub fn between(&mut self, from: u32, to: u32) -> u32 {
        from + self.below(to - from + 1)
    }

    /// True in that many of a hundred cases.
    pub fn chance(&mut self, percent: u8) -> bool {
        percent > 0 && self.below(100) < u32::from(percent)
    }

    /// A number from 1 to `most`: each one more in that many of a hundred cases.
    pub fn count(&mut self, most: u32, percent: u8) -> usize {
        let mut count = 1;
        while count < most && self.chance(percent) {
            count += 1;
        }
        count as usize
    }

    /// One of the items, all equally likely; there must be at least one.
    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        let bound = u32::try_from(items.len()).unwrap_or(u32::MAX);
        &items[self.below(bound) as usize]
    }

    /// A span between two numbers of milliseconds, short ones more likely.
    pub fn millis(&mut self, from: u32, to: u32) -> Duration {
        let reach = self.between(from, to);
        Duration::from_millis(i64::from(self.between(from, reach)))
    }

    /// A moment of a run of that length, in whole milliseconds.
    pub fn instant(&mut self, length: Duration) -> Time {
        let millis = u32::try_from(length.0 / 1_000_000).unwrap_or(u32::MAX);
        Time::ZERO + Duration::from_millis(i64::from(self.between(1, millis)))
    }

    /// A span of whole seconds.
    pub fn seconds(&mut self, from: u32, to: u32) -> Duration {
        Duration::from_secs(i64::from(self.between(from, to)))
    }

    /// A span of whole seconds, short ones more likely.
    pub fn short_seconds(&mut self, from: u32, to: u32) -> Duration {
        let reach = self.between(from, to);
        self.seconds(from, reach)
    }
}
