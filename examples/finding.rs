//! How soon fuzzing finds what is broken: each rule that can be broken on purpose, with many seeds, on one core.
//!
//! `cargo run --release --example finding -- SEEDS [WEIGHT=VALUE,…]` prints a JSON line for each rule
//! (`{"rule", "mean_runs", "mean_ms"}`) and one for all (`{"runs_per_second", "sum_of_mean_ms"}`).

// The one thing that it measures is real time.
#![allow(clippy::disallowed_methods)]

use std::error::Error;
use std::rc::Rc;
use std::time::Instant;

use podlapse::explore::fuzz::{Plan, check};
use podlapse::explore::weights::Weights;
use podlapse::scenario::types::Sabotage;

/// As in the command.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Whoever has found nothing by then will not.
const MOST_RUNS: u64 = 20_000;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let seeds: u64 = arguments
        .next()
        .ok_or("usage: finding SEEDS [WEIGHT=VALUE,…]")?
        .parse()?;
    let weights = arguments.next().map(|text| text.parse::<Weights>());
    let weights = weights.transpose()?.unwrap_or_default();
    let (mut all_runs, mut all_seconds, mut sum, mut logs) = (0, 0.0, 0.0, 0.0_f64);
    for &rule in Sabotage::ALL {
        let (mut runs, mut seconds) = (0, 0.0);
        for seed in 0..seeds {
            let plan = Plan {
                seed,
                weights: weights.clone(),
                sabotage: Some(rule),
                ..Plan::default()
            };
            let mut inputs = plan.inputs().take(MOST_RUNS as usize);
            let since = Instant::now();
            let found = inputs.position(|input| !check(&Rc::new(input)).is_empty());
            seconds += since.elapsed().as_secs_f64();
            runs += found.map_or(MOST_RUNS, |run| run as u64 + 1);
        }
        let mean_ms = seconds * 1e3 / seeds as f64;
        println!(
            r#"{{"rule": "{rule:?}", "mean_runs": {:.1}, "mean_ms": {mean_ms:.2}}}"#,
            runs as f64 / seeds as f64
        );
        all_runs += runs;
        all_seconds += seconds;
        sum += mean_ms;
        logs += mean_ms.ln();
    }
    let (rate, typical) = (all_runs as f64 / all_seconds, (logs / Sabotage::ALL.len() as f64).exp());
    println!(r#"{{"runs_per_second": {rate:.0}, "sum_of_mean_ms": {sum:.1}, "geometric_mean_ms": {typical:.3}}}"#);
    Ok(())
}
