//! Processes that a shell starts: programs, subshells, pipelines and background jobs.

use std::rc::Rc;

use brush_parser::ast;

use super::{Flow, Shell, Tail, TrapOn, Variable};
use crate::guest::images::Flavour;
use crate::guest::io::{Descriptor, pipe};
use crate::guest::machine::{Context, Role};
use crate::guest::process::{Disposition, Process, Signal};
use crate::guest::programs;

/// With so many jobs a shell forgets those whose end somebody has waited for: a loop of jobs may go on for days.
const MOST_JOBS: usize = 1_024;

/// How a subshell is started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Start {
    Passing,
    Background,
}

impl Shell {
    /// What an unknown program in this place is taken to do.
    fn role(&self, tail: Tail) -> Role {
        if tail == Tail::No {
            Role::Passing
        } else {
            self.context.role
        }
    }

    /// Runs a program: in the shell's place if it may, else as a child that the shell waits for.
    pub(super) async fn program_command(
        &mut self,
        words: Vec<String>,
        assignments: Vec<(String, String)>,
        tail: Tail,
    ) -> Flow {
        let mut environment = self.environment();
        environment.extend(assignments);
        let role = self.role(tail);
        let mut context = Context {
            environment,
            role,
            ..self.context.clone()
        };
        if tail == Tail::Replace && !self.has_traps() {
            self.context.process.reset_handlers();
            self.context.fds.clear();
            self.traps.clear();
            self.become_program(context, words);
            return Flow::Exit;
        }
        let Some(process) = self.child(&words.join(" ")) else {
            self.complain("can't fork: Resource temporarily unavailable").await;
            self.status = 2;
            return Flow::Exit;
        };
        context.process = process.clone();
        let machine = self.context.machine.clone();
        machine.run(&process, async move { programs::launch(context, words).await });
        self.status = process.wait().await;
        Flow::Next
    }

    fn child(&self, command: &str) -> Option<Rc<Process>> {
        let origin = self.context.process.origin.borrow().clone();
        self.context
            .machine
            .table
            .add(Some(&self.context.process), command.to_owned(), origin)
    }

    /// `exec`: the shell becomes the program; without one only the redirections stay.
    pub(super) async fn exec(&mut self, words: Vec<String>, assignments: Vec<(String, String)>) -> Flow {
        let mut words: Vec<String> = words.into_iter().skip(1).collect();
        while words
            .first()
            .is_some_and(|word| matches!(word.as_str(), "--" | "-c" | "-l"))
        {
            words.remove(0);
        }
        if words.is_empty() {
            for (name, value) in assignments {
                self.set(&name, &value);
            }
            self.status = 0;
            return Flow::Next;
        }
        let mut environment = self.environment();
        environment.extend(assignments);
        let context = Context {
            environment,
            ..self.context.clone()
        };
        self.context.process.reset_handlers();
        self.context.fds.clear();
        self.traps.clear();
        self.become_program(context, words);
        Flow::Exit
    }

    /// The process runs the program next, once the shell's own calls have returned: a program that becomes another for
    /// ever takes no more stack for it.
    fn become_program(&self, context: Context, words: Vec<String>) {
        let process = self.context.process.clone();
        *process.becomes.borrow_mut() = Some((context, words));
    }

    /// Runs a list in a subshell and waits for it; its status.
    pub(super) async fn run_subshell(
        &mut self,
        command: &str,
        start: Start,
        tail: Tail,
        list: ast::CompoundList,
    ) -> i32 {
        let role = self.role(tail);
        let Some(process) = self.subshell(command, start, role, move |mut shell| {
            Box::pin(async move {
                let tail = if role == Role::Main { Tail::Replace } else { Tail::No };
                shell.list(&list, tail).await;
                shell.finish().await
            })
        }) else {
            self.complain("can't fork: Resource temporarily unavailable").await;
            return 2;
        };
        process.wait().await
    }

