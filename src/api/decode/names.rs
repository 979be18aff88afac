//! What names of objects, containers, ports and variables may look like (apimachinery: util/validation).

use crate::api::node::Node;
use crate::api::shape::Problems;

const LABEL: &str = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must \
     start and end with an alphanumeric character";
const SUBDOMAIN: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or \
     '.', and must start and end with an alphanumeric character";
const SEARCH_DOMAIN: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '_', '-' \
     or '.', and must start and end with an alphanumeric character";

const LABEL_VALUE: &str = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or \
     '.', and must start and end with an alphanumeric character";
const QUALIFIED: &str = "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an \
     alphanumeric character";

/// What a text may look like.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Form {
    /// `IsDNS1123Label`
    Label,
    /// `IsDNS1123Subdomain`
    Subdomain,
    /// `IsDNS1123SubdomainWithUnderscore`
    SearchDomain,
    /// `IsQualifiedName`
    LabelKey,
    /// `IsValidLabelValue`
    LabelValue,
    /// `IsRelaxedEnvVarName`
    VariableName,
    /// `IsConfigMapKey`
    ConfigKey,
    /// `IsHTTPHeaderName`
    HeaderName,
    /// `IsValidIPForLegacyField`
    Address,
    /// `validateLocalDescendingPath`
    DescendingPath,
    /// `ValidateLocalNonReservedPath`
    LocalPath,
    /// `validatePathNoBacksteps`
    PathWithoutBacksteps,
    /// an absolute path
    AbsolutePath,
    /// `ValidateCSIDriverName`
    DriverName,
}

impl Form {
    /// The first thing that is wrong with a text, as the API server says it; its regular expressions are left out.
    pub(crate) fn error(self, text: &str) -> Option<String> {
        let told = |wrong: bool, message: &str| wrong.then(|| message.to_owned());
        let too_many_bytes = |most: usize| (text.len() > most).then(|| format!("must be no more than {most} bytes"));
        let longer = |most: usize| (text.len() > most).then(|| format!("must be no more than {most} characters"));
        match self {
            Form::Label => longer(63).or_else(|| match is_dns_label(text) {
                true => None,
                false if is_dns_subdomain(text) => Some("must not contain dots".to_owned()),
                false => Some(LABEL.to_owned()),
            }),
            Form::Subdomain => longer(253).or_else(|| told(!is_dns_subdomain(text), SUBDOMAIN)),
            Form::SearchDomain => longer(253).or_else(|| {
                // Underscores are let through as they stand in names of services.
                let part = |part: &str| {
                    let part = part.strip_prefix('_').unwrap_or(part);
                    let ends = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
                    part.starts_with(ends) && part.ends_with(ends) && is_dns_subdomain(&part.replace('_', "-"))
                };
                told(!text.split('.').all(part), SEARCH_DOMAIN)
            }),
            Form::LabelKey => label_key_error(text),
            Form::LabelValue => too_many_bytes(63).or_else(|| told(!is_label_value(text), LABEL_VALUE)),
            Form::VariableName => told(
                !text.bytes().all(|b| (0x20..=0x7e).contains(&b) && b != b'='),
                "a valid environment variable name must consist only of printable ASCII characters other than '='",
            ),
            Form::ConfigKey => longer(253).or_else(|| {
                let inner = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
                match text {
                    _ if text.is_empty() || !text.bytes().all(inner) => {
                        Some("a valid config key must consist of alphanumeric characters, '-', '_' or '.'".to_owned())
                    }
                    "." | ".." => Some(format!("must not be '{text}'")),
                    _ => told(text.starts_with(".."), "must not start with '..'"),
                }
            }),
            Form::HeaderName => told(
                text.is_empty() || !text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-'),
                "a valid HTTP header must consist of alphanumeric characters or '-'",
            ),
            Form::Address => address_error(text).map(str::to_owned),
            Form::DescendingPath => told(text.starts_with('/'), "must be a relative path")
                .or_else(|| Form::PathWithoutBacksteps.error(text)),
            Form::LocalPath => {
                let reserved = || told(text.starts_with(".."), "must not start with '..'");
                Form::DescendingPath.error(text).or_else(reserved)
            }
            Form::PathWithoutBacksteps => told(text.split('/').any(|step| step == ".."), "must not contain '..'"),
            Form::AbsolutePath => told(!text.starts_with('/'), "must be an absolute path"),
            Form::DriverName => longer(63).or_else(|| Form::Subdomain.error(&text.to_ascii_lowercase())),
        }
    }

    /// What may have been meant.
    pub(crate) fn hint(self, text: &str) -> Option<String> {
        match self {
            Form::Label => nearest_name(&text.replace('.', "-")),
            Form::Subdomain => nearest_name(text),
            _ => None,
        }
    }
}

/// What is wrong with a label's key (`IsQualifiedName`).
fn label_key_error(key: &str) -> Option<String> {
    let (prefix, name) = match key.split_once('/') {
        Some((_, name)) if name.contains('/') => {
            return Some(format!(
                "a valid label key {QUALIFIED} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"
            ));
        }
        Some((prefix, name)) => (Some(prefix), name),
        None => (None, key),
    };
    let wrong_prefix = prefix.and_then(|prefix| match prefix {
        "" => Some("must be non-empty".to_owned()),
        // Of a label's key lengths are told in bytes.
        _ => Form::Subdomain
            .error(prefix)
            .map(|message| message.replace("253 characters", "253 bytes")),
    });
    if let Some(message) = wrong_prefix {
        return Some(format!("prefix part {message}"));
    }
    match name {
        "" => Some("name part must be non-empty".to_owned()),
        _ if name.len() > 63 => Some("name part must be no more than 63 bytes".to_owned()),
        _ => (!is_label_value(name)).then(|| format!("name part {QUALIFIED}")),
    }
}

