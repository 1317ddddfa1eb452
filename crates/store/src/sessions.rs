//! What mail servers told of their sessions: counters that only grow.
//!
//! A collector keeps its counters in memory and writes them down in absolute numbers, each under the
//! name of its node and the number of its epoch. So a number that is written twice is there once,
//! whatever was killed in between, and nodes do not wait for each other. What is read is the sum over
//! nodes and epochs.
//!
//! Beside them lies what mail servers cannot see: what an enforcing sender found of policies, and
//! what MX hosts showed when they were tried.

pub(crate) mod sql;

mod beside;
mod counted_policy;
mod counter;
mod posted;
mod refused;
mod text;

pub use beside::{DomainRemarks, ProbeCandidate, SenderRemark};
pub use counted_policy::CountedPolicy;
use counter::Writing;
pub use posted::{HeldPost, SessionPost};
pub use refused::RefusedDatagram;

use std::sync::Arc;

use mail_domain::DomainName;
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use sealpost_evidence::traffic::Day;
use tls_rpt::{FailureCount, HourlySessions, Look, SeenPolicy, SessionFailure};

use crate::{
    Store, StoreError,
    column::{clip, count, senseless, text},
};

/// The sessions of a store. Clones share it.
#[derive(Clone)]
pub struct Sessions {
    store: Store,
}

/// Who counts: a node, and the time since it has begun to count from 0.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Epoch {
    node: Arc<str>,
    number: i64,
}

/// The numbers of one policy on one day, as one epoch has them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionCounts {
    /// The day of the sessions.
    pub day: Day,
    /// The domain that mail was sent to.
    pub domain: DomainName,
    /// The policy. Who hands in the same one again with newer numbers spares its text being written again.
    pub policy: Arc<CountedPolicy>,
    /// Sessions that complied with it.
    pub successful: u64,
    /// Sessions that did not.
    pub failed: u64,
    /// All failures that were met; none if their numbers are those that were handed in last.
    pub failures: Vec<(Arc<SessionFailure>, FailureCount)>,
    /// The TLS-RPT record of the last session.
    pub record: Option<Arc<str>>,
    /// When that was, in seconds since 1970.
    pub seen_at: i64,
    /// In which hours the successful ones were, where that is wanted.
    pub hours: Option<Box<HourlySessions>>,
}

/// A day of which there are sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionDay {
    /// The day.
    pub day: Day,
    /// The domains that mail was sent to.
    pub domains: u64,
    /// Sessions that complied with a policy, counted for each policy.
    pub successful: u64,
    /// Sessions that did not.
    pub failed: u64,
    /// When the last one was, in seconds since 1970.
    pub seen_at: i64,
}

/// The sums of one domain on one day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DomainSums {
    /// The domain.
    pub domain: DomainName,
    /// Sessions that complied with a policy, counted for each policy.
    pub successful: u64,
    /// Sessions that did not.
    pub failed: u64,
    /// When the last one was, in seconds since 1970.
    pub seen_at: i64,
}

/// All that is known of the sessions of one domain on one day, over nodes and epochs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DomainSessions {
    /// The policies with their numbers of successful and failed sessions.
    pub totals: Vec<(SeenPolicy, u64, u64)>,
    /// What failed under which of them.
    pub failures: Vec<(SeenPolicy, SessionFailure, FailureCount)>,
    /// The TLS-RPT record that was seen last.
    pub record: Option<String>,
    /// Why the last fetch of the domain's MTA-STS policy failed, if that was on this day: the result
    /// type of RFC 8460 §4.3.
    pub policy_failure: Option<String>,
    /// What an enforcing sender found of policies.
    pub remarks: Vec<SenderRemark>,
    /// In which hours the successful sessions without a policy were, as far as that was counted.
    pub hours: HourlySessions,
    /// What MX hosts showed when they were looked at under a policy in mode testing, in the order of
    /// time: on the day, and on those beside it.
    pub looks: Vec<Look>,
    /// Rows that make no sense.
    pub unreadable: u64,
}

impl Epoch {
    /// What was counted elsewhere and is taken over under this name. It is the same each time: to
    /// take it over again counts nothing twice.
    pub fn of_import(name: &str) -> Self {
        Self { node: clip(name, 253).into(), number: 0 }
    }

    /// The name of the node.
    pub fn node(&self) -> &str {
        &self.node
    }

    /// The number, larger than that of any epoch before on the node.
    pub fn number(&self) -> i64 {
        self.number
    }
}

impl SessionDay {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            day: Day::new(row.get(0)?),
            domains: count(row, 1)?,
            successful: count(row, 2)?,
            failed: count(row, 3)?,
            seen_at: row.get(4)?,
        })
    }
}

impl Sessions {
    pub(crate) fn new(store: Store) -> Self {
        Self { store }
    }

    /// Begins an epoch of a node: everything that it counts from now on begins with 0. `now` is in
    /// microseconds since 1970.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of writing. If it comes to nothing after all, a number is unused.
    pub async fn begin(&self, node: &str, now: i64) -> Result<Epoch, StoreError> {
        let node: Arc<str> = clip(node, 253).into();
        let name = Arc::clone(&node);
        let write = move |connection: &Connection| {
            let mut statement = connection.prepare_cached(sql::BEGIN)?;
            Ok(statement.query_row(params![&*name, now], |row| row.get(0))?)
        };
        Ok(Epoch { node, number: self.store.writer.write(write).await? })
    }

