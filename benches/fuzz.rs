//! Fuzzing as `podlapse fuzz` does it on one core: generating, running, checking; and its parts.

#![allow(missing_docs)]

use std::cell::Cell;
use std::hint::black_box;
use std::rc::Rc;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use podlapse::explore::fuzz::{Plan, check};
use podlapse::explore::generate::Generator;
use podlapse::explore::threads::LARGEST_BATCH;
use podlapse::explore::weights::Weights;
use podlapse::scenario::types::Input;
use podlapse::sim;

/// As in the command.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Scenarios of one round: enough for every kind of them.
const SCENARIOS: u64 = 2_048;

fn fuzz(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("fuzz");
    group.sample_size(10).throughput(Throughput::Elements(SCENARIOS));
    let plan = Plan {
        end: SCENARIOS,
        jobs: 1,
        ..Plan::default()
    };
    group.bench_function("all", |b| {
        b.iter(|| {
            let report = plan.fuzz(|_| Some(LARGEST_BATCH)).expect("threads");
            assert!(report.findings.is_empty());
            black_box(report.checked)
        });
    });
    let generator = Generator::new(Weights::default());
    group.bench_function("generate", |b| {
        b.iter(|| (0..SCENARIOS).for_each(|run| drop(black_box(generator.scenario(0, run)))));
    });
    let inputs: Vec<Rc<Input>> = (0..SCENARIOS).map(|run| Rc::new(generator.scenario(0, run))).collect();
    group.bench_function("run", |b| {
        b.iter(|| inputs.iter().for_each(|input| counted(input)));
    });
    group.bench_function("run-and-check", |b| {
        b.iter(|| inputs.iter().for_each(|input| drop(black_box(check(input)))));
    });
    group.finish();
}

/// A run whose records nobody looks at.
fn counted(input: &Input) {
    let count = Rc::new(Cell::new(0_u64));
    let sink = count.clone();
    sim::run_with(input, move |_| sink.set(sink.get() + 1));
    black_box(count.get());
}

criterion_group!(benches, fuzz);
criterion_main!(benches);
