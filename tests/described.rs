//! What `describe` prints of pods with much in their specs. The real kubectl prints the same of the same objects, byte for
//! byte.

#![allow(missing_docs)]

use podlapse::kernel::{Duration, Time};
use podlapse::scenario::load::{Source, load};
use podlapse::{sim, views};

#[test]
fn pods_with_much_in_their_specs() {
    insta::glob!("describe/*.yaml", |path| {
        let source = Source {
            name: path.display().to_string(),
            text: std::fs::read_to_string(path).expect("it is there"),
        };
        let (input, _) = load(&[source]).unwrap_or_else(|error| panic!("{}: {error:?}", path.display()));
        let records = sim::run(&input);
        let time = Time::ZERO + Duration::from_secs(5);
        let pods = views::objects::at(&records, &input, time);
        let pages: Vec<String> = pods
            .iter()
            .map(|pod| views::describe::render(&records, pod, time))
            .collect();
        insta::with_settings!({omit_expression => true}, {
            insta::assert_snapshot!(pages.join("\n----\n"));
        });
    });
}
