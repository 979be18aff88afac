//! How long each view takes over the largest recorded case.

#![allow(missing_docs)]

use std::hint::black_box;
use std::io::Read;
use std::path::Path;

use criterion::{Criterion, criterion_group, criterion_main};
use podlapse::kernel::Time;
use podlapse::scenario::load::{Source, load};
use podlapse::scenario::types::Input;
use podlapse::trace::Record;
use podlapse::{sim, views};

/// As in the command.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The case whose recorded trace is the largest.
fn largest() -> (Input, Vec<Record>) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance/cases.tar.zst");
    let packed = std::fs::read(path).expect("the archive is there");
    let stream = ruzstd::decoding::StreamingDecoder::new(packed.as_slice()).expect("the archive is zstd");
    let mut scenarios = std::collections::BTreeMap::new();
    let mut largest = (0, String::new());
    for entry in tar::Archive::new(stream).entries().expect("the archive is a tar") {
        let mut entry = entry.expect("an entry");
        let name = entry.path().expect("a path").display().to_string();
        if let Some(name) = name.strip_suffix(".trace.jsonl") {
            largest = largest.max((entry.size(), name.to_owned()));
        } else if let Some(name) = name.strip_suffix(".yaml") {
            let mut text = String::new();
            entry.read_to_string(&mut text).expect("an entry is text");
            scenarios.insert(name.to_owned(), text);
        }
    }
    let (_, name) = largest;
    let text = scenarios.remove(&name).expect("each trace has a scenario");
    let (input, _) = load(&[Source { name, text }]).expect("it loads");
    let records = sim::run(&input);
    (input, records)
}

fn each_view(criterion: &mut Criterion) {
    let (input, records) = largest();
    let mut group = criterion.benchmark_group("views");
    group.sample_size(10);
    let timeline = |verbose| views::timeline::Options {
        verbose,
        ..views::timeline::Options::default()
    };
    let pod = input.pods[0].pod.full_name();
    type View<'a> = (&'a str, Box<dyn Fn() -> String + 'a>);
    let all: Vec<View> = vec![
        (
            "timeline",
            Box::new(|| views::timeline::render(&records, &input, timeline(false))),
        ),
        (
            "timeline -v",
            Box::new(|| views::timeline::render(&records, &input, timeline(true))),
        ),
        ("kubectl", Box::new(|| views::kubectl::render(&records, &input))),
        ("events", Box::new(|| views::events::render(&records))),
        ("jsonl", Box::new(|| views::jsonl::render(&records))),
        ("csv", Box::new(|| views::csv::render(&records))),
        ("json", Box::new(|| views::json::render(&records, &input))),
        ("yaml", Box::new(|| views::yaml::render(&records, &input))),
        ("perfetto", Box::new(|| views::perfetto::render(&records, &input))),
        ("mermaid", Box::new(|| views::mermaid::render(&records, &input))),
        ("svg", Box::new(|| views::svg::render(&records, &input))),
        ("html", Box::new(|| views::html::render(&records, &input))),
        (
            "explain",
            Box::new(|| views::explain::render(&records, &input, &pod, Time::MAX, None)),
        ),
    ];
    for (name, view) in &all {
        group.bench_function(*name, |bencher| bencher.iter(|| black_box(view())));
    }
    group.finish();
}

criterion_group!(benches, each_view);
criterion_main!(benches);
