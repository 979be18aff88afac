//! The single-threaded executor: tasks whose only notion of waiting is virtual time and channels.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::Future;
use std::rc::Rc;

use super::sleep::Sleep;
use super::stream::Stream;
use super::task::{self, Cause, Task};
use super::time::{Duration, Time};
use super::timers::{Next, Ticket, Timer, Timers};

/// A run of one pod has about so many tasks.
const FEW_TASKS: usize = 32;
/// With so many tasks their memory no longer fits into the processor's cache.
const MANY_TASKS: usize = 4096;

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

    pub(super) fn number(self) -> u32 {
        self.0
    }
}

/// A task's place in the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct TaskId(u32);

impl TaskId {
    /// While no task runs.
    const NONE: TaskId = TaskId(u32::MAX);
    /// How many tasks there may be at a time: a timer keeps its task's index in so many bits.
    pub(super) const MOST: u32 = 1 << 24;

    /// The task at this index of the table.
    pub(super) fn at(index: u32) -> TaskId {
        TaskId(index)
    }

    pub(super) fn index(self) -> u32 {
        self.0
    }
}

/// A handle to the kernel; clones share it.
#[derive(Clone)]
pub struct Kernel(Rc<Inner>);

struct Inner {
    now: Cell<Time>,
    current: Cell<TaskId>,
    /// The group of the running task, which the tasks that it spawns join.
    group: Cell<Group>,
    groups: Cell<u32>,
    /// What the running task was last told of: an opaque number that travels along channels and timers.
    cause: Cell<Cause>,
    /// A task that runs has left its place.
    tasks: RefCell<Vec<Option<Task>>>,
    /// A mark for each place.
    marks: RefCell<Vec<Mark>>,
    free: RefCell<Vec<TaskId>>,
    ready: RefCell<VecDeque<TaskId>>,
    timers: RefCell<Timers>,
    /// The number of the timer put in last; 0 is none's.
    sequence: Cell<u64>,
    /// The number of the timer that fired last.
    fired: Cell<Option<Ticket>>,
    /// Draws the next task; None: first come, first served.
    order: Option<Stream>,
}

/// What there is to know of a task's place without its memory being asked for.
#[derive(Clone, Copy)]
struct Mark {
    /// In the ready queue.
    queued: bool,
    /// Nobody's: whoever still wakes it wakes a task that has ended.
    free: bool,
}

impl Default for Kernel {
    fn default() -> Kernel {
        Kernel::new()
    }
}

impl Kernel {
    /// A kernel whose clock stands at 0 and in which nothing is planned. What happens at one instant happens first
    /// come, first served: a timer fires when what the one before it set off has come to rest.
    pub fn new() -> Kernel {
        Kernel::with_order(None)
    }

    /// As [`Kernel::new`], but the order of what happens at one instant is drawn from the stream, so that races are
    /// explored: all timers of the instant fire together, and whichever task is drawn runs next.
    pub fn with_order(order: Option<Stream>) -> Kernel {
        Kernel(Rc::new(Inner {
            now: Cell::new(Time::ZERO),
            current: Cell::new(TaskId::NONE),
            group: Cell::new(Group::ROOT),
            groups: Cell::new(0),
            cause: Cell::new(Cause::NONE),
            tasks: RefCell::new(Vec::with_capacity(FEW_TASKS)),
            marks: RefCell::new(Vec::with_capacity(FEW_TASKS)),
            free: RefCell::new(Vec::with_capacity(FEW_TASKS)),
            ready: RefCell::new(VecDeque::with_capacity(FEW_TASKS)),
            timers: RefCell::new(Timers::new()),
            sequence: Cell::new(0),
            fired: Cell::new(None),
            order,
        }))
    }

    /// The current virtual time.
    pub fn now(&self) -> Time {
        self.0.now.get()
    }

    /// What the running task acts upon.
    pub fn cause(&self) -> Option<u64> {
        self.0.cause.get().number()
    }

    /// From now on the running task acts upon this.
    pub fn set_cause(&self, cause: Option<u64>) {
        self.0.cause.set(Cause::new(cause));
    }

