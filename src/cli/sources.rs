//! Reads what the command line names: files, directories and standard input.

use std::io::Read;
use std::path::{Path, PathBuf};

use crate::scenario::load::Source;

/// What standard input is called in messages.
pub(crate) const STDIN: &str = "<stdin>";
/// More text than this is no manifest; reading on would only cost memory.
const LARGEST_BYTES: u64 = 64 << 20;

/// The texts of files, of the YAML and JSON files directly in directories (by name), and of `-`, standard input.
pub(crate) fn read(paths: &[PathBuf]) -> Result<Vec<Source>, String> {
    stdin_once(paths)?;
    let mut sources = Vec::new();
    for path in paths {
        if path.is_dir() {
            let files = files_in(path)?;
            if files.is_empty() {
                return Err(format!(
                    "{}: no .yaml, .yml or .json file is directly in it; directories below it are not looked into",
                    path.display()
                ));
            }
            for file in files {
                sources.push(read_file(&file)?);
            }
        } else {
            sources.push(read_file(path)?);
        }
    }
    Ok(sources)
}

/// Errors when standard input is named twice.
pub(crate) fn stdin_once(paths: &[PathBuf]) -> Result<(), String> {
    match paths.iter().filter(|path| is_stdin(path)).count() {
        0 | 1 => Ok(()),
        _ => Err("-: standard input can be read only once".to_owned()),
    }
}

/// Whether standard input is meant.
pub(crate) fn is_stdin(path: &Path) -> bool {
    path == Path::new("-")
}

/// The text of one file, or of standard input.
pub(crate) fn read_file(path: &Path) -> Result<Source, String> {
    if is_stdin(path) {
        return text(STDIN.to_owned(), std::io::stdin().lock());
    }
    let name = path.display().to_string();
    let file = std::fs::File::open(path).map_err(|error| format!("{name}: {error}"))?;
    text(name, file)
}

fn text(name: String, reader: impl Read) -> Result<Source, String> {
    let mut bytes = Vec::new();
    reader
        .take(LARGEST_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| format!("{name}: {error}"))?;
    if bytes.len() as u64 > LARGEST_BYTES {
        return Err(format!("{name}: more than {} MiB of text", LARGEST_BYTES >> 20));
    }
    match String::from_utf8(bytes) {
        Ok(text) => Ok(Source { name, text }),
        Err(error) => Err(format!(
            "{name}: not UTF-8 from byte {} on",
            error.utf8_error().valid_up_to()
        )),
    }
}

/// The YAML and JSON files directly in a directory, by name. Links to nothing are among them, so that reading tells of
/// them; but hidden ones, by which editors mark what is open, are not.
pub(crate) fn files_in(directory: &Path) -> Result<Vec<PathBuf>, String> {
    let mut files = entries(directory)?;
    files.retain(|path| is_manifest(path) && (path.is_file() || is_dangling(path) && !is_hidden(path)));
    Ok(files)
}

fn is_dangling(path: &Path) -> bool {
    path.is_symlink() && !path.exists()
}

/// Whether the name begins with a dot.
pub(crate) fn is_hidden(path: &Path) -> bool {
    path.file_name()
        .is_some_and(|name| name.to_string_lossy().starts_with('.'))
}

/// Errors when the file that is to be written, as `option` says, is one of those that are read: it would replace it.
pub(crate) fn not_read(paths: &[PathBuf], option: &str, written: Option<&Path>) -> Result<(), String> {
    let Some(written) = written.filter(|path| path.is_file()) else {
        return Ok(());
    };
    let real = written.canonicalize();
    let is_written = |path: &Path| {
        real.as_ref()
            .is_ok_and(|real| path.canonicalize().is_ok_and(|path| path == *real))
    };
    for path in paths {
        let within = if path.is_dir() { files_in(path)? } else { Vec::new() };
        if is_written(path) || within.iter().any(|file| is_written(file)) {
            return Err(format!(
                "{option} {}: it is read, and would be replaced; name another file",
                written.display()
            ));
        }
    }
    Ok(())
}

/// Errors when one of the files that are read lies in the folder that is to be written to: what is written may be called as
/// it is.
pub(crate) fn not_within(paths: &[PathBuf], option: &str, folder: &Path) -> Result<(), String> {
    let Ok(real) = folder.canonicalize() else {
        return Ok(());
    };
    for path in paths {
        if path.canonicalize().is_ok_and(|path| path.parent() == Some(&real)) {
            return Err(format!(
                "{option} {}: {} is read from there, and might be replaced; name another directory",
                folder.display(),
                path.display()
            ));
        }
    }
    Ok(())
}

/// Everything directly in a directory, by name.
pub(crate) fn entries(directory: &Path) -> Result<Vec<PathBuf>, String> {
    let failed = |error| format!("{}: {error}", directory.display());
    let mut paths = std::fs::read_dir(directory)
        .map_err(failed)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<Vec<_>, _>>()
        .map_err(failed)?;
    paths.sort();
    Ok(paths)
}

/// Whether kubectl would read the file of a directory.
pub(crate) fn is_manifest(path: &Path) -> bool {
    path.extension()
        .is_some_and(|extension| extension == "yaml" || extension == "yml" || extension == "json")
}
