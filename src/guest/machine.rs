//! The inside of one container: its files, processes, network and output, shared by everything that runs there.

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::future::Future;
use std::rc::Rc;

use super::files::{Device, Files, Kind, Node};
use super::images::Flavour;
use super::io::{Descriptor, Fd, Fds, Log, LogStream, WriteError};
use super::limits;
use super::network::Network;
use super::process::{Process, Signal, Table};
use super::spec::Spec;
use super::world::{DNS_IP, World};
use crate::api::pod::concat;
use crate::kernel::{Duration, Group, Kernel, Stream, Time, race};

/// Something that was not understood, and what was taken for granted instead.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Assumption {
    /// the place in the container's manifest: `args[0]`, `livenessProbe.exec.command[2]`
    pub place: String,
    /// what was met
    pub what: String,
    /// what was assumed
    pub assumed: String,
}

/// Who is told of what happens in a container.
pub trait Observer {
    /// A line of output.
    fn log(&self, stream: LogStream, line: &str);
    /// A command begins.
    fn command(&self, pid: u32, command: &str);
    /// Something was assumed; told once for each place and thing.
    fn assume(&self, assumption: Assumption);
}

/// The end of what a container wrote, as far as a termination message may need it.
#[derive(Default)]
pub(super) struct LastLines(RefCell<VecDeque<String>>);

impl LastLines {
    /// `MaxContainerTerminationMessageLogLines`
    const LINES: usize = 80;
    /// `MaxContainerTerminationMessageLogLength`, in bytes
    const BYTES: usize = 2048;

    fn add(&self, line: &str) {
        let mut lines = self.0.borrow_mut();
        if lines.len() == LastLines::LINES {
            lines.pop_front();
        }
        // Of a longer line no more than its end can be asked for.
        let mut from = line.len().saturating_sub(LastLines::BYTES);
        while !line.is_char_boundary(from) {
            from += 1;
        }
        lines.push_back(line[from..].to_owned());
    }

    /// The last lines, cut to their last bytes (`readLastStringFromContainerLogs`).
    pub(super) fn text(&self) -> String {
        let lines = self.0.borrow();
        let text: String = lines.iter().flat_map(|line| [line.as_str(), "\n"]).collect();
        let from = text.len().saturating_sub(LastLines::BYTES);
        String::from_utf8_lossy(&text.as_bytes()[from..]).into_owned()
    }
}

/// The inside of one container.
pub(super) struct Machine {
    pub(super) kernel: Kernel,
    /// most programs look at no file: they are made when the first one does
    files: OnceCell<Files>,
    created: Time,
    pub(super) table: Table,
    pub(super) network: Rc<Network>,
    pub(super) spec: Spec,
    pub(super) environment: BTreeMap<String, String>,
    pub(super) shell: Flavour,
    pub(super) stdout: Rc<Log>,
    pub(super) stderr: Rc<Log>,
    pub(super) last_lines: Rc<LastLines>,
    observer: Rc<dyn Observer>,
    /// tells this container's listeners from those of the pod's others
    id: u64,
    random: Stream,
    steps: Cell<u64>,
    /// those after a busy loop was met
    busy_steps: Cell<u64>,
    instant: Cell<(Time, u64)>,
    assumed: RefCell<BTreeSet<(String, String)>>,
    /// process 1 has run out of memory
    pub(super) out_of_memory: Cell<bool>,
}

