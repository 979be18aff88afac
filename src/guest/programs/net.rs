//! Programs that talk to others: nslookup, getent, wget, curl, nc, ping and clients that wait for a server.

use super::{Context, Options};
use crate::guest::io::Descriptor;
use crate::guest::network::{Answer, Connection, Request};
use crate::guest::world::{DNS_IP, Lookup};
use crate::kernel::Duration;

/// How long a program waits for a host that does not answer, when it was not told.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);
/// How long busybox's nslookup waits for a name that does not exist is nothing: the DNS server says so at once.
const PAGE: &str = "<!doctype html><html><head><title>a page outside the cluster</title></head></html>\n";

fn lookup(context: &Context, name: &str) -> Lookup {
    let network = &context.machine.network;
    if matches!(name, "localhost" | "127.0.0.1") {
        return Lookup::Found {
            name: "localhost".to_owned(),
            addresses: vec!["127.0.0.1".to_owned()],
        };
    }
    if name == network.hostname {
        return Lookup::Found {
            name: name.to_owned(),
            addresses: vec![network.ip.clone()],
        };
    }
    match context.machine.world().lookup(&network.namespace, name) {
        Lookup::External => {
            outside(context, name);
            Lookup::Found {
                name: name.to_owned(),
                addresses: vec!["203.0.113.1".to_owned()],
            }
        }
        found => found,
    }
}

fn outside(context: &Context, host: &str) {
    let what = format!("host {host} is not part of what is simulated");
    context.machine.assume(
        &context.process,
        &what,
        "its name is known, it accepts connections and answers 200",
    );
}

pub(super) async fn nslookup(context: &Context, argv: &[String]) -> i32 {
    let Some(name) = argv[1..].iter().find(|word| !word.starts_with('-')) else {
        return 1;
    };
    context
        .out(&format!("Server:\t\t{DNS_IP}\nAddress:\t{DNS_IP}:53\n\n"))
        .await;
    match lookup(context, name) {
        Lookup::Found { name, addresses } => {
            for address in addresses {
                context.out(&format!("Name:\t{name}\nAddress: {address}\n")).await;
            }
            0
        }
        Lookup::NotFound | Lookup::External => {
            context.out(&format!("** server can't find {name}: NXDOMAIN\n")).await;
            1
        }
    }
}

pub(super) async fn getent(context: &Context, argv: &[String]) -> i32 {
    let [_, database, name, ..] = argv else { return 1 };
    if !matches!(database.as_str(), "hosts" | "ahosts" | "ahostsv4") {
        return 2;
    }
    match lookup(context, name) {
        Lookup::Found { name, addresses } => {
            for address in addresses {
                context.out(&format!("{address:<15} {name}\n")).await;
            }
            0
        }
        Lookup::NotFound | Lookup::External => 2,
    }
}

pub(super) async fn ping(context: &Context, argv: &[String]) -> i32 {
    let options = Options::parse(argv, "cwWi");
    let Some(host) = options.rest.first() else { return 2 };
    let count = options
        .value('c')
        .and_then(|n| n.parse::<u32>().ok())
        .unwrap_or(u32::MAX);
    match lookup(context, host) {
        Lookup::Found { addresses, .. } => {
            for number in 0..count {
                if number > 0 {
                    context.kernel().sleep(Duration::from_secs(1)).await;
                }
                let address = addresses.first().map_or("", String::as_str);
                context
                    .out(&format!("64 bytes from {address}: seq={number} ttl=64 time=0.1 ms\n"))
                    .await;
            }
            0
        }
        Lookup::NotFound | Lookup::External => {
            context.err(&format!("ping: bad address '{host}'")).await;
            1
        }
    }
}

