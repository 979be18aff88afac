//! Expectations: which hold, what a failing one says, and what is refused before the run.

#![allow(missing_docs)]

use podlapse::api::place::Place;
use podlapse::api::pod::Name;
use podlapse::api::status::ConditionStatus;
use podlapse::check::expectations::{compile, judge, report};
use podlapse::kernel::{Duration, Time};
use podlapse::scenario::load::{Source, load};
use podlapse::scenario::types::{Action, ActionKind, Expectation, Input, When};
use podlapse::sim;
use podlapse::views::timeline::Options;

/// A container that fails twice, then stays; another that is deleted at 5m and gone at 5m.
const INPUT: &str = "\
apiVersion: v1
kind: Pod
metadata: {name: web, labels: {app: shop}}
spec:
  containers:
  - {name: app, image: 'app:1', readinessProbe: {httpGet: {port: 80}, periodSeconds: 5}}
---
apiVersion: v1
kind: Pod
metadata: {name: late}
spec:
  containers: [{name: job, image: 'job:1'}]
---
apiVersion: podlapse.dev/v1alpha1
kind: Scenario
metadata: {name: s}
spec:
  runFor: 10m
  containers:
  - pod: web
    name: app
    runs:
    - exit: {after: 5s, code: 3}
    - exit: {after: 5s, code: 137, reason: OOMKilled}
    - {}
  actions:
  - {at: 1m, create: {pod: late}}
  - {at: 5m, delete: {pod: web, gracePeriodSeconds: 1}}
";

fn input(expectations: &[(When, &str)]) -> Input {
    let (mut input, _) = load(&[Source {
        name: "test.yaml".to_owned(),
        text: INPUT.to_owned(),
    }])
    .expect("it loads");
    input.scenario.expect = expectations
        .iter()
        .enumerate()
        .map(|(index, (when, that))| Expectation {
            when: *when,
            that: (*that).into(),
            place: Place {
                file: "test.yaml".into(),
                line: 30 + index,
                column: 20,
            },
            written: None,
        })
        .collect();
    input
}

fn at(secs: i64) -> When {
    When::At(time(secs))
}
fn time(secs: i64) -> Time {
    Time::ZERO + Duration::from_secs(secs)
}
fn within(secs: i64) -> When {
    When::Within(Duration::from_secs(secs))
}
fn always(from: i64, to: Option<i64>) -> When {
    When::Always {
        from: time(from),
        to: to.map(time),
    }
}
fn never(from: i64, to: Option<i64>) -> When {
    When::Never {
        from: time(from),
        to: to.map(time),
    }
}

