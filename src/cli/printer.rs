//! Where a command's words go: data to standard output or a file, everything else to standard error.

use std::fmt::Display;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};

use anstyle::{AnsiColor, Style};
use clap::ValueEnum;

use super::exit::Trouble;
use crate::api::diagnostic::{Diagnostic, Diagnostics};

/// When to colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    /// On a terminal, unless NO_COLOR is set
    #[default]
    Auto,
    /// Everywhere
    Always,
    /// Nowhere
    Never,
}

/// Fewer columns than these are not kept to: nothing is readable in them.
const LEAST_COLUMNS: usize = 40;

/// Knows what the two streams can show.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Printer {
    color: Color,
    quiet: bool,
}

impl Printer {
    /// A printer that colours as told; a quiet one gives no warnings and no remarks.
    pub(crate) fn new(color: Color, quiet: bool) -> Printer {
        Printer { color, quiet }
    }

    /// Whether data on standard output is coloured.
    pub(crate) fn colour(&self) -> bool {
        self.coloured(std::io::stdout().is_terminal())
    }

    fn coloured(&self, terminal: bool) -> bool {
        match self.color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => {
                terminal
                    && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
                    && std::env::var_os("TERM").is_none_or(|value| value != "dumb")
            }
        }
    }

    /// Columns of standard output's terminal; None when it is none, so that lines may be of any length.
    pub(crate) fn width(&self) -> Option<usize> {
        let (width, _) = terminal_size::terminal_size_of(std::io::stdout())?;
        Some(usize::from(width.0).max(LEAST_COLUMNS))
    }

    /// Whether a progress bar has somebody to look at it.
    pub(crate) fn shows_progress(&self) -> bool {
        !self.quiet && std::io::stderr().is_terminal()
    }

    /// Writes data to standard output.
    pub(crate) fn data(&self, text: &str) -> Result<(), Trouble> {
        let mut out = std::io::stdout().lock();
        out.write_all(text.as_bytes())
            .and_then(|()| out.flush())
            .map_err(|error| Trouble::writing("standard output", &error))
    }

    /// Writes data to the file, or to standard output when there is none.
    pub(crate) fn data_to(&self, file: Option<&Path>, text: &str) -> Result<(), Trouble> {
        match file {
            Some(path) => write_file(path, text.as_bytes()),
            None => self.data(text),
        }
    }

    /// `error: …` on standard error.
    pub(crate) fn error(&self, message: impl Display) {
        self.say("error", AnsiColor::Red.on_default().bold(), &message);
    }

    /// A message that says itself what it is, on standard error.
    pub(crate) fn complain(&self, message: impl Display) {
        let _ = writeln!(std::io::stderr().lock(), "{message}");
    }

    /// Whether what goes to standard error is coloured.
    pub(crate) fn colour_errors(&self) -> bool {
        self.coloured(std::io::stderr().is_terminal())
    }

    /// Whether warnings and remarks are not wanted.
    pub(crate) fn is_quiet(&self) -> bool {
        self.quiet
    }

    /// `warning: …` on standard error.
    pub(crate) fn warning(&self, message: impl Display) {
        if !self.quiet {
            self.say("warning", AnsiColor::Yellow.on_default().bold(), &message);
        }
    }

    /// What is wrong with the input, each with its place and the line.
    pub(crate) fn input_errors(&self, diagnostics: &Diagnostics) {
        let text = diagnostics.render(self.coloured(std::io::stderr().is_terminal()));
        let _ = writeln!(std::io::stderr().lock(), "{text}");
    }

    /// A warning about the input, with its place and the line.
    pub(crate) fn input_warning(&self, warning: &Diagnostic) {
        if !self.quiet {
            let text = warning.render(self.coloured(std::io::stderr().is_terminal()));
            let _ = writeln!(std::io::stderr().lock(), "{text}");
        }
    }

    /// A remark on standard error that no program should read.
    pub(crate) fn remark(&self, message: impl Display) {
        if !self.quiet {
            let style = self.style(Style::new().dimmed());
            // Who cannot be told need not be.
            let _ = writeln!(std::io::stderr().lock(), "{style}{message}{style:#}");
        }
    }

    fn say(&self, label: &str, style: Style, message: &dyn Display) {
        let style = self.style(style);
        let _ = writeln!(std::io::stderr().lock(), "{style}{label}{style:#}: {message}");
    }

    fn style(&self, style: Style) -> Style {
        if self.colour_errors() { style } else { Style::new() }
    }
}

