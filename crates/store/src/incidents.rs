//! Incidents, and the notices of them that are on their way.
//!
//! An incident and what is told of it are written in one transaction, so each is told once whatever
//! happens in between. Who wants to send *claims* what is due for a receiver; a claim is a lease, so
//! that what a process has begun and not settled comes back when the lease is over. What was tried
//! together stays together: the receiver can know it again.

pub(crate) mod sql;

mod given;
mod queue;

use std::collections::BTreeSet;

use mail_domain::DomainName;
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use sealpost_evidence::incident::{Basis, Urgency};

use crate::{
    Store, StoreError,
    column::{self, clip, senseless, text},
};

pub use given::{
    Acknowledgement, Batch, Change, Deed, Incident, IncidentId, IncidentIdError, LONGEST_RECEIVER,
    LONGEST_SUBJECT, LONGEST_TEXT, MOST_GROUNDS, MOST_RECEIVERS, NewNotice, Notice, NoticeClaiming,
    NoticeKind, NoticeState, Phase, QueueState, Sending,
};

/// Rows of one page, at most; who asks for more gets so many.
const MOST_ROWS: u32 = 1_000;

/// The incidents of a store. Clones share it.
#[derive(Clone)]
pub struct Incidents {
    store: Store,
}

impl Incidents {
    pub(crate) fn new(store: Store) -> Self {
        Self { store }
    }

    /// Writes changes, each with its notices. A receiver that is told something of an incident is told
    /// no later what waits to be told of it before, so that it hears the story in order. One that was thought of for an incident as it no
    /// longer is, or for one that is there already, is left out with its notices; says how many were
    /// not.
    ///
    /// # Errors
    ///
    /// [`StoreError::Refused`] if one breaks a bound; else what [`StoreError`] says of writing. Then
    /// nothing is written.
    pub async fn apply(&self, changes: Vec<Change>) -> Result<usize, StoreError> {
        changes.iter().try_for_each(Change::check)?;
        let work = move |connection: &Connection| {
            let mut applied = 0;
            for change in &changes {
                applied += usize::from(apply(connection, change)?);
            }
            Ok(applied)
        };
        self.store.writer.write(work).await
    }

    /// Somebody has an open incident in hand; what waits to be told of it is dropped. `false` if
    /// there is no such incident, or it is not open.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of writing.
    pub async fn acknowledge(
        &self,
        id: IncidentId,
        acknowledgement: Acknowledgement,
    ) -> Result<bool, StoreError> {
        let work = move |connection: &Connection| {
            let Acknowledgement { by, at, until, reason } = &acknowledgement;
            let (by, reason) = (clip(by, 200), clip(reason, LONGEST_TEXT));
            let mut take = connection.prepare_cached(sql::TAKE)?;
            let values = params![until, by, at, until, reason, id.as_str()];
            let is_open = take.query_row(values, |_| Ok(())).optional()?.is_some();
            if is_open {
                drop_waiting(connection, &id, *at)?;
            }
            Ok(is_open)
        };
        self.store.writer.write(work).await
    }

    /// Incidents that are not over, in the order in which they came up, from behind this number on;
    /// at most `limit`, and at most 1,000.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of reading.
    pub async fn live(&self, behind: i64, limit: u32) -> Result<Vec<Incident>, StoreError> {
        self.rows(sql::LIVE, move |statement, read| {
            Ok(statement.query_map(params![behind, limit.min(MOST_ROWS)], read)?.collect())
        })
        .await
    }

