//! What must hold for any pod on any kubelet, judged record by record.
//!
//! 1. Each record is first judged by every invariant of its kind against the `facts` so far;
//! 2. then the facts take it in.
//!
//! An invariant is a pure function of facts and record. None looks into the engine, and none of them knows how the
//! engine came to what it did: back-offs, thresholds and grace periods are reckoned a second time from the trace alone.

mod backoff;
mod container;
mod events;
mod facts;
mod guests;
mod images;
mod nodes;
mod order;
mod pods;
mod probes;
mod restarts;
mod status;
mod termination;
mod world;

use std::rc::Rc;
use std::sync::OnceLock;

use crate::api::pod::Pod;
use crate::kernel::Time;
use crate::scenario::types::{Input, KubeletConfig};
use crate::trace::{CallPhase, CriOp, Record, What};
use container::ContainerFacts;
use facts::{Facts, NodeFacts, PodFacts};

/// One thing that must hold.
pub struct Invariant {
    /// Its name, as reports show it.
    pub name: &'static str,
    /// What must hold, in one sentence.
    pub holds: &'static str,
    /// Where in Kubernetes that comes from.
    pub source: &'static str,
    kind: Kind,
    check: fn(&Scene<'_>) -> Verdict,
}

/// What an invariant says of a record: Err tells what is wrong.
type Verdict = Result<(), String>;

/// The records that an invariant looks at.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Any,
    Api,
    /// CRI calls of any kind, their beginnings and ends.
    Cri,
    /// The beginnings of these CRI calls.
    Begins(&'static [CriOp]),
    Exit,
    Probe,
    Hook,
    Event,
    Status,
    BackOff,
    Volume,
    Guest,
}

/// What a record is, as far as the choice of its invariants goes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    /// No invariant asks for it in particular.
    Other,
    /// All of such a kind are judged alike.
    Of(Kind),
    CriBegins(CriOp),
    CriEnds,
}

impl Class {
    const KINDS: [Kind; 9] = [
        Kind::Api,
        Kind::Exit,
        Kind::Probe,
        Kind::Hook,
        Kind::Event,
        Kind::Status,
        Kind::BackOff,
        Kind::Volume,
        Kind::Guest,
    ];

    /// Each class once.
    fn all() -> impl Iterator<Item = Class> {
        let fixed = [Class::Other, Class::CriEnds].into_iter();
        let kinds = Class::KINDS.into_iter().map(Class::Of);
        fixed.chain(CriOp::ALL.into_iter().map(Class::CriBegins)).chain(kinds)
    }

    fn of(what: &What) -> Class {
        match what {
            What::Cri(call) if call.phase == CallPhase::Begin => Class::CriBegins(call.op),
            What::Cri(_) => Class::CriEnds,
            What::Api(_) => Class::Of(Kind::Api),
            What::Exit { .. } => Class::Of(Kind::Exit),
            What::Probe { .. } => Class::Of(Kind::Probe),
            What::Hook { .. } => Class::Of(Kind::Hook),
            What::Event(_) => Class::Of(Kind::Event),
            What::Status(_) => Class::Of(Kind::Status),
            What::BackOff { .. } => Class::Of(Kind::BackOff),
            What::Volume { .. } => Class::Of(Kind::Volume),
            What::Log { .. } | What::Command { .. } => Class::Of(Kind::Guest),
            What::Assumed { .. } | What::Node { .. } | What::Note { .. } | What::End { .. } => Class::Other,
        }
    }

    /// Its place in [`Class::all`].
    fn place(self) -> usize {
        match self {
            Class::Other => 0,
            Class::CriEnds => 1,
            Class::CriBegins(op) => 2 + op as usize,
            Class::Of(kind) => {
                let among = Class::KINDS.iter().position(|known| *known == kind);
                2 + CriOp::ALL.len() + among.unwrap_or(0)
            }
        }
    }
}

impl Kind {
    fn looks_at(self, class: Class) -> bool {
        match (self, class) {
            (Kind::Any, _) | (Kind::Cri, Class::CriBegins(_) | Class::CriEnds) => true,
            (Kind::Begins(ops), Class::CriBegins(op)) => ops.contains(&op),
            (kind, Class::Of(of)) => kind == of,
            (_, Class::Other | Class::CriBegins(_) | Class::CriEnds) => false,
        }
    }
}

