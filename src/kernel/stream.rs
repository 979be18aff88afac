//! Named streams of random numbers, each a function of the seed and its name alone.

use std::cell::RefCell;

use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use sha2::{Digest, Sha256};
use smol_str::SmolStr;

use super::time::Duration;

/// A stream of random numbers. Drawing from one leaves all others as they are.
pub struct Stream {
    seed: u64,
    name: SmolStr,
    /// Made with the first number: many a stream is never asked.
    generator: RefCell<Option<ChaCha12Rng>>,
}

impl Stream {
    /// The stream of that name.
    pub fn new(seed: u64, name: impl Into<SmolStr>) -> Stream {
        Stream {
            seed,
            name: name.into(),
            generator: RefCell::default(),
        }
    }

    /// 64 random bits.
    pub fn next_u64(&self) -> u64 {
        let mut generator = self.generator.borrow_mut();
        let generator = generator.get_or_insert_with(|| {
            let mut hash = Sha256::new();
            hash.update(self.seed.to_le_bytes());
            hash.update(self.name.as_bytes());
            ChaCha12Rng::from_seed(hash.finalize().into())
        });
        generator.next_u64()
    }

    /// A number below `bound`, which is at least 1. Scaling by multiplication leaves a bias of at most
    /// `bound` / 2^64.
    pub fn below(&self, bound: u64) -> u64 {
        let wide = u128::from(self.next_u64()) * u128::from(bound);
        u64::try_from(wide >> 64).expect("a product of 64 bits each has at most 128")
    }

    /// A span from zero to just under `span`; of a span that is not positive, zero.
    pub fn part_of(&self, span: Duration) -> Duration {
        match u64::try_from(span.0) {
            Ok(bound) if bound > 0 => Duration(i64::try_from(self.below(bound)).unwrap_or(0)),
            Ok(_) | Err(_) => Duration::ZERO,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_depend_on_seed_and_name() {
        let first = |seed, name| Stream::new(seed, name).next_u64();
        assert_eq!(first(7, "jitter"), first(7, "jitter"));
        assert_ne!(first(7, "jitter"), first(8, "jitter"));
        assert_ne!(first(7, "jitter"), first(7, "probes"));
    }

    #[test]
    fn numbers_stay_below_their_bound() {
        let stream = Stream::new(0, "bound");
        assert!((0..1000).all(|_| stream.below(3) < 3));
        assert_eq!(stream.part_of(Duration(0)), Duration::ZERO);
    }
}
