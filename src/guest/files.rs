//! The virtual file system: a tree of nodes per container, with volumes as shared branches of several trees.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use super::io::Change;
use super::limits;
use crate::kernel::{Kernel, Time};

/// How many symbolic links a path may lead through, as on Linux.
const LINK_LIMIT: usize = 40;

/// Why an operation on a path failed, with the text of the C library.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FileError {
    NotFound,
    NotADirectory,
    IsADirectory,
    Exists,
    NotEmpty,
    Loop,
    NoSpace,
    Busy,
    ReadOnly,
    TooLong,
}

impl FileError {
    /// The text of the C library.
    pub(super) fn text(self) -> &'static str {
        match self {
            FileError::NotFound => "No such file or directory",
            FileError::NotADirectory => "Not a directory",
            FileError::IsADirectory => "Is a directory",
            FileError::Exists => "File exists",
            FileError::NotEmpty => "Directory not empty",
            FileError::Loop => "Too many levels of symbolic links",
            FileError::NoSpace => "No space left on device",
            FileError::Busy => "Device or resource busy",
            FileError::TooLong => "File name too long",
            FileError::ReadOnly => "Read-only file system",
        }
    }
}

/// What a node is.
pub(super) enum Kind {
    File(RefCell<Vec<u8>>),
    Directory(RefCell<BTreeMap<String, Rc<Node>>>),
    Link(String),
    /// a device or a /proc entry, by what opening it gives
    Device(Device),
}

/// What opening a device gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Device {
    Null,
    Zero,
    Random,
    /// the process's own descriptor of that number
    Own(u32),
    /// the container's output stream: 1 or 2
    Log(u32),
}

/// A file, directory, link or device.
pub(super) struct Node {
    pub(super) kind: Kind,
    pub(super) modified: Cell<Time>,
    /// the permission bits
    pub(super) mode: Cell<u32>,
    space: Rc<Space>,
}

/// What the files of a container or volume may take together, and the clock that stamps them.
pub(super) struct Space {
    kernel: Kernel,
    used: Cell<usize>,
    limit: usize,
    /// notified at every write, for those who follow a file
    pub(super) written: Change,
}

impl Space {
    pub(super) fn new(kernel: &Kernel, limit: usize) -> Rc<Space> {
        Rc::new(Space {
            kernel: kernel.clone(),
            used: Cell::new(0),
            limit,
            written: Change::new(kernel),
        })
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if let Kind::File(bytes) = &self.kind {
            self.space
                .used
                .set(self.space.used.get().saturating_sub(bytes.borrow().len()));
        }
    }
}

impl Node {
    pub(super) fn new(space: &Rc<Space>, kind: Kind) -> Rc<Node> {
        let mode = match &kind {
            Kind::Directory(_) | Kind::Link(_) => 0o755,
            Kind::File(_) => 0o644,
            Kind::Device(_) => 0o666,
        };
        if let Kind::File(bytes) = &kind {
            space.used.set(space.used.get() + bytes.borrow().len());
        }
        Rc::new(Node {
            kind,
            modified: Cell::new(space.kernel.now()),
            mode: Cell::new(mode),
            space: space.clone(),
        })
    }

    pub(super) fn directory(space: &Rc<Space>) -> Rc<Node> {
        Node::new(space, Kind::Directory(RefCell::default()))
    }

    pub(super) fn file(space: &Rc<Space>, bytes: &[u8]) -> Rc<Node> {
        Node::new(space, Kind::File(RefCell::new(bytes.to_vec())))
    }

    pub(super) fn space(&self) -> &Rc<Space> {
        &self.space
    }

    pub(super) fn is_directory(&self) -> bool {
        matches!(self.kind, Kind::Directory(_))
    }

    pub(super) fn is_file(&self) -> bool {
        matches!(self.kind, Kind::File(_))
    }

