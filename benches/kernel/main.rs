//! podlapse's kernel against a bare binary heap; `benches/peers` adds other simulators.

#![allow(missing_docs)]

mod contest;

use std::hint::black_box;

use contest::{ENTITIES, EVENTS, binary_heap, podlapse};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

/// As in the command.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn kernel(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("kernel");
    group.sample_size(10).throughput(Throughput::Elements(EVENTS));
    for entities in ENTITIES {
        let id = |name| BenchmarkId::new(name, entities);
        group.bench_function(id("podlapse"), |b| b.iter(|| podlapse(black_box(entities))));
        group.bench_function(id("binary_heap"), |b| b.iter(|| binary_heap(black_box(entities))));
    }
    group.finish();
}

criterion_group!(benches, kernel);
criterion_main!(benches);
