//! Arithmetic expansion: `$((…))` over 64-bit integers, as dash has it.

use std::collections::BTreeMap;

/// Parentheses and unary operators inside one another.
const DEPTH: usize = 64;
/// Variables whose values are expressions that name variables …
const INDIRECTION: usize = 8;

/// An evaluation: the variables it reads, and what it assigns.
pub(in crate::guest) struct Evaluation<'a> {
    text: &'a [u8],
    at: usize,
    depth: usize,
    indirection: usize,
    /// above zero: in a branch that is not taken, where nothing is assigned or divided
    skipped: usize,
    read: &'a dyn Fn(&str) -> Option<String>,
    /// what was assigned, in the order of the names
    pub(in crate::guest) assigned: BTreeMap<String, i64>,
}

type Value = Result<i64, String>;

/// Binary operators by how tightly they bind.
const OPERATORS: [(&str, u8); 18] = [
    ("||", 1),
    ("&&", 2),
    ("|", 3),
    ("^", 4),
    ("&", 5),
    ("==", 6),
    ("!=", 6),
    ("<=", 7),
    (">=", 7),
    ("<<", 8),
    (">>", 8),
    ("<", 7),
    (">", 7),
    ("+", 9),
    ("-", 9),
    ("*", 10),
    ("/", 10),
    ("%", 10),
];

/// Evaluates an expression whose substitutions have been made. Gives its value and what was assigned.
pub(in crate::guest) fn evaluate(
    text: &str,
    read: &dyn Fn(&str) -> Option<String>,
) -> Result<(i64, BTreeMap<String, i64>), String> {
    let mut evaluation = Evaluation {
        text: text.as_bytes(),
        at: 0,
        depth: 0,
        indirection: 0,
        skipped: 0,
        read,
        assigned: BTreeMap::new(),
    };
    evaluation.blanks();
    if evaluation.at == evaluation.text.len() {
        return Ok((0, BTreeMap::new()));
    }
    let value = evaluation.comma()?;
    evaluation.blanks();
    if evaluation.at < evaluation.text.len() {
        return Err(format!("arithmetic expression: expecting EOF: \"{text}\""));
    }
    Ok((value, evaluation.assigned))
}

