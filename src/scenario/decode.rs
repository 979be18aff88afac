//! Decodes the Scenario document: from a checked tree to the scenario, with its defaults.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::sync::Arc;

use super::shared::Shared;
use super::types::*;
use super::{actions, expect, gates, schema};
use crate::api::Source;
use crate::api::decode::subdomain;
use crate::api::features::{Features, Version};
use crate::api::node::Node;
use crate::api::pod::Name;
use crate::api::shape::{Problems, check};
use crate::api::status::Timestamp;
use crate::kernel::Duration;

/// A scenario whose actions still name workloads instead of their pods.
pub(super) struct Decoded {
    pub(super) scenario: Scenario,
    pub(super) steps: Vec<actions::Step>,
}

/// What the parts of the document need while they are decoded.
pub(super) struct Decoder<'p, 'a> {
    pub(super) problems: &'p mut Problems<'a>,
    pub(super) seed: u64,
    pub(super) run: u64,
    version: Option<Version>,
    pub(super) distributions: Vec<PlacedDistribution>,
    /// The place below spec that is being decoded. It is carried along and not looked for in the tree: what stands behind
    /// an alias is in the tree once, and is used in several places.
    pub(super) path: String,
    /// The file, once an expectation keeps it.
    source: Option<Arc<Source>>,
}

/// How a document is decoded.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct How {
    /// Durations are drawn as in the run of this number.
    pub(super) run: u64,
    /// The seed, in place of the document's.
    pub(super) seed: Option<u64>,
    /// The version of Kubernetes, in place of what the document says.
    pub(super) version: Option<Version>,
}

/// What a version does with its own gates.
pub(super) fn features_by_default(version: Option<Version>) -> Features {
    let version = version.unwrap_or(Version::LATEST);
    Features::new(version, &BTreeMap::new()).expect("a version takes its own defaults")
}

/// Decodes a document.
pub(super) fn scenario(problems: &mut Problems<'_>, root: &Node, how: How) -> Decoded {
    check(root, &schema::SCENARIO, problems);
    // What has the wrong shape is not reported a second time.
    let undecodable = problems.found.len();
    let nothing = Node {
        span: root.span,
        value: crate::api::node::Value::Null,
    };
    let spec = root.get("spec").unwrap_or(&nothing);
    let seed = how.seed.or_else(|| spec.integer_at("seed")).unwrap_or(0);
    let mut decoder = Decoder {
        problems,
        seed,
        run: how.run,
        version: how.version,
        distributions: Vec::new(),
        path: String::new(),
        source: None,
    };
    let mut scenario = Scenario {
        seed,
        ..Scenario::default()
    };
    scenario.kubelet.features = features_by_default(how.version);
    if let Some(name) = root.at(&["metadata", "name"]).and_then(Node::text) {
        scenario.name = name.to_string();
    }
    scenario.description = spec.text_at("description").map(|text| text.to_string());
    scenario.run_for = decoder.drawn_at(spec, "runFor");
    scenario.epoch_unix_secs = decoder.epoch(spec).unwrap_or(scenario.epoch_unix_secs);
    scenario.jitter = spec.text_at("jitter").is_some_and(|jitter| &**jitter == "Kubernetes");
    if spec.text_at("schedule").is_some_and(|schedule| &**schedule == "Seeded") {
        scenario.schedule = Schedule::Seeded;
    }
    decoder.field(spec, "kubelet", |decoder, node| {
        decoder.kubelet(node, None, &mut scenario.kubelet);
    });
    scenario.nodes = decoder.nodes(spec, &scenario.kubelet);
    decoder.field(spec, "latencies", |decoder, node| {
        decoder.latencies(node, &mut scenario.latencies);
    });
    scenario.images = decoder.each(spec, "images", Decoder::image);
    scenario.containers = decoder.each(spec, "containers", Decoder::container);
    scenario.sandboxes = decoder.each(spec, "sandboxes", Decoder::sandbox);
    scenario.volumes = decoder.each(spec, "volumes", Decoder::volume);
    scenario.programs = decoder.each(spec, "programs", Decoder::program);
    scenario.expect = spec
        .list("expect")
        .iter()
        .filter_map(|node| expect::expectation(&mut decoder, node))
        .collect();
    let steps = decoder.each(spec, "actions", actions::step);
    let steps = steps.into_iter().flatten().collect();
    scenario.distributions = decoder.distributions;
    if undecodable > 0 {
        problems.found.truncate(undecodable);
    }
    Decoded { scenario, steps }
}

