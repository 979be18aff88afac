//! How a command ends: its exit status, and what it says when it cannot do its work.

use std::process::ExitCode;

use crate::api::diagnostic::Diagnostics;

/// What the exit status of the process says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Exit {
    /// 0: done, and all that was expected holds.
    Success,
    /// 1: done, and something that was expected does not hold.
    Failure,
    /// 2: the input or the command line cannot be used.
    Unusable,
    /// 130: somebody has interrupted it before its end, as shells count SIGINT.
    Interrupted,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(match exit {
            Exit::Success => 0,
            Exit::Failure => 1,
            Exit::Unusable => 2,
            Exit::Interrupted => 130,
        })
    }
}

/// Why a command could not do its work; the process ends with [`Exit::Unusable`].
#[derive(Debug)]
pub(crate) enum Trouble {
    /// A message that wants `error: ` before it.
    Message(String),
    /// Everything that is wrong with the input.
    Input(Diagnostics),
    /// Messages that say themselves what they are.
    Rendered(String),
    /// What is written no longer has a reader, which is no error: the process ends quietly.
    NoReader,
}

impl From<String> for Trouble {
    fn from(message: String) -> Trouble {
        Trouble::Message(message)
    }
}

impl From<Diagnostics> for Trouble {
    fn from(diagnostics: Diagnostics) -> Trouble {
        Trouble::Input(diagnostics)
    }
}

impl Trouble {
    /// What writing to `place` failed with.
    pub(crate) fn writing(place: &str, error: &std::io::Error) -> Trouble {
        if error.kind() == std::io::ErrorKind::BrokenPipe {
            return Trouble::NoReader;
        }
        Trouble::Message(format!("cannot write {place}: {error}"))
    }
}
