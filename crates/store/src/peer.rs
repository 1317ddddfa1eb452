//! The cache of postfix-mta-sts-resolver, read and never written.
//!
//! The file is that of another program: what it says is taken as octets with a bound, and judged
//! by whoever asked. The statement here is SQLite's alone, and no table of ours.

use std::{path::PathBuf, time::Duration};

use rusqlite::{Connection, OptionalExtension as _, types::ValueRef};
use tokio::{sync::mpsc, task::spawn_blocking};

use crate::{StoreError, connection::open_reader_of};

/// Rows that are handed over together.
const BATCH: usize = 64;
/// Batches that may wait for the receiver.
const BATCHES: usize = 2;
/// How long to wait for the other program while it writes.
const PATIENCE: Duration = Duration::from_secs(5);

/// Columns longer than this come as if they were missing: four times the longest policy.
const ROWS: &str = "
    SELECT rowid,
           CASE WHEN octet_length(domain) <= 1024 THEN domain END,
           ts,
           CASE WHEN octet_length(pol_id) <= 1024 THEN pol_id END,
           CASE WHEN octet_length(pol_body) <= 262144 THEN pol_body END
    FROM sts_policy_cache";

/// A row as it is there. A column is empty if it is missing, longer than any that makes sense, or
/// of another type.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PeerRow {
    /// Which row it is.
    pub number: i64,
    /// The policy domain.
    pub domain: Vec<u8>,
    /// When the policy was last taken for current, in seconds since 1970. The program renews this
    /// without a fetch when the record's id is unchanged.
    pub renewed_at: Option<i64>,
    /// The id of the record.
    pub id: Vec<u8>,
    /// The fields of the policy in JSON.
    pub body: Vec<u8>,
}

/// All rows on their way from the file. Dropping it ends the reading.
pub struct PeerRows(mpsc::Receiver<Result<Vec<PeerRow>, StoreError>>);

impl PeerRows {
    /// Opens the SQLite cache of postfix-mta-sts-resolver. The other program may go on using it.
    pub fn open(path: PathBuf) -> Self {
        let (sender, receiver) = mpsc::channel(BATCHES);
        spawn_blocking(move || {
            let opened = open_reader_of(&path, PATIENCE, &|connection| is_a_cache(connection));
            let read = opened.and_then(|reader| read_all(&reader.connection, &sender));
            if let Err(error) = read {
                // Nobody may be listening any more.
                let _ = sender.blocking_send(Err(error));
            }
        });
        Self(receiver)
    }

    /// The next few; `None` after the last.
    ///
    /// # Errors
    ///
    /// [`StoreError::Foreign`] if it is not such a cache; else what [`StoreError`] says of reading.
    pub async fn next(&mut self) -> Result<Option<Vec<PeerRow>>, StoreError> {
        self.0.recv().await.transpose()
    }
}

/// A view of that name could compute for ever.
fn is_a_cache(connection: &Connection) -> Result<(), StoreError> {
    let table = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'sts_policy_cache'";
    let found = connection.query_row(table, [], |_| Ok(())).optional()?;
    found.ok_or(StoreError::Foreign)
}

fn read_all(
    connection: &Connection,
    rows_to: &mpsc::Sender<Result<Vec<PeerRow>, StoreError>>,
) -> Result<(), StoreError> {
    let mut statement = connection.prepare(ROWS)?;
    let mut rows = statement.query([])?;
    let mut batch = Vec::with_capacity(BATCH);
    while let Some(row) = rows.next()? {
        batch.push(PeerRow {
            number: row.get(0)?,
            domain: octets(row.get_ref(1)?),
            renewed_at: row.get_ref(2)?.as_i64().ok(),
            id: octets(row.get_ref(3)?),
            body: octets(row.get_ref(4)?),
        });
        if batch.len() == BATCH {
            let full = std::mem::replace(&mut batch, Vec::with_capacity(BATCH));
            if rows_to.blocking_send(Ok(full)).is_err() {
                return Ok(());
            }
        }
    }
    let _ = rows_to.blocking_send(Ok(batch));
    Ok(())
}

fn octets(value: ValueRef<'_>) -> Vec<u8> {
    match value {
        ValueRef::Text(octets) | ValueRef::Blob(octets) => octets.to_vec(),
        // A table made by hand may have no affinity.
        ValueRef::Integer(number) => number.to_string().into_bytes(),
        ValueRef::Null | ValueRef::Real(_) => Vec::new(),
    }
}

#[cfg(test)]
mod tests;
