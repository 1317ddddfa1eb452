//! Fills a store with policies, as if they had been fetched just now.

use std::{
    error::Error,
    path::Path,
    time::{SystemTime, UNIX_EPOCH},
};

use mta_sts::PolicyId;
use sealpost_store::{FetchedPolicy, Remembered, Settings, Store};
use tokio::task::JoinSet;

use crate::names::Kind;

/// The id of every policy, in the store and in the DNS.
pub const ID: &str = "20260101T000000";

/// The policy of a domain: two hosts and a wildcard, which is what most large senders publish.
pub fn policy(domain: &str) -> String {
    format!(
        "version: STSv1\r\nmode: enforce\r\nmx: mx1.{domain}\r\nmx: mx2.{domain}\r\n\
         mx: *.mail.example.net\r\nmax_age: 604800\r\n"
    )
}

/// Writes `count` policies.
pub async fn fill(path: &Path, count: u64) -> Result<(), Box<dyn Error>> {
    let store = Store::open(Settings::at(path)).await?;
    let now = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs())?;
    let mut saves = JoinSet::new();
    for number in 0..count {
        let domain = Kind::Cached.domain(0, number);
        let policy = FetchedPolicy {
            id: PolicyId::parse(ID)?,
            text: policy(&domain).into_bytes(),
            fetched_at: now,
        };
        let remembered = Remembered {
            domain: domain.parse()?,
            policy: Some(policy),
            backoff: None,
            last_used: now,
        };
        let policies = store.policies();
        saves.spawn(async move { policies.save(remembered).await });
    }
    for saved in saves.join_all().await {
        saved?;
    }
    store.close().await;
    Ok(())
}
