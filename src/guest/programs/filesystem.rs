//! Programs on files and directories.

use std::rc::Rc;

use super::{Context, Options};
use crate::guest::files::{FileError, Kind, Node, join, normalize};
use crate::guest::limits;

async fn complain(context: &Context, program: &str, path: &str, error: FileError) -> i32 {
    context.err(&format!("{program}: {path}: {}", error.text())).await;
    1
}

/// `touch [-c] [-r file] [-d time | -t time] file …`
pub(super) async fn touch(context: &Context, argv: &[String]) -> i32 {
    let options = Options::parse_long(
        argv,
        "drt",
        &[("--date", 'd'), ("--reference", 'r'), ("--no-create", 'c')],
    );
    options.expect(context, argv, "acfhm", &[]);
    let mut time = context.kernel().now();
    if let Some(path) = options.value('r') {
        match context.files().find(&context.cwd, path) {
            Ok(node) => time = node.modified.get(),
            Err(error) => return complain(context, "touch", path, error).await,
        }
    }
    if let Some(text) = options.value('d').or(options.value('t')) {
        let seconds = text.strip_prefix('@').and_then(|text| text.parse::<i64>().ok());
        match seconds.and_then(|seconds| context.machine.world().time_at(seconds)) {
            Some(at) => time = at,
            None => context.machine.assume(
                &context.process,
                &format!("touch: the time {text} is not understood"),
                "it is the present",
            ),
        }
    }
    let mut code = 0;
    for path in &options.rest {
        if options.has('c') && context.files().find(&context.cwd, path).is_err() {
            continue;
        }
        let found = context.files().find(&context.cwd, path);
        match found.or_else(|_| context.create(path)) {
            Ok(node) => {
                node.touched();
                node.modified.set(time);
            }
            Err(error) => code = complain(context, "touch", path, error).await,
        }
    }
    code
}

pub(super) async fn rm(context: &Context, argv: &[String]) -> i32 {
    let options = Options::parse(argv, "");
    options.expect(context, argv, "frRvid", &["--force", "--recursive"]);
    let force = options.has('f') || options.has_long("--force");
    let recursive = options.has('r') || options.has('R') || options.has_long("--recursive");
    let mut code = 0;
    if options.rest.is_empty() && !force {
        context.err("rm: missing operand").await;
        return 1;
    }
    for path in &options.rest {
        match context.files().remove(&context.cwd, path, recursive, false) {
            Ok(()) => {}
            Err(FileError::NotFound | FileError::NotADirectory) if force => {}
            Err(error) => code = complain(context, "rm", path, error).await,
        }
    }
    code
}

pub(super) async fn rmdir(context: &Context, argv: &[String]) -> i32 {
    let mut code = 0;
    for path in &Options::parse(argv, "").rest {
        let is_directory = context
            .files()
            .find(&context.cwd, path)
            .is_ok_and(|node| node.is_directory());
        let result = if is_directory {
            context.files().remove(&context.cwd, path, false, true)
        } else {
            Err(FileError::NotADirectory)
        };
        if let Err(error) = result {
            code = complain(context, "rmdir", path, error).await;
        }
    }
    code
}

pub(super) async fn mkdir(context: &Context, argv: &[String]) -> i32 {
    let options = Options::parse(argv, "m");
    options.expect(context, argv, "pv", &["--parents"]);
    let parents = options.has('p') || options.has_long("--parents");
    let files = context.files();
    let mut code = 0;
    for path in &options.rest {
        let mut result = Ok(());
        if parents {
            let full = join(&context.cwd, path);
            let mut at = String::new();
            for part in full.split('/').filter(|part| !part.is_empty()) {
                at = format!("{at}/{part}");
                result = match files.find("/", &at) {
                    Ok(node) if node.is_directory() => Ok(()),
                    Ok(_) => Err(FileError::Exists),
                    Err(_) => context.make_directory(&at),
                };
                if result.is_err() {
                    break;
                }
            }
        } else {
            let trimmed = if path.len() > 1 {
                path.trim_end_matches('/')
            } else {
                path
            };
            result = context.make_directory(trimmed);
        }
        if result.is_ok()
            && let Some(mode) = options.value('m')
            && let (Some(mode), Ok(node)) = (super::mode::changed(mode, 0o777), files.find(&context.cwd, path))
        {
            node.mode.set(mode);
        }
        if let Err(error) = result {
            code = complain(context, "mkdir", path, error).await;
        }
    }
    code
}

