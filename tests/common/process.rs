//! podlapse as a process, in a folder of its own.

use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;

pub(crate) fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for (path, text) in files {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().expect("below the root")).expect("a folder");
        std::fs::write(path, text).expect("written");
    }
    folder
}

/// A command that has not begun. It is no part of a Job and of no CI, even if the tests are.
pub(crate) fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_podlapse"));
    command
        .args(arguments)
        .current_dir(folder)
        .env_remove("CI")
        .env_remove("JOB_COMPLETION_INDEX");
    command
}

pub(crate) fn podlapse(folder: &Path, arguments: &[&str]) -> Output {
    command(folder, arguments).output().expect("podlapse runs")
}

pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("UTF-8")
}

pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("UTF-8")
}
