//! Programs on lines of text: wc, uniq, cut, tr, tac, rev, base64.

use super::{Context, Options};
use crate::guest::shell::class;
use base64::Engine;

/// The text of a file or of standard input.
pub(super) async fn input(context: &Context, program: &str, path: &str) -> Option<String> {
    match context.read(path).await {
        Ok(bytes) => Some(String::from_utf8_lossy(&bytes).into_owned()),
        Err(error) => {
            context.err(&format!("{program}: {path}: {error}")).await;
            None
        }
    }
}

/// The text of all files, of standard input without any; and whether all could be read.
pub(super) async fn inputs(context: &Context, program: &str, paths: &[String]) -> (String, bool) {
    if paths.is_empty() {
        return (input(context, program, "-").await.unwrap_or_default(), true);
    }
    let (mut all, mut good) = (String::new(), true);
    for path in paths {
        match input(context, program, path).await {
            Some(text) => all.push_str(&text),
            None => good = false,
        }
    }
    (all, good)
}

pub(super) async fn wc(context: &Context, argv: &[String]) -> i32 {
    let options = Options::parse(argv, "");
    options.expect(context, argv, "lwcm", &[]);
    let all = !['l', 'w', 'c', 'm'].iter().any(|letter| options.has(*letter));
    let paths = if options.rest.is_empty() {
        vec!["-".to_owned()]
    } else {
        options.rest.clone()
    };
    let (mut code, mut totals) = (0, [0; 3]);
    let show = |counts: [usize; 3]| {
        let wanted = [
            options.has('l') || all,
            options.has('w') || all,
            options.has('c') || options.has('m') || all,
        ];
        let shown: Vec<String> = counts
            .iter()
            .zip(wanted)
            .filter(|(_, wanted)| *wanted)
            .map(|(count, _)| count.to_string())
            .collect();
        if shown.len() > 1 {
            shown
                .iter()
                .map(|text| format!("{text:>7}"))
                .collect::<Vec<_>>()
                .join(" ")
        } else {
            shown.join(" ")
        }
    };
    for path in &paths {
        let Some(text) = input(context, "wc", path).await else {
            code = 1;
            continue;
        };
        let counts = [text.matches('\n').count(), text.split_whitespace().count(), text.len()];
        for (total, count) in totals.iter_mut().zip(counts) {
            *total += count;
        }
        let name = if path == "-" { String::new() } else { format!(" {path}") };
        context.out(&format!("{}{name}\n", show(counts))).await;
    }
    if paths.len() > 1 {
        context.out(&format!("{} total\n", show(totals))).await;
    }
    code
}

pub(super) async fn uniq(context: &Context, argv: &[String]) -> i32 {
    let options = Options::parse(argv, "fsw");
    options.expect(context, argv, "cdui", &[]);
    let (text, good) = inputs(context, "uniq", options.rest.get(..1).unwrap_or_default()).await;
    let number = |letter: char| options.value(letter).and_then(|n| n.parse::<usize>().ok());
    let (fields, chars, width) = (number('f').unwrap_or(0), number('s').unwrap_or(0), number('w'));
    // What of a line is compared: fields and characters are skipped, then so many count.
    let key = |line: &str| -> String {
        let mut rest = line;
        for _ in 0..fields {
            let blank = rest.trim_start();
            if blank.is_empty() {
                break;
            }
            rest = &blank[blank.find(char::is_whitespace).unwrap_or(blank.len())..];
        }
        let key: String = rest.chars().skip(chars).take(width.unwrap_or(usize::MAX)).collect();
        if options.has('i') { key.to_lowercase() } else { key }
    };
    let mut groups: Vec<(&str, String, usize)> = Vec::new();
    for line in text.lines() {
        let key = key(line);
        match groups.last_mut() {
            Some((_, last, count)) if *last == key => *count += 1,
            _ => groups.push((line, key, 1)),
        }
    }
    groups.retain(|(_, _, count)| !(options.has('d') && *count == 1 || options.has('u') && *count > 1));
    let show = |(line, _, count): &(&str, String, usize)| {
        if options.has('c') {
            format!("{count:>7} {line}\n")
        } else {
            format!("{line}\n")
        }
    };
    context.out(&groups.iter().map(show).collect::<String>()).await;
    i32::from(!good)
}

pub(super) async fn tac(context: &Context, argv: &[String]) -> i32 {
    let (text, good) = inputs(context, "tac", &argv[1..]).await;
    context
        .out(&text.lines().rev().map(|line| format!("{line}\n")).collect::<String>())
        .await;
    i32::from(!good)
}

pub(super) async fn rev(context: &Context, argv: &[String]) -> i32 {
    let (text, good) = inputs(context, "rev", &argv[1..]).await;
    let turned = text
        .lines()
        .map(|line| line.chars().rev().chain(['\n']).collect::<String>());
    context.out(&turned.collect::<String>()).await;
    i32::from(!good)
}

