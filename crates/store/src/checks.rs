//! What was seen of our own domains: the newest evidence of each, the looks before each change, and
//! the changes themselves.

mod packed;
pub(crate) mod sql;

use std::sync::Arc;

use mail_domain::DomainName;
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use sealpost_evidence::Evidence;
use sealpost_rules::{
    Verdict,
    changes::{Change, Facts},
    diagnosis::KnownHosts,
};

use self::packed::{pack, unpack};
use crate::{
    Store, StoreError,
    column::{self, senseless},
};

/// The most rows that are given at a time.
const MOST_ROWS: u32 = 10_000;
/// Looks before a change that are kept of a domain.
const MOST_LOOKS: i64 = 16;
/// Events that are kept of a domain.
const MOST_EVENTS: i64 = 500;

/// The checks of a store. Clones share it.
#[derive(Clone)]
pub struct Checks {
    store: Store,
}

/// When a domain is looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The domain.
    pub domain: DomainName,
    /// The next look, in seconds since 1970.
    pub due: i64,
    /// The last look.
    pub looked_at: Option<i64>,
}

/// One look at a domain, and what follows from it.
#[derive(Clone, Debug)]
pub struct Look {
    /// What was seen. Its domain and time are those of the look.
    pub evidence: Arc<Evidence>,
    /// What it comes to.
    pub findings: Sums,
    /// What the next look is held beside: the facts of this one, carried from those before.
    pub facts: Facts,
    /// What is other than before.
    pub changes: Vec<Change>,
    /// When the next look is due.
    pub due: i64,
}

/// What a look comes to, for lists of many domains.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sums {
    /// What becomes of mail; `None` if too little was asked for to say.
    pub verdict: Option<Verdict>,
    /// Findings that are errors.
    pub errors: u32,
    /// Findings that are warnings.
    pub warnings: u32,
    /// When the first of all certificates that were shown ends, in seconds since 1970.
    pub certificate_end: Option<i64>,
}

/// What a look is held beside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Before {
    /// When the last look was.
    pub at: i64,
    /// What is known since; `None` if it was written by a version that knows other facts, and its
    /// evidence cannot be read either.
    pub facts: Option<Facts>,
}

/// What becomes of a look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Kept {
    /// It is the newest, and its changes are events.
    Done,
    /// Another look came between, so that what this one was held beside is not the last any more.
    /// Nothing was written.
    Outdated,
}

/// A look that was kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Looked {
    /// When, in seconds since 1970.
    pub at: i64,
    /// What was seen.
    pub evidence: Evidence,
}

/// The newest look at a domain, in short.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// The domain.
    pub domain: DomainName,
    /// When it was looked at, in seconds since 1970.
    pub at: i64,
    /// What that came to.
    pub findings: Sums,
    /// When it is looked at next.
    pub due: i64,
}

/// Something that has changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Its number. Those of later events are higher, and none is given twice.
    pub id: i64,
    /// The domain.
    pub domain: DomainName,
    /// When it was seen, in seconds since 1970.
    pub at: i64,
    /// The look before: it changed in between.
    pub since: i64,
    /// What.
    pub change: Change,
}

impl Checks {
    pub(crate) fn new(store: Store) -> Self {
        Self { store }
    }

    /// Takes a domain in hand until `until`, unless somebody has it or has looked at it since
    /// `looked_at`. If this process ends early, it is free again then. A clock that was far ahead
    /// holds nothing: who takes a domain in hand does so for about as long as everybody.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of writing.
    pub async fn claim(
        &self,
        domain: DomainName,
        looked_at: Option<i64>,
        now: i64,
        until: i64,
    ) -> Result<bool, StoreError> {
        let work = move |connection: &Connection| {
            let mut statement = connection.prepare_cached(sql::CLAIM)?;
            let values = params![domain.as_str(), until, now, looked_at.unwrap_or(-1)];
            Ok(statement.query_row(values, |_| Ok(())).optional()?.is_some())
        };
        self.store.writer.write(work).await
    }

