//! The Kubernetes documentation's own examples: what the documentation says of them must hold of their run.
//!
//! The manifests are not part of this repository. `PODLAPSE_WEBSITE` names a checkout of kubernetes/website; each file of
//! tests/documentation says in its first line which example it is for.

#![allow(missing_docs)]

use std::path::{Path, PathBuf};

use podlapse::check::expectations::{compile, judge};
use podlapse::scenario::load::{Source, load};
use podlapse::sim;

fn scenarios() -> Vec<(PathBuf, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/documentation");
    let entries = std::fs::read_dir(folder).expect("the folder is there");
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("it is readable").path()).collect();
    paths.sort();
    let read = |path: PathBuf| {
        let text = std::fs::read_to_string(&path).expect("it is readable");
        (path, text)
    };
    paths.into_iter().map(read).collect()
}

/// The example that a scenario is for, as a path in kubernetes/website.
fn example(scenario: &str) -> &str {
    let first = scenario.lines().next().unwrap_or_default();
    first.strip_prefix("# ").expect("the first line names the example")
}

fn source(name: &str, text: String) -> Source {
    Source {
        name: name.to_owned(),
        text,
    }
}

#[test]
fn each_scenario_names_an_example_and_expects_something() {
    for (path, scenario) in scenarios() {
        assert!(
            example(&scenario).starts_with("content/en/examples/"),
            "{}",
            path.display()
        );
        assert!(scenario.contains("\n  expect:\n"), "{}", path.display());
    }
}

#[test]
fn examples_do_what_the_documentation_says() {
    let Ok(website) = std::env::var("PODLAPSE_WEBSITE") else {
        eprintln!("skipped: PODLAPSE_WEBSITE does not name a checkout of kubernetes/website");
        return;
    };
    let mut wrong = Vec::new();
    for (_, scenario) in scenarios() {
        let name = example(&scenario).to_owned();
        let manifest =
            std::fs::read_to_string(Path::new(&website).join(&name)).unwrap_or_else(|error| panic!("{name}: {error}"));
        let sources = [source(&name, manifest), source("scenario.yaml", scenario)];
        let (input, _) = load(&sources).unwrap_or_else(|errors| panic!("{name}: {errors:?}"));
        let expectations = compile(&input).unwrap_or_else(|errors| panic!("{name}: {errors:?}"));
        let records = sim::run(&input);
        for verdict in judge(&expectations, &input, &records) {
            if !verdict.holds() {
                let why = verdict.failure.as_ref().map(|failure| failure.why.clone());
                wrong.push(format!("{name}: {}: {why:?}", verdict.expectation.place));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
