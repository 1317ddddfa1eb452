//! The database of tlsrpt-collectd, read and never written.
//!
//! The file is that of another program: what it says is taken as octets with a bound, and judged
//! by whoever asked. The statements here are SQLite's alone, and no tables of ours.

use std::{path::PathBuf, time::Duration};

use rusqlite::{Connection, OptionalExtension as _, params, types::ValueRef};
use tokio::{sync::mpsc, task::spawn_blocking};

use crate::{StoreError, connection::open_reader_of};

/// Rows that may wait for the receiver.
const WAITING: usize = 64;
/// How long to wait for the other program while it writes.
const PATIENCE: Duration = Duration::from_secs(5);
/// The most kinds of failures that are read of one row.
const MOST_FAILURES: usize = 100_000;

/// Columns longer than this come as if they were missing; a datagram is not longer.
const RESULTS: &str = "
    SELECT day, domain, tlsrptrecord, policy, cntrtotal, cntrfailure FROM finalresults
    WHERE octet_length(domain) <= 262144 AND octet_length(tlsrptrecord) <= 262144
      AND octet_length(policy) <= 262144
    ORDER BY day, domain, tlsrptrecord, policy";

const FAILURES: &str = "
    SELECT reason, cntr FROM failures
    WHERE day = $1 AND domain = $2 AND tlsrptrecord = $3 AND policy = $4
      AND octet_length(reason) <= 262144";

/// When the database was made: what tells it from every other.
const MADE: &str = "SELECT installdate FROM dbversion LIMIT 1";

/// What was counted under one policy of one domain on one day.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CollectdRow {
    /// The day, as text.
    pub day: Vec<u8>,
    /// The domain that mail was sent to.
    pub domain: Vec<u8>,
    /// Its TLS-RPT record.
    pub record: Vec<u8>,
    /// The policy of the datagram in JSON, without results.
    pub policy: Vec<u8>,
    /// Sessions; `None` if it is no number.
    pub total: Option<i64>,
    /// Sessions that failed.
    pub failed: Option<i64>,
    /// The failures of the datagrams in JSON, and in how many each was.
    pub failures: Vec<(Vec<u8>, Option<i64>)>,
}

/// What comes from the file: first when it was made, then its rows. Dropping it ends the reading.
pub struct CollectdRows(mpsc::Receiver<Result<Item, StoreError>>);

enum Item {
    Made(String),
    Row(CollectdRow),
}

impl CollectdRows {
    /// Opens the database of tlsrpt-collectd, also that of yesterday, and says when it was made. The
    /// other program may go on using it.
    ///
    /// # Errors
    ///
    /// [`StoreError::Foreign`] if it is not such a database; else what [`StoreError`] says of reading.
    pub async fn open(path: PathBuf) -> Result<(String, Self), StoreError> {
        let (sender, mut receiver) = mpsc::channel(WAITING);
        spawn_blocking(move || {
            let opened = open_reader_of(&path, PATIENCE, &|connection| is_collected(connection));
            let read = opened.and_then(|reader| read_all(&reader.connection, &sender));
            if let Err(error) = read {
                // Nobody may be listening any more.
                let _ = sender.blocking_send(Err(error));
            }
        });
        match receiver.recv().await {
            Some(Ok(Item::Made(made))) => Ok((made, Self(receiver))),
            Some(Err(error)) => Err(error),
            Some(Ok(Item::Row(_))) | None => Err(StoreError::Foreign),
        }
    }

    /// The next row; `None` after the last.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of reading.
    pub async fn next(&mut self) -> Result<Option<CollectdRow>, StoreError> {
        loop {
            match self.0.recv().await.transpose()? {
                Some(Item::Row(row)) => return Ok(Some(row)),
                Some(Item::Made(_)) => {}
                None => return Ok(None),
            }
        }
    }
}

/// Views of these names could compute for ever.
fn is_collected(connection: &Connection) -> Result<(), StoreError> {
    for name in ["finalresults", "failures", "dbversion"] {
        let table = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = $1";
        let found = connection.query_row(table, [name], |_| Ok(())).optional()?;
        found.ok_or(StoreError::Foreign)?;
    }
    Ok(())
}

fn read_all(
    connection: &Connection,
    to: &mpsc::Sender<Result<Item, StoreError>>,
) -> Result<(), StoreError> {
    // All of one moment.
    connection.execute_batch("BEGIN")?;
    let made = connection.query_row(MADE, [], |row| Ok(octets(row.get_ref(0)?))).optional()?;
    let made = String::from_utf8_lossy(&made.unwrap_or_default()).chars().take(64).collect();
    if to.blocking_send(Ok(Item::Made(made))).is_err() {
        return Ok(());
    }
    let mut results = connection.prepare(RESULTS)?;
    let mut failures = connection.prepare(FAILURES)?;
    let mut rows = results.query([])?;
    while let Some(row) = rows.next()? {
        let key = (row.get_ref(0)?, row.get_ref(1)?, row.get_ref(2)?, row.get_ref(3)?);
        let mut read = CollectdRow {
            day: octets(key.0),
            domain: octets(key.1),
            record: octets(key.2),
            policy: octets(key.3),
            total: row.get_ref(4)?.as_i64().ok(),
            failed: row.get_ref(5)?.as_i64().ok(),
            failures: Vec::new(),
        };
        let texts = [&read.day, &read.domain, &read.record, &read.policy];
        let [day, domain, record, policy] = texts.map(|text| String::from_utf8_lossy(text));
        let mut of_row = failures.query(params![day, domain, record, policy])?;
        while let Some(failure) = of_row.next()? {
            if read.failures.len() < MOST_FAILURES {
                let count = failure.get_ref(1)?.as_i64().ok();
                read.failures.push((octets(failure.get_ref(0)?), count));
            }
        }
        if to.blocking_send(Ok(Item::Row(read))).is_err() {
            return Ok(());
        }
    }
    Ok(())
}

fn octets(value: ValueRef<'_>) -> Vec<u8> {
    match value {
        ValueRef::Text(octets) | ValueRef::Blob(octets) => octets.to_vec(),
        ValueRef::Integer(number) => number.to_string().into_bytes(),
        ValueRef::Null | ValueRef::Real(_) => Vec::new(),
    }
}
