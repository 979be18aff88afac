//! sed: the commands that scripts use (s, d, p, q, n, a, i, c, y, = and blocks) with addresses and ranges.

use regex::Regex;

use super::pattern::regex;
use super::text::{input, inputs};
use super::{Context, Options};
use crate::guest::limits;

/// One command of sed.
enum Edit {
    Substitute(Substitution),
    Delete,
    Print,
    Quit,
    Next,
    Number,
    Append(String),
    Insert(String),
    Change(String),
    Translate(Vec<(char, char)>),
    Block(Vec<Command>),
}

struct Substitution {
    regex: Regex,
    replacement: String,
    /// which match is the first to be replaced, from 1
    nth: usize,
    global: bool,
    print: bool,
}

/// Which lines a command is for.
enum Address {
    Line(usize),
    Last,
    Matching(Regex),
}

struct Command {
    from: Option<Address>,
    to: Option<Address>,
    negated: bool,
    /// the range has begun
    inside: std::cell::Cell<bool>,
    edit: Edit,
}

/// What is left of a script.
struct Script<'s> {
    rest: &'s str,
    extended: bool,
    depth: usize,
}

impl Script<'_> {
    fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    fn take(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.rest = &self.rest[c.len_utf8()..];
        Some(c)
    }

    fn skip(&mut self, characters: &[char]) {
        self.rest = self.rest.trim_start_matches(characters);
    }

    fn number(&mut self) -> Option<usize> {
        let digits = self.rest.len() - self.rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (number, rest) = self.rest.split_at(digits);
        self.rest = rest;
        number.parse().ok()
    }

    /// Text up to a separator that no backslash protects.
    fn part(&mut self, separator: char) -> Option<String> {
        let mut found = String::new();
        let mut in_brackets = false;
        loop {
            match self.take()? {
                c if c == separator && !in_brackets => return Some(found),
                '\\' if !in_brackets => {
                    let next = self.take()?;
                    if next != separator {
                        found.push('\\');
                    }
                    found.push(next);
                }
                c => {
                    in_brackets = match c {
                        // A separator in a bracket expression separates nothing; one must follow that closes it.
                        '[' => self.rest.contains(']'),
                        ']' => false,
                        _ => in_brackets,
                    };
                    found.push(c);
                }
            }
        }
    }

    fn address(&mut self) -> Option<Option<Address>> {
        Some(match self.peek() {
            Some(c) if c.is_ascii_digit() => Some(Address::Line(self.number()?)),
            Some('$') => {
                self.take();
                Some(Address::Last)
            }
            Some('/') => {
                self.take();
                let pattern = self.part('/')?;
                Some(Address::Matching(regex(&pattern, self.extended, false)?))
            }
            _ => None,
        })
    }

    /// Commands up to the end, or the closing brace of a block; None when one is not understood.
    fn commands(&mut self) -> Option<Vec<Command>> {
        let mut commands = Vec::new();
        loop {
            self.skip(&[' ', '\t', ';', '\n']);
            match self.peek() {
                None => return (self.depth == 0).then_some(commands),
                Some('}') if self.depth > 0 => {
                    self.take();
                    self.depth -= 1;
                    return Some(commands);
                }
                Some('#') => self.rest = self.rest.find('\n').map_or("", |at| &self.rest[at..]),
                Some(_) => commands.push(self.command()?),
            }
        }
    }

    fn command(&mut self) -> Option<Command> {
        let from = self.address()?;
        let to = if from.is_some() && self.peek() == Some(',') {
            self.take();
            Some(self.address()??)
        } else {
            None
        };
        self.skip(&[' ']);
        let negated = self.peek() == Some('!');
        if negated {
            self.take();
            self.skip(&[' ']);
        }
        let edit = match self.take()? {
            's' => Edit::Substitute(self.substitution()?),
            'y' => {
                let separator = self.take()?;
                let (from, to) = (self.part(separator)?, self.part(separator)?);
                if from.chars().count() != to.chars().count() {
                    return None;
                }
                Edit::Translate(from.chars().zip(to.chars()).collect())
            }
            'd' => Edit::Delete,
            'p' => Edit::Print,
            'q' => Edit::Quit,
            'n' => Edit::Next,
            '=' => Edit::Number,
            'a' => Edit::Append(self.text()),
            'i' => Edit::Insert(self.text()),
            'c' => Edit::Change(self.text()),
            '{' if self.depth < limits::NESTING => {
                self.depth += 1;
                Edit::Block(self.commands()?)
            }
            _ => return None,
        };
        self.skip(&[' ', '\t']);
        let ends = matches!(self.peek(), None | Some(';' | '\n' | '}' | '#'));
        ends.then_some(Command {
            from,
            to,
            negated,
            inside: std::cell::Cell::new(false),
            edit,
        })
    }

    fn substitution(&mut self) -> Option<Substitution> {
        let separator = self.take()?;
        let (pattern, replacement) = (self.part(separator)?, self.part(separator)?);
        let (mut global, mut print, mut ignore_case, mut nth) = (false, false, false, 1);
        loop {
            match self.peek() {
                Some('g') => global = true,
                Some('p') => print = true,
                Some('i' | 'I') => ignore_case = true,
                Some(c) if c.is_ascii_digit() => {
                    nth = self.number().filter(|n| *n > 0)?;
                    continue;
                }
                _ => break,
            }
            self.take();
        }
        Some(Substitution {
            regex: regex(&pattern, self.extended, ignore_case)?,
            replacement,
            nth,
            global,
            print,
        })
    }

    /// The text of a, i and c: behind a backslash and a newline, or on the same line.
    fn text(&mut self) -> String {
        self.skip(&[' ', '\t']);
        if let Some(rest) = self.rest.strip_prefix('\\') {
            self.rest = rest.strip_prefix('\n').unwrap_or(rest);
        }
        let mut text = String::new();
        while let Some(c) = self.take() {
            match c {
                '\n' => break,
                '\\' => text.extend(self.take()),
                c => text.push(c),
            }
        }
        text
    }
}

