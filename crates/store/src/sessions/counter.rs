//! Counters as they are stored: each a row with all its texts in it.

use std::{borrow::Cow, collections::BTreeMap, fmt::Write as _, sync::Arc};

use mail_domain::DomainName;
use rusqlite::{CachedStatement, Connection, Row, params};
use sealpost_evidence::traffic::Day;
use tls_rpt::{FailureCount, SeenPolicy, SessionFailure};

use super::{DomainSessions, Epoch, SessionCounts, sql};
use crate::{
    StoreError,
    column::{clip, count, is_within, stored, text_or_null},
};

/// The longest record that is kept, in characters.
const LONGEST_RECORD: usize = 4_096;

/// Writes counters of an epoch in one transaction.
pub(super) struct Writing<'c> {
    connection: &'c Connection,
    epoch: &'c Epoch,
    save: CachedStatement<'c>,
    save_again: CachedStatement<'c>,
}

/// What is read of the policies of a domain, by their names.
#[derive(Default)]
struct Policies {
    policies: BTreeMap<Vec<u8>, Sums>,
    unreadable: u64,
}

/// The sums of a policy over nodes and epochs.
struct Sums {
    policy: SeenPolicy,
    successful: u64,
    failed: u64,
    failures: BTreeMap<SessionFailure, FailureCount>,
}

impl<'c> Writing<'c> {
    pub(super) fn begin(connection: &'c Connection, epoch: &'c Epoch) -> Result<Self, StoreError> {
        Ok(Self {
            connection,
            epoch,
            save: connection.prepare_cached(sql::SAVE)?,
            save_again: connection.prepare_cached(sql::SAVE_AGAIN)?,
        })
    }

    /// Writes one.
    pub(super) fn save(&mut self, counts: &SessionCounts) -> Result<(), StoreError> {
        let Self { connection, epoch, save, save_again } = self;
        let SessionCounts { day, domain, policy, .. } = counts;
        let (day, domain, name) = (day.number(), domain.as_str(), policy.name());
        let (node, epoch) = (&*epoch.node, epoch.number);
        let numbers = (stored(counts.successful), stored(counts.failed));
        let record = counts.record.as_deref().map(whole_or_clipped);
        let hours = counts.hours.as_deref().map(ToString::to_string);
        let failures = write_failures(&counts.failures);
        let is_there = policy.is_stored()
            && save_again.execute(params![
                numbers.0,
                numbers.1,
                counts.seen_at,
                record,
                hours,
                failures,
                day,
                domain,
                name,
                node,
                epoch,
            ])? > 0;
        if is_there {
            return Ok(());
        }
        // It is new; or its day was forgotten meanwhile, or these are older numbers.
        save.execute(params![
            day,
            domain,
            name,
            node,
            epoch,
            numbers.0,
            numbers.1,
            counts.seen_at,
            record,
            hours,
            policy.text(),
            failures,
        ])?;
        // If the transaction comes to nothing, it is looked for in vain once, and then written.
        policy.note_stored();
        if let Some(host) = policy.host()
            && *host != counts.domain
        {
            let mut statement = connection.prepare_cached(sql::SAVE_HOST)?;
            statement.execute(params![day, host.as_str(), domain])?;
        }
        Ok(())
    }
}

fn whole_or_clipped(record: &str) -> Cow<'_, str> {
    if is_within(record, LONGEST_RECORD) {
        return record.into();
    }
    clip(record, LONGEST_RECORD).into()
}

