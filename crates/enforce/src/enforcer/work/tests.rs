use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use mta_sts::cache::{FetchedPolicy, SavedPolicy};
use sealpost_net::{Network, Settings as NetworkSettings};
use sealpost_runtime::Clock;
use sealpost_store::{Backoff, Remembered, Settings as StoreSettings, Store};

use super::*;
use crate::Settings;

const POLICY: &[u8] = b"version: STSv1\nmode: enforce\nmx: mx.a.test\nmax_age: 86400\n";

async fn start(store: &Store, settings: Settings) -> Enforcer {
    // Nobody is asked.
    start_by(store, settings, "127.0.0.1:9".parse().unwrap()).await
}

async fn start_by(store: &Store, settings: Settings, resolver: SocketAddr) -> Enforcer {
    let resolvers = vec![resolver];
    let network_settings = NetworkSettings { resolvers, ..NetworkSettings::default() };
    let network = Network::new(network_settings, Clock::system()).unwrap();
    Enforcer::start(settings, network, store, Clock::system()).await.unwrap()
}

/// What is stored of a domain whose fetches have failed, the last so many seconds ago.
fn failures(domain: &str, age: i64) -> Remembered {
    let failed_at = Clock::system().now().as_second() - age;
    Remembered {
        domain: domain.parse().unwrap(),
        policy: None,
        backoff: Some(Backoff {
            id: "1".parse().unwrap(),
            failure: "sts-policy-fetch-error".to_owned(),
            failures: 3,
            failed_at,
        }),
        last_used: failed_at,
    }
}

/// Waits until only so many domains are stored, and gives their names.
async fn stored(store: &Store, count: usize) -> Vec<String> {
    let mut names = Vec::new();
    for _ in 0..100 {
        names.clear();
        let mut listing = store.policies().list_all().await.unwrap();
        while let Some(rows) = listing.next().await.unwrap() {
            names.extend(rows.into_iter().map(|row| row.domain.to_string()));
        }
        if names.len() <= count {
            break;
        }
        sleep(Duration::from_millis(100)).await;
    }
    names
}

#[tokio::test]
async fn failures_of_long_ago_do_not_come_back_and_leave_the_store() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(StoreSettings::at(folder.path().join("store"))).await.unwrap();
    let policies = store.policies();
    for index in 0..2_000 {
        policies.save(failures(&format!("old{index}.test"), 100_000)).await.unwrap();
    }
    policies.save(failures("new.test", 1_000)).await.unwrap();
    let enforcer = start(&store, Settings::default()).await;
    assert_eq!(enforcer.sizes(), (0, 1));
    assert_eq!(stored(&store, 1).await, ["new.test"]);
    enforcer.stop().await;
}

#[tokio::test]
async fn what_is_forgotten_to_make_room_leaves_the_store_too() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(StoreSettings::at(folder.path().join("store"))).await.unwrap();
    for index in 0..1_000 {
        store.policies().save(failures(&format!("f{index}.test"), 100)).await.unwrap();
    }
    // One for each part of the memory.
    let enforcer = start(&store, Settings { without_policy: 1, ..Settings::default() }).await;
    let (_, kept) = enforcer.sizes();
    assert!(kept <= 64, "{kept}");
    assert_eq!(stored(&store, kept).await.len(), kept);
    enforcer.stop().await;
}

/// Each question at a server that says nothing takes ten seconds, and there is one turn.
#[tokio::test(start_paused = true)]
async fn nobody_waits_longer_for_a_turn_than_a_look_up_may_take() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(StoreSettings::at(folder.path().join("store"))).await.unwrap();
    let silent = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let settings = Settings { look_ups: 1, slow: 0, ..Settings::default() };
    let enforcer = start_by(&store, settings, silent.local_addr().unwrap()).await;
    for number in 0..6 {
        let (enforcer, domain) = (enforcer.clone(), format!("n{number}.test").parse().unwrap());
        tokio::spawn(async move { enforcer.standing(&domain).await });
    }
    let unknown = || enforcer.metrics().record_lookups.value(RecordResult::Unknown);
    sleep(LONGEST_LOOK_UP - Duration::from_secs(5)).await;
    assert!(unknown() < 4, "{} are over", unknown());
    sleep(Duration::from_secs(7)).await;
    assert_eq!(unknown(), 6);
    enforcer.stop().await;
}

#[tokio::test]
async fn a_saving_that_panics_is_begun_anew_and_answers_go_on_meanwhile() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(StoreSettings::at(folder.path().join("store"))).await.unwrap();
    let enforcer = start(&store, Settings::default()).await;
    let domain: DomainName = "a.test".parse().unwrap();
    let now = enforcer.shared.time.now();
    let policy = SavedPolicy {
        policy: FetchedPolicy::parse(POLICY).unwrap(),
        id: "1".parse().unwrap(),
        fetched_at: now.wall,
    };
    let snapshot = Snapshot { policy: Some(policy), backoff: None, last_used: now.wall };
    {
        let mut shard = lock(enforcer.shard(&domain));
        shard.restore(
            &domain,
            Entry::restore(snapshot, now, enforcer.shared.time.jitter()),
            1,
            now,
        );
        assert!(shard.begin_saving(&domain));
        shard.make_unsaved(&domain);
    }
    let tries = Arc::new(AtomicU32::new(0));
    let saving = |enforcer: Enforcer, domain: DomainName| {
        let tries = Arc::clone(&tries);
        async move {
            assert!(tries.fetch_add(1, Ordering::Relaxed) > 0, "as the test wants it");
            assert!(!lock(enforcer.shard(&domain)).slot(&domain).unwrap().unsaved);
            enforcer.save_until_done(domain).await;
        }
    };
    enforcer.clone().supervised(domain.clone(), saving).await;
    assert_eq!((tries.load(Ordering::Relaxed), enforcer.metrics().panics.value()), (2, 1));
    assert!(lock(enforcer.shard(&domain)).begin_saving(&domain), "it is over");
    let kept = store.policies().load(domain).await.unwrap().unwrap().policy.unwrap();
    assert_eq!(kept.text, POLICY);
    enforcer.stop().await;
}
