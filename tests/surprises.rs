//! docs/surprises.md: what it shows is what podlapse prints, and every scenario has its place in it.

#![allow(missing_docs)]

use std::fs;
use std::path::Path;

#[path = "common/timeline.rs"]
mod timeline;

/// The scenarios that the page names, each with the lines it shows of its timeline.
fn extracts(page: &str) -> Vec<(String, Vec<String>)> {
    let mut extracts: Vec<(String, Vec<String>)> = Vec::new();
    let mut inside = false;
    for line in page.lines() {
        if let Some(rest) = line.strip_prefix("[scenarios/") {
            let name = rest.split(']').next().expect("a link");
            assert_eq!(
                line,
                format!("[scenarios/{name}](../scenarios/{name})"),
                "a link says where it leads"
            );
            extracts.push((name.to_owned(), Vec::new()));
        } else if line.starts_with("```") {
            inside = line == "```text";
        } else if inside {
            let (_, lines) = extracts.last_mut().expect("a scenario above its lines");
            lines.push(line.split_whitespace().collect::<Vec<_>>().join(" "));
        }
    }
    extracts
}

#[test]
fn the_page_shows_what_podlapse_prints() {
    let page = fs::read_to_string("docs/surprises.md").expect("the page");
    for (name, lines) in extracts(&page) {
        let rendered = timeline::timeline(&Path::new("scenarios").join(&name), false);
        let mut rest = rendered
            .lines()
            .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
        assert!(!lines.is_empty(), "{name}: shows nothing");
        for line in lines {
            assert!(
                rest.any(|printed| printed == line),
                "{name}: this line is not printed, or not in this order:\n{line}\n\n{rendered}"
            );
        }
    }
}

#[test]
fn every_surprise_is_on_the_page() {
    let page = fs::read_to_string("docs/surprises.md").expect("the page");
    let mut named: Vec<String> = extracts(&page).into_iter().map(|(name, _)| name).collect();
    named.sort();
    let mut there: Vec<String> = fs::read_dir("scenarios/surprises")
        .expect("the folder")
        .map(|entry| {
            let name = entry.expect("an entry").file_name();
            format!("surprises/{}", name.to_string_lossy())
        })
        .collect();
    there.sort();
    assert_eq!(named, there);
}
