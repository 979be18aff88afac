//! Lines with tabs, which are aligned block by block as Go's text/tabwriter does it.

use std::io::Write;

use tabwriter::TabWriter;

use crate::views::humane::escape_terminal;

/// What kubectl's `PrefixWriter` has been given so far.
#[derive(Default)]
pub(super) struct Page {
    text: String,
}

impl Page {
    /// A line as it is.
    pub(super) fn line(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }

    /// `title:\tvalue`, so many levels in.
    pub(super) fn field(&mut self, level: usize, title: &str, value: impl std::fmt::Display) {
        self.line(&format!("{}{title}:\t{value}", "  ".repeat(level)));
    }

    /// A title that lines follow, so many levels in.
    pub(super) fn title(&mut self, level: usize, title: &str) {
        self.line(&format!("{}{title}:", "  ".repeat(level)));
    }

    /// `title:\tfirst` and the others below it, or `<none>`.
    pub(super) fn list(&mut self, title: &str, entries: &[String]) {
        match entries {
            [] => self.field(0, title, "<none>"),
            [first, rest @ ..] => {
                self.field(0, title, first);
                for entry in rest {
                    self.line(&format!("\t{entry}"));
                }
            }
        }
    }

    /// The lines, aligned.
    pub(super) fn finish(self) -> String {
        let mut out = TabWriter::new(Vec::new()).minwidth(0).padding(2);
        out.write_all(self.text.as_bytes()).expect("memory can be written");
        let bytes = out.into_inner().expect("memory can be written");
        escape_terminal(std::str::from_utf8(&bytes).expect("the page is UTF-8"))
    }
}