/// Reads what all nodes and epochs have of a domain.
pub(super) fn read(
    connection: &Connection,
    day: Day,
    domain: &DomainName,
    sessions: &mut DomainSessions,
) -> Result<(), StoreError> {
    let key = params![day.number(), domain.as_str()];
    let mut found = Policies::default();
    let mut newest = None;
    let mut statement = connection.prepare_cached(sql::COUNTERS)?;
    let mut rows = statement.query(key)?;
    while let Some(row) = rows.next()? {
        found.add(row)?;
        let time: (i64, i64) = (row.get(4)?, row.get(5)?);
        if newest.is_none_or(|newest| newest <= time)
            && let Some(record) = row.get(6)?
        {
            newest = Some(time);
            sessions.record = Some(record);
        }
        if let Some(hours) = text_or_null(row, 7)? {
            match hours.parse() {
                Ok(hours) => sessions.hours.add_all(&hours),
                Err(_) => found.unreadable = found.unreadable.saturating_add(1),
            }
        }
    }
    let mut statement = connection.prepare_cached(sql::FAILURES_BESIDE)?;
    let mut rows = statement.query(key)?;
    while let Some(row) = rows.next()? {
        found.add_beside(row)?;
    }
    sessions.unreadable = sessions.unreadable.saturating_add(found.unreadable);
    for sums in found.policies.into_values() {
        for (failure, count) in sums.failures {
            sessions.failures.push((sums.policy.clone(), failure, count));
        }
        sessions.totals.push((sums.policy, sums.successful, sums.failed));
    }
    Ok(())
}

impl Policies {
    /// Adds a row of [`sql::COUNTERS`].
    fn add(&mut self, row: &Row<'_>) -> rusqlite::Result<()> {
        let name = row.get_ref(0)?.as_blob()?;
        if !self.policies.contains_key(name) {
            let content = text_or_null(row, 1)?;
            let Some(policy) = content.and_then(SeenPolicy::from_json) else {
                self.unreadable = self.unreadable.saturating_add(1);
                return Ok(());
            };
            self.policies.insert(name.to_vec(), Sums::new(policy));
        }
        let Some(sums) = self.policies.get_mut(name) else { return Ok(()) };
        sums.successful = sums.successful.saturating_add(count(row, 2)?);
        sums.failed = sums.failed.saturating_add(count(row, 3)?);
        let failures = text_or_null(row, 8)?.unwrap_or_default();
        for line in failures.lines() {
            match read_failure(line) {
                Some((failure, count)) => sums.failures.entry(failure).or_default().add(count),
                None => self.unreadable = self.unreadable.saturating_add(1),
            }
        }
        Ok(())
    }

    /// Adds a row of [`sql::FAILURES_BESIDE`].
    fn add_beside(&mut self, row: &Row<'_>) -> rusqlite::Result<()> {
        let sums = self.policies.get_mut(row.get_ref(0)?.as_blob()?);
        let content = text_or_null(row, 1)?;
        let failure = content.and_then(SessionFailure::from_json);
        let (Some(sums), Some(failure)) = (sums, failure) else {
            self.unreadable = self.unreadable.saturating_add(1);
            return Ok(());
        };
        let numbers = FailureCount { failed: count(row, 2)?, recovered: count(row, 3)? };
        sums.failures.entry(failure).or_default().add(numbers);
        Ok(())
    }
}

impl Sums {
    fn new(policy: SeenPolicy) -> Self {
        Self { policy, successful: 0, failed: 0, failures: BTreeMap::new() }
    }
}

/// Failures and their numbers, each on a line: JSON has none in it.
fn write_failures(failures: &[(Arc<SessionFailure>, FailureCount)]) -> Option<String> {
    if failures.is_empty() {
        return None;
    }
    let mut lines = String::new();
    for (failure, count) in failures {
        // A string takes everything.
        let _ = writeln!(lines, "{} {} {}", count.failed, count.recovered, failure.to_json());
    }
    Some(lines)
}

/// A line of them.
fn read_failure(line: &str) -> Option<(SessionFailure, FailureCount)> {
    let (failed, rest) = line.split_once(' ')?;
    let (recovered, failure) = rest.split_once(' ')?;
    let count = FailureCount { failed: failed.parse().ok()?, recovered: recovered.parse().ok()? };
    Some((SessionFailure::from_json(failure)?, count))
}
