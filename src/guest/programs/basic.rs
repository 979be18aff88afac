//! Small programs: true, seq, env, expr and the like.

use super::{Context, Options, base, launch, which};
use crate::guest::limits;

pub(super) async fn true_(_: &Context, _: &[String]) -> i32 {
    0
}

pub(super) async fn false_(_: &Context, _: &[String]) -> i32 {
    1
}

pub(super) async fn pwd(context: &Context, _: &[String]) -> i32 {
    i32::from(!context.out(&format!("{}\n", context.cwd)).await)
}

pub(super) async fn whoami(context: &Context, _: &[String]) -> i32 {
    i32::from(!context.out("root\n").await)
}

pub(super) async fn nproc(context: &Context, _: &[String]) -> i32 {
    i32::from(!context.out("1\n").await)
}

pub(super) async fn arch(context: &Context, _: &[String]) -> i32 {
    i32::from(!context.out("x86_64\n").await)
}

pub(super) async fn id(context: &Context, argv: &[String]) -> i32 {
    let options = Options::parse(argv, "");
    let name = options.has('n');
    let text = match () {
        () if options.has('u') || options.has('g') => {
            if name {
                "root"
            } else {
                "0"
            }
        }
        () => "uid=0(root) gid=0(root) groups=0(root)",
    };
    i32::from(!context.out(&format!("{text}\n")).await)
}

pub(super) async fn hostname(context: &Context, argv: &[String]) -> i32 {
    let network = &context.machine.network;
    let address = argv.get(1).is_some_and(|word| word == "-i" || word == "-I");
    let text = if address { &network.ip } else { &network.hostname };
    i32::from(!context.out(&format!("{text}\n")).await)
}

pub(super) async fn uname(context: &Context, argv: &[String]) -> i32 {
    let options = Options::parse(argv, "");
    let host = &context.machine.network.hostname;
    let text = match () {
        () if options.has('a') => format!("Linux {host} 6.1.0 #1 SMP x86_64 GNU/Linux"),
        () if options.has('n') => host.clone(),
        () if options.has('r') => "6.1.0".to_owned(),
        () if options.has('m') => "x86_64".to_owned(),
        () => "Linux".to_owned(),
    };
    i32::from(!context.out(&format!("{text}\n")).await)
}

pub(super) async fn which_program(context: &Context, argv: &[String]) -> i32 {
    let mut code = 0;
    for name in &argv[1..] {
        match which(context, name) {
            Some(path) => {
                context.out(&format!("{path}\n")).await;
            }
            None => code = 1,
        }
    }
    code
}

pub(super) async fn basename(context: &Context, argv: &[String]) -> i32 {
    let Some(path) = argv.get(1) else { return 1 };
    let trimmed = path.trim_end_matches('/');
    let name = if trimmed.is_empty() {
        path.get(..1).unwrap_or_default()
    } else {
        base(trimmed)
    };
    let name = match argv.get(2) {
        Some(suffix) if name != suffix => name.strip_suffix(suffix.as_str()).unwrap_or(name),
        _ => name,
    };
    i32::from(!context.out(&format!("{name}\n")).await)
}

pub(super) async fn dirname(context: &Context, argv: &[String]) -> i32 {
    let Some(path) = argv.get(1) else { return 1 };
    let trimmed = path.trim_end_matches('/');
    let directory = match trimmed.rfind('/') {
        None if trimmed.is_empty() && !path.is_empty() => "/",
        None => ".",
        Some(at) => match trimmed[..at].trim_end_matches('/') {
            "" => "/",
            parent => parent,
        },
    };
    i32::from(!context.out(&format!("{directory}\n")).await)
}

/// `seq [-s separator] [-w] [first [step]] last`
pub(super) async fn seq(context: &Context, argv: &[String]) -> i32 {
    let (mut separator, mut wide, mut numbers) = ("\n".to_owned(), false, Vec::new());
    let mut words = argv[1..].iter();
    while let Some(word) = words.next() {
        match word.as_str() {
            "-s" => separator = words.next().cloned().unwrap_or_default(),
            word if word.starts_with("-s") => separator = word[2..].to_owned(),
            "-w" => wide = true,
            word => numbers.extend(word.parse::<i64>().ok()),
        }
    }
    let (first, step, last) = match numbers[..] {
        [last] => (1, 1, last),
        [first, last] => (first, 1, last),
        [first, step, last] => (first, step, last),
        _ => {
            context.err("seq: invalid number").await;
            return 1;
        }
    };
    if step == 0 {
        context.err("seq: zero increment").await;
        return 1;
    }
    let width = if wide {
        first.to_string().len().max(last.to_string().len())
    } else {
        0
    };
    let mut text = String::new();
    let mut value = first;
    let mut count = 0_u32;
    while if step > 0 { value <= last } else { value >= last } {
        if count > 0 {
            text.push_str(&separator);
        }
        count += 1;
        text.push_str(&format!("{value:0width$}"));
        if text.len() > 32 * 1024 {
            context.machine.step(&context.process).await;
            context.out(&std::mem::take(&mut text)).await;
        }
        match value.checked_add(step) {
            Some(next) => value = next,
            None => break,
        }
    }
    if count > 0 {
        text.push('\n');
    }
    i32::from(!context.out(&text).await)
}

