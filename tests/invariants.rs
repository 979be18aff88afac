//! The invariants hold on every scenario whose trace was recorded from the real kubelet.

#![allow(missing_docs)]

use std::cell::RefCell;
use std::io::Read;
use std::path::Path;
use std::rc::Rc;

use podlapse::check::invariants::{self, Checker};
use podlapse::scenario::load::{Source, load};
use podlapse::sim;

fn scenarios(archive: &str) -> Vec<(String, String)> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/conformance")
        .join(archive);
    let packed = std::fs::read(path).expect("the archive is there");
    let stream = ruzstd::decoding::StreamingDecoder::new(packed.as_slice()).expect("the archive is zstd");
    let mut found = Vec::new();
    for entry in tar::Archive::new(stream).entries().expect("the archive is a tar") {
        let mut entry = entry.expect("an entry");
        let name = entry.path().expect("a path").display().to_string();
        if name.ends_with(".yaml") {
            let mut text = String::new();
            entry.read_to_string(&mut text).expect("an entry is text");
            found.push((name, text));
        }
    }
    found
}

fn hold_on(archive: &str, expected: usize) {
    let scenarios = scenarios(archive);
    assert_eq!(scenarios.len(), expected, "cases are missing or new");
    let mut broken = Vec::new();
    for (name, text) in scenarios {
        let source = Source {
            name: name.clone(),
            text,
        };
        let (input, _) = load(&[source]).unwrap_or_else(|error| panic!("{name} is refused: {error}"));
        let checker = Rc::new(RefCell::new(Checker::new(Rc::new(input.clone()))));
        let sink = checker.clone();
        sim::run_with(&input, move |record| sink.borrow_mut().observe(&record));
        let found = checker.borrow();
        broken.extend(found.violations().iter().map(|v| format!("{name}: {v}")));
    }
    assert!(broken.is_empty(), "{} violations:\n{}", broken.len(), broken.join("\n"));
}

#[test]
fn they_hold_on_the_recorded_cases() {
    hold_on("cases.tar.zst", 312);
}

#[test]
fn they_hold_on_the_recorded_world() {
    hold_on("world.tar.zst", 316);
}

#[test]
fn there_are_enough_and_each_has_a_name_of_its_own() {
    let names: Vec<_> = invariants::all().map(|i| i.name).collect();
    assert!(names.len() >= 25, "{}", names.len());
    let distinct: std::collections::BTreeSet<_> = names.iter().collect();
    assert_eq!(distinct.len(), names.len());
}

#[test]
fn each_is_in_the_documentation() {
    let text =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/fuzzing.md")).expect("it is there");
    for invariant in invariants::all() {
        let row = format!("| `{}` | {} | {} |", invariant.name, invariant.holds, invariant.source);
        assert!(text.contains(&row), "docs/fuzzing.md lacks the row\n{row}");
    }
}
