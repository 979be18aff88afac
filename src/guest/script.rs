//! What a Scenario says of a program (`spec.programs`), and the same form for the servers that are known from the start.

use crate::kernel::Duration;
use crate::scenario::distributions::{Draws, Span};

/// A program, known by its name or by the image that starts it.
#[derive(Clone, Default)]
pub struct ProgramScript {
    /// the name under which a shell or `command` finds it: the last part of its path
    pub name: Option<String>,
    /// the image whose entrypoint it is: a name without a tag, or a glob over the whole reference
    pub image: Option<String>,
    /// ports on which it listens while it runs
    pub listens: Vec<u16>,
    /// how it answers requests by http; the first that fits; 200 without any
    pub answers: Vec<AnswerScript>,
    /// what signals do to it; one that is not named has its default action
    pub signals: Vec<SignalScript>,
    /// how long it runs; None: until it is stopped
    pub runs_for: Option<Span>,
    /// its exit code when it has run for that time
    pub exit_code: i32,
    /// a line that it writes to standard output when it starts
    pub prints: Option<String>,
    /// what draws `runs_for` and the reactions to signals
    pub draws: Draws,
}

/// An answer of a program.
#[derive(Clone, Debug, PartialEq)]
pub struct AnswerScript {
    /// the path, without a query; None fits every path
    pub path: Option<String>,
    /// from how long after the program's start on
    pub from: Duration,
    /// the status code
    pub status: u16,
    /// the body
    pub body: String,
    /// how long the answer takes
    pub takes: Duration,
}

/// The reaction of a program to a signal.
#[derive(Clone)]
pub struct SignalScript {
    /// which
    pub signal: super::process::Signal,
    /// ends that long after the signal
    pub after: Span,
    /// with this exit code; None: it takes no notice
    pub code: Option<i32>,
}

impl ProgramScript {
    /// How long it takes this time. Whoever runs it: programs know of no pods.
    pub(super) fn next(&self, span: Span) -> Duration {
        self.draws.next(0, span)
    }

    /// The answer to a path that long after the start: of those that fit the last one that has begun.
    pub(super) fn answer(&self, path: &str, since_start: Duration) -> Option<&AnswerScript> {
        let path = path.split(['?', '#']).next().unwrap_or(path);
        let fits = |answer: &&AnswerScript| answer.path.as_deref().is_none_or(|known| known == path);
        let begun = self
            .answers
            .iter()
            .filter(fits)
            .filter(|answer| answer.from <= since_start);
        // A path that is named beats the answer for every path.
        begun.max_by_key(|answer| (answer.path.is_some(), answer.from))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_answer_that_has_begun_holds() {
        let answer = |path: Option<&str>, from: i64, status| AnswerScript {
            path: path.map(str::to_owned),
            from: Duration::from_secs(from),
            status,
            body: String::new(),
            takes: Duration::ZERO,
        };
        let script = ProgramScript {
            answers: vec![
                answer(Some("/healthz"), 0, 200),
                answer(Some("/healthz"), 10, 500),
                answer(None, 0, 404),
            ],
            ..ProgramScript::default()
        };
        for (path, at, status) in [("/healthz", 9, 200), ("/healthz?x=1", 10, 500), ("/other", 99, 404)] {
            let found = script.answer(path, Duration::from_secs(at)).map(|a| a.status);
            assert_eq!(found, Some(status), "{path} at {at}");
        }
    }
}
