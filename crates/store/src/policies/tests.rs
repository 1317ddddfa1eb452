use std::collections::BTreeMap;

use tempfile::TempDir;

use super::*;
use crate::Settings;

const TEXT: &[u8] = b"version: STSv1\r\nmode: enforce\r\nmx: mx.example.com\r\nmax_age: 604800\r\n";

async fn open() -> (TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let mut settings = Settings::at(folder.path().join("store.sqlite"));
    settings.readers = 1;
    let store = Store::open(settings).await.unwrap();
    (folder, store)
}

fn domain(name: &str) -> DomainName {
    name.parse().unwrap()
}

fn policy(id: &str, fetched: i64) -> FetchedPolicy {
    // An octet that is not UTF-8 must survive.
    let text = [TEXT, id.as_bytes(), b": \xFC\0\n"].concat();
    FetchedPolicy { id: PolicyId::parse(id).unwrap(), text, fetched_at: fetched }
}

fn backoff(id: &str, failures: u32) -> Backoff {
    Backoff {
        id: PolicyId::parse(id).unwrap(),
        failure: "sts-policy-fetch-error".to_owned(),
        failures,
        failed_at: 1_900_000_300,
    }
}

fn full(name: &str) -> Remembered {
    Remembered {
        domain: domain(name),
        policy: Some(policy("a1", 1_900_000_000)),
        backoff: Some(backoff("b2", 3)),
        last_used: 1_900_000_001,
    }
}

async fn all(policies: &Policies) -> (BTreeMap<DomainName, Remembered>, u64) {
    let mut loading = policies.load_all().await.unwrap();
    let mut rows = BTreeMap::new();
    while let Some(batch) = loading.next().await.unwrap() {
        for row in batch {
            assert!(rows.insert(row.domain.clone(), row).is_none(), "the same row twice");
        }
    }
    assert!(loading.next().await.unwrap().is_none(), "it starts again after the end");
    (rows, loading.unreadable())
}

#[tokio::test]
async fn what_is_saved_is_loaded() {
    let (_folder, store) = open().await;
    let policies = store.policies();
    let bare = Remembered { policy: None, backoff: None, ..full("bare.example.com") };
    let fetched = Remembered { backoff: None, last_used: -5, ..full("fetched.example.com") };
    let failed = Remembered { policy: None, ..full("failed.example.com") };
    for row in [&full("full.example.com"), &bare, &fetched, &failed] {
        // Twice is as good as once.
        policies.save(row.clone()).await.unwrap();
        policies.save(row.clone()).await.unwrap();
        let loaded = policies.load(row.domain.clone()).await.unwrap();
        assert_eq!(loaded.as_ref(), Some(row));
    }
    assert_eq!(policies.load(domain("other.example.com")).await.unwrap(), None);
    assert_eq!(all(&policies).await.0.len(), 4);
}

#[tokio::test]
async fn a_new_policy_replaces_the_old_one_whatever_the_clock_says() {
    let (_folder, store) = open().await;
    let policies = store.policies();
    policies.save(full("example.com")).await.unwrap();
    let earlier = Remembered { policy: Some(policy("c3", 1_800_000_000)), ..full("example.com") };
    policies.save(earlier.clone()).await.unwrap();
    assert_eq!(policies.load(domain("example.com")).await.unwrap(), Some(earlier));
}

#[tokio::test]
async fn a_failed_fetch_cannot_remove_a_policy() {
    let (_folder, store) = open().await;
    let policies = store.policies();
    policies.save(full("example.com")).await.unwrap();
    let failed =
        Remembered { policy: None, backoff: Some(backoff("d4", 9)), ..full("example.com") };
    policies.save(failed).await.unwrap();
    let expected = Remembered { backoff: Some(backoff("d4", 9)), ..full("example.com") };
    assert_eq!(policies.load(domain("example.com")).await.unwrap(), Some(expected));
}

#[tokio::test]
async fn a_fetch_that_worked_ends_the_backoff() {
    let (_folder, store) = open().await;
    let policies = store.policies();
    policies.save(full("example.com")).await.unwrap();
    let fetched = Remembered { backoff: None, ..full("example.com") };
    policies.save(fetched.clone()).await.unwrap();
    assert_eq!(policies.load(domain("example.com")).await.unwrap(), Some(fetched));
}