impl Machine {
    pub(super) fn new(id: u64, spec: Spec, network: &Rc<Network>, observer: Rc<dyn Observer>) -> Rc<Machine> {
        let kernel = network.world.kernel.clone();
        let for_log = observer.clone();
        let last_lines = Rc::new(LastLines::default());
        let tail = last_lines.clone();
        let (lines, bytes) = (Cell::new(0_usize), Cell::new(0_usize));
        let sink: super::io::LineSink = Rc::new(move |stream, line| {
            tail.add(line);
            if lines.get() < limits::LOG_LINES && bytes.get() < limits::LOG_BYTES {
                lines.set(lines.get() + 1);
                bytes.set(bytes.get() + line.len());
                for_log.log(stream, line);
                if lines.get() == limits::LOG_LINES || bytes.get() >= limits::LOG_BYTES {
                    for_log.assume(Assumption {
                        place: "its output".to_owned(),
                        what: format!("{} lines, {} bytes", lines.get(), bytes.get()),
                        assumed: "what it writes after that is not recorded".to_owned(),
                    });
                }
            }
        });
        let environment = spec.environment(
            &network
                .world
                .service_environment(&network.namespace, network.service_links),
        );
        let machine = Rc::new(Machine {
            files: OnceCell::new(),
            created: kernel.now(),
            table: Table::new(&kernel, limits::PROCESSES),
            network: network.clone(),
            environment,
            shell: super::images::shell(&spec.image),
            stdout: Rc::new(Log::new(LogStream::Stdout, sink.clone())),
            stderr: Rc::new(Log::new(LogStream::Stderr, sink)),
            last_lines,
            observer,
            id,
            random: Stream::new(spec.seed, concat(&["guest/", &spec.place])),
            steps: Cell::new(0),
            busy_steps: Cell::new(0),
            instant: Cell::new((Time::ZERO, 0)),
            assumed: RefCell::default(),
            out_of_memory: Cell::new(false),
            kernel,
            spec,
        });
        // A mount can make a directory in its volume (subPath), which other containers see.
        if !machine.spec.mounts.is_empty() {
            machine.files();
        }
        machine
    }

    /// The container's files.
    pub(super) fn files(&self) -> &Files {
        self.files.get_or_init(|| {
            let files = Files::new(&self.kernel, limits::FILE_BYTES);
            self.fill(&files);
            if self.kernel.now() != self.created {
                files.date(self.created);
            }
            files
        })
    }

    /// The container's files, if anybody has looked at one so far: until then nothing is there but what every container has.
    pub(super) fn files_so_far(&self) -> Option<&Files> {
        self.files.get()
    }

    /// What has been written to the file of the termination message; empty when nobody could.
    pub(super) fn termination_message(&self, most: usize) -> String {
        let Some(files) = self.files.get() else {
            return String::new();
        };
        let node = files.find("/", self.termination_message_path());
        node.map_or_else(
            |_| String::new(),
            |node| {
                node.with_bytes(|bytes| {
                    let from = bytes.len().saturating_sub(most);
                    String::from_utf8_lossy(&bytes[from..]).into_owned()
                })
            },
        )
    }

    /// The files that every container has, then the mounts.
    fn fill(&self, files: &Files) {
        let space = files.space();
        for path in [
            "/bin",
            "/sbin",
            "/usr/bin",
            "/usr/local/bin",
            "/tmp",
            "/root",
            "/home",
            "/var/log",
            "/var/run",
            "/run",
            "/opt",
            "/srv",
            "/mnt",
            "/etc",
            "/proc/1",
            "/dev/pts",
        ] {
            files.place(path, Node::directory(space));
        }
        let device = |path: &str, device| files.place(path, Node::new(space, Kind::Device(device)));
        device("/dev/null", Device::Null);
        device("/dev/zero", Device::Zero);
        device("/dev/urandom", Device::Random);
        device("/dev/random", Device::Random);
        for (number, name) in [(0, "stdin"), (1, "stdout"), (2, "stderr")] {
            device(&format!("/dev/{name}"), Device::Own(number));
            device(&format!("/proc/self/fd/{number}"), Device::Own(number));
            device(&format!("/dev/fd/{number}"), Device::Own(number));
            device(&format!("/proc/1/fd/{number}"), Device::Log(number));
        }
        let network = &self.network;
        files.place_file("/etc/hostname", &format!("{}\n", network.hostname));
        let mut hosts = format!(
            "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n{}\t{}\n",
            network.ip, network.hostname
        );
        for (address, names) in &network.host_aliases {
            hosts.push_str(&format!("{address}\t{}\n", names.join("\t")));
        }
        files.place_file("/etc/hosts", &hosts);
        let namespace = &network.namespace;
        files.place_file(
            "/etc/resolv.conf",
            &format!("search {namespace}.svc.cluster.local svc.cluster.local cluster.local\nnameserver {DNS_IP}\noptions ndots:5\n"),
        );
        files.place_file("/etc/passwd", "root:x:0:0:root:/root:/bin/sh\n");
        files.place_file("/etc/group", "root:x:0:\n");
        let account = "/var/run/secrets/kubernetes.io/serviceaccount";
        if !self.spec.no_service_account {
            files.place_file(&format!("{account}/namespace"), namespace);
            files.place_file(&format!("{account}/token"), "token");
            files.place_file(&format!("{account}/ca.crt"), "certificate\n");
        }
        if self.spec.image.contains("nginx") {
            files.place_file("/usr/share/nginx/html/index.html", "<h1>Welcome to nginx!</h1>\n");
        }
        // Whatever stands there in the image, the kubelet mounts an empty file over it.
        files.place_file(self.termination_message_path(), "");
        let cwd = self.working_dir();
        if files.find("/", &cwd).is_err() {
            files.place(&cwd, Node::directory(space));
        }
        let mut mounts = self.spec.mounts.clone();
        mounts.sort_by_key(|mount| mount.path.matches('/').count());
        for mount in &mounts {
            files.mount(
                &mount.path,
                mount.volume.part(mount.sub_path.as_deref()),
                mount.read_only,
            );
        }
        if self.spec.read_only_root {
            files.seal(&[
                "/dev",
                "/proc",
                "/etc/hosts",
                "/etc/hostname",
                "/etc/resolv.conf",
                self.termination_message_path(),
            ]);
        }
    }

