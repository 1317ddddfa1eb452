//! What a domain had on a day, from the store.

use mail_domain::DomainName;
use sealpost_evidence::traffic::Day;
use sealpost_store::{Sessions, StoreError};
use tls_rpt::{DomainDay, ResultType, SessionFailure};

/// What was counted of a domain on a day, as far as it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CountedDay {
    /// The sessions.
    pub sessions: DomainDay,
    /// The TLS-RPT record that the mail server saw last.
    pub record: Option<String>,
    /// Counters in the store that make no sense, and are missing from the sessions.
    pub unreadable: u64,
}

/// Adds up what all nodes have counted, and what a mail server cannot see: that the policy of the
/// domain could not be fetched, as `enforce` has found on that day.
///
/// # Errors
///
/// What [`StoreError`] says of reading.
pub async fn domain_day(
    sessions: &Sessions,
    day: Day,
    domain: DomainName,
) -> Result<CountedDay, StoreError> {
    let stored = sessions.of(day, domain.clone()).await?;
    let first = jiff::civil::date(1970, 1, 1);
    let date = first.saturating_add(jiff::Span::new().days(day.number()));
    let mut sum = DomainDay::new(domain, date);
    for (policy, successful, failed) in stored.totals {
        sum.add_totals(policy, successful, failed);
    }
    for (policy, failure, count) in stored.failures {
        sum.add_failure(policy, failure, count);
    }
    if let Some(result_type) = stored.policy_failure.as_deref().map(ResultType::from) {
        sum.add_sts_remark(SessionFailure::new(result_type));
    }
    Ok(CountedDay { sessions: sum, record: stored.record, unreadable: stored.unreadable })
}
