//! How far the roll-out of each domain has come: its stage, every policy that was ever served for
//! it, and its logbook.

mod hosted;
mod serving;
mod settling;
pub(crate) mod sql;
mod watch;
pub use hosted::Hosted;
pub use settling::Settled;
pub use watch::{Word, WordKind};

use std::time::Duration;

use mail_domain::DomainName;
use mta_sts::{MaxAge, Policy, PolicyId};
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use sealpost_evidence::traffic::Day;
use sealpost_rollout::{
    Announced, ClockReading, Entry, History, MxSet, Past, Reckoning, Recorded, Served, Stage, Time,
    Witness, id_time,
};
use sealpost_rules::diagnosis::PublishedPolicy;
use sealpost_runtime::Clock;
use serde::Deserialize;

use crate::{
    Store, StoreError,
    column::{self, senseless},
};

/// The most domains, or rows of a logbook, that are given at a time.
const MOST_ROWS: u32 = 10_000;

/// The roll-outs of a store. Clones share it.
#[derive(Clone)]
pub struct Rollouts {
    store: Store,
}

/// What a look leaves for the next, as far as it is for others too.
#[derive(Deserialize)]
struct Left {
    reckoning: Option<Reckoning>,
}

/// What a clock shows, and what vouches for the time that passes.
pub fn read_clock(clock: &Clock) -> ClockReading {
    let now = Time::at(clock.now().as_second());
    let witness = match clock.uptime() {
        Some(uptime) => Witness::Machine { boot: uptime.boot, up: uptime.up },
        None => Witness::Told,
    };
    ClockReading { now, witness }
}

/// All that is known of the roll-out of one domain, but for its logbook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rollout {
    /// The stage that the domain is in.
    pub stage: Stage,
    /// Since when.
    pub entered_at: Time,
    /// What was served.
    pub history: History,
    /// The MX records, the newest last.
    pub mx: Vec<MxSet>,
}

impl Rollout {
    /// The same with each time as far back from now as was witnessed since, and no further for a clock
    /// that was set; by what the last look left, and this reading.
    #[must_use]
    pub fn as_witnessed(&self, state: Option<&str>, reading: &ClockReading) -> Self {
        let Self { stage, entered_at, history, mx } = self;
        let recorded = Recorded { history, mx, entered_at: *entered_at };
        // What cannot be read is as if it was not there.
        let left: Option<Left> = state.and_then(|state| serde_json::from_str(state).ok());
        let kept = left.and_then(|left| left.reckoning);
        let (reckoning, _) = Reckoning::resume(kept, reading, recorded);
        Self {
            stage: *stage,
            entered_at: *entered_at,
            history: reckoning.history(history, reading.now),
            mx: reckoning.mx(mx, reading.now),
        }
    }

    /// The policies that were served, oldest first, the last one being that of now. None if no policy
    /// is served now, or none that senders can use: then nothing can be said of the one that a sender
    /// held.
    pub fn published(&self) -> Vec<PublishedPolicy> {
        if self.history.live().is_none() {
            return Vec::new();
        }
        let published = self.history.bodies().iter().filter_map(|served| {
            let policy = served.policy.clone()?;
            Some(PublishedPolicy { since: Some(Day::of(served.since.seconds())), policy })
        });
        published.collect()
    }
}

/// What becomes of a move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Advance {
    /// The domain is in the new stage, and its logbook says so.
    Done,
    /// It was not in the stage that the move starts from: somebody else was faster.
    Elsewhere,
}

impl Rollouts {
    pub(crate) fn new(store: Store) -> Self {
        Self { store }
    }

    /// Takes a domain up, at this stage. One that is known stays as it is; then the answer is
    /// `false`.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of writing.
    pub async fn enrol(
        &self,
        domain: DomainName,
        stage: Stage,
        at: Time,
        past: Past,
    ) -> Result<bool, StoreError> {
        let work = move |connection: &Connection| {
            let (word, max_age) = stored_past(past);
            let (stage, at) = (stage.as_str(), at.seconds());
            let values = params![domain.as_str(), stage, at, at, word, max_age];
            let mut statement = connection.prepare_cached(sql::ENROL)?;
            Ok(statement.query_row(values, |_| Ok(())).optional()?.is_some())
        };
        self.store.writer.write(work).await
    }

    /// Moves a domain from one stage to another, with a row in its logbook, before which another may
    /// stand. Repeated, it is done once.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of writing; then neither is changed.
    pub async fn advance(
        &self,
        domain: DomainName,
        from: Stage,
        to: Stage,
        before: Option<Entry>,
        entry: Entry,
    ) -> Result<Advance, StoreError> {
        let work = move |connection: &Connection| {
            let at = entry.at.seconds();
            let values = params![to.as_str(), at, domain.as_str(), from.as_str()];
            let mut statement = connection.prepare_cached(sql::ADVANCE)?;
            if statement.query_row(values, |_| Ok(())).optional()?.is_some() {
                before.iter().try_for_each(|before| note(connection, &domain, before))?;
                note(connection, &domain, &entry)?;
                return Ok(Advance::Done);
            }
            let now = read_domain(connection, &domain)?;
            let is_done = now.is_some_and(|now| (now.stage, now.entered_at) == (to, entry.at));
            Ok(if is_done { Advance::Done } else { Advance::Elsewhere })
        };
        self.store.writer.write(work).await
    }

