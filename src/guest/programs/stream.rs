//! Programs that pass bytes on: cat, head, tail, tee, dd.

use crate::guest::images::Flavour;
use crate::guest::io::{Descriptor, Fd};
use crate::guest::machine::OpenMode;

use super::{Context, Options};

/// How much is passed on at a time, in bytes.
const BLOCK: usize = 32 * 1024;

/// The file, or standard input for `-`.
fn source(context: &Context, path: &str) -> Result<Fd, &'static str> {
    if path == "-" {
        Ok(context.fd(0))
    } else {
        context.open(path, OpenMode::Read)
    }
}

pub(super) async fn cat(context: &Context, argv: &[String]) -> i32 {
    let options = Options::parse(argv, "");
    options.expect(context, argv, "u", &[]);
    let paths = if options.rest.is_empty() {
        vec!["-".to_owned()]
    } else {
        options.rest
    };
    let mut code = 0;
    for path in &paths {
        match source(context, path) {
            Ok(source) => loop {
                context.machine.step(&context.process).await;
                let block = source.read(BLOCK).await;
                if block.is_empty() {
                    break;
                }
                if !context.write(1, &block).await {
                    return 1;
                }
            },
            Err(error) => {
                let text = match context.machine.shell {
                    Flavour::Ash => format!("cat: can't open '{path}': {error}"),
                    Flavour::Dash | Flavour::Bash => format!("cat: {path}: {error}"),
                };
                context.err(&text).await;
                code = 1;
            }
        }
    }
    code
}

/// A count as head and tail take it: `-n 5`, `-5`, `-c 5`; with its sign.
struct Count {
    bytes: bool,
    plus: bool,
    minus: bool,
    number: usize,
}

/// The headers that head and tail write between several files; `-q` without, `-v` always.
async fn header(context: &Context, argv: &[String], paths: &[String], path: &str, first: bool) {
    let asked = |letter: &str| argv.iter().any(|word| word == letter);
    if (paths.len() > 1 || asked("-v")) && !asked("-q") {
        let name = if path == "-" { "standard input" } else { path };
        let gap = if first { "" } else { "\n" };
        context.out(&format!("{gap}==> {name} <==\n")).await;
    }
}

fn count(argv: &[String]) -> (Count, Vec<String>, bool) {
    let mut found = Count {
        bytes: false,
        plus: false,
        minus: false,
        number: 10,
    };
    let (mut paths, mut follow) = (Vec::new(), false);
    let mut words = argv[1..].iter();
    while let Some(word) = words.next() {
        let set = |found: &mut Count, text: &str| {
            found.plus = text.starts_with('+');
            found.minus = text.starts_with('-');
            found.number = text.trim_start_matches(['+', '-']).parse().unwrap_or(10);
        };
        match word.as_str() {
            "-n" | "-c" | "--lines" | "--bytes" => {
                found.bytes = word.contains('c');
                set(&mut found, words.next().map_or("10", String::as_str));
            }
            "-f" | "-F" | "--follow" => follow = true,
            "-q" | "-v" | "--" => {}
            "--retry" => {}
            "-" => paths.push("-".to_owned()),
            text if text.starts_with("--lines=") => set(&mut found, &text[8..]),
            text if text.starts_with("-n") || text.starts_with("-c") => {
                found.bytes = text.starts_with("-c");
                set(&mut found, &text[2..]);
            }
            text if text.starts_with('-') => {
                let digits: String = text.chars().filter(char::is_ascii_digit).collect();
                follow |= text.contains(['f', 'F']);
                if let Ok(number) = digits.parse() {
                    found.number = number;
                }
                if text.contains('n') {
                    set(&mut found, words.next().map_or("10", String::as_str));
                }
            }
            path => paths.push(path.to_owned()),
        }
    }
    (found, paths, follow)
}

/// The first lines, newlines included.
fn lines(bytes: &[u8]) -> Vec<&[u8]> {
    bytes.split_inclusive(|b| *b == b'\n').collect()
}

pub(super) async fn head(context: &Context, argv: &[String]) -> i32 {
    let (count, paths, _) = count(argv);
    let paths = if paths.is_empty() { vec!["-".to_owned()] } else { paths };
    let (mut code, mut first) = (0, true);
    for path in &paths {
        let source = match source(context, path) {
            Ok(source) => source,
            Err(error) => {
                context.err(&format!("head: {path}: {error}")).await;
                code = 1;
                continue;
            }
        };
        header(context, argv, &paths, path, std::mem::take(&mut first)).await;
        if count.minus {
            let all = source
                .read_all(crate::guest::limits::STRING_BYTES)
                .await
                .unwrap_or_default();
            let lines = lines(&all);
            let kept = lines.len().saturating_sub(count.number);
            context.write(1, &lines[..kept].concat()).await;
        } else if count.bytes {
            let mut left = count.number;
            while left > 0 {
                let block = source.read(left.min(BLOCK)).await;
                if block.is_empty() {
                    break;
                }
                left -= block.len();
                context.machine.step(&context.process).await;
                context.write(1, &block).await;
            }
        } else {
            for _ in 0..count.number {
                let Some(line) = source.read_line(crate::guest::limits::STRING_BYTES).await else {
                    break;
                };
                context.machine.step(&context.process).await;
                context.write(1, &line).await;
            }
        }
    }
    code
}

