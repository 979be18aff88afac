//! Shell patterns: `*`, `?`, `[…]`, for case, pathnames and the `#` and `%` expansions.

use crate::guest::limits;

/// A character of a pattern; a quoted one stands for itself.
pub(in crate::guest) type PatternChar = (char, bool);

/// How many steps a match may take; patterns with many stars on long texts would take for ever.
const STEPS: usize = 200_000;

/// A pattern of plain text, all its characters unquoted.
pub(in crate::guest) fn unquoted(text: &str) -> Vec<PatternChar> {
    text.chars().map(|c| (c, false)).collect()
}

/// Whether anything in the pattern is not literal.
pub(in crate::guest) fn is_pattern(pattern: &[PatternChar]) -> bool {
    pattern
        .iter()
        .any(|(c, quoted)| !quoted && matches!(c, '*' | '?' | '['))
}

/// The pattern's literal text.
pub(in crate::guest) fn literal(pattern: &[PatternChar]) -> String {
    pattern.iter().map(|(c, _)| *c).collect()
}

/// Whether the pattern matches the whole text.
pub(in crate::guest) fn matches(pattern: &[PatternChar], text: &[char]) -> bool {
    Budget(STEPS).matches(pattern, text).unwrap_or(false)
}

/// How many comparisons are left.
struct Budget(usize);

impl Budget {
    /// Whether the pattern matches the whole text; None when that takes too long to find out.
    fn matches(&mut self, pattern: &[PatternChar], text: &[char]) -> Option<bool> {
        let (mut p, mut t, mut star) = (0, 0, None);
        loop {
            self.0 = self.0.checked_sub(1)?;
            let matched = match pattern.get(p) {
                None => {
                    if t == text.len() {
                        return Some(true);
                    }
                    None
                }
                Some(('*', false)) => {
                    star = Some((p, t));
                    p += 1;
                    continue;
                }
                Some(&(c, quoted)) => text.get(t).and_then(|&actual| one(pattern, p, c, quoted, actual)),
            };
            match (matched, star) {
                (Some(next), _) => {
                    p = next;
                    t += 1;
                }
                (None, Some((at, from))) if from < text.len() => {
                    star = Some((at, from + 1));
                    p = at + 1;
                    t = from + 1;
                }
                (None, _) => return Some(false),
            }
        }
    }
}

/// How many characters every text that the pattern matches has; None with a star or brackets in it.
fn fixed_length(pattern: &[PatternChar]) -> Option<usize> {
    let is_fixed = |(c, quoted): &PatternChar| *quoted || !matches!(c, '*' | '[');
    pattern.iter().all(is_fixed).then_some(pattern.len())
}

/// Matches one character; the place in the pattern behind it.
fn one(pattern: &[PatternChar], p: usize, c: char, quoted: bool, actual: char) -> Option<usize> {
    match (c, quoted) {
        ('?', false) => Some(p + 1),
        ('[', false) => match bracket(pattern, p, actual) {
            Some((true, next)) => Some(next),
            Some((false, _)) => None,
            None => (actual == '[').then_some(p + 1),
        },
        _ => (c == actual).then_some(p + 1),
    }
}

/// A bracket expression: whether it has the character, and the place behind it; None when it is not closed.
fn bracket(pattern: &[PatternChar], start: usize, actual: char) -> Option<(bool, usize)> {
    let mut at = start + 1;
    let negated = matches!(pattern.get(at), Some(('!' | '^', false)));
    if negated {
        at += 1;
    }
    let first = at;
    let mut found = false;
    loop {
        let &(c, quoted) = pattern.get(at)?;
        if c == ']' && !quoted && at > first {
            return Some((found != negated, at + 1));
        }
        if c == '[' && !quoted && matches!(pattern.get(at + 1), Some((':', _))) {
            let close =
                (at + 2..pattern.len().saturating_sub(1)).find(|&i| pattern[i].0 == ':' && pattern[i + 1].0 == ']');
            if let Some(close) = close {
                let name: String = pattern[at + 2..close].iter().map(|(c, _)| *c).collect();
                found |= class(&name, actual);
                at = close + 2;
                continue;
            }
        }
        if let (Some(('-', false)), Some(&(to, _))) = (pattern.get(at + 1), pattern.get(at + 2))
            && to != ']'
        {
            found |= (c..=to).contains(&actual);
            at += 3;
            continue;
        }
        found |= c == actual;
        at += 1;
    }
}

/// A character class by name.
pub(in crate::guest) fn class(name: &str, c: char) -> bool {
    match name {
        "alpha" => c.is_alphabetic(),
        "digit" => c.is_ascii_digit(),
        "alnum" => c.is_alphanumeric(),
        "upper" => c.is_uppercase(),
        "lower" => c.is_lowercase(),
        "space" => c.is_whitespace(),
        "blank" => c == ' ' || c == '\t',
        "punct" => c.is_ascii_punctuation(),
        "xdigit" => c.is_ascii_hexdigit(),
        "cntrl" => c.is_control(),
        "print" => !c.is_control(),
        "graph" => !c.is_control() && c != ' ',
        _ => false,
    }
}

