//! What is known while many reports are taken in, in one transaction.
//!
//! Names that were looked up are not looked up again, and sums are added up before they are
//! written. Nothing of it outlives the transaction: what another process writes is seen by the next.

use std::collections::HashMap;

use mail_domain::DomainName;
use rusqlite::{CachedStatement, Connection, OptionalExtension as _, params};

use super::{
    accept::next,
    sql,
    sums::{Counted, Sums},
};
use crate::StoreError;

/// Reports that are taken in together.
pub(super) struct Batch<'c, 'p> {
    pub(super) connection: &'c Connection,
    /// What is asked and written for each report.
    pub(super) statements: Statements<'c>,
    next_report: i64,
    /// By signer and organisation: the id, and the contact that is stored.
    reporters: HashMap<(&'p str, &'p str), (i64, Option<String>)>,
    domains: HashMap<&'p str, i64>,
    sums: Sums<'p>,
}

/// Statements that every report needs, at hand: to look one up by its text takes as long as some of
/// them run.
pub(super) struct Statements<'c> {
    pub(super) is_known: CachedStatement<'c>,
    pub(super) is_shown: CachedStatement<'c>,
    pub(super) add: CachedStatement<'c>,
}

impl<'c, 'p> Batch<'c, 'p> {
    pub(super) fn begin(connection: &'c Connection) -> Result<Self, StoreError> {
        Ok(Self {
            connection,
            statements: Statements {
                is_known: connection.prepare_cached(sql::IS_KNOWN)?,
                is_shown: connection.prepare_cached(sql::IS_SHOWN)?,
                add: connection.prepare_cached(sql::ADD)?,
            },
            next_report: next(connection, sql::NEWEST_REPORT)?,
            reporters: HashMap::new(),
            domains: HashMap::new(),
            sums: Sums::default(),
        })
    }

    /// Writes what has only been added up. Without it the batch must not be committed.
    pub(super) fn end(mut self) -> Result<(), StoreError> {
        self.settle()
    }

    /// Writes what has only been added up, before something is taken away from it.
    pub(super) fn settle(&mut self) -> Result<(), StoreError> {
        self.sums.write(self.connection)
    }

    /// A number that no report has had.
    pub(super) fn next_report(&mut self) -> i64 {
        let id = self.next_report;
        self.next_report = id.saturating_add(1);
        id
    }

    /// Adds a report to every sum.
    pub(super) fn count(&mut self, report: Counted<'p>) {
        self.sums.add(report);
    }

    /// The id of a reporter, who is added if it is new; the newest contact is kept.
    pub(super) fn reporter(
        &mut self,
        signer: &'p str,
        organisation: &'p str,
        contact: Option<&str>,
    ) -> Result<i64, StoreError> {
        let key = (signer, organisation);
        let known = match self.reporters.get_mut(&key) {
            Some(known) => known,
            None => {
                let known = self.stored_reporter(signer, organisation, contact)?;
                self.reporters.entry(key).or_insert(known)
            }
        };
        if contact.is_some() && contact != known.1.as_deref() {
            let values = params![contact, known.0];
            self.connection.prepare_cached(sql::RENEW_CONTACT)?.execute(values)?;
            known.1 = contact.map(str::to_owned);
        }
        Ok(known.0)
    }

    fn stored_reporter(
        &self,
        signer: &str,
        organisation: &str,
        contact: Option<&str>,
    ) -> Result<(i64, Option<String>), StoreError> {
        let mut statement = self.connection.prepare_cached(sql::REPORTER_ID)?;
        let known = statement
            .query_row(params![signer, organisation], |row| Ok((row.get(0)?, row.get(1)?)));
        if let Some(known) = known.optional()? {
            return Ok(known);
        }
        let id = next(self.connection, sql::NEWEST_REPORTER)?;
        let values = params![id, signer, organisation, contact];
        self.connection.prepare_cached(sql::ADD_REPORTER)?.execute(values)?;
        Ok((id, contact.map(str::to_owned)))
    }

    /// The id of a domain, which is added if it is new.
    pub(super) fn domain(&mut self, name: Option<&'p DomainName>) -> Result<i64, StoreError> {
        let name = name.map_or("", DomainName::as_str);
        if let Some(id) = self.domains.get(name) {
            return Ok(*id);
        }
        let mut statement = self.connection.prepare_cached(sql::DOMAIN_ID)?;
        let known = statement.query_row([name], |row| row.get(0)).optional()?;
        let id = match known {
            Some(id) => id,
            None => {
                let id = next(self.connection, sql::NEWEST_DOMAIN)?;
                self.connection.prepare_cached(sql::ADD_DOMAIN)?.execute(params![id, name])?;
                id
            }
        };
        self.domains.insert(name, id);
        Ok(id)
    }
}
