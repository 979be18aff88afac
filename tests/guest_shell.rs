//! Small scripts: the shell of guest containers against a real `sh`, and its endurance of any script whatever.

use std::cell::RefCell;
use std::process::Command;
use std::rc::Rc;

use podlapse::guest::{Assumption, Container, LogStream, Network, Observer, PodFacts, Spec, World};
use podlapse::kernel::{Duration, Kernel, Time};
use proptest::prelude::*;

#[derive(Default)]
struct Seen {
    out: RefCell<String>,
    err: RefCell<String>,
    assumed: RefCell<Vec<Assumption>>,
}

impl Observer for Seen {
    fn log(&self, stream: LogStream, line: &str) {
        let target = match stream {
            LogStream::Stdout => &self.out,
            LogStream::Stderr => &self.err,
        };
        target.borrow_mut().push_str(line);
        target.borrow_mut().push('\n');
    }
    fn command(&self, _: u32, _: &str) {}
    fn assume(&self, assumption: Assumption) {
        self.assumed.borrow_mut().push(assumption);
    }
}

/// What a script did: exit code (None: it did not end), output, error output, seconds of virtual time.
#[derive(Clone, Debug, PartialEq)]
struct Result {
    code: Option<i32>,
    out: String,
    err: String,
    seconds: f64,
    assumed: Vec<Assumption>,
}

fn play(image: &str, script: &str) -> Result {
    // A wrapper keeps the shell from being process 1, whose signals are special.
    // Kubernetes takes two dollars for one.
    play_first(image, &["tini", "--", "sh", "-c", &script.replace("$$", "$$$$")])
}

/// Plays a command as process 1.
fn play_first(image: &str, command: &[&str]) -> Result {
    let kernel = Kernel::new();
    let world = World::new(&kernel, 946_684_800, Vec::new());
    let facts = PodFacts {
        namespace: "default".to_owned(),
        name: "web".to_owned(),
        ip: "10.88.0.2".to_owned(),
        ..PodFacts::default()
    };
    let network = Network::new(&world, facts);
    let seen = Rc::new(Seen::default());
    let spec = Spec {
        image: image.to_owned(),
        command: command.iter().map(|word| (*word).to_owned()).collect(),
        working_dir: Some("/work".to_owned()),
        ..Spec::default()
    };
    let container = Container::new(1, spec, &network, seen.clone());
    let code = Rc::new(RefCell::new(None));
    let (waiting, ended) = (container.clone(), code.clone());
    let at = Rc::new(RefCell::new(Time::ZERO));
    let (clock, at_end) = (kernel.clone(), at.clone());
    kernel.spawn(async move {
        waiting.start();
        *ended.borrow_mut() = Some(waiting.ended().await.code);
        *at_end.borrow_mut() = clock.now();
    });
    kernel.run(Time::ZERO + Duration::from_secs(200));
    let code = *code.borrow();
    #[allow(clippy::cast_precision_loss)]
    let seconds = at.borrow().as_nanos() as f64 / 1e9;
    Result {
        code,
        out: seen.out.borrow().clone(),
        err: seen.err.borrow().clone(),
        seconds,
        assumed: seen.assumed.borrow().clone(),
    }
}

/// A real shell, with the image whose `sh` it is.
fn real_shell() -> Option<(&'static [&'static str], &'static str)> {
    let candidates: [(&[&str], &str); 2] = [(&["dash"], "debian"), (&["busybox", "sh"], "busybox")];
    candidates.into_iter().find(|(command, _)| {
        Command::new(command[0])
            .args(&command[1..])
            .args(["-c", "exit 0"])
            .output()
            .is_ok_and(|o| o.status.success())
    })
}

#[test]
fn scripts_do_what_a_real_shell_does() {
    let Some((shell, image)) = real_shell() else {
        eprintln!("skipped: neither dash nor busybox is installed");
        return;
    };
    let text = include_str!("guest/scripts.txt");
    let scripts: Vec<&str> = text.split("\n===\n").collect();
    assert!(scripts.len() >= 150, "{} scripts", scripts.len());
    let base = std::env::temp_dir().join(format!("podlapse-scripts-{}", std::process::id()));
    let mut differences = Vec::new();
    for (number, script) in scripts.iter().enumerate() {
        let directory = base.join(number.to_string());
        std::fs::create_dir_all(&directory).expect("the temporary directory is writable");
        let output = Command::new(shell[0])
            .args(&shell[1..])
            .args(["-c", script])
            .current_dir(&directory)
            .env_clear()
            .env("PATH", std::env::var("PATH").unwrap_or_default())
            .env("HOME", "/root")
            .output()
            .expect("the shell starts");
        use std::os::unix::process::ExitStatusExt;
        let code = output
            .status
            .code()
            .or_else(|| output.status.signal().map(|signal| 128 + signal));
        let mut out = String::from_utf8_lossy(&output.stdout).into_owned();
        // The log knows whole lines only.
        if !out.is_empty() && !out.ends_with('\n') {
            out.push('\n');
        }
        let played = play(image, script);
        if (played.code, &played.out) != (code, &out) {
            differences.push(format!(
                "--- {script}\nreal: {code:?} {out:?}\nours: {:?} {:?} {:?}",
                played.code, played.out, played.err
            ));
        }
    }
    std::fs::remove_dir_all(&base).ok();
    assert!(
        differences.is_empty(),
        "{} of {} differ:\n{}",
        differences.len(),
        scripts.len(),
        differences.join("\n")
    );
}

