//! What leads each domain on: when it is looked at next, what was seen the last time, and what a
//! person says in place of evidence.

use mail_domain::DomainName;
use rusqlite::{Connection, OptionalExtension as _, params};
use sealpost_rollout::{Entry, Time};

use super::{MOST_ROWS, Rollouts, note, sql};
use crate::{
    StoreError,
    column::{self, senseless},
};

/// The most words of one domain that are read.
const MOST_WORDS: u32 = 10_000;

/// What a person says of a domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// What it stands in for.
    pub kind: WordKind,
    /// The stage that may be left, or the kind of failure.
    pub subject: String,
    /// Who.
    pub by: String,
    /// Why.
    pub reason: String,
    /// When.
    pub at: Time,
}

/// What the word of a person stands in for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WordKind {
    /// Evidence that is missing in a stage.
    Waived,
    /// The explanation of a kind of failure.
    Accepted,
}

impl Rollouts {
    /// Takes a domain in hand until `until`, if it is due. Another process that shares the store
    /// does not get it meanwhile; if this one ends early, it is due again then.
    ///
    /// A domain that was never looked at is due, and so is one of which the look lies further ahead
    /// than `latest`: when it was put there, the clock was wrong.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of writing.
    pub async fn claim(
        &self,
        domain: DomainName,
        now: Time,
        until: Time,
        latest: Time,
    ) -> Result<bool, StoreError> {
        let work = move |connection: &Connection| {
            let mut statement = connection.prepare_cached(sql::CLAIM)?;
            let values = params![domain.as_str(), until.seconds(), now.seconds(), latest.seconds()];
            Ok(statement.query_row(values, |_| Ok(())).optional()?.is_some())
        };
        self.store.writer.write(work).await
    }

    /// Domains with the time at which each is due, from behind this one on: at most `limit`, and at
    /// most 10,000.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of reading.
    pub async fn due_times(
        &self,
        behind: Option<DomainName>,
        limit: u32,
    ) -> Result<Vec<(DomainName, Time)>, StoreError> {
        let read = move |connection: &Connection| {
            let mut statement = connection.prepare_cached(sql::DUE_TIMES)?;
            let behind = behind.as_ref().map_or("", DomainName::as_str);
            let mut rows = statement.query(params![behind, limit.min(MOST_ROWS)])?;
            let mut due = Vec::new();
            while let Some(row) = rows.next()? {
                let domain = column::text(row, 0)?.parse().map_err(|_| senseless(0))?;
                due.push((domain, super::time(row, 1)?));
            }
            Ok(due)
        };
        self.store.readers.read(read).await
    }

    /// What the last look left for the next; `None` if there was none.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of reading.
    pub async fn watch_state(&self, domain: DomainName) -> Result<Option<String>, StoreError> {
        let read = move |connection: &Connection| {
            let mut statement = connection.prepare_cached(sql::WATCH_STATE)?;
            let state = statement.query_row([domain.as_str()], |row| row.get(0)).optional()?;
            Ok(state.filter(|state: &String| !state.is_empty()))
        };
        self.store.readers.read(read).await
    }

    /// What the last look at each domain left for the next, from behind this one on: at most
    /// `limit`, and at most 10,000. Empty where there was none.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of reading.
    pub async fn watch_states(
        &self,
        behind: Option<DomainName>,
        limit: u32,
    ) -> Result<Vec<(DomainName, String)>, StoreError> {
        let read = move |connection: &Connection| {
            let mut statement = connection.prepare_cached(sql::WATCH_STATES)?;
            let behind = behind.as_ref().map_or("", DomainName::as_str);
            let rows = statement.query_map(params![behind, limit.min(MOST_ROWS)], |row| {
                let domain = column::text(row, 0)?.parse().map_err(|_| senseless(0))?;
                Ok((domain, row.get(1)?))
            })?;
            Ok(rows.collect::<Result<Vec<_>, _>>()?)
        };
        self.store.readers.read(read).await
    }

    /// Keeps what this look leaves for the next, and when that is due.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of writing.
    pub async fn keep_watch(
        &self,
        domain: DomainName,
        due: Time,
        state: String,
    ) -> Result<(), StoreError> {
        let work = move |connection: &Connection| {
            let mut statement = connection.prepare_cached(sql::KEEP_WATCH)?;
            statement.execute(params![domain.as_str(), due.seconds(), state])?;
            Ok(())
        };
        self.store.writer.write(work).await
    }

