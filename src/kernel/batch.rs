//! The timers that are due next, sorted.

use super::time::Time;
use super::timers::Timer;

/// So few are sorted by insertion alone.
const VERY_FEW: usize = 8;
/// Bins are for timers that are spread evenly: no more than these shall be in one.
const CROWDED: u16 = 16;
/// So many are handed out ahead of their turn at a time.
const SOON: usize = 64;

/// The timers that are due next.
#[derive(Default)]
pub(super) struct Batch {
    /// The next one at the end.
    timers: Vec<Timer>,
    /// How many of them nobody has asked for.
    unseen: usize,
    /// Room for sorting.
    sorted: Vec<Timer>,
    ends: Vec<u16>,
}

impl Batch {
    /// No more than these need less time for their sorting in bins than in the wheel.
    pub(super) const MOST: usize = 4096;

    /// The next timer.
    #[inline]
    pub(super) fn next(&self) -> Option<&Timer> {
        self.timers.last()
    }

    /// Takes the next timer out.
    #[inline]
    pub(super) fn pop(&mut self) -> Option<Timer> {
        self.timers.pop()
    }

    pub(super) fn len(&self) -> usize {
        self.timers.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.timers.is_empty()
    }

    /// To put timers in, in any order; then they must be sorted.
    pub(super) fn unsorted(&mut self) -> &mut Vec<Timer> {
        &mut self.timers
    }

    /// Takes some out.
    pub(super) fn extract(&mut self, which: impl Fn(&Timer) -> bool) -> impl Iterator<Item = Timer> {
        self.timers.extract_if(.., move |timer| which(timer))
    }

    /// Removes those that are not to be kept.
    pub(super) fn retain(&mut self, keep: impl Fn(&Timer) -> bool) {
        self.timers.retain(keep);
    }

    /// The timers that are due soon, each time that there are new ones.
    #[inline]
    pub(super) fn soon(&mut self) -> Option<&[Timer]> {
        if self.timers.len() > self.unseen || self.unseen == 0 {
            return None;
        }
        self.unseen = self.timers.len().saturating_sub(SOON);
        Some(&self.timers[self.unseen..])
    }

    /// Sorts what was put in: timers between two instants.
    pub(super) fn sort(&mut self, first: Time, last: Time) {
        self.unseen = self.timers.len();
        let few = self.timers.len() <= VERY_FEW;
        if few || self.timers.len() <= Batch::MOST && self.sort_into_bins(first, last) {
            insert_each(&mut self.timers);
        } else {
            self.timers.sort_unstable_by(|a, b| b.cmp(a));
        }
    }

    /// Sorts them as far as which part of the time they are due in, of about as many parts as there are timers.
    /// Nothing is done, and false returned, if that would leave too many in one part.
    fn sort_into_bins(&mut self, first: Time, last: Time) -> bool {
        let bins = self.timers.len().next_power_of_two();
        let span = (last.as_nanos() - first.as_nanos()).cast_unsigned();
        let span_bits = u64::BITS - span.leading_zeros();
        let shift = span_bits.saturating_sub(bins.ilog2());
        let bin = |timer: &Timer| {
            let since = (timer.at().as_nanos() - first.as_nanos()).cast_unsigned();
            // The latest is the first.
            bins - 1 - (since >> shift) as usize % bins
        };
        self.ends.clear();
        self.ends.resize(bins, 0);
        for timer in &self.timers {
            self.ends[bin(timer)] += 1;
        }
        let (mut end, mut most) = (0, 0);
        for count in &mut self.ends {
            most = most.max(*count);
            end += *count;
            *count = end;
        }
        if most > CROWDED {
            return false;
        }
        self.sorted.clear();
        self.sorted.extend_from_slice(&self.timers);
        for timer in &self.timers {
            let end = &mut self.ends[bin(timer)];
            *end -= 1;
            self.sorted[usize::from(*end)] = *timer;
        }
        std::mem::swap(&mut self.timers, &mut self.sorted);
        true
    }
}

/// Sorts by insertion: for what is few, or nearly sorted.
fn insert_each(timers: &mut [Timer]) {
    for end in 1..timers.len() {
        let timer = timers[end];
        let mut place = end;
        while place > 0 && timers[place - 1] < timer {
            timers[place] = timers[place - 1];
            place -= 1;
        }
        timers[place] = timer;
    }
}

#[cfg(test)]
mod tests {
    use super::super::executor::TaskId;
    use super::super::timers::Ticket;
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// However many there are and however they crowd.
        #[test]
        fn a_batch_is_sorted(
            first in 0..i64::MAX / 2,
            span in prop_oneof![Just(0), 0..70_i64, 0..i64::MAX / 2],
            parts in prop::collection::vec((any::<u64>(), 1..64_u64), 0..300),
        ) {
            let mut batch = Batch::default();
            let within = |part: u64| first + ((u128::from(part) * (span as u128 + 1)) >> 64) as i64;
            let timers = parts.iter().flat_map(|(part, times)| (0..*times % 7).map(move |_| within(*part)));
            for (number, at) in timers.enumerate() {
                let ticket = Ticket::new(1 + number as u64, TaskId::at(7));
                batch.unsorted().push(Timer::new(Time(at), ticket));
            }
            let mut want = batch.timers.clone();
            want.sort_by(|a, b| b.cmp(a));
            batch.sort(Time(first), Time(first + span));
            prop_assert_eq!(&batch.timers, &want);
        }
    }

    #[test]
    fn each_is_seen_before_its_turn() {
        let mut batch = Batch::default();
        for number in 1..=1000 {
            let ticket = Ticket::new(number, TaskId::at(0));
            batch.unsorted().push(Timer::new(Time(number as i64), ticket));
        }
        batch.sort(Time(0), Time(1023));
        let mut seen = std::collections::BTreeSet::new();
        while let Some(timer) = batch.pop() {
            seen.remove(&timer);
            seen.extend(batch.soon().into_iter().flatten().copied());
            assert!(batch.next().is_none_or(|next| seen.contains(next)));
        }
    }
}
