//! Names of images: what they are made of and whether they can be read (`util/parsers: ParseImageName`, which follows
//! distribution/reference and go-digest).

use std::borrow::Cow;

use super::pod::{Name, concat};

/// The registry of a name that says none.
const DEFAULT_DOMAIN: &str = "docker.io";
/// Another name of that registry, which stands for it.
const OLD_DEFAULT_DOMAIN: &str = "index.docker.io";
/// The folder of the names without one there.
const OFFICIAL: &str = "library/";
/// What a name without tag and digest means.
const DEFAULT_TAG: &str = "latest";
/// The longest name, without tag and digest.
const LONGEST: usize = 255;

/// The name of an image, read and made whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ImageName {
    /// The registry; none where the part before the first slash can only be read as a folder.
    pub(crate) domain: String,
    /// The name in the registry: `library/nginx`.
    pub(crate) path: String,
    /// The tag, as given or as it is understood; empty behind a digest alone.
    pub(crate) tag: String,
    /// The digest; empty without one.
    pub(crate) digest: String,
}

impl ImageName {
    /// Reads the name of an image. `domain_counts`: the registry counts in the length of the name. Err says why it can't
    /// be read.
    pub(crate) fn parse(image: &str, domain_counts: bool) -> Result<ImageName, String> {
        read(image, domain_counts, |parts| {
            let tag = match (parts.tag, parts.digest) {
                ("", "") => DEFAULT_TAG,
                (tag, _) => tag,
            };
            ImageName {
                domain: parts.domain.to_owned(),
                path: parts.path.into_owned(),
                tag: tag.to_owned(),
                digest: parts.digest.to_owned(),
            }
        })
    }
}

impl ImageName {
    /// Registry and path, without tag and digest (`Named.Name`).
    pub(crate) fn repository(&self) -> String {
        if self.domain.is_empty() {
            self.path.clone()
        } else {
            format!("{}/{}", self.domain, self.path)
        }
    }
}

/// Reads a name, and makes something of its parts; Err says why it can't be read.
fn read<T>(image: &str, domain_counts: bool, make: impl FnOnce(Parts<'_>) -> T) -> Result<T, String> {
    let (domain, remainder) = split_domain(image);
    let parts = parts(image, (domain, &remainder), domain_counts);
    parts
        .map(make)
        .map_err(|why| format!("couldn't parse image name {image:?}: {why}"))
}

/// `ParseNormalizedNamed`
fn parts<'a>(
    image: &str,
    (domain, remainder): (&'a str, &'a str),
    domain_counts: bool,
) -> Result<Parts<'a>, Cow<'static, str>> {
    let is_identifier = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
    if image.len() == 64 && image.bytes().all(is_identifier) {
        let why = format!("invalid repository name ({image}), cannot specify 64-byte hexadecimal strings");
        return Err(why.into());
    }
    // Without a tag a digest's algorithm stands before the first colon, too.
    let name = remainder.split(':').next().unwrap_or_default();
    if !is_lower(name) {
        return Err(format!("invalid reference format: repository name ({name}) must be lowercase").into());
    }
    let Some(parts) = Parts::of(domain, remainder) else {
        let is_but_for_case = Parts::of(&domain.to_lowercase(), &remainder.to_lowercase()).is_some();
        return Err(if is_but_for_case {
            "repository name must be lowercase".into()
        } else {
            "invalid reference format".into()
        });
    };
    let length = match domain_counts && !parts.domain.is_empty() {
        true => parts.domain.len() + 1 + parts.path.len(),
        false => parts.path.len(),
    };
    if length > LONGEST {
        return Err(format!("repository name must not be more than {LONGEST} characters").into());
    }
    if !parts.digest.is_empty() {
        check_digest(parts.digest)?;
    }
    Ok(parts)
}

/// Whether a text is its own lower case.
fn is_lower(text: &str) -> bool {
    let lower = |c: char| c.to_lowercase().eq([c]);
    !text.bytes().any(|b| b.is_ascii_uppercase()) && (text.is_ascii() || text.chars().all(lower))
}

/// The registry and all that stands behind it, both made whole (`splitDockerDomain`).
fn split_domain(image: &str) -> (&str, Cow<'_, str>) {
    let (domain, remainder) = match image.split_once('/') {
        Some((OLD_DEFAULT_DOMAIN, rest)) => (DEFAULT_DOMAIN, rest),
        Some((first, rest))
            if first == "localhost" || first.bytes().any(|b| matches!(b, b'.' | b':')) || !is_lower(first) =>
        {
            (first, rest)
        }
        _ => (DEFAULT_DOMAIN, image),
    };
    if domain == DEFAULT_DOMAIN && !remainder.contains('/') {
        (domain, [OFFICIAL, remainder].concat().into())
    } else {
        (domain, remainder.into())
    }
}

