//! What failed: groups of the same, and the history of each kind.

use std::{
    collections::{BTreeMap, HashMap},
    net::IpAddr,
};

use mail_domain::DomainName;
use rusqlite::{Connection, Row, params};
use sealpost_evidence::traffic::{Day, FailureGroup, FailureHistory, Reporter};

use super::{
    DayRange, FailingReport, FailureGroups, HistoryPlace, HistoryRow, ReportId, Scope, Subject,
    details::{Details, FailurePart},
    domain_id, listing, packed, sql,
};
use crate::{StoreError, column};

/// Reports that are read for one answer, at most.
const MOST_REPORTS: u32 = 5000;
/// Details that are read for one answer, about.
const MOST_OCTETS: usize = 32 * 1024 * 1024;
/// Groups that are held for one answer, at most. What is met after so many is counted as unlisted.
const MOST_GROUPS: usize = 50_000;

/// All that failures of one group have in common.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Common {
    domain: i64,
    reporter: i64,
    policy_type: String,
    result_type: String,
    mx_host: Option<String>,
    receiving_ip: Option<IpAddr>,
    sending_ip: Option<IpAddr>,
    reason: Option<String>,
}

struct Sum {
    /// In the order in which groups were met.
    number: usize,
    sessions: u64,
    reports: u64,
    first: i64,
    last: i64,
    /// The end of the range that ended first.
    first_end: i64,
    /// The report that was added last.
    report: i64,
    /// The newest of them.
    newest: i64,
}

/// What is asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    /// The groups alone.
    Groups,
    /// What each report has in them, too.
    Reports,
}

/// Reports on their way into groups.
struct Grouping {
    days: DayRange,
    wanted: Wanted,
    sums: HashMap<Common, Sum>,
    /// With the numbers of the groups in place of their places.
    failing: Vec<FailingReport>,
    reports: u64,
    octets: usize,
    unlisted: u64,
}

pub(super) fn groups(
    connection: &Connection,
    scope: Scope,
    subject: &Subject,
    days: DayRange,
    limit: u32,
    wanted: Wanted,
) -> Result<(FailureGroups, Vec<FailingReport>), StoreError> {
    let (first, last) = (days.first.number(), days.last.number());
    let reporter = subject.reporter.map_or(0, |reporter| reporter.0);
    // One more, to know whether there are more.
    let most = MOST_REPORTS + 1;
    let mut grouping = Grouping::new(days, wanted);
    let unread_before = match (&subject.domain, reporter) {
        (Some(domain), _) => {
            let Some(domain) = domain_id(connection, domain)? else {
                return Ok(Default::default());
            };
            let values = params![scope.with(domain), first, last, reporter, most];
            grouping.read(connection, sql::FAILING_OF_DOMAIN, values)?
        }
        (None, 0) => {
            let values = params![scope.number(), first, last, most];
            grouping.read(connection, sql::FAILING, values)?
        }
        (None, reporter) => {
            let values = params![scope.with(reporter), first, last, most];
            grouping.read(connection, sql::FAILING_OF_REPORTER, values)?
        }
    };
    grouping.finish(connection, limit, unread_before)
}

impl Grouping {
    fn new(days: DayRange, wanted: Wanted) -> Self {
        let (sums, failing) = (HashMap::new(), Vec::new());
        Self { days, wanted, sums, failing, reports: 0, octets: 0, unlisted: 0 }
    }

    /// Reads reports, newest first; the day of the first one that had to stay unread.
    fn read(
        &mut self,
        connection: &Connection,
        sql: &str,
        values: &[&dyn rusqlite::ToSql],
    ) -> Result<Option<Day>, StoreError> {
        let mut statement = connection.prepare_cached(sql)?;
        let mut rows = statement.query(values)?;
        while let Some(row) = rows.next()? {
            if self.reports == u64::from(MOST_REPORTS) || self.octets > MOST_OCTETS {
                return Ok(Some(Day::new(row.get(3)?).plus(1)));
            }
            self.add(row)?;
        }
        Ok(None)
    }