    fn subshell(
        &self,
        command: &str,
        start: Start,
        role: Role,
        body: impl FnOnce(Shell) -> super::Boxed<'static, i32>,
    ) -> Option<Rc<Process>> {
        let mut shell = self.fork(command)?;
        shell.context.role = role;
        if start == Start::Background {
            // A shell without job control keeps the terminal's signals and input from its background jobs.
            for signal in [Signal::INT, Signal::QUIT] {
                shell.context.process.set_disposition(signal, Some(Disposition::Ignore));
            }
            shell.context.fds.insert(0, Rc::new(Descriptor::Null));
        }
        let process = shell.context.process.clone();
        let machine = self.context.machine.clone();
        machine.run(&process, body(shell));
        Some(process)
    }

    /// `command &`
    pub(super) async fn start_background(&mut self, list: &ast::AndOrList) {
        let command = list.to_string();
        let (list, role) = (list.clone(), self.context.role);
        let started = self.subshell(&command, Start::Background, role, move |mut shell| {
            Box::pin(async move {
                shell.tolerant = 0;
                match only_subshell(&list) {
                    Some((subshell, redirects)) => {
                        if shell.redirect_within(redirects).await.is_some() {
                            shell.list(&subshell.list, Tail::Replace).await;
                        }
                    }
                    None => {
                        shell.and_or(&list, Tail::Replace).await;
                    }
                }
                shell.finish().await
            })
        });
        match started {
            Some(process) => {
                self.last_background = Some(process.pid);
                if self.background.len() >= MOST_JOBS {
                    let waited = std::mem::take(&mut self.waited);
                    self.background.retain(|job| !waited.contains(&job.pid));
                }
                self.background.push(process);
                self.status = 0;
            }
            None => {
                self.complain("can't fork: Resource temporarily unavailable").await;
                self.status = 2;
            }
        }
    }

    /// Runs the commands of a pipeline side by side; the status of the last (of the last that failed with `pipefail`).
    pub(super) async fn run_pipeline(&mut self, commands: &[ast::Command], tail: Tail) -> i32 {
        let role = self.role(tail);
        let mut processes = Vec::new();
        let mut input = None;
        let count = commands.len();
        for (index, command) in commands.iter().enumerate() {
            let (next, output) = if index + 1 < count {
                let (reader, writer) = pipe(self.context.kernel());
                (Some(reader), Some(writer))
            } else {
                (None, None)
            };
            let ends = (input.take(), output);
            let owned = command.clone();
            let started = self.subshell(&command.to_string(), Start::Passing, role, move |mut shell| {
                Box::pin(async move {
                    let (stdin, stdout) = ends;
                    shell.context.fds.extend(stdin.map(|end| (0, end)));
                    shell.context.fds.extend(stdout.map(|end| (1, end)));
                    let flow = shell.command(&owned, Tail::Replace).await;
                    if flow != Flow::Exit {
                        shell.run_traps().await;
                    }
                    shell.finish().await
                })
            });
            let Some(process) = started else {
                self.complain("can't fork: Resource temporarily unavailable").await;
                return 2;
            };
            processes.push(process);
            input = next;
        }
        let mut status = 0;
        let mut failed = 0;
        for process in processes {
            status = process.wait().await;
            if status != 0 {
                failed = status;
            }
        }
        if self.options.pipefail { failed } else { status }
    }

    /// The process that a job's name means: `%1`, `%%` and `%+` (the last), `%-` (the one before it).
    pub(super) fn job(&self, name: &str) -> Option<u32> {
        let job = match name.strip_prefix('%')? {
            "" | "%" | "+" => self.background.last(),
            "-" => self.background.iter().rev().nth(1),
            number => self.background.get(number.parse::<usize>().ok()?.checked_sub(1)?),
        };
        job.map(|job| job.pid)
    }

    /// `kill`: names of jobs are the shell's, the rest is the program's.
    pub(super) async fn kill(&mut self, mut words: Vec<String>) -> i32 {
        if self.flavour == Flavour::Dash
            && words
                .iter()
                .any(|word| word.starts_with("-SIG") || word.starts_with("-sig"))
        {
            self.complain("kill: Illegal option -S").await;
            return 2;
        }
        for word in &mut words[1..] {
            if !word.starts_with('%') {
                continue;
            }
            // dash has no jobs without job control.
            match self.job(word).filter(|_| self.flavour != Flavour::Dash) {
                Some(pid) => *word = pid.to_string(),
                None => {
                    self.complain(&format!("kill: {word}: No such process")).await;
                    return 1;
                }
            }
        }
        match programs::builtin("kill") {
            Some(program) => program(self.context.clone(), words).await,
            None => 127,
        }
    }