    /// Gives a domain out of hand without a look, if it is the one that was taken until `until`.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of writing.
    pub async fn release(&self, domain: DomainName, until: i64) -> Result<(), StoreError> {
        let work = move |connection: &Connection| {
            connection.prepare_cached(sql::RELEASE)?.execute(params![domain.as_str(), until])?;
            Ok(())
        };
        self.store.writer.write(work).await
    }

    /// When each domain is due, from behind this one on: at most `limit`, and at most 10,000. One
    /// that is not here was never taken in hand.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of reading.
    pub async fn plans(
        &self,
        behind: Option<DomainName>,
        limit: u32,
    ) -> Result<Vec<Plan>, StoreError> {
        let read = move |connection: &Connection| {
            let mut statement = connection.prepare_cached(sql::PLANS)?;
            let behind = behind.as_ref().map_or("", DomainName::as_str);
            let rows = statement.query_map(params![behind, limit.min(MOST_ROWS)], |row| {
                Ok(Plan { domain: domain(row, 0)?, due: row.get(1)?, looked_at: row.get(2)? })
            })?;
            Ok(rows.collect::<Result<Vec<_>, _>>()?)
        };
        self.store.readers.read(read).await
    }

    /// What the next look at a domain is held beside; `None` if there was none.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of reading.
    pub async fn before(&self, domain: DomainName) -> Result<Option<Before>, StoreError> {
        let read = move |connection: &Connection| {
            let mut statement = connection.prepare_cached(sql::FACTS)?;
            let before = statement.query_row([domain.as_str()], |row| {
                let Some(at) = row.get(0)? else { return Ok(None) };
                let facts = row.get_ref(1)?.as_blob_or_null()?.and_then(unpack);
                let evidence = || row.get_ref(2).ok()?.as_blob_or_null().ok()?.and_then(unpack);
                let facts = facts.or_else(|| evidence().as_ref().map(Facts::of));
                Ok(Some(Before { at, facts }))
            });
            Ok(before.optional()?.flatten())
        };
        self.store.readers.read(read).await
    }

    /// Keeps a look: its evidence, its changes as events, and when the next is due, all or nothing.
    /// If something has changed, the look before stays in the history.
    ///
    /// `before` is the time of the look that it was held beside.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of writing.
    pub async fn keep(&self, look: Look, before: Option<i64>) -> Result<Kept, StoreError> {
        let work = move |connection: &Connection| {
            let evidence = &*look.evidence;
            let (domain, at) = (evidence.domain.as_str(), evidence.observed.as_second());
            let mut statement = connection.prepare_cached(sql::LOOKED_AT)?;
            let last = statement.query_row([domain], |row| row.get::<_, Option<i64>>(0));
            if last.optional()?.flatten() != before {
                return Ok(Kept::Outdated);
            }
            if !look.changes.is_empty() {
                connection.prepare_cached(sql::TO_HISTORY)?.execute([domain])?;
                let mut forget = connection.prepare_cached(sql::FORGET_HISTORY)?;
                forget.execute(params![domain, MOST_LOOKS])?;
                add_events(connection, &look, before.unwrap_or(at))?;
            }
            let Sums { verdict, errors, warnings, certificate_end } = look.findings;
            let verdict = verdict.map(Verdict::as_str);
            let (evidence, facts) = (pack(evidence)?, pack(&look.facts)?);
            connection.prepare_cached(sql::KEEP)?.execute(params![
                domain,
                look.due,
                at,
                verdict,
                errors,
                warnings,
                certificate_end,
                evidence,
                facts
            ])?;
            Ok(Kept::Done)
        };
        self.store.writer.write(work).await
    }