    /// A person states what was served before the domain was taken up; with a row in the logbook.
    /// `false` if the domain is not known.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of writing.
    pub async fn state_past(
        &self,
        domain: DomainName,
        past: Past,
        entry: Entry,
    ) -> Result<bool, StoreError> {
        let work = move |connection: &Connection| {
            let (word, max_age) = stored_past(past);
            let mut statement = connection.prepare_cached(sql::STATE_PAST)?;
            let values = params![word, max_age, domain.as_str()];
            let is_known = statement.query_row(values, |_| Ok(())).optional()?.is_some();
            if is_known {
                note(connection, &domain, &entry)?;
            }
            Ok(is_known)
        };
        self.store.writer.write(work).await
    }

    /// This body is served from now on, and within `spread` none but this; or, with `None`, none
    /// is served from now on. A body that is served already, to the octet, stays.
    ///
    /// What was observed is written the same way: of what was served between two looks the
    /// latest possible end is kept.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of writing.
    pub async fn serve(
        &self,
        domain: DomainName,
        body: Option<Vec<u8>>,
        at: Time,
        spread: Duration,
    ) -> Result<(), StoreError> {
        self.serve_all(vec![(domain, body)], at, spread).await
    }

    /// This id is announced from now on, and within `spread` none but this; or, with `None`, none.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of writing.
    pub async fn announce(
        &self,
        domain: DomainName,
        id: Option<PolicyId>,
        ttl: Duration,
        at: Time,
        spread: Duration,
    ) -> Result<(), StoreError> {
        let statements = [sql::LIVE_ID, sql::SAME_ID, sql::END_ID, sql::BEGIN_ID];
        let id = id.map(|id| id.as_str().to_owned());
        let is_new = id.is_some();
        let begins = move |connection: &Connection, domain: &DomainName| {
            let (last_body, last_id) = serving::last_times(connection, domain)?;
            Ok(id_time(at, last_body, last_id.filter(|_| is_new)))
        };
        self.replace(statements, domain, id, ttl, begins, spread).await
    }

    /// These MX records are published from now on, and within `spread` none but these.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of writing.
    pub async fn set_mx(
        &self,
        domain: DomainName,
        mut hosts: Vec<DomainName>,
        ttl: Duration,
        at: Time,
        spread: Duration,
    ) -> Result<(), StoreError> {
        hosts.sort();
        hosts.dedup();
        let names: Vec<&str> = hosts.iter().map(DomainName::as_str).collect();
        let text = serde_json::to_string(&names).unwrap_or_default();
        let statements = [sql::LIVE_MX, sql::SAME_MX, sql::END_MX, sql::BEGIN_MX];
        self.replace(statements, domain, Some(text), ttl, move |_, _| Ok(at), spread).await
    }