/// What came of a try to connect.
enum Tried {
    Answered(Answer),
    Failed(&'static str),
}

/// Connects, and asks for a path by http.
async fn request(context: &Context, host: &str, port: u16, path: &str, timeout: Duration) -> Tried {
    let request = Request {
        path: path.to_owned(),
        text: None,
    };
    send(context, host, port, &request, timeout).await
}

async fn send(context: &Context, host: &str, port: u16, request: &Request, timeout: Duration) -> Tried {
    let network = &context.machine.network;
    match context.machine.world().connect(network, host, port) {
        Connection::Accepted(handler) => {
            let answer = handler(request);
            if answer.takes > timeout {
                context.kernel().sleep(timeout).await;
                return Tried::Failed("timed out");
            }
            context.kernel().sleep(answer.takes).await;
            Tried::Answered(answer)
        }
        Connection::External => {
            outside(context, host);
            Tried::Answered(Answer::text(200, PAGE))
        }
        Connection::Refused => Tried::Failed("Connection refused"),
        Connection::UnknownHost => Tried::Failed("bad address"),
        Connection::TimedOut => {
            context.kernel().sleep(timeout).await;
            Tried::Failed("timed out")
        }
    }
}

/// Host, port and path of a URL.
fn split_url(url: &str) -> (String, u16, String) {
    let (scheme, rest) = url.split_once("://").unwrap_or(("http", url));
    let (authority, path) = match rest.find(['/', '?']) {
        Some(at) => (&rest[..at], &rest[at..]),
        None => (rest, "/"),
    };
    let authority = authority.rsplit('@').next().unwrap_or(authority);
    let default = if scheme == "https" { 443 } else { 80 };
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !host.is_empty() => (host, port.parse().unwrap_or(default)),
        _ => (authority, default),
    };
    (host.to_owned(), port, path.to_owned())
}

fn timeout(text: Option<&str>) -> Duration {
    text.and_then(super::seconds).unwrap_or(CONNECT_TIMEOUT)
}

pub(super) async fn wget(context: &Context, argv: &[String]) -> i32 {
    let options = Options::parse(argv, "OTtPUo");
    let Some(url) = options.rest.first() else {
        context.err("wget: missing URL").await;
        return 1;
    };
    let (host, port, path) = split_url(url);
    let long_timeout = options
        .letters
        .iter()
        .find_map(|(_, text)| text.strip_prefix("--timeout=").map(str::to_owned));
    let limit = timeout(options.value('T').or(long_timeout.as_deref()));
    let quiet = options.has('q');
    match request(context, &host, port, &path, limit).await {
        Tried::Answered(answer) if answer.status < 400 => {
            if options.has_long("--spider") {
                return 0;
            }
            let target = options.value('O').map_or_else(
                || {
                    let name = path
                        .split('?')
                        .next()
                        .and_then(|path| path.rsplit('/').next())
                        .unwrap_or_default();
                    if name.is_empty() {
                        "index.html".to_owned()
                    } else {
                        name.to_owned()
                    }
                },
                str::to_owned,
            );
            if target == "-" {
                return i32::from(!context.out(&answer.body).await);
            }
            match context.open(&target, crate::guest::machine::OpenMode::Write) {
                Ok(file) => i32::from(file.write(answer.body.as_bytes()).await.is_err()),
                Err(error) => {
                    context.err(&format!("wget: can't open '{target}': {error}")).await;
                    1
                }
            }
        }
        Tried::Answered(answer) => {
            if !quiet {
                context
                    .err(&format!("wget: server returned error: HTTP/1.1 {}", answer.status))
                    .await;
            }
            1
        }
        Tried::Failed(error) => {
            context
                .err(&format!("wget: can't connect to remote host ({host}): {error}"))
                .await;
            1
        }
    }
}

