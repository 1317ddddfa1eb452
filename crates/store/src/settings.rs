//! How a store is opened.

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use crate::schema::{self, Schema};

/// Where the store is, and its bounds.
#[derive(Clone)]
pub struct Settings {
    /// The SQLite file. It is made if it is missing, readable for its owner only; its folder must
    /// exist. SQLite keeps two more files beside it, `…-wal` and `…-shm`.
    pub path: PathBuf,
    /// How long to wait for another process that is writing: 5 seconds.
    pub patience: Duration,
    /// How many commands may wait for the writer before callers have to wait: 1024.
    pub queue: usize,
    /// How many reads may run at a time: 4.
    pub readers: usize,
    /// What the writer may keep of the file in memory, in KiB: 2048. More pays where much is written
    /// in many places of a large file, as with reports.
    pub cache_kib: u32,
    /// How large the log beside the file may become, in KiB, before what it holds is written into
    /// the file: 4000. More pays where the same places are written again and again.
    pub log_kib: u32,
    /// Which kind of file it is.
    pub(crate) schema: &'static Schema,
    /// Told of each commit, for tests that end the process there.
    pub(crate) witness: Option<Witness>,
}

/// A step of the writer around a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// All is written, nothing is committed.
    BeforeCommit,
    /// All is committed, nobody has been answered.
    AfterCommit,
}

type Witness = Arc<dyn Fn(Moment) + Send + Sync>;

/// Where the raw file that belongs to a store lies: beside it, with `.raw.db` behind its name.
pub fn raw_path_beside(store: &Path) -> PathBuf {
    let mut path = store.as_os_str().to_owned();
    path.push(".raw.db");
    path.into()
}

impl Settings {
    /// The settings for a file, with the bounds named at each field.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            patience: Duration::from_secs(5),
            queue: 1024,
            readers: 4,
            cache_kib: 2048,
            log_kib: 4000,
            schema: &schema::STORE,
            witness: None,
        }
    }

    /// The same with more memory and more room on the disk, 16 MiB and 32 MiB, for who takes in
    /// many reports.
    #[must_use]
    pub fn for_much_writing(self) -> Self {
        Self { cache_kib: 16 * 1024, log_kib: 32 * 1024, ..self }
    }

    /// The settings of the raw file that belongs to this store: the same bounds, and the path with
    /// `.raw.db` behind it.
    #[must_use]
    pub fn raw_beside(&self) -> Self {
        Self { path: raw_path_beside(&self.path), schema: &schema::RAW, ..self.clone() }
    }

    /// Calls `witness` on the writing thread before and after every commit, that of a new schema
    /// included. This is how tests end a process at each of these points.
    #[doc(hidden)]
    #[must_use]
    pub fn with_witness(mut self, witness: impl Fn(Moment) + Send + Sync + 'static) -> Self {
        self.witness = Some(Arc::new(witness));
        self
    }

    pub(crate) fn tell(&self, moment: Moment) {
        if let Some(witness) = &self.witness {
            witness(moment);
        }
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("path", &self.path)
            .field("patience", &self.patience)
            .field("queue", &self.queue)
            .field("readers", &self.readers)
            .field("cache_kib", &self.cache_kib)
            .field("log_kib", &self.log_kib)
            .finish_non_exhaustive()
    }
}
