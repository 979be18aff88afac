//! A POSIX shell as a task over the kernel: its state, its start and its end.

mod arithmetic;
mod braces;
mod builtins;
mod expand;
mod interpret;
mod jobs;
mod nesting;
mod options;
mod parameters;
mod parse;
mod pattern;
mod read;
mod redirect;
mod settings;
mod simple;
mod wait;

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;

use brush_parser::ast;

use super::images::Flavour;
use super::io::Fds;
use super::limits;
use super::machine::{Context, Role};
use super::process::{Disposition, Process, Signal};
use options::Options;

pub(super) use pattern::{class, matches as pattern_matches, unquoted};

/// A future of the interpreter, boxed because the interpreter is recursive.
type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

/// Where a script goes on after a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flow {
    Next,
    /// out of that many loops
    Break(u32),
    /// to the next round of the loop that many levels out
    Continue(u32),
    Return,
    Exit,
}

/// Whether a command is the last that a script does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tail {
    No,
    /// the last, but the shell stays
    Last,
    /// the last, and the shell may be replaced by it
    Replace,
}

#[derive(Clone, Debug, Default)]
struct Variable {
    value: String,
    exported: bool,
    readonly: bool,
}

/// What a trap waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum TrapOn {
    Exit,
    Signal(Signal),
}

/// A shell or subshell: one process.
struct Shell {
    context: Context,
    flavour: Flavour,
    /// `$$`: the first shell's number, also in its subshells
    shell_pid: u32,
    /// `$0`
    name: String,
    positional: Vec<String>,
    variables: BTreeMap<String, Variable>,
    functions: BTreeMap<String, Rc<ast::FunctionBody>>,
    options: Options,
    traps: BTreeMap<TrapOn, String>,
    /// `$?`
    status: i32,
    /// the status of the last command substitution of the command that is being expanded
    substituted: Option<i32>,
    background: Vec<Rc<Process>>,
    /// those of them whose end somebody has waited for
    waited: BTreeSet<u32>,
    last_background: Option<u32>,
    /// above zero where a failure does not end the shell in spite of `set -e`
    tolerant: u32,
    loops: u32,
    depth: usize,
    /// what `local` hid, one map for each function that runs
    hidden: Vec<BTreeMap<String, Option<Variable>>>,
    in_trap: bool,
    /// what `ulimit` has set
    ulimits: BTreeMap<char, String>,
}

/// `sh [-eux] [-c script [name [args]] | file [args]]`, as process of its own.
pub(super) fn run(context: Context, argv: Vec<String>, flavour: Flavour) -> Boxed<'static, i32> {
    Box::pin(async move {
        let mut shell = Shell::new(context, flavour);
        let mut arguments = argv.into_iter();
        shell.name = arguments.next().unwrap_or_default();
        let mut arguments: Vec<String> = arguments.collect();
        // bash that is called sh obeys POSIX.
        shell.options.posix = flavour == Flavour::Bash && shell.name.rsplit('/').next() == Some("sh");
        let mut command = false;
        let mut from_stdin = false;
        while let Some(first) = arguments.first().cloned() {
            if first == "--" || first == "-" {
                arguments.remove(0);
                break;
            }
            if first.starts_with("--") {
                arguments.remove(0);
                continue;
            }
            let sign = first.starts_with('-');
            let Some(letters) = first.strip_prefix(['-', '+']).filter(|letters| !letters.is_empty()) else {
                break;
            };
            arguments.remove(0);
            for letter in letters.chars() {
                match letter {
                    'c' => command = true,
                    's' => from_stdin = true,
                    'o' if !arguments.is_empty() => {
                        let name = arguments.remove(0);
                        shell.set_option_by_name(&name, sign);
                    }
                    _ => {
                        shell.set_option(letter, sign);
                    }
                }
            }
        }
        shell.start(command, from_stdin, arguments).await
    })
}

/// A script file, run by the shell that its first line names.
pub(super) fn run_file(
    context: Context,
    path: String,
    arguments: Vec<String>,
    flavour: Flavour,
) -> Boxed<'static, i32> {
    let mut argv = vec!["sh".to_owned(), path];
    argv.extend(arguments);
    run(context, argv, flavour)
}