/// Which end of a text an expansion cuts off, and how much of it.
#[derive(Clone, Copy, Debug)]
pub(in crate::guest) struct Cut {
    pub(in crate::guest) suffix: bool,
    pub(in crate::guest) longest: bool,
}

/// The text without the end that the pattern matches; None when that takes too long to find out.
pub(in crate::guest) fn cut(text: &str, pattern: &[PatternChar], how: Cut) -> Option<String> {
    let chars: Vec<char> = text.chars().collect();
    let count = chars.len();
    let mut sizes: Vec<usize> = match fixed_length(pattern) {
        Some(length) if length > count => Vec::new(),
        Some(length) => vec![length],
        None => (0..=count).collect(),
    };
    if how.longest {
        sizes.reverse();
    }
    let mut budget = Budget(limits::PATTERN_STEPS);
    for size in sizes {
        let (part, rest) = if how.suffix {
            (&chars[count - size..], &chars[..count - size])
        } else {
            (&chars[..size], &chars[size..])
        };
        if budget.matches(pattern, part)? {
            return Some(rest.iter().collect());
        }
    }
    Some(text.to_owned())
}

/// Where the text must match to be replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::guest) enum At {
    Start,
    End,
    First,
    Every,
}

/// `${x/pattern/replacement}`: the longest match at the first place, or at all; None when that takes too long.
pub(in crate::guest) fn replace(text: &str, pattern: &[PatternChar], replacement: &str, place: At) -> Option<String> {
    let chars: Vec<char> = text.chars().collect();
    let mut replaced = String::new();
    let mut at = 0;
    let mut done = pattern.is_empty();
    let fixed = fixed_length(pattern);
    let mut budget = Budget(limits::PATTERN_STEPS);
    while at < chars.len() {
        let mut longest = None;
        if !done && (place != At::Start || at == 0) {
            let ends = match (place, fixed) {
                (At::End, _) => chars.len()..=chars.len(),
                (_, Some(length)) => at + length..=(at + length).min(chars.len()),
                (_, None) => at + 1..=chars.len(),
            };
            for end in ends.rev() {
                if budget.matches(pattern, &chars[at..end])? {
                    longest = Some(end);
                    break;
                }
            }
        }
        match longest {
            Some(end) => {
                replaced.push_str(replacement);
                if replaced.len() > limits::STRING_BYTES {
                    return Some(replaced);
                }
                at = end;
                done = place != At::Every;
            }
            None => {
                replaced.push(chars[at]);
                at += 1;
            }
        }
    }
    Some(replaced)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        for (pattern, text, expected) in [
            ("*", "", true),
            ("a*c", "abbc", true),
            ("a*c", "abbd", false),
            ("?", "x", true),
            ("?", "", false),
            ("[a-c]x", "bx", true),
            ("[!a-c]x", "bx", false),
            ("[]]", "]", true),
            ("[", "[", true),
            ("[[:digit:]]*", "7up", true),
            ("*.tar.*", "a.tar.gz", true),
        ] {
            let chars: Vec<char> = text.chars().collect();
            assert_eq!(matches(&unquoted(pattern), &chars), expected, "{pattern} {text}");
        }
        assert!(!matches(&[('*', true)], &['a']));
    }

    #[test]
    fn replacements() {
        for (text, pattern, place, left) in [
            ("a.b.c", ".", At::First, "a_b.c"),
            ("a.b.c", ".", At::Every, "a_b_c"),
            ("aXXb", "X*", At::First, "a_"),
            ("abab", "ab", At::Start, "_ab"),
            ("abab", "ab", At::End, "ab_"),
            ("abc", "????", At::Every, "abc"),
            ("a1b2", "[0-9]", At::Every, "a_b_"),
        ] {
            assert_eq!(
                replace(text, &unquoted(pattern), "_", place).as_deref(),
                Some(left),
                "{text} {pattern}"
            );
        }
    }

    #[test]
    fn what_would_take_for_ever_is_given_up() {
        let long = "a".repeat(50_000);
        let how = Cut {
            suffix: false,
            longest: true,
        };
        assert_eq!(cut(&long, &unquoted("*a*a*a*b"), how), None);
        assert_eq!(replace(&long, &unquoted("*b"), "x", At::Every), None);
        assert_eq!(replace(&long, &unquoted("a"), "b", At::Every), Some("b".repeat(50_000)));
    }

    #[test]
    fn cuts() {
        let how = |suffix, longest| Cut { suffix, longest };
        for (text, pattern, how, left) in [
            ("a/b/c", "*/", how(false, false), "b/c"),
            ("a/b/c", "*/", how(false, true), "c"),
            ("a.b.c", ".*", how(true, false), "a.b"),
            ("a.b.c", ".*", how(true, true), "a"),
            ("abc", "x", how(true, true), "abc"),
        ] {
            assert_eq!(
                cut(text, &unquoted(pattern), how).as_deref(),
                Some(left),
                "{text} {pattern}"
            );
        }
    }
}
