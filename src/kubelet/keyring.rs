//! Which credentials of its pull secrets a pod has for an image (`pkg/credentialprovider: BasicDockerKeyring`).

use std::collections::BTreeMap;

use crate::api::objects::Credential;
use crate::api::pod::Name;
use crate::scenario::lookup::glob;

/// The registry whose credentials hold for names without a registry.
const DEFAULT_REGISTRY: &str = "index.docker.io";

/// The logins for an image, by its registry and path, in the order in which they are tried: by location, the last
/// in the order of their letters first, those of one location as the secrets have them (`Lookup`).
pub(super) fn logins<'c>(credentials: impl Iterator<Item = &'c Credential>, image: &str) -> Vec<Name> {
    let mut by_registry: BTreeMap<&str, Vec<Name>> = BTreeMap::new();
    for credential in credentials {
        let logins = by_registry.entry(&credential.registry).or_default();
        logins.push(credential.login.clone());
    }
    let fitting = by_registry.iter().rev().filter(|(registry, _)| fits(registry, image));
    let found: Vec<Name> = fitting.flat_map(|(_, logins)| logins.clone()).collect();
    if found.is_empty() && is_in_default_registry(image) {
        return by_registry.remove(DEFAULT_REGISTRY).unwrap_or_default();
    }
    found
}

/// Whether the credentials of a location hold for an image: the host's parts may have wildcards, the path begins the image's
/// (`URLsMatch`).
fn fits(registry: &str, image: &str) -> bool {
    let ((host, port, path), (own_host, own_port, own_path)) = (parts(registry), parts(image));
    let (labels, own): (Vec<&str>, Vec<&str>) = (host.split('.').collect(), own_host.split('.').collect());
    let mut pairs = labels.iter().zip(&own);
    port == own_port
        && labels.len() == own.len()
        && own_path.starts_with(path)
        && pairs.all(|(pattern, label)| glob(pattern.as_bytes(), label.as_bytes()))
}

/// Host, port and path.
fn parts(text: &str) -> (&str, &str, &str) {
    let (authority, path) = text.split_at(text.find('/').unwrap_or(text.len()));
    match authority.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') || host.ends_with(']') => {
            (host.trim_start_matches('[').trim_end_matches(']'), port, path)
        }
        _ => (authority, "", path),
    }
}

/// `isDefaultRegistryMatch`
fn is_in_default_registry(image: &str) -> bool {
    match image.split_once('/') {
        None => !image.is_empty(),
        Some(("", _)) => false,
        Some((first, _)) => first == "docker.io" || first == DEFAULT_REGISTRY || !first.contains(['.', ':']),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_specific_location_comes_first() {
        let credential = |registry: &str, login: &str| Credential {
            registry: registry.into(),
            login: login.into(),
        };
        let all = [
            credential("quay.io", "all"),
            credential("quay.io/team", "team"),
            credential("*.example.com", "any"),
            credential("index.docker.io", "hub"),
            credential("quay.io:5000", "port"),
            credential("quay.io/team", "second"),
        ];
        for (image, wanted) in [
            ("quay.io/team/app", &["team", "second", "all"][..]),
            ("quay.io/other/app", &["all"]),
            ("quay.io:5000/team/app", &["port"]),
            ("eu.example.com/app", &["any"]),
            ("example.com/app", &[]),
            ("a.eu.example.com/app", &[]),
            ("docker.io/library/app", &["hub"]),
            ("localhost/app", &["hub"]),
            ("localhost:5000/app", &[]),
        ] {
            assert_eq!(logins(all.iter(), image), wanted, "{image}");
        }
    }
}
