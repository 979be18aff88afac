//! A container that is played by the programs in it: what the container runtime sees.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use super::files::normalize;
use super::images;
use super::io::{Descriptor, Fd, Fds, pipe};
use super::limits;
use super::machine::{Assumption, Context, Machine, Observer, Role};
use super::network::{Answer, Connection, Network, Request};
use super::process::{Process, Signal};
use super::programs;
use super::spec::{Argument, Spec};
use super::umask::UMASK;

/// How much of a termination message is kept, in bytes (`MaxContainerTerminationMessageLength`).
pub const TERMINATION_MESSAGE_BYTES: usize = 4096;

/// How a container ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// exit code
    pub code: i32,
    /// process 1 was killed for want of memory
    pub out_of_memory: bool,
    /// the termination message
    pub message: String,
}

/// What a command in a container gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExecOutput {
    /// exit code
    pub code: i32,
    /// standard output and standard error as they came
    pub output: String,
}

/// A container whose programs are played.
pub struct Container {
    machine: Rc<Machine>,
    main: RefCell<Option<Rc<Process>>>,
    killed: Cell<bool>,
}

/// Whether the container's main program is known; the assumption that stands in for it when it is not.
///
/// A container whose main program is not known is best left to the runtime's defaults.
pub fn understands(spec: &Spec, programs: &[super::ProgramScript]) -> Result<(), Assumption> {
    let argv = spec.argv();
    let unknown = |place: &str, what: String| Assumption {
        place: place.to_owned(),
        what,
        assumed: "it runs until it is stopped, its probes and hooks succeed".to_owned(),
    };
    if programs::of_image(programs, &spec.image).is_some() && spec.command.is_empty() {
        return Ok(());
    }
    let Some(first) = argv.first() else {
        return Err(unknown("image", format!("image {} is not known", spec.image)));
    };
    match programs::unknown(programs, &argv) {
        None => Ok(()),
        Some(argument) if spec.holds(&argument.text) => Ok(()),
        Some(argument) if argument.text == first.text => {
            Err(unknown(&first.origin, format!("program {} is not known", first.text)))
        }
        Some(argument) => Err(unknown(&argument.origin, argument.text.clone())),
    }
}

/// The exit code of a container whose first program the kernel does not take (runc's init).
const NOT_EXECUTED: i32 = 255;

/// Whether the kernel refuses to start a program with that (`E2BIG` of `execve(2)`): each text ends with a zero, a variable
/// has a sign between name and value.
fn is_too_long(argv: &[String], environment: &BTreeMap<String, String>) -> bool {
    let arguments = argv.iter().map(|text| text.len() + 1);
    let variables = environment.iter().map(|(name, value)| name.len() + value.len() + 2);
    let (longest, all) = arguments
        .chain(variables)
        .fold((0, 0), |(longest, all), length| (length.max(longest), all + length));
    longest > limits::ARGUMENT_BYTES || all > limits::ARGUMENTS_BYTES
}

impl Container {
    /// A container that has not been started. `id` tells it from the pod's others.
    pub fn new(id: u64, spec: Spec, network: &Rc<Network>, observer: Rc<dyn Observer>) -> Rc<Container> {
        Rc::new(Container {
            machine: Machine::new(id, spec, network, observer),
            main: RefCell::default(),
            killed: Cell::new(false),
        })
    }

    /// Starts process 1.
    pub fn start(&self) {
        let mut argv = self.machine.spec.argv();
        if let Some(program) = programs::of_image(&self.machine.world().programs, &self.machine.spec.image)
            && self.machine.spec.command.is_empty()
        {
            let name = program.name.clone().unwrap_or_else(|| self.machine.spec.image.clone());
            argv = vec![Argument {
                text: name,
                origin: "image".into(),
            }];
        }
        let stdin = if self.machine.spec.stdin {
            Descriptor::Silent
        } else {
            Descriptor::Null
        };
        let fds = Fds::from([
            (0, Rc::new(stdin)),
            (1, Rc::new(Descriptor::Log(self.machine.stdout.clone()))),
            (2, Rc::new(Descriptor::Log(self.machine.stderr.clone()))),
        ]);
        let role = if self.machine.spec.completes {
            Role::Passing
        } else {
            Role::Main
        };
        *self.main.borrow_mut() = self.launch(None, argv, fds, role);
    }