pub(super) async fn ls(context: &Context, argv: &[String]) -> i32 {
    let options = Options::parse(argv, "");
    let (all, long) = (options.has('a') || options.has('A'), options.has('l'));
    let paths = if options.rest.is_empty() {
        vec![".".to_owned()]
    } else {
        options.rest.clone()
    };
    let mut code = 0;
    let mut text = String::new();
    for path in &paths {
        let node = match context.files().find(&context.cwd, path) {
            Ok(node) => node,
            Err(error) => {
                code = complain(context, "ls", path, error).await;
                continue;
            }
        };
        if !node.is_directory() || options.has('d') {
            text.push_str(&entry(path, &node, long));
            continue;
        }
        if paths.len() > 1 {
            text.push_str(&format!("{path}:\n"));
        }
        for name in node.names().iter().filter(|name| all || !name.starts_with('.')) {
            if let Some(child) = node.child(name) {
                text.push_str(&entry(name, &child, long));
            }
        }
    }
    context.out(&text).await;
    code
}

fn entry(name: &str, node: &Node, long: bool) -> String {
    if !long {
        return format!("{name}\n");
    }
    let letter = match &node.kind {
        Kind::Directory(_) => 'd',
        Kind::Link(_) => 'l',
        Kind::Device(_) => 'c',
        Kind::File(_) => '-',
    };
    let bits: String = (0..9)
        .map(|bit| {
            if node.mode.get() & (0o400 >> bit) != 0 {
                ['r', 'w', 'x'][bit % 3]
            } else {
                '-'
            }
        })
        .collect();
    format!("{letter}{bits} 1 root root {:>8} {name}\n", node.size())
}

pub(super) async fn cp(context: &Context, argv: &[String]) -> i32 {
    let options = Options::parse(argv, "");
    let recursive = ['r', 'R', 'a'].iter().any(|letter| options.has(*letter));
    let Some((to, sources)) = options.rest.split_last() else {
        context.err("cp: missing file operand").await;
        return 1;
    };
    let files = context.files();
    let mut code = i32::from(sources.is_empty());
    for from in sources {
        let source = match files.find(&context.cwd, from) {
            Ok(source) => source,
            Err(error) => {
                code = complain(context, "cp", from, error).await;
                continue;
            }
        };
        if source.is_directory() && !recursive {
            context
                .err(&format!("cp: -r not specified; omitting directory '{from}'"))
                .await;
            code = 1;
            continue;
        }
        // `cp -r from/. to` copies what is in the directory.
        let contents = from.ends_with("/.") || from == ".";
        let target = if contents {
            to.clone()
        } else {
            files.target_in(&context.cwd, from, to)
        };
        if normalize(&context.cwd, &target).starts_with(&format!("{}/", normalize(&context.cwd, from)))
            && source.is_directory()
        {
            context.err(&format!("cp: cannot copy '{from}' into itself")).await;
            code = 1;
            continue;
        }
        if let Err(error) = copy(context, &source, &target) {
            code = complain(context, "cp", &target, error).await;
        }
    }
    code
}

fn copy(context: &Context, source: &Rc<Node>, target: &str) -> Result<(), FileError> {
    let files = context.files();
    match &source.kind {
        Kind::Directory(_) => {
            match files.find(&context.cwd, target) {
                Ok(node) if node.is_directory() => {}
                Ok(_) => return Err(FileError::NotADirectory),
                Err(_) => context.make_directory(target)?,
            }
            for name in source.names() {
                if let Some(child) = source.child(&name) {
                    copy(context, &child, &format!("{}/{name}", target.trim_end_matches('/')))?;
                }
            }
            Ok(())
        }
        Kind::File(_) => {
            let node = context.create(target)?;
            if Rc::ptr_eq(&node, source) {
                return Ok(());
            }
            node.truncate();
            node.mode.set(source.mode.get());
            let bytes = source.with_bytes(<[u8]>::to_vec);
            node.write_at(0, &bytes)
        }
        Kind::Link(_) | Kind::Device(_) => files.create(&context.cwd, target).map(|_| ()),
    }
}

pub(super) async fn mv(context: &Context, argv: &[String]) -> i32 {
    let options = Options::parse(argv, "");
    options.expect(context, argv, "fvnT", &[]);
    let Some((to, sources)) = options.rest.split_last() else {
        return 1;
    };
    let mut code = i32::from(sources.is_empty());
    for from in sources {
        if let Err(error) = context.files().rename(&context.cwd, from, to) {
            code = complain(context, "mv", from, error).await;
        }
    }
    code
}

