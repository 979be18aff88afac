//! What a careful person would ask about a manifest and its scenario, told before anything runs.

mod ports;
mod scripts;
mod times;
mod volumes;

use std::collections::{BTreeMap, BTreeSet};

use crate::api::Source;
use crate::api::diagnostic::Diagnostic;
use crate::api::node::{Bytes, Lines, Node};
use crate::api::place::Place;
use crate::api::pod::{Container, Handler, Name, Pod, Probe, RestartPolicy};
use crate::api::yaml;
use crate::kernel::Duration;
use crate::scenario::lookup::script;
use crate::scenario::types::{Input, OnTerm, ProbeAnswer, ProbeWindow, Run, Scenario};
use crate::views::humane::span;

/// Something to ask about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lint {
    /// Its name, to allow it.
    pub name: &'static str,
    /// `pod web, container app`, as it is written; empty for the scenario.
    pub subject: String,
    /// What it is about.
    pub written: Option<Spot>,
    /// What is strange, with its numbers.
    pub message: String,
    /// What would be better.
    pub hint: &'static str,
}

/// Where in the input something begins.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Spot {
    /// bytes of a file
    Bytes {
        /** its name */
        file: Name,
        /** the first */
        start: usize,
        /** the one after the last */
        end: usize,
    },
    /// what begins there
    Place(Place),
    /// the value at this path from the Scenario's spec, or its name when the value is no word: `containers[0].name`
    Scenario(String),
}

/// The names of all lints.
pub const NAMES: &[&str] = &[
    "action-too-late",
    "expectation-too-late",
    "grace-too-short",
    "image-tag",
    "liveness-on-never",
    "liveness-without-startup",
    "pre-stop-too-long",
    "probe-slower-than-timeout",
    "readiness-is-liveness",
    "startup-budget",
    "timeout-over-period",
    "unknown-port",
    "unused-hook",
    "unused-image",
    "unused-probe",
    "unused-script",
    "volume-without-object",
];

/// The warnings, each with its place and the line, which is taken from the texts that the input was read from.
pub fn diagnostics<'a>(lints: &'a [Lint], sources: &'a [Source]) -> impl Iterator<Item = Diagnostic> + 'a {
    // A long input has many of them: its lines are counted once.
    let sources: BTreeMap<&str, (&Source, Lines)> = sources
        .iter()
        .map(|source| (source.name.as_str(), (source, Lines::new(source))))
        .collect();
    let in_scenario = |lint: &Lint| matches!(lint.written, Some(Spot::Scenario(_)));
    let scenario = lints.iter().any(in_scenario).then(|| scenario_of(&sources)).flatten();
    lints
        .iter()
        .map(move |lint| lint.diagnostic(&sources, scenario.as_ref()))
}

/// The Scenario's spec, and which text it is in.
fn scenario_of(sources: &BTreeMap<&str, (&Source, Lines)>) -> Option<(String, Node)> {
    let mut sources = sources.values();
    sources.find_map(|(source, _)| {
        let documents = yaml::documents(source).ok()?;
        let spec = documents.iter().find_map(spec_of)?;
        Some((source.name.clone(), spec))
    })
}

/// The Scenario's spec in a document, which may be a list.
fn spec_of(document: &Node) -> Option<Node> {
    match document.text_at("kind").map(|kind| &**kind) {
        Some("Scenario") => document.get("spec").cloned(),
        _ => document.list("items").iter().find_map(spec_of),
    }
}

/// What to underline of the value at a path.
fn span_at(spec: &Node, path: &str) -> Option<Bytes> {
    let value = spec.at_path(path)?;
    if value.text().is_some() {
        return Some(value.mark());
    }
    let (above, field) = path.rsplit_once('.')?;
    let fields = spec.at_path(above)?.fields();
    fields
        .iter()
        .find(|(key, _)| *key.name == *field)
        .map(|(key, _)| key.span)
}

