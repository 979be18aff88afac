//! Servers: those of well-known images, and any that a Scenario describes.

use std::rc::Rc;

use super::{Context, base, pause as wait_or_signal};
use crate::guest::network::{Answer, Handler, Request};
use crate::guest::process::{Disposition, Process, Signal};
use crate::guest::script::{AnswerScript, ProgramScript, SignalScript};
use crate::kernel::Duration;
use crate::scenario::distributions::Span;

const WINCH: Signal = Signal(28);

/// Signals that end a program at once, each with its exit code.
pub(super) fn ends_by(signals: &[(Signal, i32)]) -> Vec<SignalScript> {
    let script = |(signal, code): &(Signal, i32)| SignalScript {
        signal: *signal,
        after: Span::ZERO,
        code: Some(*code),
    };
    signals.iter().map(script).collect()
}

fn answer(path: Option<&str>, from: Duration, status: u16, body: &str) -> AnswerScript {
    AnswerScript {
        path: path.map(str::to_owned),
        from,
        status,
        body: body.to_owned(),
        takes: Duration::ZERO,
    }
}

/// Plays a program by its description.
pub(super) async fn serve(context: &Context, script: &ProgramScript) -> i32 {
    let script = Rc::new(script.clone());
    let (kernel, started) = (context.kernel().clone(), context.kernel().now());
    let for_answers = script.clone();
    let handler: Handler = Rc::new(move |request: &Request| {
        let found = for_answers.answer(&request.path, kernel.now() - started);
        match found {
            Some(answer) => Answer {
                status: answer.status,
                body: answer.body.clone(),
                takes: answer.takes,
            },
            None => Answer::text(if for_answers.answers.is_empty() { 200 } else { 404 }, ""),
        }
    });
    if let Some(line) = &script.prints {
        context.out(&format!("{line}\n")).await;
    }
    if !bind(context, &script.listens, &handler).await {
        return 1;
    }
    handle(&context.process, &script.signals);
    let mut left = script.runs_for.map_or(Duration::MAX, |span| script.next(span));
    loop {
        let before = context.kernel().now();
        let over = if left == Duration::MAX {
            context.process.wait_signal().await;
            false
        } else {
            wait_or_signal(context, left).await
        };
        if over {
            return script.exit_code;
        }
        left = if left == Duration::MAX {
            left
        } else {
            Duration(left.0 - (context.kernel().now() - before).0)
        };
        while let Some(signal) = context.process.take_signal() {
            let reaction = script.signals.iter().find(|reaction| reaction.signal == signal);
            if let Some(SignalScript {
                after,
                code: Some(code),
                ..
            }) = reaction
            {
                context.kernel().sleep(script.next(*after)).await;
                return *code;
            }
        }
    }
}

fn handle(process: &Process, signals: &[SignalScript]) {
    for reaction in signals {
        let disposition = if reaction.code.is_some() {
            Disposition::Handle
        } else {
            Disposition::Ignore
        };
        process.set_disposition(reaction.signal, Some(disposition));
    }
}

pub(super) async fn bind(context: &Context, ports: &[u16], handler: &Handler) -> bool {
    let machine = &context.machine;
    for port in ports {
        if !machine
            .network
            .listen(*port, machine.owner(&context.process), handler.clone())
        {
            context
                .err(&format!(
                    "{}: bind to port {port}: Address already in use",
                    name(context)
                ))
                .await;
            return false;
        }
    }
    true
}

fn name(context: &Context) -> String {
    let command = context.process.command.borrow();
    base(command.split_whitespace().next().unwrap_or("server")).to_owned()
}

/// Listens until a signal with its default action ends it.
pub(super) async fn listen(context: &Context, ports: &[u16], handler: Handler) -> i32 {
    if !bind(context, ports, &handler).await {
        return 1;
    }
    std::future::pending().await
}