/// `env [-i] [-u name] [name=value …] [command …]`
pub(super) async fn env(context: &Context, argv: &[String]) -> i32 {
    let mut inner = context.clone();
    let mut at = 1;
    while let Some(word) = argv.get(at) {
        if word == "-i" || word == "-" {
            inner.environment.clear();
        } else if word == "-u" {
            at += 1;
            if let Some(name) = argv.get(at) {
                inner.environment.remove(name);
            }
        } else if let Some((name, value)) = word.split_once('=') {
            inner.environment.insert(name.to_owned(), value.to_owned());
        } else if !word.starts_with('-') {
            break;
        }
        at += 1;
    }
    let rest: Vec<String> = argv.get(at..).unwrap_or_default().to_vec();
    if !rest.is_empty() {
        return launch(inner, rest).await;
    }
    let mut text = String::new();
    for (name, value) in &inner.environment {
        text.push_str(&format!("{name}={value}\n"));
    }
    i32::from(!context.out(&text).await)
}

pub(super) async fn printenv(context: &Context, argv: &[String]) -> i32 {
    if argv.len() < 2 {
        return env(context, argv).await;
    }
    let mut code = 0;
    for name in &argv[1..] {
        match context.environment.get(name) {
            Some(value) => {
                context.out(&format!("{value}\n")).await;
            }
            None => code = 1,
        }
    }
    code
}

pub(super) async fn yes(context: &Context, argv: &[String]) -> i32 {
    let line = if argv.len() > 1 {
        argv[1..].join(" ")
    } else {
        "y".to_owned()
    } + "\n";
    let block = line.repeat((8192 / line.len()).max(1));
    while context.out(&block).await {
        context.machine.step(&context.process).await;
    }
    1
}

/// `expr`: two operands and an operator, from left to right.
pub(super) async fn expr(context: &Context, argv: &[String]) -> i32 {
    let mut words = argv[1..].iter();
    let Some(mut value) = words.next().cloned() else {
        context.err("expr: syntax error").await;
        return 2;
    };
    while let (Some(operator), Some(right)) = (words.next(), words.next()) {
        let numbers = value.parse::<i64>().ok().zip(right.parse::<i64>().ok());
        let order = numbers.map_or_else(|| value.cmp(right), |(left, right)| left.cmp(&right));
        let truth = |holds: bool| Some(i64::from(holds).to_string());
        let result = match (operator.as_str(), numbers) {
            ("+", Some((left, right))) => left.checked_add(right).map(|n| n.to_string()),
            ("-", Some((left, right))) => left.checked_sub(right).map(|n| n.to_string()),
            ("*", Some((left, right))) => left.checked_mul(right).map(|n| n.to_string()),
            ("/", Some((left, right))) => left.checked_div(right).map(|n| n.to_string()),
            ("%", Some((left, right))) => left.checked_rem(right).map(|n| n.to_string()),
            ("=" | "==", _) => truth(order.is_eq()),
            ("!=", _) => truth(order.is_ne()),
            ("<", _) => truth(order.is_lt()),
            ("<=", _) => truth(order.is_le()),
            (">", _) => truth(order.is_gt()),
            (">=", _) => truth(order.is_ge()),
            ("|", _) => Some(if value.is_empty() || value == "0" {
                right.clone()
            } else {
                value.clone()
            }),
            ("&", _) => Some(if [&value, right].iter().any(|text| text.is_empty() || *text == "0") {
                "0".to_owned()
            } else {
                value.clone()
            }),
            _ => None,
        };
        match result {
            Some(result) => value = result,
            None => {
                context.err("expr: non-integer argument").await;
                return 2;
            }
        }
    }
    context.out(&format!("{value}\n")).await;
    i32::from(value.is_empty() || value == "0")
}

/// `xargs command …`: the words of standard input behind the command.
/// `xargs [-r] [-0] [-n N] [-L N] [-I R] [program …]`: a process for each group of its input's words or lines.
pub(super) async fn xargs(context: &Context, options: &[String], command: Vec<String>) -> i32 {
    let value = |option: &str| {
        let at = options.iter().position(|word| word.starts_with(option))?;
        let inline = &options[at][option.len()..];
        if inline.is_empty() {
            options.get(at + 1).map(String::as_str)
        } else {
            Some(inline)
        }
    };
    let has = |letter: char| {
        options
            .iter()
            .any(|word| word.starts_with('-') && word.contains(letter))
    };
    let input = context.read("-").await.unwrap_or_default();
    let text = String::from_utf8_lossy(&input).into_owned();
    let (replaced, per_line) = (value("-I"), value("-L").is_some());
    let words: Vec<String> = if has('0') {
        text.split('\0')
            .filter(|word| !word.is_empty())
            .map(str::to_owned)
            .collect()
    } else if replaced.is_some() || per_line {
        text.lines()
            .filter(|line| !line.is_empty())
            .map(str::to_owned)
            .collect()
    } else {
        text.split_whitespace().take(limits::WORDS).map(str::to_owned).collect()
    };
    let command = if command.is_empty() {
        vec!["echo".to_owned()]
    } else {
        command
    };
    let size = match (
        replaced,
        value("-n").or(value("-L")).and_then(|n| n.parse::<usize>().ok()),
    ) {
        (Some(_), _) => 1,
        (None, Some(size)) => size.max(1),
        (None, None) => limits::WORDS,
    };
    let mut groups: Vec<&[String]> = words.chunks(size).collect();
    if groups.is_empty() && !has('r') && replaced.is_none() {
        groups.push(&[]);
    }
    let mut code = 0;
    for group in groups {
        let mut argv = command.clone();
        match replaced {
            Some(mark) => argv.iter_mut().for_each(|word| *word = word.replace(mark, &group[0])),
            None if per_line => argv.extend(group.iter().flat_map(|line| line.split_whitespace()).map(str::to_owned)),
            None => argv.extend(group.iter().cloned()),
        }
        let Some(child) = super::start_child(context, argv) else {
            return 124;
        };
        match child.wait().await {
            0 => {}
            stop @ (126 | 127) => return stop,
            255 => return 124,
            killed if killed > 128 => return 125,
            _ => code = 123,
        }
    }
    code
}