    /// Incidents in this phase, of one domain or all, the last first: those before the number
    /// `before`; at most `limit`, and at most 1,000.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of reading.
    pub async fn list(
        &self,
        phase: Phase,
        domain: Option<DomainName>,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Vec<Incident>, StoreError> {
        let (before, limit) = (before.unwrap_or(i64::MAX), limit.min(MOST_ROWS));
        let phase = phase.as_str();
        match domain {
            Some(domain) => {
                self.rows(sql::LIST_OF_DOMAIN, move |statement, read| {
                    let values = params![domain.as_str(), phase, before, limit];
                    Ok(statement.query_map(values, read)?.collect())
                })
                .await
            }
            None => {
                self.rows(sql::LIST, move |statement, read| {
                    Ok(statement.query_map(params![phase, before, limit], read)?.collect())
                })
                .await
            }
        }
    }

    /// One incident, with what was told of it, at most 1,000 notices; `None` if there is none of
    /// this id.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of reading.
    pub async fn incident(
        &self,
        id: IncidentId,
    ) -> Result<Option<(Incident, Vec<Notice>)>, StoreError> {
        let read = move |connection: &Connection| {
            let mut one = connection.prepare_cached(sql::ONE)?;
            let Some(found) = one.query_row([id.as_str()], incident).optional()? else {
                return Ok(None);
            };
            let mut notices = connection.prepare_cached(sql::OF_INCIDENT)?;
            let rows = notices.query_map(params![id.as_str(), MOST_ROWS], queue::notice)?;
            Ok(Some((found, rows.collect::<Result<_, _>>()?)))
        };
        self.store.readers.read(read).await
    }

    /// How many are open, for each urgency.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of reading.
    pub async fn open_counts(&self) -> Result<[u64; 3], StoreError> {
        let read = |connection: &Connection| {
            let mut statement = connection.prepare_cached(sql::OPEN_COUNTS)?;
            let mut rows = statement.query([])?;
            let mut counts = [0; 3];
            while let Some(row) = rows.next()? {
                let found = urgency(row, 0)?;
                let place = Urgency::ALL.iter().position(|one| *one == found);
                if let Some(count) = place.and_then(|place| counts.get_mut(place)) {
                    *count = column::count(row, 1)?;
                }
            }
            Ok(counts)
        };
        self.store.readers.read(read).await
    }

    /// Forgets up to `limit` incidents that were over before a time, with their notices; says how
    /// many. Call it again while it is `limit`.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of writing; then none is forgotten.
    pub async fn prune(&self, before: i64, limit: u32) -> Result<u32, StoreError> {
        let limit = limit.min(MOST_ROWS);
        let work = move |connection: &Connection| {
            let mut old = connection.prepare_cached(sql::OLD)?;
            let ids = old.query_map(params![before, limit], |row| row.get::<_, String>(0))?;
            let ids = ids.collect::<Result<Vec<_>, _>>()?;
            for id in &ids {
                connection.prepare_cached(sql::FORGET_NOTICES)?.execute([id])?;
                connection.prepare_cached(sql::FORGET_OLD)?.execute([id])?;
            }
            connection.prepare_cached(sql::FORGET_OTHER_NOTICES)?.execute([before])?;
            Ok(u32::try_from(ids.len()).unwrap_or(limit))
        };
        self.store.writer.write(work).await
    }

    async fn rows(
        &self,
        sql: &'static str,
        ask: impl FnOnce(
            &mut rusqlite::CachedStatement<'_>,
            fn(&Row<'_>) -> rusqlite::Result<Incident>,
        ) -> rusqlite::Result<rusqlite::Result<Vec<Incident>>>
        + Send
        + 'static,
    ) -> Result<Vec<Incident>, StoreError> {
        let read = move |connection: &Connection| {
            let mut statement = connection.prepare_cached(sql)?;
            Ok(ask(&mut statement, incident)??)
        };
        self.store.readers.read(read).await
    }
}

/// Drops what nobody needs to be told any more. Who was to hear of the incident for the first time
/// has not heard of it then.
fn drop_waiting(connection: &Connection, id: &IncidentId, now: i64) -> Result<(), StoreError> {
    let mut drop = connection.prepare_cached(sql::DROP_OF_INCIDENT)?;
    let dropped = drop.query_map(params![now, id.as_str()], |row| {
        Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?))
    })?;
    let dropped = dropped.collect::<Result<Vec<_>, _>>()?;
    let mut told_to = connection.prepare_cached(sql::TOLD_TO)?;
    let told_to = told_to.query_row([id.as_str()], |row| column::json(0, text(row, 0)?));
    let mut told_to: BTreeSet<String> = told_to?;
    for (receiver, kind) in dropped {
        if kind == NoticeKind::Opened.as_str() {
            told_to.remove(&receiver);
        }
    }
    let told_to = serde_json::to_string(&told_to).unwrap_or_default();
    let mut keep = connection.prepare_cached(sql::KEEP_TOLD_TO)?;
    keep.execute(params![told_to, id.as_str()])?;
    Ok(())
}

