//! Shards: which runs one of several processes does.

use sha2::{Digest, Sha256};

/// Shard `index` of `count`: the runs whose number leaves `index` when divided by `count`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    /// from 0
    pub index: u64,
    /// how many there are
    pub count: u64,
}

impl Shard {
    /// All runs.
    pub const WHOLE: Shard = Shard { index: 0, count: 1 };

    /// Reads `i/n`; errors with what is wrong.
    pub fn parse(text: &str) -> Result<Shard, String> {
        let numbers = text.split_once('/').map(|(i, n)| (i.parse::<u64>(), n.parse::<u64>()));
        match numbers {
            Some((Ok(index), Ok(count))) if index < count => Ok(Shard { index, count }),
            Some((Ok(_), Ok(count))) if count > 0 => {
                Err(format!("shards count from 0: the last is {}/{count}", count - 1))
            }
            _ => Err("a shard is i/n with i from 0 to n-1, such as 0/4".to_owned()),
        }
    }

    /// Reads `n` or `i/n`; of a bare count the index is that of an Indexed Job's pod.
    pub fn of_job(text: &str, completion_index: Option<&str>) -> Result<Shard, String> {
        if text.contains('/') {
            return Shard::parse(text);
        }
        match completion_index {
            Some(index) => Shard::parse(&format!("{index}/{text}")),
            None => Err("a shard is i/n; a bare n needs JOB_COMPLETION_INDEX in the environment".to_owned()),
        }
    }

    /// The shard's runs among the first `runs`.
    pub fn runs(self, runs: u64) -> impl Iterator<Item = u64> + Clone {
        let step = usize::try_from(self.count).unwrap_or(usize::MAX);
        (self.index..runs).step_by(step)
    }

    /// The number of its run that has `position` others of the shard before it.
    pub fn run_at(self, position: u64) -> u64 {
        self.index.saturating_add(position.saturating_mul(self.count))
    }
}

/// What shards of the same thing have in common: a digest of the texts that say what is run, and of this podlapse.
pub(super) fn fingerprint<'t>(texts: impl IntoIterator<Item = &'t str>) -> String {
    let mut digest = Sha256::new_with_prefix(env!("CARGO_PKG_VERSION"));
    for text in texts {
        // With its length, so that no text can pass for the end of another.
        digest.update((text.len() as u64).to_le_bytes());
        digest.update(text);
    }
    digest.finalize()[..8]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

impl std::fmt::Display for Shard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.index, self.count)
    }
}

/// The name of the last column of a shard's table: which shard it is, and of what. The column is empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) shard: Shard,
    /// runs of all shards
    pub(super) runs: u64,
    /// a fingerprint of the sweep
    pub(super) of: String,
}

impl std::fmt::Display for Mark {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "shard={} runs={} of={}", self.shard, self.runs, self.of)
    }
}

impl Mark {
    /// Reads what it is displayed as; None: it is no mark.
    pub(super) fn parse(text: &str) -> Option<Mark> {
        let mut fields = text.split(' ');
        let mut field = |name: &str| fields.next()?.strip_prefix(name)?.strip_prefix('=');
        Some(Mark {
            shard: Shard::parse(field("shard")?).ok()?,
            runs: field("runs")?.parse().ok()?,
            of: field("of")?.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_part_the_runs() {
        let mut all: Vec<u64> = (0..3).flat_map(|index| Shard { index, count: 3 }.runs(10)).collect();
        all.sort_unstable();
        assert_eq!(all, (0..10).collect::<Vec<_>>());
        assert_eq!(Shard::parse("2/3"), Ok(Shard { index: 2, count: 3 }));
        assert_eq!(Shard::of_job("3", Some("1")), Ok(Shard { index: 1, count: 3 }));
        for text in ["3/3", "0/0", "1", "a/b", "-1/2", ""] {
            assert!(Shard::parse(text).is_err(), "{text}");
        }
        assert!(Shard::of_job("3", None).is_err());
    }
}
