//! The API objects as `kubectl get pods -o yaml` shows them, byte for byte: keys in the order and strings in the style of
//! go-yaml, which no serialiser of Rust has (`go.yaml.in/yaml/v2: encode.go, emitterc.go, sorter.go`).

use std::cmp::Ordering;

use serde_json::Value;

use super::{json, objects};
use crate::kernel::Time;
use crate::scenario::types::Input;
use crate::trace::Record;

/// A space behind this column becomes a line break (`best_width`).
const WIDTH: usize = 80;

/// The pods that exist at the end of the run, as a v1.List.
pub fn render(records: &[Record], input: &Input) -> String {
    text(&json::list(&objects::at(records, input, Time::MAX)))
}

/// The object as YAML.
pub fn text(object: &Value) -> String {
    let mut writer = Writer::default();
    writer.node(object, 0);
    let mut text = writer.out;
    if !text.ends_with('\n') {
        text.push('\n');
    }
    text
}

#[derive(Default)]
struct Writer {
    out: String,
    column: usize,
}

impl Writer {
    fn put(&mut self, text: &str) {
        self.out.push_str(text);
        self.column += text.chars().count();
    }

    fn next_line(&mut self, indent: usize) {
        self.out.push('\n');
        self.out.push_str(&" ".repeat(indent));
        self.column = indent;
    }

    /// A value whose first line begins where the writer is; its other lines are so far in.
    fn node(&mut self, value: &Value, indent: usize) {
        match value {
            Value::Object(fields) if !fields.is_empty() => {
                let mut sorted: Vec<(&String, &Value)> = fields.iter().collect();
                sorted.sort_by(|(a, _), (b, _)| compare(a, b));
                for (index, (name, field)) in sorted.into_iter().enumerate() {
                    if index > 0 {
                        self.next_line(indent);
                    }
                    self.string(name, None);
                    self.put(":");
                    self.field(field, indent);
                }
            }
            Value::Array(list) if !list.is_empty() => {
                for (index, element) in list.iter().enumerate() {
                    if index > 0 {
                        self.next_line(indent);
                    }
                    self.put("- ");
                    self.node(element, indent + 2);
                }
            }
            Value::Object(_) => self.put("{}"),
            Value::Array(_) => self.put("[]"),
            Value::String(text) => self.string(text, Some(indent)),
            Value::Null | Value::Bool(_) | Value::Number(_) => self.put(&value.to_string()),
        }
    }

    /// What stands behind a name and its colon.
    fn field(&mut self, value: &Value, indent: usize) {
        match value {
            Value::Object(fields) if !fields.is_empty() => {
                self.next_line(indent + 2);
                self.node(value, indent + 2);
            }
            // The dashes of a list stand below the name.
            Value::Array(list) if !list.is_empty() => {
                self.next_line(indent);
                self.node(value, indent);
            }
            _ => {
                self.put(" ");
                self.node(value, indent + 2);
            }
        }
    }

    /// A string, in the simplest style that means it; its other lines are so far in. A name has no other lines.
    fn string(&mut self, text: &str, indent: Option<usize>) {
        let looks = Looks::of(text);
        if let (true, Some(indent)) = (text.contains('\n') && looks.block, indent) {
            return self.literal(text, indent);
        }
        let plain = !is_something_else(text) && !text.contains('\n');
        if plain && looks.plain && !text.is_empty() {
            self.folded(text, indent, |c| c.to_string());
        } else if plain && looks.single && !text.is_empty() {
            self.put("'");
            self.folded(
                text,
                indent,
                |c| if c == '\'' { "''".to_owned() } else { c.to_string() },
            );
            self.put("'");
        } else {
            self.put("\"");
            self.folded(text, indent, escape);
            self.put("\"");
        }
    }

