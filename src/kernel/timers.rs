//! The event queue: timers in exact order of (instant, sequence), each put in and taken out in constant time.
//!
//! 1. What is due up to the *limit* is near and waits in order: a sorted batch, and a small heap for what came since.
//! 2. What is later waits in the wheel, in buckets.
//! 3. When nothing is near, the next bucket becomes the batch if it is small, by itself or as a part of all timers, and is
//!    spread over the lower levels of the wheel if it is not. So a timer moves once a level at most, and in a sparse wheel
//!    hardly ever.
//! 4. When the small heap is small no more, the limit is lowered and the heap's later part goes to the wheel. Few timers
//!    therefore never see the wheel: for them a heap is best.
//!
//! A cancelled timer stays where it is until its turn comes, when a second queue, of those cancelled, says so. If they
//! outnumber the others all are swept out. Nobody sees a cancelled timer: not the clock, not the end of a run.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::num::NonZeroU64;

use super::batch::Batch;
use super::executor::TaskId;
use super::time::Time;
use super::wheel::Wheel;

/// As many timers are kept in order rather than spread over buckets.
const FEW: usize = 64;
/// A bucket with no more than this part of all timers is kept in order, too: most of what comes is later.
const SMALL_PART: usize = 8;

/// A timer's number and the task that it wakes: later timers have greater tickets.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Ticket(NonZeroU64);

impl Ticket {
    /// The lower bits are the task's, the others the number's.
    const TASK_BITS: u32 = TaskId::MOST.ilog2();

    /// The ticket of the `number`th timer, counted from 1.
    #[inline]
    pub(super) fn new(number: u64, task: TaskId) -> Ticket {
        assert!(
            number < 1 << (u64::BITS - Ticket::TASK_BITS),
            "a run has fewer than 2^40 timers"
        );
        let bits = number << Ticket::TASK_BITS | u64::from(task.index());
        Ticket(NonZeroU64::new(bits).expect("timers are counted from 1"))
    }

    #[inline]
    pub(super) fn task(self) -> TaskId {
        TaskId::at((self.0.get() & ((1 << Ticket::TASK_BITS) - 1)) as u32)
    }
}

/// What waits for an instant. In one number, for fast sorting: the instant above, the ticket below.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Timer(u128);

impl Timer {
    /// `at` is not before t = 0.
    #[inline]
    pub(super) fn new(at: Time, ticket: Ticket) -> Timer {
        Timer(u128::from(at.as_nanos().cast_unsigned()) << 64 | u128::from(ticket.0.get()))
    }

    #[inline]
    pub(super) fn at(self) -> Time {
        Time(((self.0 >> 64) as u64).cast_signed())
    }

    #[inline]
    pub(super) fn ticket(self) -> Ticket {
        Ticket(NonZeroU64::new(self.0 as u64).expect("a timer was made of a ticket"))
    }
}

impl std::fmt::Debug for Timer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?} at {:?}", self.ticket(), self.at())
    }
}

/// What [`Timers::pop`] found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Next {
    /// The next timer; it has left the queue.
    Due(Timer),
    /// The next timer lies behind the horizon and stays.
    BehindHorizon,
    /// No timer is left.
    Nothing,
}

/// The queue.
pub(super) struct Timers {
    /// What was taken out of the wheel.
    batch: Batch,
    /// What came since and is near.
    near: BinaryHeap<Reverse<Timer>>,
    /// When more than these are near the limit is lowered.
    near_max: usize,
    /// The last instant that is near.
    limit: Time,
    /// No further may the limit be lowered: the first instant of the bucket taken last.
    floor: Time,
    /// When the last timer was due.
    now: Time,
    wheel: Wheel,
    /// How many timers are anywhere, cancelled ones too.
    stored: usize,
    cancelled: BinaryHeap<Reverse<Timer>>,
}

impl Timers {
    pub(super) fn new() -> Timers {
        Timers {
            batch: Batch::default(),
            near: BinaryHeap::with_capacity(FEW),
            near_max: FEW,
            limit: Time::MAX,
            floor: Time::ZERO,
            now: Time::ZERO,
            wheel: Wheel::default(),
            stored: 0,
            cancelled: BinaryHeap::with_capacity(8),
        }
    }

    /// Puts a timer in, not earlier than the one taken out last.
    #[inline]
    pub(super) fn push(&mut self, timer: Timer) {
        debug_assert!(timer.at() >= self.now, "no timer is put in for the past");
        self.stored += 1;
        if timer.at() > self.limit {
            self.wheel.put(timer, self.limit);
            return;
        }
        self.near.push(Reverse(timer));
        if self.near.len() > self.near_max {
            self.lower_limit();
        }
    }

