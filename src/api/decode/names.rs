//! What names of objects, containers, ports and variables may look like (apimachinery: util/validation).

use crate::api::node::Node;
use crate::api::shape::Problems;

const LABEL: &str = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must \
     start and end with an alphanumeric character";
const SUBDOMAIN: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or \
     '.', and must start and end with an alphanumeric character";

/// Lower case letters, digits and `-` within, at most 63 (`IsDNS1123Label`).
pub(crate) fn is_dns_label(name: &str) -> bool {
    let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    let bytes = name.as_bytes();
    let ends = |b: Option<&u8>| b.is_some_and(|b| *b != b'-');
    bytes.len() <= 63 && bytes.iter().all(|b| inner(*b)) && ends(bytes.first()) && ends(bytes.last())
}

/// Labels with dots between them, at most 253 in all (`IsDNS1123Subdomain`).
pub(crate) fn is_dns_subdomain(name: &str) -> bool {
    let part = |part: &str| {
        let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        let bytes = part.as_bytes();
        let ends = |b: Option<&u8>| b.is_some_and(|b| *b != b'-');
        bytes.iter().all(|b| inner(*b)) && ends(bytes.first()) && ends(bytes.last())
    };
    name.len() <= 253 && name.split('.').all(part)
}

/// What would be a name like the one given.
fn nearest_name(given: &str) -> Option<String> {
    let lower = given.to_ascii_lowercase();
    let dashed: String = lower
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || c == '.' { c } else { '-' })
        .collect();
    let trimmed = dashed.trim_matches(['-', '.']);
    (!trimmed.is_empty() && trimmed.len() <= 63).then(|| format!("write {trimmed:?}"))
}

/// The `name` of a container or volume: required, a label.
pub(super) fn label(problems: &mut Problems<'_>, parent: &Node, field: &str) {
    match parent.filled_at(field) {
        None => {
            problems.required(parent, field, "");
        }
        Some(name) if name.len() > 63 => {
            if let Some(node) = parent.get(field) {
                problems.invalid(node, "must be no more than 63 characters");
            }
        }
        Some(name) if !is_dns_label(name) => {
            if let Some(node) = parent.get(field) {
                problems.invalid(node, LABEL).hint = nearest_name(name);
            }
        }
        Some(_) => {}
    }
}

/// The name of an object: a subdomain.
pub(crate) fn subdomain(problems: &mut Problems<'_>, node: &Node) {
    let Some(name) = node.text() else { return };
    if name.len() > 253 {
        problems.invalid(node, "must be no more than 253 characters");
    } else if !is_dns_subdomain(name) {
        problems.invalid(node, SUBDOMAIN).hint = nearest_name(name);
    }
}

/// The name of a port (`IsValidPortName`): what is wrong with it.
pub(super) fn port_name_error(name: &str) -> Option<&'static str> {
    let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    if name.is_empty() || name.len() > 15 {
        return Some("must be no more than 15 characters");
    }
    if !name.bytes().all(inner) {
        return Some("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)");
    }
    if !name.bytes().any(|b| b.is_ascii_lowercase()) {
        return Some("must contain at least one letter (a-z)");
    }
    if name.contains("--") {
        return Some("must not contain consecutive hyphens");
    }
    if name.starts_with('-') || name.ends_with('-') {
        return Some("must not begin or end with a hyphen");
    }
    None
}

/// A label's key or a condition's type (`IsQualifiedName`).
pub(super) fn is_qualified_name(name: &str) -> bool {
    let (prefix, name) = match name.split_once('/') {
        Some((prefix, name)) => (Some(prefix), name),
        None => (None, name),
    };
    prefix.is_none_or(|prefix| !prefix.is_empty() && is_dns_subdomain(prefix))
        && !name.is_empty()
        && is_label_value(name)
}

/// A label's value (`IsValidLabelValue`).
pub(super) fn is_label_value(value: &str) -> bool {
    let inner = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    let ends = |b: Option<&u8>| b.is_none_or(u8::is_ascii_alphanumeric);
    let bytes = value.as_bytes();
    bytes.len() <= 63 && bytes.iter().all(|b| inner(*b)) && ends(bytes.first()) && ends(bytes.last())
}

/// Keys and values of labels.
pub(super) fn labels(problems: &mut Problems<'_>, labels: Option<&Node>) {
    for (key, node) in labels.map_or(&[][..], Node::fields) {
        if !is_qualified_name(&key.name) {
            let message = format!(
                "{}: Invalid value: {:?}: it is no name of a label",
                problems.path(node),
                &*key.name
            );
            problems.mark(key.span, message);
        }
        if node.text().is_some_and(|value| !is_label_value(value)) {
            problems.invalid(
                node,
                "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and \
                 must start and end with an alphanumeric character, with at most 63 in all",
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for (name, label, subdomain) in [
            ("web", true, true),
            ("web-0", true, true),
            ("web.example", false, true),
            ("0", true, true),
            ("", false, false),
            ("Web", false, false),
            ("-web", false, false),
            ("web-", false, false),
            ("a..b", false, false),
            ("a_b", false, false),
        ] {
            assert_eq!(is_dns_label(name), label, "{name}");
            assert_eq!(is_dns_subdomain(name), subdomain, "{name}");
        }
        for (name, good) in [
            ("http", true),
            ("a1-b", true),
            ("80", false),
            ("a--b", false),
            ("-a", false),
            ("Http", false),
        ] {
            assert_eq!(port_name_error(name).is_none(), good, "{name}");
        }
        for (name, good) in [
            ("a", true),
            ("example.com/Ready", true),
            ("/a", false),
            ("a/", false),
            ("a b", false),
        ] {
            assert_eq!(is_qualified_name(name), good, "{name}");
        }
    }
}