/// What is wrong with an address of version 4 or 6.
fn address_error(text: &str) -> Option<&'static str> {
    if let Ok(address) = text.parse::<std::net::Ipv6Addr>() {
        let is_mapped = address.to_ipv4_mapped().is_some();
        return is_mapped.then_some("must not be an IPv4-mapped IPv6 address");
    }
    if text.parse::<std::net::Ipv4Addr>().is_ok() {
        return None;
    }
    let plain = |number: &str| {
        number
            .parse::<u32>()
            .map_or_else(|_| "-".to_owned(), |number| number.to_string())
    };
    let without_zeros = text.split('.').map(plain).collect::<Vec<_>>().join(".");
    Some(match without_zeros.parse::<std::net::Ipv4Addr>() {
        Ok(_) => "must not have leading 0s",
        Err(_) => "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)",
    })
}

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
        Some(_) => {
            if let Some(node) = parent.get(field) {
                form(problems, node, Form::Label);
            }
        }
    }
}

/// The name of an object: a subdomain.
pub(crate) fn subdomain(problems: &mut Problems<'_>, node: &Node) {
    form(problems, node, Form::Subdomain);
}

pub(super) fn form(problems: &mut Problems<'_>, node: &Node, form: Form) {
    let Some(text) = node.text() else { return };
    if let Some(message) = form.error(text) {
        problems.invalid(node, &message).hint = form.hint(text);
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

/// A label's value (`IsValidLabelValue`).
fn is_label_value(value: &str) -> bool {
    let inner = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    let ends = |b: Option<&u8>| b.is_none_or(u8::is_ascii_alphanumeric);
    let bytes = value.as_bytes();
    bytes.len() <= 63 && bytes.iter().all(|b| inner(*b)) && ends(bytes.first()) && ends(bytes.last())
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
    }

    #[test]
    fn forms() {
        for (form, text, message) in [
            (Form::Label, "a.b", Some("must not contain dots")),
            (Form::Label, "A", Some(LABEL)),
            (Form::Subdomain, "a.b", None),
            (Form::SearchDomain, "_tcp.a_b.local", None),
            (Form::SearchDomain, "a-._b", Some(SEARCH_DOMAIN)),
            (Form::SearchDomain, "__a", Some(SEARCH_DOMAIN)),
            (Form::SearchDomain, "A.b", Some(SEARCH_DOMAIN)),
            (Form::SearchDomain, "", Some(SEARCH_DOMAIN)),
            (Form::LabelKey, "a/b/c", Some("a valid label key")),
            (Form::LabelKey, "/b", Some("prefix part must be non-empty")),
            (
                Form::LabelKey,
                "A_/b",
                Some("prefix part a lowercase RFC 1123 subdomain"),
            ),
            (Form::LabelKey, "a/", Some("name part must be non-empty")),
            (Form::LabelKey, "a b", Some("name part must consist of")),
            (Form::LabelKey, "example.com/a_b", None),
            (Form::LabelValue, "", None),
            (Form::LabelValue, "a b", Some(LABEL_VALUE)),
            (Form::VariableName, "1 :", None),
            (Form::VariableName, "a=", Some("a valid environment variable name")),
            (Form::ConfigKey, "a_B.1-", None),
            (Form::ConfigKey, "a/b", Some("a valid config key")),
            (Form::ConfigKey, "..", Some("must not be '..'")),
            (Form::ConfigKey, "..a", Some("must not start with '..'")),
            (Form::HeaderName, "X-A1", None),
            (Form::HeaderName, "X_A", Some("a valid HTTP header")),
            (Form::HeaderName, "", Some("a valid HTTP header")),
            (Form::LocalPath, "a/b..", None),
            (Form::LocalPath, "/a", Some("must be a relative path")),
            (Form::LocalPath, "a/../b", Some("must not contain '..'")),
            (Form::LocalPath, "..a", Some("must not start with '..'")),
            (Form::DescendingPath, "..a", None),
            (Form::PathWithoutBacksteps, "/a/..", Some("must not contain '..'")),
            (Form::AbsolutePath, "a", Some("must be an absolute path")),
            (Form::DriverName, "CSI.example.com", None),
            (Form::DriverName, "csi_driver", Some(SUBDOMAIN)),
            (Form::Address, "10.0.0.1", None),
            (Form::Address, "010.0.0.00", Some("must not have leading 0s")),
            (Form::Address, "::ffff:1.2.3.4", Some("must not be an IPv4-mapped")),
            (Form::Address, "2001:db8::ffff", None),
            (Form::Address, "1.2.3", Some("must be a valid IP address")),
            (Form::Address, "1..2.3", Some("must be a valid IP address")),
            (Form::DescendingPath, "a/b..", None),
            (Form::DescendingPath, "/a", Some("must be a relative path")),
            (Form::DescendingPath, "a/../b", Some("must not contain '..'")),
        ] {
            let found = form.error(text);
            let is_as_said = match (&found, message) {
                (Some(found), Some(message)) => found.starts_with(message),
                (found, message) => found.is_none() && message.is_none(),
            };
            assert!(is_as_said, "{form:?} {text:?}: {found:?}");
        }
    }
}
