//! What `enforce` holds.

use std::{cmp::Reverse, fmt};

use mta_sts::Policy;
use sealpost_store::{Remembered, StoreError};

use super::{Desk, Extent};
use crate::model::{Policies, PolicyRow};

/// Rows of a page.
const SHOWN: usize = 500;

/// Where a policy stands in the list: what fails first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place<'a> {
    failures: Reverse<u32>,
    domain: &'a str,
}

/// A place in the list of policies, behind which a page begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PolicyPlace {
    failures: u32,
    domain: String,
}

impl Desk {
    /// The policies of domains whose name has this text in it, behind a place; what fails comes
    /// first.
    pub(crate) async fn policies(
        &self,
        search: &str,
        after: Option<&PolicyPlace>,
        extent: Extent,
    ) -> Result<Policies, StoreError> {
        let search = search.trim().to_ascii_lowercase();
        let mut loading = self.store.policies().list_all().await?;
        let mut rows: Vec<PolicyRow> = Vec::new();
        while let Some(batch) = loading.next().await? {
            let named = |remembered: &&Remembered| remembered.domain.as_str().contains(&search);
            rows.extend(batch.iter().filter(named).map(row));
        }
        rows.sort_by(|one, other| Place::of(one).cmp(&Place::of(other)));
        let count = rows.len();
        let failing = rows.partition_point(|row| row.failures > 0);
        let begin =
            after.map_or(0, |after| rows.partition_point(|row| Place::of(row) <= after.place()));
        rows.drain(..begin);
        let is_last = rows.len() <= extent.rows_of_all(SHOWN);
        rows.truncate(extent.rows_of_all(SHOWN));
        let next = rows.last().filter(|_| !is_last).map(|row| Place::of(row).to_string());
        Ok(Policies { policies: rows, count, failing, next })
    }
}

impl<'a> Place<'a> {
    fn of(row: &'a PolicyRow) -> Self {
        Self { failures: Reverse(row.failures), domain: row.domain.as_str() }
    }
}

impl fmt::Display for Place<'_> {
    /// As it stands in a link.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.failures.0, self.domain)
    }
}

impl PolicyPlace {
    /// The place that a link names.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (failures, domain) = text.split_once('-')?;
        Some(Self { failures: failures.parse().ok()?, domain: domain.to_owned() })
    }

    fn place(&self) -> Place<'_> {
        Place { failures: Reverse(self.failures), domain: &self.domain }
    }
}

pub(super) fn row(remembered: &Remembered) -> PolicyRow {
    let fetched = remembered.policy.as_ref();
    let policy = fetched.and_then(|fetched| Policy::parse(&fetched.text).ok());
    let expires_at = fetched.zip(policy.as_ref()).map(|(fetched, policy)| {
        fetched.fetched_at.saturating_add(i64::from(policy.max_age().as_secs()))
    });
    let backoff = remembered.backoff.as_ref();
    PolicyRow {
        domain: remembered.domain.clone(),
        mode: policy.map(|policy| policy.mode().to_string()),
        id: fetched.map(|fetched| fetched.id.to_string()),
        fetched_at: fetched.map(|fetched| fetched.fetched_at),
        expires_at,
        failure: backoff.map(|backoff| backoff.failure.clone()),
        failures: backoff.map_or(0, |backoff| backoff.failures),
    }
}

#[cfg(test)]
mod tests {
    use futures_util::future::try_join_all;
    use sealpost_runtime::Clock;
    use sealpost_store::{Backoff, Settings, Store};

    use super::*;
    use crate::queries::UnreachedPlace;

    #[tokio::test]
    async fn policies_come_in_pages_each_once() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(Settings::at(folder.path().join("store.sqlite"))).await.unwrap();
        let failing = |n: u32| Remembered {
            domain: format!("d{n:03}.example").parse().unwrap(),
            policy: None,
            backoff: Some(Backoff {
                id: "1".parse().unwrap(),
                failure: "sts-policy-fetch-error".to_owned(),
                failures: n % 3 + 1,
                failed_at: 1,
            }),
            last_used: 1,
        };
        let policies = store.policies();
        try_join_all((0..600).map(|n| policies.save(failing(n)))).await.unwrap();
        let desk =
            Desk { store: store.clone(), raw: std::sync::Arc::default(), clock: Clock::system() };

        let first = desk.policies("", None, Extent::Page).await.unwrap();
        assert_eq!((first.policies.len(), first.count, first.failing), (500, 600, 600));
        let after = PolicyPlace::parse(&first.next.unwrap()).unwrap();
        let second = desk.policies("", Some(&after), Extent::Page).await.unwrap();
        assert_eq!((second.policies.len(), second.next), (100, None));
        let all = desk.policies("", None, Extent::Batch).await.unwrap();
        assert_eq!((all.policies.len(), all.next), (600, None));
        let names = |rows: &[PolicyRow]| -> Vec<String> {
            rows.iter().map(|row| row.domain.to_string()).collect()
        };
        let paged = [names(&first.policies), names(&second.policies)].concat();
        assert_eq!(paged, names(&all.policies));

        let first = desk.unreached(None, Extent::Page).await.unwrap();
        assert_eq!((first.domains.len(), first.count), (500, 600));
        let after = UnreachedPlace::parse(&first.next.unwrap());
        let second = desk.unreached(after, Extent::Page).await.unwrap();
        assert_eq!((second.domains.len(), second.next), (100, None));
        let mut seen: Vec<String> =
            first.domains.iter().chain(&second.domains).map(|row| row.domain.to_string()).collect();
        assert_eq!(seen, paged, "those whose policy failed most often first");
        seen.dedup();
        assert_eq!(seen.len(), 600);
    }
}
