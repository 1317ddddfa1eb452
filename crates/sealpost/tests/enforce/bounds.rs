//! What is bounded: how long an answer of DANE is believed, how long anybody waits for others, how
//! much is taken to remember.

use std::thread::sleep;
use std::time::Duration;

use mail_domain::DomainName;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use sealpost_runtime::{Clock, Stopwatch};
use sealpost_store::{Adoption, FetchedPolicy, Settings, Store};

use crate::cache::eventually;
use crate::daemon::{Daemon, World};
use crate::dane::{Forwarder, Manner, SHORT_LIFE, start};

/// More than are looked up at a time.
const SILENT: usize = 600;
/// So many policies are remembered in little memory.
const POLICIES: usize = 50_000;
/// What they may take, in KiB, beside what the program takes without them. The daemon of the tests is a
/// debug build, which lays out its data as any other.
const ROOM: u64 = 28 * 1024;

/// They are anybody's to have: name servers that say nothing.
#[test]
fn silent_domains_delay_no_other() {
    let world = World::new();
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }).unwrap();
    let forwarder = Forwarder::new(world.lab.resolver(), Manner::Faithful);
    let network = world.settings_with_resolver(&forwarder.address.to_string());
    // Both records and the next hops of DANE are looked up.
    let daemon = start(&world, &network, "may", world.lab.resolver(), "3");
    let mut asking: Vec<_> = (0..SILENT).map(|_| daemon.client()).collect();
    for (number, client) in asking.iter_mut().enumerate() {
        client.send(&format!("postfix n{number}.nobody-answers.test"));
    }
    let watch = Stopwatch::start();
    let mut client = daemon.client();
    assert!(client.ask("postfix", "good.test").starts_with("OK secure "));
    assert_eq!(client.ask("postfix", "absent-dane-good.test"), "OK dane-only");
    assert!(watch.elapsed() < Duration::from_secs(5), "{:?}", watch.elapsed());
    // Of the others DANE is not known: their mail waits.
    for client in &mut asking {
        assert!(client.reply().unwrap().starts_with("TEMP "));
    }
}

/// The policy of a domain and its MX hosts are found out one after the other; both together take no
/// longer than an answer may.
#[test]
fn there_is_one_deadline_for_who_is_told_the_mx_hosts() {
    const DOMAINS: [&str; 3] = ["good.test", "good-two-mx.test", "good-wildcard.test"];

    let world = World::new();
    let forwarder = Forwarder::new(world.lab.resolver(), Manner::Faithful);
    let network = world.settings_with_resolver(&forwarder.address.to_string());
    let store = world.folder.path().join("store.sqlite");
    for map in ["postfix-3.9", "exim"] {
        let fresh = store.with_extension(map);
        let daemon = Daemon::start(&network, &fresh, "1.2", &[]);
        // What is asked of every zone is known.
        daemon.client().ask(map, "good-delegated.test");
        forwarder.be(Manner::Slow);
        let has_told = DOMAINS.iter().any(|domain| {
            let watch = Stopwatch::start();
            let reply = daemon.client().ask(map, domain);
            let took = watch.elapsed();
            assert!(took < Duration::from_millis(1_700), "{map}: {took:?}");
            assert!(!reply.starts_with("OK "), "{map}: there was more time than that: {reply}");
            // Not where the policy was late as well: this machine may be busy.
            reply == format!("TEMP the MX hosts of {domain} are not known in time")
        });
        assert!(has_told, "{map}: no policy was there in time");
        forwarder.be(Manner::Faithful);
    }
}

#[test]
fn no_answer_of_dane_is_older_than_its_records_may_be() {
    let world = World::new();
    let forwarder = Forwarder::new(world.lab.resolver(), Manner::ShortLived);
    let network = world.settings_with_resolver(&forwarder.address.to_string());
    let daemon = start(&world, &network, "may", world.lab.resolver(), "20");
    let mut client = daemon.client();
    let domain = "absent-dane-good.test";
    let mut ask = || client.ask("postfix", domain);
    eventually("its records are known", || ask() == "OK dane-only");
    forwarder.be(Manner::WithoutTlsa);
    sleep(SHORT_LIFE + Duration::from_millis(200));
    // The first question after that, not only the next.
    let reply = ask();
    assert!(reply.starts_with("TEMP the TLSA records of the hosts of "), "{reply}");
    forwarder.be(Manner::ShortLived);
    eventually("they are there again", || ask() == "OK dane-only");
}

#[test]
fn very_many_policies_take_little_memory() {
    let world = World::new();
    let store = world.folder.path().join("store.sqlite");
    let network = world.no_network();
    let daemon = Daemon::start(&network, &store, "3", &[]);
    let before = daemon.resident();
    daemon.kill();
    world.runtime.block_on(async {
        let store = Store::open(Settings::at(&store)).await.unwrap();
        let now = Clock::system().now().as_second();
        let policy = |number: usize| {
            let domain: DomainName = format!("customer-{number}.example.com").parse().unwrap();
            let text = format!(
                "version: STSv1\r\nmode: enforce\r\nmx: mx1.{domain}\r\nmx: *.mail.{domain}\r\n\
                 max_age: 604800\r\n"
            );
            let id = format!("20270101T{number}").parse().unwrap();
            let policy = FetchedPolicy { id, text: text.into_bytes(), fetched_at: now };
            Adoption { domain, policy, last_used: now }
        };
        let all: Vec<_> = (0..POLICIES).map(policy).collect();
        assert_eq!(store.policies().adopt(all).await.unwrap().len(), POLICIES);
        store.close().await;
    });
    let daemon = Daemon::start(&network, &store, "3", &[]);
    assert_eq!(daemon.loaded, POLICIES);
    let reply = daemon.client().ask("postfix", "customer-7.example.com");
    assert!(reply.starts_with("OK secure match=mx1.customer-7.example.com"), "{reply}");
    let grown = daemon.resident().saturating_sub(before);
    println!("{POLICIES} policies take {grown} KiB beside {before} KiB");
    assert!(grown < ROOM, "{POLICIES} policies take {grown} KiB");
}
