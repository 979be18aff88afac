//! The Scenario document: what is different from a scenario that says nothing.

use serde_json::{Value, json};

use super::kubelet::kubelet;
use super::{Fields, text};
use crate::api::pod::Name;
use crate::api::status::{ConditionStatus, Timestamp};
use crate::kernel::{Duration, Time};
use crate::scenario::types::{
    Action, ActionKind, ContainerScript, Distribution, EvictionReason, Expectation, Latencies, OnTerm, Outcome,
    PlacedDistribution, ProbeAnswer, ProbeWindow, ProgramScript, Run, Scenario, Schedule, Span, When,
};

/// The Scenario document.
pub(super) fn scenario(scenario: &Scenario) -> Value {
    let base = Scenario::default();
    let mut spec = Fields::new();
    spec.maybe("description", scenario.description.as_deref())
        .maybe("runFor", scenario.run_for.map(text));
    if scenario.seed != base.seed {
        spec.put("seed", scenario.seed);
    }
    if scenario.schedule == Schedule::Seeded {
        spec.put("schedule", "Seeded");
    }
    if scenario.epoch_unix_secs != base.epoch_unix_secs {
        spec.put("epoch", Timestamp(scenario.epoch_unix_secs).to_string());
    }
    if scenario.jitter {
        spec.put("jitter", "Kubernetes");
    }
    let spans = Spans(&scenario.distributions);
    let outcome = |given: &Outcome| outcome(given, spans);
    let images = scenario.images.iter().map(|image| {
        let mut fields = Fields::new();
        fields.put("image", &*image.image).put("present", image.present);
        fields.list("pulls", image.pulls.iter().map(outcome).collect());
        let inspect = |error: &Option<Name>| {
            let mut fields = Fields::new();
            fields.maybe("error", error.as_deref()).done()
        };
        fields
            .list("inspects", image.inspects.iter().map(inspect).collect())
            .done()
    });
    let sandboxes = scenario.sandboxes.iter().map(|sandbox| {
        let mut fields = Fields::new();
        fields.maybe("pod", sandbox.pod.as_deref());
        fields.list("runs", sandbox.runs.iter().map(outcome).collect()).done()
    });
    let volumes = scenario.volumes.iter().map(|volume| {
        let mut fields = Fields::new();
        fields.maybe("pod", volume.pod.as_deref()).put("name", &*volume.name);
        fields
            .list("mounts", volume.mounts.iter().map(outcome).collect())
            .done()
    });
    let nodes = scenario.nodes.iter().map(|node| {
        let mut fields = Fields::new();
        fields.put("name", &*node.name);
        fields
            .nested("kubelet", kubelet(&node.kubelet, &scenario.kubelet))
            .done()
    });
    spec.nested("kubelet", kubelet(&scenario.kubelet, &base.kubelet))
        .list("nodes", nodes.collect())
        .nested("latencies", latencies(&scenario.latencies, &base.latencies, spans))
        .list("images", images.collect())
        .list("sandboxes", sandboxes.collect())
        .list("volumes", volumes.collect())
        .list(
            "containers",
            scenario.containers.iter().map(|own| script(own, spans)).collect(),
        )
        .list(
            "programs",
            scenario.programs.iter().map(|own| program(own, spans)).collect(),
        )
        .list("actions", scenario.actions.iter().map(action).collect())
        .list("expect", scenario.expect.iter().map(expectation).collect());
    let mut spec = spec.done();
    for placed in scenario.distributions.iter().filter(|placed| placed.once) {
        let pointer = placed.path.replace(['.', '['], "/").replace(']', "");
        if let Some(value) = spec.pointer_mut(&format!("/{pointer}")) {
            *value = distribution(placed.distribution);
        }
    }
    json!({
        "apiVersion": "podlapse.dev/v1alpha1",
        "kind": "Scenario",
        "metadata": {"name": scenario.name},
        "spec": spec,
    })
}

fn latencies(own: &Latencies, base: &Latencies, spans: Spans<'_>) -> Value {
    let mut fields = Fields::new();
    for ((key, value), (_, default)) in own.clone().each().into_iter().zip(base.clone().each()) {
        if value != default {
            fields.put(key, spans.value(*value));
        }
    }
    fields.done()
}