impl Lint {
    fn diagnostic(&self, sources: &BTreeMap<&str, (&Source, Lines)>, scenario: Option<&(String, Node)>) -> Diagnostic {
        let message = if self.subject.is_empty() {
            format!("{} [{}]", self.message, self.name)
        } else {
            format!("{}: {} [{}]", self.subject, self.message, self.name)
        };
        let at = match &self.written {
            Some(Spot::Bytes { file, start, end }) => sources.get(&**file).map(|found| (found, *start..*end)),
            Some(Spot::Place(place)) => sources.get(&*place.file).map(|found| {
                let start = found.1.offset(found.0, place);
                (found, start..start)
            }),
            Some(Spot::Scenario(path)) => scenario.and_then(|(file, spec)| {
                let span = span_at(spec, path)?;
                sources.get(file.as_str()).map(|found| (found, span.range()))
            }),
            None => None,
        };
        let diagnostic = match at {
            Some(((source, lines), bytes)) => Diagnostic::in_lines(source, lines, bytes, message),
            None => Diagnostic::general(message),
        };
        diagnostic.warning().hint(self.hint)
    }
}

/// All that is strange about the input, pod by pod.
pub fn lints(input: &Input) -> Vec<Lint> {
    let mut found = Vec::new();
    for pod in input.pods.iter().map(|p| &p.pod) {
        for (_, container) in pod.all_containers() {
            let runs = script(&input.scenario.containers, (&pod.namespace, &pod.name), &container.name)
                .map_or(&[][..], |s| &s.runs);
            let mut asked = Questions {
                scenario: &input.scenario,
                pod,
                container,
                runs,
                found: &mut found,
            };
            asked.probes();
            asked.termination();
            asked.image();
            asked.ports();
        }
        volumes::volumes(input, pod, &mut found);
    }
    times::times(input, &mut found);
    scripts::scripts(input, &mut found);
    // Pods of one template say the same; once is enough.
    let mut told = BTreeSet::new();
    found.retain(|lint| told.insert(lint.clone()));
    found
}

/// Who asks for a pod, as it is written: a pod's own name may be made from that.
fn owner(pod: &Pod) -> String {
    match pod.written.as_deref().filter(|written| &*written.kind != "Pod") {
        Some(written) => format!("{} {}", written.kind, written.name),
        None => format!("pod {}", pod.name),
    }
}

/// What is asked of one container.
struct Questions<'a> {
    scenario: &'a Scenario,
    pod: &'a Pod,
    container: &'a Container,
    runs: &'a [Run],
    found: &'a mut Vec<Lint>,
}

