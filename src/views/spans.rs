//! The trace as lanes of spans and instants: what every drawing of it shows.

use std::collections::BTreeMap;

use super::cause::{THROTTLED, throttled_pull};
use super::humane::short_name;
use crate::api::pod::Name;
use crate::api::status::{ConditionStatus, PodStatus};
use crate::kernel::Time;
use crate::scenario::types::Input;
use crate::trace::{CallPhase, CriCall, CriOp, ExitBy, HookType, ProbeOutcome, ProbeType, Record, What};

/// A row of a drawing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lane {
    /// The pod's full name.
    pub pod: Name,
    /// What the row is for.
    pub kind: LaneKind,
    /// Stretches of time, in order of their beginnings.
    pub spans: Vec<Stretch>,
    /// Moments, in order.
    pub instants: Vec<Instant>,
}

/// What a row is for. The order is that of the rows.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LaneKind {
    /// The pod itself: its phases, its deletion.
    Pod,
    /// When the pod is ready.
    Ready,
    /// A container: its place in the spec, its name.
    Container(usize, Name),
    /// A probe of a container.
    Probe(usize, Name, ProbeType),
}

/// What a stretch of time was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SpanKind {
    /// The pod's phase.
    Phase,
    /// The pod was ready.
    Ready,
    /// An image was pulled.
    Pulling,
    /// A container was created and started.
    Starting,
    /// Its process ran.
    Running,
    /// It waited for its back-off.
    BackOff,
    /// It was told to stop.
    Terminating,
    /// A hook ran.
    Hook,
}

/// A stretch of time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// What it was.
    pub kind: SpanKind,
    /// In words.
    pub label: String,
    /// Its beginning.
    pub from: Time,
    /// Its end; that of the run for what was still going on.
    pub to: Time,
    /// The record that began it.
    pub seq: u64,
    /// The record that ended it.
    pub end_seq: Option<u64>,
}

/// A moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instant {
    /// When.
    pub at: Time,
    /// Whether it is a failure.
    pub bad: bool,
    /// In words.
    pub label: String,
    /// The record.
    pub seq: u64,
}

impl SpanKind {
    /// One word, as a style class or a category.
    pub fn as_str(self) -> &'static str {
        match self {
            SpanKind::Phase => "phase",
            SpanKind::Ready => "ready",
            SpanKind::Pulling => "pulling",
            SpanKind::Starting => "starting",
            SpanKind::Running => "running",
            SpanKind::BackOff => "back-off",
            SpanKind::Terminating => "terminating",
            SpanKind::Hook => "hook",
        }
    }
}

impl Lane {
    /// The row's title: `app`, `app readiness`, `pod`.
    pub fn title(&self) -> String {
        match &self.kind {
            LaneKind::Pod => "pod".to_owned(),
            LaneKind::Ready => "ready".to_owned(),
            LaneKind::Container(_, name) => name.to_string(),
            LaneKind::Probe(_, name, probe) => format!("{name} {}", probe_word(*probe)),
        }
    }

    /// The pod's name as shown.
    pub fn pod_name(&self) -> &str {
        short_name(&self.pod)
    }
}

/// The kind of probe in a word.
pub fn probe_word(probe: ProbeType) -> &'static str {
    match probe {
        ProbeType::Startup => "startup",
        ProbeType::Readiness => "readiness",
        ProbeType::Liveness => "liveness",
    }
}

/// The lanes of a trace: by pod, then the pod, its containers in the spec's order, and their probes.
pub fn lanes(records: &[Record], input: &Input) -> Vec<Lane> {
    let mut drawer = Drawer::new(input);
    for record in records {
        drawer.draw(record);
    }
    let end = records.last().map_or(Time::ZERO, |r| r.at);
    drawer.finish(end)
}

struct Drawer {
    positions: BTreeMap<(Name, Name), usize>,
    lanes: BTreeMap<(Name, LaneKind), Lane>,
    open: BTreeMap<(Name, LaneKind, SpanKind), Stretch>,
    /// Whose image the pod pulls, as its event said.
    pulling_for: BTreeMap<Name, Name>,
}

impl Drawer {
    fn new(input: &Input) -> Drawer {
        let mut positions = BTreeMap::new();
        for pod in &input.pods {
            let full_name = pod.pod.full_name();
            for (position, (_, container)) in pod.pod.all_containers().enumerate() {
                positions.insert((full_name.clone(), container.name.clone()), position);
            }
        }
        Drawer {
            positions,
            lanes: BTreeMap::new(),
            open: BTreeMap::new(),
            pulling_for: BTreeMap::new(),
        }
    }

