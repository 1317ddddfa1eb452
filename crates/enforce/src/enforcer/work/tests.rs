use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use mta_sts::cache::{FetchedPolicy, SavedPolicy};
use sealpost_net::{Network, Settings as NetworkSettings};
use sealpost_runtime::Clock;
use sealpost_store::{Settings as StoreSettings, Store};

use super::*;
use crate::Settings;

const POLICY: &[u8] = b"version: STSv1\nmode: enforce\nmx: mx.a.test\nmax_age: 86400\n";

#[tokio::test]
async fn a_saving_that_panics_is_begun_anew_and_answers_go_on_meanwhile() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(StoreSettings::at(folder.path().join("store"))).await.unwrap();
    // Nobody is asked.
    let resolvers = vec!["127.0.0.1:9".parse().unwrap()];
    let settings = NetworkSettings { resolvers, ..NetworkSettings::default() };
    let network = Network::new(settings, Clock::system()).unwrap();
    let started = Enforcer::start(Settings::default(), network, &store, Clock::system()).await;
    let enforcer = started.unwrap();
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
        let slot = shard.slot_mut(&domain).unwrap();
        slot.saving = Saving::Running;
        slot.unsaved = true;
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
    assert_eq!(lock(enforcer.shard(&domain)).slot(&domain).unwrap().saving, Saving::Idle);
    let kept = store.policies().load(domain).await.unwrap().unwrap().policy.unwrap();
    assert_eq!(kept.text, POLICY);
    enforcer.stop().await;
}
