//! What is wrong with the input: the place, the line with the offending text underlined, what would be right.

use std::collections::BTreeSet;
use std::fmt;
use std::ops::Range;

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Element, Level, Renderer, Snippet};

use super::node::{Lines, Source};
use super::place::Place;

/// Longer lines (JSON on one line) are shown in part.
const LONGEST_LINE: usize = 400;

/// Whether the input cannot be used, or only something about it should be known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// nothing is run
    Error,
    /// the run goes on
    Warning,
}

/// One thing that is wrong with the input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// error or warning
    pub severity: Severity,
    /// file, line and column; None if it is about the input as a whole
    pub place: Option<Place>,
    /// bytes of the file that are underlined
    pub span: Range<usize>,
    /// what is wrong, without a full stop
    pub message: String,
    /// what would be right
    pub hint: Option<String>,
    /// the feature gate with which another version, or another setting, would take it
    pub gate: Option<String>,
    /// the text of the line and the part of it that is underlined
    line: Option<(String, Range<usize>)>,
}

impl Diagnostic {
    /// An error about the input as a whole.
    pub fn general(message: impl Into<String>) -> Diagnostic {
        Diagnostic {
            severity: Severity::Error,
            place: None,
            span: 0..0,
            message: message.into(),
            hint: None,
            gate: None,
            line: None,
        }
    }

    /// An error about some bytes of a file.
    pub fn at(source: &Source, span: Range<usize>, message: impl Into<String>) -> Diagnostic {
        Diagnostic::placed(source, span, message.into(), |start| source.place(start))
    }

    /// As `at`, for many of one file: with its lines the place is found quickly.
    pub(crate) fn in_lines(source: &Source, lines: &Lines, span: Range<usize>, message: String) -> Diagnostic {
        Diagnostic::placed(source, span, message, |start| lines.place(source, start))
    }

    fn placed(source: &Source, span: Range<usize>, message: String, place: impl FnOnce(usize) -> Place) -> Diagnostic {
        let text = source.text.as_str();
        let start = floor_boundary(text, span.start.min(text.len()));
        let line_start = text[..start].rfind('\n').map_or(0, |newline| newline + 1);
        let line_end = text[start..].find('\n').map_or(text.len(), |length| start + length);
        let line_end = line_start + text[line_start..line_end].trim_end_matches('\r').len();
        let end = floor_boundary(text, span.end.clamp(start, line_end.max(start)));
        let (mut from, mut to) = (line_start, line_end);
        if to - from > LONGEST_LINE {
            from = floor_boundary(text, start.saturating_sub(LONGEST_LINE / 4).max(line_start));
            to = floor_boundary(text, (from + LONGEST_LINE).min(line_end)).max(start);
        }
        let mut shown = text[from..to.max(start)].to_owned();
        let mut marked = start - from..end.min(to.max(start)) - from;
        // An empty mark would not be seen.
        if marked.is_empty() {
            let next = shown[marked.start..].chars().next();
            if next.is_none() {
                shown.push(' ');
            }
            marked.end = marked.start + next.map_or(1, char::len_utf8);
        }
        Diagnostic {
            span: start..span.end.max(start),
            place: Some(place(start)),
            line: Some((shown, marked)),
            ..Diagnostic::general(message)
        }
    }

    /// Adds what would be right.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Diagnostic {
        self.hint = Some(hint.into());
        self
    }

    /// Makes it a warning.
    #[must_use]
    pub fn warning(mut self) -> Diagnostic {
        self.severity = Severity::Warning;
        self
    }

    /// As rustc shows its errors, with colours if `styled`; no newline at the end.
    pub fn render(&self, styled: bool) -> String {
        let level = match self.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        let mut group = level
            .primary_title(self.message.as_str())
            .elements(Vec::<Element<'_>>::new());
        let mut cut_place = None;
        match (&self.place, &self.line) {
            (Some(place), Some((line, marked))) => {
                let shown = line[..marked.start.min(line.len())].chars().count() + 1;
                let path = if place.column <= shown {
                    place.file.to_string()
                } else {
                    // The line is cut: the column that the renderer counts is not the file's.
                    cut_place = Some((format!("{place} …:{}:{shown}", place.line), place.to_string()));
                    format!("{place} …")
                };
                group = group.element(
                    Snippet::source(line.as_str())
                        .line_start(place.line)
                        .path(path)
                        .annotation(AnnotationKind::Primary.span(marked.clone())),
                );
            }
            (Some(place), None) => group = group.element(Level::NOTE.message(format!("at {place}"))),
            (None, _) => {}
        }
        if let Some(hint) = &self.hint {
            group = group.element(Level::HELP.message(hint.as_str()));
        }
        let renderer = if styled { Renderer::styled() } else { Renderer::plain() };
        let text = renderer.decor_style(DecorStyle::Ascii).render(&[group]);
        match cut_place {
            Some((counted, place)) => text.replacen(&counted, &place, 1),
            None => text,
        }
    }
}