#[tokio::test]
async fn last_used_only_grows() {
    let (_folder, store) = open().await;
    let policies = store.policies();
    let last_used = async || {
        let loaded = policies.load(domain("example.com")).await.unwrap();
        loaded.unwrap().last_used
    };
    policies.save(Remembered { last_used: 50, ..full("example.com") }).await.unwrap();
    policies.save(Remembered { last_used: 40, ..full("example.com") }).await.unwrap();
    assert_eq!(last_used().await, 50);
    policies.save(Remembered { last_used: 60, ..full("example.com") }).await.unwrap();
    assert_eq!(last_used().await, 60);
    let used = vec![(domain("unknown.example.com"), 99), (domain("example.com"), 70)];
    policies.touch(used).await.unwrap();
    assert_eq!(last_used().await, 70);
    policies.touch(vec![(domain("example.com"), 65)]).await.unwrap();
    assert_eq!(last_used().await, 70);
    assert_eq!(policies.load(domain("unknown.example.com")).await.unwrap(), None);
}

#[tokio::test]
async fn what_replaces_leaves_nothing_of_what_was() {
    let (_folder, store) = open().await;
    let policies = store.policies();
    policies.save(full("a.test")).await.unwrap();
    let failures = Remembered { policy: None, ..full("a.test") };
    policies.save(failures.clone()).await.unwrap();
    assert_eq!(policies.load(domain("a.test")).await.unwrap(), Some(full("a.test")));
    policies.replace(failures.clone()).await.unwrap();
    assert_eq!(policies.load(domain("a.test")).await.unwrap(), Some(failures));
    policies.replace(full("new.test")).await.unwrap();
    assert_eq!(policies.load(domain("new.test")).await.unwrap(), Some(full("new.test")));
    // What is refused changes nothing.
    let mut refused = full("new.test");
    refused.backoff.as_mut().unwrap().failure = "x".repeat(65);
    assert!(policies.replace(refused).await.is_err());
    assert_eq!(policies.load(domain("new.test")).await.unwrap(), Some(full("new.test")));
}

#[tokio::test]
async fn old_failures_are_forgotten_and_no_policy_is() {
    let (_folder, store) = open().await;
    let policies = store.policies();
    let failures = |name| Remembered { policy: None, ..full(name) };
    policies.save(failures("old.test")).await.unwrap();
    policies.save(failures("later.test")).await.unwrap();
    policies.save(full("policy.test")).await.unwrap();
    let failed_at = backoff("b2", 3).failed_at;
    let useless = [("old.test", 0), ("later.test", -1), ("policy.test", 0), ("no.test", 0)];
    let useless = useless.map(|(name, later)| (domain(name), failed_at + later));
    policies.forget_failures(useless.to_vec()).await.unwrap();
    let left: Vec<_> = all(&policies).await.0.into_values().collect();
    assert_eq!(left, [failures("later.test"), full("policy.test")]);
}

#[tokio::test]
async fn forgetting_counts_what_there_was() {
    let (_folder, store) = open().await;
    let policies = store.policies();
    for name in ["a.example.com", "b.example.com", "c.example.com"] {
        policies.save(full(name)).await.unwrap();
    }
    let domains = ["a.example.com", "none.example.com", "c.example.com"].map(domain);
    assert_eq!(policies.forget(domains.to_vec()).await.unwrap(), 2);
    assert_eq!(policies.forget(domains.to_vec()).await.unwrap(), 0);
    let left: Vec<_> = all(&policies).await.0.into_keys().collect();
    assert_eq!(left, [domain("b.example.com")]);
}

#[tokio::test]
async fn a_text_beyond_64_kib_is_refused() {
    let (_folder, store) = open().await;
    let policies = store.policies();
    let mut row = full("example.com");
    for (length, is_stored) in [(65_537, false), (65_536, true)] {
        if let Some(policy) = &mut row.policy {
            policy.text = vec![b'x'; length];
        }
        let saved = policies.save(row.clone()).await;
        if is_stored {
            saved.unwrap();
        } else {
            assert!(matches!(saved, Err(StoreError::Refused { .. })), "{saved:?}");
        }
        let loaded = policies.load(domain("example.com")).await.unwrap();
        assert_eq!(loaded.is_some(), is_stored, "{length}");
    }
}

#[tokio::test]
async fn everything_is_loaded_across_batches() {
    let (_folder, store) = open().await;
    let policies = store.policies();
    let rows: Vec<_> = (0..1000).map(|index| full(&format!("d{index}.example.com"))).collect();
    let saves: Vec<_> = rows
        .iter()
        .map(|row| {
            let (policies, row) = (policies.clone(), row.clone());
            tokio::spawn(async move { policies.save(row).await })
        })
        .collect();
    for save in saves {
        save.await.unwrap().unwrap();
    }
    let (loaded, unreadable) = all(&policies).await;
    assert_eq!(unreadable, 0);
    assert!(
        loaded.into_values().eq(rows
            .into_iter()
            .map(|row| (row.domain.clone(), row))
            .collect::<BTreeMap<_, _>>()
            .into_values())
    );
}

