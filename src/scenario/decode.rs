//! Decodes the Scenario document: from a checked tree to the scenario, with its defaults.

use std::sync::Arc;

use super::types::*;
use super::{actions, duration, expect, gates, schema};
use crate::api::Source;
use crate::api::decode::subdomain;
use crate::api::features::{Features, Version};
use crate::api::node::Node;
use crate::api::pod::Name;
use crate::api::shape::{Problems, check};
use crate::api::status::Timestamp;
use crate::kernel::{Duration, Time};

/// A scenario whose actions still name workloads instead of their pods.
pub(super) struct Decoded {
    pub(super) scenario: Scenario,
    pub(super) steps: Vec<actions::Step>,
}

/// What the parts of the document need while they are decoded.
pub(super) struct Decoder<'p, 'a> {
    pub(super) problems: &'p mut Problems<'a>,
    seed: u64,
    run: u64,
    version: Option<Version>,
    distributions: Vec<PlacedDistribution>,
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
    Features::new(version, &std::collections::BTreeMap::new()).expect("a version takes its own defaults")
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
    scenario.run_for = decoder.moment_at(spec, "runFor");
    scenario.epoch_unix_secs = decoder.epoch(spec).unwrap_or(scenario.epoch_unix_secs);
    scenario.jitter = spec.text_at("jitter").is_some_and(|jitter| &**jitter == "Kubernetes");
    if spec.text_at("schedule").is_some_and(|schedule| &**schedule == "Seeded") {
        scenario.schedule = Schedule::Seeded;
    }
    if let Some(kubelet) = spec.get("kubelet") {
        scenario.kubelet = decoder.kubelet(kubelet, None, scenario.kubelet);
    }
    scenario.nodes = decoder.nodes(spec, &scenario.kubelet);
    if let Some(latencies) = spec.get("latencies") {
        decoder.latencies(latencies, &mut scenario.latencies);
    }
    scenario.images = spec.list("images").iter().map(|node| decoder.image(node)).collect();
    scenario.containers = spec
        .list("containers")
        .iter()
        .map(|node| decoder.container(node))
        .collect();
    scenario.sandboxes = spec
        .list("sandboxes")
        .iter()
        .map(|node| decoder.sandbox(node))
        .collect();
    scenario.volumes = spec.list("volumes").iter().map(|node| decoder.volume(node)).collect();
    scenario.programs = spec.list("programs").iter().map(|node| decoder.program(node)).collect();
    scenario.expect = spec
        .list("expect")
        .iter()
        .filter_map(|node| expect::expectation(&mut decoder, node))
        .collect();
    let steps = spec
        .list("actions")
        .iter()
        .filter_map(|node| actions::step(&mut decoder, node))
        .collect();
    scenario.distributions = decoder.distributions;
    scenario.name_spans();
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

    /// A duration, drawn once a run if it is a distribution. What the check has refused is 0.
    pub(super) fn moment(&mut self, node: &Node) -> Duration {
        match self.read(node, true) {
            Span::Fixed(duration) => duration,
            Span::Drawn(index) => {
                let path = self.problems.path(node);
                let placed = &mut self.distributions[index as usize];
                path.strip_prefix("spec.").unwrap_or(&path).clone_into(&mut placed.path);
                placed.first(self.seed, self.run)
            }
        }
    }

    pub(super) fn moment_at(&mut self, node: &Node, field: &str) -> Option<Duration> {
        node.get(field).map(|node| self.moment(node))
    }

    /// A duration that is drawn each time if it is a distribution. Its place gets its name when all is decoded.
    fn span_at(&mut self, node: &Node, field: &str) -> Option<Span> {
        node.get(field).map(|node| self.read(node, false))
    }

    fn read(&mut self, node: &Node, once: bool) -> Span {
        if let Some(text) = node.text() {
            return duration::parse(text).unwrap_or(Duration::ZERO).into();
        }
        let Some(distribution) = self.distribution(node) else {
            return Span::ZERO;
        };
        self.distributions.push(PlacedDistribution {
            path: String::new(),
            distribution,
            once,
        });
        Span::drawn(self.distributions.len() - 1)
    }

