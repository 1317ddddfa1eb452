//! What was there before, kept beside `main.cf`.

use std::path::{Path, PathBuf};

use sealpost_enforce::setup::Record;

use crate::input::read_if_there;
use crate::outcome::Failure;

/// The largest `main.cf`, and the largest record, in octets.
const MOST_OCTETS: u64 = 1024 * 1024;

/// The two files beside `main.cf`.
pub(super) struct Saved {
    main: PathBuf,
    backup: PathBuf,
    record: PathBuf,
}

impl Saved {
    pub(super) fn beside(config_directory: &str) -> Result<Self, Failure> {
        let folder = std::path::absolute(config_directory)
            .map_err(|error| Failure::new(format!("find the folder of main.cf: {error}")))?;
        Ok(Self {
            main: folder.join("main.cf"),
            backup: folder.join("main.cf.before-sealpost"),
            record: folder.join("main.cf.set-by-sealpost"),
        })
    }

    /// `main.cf` as it was before the first change.
    pub(super) fn backup_file(&self) -> &Path {
        &self.backup
    }

    /// What was changed.
    pub(super) fn record_file(&self) -> &Path {
        &self.record
    }

    /// What was changed, if anything.
    pub(super) fn record(&self) -> Result<Option<Record>, Failure> {
        let Some(text) = read_if_there(&self.record, MOST_OCTETS)? else { return Ok(None) };
        let record = serde_json::from_str(&text).map_err(|error| {
            let file = self.record.display();
            Failure::new(format!("read {file}: {error}")).hint(
                "it says what was set in main.cf; mend it, or move it away and take out the lines \
                 yourself",
            )
        })?;
        Ok(Some(record))
    }

    /// Keeps what is there before it is changed, and then what will be changed. The copy of `main.cf`
    /// is that from before the first change.
    pub(super) fn keep(&self, record: &Record, earlier: Option<&Record>) -> Result<(), Failure> {
        if earlier.is_none() {
            let length = fs_err::metadata(&self.main)?.len();
            if length > MOST_OCTETS {
                let main = self.main.display();
                return Err(Failure::new(format!("save {main}: it has over {MOST_OCTETS} octets")));
            }
            fs_err::copy(&self.main, &self.backup)?;
        }
        let text = serde_json::to_string_pretty(record)
            .map_err(|error| Failure::new(format!("write down what is set: {error}")))?;
        // Whole, or as it was: without it nothing can be undone.
        let unfinished = self.record.with_extension("unfinished");
        fs_err::write(&unfinished, format!("{text}\n"))?;
        fs_err::rename(&unfinished, &self.record)?;
        Ok(())
    }

    /// Forgets what was changed, once it has been undone, and the copy if it is of no more use.
    pub(super) fn forget(&self, copy: Option<&Path>) -> Result<(), Failure> {
        fs_err::remove_file(&self.record)?;
        match copy.map(fs_err::remove_file) {
            Some(Err(error)) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }
}
