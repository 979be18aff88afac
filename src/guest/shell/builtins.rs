//! The shell's own commands.

use super::{Flow, Shell, Tail};
use crate::guest::images::Flavour;
use crate::guest::programs;

/// Special builtins (POSIX 2.14): their errors end the shell, assignments before them stay.
const SPECIAL: [&str; 15] = [
    ".", ":", "break", "continue", "eval", "exec", "exit", "export", "readonly", "return", "set", "shift", "times",
    "trap", "unset",
];
/// Builtins that need the shell's state.
const OWN: [&str; 16] = [
    "cd", "command", "getopts", "hash", "jobs", "let", "local", "pwd", "read", "source", "type", "typeset", "declare",
    "umask", "wait", "ulimit",
];
/// Builtins that are programs as well.
const PROGRAMS: [&str; 8] = ["echo", "printf", "test", "[", "true", "false", "kill", "exit"];

pub(super) fn is_special(name: &str) -> bool {
    SPECIAL.contains(&name)
}

/// What bash has built in, and dash takes for a program that is nowhere.
pub(super) fn is_only_of_bash(name: &str) -> bool {
    [
        "[[",
        "let",
        "source",
        "declare",
        "typeset",
        "shopt",
        "pushd",
        "popd",
        "dirs",
        "mapfile",
        "readarray",
        "builtin",
        "enable",
        "caller",
        "disown",
        "compgen",
    ]
    .contains(&name)
}

pub(super) fn is_builtin(name: &str, flavour: Flavour) -> bool {
    match name {
        "let" | "source" => flavour != Flavour::Dash,
        "typeset" | "declare" | "shopt" => flavour == Flavour::Bash,
        _ => SPECIAL.contains(&name) || OWN.contains(&name) || PROGRAMS.contains(&name),
    }
}

impl Shell {
    /// Runs a builtin.
    pub(super) async fn builtin(&mut self, name: &str, words: Vec<String>) -> Flow {
        self.status = match name {
            ":" | "times" | "hash" => 0,
            "jobs" => self.jobs(&words).await,
            "shopt" => self.shopt(&words),
            "umask" => self.umask(&words).await,
            "ulimit" => self.ulimit(&words).await,
            "kill" => self.kill(words).await,
            "exit" => {
                if let Some(code) = words.get(1) {
                    match code.parse::<i64>() {
                        Ok(code) => self.status = i32::try_from(code & 0xff).unwrap_or(0),
                        Err(_) => {
                            self.complain(&format!("exit: Illegal number: {code}")).await;
                            self.status = 2;
                        }
                    }
                }
                return Flow::Exit;
            }
            "return" => {
                if let Some(code) = words.get(1).and_then(|code| code.parse::<i32>().ok()) {
                    self.status = code & 0xff;
                }
                return if self.hidden.is_empty() && self.depth <= 1 {
                    Flow::Exit
                } else {
                    Flow::Return
                };
            }
            "break" | "continue" => {
                let levels = words
                    .get(1)
                    .and_then(|n| n.parse::<u32>().ok())
                    .unwrap_or(1)
                    .clamp(1, self.loops.max(1));
                self.status = 0;
                return match name {
                    _ if self.loops == 0 => Flow::Next,
                    "break" => Flow::Break(levels),
                    _ => Flow::Continue(levels),
                };
            }
            "eval" => {
                let script = words[1..].join(" ");
                self.status = 0;
                return self.text(&script, Tail::No).await;
            }
            "." | "source" => return self.source(&words).await,
            "cd" => self.change_directory(words.get(1).map(String::as_str)).await,
            "pwd" => {
                let cwd = self.context.cwd.clone();
                i32::from(!self.context.out(&format!("{cwd}\n")).await)
            }
            "export" | "readonly" | "declare" | "typeset" => self.mark(name, &words).await,
            "local" => self.local(&words),
            "unset" => self.unset(&words),
            "set" => return self.set_builtin(&words).await,
            "shift" => {
                let count = words
                    .get(1)
                    .map_or(Some(1), |n| n.parse::<usize>().ok())
                    .unwrap_or(usize::MAX);
                if count > self.positional.len() {
                    // busybox and bash say nothing; for dash it is an error of a special builtin.
                    if self.flavour != Flavour::Dash {
                        self.status = 1;
                        return Flow::Next;
                    }
                    self.complain("shift: can't shift that many").await;
                    self.status = 2;
                    return Flow::Exit;
                }
                self.positional.drain(..count);
                0
            }
            "read" => self.read(&words).await,
            "trap" => self.trap(&words).await,
            "wait" => self.wait(&words[1..]).await,
            "type" | "command" => return self.command_builtin(name, words).await,
            "let" => {
                let mut value = 0;
                for expression in &words[1..] {
                    match self.arithmetic(expression).await {
                        Ok(result) => value = result,
                        Err(super::expand::Failed) => return self.failed(),
                    }
                }
                i32::from(value == 0)
            }
            "getopts" => self.getopts(&words).await,
            _ => {
                let mut context = self.context.clone();
                context.environment = self.environment();
                match programs::builtin(name) {
                    Some(program) => program(context, words).await,
                    None => 127,
                }
            }
        };
        Flow::Next
    }