impl Shell {
    fn new(mut context: Context, flavour: Flavour) -> Shell {
        context.shell = flavour;
        let exported = |(name, value): (&String, &String)| {
            let variable = Variable {
                value: value.clone(),
                exported: true,
                readonly: false,
            };
            (name.clone(), variable)
        };
        let mut variables: BTreeMap<String, Variable> = context.environment.iter().map(exported).collect();
        variables.insert("IFS".to_owned(), Variable::of(" \t\n"));
        variables.insert("PWD".to_owned(), Variable::of(&context.cwd));
        variables.entry("PS4".to_owned()).or_insert_with(|| Variable::of("+ "));
        variables.insert("OPTIND".to_owned(), Variable::of("1"));
        Shell {
            shell_pid: context.process.pid,
            context,
            flavour,
            name: String::new(),
            positional: Vec::new(),
            variables,
            functions: BTreeMap::new(),
            options: Options::default(),
            traps: BTreeMap::new(),
            status: 0,
            substituted: None,
            background: Vec::new(),
            waited: BTreeSet::new(),
            last_background: None,
            tolerant: 0,
            loops: 0,
            depth: 0,
            hidden: Vec::new(),
            in_trap: false,
            ulimits: BTreeMap::new(),
        }
    }

    /// Finds the script and runs it; the exit code.
    async fn start(&mut self, command: bool, from_stdin: bool, mut arguments: Vec<String>) -> i32 {
        if command {
            if arguments.is_empty() {
                self.complain("-c requires an argument").await;
                return 2;
            }
            self.catch_interrupt();
            self.options.command = true;
            let script = arguments.remove(0);
            if !arguments.is_empty() {
                self.name = arguments.remove(0);
            }
            self.positional = arguments;
            let tail = match self.flavour {
                Flavour::Dash => Tail::Last,
                // A newline hides the end of the script from busybox.
                Flavour::Ash if script.ends_with('\n') => Tail::Last,
                Flavour::Ash | Flavour::Bash => Tail::Replace,
            };
            return self.whole(&script, tail).await;
        }
        if from_stdin || arguments.is_empty() {
            self.positional = arguments;
            let input = self.context.read("-").await.unwrap_or_default();
            return self.whole(&String::from_utf8_lossy(&input), Tail::Last).await;
        }
        self.catch_interrupt();
        let path = arguments.remove(0);
        self.name.clone_from(&path);
        self.positional = arguments;
        match self.context.read(&path).await {
            Ok(script) => self.whole(&String::from_utf8_lossy(&script), Tail::Last).await,
            Err(error) => {
                self.complain(&format!("can't open '{path}': {error}")).await;
                2
            }
        }
    }

    /// dash and busybox have a handler for SIGINT unless the script comes from standard input (`setsignal` in trap.c), so
    /// that it ends them even as process 1; any other process it ends all the same.
    fn catch_interrupt(&self) {
        if self.flavour != Flavour::Bash && self.context.process.pid == 1 {
            let process = &self.context.process;
            process.set_disposition(Signal::INT, Some(Disposition::Handle));
        }
    }

    /// Runs a whole script with the EXIT trap; the exit code.
    async fn whole(&mut self, script: &str, tail: Tail) -> i32 {
        self.text(script, tail).await;
        self.finish().await
    }

    /// Runs the EXIT trap; the exit code.
    async fn finish(&mut self) -> i32 {
        if let Some(action) = self.traps.remove(&TrapOn::Exit)
            && !action.is_empty()
        {
            let status = self.status;
            if self.text(&action, Tail::No).await != Flow::Exit {
                self.status = status;
            }
        }
        self.status
    }

    /// Reads and runs a piece of script.
    fn text<'a>(&'a mut self, script: &'a str, tail: Tail) -> Boxed<'a, Flow> {
        Box::pin(async move {
            if self.depth >= limits::CALL_DEPTH {
                self.complain("too many calls inside one another").await;
                self.status = 2;
                return Flow::Exit;
            }
            self.depth += 1;
            let flow = match parse::script(script, self.flavour) {
                Ok(program) => self.program(&program, tail).await,
                Err(error) => {
                    let what = format!("line {}: {}", error.line, error.what);
                    self.complain(&what).await;
                    // What only bash reads is refused for sure; else it may be the reader here that is at fault.
                    if !error.of_bash {
                        let machine = self.context.machine.clone();
                        machine.assume(&self.context.process, &what, "the shell refuses it with exit code 2");
                    }
                    self.status = 2;
                    Flow::Exit
                }
            };
            self.depth -= 1;
            flow
        })
    }

