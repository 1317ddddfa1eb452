//! What is summed of current reports, so that no page has to read them all.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension as _, params};
use sealpost_evidence::traffic::{Bounds, Day};

use super::{DayShare, accept::DetailSums, details::Details, packed, scope, sql};
use crate::{StoreError, column};

/// The sum over everything.
pub(super) const ALL: i64 = 0;
/// The sum of one domain.
pub(super) const OF_DOMAIN: i64 = 1;
/// The sum of one reporter.
pub(super) const OF_REPORTER: i64 = 2;

/// What a report counts for.
#[derive(Clone, Copy)]
pub(super) struct Counted<'a> {
    pub(super) id: i64,
    pub(super) scope: i64,
    pub(super) reporter: i64,
    pub(super) domain: i64,
    /// The last day.
    pub(super) day: Day,
    /// All days, one at least.
    pub(super) days: &'a [DayShare],
    pub(super) details: &'a DetailSums,
}

/// What a stored report counts for.
pub(super) struct StoredCounts {
    id: i64,
    pub(super) scope: i64,
    pub(super) reporter: i64,
    pub(super) domain: i64,
    pub(super) day: Day,
    pub(super) days: Vec<DayShare>,
    details: DetailSums,
}

/// Is it counted, or no longer?
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Sign {
    Plus,
    Minus,
}

/// What a stored report counts for. It says the same however often it is asked, so that what is
/// taken away is what was added.
pub(super) fn counted(connection: &Connection, id: i64) -> Result<StoredCounts, StoreError> {
    let mut statement = connection.prepare_cached(sql::COUNTED)?;
    statement
        .query_row([id], |row| {
            let text = packed::text(row, 10)?;
            let stored: Details<'_> = column::json(10, &text)?;
            let details = DetailSums::of(&stored);
            let day = Day::new(row.get(5)?);
            let days = if stored.days.is_empty() {
                let successful = Bounds::between(column::count(row, 6)?, column::count(row, 7)?);
                let failed = Bounds::between(column::count(row, 8)?, column::count(row, 9)?);
                vec![DayShare { day, successful, failed }]
            } else {
                stored.days.iter().map(|part| part.share()).collect()
            };
            let (scope, reporter, domain) = (row.get(0)?, row.get(3)?, row.get(4)?);
            Ok(StoredCounts { id, scope, reporter, domain, day, days, details })
        })
        .map_err(StoreError::from)
}

/// Adds a stored report to every sum, or takes it away.
pub(super) fn count(
    connection: &Connection,
    report: &StoredCounts,
    sign: Sign,
) -> Result<(), StoreError> {
    let StoredCounts { id, scope, reporter, domain, day, ref days, ref details } = *report;
    let report = Counted { id, scope, reporter, domain, day, days, details };
    let mut sums = Sums::default();
    match sign {
        Sign::Plus => {
            sums.add(report);
            sums.write(connection)
        }
        Sign::Minus => {
            sums.add_days(report);
            write_days(connection, sums.days, Sign::Minus)?;
            take_details(connection, report)
        }
    }
}

/// What is added to the sums by many reports, in the order in which the rows lie. Some hundred
/// reports are mostly about the same few days, reporters and repairs, so each row is written once.
#[derive(Default)]
pub(super) struct Sums<'a> {
    days: BTreeMap<DayKey, DaySum>,
    /// By scope, domain, reporter, policy type and result type.
    failures: BTreeMap<(i64, i64, i64, &'a str, &'a str), FailureSum>,
    /// By scope, reporter and code.
    repairs: BTreeMap<(i64, i64, &'a str), RepairSum<'a>>,
}

/// Scope, kind, day and subject: the key of a row.
type DayKey = (i64, i64, i64, i64);

/// What is added to one row of the days.
#[derive(Clone, Copy, Default)]
struct DaySum {
    parts: u64,
    reports: u64,
    successful: Bounds,
    failed: Bounds,
}

/// What is added to one row of the failures.
#[derive(Clone, Copy)]
struct FailureSum {
    reports: u64,
    sessions: u64,
    first: i64,
    last: i64,
}

/// What is added to one row of the repairs: the place is that in the last of the reports.
#[derive(Clone, Copy)]
struct RepairSum<'a> {
    reports: u64,
    place: &'a str,
    report: i64,
}

impl<'a> Sums<'a> {
    pub(super) fn add(&mut self, report: Counted<'a>) {
        self.add_days(report);
        let Counted { id, scope, reporter, domain, details, .. } = report;
        let day = report.day.number();
        for (policy, result, sessions) in &details.failures {
            let key = (scope, domain, reporter, policy.as_str(), result.as_str());
            let none = FailureSum { reports: 0, sessions: 0, first: day, last: day };
            let sum = self.failures.entry(key).or_insert(none);
            sum.reports = sum.reports.saturating_add(1);
            sum.sessions = sum.sessions.saturating_add(*sessions);
            sum.first = sum.first.min(day);
            sum.last = sum.last.max(day);
        }
        for (code, place) in &details.repairs {
            let none = RepairSum { reports: 0, place, report: id };
            let sum = self.repairs.entry((scope, reporter, code.as_str())).or_insert(none);
            *sum = RepairSum { reports: sum.reports.saturating_add(1), place, report: id };
        }
    }

