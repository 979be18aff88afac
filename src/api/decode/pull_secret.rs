//! What a Secret for pulls says to registries (`pkg/credentialprovider: DockerConfigEntry`).

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::api::node::Node;
use crate::api::objects::{Credential, decode_base64};
use crate::api::pod::Name;
use crate::api::shape::Problems;

/// The types of such Secrets, each with the key that it keeps them under.
const TYPES: [(&str, &str); 2] = [
    ("kubernetes.io/dockerconfigjson", ".dockerconfigjson"),
    ("kubernetes.io/dockercfg", ".dockercfg"),
];

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

/// Err says why no API server would take the text: it is no JSON object. An entry that can't be read spoils the Secret for the
/// kubelet alone, and for pods that name it: here it has no credentials then.
fn read(key: &str, text: &str) -> Result<Vec<Credential>, String> {
    let entries = match serde_json::from_str(text) {
        Ok(Value::Object(fields)) if key == TYPES[0].1 => field(&fields, "auths").cloned().unwrap_or_default(),
        Ok(entries @ (Value::Object(_) | Value::Null)) => entries,
        Ok(_) => return Err("it must be a JSON object".to_owned()),
        Err(error) => return Err(error.to_string()),
    };
    let Value::Object(entries) = entries else {
        return Ok(Vec::new());
    };
    let credentials = entries.iter().map(|(location, entry)| {
        Some(Credential {
            registry: registry(location).into(),
            login: login(entry)?.into(),
        })
    });
    Ok(credentials.collect::<Option<Vec<_>>>().unwrap_or_default())
}

/// A field of `DockerConfigEntry`: Go's JSON does not look at upper and lower case.
fn field<'v>(fields: &'v Map<String, Value>, name: &str) -> Option<&'v Value> {
    let called = |(key, _): &(&String, &Value)| key.eq_ignore_ascii_case(name);
    fields.iter().rfind(called).map(|(_, value)| value)
}

/// User, password and e-mail address as one text; `auth`, when it is there, has the first two
/// (`decodeDockerConfigFieldAuth`). None: it can't be read.
fn login(entry: &Value) -> Option<String> {
    let nothing = Map::new();
    let fields = match entry {
        Value::Object(fields) => fields,
        Value::Null => &nothing,
        _ => return None,
    };
    let text = |name: &str| match field(fields, name) {
        None | Some(Value::Null) => Some(String::new()),
        Some(Value::String(text)) => Some(text.clone()),
        Some(_) => None,
    };
    let (mut user, mut password, email) = (text("username")?, text("password")?, text("email")?);
    let auth = text("auth")?;
    if !auth.is_empty() {
        let given = auth.trim();
        // Without padding it is read, too.
        let missing = if given.ends_with('=') {
            0
        } else {
            given.len().wrapping_neg() % 4
        };
        let bytes = decode_base64(&format!("{given}{}", "=".repeat(missing)))?;
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let (left, right) = text.split_once(':')?;
        (user, password) = (left.to_owned(), right.to_owned());
    }
    Some(format!("{:?}", [user, password, email]))
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
        let old_text = old;
        let (new, old) = (read(TYPES[0].1, new), read(TYPES[1].1, old));
        assert_eq!(new, old);
        assert_eq!(new.map(|found| found.len()), Ok(1));
        assert_eq!(read(TYPES[0].1, "{}"), Ok(Vec::new()));
        assert!(read(TYPES[0].1, "[]").is_err());
        // The API takes these; the kubelet finds no login in them.
        for text in [
            r#"{"auths": {"quay.io": {"auth": "YW5u"}}}"#,
            r#"{"auths": {"quay.io": {"auth": "PLACEHOLDER"}}}"#,
            r#"{"auths": "x"}"#,
            "null",
        ] {
            assert_eq!(read(TYPES[0].1, text), Ok(Vec::new()), "{text}");
        }
        assert!(read(TYPES[0].1, "").is_err());
        let folded = r#"{"Auths": {"quay.io": {"Username": "ann", "PASSWORD": "secret"}}}"#;
        assert_eq!(read(TYPES[0].1, folded), read(TYPES[1].1, old_text));
    }
}
