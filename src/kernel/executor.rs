//! The single-threaded executor: tasks whose only notion of waiting is virtual time and channels.

use std::cell::{Cell, RefCell};
use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use super::stream::Stream;
use super::time::{Duration, Time};

type Task = Pin<Box<dyn Future<Output = ()>>>;

/// Why a run stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// The next timer lies behind the horizon.
    Horizon,
    /// No timer is left.
    NothingLeft,
}

/// Tasks that end together; see [`Kernel::end_group`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Group(u32);

impl Group {
    /// The group of tasks that nobody ends.
    pub const ROOT: Group = Group(0);
}

/// A handle to the kernel; clones share it.
#[derive(Clone)]
pub struct Kernel(Rc<Inner>);

struct Inner {
    now: Cell<Time>,
    current: Cell<usize>,
    /// The group of the running task, which the tasks that it spawns join.
    group: Cell<Group>,
    groups: Cell<u32>,
    /// What the running task was last told of: an opaque number that travels along channels and timers.
    cause: Cell<Option<u64>>,
    sequence: Cell<u64>,
    tasks: RefCell<Vec<Slot>>,
    free: RefCell<Vec<usize>>,
    ready: RefCell<VecDeque<usize>>,
    timers: RefCell<BinaryHeap<Reverse<Timer>>>,
    dead_timers: Cell<usize>,
    /// Draws the order of what happens at the same instant; None: first in, first out.
    order: Option<Stream>,
}

struct Slot {
    task: Option<Task>,
    group: Group,
    cause: Option<u64>,
    queued: bool,
    /// Nobody's: whoever still wakes it wakes a task that has ended.
    free: bool,
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Timer {
    at: Time,
    sequence: u64,
    task: usize,
    alive: AliveFlag,
}

/// Shared with the future that waits; cleared when that future is dropped. Never takes part in ordering.
#[derive(Clone)]
struct AliveFlag(Rc<Cell<bool>>);

impl PartialEq for AliveFlag {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}
impl Eq for AliveFlag {}
impl PartialOrd for AliveFlag {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for AliveFlag {
    fn cmp(&self, _: &Self) -> std::cmp::Ordering {
        std::cmp::Ordering::Equal
    }
}

impl Default for Kernel {
    fn default() -> Kernel {
        Kernel::new()
    }
}

impl Kernel {
    /// A kernel whose clock stands at 0 and in which nothing is planned.
    pub fn new() -> Kernel {
        Kernel::with_order(None)
    }

    /// As [`Kernel::new`], but what happens at the same instant happens in an order drawn from the stream, so that
    /// races are explored.
    pub fn with_order(order: Option<Stream>) -> Kernel {
        Kernel(Rc::new(Inner {
            now: Cell::new(Time::ZERO),
            current: Cell::new(usize::MAX),
            group: Cell::new(Group::ROOT),
            groups: Cell::new(0),
            cause: Cell::new(None),
            sequence: Cell::new(0),
            tasks: RefCell::default(),
            free: RefCell::default(),
            ready: RefCell::default(),
            timers: RefCell::default(),
            dead_timers: Cell::new(0),
            order,
        }))
    }

    /// The current virtual time.
    pub fn now(&self) -> Time {
        self.0.now.get()
    }

    /// What the running task acts upon.
    pub fn cause(&self) -> Option<u64> {
        self.0.cause.get()
    }

    /// From now on the running task acts upon this.
    pub fn set_cause(&self, cause: Option<u64>) {
        self.0.cause.set(cause);
    }

    /// Starts a task behind those that are ready now. It inherits the cause and the group.
    pub fn spawn(&self, task: impl Future<Output = ()> + 'static) {
        let slot = Slot {
            task: Some(Box::pin(task)),
            group: self.0.group.get(),
            cause: self.cause(),
            queued: true,
            free: false,
        };
        let id = match self.0.free.borrow_mut().pop() {
            Some(id) => {
                self.0.tasks.borrow_mut()[id] = slot;
                id
            }
            None => {
                self.0.tasks.borrow_mut().push(slot);
                self.0.tasks.borrow().len() - 1
            }
        };
        self.0.ready.borrow_mut().push_back(id);
    }

    /// A new, empty group of tasks.
    pub fn new_group(&self) -> Group {
        self.0.groups.set(self.0.groups.get() + 1);
        Group(self.0.groups.get())
    }

    /// What `work` spawns belongs to `group`.
    pub fn within<T>(&self, group: Group, work: impl FnOnce() -> T) -> T {
        let before = self.0.group.replace(group);
        let result = work();
        self.0.group.set(before);
        result
    }