/// Ranges as cut takes them: `1`, `2-`, `-3`, `1,4-5`.
fn ranges(list: &str) -> Vec<(usize, usize)> {
    let range = |part: &str| match part.split_once('-') {
        Some((from, to)) => Some((
            if from.is_empty() { 1 } else { from.parse().ok()? },
            if to.is_empty() { usize::MAX } else { to.parse().ok()? },
        )),
        None => part.parse().ok().map(|n| (n, n)),
    };
    list.split(',').filter_map(range).collect()
}

pub(super) async fn cut(context: &Context, argv: &[String]) -> i32 {
    let options = Options::parse(argv, "dfcb");
    options.expect(context, argv, "sn", &[]);
    let (text, good) = inputs(context, "cut", &options.rest).await;
    let delimiter = options.value('d').and_then(|d| d.chars().next()).unwrap_or('\t');
    let chars = options.value('c').or(options.value('b'));
    let Some(list) = options.value('f').or(chars) else {
        context
            .err("cut: you must specify a list of bytes, characters, or fields")
            .await;
        return 1;
    };
    let ranges = ranges(list);
    let chosen = |index: usize| ranges.iter().any(|(from, to)| (*from..=*to).contains(&(index + 1)));
    let mut out = String::new();
    for line in text.lines() {
        if chars.is_some() {
            out.extend(
                line.chars()
                    .enumerate()
                    .filter(|(index, _)| chosen(*index))
                    .map(|(_, c)| c),
            );
        } else if line.contains(delimiter) {
            let fields: Vec<&str> = line
                .split(delimiter)
                .enumerate()
                .filter(|(index, _)| chosen(*index))
                .map(|(_, field)| field)
                .collect();
            out.push_str(&fields.join(&delimiter.to_string()));
        } else if options.has('s') {
            continue;
        } else {
            out.push_str(line);
        }
        out.push('\n');
    }
    context.out(&out).await;
    i32::from(!good)
}

/// A set of tr: ranges, classes, escapes.
fn set(text: &str) -> Vec<char> {
    let (text, _) = super::escapes(text, true);
    let mut members = Vec::new();
    let mut rest: &str = &text;
    while let Some(c) = rest.chars().next() {
        if let Some(inner) = rest.strip_prefix("[:")
            && let Some((name, after)) = inner.split_once(":]")
        {
            members.extend((0..128_u8).map(char::from).filter(|c| class(name, *c)));
            rest = after;
            continue;
        }
        rest = &rest[c.len_utf8()..];
        let mut ahead = rest.chars();
        if ahead.next() == Some('-')
            && let Some(last) = ahead.next()
            && last >= c
        {
            members.extend((c..=last).take(4096));
            rest = ahead.as_str();
        } else {
            members.push(c);
        }
    }
    members
}

pub(super) async fn tr(context: &Context, argv: &[String]) -> i32 {
    let options = Options::parse(argv, "");
    options.expect(context, argv, "cCdst", &[]);
    let text = input(context, "tr", "-").await.unwrap_or_default();
    let Some(first) = options.rest.first().map(|text| set(text)) else {
        context.err("tr: missing operand").await;
        return 1;
    };
    let second = options.rest.get(1).map(|text| set(text)).unwrap_or_default();
    let complement = options.has('c') || options.has('C');
    let chosen = |c: char| first.contains(&c) != complement;
    let mut out = String::new();
    for c in text.chars() {
        let c = if options.has('d') {
            if chosen(c) {
                continue;
            }
            c
        } else if chosen(c) && !second.is_empty() {
            let index = if complement {
                usize::MAX
            } else {
                first.iter().position(|known| *known == c).unwrap_or(usize::MAX)
            };
            second.get(index).or(second.last()).copied().unwrap_or(c)
        } else {
            c
        };
        let squeezed = if second.is_empty() {
            chosen(c)
        } else {
            second.contains(&c)
        };
        if options.has('s') && squeezed && out.ends_with(c) {
            continue;
        }
        out.push(c);
    }
    i32::from(!context.out(&out).await)
}

pub(super) async fn base64(context: &Context, argv: &[String]) -> i32 {
    let options = Options::parse(argv, "w");
    options.expect(context, argv, "dDi", &["--decode"]);
    let path = options.rest.first().map_or("-", String::as_str);
    let bytes = match context.read(path).await {
        Ok(bytes) => bytes,
        Err(error) => {
            context.err(&format!("base64: {path}: {error}")).await;
            return 1;
        }
    };
    let engine = base64::engine::general_purpose::STANDARD;
    if options.has('d') || options.has('D') || options.has_long("--decode") {
        let text: Vec<u8> = bytes.into_iter().filter(|b| !b.is_ascii_whitespace()).collect();
        return match engine.decode(&text) {
            Ok(decoded) => i32::from(!context.write(1, &decoded).await),
            Err(_) => {
                context.err("base64: invalid input").await;
                1
            }
        };
    }
    let encoded = engine.encode(&bytes);
    let width = options.value('w').and_then(|w| w.parse::<usize>().ok()).unwrap_or(76);
    let mut out = String::new();
    for chunk in encoded.as_bytes().chunks(if width == 0 { usize::MAX } else { width }) {
        out.push_str(&String::from_utf8_lossy(chunk));
        if width > 0 {
            out.push('\n');
        }
    }
    i32::from(!context.out(&out).await)
}