    /// `. file [arguments]`: a name without a slash is looked for in PATH; busybox and bash give the file its arguments.
    async fn source(&mut self, words: &[String]) -> Flow {
        let Some(name) = words.get(1) else {
            self.status = 2;
            return Flow::Next;
        };
        let found = if name.contains('/') {
            Some(name.clone())
        } else {
            self.context.environment = self.environment();
            let inside = programs::in_path(&self.context, name, false);
            // bash looks in the working directory last, unless it is to obey POSIX.
            let here = self.flavour == Flavour::Bash && !self.options.posix;
            inside.or_else(|| here.then(|| name.clone()))
        };
        let script = match &found {
            Some(path) => self.context.read(path).await,
            None => Err("not found"),
        };
        match script {
            Ok(script) => {
                self.status = 0;
                let given = self.flavour != Flavour::Dash && words.len() > 2;
                let saved = self.positional.clone();
                if given {
                    self.positional = words[2..].to_vec();
                }
                let flow = self.text(&String::from_utf8_lossy(&script), Tail::No).await;
                if given {
                    self.positional = saved;
                }
                match flow {
                    Flow::Return => Flow::Next,
                    flow => flow,
                }
            }
            Err(error) => {
                self.complain(&format!(".: can't open '{name}': {error}")).await;
                self.status = if self.flavour == Flavour::Bash { 1 } else { 2 };
                if self.flavour == Flavour::Bash {
                    Flow::Next
                } else {
                    Flow::Exit
                }
            }
        }
    }

    async fn change_directory(&mut self, path: Option<&str>) -> i32 {
        let target = match path {
            None | Some("~") => self.value("HOME").unwrap_or_else(|| "/root".to_owned()),
            Some("-") => self.value("OLDPWD").unwrap_or_else(|| self.context.cwd.clone()),
            Some(path) => path.to_owned(),
        };
        match self.context.files().find(&self.context.cwd, &target) {
            Ok(node) if node.is_directory() => {
                let old = self.context.cwd.clone();
                self.context.cwd = crate::guest::files::normalize(&old, &target);
                self.set("OLDPWD", &old);
                let now = self.context.cwd.clone();
                self.set("PWD", &now);
                if path == Some("-") {
                    self.context.out(&format!("{now}\n")).await;
                }
                0
            }
            Ok(_) | Err(_) => {
                self.complain(&format!("cd: can't cd to {target}")).await;
                if self.flavour == Flavour::Bash { 1 } else { 2 }
            }
        }
    }

    async fn mark(&mut self, name: &str, words: &[String]) -> i32 {
        let mut off = false;
        let mut listed = true;
        for word in &words[1..] {
            if word.starts_with('-') {
                off |= word.contains('n');
                continue;
            }
            listed = false;
            let valid = word.split('=').next().is_some_and(is_name);
            let done = valid
                && self.declare(word, |variable| match name {
                    "readonly" => variable.readonly = true,
                    "export" => variable.exported = !off,
                    _ => {}
                });
            if !done {
                self.complain(&format!("{name}: {word}: bad variable name or read only"))
                    .await;
                return 2;
            }
        }
        if listed {
            let mut listing = String::new();
            for (variable, value) in self.environment() {
                listing.push_str(&format!("export {variable}='{value}'\n"));
            }
            self.context.out(&listing).await;
        }
        0
    }

