//! What changes the queue. Each is a part of one transaction.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension as _, Row, params};
use sealpost_evidence::traffic::Day;

use super::{
    Claim, Claiming, Goal, MOST_ROWS, NewSubmissions, Outcome, Settlement, SubmissionId,
    SubmissionState, Suppression, sql,
};
use crate::{
    StoreError,
    column::{clip, senseless, text},
};

/// How much of an answer is kept, in characters.
const ANSWER: usize = 1_000;

/// Whether it was not there.
pub(super) fn enqueue(
    connection: &Connection,
    report: &NewSubmissions,
) -> Result<bool, StoreError> {
    let number = |sql| -> Result<i64, StoreError> {
        Ok(connection.prepare_cached(sql)?.query_row([], |row| row.get(0))?)
    };
    let values = params![
        number(sql::NEXT_REPORT)?,
        report.report_id,
        report.about.as_str(),
        report.day.number(),
        report.queued_at,
        report.octets
    ];
    let mut add = connection.prepare_cached(sql::ADD_REPORT)?;
    let Some(id) = add.query_row(values, |row| row.get::<_, i64>(0)).optional()? else {
        return Ok(false);
    };
    let mut add = connection.prepare_cached(sql::ADD)?;
    let mut state = SubmissionState::Waiting;
    for place in &report.destinations {
        add.execute(params![
            number(sql::NEXT)?,
            id,
            place.rua,
            place.host,
            state.as_str(),
            place.due,
            place.lifetime.max(0)
        ])?;
        if report.goal == Goal::First {
            state = SubmissionState::Reserve;
        }
    }
    Ok(true)
}

pub(super) fn claim(
    connection: &Connection,
    claiming: &Claiming,
) -> Result<Vec<Claim>, StoreError> {
    let Claiming { owner, now, lease_until, under_way, limit, per_host, per_host_a_day } = claiming;
    let mut hold_on = connection.prepare_cached(sql::HOLD_ON)?;
    for (id, attempt) in under_way {
        hold_on.execute(params![lease_until, id.0, attempt, owner])?;
    }
    let day = Day::of(*now).number();
    let limit = (*limit).min(MOST_ROWS);
    let most = usize::try_from(limit).unwrap_or_default();
    let mut claims = Vec::new();
    let mut hold = connection.prepare_cached(sql::HOLD)?;
    let mut held_of = connection.prepare_cached(sql::HELD_OF_HOST)?;
    let mut begun = connection.prepare_cached(sql::ATTEMPTS_OF_HOST)?;
    let mut count_attempt = connection.prepare_cached(sql::COUNT_ATTEMPT)?;
    let mut claimed = connection.prepare_cached(sql::CLAIMED)?;
    // A host that comes to its limit is left out of the next look, so that one with many reports
    // does not stand before all others.
    while claims.len() < most && *lease_until > *now {
        let due = due(connection, claiming, day)?;
        // Those that may still be begun.
        let mut room: HashMap<&str, i64> = HashMap::new();
        let before = claims.len();
        for (id, host) in &due {
            if claims.len() >= most {
                break;
            }
            if !room.contains_key(host.as_str()) {
                let held: i64 = held_of.query_row(params![host, now], |row| row.get(0))?;
                let begun = begun.query_row(params![day, host], |row| row.get(0)).optional()?;
                let today = i64::from(*per_host_a_day).saturating_sub(begun.unwrap_or(0));
                room.insert(host, i64::from(*per_host).saturating_sub(held).min(today));
            }
            let Some(room) = room.get_mut(host.as_str()).filter(|room| **room > 0) else {
                continue;
            };
            *room -= 1;
            count_attempt.execute(params![day, host])?;
            hold.execute(params![owner, lease_until, now, id])?;
            claims.push(claimed.query_row([id], read_claim)?);
        }
        if claims.len() == before {
            break;
        }
    }
    Ok(claims)
}

