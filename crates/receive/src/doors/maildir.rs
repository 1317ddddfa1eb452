//! Reports that are delivered into a Maildir.
//!
//! The folders are looked at every two seconds. That is one `stat` of each, and a listing only when
//! something has changed: cheap, with no limit on watches, and it works on network file systems,
//! where the kernel tells nobody (inotify) what another machine has done.

use std::{
    collections::HashSet,
    convert::Infallible,
    ffi::{OsStr, OsString},
    io::{self, Read as _},
    os::unix::ffi::{OsStrExt as _, OsStringExt as _},
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use sealpost_runtime::Stopwatch;
use sealpost_store::{Arrival, Digest, Origin, StoreError};
use tokio::{task::spawn_blocking, time::sleep};

use crate::{ReadingRoom, metrics::Way};

/// Between two looks.
const LOOK: Duration = Duration::from_secs(2);
/// A listing at least that often, whatever the folders say of themselves.
const LIST: Duration = Duration::from_secs(60);
/// After a failure of the store.
const PAUSE: Duration = Duration::from_secs(30);

/// What becomes of a mail in a Maildir after it is stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum MaildirAfter {
    /// Nothing: no file is touched.
    #[default]
    Leave,
    /// It is moved from `new` to `cur`, marked as seen.
    Seen,
}

/// Takes what is delivered into one Maildir.
pub struct MaildirDoor {
    path: PathBuf,
    after: MaildirAfter,
    most_octets: usize,
}

/// What is known of a Maildir.
#[derive(Default)]
struct Known {
    /// The names that were taken or given up, without their flags.
    names: HashSet<OsString>,
    /// Files that could not be read, so that it is said once.
    unreadable: HashSet<OsString>,
    /// When its folders had last changed at the last listing.
    changed: Option<[SystemTime; 2]>,
    listed: Option<Stopwatch>,
}

/// A mail that is not known yet.
struct Found {
    path: PathBuf,
    name: OsString,
    is_new: bool,
}

/// What a file holds.
enum Content {
    Whole(Vec<u8>),
    TooLong,
    /// It has got another name, or was removed.
    Gone,
}

