//! How the certificates stand, for people.

use std::collections::HashMap;

use mail_domain::DomainName;
use sealpost_store::{Certificates, Kept, StoreError, Trouble};

use super::{AcmeSection, forecast, schedule};

/// How the certificate of a policy host stands. Times are seconds since 1970.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CertificateState {
    /// The policy host.
    pub host: DomainName,
    /// From when until when the one that is kept is valid.
    pub valid: Option<(i64, i64)>,
    /// What comes next.
    pub expected: Expected,
    /// Why the last try failed, and how many did in a row.
    pub trouble: Option<(u64, String)>,
}

/// What comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// It is renewed then.
    Renewal(i64),
    /// The first can be ordered then.
    First(i64),
}

/// How the certificates of these hosts stand, in their order. Without a store there are none yet.
///
/// # Errors
///
/// What [`StoreError`] says of reading.
pub async fn states(
    hosts: Vec<DomainName>,
    acme: &AcmeSection,
    store: Option<&Certificates>,
    now: i64,
) -> Result<Vec<CertificateState>, StoreError> {
    let mut kept: HashMap<DomainName, Kept> = HashMap::new();
    let mut behind = None;
    while let Some(store) = store {
        let page = store.list(behind).await?;
        behind = page.last().map(|last| last.host.clone());
        if behind.is_none() {
            break;
        }
        kept.extend(page.into_iter().map(|one| (one.host.clone(), one)));
    }
    let mut troubles: HashMap<DomainName, Trouble> = HashMap::new();
    let mut behind = None;
    while let Some(store) = store {
        let page = store.troubles(behind).await?;
        behind = page.last().map(|last| last.host.clone());
        if behind.is_none() {
            break;
        }
        troubles.extend(page.into_iter().map(|one| (one.host.clone(), one)));
    }
    let new = hosts.iter().filter(|host| !kept.contains_key(*host));
    let new: Vec<_> =
        new.map(|host| (host.clone(), acme.limits.of_domain(&acme.directory, host))).collect();
    let account = acme.limits.of_account(&acme.directory);
    let mut free = HashMap::new();
    for name in new.iter().map(|(_, limit)| &limit.name).chain([&account.name]) {
        if let Some(store) = store.filter(|_| !free.contains_key(name)) {
            free.insert(name.clone(), store.free_at(name.clone()).await?);
        }
    }
    let free_at = |name: &str| free.get(name).copied().unwrap_or(0);
    let dates = forecast::dates(&new, &account, free_at, now);
    let first: HashMap<DomainName, i64> =
        new.into_iter().map(|(host, _)| host).zip(dates).collect();
    let state = |host: DomainName| {
        let trouble = troubles.get(&host);
        let not_before = trouble.map_or(now, |trouble| trouble.next_at);
        let expected = match kept.get(&host) {
            Some(kept) => {
                let at = schedule::renewal(kept.not_before, kept.not_after, kept.renew_at);
                Expected::Renewal(if trouble.is_some() { at.max(not_before) } else { at })
            }
            None => Expected::First(first.get(&host).copied().unwrap_or(now).max(not_before)),
        };
        CertificateState {
            valid: kept.get(&host).map(|kept| (kept.not_before, kept.not_after)),
            expected,
            trouble: trouble.map(|trouble| (trouble.failures, trouble.what.clone())),
            host,
        }
    };
    Ok(hosts.into_iter().map(state).collect())
}