#[tokio::test]
async fn a_row_that_makes_no_sense_costs_only_itself() {
    let (_folder, store) = open().await;
    let policies = store.policies();
    policies.save(full("good.example.com")).await.unwrap();
    let spoil = store.writer.write(|connection| {
        Ok(connection.execute_batch(
            "INSERT INTO policies (domain, last_used) VALUES ('no domain', 1);
             INSERT INTO policies (domain, last_used) VALUES ('word.example.com', 'often');
             INSERT INTO policies (domain, policy_id, policy_text, fetched_at, last_used)
             VALUES ('id.example.com', 'a b', '', 1, 1);
             INSERT INTO policies (domain, failed_id, failure, failures, failed_at, last_used)
             VALUES ('failures.example.com', 'a', 'x', -1, 1, 1)",
        )?)
    });
    spoil.await.unwrap();
    let (loaded, unreadable) = all(&policies).await;
    assert_eq!(loaded.into_keys().collect::<Vec<_>>(), [domain("good.example.com")]);
    assert_eq!(unreadable, 4);
    let one = policies.load(domain("id.example.com")).await;
    assert!(matches!(one, Err(StoreError::Damaged { .. })), "{one:?}");
}

#[tokio::test]
async fn who_stops_loading_frees_the_reader() {
    let (_folder, store) = open().await;
    let policies = store.policies();
    for index in 0..2000 {
        let (policies, row) = (policies.clone(), full(&format!("d{index}.example.com")));
        tokio::spawn(async move { policies.save(row).await });
    }
    policies.save(full("last.example.com")).await.unwrap();
    let mut loading = policies.load_all().await.unwrap();
    assert!(loading.next().await.unwrap().is_some());
    drop(loading);
    // There is one reader only.
    policies.load(domain("last.example.com")).await.unwrap().unwrap();
}

#[tokio::test]
async fn loading_sees_one_moment() {
    let (_folder, store) = open().await;
    let policies = store.policies();
    let saves: Vec<_> = (0..1500)
        .map(|index| {
            let (policies, row) = (policies.clone(), full(&format!("d{index}.example.com")));
            tokio::spawn(async move { policies.save(row).await })
        })
        .collect();
    for save in saves {
        save.await.unwrap().unwrap();
    }
    let mut loading = policies.load_all().await.unwrap();
    let mut count = loading.next().await.unwrap().unwrap().len();
    policies
        .forget((0..1500).map(|index| domain(&format!("d{index}.example.com"))).collect())
        .await
        .unwrap();
    while let Some(batch) = loading.next().await.unwrap() {
        count += batch.len();
    }
    assert_eq!(count, 1500);
    assert!(all(&policies).await.0.is_empty());
}

#[tokio::test]
async fn what_is_taken_over_never_replaces_what_is_as_new() {
    let (_folder, store) = open().await;
    let policies = store.policies();
    policies.save(full("held.test")).await.unwrap();
    policies.save(Remembered { policy: None, ..full("failing.test") }).await.unwrap();
    let adopt = |name: &str, fetched: i64| Adoption {
        domain: domain(name),
        policy: policy("peer", fetched),
        last_used: 1_899_999_999,
    };
    let older = [adopt("held.test", 1_899_999_999), adopt("held.test", 1_900_000_000)];
    assert_eq!(policies.adopt(older.to_vec()).await.unwrap(), []);
    assert_eq!(policies.load(domain("held.test")).await.unwrap(), Some(full("held.test")));

    let rows = ["failing.test", "held.test", "new.test"].map(|name| adopt(name, 1_900_000_001));
    let stored = policies.adopt(rows.to_vec()).await.unwrap();
    assert_eq!(stored, ["failing.test", "held.test", "new.test"].map(domain));
    let (all, unreadable) = all(&policies).await;
    assert_eq!((all.len(), unreadable), (3, 0));
    let held = &all[&domain("held.test")];
    assert_eq!(held.policy, Some(policy("peer", 1_900_000_001)));
    // What has failed and when it was used is still known.
    assert_eq!((&held.backoff, held.last_used), (&full("x.test").backoff, 1_900_000_001));
    assert_eq!(all[&domain("failing.test")].backoff, full("x.test").backoff);
    assert_eq!(all[&domain("new.test")].last_used, 1_899_999_999);
}

#[tokio::test]
async fn a_list_is_in_the_order_of_the_names() {
    let (_folder, store) = open().await;
    for name in ["c.test", "a.test", "b.test"] {
        store.policies().save(full(name)).await.unwrap();
    }
    let mut loading = store.policies().list_all().await.unwrap();
    let rows = loading.next().await.unwrap().unwrap();
    let names: Vec<&str> = rows.iter().map(|row| row.domain.as_str()).collect();
    assert_eq!(names, ["a.test", "b.test", "c.test"]);
}