pub(super) async fn curl(context: &Context, argv: &[String]) -> i32 {
    let (mut url, mut output, mut format, mut limit) = (None, None, None, None);
    let (mut fail, mut silent, mut show, mut head) = (false, false, false, false);
    let (mut retries, mut delay) = (0_u32, Duration::from_secs(1));
    let mut words = argv[1..].iter();
    while let Some(word) = words.next() {
        match word.as_str() {
            "-o" | "--output" => output = words.next().cloned(),
            "-w" | "--write-out" => format = words.next().cloned(),
            "-m" | "--max-time" | "--connect-timeout" => limit = words.next().cloned(),
            "--retry" => retries = words.next().and_then(|n| n.parse().ok()).unwrap_or(0),
            "--retry-delay" => delay = words.next().and_then(|text| super::seconds(text)).unwrap_or(delay),
            "-X" | "-d" | "-H" | "-u" | "-A" | "-T" | "--data" | "--header" | "--request" | "--user" | "--cacert"
            | "--cert" | "--key" | "-F" | "--unix-socket" | "--resolve" | "--data-binary" | "--data-raw" | "-e"
            | "-b" | "-c" => {
                words.next();
            }
            "--fail" | "--fail-with-body" => fail = true,
            "--silent" => silent = true,
            "--show-error" => show = true,
            "--head" => head = true,
            long if long.starts_with("--") => {}
            short if short.starts_with('-') => {
                fail |= short.contains('f');
                silent |= short.contains('s');
                show |= short.contains('S');
                head |= short.contains('I');
                // The last letter may take the next word: -so /dev/null.
                if short.ends_with('o') {
                    output = words.next().cloned();
                } else if short.ends_with('m') {
                    limit = words.next().cloned();
                } else if short.ends_with(['X', 'H', 'd']) {
                    words.next();
                }
            }
            other => url = Some(other.to_owned()),
        }
    }
    let Some(url) = url else {
        context.err("curl: no URL specified").await;
        return 2;
    };
    let (host, port, path) = split_url(&url);
    let mut attempt = 0;
    let tried = loop {
        let tried = request(context, &host, port, &path, timeout(limit.as_deref())).await;
        let again = match &tried {
            Tried::Answered(answer) => answer.status >= 500,
            Tried::Failed(error) => *error == "timed out",
        };
        if !again || attempt >= retries {
            break tried;
        }
        attempt += 1;
        context.kernel().sleep(delay).await;
    };
    let (status, code, message) = match &tried {
        Tried::Answered(answer) if fail && answer.status >= 400 => (
            answer.status,
            22,
            format!("The requested URL returned error: {}", answer.status),
        ),
        Tried::Answered(answer) => (answer.status, 0, String::new()),
        Tried::Failed("Connection refused") => (
            0,
            7,
            format!("Failed to connect to {host} port {port}: Connection refused"),
        ),
        Tried::Failed("bad address") => (0, 6, format!("Could not resolve host: {host}")),
        Tried::Failed(_) => (0, 28, "Connection timed out".to_owned()),
    };
    if code != 0 && (!silent || show) {
        context.err(&format!("curl: ({code}) {message}")).await;
    }
    if let Tried::Answered(answer) = &tried
        && code == 0
    {
        let body = if head {
            format!("HTTP/1.1 {}\r\n\r\n", answer.status)
        } else {
            answer.body.clone()
        };
        match &output {
            Some(path) => {
                if let Ok(file) = context.open(path, crate::guest::machine::OpenMode::Write) {
                    let _ = file.write(body.as_bytes()).await;
                }
            }
            None => {
                context.out(&body).await;
            }
        }
    }
    if let Some(format) = format {
        let text = format
            .replace("%{http_code}", &format!("{status:03}"))
            .replace("%{response_code}", &format!("{status:03}"));
        context.out(&super::escapes(&text, true).0).await;
    }
    code
}