    fn add(&mut self, row: &Row<'_>) -> Result<(), StoreError> {
        let (report, domain, reporter) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let day: i64 = row.get(3)?;
        let text = packed::text(row, 4)?;
        let details: Details<'_> = column::json(4, &text)?;
        let ends_at: i64 = row.get(7)?;
        self.reports += 1;
        self.octets = self.octets.saturating_add(text.len());
        let mut failing = self.failing_report(day, &details, column::count(row, 6)?);
        let said = details.failures().map(|(policy_type, failure)| {
            (Common::of(domain, reporter, policy_type, failure), failure.sessions)
        });
        let unsaid = details.unsaid().map(|(policy_type, sessions)| {
            (Common::unsaid(domain, reporter, policy_type), sessions)
        });
        for (common, sessions) in said.chain(unsaid) {
            let number = self.sums.len();
            if number >= MOST_GROUPS && !self.sums.contains_key(&common) {
                self.unlisted = self.unlisted.saturating_add(1);
                failing.unlisted = failing.unlisted.saturating_add(sessions);
                continue;
            }
            let sum =
                self.sums.entry(common).or_insert_with(|| Sum::begin(number, day, ends_at, report));
            sum.sessions = sum.sessions.saturating_add(sessions);
            sum.reports += u64::from(sum.report != report);
            sum.report = report;
            sum.first = sum.first.min(day);
            sum.last = sum.last.max(day);
            sum.first_end = sum.first_end.min(ends_at);
            if self.wanted == Wanted::Reports {
                failing.parts.push((sum.number, sessions));
            }
        }
        if self.wanted == Wanted::Reports {
            self.failing.push(failing);
        }
        Ok(())
    }

    /// How much failed by a report, on the days that are asked for and on all of its own.
    fn failing_report(&self, day: i64, details: &Details<'_>, failed: u64) -> FailingReport {
        let of_one_day = [(Day::new(day), failed)];
        let of_days = || details.days.iter().map(|part| part.share());
        let shares: Vec<(Day, u64)> = match details.days.is_empty() {
            true => of_one_day.to_vec(),
            false => of_days().map(|share| (share.day, share.failed.upper)).collect(),
        };
        let sum = |sum: u64, (_, failed): &(Day, u64)| sum.saturating_add(*failed);
        let DayRange { first, last } = self.days;
        let asked = shares.iter().filter(|(day, _)| (first..=last).contains(day));
        FailingReport {
            failed: asked.fold(0, sum),
            failed_in_all: shares.iter().fold(0, sum),
            ..FailingReport::default()
        }
    }

    fn finish(
        self,
        connection: &Connection,
        limit: u32,
        unread_before: Option<Day>,
    ) -> Result<(FailureGroups, Vec<FailingReport>), StoreError> {
        let mut sums: Vec<(Common, Sum)> = self.sums.into_iter().collect();
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let over = sums.len().saturating_sub(limit);
        // Most sessions first, then the newest, then in any order that is always the same.
        sums.sort_by(|(one, first), (other, second)| {
            let order = (second.sessions, second.last).cmp(&(first.sessions, first.last));
            order.then_with(|| one.order().cmp(&other.order()))
        });
        sums.truncate(limit);
        let mut names = Names::default();
        let mut groups = Vec::with_capacity(sums.len());
        let mut newest = Vec::with_capacity(sums.len());
        let mut first_ends = Vec::with_capacity(sums.len());
        let mut places = HashMap::with_capacity(sums.len());
        for (common, sum) in sums {
            places.insert(sum.number, groups.len());
            newest.push(ReportId(sum.newest));
            first_ends.push(sum.first_end);
            groups.push(FailureGroup {
                domain: names.domain(connection, common.domain)?,
                reporter: names.reporter(connection, common.reporter)?,
                policy_type: common.policy_type,
                result_type: common.result_type,
                mx_host: common.mx_host,
                receiving_ip: common.receiving_ip,
                sending_ip: common.sending_ip,
                reason: common.reason,
                sessions: sum.sessions,
                reports: sum.reports,
                first_day: Day::new(sum.first),
                last_day: Day::new(sum.last),
            });
        }
        let over = u64::try_from(over).unwrap_or(u64::MAX);
        let unlisted = self.unlisted.saturating_add(over);
        let mut failing = self.failing;
        for report in &mut failing {
            let FailingReport { parts, unlisted, .. } = report;
            parts.retain_mut(|(number, sessions)| match places.get(number) {
                Some(place) => {
                    *number = *place;
                    true
                }
                None => {
                    *unlisted = unlisted.saturating_add(*sessions);
                    false
                }
            });
        }
        let reports = self.reports;
        let groups = FailureGroups { groups, newest, first_ends, unlisted, reports, unread_before };
        Ok((groups, failing))
    }
}

