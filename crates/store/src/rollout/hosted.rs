//! The domains whose policy is served here, and what becomes of those that are configured no longer.
//!
//! Policy hosts that share a store have the same domains, or different ones; those have names then. Each
//! says of its own domains only that they are gone, and while one has a domain configured the others
//! leave it alone.

use std::time::Duration;

use mail_domain::DomainName;
use rusqlite::{Connection, OptionalExtension as _, params};
use sealpost_rollout::{Entry, Time};

use super::{MOST_ROWS, Rollouts, serving::serve, sql};
use crate::{StoreError, column, column::senseless};

/// A domain whose policy is served by a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hosted {
    /// The domain.
    pub domain: DomainName,
    /// Since when it is configured no longer; `None` while it is.
    pub taken_out_at: Option<Time>,
    /// Whether another host has it configured.
    pub is_elsewhere: bool,
    /// Where its policy host is to be found, as the host wrote it when it was configured.
    pub whereabouts: Option<String>,
}

impl Rollouts {
    /// The domains behind this one whose policy this host serves: at most `limit`, and at most 10,000.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of reading.
    pub async fn hosted(
        &self,
        host: &str,
        behind: Option<DomainName>,
        limit: u32,
    ) -> Result<Vec<Hosted>, StoreError> {
        let host = host.to_owned();
        let read = move |connection: &Connection| {
            let mut statement = connection.prepare_cached(sql::HOSTED)?;
            let behind = behind.as_ref().map_or("", DomainName::as_str);
            let mut rows = statement.query(params![host, behind, limit.min(MOST_ROWS)])?;
            let mut hosted = Vec::new();
            while let Some(row) = rows.next()? {
                let domain = column::text(row, 0)?.parse().map_err(|_| senseless(0))?;
                let (taken_out_at, is_elsewhere) = (super::end(row, 1)?, row.get(2)?);
                let whereabouts = row.get(3)?;
                hosted.push(Hosted { domain, taken_out_at, is_elsewhere, whereabouts });
            }
            Ok(hosted)
        };
        self.store.readers.read(read).await
    }

    /// The policies of these are served by this host, which wants to know these whereabouts again when
    /// they are configured no longer.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of writing; then of none.
    pub async fn host(
        &self,
        host: &str,
        domains: Vec<(DomainName, String)>,
    ) -> Result<(), StoreError> {
        let host = host.to_owned();
        let work = move |connection: &Connection| {
            let mut statement = connection.prepare_cached(sql::HOST)?;
            for (domain, whereabouts) in &domains {
                statement.execute([domain.as_str(), &host, whereabouts])?;
            }
            Ok(())
        };
        self.store.writer.write(work).await
    }

    /// The policy of a domain is not for this host any more to serve, but for another.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of writing.
    pub async fn host_elsewhere(&self, host: &str, domain: DomainName) -> Result<(), StoreError> {
        let host = host.to_owned();
        let work = move |connection: &Connection| {
            connection.prepare_cached(sql::UNHOST)?.execute([domain.as_str(), &host])?;
            Ok(())
        };
        self.store.writer.write(work).await
    }

    /// A domain is configured no longer for this host, since the time of this row of its logbook.
    /// Repeated, it is done once.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of writing; then nothing is changed.
    pub async fn take_out(
        &self,
        host: &str,
        domain: DomainName,
        entry: Entry,
    ) -> Result<(), StoreError> {
        let host = host.to_owned();
        let work = move |connection: &Connection| {
            let mut statement = connection.prepare_cached(sql::TAKE_OUT)?;
            let values = params![entry.at.seconds(), domain.as_str(), host];
            match statement.query_row(values, |_| Ok(())).optional()? {
                Some(()) => note_new(connection, &domain, &entry),
                None => Ok(()),
            }
        };
        self.store.writer.write(work).await
    }

