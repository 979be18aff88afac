//! Durations that are drawn from the seed: how, by which stream, and when.
//!
//! What happens again and again, such as a call of the runtime or the life of a container, takes a time that is drawn each
//! time ([`Span`]). A moment of the script, such as `actions[].at`, and what configures the kubelet is drawn once a run.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use sha2::{Digest, Sha256};

use super::fit::Owned;
use super::types::{OnTerm, Outcome, Run, Scenario};
use super::{actions, decode};
use crate::api::Source;
use crate::api::node::{Lines, Node};
use crate::api::shape::Problems;
use crate::kernel::Duration;

/// The scenario's document as it was read, for drawing its durations anew.
#[derive(Debug)]
pub(crate) struct Document {
    pub(super) source: Source,
    pub(super) root: Node,
    pub(super) owned: Arc<Owned>,
}

/// How long something takes that may happen again and again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Span {
    /// the same each time
    Fixed(Duration),
    /// drawn each time: the index into [`Scenario::distributions`]
    Drawn(u32),
}

impl Span {
    /// No time at all.
    pub const ZERO: Span = Span::Fixed(Duration::ZERO);

    /// The one that the distribution at this index draws.
    pub(crate) fn drawn(index: usize) -> Span {
        Span::Drawn(u32::try_from(index).expect("fewer than 2^32 distributions"))
    }
}

impl From<Duration> for Span {
    fn from(duration: Duration) -> Span {
        Span::Fixed(duration)
    }
}

/// A duration that is drawn from the seed, and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct PlacedDistribution {
    /// its place in spec as written, `containers[0].runs[1].exit.after`: also the name of its random stream
    pub path: String,
    /// how it is drawn
    pub distribution: Distribution,
    /// Whether it is drawn once a run: the scenario has the first draw in its place. Others are a [`Span::Drawn`].
    pub once: bool,
}

/// How a duration is drawn. Results below 0 are cut to 0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Distribution {
    /// uniform: \[from, to\]
    Uniform {
        /** the shortest */
        from: Duration,
        /** the longest */
        to: Duration,
    },
    /// normal: {mean, sd}
    Normal {
        /** mean */
        mean: Duration,
        /** standard deviation */
        sd: Duration,
    },
    /// exponential: {mean}
    Exponential {
        /** mean */
        mean: Duration,
    },
    /// lognormal: {p50, p99}
    LogNormal {
        /** median */
        p50: Duration,
        /** 99th percentile */
        p99: Duration,
    },
}

/// The scenario as in run number `run` of its seed; loading makes run 0. Each place has a stream of its own, so that a
/// new distribution leaves the draws of the others as they were; a distribution behind an alias has a place wherever the
/// alias stands. The same seed and run give the same draws on every machine. What was changed in the scenario since it was loaded stays, except in the sections that have durations drawn
/// once a run.
pub fn draw(scenario: &Scenario, run: u64) -> Scenario {
    let mut result = scenario.clone();
    result.draw = run;
    let once = scenario.distributions.iter().filter(|placed| placed.once);
    let mut sections: Vec<&str> = once.map(PlacedDistribution::section).collect();
    sections.dedup();
    let Some(document) = scenario.document.as_ref().filter(|_| !sections.is_empty()) else {
        return result;
    };
    let lines = Lines::new(&document.source);
    let mut problems = Problems::new(&document.source, &lines, &document.root);
    let decoded = decode::scenario(
        &mut problems,
        &document.root,
        decode::How {
            run,
            seed: Some(scenario.seed),
            version: None,
        },
    );
    // No run has a problem that loading has not refused: there the ends of what is drawn are checked.
    let drawn = decoded.scenario;
    for section in sections {
        match section {
            "runFor" => result.run_for = drawn.run_for,
            "kubelet" | "nodes" => {
                // Another version than the document's may have been asked for.
                let before = std::mem::replace(&mut result.kubelet, drawn.kubelet.clone());
                result.kubelet.features = before.features.clone();
                for (node, drawn) in result.nodes.iter_mut().zip(&drawn.nodes) {
                    let before = std::mem::replace(&mut node.kubelet, drawn.kubelet.clone());
                    node.kubelet.features = before.features.clone();
                }
            }
            "containers" => result.containers.clone_from(&drawn.containers),
            "programs" => result.programs.clone_from(&drawn.programs),
            "actions" => {
                let pods_of = |kind, name: &str| document.owned.pods(kind, name);
                result.actions = actions::expand(decoded.steps.clone(), pods_of);
            }
            _ => {}
        }
    }
    result
}

impl Distribution {
    /// The shortest and the longest duration that it gives, the one and the other once in 2^53 draws: of a normal one its
    /// mean less and more than eight standard deviations.
    pub(crate) fn ends(self) -> (Duration, Duration) {
        let [shortest, longest] = [0, u64::MAX].map(|bits| at_quantile(self, open_unit(bits)));
        (shortest, longest)
    }
}