impl Decoder<'_, '_> {
    /// The file, for what keeps it.
    pub(super) fn source(&mut self) -> Arc<Source> {
        let source = self.problems.source;
        self.source.get_or_insert_with(|| Arc::new(source.clone())).clone()
    }

    /// Decodes the field of that name, if it is given, at its place.
    pub(super) fn field<'n, T>(
        &mut self,
        node: &'n Node,
        name: &str,
        work: impl FnOnce(&mut Self, &'n Node) -> T,
    ) -> Option<T> {
        let given = node.get(name)?;
        Some(self.below(name, |decoder| work(decoder, given)))
    }

    /// Decodes each item of the list of that name, at its place.
    pub(super) fn each<'n, T>(
        &mut self,
        node: &'n Node,
        name: &str,
        mut work: impl FnMut(&mut Self, &'n Node) -> T,
    ) -> Vec<T> {
        self.below(name, |decoder| {
            let list = decoder.path.len();
            let items = node.list(name).iter().enumerate().map(|(index, item)| {
                let _ = write!(decoder.path, "[{index}]");
                let decoded = work(decoder, item);
                decoder.path.truncate(list);
                decoded
            });
            items.collect()
        })
    }

    fn below<T>(&mut self, name: &str, work: impl FnOnce(&mut Self) -> T) -> T {
        let above = self.path.len();
        if above > 0 {
            self.path.push('.');
        }
        self.path.push_str(name);
        let decoded = work(self);
        self.path.truncate(above);
        decoded
    }

    fn epoch(&mut self, spec: &Node) -> Option<i64> {
        let node = spec.get("epoch")?;
        let text = node.text()?;
        // A day that does not exist is read as another one.
        let found = Timestamp::parse(text)
            .filter(|time| time.to_string() == **text)
            .map(|time| time.0);
        if found.is_none() {
            self.problems
                .at(node, "it must be a time in UTC such as 2000-01-01T00:00:00Z");
        }
        found
    }

    fn nodes(&mut self, spec: &Node, base: &Shared<KubeletConfig>) -> Vec<NodeScript> {
        let mut names: BTreeSet<Name> = BTreeSet::new();
        self.each(spec, "nodes", |decoder, node| {
            let name = decoder.name(node, "name");
            if let Some(given) = node.get("name") {
                // `ValidateNodeName`
                subdomain(decoder.problems, given);
                if !names.insert(name.clone()) {
                    decoder.problems.duplicate(given);
                }
            }
            let mut kubelet = base.clone();
            decoder.field(node, "kubelet", |decoder, given| {
                decoder.kubelet(given, spec.at(&["kubelet", "config"]), &mut kubelet);
            });
            NodeScript { name, kubelet }
        })
    }

    /// A name that must be given.
    pub(super) fn name(&mut self, node: &Node, field: &str) -> Name {
        if node.filled_at(field).is_none() {
            self.problems.required(node, field, "");
        }
        node.text_at(field).cloned().unwrap_or_else(|| "".into())
    }

    /// `base`: the configuration that this one is written on top of.
    fn kubelet(&mut self, node: &Node, base: Option<&Node>, config: &mut KubeletConfig) {
        self.features(node, config);
        let given = node.get("config");
        self.field(node, "config", |decoder, given| {
            decoder.kubelet_configuration(given, base, config);
        });
        // `pkg/kubelet/apis/config/validation: ValidateKubeletConfiguration`
        if config.max_container_restart_period.is_some() && !config.features.crash_loop_max_configurable {
            let message = "invalid configuration: FeatureGate KubeletCrashLoopBackOffMax not enabled, \
                           CrashLoopBackOff.MaxContainerRestartPeriod must not be set";
            let place = given.and_then(|config| config.at(&["crashLoopBackOff", "maxContainerRestartPeriod"]));
            let refused = self.problems.at(place.unwrap_or(node), message);
            gates::name("KubeletCrashLoopBackOffMax", refused);
        }
        self.shutdown_gates(node, base, &config.features);
        self.field(node, "phases", |decoder, phases| match phases.text() {
            Some(_) => config.seeded_phases = true,
            None => {
                config.seeded_phases = false;
                decoder.phases(phases, &mut config.phases);
            }
        });
    }

