//! Certificates of policy hosts, the accounts and orders by which they are got, and what stands in
//! the way of the next.

pub(crate) mod sql;

use mail_domain::DomainName;
use rusqlite::{Connection, OptionalExtension as _, params};

use crate::{
    Store, StoreError,
    column::{self, senseless},
};

/// The most rows that are given at a time.
const MOST_ROWS: u32 = 1_000;
/// How far the clocks of those who share a store may be from each other, in seconds.
const SKEW: i64 = 60;
/// The longest text of a trouble that is kept, in characters.
const LONGEST_TROUBLE: usize = 2_000;

/// The certificates of a store. Clones share it.
#[derive(Clone)]
pub struct Certificates {
    store: Store,
}

/// An account with an authority.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Its key, as it was given.
    pub key: Vec<u8>,
    /// Its URL, once it is known.
    pub url: Option<String>,
}

/// An order under way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Begun {
    /// The authority's directory.
    pub directory: String,
    /// The key of the certificate, as it was given.
    pub key: Vec<u8>,
    /// From then on the authority may have it.
    pub asked_at: Option<i64>,
    /// Its URL, once it is known.
    pub url: Option<String>,
}

/// A certificate with its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// The policy host.
    pub host: DomainName,
    /// The authority's directory.
    pub directory: String,
    /// The chain, PEM; at most 1 MiB.
    pub chain: Vec<u8>,
    /// Its key, as it was given.
    pub key: Vec<u8>,
    /// Seconds since 1970.
    pub not_before: i64,
    /// Seconds since 1970.
    pub not_after: i64,
    /// When the authority suggests to renew it.
    pub renew_at: Option<i64>,
    /// When the authority may be asked for that again.
    pub ask_at: Option<i64>,
}

/// What the last try came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// The policy host.
    pub host: DomainName,
    /// Tries that failed, in a row.
    pub failures: u64,
    /// When the next may be.
    pub next_at: i64,
    /// Why.
    pub what: String,
}

/// What is kept of one host.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KnownHost {
    /// Its certificate.
    pub certificate: Option<Kept>,
    /// What its last try came to, if it failed.
    pub trouble: Option<Trouble>,
}

/// A limit of an authority: so many at once, and one more in each interval.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allowance {
    /// Whose it is.
    pub name: String,
    /// So many at once.
    pub burst: u32,
    /// Seconds until one more is free.
    pub interval: u32,
}

/// Whether there was enough left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Spending {
    /// It is counted.
    Spent,
    /// Not before this time; nothing is counted.
    Not(i64),
}

impl Allowance {
    /// When the next is free, if all is free again at `free_at`, and what that becomes with it.
    pub fn next(&self, free_at: i64, now: i64) -> (i64, i64) {
        let interval = i64::from(self.interval.max(1));
        let ahead = interval.saturating_mul(i64::from(self.burst.max(1)) - 1);
        let at = free_at.saturating_sub(ahead).max(now);
        (at, free_at.max(at).saturating_add(interval))
    }
}

impl Certificates {
    pub(crate) fn new(store: Store) -> Self {
        Self { store }
    }

    /// The account with an authority; if there is none, this key is kept for one.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of writing.
    pub async fn account(
        &self,
        directory: String,
        key: Vec<u8>,
        now: i64,
    ) -> Result<Account, StoreError> {
        let work = move |connection: &Connection| {
            let mut make = connection.prepare_cached(sql::MAKE_ACCOUNT)?;
            make.execute(params![directory, key, now])?;
            let mut account = connection.prepare_cached(sql::ACCOUNT)?;
            let read = |row: &rusqlite::Row<'_>| Ok(Account { key: row.get(0)?, url: row.get(1)? });
            Ok(account.query_row([&directory], read)?)
        };
        self.store.writer.write(work).await
    }

    /// The authority has said the URL of the account.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of writing.
    pub async fn name_account(&self, directory: String, url: String) -> Result<(), StoreError> {
        self.change(sql::NAME_ACCOUNT, move |statement| statement.execute([&url, &directory])).await
    }

    /// The order for a host that is under way.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of reading.
    pub async fn order(&self, host: DomainName) -> Result<Option<Begun>, StoreError> {
        let read = move |connection: &Connection| order(connection, &host);
        self.store.readers.read(read).await
    }

