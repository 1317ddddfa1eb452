//! What a domain had on a day, from the store.

use mail_domain::DomainName;
use sealpost_evidence::traffic::Day;
use sealpost_store::{Sessions, StoreError};
use tls_rpt::{DomainDay, PolicyType, ResultType, SeenPolicy, SessionFailure};

/// What was counted of a domain on a day, as far as it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CountedDay {
    /// The sessions.
    pub sessions: DomainDay,
    /// Those that were counted, for each policy, also those that brought our own reports.
    pub counted: u64,
    /// The TLS-RPT record that the mail server saw last.
    pub record: Option<String>,
    /// Counters in the store that make no sense, and are missing from the sessions.
    pub unreadable: u64,
}

/// Adds up what all nodes have counted, without so many sessions that brought our own reports; and
/// what a mail server cannot see, as `enforce` has found it on that day: that the policy of the domain
/// could not be fetched, that a host was skipped, what DNSSEC and DANE made of it, and what the hosts
/// of a domain in mode testing showed.
///
/// # Errors
///
/// What [`StoreError`] says of reading.
pub async fn domain_day(
    sessions: &Sessions,
    day: Day,
    domain: DomainName,
    own_mails: u64,
) -> Result<CountedDay, StoreError> {
    let stored = sessions.of(day, domain.clone()).await?;
    let first = jiff::civil::date(1970, 1, 1);
    let date = first.saturating_add(jiff::Span::new().days(day.number()));
    let mut sum = DomainDay::new(domain, date);
    let mut counted = 0_u64;
    for (policy, successful, failed) in stored.totals {
        counted = counted.saturating_add(successful).saturating_add(failed);
        sum.add_totals(policy, successful, failed);
    }
    for (policy, failure, count) in stored.failures {
        sum.add_failure(policy, failure, count);
    }
    //= https://www.rfc-editor.org/rfc/rfc8460#section-3
    //# SHOULD NOT include this SMTP session in the
    //# next report.
    sum.leave_out(own_mails);
    // Before they are judged, sessions are under the policies that the mail server knew.
    sum.judge_by_looks(&stored.hours, &stored.looks);
    for remark in stored.remarks {
        match remark.failure {
            Some(failure) => sum.add_remark(remark.policy, failure),
            None => sum.add_held(remark.policy),
        }
    }
    if let Some(result_type) = stored.policy_failure.as_deref().map(ResultType::from) {
        let policy = SeenPolicy::new(PolicyType::Sts, sum.domain().clone());
        sum.add_remark(policy, SessionFailure::new(result_type));
    }
    Ok(CountedDay { sessions: sum, counted, record: stored.record, unreadable: stored.unreadable })
}