/// What the grammar finds in a name (`ReferenceRegexp`).
struct Parts<'a> {
    domain: &'a str,
    path: Cow<'a, str>,
    tag: &'a str,
    digest: &'a str,
}

impl<'a> Parts<'a> {
    fn of(domain: &'a str, remainder: &'a str) -> Option<Parts<'a>> {
        let (named, digest) = match remainder.split_once('@') {
            Some((named, digest)) => (named, Some(digest)),
            None => (remainder, None),
        };
        let (path, tag) = match named.split_once(':') {
            Some((path, tag)) => (path, Some(tag)),
            None => (named, None),
        };
        let is_path = |path: &str| path.split('/').all(is_path_component);
        if !is_path(path) || !tag.is_none_or(is_tag) || !digest.is_none_or(is_digest) {
            return None;
        }
        let (domain, path) = if domain == DEFAULT_DOMAIN || is_domain(domain) {
            (domain, path.into())
        } else if is_path(domain) {
            ("", format!("{domain}/{path}").into())
        } else {
            return None;
        };
        Some(Parts {
            domain,
            path,
            tag: tag.unwrap_or_default(),
            digest: digest.unwrap_or_default(),
        })
    }
}

/// Whether `text` is letters and digits in lower case with single separators between: `.`, `_`, `__`, or dashes
/// (`pathComponent`).
fn is_path_component(text: &str) -> bool {
    let of_word = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let mut rest = text;
    loop {
        match rest.bytes().position(|b| !of_word(b)) {
            None => return !rest.is_empty(),
            Some(0) => return false,
            Some(end) => rest = &rest[end..],
        }
        let Some(end) = rest.bytes().position(of_word) else {
            return false;
        };
        let (separator, after) = rest.split_at(end);
        if !matches!(separator, "." | "_" | "__") && !separator.bytes().all(|b| b == b'-') {
            return false;
        }
        rest = after;
    }
}

/// A name or an address, perhaps with a port (`domainAndPort`).
fn is_domain(text: &str) -> bool {
    let is_port = |port: &str| !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit());
    if let Some(rest) = text.strip_prefix('[') {
        let Some((address, after)) = rest.split_once(']') else {
            return false;
        };
        let is_address = |b: u8| b.is_ascii_hexdigit() || b == b':';
        return !address.is_empty()
            && address.bytes().all(is_address)
            && (after.is_empty() || after.strip_prefix(':').is_some_and(is_port));
    }
    let (host, port) = match text.split_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (text, None),
    };
    let is_label = |label: &str| {
        let inner = label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        inner && !label.is_empty() && !label.starts_with('-') && !label.ends_with('-')
    };
    host.split('.').all(is_label) && port.is_none_or(is_port)
}

/// `tag`
fn is_tag(text: &str) -> bool {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let rest = |c: char| word(c) || c == '.' || c == '-';
    text.len() <= 128 && text.starts_with(word) && text.chars().all(rest)
}

/// `digestPat`: words, each with a letter first, and at least 32 hexadecimal digits.
fn is_digest(text: &str) -> bool {
    let is_word = |word: &str| {
        word.starts_with(|c: char| c.is_ascii_alphabetic()) && word.bytes().all(|b| b.is_ascii_alphanumeric())
    };
    text.split_once(':').is_some_and(|(algorithm, hex)| {
        algorithm.split(['-', '_', '+', '.']).all(is_word)
            && hex.len() >= 32
            && hex.bytes().all(|b| b.is_ascii_hexdigit())
    })
}

/// `digest.Validate` of what is a digest for the grammar.
fn check_digest(digest: &str) -> Result<(), Cow<'static, str>> {
    let (algorithm, hex) = digest.split_once(':').unwrap_or_default();
    let digits = match algorithm {
        "sha256" => 64,
        "sha384" => 96,
        "sha512" => 128,
        _ if algorithm.bytes().any(|b| b.is_ascii_uppercase()) => return Err("invalid checksum digest format".into()),
        _ => return Err("unsupported digest algorithm".into()),
    };
    if hex.len() != digits {
        return Err("invalid checksum digest length".into());
    }
    if hex.bytes().any(|b| b.is_ascii_uppercase()) {
        return Err("invalid checksum digest format".into());
    }
    Ok(())
}

/// Whether an image is a short word with a tag, as most are: it can be read and is whole.
fn is_plain(image: &str) -> bool {
    let of_word = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    image.len() <= 64
        && image
            .split_once(':')
            .is_some_and(|(word, tag)| !word.is_empty() && word.bytes().all(of_word) && is_tag(tag))
}

