//! Durations that are drawn from the seed: how, by which stream, and when.

use std::sync::Arc;

use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use sha2::{Digest, Sha256};

use super::fit::Owned;
use super::types::{Distribution, PlacedDistribution, Scenario};
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

/// The scenario with every distribution drawn as in run number `run` of its seed; loading has drawn run 0. The
/// engine sees fixed durations only. Each place has a stream of its own, so that a new distribution leaves the
/// draws of the others as they were; the same seed and run give the same scenario on every machine. What was
/// changed in the scenario since it was loaded stays, except in the sections that have distributions.
pub fn draw(scenario: &Scenario, run: u64) -> Scenario {
    let mut result = scenario.clone();
    let Some(document) = &scenario.document else {
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
    let drawn = decoded.scenario;
    let mut sections: Vec<&str> = scenario.distributions.iter().map(PlacedDistribution::section).collect();
    sections.dedup();
    for section in sections {
        match section {
            "runFor" => result.run_for = drawn.run_for,
            "kubelet" | "nodes" => {
                // Another version than the document's may have been asked for.
                let features = std::mem::replace(&mut result.kubelet, drawn.kubelet.clone()).features;
                result.kubelet.features = features;
                for (node, drawn) in result.nodes.iter_mut().zip(&drawn.nodes) {
                    let features = std::mem::replace(&mut node.kubelet, drawn.kubelet.clone()).features;
                    node.kubelet.features = features;
                }
            }
            "latencies" => result.latencies = drawn.latencies.clone(),
            "images" => result.images.clone_from(&drawn.images),
            "containers" => result.containers.clone_from(&drawn.containers),
            "sandboxes" => result.sandboxes.clone_from(&drawn.sandboxes),
            "volumes" => result.volumes.clone_from(&drawn.volumes),
            "programs" => result.programs.clone_from(&drawn.programs),
            "actions" => {
                let pods_of = |kind, name: &_| document.owned.pods(kind, name);
                result.actions = actions::expand(decoded.steps.clone(), pods_of);
            }
            _ => {}
        }
    }
    result
}

impl PlacedDistribution {
    /// What [`draw`] puts in its place.
    pub fn drawn(&self, seed: u64, run: u64) -> Duration {
        sample(self.distribution, seed, run, &self.path)
    }

    /// The field of spec that it is in: `containers` of `containers[0].runs[1].exit.after`.
    fn section(&self) -> &str {
        let end = self.path.find(['.', '[']).unwrap_or(self.path.len());
        &self.path[..end]
    }
}

/// 99 % of a normal distribution lie below this many standard deviations.
const Z_99: f64 = 2.326_347_874_040_841;

/// What the stream of a place gives in one run.
pub(super) fn sample(distribution: Distribution, seed: u64, run: u64, path: &str) -> Duration {
    let mut hash = Sha256::new();
    hash.update(seed.to_le_bytes());
    hash.update(run.to_le_bytes());
    hash.update(path.as_bytes());
    let mut stream = ChaCha12Rng::from_seed(hash.finalize().into());
    at_quantile(distribution, open_unit(stream.next_u64()))
}

/// A number strictly between 0 and 1 from 53 of the bits.
#[allow(clippy::cast_precision_loss)]
fn open_unit(bits: u64) -> f64 {
    ((bits >> 11) as f64 + 0.5) / (1_u64 << 53) as f64
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
            .filter(|run| sample(distribution, 7, *run, "x") <= limit)
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
    fn streams_belong_to_places_and_runs() {
        let any = Distribution::Uniform {
            from: Duration::ZERO,
            to: Duration::from_secs(1),
        };
        assert_eq!(sample(any, 1, 2, "a"), sample(any, 1, 2, "a"));
        assert_ne!(sample(any, 1, 2, "a"), sample(any, 1, 3, "a"));
        assert_ne!(sample(any, 1, 2, "a"), sample(any, 1, 2, "b"));
        assert_ne!(sample(any, 1, 2, "a"), sample(any, 2, 2, "a"));
    }
}