    /// Whether some collector has begun to count since this time, in microseconds since 1970. Each does
    /// so at its start and with every new day.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of reading.
    pub async fn is_counted_since(&self, time: i64) -> Result<bool, StoreError> {
        let read = move |connection: &Connection| {
            let mut statement = connection.prepare_cached(sql::COUNTED_SINCE)?;
            Ok(statement.query_row([time], |row| row.get::<_, i64>(0))? > 0)
        };
        self.store.readers.read(read).await
    }

    /// Writes the numbers of an epoch over those that it had. To repeat it changes nothing, and an
    /// older number does not replace a newer one.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of writing.
    pub async fn save(&self, epoch: &Epoch, counts: Vec<SessionCounts>) -> Result<(), StoreError> {
        self.save_posted(epoch, counts, Vec::new()).await
    }

    /// [`Self::save`], and notes in the same moment that these posts were counted, if they are not
    /// noted with another content.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of writing.
    pub async fn save_posted(
        &self,
        epoch: &Epoch,
        counts: Vec<SessionCounts>,
        posts: Vec<SessionPost>,
    ) -> Result<(), StoreError> {
        let epoch = epoch.clone();
        let write = move |connection: &Connection| {
            let mut writing = Writing::begin(connection, &epoch)?;
            counts.iter().try_for_each(|counts| writing.save(counts))?;
            posts.iter().try_for_each(|post| post.save(connection))
        };
        self.store.writer.write(write).await
    }

    /// The days of which there are sessions, from `first` on: the newest first, at most `limit`.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of reading.
    pub async fn days(&self, first: Day, limit: u32) -> Result<Vec<SessionDay>, StoreError> {
        let read = move |connection: &Connection| {
            let mut statement = connection.prepare_cached(sql::DAYS)?;
            let rows = statement.query_map(params![first.number(), limit], SessionDay::read)?;
            Ok(rows.collect::<Result<_, _>>()?)
        };
        self.store.readers.read(read).await
    }

    /// One day; `None` if there was no session on it.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of reading.
    pub async fn day(&self, day: Day) -> Result<Option<SessionDay>, StoreError> {
        let read = move |connection: &Connection| {
            let mut statement = connection.prepare_cached(sql::DAY)?;
            Ok(statement.query_row([day.number()], SessionDay::read).optional()?)
        };
        self.store.readers.read(read).await
    }

    /// The domains of a day in the order of their names, behind `after`, at most `limit`.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of reading.
    pub async fn domains(
        &self,
        day: Day,
        after: Option<DomainName>,
        limit: u32,
    ) -> Result<Vec<DomainSums>, StoreError> {
        let read = move |connection: &Connection| {
            let after = after.as_ref().map_or("", DomainName::as_str);
            let mut statement = connection.prepare_cached(sql::DOMAINS)?;
            let rows = statement.query_map(params![day.number(), after, limit], |row| {
                Ok(DomainSums {
                    domain: text(row, 0)?.parse().map_err(|_| senseless(0))?,
                    successful: count(row, 1)?,
                    failed: count(row, 2)?,
                    seen_at: row.get(3)?,
                })
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        };
        self.store.readers.read(read).await
    }

    /// All that is known of a domain on a day.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of reading.
    pub async fn of(&self, day: Day, domain: DomainName) -> Result<DomainSessions, StoreError> {
        let read = move |connection: &Connection| {
            // What belongs together is read at one moment.
            connection.execute_batch("SAVEPOINT sessions")?;
            let sessions = read_domain(connection, day, &domain);
            connection.execute_batch("RELEASE sessions")?;
            sessions
        };
        self.store.readers.read(read).await
    }

    /// Forgets what is of days before `first`, of about so many domains, and says of how many it
    /// was. Texts that no day needs any more go too.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of writing.
    pub async fn prune(&self, first: Day, limit: u32) -> Result<u64, StoreError> {
        let write = move |connection: &Connection| {
            let old = {
                let mut statement = connection.prepare_cached(sql::OLD)?;
                let rows = statement.query_map(params![first.number(), limit], |row| {
                    Ok((row.get::<_, i64>(0)?, text(row, 1)?.to_owned()))
                })?;
                rows.collect::<Result<Vec<_>, _>>()?
            };
            let mut forgotten = 0_u64;
            for (day, domain) in old {
                for statement in [sql::FORGET_TOTALS, sql::FORGET_FAILURES] {
                    connection.prepare_cached(statement)?.execute(params![day, domain])?;
                }
                forgotten = forgotten.saturating_add(1);
            }
            for statement in
                [sql::FORGET_REMARKS, sql::FORGET_HOSTS, sql::FORGET_LOOKS, sql::FORGET_TEXTS]
            {
                let mut statement = connection.prepare_cached(statement)?;
                let rows = statement.execute(params![first.number(), limit])?;
                forgotten = forgotten.max(u64::try_from(rows).unwrap_or(u64::MAX));
            }
            Ok(forgotten)
        };
        self.store.writer.write(write).await
    }
}

fn read_domain(
    connection: &Connection,
    day: Day,
    domain: &DomainName,
) -> Result<DomainSessions, StoreError> {
    let mut sessions = DomainSessions::default();
    counter::read(connection, day, domain, &mut sessions)?;
    let mut statement = connection.prepare_cached(sql::POLICY_FAILURE)?;
    let times = params![domain.as_str(), day.begins_at(), day.plus(1).begins_at()];
    sessions.policy_failure = statement.query_row(times, |row| row.get(0)).optional()?;
    beside::read(connection, day, domain, &mut sessions)?;
    Ok(sessions)
}

#[cfg(test)]
mod tests;