    fn add_days(&mut self, report: Counted<'_>) {
        for share in report.days {
            for (kind, subject) in subjects(report) {
                let key = (report.scope, kind, share.day.number(), subject);
                let sum = self.days.entry(key).or_default();
                sum.parts = sum.parts.saturating_add(1);
                sum.reports = sum.reports.saturating_add(u64::from(share.day == report.day));
                sum.successful = sum.successful.plus(share.successful);
                sum.failed = sum.failed.plus(share.failed);
            }
        }
    }

    /// Writes all of it, and is empty afterwards.
    pub(super) fn write(&mut self, connection: &Connection) -> Result<(), StoreError> {
        let Self { days, failures, repairs } = std::mem::take(self);
        write_days(connection, days, Sign::Plus)?;
        let mut add = connection.prepare_cached(sql::COUNT_FAILURE)?;
        for ((scope, domain, reporter, policy, result), sum) in failures {
            let FailureSum { first, last, .. } = sum;
            let (reports, sessions) = (column::stored(sum.reports), column::stored(sum.sessions));
            add.execute(params![
                scope, domain, reporter, policy, result, reports, sessions, first, last
            ])?;
        }
        let mut add = connection.prepare_cached(sql::COUNT_REPAIR)?;
        for ((scope, reporter, code), RepairSum { reports, place, report }) in repairs {
            add.execute(params![scope, reporter, code, column::stored(reports), place, report])?;
        }
        Ok(())
    }
}

/// The subjects of the rows that a report counts for.
fn subjects(report: Counted<'_>) -> [(i64, i64); 3] {
    [(ALL, 0), (OF_DOMAIN, report.domain), (OF_REPORTER, report.reporter)]
}

fn write_days(
    connection: &Connection,
    days: BTreeMap<DayKey, DaySum>,
    sign: Sign,
) -> Result<(), StoreError> {
    let signed = |count: u64| {
        let count = column::stored(count);
        if sign == Sign::Minus { -count } else { count }
    };
    let mut add = connection.prepare_cached(sql::COUNT_DAY)?;
    let mut drop_empty = connection.prepare_cached(sql::DROP_EMPTY_DAY)?;
    for ((scope, kind, day, subject), sum) in days {
        add.execute(params![
            scope,
            kind,
            day,
            subject,
            signed(sum.parts),
            signed(sum.reports),
            signed(sum.successful.lower),
            signed(sum.successful.upper),
            signed(sum.failed.lower),
            signed(sum.failed.upper),
        ])?;
        if sign == Sign::Minus {
            drop_empty.execute(params![scope, kind, day, subject])?;
        }
    }
    Ok(())
}

fn take_details(connection: &Connection, report: Counted<'_>) -> Result<(), StoreError> {
    let Counted { scope, reporter, domain, details, .. } = report;
    for (policy, result, sessions) in &details.failures {
        let sessions = column::stored(*sessions);
        let values = params![sessions, scope, domain, reporter, policy, result];
        let mut take = connection.prepare_cached(sql::UNCOUNT_FAILURE)?;
        let left = take.query_row(values, |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?, row.get::<_, i64>(2)?))
        });
        match left.optional()? {
            Some((0, ..)) | None => {
                let values = params![scope, domain, reporter, policy, result];
                connection.prepare_cached(sql::DROP_FAILURE)?.execute(values)?;
            }
            Some((_, first, last)) if [first, last].contains(&report.day.number()) => {
                narrow(connection, report, policy, result)?;
            }
            Some(_) => {}
        }
    }
    for (code, _) in &details.repairs {
        let values = params![scope, reporter, code];
        connection.prepare_cached(sql::UNCOUNT_REPAIR)?.execute(values)?;
        connection.prepare_cached(sql::DROP_REPAIR)?.execute(values)?;
    }
    Ok(())
}

/// Looks for the first and the last report that still tell of a failure. If they are not among
/// the 2,000 at either end, the days stay as they are.
fn narrow(
    connection: &Connection,
    report: Counted<'_>,
    policy: &str,
    result: &str,
) -> Result<(), StoreError> {
    let find = |statement| -> Result<Option<i64>, StoreError> {
        let mut statement = connection.prepare_cached(statement)?;
        let of_domain = scope::scoped(report.scope, report.domain);
        let values = params![of_domain, report.reporter];
        let mut rows = statement.query(values)?;
        while let Some(row) = rows.next()? {
            let text = packed::text(row, 4)?;
            let details: Details<'_> = column::json(4, &text)?;
            // It may still be marked as current.
            let tells = row.get::<_, i64>(0)? != report.id
                && details.kinds().any(|(of, kind, _)| of == policy && kind == result);
            if tells {
                return Ok(Some(row.get(3)?));
            }
        }
        Ok(None)
    };
    let (Some(first), Some(last)) = (find(sql::FAILING_FIRST)?, find(sql::FAILING_LAST)?) else {
        return Ok(());
    };
    let Counted { scope, reporter, domain, .. } = report;
    let values = params![first, last, scope, domain, reporter, policy, result];
    connection.prepare_cached(sql::NARROW_FAILURE)?.execute(values)?;
    Ok(())
}
