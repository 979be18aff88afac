//! echo and printf.

use super::Context;
use crate::guest::images::Flavour;

pub(super) async fn echo(context: &Context, argv: &[String]) -> i32 {
    // dash's own echo knows -n only and always takes escapes.
    let dash = context.shell == Flavour::Dash;
    let (mut newline, mut interpret) = (true, dash);
    let mut words = &argv[1..];
    while let Some((first, rest)) = words.split_first() {
        let letters = first.strip_prefix('-').unwrap_or_default();
        let valid = if dash {
            letters == "n"
        } else {
            !letters.is_empty() && letters.chars().all(|c| "neE".contains(c))
        };
        if !valid {
            break;
        }
        newline &= !letters.contains('n');
        if !dash {
            interpret = if letters.contains('e') {
                true
            } else {
                interpret && !letters.contains('E')
            };
        }
        words = rest;
    }
    let mut text = words.join(" ");
    if interpret {
        let (plain, stopped) = escapes(&text, false);
        text = plain;
        newline &= !stopped;
    }
    if newline {
        text.push('\n');
    }
    i32::from(!context.out(&text).await)
}

/// Resolves backslash escapes; whether `\c` cut the rest off. `c_style`: octal without a leading zero, `\x`.
pub(in crate::guest) fn escapes(text: &str, c_style: bool) -> (String, bool) {
    let mut bytes = Vec::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if c != '\\' {
            push(&mut bytes, c);
            continue;
        }
        let Some(escape) = chars.next() else {
            bytes.push(b'\\');
            break;
        };
        match escape {
            'a' => bytes.push(7),
            'b' => bytes.push(8),
            'e' | 'E' => bytes.push(27),
            'f' => bytes.push(12),
            'n' => bytes.push(b'\n'),
            'r' => bytes.push(b'\r'),
            't' => bytes.push(b'\t'),
            'v' => bytes.push(11),
            '\\' => bytes.push(b'\\'),
            '"' | '\'' if c_style => push(&mut bytes, escape),
            'c' => return (String::from_utf8_lossy(&bytes).into_owned(), true),
            '0'..='7' if c_style || escape == '0' => {
                let mut digits = if c_style { escape.to_string() } else { String::new() };
                while digits.len() < 3
                    && let Some(digit) = chars.next_if(|c| c.is_digit(8))
                {
                    digits.push(digit);
                }
                let value = u32::from_str_radix(&digits, 8).unwrap_or(0);
                bytes.push(u8::try_from(value & 0xff).unwrap_or(0));
            }
            'x' => {
                let mut digits = String::new();
                while digits.len() < 2
                    && let Some(digit) = chars.next_if(char::is_ascii_hexdigit)
                {
                    digits.push(digit);
                }
                match u8::from_str_radix(&digits, 16) {
                    Ok(value) => bytes.push(value),
                    Err(_) => bytes.extend(b"\\x"),
                }
            }
            other => {
                bytes.push(b'\\');
                push(&mut bytes, other);
            }
        }
    }
    (String::from_utf8_lossy(&bytes).into_owned(), false)
}

fn push(bytes: &mut Vec<u8>, c: char) {
    bytes.extend(c.encode_utf8(&mut [0; 4]).as_bytes());
}

/// A width or precision larger than this is cut.
const WIDTH: usize = 4096;

pub(super) async fn printf(context: &Context, argv: &[String]) -> i32 {
    let Some(format) = argv.get(1) else {
        context.err("printf: usage: printf format [arg ...]").await;
        return 2;
    };
    let mut arguments = argv[2..].iter();
    let mut out = String::new();
    let mut problems = Vec::new();
    loop {
        let before = arguments.len();
        let ended = round(format, &mut arguments, &mut out, &mut problems);
        if ended || arguments.len() == 0 || arguments.len() == before {
            break;
        }
    }
    let written = context.out(&out).await;
    for problem in &problems {
        context.err(&format!("printf: {problem}")).await;
    }
    i32::from(!problems.is_empty() || !written)
}