    fn draw(&mut self, record: &Record) {
        let Some(pod) = record.pod.clone() else { return };
        let lane = match &record.container {
            Some(container) => self.container(&pod, container),
            None => LaneKind::Pod,
        };
        match &record.what {
            What::Api(call) if call.object.is_none() => match call.op {
                "create" => self.begin(record, &pod, LaneKind::Pod, SpanKind::Phase, "Pending".to_owned()),
                "delete" => {
                    self.begin(
                        record,
                        &pod,
                        LaneKind::Pod,
                        SpanKind::Terminating,
                        "being deleted".to_owned(),
                    );
                }
                "removed" => self.end_all(record, &pod),
                op => self.instant(record, &pod, LaneKind::Pod, false, op.to_owned()),
            },
            What::Cri(call) => self.cri(record, &pod, lane, call),
            What::Exit { code, reason, by } => {
                let by = match by {
                    ExitBy::Itself => "",
                    ExitBy::Term => " on SIGTERM",
                    ExitBy::Kill => " by SIGKILL",
                    ExitBy::Reboot => " with the machine",
                };
                self.end(record, &pod, &lane, SpanKind::Running);
                self.instant(record, &pod, lane, *code != 0, format!("exit {code} {reason}{by}"));
            }
            What::Probe { probe, result } => {
                let (bad, word) = match result {
                    ProbeOutcome::Success => (false, "success"),
                    ProbeOutcome::Failure => (true, "failure"),
                    ProbeOutcome::Error => (true, "error"),
                    ProbeOutcome::Timeout => (true, "timeout"),
                };
                if let LaneKind::Container(position, name) = lane {
                    self.instant(
                        record,
                        &pod,
                        LaneKind::Probe(position, name, *probe),
                        bad,
                        word.to_owned(),
                    );
                }
            }
            What::Hook { hook, phase, .. } => {
                let name = match hook {
                    HookType::PostStart => "postStart",
                    HookType::PreStop => "preStop",
                };
                match phase {
                    CallPhase::Begin => self.begin(record, &pod, lane, SpanKind::Hook, name.to_owned()),
                    CallPhase::End => self.end(record, &pod, &lane, SpanKind::Hook),
                }
            }
            What::Event(event) if event.reason == "Pulling" => {
                // The image of a volume is the pod's own.
                match event.container() {
                    Some(container) => self.pulling_for.insert(pod, container.clone()),
                    None => self.pulling_for.remove(&pod),
                };
            }
            What::Event(event) if throttled_pull(record).is_some() => {
                let lane = match event.container() {
                    Some(name) => self.container(&pod, name),
                    None => lane,
                };
                self.instant(record, &pod, lane, true, THROTTLED.to_owned());
            }
            What::Status(status) => self.status(record, &pod, status),
            What::BackOff { length, .. } => {
                // Every sync asks again; a longer back-off ends the one before.
                let label = format!("back-off {length}");
                let key = (pod.clone(), lane.clone(), SpanKind::BackOff);
                if self.open.get(&key).is_none_or(|open| open.label != label) {
                    self.begin(record, &pod, lane, SpanKind::BackOff, label);
                }
            }
            What::Node { op, .. } => self.instant(record, &pod, LaneKind::Pod, true, (*op).to_owned()),
            What::Log { .. } | What::Command { .. } | What::Assumed { .. } => {}
            What::Note { note } => self.instant(record, &pod, lane, true, note.to_string()),
            What::Volume {
                volume,
                error: Some(error),
                ..
            } => {
                self.instant(record, &pod, LaneKind::Pod, true, format!("volume {volume}: {error}"));
            }
            What::Api(_) | What::Event(_) | What::Volume { .. } | What::End { .. } => {}
        }
    }

    fn cri(&mut self, record: &Record, pod: &Name, lane: LaneKind, call: &CriCall) {
        let attempt = record.attempt.unwrap_or(0);
        match (call.op, call.phase) {
            (CriOp::PullImage, CallPhase::Begin) => {
                let lane = match self.pulling_for.get(pod).cloned() {
                    Some(container) => self.container(pod, &container),
                    None => lane,
                };
                let image = call.image.as_deref().unwrap_or_default();
                self.begin(record, pod, lane, SpanKind::Pulling, format!("pulling {image}"));
            }
            (CriOp::PullImage, CallPhase::End) => {
                let lane = match self.pulling_for.get(pod).cloned() {
                    Some(container) => self.container(pod, &container),
                    None => lane,
                };
                self.end(record, pod, &lane, SpanKind::Pulling);
                if let Some(error) = &call.error {
                    self.instant(record, pod, lane, true, error.to_string());
                }
            }
            (CriOp::CreateContainer, CallPhase::Begin) => {
                self.end(record, pod, &lane, SpanKind::BackOff);
                self.begin(record, pod, lane, SpanKind::Starting, format!("#{attempt} starting"));
            }
            (CriOp::CreateContainer, CallPhase::End) => {
                if let Some(error) = &call.error {
                    self.end(record, pod, &lane, SpanKind::Starting);
                    self.instant(record, pod, lane, true, error.to_string());
                }
            }
            (CriOp::StartContainer, CallPhase::End) => {
                self.end(record, pod, &lane, SpanKind::Starting);
                match &call.error {
                    Some(error) => self.instant(record, pod, lane, true, error.to_string()),
                    None => self.begin(record, pod, lane, SpanKind::Running, format!("#{attempt} running")),
                }
            }
            (CriOp::StopContainer, CallPhase::Begin) => {
                let seconds = call.timeout.unwrap_or(0);
                self.instant(record, pod, lane.clone(), false, "SIGTERM".to_owned());
                self.begin(
                    record,
                    pod,
                    lane,
                    SpanKind::Terminating,
                    format!("terminating, {seconds}s"),
                );
            }
            (CriOp::StopContainer, CallPhase::End) => self.end(record, pod, &lane, SpanKind::Terminating),
            (CriOp::StartContainer, CallPhase::Begin) => {}
            (
                CriOp::RunPodSandbox
                | CriOp::StopPodSandbox
                | CriOp::RemovePodSandbox
                | CriOp::RemoveContainer
                | CriOp::ExecSync,
                _,
            ) => {}
        }
    }