impl Evaluation<'_> {
    fn blanks(&mut self) {
        while self.text.get(self.at).is_some_and(u8::is_ascii_whitespace) {
            self.at += 1;
        }
    }

    fn eat(&mut self, token: &str) -> bool {
        self.blanks();
        let found = self.text[self.at..].starts_with(token.as_bytes());
        if found {
            self.at += token.len();
        }
        found
    }

    fn error<T>(&self, what: &str) -> Result<T, String> {
        Err(format!(
            "arithmetic expression: {what}: \"{}\"",
            String::from_utf8_lossy(self.text)
        ))
    }

    fn comma(&mut self) -> Value {
        let mut value = self.expression()?;
        while self.eat(",") {
            value = self.expression()?;
        }
        Ok(value)
    }

    fn expression(&mut self) -> Value {
        self.depth += 1;
        if self.depth > DEPTH {
            return self.error("nested too deeply");
        }
        let start = self.at;
        let value = match self.assignment()? {
            Some(value) => value,
            None => {
                self.at = start;
                self.conditional()?
            }
        };
        self.depth -= 1;
        Ok(value)
    }

    /// `name = …`, `name += …`; None when it is something else.
    fn assignment(&mut self) -> Result<Option<i64>, String> {
        let Some(name) = self.name() else { return Ok(None) };
        self.blanks();
        let operators = ["<<=", ">>=", "+=", "-=", "*=", "/=", "%=", "&=", "|=", "^="];
        if let Some(operator) = operators
            .iter()
            .find(|operator| self.text[self.at..].starts_with(operator.as_bytes()))
        {
            self.at += operator.len();
            let right = self.expression()?;
            let left = self.variable(&name)?;
            let value = self.apply(&operator[..operator.len() - 1], left, right)?;
            self.assign(name, value);
            return Ok(Some(value));
        }
        if self.text[self.at..].starts_with(b"=") && !self.text[self.at..].starts_with(b"==") {
            self.at += 1;
            let value = self.expression()?;
            self.assign(name, value);
            return Ok(Some(value));
        }
        Ok(None)
    }

    fn assign(&mut self, name: String, value: i64) {
        if self.skipped == 0 {
            self.assigned.insert(name, value);
        }
    }

    fn conditional(&mut self) -> Value {
        let condition = self.binary(1)?;
        if !self.eat("?") {
            return Ok(condition);
        }
        let yes = self.branch(condition == 0, Self::expression)?;
        if !self.eat(":") {
            return self.error("expecting ':'");
        }
        let no = self.branch(condition != 0, Self::expression)?;
        Ok(if condition != 0 { yes } else { no })
    }

    fn branch(&mut self, skip: bool, part: impl FnOnce(&mut Self) -> Value) -> Value {
        self.skipped += usize::from(skip);
        let value = part(self);
        self.skipped -= usize::from(skip);
        value
    }

    fn operator(&mut self, lowest: u8) -> Option<(&'static str, u8)> {
        self.blanks();
        let rest = &self.text[self.at..];
        let (operator, binding) = OPERATORS
            .iter()
            .find(|(operator, _)| rest.starts_with(operator.as_bytes()))?;
        // An assignment is not the operator that it begins with.
        let is_assignment = rest.get(operator.len()) == Some(&b'=') && !matches!(*operator, "==" | "!=" | "<=" | ">=");
        (*binding >= lowest && !is_assignment).then_some((*operator, *binding))
    }

    fn binary(&mut self, lowest: u8) -> Value {
        let mut left = self.unary()?;
        while let Some((operator, binding)) = self.operator(lowest) {
            self.at += operator.len();
            let skip = operator == "&&" && left == 0 || operator == "||" && left != 0;
            let right = self.branch(skip, |inner| inner.binary(binding + 1))?;
            left = self.apply(operator, left, right)?;
        }
        Ok(left)
    }

    fn apply(&self, operator: &str, left: i64, right: i64) -> Value {
        // A shift takes the low six bits of its count, as the machine does.
        let shift = u32::try_from(right & 63).unwrap_or(0);
        Ok(match operator {
            "||" => i64::from(left != 0 || right != 0),
            "&&" => i64::from(left != 0 && right != 0),
            "|" => left | right,
            "^" => left ^ right,
            "&" => left & right,
            "==" => i64::from(left == right),
            "!=" => i64::from(left != right),
            "<=" => i64::from(left <= right),
            ">=" => i64::from(left >= right),
            "<" => i64::from(left < right),
            ">" => i64::from(left > right),
            "<<" => left.wrapping_shl(shift),
            ">>" => left.wrapping_shr(shift),
            "+" => left.wrapping_add(right),
            "-" => left.wrapping_sub(right),
            "*" => left.wrapping_mul(right),
            "/" | "%" if right == 0 && self.skipped > 0 => 0,
            "/" | "%" if right == 0 => return self.error("division by zero"),
            "/" => left.wrapping_div(right),
            "%" => left.wrapping_rem(right),
            _ => return self.error("unknown operator"),
        })
    }

    fn unary(&mut self) -> Value {
        self.depth += 1;
        if self.depth > DEPTH {
            return self.error("nested too deeply");
        }
        self.blanks();
        let step = match &self.text[self.at..] {
            [b'+', b'+', ..] => Some(1),
            [b'-', b'-', ..] => Some(-1),
            _ => None,
        };
        let value = match (step, self.text.get(self.at)) {
            (Some(step), _) => {
                self.at += 2;
                self.blanks();
                match self.name() {
                    Some(name) => {
                        let value = self.variable(&name)?.wrapping_add(step);
                        self.assign(name, value);
                        value
                    }
                    // Two signs in front of a number.
                    None => self.unary()?,
                }
            }
            (None, Some(b'!')) => {
                self.at += 1;
                i64::from(self.unary()? == 0)
            }
            (None, Some(b'~')) => {
                self.at += 1;
                !self.unary()?
            }
            (None, Some(b'-')) => {
                self.at += 1;
                self.unary()?.wrapping_neg()
            }
            (None, Some(b'+')) => {
                self.at += 1;
                self.unary()?
            }
            (None, _) => self.primary()?,
        };
        self.depth -= 1;
        Ok(value)
    }

    fn primary(&mut self) -> Value {
        if self.eat("(") {
            let value = self.comma()?;
            return if self.eat(")") {
                Ok(value)
            } else {
                self.error("expecting ')'")
            };
        }
        if let Some(name) = self.name() {
            let value = self.variable(&name)?;
            for (token, step) in [("++", 1), ("--", -1)] {
                if self.eat(token) {
                    self.assign(name, value.wrapping_add(step));
                    break;
                }
            }
            return Ok(value);
        }
        let start = self.at;
        while self.text.get(self.at).is_some_and(|b| b.is_ascii_alphanumeric()) {
            self.at += 1;
        }
        let digits = String::from_utf8_lossy(&self.text[start..self.at]).into_owned();
        match number(&digits) {
            Some(value) => Ok(value),
            None => self.error("expecting primary"),
        }
    }

    fn name(&mut self) -> Option<String> {
        self.blanks();
        let rest = &self.text[self.at..];
        if !rest.first().is_some_and(|b| b.is_ascii_alphabetic() || *b == b'_') {
            return None;
        }
        let length = rest
            .iter()
            .take_while(|b| b.is_ascii_alphanumeric() || **b == b'_')
            .count();
        self.at += length;
        Some(String::from_utf8_lossy(&rest[..length]).into_owned())
    }

    fn variable(&mut self, name: &str) -> Value {
        if let Some(value) = self.assigned.get(name) {
            return Ok(*value);
        }
        let text = (self.read)(name).unwrap_or_default();
        let trimmed = text.trim();
        if trimmed.is_empty() {
            return Ok(0);
        }
        let signed = trimmed
            .strip_prefix('-')
            .map_or_else(|| number(trimmed), |n| number(n).map(i64::wrapping_neg));
        if let Some(value) = signed {
            return Ok(value);
        }
        if self.indirection >= INDIRECTION {
            return self.error("a variable leads to itself");
        }
        let mut inner = Evaluation {
            text: trimmed.as_bytes(),
            at: 0,
            depth: self.depth,
            indirection: self.indirection + 1,
            skipped: self.skipped,
            read: self.read,
            assigned: BTreeMap::new(),
        };
        let value = inner.comma()?;
        inner.blanks();
        if inner.at < inner.text.len() {
            return Err(format!("Illegal number: {trimmed}"));
        }
        Ok(value)
    }
}

