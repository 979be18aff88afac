//! What users see: the timeline of every shipped scenario.

#![allow(missing_docs)]

#[path = "common/timeline.rs"]
mod timeline;

#[test]
fn timelines_of_the_shipped_scenarios() {
    insta::glob!("..", "scenarios/**/*.yaml", |path| {
        let text = timeline::timeline(path, false);
        insta::assert_snapshot!(text);
    });
}
