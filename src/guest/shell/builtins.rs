//! The shell's own commands.

use super::{Flow, Shell, Tail};
use crate::guest::images::Flavour;
use crate::guest::programs;
use crate::kernel::{Duration, race};

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

pub(super) fn is_builtin(name: &str, flavour: Flavour) -> bool {
    match name {
        "let" | "source" => flavour != Flavour::Dash,
        "typeset" | "declare" => flavour == Flavour::Bash,
        _ => SPECIAL.contains(&name) || OWN.contains(&name) || PROGRAMS.contains(&name),
    }
}

impl Shell {
    /// Runs a builtin.
    pub(super) async fn builtin(&mut self, name: &str, words: Vec<String>) -> Flow {
        self.status = match name {
            ":" | "times" | "hash" => 0,
            "jobs" => self.jobs(&words).await,
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
                    self.complain("shift: can't shift that many").await;
                    self.status = 2;
                    return if self.flavour == Flavour::Dash {
                        Flow::Exit
                    } else {
                        Flow::Next
                    };
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
            "getopts" => self.getopts(&words),
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
                if self.flavour == Flavour::Dash { 2 } else { 1 }
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

    /// `read [-r] [-t seconds] [-p prompt] name …`
    async fn read(&mut self, words: &[String]) -> i32 {
        let (mut raw, mut timeout, mut names) = (false, None, Vec::new());
        let mut arguments = words[1..].iter();
        while let Some(word) = arguments.next() {
            match word.as_str() {
                "-r" => raw = true,
                "-t" => timeout = arguments.next().and_then(|text| programs::seconds(text)),
                "-p" | "-n" | "-d" | "-u" => {
                    arguments.next();
                }
                "-s" => {}
                name => names.push(name.to_owned()),
            }
        }
        let input = self.context.fd(0);
        let read = async {
            let mut line = Vec::new();
            loop {
                let Some(mut more) = input.read_line(crate::guest::limits::STRING_BYTES).await else {
                    return (line, false);
                };
                let whole = more.last() == Some(&b'\n');
                if whole {
                    more.pop();
                }
                let continues = !raw && whole && more.iter().rev().take_while(|b| **b == b'\\').count() % 2 == 1;
                if continues {
                    more.pop();
                }
                line.append(&mut more);
                if !continues {
                    return (line, whole);
                }
            }
        };
        let limit = timeout.unwrap_or(Duration::MAX);
        let signals = self.context.process.clone();
        let kernel = self.context.kernel().clone();
        let late = async {
            match timeout {
                Some(_) => kernel.sleep(limit).await,
                None => std::future::pending().await,
            }
        };
        let (line, whole) = match race(read, race(late, signals.wait_signal())).await {
            Ok(result) => result,
            Err(Ok(())) => return 142,
            Err(Err(())) => {
                return signals
                    .first_signal()
                    .map_or(1, super::super::process::Signal::exit_code);
            }
        };
        let line = String::from_utf8_lossy(&line).into_owned();
        if names.is_empty() {
            self.set("REPLY", &line);
            return i32::from(!whole);
        }
        let ifs = self.value("IFS").unwrap_or_else(|| " \t\n".to_owned());
        for (name, value) in names.iter().zip(read_fields(&line, &ifs, names.len(), raw)) {
            self.set(name, &value);
        }
        i32::from(!whole)
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

    fn getopts(&mut self, words: &[String]) -> i32 {
        let [_, options, name, given @ ..] = words else {
            return 2;
        };
        let arguments = if given.is_empty() {
            self.positional.clone()
        } else {
            given.to_vec()
        };
        let index = self
            .value("OPTIND")
            .and_then(|text| text.parse::<usize>().ok())
            .unwrap_or(1)
            .max(1);
        let offset = self
            .value("_OPTOFFSET")
            .and_then(|text| text.parse::<usize>().ok())
            .unwrap_or(1);
        let Some(argument) = arguments
            .get(index - 1)
            .filter(|a| a.len() > 1 && a.starts_with('-') && *a != "--")
        else {
            let end = arguments.get(index - 1).is_some_and(|argument| argument == "--");
            self.set("OPTIND", &(index + usize::from(end)).to_string());
            self.set(name, "?");
            return 1;
        };
        let letter = argument.chars().nth(offset).unwrap_or('?');
        let more = argument.chars().count() > offset + 1;
        let position = options.find(letter).filter(|_| letter != ':');
        let takes = position.is_some_and(|at| options[at + letter.len_utf8()..].starts_with(':'));
        let mut next = index + usize::from(!more);
        if takes {
            let value: Option<String> = if more {
                Some(argument.chars().skip(offset + 1).collect())
            } else {
                arguments.get(index).cloned()
            };
            next = if more { index + 1 } else { index + 2 };
            self.set("OPTARG", &value.unwrap_or_default());
        }
        let still = more && !takes;
        self.set("_OPTOFFSET", &(if still { offset + 1 } else { 1 }).to_string());
        self.set("OPTIND", &next.to_string());
        self.set(name, &position.map_or_else(|| "?".to_owned(), |_| letter.to_string()));
        0
    }
}

fn is_name(text: &str) -> bool {
    let mut chars = text.chars();
    chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && chars.all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// A line cut into that many fields; the last takes the rest.
fn read_fields(line: &str, ifs: &str, count: usize, raw: bool) -> Vec<String> {
    // Each character with whether a backslash protects it.
    let mut chars = Vec::new();
    let mut source = line.chars();
    while let Some(c) = source.next() {
        match c {
            '\\' if !raw => chars.extend(source.next().map(|c| (c, true))),
            c => chars.push((c, false)),
        }
    }
    let is_separator = |(c, protected): &(char, bool)| !protected && ifs.contains(*c);
    let is_blank = |pair: &(char, bool)| is_separator(pair) && pair.0.is_whitespace();
    let mut fields = Vec::new();
    let mut at = chars.iter().take_while(|pair| is_blank(pair)).count();
    while fields.len() + 1 < count {
        let end = at + chars[at..].iter().take_while(|pair| !is_separator(pair)).count();
        fields.push(chars[at..end].iter().map(|(c, _)| *c).collect::<String>());
        at = end + chars[end..].iter().take_while(|pair| is_blank(pair)).count();
        if chars.get(at).is_some_and(is_separator) {
            at += 1;
            at += chars[at..].iter().take_while(|pair| is_blank(pair)).count();
        }
    }
    let mut rest = &chars[at..];
    while rest.last().is_some_and(is_blank) {
        rest = &rest[..rest.len() - 1];
    }
    // A single separator at the end belongs to the last field's end, not to its text.
    if let Some((last, before)) = rest.split_last()
        && is_separator(last)
        && !before.iter().any(is_separator)
    {
        rest = before;
    }
    fields.push(rest.iter().map(|(c, _)| *c).collect());
    fields
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn read_cuts_lines() {
        for (line, ifs, count, fields) in [
            (" a  b c ", " ", 2, vec!["a", "b c"]),
            ("a", " ", 2, vec!["a", ""]),
            ("a:b:c", ":", 2, vec!["a", "b:c"]),
            ("a:", ":", 1, vec!["a"]),
            ("a b", " ", 1, vec!["a b"]),
        ] {
            assert_eq!(read_fields(line, ifs, count, true), fields, "{line:?}");
        }
    }
}