#[test]
fn waiting_takes_virtual_time() {
    for (script, seconds) in [
        ("sleep 5", 5.0),
        ("sleep 1m 30", 90.0),
        ("sleep 0.25", 0.25),
        ("sleep 3 & sleep 5; wait", 5.0),
        ("sleep 5 & sleep 3; wait", 5.0),
        ("for i in 1 2 3; do sleep 2; done", 6.0),
        ("timeout 4 sleep 10", 4.0),
        ("sleep 10 & sleep 1; kill $!; wait", 1.0),
        ("sleep 3 | sleep 4", 4.0),
        ("trap 'exit 0' TERM; (sleep 2; kill $$) & wait", 2.0),
        ("trap 'exit 0' TERM; (sleep 2; kill $$) & sleep 7", 7.0),
        ("while [ $(date +%s) -lt 946684810 ]; do sleep 1; done", 10.0),
        ("(sleep 4; touch f) & until [ -e f ]; do sleep 1.5; done", 4.5),
        // tail learns that its reader has gone when it writes again.
        (
            "(sleep 2; echo x >> f; sleep 1; echo y >> f) & touch f; tail -f f | head -n 1",
            3.0,
        ),
    ] {
        let played = play("busybox", script);
        assert_eq!(played.seconds, seconds, "{script}: {played:?}");
    }
}

#[test]
fn files_are_as_old_as_their_container_whenever_one_looks_at_them() {
    let script = "sleep 5; touch late; stat -c %Y /etc/hostname late; [ /etc -ot late ]";
    let played = play("busybox", script);
    assert_eq!((played.code, &*played.out), (Some(0), "946684800\n946684805\n"));
}

