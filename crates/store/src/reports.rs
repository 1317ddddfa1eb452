//! What TLS reports said, and what is summed of it.
//!
//! A report is stored with everything in it, once, and counts at the same moment, in the same
//! transaction, for the sums that pages ask for: sessions by day, kinds of failures, repairs. Sums
//! are kept for each [`Scope`] apart.

pub(crate) mod sql;

// What is asked, given and answered.
mod new;
mod scope;
mod stored;
pub use new::{
    Accepted, DayShare, Echo, MOST_DAYS, MOST_DETAILS, MOST_SESSIONS, NewReport, Ownership, Repair,
    ReportedFailure, ReportedPolicy,
};
pub use scope::{Content, DayRange, DomainId, ReportFilter, ReportId, ReporterId, Scope, Subject};
pub use stored::{
    ByReporter, DomainTraffic, FailingReport, FailureGroups, HistoryPlace, HistoryRow, RepairCount,
    ReportPlace, ReportSummary, ReporterRow, StoredReport, Validity,
};

// How it is done.
mod accept;
mod background;
mod batch;
mod details;
mod echoes;
mod failures;
mod gathered;
mod listing;
mod packed;
mod retention;
mod series;
mod sums;
pub use background::Background;
pub use gathered::Gathered;
pub use retention::{Pruned, Retention};

use mail_domain::DomainName;
use rusqlite::Connection;
use sealpost_evidence::traffic::{Bounds, Day, DaySeries};
use tokio::task::spawn_blocking;

use self::{accept::Prepared, batch::Batch, packed::Packer};
use crate::{Store, StoreError};

/// Rows of one page, at most; who asks for more gets so many.
pub const MOST_ROWS: u32 = 1000;

/// Policies and failures that are prepared where the caller runs; more would keep others waiting.
const PREPARED_AT_ONCE: usize = 500;

/// The reports of a store. Clones share it.
#[derive(Clone)]
pub struct Reports {
    store: Store,
}

impl Reports {
    pub(crate) fn new(store: Store) -> Self {
        Self { store }
    }

    /// Takes in reports, mostly all that one submission holds, in one transaction. What became of
    /// each is answered in their order, after it is on the disk.
    ///
    /// Taking in the same again changes nothing. The same octets are one report, also if others
    /// vouch for them the second time; they move to a better [`Scope`] if they belong there now,
    /// and never to a worse one.
    ///
    /// # Errors
    ///
    /// [`StoreError::Refused`] if a report breaks a bound that [`NewReport`] names as one; else
    /// what [`StoreError`] says of writing. Then none is taken in.
    pub async fn accept(&self, reports: Vec<NewReport>) -> Result<Vec<Accepted>, StoreError> {
        let parts = reports.iter().flat_map(|report| &report.policies);
        let parts = parts.map(|policy| policy.failures.len().saturating_add(1));
        let is_much = parts.fold(0, usize::saturating_add) > PREPARED_AT_ONCE;
        let prepare = move || {
            let mut packer = Packer::default();
            let prepared = reports.into_iter().map(|report| Prepared::new(report, &mut packer));
            prepared.collect::<Result<Vec<_>, _>>()
        };
        let prepared = if is_much {
            spawn_blocking(prepare).await.map_err(StoreError::unavailable)??
        } else {
            prepare()?
        };
        let work = move |connection: &Connection| {
            let mut batch = Batch::begin(connection)?;
            let accepted = prepared.iter().map(|report| accept::accept(&mut batch, report));
            let accepted = accepted.collect::<Result<_, _>>()?;
            batch.end()?;
            Ok(accepted)
        };
        self.store.writer.write(work).await
    }

    /// Forgets what is too old, up to `limit` reports of each kind and at most [`MOST_ROWS`], and says how much it was. Call it
    /// again while [`Pruned::is_more`]. What is in the raw file is pruned there.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of writing; then nothing is forgotten.
    pub async fn prune(
        &self,
        now: i64,
        retention: Retention,
        limit: u32,
    ) -> Result<Pruned, StoreError> {
        let work =
            move |connection: &Connection| retention::prune(connection, now, retention, limit);
        self.store.writer.write(work).await
    }

    /// The sessions day by day; at most the last 4,000 of the days, and for one domain and one
    /// reporter at most 20,000 reports, the oldest first.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of reading.
    pub async fn series(
        &self,
        scope: Scope,
        subject: Subject,
        days: DayRange,
    ) -> Result<DaySeries, StoreError> {
        self.read(move |connection| series::series(connection, scope, subject, days)).await
    }

    /// The sessions of a domain day by day as each reporter tells of them; at most the last 4,000 of
    /// the days, and 20,000 reports, the oldest first.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of reading.
    pub async fn series_by_reporter(
        &self,
        scope: Scope,
        domain: DomainName,
        days: DayRange,
    ) -> Result<ByReporter, StoreError> {
        self.read(move |connection| series::by_reporter(connection, scope, &domain, days)).await
    }

