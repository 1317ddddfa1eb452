//! What an enforcing sender remembers of each policy domain.

pub(crate) mod sql;

mod loading;
pub use loading::Loading;

use mail_domain::DomainName;
use mta_sts::PolicyId;
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use tokio::{sync::mpsc, task::spawn_blocking};

use crate::{Store, StoreError};

/// What is remembered of one policy domain. That a domain has no policy is never stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remembered {
    /// The policy domain.
    pub domain: DomainName,
    /// The policy that was fetched last.
    pub policy: Option<FetchedPolicy>,
    /// The fetches that failed since.
    pub backoff: Option<Backoff>,
    /// When somebody last asked for the domain, in seconds since 1970.
    pub last_used: i64,
}

/// A policy as it was fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchedPolicy {
    /// The id of the record that led to the fetch.
    pub id: PolicyId,
    /// The body as it came, at most 64 KiB.
    pub text: Vec<u8>,
    /// When it was fetched over HTTPS, in seconds since 1970. Its life counts from here.
    pub fetched_at: i64,
}

/// A policy that was fetched by another program or machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Adoption {
    /// The policy domain.
    pub domain: DomainName,
    /// The policy.
    pub policy: FetchedPolicy,
    /// When it was last asked for, in seconds since 1970.
    pub last_used: i64,
}

/// Fetches that failed in a row, so that the next one waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// The id of the record when the last one failed.
    pub id: PolicyId,
    /// Why the last one failed: the result type of RFC 8460 §4.3, at most 64 characters.
    pub failure: String,
    /// How many there were.
    pub failures: u32,
    /// When the last one failed, in seconds since 1970.
    pub failed_at: i64,
}

/// The policies of a store. Clones share it.
#[derive(Clone)]
pub struct Policies {
    store: Store,
}

impl Policies {
    pub(crate) fn new(store: Store) -> Self {
        Self { store }
    }

    /// Remembers a domain. The answer means that it is on the disk.
    ///
    /// With `policy` and `backoff` comes what replaces the stored ones. Without `backoff` the
    /// stored one is removed; without `policy` the stored one stays: a failed fetch cannot remove a
    /// policy, only [`Self::forget`] can. `last_used` never goes back.
    ///
    /// # Errors
    ///
    /// [`StoreError::Refused`] if the text has more than 65,536 octets, or the failure more than
    /// 64 characters; else what [`StoreError`] says of writing.
    pub async fn save(&self, remembered: Remembered) -> Result<(), StoreError> {
        self.store.writer.write(move |connection| save(connection, &remembered)).await
    }

    /// Remembers this of a domain, and nothing of what was stored before: a policy that was purged does
    /// not stay because none has come since. All of it happens, or nothing.
    ///
    /// # Errors
    ///
    /// As [`Self::save`].
    pub async fn replace(&self, remembered: Remembered) -> Result<(), StoreError> {
        let work = move |connection: &Connection| {
            let mut forget = connection.prepare_cached(sql::FORGET)?;
            forget.query_row([remembered.domain.as_str()], |_| Ok(())).optional()?;
            save(connection, &remembered)
        };
        self.store.writer.write(work).await
    }

    /// Takes over policies that were fetched by another program or machine. Each is stored unless
    /// what is stored for its domain was fetched at the same time or later. What is known of failed
    /// fetches stays.
    ///
    /// # Errors
    ///
    /// As [`Self::save`]; then none is taken over.
    pub async fn adopt(&self, policies: Vec<Adoption>) -> Result<Vec<DomainName>, StoreError> {
        let work = move |connection: &Connection| {
            let mut statement = connection.prepare_cached(sql::ADOPT)?;
            let mut stored = Vec::new();
            for Adoption { domain, policy, last_used } in &policies {
                let FetchedPolicy { id, text, fetched_at } = policy;
                let values =
                    params![domain.as_str(), id.as_str(), text.as_slice(), fetched_at, last_used];
                if statement.query_row(values, |_| Ok(())).optional()?.is_some() {
                    stored.push(domain.clone());
                }
            }
            Ok(stored)
        };
        self.store.writer.write(work).await
    }

    /// Notes when domains were last asked for, in seconds since 1970. Unknown domains are skipped,
    /// and no time goes back.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of writing; then none is noted.
    pub async fn touch(&self, used: Vec<(DomainName, i64)>) -> Result<(), StoreError> {
        let work = move |connection: &Connection| {
            let mut statement = connection.prepare_cached(sql::TOUCH)?;
            for (domain, time) in &used {
                statement.execute(params![time, domain.as_str()])?;
            }
            Ok(())
        };
        self.store.writer.write(work).await
    }