    /// A message of the shell itself.
    async fn complain(&self, what: &str) {
        let name = self.name.rsplit('/').next().unwrap_or("sh");
        self.context.err(&format!("{name}: {what}")).await;
    }

    /// The value of a variable that is set.
    fn value(&self, name: &str) -> Option<String> {
        match name {
            "RANDOM" if self.flavour != Flavour::Dash => Some((self.context.machine.random() & 0x7fff).to_string()),
            "SECONDS" if self.flavour == Flavour::Bash => {
                let now = self.context.kernel().now();
                Some((now.as_nanos() / 1_000_000_000).to_string())
            }
            "PPID" => Some(self.context.process.parent.to_string()),
            _ => self.variables.get(name).map(|variable| variable.value.clone()),
        }
    }

    /// Sets a variable; false when it is read-only.
    fn set(&mut self, name: &str, value: &str) -> bool {
        let variable = self.variables.entry(name.to_owned()).or_default();
        if variable.readonly {
            return false;
        }
        value.clone_into(&mut variable.value);
        variable.exported |= self.options.allexport && name != "_OPTOFFSET";
        true
    }

    /// The environment of programs that the shell starts.
    fn environment(&self) -> BTreeMap<String, String> {
        let exported = self.variables.iter().filter(|(_, variable)| variable.exported);
        exported
            .map(|(name, variable)| (name.clone(), variable.value.clone()))
            .collect()
    }

    /// A copy of this shell in a new process; None when there are too many processes.
    fn fork(&self, command: &str) -> Option<Shell> {
        let origin = self.context.process.origin.borrow().clone();
        let process = self
            .context
            .machine
            .table
            .add(Some(&self.context.process), command.to_owned(), origin)?;
        // Traps are reset in a subshell, but what is ignored stays ignored.
        let mut traps = self.traps.clone();
        traps.retain(|on, action| matches!(on, TrapOn::Signal(_)) && action.is_empty());
        Some(Shell {
            context: Context {
                process,
                role: Role::Passing,
                ..self.context.clone()
            },
            flavour: self.flavour,
            shell_pid: self.shell_pid,
            name: self.name.clone(),
            positional: self.positional.clone(),
            variables: self.variables.clone(),
            functions: self.functions.clone(),
            options: self.options.clone(),
            traps,
            status: self.status,
            substituted: None,
            background: Vec::new(),
            waited: BTreeSet::new(),
            last_background: self.last_background,
            tolerant: self.tolerant,
            loops: self.loops,
            depth: self.depth,
            hidden: self.hidden.clone(),
            in_trap: false,
            ulimits: self.ulimits.clone(),
        })
    }

    /// Whether a trap would be lost if the shell were replaced by a program.
    fn has_traps(&self) -> bool {
        self.traps.values().any(|action| !action.is_empty())
    }

    fn set_trap(&mut self, on: TrapOn, action: Option<String>) {
        if let TrapOn::Signal(signal) = on {
            let disposition = match action.as_deref() {
                None => None,
                Some("") => Some(Disposition::Ignore),
                Some(_) => Some(Disposition::Handle),
            };
            self.context.process.set_disposition(signal, disposition);
            if disposition.is_none() && signal == Signal::INT {
                self.catch_interrupt();
            }
        }
        match action {
            Some(action) => self.traps.insert(on, action),
            None => self.traps.remove(&on),
        };
    }

    /// Runs the traps of signals that have arrived.
    async fn run_traps(&mut self) -> Flow {
        if self.in_trap {
            return Flow::Next;
        }
        while let Some(signal) = self.context.process.take_signal() {
            let Some(action) = self.traps.get(&TrapOn::Signal(signal)).cloned() else {
                if signal == Signal::INT {
                    self.status = signal.exit_code();
                    return Flow::Exit;
                }
                continue;
            };
            let status = self.status;
            self.in_trap = true;
            let flow = self.text(&action, Tail::No).await;
            self.in_trap = false;
            match flow {
                Flow::Next => self.status = status,
                Flow::Break(_) | Flow::Continue(_) | Flow::Return | Flow::Exit => return flow,
            }
        }
        Flow::Next
    }

    /// Descriptors as they are now, to be put back later.
    fn descriptors(&self) -> Fds {
        self.context.fds.clone()
    }
}

impl Variable {
    fn of(value: &str) -> Variable {
        Variable {
            value: value.to_owned(),
            exported: false,
            readonly: false,
        }
    }
}