    /// Starts a task behind those that are ready now. It inherits the cause and the group.
    pub fn spawn(&self, task: impl Future<Output = ()> + 'static) {
        let task = Some(task::boxed(task, self.0.group.get(), self.0.cause.get()));
        let mark = Mark {
            queued: true,
            free: false,
        };
        let mut tasks = self.0.tasks.borrow_mut();
        let mut marks = self.0.marks.borrow_mut();
        let id = match self.0.free.borrow_mut().pop() {
            Some(id) => {
                tasks[id.0 as usize] = task;
                marks[id.0 as usize] = mark;
                id
            }
            None => {
                tasks.push(task);
                marks.push(mark);
                let index = u32::try_from(tasks.len() - 1).ok();
                let index = index.filter(|index| *index < TaskId::MOST);
                TaskId(index.expect("a run has fewer than 2^24 tasks at a time"))
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
        let ids = 0..self.0.tasks.borrow().len();
        for index in ids {
            let task = {
                let place = &mut self.0.tasks.borrow_mut()[index];
                place.take_if(|task| task.group() == group)
            };
            if let Some(task) = task {
                // What a task holds may spawn and wake others when it is dropped.
                drop(task);
                self.release(TaskId(index as u32));
            }
        }
    }

    /// Drops every task, whatever its group, and those that they spawn in their end.
    pub fn end_all(&self) {
        loop {
            let tasks = self.0.tasks.take();
            if tasks.is_empty() {
                return;
            }
            // With the tasks their places are gone.
            self.0.free.borrow_mut().clear();
            self.0.marks.borrow_mut().clear();
            self.0.ready.borrow_mut().clear();
            drop(tasks);
        }
    }

    /// Waits for a span of virtual time; a negative one is none.
    pub fn sleep(&self, span: Duration) -> Sleep<'_> {
        self.sleep_until(self.now() + Duration(span.0.max(0)))
    }

    /// Waits until an instant; one that has passed is now.
    pub fn sleep_until(&self, at: Time) -> Sleep<'_> {
        Sleep::new(self, at)
    }

    /// Runs until the horizon is reached or nothing is left to happen. Timers at the horizon still fire.
    pub fn run(&self, horizon: Time) -> Stop {
        loop {
            let id = match self.next_ready() {
                Some(id) => id,
                None => match self.next_timer(horizon) {
                    Next::Due(timer) if self.0.order.is_none() => self.fire(timer),
                    Next::Due(timer) => {
                        self.fire_all(timer);
                        continue;
                    }
                    Next::BehindHorizon => {
                        self.0.now.set(self.now().max(horizon));
                        return Stop::Horizon;
                    }
                    Next::Nothing => return Stop::NothingLeft,
                },
            };
            self.run_task(id);
        }
    }

    #[inline(always)]
    fn next_timer(&self, horizon: Time) -> Next {
        let mut timers = self.0.timers.borrow_mut();
        let next = timers.pop(horizon);
        if let Some(soon) = timers.soon() {
            self.touch_tasks(soon);
        }
        next
    }

    /// Of very many tasks each lies somewhere in slow memory. Those that are due soon are asked for together: one
    /// after another the processor would wait for each.
    fn touch_tasks(&self, soon: &[Timer]) {
        let tasks = self.0.tasks.borrow();
        if tasks.len() < MANY_TASKS {
            return;
        }
        let tasks = soon
            .iter()
            .filter_map(|timer| tasks[timer.ticket().task().0 as usize].as_ref());
        std::hint::black_box(tasks.fold(0, |sum, task| sum | task.touch()));
    }

    /// The clock moves to a timer; the task that it wakes.
    #[inline(always)]
    fn fire(&self, timer: Timer) -> TaskId {
        self.0.now.set(timer.at());
        self.0.fired.set(Some(timer.ticket()));
        timer.ticket().task()
    }

    /// As [`Kernel::fire`], with all timers of the instant; their tasks are ready.
    fn fire_all(&self, first: Timer) {
        self.wake(self.fire(first));
        while let Next::Due(timer) = self.next_timer(first.at()) {
            self.wake(self.fire(timer));
        }
    }

    /// Takes a task out of the ready queue.
    #[inline(always)]
    fn next_ready(&self) -> Option<TaskId> {
        let mut ready = self.0.ready.borrow_mut();
        let id = match &self.0.order {
            Some(order) if ready.len() > 1 => {
                let drawn = order.below(ready.len() as u64);
                ready.swap_remove_front(drawn as usize)
            }
            Some(_) | None => ready.pop_front(),
        }?;
        self.0.marks.borrow_mut()[id.0 as usize].queued = false;
        Some(id)
    }