/// Whether it was as the change supposes.
fn apply(connection: &Connection, change: &Change) -> Result<bool, StoreError> {
    let Change { incident, deed, notices } = change;
    let Incident { phase, urgency, basis, opened_at, gone_since, resolved_at, .. } = incident;
    let (phase, urgency, basis) = (phase.as_str(), urgency.as_str(), basis.as_str());
    let told = incident.told.map(Urgency::as_str);
    let told_to = serde_json::to_string(&incident.told_to).unwrap_or_default();
    let summary = clip(&incident.summary, LONGEST_TEXT);
    let grounds: Vec<String> =
        incident.grounds.iter().take(MOST_GROUNDS).map(|text| clip(text, LONGEST_TEXT)).collect();
    let grounds = serde_json::to_string(&grounds).unwrap_or_default();
    let is_applied = match deed {
        Deed::Add => {
            let mut next = connection.prepare_cached(sql::NEXT)?;
            let number: i64 = next.query_row([], |row| row.get(0))?;
            let Incident { id, cause, domain, subject, since, silent_until, .. } = incident;
            let mut add = connection.prepare_cached(sql::ADD)?;
            let values = params![
                id.as_str(),
                number,
                cause,
                domain.as_str(),
                subject,
                phase,
                urgency,
                basis,
                since,
                opened_at,
                gone_since,
                resolved_at,
                told,
                told_to,
                summary,
                grounds,
                silent_until
            ];
            add.query_row(values, |_| Ok(())).optional()?
        }
        Deed::Change => {
            let mut to = connection.prepare_cached(sql::CHANGE)?;
            let values = params![
                phase,
                urgency,
                basis,
                opened_at,
                gone_since,
                resolved_at,
                told,
                told_to,
                summary,
                grounds,
                incident.silent_until,
                incident.since,
                incident.id.as_str(),
                incident.revision
            ];
            to.query_row(values, |_| Ok(())).optional()?
        }
        Deed::Forget => {
            let mut forget = connection.prepare_cached(sql::FORGET)?;
            let values = params![incident.id.as_str(), incident.revision];
            forget.query_row(values, |_| Ok(())).optional()?
        }
    };
    if is_applied.is_none() {
        return Ok(false);
    }
    for notice in notices {
        queue::add(connection, Some(&incident.id), notice)?;
    }
    Ok(true)
}

fn incident(row: &Row<'_>) -> rusqlite::Result<Incident> {
    let told: Option<String> = row.get(13)?;
    let told = told.map(|word| Urgency::named(&word).ok_or_else(|| senseless(13))).transpose()?;
    let told_to: BTreeSet<String> = column::json(14, text(row, 14)?)?;
    let acknowledged = match (row.get(18)?, row.get(19)?, row.get(20)?, row.get(21)?) {
        (Some(by), Some(at), Some(until), Some(reason)) => {
            Some(Acknowledgement { by, at, until, reason })
        }
        _ => None,
    };
    Ok(Incident {
        id: text(row, 0)?.parse().map_err(|_| senseless(0))?,
        number: row.get(1)?,
        revision: row.get(2)?,
        cause: row.get(3)?,
        domain: text(row, 4)?.parse().map_err(|_| senseless(4))?,
        subject: row.get(5)?,
        phase: Phase::named(text(row, 6)?).ok_or_else(|| senseless(6))?,
        urgency: urgency(row, 7)?,
        basis: Basis::named(text(row, 8)?).ok_or_else(|| senseless(8))?,
        since: row.get(9)?,
        opened_at: row.get(10)?,
        gone_since: row.get(11)?,
        resolved_at: row.get(12)?,
        told,
        told_to,
        summary: row.get(15)?,
        grounds: column::json(16, text(row, 16)?)?,
        silent_until: row.get(17)?,
        acknowledged,
    })
}

fn urgency(row: &Row<'_>, column: usize) -> rusqlite::Result<Urgency> {
    Urgency::named(text(row, column)?).ok_or_else(|| senseless(column))
}

#[cfg(test)]
mod tests;
