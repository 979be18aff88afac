//! Where a command's name leads: files in PATH, and which programs an image can have.

use super::{WRAPPERS, base, find, scripted, shell_flavour};
use crate::guest::files::join;
use crate::guest::images::{self, Flavour, Image};
use crate::guest::machine::Context;

/// Directories whose programs are the image's own: what a script writes there stands beside them.
const OF_THE_IMAGE: [&str; 4] = ["/bin", "/usr/bin", "/sbin", "/usr/sbin"];

/// Where commands are looked for without PATH.
const DEFAULT: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// As many directories of PATH are looked into.
const MOST_DIRECTORIES: usize = 64;

/// Applets of busybox, as 1.36 is built for its image and for alpine.
const APPLETS: &str = "acpid adjtimex ar arch arp arping ascii awk base32 base64 basename bc blkid bunzip2 busybox bzcat \
    bzip2 cal cat chgrp chmod chown chroot chrt cksum clear cmp comm cp cpio crc32 crond crontab cut date dc dd deluser df \
    diff dirname dmesg dnsdomainname dos2unix du echo ed egrep env expand expr factor fallocate false fgrep find flock fold \
    free fsync fuser getopt grep groups gunzip gzip halt hd head hexdump hostid hostname httpd id ifconfig init install \
    ionice iostat ip ipcalc ipcs kill killall killall5 less link ln login logger logname ls lsof lzcat md5sum mesg mkdir \
    mkfifo mknod mktemp more mount mountpoint mpstat mv nc netstat nice nl nmeter nohup nologin nproc nslookup ntpd od passwd \
    paste patch pgrep pidof ping ping6 pkill pmap poweroff printenv printf ps pstree pwd readlink realpath reboot renice \
    reset rev rm rmdir route run-parts sed seq setsid sh sha1sum sha256sum sha3sum sha512sum shred shuf sleep sort split \
    stat strings stty su sum switch_root sync sysctl tac tail tar tee telnet telnetd test tftp time timeout top touch tr \
    traceroute true truncate tty umount uname uncompress unexpand uniq unix2dos unlink unlzma unxz unzip uptime usleep \
    uudecode uuencode vi vmstat w wall watch wc wget which who whoami xargs xxd xzcat yes zcat";

/// What Debian's base image has of the programs that are played here, beside a shell.
const OF_DEBIAN: &str = "[ arch base64 basename cat chgrp chmod chown cp cut date dd dirname echo egrep env expr false fgrep \
    find getent grep head hostname id ionice kill ln ls mkdir mktemp mv nice nohup nproc perl printenv printf pwd readlink \
    realpath rev rm rmdir sed seq setsid sleep sort stat stdbuf sync tac tail tee test timeout touch tr true uname uniq \
    uptime wc which whoami xargs yes awk tar gzip diff cmp paste od truncate install sha256sum md5sum shuf split mkfifo";

/// What some images have on top: a repository's name and programs.
const MORE: [(&str, &str); 6] = [
    ("nginx", "nginx curl docker-entrypoint.sh"),
    ("httpd", "httpd httpd-foreground"),
    ("redis", "redis-server redis-cli docker-entrypoint.sh"),
    ("python", "python python3"),
    ("curl", "curl"),
    ("etcd", "etcd"),
];

/// Whether an image that is known has a program; one that is not known may have any.
fn has(image: &Image, reference: &str, name: &str) -> bool {
    let listed = |list: &str| list.split_whitespace().any(|known| known == name);
    let repository = images::repository(reference);
    let own = image.entrypoint.iter().chain(image.cmd).any(|word| base(word) == name);
    let more = MORE
        .iter()
        .any(|(part, list)| repository.contains(part) && listed(list));
    let slim = reference.contains("slim") || reference.contains("alpine");
    let usual = match images::shell(reference) {
        Flavour::Ash => name == "ash" || listed(APPLETS),
        Flavour::Dash => matches!(name, "sh" | "dash" | "bash") || listed(OF_DEBIAN),
        // Nothing is known of the others but that they have no busybox.
        Flavour::Bash => !matches!(name, "ash" | "dash" | "busybox"),
    };
    // Python's and Perl's larger images are built on one with curl and wget.
    let built =
        matches!(repository, "python" | "perl") && !slim && matches!(name, "curl" | "wget" | "ps" | "pgrep" | "pkill");
    own || more || usual || built
}

