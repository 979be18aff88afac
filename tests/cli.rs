//! Exit codes, what goes to which stream, and what errors say.

#![allow(missing_docs)]

use std::io::Write;
use std::process::{Command, Output, Stdio};

fn run(input: &str, arguments: &[&str]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_podlapse"))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("podlapse starts");
    child
        .stdin
        .take()
        .expect("stdin is piped")
        .write_all(input.as_bytes())
        .expect("it reads");
    child.wait_with_output().expect("it ends")
}

const POD: &str =
    "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec:\n  containers:\n  - {name: app, image: \"app:1\"}\n";

/// A pod with a Scenario that has this spec.
fn with(spec: &str) -> String {
    format!("{POD}---\napiVersion: podlapse.dev/v1alpha1\nkind: Scenario\nmetadata: {{name: s}}\nspec: {spec}\n")
}

#[test]
fn unusable_input_is_refused_with_2_and_nothing_on_stdout() {
    let cases = [
        ("".to_owned(), "the input has no pod"),
        ("kind: [".to_owned(), "<stdin>:"),
        (POD.replace("image:", "imagee:"), "imagee"),
        (
            POD.replace("spec:\n", "spec:\n  restartPolicy: Sometimes\n"),
            "supported values: \"Always\", \"OnFailure\", \"Never\"",
        ),
        (POD.replace("name: web", "name: Web"), "a lowercase RFC 1123 subdomain"),
        (format!("{POD}---\n{POD}"), "already exists"),
        (with("{runFor: 30}"), "durations are Go strings such as 30s"),
        (with("{containers: [{name: ap}]}"), "nothing defines"),
        (
            with("{containers: [{name: app, runs: [{exit: {after: 1s, code: 256}}]}]}"),
            "from 0 to 255",
        ),
        (with("{actions: [{at: 1s, delete: {pod: wbe}}]}"), "is it \"web\"?"),
        (with("{actions: [{at: 1s}]}"), "exactly one of"),
        (with("{kubelet: {version: \"1.30\"}}"), "not supported"),
        (
            with("{nodes: [{name: one, kubelet: {phases: {relist: 5ms, sync: 5ms}}}]}"),
            "relist and sync must not fall on the same instant",
        ),
        (
            with("{kubelet: {phases: {relist: {uniform: [5ms, 5ms]}, sync: 5ms}}}"),
            "relist and sync must not fall on the same instant",
        ),
    ];
    for (input, wanted) in cases {
        let output = run(&input, &["run", "-"]);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{input}\n{stderr}");
        assert!(output.stdout.is_empty(), "{input}");
        assert!(stderr.contains(wanted), "{input}\n{stderr}");
    }
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    let input = with("{runFor: 1h, containers: [{name: app, runs: [{exit: {after: 3s, code: 1}}]}]}");
    for format in ["timeline", "jsonl"] {
        let first = run(&input, &["run", "--output", format, "-"]);
        assert_eq!(first.status.code(), Some(0));
        assert_eq!(first.stdout, run(&input, &["run", "--output", format, "-"]).stdout);
    }
}

#[test]
fn kinds_that_are_not_simulated_are_skipped_with_one_warning() {
    let input = format!("{POD}---\napiVersion: v1\nkind: Namespace\nmetadata: {{name: s}}\n");
    let output = run(&input, &["run", "-"]);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8_lossy(&output.stderr).matches("warning: ").count(), 1);
}

#[test]
fn a_file_is_written_instead_of_standard_output() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("trace.jsonl");
    let shown = run(POD, &["run", "-o", "jsonl", "-"]);
    let path = file.to_str().expect("UTF-8");
    let output = run(POD, &["run", "-o", "jsonl", "--output-file", path, "-"]);
    assert_eq!(output.status.code(), Some(0));
    assert!(output.stdout.is_empty());
    assert_eq!(std::fs::read(&file).expect("written"), shown.stdout);
    let output = run(POD, &["run", "--output-file", "/no/such/folder/x", "-"]);
    assert_eq!(output.status.code(), Some(2));
}

#[test]
#[cfg(unix)]
fn a_link_to_a_file_is_followed() {
    let folder = tempfile::tempdir().expect("a folder");
    let link = folder.path().join("link.txt");
    std::os::unix::fs::symlink("target.txt", &link).expect("made");
    let output = run(POD, &["run", "--output-file", link.to_str().expect("UTF-8"), "-"]);
    assert_eq!(output.status.code(), Some(0));
    assert!(link.is_symlink());
    assert!(
        std::fs::read_to_string(folder.path().join("target.txt"))
            .expect("written")
            .contains("pod created")
    );
}

