//! podlapse's kernel, a bare binary heap, and two other discrete-event kernels: tasks in simcore, models on one thread in
//! nexosim.

use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use nexosim::model::{Context, Model, schedulable};
use nexosim::simulation::{Mailbox, SimInit};
use nexosim::time::MonotonicTime;
use peers::{ENTITIES, EVENTS, Shared, binary_heap, delay_ns, podlapse};
use serde::{Deserialize, Serialize};
use simcore::Simulation;

/// As in the command; the others have it, too.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn simcore(entities: u64) -> f64 {
    let mut simulation = Simulation::new(1);
    let shared = Shared::new();
    for id in 0..entities {
        let (context, shared) = (simulation.create_context(format!("entity-{id}")), shared.clone());
        simulation.spawn(async move {
            loop {
                context.sleep(shared.delay_ns() as f64 / 1e9).await;
                if !shared.count() {
                    return;
                }
            }
        });
    }
    simulation.step_until_no_events();
    simulation.time()
}

/// A model must be able to move between threads: it has its own delays, and the count is shared.
#[derive(Serialize, Deserialize)]
struct Entity {
    random: u64,
}

static LEFT: AtomicU64 = AtomicU64::new(0);

#[Model]
impl Entity {
    #[nexosim(init)]
    async fn init(&mut self, context: &Context<Self>) {
        self.plan(context);
    }

    #[nexosim(schedulable)]
    async fn happen(&mut self, _: (), context: &Context<Self>) {
        let left = LEFT.load(Ordering::Relaxed);
        LEFT.store(left.saturating_sub(1), Ordering::Relaxed);
        if left > 1 {
            self.plan(context);
        }
    }

    fn plan(&mut self, context: &Context<Self>) {
        let delay = std::time::Duration::from_nanos(delay_ns(&mut self.random));
        context
            .schedule_event(delay, schedulable!(Self::happen), ())
            .expect("a delay is not zero");
    }
}

fn nexosim(entities: u64) -> MonotonicTime {
    LEFT.store(EVENTS, Ordering::Relaxed);
    let mut bench = SimInit::with_num_threads(1);
    for random in 0..entities {
        bench = bench.add_model(Entity { random }, Mailbox::new(), "entity");
    }
    let mut simulation = bench.init(MonotonicTime::EPOCH).expect("it begins");
    simulation.run().expect("it runs");
    simulation.time()
}

fn kernel(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("kernel");
    group.sample_size(10).throughput(Throughput::Elements(EVENTS));
    for entities in ENTITIES {
        let id = |name| BenchmarkId::new(name, entities);
        group.bench_function(id("podlapse"), |b| b.iter(|| podlapse(black_box(entities))));
        group.bench_function(id("binary_heap"), |b| b.iter(|| binary_heap(black_box(entities))));
        group.bench_function(id("simcore"), |b| b.iter(|| simcore(black_box(entities))));
        group.bench_function(id("nexosim"), |b| b.iter(|| nexosim(black_box(entities))));
    }
    group.finish();
}

criterion_group!(benches, kernel);
criterion_main!(benches);
