//! From paths to an input that can be run: read, decoded, its expectations compiled.

use std::path::PathBuf;

use super::exit::Trouble;
use super::printer::Printer;
use super::sources;
use crate::api::diagnostic::Diagnostic;
use crate::api::features::Version;
use crate::check::expectations::{Compiled, compile};
use crate::scenario::load::{Source, load_as};
use crate::scenario::types::Input;

/// What is to be run and what must hold of it.
pub(super) type Loaded = (Input, Vec<Compiled>);

/// Reads and checks everything; what is wrong or only strange goes to standard error.
pub(super) fn load(paths: &[PathBuf], version: Option<Version>, printer: Printer) -> Result<Loaded, Trouble> {
    let sources = sources::read(paths)?;
    let (loaded, warnings) = decode(&sources, version, printer.colour_errors())?;
    for warning in warnings {
        printer.input_warning(&warning);
    }
    Ok(loaded)
}

/// The input and its warnings, or all that is wrong with it.
pub(super) fn decode(
    sources: &[Source],
    version: Option<Version>,
    styled: bool,
) -> Result<(Loaded, Vec<Diagnostic>), Trouble> {
    let (input, warnings) = load_as(sources, version)?;
    match compile(&input) {
        Ok(expectations) => Ok(((input, expectations), warnings)),
        Err(problems) => {
            let rendered: Vec<String> = problems.iter().map(|problem| problem.render(styled)).collect();
            Err(Trouble::Rendered(rendered.join("\n\n")))
        }
    }
}
