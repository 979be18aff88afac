//! Files and directories that are made under a process's umask.

use std::rc::Rc;

use super::files::{FileError, Node};
use super::machine::Context;

/// The umask that containers start with; new files have its bits from the start.
pub(super) const UMASK: u32 = 0o022;

impl Context {
    /// The file at a path, made under the umask when it is not there yet.
    pub(super) fn create(&self, path: &str) -> Result<Rc<Node>, FileError> {
        let files = self.files();
        let exists = self.umask == UMASK || files.find(&self.cwd, path).is_ok();
        let node = files.create(&self.cwd, path)?;
        if !exists {
            node.mode.set(0o666 & !self.umask);
        }
        Ok(node)
    }

    /// mkdir of one directory, under the umask.
    pub(super) fn make_directory(&self, path: &str) -> Result<(), FileError> {
        let files = self.files();
        files.make_directory(&self.cwd, path)?;
        if self.umask != UMASK {
            files.find(&self.cwd, path)?.mode.set(0o777 & !self.umask);
        }
        Ok(())
    }
}
