//! Exponential back-off with expiry (`client-go/util/flowcontrol: Backoff`, `kubelet.go: newCrashLoopBackOff`).

use std::collections::BTreeMap;

use crate::kernel::{Duration, Time};

/// Back-off entries by key.
#[derive(Debug)]
pub struct Backoff<K: Ord> {
    initial: Duration,
    max: Duration,
    entries: BTreeMap<K, Entry>,
}

#[derive(Debug)]
struct Entry {
    length: Duration,
    last_update: Time,
}

/// An entry expires when the event comes more than this after the entry's last update.
const EXPIRY: Duration = Duration::from_secs(600);

impl<K: Ord> Backoff<K> {
    /// An empty table: the first entry of a key is `initial` long, each next one twice as long, up to `max`.
    pub fn new(initial: Duration, max: Duration) -> Backoff<K> {
        Backoff {
            initial: initial.min(max),
            max,
            entries: BTreeMap::new(),
        }
    }

    /// The present length of the key's back-off; none is zero (`Get`).
    pub fn get(&self, key: &K) -> Duration {
        self.entries.get(key).map_or(Duration::ZERO, |entry| entry.length)
    }

    /// Arms the back-off: starts it afresh, or doubles it (`Next`).
    pub fn next(&mut self, key: K, event: Time, now: Time) {
        let (initial, max) = (self.initial, self.max);
        let fresh = Entry {
            length: initial,
            last_update: now,
        };
        match self.entries.get_mut(&key) {
            Some(entry) if event - entry.last_update <= EXPIRY => {
                entry.length = entry.length.times(2).min(max);
                entry.last_update = now;
            }
            _ => {
                self.entries.insert(key, fresh);
            }
        }
    }

    /// Drops entries whose last update is long enough ago (`GC`). The kubelet does so at each housekeeping;
    /// here it is enough to do it before an entry is asked for, as of the last housekeeping.
    pub fn collect(&mut self, housekeeping: Time) {
        self.entries
            .retain(|_, entry| housekeeping - entry.last_update <= EXPIRY);
    }

    /// Whether the wait that began with `event` still lasts (`IsInBackOffSince`).
    pub fn is_in_backoff_since(&self, key: &K, event: Time, now: Time) -> bool {
        self.entries
            .get(key)
            .is_some_and(|entry| event - entry.last_update <= EXPIRY && now - event < entry.length)
    }

    /// Whether the wait that began with the entry's last update still lasts (`IsInBackOffSinceUpdate`).
    pub fn is_in_backoff_since_update(&self, key: &K, now: Time) -> bool {
        self.entries.get(key).is_some_and(|entry| {
            let since = now - entry.last_update;
            since <= EXPIRY && since < entry.length
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEC: fn(i64) -> Time = |s| Time(s * 1_000_000_000);

    #[test]
    fn doubles_up_to_the_maximum_and_expires_after_ten_minutes() {
        let mut backoff = Backoff::new(Duration::from_secs(10), Duration::from_secs(300));
        assert!(!backoff.is_in_backoff_since(&"a", SEC(1), SEC(2)));
        let mut lengths = Vec::new();
        for n in 0..7 {
            backoff.next("a", SEC(n), SEC(n));
            lengths.push(backoff.get(&"a").as_secs());
        }
        assert_eq!(lengths, [10, 20, 40, 80, 160, 300, 300]);
        assert!(
            backoff.is_in_backoff_since(&"a", SEC(606), SEC(900)),
            "exactly ten minutes is not more"
        );
        assert!(!backoff.is_in_backoff_since(&"a", SEC(607), SEC(608)));
        backoff.next("a", SEC(607), SEC(608));
        assert_eq!(backoff.get(&"a").as_secs(), 10);
    }
}
