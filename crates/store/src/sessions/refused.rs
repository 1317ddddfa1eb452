//! The last datagrams that could not be read.

use rusqlite::{Connection, params};

use super::{Sessions, sql};
use crate::{StoreError, column::clip};

/// The most octets that are kept of one.
const MOST_OCTETS: usize = 8 << 10;

/// A datagram that could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedDatagram {
    /// When it came, in seconds since 1970.
    pub refused_at: i64,
    /// Why it could not be read: a code.
    pub cause: String,
    /// How long it was, in octets.
    pub length: usize,
    /// Its beginning, at most 8 KiB.
    pub octets: Vec<u8>,
}

impl Sessions {
    /// Keeps these of a node, and of those before so many that `most` are left. To repeat it keeps
    /// them twice.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of writing.
    pub async fn refuse(
        &self,
        node: &str,
        datagrams: Vec<RefusedDatagram>,
        most: u32,
    ) -> Result<(), StoreError> {
        let node = clip(node, 253);
        let write = move |connection: &Connection| {
            let mut newest = connection.prepare_cached(sql::NEWEST_REFUSED)?;
            let mut id: i64 = newest.query_row(params![node], |row| row.get(0))?;
            let mut add = connection.prepare_cached(sql::ADD_REFUSED)?;
            for datagram in &datagrams {
                id = id.saturating_add(1);
                let end = datagram.octets.len().min(MOST_OCTETS);
                let octets = datagram.octets.get(..end).unwrap_or_default();
                let length = i64::try_from(datagram.length).unwrap_or(i64::MAX);
                let cause = clip(&datagram.cause, 64);
                add.execute(params![node, id, datagram.refused_at, cause, length, octets])?;
            }
            let mut forget = connection.prepare_cached(sql::FORGET_REFUSED)?;
            forget.execute(params![node, id.saturating_sub(i64::from(most))])?;
            Ok(())
        };
        self.store.writer.write(write).await
    }

    /// The last ones of all nodes, the newest first, at most `limit`.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of reading.
    pub async fn refused(&self, limit: u32) -> Result<Vec<RefusedDatagram>, StoreError> {
        let read = move |connection: &Connection| {
            let mut statement = connection.prepare_cached(sql::REFUSED)?;
            let rows = statement.query_map(params![limit], |row| {
                Ok(RefusedDatagram {
                    refused_at: row.get(1)?,
                    cause: row.get(2)?,
                    length: usize::try_from(row.get::<_, i64>(3)?).unwrap_or_default(),
                    octets: row.get(4)?,
                })
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        };
        self.store.readers.read(read).await
    }
}