impl fmt::Display for Diagnostic {
    /// As `render` without colours.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(false))
    }
}

/// Everything that is wrong with an input: at least one error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostics(pub Vec<Diagnostic>);

/// At most this many are shown.
const SHOWN: usize = 20;

impl Diagnostics {
    /// The first ones, with an empty line between them, and how many more there are.
    pub fn render(&self, styled: bool) -> String {
        let mut shown: Vec<String> = self.0.iter().take(SHOWN).map(|d| d.render(styled)).collect();
        if self.0.len() > SHOWN {
            shown.push(format!("… and {} more", self.0.len() - SHOWN));
        }
        shown.join("\n\n")
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(false))
    }
}

impl std::error::Error for Diagnostics {}

impl From<Diagnostics> for String {
    fn from(diagnostics: Diagnostics) -> String {
        diagnostics.to_string()
    }
}

/// The nearest place at or before `at` where a character begins.
fn floor_boundary(text: &str, at: usize) -> usize {
    (0..=at).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

/// `is it "name"?` for the known name that is most like `given`, if one is.
pub(crate) fn nearest<'a>(given: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let mut best: Option<(&str, usize)> = None;
    if given.len() > 100 {
        return None;
    }
    for name in known {
        let distance = if given.eq_ignore_ascii_case(name) {
            0
        } else {
            strsim::damerau_levenshtein(&given.to_ascii_lowercase(), &name.to_ascii_lowercase())
        };
        // A long beginning of a name is that name.
        let distance = if given.len() >= 6 && name.starts_with(given) {
            1
        } else {
            distance
        };
        let allowed = match given.len().max(name.len()) {
            0..=2 => 0,
            length => (length / 3).max(1),
        };
        if distance <= allowed && best.is_none_or(|(_, least)| distance < least) {
            best = Some((name, distance));
        }
    }
    best.map(|(name, _)| name)
}

/// Which of the names may be meant by `given`, or which there are.
pub(crate) fn known<'n>(what: &str, given: &str, names: impl Iterator<Item = &'n str>) -> Option<String> {
    let unique: BTreeSet<&str> = names.collect();
    if let Some(near) = nearest(given, unique.iter().copied()) {
        return Some(format!("is it {near:?}?"));
    }
    let few: Vec<&str> = unique.into_iter().take(8).collect();
    match few[..] {
        [] => Some(format!("the input has no {what} at all")),
        _ => Some(format!("there is {}", few.join(", "))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_near() {
        let known = ["livenessProbe", "readinessProbe", "name", "image"];
        assert_eq!(nearest("livenesProbe", known), Some("livenessProbe"));
        assert_eq!(nearest("readinessprobe", known), Some("readinessProbe"));
        assert_eq!(nearest("imagee", known), Some("image"));
        assert_eq!(nearest("volumes", known), None);
    }

    #[test]
    fn places_survive_any_span() {
        let source = Source {
            name: "x.yaml".to_owned(),
            text: "a: é\nb: [\r\n".to_owned(),
        };
        for start in 0..15 {
            for end in start..16 {
                Diagnostic::at(&source, start..end, "wrong").to_string();
            }
        }
        let long = Source {
            name: "x.json".to_owned(),
            text: "é".repeat(5000),
        };
        for start in [0, 1, 3000, 9999, 10_000] {
            Diagnostic::at(&long, start..start + 3, "wrong").to_string();
        }
    }
}
