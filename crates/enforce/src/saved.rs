//! Between what a cache entry wants kept and what the store keeps.

use mail_domain::DomainName;
use mta_sts::cache::{FetchFailure, FetchedPolicy, SavedBackoff, SavedPolicy, Snapshot};
use sealpost_store::{Backoff, FetchedPolicy as StoredPolicy, Remembered};

/// What the store is to keep.
pub(crate) fn to_store(domain: DomainName, snapshot: Snapshot) -> Remembered {
    let Snapshot { policy, backoff, last_used } = snapshot;
    Remembered {
        domain,
        policy: policy.map(|saved| StoredPolicy {
            id: saved.id,
            text: saved.policy.text().to_vec(),
            fetched_at: saved.fetched_at,
        }),
        backoff: backoff.map(|saved| Backoff {
            id: saved.id,
            failure: saved.failure.result_type().to_owned(),
            failures: saved.failures,
            failed_at: saved.failed_at,
        }),
        last_used,
    }
}

/// What the store has kept. A policy that cannot be read any more is left out, with a line in the
/// log; a reason for failures that is not known counts as the most general one.
pub(crate) fn from_store(remembered: Remembered) -> (DomainName, Snapshot) {
    let Remembered { domain, policy, backoff, last_used } = remembered;
    let policy = policy.and_then(|stored| match FetchedPolicy::parse(stored.text) {
        Ok(policy) => Some(SavedPolicy { policy, id: stored.id, fetched_at: stored.fetched_at }),
        Err(error) => {
            tracing::error!(%domain, %error, "a stored policy cannot be used, left out");
            None
        }
    });
    let backoff = backoff.map(|stored| SavedBackoff {
        id: stored.id,
        failure: FetchFailure::from_result_type(&stored.failure)
            .unwrap_or(FetchFailure::NotFetched),
        failures: stored.failures,
        failed_at: stored.failed_at,
    });
    (domain, Snapshot { policy, backoff, last_used })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn snapshot() -> Snapshot {
        let text = b"version: STSv1\nmode: enforce\nmx: *.a.test\nmax_age: 86400\nnote: x\n";
        Snapshot {
            policy: Some(SavedPolicy {
                policy: FetchedPolicy::parse(*text).unwrap(),
                id: "abc".parse().unwrap(),
                fetched_at: 1_900_000_000,
            }),
            backoff: Some(SavedBackoff {
                id: "def".parse().unwrap(),
                failure: FetchFailure::CertificateInvalid,
                failures: 7,
                failed_at: 1_900_000_100,
            }),
            last_used: 1_900_000_200,
        }
    }

    #[test]
    fn a_snapshot_survives_the_store() {
        let domain: DomainName = "a.test".parse().unwrap();
        let whole = snapshot();
        let parts = [
            whole.clone(),
            Snapshot { policy: None, ..whole.clone() },
            Snapshot { backoff: None, ..whole },
        ];
        for part in parts {
            let stored = to_store(domain.clone(), part.clone());
            assert_eq!(from_store(stored), (domain.clone(), part));
        }
    }

    #[test]
    fn what_cannot_be_read_costs_only_itself() {
        let mut stored = to_store("a.test".parse().unwrap(), snapshot());
        stored.policy.as_mut().unwrap().text = b"mode: enforce\n".to_vec();
        stored.backoff.as_mut().unwrap().failure = "of-another-version".to_owned();
        let (_, snapshot) = from_store(stored);
        assert_eq!(snapshot.policy, None);
        let backoff = snapshot.backoff.unwrap();
        assert_eq!((backoff.failure, backoff.failures), (FetchFailure::NotFetched, 7));
    }
}