    /// The bytes of a regular file; anything else has none.
    pub(super) fn with_bytes<T>(&self, read: impl FnOnce(&[u8]) -> T) -> T {
        match &self.kind {
            Kind::File(bytes) => read(&bytes.borrow()),
            Kind::Directory(_) | Kind::Link(_) | Kind::Device(_) => read(&[]),
        }
    }

    pub(super) fn size(&self) -> usize {
        self.with_bytes(<[u8]>::len)
    }

    /// Writes at an offset; a gap is filled with zeros.
    pub(super) fn write_at(&self, from: usize, new: &[u8]) -> Result<(), FileError> {
        let Kind::File(bytes) = &self.kind else {
            return Err(FileError::IsADirectory);
        };
        let mut bytes = bytes.borrow_mut();
        let end = from.saturating_add(new.len());
        let growth = end.saturating_sub(bytes.len());
        if self.space.used.get().saturating_add(growth) > self.space.limit {
            return Err(FileError::NoSpace);
        }
        self.space.used.set(self.space.used.get() + growth);
        if bytes.len() < end {
            bytes.resize(end, 0);
        }
        bytes[from..end].copy_from_slice(new);
        drop(bytes);
        self.touched();
        Ok(())
    }

    /// Empties a regular file.
    pub(super) fn truncate(&self) {
        if let Kind::File(bytes) = &self.kind {
            let old = std::mem::take(&mut *bytes.borrow_mut()).len();
            self.space.used.set(self.space.used.get().saturating_sub(old));
        }
        self.touched();
    }

    fn date(&self, time: Time) {
        self.modified.set(time);
        if let Kind::Directory(entries) = &self.kind {
            entries.borrow().values().for_each(|node| node.date(time));
        }
    }

    pub(super) fn touched(&self) {
        self.modified.set(self.space.kernel.now());
        self.space.written.notify();
    }

    /// The names in a directory, in order.
    pub(super) fn names(&self) -> Vec<String> {
        match &self.kind {
            Kind::Directory(entries) => entries.borrow().keys().cloned().collect(),
            Kind::File(_) | Kind::Link(_) | Kind::Device(_) => Vec::new(),
        }
    }

    pub(super) fn child(&self, name: &str) -> Option<Rc<Node>> {
        match &self.kind {
            Kind::Directory(entries) => entries.borrow().get(name).cloned(),
            Kind::File(_) | Kind::Link(_) | Kind::Device(_) => None,
        }
    }

    pub(super) fn insert(&self, name: &str, node: Rc<Node>) {
        if let Kind::Directory(entries) = &self.kind {
            entries.borrow_mut().insert(name.to_owned(), node);
            self.touched();
        }
    }

    fn take(&self, name: &str) -> Option<Rc<Node>> {
        match &self.kind {
            Kind::Directory(entries) => {
                let taken = entries.borrow_mut().remove(name);
                self.touched();
                taken
            }
            Kind::File(_) | Kind::Link(_) | Kind::Device(_) => None,
        }
    }
}

/// The file system of one container.
pub(super) struct Files {
    root: Rc<Node>,
    /// absolute paths that are mounts, which can't be removed, and whether they are read-only
    mounts: RefCell<Vec<(String, bool)>>,
    /// the root is read-only, but for these paths
    writable: RefCell<Option<Vec<String>>>,
}

/// Where a path leads: the directory, the last name, and the node if there is one.
pub(super) struct Place {
    pub(super) directory: Rc<Node>,
    pub(super) name: String,
    pub(super) node: Option<Rc<Node>>,
}

impl Files {
    pub(super) fn new(kernel: &Kernel, limit: usize) -> Files {
        Files {
            root: Node::directory(&Space::new(kernel, limit)),
            mounts: RefCell::default(),
            writable: RefCell::default(),
        }
    }

    pub(super) fn space(&self) -> &Rc<Space> {
        self.root.space()
    }

