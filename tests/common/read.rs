//! A scenario's text as a test's input.

use podlapse::scenario::load::{Source, load};
use podlapse::scenario::types::Input;

/// Reads a scenario that must be right.
pub(crate) fn read(text: &str) -> Input {
    let source = Source {
        name: "scenario.yaml".to_owned(),
        text: text.to_owned(),
    };
    let read = load(&[source]);
    read.unwrap_or_else(|error| panic!("{}\n{text}", error.render(false))).0
}