/// The ports of `listen 8080;` in nginx's configuration, 80 without any.
fn nginx_ports(context: &Context) -> Vec<u16> {
    let mut ports = Vec::new();
    let mut pending = vec!["/etc/nginx/nginx.conf".to_owned(), "/etc/nginx/conf.d".to_owned()];
    while let Some(path) = pending.pop() {
        let Ok(node) = context.files().find("/", &path) else {
            continue;
        };
        pending.extend(node.names().iter().map(|name| format!("{path}/{name}")));
        let text = node.with_bytes(|bytes| String::from_utf8_lossy(bytes).into_owned());
        for line in text.lines().map(str::trim) {
            let Some(rest) = line.strip_prefix("listen").map(str::trim) else {
                continue;
            };
            let address = rest.split([' ', ';']).next().unwrap_or_default();
            ports.extend(address.rsplit(':').next().and_then(|port| port.parse::<u16>().ok()));
        }
    }
    ports.sort_unstable();
    ports.dedup();
    if ports.is_empty() { vec![80] } else { ports }
}

/// `nginx`, `nginx -s quit|stop|reload`, `nginx -t`
pub(super) async fn nginx(context: &Context, argv: &[String]) -> i32 {
    if argv.iter().any(|word| word == "-t" || word == "-v" || word == "-V") {
        return 0;
    }
    if let Some(at) = argv.iter().position(|word| word == "-s") {
        let signal = match argv.get(at + 1).map(String::as_str) {
            Some("quit") => Signal::QUIT,
            Some("stop") => Signal::TERM,
            Some("reload" | "reopen") => return 0,
            _ => return 1,
        };
        let others = context.machine.table.all();
        let master = others.iter().find(|process| {
            process.pid != context.process.pid
                && process
                    .command
                    .borrow()
                    .split_whitespace()
                    .next()
                    .is_some_and(|word| base(word).trim_end_matches(':') == "nginx")
        });
        let Some(master) = master else {
            context
                .err("nginx: [error] open() \"/run/nginx.pid\" failed (2: No such file or directory)")
                .await;
            return 1;
        };
        master.deliver(signal, false);
        return 0;
    }
    let foreground = argv.iter().any(|word| word.contains("daemon off"));
    let files = context.clone();
    let handler: Handler = Rc::new(move |request: &Request| {
        let path = request.path.split(['?', '#']).next().unwrap_or("/");
        let path = format!(
            "/usr/share/nginx/html{path}{}",
            if path.ends_with('/') { "index.html" } else { "" }
        );
        match files.files().find("/", &path) {
            Ok(node) if node.is_file() => Answer::text(
                200,
                &node.with_bytes(|bytes| String::from_utf8_lossy(bytes).into_owned()),
            ),
            Ok(_) => Answer::text(301, ""),
            Err(_) => Answer::text(404, ""),
        }
    });
    let ports = nginx_ports(context);
    if foreground {
        return run_nginx(context, &ports, &handler).await;
    }
    daemon(context, argv, async move |inner| {
        run_nginx(&inner, &ports, &handler).await
    })
}

/// The command returns; a child of it goes on with the body.
fn daemon(context: &Context, argv: &[String], body: impl AsyncFnOnce(Context) -> i32 + 'static) -> i32 {
    let origin = context.process.origin.borrow().clone();
    let Some(child) = context
        .machine
        .table
        .add(Some(&context.process), argv.join(" "), origin)
    else {
        return 1;
    };
    let inner = Context {
        process: child.clone(),
        ..context.clone()
    };
    context.machine.run(&child, async move { body(inner).await });
    0
}

async fn run_nginx(context: &Context, ports: &[u16], handler: &Handler) -> i32 {
    if !bind(context, ports, handler).await {
        return 1;
    }
    handle(
        &context.process,
        &ends_by(&[(Signal::TERM, 0), (Signal::INT, 0), (Signal::QUIT, 0)]),
    );
    context.process.set_disposition(Signal::HUP, Some(Disposition::Ignore));
    context.process.wait_signal().await;
    0
}

