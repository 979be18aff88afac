//! What one virtual hour of one pod costs: runs every scenario of a folder in process, with a sink that only counts.
//!
//! `cargo run --release --example pod_hour -- DIR` prints
//! `{"cases", "median_us_per_pod_hour", "p90_us_per_pod_hour"}`.

// The one thing that it measures is real time.
#![allow(clippy::disallowed_methods)]

use std::cell::Cell;
use std::error::Error;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Instant;

use podlapse::kernel::Time;
use podlapse::scenario::load::{Source, load};
use podlapse::sim;

/// As in the command.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Each scenario is run so often; the fastest run counts.
const RUNS: usize = 5;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args().nth(1).ok_or("usage: pod_hour DIR")?;
    let mut files: Vec<PathBuf> = Vec::new();
    for entry in std::fs::read_dir(&folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|e| e == "yaml") {
            files.push(path);
        }
    }
    files.sort();
    let mut costs: Vec<f64> = Vec::new();
    for path in &files {
        let source = Source {
            name: path.display().to_string(),
            text: std::fs::read_to_string(path)?,
        };
        let (input, _) = load(&[source]).map_err(|error| format!("{}: {error:?}", path.display()))?;
        let pods = input.pods.len().max(1);
        let mut best = f64::INFINITY;
        let mut hours = 0.0;
        for _ in 0..RUNS {
            let (records, last) = (Rc::new(Cell::new(0_u64)), Rc::new(Cell::new(Time::ZERO)));
            let (count, latest) = (records.clone(), last.clone());
            let begun = Instant::now();
            sim::run_with(&input, move |record| {
                count.set(count.get() + 1);
                latest.set(record.at);
            });
            best = best.min(begun.elapsed().as_secs_f64() * 1e6);
            // A run may end before its horizon, because nothing is left to happen: the hours are simulated all the same.
            let horizon = input
                .scenario
                .run_for
                .map_or(last.get().as_nanos(), |span| span.as_nanos());
            hours = horizon as f64 / 3.6e12;
        }
        costs.push(best / (pods as f64 * hours));
    }
    costs.sort_by(f64::total_cmp);
    let at = |share: f64| costs[((costs.len() - 1) as f64 * share).round() as usize];
    println!(
        "{{\"cases\": {}, \"median_us_per_pod_hour\": {:.1}, \"p90_us_per_pod_hour\": {:.1}}}",
        costs.len(),
        at(0.5),
        at(0.9)
    );
    Ok(())
}
