//! Names of images: whether they can be read, and the tag that is meant when there is none
//! (`util/parsers: ParseImageName`, the grammar of distribution/reference).

use crate::api::pod::{Name, concat};

/// What a name without tag and digest means.
const DEFAULT_TAG: &str = "latest";
/// A name, without tag and digest, is at most so long.
const LONGEST_NAME: usize = 255;

/// Whether `text` is letters and digits in lower case with single separators between: `.`, `_`, `__`, or dashes.
fn is_path_component(text: &str) -> bool {
    let mut rest = text;
    loop {
        let word = rest.find(|c: char| !(c.is_ascii_lowercase() || c.is_ascii_digit()));
        match word {
            None => return !rest.is_empty(),
            Some(0) => return false,
            Some(end) => rest = &rest[end..],
        }
        let separator = rest.find(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit());
        let Some(end) = separator else { return false };
        let (separator, after) = rest.split_at(end);
        if !matches!(separator, "." | "_" | "__") && !separator.chars().all(|c| c == '-') {
            return false;
        }
        rest = after;
    }
}

/// Whether the part before the first slash names a registry rather than a folder.
fn is_domain(text: &str) -> bool {
    let looks_so = text.contains('.') || text.contains(':') || text == "localhost" || text.to_lowercase() != text;
    let (host, port) = text
        .split_once(':')
        .map_or((text, None), |(host, port)| (host, Some(port)));
    let label = |label: &str| {
        let inner = label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
        inner && !label.is_empty() && !label.starts_with('-') && !label.ends_with('-')
    };
    let port_is_number = port.is_none_or(|p| !p.is_empty() && p.bytes().all(|b| b.is_ascii_digit()));
    looks_so && host.split('.').all(label) && port_is_number
}

fn is_tag(text: &str) -> bool {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let rest = |c: char| word(c) || c == '.' || c == '-';
    text.len() <= 128 && text.starts_with(word) && text.chars().all(rest)
}

fn is_digest(text: &str) -> bool {
    text.split_once(':').is_some_and(|(algorithm, hex)| {
        let letters = algorithm
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"+._-".contains(&b));
        !algorithm.is_empty() && letters && hex.len() >= 32 && hex.bytes().all(|b| b.is_ascii_hexdigit())
    })
}

/// The image with the default tag where it has neither tag nor digest; Err says why its name can't be read.
pub(super) fn with_default_tag(image: &Name) -> Result<Name, String> {
    let invalid = |why: &str| {
        Err(format!(
            "couldn't parse image name {image:?}: invalid reference format{why}"
        ))
    };
    let (name, digest) = image
        .split_once('@')
        .map_or((&**image, None), |(name, digest)| (name, Some(digest)));
    let last = name.rfind('/').map_or(0, |slash| slash + 1);
    let (name, tag) = match name[last..].find(':') {
        Some(colon) => (&name[..last + colon], Some(&name[last + colon + 1..])),
        None => (name, None),
    };
    let path = match name.split_once('/') {
        Some((first, rest)) if is_domain(first) => rest,
        _ => name,
    };
    if name.len() > LONGEST_NAME || tag.is_some_and(|tag| !is_tag(tag)) || digest.is_some_and(|d| !is_digest(d)) {
        return invalid("");
    }
    let is_lower = |c: char| c.to_lowercase().eq([c]);
    if !path.chars().all(is_lower) {
        let full = if name.contains('/') {
            name.to_owned()
        } else {
            format!("library/{name}")
        };
        return invalid(&format!(": repository name ({full}) must be lowercase"));
    }
    if !path.split('/').all(is_path_component) {
        return invalid("");
    }
    Ok(match (tag, digest) {
        (None, None) => concat(&[image, ":", DEFAULT_TAG]),
        _ => image.clone(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_the_kubelet_reads_them() {
        for (image, result) in [
            ("nginx", Some("nginx:latest")),
            ("nginx:1.27", Some("nginx:1.27")),
            (
                "registry.k8s.io:443/e2e-test-images/agnhost",
                Some("registry.k8s.io:443/e2e-test-images/agnhost:latest"),
            ),
            ("localhost:5000/a__b/c.d:v1", Some("localhost:5000/a__b/c.d:v1")),
            (
                "app@sha256:0123456789abcdef0123456789abcdef",
                Some("app@sha256:0123456789abcdef0123456789abcdef"),
            ),
            ("Nginx", None),
            ("nginx:", None),
            ("nginx:a b", None),
            ("a//b", None),
            ("-a", None),
            ("a..b", None),
            ("app@sha256:12", None),
            ("", None),
        ] {
            assert_eq!(with_default_tag(&image.into()).ok().as_deref(), result, "{image}");
        }
        let text = with_default_tag(&"Nginx".into()).expect_err("upper case");
        assert!(
            text.ends_with("repository name (library/Nginx) must be lowercase"),
            "{text}"
        );
    }
}
