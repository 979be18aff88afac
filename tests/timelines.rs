//! What users see: the timeline of every shipped scenario.

#![allow(missing_docs)]

use podlapse::scenario::load::{Source, load};
use podlapse::{sim, views};

#[test]
fn timelines_of_the_shipped_scenarios() {
    insta::glob!("..", "scenarios/**/*.yaml", |path| {
        let text = std::fs::read_to_string(path).expect("a scenario");
        let (input, _) = load(&[Source {
            name: "scenario".to_owned(),
            text,
        }])
        .expect("it loads");
        let options = views::timeline::Options {
            width: Some(80),
            ..views::timeline::Options::default()
        };
        let text = views::timeline::render(&sim::run(&input), &input, options);
        insta::assert_snapshot!(text);
    });
}
