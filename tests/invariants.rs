//! The invariants hold on every scenario whose trace was recorded from the real kubelet.

#![allow(missing_docs)]

mod common;

use std::cell::RefCell;
use std::path::Path;
use std::rc::Rc;

use podlapse::check::invariants::{self, Checker};
use podlapse::scenario::load::{Source, load};
use podlapse::sim;

fn scenarios(archive: &str) -> Vec<(String, String)> {
    let mut files: Vec<_> = common::unpack(archive).into_iter().collect();
    files.retain(|(name, _)| name.ends_with(".yaml"));
    files
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
