//! When each pod is looked at again (`pkg/kubelet/util/queue`).

use std::collections::{BTreeMap, BTreeSet};

use crate::kernel::Time;
use crate::runtime::PodIx;

/// One entry a pod, in the order of their times.
#[derive(Default)]
pub(super) struct WorkQueue {
    due: BTreeMap<PodIx, (Time, Option<u64>)>,
    order: BTreeSet<(Time, PodIx)>,
}

impl WorkQueue {
    /// Puts a pod in, in place of what was there (`Enqueue`). `cause` is what the look will act upon.
    pub(super) fn enqueue(&mut self, ix: PodIx, at: Time, cause: Option<u64>) {
        if let Some((before, _)) = self.due.insert(ix, (at, cause)) {
            self.order.remove(&(before, ix));
        }
        self.order.insert((at, ix));
    }

    /// Takes a pod out.
    pub(super) fn remove(&mut self, ix: PodIx) {
        if let Some((at, _)) = self.due.remove(&ix) {
            self.order.remove(&(at, ix));
        }
    }

    /// When the next one is due.
    pub(super) fn first(&self) -> Option<Time> {
        self.order.first().map(|(at, _)| *at)
    }

    /// Takes out what was due strictly before `now` (`GetWork`), with the causes.
    pub(super) fn take_due(&mut self, now: Time) -> BTreeMap<PodIx, Option<u64>> {
        let mut taken = BTreeMap::new();
        while let Some((at, ix)) = self.order.first().copied()
            && at < now
        {
            self.order.pop_first();
            let cause = self.due.remove(&ix).and_then(|(_, cause)| cause);
            taken.insert(ix, cause);
        }
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pod_is_in_it_once_and_comes_out_strictly_after_its_time() {
        let mut queue = WorkQueue::default();
        queue.enqueue(PodIx(1), Time(10), Some(1));
        queue.enqueue(PodIx(0), Time(10), None);
        queue.enqueue(PodIx(1), Time(20), Some(2));
        queue.enqueue(PodIx(2), Time(5), None);
        queue.remove(PodIx(2));
        assert_eq!(queue.first(), Some(Time(10)));
        assert!(queue.take_due(Time(10)).is_empty());
        assert_eq!(queue.take_due(Time(11)), BTreeMap::from([(PodIx(0), None)]));
        assert_eq!(queue.take_due(Time(100)), BTreeMap::from([(PodIx(1), Some(2))]));
        assert_eq!(queue.first(), None);
    }
}