pub(super) async fn httpd(context: &Context, argv: &[String]) -> i32 {
    // busybox's httpd: -f in the foreground, -p port, -h directory.
    let options = super::Options::parse(argv, "phckX");
    let port = options
        .value('p')
        .and_then(|p| p.rsplit(':').next().and_then(|p| p.parse().ok()))
        .unwrap_or(80);
    let busybox = context.machine.shell == crate::guest::images::Flavour::Ash;
    let root = options.value('h').map_or_else(
        || {
            if busybox {
                context.cwd.clone()
            } else {
                "/usr/local/apache2/htdocs".to_owned()
            }
        },
        |dir| crate::guest::files::normalize(&context.cwd, dir),
    );
    let handler = directory(context, root, busybox);
    if !busybox {
        let signals = ends_by(&[(Signal::TERM, 0), (WINCH, 0), (Signal::INT, 0)]);
        handle(&context.process, &signals);
        if !bind(context, &[port], &handler).await {
            return 1;
        }
        context.process.wait_signal().await;
        return 0;
    }
    if options.has('f') {
        return listen(context, &[port], handler).await;
    }
    daemon(context, argv, async move |inner| listen(&inner, &[port], handler).await)
}

/// Serves the files of a directory; `strict`: 404 for what is not there, else the start page always works.
fn directory(context: &Context, root: String, strict: bool) -> Handler {
    let files = context.clone();
    Rc::new(move |request: &Request| {
        let path = request.path.split(['?', '#']).next().unwrap_or("/");
        let full = format!("{root}{path}");
        let node = files.files().find("/", &full).ok();
        match node {
            Some(node) if node.is_file() => Answer::text(
                200,
                &node.with_bytes(|bytes| String::from_utf8_lossy(bytes).into_owned()),
            ),
            Some(node) => match node.child("index.html") {
                Some(index) => Answer::text(
                    200,
                    &index.with_bytes(|bytes| String::from_utf8_lossy(bytes).into_owned()),
                ),
                None => Answer::text(if strict { 404 } else { 200 }, ""),
            },
            None if path == "/" && !strict => Answer::text(200, "<html><body><h1>It works!</h1></body></html>\n"),
            None => Answer::text(404, ""),
        }
    })
}

pub(super) async fn redis(context: &Context, argv: &[String]) -> i32 {
    let port = argv
        .iter()
        .position(|word| word == "--port")
        .and_then(|at| argv.get(at + 1))
        .and_then(|p| p.parse().ok())
        .unwrap_or(6379);
    let script = ProgramScript {
        listens: vec![port],
        signals: ends_by(&[(Signal::TERM, 0), (Signal::INT, 0)]),
        ..ProgramScript::default()
    };
    serve(context, &script).await
}

/// etcd closes what it has open; then it ends by the signal, as process 1 with 0 (`pkg/osutil: HandleInterrupts`).
pub(super) async fn etcd(context: &Context, _: &[String]) -> i32 {
    let is_first = context.process.pid == 1;
    let code = |signal: Signal| (signal, if is_first { 0 } else { signal.exit_code() });
    let script = ProgramScript {
        listens: vec![2379, 2380],
        signals: ends_by(&[code(Signal::TERM), code(Signal::INT)]),
        ..ProgramScript::default()
    };
    serve(context, &script).await
}

/// What signals do to a program in Go that does not ask for them. Its runtime ends it by the signal itself; to process 1
/// the kernel does not deliver that, and the runtime then exits with 2 (`runtime: dieFromSignal`).
pub(super) fn go_runtime(context: &Context) -> Vec<SignalScript> {
    if context.process.pid == 1 {
        ends_by(&[(Signal::TERM, 2), (Signal::INT, 2), (Signal::HUP, 2), (Signal::QUIT, 2)])
    } else {
        Vec::new()
    }
}

/// The container that holds a sandbox open.
pub(super) async fn pause(context: &Context, _: &[String]) -> i32 {
    let script = ProgramScript {
        signals: ends_by(&[(Signal::TERM, 0), (Signal::INT, 0)]),
        ..ProgramScript::default()
    };
    serve(context, &script).await
}

/// registry.k8s.io/liveness: 200 for ten seconds, then 500.
pub(super) async fn liveness(context: &Context, _: &[String]) -> i32 {
    serve_liveness(context, 8080).await
}

pub(super) async fn serve_liveness(context: &Context, port: u16) -> i32 {
    let limit = Duration::from_secs(10);
    let script = ProgramScript {
        listens: vec![port],
        answers: vec![
            answer(Some("/healthz"), Duration::ZERO, 200, "ok"),
            // The server compares "more than ten seconds".
            answer(Some("/healthz"), Duration(limit.0 + 1), 500, "error: 10.0"),
            answer(None, Duration::ZERO, 404, ""),
        ],
        signals: go_runtime(context),
        ..ProgramScript::default()
    };
    serve(context, &script).await
}

