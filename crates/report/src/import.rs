//! Taking over what tlsrpt-collectd has counted.
//!
//! Its database has a row for each policy text of a domain on a day. The texts are those of the
//! datagrams, so they are read as such; what cannot be read is counted and left.

use std::{collections::HashMap, sync::Arc};

use mail_domain::DomainName;
use sealpost_evidence::traffic::Day;
use sealpost_store::{
    CollectdRow, CollectdRows, Sessions, StoreError,
    sessions::{CountedPolicy, Epoch, SessionCounts},
};
use tls_rpt::{FailureCount, SeenPolicy, Session, SessionFailure, SessionPolicy};

/// Counters in one transaction.
const CHUNK: usize = 500;

/// What became of an import.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Imported {
    /// Counters that were taken over: policies of domains on days.
    pub counters: u64,
    /// Sessions under them.
    pub sessions: u64,
    /// Rows, and kinds of failures, that make no sense.
    pub unreadable: u64,
}

/// Takes over a database of tlsrpt-collectd that was made at `made`. `host` tells those apart that
/// were made in the same second. To repeat it, also when the database has grown, counts nothing
/// twice.
///
/// # Errors
///
/// What [`StoreError`] says of reading and of writing.
pub async fn import(
    sessions: &Sessions,
    made: &str,
    host: &str,
    mut rows: CollectdRows,
) -> Result<Imported, StoreError> {
    let mut imported = Imported::default();
    let mut all: HashMap<Key, Sums> = HashMap::new();
    while let Some(row) = rows.next().await? {
        match Counted::of(&row) {
            Some(counted) => {
                imported.unreadable = imported.unreadable.saturating_add(counted.unreadable);
                let key = (counted.day, counted.domain, counted.policy);
                all.entry(key).or_default().add(counted.sums);
            }
            None => imported.unreadable = imported.unreadable.saturating_add(1),
        }
    }
    let epoch = Epoch::of_import(&format!("tlsrpt-collectd {made} {host}"));
    (imported.counters, imported.sessions) = save(sessions, &epoch, all).await?;
    Ok(imported)
}

/// Writes sums, and says how many counters there are, and sessions under them.
pub(crate) async fn save(
    sessions: &Sessions,
    epoch: &Epoch,
    all: HashMap<Key, Sums>,
) -> Result<(u64, u64), StoreError> {
    let (mut counters, mut counted) = (0_u64, 0_u64);
    let mut chunk = Vec::new();
    for ((day, domain, policy), sums) in all {
        counters = counters.saturating_add(1);
        counted = counted.saturating_add(sums.successful).saturating_add(sums.failed);
        chunk.push(sums.of(day, domain, &policy));
        if chunk.len() == CHUNK {
            sessions.save(epoch, std::mem::take(&mut chunk)).await?;
        }
    }
    sessions.save(epoch, chunk).await?;
    Ok((counters, counted))
}

pub(crate) type Key = (Day, DomainName, SeenPolicy);

#[derive(Default)]
pub(crate) struct Sums {
    pub(crate) successful: u64,
    pub(crate) failed: u64,
    pub(crate) failures: HashMap<SessionFailure, FailureCount>,
    pub(crate) record: Option<Arc<str>>,
}

/// A row that was read.
struct Counted {
    day: Day,
    domain: DomainName,
    policy: SeenPolicy,
    sums: Sums,
    unreadable: u64,
}

impl Counted {
    fn of(row: &CollectdRow) -> Option<Self> {
        let day = std::str::from_utf8(&row.day).ok()?.parse().ok()?;
        let count = |number: Option<i64>| number.and_then(|number| u64::try_from(number).ok());
        let (total, failed) = (count(row.total)?, count(row.failed)?);
        let successful = total.checked_sub(failed)?;
        let (domain, seen) = policy(row, None)?;
        let mut sums = Sums { successful, failed, ..Sums::default() };
        sums.record = std::str::from_utf8(&row.record).ok().map(Into::into);
        let mut unreadable = 0;
        for (reason, number) in &row.failures {
            let failure = policy(row, Some(reason)).and_then(|(_, mut seen)| seen.failures.pop());
            let (Some(failure), Some(number)) = (failure, count(*number)) else {
                unreadable += 1;
                continue;
            };
            // It does not say which of them complied in the end.
            let of_failed = number.min(failed);
            let count = FailureCount { failed: of_failed, recovered: number - of_failed };
            sums.failures.entry(failure).or_default().add(count);
        }
        Some(Self { day, domain, policy: seen.policy, sums, unreadable })
    }
}

impl Sums {
    pub(crate) fn add(&mut self, other: Self) {
        self.successful = self.successful.saturating_add(other.successful);
        self.failed = self.failed.saturating_add(other.failed);
        for (failure, count) in other.failures {
            self.failures.entry(failure).or_default().add(count);
        }
        self.record = other.record.or(self.record.take());
    }

    fn of(self, day: Day, domain: DomainName, policy: &SeenPolicy) -> SessionCounts {
        let failed = self.failed;
        let failures = self.failures.into_iter().map(|(failure, mut count)| {
            // Several of its failures may be one here, and a session had both.
            count.failed = count.failed.min(failed);
            (Arc::new(failure), count)
        });
        SessionCounts {
            day,
            domain,
            policy: Arc::new(CountedPolicy::of(policy)),
            successful: self.successful,
            failed,
            failures: failures.collect(),
            record: self.record,
            // Some time on that day.
            seen_at: day.begins_at(),
            hours: None,
        }
    }
}

/// The policy of a row, with one failure or none, as it stood in a datagram.
fn policy(row: &CollectdRow, failure: Option<&[u8]>) -> Option<(DomainName, SessionPolicy)> {
    // The object is left open: two members more follow.
    let open = row.policy.trim_ascii().strip_suffix(b"}")?;
    let domain = std::str::from_utf8(&row.domain).ok()?;
    let mut text = b"{\"dpv\":\"1\",\"d\":\"".to_vec();
    text.extend_from_slice(DomainName::parse(domain).ok()?.as_str().as_bytes());
    text.extend_from_slice(b"\",\"policies\":[");
    text.extend_from_slice(open);
    text.extend_from_slice(b",\"failure-details\":[");
    text.extend_from_slice(failure.unwrap_or_default());
    text.extend_from_slice(b"],\"f\":0}]}");
    let session = Session::read(&text).ok()?.session;
    let [seen] = <[SessionPolicy; 1]>::try_from(session.policies).ok()?;
    let expected = usize::from(failure.is_some());
    (seen.failures.len() == expected).then_some((session.domain, seen))
}
