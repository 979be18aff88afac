//! kill, killall, pkill, pgrep, pidof, ps.

use std::rc::Rc;

use super::{Context, base};
use crate::guest::process::{Process, Signal};

/// The signal of `-TERM`, `-15`, `-s TERM`, and the words that are no option.
fn arguments(argv: &[String]) -> Result<(Signal, Vec<String>, bool), String> {
    let (mut signal, mut rest, mut probe) = (Signal::TERM, Vec::new(), false);
    let mut words = argv[1..].iter();
    while let Some(word) = words.next() {
        let text = match word.as_str() {
            "-s" | "--signal" => words.next().cloned().unwrap_or_default(),
            "--" => {
                rest.extend(words.by_ref().cloned());
                break;
            }
            "-f" | "-x" | "-q" | "-n" | "-o" | "-l" => continue,
            word if word.len() > 1 && word.starts_with('-') && rest.is_empty() => word[1..].to_owned(),
            word => {
                rest.push(word.to_owned());
                continue;
            }
        };
        if text == "0" {
            probe = true;
            continue;
        }
        signal = Signal::parse(&text).ok_or_else(|| format!("{text}: invalid signal specification"))?;
    }
    Ok((signal, rest, probe))
}

pub(super) async fn kill(context: &Context, argv: &[String]) -> i32 {
    let (signal, pids, probe) = match arguments(argv) {
        Ok(parsed) => parsed,
        Err(error) => {
            context.err(&format!("kill: {error}")).await;
            return 1;
        }
    };
    if pids.is_empty() {
        context.err("kill: usage: kill [-s signal] pid ...").await;
        return 2;
    }
    let mut code = 0;
    for pid in &pids {
        let targets: Vec<Rc<Process>> = match pid.parse::<i64>() {
            // The shell's whole group, or everything.
            Ok(0 | -1) => context
                .machine
                .table
                .all()
                .into_iter()
                .filter(|p| p.pid != context.process.pid && p.pid != 1)
                .collect(),
            Ok(number) => context
                .machine
                .table
                .get(u32::try_from(number.abs()).unwrap_or(0))
                .into_iter()
                .collect(),
            Err(_) => {
                context.err(&format!("kill: Illegal number: {pid}")).await;
                return 2;
            }
        };
        if targets.is_empty() {
            context
                .err(&format!("kill: can't kill pid {pid}: No such process"))
                .await;
            code = 1;
        }
        if !probe {
            for target in targets {
                target.deliver(signal, false);
            }
        }
    }
    // It may have killed itself, or the shell that it is a part of.
    if context.process.doomed.is_open() {
        return std::future::pending().await;
    }
    code
}

/// Whether the process's program has that name.
fn is_named(process: &Process, name: &str) -> bool {
    let command = process.command.borrow();
    let program = command.split_whitespace().next().unwrap_or_default();
    base(program).trim_end_matches(':') == base(name)
}

fn others(context: &Context) -> Vec<Rc<Process>> {
    context
        .machine
        .table
        .all()
        .into_iter()
        .filter(|process| process.pid != context.process.pid)
        .collect()
}

pub(super) async fn killall(context: &Context, argv: &[String]) -> i32 {
    let Ok((signal, names, probe)) = arguments(argv) else {
        return 1;
    };
    let mut code = 0;
    for name in &names {
        let targets: Vec<_> = others(context)
            .into_iter()
            .filter(|process| is_named(process, name))
            .collect();
        if targets.is_empty() {
            context.err(&format!("killall: {name}: no process killed")).await;
            code = 1;
        }
        for target in targets.iter().filter(|_| !probe) {
            target.deliver(signal, false);
        }
    }
    code
}

fn matching(context: &Context, argv: &[String], names: &[String]) -> Vec<Rc<Process>> {
    let whole = argv.iter().any(|word| word == "-f");
    let Some(pattern) = names.first() else {
        return Vec::new();
    };
    let fits = |process: &Rc<Process>| {
        let command = process.command.borrow().clone();
        let program = command
            .split_whitespace()
            .next()
            .map(base)
            .unwrap_or_default()
            .to_owned();
        super::matches_regex(pattern, if whole { &command } else { &program })
    };
    others(context).into_iter().filter(fits).collect()
}

pub(super) async fn pkill(context: &Context, argv: &[String]) -> i32 {
    let Ok((signal, names, _)) = arguments(argv) else {
        return 2;
    };
    let targets = matching(context, argv, &names);
    for target in &targets {
        target.deliver(signal, false);
    }
    i32::from(targets.is_empty())
}

pub(super) async fn pgrep(context: &Context, argv: &[String]) -> i32 {
    let Ok((_, names, _)) = arguments(argv) else { return 2 };
    let found = matching(context, argv, &names);
    let text: String = found.iter().map(|process| format!("{}\n", process.pid)).collect();
    context.out(&text).await;
    i32::from(found.is_empty())
}

pub(super) async fn pidof(context: &Context, argv: &[String]) -> i32 {
    let found: Vec<String> = others(context)
        .iter()
        .rev()
        .filter(|process| argv[1..].iter().any(|name| is_named(process, name)))
        .map(|process| process.pid.to_string())
        .collect();
    if !found.is_empty() {
        context.out(&format!("{}\n", found.join(" "))).await;
    }
    i32::from(found.is_empty())
}

pub(super) async fn ps(context: &Context, _: &[String]) -> i32 {
    let mut text = "PID   USER     TIME  COMMAND\n".to_owned();
    for process in context.machine.table.all() {
        text.push_str(&format!(
            "{:>5} root      0:00 {}\n",
            process.pid,
            process.command.borrow()
        ));
    }
    i32::from(!context.out(&text).await)
}
