//! What several tests use: the timeline of a scenario, as a terminal of 80 columns shows it.

use std::path::Path;

use podlapse::scenario::load::{Source, load};
use podlapse::{sim, views};

/// Plays the scenario of a file; with every call, event and write if it is to be `verbose`.
pub(crate) fn timeline(path: &Path, verbose: bool) -> String {
    let text = std::fs::read_to_string(path).expect("a scenario");
    let (input, _) = load(&[Source {
        name: "scenario".to_owned(),
        text,
    }])
    .expect("it loads");
    let options = views::timeline::Options {
        width: Some(80),
        verbose,
        ..views::timeline::Options::default()
    };
    views::timeline::render(&sim::run(&input), &input, options)
}
