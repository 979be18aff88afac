//! What a pod shares with its host, and what its containers may do there (validation.go: validateHostUsers,
//! validatePodHostName, validatePodSpecSecurityContext, ValidateSecurityContext, validateSysctls).

use std::collections::BTreeSet;

use crate::api::decode::Form;
use crate::api::node::Node;
use crate::api::shape::Problems;

const LISTS: [&str; 3] = ["initContainers", "containers", "ephemeralContainers"];
/// As sysctl(8) has them: parts with dots or slashes between them (`SysctlContainSlashFmt`).
const SYSCTL: &str = "must have at most 253 characters and match regex \
     ^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$";

/// Checks spec against itself.
pub(super) fn isolation(problems: &mut Problems<'_>, spec: &Node) {
    let path = problems.path(spec);
    let is = |field: &str| spec.boolean_at(field) == Some(true);
    let mark = |field: &str| spec.get(field).unwrap_or(spec).mark();
    let has_own_users = spec.boolean_at("hostUsers") == Some(false);
    // Two of the names have other letters there.
    for (field, name) in [
        ("hostNetwork", "hostNetwork"),
        ("hostPID", "HostPID"),
        ("hostIPC", "HostIPC"),
    ] {
        if has_own_users && is(field) {
            problems.mark(
                mark(field),
                format!("{path}.{name}: Forbidden: when `hostUsers` is false"),
            );
        }
    }
    if is("hostPID") && is("shareProcessNamespace") {
        let message = "ShareProcessNamespace and HostPID cannot both be enabled";
        problems.mark(
            mark("shareProcessNamespace"),
            format!("{path}.securityContext.shareProcessNamespace: Invalid value: true: {message}"),
        );
    }
    if let Some(node) = spec.get("hostnameOverride") {
        for (field, holds) in [
            ("setHostnameAsFQDN", is("setHostnameAsFQDN")),
            ("hostNetwork", is("hostNetwork")),
        ] {
            if holds {
                problems.forbidden(node, &format!("may not be specified when {field} is true"));
            }
        }
        if node.text().is_some_and(|name| name.len() > 64) {
            problems.at(node, "Too long: may not be more than 64 bytes");
        }
    }
    for container in LISTS.iter().flat_map(|list| spec.list(list)) {
        if let Some(devices) = container.get("volumeDevices")
            && has_own_users
            && !devices.items().is_empty()
        {
            problems.forbidden(devices, "when `hostUsers` is false");
        }
        if let Some(context) = container.get("securityContext") {
            privileges(problems, context, has_own_users);
        }
    }
    sysctls(problems, spec);
    searches(problems, spec);
}

/// containers[].securityContext
fn privileges(problems: &mut Problems<'_>, context: &Node, has_own_users: bool) {
    if let Some(mount) = context.get("procMount")
        && mount.text().is_some_and(|text| &**text == "Unmasked")
        && !has_own_users
    {
        problems.invalid(mount, "`hostUsers` must be false to use `Unmasked`");
    }
    let added = context
        .get("capabilities")
        .map_or(&[][..], |capabilities| capabilities.list("add"));
    for capability in added {
        if context.boolean_at("allowPrivilegeEscalation") == Some(false)
            && capability.text().is_some_and(|name| &**name == "CAP_SYS_ADMIN")
        {
            let message = "cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN";
            problems.invalid(context, message);
        }
    }
}

/// spec.securityContext.sysctls
fn sysctls(problems: &mut Problems<'_>, spec: &Node) {
    let list = spec
        .get("securityContext")
        .map_or(&[][..], |context| context.list("sysctls"));
    let mut known: BTreeSet<&str> = BTreeSet::new();
    for sysctl in list {
        let Some(name) = sysctl.filled_at("name") else {
            problems.required(sysctl, "name", "");
            continue;
        };
        let Some(node) = sysctl.get("name") else { continue };
        if !is_sysctl(name) {
            problems.invalid(node, SYSCTL);
        } else if !known.insert(name) {
            problems.duplicate(node);
        }
        for (field, namespace) in [("hostNetwork", Namespace::Network), ("hostIPC", Namespace::Ipc)] {
            if spec.boolean_at(field) == Some(true) && Namespace::of(name) == Some(namespace) {
                problems.invalid(node, &format!("may not be specified when '{field}' is true"));
            }
        }
    }
}