/// Writes a file whole or not at all: to a neighbour that then takes its name, so that an interrupted run leaves
/// what was there before.
pub(crate) fn write_file(path: &Path, bytes: &[u8]) -> Result<(), Trouble> {
    let failed = |error: std::io::Error| Trouble::writing(&path.display().to_string(), &error);
    let target = followed(path);
    let Some(mut file) = neighbour(&target)? else {
        return std::fs::write(path, bytes).map_err(failed);
    };
    file.write_all(bytes).map_err(failed)?;
    file.persist(&target).map_err(|error| failed(error.error))?;
    Ok(())
}

/// Where a link leads, as a shell's `>` follows it; the file may not be there yet.
fn followed(path: &Path) -> PathBuf {
    // As many links as Linux follows.
    const LINKS: usize = 40;
    let mut path = path.to_owned();
    for _ in 0..LINKS {
        let Ok(target) = path.read_link() else { break };
        path = path.parent().unwrap_or(Path::new("")).join(target);
    }
    path
}

/// Errors as [`write_file`] would, for before the work whose outcome the file is to hold. Nothing is left behind, whatever
/// ends the process meanwhile.
pub(crate) fn try_file(path: &Path) -> Result<(), Trouble> {
    if path.is_dir() {
        let error = std::io::ErrorKind::IsADirectory.into();
        return Err(Trouble::writing(&path.display().to_string(), &error));
    }
    neighbour(&followed(path)).map(drop)
}

/// A new file that may take the name of `path`; None: what is there is not a file, such as /dev/stdout or a pipe. It cannot
/// be replaced and is written to as it is.
fn neighbour(path: &Path) -> Result<Option<tempfile::NamedTempFile>, Trouble> {
    let failed = |error: std::io::Error| Trouble::writing(&path.display().to_string(), &error);
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    if path.metadata().is_ok_and(|found| !found.is_file()) {
        return Ok(None);
    }
    // What goes wrong is told of the file that was asked for: nobody has heard of its neighbour.
    let neighbourless = |error: std::io::Error| failed(error.kind().into());
    folder.metadata().map_err(failed)?;
    let file = tempfile::Builder::new()
        .prefix(".podlapse-")
        .permissions(permissions(path))
        .tempfile_in(folder)
        .map_err(neighbourless)?;
    Ok(Some(file))
}

/// Those of the file that is replaced, or what other programs give a new one.
#[cfg(unix)]
fn permissions(path: &Path) -> std::fs::Permissions {
    use std::os::unix::fs::PermissionsExt;
    path.metadata()
        .map_or_else(|_| std::fs::Permissions::from_mode(0o644), |found| found.permissions())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_and_nothing_else_is_left() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("report.xml");
        write_file(&path, b"one").expect("written");
        write_file(&path, b"two").expect("written again");
        assert_eq!(std::fs::read(&path).expect("it is there"), b"two");
        assert_eq!(std::fs::read_dir(folder.path()).expect("readable").count(), 1);
    }

    #[test]
    fn a_file_in_a_folder_that_is_not_there_is_an_error() {
        let folder = tempfile::tempdir().expect("a folder");
        let trouble = write_file(&folder.path().join("no/report.xml"), b"one");
        let told = |m: &str| m.starts_with("cannot write ") && !m.contains(".podlapse-");
        assert!(matches!(trouble, Err(Trouble::Message(m)) if told(&m)));
    }

    #[test]
    fn what_cannot_be_written_is_known_before_and_nothing_is_left() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("report.xml");
        try_file(&path).expect("it can be written");
        assert_eq!(std::fs::read_dir(folder.path()).expect("readable").count(), 0);
        for wrong in [folder.path().to_owned(), folder.path().join("no/report.xml")] {
            let told = |m: &str| m.starts_with("cannot write ") && !m.contains(".podlapse-");
            assert!(
                matches!(try_file(&wrong), Err(Trouble::Message(m)) if told(&m)),
                "{wrong:?}"
            );
        }
    }

    #[test]
    fn colour_is_for_terminals_unless_told() {
        assert!(Printer::new(Color::Always, false).coloured(false));
        assert!(!Printer::new(Color::Never, false).coloured(true));
        assert!(!Printer::new(Color::Auto, false).coloured(false));
    }
}