    pub(super) fn working_dir(&self) -> String {
        let given = self.spec.working_dir.clone().filter(|dir| dir.starts_with('/'));
        given.unwrap_or_else(|| "/".to_owned())
    }

    pub(super) fn termination_message_path(&self) -> &str {
        let given = self.spec.termination_message_path.as_str();
        if given.is_empty() {
            "/dev/termination-log"
        } else {
            given
        }
    }

    pub(super) fn world(&self) -> &Rc<World> {
        &self.network.world
    }

    /// Runs a process's body as a task; when process 1 ends, all others die with it.
    pub(super) fn run(self: &Rc<Self>, process: &Rc<Process>, body: impl Future<Output = i32> + 'static) {
        let (machine, process) = (self.clone(), process.clone());
        // Processes outlive the kubelet that had them started.
        self.kernel.within(Group::ROOT, || {
            self.kernel.spawn(async move {
                let inner = process.clone();
                let whole = async move {
                    let code = body.await;
                    // A subshell that has become a program.
                    let next = inner.becomes.borrow_mut().take();
                    match next {
                        Some((context, argv)) => super::programs::launch(context, argv).await,
                        None => code,
                    }
                };
                let code = match race(process.doomed.wait(), whole).await {
                    Ok(()) => process.doom_code(),
                    Err(code) => code & 0xff,
                };
                process.becomes.borrow_mut().take();
                machine.network.close(machine.owner(&process));
                if process.pid == 1 {
                    for other in machine.table.all() {
                        if other.pid != 1 {
                            other.doom(Signal::KILL.exit_code());
                        }
                    }
                    machine.stdout.flush();
                    machine.stderr.flush();
                }
                machine.table.remove(&process, code);
            });
        });
    }

    /// The owner of a process's listeners.
    pub(super) fn owner(&self, process: &Process) -> u64 {
        (self.id << 32) | u64::from(process.pid)
    }

    /// Tells once what was assumed, with its place.
    pub(super) fn assume(&self, process: &Process, what: &str, assumed: &str) {
        let place = process.origin.borrow().to_string();
        if self.assumed.borrow_mut().insert((place.clone(), what.to_owned())) {
            self.observer.assume(Assumption {
                place,
                what: what.to_owned(),
                assumed: assumed.to_owned(),
            });
        }
    }

    /// Tells that a command begins.
    pub(super) fn command(&self, process: &Process, command: &str) {
        self.observer.command(process.pid, command);
    }

    /// The next random number.
    pub(super) fn random(&self) -> u32 {
        u32::try_from(self.random.next_u64() >> 32).unwrap_or(0)
    }

    /// Counts a step; slows a busy loop down, stops an endless one until a signal comes.
    pub(super) async fn step(&self, process: &Process) {
        self.steps(process, 1).await;
    }

