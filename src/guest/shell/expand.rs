//! Word expansion: parameters, substitutions, arithmetic, field splitting and pathnames.

use brush_parser::ast;
use brush_parser::word::{Parameter, ParameterExpr, SpecialParameter, TildeExpr, WordPiece, WordPieceWithSource};

use super::pattern::{self, PatternChar};
use super::{Boxed, Flow, Shell, arithmetic, parse};
use crate::guest::images::Flavour;
use crate::guest::io::pipe;
use crate::guest::limits;
use crate::guest::process::Process;

/// A piece of an expanded word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// text of the script
    Text { text: String, quoted: bool },
    /// what an unquoted expansion gave: it is split
    Expanded(String),
    /// the border between two positional parameters; `quoted`: even where nothing stands before it
    Border { quoted: bool },
}

/// An expansion fails: the shell ends.
pub(super) struct Failed;

pub(super) type Expansion<T> = Result<T, Failed>;

impl Shell {
    /// The fields of a word: split, and pathnames made.
    pub(super) async fn fields(&mut self, word: &ast::Word) -> Expansion<Vec<String>> {
        // Most words are plain: no need to look closer.
        if !word
            .value
            .contains(['$', '`', '\'', '"', '\\', '*', '?', '[', '~', '{'])
        {
            return Ok(vec![word.value.clone()]);
        }
        let mut all = Vec::new();
        for text in super::braces::braces(&word.value, self.flavour) {
            let parts = self.parts(&text, false, false).await?;
            let ifs = self.ifs();
            for field in split(parts, &ifs) {
                if !self.options.noglob && pattern::is_pattern(&field) {
                    let mut found = self.pathnames(&field);
                    if !found.is_empty() {
                        all.append(&mut found);
                        continue;
                    }
                }
                all.push(pattern::literal(&field));
            }
            if all.len() > limits::WORDS {
                self.out_of_memory("an expansion gives too many words").await;
            }
        }
        Ok(all)
    }

    /// A word as one text, as in assignments.
    pub(super) async fn single(&mut self, word: &str) -> Expansion<String> {
        let parts = self.parts(word, false, false).await?;
        Ok(self.joined(parts))
    }

    /// The text of a here-document.
    pub(super) async fn here(&mut self, text: &str) -> Expansion<String> {
        let text = joined_lines(text);
        let parts = self.parts(&text, true, false).await?;
        Ok(self.joined(parts))
    }

    /// A word as a pattern.
    pub(super) async fn pattern(&mut self, word: &str) -> Expansion<Vec<PatternChar>> {
        let parts = self.parts(word, false, false).await?;
        let mut pattern = Vec::new();
        for part in parts {
            match part {
                Part::Text { text, quoted } => pattern.extend(text.chars().map(|c| (c, quoted))),
                Part::Expanded(text) => pattern.extend(text.chars().map(|c| (c, false))),
                Part::Border { .. } => pattern.push((' ', true)),
            }
        }
        Ok(pattern)
    }

    pub(super) fn joined(&self, parts: Vec<Part>) -> String {
        let mut all = String::new();
        for part in parts {
            match part {
                Part::Text { text, .. } | Part::Expanded(text) => all.push_str(&text),
                Part::Border { .. } => all.push(' '),
            }
        }
        all
    }

    pub(super) fn ifs(&self) -> String {
        self.value("IFS").unwrap_or_else(|| " \t\n".to_owned())
    }

    pub(super) async fn out_of_memory(&self, what: &str) {
        self.context.machine.out_of_memory(&self.context.process, what).await;
    }

    /// Expands a word into parts. `quoted`: it stands between double quotes.
    pub(super) fn parts<'a>(&'a mut self, text: &'a str, here: bool, quoted: bool) -> Boxed<'a, Expansion<Vec<Part>>> {
        Box::pin(async move {
            let process = self.context.process.clone();
            self.context.machine.clone().step(&process).await;
            let Some(pieces) = parse::word(text, here, self.flavour) else {
                self.complain(&format!("bad substitution: {text}")).await;
                // What only bash reads is refused for sure.
                if self.flavour != Flavour::Dash || parse::word(text, here, Flavour::Bash).is_none() {
                    self.not_understood(&process, text);
                }
                self.status = 2;
                return Err(Failed);
            };
            let parts = self.pieces(&pieces, here || quoted).await?;
            let size: usize = parts.iter().map(|part| part.size()).sum();
            if size > limits::STRING_BYTES {
                let what = format!("a string grew beyond {} bytes", limits::STRING_BYTES);
                self.out_of_memory(&what).await;
            }
            Ok(parts)
        })
    }