    async fn replace(
        &self,
        [live, same, end, begin]: [&'static str; 4],
        domain: DomainName,
        value: Option<String>,
        ttl: Duration,
        begins: impl Fn(&Connection, &DomainName) -> Result<Time, StoreError> + Send + 'static,
        spread: Duration,
    ) -> Result<(), StoreError> {
        let ttl = column::stored(ttl.as_secs());
        let work = move |connection: &Connection| {
            let mut live = connection.prepare_cached(live)?;
            let live: Option<String> =
                live.query_row([domain.as_str()], |row| row.get(0)).optional()?;
            if live == value {
                connection.prepare_cached(same)?.execute(params![ttl, domain.as_str()])?;
                return Ok(());
            }
            let at = begins(connection, &domain)?;
            let ends = at.plus(spread).seconds();
            connection.prepare_cached(end)?.execute(params![ends, domain.as_str()])?;
            if let Some(value) = &value {
                let mut begin = connection.prepare_cached(begin)?;
                begin.execute(params![domain.as_str(), at.seconds(), value, ttl])?;
            }
            Ok(())
        };
        self.store.writer.write(work).await
    }

    /// Writes a row into the logbook of a domain, once.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of writing.
    pub async fn note(&self, domain: DomainName, entry: Entry) -> Result<(), StoreError> {
        let work = move |connection: &Connection| note(connection, &domain, &entry);
        self.store.writer.write(work).await
    }

    /// All that is known of a domain; `None` if it was never taken up.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of reading. A row that makes no sense is an error of the file:
    /// without it a horizon would be too early.
    pub async fn load(&self, domain: DomainName) -> Result<Option<Rollout>, StoreError> {
        let read = move |connection: &Connection| {
            let Some(known) = read_domain(connection, &domain)? else { return Ok(None) };
            let bodies = all(connection, sql::BODIES, &domain, |row| {
                let policy = Policy::parse(row.get_ref(2)?.as_blob()?).ok();
                Ok(Served { policy, since: time(row, 0)?, until: end(row, 1)? })
            })?;
            let ids = all(connection, sql::IDS, &domain, |row| {
                let id = PolicyId::parse(column::text(row, 2)?).map_err(|_| senseless(2))?;
                let ttl = Duration::from_secs(column::count(row, 3)?);
                Ok(Announced { id, since: time(row, 0)?, until: end(row, 1)?, ttl })
            })?;
            let mx = all(connection, sql::MX, &domain, |row| {
                let names: Vec<String> = column::json(1, column::text(row, 1)?)?;
                let hosts: Result<Vec<DomainName>, _> = names.iter().map(|n| n.parse()).collect();
                let ttl = Duration::from_secs(column::count(row, 2)?);
                Ok(MxSet { hosts: hosts.map_err(|_| senseless(1))?, ttl, until: end(row, 0)? })
            })?;
            let Known { stage, entered_at, known_since, past } = known;
            let history = History::of(known_since, past, bodies, ids);
            Ok(Some(Rollout { stage, entered_at, history, mx }))
        };
        self.store.readers.read(read).await
    }

    /// The rows of a domain's logbook, oldest first, from behind the first `skipped` on; at most
    /// `limit`, and at most 10,000.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of reading.
    pub async fn logbook(
        &self,
        domain: DomainName,
        skipped: u64,
        limit: u32,
    ) -> Result<Vec<Entry>, StoreError> {
        let read = move |connection: &Connection| {
            let mut statement = connection.prepare_cached(sql::ENTRIES)?;
            let values = params![domain.as_str(), column::stored(skipped), limit.min(MOST_ROWS)];
            let mut rows = statement.query(values)?;
            let mut entries = Vec::new();
            while let Some(row) = rows.next()? {
                entries.push(column::json(0, column::text(row, 0)?)?);
            }
            Ok(entries)
        };
        self.store.readers.read(read).await
    }

    /// The domains behind this one, with stage and since when: at most `limit`, and at most 10,000.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of reading.
    pub async fn domains(
        &self,
        behind: Option<DomainName>,
        limit: u32,
    ) -> Result<Vec<(DomainName, Stage, Time)>, StoreError> {
        let read = move |connection: &Connection| {
            let mut statement = connection.prepare_cached(sql::DOMAINS)?;
            let behind = behind.as_ref().map_or("", DomainName::as_str);
            let mut rows = statement.query(params![behind, limit.min(MOST_ROWS)])?;
            let mut domains = Vec::new();
            while let Some(row) = rows.next()? {
                let domain = column::text(row, 0)?.parse().map_err(|_| senseless(0))?;
                domains.push((domain, stage(row, 1)?, time(row, 2)?));
            }
            Ok(domains)
        };
        self.store.readers.read(read).await
    }
}

/// A row of [`sql::DOMAIN`].
struct Known {
    stage: Stage,
    entered_at: Time,
    known_since: Time,
    past: Past,
}

fn read_domain(connection: &Connection, domain: &DomainName) -> Result<Option<Known>, StoreError> {
    let mut statement = connection.prepare_cached(sql::DOMAIN)?;
    let known = statement.query_row([domain.as_str()], |row| {
        let past = match (column::text(row, 3)?, row.get::<_, Option<u32>>(4)?) {
            ("unknown", None) => Past::Unknown,
            ("nothing", None) => Past::Nothing,
            ("at-most", Some(seconds)) => {
                Past::AtMost(MaxAge::from_secs(seconds).ok_or_else(|| senseless(4))?)
            }
            _ => return Err(senseless(3)),
        };
        Ok(Known {
            stage: stage(row, 0)?,
            entered_at: time(row, 1)?,
            known_since: time(row, 2)?,
            past,
        })
    });
    Ok(known.optional()?)
}

fn note(connection: &Connection, domain: &DomainName, entry: &Entry) -> Result<(), StoreError> {
    let text = serde_json::to_string(entry).unwrap_or_default();
    let mut statement = connection.prepare_cached(sql::NOTE)?;
    statement.execute(params![domain.as_str(), entry.at.seconds(), text])?;
    Ok(())
}

fn all<T>(
    connection: &Connection,
    sql: &str,
    domain: &DomainName,
    read: impl Fn(&Row<'_>) -> rusqlite::Result<T>,
) -> Result<Vec<T>, StoreError> {
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map([domain.as_str()], read)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

fn stored_past(past: Past) -> (&'static str, Option<u32>) {
    match past {
        Past::Unknown => ("unknown", None),
        Past::AtMost(max_age) => ("at-most", Some(max_age.as_secs())),
        Past::Nothing => ("nothing", None),
    }
}

fn time(row: &Row<'_>, column: usize) -> rusqlite::Result<Time> {
    Ok(Time::at(row.get(column)?))
}

fn end(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<Time>> {
    Ok(row.get::<_, Option<i64>>(column)?.map(Time::at))
}

fn stage(row: &Row<'_>, column: usize) -> rusqlite::Result<Stage> {
    column::text(row, column)?.parse().map_err(|_| senseless(column))
}

#[cfg(test)]
mod tests;