    /// Counts that many steps at once.
    pub(super) async fn steps(&self, process: &Process, count: u64) {
        // Whoever has been ended by force does nothing more, though its task has not noticed yet.
        if process.doomed.is_open() {
            return std::future::pending().await;
        }
        let now = self.kernel.now();
        let (instant, here) = self.instant.get();
        let here = if instant == now { here + count } else { count };
        self.instant.set((now, here));
        self.steps.set(self.steps.get() + count);
        let busy = self.is_busy();
        if busy {
            self.busy_steps.set(self.busy_steps.get() + count);
        }
        if self.steps.get() > limits::STEPS || self.busy_steps.get() > limits::BUSY_STEPS {
            let what = "more steps in one container than are played";
            self.assume(process, what, "it does nothing more until a signal comes");
            process.wait_signal().await;
        } else if here > limits::STEPS_AT_ONE_INSTANT || (here > limits::BUSY_STEPS_PER_SECOND && busy) {
            let what = format!(
                "a busy loop: more than {} steps without a pause",
                limits::STEPS_AT_ONE_INSTANT
            );
            let assumed = format!("from then on it makes {} steps a second", limits::BUSY_STEPS_PER_SECOND);
            self.assume(process, &what, &assumed);
            let seconds = i64::try_from((count / limits::BUSY_STEPS_PER_SECOND).max(1)).unwrap_or(i64::MAX);
            let pause = self.kernel.sleep(Duration::from_secs(seconds));
            let _ = race(pause, process.wait_signal()).await;
        }
    }

    /// Bytes that go through a descriptor are steps too: a line each in the log, 64 bytes elsewhere. A short one is part
    /// of the step of its command.
    pub(super) async fn charge(&self, process: &Process, fd: &Descriptor, bytes: &[u8]) {
        let lines = match fd {
            Descriptor::Log(_) => bytes.iter().filter(|byte| **byte == b'\n').count().saturating_sub(1),
            _ => 0,
        };
        let count = (bytes.len() / limits::BYTES_A_STEP).max(lines);
        if count > 0 {
            self.steps(process, u64::try_from(count).unwrap_or(u64::MAX)).await;
        }
    }

    fn is_busy(&self) -> bool {
        self.assumed
            .borrow()
            .iter()
            .any(|(_, what)| what.starts_with("a busy loop"))
    }

    /// A process needs more memory than it gets: it is killed, as the kernel's OOM killer does it.
    pub(super) async fn out_of_memory(&self, process: &Process, what: &str) {
        self.assume(process, what, "the process runs out of memory and is killed");
        if process.pid == 1 {
            self.out_of_memory.set(true);
        }
        process.doom(Signal::KILL.exit_code());
        std::future::pending::<()>().await;
    }
}

/// What an unknown program is taken to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// it is what the container is there for: it runs until it is stopped
    Main,
    /// it runs in passing: it succeeds at once
    Passing,
}

/// What a running program has: its process, descriptors, environment and working directory.
#[derive(Clone)]
pub(super) struct Context {
    pub(super) machine: Rc<Machine>,
    pub(super) process: Rc<Process>,
    pub(super) fds: Fds,
    pub(super) environment: BTreeMap<String, String>,
    pub(super) cwd: String,
    pub(super) role: Role,
    /// the shell that it runs in, or `sh`
    pub(super) shell: Flavour,
    /// the permission bits that new files do not get
    pub(super) umask: u32,
}

impl Context {
    pub(super) fn kernel(&self) -> &Kernel {
        &self.machine.kernel
    }

    pub(super) fn files(&self) -> &Files {
        self.machine.files()
    }

    pub(super) fn fd(&self, number: u32) -> Fd {
        self.fds
            .get(&number)
            .cloned()
            .unwrap_or_else(|| Rc::new(Descriptor::Null))
    }