    /// `jobs [-p]`: those that still run.
    pub(super) async fn jobs(&mut self, words: &[String]) -> i32 {
        let mut listing = String::new();
        for (index, job) in self.background.iter().enumerate() {
            if job.code().is_some() {
                continue;
            }
            if words.iter().any(|word| word == "-p") {
                listing.push_str(&format!("{}\n", job.pid));
            } else {
                let current = if index + 1 == self.background.len() { '+' } else { ' ' };
                let command = job.command.borrow();
                let shown = match self.flavour {
                    Flavour::Bash => format!("[{}]{current}  Running                 {command} &", index + 1),
                    // Without job control these two have no text of a job.
                    Flavour::Ash => format!("[{}]{current}  Running                    ", index + 1),
                    Flavour::Dash => format!("[{}] {current} Running                    ", index + 1),
                };
                listing.push_str(&format!("{shown}\n"));
            }
        }
        self.context.out(&listing).await;
        0
    }

    /// `trap`
    pub(super) async fn trap(&mut self, words: &[String]) -> i32 {
        let mut words = &words[1..];
        if words.first().is_some_and(|word| word == "--") {
            words = &words[1..];
        }
        if words.is_empty() || words == ["-p"] {
            let mut listing = String::new();
            for (on, action) in &self.traps {
                let name = match on {
                    TrapOn::Exit => "EXIT".to_owned(),
                    TrapOn::Signal(signal) => signal.name(),
                };
                listing.push_str(&format!("trap -- '{}' {name}\n", action.replace('\'', "'\\''")));
            }
            self.context.out(&listing).await;
            return 0;
        }
        // Without an action the traps are reset: `trap - TERM`, `trap TERM`.
        let number = words[0].parse::<u8>().is_ok();
        let (action, names) = match (words[0].as_str(), words.len()) {
            ("-", _) => (None, &words[1..]),
            _ if number || words.len() == 1 => (None, words),
            (action, _) => (Some(action.to_owned()), &words[1..]),
        };
        let mut status = 0;
        for name in names {
            let on = match name.as_str() {
                "EXIT" | "0" | "exit" => Some(TrapOn::Exit),
                // bash's own, which nothing here raises
                "ERR" | "DEBUG" | "RETURN" => continue,
                // dash and POSIX know signals without SIG only.
                name if self.flavour == Flavour::Dash && name.to_ascii_uppercase().starts_with("SIG") => None,
                name => Signal::parse(name).map(TrapOn::Signal),
            };
            match on {
                Some(on) => self.set_trap(on, action.clone()),
                None => {
                    self.complain(&format!("trap: {name}: bad trap")).await;
                    status = 1;
                }
            }
        }
        status
    }

    /// Marks a variable, setting it if there is a value.
    pub(super) fn declare(&mut self, text: &str, mark: impl FnOnce(&mut Variable)) -> bool {
        let (name, value) = match text.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (text, None),
        };
        if let Some(value) = value
            && !self.set(name, value)
        {
            return false;
        }
        if value.is_some() || self.variables.contains_key(name) {
            mark(self.variables.entry(name.to_owned()).or_default());
        }
        true
    }
}

/// The subshell that a list is made of: `( … ) &` is one process, not a shell that waits for another.
fn only_subshell(list: &ast::AndOrList) -> Option<(&ast::SubshellCommand, Option<&ast::RedirectList>)> {
    match &list.first.seq[..] {
        [ast::Command::Compound(ast::CompoundCommand::Subshell(subshell), redirects)]
            if list.additional.is_empty() && !list.first.bang =>
        {
            Some((subshell, redirects.as_ref()))
        }
        _ => None,
    }
}