impl Questions<'_> {
    /// Asks about a field of the container, a path from there; about the container's name when it is not given.
    fn ask(&mut self, name: &'static str, field: &[&str], message: String, hint: &'static str) {
        let written = self.pod.written.as_ref();
        let container = written.and_then(|written| container_node(&written.spec, &self.container.name));
        let span = container.and_then(|node| span_of(node, field).or_else(|| span_of(node, &["name"])));
        self.ask_about(name, span, message, hint);
    }

    fn ask_about(&mut self, name: &'static str, span: Option<Bytes>, message: String, hint: &'static str) {
        debug_assert!(NAMES.contains(&name), "{name} is in NAMES");
        let written = self.pod.written.as_deref();
        let spot = |span: Bytes| {
            Some(Spot::Bytes {
                file: written?.file.clone(),
                start: span.range().start,
                end: span.range().end,
            })
        };
        self.found.push(Lint {
            name,
            subject: format!("{}, container {}", owner(self.pod), self.container.name),
            written: span.and_then(spot),
            message,
            hint,
        });
    }

    fn probes(&mut self) {
        let container = self.container;
        if let Some(probe) = &container.startup_probe {
            self.startup_budget(probe);
        }
        if let Some(liveness) = &container.liveness_probe {
            if container.startup_probe.is_none() {
                let first_kill = budget(liveness);
                let message = format!(
                    "it has a liveness probe but no startup probe: a start that takes longer than {} is killed",
                    span(first_kill)
                );
                let hint = "give it a startupProbe, so that slow starts and dead containers are told apart";
                self.ask("liveness-without-startup", &["livenessProbe"], message, hint);
            }
            if self.pod.spec.restart_policy == RestartPolicy::Never && container.restart_policy.is_none() {
                let message =
                    "it has a liveness probe, but restartPolicy is Never: a failure ends it for good".to_owned();
                self.ask(
                    "liveness-on-never",
                    &["livenessProbe"],
                    message,
                    "drop the liveness probe, or let it be restarted",
                );
            }
            if let Some(readiness) = &container.readiness_probe
                && readiness.handler == liveness.handler
                && readiness.failure_threshold >= liveness.failure_threshold
                && readiness.period_seconds >= liveness.period_seconds
            {
                let message =
                    "readiness and liveness ask the same at the same pace: it is killed as soon as it is not ready"
                        .to_owned();
                let hint = "let liveness ask less, or give it a higher failureThreshold than readiness";
                self.ask("readiness-is-liveness", &["livenessProbe"], message, hint);
            }
        }
        let probes = [
            ("startup", "startupProbe", &container.startup_probe),
            ("readiness", "readinessProbe", &container.readiness_probe),
            ("liveness", "livenessProbe", &container.liveness_probe),
        ];
        for (name, field, probe) in probes {
            let Some(probe) = probe else { continue };
            if probe.timeout_seconds > probe.period_seconds {
                let message = format!(
                    "its {name} probe has timeoutSeconds {} but periodSeconds {}: slow answers delay the next call",
                    probe.timeout_seconds, probe.period_seconds
                );
                self.ask(
                    "timeout-over-period",
                    &[field, "timeoutSeconds"],
                    message,
                    "keep timeoutSeconds at or below periodSeconds",
                );
            }
            self.slow_answers((name, field), probe);
        }
    }

    /// The script's start against what the startup probe allows.
    fn startup_budget(&mut self, probe: &Probe) {
        let allowed = budget(probe);
        let slowest = self.runs.iter().filter_map(|run| first_success(&run.startup)).max();
        if let Some(start) = slowest
            && start > allowed
        {
            let message = format!(
                "its start is scripted to take {}, but its startup probe gives up after {}",
                span(start),
                span(allowed)
            );
            let hint = "raise failureThreshold or periodSeconds of the startupProbe";
            self.ask("startup-budget", &["startupProbe"], message, hint);
        }
    }

    fn slow_answers(&mut self, (name, field): (&str, &str), probe: &Probe) {
        let timeout = seconds(probe.timeout_seconds.into());
        let windows = |run: &Run| match name {
            "startup" => run.startup.clone(),
            "readiness" => run.readiness.clone(),
            _ => run.liveness.clone(),
        };
        let answers = self.runs.iter().flat_map(windows);
        let slow = answers
            .filter(|window| window.answer() == ProbeAnswer::Success)
            .map(|window| self.scenario.longest(window.takes))
            .filter(|takes| *takes > timeout)
            .max();
        if let Some(takes) = slow {
            let message = format!(
                "a successful answer of its {name} probe is scripted to take {}, but timeoutSeconds is {}",
                span(takes),
                probe.timeout_seconds
            );
            self.ask(
                "probe-slower-than-timeout",
                &[field],
                message,
                "a call that takes that long is a timeout: raise timeoutSeconds",
            );
        }
    }

    fn termination(&mut self) {
        let grace = seconds(self.pod.spec.termination_grace_period_seconds);
        let sleeps = match &self.container.pre_stop {
            Some(Handler::Sleep { seconds: given }) => seconds(*given),
            Some(_) | None => Duration::ZERO,
        };
        let hooks = self.container.pre_stop.is_some();
        let scripted = self
            .runs
            .iter()
            .filter(|_| hooks)
            .filter_map(|run| run.pre_stop.takes)
            .map(|takes| self.scenario.longest(takes))
            .max();
        let pre_stop = scripted.unwrap_or_default().max(sleeps);
        if hooks && pre_stop >= grace && pre_stop > Duration::ZERO {
            let message = format!(
                "its preStop hook takes {}, but terminationGracePeriodSeconds is {}: it is cut off, and SIGTERM follows with 2s left",
                span(pre_stop),
                self.pod.spec.termination_grace_period_seconds
            );
            let hint = "the grace period counts from the deletion, hook included: raise it";
            self.ask("pre-stop-too-long", &["lifecycle", "preStop"], message, hint);
            return;
        }
        let reactions = self.runs.iter().filter_map(|run| match run.on_term {
            OnTerm::Exit { after, .. } => Some(self.scenario.longest(after)),
            OnTerm::Ignore => None,
        });
        if let Some(after) = reactions.max()
            && after + pre_stop > grace
        {
            let message = format!(
                "it needs {} to end, but terminationGracePeriodSeconds is {}: it is killed",
                span(after + pre_stop),
                self.pod.spec.termination_grace_period_seconds
            );
            let hint = "raise terminationGracePeriodSeconds";
            let written = self.pod.written.as_ref();
            match written.and_then(|written| span_of(&written.spec, &["terminationGracePeriodSeconds"])) {
                Some(grace) => self.ask_about("grace-too-short", Some(grace), message, hint),
                None => self.ask("grace-too-short", &["name"], message, hint),
            }
        }
    }

    fn image(&mut self) {
        let image = &self.container.image;
        let last = image.rsplit('/').next().unwrap_or(image);
        if !last.contains('@') && (!last.contains(':') || last.ends_with(":latest")) {
            let message = format!("its image {image} has no fixed tag: the next pull may bring another one");
            self.ask("image-tag", &["image"], message, "give the image a tag or a digest");
        }
    }
}