    /// Puts a node at an absolute path, with the directories that lead there, over what was there.
    pub(super) fn place(&self, path: &str, node: Rc<Node>) {
        let mut at = self.root.clone();
        let normal;
        let plain = path.starts_with('/') && !path.contains("/.");
        let path = if plain {
            path
        } else {
            normal = normalize("/", path);
            &normal
        };
        let mut parts = path.split('/').filter(|part| !part.is_empty()).peekable();
        while let Some(part) = parts.next() {
            if parts.peek().is_none() {
                at.insert(part, node);
                return;
            }
            let next = at.child(part).filter(|next| next.is_directory());
            at = next.unwrap_or_else(|| {
                let made = Node::directory(self.space());
                at.insert(part, made.clone());
                made
            });
        }
    }

    /// Dates all files back to a time.
    pub(super) fn date(&self, time: Time) {
        self.root.date(time);
    }

    /// Puts a file at an absolute path.
    pub(super) fn place_file(&self, path: &str, text: &str) {
        self.place(path, Node::file(self.space(), text.as_bytes()));
    }

    /// Mounts a volume, or a part of it.
    pub(super) fn mount(&self, path: &str, node: Rc<Node>, read_only: bool) {
        self.mounts.borrow_mut().push((normalize("/", path), read_only));
        self.place(path, node);
    }

    /// From now on nothing outside of mounts and these paths can be written.
    pub(super) fn seal(&self, writable: &[&str]) {
        *self.writable.borrow_mut() = Some(writable.iter().map(|path| normalize("/", path)).collect());
    }

    /// Whether names at a path may be made, changed and removed.
    pub(super) fn check_writable(&self, cwd: &str, path: &str) -> Result<(), FileError> {
        let full = normalize(cwd, path);
        let mounts = self.mounts.borrow();
        let around = mounts.iter().filter(|(mount, _)| is_under(&full, mount));
        let read_only = match around.max_by_key(|(mount, _)| mount.len()) {
            Some((_, read_only)) => *read_only,
            None => {
                let writable = self.writable.borrow();
                writable
                    .as_ref()
                    .is_some_and(|paths| !paths.iter().any(|path| is_under(&full, path)))
            }
        };
        if read_only { Err(FileError::ReadOnly) } else { Ok(()) }
    }

    /// Follows a path, links included.
    pub(super) fn find(&self, cwd: &str, path: &str) -> Result<Rc<Node>, FileError> {
        self.locate(cwd, path, true)?.node.ok_or(FileError::NotFound)
    }

    /// Follows a path up to its last name, which need not exist; `follow`: through a link at the end too.
    pub(super) fn locate(&self, cwd: &str, path: &str, follow: bool) -> Result<Place, FileError> {
        if path.is_empty() {
            return Err(FileError::NotFound);
        }
        let full = join(cwd, path);
        if full.len() > limits::PATH_BYTES || path.split('/').any(|name| name.len() > limits::NAME_BYTES) {
            return Err(FileError::TooLong);
        }
        let mut links = 0;
        self.walk(&full, follow || path.ends_with('/'), &mut links)
    }

    fn walk(&self, path: &str, follow: bool, links: &mut usize) -> Result<Place, FileError> {
        let mut trail: Vec<(String, Rc<Node>)> = vec![(String::new(), self.root.clone())];
        let parts: Vec<&str> = path
            .split('/')
            .filter(|part| !part.is_empty() && *part != ".")
            .collect();
        for (index, part) in parts.iter().enumerate() {
            let last = index + 1 == parts.len();
            let here = trail.last().map_or(&self.root, |(_, node)| node).clone();
            if !here.is_directory() {
                return Err(FileError::NotADirectory);
            }
            if *part == ".." {
                if trail.len() > 1 {
                    trail.pop();
                }
                continue;
            }
            let child = here.child(part);
            if let Some(node) = &child
                && let Kind::Link(target) = &node.kind
                && (!last || follow)
            {
                *links += 1;
                if *links > LINK_LIMIT {
                    return Err(FileError::Loop);
                }
                let base: Vec<&str> = trail.iter().skip(1).map(|(name, _)| name.as_str()).collect();
                let mut full = join(&format!("/{}", base.join("/")), target);
                for rest in &parts[index + 1..] {
                    full = format!("{full}/{rest}");
                }
                return self.walk(&full, follow, links);
            }
            match child {
                Some(node) => trail.push(((*part).to_owned(), node)),
                None if last => {
                    return Ok(Place {
                        directory: here,
                        name: (*part).to_owned(),
                        node: None,
                    });
                }
                None => return Err(FileError::NotFound),
            }
        }
        let directory = trail
            .len()
            .checked_sub(2)
            .map_or(&self.root, |index| &trail[index].1)
            .clone();
        let (name, node) = trail.pop().unwrap_or_else(|| (String::new(), self.root.clone()));
        Ok(Place {
            directory,
            name,
            node: Some(node),
        })
    }

