//! Whom mail does not reach securely now.

use std::{cmp::Reverse, collections::BTreeMap, fmt};

use mail_domain::DomainName;
use sealpost_store::{StoreError, sessions::DomainSums};

use super::{BATCH, Desk, Extent, MOST_KNOWN, policies};
use crate::model::{PolicyRow, Unreached, UnreachedRow};

/// Rows of a page.
const PAGE: usize = 500;

/// Where a domain stands in the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place<'a> {
    failed: Reverse<u64>,
    fetches_failed: Reverse<u32>,
    domain: &'a str,
}

/// A place in the list of those that mail does not reach.
#[derive(Clone, Debug)]
pub(crate) struct UnreachedPlace {
    failed: u64,
    fetches_failed: u32,
    domain: String,
}

impl Desk {
    /// The domains with failed sessions today, and those whose policy cannot be fetched.
    pub(crate) async fn unreached(
        &self,
        after: Option<UnreachedPlace>,
        extent: Extent,
    ) -> Result<Unreached, StoreError> {
        let today = self.today();
        let now = self.clock.now().as_second();
        let mut rows: BTreeMap<DomainName, UnreachedRow> = BTreeMap::new();
        let (sessions, mut behind, mut read) = (self.store.sessions(), None, 0);
        loop {
            let page = sessions.domains(today, behind, BATCH).await?;
            let is_last = page.len() < BATCH as usize;
            read += page.len();
            behind = page.last().map(|sums| sums.domain.clone());
            for DomainSums { domain, successful, failed, .. } in page {
                if failed > 0 {
                    let row = UnreachedRow { successful, failed, ..nothing(&domain) };
                    rows.insert(domain, row);
                }
            }
            if is_last || read >= MOST_KNOWN {
                break;
            }
        }
        let mut loading = self.store.policies().list_all().await?;
        while let Some(batch) = loading.next().await? {
            for remembered in &batch {
                let domain = &remembered.domain;
                if remembered.backoff.is_none() && !rows.contains_key(domain) {
                    continue;
                }
                let row = rows.entry(domain.clone()).or_insert_with_key(nothing);
                let PolicyRow { mode, expires_at, failure, failures, .. } =
                    policies::row(remembered);
                row.is_enforced =
                    mode.as_deref() == Some("enforce") && expires_at.is_some_and(|end| now <= end);
                (row.mode, row.expires_at) = (mode, expires_at);
                (row.failure, row.fetches_failed) = (failure, failures);
            }
        }
        let mut domains: Vec<UnreachedRow> = rows.into_values().collect();
        domains.sort_by(|one, other| Place::of(one).cmp(&Place::of(other)));
        let count = domains.len();
        let begin =
            after.map_or(0, |after| domains.partition_point(|row| Place::of(row) <= after.place()));
        domains.drain(..begin);
        domains.truncate(extent.rows_of_all(PAGE));
        let page = domains;
        let is_last = begin + page.len() == count;
        let next = page.last().filter(|_| !is_last).map(|row| Place::of(row).to_string());
        Ok(Unreached { day: today, domains: page, count, next })
    }
}

fn nothing(domain: &DomainName) -> UnreachedRow {
    UnreachedRow {
        domain: domain.clone(),
        failed: 0,
        successful: 0,
        fetches_failed: 0,
        failure: None,
        mode: None,
        expires_at: None,
        is_enforced: false,
    }
}

impl<'a> Place<'a> {
    fn of(row: &'a UnreachedRow) -> Self {
        Self {
            failed: Reverse(row.failed),
            fetches_failed: Reverse(row.fetches_failed),
            domain: row.domain.as_str(),
        }
    }
}

impl fmt::Display for Place<'_> {
    /// As it stands in a link.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}-{}", self.failed.0, self.fetches_failed.0, self.domain)
    }
}

impl UnreachedPlace {
    /// The place that a link names.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut parts = text.splitn(3, '-');
        let (failed, fetches_failed) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        Some(Self { failed, fetches_failed, domain: parts.next()?.to_owned() })
    }

    fn place(&self) -> Place<'_> {
        Place {
            failed: Reverse(self.failed),
            fetches_failed: Reverse(self.fetches_failed),
            domain: &self.domain,
        }
    }
}