pub(super) async fn goproxy(context: &Context, _: &[String]) -> i32 {
    let script = ProgramScript {
        listens: vec![8080],
        signals: go_runtime(context),
        ..ProgramScript::default()
    };
    serve(context, &script).await
}

pub(super) async fn echoserver(context: &Context, _: &[String]) -> i32 {
    let script = ProgramScript {
        listens: vec![8080],
        answers: vec![answer(None, Duration::ZERO, 200, "Hello, world!\n")],
        ..ProgramScript::default()
    };
    serve(context, &script).await
}

/// hashicorp/http-echo: `-text=…`, `-listen=:5678`
pub(super) async fn http_echo(context: &Context, argv: &[String]) -> i32 {
    let option = |name: &str| {
        argv.iter()
            .find_map(|word| word.trim_start_matches('-').strip_prefix(name))
    };
    let port = option("listen=")
        .and_then(|text| text.rsplit(':').next())
        .and_then(|p| p.parse().ok())
        .unwrap_or(5678);
    let script = ProgramScript {
        listens: vec![port],
        answers: vec![answer(
            None,
            Duration::ZERO,
            200,
            &format!("{}\n", option("text=").unwrap_or("hello")),
        )],
        signals: ends_by(&[(Signal::TERM, 0), (Signal::INT, 0)]),
        ..ProgramScript::default()
    };
    serve(context, &script).await
}

pub(super) async fn hello_world(context: &Context, _: &[String]) -> i32 {
    context
        .out("\nHello from Docker!\nThis message shows that your installation appears to be working correctly.\n")
        .await;
    0
}

/// Whether a call of python is one that is played.
pub(super) fn python_is_known(argv: &[String]) -> bool {
    argv.iter()
        .skip(1)
        .any(|word| word == "http.server" || word == "SimpleHTTPServer" || word == "--version" || word == "-V")
        || argv.len() == 1
}

/// `python -m http.server [port]`; an interpreter without a script ends at once when nobody types.
pub(super) async fn python(context: &Context, argv: &[String]) -> i32 {
    if argv.len() == 1 {
        context.read("-").await.ok();
        return 0;
    }
    if !python_is_known(argv) {
        return super::not_known(context, &argv.join(" ")).await;
    }
    let Some(at) = argv
        .iter()
        .position(|word| word == "http.server" || word == "SimpleHTTPServer")
    else {
        return 0;
    };
    let port = argv[at + 1..].iter().find_map(|word| word.parse().ok()).unwrap_or(8000);
    let root = argv
        .iter()
        .position(|word| word == "-d" || word == "--directory")
        .and_then(|at| argv.get(at + 1))
        .cloned();
    let handler = directory(context, root.unwrap_or_else(|| context.cwd.clone()), false);
    // The interpreter handles INT; TERM has its default action, which process 1 does not see.
    context.process.set_disposition(Signal::INT, Some(Disposition::Handle));
    if !bind(context, &[port], &handler).await {
        return 1;
    }
    loop {
        context.process.wait_signal().await;
        if context.process.take_signal() == Some(Signal::INT) {
            return 0;
        }
    }
}

/// Whether a call of perl is one that is played: the documentation's `perl -Mbignum=bpi -wle "print bpi(2000)"`.
pub(super) fn perl_is_known(argv: &[String]) -> bool {
    argv.iter().any(|word| bpi(word).is_some())
}

fn bpi(script: &str) -> Option<usize> {
    script
        .trim()
        .strip_prefix("print bpi(")?
        .strip_suffix(')')?
        .parse()
        .ok()
}

/// How long 2000 digits of pi take perl on one core, in milliseconds: it grows with the square of the digits.
const PI_MILLIS_FOR_2000: i64 = 4000;

