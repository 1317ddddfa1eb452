//! The files below what was named: as they were named, those of a folder by their names.

use std::ffi::OsString;
use std::fs::FileType;
use std::io;
use std::path::{Path, PathBuf};

use sealpost_store::Origin;

use super::feed::Left;

/// How deep folders may lie in each other.
const DEEPEST: usize = 16;

/// Entries of one folder that are brought into order. There are more only in folders that few
/// programs can cope with; then so many at a time, as they need memory.
const SORTED: usize = 65_536;

/// A file that may hold reports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) path: PathBuf,
    pub(super) origin: Origin,
    pub(super) why: Why,
}

/// Why a file is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Why {
    /// A person named it, or it lies where only mails lie: it is taken in, whatever it is.
    Named,
    /// It lies in a folder, among what else there may be.
    LiesThere,
}

/// Goes through files and folders, with no more in memory than the folders that are open.
pub(super) struct Walk {
    named: std::vec::IntoIter<PathBuf>,
    open: Vec<Folder>,
}

struct Folder {
    path: PathBuf,
    unsorted: fs_err::ReadDir,
    sorted: std::vec::IntoIter<io::Result<Entry>>,
    kind: Kind,
    depth: usize,
}

/// A file name, and what it is the name of.
type Entry = (OsString, FileType);

/// What a folder is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Plain,
    /// The folder round `new`, `cur` and `tmp`: it has folders of interest only.
    MaildirItself,
    /// `new` or `cur` of a Maildir.
    Mails,
}

impl Walk {
    pub(super) fn new(named: Vec<PathBuf>) -> Self {
        Self { named: named.into_iter(), open: Vec::new() }
    }

    /// The next files, at most so many, and what could not be reached on the way to them. There are
    /// none left if both are empty.
    pub(super) fn next(&mut self, most: usize) -> (Vec<Found>, Vec<Left>) {
        let (mut found, mut left) = (Vec::new(), Vec::new());
        while found.len() < most && left.len() < most {
            match self.step() {
                Some(Ok(Some(file))) => found.push(file),
                Some(Ok(None)) => {}
                Some(Err(unreachable)) => left.push(unreachable),
                None => break,
            }
        }
        (found, left)
    }

    fn step(&mut self) -> Option<Result<Option<Found>, Left>> {
        let Some(folder) = self.open.last_mut() else {
            let path = self.named.next()?;
            return Some(self.begin(&path).map_err(|error| Left::unreadable(&path, &error)));
        };
        let (kind, depth) = (folder.kind, folder.depth);
        let Some(entry) = folder.next_entry() else {
            self.open.pop();
            return Some(Ok(None));
        };
        let (path, file_type) = match entry {
            Ok((name, file_type)) => (folder.path.join(name), file_type),
            Err(error) => return Some(Err(Left::unreadable(&folder.path, &error))),
        };
        if file_type.is_dir() {
            let is_part = kind == Kind::MaildirItself
                && ["new", "cur", "tmp"].iter().any(|part| path.ends_with(part));
            if is_part || kind == Kind::Mails {
                return Some(Ok(None));
            }
            if depth >= DEEPEST {
                return Some(Err(Left::new(&path, "folders lie too deep in each other")));
            }
            let entered = self.enter(&path, depth + 1).map(|()| None);
            return Some(entered.map_err(|error| Left::unreadable(&path, &error)));
        }
        // Neither links nor pipes nor sockets.
        if !file_type.is_file() || kind == Kind::MaildirItself {
            return Some(Ok(None));
        }
        let (origin, why) = match kind {
            Kind::Mails => (Origin::Maildir, Why::Named),
            Kind::Plain | Kind::MaildirItself => (Origin::Import, Why::LiesThere),
        };
        Some(Ok(Some(Found { path, origin, why })))
    }

    fn begin(&mut self, path: &Path) -> io::Result<Option<Found>> {
        if fs_err::metadata(path)?.is_dir() {
            return self.enter(path, 0).map(|()| None);
        }
        Ok(Some(Found { path: path.to_owned(), origin: Origin::Import, why: Why::Named }))
    }

    fn enter(&mut self, path: &Path, depth: usize) -> io::Result<()> {
        let is_folder = |name: &str| {
            fs_err::symlink_metadata(path.join(name)).is_ok_and(|metadata| metadata.is_dir())
        };
        let is_maildir = is_folder("new") && is_folder("cur");
        let kind = if is_maildir { Kind::MaildirItself } else { Kind::Plain };
        self.open.push(Folder::open(path.to_owned(), kind, depth)?);
        if is_maildir {
            // The last one is read first: what has been seen is older than what is new.
            for part in ["new", "cur"] {
                self.open.push(Folder::open(path.join(part), Kind::Mails, depth)?);
            }
        }
        Ok(())
    }
}

impl Folder {
    fn open(path: PathBuf, kind: Kind, depth: usize) -> io::Result<Self> {
        let unsorted = fs_err::read_dir(&path)?;
        Ok(Self { path, unsorted, sorted: Vec::new().into_iter(), kind, depth })
    }

    fn next_entry(&mut self) -> Option<io::Result<Entry>> {
        if let Some(entry) = self.sorted.next() {
            return Some(entry);
        }
        let look = |entry: io::Result<fs_err::DirEntry>| -> io::Result<Entry> {
            let entry = entry?;
            Ok((entry.file_name(), entry.file_type()?))
        };
        let mut some: Vec<_> = self.unsorted.by_ref().take(SORTED).map(look).collect();
        // What cannot be looked at comes first.
        some.sort_by(|one, other| {
            let [one, other] = [one, other].map(|entry| entry.as_ref().ok().map(|(name, _)| name));
            one.cmp(&other)
        });
        self.sorted = some.into_iter();
        self.sorted.next()
    }
}
