//! The domains whose policy is served here, and what becomes of those that are configured no longer.

use mail_domain::DomainName;
use rusqlite::{Connection, OptionalExtension as _, params};
use sealpost_rollout::{Entry, Time};

use super::{MOST_ROWS, Rollouts, note, sql};
use crate::{StoreError, column, column::senseless};

/// A domain whose policy is served here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hosted {
    /// The domain.
    pub domain: DomainName,
    /// Since when it is configured no longer; `None` while it is.
    pub taken_out_at: Option<Time>,
}

impl Rollouts {
    /// The domains behind this one whose policy is served here: at most `limit`, and at most 10,000.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of reading.
    pub async fn hosted(
        &self,
        behind: Option<DomainName>,
        limit: u32,
    ) -> Result<Vec<Hosted>, StoreError> {
        let read = move |connection: &Connection| {
            let mut statement = connection.prepare_cached(sql::HOSTED)?;
            let behind = behind.as_ref().map_or("", DomainName::as_str);
            let mut rows = statement.query(params![behind, limit.min(MOST_ROWS)])?;
            let mut hosted = Vec::new();
            while let Some(row) = rows.next()? {
                let domain = column::text(row, 0)?.parse().map_err(|_| senseless(0))?;
                hosted.push(Hosted { domain, taken_out_at: super::end(row, 1)? });
            }
            Ok(hosted)
        };
        self.store.readers.read(read).await
    }

    /// The policies of these are served here.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of writing; then of none.
    pub async fn host(&self, domains: Vec<DomainName>) -> Result<(), StoreError> {
        let work = move |connection: &Connection| {
            let mut statement = connection.prepare_cached(sql::HOST)?;
            for domain in &domains {
                statement.execute([domain.as_str()])?;
            }
            Ok(())
        };
        self.store.writer.write(work).await
    }

    /// The policy of a domain is served elsewhere, as it is configured.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of writing.
    pub async fn host_elsewhere(&self, domain: DomainName) -> Result<(), StoreError> {
        let work = move |connection: &Connection| {
            connection.prepare_cached(sql::UNHOST)?.execute([domain.as_str()])?;
            Ok(())
        };
        self.store.writer.write(work).await
    }

    /// A domain is configured no longer, since the time of this row of its logbook. Repeated, it is
    /// done once.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of writing; then nothing is changed.
    pub async fn take_out(&self, domain: DomainName, entry: Entry) -> Result<(), StoreError> {
        let work = move |connection: &Connection| {
            let mut statement = connection.prepare_cached(sql::TAKE_OUT)?;
            let values = params![entry.at.seconds(), domain.as_str()];
            match statement.query_row(values, |_| Ok(())).optional()? {
                Some(()) => note(connection, &domain, &entry),
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
    pub async fn take_back(&self, domain: DomainName, entry: Entry) -> Result<(), StoreError> {
        let work = move |connection: &Connection| {
            let mut statement = connection.prepare_cached(sql::TAKE_BACK)?;
            if statement.query_row([domain.as_str()], |_| Ok(())).optional()?.is_none() {
                return Ok(());
            }
            connection.prepare_cached(sql::DUE_NOW)?.execute([domain.as_str()])?;
            note(connection, &domain, &entry)
        };
        self.store.writer.write(work).await
    }

    /// Domains that were taken out, and whose policy no sender can hold any more, are as if they had
    /// never been taken up: what becomes of them elsewhere is not known. What was served for them
    /// stays written down, and so does the logbook, which gets this row.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of writing; then nothing is changed.
    pub async fn let_go(&self, domains: Vec<DomainName>, entry: Entry) -> Result<(), StoreError> {
        let work = move |connection: &Connection| {
            for domain in &domains {
                let mut unhost = connection.prepare_cached(sql::UNHOST)?;
                if unhost.execute([domain.as_str()])? == 0 {
                    continue;
                }
                for statement in [sql::FORGET_DOMAIN, sql::NO_WATCH] {
                    connection.prepare_cached(statement)?.execute([domain.as_str()])?;
                }
                note(connection, domain, &entry)?;
            }
            Ok(())
        };
        self.store.writer.write(work).await
    }
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
        let hosted = async || rollouts.hosted(None, 10).await.unwrap();
        let kept = |taken_out_at: Option<i64>| Hosted {
            domain: domain.clone(),
            taken_out_at: taken_out_at.map(Time::at),
        };
        rollouts.enrol(domain.clone(), Stage::Testing, Time::at(50), Past::Nothing).await.unwrap();
        rollouts.keep_watch(domain.clone(), Time::at(900), "{}".to_owned()).await.unwrap();
        rollouts.host(vec![domain.clone(), elsewhere.clone()]).await.unwrap();
        rollouts.host_elsewhere(elsewhere).await.unwrap();
        assert_eq!(hosted().await, [kept(None)]);
        rollouts.take_back(domain.clone(), row(Event::TakenBack, 90)).await.unwrap();
        for at in [100, 200] {
            rollouts.take_out(domain.clone(), row(Event::TakenOut, at)).await.unwrap();
            rollouts.host(vec![domain.clone()]).await.unwrap();
            assert_eq!(hosted().await, [kept(Some(100))], "since the first time");
        }
        for at in [300, 400] {
            rollouts.take_back(domain.clone(), row(Event::TakenBack, at)).await.unwrap();
        }
        assert_eq!(hosted().await, [kept(None)]);
        let due = rollouts.due_times(None, 10).await.unwrap();
        assert_eq!(due, [(domain.clone(), Time::at(0))]);
        rollouts.take_out(domain.clone(), row(Event::TakenOut, 500)).await.unwrap();
        for at in [600, 700] {
            rollouts.let_go(vec![domain.clone()], row(Event::LetGo, at)).await.unwrap();
        }
        assert_eq!(hosted().await, []);
        assert_eq!(rollouts.load(domain.clone()).await.unwrap(), None);
        assert_eq!(rollouts.watch_state(domain.clone()).await.unwrap(), None);
        let rows = rollouts.logbook(domain, 0, 10).await.unwrap();
        let times: Vec<i64> = rows.iter().map(|row| row.at.seconds()).collect();
        assert_eq!(times, [100, 300, 500, 600], "{rows:?}");
    }
}