#[test]
fn what_holds_and_what_does_not() {
    let cases = [
        (at(3), "pod('web').status.phase == 'Running'", true),
        (at(3), "pod('web').ready()", true),
        (at(3), "pod('web').restarts('app') == 1", false),
        (at(3), "pod('default/web').exists()", true),
        (at(30), "!pod('late').exists() && pod('late').status.phase == ''", true),
        (at(30), "size(pods()) == 1", true),
        (at(90), "size(pods()) == 2 && pods('l*').all(p, p.ready())", true),
        (at(400), "pod('web').exists()", false),
        (at(400), "pod('late').ready()", true),
        (at(3), "pod('web').metadata.labels['app'] == 'shop'", true),
        (at(3), "'app' in pod('web').metadata.labels", true),
        (at(3), "pod('web').spec.restartPolicy + '!' == 'Always!'", true),
        (at(3), "pod('web').spec.containers[0].image == 'app:1'", true),
        (
            at(3),
            "pod('web').spec.containers[0].readinessProbe.failureThreshold == 3",
            true,
        ),
        (
            at(3),
            "pod('web').spec.restartPolicy == 'Always' && pod('web').spec.terminationGracePeriodSeconds == 30",
            true,
        ),
        (at(200), "pod('web').container('app').restartCount == 2", true),
        (at(200), "pod('web').container('app').lastExitCode == 137", true),
        (at(200), "pod('web').container('app').exitCode == null", true),
        (at(200), "pod('web').condition('Ready') == 'True'", true),
        (at(301), "pod('web').terminating() || !pod('web').exists()", true),
        (within(2), "pod('web').ready()", true),
        // Before the start there is no pod; an expectation does not look there.
        (at(0), "!pod('web').exists()", false),
        (within(299), "!pod('web').exists()", false),
        (within(302), "!pod('web').exists()", true),
        (within(0), "pod('web').exists() && !pod('late').exists()", true),
        (within(60), "pod('late').ready()", false),
        (within(120), "pod('late').ready()", true),
        (
            within(120),
            "pod('web').container('app').terminated == 'OOMKilled'",
            true,
        ),
        (always(60, Some(300)), "pod('web').ready()", true),
        (always(60, None), "pod('web').ready()", false),
        (always(0, None), "pod('web').restarts() <= 2", true),
        (always(0, None), "pod('web').restarts() <= 1", false),
        (
            never(0, None),
            "pod('web').container('app').waiting == 'CrashLoopBackOff'",
            false,
        ),
        (
            never(60, None),
            "pod('web').container('app').waiting == 'CrashLoopBackOff'",
            true,
        ),
        (never(0, Some(300)), "pod('web').status.phase == 'Failed'", true),
        (never(0, None), "pod('web').status.phase == 'Failed'", false),
        (at(600), "size(exits('web', 'app')) == 3", true),
        (at(600), "exits('web').map(e, e.code) == [3, 137, 143]", true),
        (
            at(600),
            "exits('web').filter(e, e.at > 60).all(e, e.by == 'term')",
            true,
        ),
        (at(600), "size(events('web', 'BackOff')) >= 1", true),
        (
            at(600),
            "events('web').exists(e, e.reason == 'Killing' && e.container == 'app')",
            true,
        ),
        (at(600), "size(probes('web', 'app', 'readiness')) > 10", true),
        (
            at(600),
            "probes('web').exists(p, p.result == 'failure' && p.probe == 'readiness')",
            true,
        ),
        (at(600), "probes('web').exists(p, p.probe == 'liveness')", false),
        // What has no value is not true, and a check that was never made is not passed.
        (at(3), "pod('web').status.message == 'x'", false),
        (never(0, None), "pod('web').status.message == 'x'", false),
        (
            never(0, None),
            "has(pod('web').status.message) && pod('web').status.message == 'x'",
            true,
        ),
        // Nothing is left to happen: what is at the end is for ever.
        (at(700), "pod('late').ready()", true),
        (always(700, None), "pod('late').ready()", true),
        (never(700, None), "pod('late').ready()", false),
        (within(900), "pod('late').status.phase == 'Failed'", false),
    ];
    let expectations: Vec<(When, &str)> = cases.iter().map(|(when, that, _)| (*when, *that)).collect();
    let input = input(&expectations);
    let compiled = compile(&input).unwrap_or_else(|problems| panic!("{}", problems[0]));
    let records = sim::run(&input);
    for (verdict, (_, that, holds)) in judge(&compiled, &input, &records).iter().zip(cases) {
        assert_eq!(verdict.holds(), holds, "{that}: {:?}", verdict.failure);
    }
}

#[test]
fn maps_are_equal_from_either_side_and_go_by_name() {
    let cases = [
        "pod('web').metadata.labels == {'app': 'shop'}",
        "{'app': 'shop'} == pod('web').metadata.labels",
        "{'app': 'other'} != pod('web').metadata.labels",
        "pod('web').metadata.labels in [{}, {'app': 'shop'}]",
        "[{'labels': {'app': 'shop'}}] == [{'labels': pod('web').metadata.labels}]",
        "pod('web') == pod('web') && pod('web').status != pod('late').status",
        "pod('web').container('app') != pod('late').container('job')",
        "size(pod('web').metadata.labels) == 1 && size({}) == 0",
        "pod('web').metadata.labels.all(name, pod('web').metadata.labels[name] == 'shop')",
        "{'b': 'x', 'c': 'y', 'a': 'z'}.map(name, name) == ['a', 'b', 'c']",
        "has(pod('web').metadata.labels) && !has(pod('web').status.message)",
        "{'a': 1 + 1, 'b': [2.5]}.a == 2 && {'a': 1} == {'a': 1.0}",
        "pods().map(p, p.metadata.labels) == [{'app': 'shop'}]",
        "pods().filter(p, p.ready()).map(p, p.metadata.name) == ['web']",
        "events('web').filter(e, e.reason == 'Started') == events('web', 'Started')",
        "probes('web', 'app', 'readiness') + exits('web') == probes('web')",
    ];
    let expectations: Vec<(When, &str)> = cases.iter().map(|that| (at(3), *that)).collect();
    let input = input(&expectations);
    let compiled = compile(&input).expect("good");
    let records = sim::run(&input);
    for verdict in judge(&compiled, &input, &records) {
        assert!(verdict.holds(), "{}: {:?}", verdict.expectation.that, verdict.failure);
    }
}

