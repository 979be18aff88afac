//! A scenario that can be run, and what can be wrong with it.

use std::fmt;

use super::run::Run;
use crate::api::diagnostic::{Diagnostic, Diagnostics};
use crate::check::expectations::{Compiled, Verdict, compile, judge};
use crate::scenario::load::{Source, load};
use crate::scenario::types::Input;
use crate::sim;

/// Manifests and the script of their world, checked and ready to run.
#[derive(Clone, Debug)]
pub struct Scenario {
    input: Input,
    expectations: Vec<Compiled>,
}

/// Why there is no run, or none as expected. Its `Debug` is its `Display`, so that `?` in a test is readable.
pub enum Error {
    /// The input cannot be used.
    Input(Box<Diagnostics>),
    /// An expectation cannot be used.
    Expectations(Vec<Diagnostic>),
    /// The run is made, and an expectation does not hold.
    Unmet(Box<Unmet>),
}

/// A run of which an expectation does not hold.
pub struct Unmet {
    /// The run.
    pub run: Run,
    /// What came of each expectation.
    pub verdicts: Vec<Verdict>,
}

impl Scenario {
    /// Reads one text of YAML or JSON with manifests and at most one Scenario document.
    ///
    /// # Errors
    /// All that is wrong with it, with places.
    pub fn from_yaml(text: &str) -> Result<Scenario, Error> {
        let name = "<text>".to_owned();
        Scenario::from_sources(&[Source {
            name,
            text: text.to_owned(),
        }])
    }

    /// As [`Scenario::from_yaml`], from several texts with the names that messages show.
    ///
    /// # Errors
    /// All that is wrong with them, with places.
    pub fn from_sources(sources: &[Source]) -> Result<Scenario, Error> {
        let (input, _) = load(sources).map_err(|wrong| Error::Input(Box::new(wrong)))?;
        Scenario::from_input(input)
    }

    /// From an input that was made in Rust.
    ///
    /// # Errors
    /// What is wrong with its expectations; the rest of it is taken as it is.
    pub fn from_input(input: Input) -> Result<Scenario, Error> {
        let expectations = compile(&input).map_err(Error::Expectations)?;
        Ok(Scenario { input, expectations })
    }

    /// What is run; a change of it is a change of the next run.
    pub fn input_mut(&mut self) -> &mut Input {
        &mut self.input
    }

    /// What is run.
    pub fn input(&self) -> &Input {
        &self.input
    }

    /// Runs it.
    ///
    /// # Errors
    /// The run and the expectations of the scenario, when one does not hold.
    pub fn run(&self) -> Result<Run, Error> {
        let run = self.play();
        let verdicts = judge(&self.expectations, &self.input, run.records());
        if verdicts.iter().all(Verdict::holds) {
            Ok(run)
        } else {
            Err(Error::Unmet(Box::new(Unmet { run, verdicts })))
        }
    }

    /// Runs it and lets its expectations be.
    pub fn play(&self) -> Run {
        Run::new(self.input.clone(), sim::run(&self.input))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Input(diagnostics) => write!(f, "{diagnostics}"),
            Error::Expectations(problems) => {
                let texts: Vec<String> = problems.iter().map(ToString::to_string).collect();
                f.write_str(&texts.join("\n\n"))
            }
            Error::Unmet(unmet) => write!(f, "{unmet}"),
        }
    }
}

impl fmt::Display for Unmet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let failed = self.verdicts.iter().filter(|verdict| !verdict.holds());
        failed
            .map(|verdict| self.run.report(verdict))
            .try_for_each(|text| writeln!(f, "an expectation does not hold\n{text}"))
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl fmt::Debug for Unmet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl std::error::Error for Error {}
