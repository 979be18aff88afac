//! The table of programs that are known, and how one is found and started.

mod agnhost;
mod basic;
mod clock;
mod filesystem;
mod grep;
mod listener;
mod mode;
mod net;
mod options;
mod path;
mod pattern;
mod print;
mod processes;
mod sed;
mod servers;
mod sort;
mod stream;
mod test;
mod text;

use std::future::Future;
use std::pin::Pin;

use super::images::{self, Flavour};
use super::machine::{Context, Role};
use super::process::{Disposition, Signal};
use super::script::ProgramScript;
use super::shell;
use super::spec::Argument;
use crate::kernel::Duration;
use crate::scenario::lookup::glob;

pub(super) use clock::seconds;
pub(super) use mode::changed as changed_mode;
use options::Options;
pub(in crate::guest) use path::{in_path, which};
pub(super) use pattern::matches_regex;
pub(super) use print::escapes;
pub(super) use test::{binary as binary_test, unary as unary_test};

/// A program that runs; its exit code.
pub(super) type Running = Pin<Box<dyn Future<Output = i32>>>;
/// A program: it takes its context and argv.
pub(super) type Program = fn(Context, Vec<String>) -> Running;

macro_rules! table {
    ($($name:literal => $function:path,)*) => {
        &[$(($name, |context, argv| Box::pin(async move { $function(&context, &argv).await }) as Running),)*]
    };
}

static TABLE: &[(&str, Program)] = table! {
    "[" => test::bracket,
    "arch" => basic::arch,
    "base64" => text::base64,
    "basename" => basic::basename,
    "cat" => stream::cat,
    "chgrp" => filesystem::chmod,
    "chmod" => filesystem::chmod,
    "chown" => filesystem::chmod,
    "cp" => filesystem::cp,
    "curl" => net::curl,
    "cut" => text::cut,
    "date" => clock::date,
    "dd" => stream::dd,
    "dirname" => basic::dirname,
    "echo" => print::echo,
    "egrep" => grep::grep,
    "env" => basic::env,
    "expr" => basic::expr,
    "false" => basic::false_,
    "fgrep" => grep::grep,
    "find" => filesystem::find,
    "getent" => net::getent,
    "grep" => grep::grep,
    "grpc_health_probe" => net::grpc_health_probe,
    "head" => stream::head,
    "host" => net::nslookup,
    "hostname" => basic::hostname,
    "id" => basic::id,
    "kill" => processes::kill,
    "killall" => processes::killall,
    "ln" => filesystem::ln,
    "ls" => filesystem::ls,
    "mkdir" => filesystem::mkdir,
    "mktemp" => filesystem::mktemp,
    "mv" => filesystem::mv,
    "nc" => net::nc,
    "netcat" => net::nc,
    "nproc" => basic::nproc,
    "nslookup" => net::nslookup,
    "pg_isready" => net::pg_isready,
    "pgrep" => processes::pgrep,
    "pidof" => processes::pidof,
    "ping" => net::ping,
    "pkill" => processes::pkill,
    "printenv" => basic::printenv,
    "printf" => print::printf,
    "ps" => processes::ps,
    "pwd" => basic::pwd,
    "readlink" => filesystem::readlink,
    "realpath" => filesystem::readlink,
    "redis-cli" => net::redis_cli,
    "rev" => text::rev,
    "rm" => filesystem::rm,
    "rmdir" => filesystem::rmdir,
    "sed" => sed::sed,
    "seq" => basic::seq,
    "sleep" => clock::sleep,
    "sort" => sort::sort,
    "stat" => filesystem::stat,
    "stress" => servers::stress,
    "sync" => basic::true_,
    "sysctl" => basic::true_,
    "tac" => text::tac,
    "tail" => stream::tail,
    "tee" => stream::tee,
    "test" => test::test,
    "touch" => filesystem::touch,
    "tr" => text::tr,
    "true" => basic::true_,
    "uname" => basic::uname,
    "uniq" => text::uniq,
    "uptime" => clock::uptime,
    "usleep" => clock::usleep,
    "wc" => text::wc,
    "wget" => net::wget,
    "which" => basic::which_program,
    "whoami" => basic::whoami,
    "yes" => basic::yes,
    // Servers and programs that images start.
    "agnhost" => agnhost::agnhost,
    "apache2-foreground" => servers::httpd,
    "echoserver" => servers::echoserver,
    "goproxy" => servers::goproxy,
    "hello" => servers::hello_world,
    "hello-app" => servers::echoserver,
    "http-echo" => servers::http_echo,
    "httpd" => servers::httpd,
    "httpd-foreground" => servers::httpd,
    "nginx" => servers::nginx,
    "pause" => servers::pause,
    "perl" => servers::perl,
    "python" => servers::python,
    "python3" => servers::python,
    "redis-server" => servers::redis,
    "liveness-server" => servers::liveness,
    "etcd" => servers::etcd,
};

/// Programs that start another, given behind their own arguments.
const WRAPPERS: [&str; 13] = [
    "nohup",
    "nice",
    "ionice",
    "setsid",
    "stdbuf",
    "tini",
    "dumb-init",
    "timeout",
    "time",
    "docker-entrypoint.sh",
    "entrypoint.sh",
    "su-exec",
    "xargs",
];

