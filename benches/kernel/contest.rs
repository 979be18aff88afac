//! The kernel alone: entities that reschedule themselves at random delays, ten million events in all.
//!
//! Every contestant draws the same kind of delays (uniform between 1 ns and 1 s, SplitMix64). `podlapse` runs an async
//! task for each entity, `binary_heap` nothing: it is the queue that most simulators are built on, without the simulator.

#![allow(missing_docs, dead_code, unreachable_pub)]

use std::cell::Cell;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::rc::Rc;

use podlapse::kernel::{Duration, Kernel, Time};

pub const EVENTS: u64 = 10_000_000;
pub const ENTITIES: [u64; 2] = [1_000, 100_000];

/// The next delay, in nanoseconds: SplitMix64, scaled.
pub fn delay_ns(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut bits = *state;
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^= bits >> 31;
    1 + ((u128::from(bits) * 1_000_000_000) >> 64) as u64
}

/// What the tasks of one run share: the delays, and how many events are left.
pub struct Shared {
    random: Cell<u64>,
    left: Cell<u64>,
}

impl Shared {
    pub fn new() -> Rc<Shared> {
        Rc::new(Shared {
            random: Cell::new(1),
            left: Cell::new(EVENTS),
        })
    }

    pub fn delay_ns(&self) -> u64 {
        let mut state = self.random.get();
        let delay = delay_ns(&mut state);
        self.random.set(state);
        delay
    }

    /// Counts one event; false when enough have happened.
    pub fn count(&self) -> bool {
        let left = self.left.get();
        self.left.set(left.saturating_sub(1));
        left > 1
    }
}

pub fn podlapse(entities: u64) -> Time {
    let kernel = Kernel::new();
    let shared = Shared::new();
    for _ in 0..entities {
        let (kernel_, shared) = (kernel.clone(), shared.clone());
        kernel.spawn(async move {
            loop {
                kernel_.sleep(Duration(shared.delay_ns() as i64)).await;
                if !shared.count() {
                    return;
                }
            }
        });
    }
    kernel.run(Time::MAX);
    kernel.now()
}

pub fn binary_heap(entities: u64) -> u64 {
    let (mut heap, mut random, mut now) = (BinaryHeap::new(), 1, 0);
    for id in 0..entities {
        heap.push(Reverse((delay_ns(&mut random), id, id as u32)));
    }
    for sequence in entities..entities + EVENTS {
        let Some(Reverse((at, _, id))) = heap.pop() else { break };
        now = at;
        heap.push(Reverse((now + delay_ns(&mut random), sequence, id)));
    }
    now
}