    fn launch(&self, parent: Option<&Process>, argv: Vec<Argument>, fds: Fds, role: Role) -> Option<Rc<Process>> {
        let machine = &self.machine;
        let texts: Vec<String> = argv.iter().map(|argument| argument.text.clone()).collect();
        // What a shell runs stands behind its -c.
        let option = argv
            .iter()
            .position(|a| a.text.starts_with('-') && a.text.ends_with('c'));
        let said = argv.get(option.map_or(0, |at| at + 1)).or(argv.first());
        let origin = said.map_or_else(|| "image".into(), |argument| argument.origin.clone());
        let process = machine.table.add(parent, texts.join(" "), origin)?;
        let mut environment = machine.environment.clone();
        for (name, value) in [
            ("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"),
            ("HOME", "/root"),
            ("HOSTNAME", &machine.network.hostname),
        ] {
            environment.entry(name.to_owned()).or_insert_with(|| value.to_owned());
        }
        let context = Context {
            machine: machine.clone(),
            process: process.clone(),
            fds,
            environment,
            cwd: normalize("/", &machine.working_dir()),
            role,
            shell: machine.shell,
            umask: UMASK,
        };
        machine.run(&process, async move {
            if is_too_long(&texts, &context.environment) {
                let name = texts.first().map_or("", String::as_str);
                let program = programs::which(&context, name).unwrap_or_else(|| name.to_owned());
                context.err(&format!("exec {program}: argument list too long")).await;
                return NOT_EXECUTED;
            }
            programs::launch(context, texts).await
        });
        Some(process)
    }

    /// Sends a signal to process 1, from outside the container.
    pub fn signal(&self, signal: Signal) {
        let main = self.main.borrow().clone();
        if let Some(main) = main {
            if signal == Signal::KILL {
                self.killed.set(true);
            }
            main.deliver(signal, true);
        }
    }

    /// The signal with which the container is stopped: the image's, TERM where it is not known.
    pub fn stop_signal(&self) -> Signal {
        images::find(&self.machine.spec.image).map_or(Signal::TERM, |image| image.stop_signal)
    }

    /// Waits for the end of process 1; for ever when it was not started.
    pub async fn ended(&self) -> Ended {
        let main = self.main.borrow().clone();
        let Some(main) = main else {
            return std::future::pending().await;
        };
        let code = main.wait().await;
        Ended {
            code,
            out_of_memory: self.machine.out_of_memory.get(),
            message: self.termination_message(code),
        }
    }

    /// Whether process 1 was killed from outside.
    pub fn was_killed(&self) -> bool {
        self.killed.get()
    }

    /// The termination message of a container that ends with this code: the end of its file; when that is empty and the
    /// policy says so, the end of what it wrote (`kuberuntime_container.go: getTerminationMessage`).
    pub fn termination_message(&self, code: i32) -> String {
        let machine = &self.machine;
        let text = machine.termination_message(TERMINATION_MESSAGE_BYTES);
        if text.is_empty() && machine.spec.falls_back_to_logs && code != 0 {
            return machine.last_lines.text();
        }
        text
    }

    /// Runs a command in the container's files and environment, as an exec probe or hook does; dropping the future
    /// kills the command. `place`: where the command stands, `livenessProbe.exec.command`.
    pub async fn exec(&self, command: &[&str], place: &str) -> ExecOutput {
        let machine = &self.machine;
        let argv: Vec<Argument> = command
            .iter()
            .enumerate()
            .map(|(index, text)| Argument {
                text: (*text).to_owned(),
                origin: format!("{place}[{index}]").into(),
            })
            .collect();
        let (reader, writer) = pipe(&machine.kernel);
        let fds = Fds::from([(0, Rc::new(Descriptor::Null) as Fd), (1, writer.clone()), (2, writer)]);
        let Some(process) = self.launch(None, argv, fds, Role::Passing) else {
            return ExecOutput {
                code: 126,
                output: "cannot fork: Resource temporarily unavailable".to_owned(),
            };
        };
        let _guard = KillOnDrop(process.clone());
        let output = reader.read_all(limits::STRING_BYTES).await.unwrap_or_default();
        let code = process.wait().await;
        ExecOutput {
            code,
            output: String::from_utf8_lossy(&output).into_owned(),
        }
    }

    /// Whether a connection to one of the pod's ports stands.
    pub fn listens(&self, port: u16) -> bool {
        self.machine.network.connect(port).stands()
    }

    /// The answer to an HTTP request to one of the pod's ports; None when nobody listens.
    pub fn http(&self, port: u16, path: &str) -> Option<Answer> {
        match self.machine.network.connect(port) {
            Connection::Accepted(handler) => Some(handler(&Request {
                path: path.to_owned(),
                text: None,
            })),
            Connection::Refused | Connection::TimedOut | Connection::UnknownHost | Connection::External => None,
        }
    }
}

struct KillOnDrop(Rc<Process>);

impl Drop for KillOnDrop {
    fn drop(&mut self) {
        if self.0.code().is_none() {
            self.0.doom(Signal::KILL.exit_code());
        }
    }
}