/// The last part of a path.
fn base(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}

fn find(name: &str) -> Option<Program> {
    let name = base(name);
    let found = TABLE.iter().find(|(known, _)| *known == name);
    found.map(|(_, program)| *program)
}

/// A builtin of the shell that is a program as well.
pub(super) fn builtin(name: &str) -> Option<Program> {
    find(name)
}

/// Which shell a name starts, given what `sh` is.
fn shell_flavour(name: &str, sh: Flavour) -> Option<Flavour> {
    match base(name) {
        "sh" => Some(sh),
        "ash" | "busybox-sh" => Some(Flavour::Ash),
        "dash" => Some(Flavour::Dash),
        "bash" | "ksh" | "zsh" => Some(Flavour::Bash),
        _ => None,
    }
}

/// A program of the Scenario by name.
fn scripted<'a>(programs: &'a [ProgramScript], name: &str) -> Option<&'a ProgramScript> {
    programs.iter().find(|program| {
        program
            .name
            .as_deref()
            .is_some_and(|known| known == name || known == base(name))
    })
}

/// A program of the Scenario by the image that starts it.
pub(super) fn of_image<'a>(programs: &'a [ProgramScript], image: &str) -> Option<&'a ProgramScript> {
    let fits = |pattern: &String| {
        glob(pattern.as_bytes(), image.as_bytes()) || glob(pattern.as_bytes(), images::repository(image).as_bytes())
    };
    programs.iter().find(|program| program.image.as_ref().is_some_and(fits))
}

/// The argument that names a program which is not known, if the command comes down to one.
pub(super) fn unknown(programs: &[ProgramScript], argv: &[Argument]) -> Option<Argument> {
    let first = argv.first()?;
    let name = &first.text;
    if scripted(programs, name).is_some() || shell_flavour(name, Flavour::Ash).is_some() {
        return None;
    }
    match base(name) {
        "python" | "python3" => {
            match servers::python_is_known(&argv.iter().map(|a| a.text.clone()).collect::<Vec<_>>()) {
                true => None,
                false => Some(first.clone()),
            }
        }
        "perl" => {
            (!servers::perl_is_known(&argv.iter().map(|a| a.text.clone()).collect::<Vec<_>>())).then(|| first.clone())
        }
        "env" | "busybox" => {
            let rest = argv[1..]
                .iter()
                .position(|a| !a.text.contains('=') && !a.text.starts_with('-'));
            rest.and_then(|at| unknown(programs, &argv[at + 1..]))
        }
        wrapper if WRAPPERS.contains(&wrapper) => {
            let texts: Vec<String> = argv.iter().map(|argument| argument.text.clone()).collect();
            let skipped = wrapped(&texts);
            unknown(programs, argv.get(skipped..).unwrap_or_default())
        }
        _ if find(name).is_some() => None,
        _ => Some(first.clone()),
    }
}

/// How many words of a wrapper's command stand before the program that it starts.
fn wrapped(argv: &[String]) -> usize {
    let mut at = 1;
    while let Some(word) = argv.get(at) {
        if word == "--" {
            return at + 1;
        }
        if word.starts_with('-') {
            // Options that take a value of their own.
            let takes_value = matches!(
                word.as_str(),
                "-n" | "-s" | "-k" | "-c" | "-o" | "-e" | "-i" | "-I" | "-P" | "-L" | "-d"
            ) && !word.contains('=')
                && base(&argv[0]) != "dumb-init";
            at += if takes_value { 2 } else { 1 };
        } else {
            break;
        }
    }
    match base(&argv[0]) {
        "timeout" | "su-exec" => at + 1,
        _ => at,
    }
}

/// Runs a command in the context's process, and whatever it becomes by `exec`.
pub(super) fn launch(context: Context, argv: Vec<String>) -> Running {
    Box::pin(async move {
        let process = context.process.clone();
        let mut code = start(context, argv).await;
        loop {
            let next = process.becomes.borrow_mut().take();
            let Some((context, argv)) = next else {
                return code;
            };
            code = start(context, argv).await;
        }
    })
}

fn start(context: Context, argv: Vec<String>) -> Running {
    Box::pin(async move {
        let Some(name) = argv.first().cloned() else {
            return 0;
        };
        *context.process.command.borrow_mut() = argv.join(" ");
        if context.process.pid == 1 || context.process.parent == 0 {
            context.machine.command(&context.process, &argv.join(" "));
        }
        context.machine.clone().step(&context.process).await;
        if let Some(script) = scripted(&context.machine.world().programs, &name).or_else(|| {
            let of_image = of_image(&context.machine.world().programs, &context.machine.spec.image);
            of_image.filter(|_| name == context.machine.spec.image)
        }) {
            let script = script.clone();
            return servers::serve(&context, &script).await;
        }
        if let Some(flavour) = shell_flavour(&name, context.machine.shell) {
            return shell::run(context, argv, flavour).await;
        }
        if name.contains('/')
            && let Ok(node) = context.files().find(&context.cwd, &name)
            && !node.is_directory()
        {
            return script_file(context, argv, &node).await;
        }
        if !name.contains('/')
            && let Some(file) = path::script_in_path(&context, &name)
            && let Ok(node) = context.files().find("/", &file)
        {
            let mut argv = argv;
            argv[0] = file;
            return script_file(context, argv, &node).await;
        }
        if base(&name) == "busybox" {
            return launch(context, argv[1..].to_vec()).await;
        }
        if WRAPPERS.contains(&base(&name)) {
            return wrapper(context, argv).await;
        }
        match find(&name) {
            Some(program) => program(context, argv).await,
            None => not_known(&context, &name).await,
        }
    })
}