impl PlacedDistribution {
    /// The first draw of a run, for the first pod.
    pub fn first(&self, seed: u64, run: u64) -> Duration {
        first(self.distribution, seed, run, &self.path)
    }

    /// The field of spec that it is in: `containers` of `containers[0].runs[1].exit.after`.
    fn section(&self) -> &str {
        let end = self.path.find(['.', '[']).unwrap_or(self.path.len());
        &self.path[..end]
    }
}

impl Scenario {
    /// How long it takes the first time, for the first pod.
    pub fn first(&self, span: Span) -> Duration {
        match span {
            Span::Fixed(duration) => duration,
            Span::Drawn(index) => self.distributions[index as usize].first(self.seed, self.draw),
        }
    }

    /// How long it takes at most; of a distribution without an upper end, in 99 of 100 times.
    pub(crate) fn longest(&self, span: Span) -> Duration {
        let Span::Drawn(index) = span else {
            return self.first(span);
        };
        match self.distributions[index as usize].distribution {
            Distribution::Uniform { to, .. } => to,
            unbounded => at_quantile(unbounded, 0.99),
        }
    }

    /// Gives every distribution its first draw for good.
    pub(crate) fn fix(&mut self) {
        let scenario = self.clone();
        self.each_span(|_, span| *span = scenario.first(*span).into());
        self.distributions.clear();
        self.document = None;
    }

    /// Names the distributions after the places where they now stand, and drops those that stand nowhere any more.
    /// Durations that were drawn once stay as they are.
    pub(crate) fn name_distributions(&mut self) {
        if self.distributions.is_empty() {
            return;
        }
        let known = std::mem::take(&mut self.distributions);
        let mut named = Vec::new();
        self.each_span(|path, span| {
            if let Span::Drawn(index) = span {
                let distribution = known[*index as usize].distribution;
                *span = Span::drawn(named.len());
                named.push(PlacedDistribution {
                    path,
                    distribution,
                    once: false,
                });
            }
        });
        self.distributions = named;
        self.document = None;
    }

    /// Visits every duration that may be drawn each time, with its place.
    pub(crate) fn each_span(&mut self, mut visit: impl FnMut(String, &mut Span)) {
        let latencies = &mut self.latencies;
        for (field, span) in latencies.each() {
            visit(format!("latencies.{field}"), span);
        }
        let mut outcomes = |list: &mut Vec<Outcome>, path: String| {
            for (o, outcome) in list.iter_mut().enumerate() {
                if let Some(takes) = &mut outcome.takes {
                    visit(format!("{path}[{o}].takes"), takes);
                }
            }
        };
        for (i, image) in self.images.iter_mut().enumerate() {
            outcomes(&mut image.pulls, format!("images[{i}].pulls"));
        }
        for (s, script) in self.sandboxes.iter_mut().enumerate() {
            outcomes(&mut script.runs, format!("sandboxes[{s}].runs"));
        }
        for (v, script) in self.volumes.iter_mut().enumerate() {
            outcomes(&mut script.mounts, format!("volumes[{v}].mounts"));
        }
        for (c, script) in self.containers.iter_mut().enumerate() {
            for (r, run) in script.runs.iter_mut().enumerate() {
                each_span_of_run(run, &format!("containers[{c}].runs[{r}]"), &mut visit);
            }
        }
        for (p, program) in self.programs.iter_mut().enumerate() {
            for (signal, reaction) in &mut program.signals {
                if let OnTerm::Exit { after, .. } = reaction {
                    visit(format!("programs[{p}].signals.{signal}.after"), after);
                }
            }
            if let Some(runs_for) = &mut program.runs_for {
                visit(format!("programs[{p}].runsFor"), runs_for);
            }
        }
    }
}

fn each_span_of_run(run: &mut Run, path: &str, visit: &mut impl FnMut(String, &mut Span)) {
    for (field, outcome) in [
        ("create", &mut run.create),
        ("start", &mut run.start),
        ("postStart", &mut run.post_start),
        ("preStop", &mut run.pre_stop),
    ] {
        if let Some(takes) = &mut outcome.takes {
            visit(format!("{path}.{field}.takes"), takes);
        }
    }
    if let Some(exit) = &mut run.exit {
        visit(format!("{path}.exit.after"), &mut exit.after);
    }
    if let OnTerm::Exit { after, .. } = &mut run.on_term {
        visit(format!("{path}.onTerm.after"), after);
    }
    for (kind, windows) in [
        ("startup", &mut run.startup),
        ("readiness", &mut run.readiness),
        ("liveness", &mut run.liveness),
    ] {
        for (w, window) in windows.iter_mut().enumerate() {
            visit(format!("{path}.probes.{kind}[{w}].takes"), &mut window.takes);
        }
    }
}

