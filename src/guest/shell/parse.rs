//! From a script's text to its syntax tree, by brush-parser, within limits that keep the parser's recursion small.

use brush_parser::ast;
use brush_parser::word::{self, WordPieceWithSource};
use brush_parser::{ParseError, ParserOptions, TokenizerError, parse_tokens, uncached_tokenize_str};

use super::nesting;
use crate::guest::images::Flavour;
use crate::guest::limits;

/// Why a script can't be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::guest) struct SyntaxError {
    /// from 1
    pub(in crate::guest) line: usize,
    pub(in crate::guest) what: String,
    /// bash would read it, this shell surely does not
    pub(in crate::guest) of_bash: bool,
}

/// What the shell's grammar has: dash knows nothing of bash's additions.
fn options(flavour: Flavour) -> ParserOptions {
    ParserOptions {
        enable_extended_globbing: false,
        sh_mode: flavour == Flavour::Dash,
        ..ParserOptions::default()
    }
}

/// Reads a script.
pub(in crate::guest) fn script(text: &str, flavour: Flavour) -> Result<ast::Program, SyntaxError> {
    read(text, flavour).map_err(|error| SyntaxError {
        of_bash: flavour == Flavour::Dash && read(text, Flavour::Bash).is_ok(),
        ..error
    })
}

fn read(text: &str, flavour: Flavour) -> Result<ast::Program, SyntaxError> {
    guard(text)?;
    // The parser takes the two semicolons of an empty header for the end of a case.
    let text = &text.replace("for ((;;))", "for ((1; 1; 1))");
    let options = options(flavour);
    let refuse = |line: usize, what: &str| SyntaxError {
        line,
        what: what.to_owned(),
        of_bash: false,
    };
    let tokens = uncached_tokenize_str(text, &options.tokenizer_options())
        .map_err(|error| refuse(line_of(&error), "syntax error"))?;
    let nesting = nesting::commands(&tokens, flavour);
    if nesting.depth > limits::NESTING {
        return Err(refuse(nesting.line, "commands are nested too deeply"));
    }
    if let Some(line) = nesting.function {
        return Err(refuse(line, "syntax error"));
    }
    parse_tokens(&tokens, &options).map_err(|error| {
        let line = match &error {
            ParseError::ParsingNear(at) => at.line,
            ParseError::Tokenizing { position, .. } => position.as_ref().map_or(1, |at| at.line),
            ParseError::ParsingAtEndOfInput => text.lines().count().max(1),
        };
        refuse(line, "syntax error")
    })
}

/// The line on which a text begins that never ends.
fn line_of(error: &TokenizerError) -> usize {
    match error {
        TokenizerError::UnterminatedSingleQuote(at)
        | TokenizerError::UnterminatedAnsiCQuote(at)
        | TokenizerError::UnterminatedDoubleQuote(at)
        | TokenizerError::UnterminatedBackquote(at) => at.line,
        _ => 1,
    }
}

/// The pieces of a word; `here`: of a here-document, where quotes mean nothing.
pub(in crate::guest) fn word(text: &str, here: bool, flavour: Flavour) -> Option<Vec<WordPieceWithSource>> {
    if substitution_depth(text) > limits::SUBSTITUTION_NESTING || has_long_number(text) {
        return None;
    }
    let options = options(flavour);
    let parsed = if here {
        word::parse_heredoc(text, &options)
    } else {
        word::parse(text, &options)
    };
    parsed.ok()
}

/// Refuses what the parser would take too long for, or too much stack, or what it can't take at all.
fn guard(text: &str) -> Result<(), SyntaxError> {
    let refuse = |at: usize, what: &str| {
        Err(SyntaxError {
            line: text.as_bytes()[..at].iter().filter(|b| **b == b'\n').count() + 1,
            what: what.to_owned(),
            of_bash: false,
        })
    };
    if text.len() > limits::SCRIPT_BYTES {
        return refuse(0, "the script is too long");
    }
    if text.contains('\0') {
        return refuse(0, "the script holds a zero byte");
    }
    let mut digits = 0;
    for (at, byte) in text.bytes().enumerate() {
        if digits > 8 && matches!(byte, b'<' | b'>') {
            return refuse(at, "a descriptor's number is too large");
        }
        digits = if byte.is_ascii_digit() { digits + 1 } else { 0 };
    }
    // A second bound, which no doubt about quotes and here-documents can get around.
    let openers = text.matches("$(").count() + text.matches("${").count() + text.matches("$[").count();
    if openers > limits::SUBSTITUTIONS {
        return refuse(0, "the script has too many substitutions");
    }
    let (depth, at) = nesting::substitutions(text);
    if depth > limits::SUBSTITUTION_NESTING {
        return refuse(at, "substitutions are nested too deeply");
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

    fn script(text: &str) -> Result<ast::Program, SyntaxError> {
        super::script(text, Flavour::Bash)
    }

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

    #[test]
    fn words_that_nest_nothing_are_no_reason_to_refuse() {
        let arguments = format!("echo {}", "if while for case ! { ".repeat(50));
        let comment = format!("# {}\necho a", "( { if ${ ".repeat(50));
        let quoted = format!("echo '{}'", "( { ${ ".repeat(50));
        let here = format!("cat <<E\n{}\nE\n", "if ( { ' ".repeat(50));
        let variables = format!("{}; (a); {{ b; }}", "x=${y} ".repeat(100));
        let cases = format!("case x in {} esac", "a) b;; ".repeat(100));
        for text in [arguments, comment, quoted, here, variables, cases] {
            assert_eq!(script(&text).err(), None, "{text}");
        }
        for opener in [
            "(",
            "{ ",
            "if ",
            "while ",
            "! ",
            "case x in a) ",
            "f() { ",
            "[[ ( ",
            "(( ",
            "for ((",
            "${x:-",
            "$(",
            "$[",
            "for x do ",
            "for x in a; do ",
            "select x do ",
            "time ",
            "coproc ",
            "coproc a { ",
            "time ! ",
        ] {
            script(&opener.repeat(5000)).expect_err(opener);
        }
        // Here-documents that are none to the tokenizer.
        for (before, opener) in [
            ("((", "$(<<E \n"),
            ("", "<<-E$["),
            ("$((${x:-! ", "$(<<E ')' \n"),
            ("\\<<'E'\n(( ", "$(<<E \n"),
        ] {
            script(&format!("{before}{}", opener.repeat(9000))).expect_err(opener);
            let _ = script(&format!("{before}{}", opener.repeat(limits::SUBSTITUTIONS - 3)));
        }
    }

    #[test]
    fn dash_knows_nothing_of_what_bash_adds() {
        for text in [
            "cat <<< a",
            "function f { a; }",
            "a |& b",
            "x=(1 2)",
            "for ((i=0; i<2; i++)); do a; done",
        ] {
            assert!(script(text).is_ok(), "{text}");
            let error = super::script(text, Flavour::Dash).expect_err(text);
            assert!(error.of_bash, "{text}");
        }
        assert!(!super::script("if", Flavour::Dash).expect_err("it is open").of_bash);
    }
}
