//! The rules of the house, checked: who may use whom, how long files are, what stands at their heads.

#![allow(missing_docs)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

const LONGEST_FILE_LINES: usize = 600;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every Rust file below the folder, with its text.
fn files(folder: &str) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(folder) else {
            continue;
        };
        for entry in entries {
            let path = entry.expect("a readable entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                let text = std::fs::read_to_string(&path).expect("UTF-8");
                found.push((path.strip_prefix(root()).expect("below the root").to_owned(), text));
            }
        }
    }
    found.sort();
    found
}

fn all_files() -> Vec<(PathBuf, String)> {
    ["src", "tests", "benches", "examples"]
        .into_iter()
        .flat_map(files)
        .collect()
}

/// The room that a file of src belongs to: `src/kubelet/pleg.rs` and `src/kubelet.rs` are of `kubelet`.
fn room(path: &Path) -> Option<String> {
    let name = path.strip_prefix("src").ok()?.iter().next()?.to_str()?;
    let name = name.strip_suffix(".rs").unwrap_or(name);
    (name != "lib" && name != "main").then(|| name.to_owned())
}

/// Room to the rooms that it may use, as docs/architecture.md says; None for everything.
fn table() -> BTreeMap<String, Option<BTreeSet<String>>> {
    let text = std::fs::read_to_string(root().join("docs/architecture.md")).expect("it is there");
    let rows = text.lines().filter(|line| line.starts_with("| `"));
    rows.map(|row| {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let [room, _, uses] = cells[..] else {
            panic!("a row of three cells: {row}")
        };
        let mut uses = uses.to_owned();
        // What stands in parentheses is for people.
        while let (Some(open), Some(close)) = (uses.find('('), uses.find(')')) {
            uses.replace_range(open..=close, "");
        }
        let uses = match uses.trim() {
            "nothing" => Some(BTreeSet::new()),
            "everything" => None,
            list => Some(list.split(',').map(|room| room.trim().to_owned()).collect()),
        };
        (room.trim_matches('`').trim_end_matches('/').to_owned(), uses)
    })
    .collect()
}

/// Names after `crate::` in the text, comments aside: `crate::kernel::Time` and `use crate::{sim, views::at}`.
fn used_rooms(text: &str) -> BTreeSet<String> {
    let code: String = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .flat_map(|line| [line, "\n"])
        .collect();
    let mut used = BTreeSet::new();
    for rest in code.split("crate::").skip(1) {
        let identifier = |text: &str| -> String {
            let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
            text[..end.unwrap_or(text.len())].to_owned()
        };
        let Some(group) = rest.strip_prefix('{') else {
            used.insert(identifier(rest));
            continue;
        };
        let mut depth = 0;
        let mut start = 0;
        for (at, c) in group.char_indices() {
            match c {
                '{' => depth += 1,
                '}' if depth > 0 => depth -= 1,
                ',' | '}' if depth == 0 => {
                    used.insert(identifier(group[start..at].trim_start()));
                    start = at + 1;
                    if c == '}' {
                        break;
                    }
                }
                _ => {}
            }
        }
    }
    used.remove("");
    used
}

#[test]
fn names_after_crate_are_found() {
    let text = "use crate::{sim, views::{a, b}};\n// crate::no\nfn f() { crate::kernel::g(crate::api::h()) }\n";
    let found: Vec<String> = used_rooms(text).into_iter().collect();
    assert_eq!(found, ["api", "kernel", "sim", "views"]);
}

#[test]
fn rooms_use_only_the_rooms_that_the_table_allows() {
    let table = table();
    assert!(table.len() >= 10, "the table of docs/architecture.md was read");
    let mut wrong = Vec::new();
    for (path, text) in files("src") {
        let Some(room) = room(&path) else { continue };
        let Some(allowed) = table.get(&room) else {
            wrong.push(format!(
                "{}: docs/architecture.md has no row for {room}/",
                path.display()
            ));
            continue;
        };
        let Some(allowed) = allowed else { continue };
        for used in used_rooms(&text) {
            // A capital letter begins a type that lib.rs hands on, a macro is of the crate's root.
            let is_room = table.contains_key(&used);
            if is_room && used != room && !allowed.contains(&used) {
                wrong.push(format!("{}: {room}/ may not use {used}/", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn files_say_what_they_are_and_are_not_too_long() {
    let mut wrong = Vec::new();
    for (path, text) in all_files() {
        if !text.starts_with("//! ") {
            wrong.push(format!("{}: does not open with a //! sentence", path.display()));
        }
        let lines = text.lines().count();
        if lines > LONGEST_FILE_LINES {
            wrong.push(format!(
                "{}: {lines} lines; at most {LONGEST_FILE_LINES}",
                path.display()
            ));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn only_the_command_line_prints_reads_files_and_exits() {
    let forbidden = [
        "print!(",
        "println!(",
        "eprint!(",
        "eprintln!(",
        "dbg!(",
        "process::exit",
        "std::fs::",
        "std::env::",
        "io::stdout",
        "io::stderr",
        "io::stdin",
    ];
    let mut wrong = Vec::new();
    for (path, text) in files("src") {
        if room(&path).is_some_and(|room| room == "cli") {
            continue;
        }
        // Unit tests may read what they compare with.
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        for (number, line) in code.lines().enumerate() {
            let comment = line.trim_start().starts_with("//");
            if let Some(word) = forbidden.iter().find(|word| !comment && line.contains(**word)) {
                wrong.push(format!("{}:{}: {word} is for cli/ only", path.display(), number + 1));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn nothing_is_left_for_later() {
    // Written apart, so that this file does not find itself.
    let marks = [
        concat!("TO", "DO"),
        concat!("FIX", "ME"),
        concat!("XX", "X:"),
        concat!("todo", "!("),
        concat!("unimplemented", "!("),
        concat!("#[", "ignore"),
    ];
    let mut wrong = Vec::new();
    for (path, text) in all_files() {
        for (number, line) in text.lines().enumerate() {
            if let Some(mark) = marks.iter().find(|mark| line.contains(**mark)) {
                wrong.push(format!("{}:{}: {mark}", path.display(), number + 1));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}