pub(super) async fn ln(context: &Context, argv: &[String]) -> i32 {
    let options = Options::parse(argv, "");
    options.expect(context, argv, "sfnvT", &[]);
    let [target, link] = &options.rest[..] else {
        context.err("ln: missing file operand").await;
        return 1;
    };
    let files = context.files();
    let link = files.target_in(&context.cwd, target, link);
    let place = match files.locate(&context.cwd, &link, false) {
        Ok(place) => place,
        Err(error) => return complain(context, "ln", &link, error).await,
    };
    if place.node.is_some() && !options.has('f') {
        return complain(context, "ln", &link, FileError::Exists).await;
    }
    if let Err(error) = files.check_writable(&context.cwd, &link) {
        return complain(context, "ln", &link, error).await;
    }
    let node = if options.has('s') {
        Node::new(place.directory.space(), Kind::Link(target.clone()))
    } else {
        match files.find(&context.cwd, target) {
            Ok(node) if !node.is_directory() => node,
            Ok(_) => return complain(context, "ln", target, FileError::IsADirectory).await,
            Err(error) => return complain(context, "ln", target, error).await,
        }
    };
    place.directory.insert(&place.name, node);
    0
}

/// chmod, chown, chgrp: owners are not played, modes only as far as execution needs them.
pub(super) async fn chmod(context: &Context, argv: &[String]) -> i32 {
    let options = Options::parse(argv, "");
    // `chmod -x file` is a mode, not an option.
    let words: Vec<&String> = argv[1..]
        .iter()
        .filter(|word| !matches!(word.as_str(), "-R" | "-v" | "-f" | "-c"))
        .collect();
    let (Some((mode, paths)), false) = (words.split_first(), words.len() < 2) else {
        context.err(&format!("{}: missing operand", argv[0])).await;
        return 1;
    };
    let mut code = 0;
    if super::base(&argv[0]) == "chmod" && super::mode::changed(mode, 0).is_none() {
        context.err(&format!("chmod: invalid mode '{mode}'")).await;
        return 1;
    }
    for path in paths {
        match context.files().find(&context.cwd, path) {
            Ok(node) if super::base(&argv[0]) == "chmod" => set_mode(&node, mode, options.has('R')),
            Ok(_) => {}
            Err(error) => code = complain(context, &argv[0], path, error).await,
        }
    }
    code
}

fn set_mode(node: &Rc<Node>, mode: &str, recursive: bool) {
    let new = super::mode::changed(mode, node.mode.get());
    if let Some(new) = new {
        node.mode.set(new);
    }
    if recursive && node.is_directory() {
        for name in node.names() {
            if let Some(child) = node.child(&name) {
                set_mode(&child, mode, true);
            }
        }
    }
}

/// `readlink [-fe] path …`, `realpath path …`
pub(super) async fn readlink(context: &Context, argv: &[String]) -> i32 {
    let options = Options::parse(argv, "");
    options.expect(context, argv, "femnqsvz", &["--canonicalize"]);
    let all = options.has('e');
    let canonical =
        options.has('f') || all || options.has_long("--canonicalize") || super::base(&argv[0]) == "realpath";
    let mut code = i32::from(options.rest.is_empty());
    for path in &options.rest {
        let text = if canonical {
            without_links(context, path, all)
        } else {
            let place = context.files().locate(&context.cwd, path, false);
            place
                .ok()
                .and_then(|place| place.node)
                .and_then(|node| match &node.kind {
                    Kind::Link(target) => Some(target.clone()),
                    _ => None,
                })
        };
        match text {
            Some(text) if options.has('n') => {
                context.out(&text).await;
            }
            Some(text) => {
                context.out(&format!("{text}\n")).await;
            }
            None => code = 1,
        }
    }
    code
}

/// A path without links; its last part need not exist unless `all` must.
fn without_links(context: &Context, path: &str, all: bool) -> Option<String> {
    if path.is_empty() {
        return None;
    }
    let files = context.files();
    let mut pending: Vec<String> = join(&context.cwd, path).rsplit('/').map(str::to_owned).collect();
    let mut at = String::new();
    let mut links = 0;
    while let Some(part) = pending.pop() {
        match part.as_str() {
            "" | "." => continue,
            ".." => {
                at.truncate(at.rfind('/').unwrap_or(0));
                continue;
            }
            _ => {}
        }
        let next = format!("{at}/{part}");
        let last = pending.iter().all(|part| part.is_empty());
        match files.locate("/", &next, false).ok()?.node {
            Some(node) => match &node.kind {
                Kind::Link(target) => {
                    links += 1;
                    if links > 40 {
                        return None;
                    }
                    if target.starts_with('/') {
                        at.clear();
                    }
                    pending.extend(target.rsplit('/').map(str::to_owned));
                }
                _ => at = next,
            },
            None if last && !all => at = next,
            None => return None,
        }
    }
    Some(if at.is_empty() { "/".to_owned() } else { at })
}