    /// The newest look at a domain; `None` if there was none, or if it was kept by a version whose
    /// evidence this one cannot read.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of reading.
    pub async fn latest(&self, domain: DomainName) -> Result<Option<Looked>, StoreError> {
        let read = move |connection: &Connection| {
            let mut statement = connection.prepare_cached(sql::LATEST)?;
            Ok(statement.query_row([domain.as_str()], looked).optional()?.flatten())
        };
        self.store.readers.read(read).await
    }

    /// How the domain was at this time: the first look since then after which something changed, or
    /// the newest if nothing has. Of a time before all that is kept, it is the oldest.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of reading.
    pub async fn as_of(&self, domain: DomainName, time: i64) -> Result<Option<Looked>, StoreError> {
        let read = move |connection: &Connection| {
            let mut statement = connection.prepare_cached(sql::AS_OF)?;
            let then = statement.query_row(params![domain.as_str(), time], looked).optional()?;
            let then = match then {
                Some(then) => Some(then),
                None => {
                    let mut latest = connection.prepare_cached(sql::LATEST)?;
                    latest.query_row([domain.as_str()], looked).optional()?
                }
            };
            Ok(then.flatten())
        };
        self.store.readers.read(read).await
    }

    /// All names and addresses that the MX hosts of a domain have had since this time, by the looks that
    /// are kept; `None` if none of these found MX hosts.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of reading.
    pub async fn mail_hosts_since(
        &self,
        domain: DomainName,
        time: i64,
    ) -> Result<Option<KnownHosts>, StoreError> {
        let read = move |connection: &Connection| {
            let mut statement = connection.prepare_cached(sql::SINCE)?;
            let mut rows = statement.query(params![domain.as_str(), time])?;
            let mut all: Option<KnownHosts> = None;
            // One look at a time is in memory.
            while let Some(row) = rows.next()? {
                let Some(looked) = looked(row)? else { continue };
                let Some(hosts) = KnownHosts::of(&looked.evidence) else { continue };
                match &mut all {
                    Some(all) => all.join(hosts),
                    none => *none = Some(hosts),
                }
            }
            Ok(all)
        };
        self.store.readers.read(read).await
    }

    /// The last look before something changed for the last time; `None` if nothing has.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of reading.
    pub async fn before_last_change(
        &self,
        domain: DomainName,
    ) -> Result<Option<Looked>, StoreError> {
        let read = move |connection: &Connection| {
            let mut statement = connection.prepare_cached(sql::BEFORE_LAST_CHANGE)?;
            Ok(statement.query_row([domain.as_str()], looked).optional()?.flatten())
        };
        self.store.readers.read(read).await
    }

    /// The newest looks in short, by domain, from behind this one on: at most `limit`, and at most
    /// 10,000.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of reading.
    pub async fn summaries(
        &self,
        behind: Option<DomainName>,
        limit: u32,
    ) -> Result<Vec<Summary>, StoreError> {
        let read = move |connection: &Connection| {
            let mut statement = connection.prepare_cached(sql::SUMMARIES)?;
            let behind = behind.as_ref().map_or("", DomainName::as_str);
            let rows = statement.query_map(params![behind, limit.min(MOST_ROWS)], summary)?;
            Ok(rows.collect::<Result<Vec<_>, _>>()?)
        };
        self.store.readers.read(read).await
    }

    /// The newest look at a domain in short; `None` if there was none.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of reading.
    pub async fn summary_of(&self, domain: DomainName) -> Result<Option<Summary>, StoreError> {
        let read = move |connection: &Connection| {
            let mut statement = connection.prepare_cached(sql::SUMMARY_OF)?;
            Ok(statement.query_row([domain.as_str()], summary).optional()?)
        };
        self.store.readers.read(read).await
    }

    /// Events of all domains with numbers above this one, the oldest first: at most `limit`, and at
    /// most 10,000. Whoever goes on from the last number misses none.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of reading.
    pub async fn events_after(&self, id: i64, limit: u32) -> Result<Vec<Event>, StoreError> {
        let read = move |connection: &Connection| {
            let mut statement = connection.prepare_cached(sql::EVENTS_AFTER)?;
            let rows = statement.query_map(params![id, limit.min(MOST_ROWS)], event)?;
            readable(rows)
        };
        self.store.readers.read(read).await
    }