/// A file that a path names: a script with or without a first line that says by what.
async fn script_file(context: Context, argv: Vec<String>, node: &super::files::Node) -> i32 {
    if node.mode.get() & 0o111 == 0 {
        context.err(&format!("sh: {}: Permission denied", argv[0])).await;
        return 126;
    }
    let first = node.with_bytes(|bytes| {
        String::from_utf8_lossy(bytes.split(|b| *b == b'\n').next().unwrap_or_default()).into_owned()
    });
    let interpreter: Vec<&str> = first
        .strip_prefix("#!")
        .map(|line| line.split_whitespace().collect())
        .unwrap_or_default();
    let mut words: Vec<String> = interpreter.iter().map(|word| (*word).to_owned()).collect();
    if words.first().is_some_and(|word| base(word) == "env") {
        words.remove(0);
    }
    let path = argv[0].clone();
    let arguments = argv[1..].to_vec();
    match words.first() {
        None => shell::run_file(context.clone(), path, arguments, context.machine.shell).await,
        Some(name) => match shell_flavour(name, context.machine.shell) {
            Some(flavour) => {
                let mut argv = words.clone();
                argv.push(path);
                argv.extend(arguments);
                shell::run(context, argv, flavour).await
            }
            None => {
                let name = name.clone();
                not_known(&context, &name).await
            }
        },
    }
}

/// `timeout`, `nohup` and their like.
async fn wrapper(context: Context, argv: Vec<String>) -> i32 {
    let skipped = wrapped(&argv);
    let rest: Vec<String> = argv.get(skipped..).unwrap_or_default().to_vec();
    match base(&argv[0]) {
        "timeout" => clock::timeout(&context, &argv, rest).await,
        "xargs" => basic::xargs(&context, &argv[1..skipped.min(argv.len())], rest).await,
        _ if rest.is_empty() => 0,
        // The entrypoints of images take options as their program's.
        "docker-entrypoint.sh" | "entrypoint.sh" if rest[0].starts_with('-') => 0,
        "tini" | "dumb-init" => init(&context, rest).await,
        _ => launch(context, rest).await,
    }
}

/// An init: it starts its program as a child, passes signals on and ends with the child's code.
async fn init(context: &Context, argv: Vec<String>) -> i32 {
    for signal in [Signal::TERM, Signal::INT, Signal::QUIT, Signal::HUP] {
        context.process.set_disposition(signal, Some(Disposition::Handle));
    }
    let Some(child) = start_child(context, argv) else {
        return 1;
    };
    loop {
        match crate::kernel::race(child.wait(), context.process.wait_signal()).await {
            Ok(code) => return code,
            Err(()) => {
                while let Some(signal) = context.process.take_signal() {
                    child.deliver(signal, false);
                }
            }
        }
    }
}

/// Starts a program as a child of the context's process.
fn start_child(context: &Context, argv: Vec<String>) -> Option<std::rc::Rc<super::process::Process>> {
    let origin = context.process.origin.borrow().clone();
    let child = context
        .machine
        .table
        .add(Some(&context.process), argv.join(" "), origin)?;
    let inner = Context {
        process: child.clone(),
        ..context.clone()
    };
    context.machine.run(&child, async move { launch(inner, argv).await });
    Some(child)
}

/// A program that is not known: it runs until it is stopped where it is what the container is there for, and succeeds at
/// once elsewhere.
async fn not_known(context: &Context, name: &str) -> i32 {
    let what = format!("program {name} is not known");
    match context.role {
        Role::Passing => {
            context
                .machine
                .assume(&context.process, &what, "it succeeds at once and prints nothing");
            0
        }
        Role::Main => {
            context.machine.assume(
                &context.process,
                &what,
                "it runs until it is stopped and listens on the container's ports",
            );
            let ports = context.machine.spec.ports.clone();
            let script = ProgramScript {
                listens: ports,
                signals: servers::ends_by(&[(Signal::TERM, 143), (Signal::INT, 130), (Signal::QUIT, 131)]),
                ..ProgramScript::default()
            };
            servers::serve(context, &script).await
        }
    }
}

/// Waits that long, or until a signal that the program handles comes; whether it was the time that ended it.
async fn pause(context: &Context, span: Duration) -> bool {
    crate::kernel::race(context.kernel().sleep(span), context.process.wait_signal())
        .await
        .is_ok()
}