/// A container of a pod's spec.
fn container_node<'n>(spec: &'n Node, name: &str) -> Option<&'n Node> {
    let lists = ["initContainers", "containers"];
    let mut all = lists.iter().flat_map(|list| spec.list(list));
    all.find(|node| node.text_at("name").is_some_and(|given| **given == *name))
}

/// What to underline of a field at the end of a path: its value, or its name when the value has fields itself.
fn span_of(node: &Node, path: &[&str]) -> Option<Bytes> {
    let (last, above) = path.split_last()?;
    let above = node.at(above)?;
    let (key, value) = above.fields().iter().find(|(key, _)| *key.name == **last)?;
    let is_map = !value.fields().is_empty();
    Some(if is_map { key.span } else { value.mark() })
}

/// The time of the first answer that is a success and stays within the chance of the script.
fn first_success(windows: &[ProbeWindow]) -> Option<Duration> {
    let mut windows: Vec<&ProbeWindow> = windows.iter().collect();
    windows.sort_by_key(|window| window.from);
    if windows.first()?.from > Duration::ZERO {
        // Before the first window nothing is wrong.
        return Some(Duration::ZERO);
    }
    let found = windows.iter().find(|window| window.answer() == ProbeAnswer::Success)?;
    Some(found.from)
}

/// How long a probe that always fails lasts from the container's start: the kubelet's prober calls it
/// `failureThreshold` times, `periodSeconds` apart, after `initialDelaySeconds`.
fn budget(probe: &Probe) -> Duration {
    let calls = i64::from(probe.failure_threshold) * i64::from(probe.period_seconds);
    seconds(i64::from(probe.initial_delay_seconds).saturating_add(calls))
}