/// `nc -z host port`, `nc host port`, `nc -l -p port`
pub(super) async fn nc(context: &Context, argv: &[String]) -> i32 {
    let options = Options::parse(argv, "wpseX");
    if options.has('l') {
        let text = options
            .value('p')
            .map(str::to_owned)
            .or_else(|| options.rest.last().cloned());
        let Some(port) = text.and_then(|text| text.parse().ok()) else {
            context.err("nc: missing port").await;
            return 1;
        };
        return super::listener::serve(context, port, &options).await;
    }
    let [host, port, ..] = &options.rest[..] else {
        context.err("nc: missing host and port").await;
        return 1;
    };
    let Ok(port) = port.split('-').next().unwrap_or_default().parse::<u16>() else {
        return 1;
    };
    let limit = timeout(options.value('w'));
    let input = context.fd(0);
    let sent = match *input {
        // Nobody types.
        Descriptor::Silent | Descriptor::Null => Vec::new(),
        _ if options.has('z') => Vec::new(),
        _ => input
            .read_all(crate::guest::limits::STRING_BYTES)
            .await
            .unwrap_or_default(),
    };
    let request = Request {
        path: "/".to_owned(),
        text: Some(String::from_utf8_lossy(&sent).into_owned()),
    };
    match send(context, host, port, &request, limit).await {
        Tried::Answered(answer) => {
            if options.has('v') {
                context.err(&format!("{host} ({host}:{port}) open")).await;
            }
            if !options.has('z') {
                context.out(&answer.body).await;
            }
            0
        }
        Tried::Failed(error) => {
            if options.has('v') {
                context.err(&format!("nc: {host} ({host}:{port}): {error}")).await;
            }
            1
        }
    }
}

/// The host and port of a client's options, and its code when nobody answers.
async fn client(context: &Context, argv: &[String], port: u16, valued: &str) -> bool {
    let options = Options::parse(argv, valued);
    let host = options.value('h').unwrap_or("localhost").to_owned();
    let port = options.value('p').and_then(|p| p.parse().ok()).unwrap_or(port);
    matches!(
        request(context, &host, port, "/", Duration::from_secs(3)).await,
        Tried::Answered(_)
    )
}

pub(super) async fn pg_isready(context: &Context, argv: &[String]) -> i32 {
    let answers = client(context, argv, 5432, "hpUdt").await;
    context
        .out(if answers {
            "accepting connections\n"
        } else {
            "no response\n"
        })
        .await;
    if answers { 0 } else { 2 }
}

pub(super) async fn redis_cli(context: &Context, argv: &[String]) -> i32 {
    let options = Options::parse(argv, "hpan");
    if !client(context, argv, 6379, "hpan").await {
        context.err("Could not connect to Redis: Connection refused").await;
        return 1;
    }
    let reply = if options
        .rest
        .first()
        .is_some_and(|word| word.eq_ignore_ascii_case("ping"))
    {
        "PONG\n"
    } else {
        "OK\n"
    };
    i32::from(!context.out(reply).await)
}

/// `grpc_health_probe -addr=:5000`
pub(super) async fn grpc_health_probe(context: &Context, argv: &[String]) -> i32 {
    let address = argv
        .iter()
        .find_map(|word| word.trim_start_matches('-').strip_prefix("addr="))
        .unwrap_or(":0");
    let (host, port) = address.rsplit_once(':').unwrap_or(("", address));
    let host = if host.is_empty() { "localhost" } else { host };
    let port = port.parse().unwrap_or(0);
    match request(context, host, port, "/", Duration::from_secs(1)).await {
        Tried::Answered(answer) if answer.status < 400 => {
            context.out("status: SERVING\n").await;
            0
        }
        Tried::Answered(_) => 4,
        Tried::Failed(_) => 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls() {
        for (url, host, port, path) in [
            ("http://a.b:8080/x?y=1", "a.b", 8080, "/x?y=1"),
            ("a.b", "a.b", 80, "/"),
            ("https://a.b", "a.b", 443, "/"),
            ("http://u:p@a.b/x", "a.b", 80, "/x"),
        ] {
            assert_eq!(split_url(url), (host.to_owned(), port, path.to_owned()), "{url}");
        }
    }
}
