//! What is known of the domains of a day beside their sessions.

use jiff::Timestamp;
use mail_domain::DomainName;
use rusqlite::{Connection, Row, params};
use sealpost_evidence::traffic::Day;
use tls_rpt::{HostProbe, Look, ProbeResult, SeenPolicy, SessionFailure};

use super::{DomainSessions, Sessions, sql, text::Text};
use crate::{
    StoreError,
    column::{count, senseless, text},
};

/// The most remarks that are told apart of a domain on a day.
const MOST_REMARKS: u64 = 64;
/// The most hosts of a look.
const MOST_HOSTS: usize = 64;

/// What an enforcing sender found of a policy of a domain, with or without a session.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SenderRemark {
    /// The policy.
    pub policy: SeenPolicy,
    /// What went wrong; `None` if the policy was held beside another one, and nothing was wrong.
    pub failure: Option<SessionFailure>,
}

/// What an enforcing sender found of a domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DomainRemarks {
    /// The domain.
    pub domain: DomainName,
    /// What it found.
    pub remarks: Vec<SenderRemark>,
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
    /// Notes what a sender found of domains on a day, all of it in one transaction. Each remark is there
    /// once however often it is noted. Of a domain at most 64 are told apart; further ones are there as
    /// one of each result type, under no certain policy text and of no certain host. Says how many those
    /// were. `now` is in seconds since 1970.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of writing. It may be repeated.
    pub async fn remark(
        &self,
        day: Day,
        remarks: Vec<DomainRemarks>,
        now: i64,
    ) -> Result<u64, StoreError> {
        let write = move |connection: &Connection| {
            let mut beyond = 0_u64;
            for of_domain in &remarks {
                beyond = beyond.saturating_add(of_domain.save(connection, day, now)?);
            }
            Ok(beyond)
        };
        self.store.writer.write(write).await
    }

    /// Notes what the MX hosts of a domain, the first 64, showed when they were looked at.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of writing. It may be repeated.
    pub async fn note_look(&self, domain: DomainName, look: Look) -> Result<(), StoreError> {
        let at = look.at.as_second();
        let day = Day::of(at);
        let policy = Text::of(look.policy.to_json());
        let rows = look.hosts.into_iter().take(MOST_HOSTS).map(|probe| {
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
                let mut statement = connection.prepare_cached(sql::SAVE_LOOK)?;
                statement.execute(params![
                    day.number(),
                    domain.as_str(),
                    at,
                    policy.digest,
                    host.as_str(),
                    result,
                    digest,
                ])?;
            }
            Ok(())
        };
        self.store.writer.write(write).await
    }

    /// The domains that had sessions on a day and of which an enforcing sender holds an MTA-STS policy,
    /// behind `after` in the order of their names; without those whose MX hosts were looked at after
    /// `before`, in seconds since 1970, on that day or the one before.
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
            let values = params![after, day.number(), day.plus(-1).number(), before, limit];
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

impl DomainRemarks {
    /// Says how many are not told apart.
    fn save(&self, connection: &Connection, day: Day, now: i64) -> Result<u64, StoreError> {
        let mut statement = connection.prepare_cached(sql::COUNT_REMARKS)?;
        let key = params![day.number(), self.domain.as_str()];
        let mut there = statement.query_row(key, |row| count(row, 0))?;
        let mut beyond = 0_u64;
        for remark in &self.remarks {
            if remark.is_noted_again(connection, day, &self.domain, now)? {
                continue;
            }
            if there < MOST_REMARKS {
                remark.save(connection, day, &self.domain, now)?;
                there = there.saturating_add(1);
                continue;
            }
            beyond = beyond.saturating_add(1);
            let others = remark.others(&self.domain);
            if !others.is_noted_again(connection, day, &self.domain, now)? {
                others.save(connection, day, &self.domain, now)?;
            }
        }
        Ok(beyond)
    }
}

impl SenderRemark {
    /// What stands for others like it: they are as many as there are types of policies and results.
    fn others(&self, domain: &DomainName) -> Self {
        Self {
            policy: SeenPolicy::new(self.policy.policy_type.clone(), domain.clone()),
            failure: self
                .failure
                .as_ref()
                .map(|failure| SessionFailure::others(failure.result_type.clone())),
        }
    }

    fn texts(&self) -> (Text, Option<Text>) {
        let failure = self.failure.as_ref().map(|failure| Text::of(failure.to_json()));
        (Text::of(self.policy.to_json()), failure)
    }

    fn is_noted_again(
        &self,
        connection: &Connection,
        day: Day,
        domain: &DomainName,
        now: i64,
    ) -> Result<bool, StoreError> {
        let (policy, failure) = self.texts();
        let failure = failure.as_ref().map_or(&[][..], |text| text.digest.as_slice());
        let values = params![now, day.number(), domain.as_str(), policy.digest, failure];
        Ok(connection.prepare_cached(sql::AGAIN_REMARK)?.execute(values)? > 0)
    }

    fn save(
        &self,
        connection: &Connection,
        day: Day,
        domain: &DomainName,
        now: i64,
    ) -> Result<(), StoreError> {
        let (policy, failure) = self.texts();
        policy.save(connection, day)?;
        let failure = digest(failure.as_ref(), connection, day)?;
        let values = params![day.number(), domain.as_str(), policy.digest, failure, now];
        connection.prepare_cached(sql::SAVE_REMARK)?.execute(values)?;
        Ok(())
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
    let mut statement = connection.prepare_cached(sql::LOOKS)?;
    let [before, of_day, after] = [-1, 0, 1].map(|days| day.plus(days).number());
    let mut rows = statement.query(params![before, of_day, after, domain.as_str()])?;
    while let Some(row) = rows.next()? {
        let host = text(row, 3)?.parse().ok();
        let result =
            failure(row, 1)?.and_then(|failure| ProbeResult::of(text(row, 4).ok()?, failure));
        let at = Timestamp::from_second(row.get(5)?).ok();
        let (Some(policy), Some(host), Some(result), Some(at)) =
            (policy(row, 0)?, host, result, at)
        else {
            sessions.unreadable = sessions.unreadable.saturating_add(1);
            continue;
        };
        let probe = HostProbe { host, result };
        match sessions.looks.last_mut() {
            Some(last) if last.at == at && last.policy == policy => last.hosts.push(probe),
            _ => sessions.looks.push(Look { at, policy, hosts: vec![probe] }),
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