    fn distribution(&mut self, node: &Node) -> Option<Distribution> {
        let fixed = |node: Option<&Node>| {
            let text = node?.text()?;
            duration::parse(text).ok()
        };
        if node.fields().len() != 1 {
            let message = "a distribution is exactly one of uniform, normal, exponential, lognormal";
            self.problems.at(node, message);
        }
        let (key, given) = node.fields().first()?;
        let mut needed = |field: &str| {
            if given.get(field).is_none() {
                self.problems.required(given, field, "");
            }
            fixed(given.get(field)).unwrap_or(Duration::ZERO)
        };
        match &*key.name {
            "uniform" => match given.items() {
                [from, to] => {
                    let (from, to) = (fixed(Some(from))?, fixed(Some(to))?);
                    if from > to {
                        self.problems
                            .at(given, "the first duration must not be longer than the second");
                        return None;
                    }
                    Some(Distribution::Uniform { from, to })
                }
                _ => {
                    self.problems.at(given, "it must be two durations: [shortest, longest]");
                    None
                }
            },
            "normal" => Some(Distribution::Normal {
                mean: needed("mean"),
                sd: needed("sd"),
            }),
            "exponential" => Some(Distribution::Exponential { mean: needed("mean") }),
            "lognormal" => {
                let (p50, p99) = (needed("p50"), needed("p99"));
                if p50 <= Duration::ZERO || p99 < p50 {
                    self.problems
                        .at(given, "p50 must be longer than 0s, and p99 not shorter than p50");
                    return None;
                }
                Some(Distribution::LogNormal { p50, p99 })
            }
            _ => None,
        }
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

    fn nodes(&mut self, spec: &Node, base: &KubeletConfig) -> Vec<NodeScript> {
        let mut nodes: Vec<NodeScript> = Vec::new();
        for node in spec.list("nodes") {
            let name = self.name(node, "name");
            if let Some(given) = node.get("name") {
                // `ValidateNodeName`
                subdomain(self.problems, given);
                if nodes.iter().any(|n| n.name == name) {
                    self.problems.duplicate(given);
                }
            }
            let kubelet = match node.get("kubelet") {
                Some(kubelet) => self.kubelet(kubelet, spec.at(&["kubelet", "config"]), base.clone()),
                None => base.clone(),
            };
            nodes.push(NodeScript { name, kubelet });
        }
        nodes
    }

    /// A name that must be given.
    pub(super) fn name(&mut self, node: &Node, field: &str) -> Name {
        if node.filled_at(field).is_none() {
            self.problems.required(node, field, "");
        }
        node.text_at(field).cloned().unwrap_or_else(|| "".into())
    }

    /// `base`: the configuration that this one is written on top of.
    fn kubelet(&mut self, node: &Node, base: Option<&Node>, mut config: KubeletConfig) -> KubeletConfig {
        self.features(node, &mut config);
        let given = node.get("config");
        if let Some(given) = given {
            self.kubelet_configuration(given, base, &mut config);
        }
        // `pkg/kubelet/apis/config/validation: ValidateKubeletConfiguration`
        if config.max_container_restart_period.is_some() && !config.features.crash_loop_max_configurable {
            let message = "invalid configuration: FeatureGate KubeletCrashLoopBackOffMax not enabled, \
                           CrashLoopBackOff.MaxContainerRestartPeriod must not be set";
            let place = given.and_then(|config| config.at(&["crashLoopBackOff", "maxContainerRestartPeriod"]));
            let refused = self.problems.at(place.unwrap_or(node), message);
            gates::name("KubeletCrashLoopBackOffMax", refused);
        }
        match node.get("phases") {
            Some(phases) if phases.text().is_some() => config.seeded_phases = true,
            Some(phases) => self.phases(phases, &mut config.phases),
            None => {}
        }
        config
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
            let Some(given) = node.get(field) else { continue };
            *target = self.moment(given);
            if *target >= Duration::from_secs(period) {
                self.problems
                    .at(given, &format!("it must be shorter than the period, {period}s"));
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
            runs: node.list("runs").iter().map(|run| self.run(run)).collect(),
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
        node.list(field).iter().map(|node| self.outcome(Some(node))).collect()
    }

    fn outcome(&mut self, node: Option<&Node>) -> Outcome {
        let Some(node) = node else { return Outcome::default() };
        Outcome {
            takes: self.span_at(node, "takes"),
            error: node.text_at("error").cloned(),
        }
    }

    fn run(&mut self, node: &Node) -> Run {
        let windows = |decoder: &mut Self, kind: &str| {
            let list = node.get("probes").map_or(&[][..], |probes| probes.list(kind));
            let mut windows: Vec<ProbeWindow> = list.iter().map(|node| decoder.window(node)).collect();
            windows.sort_by_key(|window| window.from);
            windows
        };
        Run {
            create: self.outcome(node.get("create")),
            start: self.outcome(node.get("start")),
            exit: node.get("exit").map(|exit| self.exit(exit)),
            on_term: node
                .get("onTerm")
                .map_or_else(OnTerm::default, |node| self.on_term(node)),
            post_start: self.outcome(node.get("postStart")),
            pre_stop: self.outcome(node.get("preStop")),
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
            from: self.moment_at(node, "from").unwrap_or(Duration::ZERO),
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
            answers: node.list("answers").iter().map(|node| self.answer(node)).collect(),
            signals: self.signals(node),
            runs_for: self.span_at(node, "runsFor"),
            exit_code: node.integer_at("exitCode").unwrap_or(0),
            output: node.text_at("output").cloned(),
            place: self.problems.place(node),
        }
    }

    fn signals(&mut self, node: &Node) -> std::collections::BTreeMap<Name, OnTerm> {
        const KNOWN: [&str; 8] = ["TERM", "INT", "QUIT", "HUP", "USR1", "USR2", "WINCH", "ALRM"];
        let mut signals = std::collections::BTreeMap::new();
        for (key, reaction) in node.get("signals").map_or(&[][..], Node::fields) {
            let name = key.name.strip_prefix("SIG").unwrap_or(&key.name);
            if !KNOWN.contains(&name) {
                let message = format!("{:?} is no signal that a program can react to", &*key.name);
                self.problems.mark(key.span, message).hint = Some(format!("known are {}", KNOWN.join(", ")));
            }
            if signals.insert(name.into(), self.on_term(reaction)).is_some() {
                self.problems.mark(key.span, format!("{name} is given twice"));
            }
        }
        signals
    }

    fn answer(&mut self, node: &Node) -> ProgramAnswer {
        ProgramAnswer {
            port: node.integer_at("port"),
            path: node.text_at("path").cloned(),
            from: self.moment_at(node, "from").unwrap_or(Duration::ZERO),
            status: node.integer_at("status").unwrap_or(200),
            body: node.text_at("body").cloned().unwrap_or_else(|| "".into()),
        }
    }

    /// A time of the run.
    pub(super) fn time_at(&mut self, node: &Node, field: &str) -> Option<Time> {
        self.moment_at(node, field).map(|span| Time::ZERO + span)
    }
}