impl MaildirDoor {
    /// A door to this Maildir. Longer mails are left.
    pub fn new(path: PathBuf, after: MaildirAfter, most_octets: usize) -> Self {
        Self { path, after, most_octets }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether it is a Maildir now.
    ///
    /// # Errors
    ///
    /// What hinders reading `new` or `cur`; the text names it.
    pub fn look(&self) -> io::Result<()> {
        for part in ["new", "cur"] {
            fs_err::read_dir(self.path.join(part))?;
        }
        Ok(())
    }

    /// Takes what is there and what comes. It ends only by being dropped.
    pub async fn watch(&self, room: &ReadingRoom) -> Infallible {
        let mut known = Known::default();
        let mut was_missing = false;
        loop {
            let pause = match self.round(known, room).await {
                (rest, Ok(())) => {
                    known = rest;
                    was_missing = false;
                    LOOK
                }
                (rest, Err(Trouble::Folder(error))) => {
                    known = rest;
                    if !was_missing {
                        tracing::error!(maildir = %self.path.display(), %error, "a Maildir cannot be read for now");
                    }
                    was_missing = true;
                    PAUSE
                }
                (rest, Err(Trouble::Store(error))) => {
                    known = rest;
                    room.metrics().store_failures.increment();
                    tracing::error!(maildir = %self.path.display(), %error, "a mail could not be stored, it is tried again");
                    PAUSE
                }
            };
            sleep(pause).await;
        }
    }

    /// One look, and all that it finds.
    async fn round(&self, known: Known, room: &ReadingRoom) -> (Known, Result<(), Trouble>) {
        let (path, now) = (self.path.clone(), room.intake().now());
        let looked = spawn_blocking(move || {
            let mut known = known;
            let found = known.find(&path, now);
            (known, found)
        });
        let Ok((mut known, found)) = looked.await else {
            return (Known::default(), Err(Trouble::Folder(io::Error::other("it panicked"))));
        };
        let found = match found {
            Ok(found) => found,
            Err(error) => return (known, Err(Trouble::Folder(error))),
        };
        for found in found {
            if let Err(error) = self.take(found, &mut known, room).await {
                // The rest is found again.
                known.changed = None;
                return (known, Err(Trouble::Store(error)));
            }
        }
        (known, Ok(()))
    }

    async fn take(
        &self,
        found: Found,
        known: &mut Known,
        room: &ReadingRoom,
    ) -> Result<(), StoreError> {
        let (path, most) = (found.path.clone(), self.most_octets);
        // What is gone meanwhile, or cannot be asked, is told of when it is read.
        let length = spawn_blocking(move || fs_err::metadata(path).map_or(0, |file| file.len()));
        let length = length.await.unwrap_or_default();
        let most_length = u64::try_from(most).unwrap_or(u64::MAX);
        let _fetched = room.intake().fetch(length.min(most_length)).await?;
        let path = found.path.clone();
        let content = spawn_blocking(move || read(&path, most)).await;
        let content = content.unwrap_or_else(|_| Err(io::Error::other("it panicked")));
        match content {
            Ok(Content::Gone) => {
                known.changed = None;
                return Ok(());
            }
            Ok(Content::TooLong) => {
                tracing::warn!(file = ?found.path, "a mail is too large, and is left");
            }
            Ok(Content::Whole(octets)) => {
                self.store(octets, room).await?;
                self.settle(&found);
            }
            Err(error) => {
                if known.unreadable.insert(found.name) {
                    tracing::error!(%error, "a mail in a Maildir cannot be read for now");
                }
                return Ok(());
            }
        }
        known.names.insert(found.name);
        Ok(())
    }

    /// What is there already, from before a restart, did not come again.
    async fn store(&self, octets: Vec<u8>, room: &ReadingRoom) -> Result<(), StoreError> {
        let (intake, metrics) = (room.intake(), room.metrics());
        if intake.raw().entry(Digest::of(&octets)).await?.is_some() {
            return Ok(());
        }
        let at = intake.now();
        let arrival = Arrival { origin: Origin::Maildir, at, peer: None, recipient: None };
        let watch = Stopwatch::start();
        let digest = intake.store(octets, arrival).await?;
        metrics.store_seconds.observe(watch.elapsed());
        metrics.stored.increment(Way::Maildir);
        room.submit(digest);
        Ok(())
    }

    fn settle(&self, found: &Found) {
        if self.after == MaildirAfter::Leave || !found.is_new {
            return;
        }
        let mut name = found.name.clone().into_vec();
        name.extend_from_slice(b":2,S");
        let to = self.path.join("cur").join(OsStr::from_bytes(&name));
        if let Err(error) = fs_err::rename(&found.path, to) {
            tracing::error!(%error, "a mail is stored, and stays where it is");
        }
    }
}

/// Why a round ended early.
enum Trouble {
    Folder(io::Error),
    Store(StoreError),
}

impl Known {
    /// The mails that are not known, by name; none if nothing can have changed.
    fn find(&mut self, maildir: &Path, now: i64) -> io::Result<Vec<Found>> {
        let parts = ["new", "cur"].map(|part| maildir.join(part));
        let [new, cur] = &parts;
        let changed = [modified(new)?, modified(cur)?];
        let is_fresh = self.listed.as_ref().is_some_and(|listed| listed.elapsed() < LIST);
        if self.changed == Some(changed) && is_fresh {
            return Ok(Vec::new());
        }
        let (mut found, mut present) = (Vec::new(), HashSet::new());
        for (folder, is_new) in [(new, true), (cur, false)] {
            for entry in fs_err::read_dir(folder)? {
                let entry = entry?;
                let name = entry.file_name();
                // Names with a dot in front are no mails, nor are links, folders and pipes.
                if name.as_bytes().starts_with(b".") || !entry.file_type()?.is_file() {
                    continue;
                }
                let bytes = name.as_bytes();
                let unique = bytes.split(|octet| *octet == b':').next().unwrap_or(bytes);
                let name = OsStr::from_bytes(unique).to_os_string();
                if !self.names.contains(&name) {
                    found.push(Found { path: entry.path(), name: name.clone(), is_new });
                }
                present.insert(name);
            }
        }
        self.names.retain(|name| present.contains(name));
        self.unreadable.retain(|name| present.contains(name));
        // A folder that changed in this very second may change once more and say the same.
        let is_settled = changed.iter().all(|changed| {
            let since = changed.duration_since(SystemTime::UNIX_EPOCH);
            let since =
                since.map_or(i64::MAX, |since| i64::try_from(since.as_secs()).unwrap_or(i64::MAX));
            since.saturating_add(1) < now
        });
        self.changed = is_settled.then_some(changed);
        self.listed = Some(Stopwatch::start());
        found.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(found)
    }
}

fn modified(folder: &Path) -> io::Result<SystemTime> {
    fs_err::metadata(folder)?.modified()
}

fn read(path: &Path, most_octets: usize) -> io::Result<Content> {
    let file = match fs_err::File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Content::Gone),
        opened => opened?,
    };
    let mut octets = Vec::new();
    let limit = u64::try_from(most_octets).unwrap_or(u64::MAX).saturating_add(1);
    file.take(limit).read_to_end(&mut octets)?;
    Ok(if octets.len() > most_octets { Content::TooLong } else { Content::Whole(octets) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_delivered_is_found_once() {
        let folder = tempfile::tempdir().unwrap();
        let maildir = folder.path();
        for part in ["new", "cur", "tmp"] {
            fs_err::create_dir(maildir.join(part)).unwrap();
        }
        let write = |name: &str| fs_err::write(maildir.join(name), "x").unwrap();
        let mut known = Known::default();
        let find = |known: &mut Known| {
            // The clock stands far behind the folders: they are always listed.
            let found = known.find(maildir, 0).unwrap();
            let names: Vec<_> =
                found.iter().map(|it| it.name.to_str().unwrap().to_owned()).collect();
            known.names.extend(found.into_iter().map(|it| it.name));
            names
        };
        for name in ["new/2.a", "new/1.a", "cur/3.a:2,S", "tmp/4.a", "new/.hidden"] {
            write(name);
        }
        assert_eq!(find(&mut known), ["1.a", "2.a", "3.a"]);
        assert!(find(&mut known).is_empty());
        // Another program has seen it, and that changes its name.
        fs_err::rename(maildir.join("new/1.a"), maildir.join("cur/1.a:2,RS")).unwrap();
        fs_err::rename(maildir.join("tmp/4.a"), maildir.join("new/4.a")).unwrap();
        assert_eq!(find(&mut known), ["4.a"]);
        fs_err::remove_file(maildir.join("new/4.a")).unwrap();
        assert!(find(&mut known).is_empty());
        assert_eq!(known.names.len(), 3);
        fs_err::remove_dir_all(maildir.join("cur")).unwrap();
        assert!(known.find(maildir, 0).is_err());
    }
}