fn edits(script: &str, extended: bool) -> Option<Vec<Command>> {
    let mut script = Script {
        rest: script,
        extended,
        depth: 0,
    };
    script.commands()
}

/// The replacement of sed for one match: `&`, `\1`, `\n`.
fn replacement(template: &str, captures: &regex::Captures<'_>) -> String {
    let mut text = String::new();
    let mut chars = template.chars();
    while let Some(c) = chars.next() {
        let group = match c {
            '&' => 0,
            '\\' => match chars.next() {
                Some(digit) if digit.is_ascii_digit() => {
                    digit.to_digit(10).and_then(|n| usize::try_from(n).ok()).unwrap_or(0)
                }
                Some(other) => {
                    text.push(if other == 'n' { '\n' } else { other });
                    continue;
                }
                None => continue,
            },
            c => {
                text.push(c);
                continue;
            }
        };
        text.push_str(captures.get(group).map_or("", |m| m.as_str()));
    }
    text
}

impl Substitution {
    /// The line with its matches replaced; None without a match.
    fn apply(&self, line: &str) -> Option<String> {
        let mut changed = String::new();
        let mut at = 0;
        let mut found = false;
        for (index, captures) in self.regex.captures_iter(line).enumerate() {
            if index + 1 < self.nth {
                continue;
            }
            let whole = captures.get(0)?;
            changed.push_str(&line[at..whole.start()]);
            changed.push_str(&replacement(&self.replacement, &captures));
            at = whole.end();
            found = true;
            if !self.global || changed.len() > limits::STRING_BYTES {
                break;
            }
        }
        changed.push_str(&line[at..]);
        found.then_some(changed)
    }
}

/// What happens to the line behind a command.
#[derive(PartialEq)]
enum Then {
    Go,
    Delete,
    Quit,
}

/// The lines that are edited, and what came out.
struct Editor<'t> {
    lines: Vec<&'t str>,
    at: usize,
    line: String,
    appended: String,
    out: String,
    quiet: bool,
}