pub(super) async fn tail(context: &Context, argv: &[String]) -> i32 {
    let (count, paths, follow) = count(argv);
    let paths = if paths.is_empty() { vec!["-".to_owned()] } else { paths };
    let mut code = 0;
    let mut followed = Vec::new();
    for path in &paths {
        let source = match source(context, path) {
            Ok(source) => source,
            Err(error) => {
                context.err(&format!("tail: can't open '{path}': {error}")).await;
                code = 1;
                if argv.iter().any(|word| word == "-F" || word == "--retry") {
                    followed.push((path.clone(), None));
                }
                continue;
            }
        };
        header(context, argv, &paths, path, followed.is_empty()).await;
        if !matches!(*source, Descriptor::Zero) {
            let all = source
                .read_all(crate::guest::limits::FILE_BYTES)
                .await
                .unwrap_or_default();
            let from = if count.bytes {
                if count.plus {
                    count.number.saturating_sub(1).min(all.len())
                } else {
                    all.len().saturating_sub(count.number)
                }
            } else {
                let lines = lines(&all);
                let skipped = if count.plus {
                    count.number.saturating_sub(1).min(lines.len())
                } else {
                    lines.len().saturating_sub(count.number)
                };
                lines[..skipped].iter().map(|line| line.len()).sum()
            };
            context.write(1, &all[from..]).await;
        }
        followed.push((path.clone(), Some(source)));
    }
    if !follow || followed.is_empty() {
        return code;
    }
    // /dev/null and pipes never get more; files are read on at every write.
    loop {
        let files: Vec<_> = followed
            .iter()
            .filter_map(|(_, source)| source.as_ref())
            .filter_map(|source| match &**source {
                Descriptor::File(file) => Some(file.node.space().clone()),
                _ => None,
            })
            .collect();
        let missing = followed.iter().any(|(_, source)| source.is_none());
        let own = context.files().space().clone();
        if missing {
            let _ = crate::kernel::race(
                own.written.wait(),
                context.kernel().sleep(crate::kernel::Duration::from_secs(1)),
            )
            .await;
        } else {
            match &files[..] {
                [] => std::future::pending::<()>().await,
                [one] => one.written.wait().await,
                [one, two, ..] => {
                    let _ = crate::kernel::race(one.written.wait(), two.written.wait()).await;
                }
            }
        }
        for (path, source) in &mut followed {
            if source.is_none() {
                *source = context.open(path, OpenMode::Read).ok();
            }
            if let Some(source) = source {
                loop {
                    context.machine.step(&context.process).await;
                    let more = source.read(BLOCK).await;
                    if more.is_empty() {
                        break;
                    }
                    context.write(1, &more).await;
                }
            }
        }
    }
}

pub(super) async fn tee(context: &Context, argv: &[String]) -> i32 {
    let options = Options::parse(argv, "");
    options.expect(context, argv, "ai", &[]);
    let mode = if options.has('a') {
        OpenMode::Append
    } else {
        OpenMode::Write
    };
    let mut targets = Vec::new();
    let mut code = 0;
    for path in &options.rest {
        match context.open(path, mode) {
            Ok(target) => targets.push(target),
            Err(error) => {
                context.err(&format!("tee: {path}: {error}")).await;
                code = 1;
            }
        }
    }
    let source = context.fd(0);
    loop {
        context.machine.step(&context.process).await;
        let block = source.read(BLOCK).await;
        if block.is_empty() {
            return code;
        }
        context.write(1, &block).await;
        for target in &targets {
            if target.write(&block).await.is_err() {
                code = 1;
            }
        }
    }
}

/// `dd if=… of=… bs=… count=…`
pub(super) async fn dd(context: &Context, argv: &[String]) -> i32 {
    let value = |name: &str| {
        argv.iter()
            .find_map(|word| word.strip_prefix(name).and_then(|rest| rest.strip_prefix('=')))
    };
    let size = |text: &str| {
        let digits: String = text.chars().take_while(char::is_ascii_digit).collect();
        let unit = match text[digits.len()..].chars().next().map(|c| c.to_ascii_uppercase()) {
            Some('K') => 1 << 10,
            Some('M') => 1 << 20,
            Some('G') => 1 << 30,
            _ => 1,
        };
        digits.parse::<usize>().unwrap_or(1).saturating_mul(unit)
    };
    let block = value("bs").map_or(512, size);
    let mut left = value("count").map_or(usize::MAX, size).saturating_mul(block);
    let source = value("if").map_or_else(|| Ok(context.fd(0)), |path| context.open(path, OpenMode::Read));
    let target = value("of").map_or_else(|| Ok(context.fd(1)), |path| context.open(path, OpenMode::Write));
    let (source, target) = match (source, target) {
        (Ok(source), Ok(target)) => (source, target),
        (Err(error), _) | (_, Err(error)) => {
            context.err(&format!("dd: {error}")).await;
            return 1;
        }
    };
    while left > 0 {
        context.machine.step(&context.process).await;
        let bytes = source.read(left.min(BLOCK)).await;
        if bytes.is_empty() {
            break;
        }
        left -= bytes.len();
        context.machine.charge(&context.process, &target, &bytes).await;
        if let Err(error) = target.write(&bytes).await {
            context.err(&format!("dd: {}", error.text())).await;
            return 1;
        }
    }
    0
}
