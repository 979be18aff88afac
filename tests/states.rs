//! What users see: each STATUS of `kubectl get pods`, its scenario, and the page that explains it.

#![allow(missing_docs)]

use std::collections::BTreeSet;
use std::path::Path;

use podlapse::scenario::load::{Source, load};
use podlapse::scenario::types::Input;
use podlapse::trace::Record;
use podlapse::{sim, views};

const PAGE: &str = include_str!("../docs/states.md");
const FOLDER: &str = "scenarios/states";

fn text_of(path: &Path) -> String {
    std::fs::read_to_string(path).expect("a scenario")
}

fn run(text: &str) -> (Input, Vec<Record>) {
    let source = Source {
        name: "scenario".to_owned(),
        text: text.to_owned(),
    };
    let (input, warnings) = load(&[source]).expect("it loads");
    assert!(warnings.is_empty(), "{warnings:?}");
    let records = sim::run(&input);
    (input, records)
}

fn view_of(path: &Path) -> String {
    let (input, records) = run(&text_of(path));
    views::kubectl::render(&records, &input)
}

/// What a line `# name: value` in the comment at a scenario's head says.
fn head<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    let mut comment = text.lines().map_while(|line| line.strip_prefix('#'));
    comment.find_map(|line| line.trim().strip_prefix(name)?.strip_prefix(": "))
}

/// The STATUS column of each row.
fn statuses(view: &str) -> Vec<&str> {
    let (headings, rows) = view.split_once('\n').expect("headings");
    let column = headings.find("STATUS").expect("the column");
    let cells = rows.lines().map(|row| row[column..].split_whitespace().next());
    cells.map(|cell| cell.expect("a STATUS")).collect()
}

/// `Init:CrashLoopBackOff` as a file is named after it: `init-crash-loop-back-off`.
fn kebab(status: &str) -> String {
    let letters: Vec<char> = status.chars().collect();
    let mut name = String::new();
    for (index, letter) in letters.iter().enumerate() {
        let follows_small = index > 0 && letters[index - 1].is_lowercase();
        let begins_word = index > 0
            && letters[index - 1].is_alphanumeric()
            && letters.get(index + 1).is_some_and(|next| next.is_lowercase());
        if letter.is_uppercase() && (follows_small || begins_word) {
            name.push('-');
        }
        let plain = letter.is_alphanumeric();
        name.push(if plain { letter.to_ascii_lowercase() } else { '-' });
    }
    name
}

#[test]
fn scenarios_show_the_state_that_they_are_named_after() {
    insta::glob!("..", "scenarios/states/*.yaml", |path| {
        let text = text_of(path);
        let status = head(&text, "STATUS").expect("the head names the STATUS");
        let (input, records) = run(&text);
        let view = views::kubectl::render(&records, &input);
        assert!(
            statuses(&view).contains(&status),
            "{}: no {status} in\n{view}",
            path.display()
        );
        let reason = head(&text, "status.reason");
        if let Some(reason) = reason {
            let list: serde_json::Value =
                serde_json::from_str(&views::json::render(&records, &input)).expect("the view is JSON");
            let pod = list.get("items").map_or(&list, |items| &items[0]);
            assert_eq!(pod["status"]["reason"], reason, "{}", path.display());
        }
        let stem = path.file_stem().and_then(|s| s.to_str()).expect("a name");
        let named_after = [Some(status), reason].into_iter().flatten().map(kebab);
        assert!(
            named_after.into_iter().any(|name| stem.starts_with(&name)),
            "{stem} is named after neither {status} nor {reason:?}"
        );
        insta::assert_snapshot!(view);
    });
}

#[test]
fn the_page_links_every_scenario_and_every_link_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let files = std::fs::read_dir(root.join(FOLDER)).expect("the folder");
    let files: BTreeSet<String> = files
        .map(|file| {
            file.expect("a readable entry")
                .file_name()
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    let targets: Vec<&str> = PAGE
        .split("](")
        .skip(1)
        .map(|rest| rest.split(')').next().unwrap_or_default())
        .collect();
    let linked: BTreeSet<String> = targets
        .iter()
        .filter_map(|target| target.strip_prefix("../scenarios/states/"))
        .map(str::to_owned)
        .collect();
    assert_eq!(linked, files);

    let anchors: BTreeSet<String> = PAGE.lines().filter(|line| line.starts_with('#')).map(anchor).collect();
    for target in targets.iter().filter(|t| !t.starts_with("https://")) {
        match target.strip_prefix('#') {
            Some(name) => assert!(anchors.contains(name), "no heading for #{name}"),
            None => assert!(root.join("docs").join(target).exists(), "no file {target}"),
        }
    }
}

/// The anchor that a heading has on a forge: small letters, digits and hyphens.
fn anchor(heading: &str) -> String {
    let text = heading.trim_start_matches('#').trim().to_lowercase().replace(' ', "-");
    text.chars().filter(|c| c.is_alphanumeric() || *c == '-').collect()
}

#[test]
fn the_extracts_on_the_page_are_what_a_run_prints() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let blocks: Vec<&str> = PAGE
        .split("```console\n")
        .skip(1)
        .map(|rest| rest.split("```").next().unwrap_or_default())
        .collect();
    assert!(blocks.len() > 20, "the extracts were found");
    for block in blocks {
        let (command, extract) = block.split_once('\n').expect("a command");
        let file = command
            .strip_prefix("$ podlapse run --output kubectl ")
            .expect("the command that makes the kubectl view");
        let view = view_of(&root.join(file));
        // Rows and the columns on the right may be left out; what is there is in order.
        let mut rows = view.lines();
        for line in extract.lines() {
            assert!(
                rows.any(|row| row.starts_with(line)),
                "{file} does not print this, or not there: {line}\n{view}"
            );
        }
    }
}