    /// Takes the next timer out, unless it lies behind the horizon.
    #[inline(always)]
    pub(super) fn pop(&mut self, horizon: Time) -> Next {
        loop {
            let in_batch = self.batch.next();
            let added = self.near.peek().map(|Reverse(timer)| timer);
            let (timer, from_batch) = match (in_batch, added) {
                (Some(first), Some(added)) if added < first => (*added, false),
                (Some(first), _) => (*first, true),
                (None, Some(added)) => (*added, false),
                (None, None) => match self.refill() {
                    true => continue,
                    false => return Next::Nothing,
                },
            };
            let cancelled = self.cancelled.peek() == Some(&Reverse(timer));
            if timer.at() > horizon && !cancelled {
                return Next::BehindHorizon;
            }
            if from_batch {
                self.batch.pop();
            } else {
                self.near.pop();
            }
            self.stored -= 1;
            if cancelled {
                self.cancelled.pop();
                continue;
            }
            self.now = timer.at();
            return Next::Due(timer);
        }
    }

    /// Takes back a timer that has not been taken out yet.
    pub(super) fn cancel(&mut self, timer: Timer) {
        self.cancelled.push(Reverse(timer));
        if self.cancelled.len() > self.stored / 2 + FEW {
            self.sweep();
        }
    }

    /// The timers that are due soon, each time that there are new ones.
    #[inline]
    pub(super) fn soon(&mut self) -> Option<&[Timer]> {
        self.batch.soon()
    }

    /// Makes the next timers the batch; whether there are any.
    #[cold]
    fn refill(&mut self) -> bool {
        while self.batch.is_empty() {
            let Some(bucket) = self.wheel.next(self.limit) else {
                self.near_max = FEW;
                self.limit = Time::MAX;
                return false;
            };
            self.floor = bucket.first;
            let small = (self.stored / SMALL_PART).clamp(FEW, Batch::MOST);
            if bucket.len <= small || bucket.is_one_instant() {
                self.limit = bucket.last;
                self.wheel.take(bucket, self.batch.unsorted());
            } else {
                self.limit = bucket.first;
                self.wheel.spread(bucket, self.batch.unsorted());
            }
        }
        self.batch.sort(self.floor, self.limit);
        // Lowering the limit takes the longer the larger the batch is.
        self.near_max = self.batch.len().max(FEW);
        if self.wheel.is_empty() {
            self.limit = Time::MAX;
        }
        true
    }

    /// Sends to the wheel what need not be near.
    #[cold]
    fn lower_limit(&mut self) {
        let limit = self.floor.max(self.now);
        self.limit = limit;
        for timer in self.batch.extract(|timer| timer.at() > limit) {
            self.wheel.put(timer, limit);
        }
        let mut near = std::mem::take(&mut self.near).into_vec();
        for Reverse(timer) in near.extract_if(.., |Reverse(timer)| timer.at() > limit) {
            self.wheel.put(timer, limit);
        }
        // What can't be sent away must not be looked through each time.
        self.near_max = FEW.max(2 * near.len());
        self.near = near.into();
    }

