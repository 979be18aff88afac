//! Which scenarios are below a path, and which files each of them reads: for `test` and `diff` alike.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::cli::{new, sources};

/// A scenario to play or to compare.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Case {
    /// Its file or directory, as a person would name it.
    pub(super) name: String,
    /// The files of its input.
    pub(super) files: Vec<PathBuf>,
    /// Where its stored timeline is, if it has one; None: it cannot have one.
    pub(super) stored: Option<PathBuf>,
}

/// Directories nested deeper than this are refused.
const DEEPEST: usize = 64;

/// What a directory is in which no scenario is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bare {
    /// A mistake.
    Refused,
    /// One input, as `run` takes it, if there are manifests in it.
    OneInput,
}

/// The scenarios below the paths, in the order of the paths and by name below each; each once.
pub(super) fn discover(paths: &[PathBuf], bare: Bare) -> Result<Vec<Case>, String> {
    let mut cases: Vec<Case> = Vec::new();
    for path in paths {
        let before = cases.len();
        if path.is_dir() {
            Walk::default().walk(path, false, &mut cases)?;
        } else {
            // A file that is named is meant, whatever is in it; what it lacks is told when it is read.
            cases.push(file_case(path));
        }
        if cases.len() == before {
            let files = match bare {
                Bare::Refused => Vec::new(),
                Bare::OneInput => sources::files_in(path)?,
            };
            if files.is_empty() {
                return Err(format!("{}: no scenario is below it", path.display()));
            }
            cases.push(directory_case(path, files, &path.join("scenario")));
        }
    }
    let mut seen: BTreeSet<String> = BTreeSet::new();
    cases.retain(|case| seen.insert(case.name.clone()));
    Ok(cases)
}

/// A way through the directories below one that was named. It ends whatever links there are: each directory is looked at
/// where it is, and at most once more where links lead to it.
#[derive(Default)]
struct Walk {
    /// The directories that led here, as they are without links.
    above: Vec<PathBuf>,
    /// Those that links have led to, as they are without links.
    linked: BTreeSet<PathBuf>,
}

impl Walk {
    /// `linked`: a link led here, or to a directory above.
    fn walk(&mut self, directory: &Path, linked: bool, cases: &mut Vec<Case>) -> Result<(), String> {
        if self.above.len() > DEEPEST {
            return Err(format!("{}: nested too deep", directory.display()));
        }
        let real = real(directory)?;
        // What is there is being looked at, or has been.
        if self.above.contains(&real) || linked && !self.linked.insert(real.clone()) {
            return Ok(());
        }
        let files = sources::files_in(directory)?;
        let whole = files
            .iter()
            .find(|file| file.file_stem().is_some_and(|stem| stem == "scenario"));
        if let Some(scenario) = whole.cloned() {
            cases.push(directory_case(directory, files, &scenario));
        } else {
            for file in &files {
                // One that cannot be read cannot be known not to be a scenario.
                if sources::read_file(file).map_or(true, |source| is_meant(&source.text)) {
                    cases.push(file_case(file));
                }
            }
        }
        for entry in sources::entries(directory)? {
            if !entry.is_dir() || sources::is_hidden(&entry) {
                continue;
            }
            let is_link = entry.is_symlink();
            // Upwards there is more than was named.
            if is_link && real.starts_with(self::real(&entry)?) {
                continue;
            }
            self.above.push(real.clone());
            self.walk(&entry, linked || is_link, cases)?;
            self.above.pop();
        }
        Ok(())
    }
}

/// The directory without links.
fn real(directory: &Path) -> Result<PathBuf, String> {
    directory
        .canonicalize()
        .map_err(|error| format!("{}: {error}", directory.display()))
}

/// Whether a text has a Scenario or something of podlapse's that is none: a test that is passed over would never fail.
fn is_meant(text: &str) -> bool {
    let quotes = ['"', '\''];
    let is_version = |(at, _): (usize, &str)| {
        let line = &text[text[..at].rfind('\n').map_or(0, |end| end + 1)..at];
        let before = line.trim_end_matches(quotes).trim_end();
        let key = before
            .strip_suffix(':')
            .map(|key| key.trim_end().trim_end_matches(quotes));
        !line.trim_start().starts_with('#') && key.is_some_and(|key| key.ends_with("apiVersion"))
    };
    new::is_scenario(text) || text.match_indices("podlapse.dev/").any(is_version)
}

fn directory_case(directory: &Path, files: Vec<PathBuf>, scenario: &Path) -> Case {
    Case {
        name: shown(directory),
        files,
        stored: Some(stored_beside(scenario)),
    }
}

fn file_case(file: &Path) -> Case {
    let stdin = sources::is_stdin(file);
    Case {
        name: if stdin { sources::STDIN.to_owned() } else { shown(file) },
        files: vec![file.to_owned()],
        stored: (!stdin).then(|| stored_beside(file)),
    }
}

/// The path as a person would name it: what is below `.` needs no `./`.
fn shown(path: &Path) -> String {
    path.strip_prefix("./").unwrap_or(path).display().to_string()
}