/// The file that a name leads to in PATH; `executable`: only files that may be run.
pub(in crate::guest) fn in_path(context: &Context, name: &str, executable: bool) -> Option<String> {
    let files = context.machine.files_so_far()?;
    let path = context.environment.get("PATH").map_or(DEFAULT, String::as_str);
    path.split(':').take(MOST_DIRECTORIES).find_map(|directory| {
        let directory = if directory.is_empty() { "." } else { directory };
        let full = format!("{}/{name}", directory.trim_end_matches('/'));
        let node = files.find(&context.cwd, &full).ok()?;
        let fits = !node.is_directory() && (!executable || node.mode.get() & 0o111 != 0);
        fits.then(|| join(&context.cwd, &full))
    })
}

/// The file that a command without a slash runs, where it is not the image's own program of that name that stands before
/// it in PATH.
pub(super) fn script_in_path(context: &Context, name: &str) -> Option<String> {
    let file = in_path(context, name, true)?;
    if !is_played(context, name) {
        return Some(file);
    }
    let directory = file.rsplit_once('/').map_or("/", |(directory, _)| directory);
    let path = context.environment.get("PATH").map_or(DEFAULT, String::as_str);
    let first = path
        .split(':')
        .find(|at| OF_THE_IMAGE.contains(at) || at.trim_end_matches('/') == directory);
    first.is_some_and(|at| !OF_THE_IMAGE.contains(&at)).then_some(file)
}

/// Whether a program of that name is played in the container's image.
fn is_played(context: &Context, name: &str) -> bool {
    let known = find(name).is_some() || shell_flavour(name, Flavour::Ash).is_some() || WRAPPERS.contains(&name);
    match context.machine.spec.known_image() {
        Some(image) => has(image, &context.machine.spec.image, name),
        None => known,
    }
}

/// The path of a program, as `which` prints it.
pub(in crate::guest) fn which(context: &Context, name: &str) -> Option<String> {
    if name.contains('/') {
        let node = context.files().find(&context.cwd, name).ok()?;
        return (node.is_file() && node.mode.get() & 0o111 != 0).then(|| name.to_owned());
    }
    if let Some(file) = script_in_path(context, name) {
        return Some(file);
    }
    let scripted = scripted(&context.machine.world().programs, name).is_some();
    // All of busybox' image is in /bin.
    let directory = if images::repository(&context.machine.spec.image).ends_with("busybox") {
        "/bin"
    } else {
        "/usr/bin"
    };
    (scripted || is_played(context, name)).then(|| format!("{directory}/{name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_have_what_they_have() {
        let found =
            |reference: &str, name: &str| images::find(reference).is_some_and(|image| has(image, reference, name));
        for (reference, has, has_not) in [
            (
                "busybox:1.36",
                "wget nc sh ash awk timeout",
                "curl bash python3 nginx redis-cli",
            ),
            ("debian:12", "bash sh sed timeout perl", "curl wget nc ping python3 ps"),
            ("nginx", "nginx curl bash", "wget python3"),
            ("nginx:alpine", "nginx curl wget", "bash"),
            ("python:3.12", "python3 curl bash", "nginx"),
            ("python:3.12-slim", "python3 bash", "curl"),
            ("redis:7", "redis-cli redis-server", "curl"),
        ] {
            for name in has.split(' ') {
                assert!(found(reference, name), "{reference} {name}");
            }
            for name in has_not.split(' ') {
                assert!(!found(reference, name), "{reference} {name}");
            }
        }
    }
}