    /// The sums over some days for each scope: reports, successful and failed sessions. They are
    /// shown beside each other and must not be added up.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of reading.
    pub async fn totals(
        &self,
        days: DayRange,
    ) -> Result<Vec<(Scope, u64, Bounds, Bounds)>, StoreError> {
        let read = move |connection: &Connection| {
            let total = |scope| {
                let series = series::series(connection, scope, Subject::default(), days)?;
                let (reports, successful, failed) = series.total();
                Ok((scope, reports, successful, failed))
            };
            Scope::ALL.into_iter().map(total).collect()
        };
        self.read(read).await
    }

    /// The domains of a scope in the order in which they were first reported on, after one of
    /// them, with their sums over some days.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of reading.
    pub async fn domains(
        &self,
        scope: Scope,
        days: DayRange,
        after: Option<DomainId>,
        limit: u32,
    ) -> Result<Vec<DomainTraffic>, StoreError> {
        let limit = limit.min(MOST_ROWS);
        self.read(move |connection| series::domains(connection, scope, days, after, limit)).await
    }

    /// The reporters of a scope in the order in which they first came, after one of them.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of reading.
    pub async fn reporters(
        &self,
        scope: Scope,
        after: Option<ReporterId>,
        limit: u32,
    ) -> Result<Vec<ReporterRow>, StoreError> {
        let limit = limit.min(MOST_ROWS);
        self.read(move |connection| listing::reporters(connection, scope, after, limit)).await
    }

    /// What had to be repaired in the reports of a reporter, the most frequent first.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of reading.
    pub async fn repairs(
        &self,
        scope: Scope,
        reporter: ReporterId,
    ) -> Result<Vec<RepairCount>, StoreError> {
        self.read(move |connection| listing::repairs(connection, scope, reporter)).await
    }

    /// Reports that count, the newest days first, after a place in that order.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of reading.
    pub async fn list(
        &self,
        filter: ReportFilter,
        after: Option<ReportPlace>,
        limit: u32,
    ) -> Result<Vec<ReportSummary>, StoreError> {
        let limit = limit.min(MOST_ROWS);
        self.read(move |connection| listing::list(connection, &filter, after, limit)).await
    }

    /// Which of these tell of nothing but the mails that bring reports, in their order: those that
    /// count no more sessions than their sender brought mails with reports on the same domain in
    /// the time that they are about. At most [`MOST_ROWS`] are looked at; the answer has no more.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of reading.
    pub async fn echoes(&self, mut summaries: Vec<ReportSummary>) -> Result<Vec<Echo>, StoreError> {
        summaries.truncate(MOST_ROWS as usize);
        self.read(move |connection| echoes::echoes(connection, &summaries)).await
    }

    /// One report with everything in it; `None` if there is none of this number.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of reading.
    pub async fn report(&self, id: ReportId) -> Result<Option<StoredReport>, StoreError> {
        self.read(move |connection| listing::report(connection, id)).await
    }

    /// What failed on some days, with addresses, as far as they are still kept; what is alike is
    /// put together, and so is that of which no detail says how it failed. The newest 5,000 reports are read, more than one domain has in a year of ten
    /// reporters, and at most 32 MiB of details.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of reading.
    pub async fn failure_groups(
        &self,
        scope: Scope,
        subject: Subject,
        days: DayRange,
        limit: u32,
    ) -> Result<FailureGroups, StoreError> {
        let limit = limit.min(MOST_ROWS);
        let read = move |connection: &Connection| {
            failures::groups(connection, scope, &subject, days, limit, failures::Wanted::Groups)
        };
        self.read(read).await.map(|(groups, _)| groups)
    }

    /// The same, with what each of the reports that were read has in the groups.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of reading.
    pub async fn failing_reports(
        &self,
        scope: Scope,
        subject: Subject,
        days: DayRange,
        limit: u32,
    ) -> Result<(FailureGroups, Vec<FailingReport>), StoreError> {
        let limit = limit.min(MOST_ROWS);
        let read = move |connection: &Connection| {
            failures::groups(connection, scope, &subject, days, limit, failures::Wanted::Reports)
        };
        self.read(read).await
    }

    /// The kinds of failures of a domain, or of all, over all the time that is remembered, as far
    /// as there was one on `since` or later; after a place in the list.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of reading.
    pub async fn failure_history(
        &self,
        scope: Scope,
        domain: Option<DomainName>,
        since: Day,
        after: HistoryPlace,
        limit: u32,
    ) -> Result<Vec<HistoryRow>, StoreError> {
        let limit = limit.min(MOST_ROWS);
        let read = move |connection: &Connection| {
            failures::history(connection, scope, domain.as_ref(), since, &after, limit)
        };
        self.read(read).await
    }

    /// Reads as things stand at one moment.
    async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let read = move |connection: &Connection| {
            connection.execute_batch("BEGIN")?;
            let value = read(connection)?;
            connection.execute_batch("COMMIT")?;
            Ok(value)
        };
        self.store.readers.read(read).await
    }
}

/// The number of a domain, if it is known.
fn domain_id(connection: &Connection, domain: &DomainName) -> Result<Option<i64>, StoreError> {
    use rusqlite::OptionalExtension as _;
    let mut statement = connection.prepare_cached(sql::DOMAIN_ID)?;
    Ok(statement.query_row([domain.as_str()], |row| row.get(0)).optional()?)
}

#[cfg(test)]
mod tests;