/// `crash.yaml` has its timeline in `crash.timeline.snap`.
fn stored_beside(file: &Path) -> PathBuf {
    file.with_extension("timeline.snap")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scenarios_are_files_with_a_scenario_and_directories_with_a_scenario_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path();
        let scenario = "apiVersion: podlapse.dev/v1alpha1\nkind: Scenario\n";
        for (path, text) in [
            ("b.yaml", scenario),
            ("a.yaml", "kind: Pod\n"),
            ("c.json", scenario),
            ("f.yaml", "kind: scenario\napiVersion: podlapse.dev/v1alpha1\n"),
            (
                "g.json",
                "{\"apiVersion\" : \"podlapse.dev/v1alpha1\", \"kin\": \"Scenario\"}",
            ),
            ("comment.yaml", "# apiVersion: podlapse.dev/v1alpha1\nkind: Pod\n"),
            (
                "schema.json",
                "{\"apiVersion\": {\"const\": \"podlapse.dev/v1alpha1\"}}",
            ),
            ("notes.md", scenario),
            ("whole/scenario.yaml", scenario),
            ("whole/pod.yaml", "kind: Pod\n"),
            ("whole/other.yaml", scenario),
            ("deep/er/d.yml", scenario),
            (".hidden/e.yaml", scenario),
        ] {
            let path = root.join(path);
            std::fs::create_dir_all(path.parent().expect("below the root")).expect("a folder");
            std::fs::write(path, text).expect("written");
        }
        let cases = discover(&[root.to_owned(), root.join("b.yaml")], Bare::Refused).expect("found");
        let shown: Vec<(String, usize)> = cases
            .iter()
            .map(|case| (case.name.replace(&format!("{}/", root.display()), ""), case.files.len()))
            .collect();
        let expected = [
            ("b.yaml", 1),
            ("c.json", 1),
            ("f.yaml", 1),
            ("g.json", 1),
            ("deep/er/d.yml", 1),
            ("whole", 3),
        ];
        assert_eq!(shown, expected.map(|(name, count)| (name.to_owned(), count)));
        let stored = cases[5].stored.as_ref().expect("a file may have one");
        assert!(stored.ends_with("whole/scenario.timeline.snap"));
        #[cfg(unix)]
        for (link, target) in [("deep/er/loop", ".."), ("again", "deep"), ("whole/self", "self")] {
            std::os::unix::fs::symlink(target, root.join(link)).expect("a link");
        }
        #[cfg(unix)]
        {
            let cases = discover(&[root.to_owned()], Bare::Refused).expect("found");
            let names = cases.iter().map(|case| &*case.name);
            let below: Vec<&str> = names.filter(|name| name.ends_with("d.yml")).collect();
            // A link to elsewhere is gone through, one to where it stands in is not.
            assert_eq!(below.len(), 2, "{below:?}");
        }
        #[cfg(unix)]
        {
            let inner = discover(&[root.join("deep/er")], Bare::Refused).expect("found");
            assert_eq!(inner.len(), 1, "a link upwards leads out of what was named: {inner:?}");
            std::os::unix::fs::symlink("gone.yaml", root.join("deep/er/dangling.yaml")).expect("a link");
            std::os::unix::fs::symlink("host.1", root.join("deep/er/.#d.yml")).expect("a link");
            let inner = discover(&[root.join("deep/er")], Bare::Refused).expect("found");
            assert_eq!(inner.len(), 2, "reading tells that nothing is there: {inner:?}");
        }
        let stdin = discover(&["-".into()], Bare::Refused).expect("standard input is one scenario");
        assert_eq!((&*stdin[0].name, &stdin[0].stored), ("<stdin>", &None));
        assert!(
            discover(&[root.join(".hidden/no")], Bare::Refused).is_ok(),
            "a file that is named is meant"
        );
        std::fs::create_dir(root.join("empty")).expect("a folder");
        for bare in [Bare::Refused, Bare::OneInput] {
            assert!(discover(&[root.join("empty")], bare).is_err(), "{bare:?}");
        }
        std::fs::write(root.join("empty/pod.yaml"), "kind: Pod\n").expect("written");
        assert!(discover(&[root.join("empty")], Bare::Refused).is_err());
        let one = discover(&[root.join("empty")], Bare::OneInput).expect("manifests are an input");
        assert_eq!(one.len(), 1);
        assert_eq!(one[0].files, [root.join("empty/pod.yaml")]);
    }

    #[test]
    #[cfg(unix)]
    fn directories_that_link_to_each_other_are_looked_at_twice_at_most() {
        let folder = tempfile::tempdir().expect("a folder");
        let names = ["a", "b", "c", "d", "e", "f", "g", "h"];
        for name in names {
            let directory = folder.path().join(name);
            std::fs::create_dir(&directory).expect("a folder");
            std::fs::write(directory.join("s.yaml"), "apiVersion: podlapse.dev/v1alpha1\n").expect("written");
            for other in names.iter().filter(|other| **other != name) {
                std::os::unix::fs::symlink(format!("../{other}"), directory.join(other)).expect("a link");
            }
        }
        let cases = discover(&[folder.path().to_owned()], Bare::Refused).expect("found");
        let own = names.map(|name| folder.path().join(name).join("s.yaml"));
        assert!(
            own.iter()
                .all(|file| cases.iter().any(|case| case.files == [file.clone()]))
        );
        assert!(cases.len() <= 2 * names.len(), "{}", cases.len());
    }
}
