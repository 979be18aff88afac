//! Brace expansion, which only bash has: `{a,b}` and `{1..3}`.

use crate::guest::images::Flavour;

/// Brace expansion, which only bash has: `{a,b}` and `{1..3}`.
pub(super) fn braces(word: &str, flavour: Flavour) -> Vec<String> {
    if flavour != Flavour::Bash || !word.contains('{') {
        return vec![word.to_owned()];
    }
    expand_braces(word, 0).unwrap_or_else(|| vec![word.to_owned()])
}

/// The first brace expression outside quotes, expanded, and what follows it; None when there is none.
fn expand_braces(word: &str, depth: usize) -> Option<Vec<String>> {
    if depth > 8 {
        return None;
    }
    let bytes = word.as_bytes();
    let mut at = 0;
    let mut quote = 0;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 1,
            c @ (b'\'' | b'"') if quote == 0 => quote = c,
            c if c == quote => quote = 0,
            // `${…}` is a parameter.
            b'$' if bytes.get(at + 1) == Some(&b'{') => at += 1,
            b'{' if quote == 0 => {
                if let Some((members, end)) = brace_members(word, at) {
                    let (before, after) = (&word[..at], &word[end..]);
                    let tails = expand_braces(after, depth + 1).unwrap_or_else(|| vec![after.to_owned()]);
                    let mut all = Vec::new();
                    for member in members {
                        for inner in expand_braces(&member, depth + 1).unwrap_or_else(|| vec![member.clone()]) {
                            all.extend(tails.iter().map(|tail| format!("{before}{inner}{tail}")));
                            if all.len() > 10_000 {
                                return None;
                            }
                        }
                    }
                    return Some(all);
                }
            }
            _ => {}
        }
        at += 1;
    }
    None
}

/// The members of a brace expression that begins at `start`, and the place behind it.
fn brace_members(word: &str, start: usize) -> Option<(Vec<String>, usize)> {
    let (mut depth, mut members, mut from) = (0_usize, Vec::new(), start + 1);
    for (at, byte) in word.bytes().enumerate().skip(start) {
        match byte {
            b'{' => depth += 1,
            b',' if depth == 1 => {
                members.push(word.get(from..at)?.to_owned());
                from = at + 1;
            }
            b'}' if depth == 1 => {
                let last = word.get(from..at)?;
                if !members.is_empty() {
                    members.push(last.to_owned());
                    return Some((members, at + 1));
                }
                return sequence(last).map(|members| (members, at + 1));
            }
            b'}' => depth -= 1,
            _ => {}
        }
    }
    None
}

/// `1..5`, `a..e`, `1..9..2`
fn sequence(text: &str) -> Option<Vec<String>> {
    let parts: Vec<&str> = text.split("..").collect();
    let (first, last, step) = match parts[..] {
        [first, last] => (first, last, 1),
        [first, last, step] => (first, last, step.parse::<i64>().ok()?.abs().max(1)),
        _ => return None,
    };
    if let (Ok(from), Ok(to)) = (first.parse::<i64>(), last.parse::<i64>()) {
        let count = from.abs_diff(to) / step.unsigned_abs();
        if count > 10_000 {
            return None;
        }
        let signed = if from <= to { step } else { -step };
        let width = if first.starts_with('0') && first.len() > 1 {
            first.len()
        } else {
            0
        };
        return Some(
            (0..=i64::try_from(count).ok()?)
                .map(|n| format!("{:0width$}", from + n * signed))
                .collect(),
        );
    }
    let (from, to) = (first.chars().next()?, last.chars().next()?);
    if first.len() != 1 || last.len() != 1 || !from.is_ascii_alphabetic() || !to.is_ascii_alphabetic() {
        return None;
    }
    let range: Vec<String> = if from <= to {
        (from..=to).map(String::from).collect()
    } else {
        (to..=from).rev().map(String::from).collect()
    };
    Some(range)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bash_braces() {
        for (word, words) in [
            ("{1..3}", vec!["1", "2", "3"]),
            ("a{b,c}d", vec!["abd", "acd"]),
            ("{3..1}", vec!["3", "2", "1"]),
            ("{a..c}", vec!["a", "b", "c"]),
            ("${x}", vec!["${x}"]),
            ("{x}", vec!["{x}"]),
            ("'{a,b}'", vec!["'{a,b}'"]),
            ("{a,b}{1,2}", vec!["a1", "a2", "b1", "b2"]),
        ] {
            assert_eq!(braces(word, Flavour::Bash), words, "{word}");
        }
        assert_eq!(braces("{1..3}", Flavour::Ash), ["{1..3}"]);
    }
}