fn due(
    connection: &Connection,
    claiming: &Claiming,
    day: i64,
) -> Result<Vec<(i64, String)>, StoreError> {
    let Claiming { now, per_host, per_host_a_day, limit, .. } = claiming;
    let values = params![now, per_host, day, per_host_a_day, (*limit).min(MOST_ROWS)];
    let mut statement = connection.prepare_cached(sql::DUE)?;
    let rows = statement.query_map(values, |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn read_claim(row: &Row<'_>) -> rusqlite::Result<Claim> {
    let (first_try, lifetime): (i64, i64) = (row.get(2)?, row.get(3)?);
    Ok(Claim {
        id: SubmissionId(row.get(0)?),
        attempt: row.get(1)?,
        first_try,
        expires_at: first_try.saturating_add(lifetime),
        rua: row.get(4)?,
        report_id: row.get(5)?,
        about: text(row, 6)?.parse().map_err(|_| senseless(6))?,
        octets: row.get(7)?,
    })
}

/// Whether it was still open.
pub(super) fn settle(connection: &Connection, settlement: &Settlement) -> Result<bool, StoreError> {
    let Settlement { claim, outcome, answer, now } = settlement;
    let (state, due, settled_at) = match outcome {
        Outcome::Accepted => (SubmissionState::Accepted, None, Some(*now)),
        Outcome::Later { due } => (SubmissionState::Waiting, Some(*due), None),
        Outcome::Refused => (SubmissionState::Refused, None, Some(*now)),
        Outcome::Expired => (SubmissionState::Expired, None, Some(*now)),
    };
    let answer = clip(answer, ANSWER);
    let values = params![state.as_str(), due, answer, settled_at, claim.id.0, claim.attempt];
    let mut statement = connection.prepare_cached(sql::SETTLE)?;
    let report = statement.query_row(values, |row| row.get::<_, i64>(0)).optional()?;
    let Some(report) = report else { return Ok(false) };
    match outcome {
        Outcome::Later { .. } => {}
        //= https://www.rfc-editor.org/rfc/rfc8460#section-3
        //# the report SHOULD NOT be considered
        //# successfully delivered until one of the endpoints accepts delivery of
        //# the report
        Outcome::Accepted => {
            connection.prepare_cached(sql::SPARE)?.execute(params![now, report])?;
        }
        Outcome::Refused | Outcome::Expired => promote(connection, report, *now)?,
    }
    Ok(true)
}

/// Makes the next destination of a report due that is tried only now.
fn promote(connection: &Connection, report: i64, now: i64) -> Result<(), StoreError> {
    connection.prepare_cached(sql::PROMOTE)?.execute(params![now, report])?;
    Ok(())
}

pub(super) fn release(connection: &Connection, owner: &str) -> Result<usize, StoreError> {
    let mut statement = connection.prepare_cached(sql::RELEASE)?;
    let ids = statement.query_map([owner], |row| row.get::<_, i64>(0))?;
    Ok(ids.collect::<Result<Vec<_>, _>>()?.len())
}

/// Ends what was held back for too long.
pub(super) fn expire(connection: &Connection, now: i64) -> Result<usize, StoreError> {
    let mut statement = connection.prepare_cached(sql::EXPIRE)?;
    let reports = statement.query_map([now], |row| row.get::<_, i64>(0))?;
    let reports = reports.collect::<Result<Vec<_>, _>>()?;
    for report in &reports {
        promote(connection, *report, now)?;
    }
    connection.prepare_cached(sql::FORGET_ATTEMPTS)?.execute([Day::of(now).plus(-7).number()])?;
    Ok(reports.len())
}

/// Notes that a mail has come back, and holds its destination back; whether it was thought to have
/// arrived.
pub(super) fn bounce(
    connection: &Connection,
    id: SubmissionId,
    suppression: &Suppression,
) -> Result<bool, StoreError> {
    let answer = clip(&suppression.reason, ANSWER);
    let values = params![answer, suppression.since, id.0, suppression.destination];
    let mut statement = connection.prepare_cached(sql::BOUNCE)?;
    let report = statement.query_row(values, |row| row.get::<_, i64>(0)).optional()?;
    if report.is_some() {
        suppress(connection, suppression)?;
    }
    Ok(report.is_some())
}

pub(super) fn retry(
    connection: &Connection,
    ids: &[SubmissionId],
    now: i64,
) -> Result<usize, StoreError> {
    let mut statement = connection.prepare_cached(sql::RETRY)?;
    let mut changed = 0;
    for id in ids {
        changed += statement.execute(params![now, id.0])?;
    }
    Ok(changed)
}

pub(super) fn drop_waiting(
    connection: &Connection,
    ids: &[SubmissionId],
    now: i64,
) -> Result<usize, StoreError> {
    let mut statement = connection.prepare_cached(sql::DROP_WAITING)?;
    let mut changed = 0;
    for id in ids {
        let report = statement.query_row(params![now, id.0], |row| row.get(0)).optional()?;
        if let Some(report) = report {
            changed += 1;
            promote(connection, report, now)?;
        }
    }
    Ok(changed)
}

pub(super) fn prune(connection: &Connection, before: i64, limit: u32) -> Result<u32, StoreError> {
    let mut old = connection.prepare_cached(sql::OLD)?;
    let ids = old.query_map(params![before, limit], |row| row.get::<_, i64>(0))?;
    let ids = ids.collect::<Result<Vec<_>, _>>()?;
    for id in &ids {
        for statement in [sql::FORGET_SUBMISSIONS, sql::FORGET_REPORT] {
            connection.prepare_cached(statement)?.execute([id])?;
        }
    }
    Ok(u32::try_from(ids.len()).unwrap_or(limit))
}

pub(super) fn suppress(
    connection: &Connection,
    suppression: &Suppression,
) -> Result<(), StoreError> {
    let Suppression { destination, since, until, reason } = suppression;
    connection.prepare_cached(sql::SUPPRESS)?.execute(params![
        destination,
        since,
        until,
        reason
    ])?;
    Ok(())
}

pub(super) fn lift(connection: &Connection, destination: &str) -> Result<bool, StoreError> {
    let mut statement = connection.prepare_cached(sql::LIFT)?;
    Ok(statement.query_row([destination], |_| Ok(())).optional()?.is_some())
}