    /// Forgets domains, policies and all, and says how many there were.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of writing; then none is forgotten.
    pub async fn forget(&self, domains: Vec<DomainName>) -> Result<usize, StoreError> {
        let work = move |connection: &Connection| {
            let mut statement = connection.prepare_cached(sql::FORGET)?;
            let mut count = 0;
            for domain in &domains {
                let gone = statement.query_row([domain.as_str()], |_| Ok(())).optional()?;
                count += usize::from(gone.is_some());
            }
            Ok(count)
        };
        self.store.writer.write(work).await
    }

    /// Forgets the failures of domains of which no policy is stored, with the time of the last failure
    /// that is meant, in seconds since 1970: later ones stay, and so does every policy.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of writing; then none is forgotten.
    pub async fn forget_failures(&self, failed: Vec<(DomainName, i64)>) -> Result<(), StoreError> {
        let work = move |connection: &Connection| {
            let mut statement = connection.prepare_cached(sql::FORGET_FAILURES)?;
            for (domain, failed_at) in &failed {
                statement.execute(params![domain.as_str(), failed_at])?;
            }
            Ok(())
        };
        self.store.writer.write(work).await
    }

    /// What is remembered of one domain.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of reading; [`StoreError::Damaged`] if the row makes no sense.
    pub async fn load(&self, domain: DomainName) -> Result<Option<Remembered>, StoreError> {
        let read = move |connection: &Connection| {
            let mut statement = connection.prepare_cached(sql::LOAD)?;
            Ok(statement.query_row([domain.as_str()], remembered).optional()?)
        };
        self.store.readers.read(read).await
    }

    /// Everything, in batches and in no particular order, as it stood at one moment.
    ///
    /// # Errors
    ///
    /// [`StoreError::Closed`]; errors of the file come from [`Loading::next`].
    pub async fn load_all(&self) -> Result<Loading, StoreError> {
        self.load_by(sql::LOAD_ALL).await
    }

    /// The same in the order of the names, which takes longer.
    ///
    /// # Errors
    ///
    /// As [`Self::load_all`].
    pub async fn list_all(&self) -> Result<Loading, StoreError> {
        self.load_by(sql::LIST_ALL).await
    }

    async fn load_by(&self, statement: &'static str) -> Result<Loading, StoreError> {
        let turn = self.store.readers.turn().await?;
        let (sender, receiver) = mpsc::channel(loading::BATCHES);
        spawn_blocking(move || {
            let loaded = turn.read(|connection| loading::load_all(connection, statement, &sender));
            // Nobody may be listening any more.
            let _ = sender.blocking_send(match loaded {
                Ok(unreadable) => loading::Piece::End { unreadable },
                Err(error) => loading::Piece::Failed(error),
            });
        });
        Ok(Loading::new(receiver))
    }
}

fn save(connection: &Connection, remembered: &Remembered) -> Result<(), StoreError> {
    let policy = remembered.policy.as_ref();
    let backoff = remembered.backoff.as_ref();
    connection.prepare_cached(sql::SAVE)?.execute(params![
        remembered.domain.as_str(),
        policy.map(|policy| policy.id.as_str()),
        policy.map(|policy| policy.text.as_slice()),
        policy.map(|policy| policy.fetched_at),
        backoff.map(|backoff| backoff.id.as_str()),
        backoff.map(|backoff| backoff.failure.as_str()),
        backoff.map(|backoff| backoff.failures),
        backoff.map(|backoff| backoff.failed_at),
        remembered.last_used,
    ])?;
    Ok(())
}

/// Reads a row of [`sql::LOAD`] or [`sql::LOAD_ALL`].
fn remembered(row: &Row<'_>) -> rusqlite::Result<Remembered> {
    let policy = match row.get::<_, Option<String>>(1)? {
        Some(id) => Some(FetchedPolicy {
            id: parsed(1, PolicyId::parse(&id))?,
            text: row.get(2)?,
            fetched_at: row.get(3)?,
        }),
        None => None,
    };
    let backoff = match row.get::<_, Option<String>>(4)? {
        Some(id) => Some(Backoff {
            id: parsed(4, PolicyId::parse(&id))?,
            failure: row.get(5)?,
            failures: row.get(6)?,
            failed_at: row.get(7)?,
        }),
        None => None,
    };
    let domain = row.get_ref(0)?.as_str()?.parse();
    Ok(Remembered { domain: parsed(0, domain)?, policy, backoff, last_used: row.get(8)? })
}

fn parsed<T, E>(column: usize, result: Result<T, E>) -> rusqlite::Result<T>
where
    E: std::error::Error + Send + Sync + 'static,
{
    result.map_err(|error| {
        let kind = rusqlite::types::Type::Text;
        rusqlite::Error::FromSqlConversionFailure(column, kind, Box::new(error))
    })
}

#[cfg(test)]
mod tests;