    /// Events of one domain, the newest first: at most `limit`, and at most 10,000.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of reading.
    pub async fn events_of(
        &self,
        domain: DomainName,
        limit: u32,
    ) -> Result<Vec<Event>, StoreError> {
        let read = move |connection: &Connection| {
            let mut statement = connection.prepare_cached(sql::EVENTS_OF)?;
            let values = params![domain.as_str(), limit.min(MOST_ROWS)];
            readable(statement.query_map(values, event)?)
        };
        self.store.readers.read(read).await
    }

    /// Forgets events, earlier looks, and domains that were not looked at any more, from before this
    /// time.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of writing.
    pub async fn forget(&self, before: i64) -> Result<(), StoreError> {
        let work = move |connection: &Connection| {
            for sql in [sql::FORGET_OLD_EVENTS, sql::FORGET_OLD_HISTORY, sql::FORGET_DOMAINS] {
                connection.prepare_cached(sql)?.execute([before])?;
            }
            Ok(())
        };
        self.store.writer.write(work).await
    }
}

fn add_events(connection: &Connection, look: &Look, since: i64) -> Result<(), StoreError> {
    let (domain, at) = (look.evidence.domain.as_str(), look.evidence.observed.as_second());
    let mut add = connection.prepare_cached(sql::ADD_EVENT)?;
    for change in &look.changes {
        // PostgreSQL takes no NUL, which JSON never has unescaped.
        let change = serde_json::to_string(change).map_err(StoreError::damaged)?;
        add.execute(params![domain, at, since, change])?;
    }
    let mut forget = connection.prepare_cached(sql::FORGET_EVENTS)?;
    forget.execute(params![domain, MOST_EVENTS])?;
    Ok(())
}

fn summary(row: &Row<'_>) -> rusqlite::Result<Summary> {
    let findings = Sums {
        verdict: verdict(row, 2)?,
        errors: row.get(3)?,
        warnings: row.get(4)?,
        certificate_end: row.get(5)?,
    };
    Ok(Summary { domain: domain(row, 0)?, at: row.get(1)?, findings, due: row.get(6)? })
}

fn looked(row: &Row<'_>) -> rusqlite::Result<Option<Looked>> {
    let (at, packed) = (row.get(0)?, row.get_ref(1)?.as_blob_or_null()?);
    Ok(packed.and_then(unpack).map(|evidence| Looked { at, evidence }))
}

/// An event; `None` if a later version has written a change that this one does not know.
fn event(row: &Row<'_>) -> rusqlite::Result<Option<Event>> {
    let (id, domain, at, since) = (row.get(0)?, domain(row, 1)?, row.get(2)?, row.get(3)?);
    let change = serde_json::from_str(column::text(row, 4)?).ok();
    Ok(change.map(|change| Event { id, domain, at, since, change }))
}

fn readable(
    rows: impl Iterator<Item = rusqlite::Result<Option<Event>>>,
) -> Result<Vec<Event>, StoreError> {
    let rows: Vec<Option<Event>> = rows.collect::<Result<_, _>>()?;
    Ok(rows.into_iter().flatten().collect())
}

fn domain(row: &Row<'_>, column: usize) -> rusqlite::Result<DomainName> {
    column::text(row, column)?.parse().map_err(|_| senseless(column))
}

fn verdict(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<Verdict>> {
    let Some(word) = row.get_ref(column)?.as_str_or_null()? else { return Ok(None) };
    let verdict = Verdict::ALL.into_iter().find(|verdict| verdict.as_str() == word);
    verdict.map(Some).ok_or_else(|| senseless(column))
}

#[cfg(test)]
mod tests;
