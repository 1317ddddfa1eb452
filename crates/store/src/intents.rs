//! What an operator wants done by the process that enforces, handed over in the file.
//!
//! Who asks and who acts need not run at the same time. The one adds intents; the other looks for
//! them, carries them out, and only then removes them: after a crash in between it does so again.

pub(crate) mod sql;

use std::fmt;

use mail_domain::DomainName;
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use crate::{Store, StoreError};

/// Intents of a second have room for as many numbers.
const NUMBERS_OF_A_SECOND: i64 = 1_000_000;

/// What is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// Look up the record and fetch the policy now. What is held stays until there is better.
    Refresh,
    /// Forget everything, a policy that applies included.
    Purge,
    /// Find out about the domain, if nothing is known of it.
    Warm,
}

/// One thing that is wanted of one domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Intent {
    /// A later asking has a larger number.
    pub id: i64,
    /// What is wanted.
    pub verb: Verb,
    /// Of which domain.
    pub domain: DomainName,
    /// When it was last asked for, in seconds since 1970.
    pub asked_at: i64,
}

/// What waits to be carried out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pending {
    /// In the order in which they were asked for.
    pub intents: Vec<Intent>,
    /// The numbers of those that make no sense. They should be removed too.
    pub unreadable: Vec<i64>,
}

/// The intents of a store. Clones share it.
#[derive(Clone)]
pub struct Intents {
    store: Store,
}

impl Intents {
    pub(crate) fn new(store: Store) -> Self {
        Self { store }
    }

    /// Asks for the same of several domains. Who asks again before it is done moves to the end.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of writing; then none is asked for.
    pub async fn add(
        &self,
        verb: Verb,
        domains: Vec<DomainName>,
        at: i64,
    ) -> Result<(), StoreError> {
        let work = move |connection: &Connection| {
            let mut statement = connection.prepare_cached(sql::ADD)?;
            let first = at.saturating_mul(NUMBERS_OF_A_SECOND);
            for domain in &domains {
                statement.execute(params![first, verb.as_str(), domain.as_str(), at])?;
            }
            Ok(())
        };
        self.store.writer.write(work).await
    }

    /// Removes what was carried out. A number that is not there is skipped.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of writing; then none is removed.
    pub async fn done(&self, ids: Vec<i64>) -> Result<(), StoreError> {
        let work = move |connection: &Connection| {
            let mut statement = connection.prepare_cached(sql::DONE)?;
            for id in &ids {
                statement.execute([id])?;
            }
            Ok(())
        };
        self.store.writer.write(work).await
    }

    /// The first of what waits, `limit` at most.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of reading.
    pub async fn pending(&self, limit: u32) -> Result<Pending, StoreError> {
        let read = move |connection: &Connection| {
            let mut statement = connection.prepare_cached(sql::PENDING)?;
            let mut rows = statement.query([limit])?;
            let mut pending = Pending::default();
            while let Some(row) = rows.next()? {
                match intent(row)? {
                    Some(intent) => pending.intents.push(intent),
                    None => pending.unreadable.push(row.get(0)?),
                }
            }
            Ok(pending)
        };
        self.store.readers.read(read).await
    }

    /// Which of these domains still wait for this.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of reading.
    pub async fn waiting(
        &self,
        verb: Verb,
        domains: Vec<DomainName>,
    ) -> Result<Vec<DomainName>, StoreError> {
        let read = move |connection: &Connection| {
            let mut statement = connection.prepare_cached(sql::WAITING)?;
            let mut waiting = Vec::new();
            for domain in domains {
                let values = params![verb.as_str(), domain.as_str()];
                if statement.query_row(values, |_| Ok(())).optional()?.is_some() {
                    waiting.push(domain);
                }
            }
            Ok(waiting)
        };
        self.store.readers.read(read).await
    }
}

impl Verb {
    /// As it is stored: one lower-case word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Refresh => "refresh",
            Self::Purge => "purge",
            Self::Warm => "warm",
        }
    }

    fn stored_as(text: &str) -> Option<Self> {
        [Self::Refresh, Self::Purge, Self::Warm].into_iter().find(|verb| verb.as_str() == text)
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Reads a row of [`sql::PENDING`]; `None` if it makes no sense.
fn intent(row: &Row<'_>) -> rusqlite::Result<Option<Intent>> {
    let text = |column| row.get_ref(column).map(|value| value.as_str().unwrap_or_default());
    let (Some(verb), Ok(domain)) = (Verb::stored_as(text(1)?), text(2)?.parse()) else {
        return Ok(None);
    };
    Ok(Some(Intent { id: row.get(0)?, verb, domain, asked_at: row.get(3)? }))
}

#[cfg(test)]
mod tests;