    /// version and featureGates
    fn features(&mut self, node: &Node, config: &mut KubeletConfig) {
        let mut version = config.features.version;
        if let Some(known) = node.text_at("version").and_then(|text| Version::parse(text)) {
            version = known;
        }
        let given = node.get("featureGates").map_or(&[][..], Node::fields);
        for (key, gate) in given {
            if let crate::api::node::Value::Boolean(on) = gate.value {
                config.feature_gates.insert(key.name.to_string(), on);
            }
        }
        let version = self.version.unwrap_or(version);
        match Features::new(version, &config.feature_gates) {
            Ok(features) => config.features = features,
            Err(error) => {
                let key = given.iter().find(|(key, _)| *key.name == *error.gate);
                let mark = key.map_or_else(|| node.mark(), |(key, _)| key.span);
                let refused = self.problems.mark(mark, error.message);
                refused.hint = error.nearest.map(|near| format!("is it {near:?}?"));
                // What another version has is no slip of the pen.
                gates::name(&error.gate, refused);
            }
        }
    }

    fn phases(&mut self, node: &Node, phases: &mut Phases) {
        for (field, period, target) in [
            ("relist", 1, &mut phases.relist),
            ("sync", 1, &mut phases.sync),
            ("housekeeping", 2, &mut phases.housekeeping),
            ("containerGC", 60, &mut phases.container_gc),
            ("statusSync", 10, &mut phases.status_sync),
        ] {
            let (Some(given), Some(moment)) = (node.get(field), self.moment_at(node, field)) else {
                continue;
            };
            *target = moment.drawn;
            if moment.longest >= Duration::from_secs(period) {
                let message = format!("it must be shorter than the period, {period}s");
                self.problems.at(given, &moment.refused(&message));
            }
        }
    }

    fn latencies(&mut self, node: &Node, latencies: &mut Latencies) {
        for (field, target) in latencies.each() {
            if let Some(span) = self.span_at(node, field) {
                *target = span;
            }
        }
    }

    fn image(&mut self, node: &Node) -> ImageScript {
        ImageScript {
            image: self.name(node, "image"),
            present: node.boolean_at("present").unwrap_or(true),
            pulls: self.outcomes(node, "pulls"),
            inspects: node
                .list("inspects")
                .iter()
                .map(|node| node.text_at("error").cloned())
                .collect(),
        }
    }

    fn container(&mut self, node: &Node) -> ContainerScript {
        ContainerScript {
            pod: node.text_at("pod").cloned(),
            name: self.name(node, "name"),
            runs: self.each(node, "runs", Decoder::run),
        }
    }

    fn sandbox(&mut self, node: &Node) -> SandboxScript {
        SandboxScript {
            pod: node.text_at("pod").cloned(),
            runs: self.outcomes(node, "runs"),
        }
    }

    fn volume(&mut self, node: &Node) -> VolumeScript {
        VolumeScript {
            pod: node.text_at("pod").cloned(),
            name: self.name(node, "name"),
            mounts: self.outcomes(node, "mounts"),
        }
    }

    fn outcomes(&mut self, node: &Node, field: &str) -> Vec<Outcome> {
        self.each(node, field, Decoder::outcome)
    }

    fn outcome(&mut self, node: &Node) -> Outcome {
        Outcome {
            takes: self.span_at(node, "takes"),
            error: node.text_at("error").cloned(),
        }
    }

    fn outcome_at(&mut self, node: &Node, field: &str) -> Outcome {
        self.field(node, field, Decoder::outcome).unwrap_or_default()
    }

    fn run(&mut self, node: &Node) -> Run {
        let windows = |decoder: &mut Self, kind: &str| {
            let windows = decoder.field(node, "probes", |decoder, probes| {
                decoder.each(probes, kind, Decoder::window)
            });
            windows.unwrap_or_default()
        };
        Run {
            create: self.outcome_at(node, "create"),
            start: self.outcome_at(node, "start"),
            exit: self.field(node, "exit", Decoder::exit),
            on_term: self.field(node, "onTerm", Decoder::on_term).unwrap_or_default(),
            post_start: self.outcome_at(node, "postStart"),
            pre_stop: self.outcome_at(node, "preStop"),
            startup: windows(self, "startup"),
            readiness: windows(self, "readiness"),
            liveness: windows(self, "liveness"),
        }
    }

