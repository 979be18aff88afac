//! A rollout: that many pods, 100 to a node, each through start, one crash, a restart and deletion.
//!
//! `cargo run --release --example rollout -- PODS` prints
//! `{"pods", "seconds", "pods_per_second", "peak_rss_bytes", "restarts", "deleted"}`.
//!
//! Nodes know nothing of each other, so each is a run of its own and the runs are spread over the processor's cores. The
//! trace is summarised, not stored. What is counted does not depend on how many cores there are.

// The one thing that it measures is real time.
#![allow(clippy::disallowed_methods)]

use std::cell::Cell;
use std::error::Error;
use std::rc::Rc;
use std::time::Instant;

use podlapse::api::uid::pod_uid;
use podlapse::explore::threads;
use podlapse::kernel::{Duration, Stream, Time};
use podlapse::scenario::load::{Source, load};
use podlapse::scenario::types::{Action, ActionKind, Input};
use podlapse::sim;
use podlapse::trace::{CallPhase, CriOp, What};
use rayon::prelude::*;

/// As in the command.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const PODS_PER_NODE: usize = 100;

/// One pod, which the pods of a node are copies of.
const POD: &str = "
apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  containers:
  - name: app
    image: app:1
---
apiVersion: podlapse.dev/v1alpha1
kind: Scenario
metadata: {name: rollout}
spec:
  runFor: 5m
  containers:
  - name: app
    runs:
    - exit: {after: 10s, code: 1}
    - {}
";

/// What a node's trace comes to.
#[derive(Clone, Copy, Default)]
struct Count {
    restarts: u64,
    deleted: u64,
}

fn main() -> Result<(), Box<dyn Error>> {
    let pods: usize = std::env::args().nth(1).ok_or("usage: rollout PODS")?.parse()?;
    let source = Source {
        name: "rollout".to_owned(),
        text: POD.to_owned(),
    };
    let (template, _) = load(&[source]).map_err(|error| format!("{error:?}"))?;
    let threads = threads::pool(0)?;
    let begun = Instant::now();
    let nodes = pods.div_ceil(PODS_PER_NODE);
    let count = (0..nodes).into_par_iter().map(|node| {
        let first = node * PODS_PER_NODE;
        run_node(&template, first..pods.min(first + PODS_PER_NODE))
    });
    let sum = |a: Count, b: Count| Count {
        restarts: a.restarts + b.restarts,
        deleted: a.deleted + b.deleted,
    };
    let count = threads.install(|| count.reduce(Count::default, sum));
    let seconds = begun.elapsed().as_secs_f64();
    println!(
        "{{\"pods\": {pods}, \"seconds\": {seconds:.3}, \"pods_per_second\": {:.0}, \"peak_rss_bytes\": {}, \
         \"restarts\": {}, \"deleted\": {}}}",
        pods as f64 / seconds,
        peak_rss_bytes()?,
        count.restarts,
        count.deleted
    );
    Ok(())
}

/// One node with its pods; when each crashes and when it is deleted is drawn.
fn run_node(template: &Input, pods: std::ops::Range<usize>) -> Count {
    let mut input = template.clone();
    let random = Stream::new(pods.start as u64, "rollout");
    let (pod, script) = (input.pods.remove(0), input.scenario.containers.remove(0));
    for number in pods {
        let mut pod = pod.clone();
        pod.pod.name = format!("web-{number}").into();
        pod.pod.uid = pod_uid(number, &pod.pod.namespace, &pod.pod.name);
        let mut script = script.clone();
        script.pod = Some(pod.pod.name.clone());
        if let Some(exit) = &mut script.runs[0].exit {
            exit.after = (Duration::from_secs(5) + random.part_of(Duration::from_secs(60))).into();
        }
        let delete = ActionKind::DeletePod {
            pod: pod.pod.name.clone(),
            grace_period_seconds: None,
        };
        input.scenario.actions.push(Action {
            at: Time::ZERO + Duration::from_secs(120) + random.part_of(Duration::from_secs(60)),
            what: delete,
            place: None,
        });
        input.pods.push(pod);
        input.scenario.containers.push(script);
    }
    let count = Rc::new(Cell::new(Count::default()));
    let sink = count.clone();
    sim::run_with(&input, move |record| {
        let mut count = sink.get();
        match &record.what {
            What::Cri(call) if call.op == CriOp::StartContainer && call.phase == CallPhase::End => {
                count.restarts += u64::from(record.attempt > Some(0));
            }
            What::Api(call) if call.op == "removed" => count.deleted += 1,
            _ => {}
        }
        sink.set(count);
    });
    count.get()
}

/// The most memory that the process has had, as the system counts it.
fn peak_rss_bytes() -> Result<u64, Box<dyn Error>> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes: u64 = line.ok_or("no VmHWM")?.trim().trim_end_matches(" kB").parse()?;
    Ok(kilobytes * 1024)
}
