//! Numbers records, gives each its cause, and hands them to the sink.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use super::record::{Record, What};
use crate::api::pod::Name;
use crate::kernel::Kernel;

type Sink = Box<dyn FnMut(Record)>;

/// The one way into the trace; clones share it.
#[derive(Clone)]
pub struct Recorder {
    kernel: Kernel,
    next: Rc<Cell<u64>>,
    sink: Rc<RefCell<Sink>>,
}

impl Recorder {
    /// A recorder that hands every record to `sink`, in order.
    pub fn new(kernel: &Kernel, sink: impl FnMut(Record) + 'static) -> Recorder {
        Recorder {
            kernel: kernel.clone(),
            next: Rc::default(),
            sink: Rc::new(RefCell::new(Box::new(sink))),
        }
    }

    /// From now on nothing is recorded: the run is over.
    pub fn close(&self) {
        *self.sink.borrow_mut() = Box::new(|_| {});
    }

    /// Records something that happens now because of what the running task acts upon;
    /// what the task does next has this record as its cause.
    pub fn record(&self, pod: Option<&Name>, container: Option<&Name>, attempt: Option<u32>, what: What) {
        let seq = self.next.get();
        self.next.set(seq + 1);
        let record = Record {
            at: self.kernel.now(),
            seq,
            cause: self.kernel.cause(),
            pod: pod.cloned(),
            container: container.cloned(),
            attempt,
            what,
        };
        self.kernel.set_cause(Some(seq));
        (self.sink.borrow_mut())(record);
    }
}