    /// The characters, with a line break in place of a single space behind the last column.
    fn folded(&mut self, text: &str, indent: Option<usize>, write: impl Fn(char) -> String) {
        let mut spaces = false;
        let mut characters = text.char_indices().peekable();
        while let Some((at, character)) = characters.next() {
            let next = characters.peek().map(|(_, next)| *next);
            let single = character == ' ' && !spaces && next.is_some_and(|next| next != ' ');
            match indent {
                Some(indent) if single && at > 0 && self.column > WIDTH => self.next_line(indent),
                _ => self.put(&write(character)),
            }
            spaces = character == ' ';
        }
    }

    /// The lines as they are.
    fn literal(&mut self, text: &str, indent: usize) {
        self.put("|");
        if text.starts_with([' ', '\n']) {
            self.put("2");
        }
        let body = text.strip_suffix('\n');
        self.put(match body {
            None => "-",
            Some(body) if body.is_empty() || body.ends_with('\n') => "+",
            Some(_) => "",
        });
        for line in body.unwrap_or(text).split('\n') {
            if line.is_empty() {
                self.out.push('\n');
            } else {
                self.next_line(indent);
                self.put(line);
            }
        }
    }
}

/// Which styles a string can be written in (`yaml_emitter_analyze_scalar`).
struct Looks {
    plain: bool,
    single: bool,
    block: bool,
}

impl Looks {
    fn of(text: &str) -> Looks {
        let indicator = |place: usize, c: char, before: Option<char>, after: Option<char>| {
            let ends = after.is_none_or(|after| after == ' ' || after == '\n' || after == '\t');
            match c {
                ',' | '[' | ']' | '{' | '}' | '&' | '*' | '!' | '|' | '>' | '\'' | '"' | '%' | '@' | '`' => place == 0,
                '?' | '-' if place == 0 => ends,
                ':' => ends,
                '#' => before.is_none_or(|before| before == ' ' || before == '\n' || before == '\t'),
                _ => false,
            }
        };
        let characters: Vec<char> = text.chars().collect();
        let before = |place: usize| place.checked_sub(1).map(|before| characters[before]);
        let indicated = text.starts_with("---")
            || text.starts_with("...")
            || characters
                .iter()
                .enumerate()
                .any(|(place, c)| indicator(place, *c, before(place), characters.get(place + 1).copied()));
        let special = !text.chars().all(is_printable) || text.contains(" \n");
        let broken = text.contains("\n ");
        let edges = text.starts_with([' ', '\n']) || text.ends_with([' ', '\n']);
        Looks {
            plain: !indicated && !special && !edges && !text.contains('\n'),
            single: !special && !broken,
            block: !special && !text.ends_with(' '),
        }
    }
}

/// What go-yaml writes as it is.
fn is_printable(c: char) -> bool {
    matches!(c, '\n' | ' '..='~' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fefe}' | '\u{ff00}'..='\u{fffd}')
        && !matches!(c, '\u{2028}' | '\u{2029}')
}

fn escape(c: char) -> String {
    let short = match c {
        '\0' => "\\0",
        '\x07' => "\\a",
        '\x08' => "\\b",
        '\t' => "\\t",
        '\n' => "\\n",
        '\x0b' => "\\v",
        '\x0c' => "\\f",
        '\r' => "\\r",
        '\x1b' => "\\e",
        '"' => "\\\"",
        '\\' => "\\\\",
        '\u{85}' => "\\N",
        '\u{2028}' => "\\L",
        '\u{2029}' => "\\P",
        _ if is_printable(c) => return c.to_string(),
        _ => {
            let code = u32::from(c);
            return match code {
                ..=0xff => format!("\\x{code:02X}"),
                0x100..=0xffff => format!("\\u{code:04X}"),
                _ => format!("\\U{code:08X}"),
            };
        }
    };
    short.to_owned()
}

/// Whether a plain string would be read as something else: a truth value, nothing, a number or a time (`resolve`), or as a
/// number to the base of 60.
fn is_something_else(text: &str) -> bool {
    const WORDS: &[&str] = &[
        "", "~", "null", "Null", "NULL", "y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON", "n",
        "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF", ".nan", ".NaN", ".NAN", ".inf", ".Inf",
        ".INF", "+.inf", "+.Inf", "+.INF", "-.inf", "-.Inf", "-.INF",
    ];
    let number = text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.'));
    WORDS.contains(&text) || number && (is_number(text) || is_time(text) || is_sexagesimal(text))
}