    fn status(&mut self, record: &Record, pod: &Name, status: &PodStatus) {
        let phase = status.phase.as_str();
        let key = (pod.clone(), LaneKind::Pod, SpanKind::Phase);
        if self.open.get(&key).is_none_or(|open| open.label != phase) {
            self.begin(record, pod, LaneKind::Pod, SpanKind::Phase, phase.to_owned());
        }
        let ready = status
            .condition("Ready")
            .is_some_and(|c| c.status == ConditionStatus::True);
        let key = (pod.clone(), LaneKind::Ready, SpanKind::Ready);
        match (ready, self.open.contains_key(&key)) {
            (true, false) => self.begin(record, pod, LaneKind::Ready, SpanKind::Ready, "ready".to_owned()),
            (false, true) => self.end(record, pod, &LaneKind::Ready, SpanKind::Ready),
            (true, true) | (false, false) => {}
        }
    }

    fn container(&self, pod: &Name, container: &Name) -> LaneKind {
        let position = self.positions.get(&(pod.clone(), container.clone())).copied();
        // Debug containers come last.
        LaneKind::Container(position.unwrap_or(usize::MAX), container.clone())
    }

    fn lane(&mut self, pod: &Name, kind: LaneKind) -> &mut Lane {
        self.lanes.entry((pod.clone(), kind.clone())).or_insert_with(|| Lane {
            pod: pod.clone(),
            kind,
            spans: Vec::new(),
            instants: Vec::new(),
        })
    }

    fn instant(&mut self, record: &Record, pod: &Name, lane: LaneKind, bad: bool, label: String) {
        let instant = Instant {
            at: record.at,
            bad,
            label,
            seq: record.seq,
        };
        self.lane(pod, lane).instants.push(instant);
    }

    fn begin(&mut self, record: &Record, pod: &Name, lane: LaneKind, kind: SpanKind, label: String) {
        self.end(record, pod, &lane, kind);
        let span = Stretch {
            kind,
            label,
            from: record.at,
            to: record.at,
            seq: record.seq,
            end_seq: None,
        };
        self.open.insert((pod.clone(), lane, kind), span);
    }

    fn end(&mut self, record: &Record, pod: &Name, lane: &LaneKind, kind: SpanKind) {
        if let Some(mut span) = self.open.remove(&(pod.clone(), lane.clone(), kind)) {
            span.to = record.at;
            span.end_seq = Some(record.seq);
            self.lane(pod, lane.clone()).spans.push(span);
        }
    }

    fn end_all(&mut self, record: &Record, pod: &Name) {
        let open: Vec<_> = self.open.keys().filter(|(p, ..)| p == pod).cloned().collect();
        for (pod, lane, kind) in open {
            self.end(record, &pod, &lane, kind);
        }
    }

    fn finish(mut self, end: Time) -> Vec<Lane> {
        for ((pod, lane, _), mut span) in std::mem::take(&mut self.open) {
            span.to = end;
            self.lane(&pod, lane).spans.push(span);
        }
        let mut lanes: Vec<Lane> = self.lanes.into_values().collect();
        for lane in &mut lanes {
            lane.spans.sort_by_key(|s| (s.from, s.seq));
        }
        // Container and probe lanes alternate: a container's probes follow it.
        lanes.sort_by(|a, b| (&a.pod, a.kind.order()).cmp(&(&b.pod, b.kind.order())));
        lanes
    }
}

impl LaneKind {
    fn order(&self) -> (u8, usize, &str, Option<ProbeType>) {
        match self {
            LaneKind::Pod => (0, 0, "", None),
            LaneKind::Ready => (1, 0, "", None),
            LaneKind::Container(position, name) => (2, *position, name, None),
            LaneKind::Probe(position, name, probe) => (2, *position, name, Some(*probe)),
        }
    }
}