    /// Keeps what a look left of domains that were not taken up, and when the next is due. Those that
    /// are known by now stay as they are.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of writing; then of none.
    pub async fn turn_away(
        &self,
        domains: Vec<(DomainName, String)>,
        due: Time,
    ) -> Result<(), StoreError> {
        let work = move |connection: &Connection| {
            let mut statement = connection.prepare_cached(sql::TURN_AWAY)?;
            for (domain, state) in &domains {
                statement.execute(params![domain.as_str(), due.seconds(), state])?;
            }
            Ok(())
        };
        self.store.writer.write(work).await
    }

    /// The domains behind this one that were not taken up, and whose look left something: at most
    /// `limit`, and at most 10,000.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of reading.
    pub async fn turned_away(
        &self,
        behind: Option<DomainName>,
        limit: u32,
    ) -> Result<Vec<DomainName>, StoreError> {
        let read = move |connection: &Connection| {
            let mut statement = connection.prepare_cached(sql::TURNED_AWAY)?;
            let behind = behind.as_ref().map_or("", DomainName::as_str);
            let mut rows = statement.query(params![behind, limit.min(MOST_ROWS)])?;
            let mut domains = Vec::new();
            while let Some(row) = rows.next()? {
                domains.push(column::text(row, 0)?.parse().map_err(|_| senseless(0))?);
            }
            Ok(domains)
        };
        self.store.readers.read(read).await
    }

    /// Forgets what looks left of those of these domains that were not taken up.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of writing; then of none.
    pub async fn forget_turned_away(&self, domains: Vec<DomainName>) -> Result<(), StoreError> {
        let work = move |connection: &Connection| {
            let mut statement = connection.prepare_cached(sql::FORGET_TURNED_AWAY)?;
            for domain in &domains {
                statement.execute([domain.as_str()])?;
            }
            Ok(())
        };
        self.store.writer.write(work).await
    }

    /// Keeps the word of a person, with a row in the logbook. A later one takes its place.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of writing; then neither is kept.
    pub async fn keep_word(
        &self,
        domain: DomainName,
        word: Word,
        entry: Entry,
    ) -> Result<(), StoreError> {
        let work = move |connection: &Connection| {
            let mut statement = connection.prepare_cached(sql::KEEP_WORD)?;
            statement.execute(params![
                domain.as_str(),
                word.kind.as_str(),
                word.subject,
                word.by,
                word.reason,
                word.at.seconds()
            ])?;
            note(connection, &domain, &entry)
        };
        self.store.writer.write(work).await
    }

    /// What people have said of a domain.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of reading.
    pub async fn words(&self, domain: DomainName) -> Result<Vec<Word>, StoreError> {
        let read = move |connection: &Connection| {
            let mut statement = connection.prepare_cached(sql::WORDS)?;
            let mut rows = statement.query(params![domain.as_str(), MOST_WORDS])?;
            let mut words = Vec::new();
            while let Some(row) = rows.next()? {
                let kind = match column::text(row, 0)? {
                    "waived" => WordKind::Waived,
                    "accepted" => WordKind::Accepted,
                    _ => return Err(senseless(0).into()),
                };
                let (subject, by, reason) = (row.get(1)?, row.get(2)?, row.get(3)?);
                words.push(Word { kind, subject, by, reason, at: super::time(row, 4)? });
            }
            Ok(words)
        };
        self.store.readers.read(read).await
    }
}

impl WordKind {
    fn as_str(self) -> &'static str {
        match self {
            Self::Waived => "waived",
            Self::Accepted => "accepted",
        }
    }
}

#[cfg(test)]
mod tests {
    use mta_sts::Policy;
    use sealpost_rollout::{Actor, Event, Stage};

    use super::*;
    use crate::{Settings, Settled, Store};