    /// Drops every task of a group where it stands. It must not be called by one of them.
    pub fn end_group(&self, group: Group) {
        let doomed: Vec<usize> = {
            let tasks = self.0.tasks.borrow();
            let members = tasks.iter().enumerate().filter(|(_, slot)| slot.group == group);
            members
                .filter(|(_, slot)| slot.task.is_some())
                .map(|(id, _)| id)
                .collect()
        };
        for id in doomed {
            let task = self.0.tasks.borrow_mut()[id].task.take();
            // What a task holds may spawn and wake others when it is dropped.
            drop(task);
            self.release(id);
        }
    }

    /// Drops every task, whatever its group.
    pub fn end_all(&self) {
        let tasks: Vec<Task> = self
            .0
            .tasks
            .borrow_mut()
            .iter_mut()
            .filter_map(|slot| slot.task.take())
            .collect();
        drop(tasks);
    }

    /// The running task, for a future that wants to be woken.
    pub(super) fn current(&self) -> usize {
        self.0.current.get()
    }

    /// Puts a task at the end of the ready queue.
    pub(super) fn wake(&self, id: usize) {
        let mut tasks = self.0.tasks.borrow_mut();
        // A task that is being polled has left its slot but may be woken by itself.
        if let Some(slot) = tasks.get_mut(id)
            && !slot.queued
            && !slot.free
        {
            slot.queued = true;
            self.0.ready.borrow_mut().push_back(id);
        }
    }

    /// Waits for a span of virtual time; a negative one is none.
    pub fn sleep(&self, span: Duration) -> Sleep {
        self.sleep_until(self.now() + Duration(span.0.max(0)))
    }

    /// Waits until an instant; one that has passed is now.
    pub fn sleep_until(&self, at: Time) -> Sleep {
        Sleep {
            kernel: self.clone(),
            at,
            alive: None,
        }
    }

    /// Runs until the horizon is reached or nothing is left to happen. Timers at the horizon still fire.
    pub fn run(&self, horizon: Time) -> Stop {
        loop {
            self.run_ready();
            let timer = self.0.timers.borrow_mut().pop();
            let Some(Reverse(timer)) = timer else {
                return Stop::NothingLeft;
            };
            if !timer.alive.0.get() {
                self.0.dead_timers.set(self.0.dead_timers.get().saturating_sub(1));
                continue;
            }
            if timer.at > horizon {
                self.0.now.set(horizon);
                return Stop::Horizon;
            }
            timer.alive.0.set(false);
            self.0.now.set(timer.at);
            self.wake(timer.task);
        }
    }

    fn run_ready(&self) {
        loop {
            let Some(id) = self.next_ready() else { return };
            let task = {
                let mut tasks = self.0.tasks.borrow_mut();
                let slot = &mut tasks[id];
                slot.queued = false;
                self.0.cause.set(slot.cause);
                self.0.group.set(slot.group);
                slot.task.take()
            };
            let Some(mut task) = task else {
                // Its task has ended since it was woken.
                self.release(id);
                continue;
            };
            self.0.current.set(id);
            let done = task.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready();
            self.0.current.set(usize::MAX);
            self.0.group.set(Group::ROOT);
            if done {
                drop(task);
                self.release(id);
            } else {
                let mut tasks = self.0.tasks.borrow_mut();
                tasks[id].task = Some(task);
                tasks[id].cause = self.0.cause.get();
            }
        }
    }

    fn next_ready(&self) -> Option<usize> {
        let mut ready = self.0.ready.borrow_mut();
        match &self.0.order {
            Some(order) if ready.len() > 1 => {
                let at = order.below(u64::try_from(ready.len()).unwrap_or(1));
                ready.remove(usize::try_from(at).unwrap_or(0))
            }
            Some(_) | None => ready.pop_front(),
        }
    }

    /// Gives a slot back. One that is still in the ready queue is given back when its turn comes: otherwise the
    /// wake-up would be its successor's.
    fn release(&self, id: usize) {
        let mut tasks = self.0.tasks.borrow_mut();
        let slot = &mut tasks[id];
        if !slot.queued && !slot.free {
            slot.free = true;
            self.0.free.borrow_mut().push(id);
        }
    }