    /// A domain that had been taken out is configured again, with this row in its logbook, and is due
    /// for a pass. Repeated, it is done once.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of writing; then nothing is changed.
    pub async fn take_back(
        &self,
        host: &str,
        domain: DomainName,
        entry: Entry,
    ) -> Result<(), StoreError> {
        let host = host.to_owned();
        let work = move |connection: &Connection| {
            let mut statement = connection.prepare_cached(sql::TAKE_BACK)?;
            let values = [domain.as_str(), &host];
            if statement.query_row(values, |_| Ok(())).optional()?.is_none() {
                return Ok(());
            }
            connection.prepare_cached(sql::DUE_NOW)?.execute([domain.as_str()])?;
            note_new(connection, &domain, &entry)
        };
        self.store.writer.write(work).await
    }

    /// Domains that were taken out, and whose policy no sender can hold any more, are served no longer,
    /// and are as if they had never been taken up: what becomes of them elsewhere is not known. What
    /// was served for them until so long after this row of their logbook stays written down, and so
    /// does the logbook. Of one that another host serves too, nothing else changes.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of writing; then nothing is changed.
    pub async fn let_go(
        &self,
        host: &str,
        domains: Vec<DomainName>,
        entry: Entry,
        spread: Duration,
    ) -> Result<(), StoreError> {
        let host = host.to_owned();
        let work = move |connection: &Connection| {
            for domain in &domains {
                let mut unhost = connection.prepare_cached(sql::UNHOST)?;
                if unhost.execute([domain.as_str(), &host])? == 0 {
                    continue;
                }
                let mut others = connection.prepare_cached(sql::IS_HOSTED)?;
                if others.query_row([domain.as_str()], |_| Ok(())).optional()?.is_some() {
                    continue;
                }
                serve(connection, domain, None, entry.at, spread)?;
                for statement in [sql::FORGET_DOMAIN, sql::NO_WATCH] {
                    connection.prepare_cached(statement)?.execute([domain.as_str()])?;
                }
                note_new(connection, domain, &entry)?;
            }
            Ok(())
        };
        self.store.writer.write(work).await
    }
}

