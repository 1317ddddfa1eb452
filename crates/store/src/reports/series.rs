//! Sessions by day.

use std::collections::BTreeMap;

use mail_domain::DomainName;
use rusqlite::{Connection, Row, params};
use sealpost_evidence::traffic::{Bounds, Day, DaySeries, DayTraffic};

use super::{
    ByReporter, DayRange, DayShare, DomainId, DomainTraffic, Scope, Subject,
    details::{DayPart, Days},
    domain_id, listing, packed, sql,
    sums::{ALL, OF_DOMAIN, OF_REPORTER},
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

/// What one reporter says of one domain.
fn of_both(
    connection: &Connection,
    scope: Scope,
    (domain, reporter): (i64, i64),
    days: DayRange,
) -> Result<Vec<DayTraffic>, StoreError> {
    let (mut sums, _) = parts(connection, scope, (domain, reporter), days)?;
    Ok(sums.remove(&reporter).unwrap_or_default().into_values().collect())
}

/// What each reporter says of one domain, in the order in which they first came.
pub(super) fn by_reporter(
    connection: &Connection,
    scope: Scope,
    domain: &DomainName,
    days: DayRange,
) -> Result<ByReporter, StoreError> {
    let Some(id) = domain_id(connection, domain)? else {
        return Ok(ByReporter { series: Vec::new(), is_cut: false });
    };
    let (sums, is_cut) = parts(connection, scope, (id, 0), bounded(days))?;
    let mut series = Vec::with_capacity(sums.len());
    for (reporter, days) in sums {
        let reporter = listing::reporter(connection, reporter)?;
        let days = days.into_values().collect();
        series.push(DaySeries { domain: Some(domain.clone()), reporter, days });
    }
    Ok(ByReporter { series, is_cut })
}

/// The days of each reporter.
type Parts = BTreeMap<i64, BTreeMap<Day, DayTraffic>>;

/// Sums for one domain and one reporter, or for each if that is 0, and whether some were left out.
/// They are made here, from the reports: there are as many pairs as reports in a day, and few of
/// them are ever asked for.
fn parts(
    connection: &Connection,
    scope: Scope,
    (domain, reporter): (i64, i64),
    days: DayRange,
) -> Result<(Parts, bool), StoreError> {
    // A report on several days is found by its last one.
    let most = i64::try_from(super::MOST_DAYS).unwrap_or(i64::MAX);
    let until = days.last.plus(most);
    let mut statement = connection.prepare_cached(sql::PARTS)?;
    let values =
        params![scope.with(domain), days.first.number(), until.number(), reporter, MOST_PARTS];
    let mut rows = statement.query(values)?;
    let (mut parts, mut read) = (Parts::new(), 0_u32);
    while let Some(row) = rows.next()? {
        read += 1;
        let (reporter, last) = (row.get(0)?, Day::new(row.get(1)?));
        for DayShare { day, successful, failed } in shares(row, last)? {
            if day < days.first || day > days.last {
                continue;
            }
            let sums: &mut BTreeMap<Day, DayTraffic> = parts.entry(reporter).or_default();
            let sum = sums.entry(day).or_insert(DayTraffic {
                day,
                reports: 0,
                successful: Bounds::default(),
                failed: Bounds::default(),
            });
            sum.reports = sum.reports.saturating_add(u64::from(day == last));
            sum.successful = sum.successful.plus(successful);
            sum.failed = sum.failed.plus(failed);
        }
    }
    Ok((parts, read == MOST_PARTS))
}

/// The days of a row of [`sql::PARTS`], the last of which stands in it.
fn shares(row: &Row<'_>, last: Day) -> Result<Vec<DayShare>, StoreError> {
    let text = packed::text(row, 6)?;
    let Days { days } = column::json(6, &text)?;
    if !days.is_empty() {
        return Ok(days.into_iter().map(DayPart::share).collect());
    }
    let count = |place| column::count(row, place);
    let successful = Bounds::between(count(2)?, count(3)?);
    let failed = Bounds::between(count(4)?, count(5)?);
    Ok(vec![DayShare { day: last, successful, failed }])
}
