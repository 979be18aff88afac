//! An hour of a pod with all three probes.

#![allow(missing_docs)]

#[allow(dead_code)]
mod common;

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};

fn probes(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("probes");
    let probe = "{httpGet: {path: /healthz, port: 8080}, periodSeconds: 10}";
    let probes = format!("    startupProbe: {probe}\n    readinessProbe: {probe}\n    livenessProbe: {probe}\n");
    let input = common::read(&common::pod(&probes, "    - {}\n", "1h"));
    group.bench_function("1h", |b| b.iter(|| common::run(black_box(&input))));
    group.finish();
}

criterion_group!(benches, probes);
criterion_main!(benches);
