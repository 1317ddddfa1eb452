//! What is asked of the queue.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension as _, Row, params};
use sealpost_evidence::traffic::Day;

use super::{Submission, SubmissionCounts, SubmissionId, SubmissionState, Suppression, sql};
use crate::{
    StoreError,
    column::{self, senseless, text},
};

pub(super) fn next_due(connection: &Connection) -> Result<Option<i64>, StoreError> {
    let mut statement = connection.prepare_cached(sql::NEXT_DUE)?;
    Ok(statement.query_row([], |row| row.get(0))?)
}

pub(super) fn list(
    connection: &Connection,
    state: Option<SubmissionState>,
    after: Option<SubmissionId>,
    limit: u32,
) -> Result<Vec<Submission>, StoreError> {
    let after = after.map_or(0, |id| id.0);
    let rows = match state {
        None => connection
            .prepare_cached(sql::LIST)?
            .query_map(params![after, limit], submission)?
            .collect::<Result<_, _>>()?,
        Some(state) => connection
            .prepare_cached(sql::LIST_STATE)?
            .query_map(params![state.as_str(), after, limit], submission)?
            .collect::<Result<_, _>>()?,
    };
    Ok(rows)
}

pub(super) fn counts(connection: &Connection) -> Result<SubmissionCounts, StoreError> {
    let mut statement = connection.prepare_cached(sql::COUNTS)?;
    let rows = statement.query_map([], |row| Ok((state(row, 0)?, column::count(row, 1)?)))?;
    Ok(SubmissionCounts(rows.collect::<Result<_, _>>()?))
}

pub(super) fn failing_destinations(connection: &Connection) -> Result<u64, StoreError> {
    let mut statement = connection.prepare_cached(sql::FAILING_DESTINATIONS)?;
    Ok(statement.query_row([], |row| column::count(row, 0))?)
}

pub(super) fn rua(connection: &Connection, id: SubmissionId) -> Result<Option<String>, StoreError> {
    let mut statement = connection.prepare_cached(sql::RUA)?;
    Ok(statement.query_row([id.0], |row| row.get(0)).optional()?)
}

pub(super) fn refusals(connection: &Connection, rua: &str, since: i64) -> Result<u64, StoreError> {
    let mut statement = connection.prepare_cached(sql::REFUSALS)?;
    Ok(statement.query_row(params![rua, since], |row| column::count(row, 0))?)
}

pub(super) fn mails(
    connection: &Connection,
    from: i64,
    to: i64,
) -> Result<HashMap<String, u64>, StoreError> {
    let mut statement = connection.prepare_cached(sql::MAILS)?;
    let rows = statement.query_map([from, to], |row| Ok((row.get(0)?, column::count(row, 1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(super) fn suppressed(
    connection: &Connection,
    now: i64,
    after: Option<&str>,
    limit: u32,
) -> Result<Vec<Suppression>, StoreError> {
    let mut statement = connection.prepare_cached(sql::SUPPRESSED)?;
    let rows = statement.query_map(params![now, after.unwrap_or_default(), limit], |row| {
        Ok(Suppression {
            destination: row.get(0)?,
            since: row.get(1)?,
            until: row.get(2)?,
            reason: row.get(3)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn submission(row: &Row<'_>) -> rusqlite::Result<Submission> {
    let held_until: i64 = row.get(9)?;
    Ok(Submission {
        id: SubmissionId(row.get(0)?),
        report_id: row.get(1)?,
        about: text(row, 2)?.parse().map_err(|_| senseless(2))?,
        day: Day::new(row.get(3)?),
        rua: row.get(4)?,
        state: state(row, 5)?,
        due: row.get(6)?,
        attempts: row.get(7)?,
        first_try: row.get(8)?,
        held_until: (held_until > 0).then_some(held_until),
        answer: row.get(10)?,
        settled_at: row.get(11)?,
    })
}

fn state(row: &Row<'_>, place: usize) -> rusqlite::Result<SubmissionState> {
    SubmissionState::stored_as(text(row, place)?).ok_or_else(|| senseless(place))
}