/// What differs from shell to shell, tried with busybox 1.35, bash 5.2 and dash 0.5.12.
#[test]
fn shells_differ_as_they_do() {
    for (image, script, code, out) in [
        // busybox and bash clear set -e in a substitution, dash keeps it.
        (
            "busybox",
            "set -e; x=$(echo a; false; echo b); echo \"[$x]\"",
            0,
            "[a\nb]\n",
        ),
        (
            "bash",
            "set -e; x=$(echo a; false; echo b); echo \"[$x]\"",
            0,
            "[a\nb]\n",
        ),
        ("debian", "set -e; x=$(echo a; false; echo b); echo \"[$x]\"", 1, ""),
        (
            "bash",
            "shopt -s inherit_errexit; set -e; x=$(false; echo b); echo no",
            1,
            "",
        ),
        (
            "bash",
            "v=HOME; echo ${!v:-} ${!v:+set} ${!v-x}; n=NO; echo \"[${!n:-}]\"",
            0,
            "/root set /root\n[]\n",
        ),
        (
            "busybox",
            "echo 'echo \"$# $1\"' > i; set -- m; . ./i x y; echo $1",
            0,
            "2 x\nm\n",
        ),
        (
            "bash",
            "echo 'echo \"$# $1\"' > i; set -- m; . i x y; echo $1",
            0,
            "2 x\nm\n",
        ),
        ("busybox", ". nosuch; echo no", 2, ""),
        // busybox' timeout has its command's code.
        ("busybox", "timeout 1 sleep 3; echo $?", 0, "143\n"),
        (
            "busybox",
            "timeout 1 sh -c 'trap \"exit 9\" TERM; while :; do sleep 0.1; done'; echo $?",
            0,
            "9\n",
        ),
        (
            "debian",
            "timeout -k 1 1 sh -c 'trap \"\" TERM; sleep 9'; echo $?",
            0,
            "137\n",
        ),
        (
            "busybox",
            "which wget curl bash python3 nginx; echo $?",
            0,
            "/bin/wget\n1\n",
        ),
        (
            "busybox",
            "command -v curl || echo none; type python3 >/dev/null || echo none",
            0,
            "none\nnone\n",
        ),
        (
            "nginx",
            "command -v nginx curl wget",
            127,
            "/usr/bin/nginx\n/usr/bin/curl\n",
        ),
        (
            "busybox",
            "sleep 9 & sleep 9 & kill %1 %%; wait $!; echo $?",
            0,
            "143\n",
        ),
        ("debian", "wait -n; echo $?", 0, "2\n"),
        (
            "bash",
            "wait -n; echo $?; (sleep 3; exit 3) & (sleep 1; exit 4) & wait -n; echo $?; wait -n; echo $?; wait -n; echo $?",
            0,
            "127\n4\n3\n127\n",
        ),
        (
            "bash",
            "(exit 6) & (sleep 2; exit 7) & sleep 1; wait -n; echo $?; wait -n; echo $?",
            0,
            "6\n7\n",
        ),
        (
            "bash",
            "(sleep 2; exit 8) & p=$!; (sleep 1; exit 9) & wait -n $p; echo $?; wait -n -p v; echo $? $((v == $!))",
            0,
            "8\n9 1\n",
        ),
        (
            "bash",
            "(exit 3) & p=$!; wait $p 99; echo $?; wait -n; echo $?; wait $p; echo $?; wait foo; echo $?",
            0,
            "127\n127\n3\n1\n",
        ),
        (
            "bash",
            "trap 'echo t' TERM; (sleep 1; kill $$) & sleep 5 & wait -n; echo $?; wait -n; echo $?",
            0,
            "t\n143\n0\n",
        ),
        (
            "busybox",
            "trap 'echo t' TERM; (sleep 1; kill $$) & wait $!; echo $?; (sleep 1; kill $$) & wait; echo $?",
            0,
            "t\n143\nt\n143\n",
        ),
        // busybox has the option, and a mistake in it.
        (
            "busybox",
            "wait -n; echo $?; sleep 1 & sleep 2 & wait -n; echo $?; (exit 3) & (sleep 1; exit 4) & wait -n; echo $?",
            0,
            "127\n0\n0\n",
        ),
        (
            "busybox",
            "(sleep 1; exit 3) & (sleep 2; exit 4) & wait -n; echo $?; wait -n; echo $?; wait foo; echo $?",
            0,
            "129\n0\n2\n",
        ),
        ("busybox", "set -o pipefail; false | true; echo $?", 0, "1\n"),
        (
            "busybox",
            "[ a == a ] && [[ a == a ]] && x=abc && echo ${x:0:1} ${x/b/c}",
            0,
            "a acc\n",
        ),
        ("busybox", "trap 'echo t; exit 3' SIGTERM; kill $$; sleep 1", 3, "t\n"),
        (
            "busybox",
            "printf abc | { read -n 2 x; echo $x; }; printf a:b | { read -d : x; echo $x; }",
            0,
            "ab\na\n",
        ),
        ("busybox", "sleep 2 | { read -t 1 x; echo $?; }", 0, "1\n"),
        ("bash", "sleep 2 | { read -t 1 x; echo $?; }", 0, "142\n"),
        ("bash", "set -u; echo $nope", 127, ""),
        ("busybox", "shift 2; echo $?; cd nodir; echo $?", 0, "1\n2\n"),
        // nc listens for one connection.
        (
            "busybox",
            "echo hello | nc -l -p 99 > got & sleep 1; echo hi | nc 127.0.0.1 99; wait; cat got",
            0,
            "hello\nhi\n",
        ),
        (
            "busybox",
            "nc -l -p 99 & sleep 1; nc 127.0.0.1 99; nc 127.0.0.1 99; echo $?",
            0,
            "1\n",
        ),
        (
            "busybox",
            "printf 'HTTP/1.1 404 Not Found\\n\\nno' | nc -l -p 99 >/dev/null & sleep 1; wget -qO- localhost:99; echo $?",
            0,
            "1\n",
        ),
    ] {
        let script = if image == "bash" {
            format!("exec bash -c '{}'", script.replace('\'', "'\\''"))
        } else {
            script.to_owned()
        };
        let played = play(image, &script);
        assert_eq!(
            (played.code, &*played.out),
            (Some(code), out),
            "{image}: {script}: {played:?}"
        );
        assert_eq!(played.assumed, [], "{script}");
    }
}

#[test]
fn options_that_are_not_understood_are_said() {
    let played = play(
        "busybox",
        "echo a | sort -M; echo a | sort -M; echo b | tr --squeeze-repeats b c; grep -q x -Z",
    );
    let said: Vec<&str> = played.assumed.iter().map(|a| &*a.what).collect();
    assert_eq!(
        said,
        [
            "option -M of sort is not understood",
            "option --squeeze-repeats of tr is not understood",
            "option -Z of grep is not understood",
        ]
    );
}

