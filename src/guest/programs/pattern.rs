//! POSIX regular expressions by way of the regex crate.

use regex::Regex;

/// How large a compiled pattern may be, in bytes.
const REGEX_BYTES: usize = 1 << 20;

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
            '*' if !extended && !in_bracket && (translated.is_empty() || translated == "^") => {
                translated.push_str("\\*")
            }
            c => translated.push(c),
        }
    }
    regex::RegexBuilder::new(&translated)
        .case_insensitive(ignore_case)
        .size_limit(REGEX_BYTES)
        .build()
        .ok()
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
        ] {
            let regex = regex(pattern, extended, false).expect("it is valid");
            assert_eq!(regex.is_match(text), matches, "{pattern} {text}");
        }
    }
}
