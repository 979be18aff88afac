//! From a script's text to its syntax tree, by brush-parser, within limits that keep the parser's recursion small.

use std::io::BufReader;

use brush_parser::ast;
use brush_parser::word::{self, WordPieceWithSource};
use brush_parser::{ParseError, Parser, ParserOptions};

use crate::guest::limits;

/// Why a script can't be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::guest) struct SyntaxError {
    /// from 1
    pub(in crate::guest) line: usize,
    pub(in crate::guest) what: String,
}

fn options() -> ParserOptions {
    ParserOptions {
        enable_extended_globbing: false,
        ..ParserOptions::default()
    }
}

/// Reads a script.
pub(in crate::guest) fn script(text: &str) -> Result<ast::Program, SyntaxError> {
    guard(text)?;
    // The parser takes the two semicolons of an empty header for the end of a case.
    let text = &text.replace("for ((;;))", "for ((1; 1; 1))");
    let mut parser = Parser::new(BufReader::new(text.as_bytes()), &options());
    parser.parse_program().map_err(|error| {
        let line = match &error {
            ParseError::ParsingNear(at) => at.line,
            ParseError::Tokenizing { position, .. } => position.as_ref().map_or(1, |at| at.line),
            ParseError::ParsingAtEndOfInput => text.lines().count().max(1),
        };
        SyntaxError {
            line,
            what: "syntax error".to_owned(),
        }
    })
}

/// The pieces of a word; `here`: of a here-document, where quotes mean nothing.
pub(in crate::guest) fn word(text: &str, here: bool) -> Option<Vec<WordPieceWithSource>> {
    if substitution_depth(text) > limits::SUBSTITUTION_NESTING || has_long_number(text) {
        return None;
    }
    let parsed = if here {
        word::parse_heredoc(text, &options())
    } else {
        word::parse(text, &options())
    };
    parsed.ok()
}

/// Refuses what the parser would take too long for, or too much stack, or what it can't take at all.
fn guard(text: &str) -> Result<(), SyntaxError> {
    let refuse = |at: usize, what: &str| {
        Err(SyntaxError {
            line: text.as_bytes()[..at].iter().filter(|b| **b == b'\n').count() + 1,
            what: what.to_owned(),
        })
    };
    if text.len() > limits::SCRIPT_BYTES {
        return refuse(0, "the script is too long");
    }
    if text.contains('\0') {
        return refuse(0, "the script holds a zero byte");
    }
    let mut depth = 0_usize;
    let mut word_start = 0;
    let mut substitutions = 0_usize;
    let bytes = text.as_bytes();
    for (at, byte) in bytes.iter().enumerate() {
        match byte {
            b'(' | b'{' => {
                depth += 1;
                if at > 0 && bytes[at - 1] == b'$' {
                    substitutions += 1;
                }
            }
            b')' | b'}' => {
                depth = depth.saturating_sub(1);
                substitutions = substitutions.min(depth);
            }
            _ => {}
        }
        let is_break = byte.is_ascii_whitespace() || b";&|()<>`\"'".contains(byte);
        if is_break || at + 1 == bytes.len() {
            let end = if is_break { at } else { at + 1 };
            match &text.as_bytes()[word_start..end] {
                b"if" | b"while" | b"until" | b"for" | b"case" | b"!" => depth += 1,
                b"fi" | b"done" | b"esac" => depth = depth.saturating_sub(1),
                word if word.len() > 8 && word.iter().all(u8::is_ascii_digit) && matches!(byte, b'<' | b'>') => {
                    return refuse(at, "a descriptor's number is too large");
                }
                _ => {}
            }
            if matches!(byte, b';' | b'\n') && text[word_start..end] == *"!" {
                depth = depth.saturating_sub(1);
            }
            word_start = at + 1;
        }
        if depth > limits::NESTING {
            return refuse(at, "commands are nested too deeply");
        }
        if substitutions > limits::SUBSTITUTION_NESTING {
            return refuse(at, "substitutions are nested too deeply");
        }
    }
    if has_long_number(text) {
        return refuse(0, "a number is too long");
    }
    Ok(())
}

/// How deep `$(`, `${` and backquotes lie in one another, at most.
fn substitution_depth(text: &str) -> usize {
    let (mut depth, mut deepest, mut quotes) = (0_usize, 0, 0);
    let bytes = text.as_bytes();
    for (at, byte) in bytes.iter().enumerate() {
        match byte {
            b'(' | b'{' => depth += 1,
            b')' | b'}' => depth = depth.saturating_sub(1),
            b'`' if at > 0 && bytes[at - 1] == b'\\' => quotes += 1,
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    // Parentheses of arithmetic count twice; escaped backquotes come in pairs of openers and closers.
    deepest / 2 + quotes / 4
}

/// Digits in a row that no integer holds, where the parser takes them for a number (`${99…}`, `~99…`, `{1..99…}`).
fn has_long_number(text: &str) -> bool {
    let mut run = 0;
    let mut before = ' ';
    for c in text.chars() {
        if c.is_ascii_digit() {
            run += 1;
            if run > 8 && matches!(before, '{' | '~' | '#' | '!' | '+' | '-' | '.') {
                return true;
            }
        } else {
            run = 0;
            before = c;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_are_read_or_refused_with_a_line() {
        assert!(script("echo a; if true; then echo b; fi\n").is_ok());
        assert!(script("touch /tmp/healthy; sleep 30; rm -f /tmp/healthy; sleep 600").is_ok());
        let error = script("echo a\nif true; then\n").expect_err("the if is open");
        assert_eq!(error.what, "syntax error");
        let deep = "(".repeat(10_000);
        assert!(script(&deep).is_err());
        assert!(script(&format!("{}true{}", "if true; then ".repeat(1000), "; fi".repeat(1000))).is_err());
        assert!(script("for ((;;)); do break; done").is_ok());
        assert!(script("echo 99999999999999999999>x").is_err());
        assert!(script("echo ${99999999999999999999}").is_err());
        assert!(script(&"$(".repeat(100)).is_err());
    }
}