fn is_number(text: &str) -> bool {
    if text.starts_with('.') {
        return is_float(text);
    }
    let plain = text.replace('_', "");
    let digits = plain.strip_prefix(['+', '-']).unwrap_or(&plain);
    let lower = digits.to_ascii_lowercase();
    let of_base = |base: u32, digits: &str| {
        let all = !digits.is_empty() && digits.chars().all(|c| c.is_digit(base));
        all && u64::from_str_radix(digits, base).is_ok()
    };
    let whole = match lower.get(..2) {
        Some("0x") => of_base(16, &lower[2..]),
        Some("0o") => of_base(8, &lower[2..]),
        Some("0b") => of_base(2, &lower[2..]),
        _ if lower.len() > 1 && lower.starts_with('0') => of_base(8, &lower[1..]),
        _ => of_base(10, &lower),
    };
    whole || is_float(&plain)
}

/// `^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$`
fn is_float(text: &str) -> bool {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    let some = |text: &str| !text.is_empty() && digits(text);
    let mantissa = match mantissa.split_once('.') {
        Some(("", fraction)) => some(fraction),
        Some((whole, fraction)) => some(whole) && digits(fraction),
        None => some(mantissa),
    };
    mantissa && exponent.is_none_or(|exponent| some(exponent.strip_prefix(['+', '-']).unwrap_or(exponent)))
}

/// `2006-1-2`, alone or with a time of day behind it.
fn is_time(text: &str) -> bool {
    let (date, time) = match text.split_once(['T', 't', ' ']) {
        Some((date, time)) => (date, Some(time)),
        None => (text, None),
    };
    let numbers = |text: &str, separator: char| -> Option<Vec<u32>> {
        let parts = text.split(separator);
        parts
            .map(|part| part.parse().ok().filter(|_| part.len() <= 4))
            .collect()
    };
    let is_date = date.get(4..5) == Some("-") && matches!(numbers(date, '-').as_deref(), Some([_, 1..=12, 1..=31]));
    let of_day = |time: &str| {
        let time = time.split_once('.').map_or(time, |(time, _)| time);
        matches!(numbers(time, ':').as_deref(), Some([..=23, ..=59, ..=59]))
    };
    let zoned = |time: &str| match time.strip_suffix('Z') {
        Some(time) => of_day(time),
        None => time
            .rsplit_once(['+', '-'])
            .is_some_and(|(time, zone)| of_day(time) && numbers(zone, ':').is_some_and(|zone| zone.len() == 2)),
    };
    is_date
        && match time {
            None => true,
            Some(time) if text.contains(' ') => of_day(time),
            Some(time) => zoned(time),
        }
}

/// `^[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?$`
fn is_sexagesimal(text: &str) -> bool {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    let of_number = |text: &str| text.bytes().all(|b| b.is_ascii_digit() || b == b'_');
    let mut parts = whole.split(':');
    let first = parts.next().unwrap_or_default();
    let mut others = parts.peekable();
    let minute = |part: &str| {
        let digits = part.bytes().all(|b| b.is_ascii_digit());
        digits && (part.len() == 1 || part.len() == 2 && part.as_bytes()[0] <= b'5')
    };
    first.starts_with(|c: char| c.is_ascii_digit())
        && of_number(first)
        && others.peek().is_some()
        && others.all(minute)
        && of_number(fraction)
}

/// go-yaml's order of keys: numbers in them count as numbers, and letters come behind what is none.
fn compare(a: &str, b: &str) -> Ordering {
    let (left, right): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut digits = false;
    for place in 0..left.len().min(right.len()) {
        let (l, r) = (left[place], right[place]);
        if l == r {
            digits = l.is_ascii_digit();
            continue;
        }
        return match (l.is_alphabetic(), r.is_alphabetic()) {
            (true, true) => l.cmp(&r),
            (false, false) => numbers(&left, &right, place),
            // A number that ends comes first.
            (left_is, _) => match left_is == digits {
                true => Ordering::Less,
                false => Ordering::Greater,
            },
        };
    }
    left.len().cmp(&right.len())
}

