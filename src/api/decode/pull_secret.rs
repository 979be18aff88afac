//! What a Secret for pulls says to registries (`pkg/credentialprovider: DockerConfigEntry`).

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::api::node::Node;
use crate::api::objects::{Credential, decode_base64};
use crate::api::pod::Name;
use crate::api::shape::Problems;

/// The types of such Secrets, each with the key that it keeps them under.
const TYPES: [(&str, &str); 2] = [
    ("kubernetes.io/dockerconfigjson", ".dockerconfigjson"),
    ("kubernetes.io/dockercfg", ".dockercfg"),
];

/// `DockerConfigJSON`; the older form is the value of `auths` alone.
#[derive(Deserialize)]
struct Config {
    auths: Option<BTreeMap<String, Option<Entry>>>,
}

#[derive(Default, Deserialize)]
struct Entry {
    username: Option<String>,
    password: Option<String>,
    email: Option<String>,
    auth: Option<String>,
}

/// The credentials of a Secret of type `kind` with that data, in the order of their registries; none of any other type
/// (`ValidateSecret`, `secretsToTrackedDockerConfigs`).
pub(super) fn credentials(
    problems: &mut Problems<'_>,
    node: &Node,
    kind: &str,
    data: &BTreeMap<Name, Name>,
) -> Vec<Credential> {
    let Some((_, key)) = TYPES.iter().find(|(known, _)| *known == kind) else {
        return Vec::new();
    };
    let Some(text) = data.get(*key) else {
        let at = node.get("type").unwrap_or(node);
        problems.mark(at.mark(), format!("data[{key}]: Required value"));
        return Vec::new();
    };
    if text.is_empty() {
        return Vec::new();
    }
    read(key, text).unwrap_or_else(|why| {
        let mut maps = ["stringData", "data"]
            .into_iter()
            .filter_map(|map| node.get(map)?.get(key));
        let at = maps.next().unwrap_or(node);
        let message = format!("data[{key}]: Invalid value: \"<secret contents redacted>\": {why}");
        problems.mark(at.mark(), message);
        Vec::new()
    })
}

fn read(key: &str, text: &str) -> Result<Vec<Credential>, String> {
    let entries = if key == TYPES[0].1 {
        serde_json::from_str::<Config>(text).map(|config| config.auths.unwrap_or_default())
    } else {
        serde_json::from_str(text)
    };
    let mut credentials = Vec::new();
    for (location, entry) in entries.map_err(|error| error.to_string())? {
        let login = login(entry.unwrap_or_default()).map_err(|why| format!("{location:?}: {why}"))?;
        credentials.push(Credential {
            registry: registry(&location).into(),
            login: login.into(),
        });
    }
    Ok(credentials)
}

/// User, password and e-mail address as one text; `auth`, when it is there, has the first two
/// (`decodeDockerConfigFieldAuth`).
fn login(entry: Entry) -> Result<String, String> {
    let (mut user, mut password) = (entry.username, entry.password);
    if let Some(auth) = entry.auth.filter(|auth| !auth.is_empty()) {
        let given = auth.trim_end();
        // Without padding it is read, too.
        let missing = if given.ends_with('=') {
            0
        } else {
            given.len().wrapping_neg() % 4
        };
        let bytes = decode_base64(&format!("{given}{}", "=".repeat(missing)));
        let text = bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        let (left, right) = text
            .as_deref()
            .and_then(|text| text.split_once(':'))
            .ok_or("unable to parse auth field, must be formatted as base64(username:password)")?;
        (user, password) = (Some(left.to_owned()), Some(right.to_owned()));
    }
    Ok(format!(
        "{:?}",
        [user, password, entry.email].map(Option::unwrap_or_default)
    ))
}

/// Host and path of a location, which may be a URL; `/v1/` and `/v2/` at the beginning of the path mean the host
/// (`BasicDockerKeyring.Add`).
fn registry(location: &str) -> String {
    let schemes = ["https://", "http://"].into_iter();
    let rest = schemes
        .filter_map(|scheme| location.strip_prefix(scheme))
        .next()
        .unwrap_or(location);
    let rest = rest.split(['?', '#']).next().unwrap_or_default();
    let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let path = if path.starts_with("/v1/") || path.starts_with("/v2/") {
        &path[3..]
    } else {
        path
    };
    let host = host.rsplit('@').next().unwrap_or_default();
    format!("{host}{}", if path == "/" { "" } else { path })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_location_is_a_host_with_a_path() {
        for (location, wanted) in [
            ("quay.io", "quay.io"),
            ("quay.io/", "quay.io"),
            ("quay.io/team", "quay.io/team"),
            ("https://index.docker.io/v1/", "index.docker.io"),
            ("http://host:5000/v2/team", "host:5000/team"),
            ("https://user@host/v1", "host/v1"),
        ] {
            assert_eq!(registry(location), wanted, "{location}");
        }
    }

    #[test]
    fn both_forms_are_read_and_auth_wins() {
        let new = r#"{"auths": {"quay.io": {"username": "me", "password": "x", "auth": "YW5uOnNlY3JldA"}}}"#;
        let old = r#"{"quay.io": {"username": "ann", "password": "secret", "email": ""}}"#;
        let (new, old) = (read(TYPES[0].1, new), read(TYPES[1].1, old));
        assert_eq!(new, old);
        assert_eq!(new.map(|found| found.len()), Ok(1));
        assert_eq!(read(TYPES[0].1, "{}"), Ok(Vec::new()));
        assert!(read(TYPES[0].1, "[]").is_err());
        let error = read(TYPES[0].1, r#"{"auths": {"quay.io": {"auth": "YW5u"}}}"#).expect_err("no colon");
        assert!(error.starts_with("\"quay.io\": unable to parse auth field"), "{error}");
    }
}