/// A number in decimal, octal (`0…`) or hexadecimal (`0x…`); too large ones stop at the end of the range.
fn number(digits: &str) -> Option<i64> {
    let (digits, radix) = match digits.as_bytes() {
        [b'0', b'x' | b'X', rest @ ..] if !rest.is_empty() => (&digits[2..], 16),
        [b'0', rest @ ..] if !rest.is_empty() => (&digits[1..], 8),
        [] => return None,
        _ => (digits, 10),
    };
    if !digits.chars().all(|c| c.is_digit(radix)) {
        return None;
    }
    Some(i64::from_str_radix(digits, radix).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> Result<i64, String> {
        let read = |name: &str| match name {
            "x" => Some("5".to_owned()),
            "y" => Some("x + 1".to_owned()),
            "loop" => Some("loop".to_owned()),
            _ => None,
        };
        evaluate(text, &read).map(|(value, _)| value)
    }

    #[test]
    fn values() {
        for (text, expected) in [
            ("", 0),
            ("1 + 2 * 3", 7),
            ("(1 + 2) * 3", 9),
            ("10 - 3 - 2", 5),
            ("7 / 2", 3),
            ("-7 % 3", -1),
            ("x * 2", 10),
            ("y * 2", 12),
            ("unset + 1", 1),
            ("1 < 2 && 2 < 1", 0),
            ("0 || 3", 1),
            ("!0 + ~0", 0),
            ("1 ? 2 : 3", 2),
            ("0x10 + 010", 24),
            ("1 << 4 | 1", 17),
            ("x = 3, x + 1", 4),
            ("x += 2", 7),
            ("x++ + x", 11),
            ("0 && 1 / 0", 0),
            ("5 == 5", 1),
            ("9223372036854775807 + 1", i64::MIN),
        ] {
            assert_eq!(value(text), Ok(expected), "{text}");
        }
        for text in ["1 +", "1 / 0", "(1", "1 2", "loop", "09", "1 ? 2"] {
            assert!(value(text).is_err(), "{text}");
        }
        assert!(value(&"(".repeat(100_000)).is_err());
        assert!(value(&"-".repeat(100_001)).is_err());
    }
}
