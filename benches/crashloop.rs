//! An hour of crash loop.

#![allow(missing_docs)]

#[allow(dead_code)]
mod common;

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};

fn crashloop(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("crashloop");
    let input = common::read(&common::pod("", "    - exit: {after: 5s, code: 1}\n", "1h"));
    group.bench_function("1h", |b| b.iter(|| common::run(black_box(&input))));
    group.finish();
}

criterion_group!(benches, crashloop);
criterion_main!(benches);
