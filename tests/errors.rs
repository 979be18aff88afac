//! What is said about input that cannot be used: one snapshot for each file of tests/errors.

#![allow(missing_docs)]

use podlapse::scenario::load::{Source, load};

#[test]
fn errors_of_malformed_input() {
    let mut count = 0;
    insta::glob!("errors/*.yaml", |path| {
        count += 1;
        let source = Source {
            name: path.file_name().expect("a file").to_string_lossy().into_owned(),
            text: std::fs::read_to_string(path).expect("it is readable"),
        };
        let rendered = match load(&[source]) {
            Ok(_) => panic!("{} was not refused", path.display()),
            Err(diagnostics) => diagnostics.to_string(),
        };
        insta::with_settings!({omit_expression => true}, { insta::assert_snapshot!(rendered) });
    });
    assert!(count >= 50, "{count}");
}
