//! Reports about the mails that bring reports.

use rusqlite::{Connection, params};
use sealpost_evidence::traffic::Day;

use super::{Echo, ReportSummary, domain_id, sql};
use crate::StoreError;

/// A sender has few reports a day for us; who has more sessions than this has other mail.
const MOST_ECHOED: u64 = 100;
/// So many days late a report may be to be looked for.
const LATEST: i64 = 10;

/// A report that counts no more sessions than there were mails with reports on its own domain from
/// its own sender in the same time tells of nothing else, as far as one can see. Where the reports
/// on other domains are sent to is not known here: they are not held against this one.
pub(super) fn echo(connection: &Connection, summary: &ReportSummary) -> Result<Echo, StoreError> {
    let sessions = summary.successful.plus(summary.failed).upper;
    if summary.reporter.signer.is_empty() || !(1..=MOST_ECHOED).contains(&sessions) {
        return Ok(Echo::No);
    }
    let Some(domain) = &summary.domain else { return Ok(Echo::No) };
    let Some(domain) = domain_id(connection, domain)? else { return Ok(Echo::No) };
    let values = params![
        summary.scope.with(domain),
        Day::of(summary.begins_at).plus(-LATEST).number(),
        Day::of(summary.ends_at).number(),
        summary.reporter_id.0,
        summary.begins_at,
        summary.ends_at,
    ];
    let mut mails = connection.prepare_cached(sql::REPORT_MAILS)?;
    let mails: i64 = mails.query_row(values, |row| row.get(0))?;
    let is_echo = u64::try_from(mails).is_ok_and(|mails| mails >= sessions);
    Ok(if is_echo { Echo::Likely } else { Echo::No })
}

/// The same of several, in their order.
pub(super) fn echoes(
    connection: &Connection,
    summaries: &[ReportSummary],
) -> Result<Vec<Echo>, StoreError> {
    summaries.iter().map(|summary| echo(connection, summary)).collect()
}
