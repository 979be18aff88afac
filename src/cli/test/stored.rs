//! Timelines stored beside scenarios, in insta's format and with its habits of review.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use similar::TextDiff;

use super::case::{Check, CheckFailure, Kind};
use crate::cli::discover::Case;
use crate::cli::exit::Trouble;
use crate::cli::printer::write_file;

/// What becomes of a timeline that is not the stored one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Review {
    /// It is stored; a scenario without a stored timeline gets one.
    Accept,
    /// It is left beside the stored one, to be looked at: `NAME.timeline.snap.new`.
    Leave,
    /// Nothing is written.
    Refuse,
}

/// Holds the timeline against the stored one. None when there is none; errors when files cannot be read or written.
pub(super) fn check(case: &Case, timeline: &str, review: Review) -> Result<Option<Check>, String> {
    let Some(path) = &case.stored else { return Ok(None) };
    let stored = match std::fs::read_to_string(path) {
        Ok(text) => Some(text),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => return Err(format!("error: {}: {error}", path.display())),
    };
    let left = with_new(path);
    let is_same = stored
        .as_deref()
        .is_some_and(|text| contents(text) == timeline.trim_end());
    let mut check = Check {
        name: "timeline".to_owned(),
        kind: Kind::Timeline,
        place: None,
        failure: None,
        remark: None,
    };
    if is_same {
        remove(&left)?;
        return Ok(Some(check));
    }
    if review == Review::Accept {
        write(path, path, timeline)?;
        remove(&left)?;
        check.remark = Some(if stored.is_some() {
            "timeline updated"
        } else {
            "timeline stored"
        });
        return Ok(Some(check));
    }
    let Some(stored) = stored else { return Ok(None) };
    let mut text = format!("timeline\n  --> {}\n  it is not the stored one\n\n", path.display());
    diff(&mut text, contents(&stored), timeline.trim_end());
    if review == Review::Leave {
        write(&left, path, timeline)?;
        let _ = writeln!(text, "\n  it is left in {}; accept it with --update", left.display());
    }
    check.failure = Some(CheckFailure {
        summary: format!("it is not the stored one, {}", path.display()),
        at: None,
        saw: Vec::new(),
        text,
    });
    Ok(Some(check))
}

/// What stands below the head, without spaces at its end.
fn contents(stored: &str) -> &str {
    let body = stored
        .strip_prefix("---\n")
        .and_then(|rest| rest.split_once("\n---\n"))
        .map_or(stored, |(_, body)| body);
    body.trim_end()
}

/// Writes the timeline to `path`, as what is stored under the name `stored`.
fn write(path: &Path, stored: &Path, timeline: &str) -> Result<(), String> {
    let name = stored
        .file_name()
        .map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    let name = name.trim_end_matches(".timeline.snap");
    let text = format!(
        "---\nsource: {name}\nexpression: timeline\n---\n{}\n",
        timeline.trim_end()
    );
    write_file(path, text.as_bytes()).map_err(|trouble| match trouble {
        Trouble::Message(message) | Trouble::Rendered(message) => format!("error: {message}"),
        Trouble::NoReader | Trouble::Input(_) => format!("error: cannot write {}", path.display()),
    })
}

fn remove(path: &Path) -> Result<(), String> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(format!("error: {}: {error}", path.display()))
        }
        _ => Ok(()),
    }
}

fn with_new(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    name.into()
}

fn diff(text: &mut String, old: &str, new: &str) {
    let diff = TextDiff::from_lines(old, new);
    for hunk in diff
        .unified_diff()
        .context_radius(2)
        .missing_newline_hint(false)
        .iter_hunks()
    {
        for line in hunk.to_string().lines() {
            let _ = writeln!(text, "  {line}");
        }
    }
}