    /// Begins an order with this key, unless one is under way; that is then the answer.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of writing.
    pub async fn begin(
        &self,
        host: DomainName,
        directory: String,
        key: Vec<u8>,
        now: i64,
    ) -> Result<Begun, StoreError> {
        let work = move |connection: &Connection| {
            let mut begin = connection.prepare_cached(sql::BEGIN)?;
            begin.execute(params![host.as_str(), directory, key, now])?;
            let begun = order(connection, &host)?;
            begun.ok_or_else(|| rusqlite::Error::QueryReturnedNoRows.into())
        };
        self.store.writer.write(work).await
    }

    /// From now on the authority may have the order.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of writing.
    pub async fn asked(&self, host: DomainName, now: i64) -> Result<(), StoreError> {
        self.change(sql::ASKED, move |statement| statement.execute(params![now, host.as_str()]))
            .await
    }

    /// The authority has said the URL of the order.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of writing.
    pub async fn ordered(&self, host: DomainName, url: String) -> Result<(), StoreError> {
        self.change(sql::ORDERED, move |statement| statement.execute([&url, host.as_str()])).await
    }

    /// The order for a host comes to nothing.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of writing.
    pub async fn abandon(&self, host: DomainName) -> Result<(), StoreError> {
        self.change(sql::ABANDON, move |statement| statement.execute([host.as_str()])).await
    }

    /// Keeps a certificate; its order and all trouble are over. What the authority suggested for the
    /// one before is forgotten.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of writing.
    pub async fn keep(&self, kept: Kept) -> Result<(), StoreError> {
        let work = move |connection: &Connection| {
            let host = kept.host.as_str();
            let Kept { directory, chain, key, not_before, not_after, .. } = &kept;
            let mut keep = connection.prepare_cached(sql::KEEP)?;
            keep.execute(params![host, directory, chain, key, not_before, not_after])?;
            connection.prepare_cached(sql::ABANDON)?.execute([host])?;
            connection.prepare_cached(sql::NO_TROUBLE)?.execute([host])?;
            Ok(())
        };
        self.store.writer.write(work).await
    }

    /// What the authority suggests for a certificate, and when it may be asked again.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of writing.
    pub async fn suggest(
        &self,
        host: DomainName,
        renew_at: Option<i64>,
        ask_at: i64,
    ) -> Result<(), StoreError> {
        self.change(sql::SUGGEST, move |statement| {
            statement.execute(params![renew_at, ask_at, host.as_str()])
        })
        .await
    }

    /// The certificates of the hosts behind this one, at most 1,000.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of reading.
    pub async fn list(&self, behind: Option<DomainName>) -> Result<Vec<Kept>, StoreError> {
        let read = move |connection: &Connection| {
            let mut statement = connection.prepare_cached(sql::LIST)?;
            let behind = behind.as_ref().map_or("", DomainName::as_str);
            let rows = statement.query_map(params![behind, MOST_ROWS], kept)?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        };
        self.store.readers.read(read).await
    }

    /// What is kept of one host.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of reading.
    pub async fn of(&self, host: DomainName) -> Result<KnownHost, StoreError> {
        let read = move |connection: &Connection| {
            let mut statement = connection.prepare_cached(sql::CERTIFICATE)?;
            let certificate = statement.query_row([host.as_str()], kept).optional()?;
            let mut statement = connection.prepare_cached(sql::TROUBLE_OF)?;
            let trouble = statement.query_row([host.as_str()], trouble).optional()?;
            Ok(KnownHost { certificate, trouble })
        };
        self.store.readers.read(read).await
    }

    /// Takes a host in hand until then, or keeps it there; says whether it is. Nobody else who shares
    /// the store gets it meanwhile.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of writing.
    pub async fn lease(
        &self,
        host: DomainName,
        holder: String,
        now: i64,
        until: i64,
    ) -> Result<bool, StoreError> {
        let work = move |connection: &Connection| {
            let mut statement = connection.prepare_cached(sql::LEASE)?;
            let latest = until.saturating_add(SKEW);
            let values = params![host.as_str(), holder, until, now, latest];
            Ok(statement.query_row(values, |_| Ok(())).optional()?.is_some())
        };
        self.store.writer.write(work).await
    }

