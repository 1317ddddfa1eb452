//! Log files that are counted while they are written.

use rusqlite::{Connection, params};

use super::{Sessions, sql};
use crate::{
    Digest, StoreError,
    column::{count, stored},
};

/// A part of a log file that was counted while it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FollowedPart {
    /// The digest of the line of its first session.
    pub log: Digest,
    /// The octet from which on it was followed.
    pub begins: u64,
    /// The octet up to which that has come.
    pub reached: u64,
}

impl Sessions {
    /// Notes parts of log files before they are counted: what a crash comes between is lost, and
    /// nothing is counted twice. `now` is in seconds since 1970.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of writing. It may be repeated.
    pub async fn note_followed(
        &self,
        parts: Vec<FollowedPart>,
        now: i64,
    ) -> Result<(), StoreError> {
        let write = move |connection: &Connection| {
            let mut statement = connection.prepare_cached(sql::NOTE_FOLLOWED)?;
            for FollowedPart { log, begins, reached } in &parts {
                let (begins, reached) = (stored(*begins), stored(*reached));
                statement.execute(params![log.as_bytes(), begins, reached, now])?;
            }
            Ok(())
        };
        self.store.writer.write(write).await
    }

    /// The parts of a log file that were followed, in their order. The last one may still be: all
    /// behind its beginning is left to whoever follows it.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of reading.
    pub async fn followed(&self, log: Digest) -> Result<Vec<FollowedPart>, StoreError> {
        let read = move |connection: &Connection| {
            let mut statement = connection.prepare_cached(sql::FOLLOWED)?;
            let rows = statement.query_map([log.as_bytes()], |row| {
                Ok(FollowedPart { log, begins: count(row, 0)?, reached: count(row, 1)? })
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        };
        self.store.readers.read(read).await
    }
}
