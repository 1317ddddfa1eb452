//! What happens beside the answers, seen from inside the process.

use std::time::Duration;

use mail_domain::DomainName;
use sealpost_enforce::{Enforcer, Mode, Settings, Standing};
use sealpost_net::{Network, Settings as NetworkSettings};
use sealpost_rules::matrix::OperatorLevel;
use sealpost_runtime::Clock;
use sealpost_store::{FetchedPolicy, Remembered, Settings as StoreSettings, Store};
use tokio::time::sleep;

use crate::daemon::World;

pub(crate) const SETTINGS: Settings = Settings {
    mode: Mode::Enforce,
    level: OperatorLevel::Opportunistic,
    next_hops: 64,
    deadline: Duration::from_secs(20),
    look_ups: 8,
    fetches: 8,
    slow: 8,
    without_policy: 64,
    idle: Duration::from_secs(60),
    transfer: Duration::from_secs(5),
    grace: Duration::from_secs(1),
};

pub(crate) fn network(world: &World) -> Network {
    let settings = NetworkSettings::from_toml(world.lab.settings_file()).unwrap();
    Network::new(settings, Clock::system()).unwrap()
}

pub(crate) async fn store(world: &World) -> Store {
    Store::open(StoreSettings::at(world.folder.path().join("inside.sqlite"))).await.unwrap()
}

fn good() -> DomainName {
    "good.test".parse().unwrap()
}

/// What was fetched from `good.test` so long ago, when its policy lived a day.
fn old_policy(age: i64) -> Remembered {
    let now = Clock::system().now().as_second();
    let text = b"version: STSv1\nmode: enforce\nmx: old.good.test\nmax_age: 86400\n".to_vec();
    let policy = FetchedPolicy { id: "old".parse().unwrap(), text, fetched_at: now - age };
    Remembered { domain: good(), policy: Some(policy), backoff: None, last_used: now }
}

#[test]
fn a_policy_is_refreshed_before_it_expires_though_nobody_asks() {
    let world = World::new();
    world.runtime.block_on(async {
        let store = store(&world).await;
        // Twelve seconds remain, so the refresh is due within a quarter of that.
        store.policies().save(old_policy(86_388)).await.unwrap();
        let clock = Clock::system();
        let enforcer = Enforcer::start(SETTINGS, network(&world), &store, clock).await.unwrap();
        assert_eq!(enforcer.sizes(), (1, 0));
        let mut refreshed = false;
        for _ in 0..100 {
            sleep(Duration::from_millis(100)).await;
            let stored = store.policies().load(good()).await.unwrap().unwrap();
            if stored.policy.unwrap().id.as_str() != "old" {
                refreshed = true;
                break;
            }
        }
        assert!(refreshed, "the old policy is still there");
        enforcer.stop().await;
        store.close().await;
    });
}

#[test]
fn an_expired_policy_does_not_come_back_from_the_store() {
    let world = World::new();
    world.runtime.block_on(async {
        let store = store(&world).await;
        store.policies().save(old_policy(86_500)).await.unwrap();
        let clock = Clock::system();
        let enforcer = Enforcer::start(SETTINGS, network(&world), &store, clock).await.unwrap();
        let Standing::Policy(policy) = enforcer.standing(&good()).await else { panic!() };
        let covers = |host: &str| policy.policy().covers(&host.parse().unwrap()).is_some();
        assert!(covers("mx1.good.test") && !covers("old.good.test"));
        enforcer.stop().await;
        store.close().await;
    });
}

#[test]
fn answers_go_on_from_memory_when_the_store_fails() {
    let world = World::new();
    world.runtime.block_on(async {
        let store = store(&world).await;
        let clock = Clock::system();
        let enforcer = Enforcer::start(SETTINGS, network(&world), &store, clock).await.unwrap();
        store.close().await;
        for _ in 0..2 {
            assert!(matches!(enforcer.standing(&good()).await, Standing::Policy(_)));
        }
        enforcer.stop().await;
    });
}

#[test]
fn many_who_ask_at_once_get_the_one_policy() {
    let world = World::new();
    world.runtime.block_on(async {
        let store = store(&world).await;
        let clock = Clock::system();
        let enforcer = Enforcer::start(SETTINGS, network(&world), &store, clock).await.unwrap();
        let asking: Vec<_> = (0..200)
            .map(|_| {
                let enforcer = enforcer.clone();
                tokio::spawn(async move { enforcer.standing(&good()).await })
            })
            .collect();
        let mut policies = Vec::new();
        for task in asking {
            let Standing::Policy(policy) = task.await.unwrap() else { panic!() };
            policies.push(policy);
        }
        // One fetch: all hold the same allocation.
        assert!(policies.iter().all(|policy| std::ptr::eq(policy.text(), policies[0].text())));
        enforcer.stop().await;
        store.close().await;
    });
}