/// The draws of a run; clones share them.
///
/// Of each place every pod has a stream of its own, so that a pod's draws do not depend on what others do.
#[derive(Clone, Default)]
pub struct Draws(Rc<Places>);

#[derive(Default)]
struct Places {
    seed: u64,
    run: u64,
    /// As [`Scenario::distributions`], each with the streams of the pods that have used it.
    places: Vec<(PlacedDistribution, RefCell<BTreeMap<usize, ChaCha12Rng>>)>,
}

impl Draws {
    /// Those of a scenario, from the first on.
    pub fn new(scenario: &Scenario) -> Draws {
        let places = scenario.distributions.iter().cloned();
        Draws(Rc::new(Places {
            seed: scenario.seed,
            run: scenario.draw,
            places: places.map(|placed| (placed, RefCell::default())).collect(),
        }))
    }

    /// How long it takes this time, for a pod: its place in the input.
    pub fn next(&self, pod: usize, span: Span) -> Duration {
        let index = match span {
            Span::Fixed(duration) => return duration,
            Span::Drawn(index) => index as usize,
        };
        let Places { seed, run, places } = &*self.0;
        let (placed, streams) = &places[index];
        let mut streams = streams.borrow_mut();
        let stream = streams
            .entry(pod)
            .or_insert_with(|| stream_of(*seed, *run, &placed.path, pod));
        at_quantile(placed.distribution, open_unit(stream.next_u64()))
    }
}

/// 99 % of a normal distribution lie below this many standard deviations.
const Z_99: f64 = 2.326_347_874_040_841;

/// What the stream of a place gives the first pod first in one run.
pub(super) fn first(distribution: Distribution, seed: u64, run: u64, path: &str) -> Duration {
    at_quantile(distribution, open_unit(stream_of(seed, run, path, 0).next_u64()))
}

/// The random numbers of a pod at a place.
fn stream_of(seed: u64, run: u64, path: &str, pod: usize) -> ChaCha12Rng {
    let mut hash = Sha256::new();
    hash.update(seed.to_le_bytes());
    hash.update(run.to_le_bytes());
    hash.update(path.as_bytes());
    if pod > 0 {
        hash.update(format!("#{pod}").as_bytes());
    }
    ChaCha12Rng::from_seed(hash.finalize().into())
}

/// A number strictly between 0 and 1 from 53 of the bits.
#[allow(clippy::cast_precision_loss)]
fn open_unit(bits: u64) -> f64 {
    // The very last one would be rounded to 1.
    (((bits >> 11) as f64 + 0.5) / (1_u64 << 53) as f64).min(1.0 - f64::EPSILON / 2.0)
}

/// The duration below which the share `p` of all draws lies (0 < p < 1): the median for one half.
#[allow(clippy::cast_precision_loss)]
fn at_quantile(distribution: Distribution, p: f64) -> Duration {
    let nanos = |duration: Duration| duration.0 as f64;
    let drawn = match distribution {
        Distribution::Uniform { from, to } => nanos(from) + p * (nanos(to) - nanos(from)),
        Distribution::Normal { mean, sd } => nanos(mean) + nanos(sd) * normal_quantile(p),
        Distribution::Exponential { mean } => -nanos(mean) * libm::log1p(-p),
        Distribution::LogNormal { p50, p99 } => {
            let sigma = libm::log(nanos(p99) / nanos(p50)) / Z_99;
            nanos(p50) * libm::exp(sigma * normal_quantile(p))
        }
    };
    rounded(drawn)
}

/// To whole nanoseconds, from 0 to the longest duration that a scenario may have.
#[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss)]
fn rounded(nanos: f64) -> Duration {
    let longest = super::duration::LONGEST.0;
    if nanos.is_nan() || nanos <= 0.0 {
        return Duration::ZERO;
    }
    if nanos >= longest as f64 {
        return Duration(longest);
    }
    Duration(libm::round(nanos) as i64)
}