#[test]
fn colour_is_for_who_asks() {
    let escape = |output: &Output| output.stdout.contains(&0x1b);
    assert!(!escape(&run(POD, &["run", "-"])));
    assert!(escape(&run(POD, &["run", "--color", "always", "-"])));
    assert!(!escape(&run(POD, &["run", "--color", "never", "-"])));
}

#[test]
fn a_reader_that_has_seen_enough_is_no_error() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_podlapse"))
        .args(["run", "-v", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("podlapse starts");
    drop(child.stdout.take());
    let mut stdin = child.stdin.take().expect("stdin is piped");
    stdin.write_all(POD.as_bytes()).expect("it reads");
    drop(stdin);
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(0));
    assert!(output.stderr.is_empty());
}

#[test]
fn wall_time_is_told_on_stderr_only() {
    let output = run(POD, &["run", "-"]);
    assert!(String::from_utf8_lossy(&output.stderr).starts_with("took "));
    assert!(run(POD, &["run", "-q", "-"]).stderr.is_empty());
}

/// Standard output and standard error of a command that ends with that status.
fn told(input: &str, arguments: &[&str], status: i32) -> (String, String) {
    let output = run(input, arguments);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let told = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(status), "{arguments:?}: {told:?}");
    told
}

#[test]
fn a_pod_is_named_as_for_kubectl() {
    let by_type = told(POD, &["get", "pod", "web", "-", "-o", "yaml"], 0);
    assert!(by_type.0.starts_with("apiVersion: v1\nkind: Pod\n"), "{by_type:?}");
    assert_eq!(by_type, told(POD, &["get", "pods/web", "-", "-o", "yaml"], 0));
    let (object, _) = told(POD, &["get", "po/web", "-", "-o", "json"], 0);
    assert!(
        object.contains("\"kind\": \"Pod\"") && !object.contains("\"items\""),
        "{object}"
    );
    let (list, _) = told(POD, &["get", "pods", "-", "-o", "json"], 0);
    assert!(list.contains("\"kind\": \"List\""), "{list}");
    let described = told(POD, &["describe", "pod", "web", "-"], 0);
    assert_eq!(described, told(POD, &["describe", "pod/web", "-"], 0));
    for name in ["web", "pod/web", "pods/web", "po/web"] {
        assert_eq!(
            told(POD, &["logs", name, "-"], 0),
            told(POD, &["logs", "--pod", name, "-"], 0)
        );
    }
    for (arguments, wanted) in [
        (&["get", "pod/wbe", "-"][..], "no pod is named \"wbe\"; there are: web"),
        (&["describe", "pod/wbe", "-"], "no pod is named \"wbe\"; there are: web"),
        (&["get", "events/web", "-"], "events are not chosen by name"),
    ] {
        let (_, errors) = told(POD, arguments, 2);
        assert!(errors.contains(wanted), "{arguments:?}: {errors}");
    }
    for (arguments, wanted) in [
        (&["get", "deployment/web", "-"][..], "possible values: pods, events"),
        (&["describe", "pod", "web"], "which pod, of which files?"),
        (
            &["get", "pods", "-", "--at", "-5s"],
            "it is before the run begins, which is at 0s",
        ),
        (
            &["logs", "-", "--at", "-5s"],
            "it is before the run begins, which is at 0s",
        ),
    ] {
        let (_, errors) = told("", arguments, 2);
        assert!(errors.contains(wanted), "{arguments:?}: {errors}");
    }
}

#[test]
fn that_nothing_is_found_is_no_data() {
    for kind in ["pods", "events"] {
        let (data, remark) = told(POD, &["get", kind, "-n", "other", "-"], 0);
        assert_eq!((&*data, &*remark), ("", "No resources found in other namespace.\n"));
        let (data, _) = told(POD, &["get", kind, "-n", "other", "-", "-o", "json"], 0);
        assert!(data.contains("\"items\": []"), "{data}");
    }
}

