//! What the child processes do. Each line on standard output is something that was answered.

use std::path::Path;
use std::process::abort;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use mail_domain::DomainName;
use sealpost_enforce::{Enforcer, Settings, Standing};
use sealpost_net::{Network, Settings as NetworkSettings};
use sealpost_runtime::Clock;
use sealpost_store::{Intents, Settings as StoreSettings, Store, Verb};
use tokio::runtime::Runtime;
use tokio::time::sleep;

/// The three that are asked about, and one that nobody asks about.
pub(crate) const PURGED: &str = "good-two-mx.test";
pub(crate) const REFRESHED: &str = "good.test";
const OTHER: &str = "good-wildcard.test";
const WARMED: &str = "good-two-addresses.test";

pub(crate) fn run(arguments: &[String]) {
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let runtime = Runtime::new().unwrap();
    match arguments.as_slice() {
        ["work", network, store, moment] => {
            runtime.block_on(work(network, store, moment.parse().unwrap()));
        }
        ["look", network, store, _] => runtime.block_on(look(network, store)),
        other => panic!("no such child: {other:?}"),
    }
}

/// What a daemon does: answers, and carries out what is wanted.
async fn work(network: &str, store: &str, moment: u64) {
    let store = Store::open(aborting(store, moment)).await.unwrap();
    let enforcer = start(network, &store, Duration::from_secs(30)).await;
    for name in [PURGED, REFRESHED, OTHER] {
        say_standing(&enforcer, name).await;
    }
    let intents = store.intents();
    println!("wanting");
    for (verb, name) in [(Verb::Refresh, REFRESHED), (Verb::Purge, PURGED), (Verb::Warm, WARMED)] {
        intents.add(verb, vec![parse(name)], 1_800_000_000).await.unwrap();
    }
    println!("wanted");
    until_done(&intents).await;
    println!("done");
    say_standing(&enforcer, WARMED).await;
    enforcer.stop().await;
    store.close().await;
    println!("end");
}

/// What the next daemon makes of it: every row is whole, what is wanted is carried out, and what
/// applies is told, without a network.
async fn look(network: &str, path: &str) {
    let store = Store::open(StoreSettings::at(path)).await.unwrap();
    let mut rows = store.policies().load_all().await.unwrap();
    let mut count = 0;
    while let Some(batch) = rows.next().await.unwrap() {
        for policy in batch.iter().filter_map(|row| row.policy.as_ref()) {
            mta_sts::cache::FetchedPolicy::parse(policy.text.as_slice()).unwrap();
            count += 1;
        }
    }
    assert_eq!(rows.unreadable(), 0);
    println!("rows {count}");
    let enforcer = start(network, &store, Duration::from_secs(2)).await;
    // It carries out what is wanted at once, and one domain may be purged by now.
    let held = enforcer.sizes().0;
    assert!(held == count || held + 1 == count, "{held} of {count}");
    until_done(&store.intents()).await;
    for name in [PURGED, REFRESHED, OTHER, WARMED] {
        say_standing(&enforcer, name).await;
    }
    enforcer.stop().await;
    store.close().await;
}

/// Settings under which the process aborts at the `moment`th step around a commit, from 1 on.
pub(crate) fn aborting(path: &str, moment: u64) -> StoreSettings {
    let count = AtomicU64::new(0);
    StoreSettings::at(path).with_witness(move |_| {
        if count.fetch_add(1, Ordering::SeqCst) + 1 == moment {
            abort();
        }
    })
}

async fn start(network: &str, store: &Store, deadline: Duration) -> Enforcer {
    let network = NetworkSettings::from_toml(Path::new(network)).unwrap();
    let network = Network::new(network, Clock::system()).unwrap();
    let settings = Settings { deadline, ..Settings::default() };
    Enforcer::start(settings, network, store, Clock::system()).await.unwrap()
}

async fn say_standing(enforcer: &Enforcer, name: &str) {
    if let Standing::Policy(policy) = enforcer.standing(&parse(name)).await {
        println!("answered {name} {}", policy.text().escape_ascii());
    }
}

async fn until_done(intents: &Intents) {
    while !intents.pending(100).await.unwrap().intents.is_empty() {
        sleep(Duration::from_millis(20)).await;
    }
}

fn parse(name: &str) -> DomainName {
    name.parse().unwrap()
}