pub(super) async fn perl(context: &Context, argv: &[String]) -> i32 {
    let Some(digits) = argv.iter().find_map(|word| bpi(word)) else {
        return super::not_known(context, &argv.join(" ")).await;
    };
    let digits = digits.clamp(1, 10_000);
    let count = i64::try_from(digits).unwrap_or(10_000);
    context.machine.assume(
        &context.process,
        "perl computes digits of pi",
        "2000 digits take 4 s, more in proportion to their square",
    );
    context
        .kernel()
        .sleep(Duration::from_millis(PI_MILLIS_FOR_2000 * count * count / 4_000_000))
        .await;
    i32::from(!context.out(&format!("{}\n", pi(digits))).await)
}

/// Pi to that many significant digits, by the spigot algorithm.
fn pi(digits: usize) -> String {
    let length = digits * 10 / 3 + 16;
    let mut state = vec![2_u64; length];
    let mut text = String::new();
    let (mut nines, mut held) = (0, None);
    // Two more than needed, to round.
    for _ in 0..digits + 3 {
        let mut carry = 0;
        for index in (0..length).rev() {
            let divisor = if index == 0 {
                10
            } else {
                2 * u64::try_from(index).unwrap_or(0) + 1
            };
            let value = state[index] * 10 + carry;
            state[index] = value % divisor;
            carry = value / divisor * u64::try_from(index.max(1)).unwrap_or(1);
            if index == 0 {
                carry = value / 10;
            }
        }
        match carry {
            9 => nines += 1,
            10 => {
                text.push_str(&held.map_or(String::new(), |digit: u64| (digit + 1).to_string()));
                text.push_str(&"0".repeat(nines));
                held = Some(0);
                nines = 0;
            }
            digit => {
                text.push_str(&held.map_or(String::new(), |digit: u64| digit.to_string()));
                text.push_str(&"9".repeat(nines));
                held = Some(digit);
                nines = 0;
            }
        }
    }
    text.push_str(&held.map_or(String::new(), |digit| digit.to_string()));
    text.push_str(&"9".repeat(nines));
    let mut kept: Vec<u8> = text.bytes().take(digits).map(|b| b - b'0').collect();
    if text.as_bytes().get(digits).is_some_and(|next| *next >= b'5') {
        for digit in kept.iter_mut().rev() {
            *digit = (*digit + 1) % 10;
            if *digit != 0 {
                break;
            }
        }
    }
    let all: String = kept.iter().map(|digit| char::from(b'0' + digit)).collect();
    if digits > 1 {
        format!("{}.{}", &all[..1], &all[1..])
    } else {
        all
    }
}

/// polinux/stress: `--vm 1 --vm-bytes 150M --vm-hang 1`, `--cpu 1`, `--timeout 10s`. Beyond the memory limit it is killed.
pub(super) async fn stress(context: &Context, argv: &[String]) -> i32 {
    let value = |names: [&str; 2]| {
        argv.iter()
            .position(|word| names.contains(&word.as_str()))
            .and_then(|at| argv.get(at + 1))
    };
    let bytes = value(["--vm-bytes", "--vm-bytes"]).map_or(256 << 20, |text| {
        let digits: u64 = text.trim_end_matches(char::is_alphabetic).parse().unwrap_or(0);
        match text.chars().last().map(|c| c.to_ascii_uppercase()) {
            Some('G') => digits << 30,
            Some('M') => digits << 20,
            Some('K') => digits << 10,
            _ => digits,
        }
    });
    let workers = value(["--vm", "-m"]).and_then(|n| n.parse::<u64>().ok()).unwrap_or(0);
    if workers > 0
        && let Some(limit) = context.machine.spec.memory_limit_bytes
        && bytes.saturating_mul(workers) > limit
    {
        // A worker is killed by the OOM killer; the parent sees it fail and gives up with 1.
        context.err("stress: FAIL: [1] (415) <-- worker 8 got signal 9").await;
        context.machine.out_of_memory.set(true);
        return 1;
    }
    let span = value(["--timeout", "-t"]).and_then(|text| super::seconds(text));
    match span {
        Some(span) => {
            context.kernel().sleep(span).await;
            0
        }
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_of_pi() {
        assert_eq!(pi(1), "3");
        assert_eq!(pi(10), "3.141592654");
        assert!(pi(2000).starts_with("3.14159265358979323846264338327950288"));
    }
}
