//! A run as a list of moments, each with an identity that does not depend on when it happens.

use std::collections::BTreeMap;

use super::facts::{self, Facts};
use crate::api::pod::Name;
use crate::api::status::ConditionStatus;
use crate::kernel::Time;
use crate::scenario::types::Input;
use crate::trace::{Record, What};
use crate::views::timeline::{Line, Tone, told};

/// Something that a person would mention.
#[derive(Clone, Debug)]
pub struct Moment {
    /// When.
    pub at: Time,
    /// `namespace/name`; empty for the node.
    pub pod: Name,
    /// Empty for the pod itself.
    pub container: Name,
    /// The container's attempt, where one is at hand.
    pub attempt: Option<u32>,
    /// What happened.
    pub what: String,
    /// Why, or how long it took.
    pub why: String,
    /// Whether the timeline tells it; conditions it leaves to other views.
    pub(super) on_timeline: bool,
}

impl Moment {
    /// Whether a user sees no difference: the millisecond, what and why are alike.
    pub fn looks_like(&self, other: &Moment) -> bool {
        let millis = |m: &Moment| m.at.0.div_euclid(1_000_000);
        millis(self) == millis(other) && self.what == other.what && self.why == other.why
    }
}

/// What is the same about a moment in every run: whose it is, in which of the container's lives, what it is, and
/// which of several alike.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Identity {
    pod: Name,
    container: Name,
    life: u32,
    what: String,
    number: u32,
}

impl Identity {
    /// Without the life and the number: what moments must have in common to be held against each other at all.
    pub(super) fn kind(&self) -> (&Name, &Name, &str) {
        (&self.pod, &self.container, &self.what)
    }
}

/// A run, told.
pub(super) struct Run {
    /// In the order of time.
    pub(super) moments: Vec<(Identity, Moment)>,
    index: BTreeMap<Identity, usize>,
    pub(super) facts: Facts,
}

/// What a run has under an identity, without what a user cannot see.
pub(super) type Seen = (i64, String, String);

impl Run {
    /// Tells the records. A nameless run calls its only pod by no name.
    pub(super) fn new(records: &[Record], input: &Input, nameless: bool) -> Run {
        let mut lives = Lives::default();
        let mut moments: Vec<(Identity, Moment)> = Vec::new();
        let mut lines = told(records, input, false);
        lines.extend(conditions(records));
        lines.sort_by_key(|line| line.seq);
        for line in lines {
            let identity = lives.identify(&line, nameless);
            let Line {
                at,
                pod,
                container,
                attempt,
                what,
                why,
                tone,
                ..
            } = line;
            let moment = Moment {
                at,
                pod,
                container,
                attempt,
                what,
                why,
                on_timeline: tone != Tone::Dim,
            };
            moments.push((identity, moment));
        }
        let index = moments
            .iter()
            .enumerate()
            .map(|(ix, (identity, _))| (identity.clone(), ix));
        Run {
            index: index.collect(),
            facts: facts::of(records, input, nameless),
            moments,
        }
    }

    /// What the run has under each of the identities.
    pub(super) fn at(&self, ids: &[Identity]) -> Vec<Option<Seen>> {
        let seen = |id: &Identity| {
            let (_, m) = &self.moments[*self.index.get(id)?];
            Some((m.at.0.div_euclid(1_000_000), m.what.clone(), m.why.clone()))
        };
        ids.iter().map(seen).collect()
    }

    pub(super) fn has(&self, id: &Identity) -> bool {
        self.index.contains_key(id)
    }
}

/// Counts the lives of containers, so that what happens in the third is held against the third.
#[derive(Default)]
struct Lives {
    /// Starts so far, by pod and container; under no container those of the whole pod.
    starts: BTreeMap<(Name, Name), u32>,
    seen: BTreeMap<(Name, Name, u32, String), u32>,
}

impl Lives {
    fn identify(&mut self, line: &Line, nameless: bool) -> Identity {
        let pod: Name = if nameless { "".into() } else { line.pod.clone() };
        let container = line.container.clone();
        if matches!(&*line.what, "started" | "restarted" | "did not start") {
            for of in ["".into(), container.clone()] {
                *self.starts.entry((pod.clone(), of)).or_default() += 1;
            }
        }
        let life = self.starts.get(&(pod.clone(), container.clone())).copied().unwrap_or(0);
        let key = (pod.clone(), container.clone(), life, line.key.clone());
        let number = self.seen.entry(key).or_default();
        *number += 1;
        Identity {
            pod,
            container,
            life,
            what: line.key.clone(),
            number: *number,
        }
    }
}

/// The kubelet's conditions of which the timeline does not speak, when they change.
fn conditions(records: &[Record]) -> Vec<Line> {
    const TOLD_HERE: [&str; 5] = [
        "PodReadyToStartContainers",
        "Initialized",
        "AllContainersRestarting",
        "PodResizePending",
        "PodResizeInProgress",
    ];
    let mut last: BTreeMap<(Name, &str), &'static str> = BTreeMap::new();
    let mut lines = Vec::new();
    for record in records {
        let (Some(pod), What::Status(status)) = (&record.pod, &record.what) else {
            continue;
        };
        for kind in TOLD_HERE {
            let Some(condition) = status.condition(kind) else {
                continue;
            };
            let value = match condition.status {
                ConditionStatus::True => "True",
                ConditionStatus::False => "False",
                ConditionStatus::Unknown => "Unknown",
            };
            if last.insert((pod.clone(), kind), value).unwrap_or("False") == value {
                continue;
            }
            let what = format!("{kind} is {value}");
            lines.push(Line {
                at: record.at,
                seq: record.seq,
                pod: pod.clone(),
                container: "".into(),
                attempt: None,
                key: format!(" {what}"),
                what,
                why: condition.reason.as_deref().unwrap_or_default().to_owned(),
                tone: Tone::Dim,
            });
        }
    }
    lines
}
