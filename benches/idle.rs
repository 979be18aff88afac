//! A healthy pod for an hour and for thirty days: while nothing changes nothing is computed, so both cost much the same.

#![allow(missing_docs)]

#[allow(dead_code)]
mod common;

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};

fn idle(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("idle");
    for (name, run_for) in [("1h", "1h"), ("30d", "720h")] {
        let input = common::read(&common::pod("", "    - {}\n", run_for));
        group.bench_function(name, |b| b.iter(|| common::run(black_box(&input))));
    }
    group.finish();
}

criterion_group!(benches, idle);
criterion_main!(benches);
