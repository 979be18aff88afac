//! From the text of an expectation to something that can be judged, or to what is wrong with it and where.

use std::fmt;
use std::ops::Range;

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};
use cel::common::ast::SourceInfo;
use cel::parser::{Expression, Parser};

use super::infer::Inference;
use super::types::Type;
use crate::scenario::types::{Expectation, Input};

/// Deeper expressions are refused: nobody wrote them.
const DEEPEST: u16 = 48;
/// Longer expressions are refused.
const LONGEST_BYTES: usize = 8 * 1024;
/// Expressions further to the right in their file are shown as if they began here.
const MOST_COLUMNS: usize = 200;

/// An expectation that can be judged.
#[derive(Clone, Debug)]
pub struct Compiled {
    /// As it was written.
    pub expectation: Expectation,
    pub(super) expression: Expression,
    pub(super) sees: Sees,
}

/// What an expression reads: it need not be evaluated when nothing of that changes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Sees {
    pub(super) objects: bool,
    pub(super) events: bool,
    pub(super) exits: bool,
    pub(super) probes: bool,
}

/// What is wrong with an expectation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The expectation.
    pub expectation: Expectation,
    /// Which bytes of `that` are meant.
    pub span: Range<usize>,
    /// What is wrong, without a full stop.
    pub message: String,
    /// What would be right.
    pub hint: Option<String>,
}

/// Compiles every expectation of the input, or gives all that is wrong with them. Nothing is run.
///
/// # Errors
/// One [`Problem`] for every name that nothing defines, every comparison that cannot come true, every syntax error.
pub fn compile(input: &Input) -> Result<Vec<Compiled>, Vec<Problem>> {
    let mut compiled = Vec::new();
    let mut problems = Vec::new();
    for expectation in &input.scenario.expect {
        match one(input, expectation) {
            Ok(good) => compiled.push(good),
            Err(found) => problems.extend(found),
        }
    }
    if problems.is_empty() {
        Ok(compiled)
    } else {
        Err(problems)
    }
}

fn one(input: &Input, expectation: &Expectation) -> Result<Compiled, Vec<Problem>> {
    let source: &str = &expectation.that;
    let problem = |span: Range<usize>, message: String, hint: Option<String>| Problem {
        expectation: expectation.clone(),
        span: within(source, span),
        message,
        hint,
    };
    if source.len() > LONGEST_BYTES {
        let message = format!("the expression is longer than {LONGEST_BYTES} bytes");
        return Err(vec![problem(0..0, message, None)]);
    }
    let (expression, info) = parse(source).map_err(|(at, message)| vec![problem(at..at + 1, message, None)])?;
    let mut inference = Inference::new(input);
    let found = inference.infer(&expression);
    if !matches!(found, Type::Bool | Type::Any) && inference.problems.is_empty() {
        let message = format!("the expression gives {}, not true or false", found.name());
        return Err(vec![problem(0..source.len(), message, None)]);
    }
    if inference.problems.is_empty() {
        return Ok(Compiled {
            expectation: expectation.clone(),
            expression,
            sees: inference.sees,
        });
    }
    let found = inference.problems.into_iter().map(|wrong| {
        let at = span(source, &info, wrong.id, &wrong.text);
        problem(at, wrong.message, wrong.hint)
    });
    Err(found.collect())
}

/// Parses; on failure the byte at which it stops to be CEL, and what is wrong there.
fn parse(source: &str) -> Result<(Expression, SourceInfo), (usize, String)> {
    let parser = Parser::default().max_recursion_depth(DEEPEST);
    parser.parse_with_source_info(source).map_err(|errors| {
        let Some(first) = errors.errors.first() else {
            return (0, "this is not an expression".to_owned());
        };
        let (line, column) = first.pos;
        let line_start: usize = source
            .split_inclusive('\n')
            .take(usize::try_from(line - 1).unwrap_or(0))
            .map(str::len)
            .sum();
        let text = source[line_start..].lines().next().unwrap_or_default();
        // Columns are counted in characters, from 1 or, for the lexer's, from 0.
        let characters = usize::try_from(column.max(1) - 1).unwrap_or(0);
        let offset = text.char_indices().nth(characters).map_or(text.len(), |(at, _)| at);
        (line_start + offset, plain(&first.msg))
    })
}

/// A parser generator's message in plain words.
fn plain(message: &str) -> String {
    let message = message.strip_prefix("Syntax error: ").unwrap_or(message);
    if message.contains("'<EOF>'") {
        return "the expression ends too early".to_owned();
    }
    if let Some((_, token)) = message.split_once("input '") {
        let token = token.split('\'').next().unwrap_or_default();
        return format!("`{token}` is not expected here");
    }
    if let Some((_, token)) = message.split_once("token recognition error at: '") {
        let token = token.trim_end_matches('\'').trim();
        return format!("`{token}` begins nothing that CEL knows");
    }
    message.split(" expecting ").next().unwrap_or(message).to_owned()
}

/// Where the expression of that id stands: from what the parser noted, the word that is meant.
fn span(source: &str, info: &SourceInfo, id: u64, word: &str) -> Range<usize> {
    let noted = info
        .offset_for(id)
        .map_or(0, |(start, _)| usize::try_from(start).unwrap_or(0));
    // The parser counts characters.
    let from = source.char_indices().nth(noted).map_or(0, |(at, _)| at);
    let found = source[from..].find(word).map(|at| from + at);
    match found
        .or_else(|| source[..from].rfind(word))
        .or_else(|| source.find(word))
    {
        Some(at) => at..at + word.len(),
        None => from..from + 1,
    }
}

/// The range cut to the text and to whole characters.
fn within(text: &str, range: Range<usize>) -> Range<usize> {
    let boundary = |at: usize| (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at));
    let start = boundary(range.start).unwrap_or(0);
    let end = boundary(range.end).unwrap_or(0);
    start..end.max(start)
}

impl Problem {
    /// As rustc shows its errors, at the place in the file; no newline at the end.
    pub fn render(&self, styled: bool) -> String {
        let place = &self.expectation.place;
        // The expression stands where it stands in the file, so that line and column are the file's.
        let indent = place.column.saturating_sub(1).min(MOST_COLUMNS);
        let source = format!("{:indent$}{}", "", self.expectation.that.trim_end());
        let start = (self.span.start + indent).min(source.len());
        let marked = start..(self.span.end + indent).max(start + 1);
        let snippet = Snippet::source(source)
            .line_start(place.line.max(1))
            .path(&*place.file)
            .annotation(AnnotationKind::Primary.span(marked));
        let mut group = Level::ERROR.primary_title(self.message.as_str()).element(snippet);
        if let Some(hint) = &self.hint {
            group = group.element(Level::HELP.message(hint.as_str()));
        }
        let renderer = if styled { Renderer::styled() } else { Renderer::plain() };
        renderer.decor_style(DecorStyle::Ascii).render(&[group])
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(false))
    }
}