    pub(super) fn not_understood(&self, process: &Process, text: &str) {
        let what = format!("the expansion {text} is not understood");
        self.context
            .machine
            .assume(process, &what, "the shell ends with exit code 2");
    }

    fn pieces<'a>(&'a mut self, pieces: &'a [WordPieceWithSource], quoted: bool) -> Boxed<'a, Expansion<Vec<Part>>> {
        Box::pin(async move {
            let mut parts = Vec::new();
            if self.flavour == Flavour::Dash && is_left_standing(pieces) {
                self.complain("Bad substitution").await;
                self.status = 2;
                return Err(Failed);
            }
            for piece in pieces {
                match &piece.piece {
                    WordPiece::Text(text) => parts.push(Part::text(text, quoted)),
                    WordPiece::SingleQuotedText(text) => parts.push(Part::text(text, true)),
                    // To dash the dollar is a character.
                    WordPiece::AnsiCQuotedText(text) if self.flavour == Flavour::Dash => {
                        parts.push(Part::text("$", quoted));
                        parts.push(Part::text(text, true));
                    }
                    WordPiece::AnsiCQuotedText(text) => {
                        let text = crate::guest::programs::escapes(text, true).0;
                        parts.push(Part::text(&text, true));
                    }
                    WordPiece::DoubleQuotedSequence(inner) | WordPiece::GettextDoubleQuotedSequence(inner) => {
                        let inner_parts = self.pieces(inner, true).await?;
                        if self.flavour == Flavour::Dash
                            && matches!(piece.piece, WordPiece::GettextDoubleQuotedSequence(_))
                        {
                            parts.push(Part::text("$", quoted));
                        }
                        // `"$@"` without parameters is no field; any other empty quotes are an empty one.
                        if inner_parts.is_empty() && !is_all_parameters(inner) {
                            parts.push(Part::text("", true));
                        }
                        parts.extend(inner_parts);
                    }
                    WordPiece::EscapeSequence(text) => {
                        let rest = text.strip_prefix('\\').unwrap_or(text);
                        // A newline that is escaped joins two lines.
                        if rest != "\n" {
                            parts.push(Part::text(rest, true));
                        }
                    }
                    WordPiece::TildeExpansion(tilde) => {
                        let text = match tilde {
                            TildeExpr::Home => self.value("HOME").unwrap_or_else(|| "/root".to_owned()),
                            TildeExpr::UserHome(user) if user == "root" => "/root".to_owned(),
                            TildeExpr::UserHome(user) => format!("~{user}"),
                            TildeExpr::WorkingDir => self.context.cwd.clone(),
                            TildeExpr::OldWorkingDir => self.value("OLDPWD").unwrap_or_else(|| "~-".to_owned()),
                            TildeExpr::NthDirFromTopOfDirStack { .. }
                            | TildeExpr::NthDirFromBottomOfDirStack { .. } => "~".to_owned(),
                        };
                        parts.push(Part::text(&text, true));
                    }
                    WordPiece::ParameterExpansion(expression) => {
                        parts.extend(self.parameter(expression, quoted).await?);
                    }
                    WordPiece::CommandSubstitution(script) => {
                        let output = self.substitute(script).await;
                        parts.push(Part::expanded(output, quoted));
                    }
                    WordPiece::BackquotedCommandSubstitution(script) => {
                        let script = unescape_backquotes(script, quoted);
                        let output = self.substitute(&script).await;
                        parts.push(Part::expanded(output, quoted));
                    }
                    WordPiece::ArithmeticExpression(expression) => {
                        let value = self.arithmetic(&expression.value).await?;
                        parts.push(Part::expanded(value.to_string(), quoted));
                    }
                }
            }
            Ok(parts)
        })
    }

    /// Evaluates arithmetic, its own substitutions first.
    pub(super) async fn arithmetic(&mut self, expression: &str) -> Expansion<i64> {
        // As in a here-document: quotes and tildes mean nothing.
        let parts = self.parts(expression, true, true).await?;
        let text = self.joined(parts);
        let result = {
            let read = |name: &str| self.value(name);
            arithmetic::evaluate(&text, &read)
        };
        match result {
            Ok((value, assigned)) => {
                for (name, value) in assigned {
                    self.set(&name, &value.to_string());
                }
                Ok(value)
            }
            Err(error) => {
                self.complain(&error).await;
                self.status = 2;
                Err(Failed)
            }
        }
    }