#[test]
fn standard_input_is_read_once() {
    let (played, _) = told(&with("{runFor: 10s}"), &["test", "--update", "-"], 0);
    assert!(played.starts_with("ok    <stdin>"), "{played}");
    assert!(!std::path::Path::new("-.timeline.snap").exists());
    let (compared, _) = told(POD, &["diff", "-", "--from", "1.36", "--summary"], 0);
    assert!(compared.starts_with("<stdin>"), "{compared}");
    told(POD, &["sweep", "-", "--vary", "seed=1,2"], 0);
    for command in ["run", "diff", "sweep", "merge", "new"] {
        let (_, errors) = told("", &[command, "-", "-"], 2);
        assert_eq!(errors, "error: -: standard input can be read only once\n");
    }
}

#[test]
fn what_is_below_a_directory_of_manifests_is_not_input() {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |path: &str, text: &str| {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().expect("below the root")).expect("a folder");
        std::fs::write(path, text).expect("written");
    };
    let root = folder.path().to_str().expect("UTF-8");
    write("below/pod.yaml", POD);
    for command in ["run", "check", "sweep", "new"] {
        let (_, errors) = told("", &[command, root], 2);
        assert!(errors.contains("directly in it; directories below it"), "{errors}");
    }
    // Played alone, unless it is called scenario.yaml.
    write("pod.yaml", POD);
    write(
        "crash.yaml",
        with("{runFor: 10s}")
            .strip_prefix(&format!("{POD}---\n"))
            .expect("the pod is first"),
    );
    told("", &["run", root], 0);
    let (played, _) = told("", &["test", root], 2);
    assert!(played.contains("when its file is called scenario.yaml"), "{played}");
    std::fs::rename(folder.path().join("crash.yaml"), folder.path().join("scenario.yaml")).expect("renamed");
    told("", &["test", root], 0);
}

#[test]
fn numbers_of_runs_and_threads_begin_at_1() {
    for command in ["sweep", "fuzz"] {
        for option in ["--runs", "--jobs"] {
            let (_, errors) = told("", &[command, option, "0"], 2);
            assert!(errors.contains("0 is not in 1.."), "{errors}");
        }
    }
    for (weights, wanted) in [
        ("probes=101", "it must be from 0 to 100"),
        ("probes=10,probes=20", "probes is given twice"),
    ] {
        let (_, errors) = told("", &["fuzz", "--runs", "1", "--weights", weights], 2);
        assert!(errors.contains(wanted), "{errors}");
    }
    for minutes in ["0", "-1", "nan", "inf", "soon"] {
        let (_, errors) = told("", &["fuzz", "--minutes", minutes], 2);
        assert!(errors.contains("invalid value"), "{errors}");
    }
}

#[test]
fn every_shipped_scenario_is_as_it_expects() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let output = Command::new(env!("CARGO_BIN_EXE_podlapse"))
        .arg("test")
        .arg(&folder)
        .output()
        .expect("it runs");
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && !stdout.contains("warning"), "{stdout}");
    assert!(stdout.lines().count() > 8, "{stdout}");
}

#[test]
fn check_counts_and_denies_what_is_said_of_the_input_itself() {
    let idle = "---\napiVersion: batch/v1\nkind: Job\nmetadata: {name: j}\nspec:\n  suspend: true\n  template: {spec: {restartPolicy: Never, containers: [{name: a, image: \"a:1\"}]}}\n";
    let output = run(&format!("{POD}{idle}"), &["check", "-", "--deny-warnings"]);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(
        stderr.contains("Job j is suspended") && stderr.ends_with("1 warning\n"),
        "{stderr}"
    );
}

#[test]
fn what_classes_and_containers_give_a_pod_is_in_its_object() {
    let class = "apiVersion: scheduling.k8s.io/v1\nkind: PriorityClass\nmetadata: {name: calm}\nvalue: 7\npreemptionPolicy: Never\n---\n";
    let pod = POD.replace(
        "spec:\n",
        "spec:\n  priorityClassName: calm\n  resources: {limits: {cpu: 2, memory: 1024Mi}}\n",
    );
    let pod = pod.replace("\"app:1\"}", "\"app:1\", resources: {requests: {cpu: 1.0}}}");
    let arguments = ["get", "pod", "web", "-", "--at", "10s", "--output", "yaml"];
    let output = run(
        &format!("{class}{pod}"),
        &[&arguments[..], &["--kubernetes-version", "1.34"]].concat(),
    );
    let stdout = String::from_utf8_lossy(&output.stdout);
    for wanted in [
        "preemptionPolicy: Never",
        "    limits:\n      cpu: \"2\"\n      memory: 1Gi\n    requests:\n      cpu: \"1\"\n      memory: 1Gi\n",
        "qosClass: Burstable",
    ] {
        assert!(stdout.contains(wanted), "{wanted}\n{stdout}");
    }
}