/// What each IPC namespace has of its own; some of the names are old.
const IPC: [&str; 10] = [
    "kernel.msg",
    "kernel.msgmax",
    "kernel.msgmnb",
    "kernel.msgmni",
    "kernel.sem",
    "kernel.shm",
    "kernel.shm_rmid_forced",
    "kernel.shmall",
    "kernel.shmmax",
    "kernel.shmmni",
];

/// Whose setting a sysctl is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Namespace {
    Ipc,
    Network,
}

impl Namespace {
    /// `utilsysctl.GetNamespace`
    fn of(name: &str) -> Option<Namespace> {
        let name = dotted(name);
        if IPC.contains(&&*name) || name.starts_with("fs.mqueue.") {
            return Some(Namespace::Ipc);
        }
        name.starts_with("net.").then_some(Namespace::Network)
    }
}

/// Where the first separator is a slash, slashes separate and dots are part of a name (`NormalizeName`).
fn dotted(name: &str) -> String {
    match name.find(['.', '/']) {
        Some(at) if name[at..].starts_with('/') => {
            let swap = |c: char| match c {
                '/' => '.',
                '.' => '/',
                c => c,
            };
            name.chars().map(swap).collect()
        }
        _ => name.to_owned(),
    }
}

fn is_sysctl(name: &str) -> bool {
    let part = |part: &str| {
        let end = |b: Option<&u8>| b.is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
        let bytes = part.as_bytes();
        let inner = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_');
        bytes.iter().all(inner) && end(bytes.first()) && end(bytes.last())
    };
    name.len() <= 253 && name.split(['.', '/']).all(part)
}

/// spec.dnsConfig.searches (`validatePodDNSConfig`)
fn searches(problems: &mut Problems<'_>, spec: &Node) {
    let Some(list) = spec.at(&["dnsConfig", "searches"]) else {
        return;
    };
    // Without a nameserver of its own nothing else is looked at.
    let is_bare = spec.text_at("dnsPolicy").is_some_and(|policy| &**policy == "None")
        && spec
            .get("dnsConfig")
            .is_some_and(|config| config.list("nameservers").is_empty());
    if is_bare {
        return;
    }
    let texts = list.items().iter().filter_map(Node::text);
    let length = texts.map(|text| text.len() + 1).sum::<usize>().saturating_sub(1);
    if list.items().len() > 32 {
        problems.invalid(list, "must not have more than 32 search paths");
    }
    if length > 2048 {
        problems.invalid(
            list,
            "must not have more than 2048 characters (including spaces) in the search list",
        );
    }
    for node in list.items() {
        // A dot at the end makes it absolute.
        let Some(text) = node.text().filter(|text| &***text != ".") else {
            continue;
        };
        let text = text.strip_suffix('.').unwrap_or(text);
        if let Some(message) = Form::SearchDomain.error(text) {
            problems.at(node, &format!("Invalid value: {text:?}: {message}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whose_a_sysctl_is() {
        for (name, namespace) in [
            ("kernel.sem", Some(Namespace::Ipc)),
            ("kernel.shm_rmid_forced", Some(Namespace::Ipc)),
            ("kernel/msgmax", Some(Namespace::Ipc)),
            ("fs.mqueue.msg_max", Some(Namespace::Ipc)),
            ("net.ipv4.ip_forward", Some(Namespace::Network)),
            ("net/ipv4/conf/eth0.1/x", Some(Namespace::Network)),
            ("kernel.semaphore", None),
            ("vm.overcommit_memory", None),
        ] {
            assert_eq!(Namespace::of(name), namespace, "{name}");
        }
    }

    #[test]
    fn names_of_sysctls() {
        for (name, good) in [
            ("net.ipv4.ip_forward", true),
            ("net/ipv4/conf", true),
            ("a", true),
            ("", false),
            ("a..b", false),
            ("Net.a", false),
            ("a_.b", false),
        ] {
            assert_eq!(is_sysctl(name), good, "{name}");
        }
    }
}
