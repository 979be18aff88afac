//! Rules that no recorded trace shows, each read in the kubelet's source: what happens, in full.

#![allow(missing_docs)]

#[path = "common/timeline.rs"]
mod timeline;

#[test]
fn rules_that_no_trace_shows() {
    insta::glob!("rules/*.yaml", |path| {
        insta::assert_snapshot!(timeline::timeline(path, true));
    });
}
