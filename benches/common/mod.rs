//! What several benches use: a scenario from text, and a run whose records are only counted.

use std::cell::Cell;
use std::rc::Rc;

use podlapse::scenario::load::{Source, load};
use podlapse::scenario::types::Input;
use podlapse::sim;

/// As in the command.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// One pod and its script; `probes` is lines of YAML, indented by four, `runs` those of the script.
pub(crate) fn pod(probes: &str, runs: &str, run_for: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Pod\nmetadata: {{name: web}}\nspec:\n  containers:\n  - name: app\n    image: app:1\n\
         {probes}---\napiVersion: podlapse.dev/v1alpha1\nkind: Scenario\nmetadata: {{name: bench}}\nspec:\n  \
         runFor: {run_for}\n  containers:\n  - name: app\n    runs:\n{runs}"
    )
}

/// The input that the text describes.
pub(crate) fn read(text: &str) -> Input {
    let source = Source {
        name: "bench.yaml".to_owned(),
        text: text.to_owned(),
    };
    let (input, _) = load(&[source]).unwrap_or_else(|error| panic!("{error:?}\n{text}"));
    input
}

/// Runs it; how many records there were.
pub(crate) fn run(input: &Input) -> u64 {
    let count = Rc::new(Cell::new(0));
    let sink = count.clone();
    sim::run_with(input, move |_| sink.set(sink.get() + 1));
    count.get()
}
