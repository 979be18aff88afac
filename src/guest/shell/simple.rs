//! Simple commands: their words, assignments and redirections, and what they call.

use brush_parser::ast;

use super::expand::Failed;
use super::{Flow, Shell, Tail, Variable, builtins};
use crate::guest::images::Flavour;
use crate::guest::limits;

impl Shell {
    /// A simple command: assignments, redirections, then a function, a builtin or a program.
    pub(super) async fn simple(&mut self, command: &ast::SimpleCommand, tail: Tail) -> Flow {
        self.substituted = None;
        let Ok(Prepared {
            assignments,
            words,
            redirects,
        }) = self.prepare(command).await
        else {
            return self.failed();
        };
        if self.options.xtrace {
            self.trace(&assignments, &words).await;
        }
        let saved = self.descriptors();
        for redirect in &redirects {
            if !self.redirect(redirect).await {
                self.context.fds = saved;
                self.status = self.redirection_status();
                // A failed redirection of a special builtin ends the shell.
                let ends = words.first().is_some_and(|name| builtins::is_special(name));
                return if ends { Flow::Exit } else { Flow::Next };
            }
        }
        let Some(name) = words.first().cloned() else {
            self.context.fds = saved;
            self.status = self.substituted.unwrap_or(0);
            for (name, value) in assignments {
                if !self.set(&name, &value) {
                    self.complain(&format!("{name}: is read only")).await;
                    self.status = 2;
                    return Flow::Exit;
                }
            }
            return Flow::Next;
        };
        self.context.machine.command(&self.context.process, &words.join(" "));
        if let Some(body) = self.functions.get(&name).cloned() {
            let hidden = self.assign_for_a_while(assignments);
            let flow = self.call(&body, words[1..].to_vec()).await;
            self.restore(hidden);
            self.context.fds = saved;
            return flow;
        }
        if name == "exec" {
            // Its redirections stay.
            return self.exec(words, assignments).await;
        }
        if builtins::is_builtin(&name, self.flavour) {
            let special = builtins::is_special(&name);
            let hidden = self.assign_for_a_while(assignments);
            let flow = self.builtin(&name, words).await;
            if !special {
                self.restore(hidden);
            }
            self.context.fds = saved;
            return flow;
        }
        if self.flavour == Flavour::Dash && builtins::is_only_of_bash(&name) {
            self.complain(&format!("{name}: not found")).await;
            self.context.fds = saved;
            self.status = 127;
            return Flow::Next;
        }
        let flow = self.program_command(words, assignments, tail).await;
        self.context.fds = saved;
        flow
    }

