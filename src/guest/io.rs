//! Descriptors of guest processes: files, pipes, the container's log, and the null device.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

use super::files::Node;
use crate::kernel::{Gate, Kernel};

/// Which of a container's two output streams a line came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LogStream {
    /// standard output
    Stdout,
    /// standard error
    Stderr,
}

/// How much a pipe holds before its writer waits, as on Linux, in bytes.
const PIPE_CAPACITY: usize = 64 * 1024;
/// A log line longer than this is cut in two, as the container runtime cuts it, in bytes.
const LOG_LINE_LIMIT: usize = 16 * 1024;

/// A condition that any number of tasks wait for to change.
pub(super) struct Change {
    kernel: Kernel,
    /// made by the first who waits
    gate: RefCell<Option<Rc<Gate>>>,
}

impl Change {
    pub(super) fn new(kernel: &Kernel) -> Change {
        Change {
            kernel: kernel.clone(),
            gate: RefCell::default(),
        }
    }

    /// Lets everyone go who waits now.
    pub(super) fn notify(&self) {
        if let Some(gate) = self.gate.take() {
            gate.open();
        }
    }

    /// Waits for the next [`Change::notify`].
    pub(super) async fn wait(&self) {
        let gate = {
            let mut gate = self.gate.borrow_mut();
            gate.get_or_insert_with(|| Rc::new(Gate::new(&self.kernel))).clone()
        };
        gate.wait().await;
    }
}

/// The reader of a pipe has gone: the writer gets SIGPIPE.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum WriteError {
    /// nobody reads any more
    BrokenPipe,
    /// the volume is full
    NoSpace,
    /// the descriptor is not open for writing
    NotWritable,
}

impl WriteError {
    /// The text of the C library.
    pub(super) fn text(&self) -> &'static str {
        match self {
            WriteError::BrokenPipe => "Broken pipe",
            WriteError::NoSpace => "No space left on device",
            WriteError::NotWritable => "Bad file descriptor",
        }
    }
}

struct Pipe {
    bytes: RefCell<VecDeque<u8>>,
    reader_gone: Cell<bool>,
    writer_gone: Cell<bool>,
    changed: Change,
}

/// The end of a pipe that is read; dropping it breaks the pipe.
pub(super) struct ReadEnd(Rc<Pipe>);

/// The end of a pipe that is written; dropping it is the end of file.
pub(super) struct WriteEnd(Rc<Pipe>);

impl Drop for ReadEnd {
    fn drop(&mut self) {
        self.0.reader_gone.set(true);
        self.0.changed.notify();
    }
}

impl Drop for WriteEnd {
    fn drop(&mut self) {
        self.0.writer_gone.set(true);
        self.0.changed.notify();
    }
}

/// The two ends of a new pipe: read from the first what was written to the second.
pub(super) fn pipe(kernel: &Kernel) -> (Fd, Fd) {
    let pipe = Rc::new(Pipe {
        bytes: RefCell::default(),
        reader_gone: Cell::new(false),
        writer_gone: Cell::new(false),
        changed: Change::new(kernel),
    });
    (
        Rc::new(Descriptor::Read(ReadEnd(pipe.clone()))),
        Rc::new(Descriptor::Write(WriteEnd(pipe))),
    )
}

/// Where whole lines of a container's output go.
pub(super) type LineSink = Rc<dyn Fn(LogStream, &str)>;

/// One stream of a container's output, cut into lines.
pub(super) struct Log {
    stream: LogStream,
    partial: RefCell<Vec<u8>>,
    sink: LineSink,
}

impl Log {
    pub(super) fn new(stream: LogStream, sink: LineSink) -> Log {
        Log {
            stream,
            partial: RefCell::default(),
            sink,
        }
    }

    fn write(&self, bytes: &[u8]) {
        for &byte in bytes {
            let mut partial = self.partial.borrow_mut();
            if byte != b'\n' {
                partial.push(byte);
            }
            if byte == b'\n' || partial.len() >= LOG_LINE_LIMIT {
                let line = std::mem::take(&mut *partial);
                drop(partial);
                (self.sink)(self.stream, &String::from_utf8_lossy(&line));
            }
        }
    }

    /// Gives out a last line that has no newline.
    pub(super) fn flush(&self) {
        let line = std::mem::take(&mut *self.partial.borrow_mut());
        if !line.is_empty() {
            (self.sink)(self.stream, &String::from_utf8_lossy(&line));
        }
    }
}