pub(super) async fn mktemp(context: &Context, argv: &[String]) -> i32 {
    let options = Options::parse(argv, "p");
    options.expect(context, argv, "dtuq", &[]);
    let letters: String = (0..6)
        .map(|_| char::from(b'a' + u8::try_from(context.machine.random() % 26).unwrap_or(0)))
        .collect();
    let path = match options.rest.first() {
        Some(template) => match template.rfind("XXXXXX") {
            Some(at) => format!("{}{letters}{}", &template[..at], &template[at + 6..]),
            None => template.clone(),
        },
        None => format!("/tmp/tmp.{letters}"),
    };
    let made = if options.has('d') {
        context.files().make_directory(&context.cwd, &path)
    } else {
        context.files().create(&context.cwd, &path).map(|_| ())
    };
    match made {
        Ok(()) => i32::from(!context.out(&format!("{path}\n")).await),
        Err(error) => complain(context, "mktemp", &path, error).await,
    }
}

pub(super) async fn stat(context: &Context, argv: &[String]) -> i32 {
    let options = Options::parse(argv, "c");
    options.expect(context, argv, "Lt", &[]);
    let mut code = 0;
    for path in &options.rest {
        match context.files().find(&context.cwd, path) {
            Ok(node) => {
                let (modified, _) = context.machine.world().unix_time_at(node.modified.get());
                let format = options.value('c').unwrap_or("  File: %n\n  Size: %s");
                let text = format
                    .replace("%n", path)
                    .replace("%s", &node.size().to_string())
                    .replace("%Y", &modified.to_string())
                    .replace("%a", &format!("{:o}", node.mode.get()));
                context.out(&format!("{text}\n")).await;
            }
            Err(error) => code = complain(context, "stat", path, error).await,
        }
    }
    code
}

/// `find [path …] [-name pattern] [-type f|d] [-delete]`
pub(super) async fn find(context: &Context, argv: &[String]) -> i32 {
    let (mut paths, mut name, mut kind, mut delete) = (Vec::new(), None, None, false);
    let (mut newer_minutes, mut maxdepth, mut mindepth) = (None, usize::MAX, 0);
    let mut words = argv[1..].iter();
    while let Some(word) = words.next() {
        match word.as_str() {
            "-name" => name = words.next().cloned(),
            "-type" => kind = words.next().cloned(),
            "-mmin" => newer_minutes = words.next().cloned(),
            "-maxdepth" => maxdepth = words.next().and_then(|n| n.parse().ok()).unwrap_or(usize::MAX),
            "-mindepth" => mindepth = words.next().and_then(|n| n.parse().ok()).unwrap_or(0),
            "-delete" => delete = true,
            "-print" => {}
            option if option.starts_with('-') => {
                context.machine.assume(
                    &context.process,
                    &format!("find {option} is not understood"),
                    "find stops with exit code 1",
                );
                return 1;
            }
            path => paths.push(path.to_owned()),
        }
    }
    if paths.is_empty() {
        paths.push(".".to_owned());
    }
    let mut found = Vec::new();
    let mut code = 0;
    let mut pending: Vec<(String, Rc<Node>, usize)> = Vec::new();
    for path in paths.iter().rev() {
        match context.files().find(&context.cwd, path) {
            Ok(node) => pending.push((path.clone(), node, 0)),
            Err(error) => code = complain(context, "find", path, error).await,
        }
    }
    while let Some((path, node, depth)) = pending.pop() {
        if depth < maxdepth {
            for child_name in node.names().iter().rev() {
                if let Some(child) = node.child(child_name) {
                    pending.push((format!("{}/{child_name}", path.trim_end_matches('/')), child, depth + 1));
                }
            }
        }
        let last: Vec<char> = super::base(&path).chars().collect();
        let age = context.kernel().now() - node.modified.get();
        let minutes = age.as_nanos() / 60_000_000_000;
        let fits = name
            .as_ref()
            .is_none_or(|name| crate::guest::shell::pattern_matches(&crate::guest::shell::unquoted(name), &last))
            && kind.as_deref().is_none_or(|kind| (kind == "d") == node.is_directory())
            && newer_minutes
                .as_deref()
                .is_none_or(|text| match (text.strip_prefix('-'), text.strip_prefix('+')) {
                    (Some(less), _) => less.parse::<i64>().is_ok_and(|less| minutes < less),
                    (_, Some(more)) => more.parse::<i64>().is_ok_and(|more| minutes > more),
                    _ => text.parse::<i64>().is_ok_and(|exactly| minutes == exactly),
                });
        if fits && depth >= mindepth {
            found.push(path);
        }
        if found.len() > limits::WORDS {
            break;
        }
    }
    if delete {
        for path in found.iter().rev() {
            let _ = context.files().remove(&context.cwd, path, false, true);
        }
        return code;
    }
    let text: String = found.iter().map(|path| format!("{path}\n")).collect();
    context.out(&text).await;
    code
}
