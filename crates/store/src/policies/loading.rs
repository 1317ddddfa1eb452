//! Reading all policies, a batch at a time, so that memory holds few of them twice.

use rusqlite::Connection;
use tokio::sync::mpsc;

use super::{Remembered, remembered};
use crate::StoreError;

/// Rows that are handed over together.
const BATCH: usize = 256;
/// Batches that may wait for the receiver.
pub(super) const BATCHES: usize = 2;
/// How much of the file is kept in memory meanwhile, in KiB.
const CACHE_KIB: i64 = 128;
/// Unreadable rows that are named in the log; the others are only counted.
const NAMED: u64 = 10;

/// All policies on their way from the disk. Dropping it ends the reading.
pub struct Loading {
    pieces: mpsc::Receiver<Piece>,
    unreadable: u64,
    is_over: bool,
}

pub(super) enum Piece {
    Rows(Vec<Remembered>),
    End { unreadable: u64 },
    Failed(StoreError),
}

impl Loading {
    pub(super) fn new(pieces: mpsc::Receiver<Piece>) -> Self {
        Self { pieces, unreadable: 0, is_over: false }
    }

    /// The next few; `None` after the last.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of reading. What came before the error is right but not all.
    pub async fn next(&mut self) -> Result<Option<Vec<Remembered>>, StoreError> {
        if self.is_over {
            return Ok(None);
        }
        match self.pieces.recv().await {
            Some(Piece::Rows(rows)) => Ok(Some(rows)),
            Some(Piece::End { unreadable }) => {
                self.is_over = true;
                self.unreadable = unreadable;
                Ok(None)
            }
            Some(Piece::Failed(error)) => {
                self.is_over = true;
                Err(error)
            }
            // Without an end: the thread that read has gone.
            None => Err(StoreError::Closed),
        }
    }

    /// How many rows made no sense and were left out, with a line in the log. Known at the end.
    pub fn unreadable(&self) -> u64 {
        self.unreadable
    }
}

/// Sends all rows, and counts those that make no sense: one bad row must not cost the others.
pub(super) fn load_all(
    connection: &Connection,
    statement: &str,
    pieces: &mpsc::Sender<Piece>,
) -> Result<u64, StoreError> {
    let usual: i64 = connection.pragma_query_value(None, "cache_size", |row| row.get(0))?;
    // Each page is read once. What is kept of them would stay between the policies, in memory that
    // nobody else can use.
    connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
    let unreadable = send_all(connection, statement, pieces)?;
    connection.pragma_update(None, "cache_size", usual)?;
    Ok(unreadable)
}

fn send_all(
    connection: &Connection,
    statement: &str,
    pieces: &mpsc::Sender<Piece>,
) -> Result<u64, StoreError> {
    let mut statement = connection.prepare_cached(statement)?;
    let mut rows = statement.query([])?;
    let mut batch = Vec::with_capacity(BATCH);
    let mut unreadable = 0;
    while let Some(row) = rows.next()? {
        match remembered(row) {
            Ok(remembered) => batch.push(remembered),
            Err(error) => {
                unreadable += 1;
                if unreadable <= NAMED {
                    let domain = row.get_ref(0).ok().and_then(|value| value.as_str().ok());
                    tracing::error!(?domain, %error, "a stored policy is unreadable, left out");
                }
            }
        }
        if batch.len() == BATCH {
            let full = std::mem::replace(&mut batch, Vec::with_capacity(BATCH));
            if pieces.blocking_send(Piece::Rows(full)).is_err() {
                return Ok(unreadable);
            }
        }
    }
    if !batch.is_empty() {
        let _ = pieces.blocking_send(Piece::Rows(batch));
    }
    Ok(unreadable)
}