/// The first process of a container gets SIGINT in dash and busybox, which have a handler for it.
#[test]
fn an_interrupt_ends_the_first_shell() {
    for (image, code) in [("busybox", Some(130)), ("debian", Some(130))] {
        let played = play_first(image, &["sh", "-c", "(sleep 1; kill -INT 1) & sleep 2; echo no"]);
        assert_eq!(played.code, code, "{played:?}");
    }
    let played = play_first("debian", &["bash", "-c", "(sleep 1; kill -INT 1) & sleep 2; echo on"]);
    assert_eq!((played.code, &*played.out), (Some(0), "on\n"));
}

#[test]
fn endless_scripts_end_with_a_word() {
    for (script, word) in [
        ("while :; do :; done", "busy loop"),
        ("f() { f; }; f", "inside one another"),
        ("x=x; while :; do x=$x$x; done", "grew beyond"),
        ("yes > f; echo done", ""),
        (":(){ :|:& };:", ""),
        ("while :; do sh -c true; done", "busy loop"),
        ("cat /dev/zero | wc -c", "gives more than"),
        ("x=$(yes)", "grew beyond"),
        ("yes", "busy loop"),
        ("seq 1 1000000000", "busy loop"),
        ("yes | cat | tail -n 1", "busy loop"),
        ("dd if=/dev/zero bs=1M count=1000000 | cat > /dev/null", "busy loop"),
        ("echo 'exec sh s' > s; exec sh s", "busy loop"),
        ("x='exec sh -c \"$x\"'; export x; exec sh -c \"$x\"", "busy loop"),
        ("d=.; while :; do d=$d/a; mkdir $d; done", "busy loop"),
        ("x=$(seq 20000); echo ${x##*1*1*1*b}", "too long to compare"),
        ("eval 'eval \"$x\"'; x='eval \"$x\"'; eval \"$x\"", ""),
    ] {
        let played = play("busybox", script);
        let all: String = played.assumed.iter().map(|a| a.what.clone()).collect();
        assert!(all.contains(word), "{script}: {played:?}");
    }
}

fn fragment() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "echo",
        "a",
        "b",
        "$x",
        "${x:-",
        "}",
        "$(",
        ")",
        "`",
        "'",
        "\"",
        "\\",
        "\n",
        ";",
        "&",
        "&&",
        "||",
        "|",
        "if",
        "then",
        "else",
        "fi",
        "while",
        "do",
        "done",
        "for",
        "in",
        "case",
        "esac",
        ";;",
        "{",
        "(",
        "!",
        "x=1",
        "x=$x$x",
        "$((",
        "))",
        "1",
        "+",
        "*",
        "?",
        "[",
        "]",
        "<",
        ">",
        ">>",
        "<<E",
        "E",
        "2>&1",
        "f()",
        "f",
        "exit",
        "return",
        "break",
        "trap",
        "wait",
        "kill",
        "$$",
        "$!",
        "$?",
        "$@",
        "\"$@\"",
        "set",
        "-e",
        "sleep",
        "cat",
        "true",
        "false",
        "read",
        "test",
        "printf",
        "%s",
        "%d",
        "seq",
        "3",
        "grep",
        "-q",
        "sed",
        "s/a/b/",
        "sort",
        "head",
        "tail",
        "-n",
        "~",
        "/tmp",
        "f",
        "eval",
        "exec",
        "shift",
        "${#x}",
        "${x%",
        "${x##",
        "${1}",
        "local",
        "export",
        "unset",
        "cd",
        "date",
        "+%s",
        "9999999999999",
        "<&-",
        "#",
        "tr",
        "cut",
        "-d",
        "find",
        ".",
        "rm",
        "-r",
        "mkdir",
        "mv",
        "cp",
        "ln",
        "-s",
        "yes",
        "nc",
        "wget",
        "localhost",
        "wc",
        "expr",
        "/",
        "%",
        "-",
        "=",
        "$RANDOM",
        "é",
        "\t",
        "[[",
        "]]",
        "{1..3}",
        "<(",
        "until",
    ]);
    prop::collection::vec((pieces, prop::bool::weighted(0.7)), 0..24).prop_map(|pieces| {
        pieces
            .into_iter()
            .map(|(piece, blank)| if blank { format!("{piece} ") } else { piece.to_owned() })
            .collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_script_panics_hangs_or_differs(script in fragment()) {
        let first = play("busybox", &script);
        prop_assert_eq!(&first, &play("busybox", &script));
        play("bash", &script);
    }

    #[test]
    fn no_text_panics(script in "\\PC{0,40}") {
        play("debian", &script);
    }
}