    fn next_sequence(&self) -> u64 {
        if let Some(order) = &self.0.order {
            return order.next_u64();
        }
        let next = self.0.sequence.get();
        self.0.sequence.set(next + 1);
        next
    }
}

/// Waits for virtual time; made by [`Kernel::sleep`].
pub struct Sleep {
    kernel: Kernel,
    at: Time,
    alive: Option<AliveFlag>,
}

impl Future for Sleep {
    type Output = ();
    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        match &self.alive {
            None if self.kernel.now() >= self.at => return Poll::Ready(()),
            Some(flag) if !flag.0.get() => return Poll::Ready(()),
            Some(_) => return Poll::Pending,
            None => {}
        }
        let alive = AliveFlag(Rc::new(Cell::new(true)));
        let timer = Timer {
            at: self.at,
            sequence: self.kernel.next_sequence(),
            task: self.kernel.current(),
            alive: alive.clone(),
        };
        self.kernel.0.timers.borrow_mut().push(Reverse(timer));
        self.alive = Some(alive);
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Some(flag) = &self.alive
            && flag.0.replace(false)
        {
            self.kernel.0.dead_timers.set(self.kernel.0.dead_timers.get() + 1);
        }
    }
}

/// Runs two futures in the same task; the first that is ready wins, the left one at a tie.
pub async fn race<A, B>(left: impl Future<Output = A>, right: impl Future<Output = B>) -> Result<A, B> {
    let mut left = std::pin::pin!(left);
    let mut right = std::pin::pin!(right);
    std::future::poll_fn(|context| {
        if let Poll::Ready(value) = left.as_mut().poll(context) {
            return Poll::Ready(Ok(value));
        }
        right.as_mut().poll(context).map(Err)
    })
    .await
}

/// Runs futures in the same task until all are done; results in the order given.
pub async fn join_all<T>(futures: Vec<Pin<Box<dyn Future<Output = T>>>>) -> Vec<T> {
    let mut slots: Vec<_> = futures.into_iter().map(|future| (Some(future), None)).collect();
    std::future::poll_fn(|context| {
        for (future, result) in &mut slots {
            if let Some(running) = future
                && let Poll::Ready(value) = running.as_mut().poll(context)
            {
                *result = Some(value);
                *future = None;
            }
        }
        if slots.iter().all(|(_, result)| result.is_some()) {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    })
    .await;
    slots.into_iter().filter_map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timers_fire_in_order_and_ties_first_in_first_out() {
        let kernel = Kernel::new();
        let log = Rc::new(RefCell::new(Vec::new()));
        for (name, at) in [("b", 2), ("a", 1), ("c", 2)] {
            let (k, log) = (kernel.clone(), log.clone());
            kernel.spawn(async move {
                k.sleep_until(Time(at)).await;
                log.borrow_mut().push((name, k.now().0));
            });
        }
        assert_eq!(kernel.run(Time::MAX), Stop::NothingLeft);
        assert_eq!(*log.borrow(), [("a", 1), ("b", 2), ("c", 2)]);
    }

    #[test]
    fn a_dropped_sleep_leaves_nothing_to_happen() {
        let kernel = Kernel::new();
        let k = kernel.clone();
        kernel.spawn(async move {
            let first = race(k.sleep(Duration(5)), k.sleep(Duration(50))).await;
            assert!(first.is_ok());
        });
        assert_eq!(kernel.run(Time(100)), Stop::NothingLeft);
        assert_eq!(kernel.now(), Time(5));
    }

    #[test]
    fn a_group_ends_with_all_its_tasks() {
        let kernel = Kernel::new();
        let log = Rc::new(RefCell::new(Vec::new()));
        let group = kernel.new_group();
        for (name, group) in [("member", group), ("other", Group::ROOT)] {
            let (k, log) = (kernel.clone(), log.clone());
            kernel.within(group, || {
                let child = k.clone();
                kernel.spawn(async move {
                    // What a member spawns is a member.
                    child.clone().spawn(async move {
                        child.sleep(Duration(10)).await;
                        log.borrow_mut().push(name);
                    });
                })
            });
        }
        let k = kernel.clone();
        kernel.spawn(async move {
            k.sleep(Duration(5)).await;
            k.end_group(group);
        });
        assert_eq!(kernel.run(Time::MAX), Stop::NothingLeft);
        assert_eq!(*log.borrow(), ["other"]);
    }

    #[test]
    fn the_horizon_stops_the_clock() {
        let kernel = Kernel::new();
        let k = kernel.clone();
        kernel.spawn(async move { k.sleep(Duration(500)).await });
        assert_eq!(kernel.run(Time(100)), Stop::Horizon);
        assert_eq!(kernel.now(), Time(100));
    }
}
