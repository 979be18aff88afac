//! Images whose entrypoint, command and stop signal are known.

use super::process::Signal;
use crate::scenario::lookup::glob;

/// Which shell `/bin/sh` is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flavour {
    /// busybox: replaces itself by the last command of `-c`, unless a newline ends the script
    Ash,
    /// Debian's: never replaces itself
    Dash,
    /// replaces itself by a last simple command
    Bash,
}

/// What an image says of itself.
#[derive(Debug)]
pub(super) struct Image {
    /// repository names without registry and tag, as globs
    names: &'static [&'static str],
    /// ENTRYPOINT
    pub(super) entrypoint: &'static [&'static str],
    /// CMD
    pub(super) cmd: &'static [&'static str],
    /// STOPSIGNAL
    pub(super) stop_signal: Signal,
    /// what /bin/sh is
    pub(super) shell: Flavour,
}

const fn image(
    names: &'static [&'static str],
    entrypoint: &'static [&'static str],
    cmd: &'static [&'static str],
    shell: Flavour,
) -> Image {
    Image {
        names,
        entrypoint,
        cmd,
        stop_signal: Signal::TERM,
        shell,
    }
}

const fn stopped_by(signal: Signal, image: Image) -> Image {
    Image {
        stop_signal: signal,
        ..image
    }
}

/// SIGWINCH: Apache's graceful stop.
const WINCH: Signal = Signal(28);

static IMAGES: &[Image] = &[
    image(&["busybox", "*/busybox"], &[], &["sh"], Flavour::Ash),
    image(&["alpine", "*/alpine"], &[], &["/bin/sh"], Flavour::Ash),
    image(
        &["curlimages/curl"],
        &["/entrypoint.sh"],
        &["curl", "--help"],
        Flavour::Ash,
    ),
    image(
        &["debian", "ubuntu", "*/debian", "*/ubuntu", "debian-base"],
        &[],
        &["bash"],
        Flavour::Dash,
    ),
    image(
        &["centos", "fedora", "rockylinux", "almalinux", "amazonlinux"],
        &[],
        &["/bin/bash"],
        Flavour::Bash,
    ),
    image(&["bash"], &["docker-entrypoint.sh"], &["bash"], Flavour::Ash),
    stopped_by(
        Signal::QUIT,
        image(
            &["nginx", "*/nginx"],
            &["/docker-entrypoint.sh"],
            &["nginx", "-g", "daemon off;"],
            Flavour::Dash,
        ),
    ),
    stopped_by(WINCH, image(&["httpd"], &[], &["httpd-foreground"], Flavour::Dash)),
    image(
        &["redis", "*/redis"],
        &["docker-entrypoint.sh"],
        &["redis-server"],
        Flavour::Dash,
    ),
    image(&["python"], &[], &["python3"], Flavour::Dash),
    image(&["perl"], &[], &["perl", "-de0"], Flavour::Dash),
    image(&["pause", "*/pause"], &["/pause"], &[], Flavour::Ash),
    image(&["liveness", "*/liveness"], &[], &["/liveness-server"], Flavour::Ash),
    image(&["agnhost", "*/agnhost"], &["/agnhost"], &["pause"], Flavour::Ash),
    image(&["goproxy", "*/goproxy"], &["/goproxy"], &[], Flavour::Ash),
    image(&["echoserver", "*/echoserver"], &["/echoserver"], &[], Flavour::Ash),
    image(
        &["hello-app", "*/hello-app", "*/hello-app-*"],
        &["/hello-app"],
        &[],
        Flavour::Ash,
    ),
    image(&["hello-world", "*/hello-world"], &[], &["/hello"], Flavour::Ash),
    image(&["http-echo", "*/http-echo"], &["/http-echo"], &[], Flavour::Ash),
    image(&["polinux/stress"], &[], &["stress"], Flavour::Ash),
    image(&["etcd", "*/etcd"], &[], &["/usr/local/bin/etcd"], Flavour::Ash),
];

/// Names in DNS with the registry and tag cut off: `registry.k8s.io/e2e-test-images/agnhost:2.40` is
/// `e2e-test-images/agnhost`.
pub(super) fn repository(reference: &str) -> &str {
    let name = reference.split('@').next().unwrap_or(reference);
    let last_slash = name.rfind('/').map_or(0, |at| at + 1);
    let name = match name[last_slash..].rfind(':') {
        Some(colon) => &name[..last_slash + colon],
        None => name,
    };
    match name.split_once('/') {
        Some((host, rest)) if host.contains(['.', ':']) || host == "localhost" => {
            if host == "docker.io" {
                rest.strip_prefix("library/").unwrap_or(rest)
            } else {
                rest
            }
        }
        _ => name.strip_prefix("library/").unwrap_or(name),
    }
}

/// The image of that reference, if it is known.
pub(super) fn find(reference: &str) -> Option<&'static Image> {
    let name = repository(reference);
    let fits = |image: &&Image| image.names.iter().any(|known| glob(known.as_bytes(), name.as_bytes()));
    IMAGES.iter().find(fits)
}

/// Official images that name no user, so that root runs them.
const OF_ROOT: &[&str] = &[
    "almalinux",
    "alpine",
    "amazonlinux",
    "bash",
    "busybox",
    "centos",
    "debian",
    "fedora",
    "httpd",
    "nginx",
    "perl",
    "python",
    "redis",
    "rockylinux",
    "ubuntu",
];

/// Whether an image is known to be run by root unless a pod says otherwise.
pub fn runs_as_root(reference: &str) -> bool {
    OF_ROOT.contains(&repository(reference))
}

/// What `/bin/sh` is in an image; an image that is not known is taken as busybox's.
pub(super) fn shell(reference: &str) -> Flavour {
    let tag = reference.rsplit('/').next().unwrap_or(reference);
    if tag.contains("alpine") || tag.contains("busybox") {
        return Flavour::Ash;
    }
    find(reference).map_or(Flavour::Ash, |image| image.shell)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references() {
        for (reference, name) in [
            ("nginx", "nginx"),
            ("nginx:1.25", "nginx"),
            ("docker.io/library/nginx:1.25", "nginx"),
            (
                "registry.k8s.io/e2e-test-images/agnhost:2.40",
                "e2e-test-images/agnhost",
            ),
            ("localhost:5000/x/y", "x/y"),
            ("busybox@sha256:abc", "busybox"),
        ] {
            assert_eq!(repository(reference), name, "{reference}");
        }
        assert_eq!(shell("nginx:alpine"), Flavour::Ash);
        assert_eq!(shell("nginx"), Flavour::Dash);
    }
}
