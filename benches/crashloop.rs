//! An hour of crash loop, and expectations that are judged over it.

#![allow(missing_docs)]

#[allow(dead_code)]
mod common;

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use podlapse::check::expectations::{compile, judge};
use podlapse::sim;

fn crashloop(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("crashloop");
    let input = common::read(&common::pod("", "    - exit: {after: 5s, code: 1}\n", "1h"));
    group.bench_function("1h", |b| b.iter(|| common::run(black_box(&input))));
    let expect = "\n  expect:\n  - {never: \"pod('web').status.phase == 'Failed'\"}\n  \
                  - {at: 1h, that: \"pod('web').restarts() > 10 && size(events('web', 'BackOff')) > 1\"}\n";
    let judged = common::read(&(common::pod("", "    - exit: {after: 5s, code: 1}\n", "1h") + expect));
    let compiled = compile(&judged).expect("they name what is there");
    let records = sim::run(&judged);
    group.bench_function("1h/judge", |b| {
        b.iter(|| judge(black_box(&compiled), &judged, black_box(&records)));
    });
    group.finish();
}

criterion_group!(benches, crashloop);
criterion_main!(benches);