impl Editor<'_> {
    fn fits(&self, address: &Address) -> bool {
        match address {
            Address::Line(number) => *number == self.at + 1,
            Address::Last => self.at + 1 == self.lines.len(),
            Address::Matching(regex) => regex.is_match(&self.line),
        }
    }

    fn is_for(&self, command: &Command) -> bool {
        let fits = match (&command.from, &command.to) {
            (None, _) => true,
            (Some(from), None) => self.fits(from),
            (Some(_), Some(to)) if command.inside.get() => {
                let past = matches!(to, Address::Line(number) if *number <= self.at + 1);
                if past || self.fits(to) {
                    command.inside.set(false);
                }
                !matches!(to, Address::Line(number) if *number < self.at + 1)
            }
            (Some(from), Some(to)) => {
                let begins = self.fits(from);
                let ends_here = matches!(to, Address::Line(number) if *number <= self.at + 1);
                command.inside.set(begins && !ends_here);
                begins
            }
        };
        fits != command.negated
    }

    fn print(&mut self) {
        self.out.push_str(&self.line);
        self.out.push('\n');
    }

    fn finish_line(&mut self) {
        if !self.quiet {
            self.print();
        }
        self.out.push_str(&std::mem::take(&mut self.appended));
    }

    fn run(&mut self, commands: &[Command]) -> Then {
        for command in commands {
            if !self.is_for(command) {
                continue;
            }
            match &command.edit {
                Edit::Substitute(substitution) => {
                    if let Some(changed) = substitution.apply(&self.line) {
                        self.line = changed;
                        if substitution.print {
                            self.print();
                        }
                    }
                }
                Edit::Delete => return Then::Delete,
                Edit::Print => self.print(),
                Edit::Quit => return Then::Quit,
                Edit::Next => {
                    self.finish_line();
                    if self.at + 1 == self.lines.len() {
                        return Then::Delete;
                    }
                    self.at += 1;
                    self.line = self.lines[self.at].to_owned();
                }
                Edit::Number => self.out.push_str(&format!("{}\n", self.at + 1)),
                Edit::Append(text) => self.appended.push_str(&format!("{text}\n")),
                Edit::Insert(text) => self.out.push_str(&format!("{text}\n")),
                Edit::Change(text) => {
                    // A range is changed as one, at its end.
                    if command.to.is_none() || !command.inside.get() || command.negated {
                        self.out.push_str(&format!("{text}\n"));
                    }
                    return Then::Delete;
                }
                Edit::Translate(pairs) => {
                    let change = |c: char| pairs.iter().find(|(from, _)| *from == c).map_or(c, |(_, to)| *to);
                    self.line = self.line.chars().map(change).collect();
                }
                Edit::Block(commands) => match self.run(commands) {
                    Then::Go => {}
                    then => return then,
                },
            }
        }
        Then::Go
    }
}

fn edit(text: &str, commands: &[Command], quiet: bool) -> String {
    let mut editor = Editor {
        lines: text.lines().collect(),
        at: 0,
        line: String::new(),
        appended: String::new(),
        out: String::new(),
        quiet,
    };
    while editor.at < editor.lines.len() && editor.out.len() <= limits::STRING_BYTES {
        editor.line = editor.lines[editor.at].to_owned();
        let then = editor.run(commands);
        if then == Then::Delete {
            editor.out.push_str(&std::mem::take(&mut editor.appended));
        } else {
            editor.finish_line();
        }
        if then == Then::Quit {
            break;
        }
        editor.at += 1;
    }
    editor.out
}

/// `sed [-n] [-i] [-E] [-e script] [script] [file …]` over its files, one after the other.
pub(super) async fn sed(context: &Context, argv: &[String]) -> i32 {
    let options = Options::parse(argv, "e");
    let mut rest = options.rest.clone();
    let scripts: Vec<&str> = options
        .letters
        .iter()
        .filter(|(letter, _)| *letter == 'e')
        .map(|(_, value)| value.as_str())
        .collect();
    let script = if scripts.is_empty() {
        if rest.is_empty() {
            context.err("sed: no script").await;
            return 1;
        }
        rest.remove(0)
    } else {
        scripts.join("\n")
    };
    let extended = options.has('E') || options.has('r');
    let Some(edits) = edits(&script, extended) else {
        context.machine.assume(
            &context.process,
            &format!("the sed script {script} is not understood"),
            "sed passes its input on",
        );
        let (text, _) = inputs(context, "sed", &rest).await;
        return i32::from(!context.out(&text).await);
    };
    let quiet = options.has('n');
    let in_place = options.has('i');
    let paths = if rest.is_empty() { vec!["-".to_owned()] } else { rest };
    let mut code = 0;
    for path in &paths {
        let Some(text) = input(context, "sed", path).await else {
            code = 1;
            continue;
        };
        let out = edit(&text, &edits, quiet);
        if in_place && path != "-" {
            if let Ok(target) = context.open(path, crate::guest::machine::OpenMode::Write) {
                let _ = target.write(out.as_bytes()).await;
            }
        } else {
            context.out(&out).await;
        }
    }
    code
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sed_edits() {
        let run = |script: &str, quiet| edit("one\ntwo\n", &edits(script, false).expect("it is valid"), quiet);
        assert_eq!(run("s/o/0/", false), "0ne\ntw0\n");
        assert_eq!(run("s#\\(t\\)w#\\1-&#", false), "one\nt-two\n");
        assert_eq!(run("1d", false), "two\n");
        assert_eq!(run("/two/p", true), "two\n");
        assert_eq!(run("/one/,/two/d", false), "");
        assert_eq!(run("1,2c\\\nthree", false), "three\n");
        assert_eq!(run("$!{s/n/N/;n;=}", false), "oNe\n2\ntwo\n");
        assert_eq!(run("s/[/o]/x/", false), "xne\ntwx\n");
        assert!(edits("w file", false).is_none());
        assert!(edits("{p", false).is_none());
    }
}