/// The order of two keys that differ first at a place where neither has a letter.
fn numbers(left: &[char], right: &[char], place: usize) -> Ordering {
    // Zeros behind other digits are no leading zeros.
    let before = left[..place].iter().rev().take_while(|c| c.is_ascii_digit());
    let zero = left[place] == '0' || right[place] == '0';
    let counts = zero && before.into_iter().any(|c| *c != '0');
    let digits = |text: &[char]| -> String { text[place..].iter().take_while(|c| c.is_ascii_digit()).collect() };
    // Of numbers the longer one is greater; they may be longer than any integer, and the order must be one.
    let (l, r) = (digits(left), digits(right));
    let value = |digits: &str| -> (usize, String) {
        let digits = if counts { digits } else { digits.trim_start_matches('0') };
        (digits.len(), digits.to_owned())
    };
    let order = value(&l).cmp(&value(&r)).then(l.len().cmp(&r.len()));
    order.then(left[place].cmp(&right[place]))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn strings_have_the_style_of_go_yaml() {
        for (value, written) in [
            ("plain text", "plain text"),
            ("", "\"\""),
            ("true", "\"true\""),
            ("off", "\"off\""),
            ("12", "\"12\""),
            ("1e3", "\"1e3\""),
            ("0x1f", "\"0x1f\""),
            ("010", "\"010\""),
            ("08", "\"08\""),
            ("1.15.1", "1.15.1"),
            ("10.0.0.4", "10.0.0.4"),
            ("190:20:30", "\"190:20:30\""),
            ("2000-01-01T00:00:00Z", "\"2000-01-01T00:00:00Z\""),
            ("2000-01-01", "\"2000-01-01\""),
            ("2000-13-01", "2000-13-01"),
            ("a: b", "'a: b'"),
            ("a:b", "a:b"),
            ("it's # one", "'it''s # one'"),
            ("[a]", "'[a]'"),
            ("- a", "'- a'"),
            ("-a", "-a"),
            (" a", "' a'"),
            ("a\tb", "\"a\\tb\""),
            ("\u{1f600}", "\"\\U0001F600\""),
            ("é", "é"),
            ("<<", "<<"),
            ("a\nb", "|-\n  a\n  b"),
            ("a\nb\n", "|\n  a\n  b"),
            ("  a\n\n", "|2+\n    a\n"),
        ] {
            let text = text(&json!({"k": value}));
            assert_eq!(
                text.trim_end_matches('\n'),
                format!("k: {written}").trim_end_matches('\n'),
                "{value:?}"
            );
        }
    }

    #[test]
    fn long_strings_are_broken_at_single_spaces() {
        let long = format!("{} b  c d", "a".repeat(90));
        let written = text(&json!({"list": [{"k": long}]}));
        assert_eq!(written, format!("list:\n- k: {}\n    b  c d\n", "a".repeat(90)));
    }

    #[test]
    fn the_order_of_keys_is_one() {
        let digits = |seed: u64, place: u64| char::from(b'0' + u8::try_from((seed >> (place % 60)) % 10).unwrap_or(0));
        let key = |number: u64| -> String {
            let seed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ (number << 7);
            (0..40)
                .map(|place| digits(seed.rotate_left(u32::try_from(place).unwrap_or(0)), place))
                .collect()
        };
        let object: serde_json::Map<String, Value> = (0..200).map(|n| (key(n), Value::Null)).collect();
        assert_eq!(text(&Value::Object(object)).lines().count(), 200);
    }

    #[test]
    fn keys_are_in_natural_order() {
        let mut keys = vec!["a10", "a9", "ab", "a.b", "a_b", "aB", "a", "a1b", "a01"];
        keys.sort_by(|a, b| compare(a, b));
        assert_eq!(keys, ["a", "a.b", "a_b", "a1b", "a01", "a9", "a10", "aB", "ab"]);
    }
}