    /// Runs a script in a subshell; its output without the newlines at the end.
    async fn substitute(&mut self, script: &str) -> String {
        let (reader, writer) = pipe(self.context.kernel());
        let Some(mut shell) = self.fork(script) else {
            self.complain("can't fork: Resource temporarily unavailable").await;
            self.substituted = Some(2);
            return String::new();
        };
        shell.context.fds.insert(1, writer);
        // POSIX keeps `set -e`, and so does dash; bash clears it unless it is to obey POSIX, and so does busybox.
        let keeps = self.options.posix || self.options.inherit_errexit;
        if self.flavour == Flavour::Ash || self.flavour == Flavour::Bash && !keeps {
            shell.options.errexit = false;
        }
        // Nor does dash care that the command itself may fail: `x=$(false; echo no) || …`.
        if self.flavour == Flavour::Dash {
            shell.tolerant = 0;
        }
        let (process, script) = (shell.context.process.clone(), script.to_owned());
        let machine = self.context.machine.clone();
        machine.run(
            &process,
            async move { shell.whole(&script, super::Tail::Replace).await },
        );
        let output = match reader.read_all(limits::STRING_BYTES).await {
            Some(output) => output,
            None => {
                let what = format!("a command's output grew beyond {} bytes", limits::STRING_BYTES);
                self.out_of_memory(&what).await;
                Vec::new()
            }
        };
        let status = process.wait().await;
        self.substituted = Some(status);
        if self.flavour == Flavour::Bash {
            self.status = status;
        }
        let text = String::from_utf8_lossy(&output).replace('\0', "");
        text.trim_end_matches('\n').to_owned()
    }

    /// The paths that a pattern matches, in order.
    fn pathnames(&self, pattern: &[PatternChar]) -> Vec<String> {
        let files = self.context.files();
        let absolute = matches!(pattern.first(), Some(('/', _)));
        let mut found = vec![if absolute { "/".to_owned() } else { String::new() }];
        let components: Vec<&[PatternChar]> = pattern
            .split(|(c, _)| *c == '/')
            .filter(|part| !part.is_empty())
            .collect();
        for component in components {
            let mut next = Vec::new();
            for base in &found {
                let separator = if base.is_empty() || base.ends_with('/') {
                    ""
                } else {
                    "/"
                };
                if !pattern::is_pattern(component) {
                    let path = format!("{base}{separator}{}", pattern::literal(component));
                    if files.find(&self.context.cwd, &path).is_ok() {
                        next.push(path);
                    }
                    continue;
                }
                let directory = if base.is_empty() { "." } else { base };
                let Ok(node) = files.find(&self.context.cwd, directory) else {
                    continue;
                };
                for name in node.names() {
                    let hidden = name.starts_with('.') && !matches!(component.first(), Some(('.', _)));
                    let chars: Vec<char> = name.chars().collect();
                    if !hidden && pattern::matches(component, &chars) {
                        next.push(format!("{base}{separator}{name}"));
                    }
                }
            }
            next.truncate(limits::WORDS);
            found = next;
        }
        // A slash at the end asks for directories.
        if pattern.len() > 1 && matches!(pattern.last(), Some(('/', _))) {
            found.retain(|path| {
                files
                    .find(&self.context.cwd, path)
                    .is_ok_and(|node| node.is_directory())
            });
            for path in &mut found {
                path.push('/');
            }
        }
        found
    }

    /// An expansion has failed: the shell ends.
    pub(super) fn failed(&mut self) -> Flow {
        if self.status == 0 {
            self.status = 2;
        }
        Flow::Exit
    }
}

impl Part {
    pub(super) fn text(text: &str, quoted: bool) -> Part {
        Part::Text {
            text: text.to_owned(),
            quoted,
        }
    }

    pub(super) fn expanded(text: String, quoted: bool) -> Part {
        if quoted {
            Part::Text { text, quoted }
        } else {
            Part::Expanded(text)
        }
    }

    pub(super) fn into_quoted(self) -> Part {
        match self {
            Part::Text { text, .. } | Part::Expanded(text) => Part::Text { text, quoted: true },
            Part::Border { .. } => Part::Border { quoted: true },
        }
    }

