//! `kill -9` at any moment, under load: what was answered holds.

#![expect(clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{scope, sleep};
use std::time::Duration;

use mail_domain::DomainName;
use sealpost_lab::Domain;
use sealpost_store::{Settings, Store, Verb};

use crate::daemon::{Daemon, World};
use crate::fleet::{expected_reply, served_policies};

/// How many kills there are; `SEALPOST_KILLS` says another number.
const KILLS: u64 = 20;
/// The seed of the first, and the next ones follow; `SEALPOST_SEED` says another.
const SEED: u64 = 1;
const CLIENTS: u64 = 4;
/// A kill comes after so many answers at most.
const MOST_ANSWERS: u64 = 300;

#[test]
fn what_was_answered_survives_kills_under_load() {
    let world = World::new();
    let policies = served_policies(&world, is_asked_about);
    let expected: BTreeMap<&str, String> =
        policies.iter().map(|(name, text)| (*name, expected_reply(name, text))).collect();
    assert!(expected.len() > 30, "only {}", expected.len());
    let full = world.folder.path().join("full.sqlite");
    let daemon = Daemon::start(world.lab.settings_file(), &full, "60", &[]);
    let mut client = daemon.client();
    for (name, reply) in &expected {
        assert_eq!(client.ask("postfix", name), *reply);
    }
    daemon.terminate();
    assert!(daemon.wait().0.success());

    let no_network = world.no_network();
    let first = number("SEALPOST_SEED", SEED);
    let mut relied = 0;
    let mut new = 0;
    for seed in first..first + number("SEALPOST_KILLS", KILLS) {
        println!("seed {seed}; to repeat it alone: SEALPOST_SEED={seed} SEALPOST_KILLS=1");
        let kill = Kill { world: &world, expected: &expected, policies: &policies, seed };
        let store = world.folder.path().join(format!("seed-{seed}.sqlite"));
        fs_err::copy(&full, &store).unwrap();
        let forgotten = kill.forget_some(&store);
        let answered = kill.under_load(&store);
        new += answered.intersection(&forgotten).count();
        relied += answered.len();
        kill.check(&store, &no_network, &answered, &forgotten);
    }
    // Otherwise nothing was shown.
    assert!(relied > 20 && new > 10, "{relied} answers relied on policies, {new} on new ones");
}

/// Those that are known and new by turns: good ones, whose servers do not dawdle.
fn is_asked_about(domain: &Domain) -> bool {
    let families = ["good", "dane-", "policy-max-age-t", "victim-"];
    domain.expect.verdict == "enforced"
        && families.iter().any(|family| domain.name.starts_with(family))
        && !["good-http-in-pieces.test", "dane-timeout.test"].contains(&domain.name)
}

fn number(variable: &str, otherwise: u64) -> u64 {
    env::var(variable).map_or(otherwise, |text| text.parse().unwrap())
}

/// Numbers that look random, the same for the same seed.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

/// One life of the daemon, its end, and the next one.
struct Kill<'a> {
    world: &'a World,
    expected: &'a BTreeMap<&'static str, String>,
    policies: &'a BTreeMap<&'static str, String>,
    seed: u64,
}