#[test]
fn what_is_after_the_horizon_is_not_known() {
    let cases = [
        (at(599), "pod('web').restarts() > 5", true),
        (at(700), "pod('web').restarts() > 5", false),
        (always(700, None), "pod('web').exists()", false),
        (never(700, None), "!pod('web').exists()", false),
        (always(500, Some(700)), "pod('web').exists()", false),
        (never(500, Some(700)), "!pod('web').exists()", false),
        (always(500, Some(600)), "pod('web').exists()", true),
        (within(700), "pod('web').restarts() > 100", false),
        (within(700), "pod('web').restarts() > 5", true),
    ];
    let expectations: Vec<(When, &str)> = cases.iter().map(|(when, that, _)| (*when, *that)).collect();
    let mut input = input(&expectations);
    // It crashes for ever, and nobody deletes it.
    input.scenario.containers[0].runs.truncate(1);
    input.scenario.actions.truncate(1);
    let compiled = compile(&input).expect("good");
    let records = sim::run(&input);
    for (verdict, (_, that, holds)) in judge(&compiled, &input, &records).iter().zip(cases) {
        assert_eq!(verdict.holds(), holds, "{that}: {:?}", verdict.failure);
        if let Some(failure) = &verdict.failure {
            assert!(failure.why.contains("10m"), "{}", failure.why);
        }
    }
}

#[test]
fn what_a_failing_one_says() {
    let input = input(&[
        (
            never(0, None),
            "pod('web').container('app').waiting == 'CrashLoopBackOff'",
        ),
        (at(10), "pod('web').ready() && size(exits('web')) < 1"),
        (within(60), "pod('late').ready()"),
        (at(3), "pod('web').status.message == 'x'"),
        (
            always(0, None),
            "pod('web').status.conditions.exists(c, c.type == 'Ready')",
        ),
        (at(700), "pod('late').ready()"),
        (at(3), "pod('web').metadata.labels == {'app': 'web', 'tier': 'front'}"),
    ]);
    let compiled = compile(&input).expect("good");
    let records = sim::run(&input);
    let options = Options {
        width: Some(100),
        ..Options::default()
    };
    let text: Vec<String> = judge(&compiled, &input, &records)
        .iter()
        .map(|verdict| report(verdict, &input, &records, options))
        .collect();
    insta::assert_snapshot!(text.join("\n"));
}

#[test]
fn what_is_refused_before_the_run() {
    let wrong = [
        "",
        "pod('web').ready(",
        "pod('web').ready() &&& true",
        "pod('web').ready() # yes",
        "pod('wbe').ready()",
        "pod('web').container('ap').ready",
        "pod(web).ready()",
        "pod.ready()",
        "pod('web').redy()",
        "pod('web').ready",
        "ready('web')",
        "pod('web').status.fase == 'Running'",
        "pod('web').status.phase == 'Runing'",
        "pod('web').status.phase in ['Running', 'Succeded']",
        "pod('web').restarts('app')",
        "pod('web').restarts('app') == '3'",
        "pod('web').ready() && pod('web').restarts()",
        "pod('web').container('app').waiting() == 'x'",
        "pod('web').condition('Redy') == 'True'",
        "size(events('web', 'Backoff')) > 1",
        "events('web').count > 1",
        "probes('web', 'app', 'ready').size() > 1",
        "{1: 'one'}[1] == 'one'",
        "pod('web').status.phase + 1 == 'Running1'",
        "pod('web').container('app').state == 'crashed'",
        "now > 3",
        "sized(pods()) > 1",
        "pods('x-*').all(p, p.ready())",
        "pod('web', 'app').ready()",
        "duration('3s') > duration('2s')",
        "Pod{name: 'x'}.ready()",
        "pod('web').spec.restartPolcy == 'Always'",
        "pod('web').spec.containers.exists(c, c.readinesProbe.timeoutSeconds == '1')",
        "pod('web').spec.containers[0].readinessProbe.timeoutSeconds == '1'",
        "pod('web').spec.nodeSelector.all(k, k == 1)",
        "pod('web').spec.restartPolicy == 'Alway'",
        "pod('web').spec.containers.all(c, c.imagePullPolicy in ['IfNotPresnt', 'Never'])",
        "'nodeNme' in pod('web').spec",
        "has(pod('web').spec.containers[0].readinessProbe.httpGet.prt)",
        "pod('web').redy() || pod('late').redy()",
        "pod('web').status.message.matches('(')",
        "matches(pod('web').metadata.name, 'w[')",
        "pod('web').container('app').terminated == 'Eror'",
        "pod('web').container('app').lastReason == 'OOMkilled'",
        "pod('web').container('app').waiting == ''",
        "pod('web').status.containerStatuses[0].lastState.terminated.reason == 'Kaput'",
        "exits('web').all(e, e.reason in ['Error', 'Complete'])",
        "events('web').exists(e, e.reason == 'Backoff')",
        "pod('web').status.conditions.exists(c, c.type == 'Redy')",
        "pod('web').status.reason == 'evicted'",
    ];
    let mut text = String::new();
    for that in wrong {
        let input = input(&[(at(3), that)]);
        let problems = compile(&input).expect_err(that);
        assert_eq!(problems, compile(&input).expect_err("the same"));
        for problem in problems {
            text.push_str(&format!("{problem}\n\n"));
        }
    }
    insta::assert_snapshot!(text);
}