    fn local(&mut self, words: &[String]) -> i32 {
        for word in words[1..].iter().filter(|word| !word.starts_with('-')) {
            let name = word.split('=').next().unwrap_or(word).to_owned();
            let old = self.variables.get(&name).cloned();
            let Some(hidden) = self.hidden.last_mut() else { return 1 };
            hidden.entry(name.clone()).or_insert(old);
            match word.split_once('=') {
                Some((_, value)) => {
                    self.set(&name, value);
                }
                None if self.flavour != Flavour::Dash => {
                    self.variables.remove(&name);
                }
                None => {}
            }
        }
        0
    }

    fn unset(&mut self, words: &[String]) -> i32 {
        let functions = words.get(1).is_some_and(|word| word == "-f");
        let mut status = 0;
        for word in words[1..].iter().filter(|word| !word.starts_with('-')) {
            if functions {
                self.functions.remove(word);
            } else if self.variables.get(word).is_some_and(|variable| variable.readonly) {
                status = 2;
            } else if self.variables.remove(word).is_none() && self.flavour == Flavour::Bash {
                self.functions.remove(word);
            }
        }
        status
    }

    async fn set_builtin(&mut self, words: &[String]) -> Flow {
        self.status = 0;
        let mut arguments = &words[1..];
        if arguments.is_empty() {
            let mut listing = String::new();
            for (name, variable) in &self.variables {
                listing.push_str(&format!("{name}='{}'\n", variable.value));
            }
            self.context.out(&listing).await;
            return Flow::Next;
        }
        while let Some(first) = arguments.first() {
            if first == "--" {
                self.positional = arguments[1..].to_vec();
                return Flow::Next;
            }
            let on = first.starts_with('-');
            let Some(letters) = first.strip_prefix(['-', '+']) else {
                break;
            };
            if letters.is_empty() {
                break;
            }
            arguments = &arguments[1..];
            for letter in letters.chars() {
                if letter == 'o' {
                    let Some((name, rest)) = arguments.split_first() else {
                        let listing = self.option_listing(!on);
                        self.context.out(&listing).await;
                        return Flow::Next;
                    };
                    arguments = rest;
                    if !self.set_option_by_name(name, on) {
                        return self.illegal(&format!("-o {name}")).await;
                    }
                } else if !self.set_option(letter, on) {
                    return self.illegal(&format!("-{letter}")).await;
                }
            }
        }
        if !arguments.is_empty() {
            self.positional = arguments.to_vec();
        }
        Flow::Next
    }

    /// An option that `set` does not have: an error of a special builtin, which ends dash (POSIX 2.8.1).
    async fn illegal(&mut self, option: &str) -> Flow {
        self.complain(&format!("set: illegal option {option}")).await;
        self.status = if self.flavour == Flavour::Ash { 1 } else { 2 };
        if self.flavour == Flavour::Dash {
            Flow::Exit
        } else {
            Flow::Next
        }
    }

    async fn command_builtin(&mut self, builtin: &str, words: Vec<String>) -> Flow {
        let asks = builtin == "type" || words.get(1).is_some_and(|word| word == "-v" || word == "-V");
        if !asks {
            let rest: Vec<String> = words
                .into_iter()
                .skip_while(|word| word == "command" || word == "-p" || word == "--")
                .collect();
            let Some(name) = rest.first().cloned() else {
                self.status = 0;
                return Flow::Next;
            };
            if is_builtin(&name, self.flavour) && name != "exec" {
                return Box::pin(self.builtin(&name, rest)).await;
            }
            if name == "exec" {
                return self.exec(rest, Vec::new()).await;
            }
            return self.program_command(rest, Vec::new(), Tail::No).await;
        }
        self.status = 0;
        self.context.environment = self.environment();
        for name in words.iter().skip(1).filter(|word| !word.starts_with('-')) {
            let known = self.functions.contains_key(name) || is_builtin(name, self.flavour);
            let found = if known {
                Some(name.clone())
            } else {
                programs::which(&self.context, name)
            };
            match found {
                Some(found) if builtin == "type" => self.context.out(&format!("{name} is {found}\n")).await,
                Some(found) => self.context.out(&format!("{found}\n")).await,
                None => {
                    self.status = 127;
                    if builtin == "type" {
                        self.context.out(&format!("{name}: not found\n")).await;
                    }
                    false
                }
            };
        }
        Flow::Next
    }
}

fn is_name(text: &str) -> bool {
    let mut chars = text.chars();
    chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && chars.all(|c| c.is_ascii_alphanumeric() || c == '_')
}