    /// The file at a path, made when it is not there yet.
    pub(super) fn create(&self, cwd: &str, path: &str) -> Result<Rc<Node>, FileError> {
        let place = self.locate(cwd, path, true)?;
        match place.node {
            Some(node) if node.is_directory() => Err(FileError::IsADirectory),
            Some(node) if !node.is_file() => Ok(node),
            Some(node) => self.check_writable(cwd, path).map(|()| node),
            None if path.ends_with('/') => Err(FileError::IsADirectory),
            None => {
                self.check_writable(cwd, path)?;
                let node = Node::file(place.directory.space(), &[]);
                place.directory.insert(&place.name, node.clone());
                Ok(node)
            }
        }
    }

    /// mkdir of one directory.
    pub(super) fn make_directory(&self, cwd: &str, path: &str) -> Result<(), FileError> {
        let place = self.locate(cwd, path, true)?;
        if place.node.is_some() {
            return Err(FileError::Exists);
        }
        self.check_writable(cwd, path)?;
        place
            .directory
            .insert(&place.name, Node::directory(place.directory.space()));
        Ok(())
    }

    /// Removes a name: a file or link, a directory only when `recursive` or, with `empty`, when it is empty.
    pub(super) fn remove(&self, cwd: &str, path: &str, recursive: bool, empty: bool) -> Result<(), FileError> {
        let place = self.locate(cwd, path, false)?;
        let node = place.node.ok_or(FileError::NotFound)?;
        if node.is_directory() {
            let full = normalize(cwd, path);
            if self.mounts.borrow().iter().any(|(mount, _)| *mount == full) || place.name.is_empty() {
                return Err(FileError::Busy);
            }
            match (recursive, empty) {
                (true, _) => {}
                (false, true) if node.names().is_empty() => {}
                (false, true) => return Err(FileError::NotEmpty),
                (false, false) => return Err(FileError::IsADirectory),
            }
        }
        self.check_writable(cwd, path)?;
        place.directory.take(&place.name);
        Ok(())
    }

    /// Moves a node to another name, over what is there.
    pub(super) fn rename(&self, cwd: &str, from: &str, to: &str) -> Result<(), FileError> {
        let source = self.locate(cwd, from, false)?;
        let node = source.node.ok_or(FileError::NotFound)?;
        let to = self.target_in(cwd, from, to);
        let target = self.locate(cwd, &to, false)?;
        if let Some(old) = &target.node {
            if Rc::ptr_eq(old, &node) {
                return Ok(());
            }
            if old.is_directory() {
                return Err(FileError::IsADirectory);
            }
        }
        // A directory moved into itself would leave the tree.
        if node.is_directory() && normalize(cwd, &to).starts_with(&format!("{}/", normalize(cwd, from))) {
            return Err(FileError::Busy);
        }
        self.check_writable(cwd, from)?;
        self.check_writable(cwd, &to)?;
        source.directory.take(&source.name);
        target.directory.insert(&target.name, node);
        Ok(())
    }

