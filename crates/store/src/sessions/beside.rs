//! What is known of the domains of a day beside their sessions.

use mail_domain::DomainName;
use rusqlite::{Connection, Row, params};
use sealpost_evidence::traffic::Day;
use tls_rpt::{HostProbe, ProbeResult, SeenPolicy, SessionFailure};

use super::{DomainSessions, Sessions, sql, text::Text};
use crate::{
    StoreError,
    column::{senseless, text},
};

/// The most remarks, and the most hosts, that are noted of a domain at a time.
const MOST: usize = 64;

/// What an enforcing sender found of a policy of a domain, with or without a session.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SenderRemark {
    /// The policy.
    pub policy: SeenPolicy,
    /// What went wrong; `None` if the policy was held beside another one, and nothing was wrong.
    pub failure: Option<SessionFailure>,
}

/// A domain that had sessions, and the text of the MTA-STS policy that an enforcing sender holds of
/// it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProbeCandidate {
    /// The domain.
    pub domain: DomainName,
    /// The text.
    pub policy_text: Vec<u8>,
    /// When it was fetched, in seconds since 1970.
    pub fetched_at: i64,
}

impl Sessions {
    /// Notes what a sender found of a domain on a day: at most 64 remarks, each of which is there once
    /// however often it is noted. `now` is in seconds since 1970.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of writing. It may be repeated.
    pub async fn remark(
        &self,
        day: Day,
        domain: DomainName,
        remarks: Vec<SenderRemark>,
        now: i64,
    ) -> Result<(), StoreError> {
        let texts = |remark: SenderRemark| {
            let failure = remark.failure.map(|failure| Text::of(failure.to_json()));
            (Text::of(remark.policy.to_json()), failure)
        };
        let rows: Vec<_> = remarks.into_iter().take(MOST).map(texts).collect();
        let write = move |connection: &Connection| {
            for (policy, failure) in &rows {
                policy.save(connection, day)?;
                let digest = digest(failure.as_ref(), connection, day)?;
                let values = params![day.number(), domain.as_str(), policy.digest, digest, now];
                connection.prepare_cached(sql::SAVE_REMARK)?.execute(values)?;
            }
            Ok(())
        };
        self.store.writer.write(write).await
    }

    /// Notes what the MX hosts of a domain showed when they were tried on a day, under a policy in
    /// mode testing. `now` is in seconds since 1970.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of writing. It may be repeated.
    pub async fn note_probe(
        &self,
        day: Day,
        domain: DomainName,
        policy: SeenPolicy,
        hosts: Vec<HostProbe>,
        now: i64,
    ) -> Result<(), StoreError> {
        let policy = Text::of(policy.to_json());
        let rows = hosts.into_iter().take(MOST).map(|probe| {
            let failure = match &probe.result {
                ProbeResult::Fails(failure) => Some(Text::of(failure.to_json())),
                ProbeResult::Passes | ProbeResult::Unknown => None,
            };
            (probe.host, probe.result.as_str(), failure)
        });
        let rows: Vec<_> = rows.collect();
        let write = move |connection: &Connection| {
            policy.save(connection, day)?;
            for (host, result, failure) in &rows {
                let digest = digest(failure.as_ref(), connection, day)?;
                let mut statement = connection.prepare_cached(sql::SAVE_PROBE)?;
                statement.execute(params![
                    day.number(),
                    domain.as_str(),
                    policy.digest,
                    host.as_str(),
                    result,
                    digest,
                    now,
                ])?;
            }
            Ok(())
        };
        self.store.writer.write(write).await
    }

    /// The domains that had sessions on a day and of which an enforcing sender holds an MTA-STS policy,
    /// behind `after` in the order of their names; without those whose MX hosts were
    /// tried on that day after `before`, in seconds since 1970.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of reading.
    pub async fn probe_candidates(
        &self,
        day: Day,
        after: Option<DomainName>,
        before: i64,
        limit: u32,
    ) -> Result<Vec<ProbeCandidate>, StoreError> {
        let read = move |connection: &Connection| {
            let after = after.as_ref().map_or("", DomainName::as_str);
            let mut statement = connection.prepare_cached(sql::PROBE_CANDIDATES)?;
            let values = params![after, day.number(), before, limit];
            let rows = statement.query_map(values, |row| {
                Ok(ProbeCandidate {
                    domain: text(row, 0)?.parse().map_err(|_| senseless(0))?,
                    policy_text: row.get(1)?,
                    fetched_at: row.get(2)?,
                })
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        };
        self.store.readers.read(read).await
    }

    /// The domains whose sessions on a day were held against TLSA records of a host that has another
    /// name, behind `after` in the order of their names.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of reading.
    pub async fn domains_of_host(
        &self,
        day: Day,
        host: DomainName,
        after: Option<DomainName>,
        limit: u32,
    ) -> Result<Vec<DomainName>, StoreError> {
        let read = move |connection: &Connection| {
            let after = after.as_ref().map_or("", DomainName::as_str);
            let mut statement = connection.prepare_cached(sql::DOMAINS_OF_HOST)?;
            let values = params![day.number(), host.as_str(), after, limit];
            let name = |row: &Row<'_>| text(row, 0)?.parse().map_err(|_| senseless(0));
            Ok(statement.query_map(values, name)?.collect::<Result<_, _>>()?)
        };
        self.store.readers.read(read).await
    }
}

/// Saves a text, if there is one, and gives its name; else none.
fn digest<'a>(
    text: Option<&'a Text>,
    connection: &Connection,
    day: Day,
) -> Result<&'a [u8], StoreError> {
    let Some(text) = text else { return Ok(&[]) };
    text.save(connection, day)?;
    Ok(&text.digest)
}

/// Reads it all.
pub(super) fn read(
    connection: &Connection,
    day: Day,
    domain: &DomainName,
    sessions: &mut DomainSessions,
) -> Result<(), StoreError> {
    let key = params![day.number(), domain.as_str()];
    let mut statement = connection.prepare_cached(sql::REMARKS)?;
    let mut rows = statement.query(key)?;
    while let Some(row) = rows.next()? {
        match (policy(row, 0)?, failure(row, 1)?) {
            (Some(policy), Some(failure)) => {
                sessions.remarks.push(SenderRemark { policy, failure });
            }
            _ => sessions.unreadable = sessions.unreadable.saturating_add(1),
        }
    }
    let mut statement = connection.prepare_cached(sql::PROBES)?;
    let mut rows = statement.query(key)?;
    while let Some(row) = rows.next()? {
        let host = text(row, 3)?.parse().ok();
        let result =
            failure(row, 1)?.and_then(|failure| ProbeResult::of(text(row, 4).ok()?, failure));
        match (policy(row, 0)?, host, result) {
            (Some(policy), Some(host), Some(result)) => {
                sessions.probes.push((policy, HostProbe { host, result }));
            }
            _ => sessions.unreadable = sessions.unreadable.saturating_add(1),
        }
    }
    Ok(())
}

fn policy(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<SeenPolicy>> {
    let content: Option<String> = row.get(column)?;
    Ok(content.as_deref().and_then(SeenPolicy::from_json))
}

/// The text of a failure, behind which its name stands; `None` if there should be one that can be
/// read.
fn failure(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<Option<SessionFailure>>> {
    let content: Option<String> = row.get(column)?;
    if row.get::<_, Vec<u8>>(column.saturating_add(1))?.is_empty() {
        return Ok(Some(None));
    }
    Ok(content.as_deref().and_then(SessionFailure::from_json).map(Some))
}

#[cfg(test)]
mod tests;
