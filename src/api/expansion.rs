//! References to variables in the texts of a container.

use std::collections::BTreeMap;

use super::cut::first_bytes;

/// How long a text may become, in bytes: one that holds others twice doubles with each step. The kernel starts nothing
/// with a text of half this (`MAX_ARG_STRLEN`).
const LONGEST: usize = 256 << 10;

/// `$(VAR)` with the variable's value; unknown ones stay as they are, `$$` is one dollar
/// (`third_party/forked/golang/expansion: Expand`). What is too long for any process is cut.
pub(crate) fn expand(text: &str, environment: &BTreeMap<String, String>) -> String {
    let mut expanded = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        expanded.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('$') {
            expanded.push('$');
            rest = after;
        } else if let Some(inner) = rest.strip_prefix('(')
            && let Some(end) = inner.find(')')
        {
            let name = &inner[..end];
            match environment.get(name) {
                Some(value) if expanded.len() + value.len() > LONGEST => {
                    let room = LONGEST.saturating_sub(expanded.len());
                    expanded.push_str(&first_bytes(value, room));
                    return expanded;
                }
                Some(value) => expanded.push_str(value),
                None => {
                    expanded.push_str("$(");
                    expanded.push_str(name);
                    expanded.push(')');
                }
            }
            rest = &inner[end + 1..];
        } else {
            expanded.push('$');
        }
    }
    expanded.push_str(rest);
    expanded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dollar_parentheses() {
        let environment = BTreeMap::from([("A".to_owned(), "1".to_owned())]);
        for (text, expanded) in [
            ("$(A)", "1"),
            ("x$(A)y", "x1y"),
            ("$(B)", "$(B)"),
            ("$$(A)", "$(A)"),
            ("$A $", "$A $"),
            ("$(A", "$(A"),
            ("$(date)", "$(date)"),
        ] {
            assert_eq!(expand(text, &environment), expanded, "{text}");
        }
    }

    #[test]
    fn what_doubles_has_an_end() {
        let mut environment = BTreeMap::from([("A".to_owned(), "x".repeat(100))]);
        for _ in 0..64 {
            let twice = expand("$(A)$(A)", &environment);
            environment.insert("A".to_owned(), twice);
        }
        assert_eq!(environment["A"].len(), LONGEST);
    }
}