    fn size(&self) -> usize {
        match self {
            Part::Text { text, .. } | Part::Expanded(text) => text.len(),
            Part::Border { .. } => 1,
        }
    }
}

/// The fields of expanded parts (POSIX 2.6.5): blanks of IFS only part fields, its other characters end them.
fn split(parts: Vec<Part>, ifs: &str) -> Vec<Vec<PatternChar>> {
    let mut fields = Vec::new();
    let mut current: Option<Vec<PatternChar>> = None;
    let mut after_blank = false;
    for part in parts {
        match part {
            Part::Text { text, quoted } => {
                current
                    .get_or_insert_default()
                    .extend(text.chars().map(|c| (c, quoted)));
                after_blank = false;
            }
            Part::Border { quoted } => {
                let field = if quoted {
                    Some(current.take().unwrap_or_default())
                } else {
                    current.take()
                };
                fields.extend(field);
                after_blank = false;
            }
            Part::Expanded(text) => {
                for c in text.chars() {
                    if !ifs.contains(c) {
                        current.get_or_insert_default().push((c, false));
                        after_blank = false;
                    } else if c.is_ascii_whitespace() {
                        if let Some(field) = current.take() {
                            fields.push(field);
                            after_blank = true;
                        }
                    } else {
                        match current.take() {
                            Some(field) => fields.push(field),
                            // A blank and a separator are one end of a field.
                            None if after_blank => {}
                            None => fields.push(Vec::new()),
                        }
                        after_blank = false;
                    }
                }
            }
        }
    }
    fields.extend(current);
    fields
}

/// Whether the reader has left a `${…}` as it stands: it knows none that dash does not have.
fn is_left_standing(pieces: &[WordPieceWithSource]) -> bool {
    let mut dollar = false;
    pieces.iter().any(|piece| {
        let WordPiece::Text(text) = &piece.piece else {
            dollar = false;
            return false;
        };
        let found = text.contains("${") || dollar && text.starts_with('{');
        dollar = text.ends_with('$');
        found
    })
}

fn is_all_parameters(pieces: &[WordPieceWithSource]) -> bool {
    pieces.iter().any(|piece| {
        matches!(
            &piece.piece,
            WordPiece::ParameterExpansion(ParameterExpr::Parameter {
                parameter: Parameter::Special(SpecialParameter::AllPositionalParameters { concatenate: false }),
                ..
            })
        )
    })
}

/// A here-document whose lines are joined where a backslash ends them (POSIX 2.7.4).
fn joined_lines(text: &str) -> String {
    let mut joined = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            joined.push(c);
            continue;
        }
        match chars.next() {
            Some('\n') => {}
            next => joined.extend([Some(c), next].into_iter().flatten()),
        }
    }
    joined
}

/// What backslashes mean inside backquotes.
fn unescape_backquotes(script: &str, quoted: bool) -> String {
    let mut plain = String::new();
    let mut chars = script.chars().peekable();
    while let Some(c) = chars.next() {
        let next = chars.peek().copied();
        if c == '\\' && next.is_some_and(|next| matches!(next, '$' | '`' | '\\') || quoted && next == '"') {
            plain.extend(chars.next());
        } else {
            plain.push(c);
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splitting() {
        let expanded = |text: &str| Part::Expanded(text.to_owned());
        for (parts, ifs, fields) in [
            (vec![expanded("  a  b ")], " \t\n", vec!["a", "b"]),
            (vec![expanded("")], " \t\n", vec![]),
            (vec![Part::text("", true)], " \t\n", vec![""]),
            (vec![expanded("a:b::c:")], ":", vec!["a", "b", "", "c"]),
            (vec![expanded("a : b")], ": ", vec!["a", "b"]),
            (
                vec![Part::text("x", false), expanded("1 2"), Part::text("y", false)],
                " ",
                vec!["x1", "2y"],
            ),
            (
                vec![
                    Part::text("", true),
                    Part::Border { quoted: true },
                    Part::text("", true),
                ],
                " ",
                vec!["", ""],
            ),
        ] {
            let found: Vec<String> = split(parts.clone(), ifs)
                .iter()
                .map(|field| pattern::literal(field))
                .collect();
            assert_eq!(found, fields, "{parts:?} {ifs:?}");
        }
    }
}
