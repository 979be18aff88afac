//! The documentation's own examples, unmodified: what happens, and what their containers write.

#![allow(missing_docs)]

use podlapse::kernel::Time;
use podlapse::scenario::load::{Source, load};
use podlapse::views::{logs, timeline};

#[test]
fn examples_play_as_the_documentation_says() {
    insta::glob!("guest/*.yaml", |path| {
        let text = std::fs::read_to_string(path).expect("it is readable");
        let name = path.file_name().expect("a file").to_string_lossy().into_owned();
        let (input, _) = load(&[Source { name, text }]).expect("it is valid");
        let records = podlapse::sim::run(&input);
        let options = timeline::Options {
            verbose: false,
            width: Some(110),
            colour: false,
        };
        let lines = logs::Options {
            namespace: None,
            pod: None,
            container: None,
            until: Time::MAX,
            attempts: podlapse::views::logs::Attempts::All,
            prefix: true,
        };
        let shown = timeline::render(&records, &input, options);
        insta::assert_snapshot!(format!("{shown}\n{}", logs::render(&records, &lines)));
    });
}