/// The format once; whether it said to stop.
fn round<'a>(
    format: &str,
    arguments: &mut impl Iterator<Item = &'a String>,
    out: &mut String,
    problems: &mut Vec<String>,
) -> bool {
    let mut chars = format.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\\' => {
                let mut escape = String::from('\\');
                if let Some(next) = chars.next() {
                    escape.push(next);
                    if next.is_digit(8) || next == 'x' {
                        let hex = next == 'x';
                        while escape.len() < 4
                            && let Some(digit) =
                                chars.next_if(|c| if hex { c.is_ascii_hexdigit() } else { c.is_digit(8) })
                        {
                            escape.push(digit);
                        }
                    }
                }
                let (text, stop) = escapes(&escape, true);
                out.push_str(&text);
                if stop {
                    return true;
                }
            }
            '%' => {
                if chars.next_if_eq(&'%').is_some() {
                    out.push('%');
                    continue;
                }
                let mut flags = String::new();
                while let Some(flag) = chars.next_if(|c| "-+ 0#".contains(*c)) {
                    flags.push(flag);
                }
                let number = |chars: &mut std::iter::Peekable<std::str::Chars<'_>>,
                              arguments: &mut dyn Iterator<Item = &'a String>| {
                    if chars.next_if_eq(&'*').is_some() {
                        return arguments.next().and_then(|text| text.parse::<usize>().ok());
                    }
                    let mut digits = String::new();
                    while let Some(digit) = chars.next_if(char::is_ascii_digit) {
                        digits.push(digit);
                    }
                    digits.parse::<usize>().ok()
                };
                let width = number(&mut chars, arguments).unwrap_or(0).min(WIDTH);
                let precision = if chars.next_if_eq(&'.').is_some() {
                    Some(number(&mut chars, arguments).unwrap_or(0).min(WIDTH))
                } else {
                    None
                };
                let Some(conversion) = chars.next() else {
                    problems.push("%: invalid directive".to_owned());
                    return true;
                };
                let argument = arguments.next();
                let mut stop = false;
                let text = match conversion {
                    's' | 'b' => {
                        let text = argument.cloned().unwrap_or_default();
                        let text = if conversion == 'b' {
                            let (text, stopped) = escapes(&text, false);
                            stop = stopped;
                            text
                        } else {
                            text
                        };
                        match precision {
                            Some(precision) => text.chars().take(precision).collect(),
                            None => text,
                        }
                    }
                    'c' => argument
                        .and_then(|text| text.chars().next())
                        .map(String::from)
                        .unwrap_or_default(),
                    'd' | 'i' | 'u' | 'x' | 'X' | 'o' => {
                        let value = integer(argument, problems);
                        let digits = match conversion {
                            'x' => format!("{value:x}"),
                            'X' => format!("{value:X}"),
                            'o' => format!("{value:o}"),
                            _ => value.unsigned_abs().to_string(),
                        };
                        let digits = format!("{digits:0>width$}", width = precision.unwrap_or(1));
                        let sign = match conversion {
                            'd' | 'i' if value < 0 => "-",
                            'd' | 'i' if flags.contains('+') => "+",
                            'd' | 'i' if flags.contains(' ') => " ",
                            _ => "",
                        };
                        if flags.contains('0') && !flags.contains('-') && precision.is_none() {
                            format!("{sign}{digits:0>width$}", width = width.saturating_sub(sign.len()))
                        } else {
                            format!("{sign}{digits}")
                        }
                    }
                    'f' | 'e' | 'g' => {
                        let value: f64 = argument.and_then(|text| text.parse().ok()).unwrap_or(0.0);
                        format!("{value:.precision$}", precision = precision.unwrap_or(6).min(30))
                    }
                    other => {
                        problems.push(format!("%{other}: invalid directive"));
                        return true;
                    }
                };
                let missing = width.saturating_sub(text.chars().count());
                if flags.contains('-') {
                    out.push_str(&text);
                    out.push_str(&" ".repeat(missing));
                } else {
                    out.push_str(&" ".repeat(missing));
                    out.push_str(&text);
                }
                if stop {
                    return true;
                }
            }
            c => out.push(c),
        }
    }
    false
}

fn integer(argument: Option<&String>, problems: &mut Vec<String>) -> i64 {
    let Some(text) = argument else { return 0 };
    if let Some(c) = text.strip_prefix(['\'', '"']).and_then(|rest| rest.chars().next()) {
        return i64::from(u32::from(c));
    }
    let trimmed = text.trim();
    let (sign, digits) = match trimmed.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, trimmed.strip_prefix('+').unwrap_or(trimmed)),
    };
    let (digits, radix) = match digits {
        "" => return 0,
        _ if digits.starts_with("0x") || digits.starts_with("0X") => (&digits[2..], 16),
        _ if digits.len() > 1 && digits.starts_with('0') => (&digits[1..], 8),
        _ => (digits, 10),
    };
    let valid: String = digits.chars().take_while(|c| c.is_digit(radix)).collect();
    if valid.len() < digits.len() || valid.is_empty() {
        let what = if valid.is_empty() {
            "expected numeric value"
        } else {
            "not completely converted"
        };
        problems.push(format!("{text}: {what}"));
    }
    i64::from_str_radix(&valid, radix).map_or(if valid.is_empty() { 0 } else { i64::MAX }, |value| sign * value)
}