    /// Lets a host go, if it is in this hand.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of writing.
    pub async fn release(&self, host: DomainName, holder: String) -> Result<(), StoreError> {
        self.change(sql::RELEASE, move |statement| {
            statement.execute([host.as_str(), holder.as_str()])
        })
        .await
    }

    /// A try failed; the next is not before this time.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of writing.
    pub async fn trouble(
        &self,
        host: DomainName,
        next_at: i64,
        what: &str,
    ) -> Result<(), StoreError> {
        let what = column::clip(what, LONGEST_TROUBLE);
        self.change(sql::TROUBLE, move |statement| {
            statement.execute(params![host.as_str(), next_at, what])
        })
        .await
    }

    /// The troubles of the hosts behind this one, at most 1,000.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of reading.
    pub async fn troubles(&self, behind: Option<DomainName>) -> Result<Vec<Trouble>, StoreError> {
        let read = move |connection: &Connection| {
            let mut statement = connection.prepare_cached(sql::TROUBLES)?;
            let behind = behind.as_ref().map_or("", DomainName::as_str);
            let rows = statement.query_map(params![behind, MOST_ROWS], trouble)?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        };
        self.store.readers.read(read).await
    }

    /// Counts one against each of these limits, if every one allows it now.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of writing; then nothing is counted.
    pub async fn spend(&self, limits: Vec<Allowance>, now: i64) -> Result<Spending, StoreError> {
        let work = move |connection: &Connection| {
            let mut after = Vec::new();
            let mut earliest = now;
            for limit in &limits {
                let (at, free_at) = limit.next(free_at(connection, &limit.name)?, now);
                earliest = earliest.max(at);
                after.push((&limit.name, free_at));
            }
            if earliest > now {
                return Ok(Spending::Not(earliest));
            }
            let mut spend = connection.prepare_cached(sql::SPEND)?;
            for (name, free_at) in after {
                spend.execute(params![name, free_at])?;
            }
            Ok(Spending::Spent)
        };
        self.store.writer.write(work).await
    }

    /// When all of a limit is free again.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of reading.
    pub async fn free_at(&self, name: String) -> Result<i64, StoreError> {
        self.store.readers.read(move |connection: &Connection| free_at(connection, &name)).await
    }

    async fn change(
        &self,
        sql: &'static str,
        change: impl Fn(&mut rusqlite::CachedStatement<'_>) -> rusqlite::Result<usize> + Send + 'static,
    ) -> Result<(), StoreError> {
        let work = move |connection: &Connection| {
            change(&mut connection.prepare_cached(sql)?)?;
            Ok(())
        };
        self.store.writer.write(work).await
    }
}

fn order(connection: &Connection, host: &DomainName) -> Result<Option<Begun>, StoreError> {
    let mut statement = connection.prepare_cached(sql::ORDER)?;
    let read = |row: &rusqlite::Row<'_>| {
        Ok(Begun {
            directory: row.get(0)?,
            key: row.get(1)?,
            asked_at: row.get(2)?,
            url: row.get(3)?,
        })
    };
    Ok(statement.query_row([host.as_str()], read).optional()?)
}

fn kept(row: &rusqlite::Row<'_>) -> rusqlite::Result<Kept> {
    Ok(Kept {
        host: column::text(row, 0)?.parse().map_err(|_| senseless(0))?,
        directory: row.get(1)?,
        chain: row.get(2)?,
        key: row.get(3)?,
        not_before: row.get(4)?,
        not_after: row.get(5)?,
        renew_at: row.get(6)?,
        ask_at: row.get(7)?,
    })
}

fn trouble(row: &rusqlite::Row<'_>) -> rusqlite::Result<Trouble> {
    Ok(Trouble {
        host: column::text(row, 0)?.parse().map_err(|_| senseless(0))?,
        failures: column::count(row, 1)?,
        next_at: row.get(2)?,
        what: row.get(3)?,
    })
}

fn free_at(connection: &Connection, name: &str) -> Result<i64, StoreError> {
    let mut statement = connection.prepare_cached(sql::LIMIT)?;
    Ok(statement.query_row([name], |row| row.get(0)).optional()?.unwrap_or(0))
}

#[cfg(test)]
mod tests;