#[test]
fn a_path_that_makes_what_wants_more_says_how_to_give_it() {
    let input = with("{runFor: 1m}");
    let after = "containers[app].runs[0].exit.after=1s,2s";
    let output = run(&input, &["sweep", "-", "--vary", after]);
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{told}");
    for part in [
        "exit.after=1s: spec.containers[0].runs[0].exit.code: Required value",
        "with a --vary of its own: --vary 'containers[0].runs[0].exit.code=VALUE'",
    ] {
        assert!(told.contains(part), "{told}");
    }
    let code = "containers[0].runs[0].exit.code=0";
    let output = run(&input, &["sweep", "-", "--vary", after, "--vary", code]);
    assert_eq!(
        output.status.code(),
        Some(0),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn no_shipped_scenario_says_anything_in_vain() {
    let mut count = 0;
    insta::glob!("../scenarios", "**/*.yaml", |path| {
        let source = podlapse::scenario::load::Source {
            name: path.display().to_string(),
            text: std::fs::read_to_string(path).expect("it is readable"),
        };
        // Some have their manifests in other files.
        if let Ok((input, _)) = podlapse::scenario::load::load(&[source]) {
            count += 1;
            let found = podlapse::check::lints::lints(&input);
            let vain: Vec<_> = found.iter().filter(|lint| lint.name.starts_with("unused-")).collect();
            assert!(vain.is_empty(), "{}: {vain:?}", path.display());
        }
    });
    assert!(count > 30, "{count}");
}

/// Pods of these namespaces and names.
fn pods(names: &[(&str, &str)]) -> String {
    let pod = |(namespace, name): &(&str, &str)| {
        POD.replace("{name: web}", &format!("{{name: {name}, namespace: {namespace}}}")) + "---\n"
    };
    names.iter().map(pod).collect()
}

#[test]
fn of_the_pods_that_there_are_the_nearest_few_are_told() {
    let told = |input: &str, arguments: &[&str]| {
        let output = run(input, arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    let two = pods(&[("default", "web"), ("shop", "web"), ("shop", "db")]);
    for (name, wanted) in [
        ("wep", "no pod is named \"wep\"; there are: default/web, shop/web, db\n"),
        ("dbb", "there are: db, default/web, shop/web\n"),
        ("shop/dbb", "there are: shop/db, shop/web, default/web\n"),
    ] {
        let told = told(&two, &["get", "pods", name, "-"]);
        assert!(told.ends_with(wanted), "{name}: {told}");
    }
    let unknown = told(&two, &["sweep", "-", "--vary", "Pod/nope/web.spec.priority=1"]);
    assert!(unknown.contains("there is default/web, shop/db, shop/web"), "{unknown}");
    let names: Vec<String> = (0..300).map(|n| format!("p{n}")).collect();
    let many: Vec<(&str, &str)> = names.iter().map(|name| ("default", &**name)).collect();
    let many = pods(&many);
    let few = told(&many, &["get", "pods", "p250x", "-"]);
    assert!(
        few.contains("there are: p250, ") && few.ends_with(" …\n") && few.len() < 120,
        "{few}"
    );
    let few = told(&many, &["explain", "-"]);
    assert!(few.contains("one of p0, p1, p2, p3, p4, p5, p6, p7 …"), "{few}");
}

#[test]
fn logs_of_nothing_say_so() {
    let input = pods(&[("default", "web"), ("shop", "db")]);
    let told = |arguments: &[&str]| {
        let output = run(&input, &[&["logs"], arguments].concat());
        assert!(output.stdout.is_empty(), "{arguments:?}");
        (
            output.status.code(),
            String::from_utf8_lossy(&output.stderr).into_owned(),
        )
    };
    let (status, remark) = told(&["-", "-n", "nope"]);
    assert_eq!(
        (status, &*remark),
        (Some(0), "Nothing was written in nope namespace.\n")
    );
    let (status, error) = told(&["-", "-c", "ap"]);
    assert_eq!(
        (status, &*error),
        (Some(2), "error: no pod has a container named \"ap\"; there are: app\n")
    );
    assert_eq!(
        told(&["-", "-c", "app"]),
        (Some(0), "Nothing was written.\n".to_owned())
    );
}