    /// Expands what a simple command is made of, in the order of the script.
    async fn prepare<'a>(&mut self, command: &'a ast::SimpleCommand) -> Result<Prepared<'a>, Failed> {
        use ast::CommandPrefixOrSuffixItem as Item;
        let mut prepared = Prepared {
            assignments: Vec::new(),
            words: Vec::new(),
            redirects: Vec::new(),
        };
        let declares = command.word_or_name.as_ref().is_some_and(|name| {
            matches!(
                name.value.as_str(),
                "export" | "local" | "readonly" | "declare" | "typeset"
            )
        });
        let mut pending = Vec::new();
        for item in command.prefix.iter().flat_map(|prefix| &prefix.0) {
            match item {
                Item::AssignmentWord(assignment, word) => pending.push((assignment, word)),
                Item::IoRedirect(redirect) => prepared.redirects.push(redirect),
                Item::Word(word) => prepared.words.extend(self.fields(word).await?),
                Item::ProcessSubstitution(..) => return Err(self.no_process_substitution().await),
            }
        }
        if let Some(name) = &command.word_or_name {
            prepared.words.extend(self.fields(name).await?);
        }
        for item in command.suffix.iter().flat_map(|suffix| &suffix.0) {
            match item {
                Item::IoRedirect(redirect) => prepared.redirects.push(redirect),
                Item::Word(word) => prepared.words.extend(self.fields(word).await?),
                Item::AssignmentWord(assignment, word) => match (&assignment.name, &assignment.value) {
                    (ast::AssignmentName::VariableName(name), ast::AssignmentValue::Scalar(value)) if declares => {
                        let value = self.single(&value.value).await?;
                        prepared.words.push(format!("{name}={value}"));
                    }
                    _ => prepared.words.extend(self.fields(word).await?),
                },
                Item::ProcessSubstitution(..) => return Err(self.no_process_substitution().await),
            }
            if prepared.words.len() > limits::WORDS {
                let process = self.context.process.clone();
                self.context
                    .machine
                    .clone()
                    .out_of_memory(&process, "a command has too many arguments")
                    .await;
            }
        }
        for (assignment, word) in pending {
            let (name, value) = match (&assignment.name, &assignment.value) {
                (ast::AssignmentName::VariableName(name), ast::AssignmentValue::Scalar(value)) => {
                    (name, self.single(&value.value).await?)
                }
                _ => {
                    let process = self.context.process.clone();
                    let what = format!("the array in {} is not understood", word.value);
                    self.context
                        .machine
                        .assume(&process, &what, "the assignment does nothing");
                    continue;
                }
            };
            let value = if assignment.append {
                format!("{}{value}", self.value(name).unwrap_or_default())
            } else {
                value
            };
            prepared.assignments.push((name.clone(), value));
            if command.word_or_name.is_none()
                && let Some((name, value)) = prepared.assignments.last().cloned()
                && self.variables.get(&name).is_none_or(|variable| !variable.readonly)
            {
                // `a=1 b=$a`: each sees those before it.
                self.set(&name, &value);
            }
        }
        Ok(prepared)
    }

    async fn no_process_substitution(&mut self) -> Failed {
        let process = self.context.process.clone();
        self.complain("process substitution is not understood").await;
        self.context.machine.assume(
            &process,
            "process substitution is not understood",
            "the shell ends with exit code 2",
        );
        self.status = 2;
        Failed
    }

    /// The status of a command whose redirection failed.
    pub(super) fn redirection_status(&self) -> i32 {
        if self.flavour == Flavour::Dash { 2 } else { 1 }
    }

    /// `set -x`
    async fn trace(&self, assignments: &[(String, String)], words: &[String]) {
        let prefix = self.value("PS4").unwrap_or_else(|| "+ ".to_owned());
        let assigned = assignments.iter().map(|(name, value)| format!("{name}={value}"));
        let parts: Vec<String> = assigned.chain(words.iter().cloned()).collect();
        self.context.err(&format!("{prefix}{}", parts.join(" "))).await;
    }

    /// Sets variables for one command; what they hid.
    fn assign_for_a_while(&mut self, assignments: Vec<(String, String)>) -> Vec<(String, Option<Variable>)> {
        let mut hidden = Vec::new();
        for (name, value) in assignments {
            hidden.push((name.clone(), self.variables.get(&name).cloned()));
            self.set(&name, &value);
            if let Some(variable) = self.variables.get_mut(&name) {
                variable.exported = true;
            }
        }
        hidden
    }

    fn restore(&mut self, hidden: Vec<(String, Option<Variable>)>) {
        for (name, variable) in hidden.into_iter().rev() {
            match variable {
                Some(variable) => self.variables.insert(name, variable),
                None => self.variables.remove(&name),
            };
        }
    }

    /// Calls a function.
    async fn call(&mut self, body: &ast::FunctionBody, arguments: Vec<String>) -> Flow {
        if self.depth >= limits::CALL_DEPTH {
            self.complain("too many function calls inside one another").await;
            let process = self.context.process.clone();
            let what = format!("more than {} function calls inside one another", limits::CALL_DEPTH);
            self.context
                .machine
                .assume(&process, &what, "the shell ends with exit code 2");
            self.status = 2;
            return Flow::Exit;
        }
        self.depth += 1;
        let positional = std::mem::replace(&mut self.positional, arguments);
        let loops = std::mem::take(&mut self.loops);
        self.hidden.push(std::collections::BTreeMap::new());
        let saved = self.descriptors();
        let redirected = match &body.1 {
            Some(redirects) => self.redirect_all(&redirects.0).await,
            None => true,
        };
        let flow = if redirected {
            Box::pin(self.compound(&body.0, Tail::No)).await
        } else {
            self.status = 1;
            Flow::Next
        };
        self.context.fds = saved;
        let hidden = self.hidden.pop().unwrap_or_default();
        self.restore(hidden.into_iter().collect());
        self.loops = loops;
        self.positional = positional;
        self.depth -= 1;
        match flow {
            Flow::Exit => Flow::Exit,
            Flow::Next | Flow::Break(_) | Flow::Continue(_) | Flow::Return => Flow::Next,
        }
    }
}

struct Prepared<'a> {
    assignments: Vec<(String, String)>,
    words: Vec<String>,
    redirects: Vec<&'a ast::IoRedirect>,
}
