//! Reports and reporters as they are listed.

use std::borrow::Cow;

use data_encoding::BASE64URL_NOPAD;
use mail_domain::DomainName;
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use sealpost_evidence::traffic::{Bounds, Day, Reporter, ReporterActivity};

use super::{
    Content, Echo, MOST_ROWS, RepairCount, ReportFilter, ReportId, ReportPlace, ReportSummary,
    ReporterId, ReporterRow, Scope, StoredReport, Validity, accept,
    details::{Details, PolicyPart, Shown},
    domain_id, echoes, packed, sql, sums,
};
use crate::{
    Digest, StoreError,
    column::{self, senseless},
};

/// Days of a reporter's habit.
const HABIT: usize = 60;

pub(super) fn list(
    connection: &Connection,
    filter: &ReportFilter,
    after: Option<ReportPlace>,
    limit: u32,
) -> Result<Vec<ReportSummary>, StoreError> {
    let scope = filter.scope;
    let (first, last) = (filter.days.first.number(), filter.days.last.number());
    let (day, id) = after.map_or((i64::MAX, 0), |place| (place.day.number(), place.id.0));
    let reporter = filter.subject.reporter.map_or(0, |reporter| reporter.0);
    let is_failing = filter.content == Content::Failures;
    let ids = match (&filter.subject.domain, reporter) {
        (Some(domain), _) => {
            let Some(domain) = domain_id(connection, domain)? else { return Ok(Vec::new()) };
            let sql = if is_failing { sql::LIST_OF_DOMAIN_FAILING } else { sql::LIST_OF_DOMAIN };
            let values = params![scope.with(domain), first, last, day, id, reporter, limit];
            ids(connection, sql, values)?
        }
        (None, 0) => {
            let sql = if is_failing { sql::LIST_FAILING } else { sql::LIST };
            ids(connection, sql, params![scope.number(), first, last, day, id, limit])?
        }
        (None, reporter) => {
            let sql =
                if is_failing { sql::LIST_OF_REPORTER_FAILING } else { sql::LIST_OF_REPORTER };
            ids(connection, sql, params![scope.with(reporter), first, last, day, id, limit])?
        }
    };
    let mut statement = connection.prepare_cached(sql::REPORT)?;
    let rows = ids.into_iter().map(|id| statement.query_row([id], summary));
    Ok(rows.collect::<Result<_, _>>()?)
}

fn ids(
    connection: &Connection,
    sql: &str,
    values: &[&dyn rusqlite::ToSql],
) -> Result<Vec<i64>, StoreError> {
    let mut statement = connection.prepare_cached(sql)?;
    let ids = statement.query_map(values, |row| row.get(0))?;
    Ok(ids.collect::<Result<_, _>>()?)
}

pub(super) fn report(
    connection: &Connection,
    id: ReportId,
) -> Result<Option<StoredReport>, StoreError> {
    let mut statement = connection.prepare_cached(sql::REPORT)?;
    let found = statement.query_row([id.0], |row| {
        Ok((summary(row)?, row.get::<_, [u8; 20]>(21)?, row.get::<_, Option<String>>(22)?))
    });
    let Some((summary, key, contact)) = found.optional()? else { return Ok(None) };
    let mut read = connection.prepare_cached(sql::DETAILS)?;
    let text = read.query_row([id.0], |row| packed::text(row, 0).map(Cow::into_owned))?;
    let details: Details<'_> = column::json(0, &text)?;
    let mut policies = Vec::with_capacity(details.policies.len());
    for policy in &details.policies {
        let text = shown(connection, policy)?;
        let shown: Shown<'_> = column::json(0, &text)?;
        policies.push(policy.reported(&shown));
    }
    let mut others = connection.prepare_cached(sql::REVISIONS)?;
    let values = params![key, summary.scope.number(), summary.reporter_id.0];
    let others = others.query_map(values, |row| row.get::<_, i64>(0))?;
    let others = others.collect::<Result<Vec<_>, _>>()?;
    let revisions = others.into_iter().map(ReportId).filter(|other| *other != id).collect();
    let echo = match details.echo {
        0 => echoes::echo(connection, &summary)?,
        _ => Echo::Likely,
    };
    Ok(Some(StoredReport {
        days: sums::counted(connection, id.0)?.days,
        summary,
        contact,
        policies,
        repairs: details.repairs(),
        unkept: details.unkept,
        echo,
        revisions,
    }))
}

/// The text of a policy: what is kept in its place is that, or the digest of it.
fn shown<'a>(
    connection: &Connection,
    policy: &'a PolicyPart<'_>,
) -> Result<Cow<'a, str>, StoreError> {
    if policy.shown.starts_with('{') {
        return Ok(Cow::Borrowed(&policy.shown));
    }
    let digest = BASE64URL_NOPAD.decode(policy.shown.as_bytes()).map_err(StoreError::damaged)?;
    let mut statement = connection.prepare_cached(sql::SHOWN_POLICY)?;
    Ok(statement.query_row([digest], |row| row.get::<_, String>(0)).map(Cow::Owned)?)
}

