//! Shell patterns: `*`, `?`, `[…]`, for case, pathnames and the `#` and `%` expansions.

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
    let (mut p, mut t, mut star) = (0, 0, None);
    for _ in 0..STEPS {
        let matched = match pattern.get(p) {
            None => {
                if t == text.len() {
                    return true;
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
            (None, _) => return false,
        }
    }
    false
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

/// The text without the end that the pattern matches.
pub(in crate::guest) fn cut(text: &str, pattern: &[PatternChar], how: Cut) -> String {
    let chars: Vec<char> = text.chars().collect();
    let count = chars.len();
    let mut sizes: Vec<usize> = (0..=count).collect();
    if how.longest {
        sizes.reverse();
    }
    for size in sizes {
        let (part, rest) = if how.suffix {
            (&chars[count - size..], &chars[..count - size])
        } else {
            (&chars[..size], &chars[size..])
        };
        if matches(pattern, part) {
            return rest.iter().collect();
        }
    }
    text.to_owned()
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
    fn cuts() {
        let how = |suffix, longest| Cut { suffix, longest };
        for (text, pattern, how, left) in [
            ("a/b/c", "*/", how(false, false), "b/c"),
            ("a/b/c", "*/", how(false, true), "c"),
            ("a.b.c", ".*", how(true, false), "a.b"),
            ("a.b.c", ".*", how(true, true), "a"),
            ("abc", "x", how(true, true), "abc"),
        ] {
            assert_eq!(cut(text, &unquoted(pattern), how), left, "{text} {pattern}");
        }
    }
}
