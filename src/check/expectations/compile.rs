//! From the text of an expectation to something that can be judged, or to what is wrong with it and where.

use std::ops::Range;

use cel::common::ast::{CallExpr, ComprehensionExpr, EntryExpr, Expr, MapExpr, SourceInfo, StructExpr};
use cel::parser::{Expression, Parser};

use super::fields::MAP_LITERAL;
use super::infer::Inference;
use super::types::Type;
use crate::api::Source;
use crate::api::diagnostic::Diagnostic;
use crate::api::place::Place;
use crate::scenario::types::{Expectation, Input};

/// Deeper expressions are refused: nobody wrote them.
const DEEPEST: u16 = 48;
/// Longer expressions are refused.
const LONGEST_BYTES: usize = 8 * 1024;

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

/// Compiles every expectation of the input, or gives all that is wrong with them. Nothing is run.
///
/// # Errors
/// One error for every name that nothing defines, every comparison that cannot come true, every syntax error.
pub fn compile(input: &Input) -> Result<Vec<Compiled>, Vec<Diagnostic>> {
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

fn one(input: &Input, expectation: &Expectation) -> Result<Compiled, Vec<Diagnostic>> {
    let source: &str = &expectation.that;
    let problem = |span, message, hint| error(expectation, span, message, hint);
    if source.len() > LONGEST_BYTES {
        let message = format!("the expression is longer than {LONGEST_BYTES} bytes");
        return Err(vec![problem(0..0, message, None)]);
    }
    let (expression, info) = parse(source).map_err(|(at, message)| vec![problem(at..at, message, None)])?;
    let mut inference = Inference::new(input);
    let found = inference.infer(&expression);
    if !matches!(found, Type::Bool | Type::Any) && inference.problems.is_empty() {
        let message = format!("the expression gives {}, not true or false", found.name());
        return Err(vec![problem(0..source.len(), message, None)]);
    }
    if inference.problems.is_empty() {
        let mut expression = expression;
        share_literals(&mut expression);
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

/// Makes every map literal a call of [`MAP_LITERAL`].
fn share_literals(expression: &mut Expression) {
    for part in parts(&mut expression.expr) {
        share_literals(part);
    }
    let Expr::Map(map) = &mut expression.expr else { return };
    let entries = std::mem::take(&mut map.entries).into_iter();
    let args = entries.flat_map(|entry| match entry.expr {
        EntryExpr::MapEntry(entry) => vec![entry.key, entry.value],
        EntryExpr::StructField(field) => vec![field.value],
    });
    expression.expr = Expr::Call(CallExpr {
        func_name: MAP_LITERAL.to_owned(),
        target: None,
        args: args.collect(),
    });
}

/// What an expression is made of.
fn parts(expr: &mut Expr) -> Vec<&mut Expression> {
    match expr {
        Expr::Unspecified | Expr::Ident(_) | Expr::Literal(_) => Vec::new(),
        Expr::Call(call) => call.target.as_deref_mut().into_iter().chain(&mut call.args).collect(),
        Expr::Select(select) => vec![&mut select.operand],
        Expr::List(list) => list.elements.iter_mut().collect(),
        Expr::Map(MapExpr { entries }) | Expr::Struct(StructExpr { entries, .. }) => {
            let entries = entries.iter_mut().map(|entry| match &mut entry.expr {
                EntryExpr::MapEntry(entry) => vec![&mut entry.key, &mut entry.value],
                EntryExpr::StructField(field) => vec![&mut field.value],
            });
            entries.flatten().collect()
        }
        Expr::Comprehension(comprehension) => {
            let ComprehensionExpr {
                iter_range,
                accu_init,
                loop_cond,
                loop_step,
                result,
                ..
            } = &mut **comprehension;
            vec![iter_range, accu_init, loop_cond, loop_step, result]
        }
    }
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
        ((line_start + offset).min(source.trim_end().len()), plain(&first.msg))
    })
}

/// A parser generator's message in plain words.
fn plain(message: &str) -> String {
    if message.contains("Recursion limit") {
        return format!("the expression is nested more than {DEEPEST} levels deep");
    }
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
    // Of a call it notes the parenthesis, which the name stands before.
    let before = source[..from].trim_end();
    let called = before.ends_with(word).then(|| before.len() - word.len());
    let found = called.filter(|_| source[from..].starts_with('('));
    let found = found.or_else(|| source[from..].find(word).map(|at| from + at));
    match found.or_else(|| source[..from].rfind(word)) {
        Some(at) => at..at + word.len(),
        None => from..from,
    }
}

/// The error about those bytes of the expression, at their place in the file.
fn error(expectation: &Expectation, span: Range<usize>, message: String, hint: Option<String>) -> Diagnostic {
    let Place { file, line, column } = &expectation.place;
    let mut error = match &expectation.written {
        Some(written) => Diagnostic::at(written.source(), written.range(&expectation.that, &span), message),
        None => {
            let before = "\n".repeat(line.saturating_sub(1)) + &" ".repeat(column.saturating_sub(1));
            let source = Source {
                name: file.to_string(),
                text: before.clone() + &expectation.that,
            };
            Diagnostic::at(&source, before.len() + span.start..before.len() + span.end, message)
        }
    };
    error.hint = hint;
    error
}
