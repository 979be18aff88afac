//! test and `[`.

use super::Context;
use crate::guest::files::Kind;
use crate::guest::images::Flavour;

/// `( … )` and `!` inside one another.
const DEPTH: usize = 64;

pub(super) async fn test(context: &Context, argv: &[String]) -> i32 {
    decide(context, "test", &argv[1..]).await
}

pub(super) async fn bracket(context: &Context, argv: &[String]) -> i32 {
    match argv.split_last() {
        Some((last, rest)) if last == "]" && !rest.is_empty() => decide(context, "[", &rest[1..]).await,
        _ => {
            context.err("sh: [: missing ]").await;
            2
        }
    }
}

async fn decide(context: &Context, name: &str, words: &[String]) -> i32 {
    match expression(context, words) {
        Ok(holds) => i32::from(!holds),
        Err(error) => {
            context.err(&format!("sh: {name}: {error}")).await;
            2
        }
    }
}

/// By the number of arguments first, as POSIX has it; then by precedence.
fn expression(context: &Context, words: &[String]) -> Result<bool, String> {
    match words {
        [] => Ok(false),
        [one] => Ok(!one.is_empty()),
        [not, one] if not == "!" => Ok(one.is_empty()),
        [operator, operand] if is_unary(operator) => unary(context, operator, operand),
        [left, operator, right] if is_binary(operator) => binary(context, left, operator, right),
        [not, rest @ ..] if not == "!" && rest.len() <= 3 => expression(context, rest).map(|holds| !holds),
        _ => {
            let mut parser = Parser {
                context,
                words,
                at: 0,
                depth: 0,
            };
            let holds = parser.or()?;
            match words.get(parser.at) {
                None => Ok(holds),
                Some(word) => Err(format!("{word}: unexpected operator")),
            }
        }
    }
}

struct Parser<'a> {
    context: &'a Context,
    words: &'a [String],
    at: usize,
    depth: usize,
}

impl Parser<'_> {
    fn eat(&mut self, token: &str) -> bool {
        let found = self.words.get(self.at).is_some_and(|word| word == token);
        self.at += usize::from(found);
        found
    }

    fn or(&mut self) -> Result<bool, String> {
        let mut holds = self.and()?;
        while self.eat("-o") {
            holds |= self.and()?;
        }
        Ok(holds)
    }

    fn and(&mut self) -> Result<bool, String> {
        let mut holds = self.primary()?;
        while self.eat("-a") {
            holds &= self.primary()?;
        }
        Ok(holds)
    }

    fn primary(&mut self) -> Result<bool, String> {
        self.depth += 1;
        if self.depth > DEPTH {
            return Err("nested too deeply".to_owned());
        }
        let holds = self.primary_inner();
        self.depth -= 1;
        holds
    }

    fn primary_inner(&mut self) -> Result<bool, String> {
        let rest = &self.words[self.at.min(self.words.len())..];
        if let [left, operator, right, ..] = rest
            && is_binary(operator)
        {
            self.at += 3;
            return binary(self.context, left, operator, right);
        }
        match rest {
            [] => Err("argument expected".to_owned()),
            [not, ..] if not == "!" => {
                self.at += 1;
                self.primary().map(|holds| !holds)
            }
            [open, ..] if open == "(" => {
                self.at += 1;
                let holds = self.or()?;
                if self.eat(")") {
                    Ok(holds)
                } else {
                    Err("closing paren expected".to_owned())
                }
            }
            [operator, operand, ..] if is_unary(operator) => {
                self.at += 2;
                unary(self.context, operator, operand)
            }
            [word, ..] => {
                self.at += 1;
                Ok(!word.is_empty())
            }
        }
    }
}

fn is_unary(word: &str) -> bool {
    matches!(word.as_bytes(), [b'-', letter] if b"bcdefghknprstuwxzLOGS".contains(letter))
}

fn is_binary(word: &str) -> bool {
    matches!(
        word,
        "=" | "==" | "!=" | "<" | ">" | "-eq" | "-ne" | "-lt" | "-le" | "-gt" | "-ge" | "-nt" | "-ot" | "-ef"
    )
}

/// A test of one operand.
pub(in crate::guest) fn unary(context: &Context, operator: &str, operand: &str) -> Result<bool, String> {
    let files = context.files();
    let node = || files.find(&context.cwd, operand).ok();
    Ok(match operator {
        "-z" => operand.is_empty(),
        "-n" => !operand.is_empty(),
        "-e" | "-a" => node().is_some() || super::which(context, operand).is_some() && operand.contains('/'),
        "-f" => node().is_some_and(|node| node.is_file()),
        "-d" => node().is_some_and(|node| node.is_directory()),
        "-s" => node().is_some_and(|node| node.is_directory() || node.size() > 0),
        "-r" | "-w" | "-O" | "-G" => node().is_some(),
        "-x" => node().is_some_and(|node| node.mode.get() & 0o111 != 0),
        "-h" | "-L" => {
            let place = files.locate(&context.cwd, operand, false).ok();
            place
                .and_then(|place| place.node)
                .is_some_and(|node| matches!(node.kind, Kind::Link(_)))
        }
        "-c" => node().is_some_and(|node| matches!(node.kind, Kind::Device(_))),
        _ => false,
    })
}

/// A test of two operands.
pub(in crate::guest) fn binary(context: &Context, left: &str, operator: &str, right: &str) -> Result<bool, String> {
    let number = |text: &str| {
        text.trim()
            .parse::<i64>()
            .map_err(|_| format!("Illegal number: {text}"))
    };
    let files = context.files();
    let modified = |path: &str| files.find(&context.cwd, path).ok().map(|node| node.modified.get());
    Ok(match operator {
        // Of bash and busybox; POSIX and dash know `=` only.
        "==" if context.shell == Flavour::Dash => return Err(format!("{left}: unexpected operator")),
        "=" | "==" => left == right,
        "!=" => left != right,
        "<" => left < right,
        ">" => left > right,
        "-eq" => number(left)? == number(right)?,
        "-ne" => number(left)? != number(right)?,
        "-lt" => number(left)? < number(right)?,
        "-le" => number(left)? <= number(right)?,
        "-gt" => number(left)? > number(right)?,
        "-ge" => number(left)? >= number(right)?,
        "-nt" => modified(left) > modified(right),
        "-ot" => modified(left) < modified(right),
        "-ef" => left == right,
        _ => return Err(format!("{operator}: unexpected operator")),
    })
}
