//! What `enforce` holds.

use mta_sts::Policy;
use sealpost_store::{Remembered, StoreError};

use super::Desk;
use crate::model::{Policies, PolicyRow};

/// The most that are shown at a time.
const MOST_SHOWN: usize = 500;

impl Desk {
    /// The policies of domains whose name has this text in it; what fails comes first.
    pub(crate) async fn policies(&self, search: &str) -> Result<Policies, StoreError> {
        let search = search.trim().to_ascii_lowercase();
        let mut loading = self.store.policies().list_all().await?;
        let mut rows: Vec<PolicyRow> = Vec::new();
        while let Some(batch) = loading.next().await? {
            let named = |remembered: &&Remembered| remembered.domain.as_str().contains(&search);
            rows.extend(batch.iter().filter(named).map(row));
        }
        rows.sort_by(|one, other| {
            let key = |row: &PolicyRow| std::cmp::Reverse(row.failures);
            key(one).cmp(&key(other)).then_with(|| one.domain.cmp(&other.domain))
        });
        let count = rows.len();
        let failing = rows.iter().filter(|row| row.failures > 0).count();
        rows.truncate(MOST_SHOWN);
        Ok(Policies { policies: rows, count, failing })
    }
}

fn row(remembered: &Remembered) -> PolicyRow {
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
