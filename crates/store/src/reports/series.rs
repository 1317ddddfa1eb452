//! Sessions by day.

use std::collections::BTreeMap;

use rusqlite::{Connection, Row, params};
use sealpost_evidence::traffic::{Bounds, Day, DaySeries, DayTraffic};

use super::{
    DayRange, DayShare, DomainId, DomainTraffic, Scope, Subject, domain_id, listing, sql,
    sums::{self, ALL, OF_DOMAIN, OF_REPORTER},
};
use crate::{StoreError, column};

/// Days of a series, at most: eleven years.
const MOST_DAYS: u32 = 4000;
/// Reports that are read for the series of one domain and one reporter, at most.
const MOST_PARTS: u32 = 20_000;

pub(super) fn series(
    connection: &Connection,
    scope: Scope,
    subject: Subject,
    days: DayRange,
) -> Result<DaySeries, StoreError> {
    let range = bounded(days);
    let Subject { domain, reporter: reporter_id } = subject;
    let nothing = |domain, reporter| DaySeries { domain, reporter, days: Vec::new() };
    let known = domain.as_ref().map(|domain| domain_id(connection, domain)).transpose()?;
    let reporter = reporter_id.map(|id| listing::reporter(connection, id.0)).transpose()?.flatten();
    let days = match (known, reporter_id) {
        // Nothing was ever reported of it.
        (Some(None), _) => return Ok(nothing(domain, reporter)),
        (None, None) => of(connection, scope, ALL, 0, range)?,
        (Some(Some(id)), None) => of(connection, scope, OF_DOMAIN, id, range)?,
        (None, Some(id)) => of(connection, scope, OF_REPORTER, id.0, range)?,
        (Some(Some(domain)), Some(reporter)) => {
            of_both(connection, scope, (domain, reporter.0), range)?
        }
    };
    Ok(DaySeries { domain, reporter, days })
}

pub(super) fn domains(
    connection: &Connection,
    scope: Scope,
    days: DayRange,
    after: Option<DomainId>,
    limit: u32,
) -> Result<Vec<DomainTraffic>, StoreError> {
    let mut next = connection.prepare_cached(sql::NEXT_DOMAIN)?;
    let mut last = connection.prepare_cached(sql::DOMAIN_LAST)?;
    let mut place = after.map_or(0, |id| id.0);
    let mut domains = Vec::new();
    for _ in 0..limit {
        let Some(id) = listing::next_subject(&mut next, scope, place)? else { break };
        place = id;
        let last_day = last.query_row([scope.with(id)], |row| row.get(0))?;
        let domain = listing::domain(connection, id)?;
        let (id, last_day) = (DomainId(id), Day::new(last_day));
        domains.push(DomainTraffic { id, domain, last_day, traffic: None });
    }
    if let (Some(first), Some(last)) = (domains.first(), domains.last()) {
        let sums = sums_of_domains(connection, scope, bounded(days), first.id, last.id)?;
        for domain in &mut domains {
            domain.traffic = sums.get(&domain.id.0).copied();
        }
    }
    Ok(domains)
}

/// The sums of all domains whose numbers lie between two.
fn sums_of_domains(
    connection: &Connection,
    scope: Scope,
    days: DayRange,
    first: DomainId,
    last: DomainId,
) -> Result<BTreeMap<i64, DayTraffic>, StoreError> {
    if days.last < days.first {
        return Ok(BTreeMap::new());
    }
    let mut statement = connection.prepare_cached(sql::SUMS_OF_DOMAINS)?;
    let values = params![days.first.number(), days.last.number(), scope.number(), first.0, last.0];
    let rows = statement.query_map(values, |row| Ok((row.get(0)?, traffic(row, 1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Reads a day and its figures, from a column on.
fn traffic(row: &Row<'_>, first: usize) -> rusqlite::Result<DayTraffic> {
    let count = |place| column::count(row, first + place);
    Ok(DayTraffic {
        day: Day::new(row.get(first)?),
        reports: count(1)?,
        successful: Bounds::between(count(2)?, count(3)?),
        failed: Bounds::between(count(4)?, count(5)?),
    })
}

/// The last of the days, as many as are looked at.
fn bounded(days: DayRange) -> DayRange {
    let newest = DayRange::ending(days.last, MOST_DAYS).first;
    DayRange { first: days.first.max(newest), last: days.last }
}

/// The sums of one subject.
fn of(
    connection: &Connection,
    scope: Scope,
    kind: i64,
    subject: i64,
    days: DayRange,
) -> Result<Vec<DayTraffic>, StoreError> {
    if days.last < days.first {
        return Ok(Vec::new());
    }
    let mut statement = connection.prepare_cached(sql::SERIES)?;
    let values = params![days.first.number(), days.last.number(), scope.number(), kind, subject];
    let rows = statement.query_map(values, |row| traffic(row, 0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// What one reporter says of one domain is summed here, from its reports: there are as many pairs
/// as reports in a day, and few of them are ever asked for.
fn of_both(
    connection: &Connection,
    scope: Scope,
    (domain, reporter): (i64, i64),
    days: DayRange,
) -> Result<Vec<DayTraffic>, StoreError> {
    // A report on several days is found by its last one.
    let most = i64::try_from(super::MOST_DAYS).unwrap_or(i64::MAX);
    let until = days.last.plus(most);
    let mut statement = connection.prepare_cached(sql::PARTS)?;
    let values =
        params![scope.with(domain), days.first.number(), until.number(), reporter, MOST_PARTS];
    let ids = statement.query_map(values, |row| row.get::<_, i64>(0))?;
    let mut sums = BTreeMap::<Day, DayTraffic>::new();
    for id in ids {
        let report = sums::counted(connection, id?)?;
        for DayShare { day, successful, failed } in report.days {
            if day < days.first || day > days.last {
                continue;
            }
            let sum = sums.entry(day).or_insert(DayTraffic {
                day,
                reports: 0,
                successful: Bounds::default(),
                failed: Bounds::default(),
            });
            sum.reports = sum.reports.saturating_add(u64::from(day == report.day));
            sum.successful = sum.successful.plus(successful);
            sum.failed = sum.failed.plus(failed);
        }
    }
    Ok(sums.into_values().collect())
}