    /// Writes to a descriptor; a broken pipe ends the process, as SIGPIPE does. False when it could not be written.
    pub(super) async fn write(&self, number: u32, bytes: &[u8]) -> bool {
        let fd = self.fd(number);
        self.machine.charge(&self.process, &fd, bytes).await;
        match fd.write(bytes).await {
            Ok(()) => true,
            Err(WriteError::BrokenPipe) => {
                if self.process.pid != 1 {
                    self.process.doom(Signal::PIPE.exit_code());
                    std::future::pending::<()>().await;
                }
                false
            }
            Err(error) => {
                if number != 2 {
                    let text = format!("write error: {}\n", error.text());
                    let _ = self.fd(2).write(text.as_bytes()).await;
                }
                false
            }
        }
    }

    /// Writes text to standard output.
    pub(super) async fn out(&self, text: &str) -> bool {
        self.write(1, text.as_bytes()).await
    }

    /// Writes a message to standard error.
    pub(super) async fn err(&self, text: &str) {
        self.write(2, format!("{text}\n").as_bytes()).await;
    }

    /// Reads a file, or standard input for `-`; Err with the C library's text.
    pub(super) async fn read(&self, path: &str) -> Result<Vec<u8>, &'static str> {
        let source = if path == "-" {
            self.fd(0)
        } else {
            self.open(path, OpenMode::Read)?
        };
        match source.read_all(limits::STRING_BYTES).await {
            Some(bytes) => Ok(bytes),
            None => {
                let what = format!("{path} gives more than {} bytes", limits::STRING_BYTES);
                self.machine.out_of_memory(&self.process, &what).await;
                Err("Cannot allocate memory")
            }
        }
    }

    /// Opens a path; errors with the C library's text.
    pub(super) fn open(&self, path: &str, mode: OpenMode) -> Result<Fd, &'static str> {
        let files = self.files();
        let node = match mode {
            OpenMode::Read => files.find(&self.cwd, path),
            OpenMode::Write | OpenMode::Append | OpenMode::ReadWrite => self.create(path),
        };
        let node = node.map_err(|error| {
            if mode == OpenMode::Read {
                self.absent(path);
            }
            error.text()
        })?;
        match &node.kind {
            Kind::Directory(_) => Err("Is a directory"),
            Kind::Link(_) => Err("No such file or directory"),
            Kind::Device(Device::Null) => Ok(Rc::new(Descriptor::Null)),
            Kind::Device(Device::Zero | Device::Random) => Ok(Rc::new(Descriptor::Zero)),
            Kind::Device(Device::Own(number)) => self.fds.get(number).cloned().ok_or("No such device or address"),
            Kind::Device(Device::Log(1)) => Ok(Rc::new(Descriptor::Log(self.machine.stdout.clone()))),
            Kind::Device(Device::Log(2)) => Ok(Rc::new(Descriptor::Log(self.machine.stderr.clone()))),
            Kind::Device(Device::Log(_)) => Ok(Rc::new(Descriptor::Null)),
            Kind::File(_) => {
                if mode == OpenMode::Write {
                    node.truncate();
                }
                Ok(Rc::new(Descriptor::File(super::io::OpenFile {
                    node: node.clone(),
                    offset: Cell::new(0),
                    append: mode == OpenMode::Append,
                    readable: matches!(mode, OpenMode::Read | OpenMode::ReadWrite),
                    writable: mode != OpenMode::Read,
                })))
            }
        }
    }

    /// A file is not there that the image might have: said, because it can't be known.
    fn absent(&self, path: &str) {
        let full = super::files::normalize(&self.cwd, path);
        let made_at_run_time = [
            "/tmp",
            "/run",
            "/var/run",
            "/var/log",
            "/var/lock",
            "/dev",
            "/proc",
            "/mnt",
        ];
        let mounts = self.machine.spec.mounts.iter();
        let around = mounts.filter(|mount| super::files::is_under(&full, &super::files::normalize("/", &mount.path)));
        let what = match around.max_by_key(|mount| mount.path.len()) {
            Some(mount) if mount.content_unknown => format!("{full} may be a file of the volume at {}", mount.path),
            Some(_) => return,
            None if made_at_run_time.iter().any(|dir| full.starts_with(dir)) => return,
            None if self.machine.spec.known_image().is_some() => return,
            None => format!("{full} may be a file of the image"),
        };
        self.machine.assume(&self.process, &what, "it does not exist");
    }
}

/// How a file is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OpenMode {
    Read,
    /// made or emptied
    Write,
    Append,
    ReadWrite,
}