/// The inverse of the standard normal distribution function: Acklam's rational approximation (relative error
/// below 1.2e-9) in libm's functions, which give the same bits on every machine.
fn normal_quantile(p: f64) -> f64 {
    const A: [f64; 6] = [
        -3.969683028665376e1,
        2.209460984245205e2,
        -2.759285104469687e2,
        1.38357751867269e2,
        -3.066479806614716e1,
        2.506628277459239,
    ];
    const B: [f64; 6] = [
        -5.447609879822406e1,
        1.615858368580409e2,
        -1.556989798598866e2,
        6.680131188771972e1,
        -1.328068155288572e1,
        1.0,
    ];
    const C: [f64; 6] = [
        -7.784894002430293e-3,
        -3.223964580411365e-1,
        -2.400758277161838,
        -2.549732539343734,
        4.374664141464968,
        2.938163982698783,
    ];
    const D: [f64; 5] = [
        7.784695709041462e-3,
        3.224671290700398e-1,
        2.445134137142996,
        3.754408661907416,
        1.0,
    ];
    const TAIL: f64 = 0.02425;
    let polynomial = |coefficients: &[f64], x: f64| coefficients.iter().fold(0.0, |sum, c| sum * x + c);
    let tail = |p: f64| {
        let q = libm::sqrt(-2.0 * libm::log(p));
        polynomial(&C, q) / polynomial(&D, q)
    };
    if p < TAIL {
        return tail(p);
    }
    if p > 1.0 - TAIL {
        return -tail(1.0 - p);
    }
    let q = p - 0.5;
    let r = q * q;
    q * polynomial(&A, r) / polynomial(&B, r)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: f64 = 1e9;

    fn share_below(distribution: Distribution, limit: Duration) -> f64 {
        let below = (0..20_000)
            .filter(|run| first(distribution, 7, *run, "x") <= limit)
            .count();
        below as f64 / 20_000.0
    }

    #[test]
    fn quantiles_are_those_of_the_tables() {
        for (p, z) in [
            (0.5, 0.0),
            (0.975, 1.959_963_985),
            (0.99, Z_99),
            (0.001, -3.090_232_306),
        ] {
            assert!((normal_quantile(p) - z).abs() < 1e-8, "{p}");
        }
        let normal = Distribution::Normal {
            mean: Duration::from_secs(5),
            sd: Duration::from_secs(1),
        };
        assert_eq!(at_quantile(normal, 0.5), Duration::from_secs(5));
        let exponential = Distribution::Exponential {
            mean: Duration::from_secs(5),
        };
        let median = at_quantile(exponential, 0.5).0 as f64;
        assert!((median - 5.0 * SECOND * std::f64::consts::LN_2).abs() < 2.0);
    }

    #[test]
    fn draws_have_the_distribution_that_was_asked_for() {
        let secs = Duration::from_secs;
        let uniform = Distribution::Uniform {
            from: secs(1),
            to: secs(5),
        };
        assert!((share_below(uniform, secs(2)) - 0.25).abs() < 0.02);
        assert!(share_below(uniform, Duration(secs(1).0 - 1)) == 0.0 && share_below(uniform, secs(5)) == 1.0);
        let lognormal = Distribution::LogNormal {
            p50: secs(3),
            p99: secs(20),
        };
        assert!((share_below(lognormal, secs(3)) - 0.5).abs() < 0.02);
        assert!((share_below(lognormal, secs(20)) - 0.99).abs() < 0.005);
        let normal = Distribution::Normal {
            mean: secs(1),
            sd: secs(1),
        };
        assert!((share_below(normal, Duration::ZERO) - 0.159).abs() < 0.02);
    }

    #[test]
    fn ends_are_the_first_and_the_last_of_the_numbers() {
        assert!(open_unit(0) > 0.0 && open_unit(u64::MAX) < 1.0);
        let secs = Duration::from_secs;
        let uniform = Distribution::Uniform {
            from: secs(1),
            to: secs(5),
        };
        assert_eq!(uniform.ends(), (secs(1), secs(5)));
        let normal = Distribution::Normal {
            mean: secs(100),
            sd: secs(10),
        };
        let (shortest, longest) = normal.ends();
        assert_eq!((shortest.as_secs(), longest.as_secs()), (17, 182));
        let exponential = Distribution::Exponential { mean: secs(10) };
        let (shortest, longest) = exponential.ends();
        assert_eq!((shortest, longest.as_secs()), (Duration::ZERO, 367));
        let same = Distribution::LogNormal {
            p50: secs(3),
            p99: secs(3),
        };
        assert_eq!(same.ends(), (secs(3), secs(3)));
        for run in 0..1_000 {
            let drawn = first(normal, 7, run, "x");
            let (shortest, longest) = normal.ends();
            assert!((shortest..=longest).contains(&drawn), "{drawn}");
        }
    }

    #[test]
    fn streams_belong_to_places_and_runs() {
        let any = Distribution::Uniform {
            from: Duration::ZERO,
            to: Duration::from_secs(1),
        };
        assert_eq!(first(any, 1, 2, "a"), first(any, 1, 2, "a"));
        assert_ne!(first(any, 1, 2, "a"), first(any, 1, 3, "a"));
        assert_ne!(first(any, 1, 2, "a"), first(any, 1, 2, "b"));
        assert_ne!(first(any, 1, 2, "a"), first(any, 2, 2, "a"));
    }
}