#[test]
fn words_of_the_input_are_known_and_open_sets_stay_open() {
    let expectations = [
        (at(3), "pod('web').container('app').lastReason != 'Sulking'"),
        (at(3), "exits('web').all(e, e.reason != 'Shot')"),
        (
            at(3),
            "!pod('web').status.conditions.exists(c, c.type == 'example.com/moon')",
        ),
        (at(3), "events('web').all(e, e.reason != 'Paged')"),
        (
            at(3),
            "!has(pod('web').status.reason) || pod('web').status.reason != 'Preempting'",
        ),
    ];
    let mut input = input(&expectations);
    assert_eq!(compile(&input).expect_err("nothing says so").len(), 3);
    let exit = input.scenario.containers[0].runs[0].exit.as_mut();
    exit.expect("it is scripted").reason = Some("Sulking".into());
    let action = |secs, what| Action {
        at: time(secs),
        what,
        place: None,
    };
    let (pod, container) = (Name::from("web"), Name::from("app"));
    input.scenario.actions.push(action(
        120,
        ActionKind::Kill {
            pod: pod.clone(),
            container,
            code: 1,
            reason: Some("Shot".into()),
        },
    ));
    input.scenario.actions.push(action(
        130,
        ActionKind::SetCondition {
            pod,
            kind: "example.com/moon".into(),
            status: ConditionStatus::True,
        },
    ));
    compile(&input).unwrap_or_else(|problems| panic!("{}", problems[0]));
}

#[test]
fn errors_are_at_their_place_in_every_style_of_yaml() {
    let source = Source {
        name: "styles.yaml".to_owned(),
        text: include_str!("inputs/expectation-styles.yaml").to_owned(),
    };
    let (input, _) = load(std::slice::from_ref(&source)).expect("it loads");
    let text: Vec<String> = compile(&input)
        .expect_err("each is wrong")
        .iter()
        .map(ToString::to_string)
        .collect();
    insta::assert_snapshot!(text.join("\n\n"));
}

/// The blocks of the page in that language.
fn blocks<'p>(page: &'p str, language: &str) -> Vec<&'p str> {
    let fence = format!("```{language}\n");
    page.split(&fence)
        .skip(1)
        .map(|rest| rest.split("```").next().unwrap_or_default())
        .collect()
}

#[test]
fn the_page_shows_what_podlapse_prints() {
    let page = include_str!("../docs/expectations.md");
    let [yaml] = blocks(page, "yaml")[..] else {
        panic!("the page has one scenario")
    };
    let [refused, failing] = blocks(page, "text")[..] else {
        panic!("the page shows an error and a failing expectation")
    };
    let from = |text: String| {
        let name = "crash.yaml".to_owned();
        load(&[Source { name, text }]).expect("it loads").0
    };
    let problems = compile(&from(yaml.replace("'Running'", "'Runing'"))).expect_err("it is wrong");
    assert_eq!(format!("{}\n", problems[0]), refused);

    let input = from(yaml.to_owned());
    let compiled = compile(&input).expect("good");
    let records = sim::run(&input);
    let verdicts = judge(&compiled, &input, &records);
    let reports: Vec<String> = verdicts
        .iter()
        .filter(|verdict| !verdict.holds())
        .map(|verdict| report(verdict, &input, &records, Options::default()))
        .collect();
    assert_eq!(reports, [failing]);
}

#[test]
fn deep_and_long_expressions_are_refused_quickly() {
    let nested = format!("{}true{}", "(".repeat(5_000), ")".repeat(5_000));
    let equal = format!("{}true{}", "true == (".repeat(40), ")".repeat(40));
    let long = "true && ".repeat(2_000) + "true";
    for (that, good) in [(nested, false), (equal, true), (long, false)] {
        assert_eq!(compile(&input(&[(at(3), &that)])).is_ok(), good, "{}", &that[..20]);
    }
}