    #[tokio::test]
    async fn a_domain_is_in_one_hand_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(Settings::at(folder.path().join("store.sqlite"))).await.unwrap();
        let rollouts = store.rollouts();
        let domain: DomainName = "example.com".parse().unwrap();
        let claim = async |now: i64, until: i64| {
            let latest = Time::at(now + 7_200);
            rollouts.claim(domain.clone(), Time::at(now), Time::at(until), latest).await.unwrap()
        };
        assert!(claim(100, 200).await);
        assert!(!claim(199, 300).await);
        assert!(claim(200, 300).await); // the first did not come back
        assert_eq!(rollouts.watch_state(domain.clone()).await.unwrap(), None);
        rollouts.keep_watch(domain.clone(), Time::at(900), "{}".to_owned()).await.unwrap();
        assert!(!claim(899, 1_000).await);
        assert_eq!(rollouts.watch_state(domain.clone()).await.unwrap().as_deref(), Some("{}"));
        let due = rollouts.due_times(None, 10).await.unwrap();
        assert_eq!(due, [(domain.clone(), Time::at(900))]);
        let states = rollouts.watch_states(None, 10).await.unwrap();
        assert_eq!(states, [(domain.clone(), "{}".to_owned())]);
        assert_eq!(rollouts.watch_states(Some(domain.clone()), 10).await.unwrap(), []);
        assert_eq!(rollouts.due_times(Some(domain.clone()), 10).await.unwrap(), []);
        // A clock that stood a year ahead puts off no look by a year.
        let ahead = Time::at(900 + 31_536_000);
        rollouts.keep_watch(domain.clone(), ahead, "{}".to_owned()).await.unwrap();
        assert!(claim(900, 1_000).await && !claim(950, 1_000).await);
    }

    #[tokio::test]
    async fn who_is_turned_away_is_told_why_until_it_is_taken_up() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(Settings::at(folder.path().join("store.sqlite"))).await.unwrap();
        let rollouts = store.rollouts();
        let domain: DomainName = "example.com".parse().unwrap();
        let turn_away = async |why: &str| {
            let domains = vec![(domain.clone(), why.to_owned())];
            rollouts.turn_away(domains, Time::at(900)).await.unwrap();
            rollouts.watch_state(domain.clone()).await.unwrap()
        };
        assert_eq!(turn_away("first").await.as_deref(), Some("first"));
        assert_eq!(turn_away("second").await.as_deref(), Some("second"));
        assert_eq!(rollouts.turned_away(None, 10).await.unwrap(), std::slice::from_ref(&domain));
        rollouts.forget_turned_away(vec![domain.clone()]).await.unwrap();
        assert_eq!(rollouts.watch_state(domain.clone()).await.unwrap(), None);
        turn_away("third").await;
        let policy = "version: STSv1\nmode: testing\nmx: mx.a.test\nmax_age: 86400\n";
        let settled = Settled {
            domain: domain.clone(),
            stage: Stage::Testing,
            policy: Policy::parse(policy.as_bytes()).unwrap(),
        };
        let none = std::time::Duration::ZERO;
        rollouts.settle_all(vec![settled], Time::at(100), none).await.unwrap();
        assert_eq!(rollouts.watch_state(domain.clone()).await.unwrap(), None);
        let due = rollouts.due_times(None, 10).await.unwrap();
        assert_eq!(due, [(domain.clone(), Time::at(0))], "a pass looks at it at once");
        assert_eq!(turn_away("too late").await, None);
        assert_eq!(rollouts.turned_away(None, 10).await.unwrap(), []);
        rollouts.forget_turned_away(vec![domain.clone()]).await.unwrap();
        assert_eq!(rollouts.due_times(None, 10).await.unwrap(), due, "it is taken up");
    }

    #[tokio::test]
    async fn the_last_word_counts_and_each_has_a_row() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(Settings::at(folder.path().join("store.sqlite"))).await.unwrap();
        let rollouts = store.rollouts();
        let domain: DomainName = "example.com".parse().unwrap();
        let word = |reason: &str, at: i64| Word {
            kind: WordKind::Waived,
            subject: "testing".to_owned(),
            by: "Kim".to_owned(),
            reason: reason.to_owned(),
            at: Time::at(at),
        };
        for (reason, at) in [("first", 1), ("second", 2)] {
            let event = Event::Waived { stage: Stage::Testing };
            let by = Actor::Person("Kim".to_owned());
            let entry = Entry { at: Time::at(at), by, event, grounds: vec![reason.to_owned()] };
            rollouts.keep_word(domain.clone(), word(reason, at), entry).await.unwrap();
        }
        assert_eq!(rollouts.words(domain.clone()).await.unwrap(), [word("second", 2)]);
        assert_eq!(rollouts.logbook(domain, 0, 10).await.unwrap().len(), 2);
    }
}