/// An open file description; processes share it by sharing the [`Rc`].
pub(super) enum Descriptor {
    /// /dev/null: reads nothing, swallows everything
    Null,
    /// /dev/zero: an endless source, swallows everything
    Zero,
    /// an attached standard input to which nobody types
    Silent,
    /// the container's output
    Log(Rc<Log>),
    /// the reading end of a pipe
    Read(ReadEnd),
    /// the writing end of a pipe
    Write(WriteEnd),
    /// a regular file
    File(OpenFile),
}

/// A regular file that is open.
pub(super) struct OpenFile {
    pub(super) node: Rc<Node>,
    pub(super) offset: Cell<usize>,
    pub(super) append: bool,
    pub(super) readable: bool,
    pub(super) writable: bool,
}

/// A descriptor as processes hold it.
pub(super) type Fd = Rc<Descriptor>;
/// Descriptors by number.
pub(super) type Fds = BTreeMap<u32, Fd>;

impl Descriptor {
    /// Reads at most `limit` bytes; waits for some; none is the end of file.
    pub(super) async fn read(&self, limit: usize) -> Vec<u8> {
        match self {
            Descriptor::Null | Descriptor::Log(_) | Descriptor::Write(_) => Vec::new(),
            Descriptor::Zero => vec![0; limit.min(PIPE_CAPACITY)],
            Descriptor::Silent => std::future::pending().await,
            Descriptor::File(file) => file.read(limit),
            Descriptor::Read(ReadEnd(pipe)) => loop {
                let chunk: Vec<u8> = {
                    let mut bytes = pipe.bytes.borrow_mut();
                    let count = bytes.len().min(limit);
                    bytes.drain(..count).collect()
                };
                if !chunk.is_empty() {
                    pipe.changed.notify();
                    return chunk;
                }
                if pipe.writer_gone.get() {
                    return chunk;
                }
                pipe.changed.wait().await;
            },
        }
    }

    /// Reads to the end of file, at most `limit` bytes; None when there is more than that.
    pub(super) async fn read_all(&self, limit: usize) -> Option<Vec<u8>> {
        let mut all = Vec::new();
        loop {
            let chunk = self.read(PIPE_CAPACITY).await;
            if chunk.is_empty() {
                return Some(all);
            }
            all.extend(chunk);
            if all.len() > limit {
                return None;
            }
        }
    }

    /// Reads up to and with the next newline; None at the end of file. It never reads beyond the newline.
    pub(super) async fn read_line(&self, limit: usize) -> Option<Vec<u8>> {
        let mut line = Vec::new();
        while line.last() != Some(&b'\n') && line.len() < limit {
            let chunk = self.read(1).await;
            if chunk.is_empty() {
                break;
            }
            line.extend(chunk);
        }
        (!line.is_empty()).then_some(line)
    }

    /// Writes everything; waits while a pipe is full.
    pub(super) async fn write(&self, bytes: &[u8]) -> Result<(), WriteError> {
        match self {
            Descriptor::Null | Descriptor::Zero => Ok(()),
            Descriptor::Silent | Descriptor::Read(_) => Err(WriteError::NotWritable),
            Descriptor::Log(log) => {
                log.write(bytes);
                Ok(())
            }
            Descriptor::File(file) => file.write(bytes),
            Descriptor::Write(WriteEnd(pipe)) => {
                let mut rest = bytes;
                while !rest.is_empty() {
                    if pipe.reader_gone.get() {
                        return Err(WriteError::BrokenPipe);
                    }
                    let room = PIPE_CAPACITY - pipe.bytes.borrow().len();
                    let (now, later) = rest.split_at(room.min(rest.len()));
                    if now.is_empty() {
                        pipe.changed.wait().await;
                        continue;
                    }
                    pipe.bytes.borrow_mut().extend(now);
                    pipe.changed.notify();
                    rest = later;
                }
                Ok(())
            }
        }
    }
}

impl OpenFile {
    fn read(&self, limit: usize) -> Vec<u8> {
        if !self.readable {
            return Vec::new();
        }
        self.node.with_bytes(|bytes| {
            let from = self.offset.get().min(bytes.len());
            let to = from.saturating_add(limit).min(bytes.len());
            self.offset.set(to);
            bytes[from..to].to_vec()
        })
    }

    fn write(&self, bytes: &[u8]) -> Result<(), WriteError> {
        if !self.writable {
            return Err(WriteError::NotWritable);
        }
        let from = if self.append {
            self.node.size()
        } else {
            self.offset.get()
        };
        self.node.write_at(from, bytes).map_err(|_| WriteError::NoSpace)?;
        self.offset.set(from + bytes.len());
        Ok(())
    }
}
