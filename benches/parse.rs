//! Reading manifests: one pod with its scenario, and a hundred pods.

#![allow(missing_docs)]

#[allow(dead_code)]
mod common;

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};

fn parse(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("parse");
    let one = common::pod("", "    - exit: {after: 5s, code: 1}\n", "1h");
    let template = one.split("---").next().expect("the pod comes first");
    let hundred: Vec<String> = (0..100)
        .map(|n| template.replace("name: web", &format!("name: web-{n}")))
        .collect();
    for (name, text) in [("one pod", one.clone()), ("100 pods", hundred.join("---\n"))] {
        group.bench_function(name, |b| b.iter(|| common::read(black_box(&text))));
    }
    group.finish();
}

criterion_group!(benches, parse);
criterion_main!(benches);
