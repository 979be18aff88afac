//! POSIX regular expressions by way of the regex crate.

use regex::Regex;

/// How large a compiled pattern may be, in bytes.
pub(super) const REGEX_BYTES: usize = 1 << 20;

/// A POSIX pattern as a [`Regex`]: basic ones have `\(`, `\|`, `\+` where extended ones have `(`, `|`, `+`.
pub(super) fn regex(pattern: &str, extended: bool, ignore_case: bool) -> Option<Regex> {
    let mut translated = String::new();
    let mut chars = pattern.chars().peekable();
    let mut in_bracket = false;
    while let Some(c) = chars.next() {
        match c {
            '[' if !in_bracket => {
                in_bracket = true;
                translated.push('[');
                if chars.next_if_eq(&'^').is_some() {
                    translated.push('^');
                }
                if chars.next_if_eq(&']').is_some() {
                    translated.push_str("\\]");
                }
            }
            '[' if chars.peek() == Some(&':') => {
                translated.push('[');
                for inner in chars.by_ref() {
                    translated.push(inner);
                    if inner == ']' {
                        break;
                    }
                }
            }
            '[' => translated.push_str("\\["),
            ']' if in_bracket => {
                in_bracket = false;
                translated.push(']');
            }
            // Inside brackets a backslash and the regex crate's set operators are literal.
            '\\' | '&' | '~' if in_bracket => {
                translated.push('\\');
                translated.push(c);
            }
            '\\' => match chars.next() {
                Some(next) if !extended && "(){}|+?".contains(next) => translated.push(next),
                Some('<' | '>') => translated.push_str("\\b"),
                Some(next) if next.is_alphanumeric() => {
                    // \w, \s, \d, \b as GNU has them; other letters are literal, digits (back references) are not understood.
                    if next.is_ascii_digit() {
                        return None;
                    }
                    if "wWsSdDbB".contains(next) {
                        translated.push('\\');
                    }
                    translated.push(next);
                }
                Some(next) => {
                    translated.push('\\');
                    translated.push(next);
                }
                None => translated.push_str("\\\\"),
            },
            '(' | ')' | '{' | '}' | '|' | '+' | '?' if !extended && !in_bracket => {
                translated.push('\\');
                translated.push(c);
            }
            // In a basic pattern these are themselves but at the ends (of a group or an alternative: GNU's and busybox').
            '*' if !extended && !in_bracket && begins(&translated, true) => translated.push_str("\\*"),
            '^' if !extended && !in_bracket && !begins(&translated, false) => translated.push_str("\\^"),
            '$' if !extended && !in_bracket && !ends(chars.clone()) => translated.push_str("\\$"),
            c => translated.push(c),
        }
    }
    regex::RegexBuilder::new(&translated)
        .case_insensitive(ignore_case)
        .size_limit(REGEX_BYTES)
        .build()
        .ok()
}

/// Whether a pattern, a group or an alternative begins behind what has been translated; `anchored`: maybe with its `^`.
fn begins(translated: &str, anchored: bool) -> bool {
    let before = match translated.strip_suffix('^') {
        Some(before) if anchored && !before.ends_with('\\') => before,
        _ => translated,
    };
    let Some(before) = before.strip_suffix(['(', '|']) else {
        return before.is_empty();
    };
    before.chars().rev().take_while(|c| *c == '\\').count() % 2 == 0
}

/// Whether a pattern, a group or an alternative ends before this rest.
fn ends(mut rest: impl Iterator<Item = char>) -> bool {
    match rest.next() {
        None => true,
        Some('\\') => matches!(rest.next(), Some(')' | '|')),
        Some(_) => false,
    }
}

/// Whether an extended pattern matches somewhere in a text; one that can't be understood matches as it stands.
pub(in crate::guest) fn matches_regex(pattern: &str, text: &str) -> bool {
    regex(pattern, true, false).map_or_else(|| text.contains(pattern), |regex| regex.is_match(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_translated() {
        for (pattern, extended, text, matches) in [
            ("a+b", false, "a+b", true),
            ("a\\+b", false, "aab", true),
            ("a+b", true, "aab", true),
            ("(x)", false, "(x)", true),
            ("[^]x]", false, "]x", false),
            ("[[:digit:]]", false, "7", true),
            ("*", false, "a*", true),
            ("x{2}", true, "xx", true),
            ("${P}", false, "a ${P}", true),
            ("$HOME", false, "$HOME", true),
            ("x^y", false, "x^y", true),
            ("x^y", true, "x^y", false),
            ("\\(^a\\|b$\\)", false, "xb", true),
            ("\\(^a\\|b$\\)", false, "xa", false),
            ("a$", false, "ab", false),
            ("^*a", false, "*a", true),
            ("\\(*a\\)", false, "*a", true),
            ("a\\(^b\\)", false, "a^b", false),
        ] {
            let regex = regex(pattern, extended, false).expect("it is valid");
            assert_eq!(regex.is_match(text), matches, "{pattern} {text}");
        }
    }
}