pub(super) fn reporters(
    connection: &Connection,
    scope: Scope,
    after: Option<ReporterId>,
    limit: u32,
) -> Result<Vec<ReporterRow>, StoreError> {
    let mut next = connection.prepare_cached(sql::NEXT_REPORTER)?;
    let mut place = after.map_or(0, |id| id.0);
    let mut rows = Vec::new();
    for _ in 0..limit {
        let Some(id) = next_subject(&mut next, scope, place)? else { break };
        place = id;
        rows.push(ReporterRow { id: ReporterId(id), activity: activity(connection, scope, id)? });
    }
    Ok(rows)
}

/// The next domain or reporter of a scope, by [`sql::NEXT_DOMAIN`] or [`sql::NEXT_REPORTER`].
pub(super) fn next_subject(
    next: &mut rusqlite::Statement<'_>,
    scope: Scope,
    place: i64,
) -> Result<Option<i64>, StoreError> {
    let until = scope.with(i64::from(i32::MAX));
    let found = next.query_row([scope.with(place), until], |row| row.get::<_, i64>(0));
    Ok(found.optional()?.map(|found| found.saturating_sub(scope.with(0))))
}

fn activity(
    connection: &Connection,
    scope: Scope,
    id: i64,
) -> Result<ReporterActivity, StoreError> {
    let scoped = scope.with(id);
    let (reporter, contact) = connection.prepare_cached(sql::REPORTER)?.query_row([id], |row| {
        let (signer, organisation) = (row.get(0)?, row.get(1)?);
        Ok((Reporter { signer, organisation }, row.get(2)?))
    })?;
    let place = |sql| {
        let mut statement = connection.prepare_cached(sql)?;
        statement.query_row([scoped], |row| Ok((row.get(0)?, row.get(1)?)))
    };
    let (first_day, _): (i64, i64) = place(sql::REPORTER_FIRST)?;
    let (last_day, last_received_at): (i64, i64) = place(sql::REPORTER_LAST)?;
    // From each day to the one before: there may be thousands of reports on each.
    let mut days = vec![Day::new(last_day)];
    let mut before = connection.prepare_cached(sql::REPORTER_BEFORE)?;
    let mut day = last_day;
    while days.len() < HABIT {
        let found = before.query_row([scoped, day], |row| row.get(0)).optional()?;
        let Some(earlier) = found else { break };
        day = earlier;
        days.push(Day::new(day));
    }
    days.reverse();
    let (first_day, last_day) = (Day::new(first_day), Day::new(last_day));
    Ok(ReporterActivity { reporter, contact, first_day, last_day, last_received_at, days })
}

pub(super) fn repairs(
    connection: &Connection,
    scope: Scope,
    reporter: ReporterId,
) -> Result<Vec<RepairCount>, StoreError> {
    let mut statement = connection.prepare_cached(sql::REPAIRS)?;
    let rows = statement.query_map(params![scope.number(), reporter.0, MOST_ROWS], |row| {
        Ok(RepairCount {
            code: row.get(0)?,
            reports: column::count(row, 1)?,
            place: row.get(2)?,
            report: ReportId(row.get(3)?),
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Who has this number.
pub(super) fn reporter(connection: &Connection, id: i64) -> Result<Option<Reporter>, StoreError> {
    let mut statement = connection.prepare_cached(sql::REPORTER)?;
    let found = statement
        .query_row([id], |row| Ok(Reporter { signer: row.get(0)?, organisation: row.get(1)? }));
    Ok(found.optional()?)
}

/// The name that has this number.
pub(super) fn domain(connection: &Connection, id: i64) -> Result<Option<DomainName>, StoreError> {
    let mut statement = connection.prepare_cached(sql::DOMAIN_NAME)?;
    Ok(statement.query_row([id], |row| domain_name(row, 0))?)
}

/// Reads a row of [`sql::REPORT`].
fn summary(row: &Row<'_>) -> rusqlite::Result<ReportSummary> {
    let trust = accept::trust(column::text(row, 10)?, row.get(11)?);
    let (payload, raw): ([u8; 32], [u8; 32]) = (row.get(8)?, row.get(9)?);
    Ok(ReportSummary {
        id: ReportId(row.get(0)?),
        scope: Scope::numbered(row.get(1)?).ok_or_else(|| senseless(1))?,
        validity: match row.get::<_, i64>(2)? {
            0 => Validity::Superseded,
            _ => Validity::Current,
        },
        domain: domain_name(row, 17)?,
        reporter_id: ReporterId(row.get(18)?),
        reporter: Reporter { signer: row.get(19)?, organisation: row.get(20)? },
        trust: trust.ok_or_else(|| senseless(10))?,
        report_id: row.get(4)?,
        begins_at: row.get(5)?,
        ends_at: row.get(6)?,
        day: Day::new(row.get(3)?),
        received_at: row.get(7)?,
        successful: Bounds::between(column::count(row, 12)?, column::count(row, 13)?),
        failed: Bounds::between(column::count(row, 14)?, column::count(row, 15)?),
        is_failing: row.get::<_, i64>(16)? != 0,
        payload: Digest::from(payload),
        raw: Digest::from(raw),
    })
}

/// A name; none where it is empty.
fn domain_name(row: &Row<'_>, place: usize) -> rusqlite::Result<Option<DomainName>> {
    let text = column::text(row, place)?;
    if text.is_empty() {
        return Ok(None);
    }
    text.parse().map(Some).map_err(|_| senseless(place))
}