/// Durations as they are written down: those that are drawn each time, too.
#[derive(Clone, Copy)]
struct Spans<'a>(&'a [PlacedDistribution]);

impl Spans<'_> {
    fn value(self, span: Span) -> Value {
        match span {
            Span::Fixed(duration) => text(duration),
            Span::Drawn(index) => distribution(self.0[index as usize].distribution),
        }
    }
}

fn outcome(outcome: &Outcome, spans: Spans<'_>) -> Value {
    Fields::new()
        .maybe("takes", outcome.takes.map(|takes| spans.value(takes)))
        .maybe("error", outcome.error.as_deref())
        .done()
}

fn script(script: &ContainerScript, spans: Spans<'_>) -> Value {
    Fields::new()
        .maybe("pod", script.pod.as_deref())
        .put("name", &*script.name)
        .list("runs", script.runs.iter().map(|own| run(own, spans)).collect())
        .done()
}

fn run(run: &Run, spans: Spans<'_>) -> Value {
    let outcome = |given: &Outcome| outcome(given, spans);
    let exit = run.exit.as_ref().map(|exit| {
        Fields::new()
            .put("after", spans.value(exit.after))
            .put("code", exit.code)
            .maybe("reason", exit.reason.as_deref())
            .maybe("message", exit.message.as_deref())
            .done()
    });
    let on_term = Some(run.on_term).filter(|reaction| *reaction != OnTerm::default());
    let on_term = on_term.map(|reaction| reaction_to(reaction, spans));
    let windows = |list: &[ProbeWindow]| list.iter().map(|own| window(own, spans)).collect::<Vec<_>>();
    let mut probes = Fields::new();
    probes
        .list("startup", windows(&run.startup))
        .list("readiness", windows(&run.readiness))
        .list("liveness", windows(&run.liveness));
    Fields::new()
        .nested("create", outcome(&run.create))
        .nested("start", outcome(&run.start))
        .maybe("exit", exit)
        .maybe("onTerm", on_term)
        .nested("postStart", outcome(&run.post_start))
        .nested("preStop", outcome(&run.pre_stop))
        .nested("probes", probes.done())
        .done()
}

fn window(window: &ProbeWindow, spans: Spans<'_>) -> Value {
    let result = match window.result {
        ProbeAnswer::Success => "Success",
        ProbeAnswer::Failure => "Failure",
        ProbeAnswer::Error => "Error",
    };
    let mut fields = Fields::new();
    if window.from != Duration::ZERO {
        fields.put("from", text(window.from));
    }
    match (window.status, window.exit_code) {
        (None, None) => fields.put("result", result),
        (status, code) => fields.maybe("status", status).maybe("exitCode", code),
    };
    if window.takes != ProbeWindow::DEFAULT_TAKES.into() {
        fields.put("takes", spans.value(window.takes));
    }
    fields
        .maybe(
            "probability",
            window.probability.map(|parts| f64::from(parts) / 4_294_967_296.0),
        )
        .maybe("message", window.message.as_deref())
        .done()
}

fn distribution(distribution: Distribution) -> Value {
    match distribution {
        Distribution::Uniform { from, to } => json!({"uniform": [text(from), text(to)]}),
        Distribution::Normal { mean, sd } => json!({"normal": {"mean": text(mean), "sd": text(sd)}}),
        Distribution::Exponential { mean } => json!({"exponential": {"mean": text(mean)}}),
        Distribution::LogNormal { p50, p99 } => json!({"lognormal": {"p50": text(p50), "p99": text(p99)}}),
    }
}

fn program(program: &ProgramScript, spans: Spans<'_>) -> Value {
    let answers = program.answers.iter().map(|answer| {
        let mut fields = Fields::new();
        fields
            .maybe("port", answer.port)
            .maybe("path", answer.path.as_deref())
            .put("status", answer.status)
            .put("body", &*answer.body);
        if answer.from != Duration::ZERO {
            fields.put("from", text(answer.from));
        }
        fields.done()
    });
    let signals = program.signals.iter();
    let signals = signals.map(|(name, reaction)| (name.to_string(), reaction_to(*reaction, spans)));
    Fields::new()
        .maybe("name", program.name.as_deref())
        .maybe("image", program.image.as_deref())
        .list("listens", program.listens.iter().map(|port| json!(port)).collect())
        .list("answers", answers.collect())
        .nested("signals", Value::Object(signals.collect()))
        .maybe("runsFor", program.runs_for.map(|span| spans.value(span)))
        .put("exitCode", program.exit_code)
        .maybe("output", program.output.as_deref())
        .done()
}