impl Kill<'_> {
    fn random(&self, stream: u64) -> Random {
        let mut random = Random(self.seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ stream);
        random.below(2);
        random
    }

    /// Takes half of the policies out of the store, and asks the daemon to refresh some, for it to
    /// write while it answers.
    fn forget_some(&self, store: &Path) -> BTreeSet<&'static str> {
        let mut random = self.random(100);
        let (mut forgotten, mut refreshed) = (BTreeSet::new(), Vec::new());
        for name in self.expected.keys() {
            match random.below(8) {
                0..4 => drop(forgotten.insert(*name)),
                4 => refreshed.push(parse(name)),
                _ => {}
            }
        }
        self.world.runtime.block_on(async {
            let store = Store::open(Settings::at(store)).await.unwrap();
            store
                .policies()
                .forget(forgotten.iter().map(|name| parse(name)).collect())
                .await
                .unwrap();
            store.intents().add(Verb::Refresh, refreshed, 1_800_000_000).await.unwrap();
            store.close().await;
        });
        forgotten
    }

    /// Runs the daemon with clients until the moment of the seed; gives the domains of which a
    /// client was told to enforce the policy.
    fn under_load(&self, store: &Path) -> BTreeSet<&'static str> {
        let mut moment = self.random(200);
        let (answers, pause) = (moment.below(MOST_ANSWERS), moment.below(4_000));
        let daemon = Daemon::start(self.world.lab.settings_file(), store, "60", &[]);
        let (count, relied) = (AtomicUsize::new(0), Mutex::new(BTreeSet::new()));
        scope(|scope| {
            for client in 0..CLIENTS {
                let connection = daemon.client();
                let (count, relied) = (&count, &relied);
                scope.spawn(move || self.ask(client, connection, count, relied));
            }
            while (count.load(Ordering::SeqCst) as u64) < answers {
                sleep(Duration::from_micros(200));
            }
            sleep(Duration::from_micros(pause));
            daemon.kill();
        });
        relied.into_inner().unwrap()
    }

    /// Asks until the daemon is gone. Each reply is right, or has not come.
    fn ask(
        &self,
        client: u64,
        mut connection: crate::daemon::Client<std::net::TcpStream>,
        count: &AtomicUsize,
        relied: &Mutex<BTreeSet<&'static str>>,
    ) {
        let mut random = self.random(client);
        let names: Vec<&'static str> = self.expected.keys().copied().collect();
        loop {
            let (key, expected) = if random.below(4) == 0 {
                (format!("n{}.no-such.test", random.below(50)), "NOTFOUND")
            } else {
                let index = usize::try_from(random.below(names.len() as u64)).unwrap();
                (names[index].to_owned(), self.expected[names[index]].as_str())
            };
            if connection.try_send(&format!("postfix {key}")).is_err() {
                return;
            }
            let Ok(Some(reply)) = connection.try_reply() else { return };
            assert_eq!(reply, expected, "seed {}: {key}", self.seed);
            if let Some(name) = names.iter().find(|name| **name == key) {
                relied.lock().unwrap().insert(*name);
            }
            count.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// What is on the disk is whole, and the next daemon goes by it, without a network.
    fn check(
        &self,
        store: &Path,
        no_network: &Path,
        answered: &BTreeSet<&'static str>,
        forgotten: &BTreeSet<&'static str>,
    ) {
        let seed = self.seed;
        let stored = self.stored(store);
        for (name, text) in &stored {
            assert_eq!(*text, self.policies[name.as_str()], "seed {seed}: {name} is half-written");
        }
        let daemon = Daemon::start(no_network, store, "2", &[]);
        assert_eq!(daemon.loaded, stored.len(), "seed {seed}");
        let mut client = daemon.client();
        for (name, reply) in self.expected {
            let told = client.ask("postfix", name);
            if answered.contains(name) || !forgotten.contains(name) {
                assert_eq!(told, *reply, "seed {seed}: {name} was relied on");
            } else if stored.contains_key(*name) {
                assert_eq!(told, *reply, "seed {seed}: {name} was stored");
            } else {
                assert_eq!(told, "NOTFOUND", "seed {seed}: {name} is not known");
            }
        }
        daemon.kill();
    }

    /// The policies in a copy of what the kill has left, so that the next daemon finds it as it is.
    fn stored(&self, store: &Path) -> BTreeMap<String, String> {
        let copy = tempfile::tempdir().unwrap();
        let path = copy.path().join("copy.sqlite");
        fs_err::copy(store, &path).unwrap();
        let log = store.with_extension("sqlite-wal");
        if log.exists() {
            fs_err::copy(log, path.with_extension("sqlite-wal")).unwrap();
        }
        self.world.runtime.block_on(async {
            let store = Store::open(Settings::at(&path)).await.unwrap();
            let mut rows = store.policies().load_all().await.unwrap();
            let mut stored = BTreeMap::new();
            while let Some(batch) = rows.next().await.unwrap() {
                let policies = batch.into_iter().filter_map(|row| Some((row.domain, row.policy?)));
                stored.extend(policies.map(|(domain, policy)| {
                    (domain.to_string(), String::from_utf8(policy.text).unwrap())
                }));
            }
            assert_eq!(rows.unreadable(), 0, "seed {}", self.seed);
            let pending = store.intents().pending(1_000).await.unwrap();
            assert!(pending.unreadable.is_empty(), "seed {}", self.seed);
            store.close().await;
            stored
        })
    }
}

fn parse(name: &str) -> DomainName {
    name.parse().unwrap()
}