/// Writes a row of a logbook together with what it tells of, which is done once: there may be a like
/// one of the same second.
fn note_new(connection: &Connection, domain: &DomainName, entry: &Entry) -> Result<(), StoreError> {
    let text = serde_json::to_string(entry).unwrap_or_default();
    let mut statement = connection.prepare_cached(sql::NOTE_NEW)?;
    statement.execute(params![domain.as_str(), entry.at.seconds(), text])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use sealpost_rollout::{Actor, Event, Past, Stage};

    use super::*;
    use crate::{Settings, Store};

    #[tokio::test]
    async fn a_domain_is_taken_out_and_back_once_and_let_go() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(Settings::at(folder.path().join("store.sqlite"))).await.unwrap();
        let rollouts = store.rollouts();
        let domain: DomainName = "example.com".parse().unwrap();
        let elsewhere: DomainName = "example.org".parse().unwrap();
        let row = |event: Event, at: i64| Entry {
            at: Time::at(at),
            by: Actor::Itself,
            event,
            grounds: Vec::new(),
        };
        let hosted = async || rollouts.hosted("", None, 10).await.unwrap();
        let kept = |taken_out_at: Option<i64>| Hosted {
            domain: domain.clone(),
            taken_out_at: taken_out_at.map(Time::at),
            is_elsewhere: false,
            whereabouts: Some("here".to_owned()),
        };
        let here = |domain: &DomainName| (domain.clone(), "here".to_owned());
        let one = || domain.clone();
        rollouts.enrol(one(), Stage::Testing, Time::at(50), Past::Nothing).await.unwrap();
        rollouts.keep_watch(one(), Time::at(900), "{}".to_owned()).await.unwrap();
        rollouts.host("", vec![here(&domain), here(&elsewhere)]).await.unwrap();
        rollouts.host_elsewhere("", elsewhere).await.unwrap();
        assert_eq!(hosted().await, [kept(None)]);
        rollouts.take_back("", one(), row(Event::TakenBack, 90)).await.unwrap();
        for at in [100, 200] {
            rollouts.take_out("", one(), row(Event::TakenOut, at)).await.unwrap();
            rollouts.host("", vec![here(&domain)]).await.unwrap();
            assert_eq!(hosted().await, [kept(Some(100))], "since the first time");
        }
        for at in [300, 400] {
            rollouts.take_back("", one(), row(Event::TakenBack, at)).await.unwrap();
        }
        assert_eq!(hosted().await, [kept(None)]);
        let due = rollouts.due_times(None, 10).await.unwrap();
        assert_eq!(due, [(one(), Time::at(0))]);
        // It has moved.
        rollouts.host("", vec![(one(), "there".to_owned())]).await.unwrap();
        let whereabouts = hosted().await.into_iter().map(|one| one.whereabouts);
        assert_eq!(whereabouts.collect::<Vec<_>>(), [Some("there".to_owned())]);
        // All in one second.
        rollouts.take_out("", one(), row(Event::TakenOut, 500)).await.unwrap();
        rollouts.take_back("", one(), row(Event::TakenBack, 500)).await.unwrap();
        rollouts.take_out("", one(), row(Event::TakenOut, 500)).await.unwrap();
        for at in [600, 700] {
            let row = row(Event::LetGo, at);
            rollouts.let_go("", vec![one()], row, Duration::ZERO).await.unwrap();
        }
        assert_eq!(hosted().await, []);
        assert_eq!(rollouts.load(one()).await.unwrap(), None);
        assert_eq!(rollouts.watch_state(one()).await.unwrap(), None);
        let rows = rollouts.logbook(domain, 0, 10).await.unwrap();
        let times: Vec<i64> = rows.iter().map(|row| row.at.seconds()).collect();
        assert_eq!(times, [100, 300, 500, 500, 500, 600], "{rows:?}");
    }

    #[tokio::test]
    async fn a_host_lets_nothing_go_that_another_has() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(Settings::at(folder.path().join("store.sqlite"))).await.unwrap();
        let rollouts = store.rollouts();
        let domain: DomainName = "example.com".parse().unwrap();
        let row = |event: Event| Entry {
            at: Time::at(100),
            by: Actor::Itself,
            event,
            grounds: Vec::new(),
        };
        let one = || domain.clone();
        let hosted = async |host: &str| {
            let hosted = rollouts.hosted(host, None, 10).await.unwrap();
            hosted.iter().map(|one| (one.taken_out_at, one.is_elsewhere)).collect::<Vec<_>>()
        };
        rollouts.enrol(one(), Stage::Testing, Time::at(50), Past::Nothing).await.unwrap();
        let body = b"version: STSv1\nmode: testing\nmx: a.test\nmax_age: 86400\n".to_vec();
        let served = vec![(one(), Some(body))];
        rollouts.serve_all(served, Time::at(60), Duration::ZERO).await.unwrap();
        for host in ["a", "b"] {
            rollouts.host(host, vec![(one(), "there".to_owned())]).await.unwrap();
        }
        assert_eq!((hosted("a").await, hosted("c").await), (vec![(None, true)], vec![]));
        rollouts.take_out("a", one(), row(Event::TakenOut)).await.unwrap();
        let taken_out_at = Some(Time::at(100));
        assert_eq!(hosted("a").await, [(taken_out_at, true)]);
        assert_eq!(hosted("b").await, [(None, false)], "it is gone from the other only");
        rollouts.let_go("a", vec![one()], row(Event::LetGo), Duration::ZERO).await.unwrap();
        assert_eq!(hosted("a").await, []);
        let known = rollouts.load(one()).await.unwrap().unwrap();
        assert!(known.history.live().is_some(), "{known:?}");
        rollouts.take_out("b", one(), row(Event::TakenOut)).await.unwrap();
        rollouts.let_go("b", vec![one()], row(Event::LetGo), Duration::ZERO).await.unwrap();
        assert_eq!(rollouts.load(one()).await.unwrap(), None);
        assert_eq!(rollouts.logbook(one(), 0, 10).await.unwrap().len(), 3, "one row of letting go");
    }
}
