//! Decodes durations: those that are fixed, those that are drawn each time, and those that are drawn once a run.

use super::decode::Decoder;
use super::distributions::{Distribution, PlacedDistribution, Span};
use super::duration;
use crate::api::node::Node;
use crate::kernel::{Duration, Time};

/// A duration that is drawn once a run, if it is drawn at all.
///
/// What it may be is checked by its ends, so that no run has a value that another one would be refused for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Moment {
    /// as in the run that is decoded
    pub(super) drawn: Duration,
    /// the shortest in any run
    pub(super) shortest: Duration,
    /// the longest in any run
    pub(super) longest: Duration,
}

impl Moment {
    /// The same in each run.
    pub(super) fn fixed(duration: Duration) -> Moment {
        Moment {
            drawn: duration,
            shortest: duration,
            longest: duration,
        }
    }

    /// Whether runs may have others.
    pub(super) fn is_drawn(&self) -> bool {
        self.shortest != self.longest
    }

    /// The message that refuses it, for a distribution with its ends.
    pub(super) fn refused(&self, message: &str) -> String {
        if !self.is_drawn() {
            return message.to_owned();
        }
        let Moment { shortest, longest, .. } = self;
        format!("{message}; what it draws is from {shortest} to {longest}")
    }
}

impl Decoder<'_, '_> {
    /// A duration that is drawn once a run if it is a distribution. What the check has refused is 0.
    pub(super) fn moment_at(&mut self, node: &Node, field: &str) -> Option<Moment> {
        self.field(node, field, |decoder, given| match decoder.duration(given, true) {
            Span::Fixed(duration) => Moment::fixed(duration),
            Span::Drawn(index) => {
                let placed = &decoder.distributions[index as usize];
                let (shortest, longest) = placed.distribution.ends();
                Moment {
                    drawn: placed.first(decoder.seed, decoder.run),
                    shortest,
                    longest,
                }
            }
        })
    }

    /// As [`Decoder::moment_at`], of a field that takes every duration.
    pub(super) fn drawn_at(&mut self, node: &Node, field: &str) -> Option<Duration> {
        self.moment_at(node, field).map(|moment| moment.drawn)
    }

    /// A time of the run.
    pub(super) fn time_at(&mut self, node: &Node, field: &str) -> Option<Time> {
        self.drawn_at(node, field).map(|span| Time::ZERO + span)
    }

    /// A duration that is drawn each time if it is a distribution.
    pub(super) fn span_at(&mut self, node: &Node, field: &str) -> Option<Span> {
        self.field(node, field, |decoder, given| decoder.duration(given, false))
    }

    fn duration(&mut self, node: &Node, once: bool) -> Span {
        if let Some(text) = node.text() {
            return duration::parse(text).unwrap_or(Duration::ZERO).into();
        }
        let found = distribution(node, &mut |fault| match fault {
            Fault::At(node, message) => {
                self.problems.at(node, message);
            }
            Fault::Missing(node, field) => {
                self.problems.required(node, field, "");
            }
        });
        let Some(distribution) = found else {
            return Span::ZERO;
        };
        self.distributions.push(PlacedDistribution {
            path: self.path.clone(),
            distribution,
            once,
        });
        Span::drawn(self.distributions.len() - 1)
    }
}

/// The ends of a duration that is decoded elsewhere.
pub(super) fn moment(node: &Node) -> Moment {
    if let Some(text) = node.text() {
        return Moment::fixed(duration::parse(text).unwrap_or(Duration::ZERO));
    }
    let ends = distribution(node, &mut |_| {}).map(Distribution::ends);
    let (shortest, longest) = ends.unwrap_or_default();
    Moment {
        drawn: shortest,
        shortest,
        longest,
    }
}

/// What is wrong with a distribution.
enum Fault<'n> {
    /// what, at which value
    At(&'n Node, &'static str),
    /// a field that this value needs
    Missing(&'n Node, &'static str),
}

fn distribution<'n>(node: &'n Node, fault: &mut impl FnMut(Fault<'n>)) -> Option<Distribution> {
    let fixed = |node: Option<&Node>| {
        let text = node?.text()?;
        duration::parse(text).ok()
    };
    if node.fields().len() != 1 {
        let message = "a distribution is exactly one of uniform, normal, exponential, lognormal";
        fault(Fault::At(node, message));
    }
    let (key, given) = node.fields().first()?;
    let mut needed = |field: &'static str| {
        if given.get(field).is_none() {
            fault(Fault::Missing(given, field));
        }
        fixed(given.get(field)).unwrap_or(Duration::ZERO)
    };
    match &*key.name {
        "uniform" => match given.items() {
            [from, to] => {
                let (from, to) = (fixed(Some(from))?, fixed(Some(to))?);
                if from > to {
                    let message = "the first duration must not be longer than the second";
                    fault(Fault::At(given, message));
                    return None;
                }
                Some(Distribution::Uniform { from, to })
            }
            _ => {
                fault(Fault::At(given, "it must be two durations: [shortest, longest]"));
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
                let message = "p50 must be longer than 0s, and p99 not shorter than p50";
                fault(Fault::At(given, message));
                return None;
            }
            Some(Distribution::LogNormal { p50, p99 })
        }
        _ => None,
    }
}