    /// Removes every cancelled timer.
    #[cold]
    fn sweep(&mut self) {
        let cancelled = std::mem::take(&mut self.cancelled).into_sorted_vec();
        let live = |timer: &Timer| cancelled.binary_search(&Reverse(*timer)).is_err();
        self.batch.retain(live);
        self.near.retain(|Reverse(timer)| live(timer));
        self.stored = self.batch.len() + self.near.len() + self.wheel.retain(live);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Stream;
    use proptest::prelude::*;

    /// What is done to the queue.
    #[derive(Clone, Debug)]
    enum Step {
        /// Put a timer in, so long after the last that fired.
        Push(i64),
        /// Cancel one of those that wait.
        Cancel(prop::sample::Index),
        /// Take what is due within a span.
        Pop(i64),
    }

    /// Spans of every size, many of them alike.
    fn span() -> impl Strategy<Value = i64> {
        prop_oneof![
            4 => 0..4_i64,
            4 => (0..62_u32, 0..64_i64).prop_map(|(shift, n)| n.checked_shl(shift).unwrap_or(0).max(0) >> 2),
            2 => (0..3_600_i64).prop_map(|secs| secs * 1_000_000_000),
            2 => 0..2_000_000_i64,
            1 => 0..i64::MAX / 4,
        ]
    }

    fn steps(most: usize) -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            8 => span().prop_map(Step::Push),
            2 => any::<prop::sample::Index>().prop_map(Step::Cancel),
            4 => span().prop_map(Step::Pop),
        ];
        // Bursts fill the wheel; single steps look at its edges.
        let burst = (span(), 1..300_usize).prop_map(|(most, n)| {
            (0..n as i64)
                .map(|i| Step::Push(i.wrapping_mul(0x9e37_79b9_7f4a_7c15_u64 as i64).rem_euclid(most.max(1))))
                .collect()
        });
        let drain = (span(), 1..200_usize).prop_map(|(most, n)| vec![Step::Pop(most); n]);
        let part = prop_oneof![8 => step.prop_map(|step| vec![step]), 1 => burst, 1 => drain];
        prop::collection::vec(part, 0..most).prop_map(|parts: Vec<Vec<Step>>| parts.concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

        /// The queue does as a sorted set does.
        #[test]
        fn it_is_a_sorted_set(steps in steps(120)) {
            let mut timers = Timers::new();
            let mut model = std::collections::BTreeSet::new();
            let (mut now, mut sequence) = (Time::ZERO, 0);
            let check = |timers: &mut Timers, model: &mut std::collections::BTreeSet<Timer>, horizon: Time| {
                let want = match model.first().copied() {
                    None => Next::Nothing,
                    Some(timer) if timer.at() > horizon => Next::BehindHorizon,
                    Some(timer) => {
                        model.pop_first();
                        Next::Due(timer)
                    }
                };
                let got = timers.pop(horizon);
                assert_eq!(got, want);
                match got {
                    Next::Due(timer) => Some(timer.at()),
                    Next::BehindHorizon | Next::Nothing => None,
                }
            };
            for step in steps {
                match step {
                    Step::Push(span) => {
                        sequence += 1;
                        let at = Time(now.0.saturating_add(span));
                        let timer = Timer::new(at, Ticket::new(sequence, TaskId::at(7)));
                        timers.push(timer);
                        model.insert(timer);
                    }
                    Step::Cancel(index) if !model.is_empty() => {
                        let timer = *model.iter().nth(index.index(model.len())).expect("an index within");
                        model.remove(&timer);
                        timers.cancel(timer);
                    }
                    Step::Cancel(_) => {}
                    Step::Pop(span) => {
                        let horizon = Time(now.0.saturating_add(span));
                        now = check(&mut timers, &mut model, horizon).unwrap_or(now);
                    }
                }
            }
            while check(&mut timers, &mut model, Time::MAX).is_some() {}
            assert!(model.is_empty());
            assert_eq!((timers.stored, timers.cancelled.len()), (0, 0));
        }
    }

    #[test]
    fn those_cancelled_do_not_pile_up() {
        let mut timers = Timers::new();
        for number in 1..1_000_000 {
            let at = Time(1_000_000_000 + number as i64);
            let timer = Timer::new(at, Ticket::new(number, TaskId::at(0)));
            timers.push(timer);
            timers.cancel(timer);
            assert!(timers.stored <= 4 * FEW, "{}", timers.stored);
        }
        assert_eq!(timers.pop(Time::MAX), Next::Nothing);
    }

    /// Enough for batches of every size, crowded and even ones, some of whose timers are cancelled.
    #[test]
    fn very_many_are_a_sorted_set() {
        for (entities, span) in [
            (1_000, 1_000_000_000),
            (30_000, 1_000_000_000),
            (100_000, 3_000),
            (200_000, 1 << 50),
        ] {
            let random = Stream::new(entities, "timers");
            let (mut timers, mut model) = (Timers::new(), std::collections::BTreeSet::new());
            let put = |timers: &mut Timers, model: &mut std::collections::BTreeSet<Timer>, number: u64, now: Time| {
                let near = random.below(8) == 0;
                let delay = random.below(if near { span / 1000 } else { span });
                let timer = Timer::new(Time(now.0 + delay as i64), Ticket::new(number, TaskId::at(7)));
                timers.push(timer);
                model.insert(timer);
                if random.below(16) == 0 {
                    model.remove(&timer);
                    timers.cancel(timer);
                }
            };
            for number in 1..=entities {
                put(&mut timers, &mut model, number, Time::ZERO);
            }
            for number in entities + 1..3 * entities {
                let Some(want) = model.pop_first() else { break };
                assert_eq!(timers.pop(Time::MAX), Next::Due(want));
                put(&mut timers, &mut model, number, want.at());
            }
            for want in model {
                assert_eq!(timers.pop(Time::MAX), Next::Due(want));
            }
            assert_eq!(timers.pop(Time::MAX), Next::Nothing);
        }
    }

    #[test]
    fn a_million_at_one_instant_are_first_in_first_out() {
        let timer = |number| Timer::new(Time(77), Ticket::new(number, TaskId::at(0)));
        let mut timers = Timers::new();
        for number in 1..1_000_000 {
            timers.push(timer(number));
        }
        for number in 1..1_000_000 {
            assert_eq!(timers.pop(Time::MAX), Next::Due(timer(number)));
        }
    }
}
