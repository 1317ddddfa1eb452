//! Forgetting what is too old.

use std::borrow::Cow;

use rusqlite::{Connection, OptionalExtension as _, params};
use sealpost_evidence::traffic::Day;

use super::{
    MOST_ROWS, Scope, accept,
    details::Details,
    packed::{self, Packed, Packer},
    sql, sums,
};
use crate::{StoreError, column};

/// Details that are rewritten in one call, about; most reports have a thousandth of it.
const MOST_OCTETS: usize = 16 * 1024 * 1024;

/// How long what is kept. Sums by day, kinds of failures and reports without addresses stay: they
/// say nothing of a person or a machine of somebody else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Days after which the addresses in a report are dropped, with all free text in which there
    /// may be some: 400, so that one year can be laid beside the last. Counted from its last day.
    pub address_days: u32,
    /// Days after which a report is dropped that does not count, because nobody vouches for it or
    /// because it is about somebody else's domain: 90. Counted from when it came.
    pub apart_days: u32,
}

/// What was forgotten.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pruned {
    /// Reports whose addresses were dropped.
    pub addresses: u64,
    /// Reports that were dropped.
    pub reports: u64,
    /// Is there more that is too old?
    pub is_more: bool,
}

impl Default for Retention {
    fn default() -> Self {
        Self { address_days: 400, apart_days: 90 }
    }
}

pub(super) fn prune(
    connection: &Connection,
    now: i64,
    retention: Retention,
    limit: u32,
) -> Result<Pruned, StoreError> {
    let limit = limit.clamp(1, MOST_ROWS);
    let today = Day::of(now);
    let before = today.plus(-i64::from(retention.address_days));
    let (addresses, is_more) = forget_addresses(connection, before, limit)?;
    let oldest = today.plus(-i64::from(retention.apart_days)).begins_at();
    let reports = forget_apart(connection, oldest, limit)?;
    let is_more = is_more || reports == limit;
    Ok(Pruned { addresses: addresses.into(), reports: reports.into(), is_more })
}

/// How many reports there were, and whether there may be more.
fn forget_addresses(
    connection: &Connection,
    before: Day,
    limit: u32,
) -> Result<(u32, bool), StoreError> {
    let mut old = connection.prepare_cached(sql::WITH_ADDRESSES)?;
    let mut read = connection.prepare_cached(sql::DETAILS)?;
    let mut forget = connection.prepare_cached(sql::FORGET_ADDRESSES)?;
    let ids = old.query_map(params![before.number(), limit], |row| row.get::<_, i64>(0))?;
    let ids = ids.collect::<Result<Vec<_>, _>>()?;
    let (mut count, mut octets) = (0, 0_usize);
    let mut packer = Packer::default();
    for id in ids {
        if octets > MOST_OCTETS {
            return Ok((count, true));
        }
        let text = read.query_row([id], |row| packed::text(row, 0).map(Cow::into_owned))?;
        octets = octets.saturating_add(text.len());
        let mut details: Details<'_> = column::json(0, &text)?;
        details.forget_addresses();
        let Packed { details, packed } = packer.pack(&details)?;
        forget.execute(params![details, packed, id])?;
        count += 1;
    }
    Ok((count, count == limit))
}

fn forget_apart(connection: &Connection, before: i64, limit: u32) -> Result<u32, StoreError> {
    let mut old = connection.prepare_cached(sql::OLD_APART)?;
    let ids = old.query_map(params![before, limit], |row| row.get::<_, i64>(0))?;
    let ids = ids.collect::<Result<Vec<_>, _>>()?;
    for &id in &ids {
        let report = sums::counted(connection, id)?;
        accept::remove(connection, id)?;
        let names = [
            (sql::NAMES_REPORTER, sql::FORGET_REPORTER, report.reporter),
            (sql::NAMES_DOMAIN, sql::FORGET_DOMAIN, report.domain),
        ];
        for (names, forget, subject) in names {
            if !is_named(connection, names, subject)? {
                connection.prepare_cached(forget)?.execute([subject])?;
            }
        }
    }
    Ok(u32::try_from(ids.len()).unwrap_or(limit))
}

/// Does a report of any scope name it? A superseded one is named by the one in its place.
fn is_named(connection: &Connection, names: &str, subject: i64) -> Result<bool, StoreError> {
    let mut statement = connection.prepare_cached(names)?;
    for scope in Scope::ALL {
        if statement.query_row([scope.with(subject)], |_| Ok(())).optional()?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}