/// A record and what was known before it.
struct Scene<'a> {
    facts: &'a Facts,
    record: &'a Record,
    pod: Option<&'a PodFacts>,
    container: Option<&'a ContainerFacts>,
    /// Of a status write: the containers' statuses.
    known: status::Known<'a>,
}

impl<'a> Scene<'a> {
    /// The pod that the record is about, with its manifest.
    fn pod(&self) -> Option<(&'a PodFacts, &'a Pod)> {
        self.pod.map(|pod| (pod, pod.pod(self.facts)))
    }

    /// The configuration of the kubelet of the pod that the record is about.
    fn kubelet(&self) -> &'a KubeletConfig {
        self.facts.kubelet_of(self.node())
    }

    /// The node of the pod that the record is about.
    fn node(&self) -> &'a NodeFacts {
        self.facts.node_of(self.pod)
    }
}

/// The seconds of a record's time that an API timestamp keeps.
fn second(at: Time) -> i64 {
    at.0.div_euclid(1_000_000_000)
}

/// An Err with a text, or Ok when the condition holds.
fn ensure(holds: bool, text: impl FnOnce() -> String) -> Verdict {
    if holds { Ok(()) } else { Err(text()) }
}

/// Every invariant, those of a record's order first.
pub fn all() -> impl Iterator<Item = &'static Invariant> {
    let rooms = [
        order::INVARIANTS,
        restarts::INVARIANTS,
        probes::INVARIANTS,
        termination::INVARIANTS,
        images::INVARIANTS,
        status::INVARIANTS,
        nodes::INVARIANTS,
        pods::INVARIANTS,
        guests::INVARIANTS,
        events::INVARIANTS,
    ];
    rooms.into_iter().flatten()
}

/// Those that look at records like this one.
fn looking_at(what: &What) -> &'static [&'static Invariant] {
    static BY_CLASS: OnceLock<Vec<Vec<&'static Invariant>>> = OnceLock::new();
    let by_class = BY_CLASS.get_or_init(|| {
        let looks = |class| all().filter(|invariant| invariant.kind.looks_at(class)).collect();
        Class::all().map(looks).collect()
    });
    &by_class[Class::of(what).place()]
}

/// An invariant that did not hold.
#[derive(Clone, Debug)]
pub struct Violation {
    /// Its name.
    pub invariant: &'static str,
    /// The record that broke it.
    pub record: Record,
    /// What is wrong.
    pub detail: String,
}

impl std::fmt::Display for Violation {
    /// `back-off-respected at 31.2s, default/web container app: …`
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let at = self.record.at - crate::kernel::Time::ZERO;
        write!(f, "{} at {at}", self.invariant)?;
        if let Some(pod) = &self.record.pod {
            write!(f, ", {pod}")?;
        }
        if let Some(container) = &self.record.container {
            write!(f, " container {container}")?;
        }
        write!(f, ": {}", self.detail)
    }
}

/// Judges a trace while it comes into being.
pub struct Checker {
    facts: Facts,
    violations: Vec<Violation>,
}

impl Checker {
    /// A checker of a run of that input, from its first record on.
    pub fn new(input: Rc<Input>) -> Checker {
        Checker {
            facts: Facts::new(input),
            violations: Vec::new(),
        }
    }

    /// Judges the next record. Of each invariant the first violation is kept.
    pub fn observe(&mut self, record: &Record) {
        let place = self.facts.locate(record);
        let pod = place.0.map(|ix| &self.facts.pods[ix]);
        let scene = Scene {
            facts: &self.facts,
            record,
            pod,
            container: pod.zip(place.1).map(|(pod, ix)| &pod.containers[ix]),
            known: status::known(pod, record),
        };
        for invariant in looking_at(&record.what) {
            if let Err(detail) = (invariant.check)(&scene)
                && self.violations.iter().all(|v| v.invariant != invariant.name)
            {
                self.violations.push(Violation {
                    invariant: invariant.name,
                    record: record.clone(),
                    detail,
                });
            }
        }
        drop(scene);
        self.facts.take_in(record, place);
    }

    /// What did not hold so far, in the order of the trace.
    pub fn violations(&self) -> &[Violation] {
        &self.violations
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_class_is_in_its_place() {
        for (place, class) in Class::all().enumerate() {
            assert_eq!(class.place(), place);
        }
    }

    #[test]
    fn every_invariant_has_records_to_look_at() {
        for invariant in all() {
            assert!(
                Class::all().any(|class| invariant.kind.looks_at(class)),
                "{}",
                invariant.name
            );
        }
    }
}