fn reaction_to(reaction: OnTerm, spans: Spans<'_>) -> Value {
    match reaction {
        OnTerm::Ignore => json!({"ignore": true}),
        OnTerm::Exit { after, code } => json!({"after": spans.value(after), "code": code}),
    }
}

fn expectation(expectation: &Expectation) -> Value {
    let that = &*expectation.that;
    let time = |at: Time| text(at - Time::ZERO);
    let mut fields = Fields::new();
    let mut between = |from: Time, to: Option<Time>| {
        if from != Time::ZERO {
            fields.put("from", time(from));
        }
        fields.maybe("to", to.map(time));
    };
    match expectation.when {
        When::At(at) => return json!({"at": time(at), "that": that}),
        When::Within(span) => return json!({"within": text(span), "that": that}),
        When::Always { from, to } => {
            between(from, to);
            fields.put("always", that);
        }
        When::Never { from, to } => {
            between(from, to);
            fields.put("never", that);
        }
    }
    fields.done()
}

fn action(action: &Action) -> Value {
    let pod = |name: &str| json!({"pod": name});
    let node = |node: &Option<crate::api::pod::Name>, down: Option<Duration>| {
        Fields::new()
            .maybe("node", node.as_deref())
            .maybe("down", down.map(text))
            .done()
    };
    let (key, value) = match &action.what {
        ActionKind::CreatePod { pod: name } => ("create", pod(name)),
        ActionKind::DeletePod {
            pod,
            grace_period_seconds,
        } => (
            "delete",
            Fields::new()
                .put("pod", &**pod)
                .maybe("gracePeriodSeconds", *grace_period_seconds)
                .done(),
        ),
        ActionKind::Kill {
            pod,
            container,
            code,
            reason,
        } => (
            "kill",
            Fields::new()
                .put("pod", &**pod)
                .put("container", &**container)
                .put("code", *code)
                .maybe("reason", reason.as_deref())
                .done(),
        ),
        ActionKind::CreateObject { kind, name } => ("create", json!({object_key(kind.as_str()): &**name})),
        ActionKind::DeleteObject { kind, name } => ("delete", json!({object_key(kind.as_str()): &**name})),
        ActionKind::SetImage { pod, container, image } => (
            "setImage",
            json!({"pod": &**pod, "container": &**container, "image": &**image}),
        ),
        ActionKind::SetCondition { pod, kind, status } => {
            let status = match status {
                ConditionStatus::True => "True",
                ConditionStatus::False => "False",
                ConditionStatus::Unknown => "Unknown",
            };
            (
                "setCondition",
                json!({"pod": &**pod, "type": &**kind, "status": status}),
            )
        }
        ActionKind::Debug { pod, container } => (
            "debug",
            json!({"pod": &**pod, "name": &*container.name, "image": &*container.image}),
        ),
        ActionKind::Evict { pod, reason, message } => {
            let reason = match reason {
                EvictionReason::NodePressure => "NodePressure",
                EvictionReason::SoftThreshold => "SoftThreshold",
                EvictionReason::LocalStorageLimit => "LocalStorageLimit",
            };
            ("evict", json!({"pod": &**pod, "reason": reason, "message": &**message}))
        }
        ActionKind::KillSandbox { pod: name } => ("killSandbox", pod(name)),
        ActionKind::RestartKubelet { node: name, down } => ("restartKubelet", node(name, Some(*down))),
        ActionKind::ShutdownNode { node: name } => ("shutdownNode", node(name, None)),
        ActionKind::RebootNode { node: name, down } => ("rebootNode", node(name, Some(*down))),
    };
    json!({"at": text(action.at - crate::kernel::Time::ZERO), key: value})
}

/// `configMap` for ConfigMap.
fn object_key(kind: &str) -> String {
    let mut letters = kind.chars();
    letters
        .next()
        .map(|first| first.to_ascii_lowercase().to_string() + letters.as_str())
        .unwrap_or_default()
}
