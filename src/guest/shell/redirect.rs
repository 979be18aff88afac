//! Redirections: files, duplicates, here-documents.

use std::cell::Cell;
use std::rc::Rc;

use brush_parser::ast;

use super::Shell;
use crate::guest::files::Node;
use crate::guest::io::{Descriptor, Fd, Fds, OpenFile};
use crate::guest::machine::OpenMode;

impl Shell {
    pub(super) async fn redirect_all(&mut self, redirects: &[ast::IoRedirect]) -> bool {
        for redirect in redirects {
            if !self.redirect(redirect).await {
                return false;
            }
        }
        true
    }

    /// Makes the redirections of a compound command and gives the descriptors to go back to; without a success those are
    /// back already and the status is set.
    pub(super) async fn redirect_within(&mut self, redirects: Option<&ast::RedirectList>) -> Option<Fds> {
        let saved = self.descriptors();
        let redirects = redirects.map_or(&[][..], |list| &list.0);
        if self.redirect_all(redirects).await {
            return Some(saved);
        }
        self.context.fds = saved;
        self.status = self.redirection_status();
        None
    }

    /// Makes one redirection; false, with a message, when it can't be made.
    pub(super) async fn redirect(&mut self, redirect: &ast::IoRedirect) -> bool {
        let number =
            |fd: &Option<ast::IoFd>, default: u32| fd.map_or(default, |fd| u32::try_from(fd).unwrap_or(default));
        match redirect {
            ast::IoRedirect::File(fd, kind, target) => {
                use ast::IoFileRedirectKind as K;
                let (default, mode) = match kind {
                    K::Read | K::DuplicateInput => (0, OpenMode::Read),
                    K::ReadAndWrite => (0, OpenMode::ReadWrite),
                    K::Write | K::Clobber | K::DuplicateOutput => (1, OpenMode::Write),
                    K::Append => (1, OpenMode::Append),
                };
                let fd = number(fd, default);
                match target {
                    ast::IoFileRedirectTarget::Filename(word) => {
                        let Ok(path) = self.single(&word.value).await else {
                            return false;
                        };
                        if matches!(kind, K::Write) && self.would_clobber(&path).await {
                            return false;
                        }
                        self.redirect_to(fd, &path, mode).await
                    }
                    ast::IoFileRedirectTarget::Fd(source) => self.duplicate(fd, &source.to_string()).await,
                    ast::IoFileRedirectTarget::Duplicate(word) => {
                        let Ok(source) = self.single(&word.value).await else {
                            return false;
                        };
                        self.duplicate(fd, &source).await
                    }
                    ast::IoFileRedirectTarget::ProcessSubstitution(..) => {
                        let process = self.context.process.clone();
                        self.complain("process substitution is not understood").await;
                        self.context.machine.assume(
                            &process,
                            "process substitution is not understood",
                            "the command fails",
                        );
                        false
                    }
                }
            }
            ast::IoRedirect::HereDocument(fd, document) => {
                let text = &document.doc.value;
                let text = if document.requires_expansion {
                    match self.here(text).await {
                        Ok(text) => text,
                        Err(super::expand::Failed) => return false,
                    }
                } else {
                    text.clone()
                };
                self.put(number(fd, 0), &text);
                true
            }
            ast::IoRedirect::HereString(fd, word) => {
                let Ok(text) = self.single(&word.value).await else {
                    return false;
                };
                self.put(number(fd, 0), &format!("{text}\n"));
                true
            }
            ast::IoRedirect::OutputAndError(word, append) => {
                let Ok(path) = self.single(&word.value).await else {
                    return false;
                };
                let mode = if *append { OpenMode::Append } else { OpenMode::Write };
                if !append && self.would_clobber(&path).await {
                    return false;
                }
                self.redirect_to(1, &path, mode).await && self.duplicate(2, "1").await
            }
        }
    }

    /// `set -C`: `>` does not empty a file that exists (POSIX 2.7.2); devices may be written to.
    async fn would_clobber(&self, path: &str) -> bool {
        let exists = self.options.noclobber
            && self
                .context
                .files()
                .find(&self.context.cwd, path)
                .is_ok_and(|node| node.is_file());
        if exists {
            self.complain(&format!("can't create {path}: File exists")).await;
        }
        exists
    }

    async fn redirect_to(&mut self, fd: u32, path: &str, mode: OpenMode) -> bool {
        match self.context.open(path, mode) {
            Ok(descriptor) => {
                self.context.fds.insert(fd, descriptor);
                true
            }
            Err(error) => {
                let what = if mode == OpenMode::Read { "open" } else { "create" };
                self.complain(&format!("can't {what} {path}: {error}")).await;
                false
            }
        }
    }

    async fn duplicate(&mut self, fd: u32, source: &str) -> bool {
        if source == "-" {
            self.context.fds.remove(&fd);
            return true;
        }
        let found: Option<Fd> = source
            .parse::<u32>()
            .ok()
            .and_then(|source| self.context.fds.get(&source).cloned());
        match found {
            Some(descriptor) => {
                self.context.fds.insert(fd, descriptor);
                true
            }
            None => {
                self.complain(&format!("{source}: bad file descriptor")).await;
                false
            }
        }
    }

    /// Gives a descriptor a text to read.
    fn put(&mut self, fd: u32, text: &str) {
        let node = Node::file(self.context.files().space(), text.as_bytes());
        let file = OpenFile {
            node,
            offset: Cell::new(0),
            append: false,
            readable: true,
            writable: false,
        };
        self.context.fds.insert(fd, Rc::new(Descriptor::File(file)));
    }
}