/// The image with the default tag where it has neither tag nor digest (`applyDefaultImageTag`); Err says why its name
/// can't be read.
pub(crate) fn with_default_tag(image: &Name, domain_counts: bool) -> Result<Name, String> {
    if is_plain(image) {
        return Ok(image.clone());
    }
    read(image, domain_counts, |parts| match (parts.tag, parts.digest) {
        ("", "") => concat(&[image, ":", DEFAULT_TAG]),
        _ => image.clone(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHA256: &str = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    #[test]
    fn names_are_read_as_the_kubelet_reads_them() {
        for (image, whole) in [
            ("nginx", "docker.io|library/nginx|latest|"),
            ("nginx:1.27", "docker.io|library/nginx|1.27|"),
            ("team/app", "docker.io|team/app|latest|"),
            ("index.docker.io/nginx", "docker.io|library/nginx|latest|"),
            (
                "registry.k8s.io:443/e2e/agnhost",
                "registry.k8s.io:443|e2e/agnhost|latest|",
            ),
            ("localhost/app", "localhost|app|latest|"),
            ("localhost:5000/a__b/c.d:v1", "localhost:5000|a__b/c.d|v1|"),
            ("localhost:5000", "docker.io|library/localhost|5000|"),
            ("[fd00::1]:5000/app:1", "[fd00::1]:5000|app|1|"),
            ("Quay/app", "Quay|app|latest|"),
            ("a_b.c/app", "|a_b.c/app|latest|"),
        ] {
            let name = ImageName::parse(image, false).unwrap_or_else(|error| panic!("{error}"));
            let parts = [name.domain, name.path, name.tag, name.digest];
            assert_eq!(parts.join("|"), whole, "{image}");
        }
        for image in ["nginx:1", "localhost:5000", "0:_-.", &format!("a:{}", "b".repeat(62))] {
            assert!(is_plain(image), "{image}");
            let name = ImageName::parse(image, true).unwrap_or_else(|error| panic!("{error}"));
            assert_ne!(name.tag, "", "{image}");
        }
        let digested = format!("quay.io/app@{SHA256}");
        let name = ImageName::parse(&digested, false).expect("it has a digest");
        assert_eq!((&*name.tag, &*name.digest), ("", SHA256));
        assert_eq!(with_default_tag(&(&digested).into(), false).as_deref(), Ok(&*digested));
        assert_eq!(with_default_tag(&"app".into(), false).as_deref(), Ok("app:latest"));
        let given = "localhost:latest";
        assert_eq!(with_default_tag(&given.into(), false).as_deref(), Ok(given));
    }

    #[test]
    fn what_cannot_be_read_is_told_as_the_kubelet_tells_it() {
        let format = "invalid reference format";
        let digest = "invalid checksum digest format";
        let hex = |count: usize| "0f".repeat(count / 2);
        for (image, why) in [
            (
                "quay.io/Team/App:1",
                "invalid reference format: repository name (Team/App) must be lowercase",
            ),
            (
                "Nginx",
                "invalid reference format: repository name (library/Nginx) must be lowercase",
            ),
            (
                &format!("App@{SHA256}"),
                "invalid reference format: repository name (library/App@sha256) must be lowercase",
            ),
            ("A_b.c/app", "repository name must be lowercase"),
            ("nginx:", format),
            ("nginx:a b", format),
            (&format!("nginx:{}", "a".repeat(129)), format),
            ("a//b", format),
            ("-a", format),
            ("a..b", format),
            ("a:b/c", format),
            ("[fd00::1/app", format),
            ("app@sha256:12", format),
            (&format!("app@2sha:{}", hex(64)), format),
            ("", format),
            (
                &hex(64),
                &format!(
                    "invalid repository name ({}), cannot specify 64-byte hexadecimal strings",
                    hex(64)
                ),
            ),
            (&format!("app@sha256:{}", hex(32)), "invalid checksum digest length"),
            (&format!("app:1@sha512:{}", hex(64)), "invalid checksum digest length"),
            (&format!("app@sha256:{}", hex(64).to_uppercase()), digest),
            (&format!("app:1@SHA256:{}", hex(64)), digest),
            (&format!("app@md5:{}", hex(32)), "unsupported digest algorithm"),
        ] {
            assert!(!is_plain(image), "{image}");
            let error = ImageName::parse(image, false).expect_err(image);
            assert_eq!(error, format!("couldn't parse image name {image:?}: {why}"));
        }
    }

    #[test]
    fn older_kubelets_count_the_registry_in_the_length() {
        let tells = |image: &str, domain_counts| ImageName::parse(image, domain_counts).err();
        let too_long = |image: &str| {
            let why = "repository name must not be more than 255 characters";
            Some(format!("couldn't parse image name {image:?}: {why}"))
        };
        let longest = format!("quay.io/{}:1", "a".repeat(255));
        assert_eq!(tells(&longest, false), None);
        assert_eq!(tells(&longest, true), too_long(&longest));
        let official = "a".repeat(248);
        assert_eq!(tells(&official, false), too_long(&official), "library/ counts");
        assert_eq!(tells(&official[1..], false), None);
        assert_eq!(tells(&official[1..], true), too_long(&official[1..]));
    }
}