fn seconds(secs: i64) -> Duration {
    // Longer than a year is as good as for ever, and cannot overflow.
    Duration::from_secs(secs.clamp(0, 366 * 24 * 3600))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::load::{Source, load};

    /// Names of what is asked of a pod with this container and this script.
    fn asked(container: &str, pod: &str, run: &str) -> Vec<&'static str> {
        let text = format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: web}}\nspec:\n  {pod}\n  containers: [{{name: app, image: 'app:1', {container}}}]\n---\n\
             apiVersion: podlapse.dev/v1alpha1\nkind: Scenario\nmetadata: {{name: s}}\nspec: {{runFor: 1m, containers: [{{name: app, runs: [{{{run}}}]}}]}}\n"
        );
        let name = "test.yaml".to_owned();
        let (input, _) = load(&[Source { name, text }]).unwrap_or_else(|error| panic!("{error}"));
        lints(&input).into_iter().map(|lint| lint.name).collect()
    }

    #[test]
    fn what_is_asked_and_what_is_not() {
        let startup = "startupProbe: {tcpSocket: {port: 80}, periodSeconds: 1, failureThreshold: 10}";
        let liveness = "livenessProbe: {tcpSocket: {port: 80}, failureThreshold: 3}";
        let cases: [(&str, &str, &str, &[&str]); 16] = [
            ("", "", "", &[]),
            (
                startup,
                "",
                "probes: {startup: [{result: Failure}, {from: 12s, result: Success}]}",
                &["startup-budget"],
            ),
            (
                startup,
                "",
                "probes: {startup: [{result: Failure}, {from: 9s, result: Success}]}",
                &[],
            ),
            (liveness, "", "", &["liveness-without-startup"]),
            (&format!("{startup}, {liveness}"), "", "", &[]),
            (
                &format!("{startup}, {liveness}, readinessProbe: {{tcpSocket: {{port: 80}}}}"),
                "",
                "",
                &["readiness-is-liveness"],
            ),
            (
                &format!("{startup}, {liveness}, readinessProbe: {{tcpSocket: {{port: 80}}, failureThreshold: 1}}"),
                "",
                "",
                &[],
            ),
            (
                &format!("{startup}, {liveness}"),
                "restartPolicy: Never",
                "",
                &["liveness-on-never"],
            ),
            (
                "readinessProbe: {tcpSocket: {port: 80}, timeoutSeconds: 11}",
                "",
                "",
                &["timeout-over-period"],
            ),
            (
                "readinessProbe: {tcpSocket: {port: 80}}",
                "",
                "probes: {readiness: [{result: Success, takes: 1001ms}]}",
                &["probe-slower-than-timeout"],
            ),
            (
                "readinessProbe: {tcpSocket: {port: 80}}",
                "",
                "probes: {readiness: [{result: Success, takes: 1s}]}",
                &[],
            ),
            (
                "readinessProbe: {httpGet: {port: 80}}",
                "",
                "probes: {readiness: [{status: 503, takes: 2s}]}",
                &[],
            ),
            (
                "readinessProbe: {httpGet: {port: 80}}",
                "",
                "probes: {readiness: [{status: 204, takes: {uniform: [0s, 1001ms]}}]}",
                &["probe-slower-than-timeout"],
            ),
            (
                "readinessProbe: {httpGet: {port: 80}}",
                "",
                "probes: {readiness: [{result: Success, takes: {lognormal: {p50: 100ms, p99: 999ms}}}]}",
                &[],
            ),
            (
                "lifecycle: {preStop: {exec: {command: [a]}}}",
                "terminationGracePeriodSeconds: 5",
                "preStop: {takes: 5s}",
                &["pre-stop-too-long"],
            ),
            (
                "",
                "terminationGracePeriodSeconds: 5",
                "onTerm: {after: 6s, code: 0}",
                &["grace-too-short"],
            ),
        ];
        for (container, pod, run, expected) in cases {
            assert_eq!(asked(container, pod, run), expected, "{container} {pod} {run}");
        }
    }

    #[test]
    fn a_lint_shows_the_field_and_names_what_was_written() {
        let text = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n  replicas: 3\n  selector: {matchLabels: {app: web}}\n  template:\n    metadata: {labels: {app: web}}\n    spec:\n      containers:\n      - name: app\n        image: app\n        livenessProbe:\n          tcpSocket: {port: 80}\n---\napiVersion: podlapse.dev/v1alpha1\nkind: Scenario\nmetadata: {name: s}\nspec:\n  runFor: 1m\n  containers: [{name: app, runs: [{onTerm: {after: 50s}}]}]\n  actions:\n  - {at: 2m, delete: {deployment: web}}\n";
        let source = Source {
            name: "web.yaml".to_owned(),
            text: text.to_owned(),
        };
        let sources = [source];
        let (input, _) = load(&sources).unwrap_or_else(|error| panic!("{error}"));
        let shown = |(lint, diagnostic): (&Lint, Diagnostic)| {
            let place = diagnostic.place.expect("it has a place");
            (lint.name, place.line, place.column, &text[diagnostic.span])
        };
        let found = lints(&input);
        let shown: Vec<_> = found.iter().zip(diagnostics(&found, &sources)).map(shown).collect();
        assert_eq!(
            shown,
            [
                ("liveness-without-startup", 13, 9, "livenessProbe"),
                ("grace-too-short", 11, 15, "app"),
                ("image-tag", 12, 16, "app"),
                ("action-too-late", 23, 10, ""),
            ]
        );
        assert_eq!(found[0].subject, "Deployment web, container app");
    }

    #[test]
    fn every_lint_has_a_paragraph_in_the_documentation() {
        let text = include_str!("../../docs/lints.md");
        for name in NAMES {
            assert!(text.contains(&format!("## {name}\n")), "{name}");
        }
    }
}