    fn exit(&mut self, node: &Node) -> Exit {
        for field in ["after", "code"] {
            if node.get(field).is_none() {
                self.problems.required(node, field, "");
            }
        }
        Exit {
            after: self.span_at(node, "after").unwrap_or(Span::ZERO),
            code: node.integer_at("code").unwrap_or(0),
            reason: node.filled_at("reason").cloned(),
            message: node.filled_at("message").cloned(),
        }
    }

    fn on_term(&mut self, node: &Node) -> OnTerm {
        if node.boolean_at("ignore") == Some(true) {
            for field in ["after", "code"] {
                if let Some(node) = node.get(field) {
                    self.problems.at(node, "it has no effect together with `ignore: true`");
                }
            }
            return OnTerm::Ignore;
        }
        OnTerm::Exit {
            after: self.span_at(node, "after").unwrap_or(Span::ZERO),
            code: node.integer_at("code").unwrap_or(143),
        }
    }

    fn window(&mut self, node: &Node) -> ProbeWindow {
        let answers = ["result", "status", "exitCode"];
        let mut given = answers.iter().filter_map(|field| node.get(field));
        if let (Some(_), Some(second)) = (given.next(), given.next()) {
            self.problems
                .at(second, "only one of result, status and exitCode may be given");
        }
        ProbeWindow {
            from: self.drawn_at(node, "from").unwrap_or(Duration::ZERO),
            result: match node.text_at("result").map_or("", |text| text) {
                "Failure" => ProbeAnswer::Failure,
                "Error" => ProbeAnswer::Error,
                _ => ProbeAnswer::Success,
            },
            takes: self.span_at(node, "takes").unwrap_or(ProbeWindow::DEFAULT_TAKES.into()),
            message: node.text_at("message").cloned(),
            status: node.integer_at("status"),
            exit_code: node.integer_at("exitCode"),
            probability: self.probability(node),
        }
    }

    /// In parts per 2^32; None when the result always holds.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    fn probability(&mut self, node: &Node) -> Option<u32> {
        let share = node.get("probability")?.number()?;
        (share < 1.0).then_some((share * 4_294_967_296.0) as u32)
    }

    fn program(&mut self, node: &Node) -> ProgramScript {
        if node.filled_at("name").is_none() && node.filled_at("image").is_none() {
            self.problems.required(node, "name", "a program has a name or an image");
        }
        let ports = node.list("listens").iter().filter_map(Node::integer);
        ProgramScript {
            name: node.filled_at("name").cloned(),
            image: node.filled_at("image").cloned(),
            listens: ports.filter_map(|port| u16::try_from(port).ok()).collect(),
            answers: self.each(node, "answers", Decoder::answer),
            signals: self.signals(node),
            runs_for: self.span_at(node, "runsFor"),
            exit_code: node.integer_at("exitCode").unwrap_or(0),
            output: node.text_at("output").cloned(),
            place: self.problems.place(node),
        }
    }

    fn signals(&mut self, node: &Node) -> BTreeMap<Name, OnTerm> {
        const KNOWN: [&str; 8] = ["TERM", "INT", "QUIT", "HUP", "USR1", "USR2", "WINCH", "ALRM"];
        let mut signals = BTreeMap::new();
        self.field(node, "signals", |decoder, given| {
            for (key, reaction) in given.fields() {
                let name = key.name.strip_prefix("SIG").unwrap_or(&key.name);
                if !KNOWN.contains(&name) {
                    let message = format!("{:?} is no signal that a program can react to", &*key.name);
                    decoder.problems.mark(key.span, message).hint = Some(format!("known are {}", KNOWN.join(", ")));
                }
                let reaction = decoder.below(name, |decoder| decoder.on_term(reaction));
                if signals.insert(name.into(), reaction).is_some() {
                    decoder.problems.mark(key.span, format!("{name} is given twice"));
                }
            }
        });
        signals
    }

    fn answer(&mut self, node: &Node) -> ProgramAnswer {
        ProgramAnswer {
            port: node.integer_at("port"),
            path: node.text_at("path").cloned(),
            from: self.drawn_at(node, "from").unwrap_or(Duration::ZERO),
            status: node.integer_at("status").unwrap_or(200),
            body: node.text_at("body").cloned().unwrap_or_else(|| "".into()),
        }
    }
}