impl Sum {
    /// The newest report comes first.
    fn begin(number: usize, day: i64, first_end: i64, newest: i64) -> Self {
        let (first, last) = (day, day);
        Self { number, sessions: 0, reports: 0, first, last, first_end, report: 0, newest }
    }
}

impl Common {
    fn of(domain: i64, reporter: i64, policy_type: &str, failure: &FailurePart<'_>) -> Self {
        Self {
            domain,
            reporter,
            policy_type: policy_type.to_owned(),
            result_type: failure.result_type.to_string(),
            mx_host: failure.mx_host.as_ref().map(ToString::to_string),
            receiving_ip: failure.receiving_ip,
            sending_ip: failure.sending_ip,
            reason: failure.reason.as_ref().map(ToString::to_string),
        }
    }

    /// Nothing is said but that they failed.
    fn unsaid(domain: i64, reporter: i64, policy_type: &str) -> Self {
        let (policy_type, result_type) = (policy_type.to_owned(), String::new());
        let (mx_host, receiving_ip, sending_ip, reason) = (None, None, None, None);
        Self {
            domain,
            reporter,
            policy_type,
            result_type,
            mx_host,
            receiving_ip,
            sending_ip,
            reason,
        }
    }

    fn order(&self) -> impl Ord + '_ {
        let Self { domain, reporter, policy_type, result_type, .. } = self;
        let Self { mx_host, receiving_ip, sending_ip, reason, .. } = self;
        (domain, reporter, policy_type, result_type, mx_host, receiving_ip, sending_ip, reason)
    }
}

pub(super) fn history(
    connection: &Connection,
    scope: Scope,
    domain: Option<&DomainName>,
    since: Day,
    after: &HistoryPlace,
    limit: u32,
) -> Result<Vec<HistoryRow>, StoreError> {
    let (scope, since) = (scope.number(), since.number());
    let HistoryPlace { domain: after_domain, reporter, policy_type, result_type } = after;
    let mut names = Names::default();
    let mut read = |sql: &str, values: &[&dyn rusqlite::ToSql]| {
        let mut statement = connection.prepare_cached(sql)?;
        let mut rows = statement.query(values)?;
        let mut history = Vec::new();
        while let Some(row) = rows.next()? {
            history.push(history_row(connection, &mut names, row)?);
        }
        Ok(history)
    };
    let Some(domain) = domain else {
        let values = params![scope, since, after_domain, reporter, policy_type, result_type, limit];
        return read(sql::HISTORY, values);
    };
    let Some(domain) = domain_id(connection, domain)? else { return Ok(Vec::new()) };
    let values = params![scope, domain, since, reporter, policy_type, result_type, limit];
    read(sql::HISTORY_OF_DOMAIN, values)
}

fn history_row(
    connection: &Connection,
    names: &mut Names,
    row: &Row<'_>,
) -> Result<HistoryRow, StoreError> {
    let place = HistoryPlace {
        domain: row.get(0)?,
        reporter: row.get(1)?,
        policy_type: row.get(2)?,
        result_type: row.get(3)?,
    };
    let history = FailureHistory {
        domain: names.domain(connection, place.domain)?,
        reporter: names.reporter(connection, place.reporter)?,
        policy_type: place.policy_type.clone(),
        result_type: place.result_type.clone(),
        reports: column::count(row, 4)?,
        sessions: column::count(row, 5)?,
        first_day: Day::new(row.get(6)?),
        last_day: Day::new(row.get(7)?),
    };
    Ok(HistoryRow { place, history })
}

/// Names that were looked up already.
#[derive(Default)]
struct Names {
    domains: BTreeMap<i64, Option<DomainName>>,
    reporters: BTreeMap<i64, Reporter>,
}

impl Names {
    fn domain(
        &mut self,
        connection: &Connection,
        id: i64,
    ) -> Result<Option<DomainName>, StoreError> {
        if let Some(name) = self.domains.get(&id) {
            return Ok(name.clone());
        }
        let name = listing::domain(connection, id)?;
        self.domains.insert(id, name.clone());
        Ok(name)
    }

    fn reporter(&mut self, connection: &Connection, id: i64) -> Result<Reporter, StoreError> {
        if let Some(reporter) = self.reporters.get(&id) {
            return Ok(reporter.clone());
        }
        let missing = || StoreError::damaged(std::io::Error::other("a reporter has no name"));
        let reporter = listing::reporter(connection, id)?.ok_or_else(missing)?;
        self.reporters.insert(id, reporter.clone());
        Ok(reporter)
    }
}
