//! No bytes whatever make the loading panic, hang or need much memory.

#![allow(missing_docs)]

use podlapse::scenario::load::{Source, load};
use proptest::prelude::*;

fn loads(text: String) -> bool {
    load(&[Source {
        name: "x.yaml".to_owned(),
        text,
    }])
    .is_ok()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text(text in "\\PC{0,200}") {
        loads(text);
    }

    #[test]
    fn text_that_looks_like_yaml(text in "[-a-z0-9:{}\\[\\],&*!|>'\"# \n]{0,300}") {
        loads(text);
    }

    #[test]
    fn a_good_document_with_a_hole(at in 0usize..400, length in 0usize..20, with in "[-a-z0-9:{}\\[\\] \n]{0,8}") {
        let good = include_str!("../scenarios/ignores-sigterm.yaml");
        let start = at.min(good.len());
        let end = (start + length).min(good.len());
        if good.is_char_boundary(start) && good.is_char_boundary(end) {
            loads(format!("{}{with}{}", &good[..start], &good[end..]));
        }
    }
}

#[test]
fn bombs_are_refused() {
    let mut bomb =
        "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec:\n  affinity:\n    a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n"
            .to_owned();
    for level in 1..12 {
        let inner = vec![format!("*a{}", level - 1); 10].join(",");
        bomb.push_str(&format!("    a{level}: &a{level} [{inner}]\n"));
    }
    assert!(!loads(bomb));
    assert!(!loads("[".repeat(100_000)));
    assert!(!loads(format!(
        "apiVersion: v1\nkind: Pod\nmetadata: {{name: a}}\nspec: {}",
        "{a: ".repeat(50_000)
    )));
}
