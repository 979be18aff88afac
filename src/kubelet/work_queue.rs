//! When each pod is looked at again (`pkg/kubelet/util/queue`).

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::kernel::Time;
use crate::runtime::{PodIx, PodMap};

/// One entry a pod, in the order of their times.
#[derive(Default)]
pub(super) struct WorkQueue {
    /// Pods that were taken out keep their place: they mostly come back.
    due: PodMap<Option<(Time, Option<u64>)>>,
    /// Also entries that have been replaced: they name a time at which their pod is not due.
    order: BinaryHeap<Reverse<(Time, PodIx)>>,
}

impl WorkQueue {
    /// Puts a pod in, in place of what was there (`Enqueue`). `cause` is what the look will act upon.
    pub(super) fn enqueue(&mut self, ix: PodIx, at: Time, cause: Option<u64>) {
        self.due.insert(ix, Some((at, cause)));
        self.order.push(Reverse((at, ix)));
        if self.order.len() > 2 * self.due.len() + FEW {
            let due = &self.due;
            self.order.retain(|Reverse(entry)| is_due(due, *entry));
        }
    }

    /// Takes a pod out.
    pub(super) fn remove(&mut self, ix: PodIx) {
        if let Some(due) = self.due.get_mut(ix) {
            *due = None;
        }
    }

    /// When the next one is due.
    pub(super) fn first(&mut self) -> Option<Time> {
        while let Some(Reverse(entry)) = self.order.peek() {
            if is_due(&self.due, *entry) {
                return Some(entry.0);
            }
            self.order.pop();
        }
        None
    }

    /// Takes out what was due strictly before `now` (`GetWork`), with the causes.
    pub(super) fn take_due(&mut self, now: Time) -> PodMap<Option<u64>> {
        let mut taken = PodMap::default();
        while self.first().is_some_and(|at| at < now) {
            let Some(Reverse((_, ix))) = self.order.pop() else {
                break;
            };
            let cause = self.due.get_mut(ix).and_then(Option::take).and_then(|(_, cause)| cause);
            taken.insert(ix, cause);
        }
        taken
    }
}

/// Replaced entries that are not worth the tidying.
const FEW: usize = 8;

fn is_due(due: &PodMap<Option<(Time, Option<u64>)>>, (at, ix): (Time, PodIx)) -> bool {
    matches!(due.get(ix), Some(Some((due, _))) if *due == at)
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
        assert_eq!(Vec::from_iter(queue.take_due(Time(11))), [(PodIx(0), None)]);
        assert_eq!(Vec::from_iter(queue.take_due(Time(100))), [(PodIx(1), Some(2))]);
        assert_eq!(queue.first(), None);
    }
}