    /// The target of cp and mv: inside `to` when that is a directory.
    pub(super) fn target_in(&self, cwd: &str, from: &str, to: &str) -> String {
        match self.find(cwd, to) {
            Ok(node) if node.is_directory() => {
                let name = from.trim_end_matches('/').rsplit('/').next().unwrap_or(from);
                format!("{}/{name}", to.trim_end_matches('/'))
            }
            Ok(_) | Err(_) => to.to_owned(),
        }
    }
}

/// Whether an absolute path is another, or lies under it.
pub(super) fn is_under(path: &str, directory: &str) -> bool {
    path.strip_prefix(directory)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// A path made absolute, without taking `..` and links into account.
pub(super) fn join(cwd: &str, path: &str) -> String {
    if path.starts_with('/') {
        path.to_owned()
    } else {
        format!("{}/{path}", cwd.trim_end_matches('/'))
    }
}

/// A path made absolute, `.` and `..` resolved by name.
pub(super) fn normalize(cwd: &str, path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    let full = join(cwd, path);
    for part in full.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            _ => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}

impl std::fmt::Debug for Node {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.is_directory() { "directory" } else { "file" })
    }
}

impl PartialEq for Node {
    fn eq(&self, other: &Node) -> bool {
        std::ptr::eq(self, other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_links_and_mounts() {
        let kernel = Kernel::new();
        let (one, two) = (Files::new(&kernel, 1000), Files::new(&kernel, 1000));
        let volume = Node::directory(&Space::new(&kernel, 10));
        one.mount("/data", volume.clone(), false);
        two.mount("/var/shared", volume.clone(), false);
        assert!(one.create("/data", "x").is_ok());
        assert!(two.find("/", "/var/shared/../shared/./x").is_ok());
        assert_eq!(two.find("/", "/var/y").err(), Some(FileError::NotFound));
        assert_eq!(two.find("/", "/var/shared/x/y").err(), Some(FileError::NotADirectory));
        one.place("/loop", Node::new(one.space(), Kind::Link("/loop".to_owned())));
        assert_eq!(one.find("/", "/loop").err(), Some(FileError::Loop));
        one.place("/short", Node::new(one.space(), Kind::Link("data/x".to_owned())));
        assert!(one.find("/", "/short").is_ok_and(|node| node.is_file()));
        assert_eq!(one.remove("/", "/data", true, false), Err(FileError::Busy));
    }

    #[test]
    fn what_is_read_only_can_be_read_only() {
        let kernel = Kernel::new();
        let files = Files::new(&kernel, 1000);
        let volume = Node::directory(&Space::new(&kernel, 10));
        volume.insert("key", Node::file(volume.space(), b"x"));
        files.mount("/etc/config", volume, true);
        files.place("/tmp", Node::directory(files.space()));
        for sealed in [false, true] {
            assert!(files.find("/", "/etc/config/key").is_ok());
            assert_eq!(files.create("/etc", "config/key").err(), Some(FileError::ReadOnly));
            assert_eq!(files.create("/", "/etc/config/new").err(), Some(FileError::ReadOnly));
            assert_eq!(
                files.remove("/", "/etc/config/key", false, false),
                Err(FileError::ReadOnly)
            );
            assert_eq!(files.create("/", "/etc/x").is_ok(), !sealed);
            assert!(files.create("/", "/tmp/x").is_ok());
            files.seal(&["/tmp"]);
        }
    }

    #[test]
    fn a_volume_can_be_full_and_emptied() {
        let kernel = Kernel::new();
        let files = Files::new(&kernel, 10);
        let file = files.create("/", "a").expect("the root is writable");
        assert_eq!(file.write_at(0, &[0; 11]), Err(FileError::NoSpace));
        assert_eq!(file.write_at(0, &[0; 10]), Ok(()));
        file.truncate();
        assert_eq!(file.write_at(0, &[0; 10]), Ok(()));
        drop(file);
        assert_eq!(files.remove("/", "a", false, false), Ok(()));
        assert_eq!(files.create("/", "b").map(|b| b.write_at(0, &[0; 10])), Ok(Ok(())));
    }
}
