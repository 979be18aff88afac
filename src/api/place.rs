//! Where in the input something stands.

use super::pod::Name;

/// A place in a file of the input.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Place {
    /// name of the file as it was given
    pub file: Name,
    /// line, from 1; 0: it stands in no file, and `file` says where else
    pub line: usize,
    /// column in characters, from 1
    pub column: usize,
}

impl std::fmt::Display for Place {
    /// `file:line:column`
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.line == 0 {
            return f.write_str(&self.file);
        }
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}