    #[inline(always)]
    fn run_task(&self, id: TaskId) {
        let task = self.0.tasks.borrow_mut()[id.0 as usize].take();
        let Some(mut task) = task else {
            // It has ended since it was woken.
            self.release(id);
            return;
        };
        self.0.current.set(id);
        let done = task.as_mut().run(&self.0.group, &self.0.cause).is_ready();
        self.0.current.set(TaskId::NONE);
        self.0.group.set(Group::ROOT);
        if done {
            drop(task);
            self.release(id);
        } else {
            self.0.tasks.borrow_mut()[id.0 as usize] = Some(task);
        }
    }

    /// Gives a place back. One that is still in the ready queue is given back when its turn comes: otherwise the
    /// wake-up would be its successor's.
    fn release(&self, id: TaskId) {
        let mark = &mut self.0.marks.borrow_mut()[id.0 as usize];
        if !mark.queued && !mark.free {
            mark.free = true;
            self.0.free.borrow_mut().push(id);
        }
    }

    /// The running task, for a future that wants to be woken.
    #[inline]
    pub(super) fn current(&self) -> TaskId {
        self.0.current.get()
    }

    /// Puts a task at the end of the ready queue.
    pub(super) fn wake(&self, id: TaskId) {
        // A task that is being polled has left its place but may be woken by itself.
        if let Some(mark) = self.0.marks.borrow_mut().get_mut(id.0 as usize)
            && !mark.queued
            && !mark.free
        {
            mark.queued = true;
            self.0.ready.borrow_mut().push_back(id);
        }
    }

    /// Puts a timer in that wakes the running task.
    #[inline]
    pub(super) fn start_timer(&self, at: Time) -> Ticket {
        let number = self.0.sequence.get() + 1;
        self.0.sequence.set(number);
        let ticket = Ticket::new(number, self.current());
        self.0.timers.borrow_mut().push(Timer::new(at, ticket));
        ticket
    }

    /// Whether a timer has fired: those of an instant do so in the order of their tickets.
    #[inline]
    pub(super) fn has_fired(&self, at: Time, ticket: Ticket) -> bool {
        let now = self.now();
        at < now || (at == now && Some(ticket) <= self.0.fired.get())
    }

    /// Takes back a timer that has not fired.
    pub(super) fn cancel_timer(&self, at: Time, ticket: Ticket) {
        self.0.timers.borrow_mut().cancel(Timer::new(at, ticket));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::race;

    type Log<T> = Rc<RefCell<Vec<T>>>;

    #[test]
    fn timers_fire_in_order_and_ties_first_in_first_out() {
        let kernel = Kernel::new();
        let log = Log::default();
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
        let log = Log::default();
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
        assert_eq!(kernel.run(Time(50)), Stop::Horizon);
        assert_eq!(kernel.now(), Time(100), "the clock never goes back");
    }

    #[test]
    fn what_ends_may_leave_tasks_behind_that_end_too() {
        struct Last(Kernel, Rc<()>);
        impl Drop for Last {
            fn drop(&mut self) {
                let (kernel, held) = (self.0.clone(), self.1.clone());
                self.0.spawn(async move {
                    kernel.sleep(Duration(1)).await;
                    drop(held);
                });
            }
        }
        let (kernel, held) = (Kernel::new(), Rc::new(()));
        let last = Last(kernel.clone(), held.clone());
        kernel.spawn(async move {
            last.0.sleep(Duration(1)).await;
        });
        kernel.run(Time::ZERO);
        kernel.end_all();
        assert_eq!(Rc::strong_count(&held), 1);
    }

    /// The order in which ten tasks run that all wake at one instant.
    fn order(stream: Option<Stream>) -> Vec<u32> {
        let kernel = Kernel::with_order(stream);
        let log = Log::default();
        for name in 0..10 {
            let (k, log) = (kernel.clone(), log.clone());
            kernel.spawn(async move {
                k.sleep_until(Time(7)).await;
                log.borrow_mut().push(name);
            });
        }
        kernel.run(Time::MAX);
        log.take()
    }

    #[test]
    fn a_stream_draws_the_order_of_an_instant() {
        let sorted: Vec<u32> = (0..10).collect();
        let drawn = |seed| order(Some(Stream::new(seed, "order")));
        assert_eq!(order(None), sorted);
        assert_eq!(drawn(1), drawn(1), "the same seed, the same order");
        assert_ne!(drawn(1), drawn(2));
        let mut all = drawn(1);
        all.sort_unstable();
        assert_eq!(all, sorted, "every task runs once");
        let firsts: std::collections::BTreeSet<u32> = (0..100).map(|seed| drawn(seed)[0]).collect();
        assert_eq!(firsts.len(), 10, "every task may be the first");
    }
}
