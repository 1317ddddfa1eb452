//! Answers that follow DANE too.
//!
//! The lab's DNS vouches for what is signed and keeps back what is bogus, so it is the resolver of
//! the mail server too. Where one is wanted that does neither, or falls silent, there is a forwarder
//! between.

#![expect(clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::net::{SocketAddr, UdpSocket};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread::{scope, sleep, spawn};
use std::time::Duration;

use sealpost_enforce::{Answerer, DaneAnswers, Enforcer, LastProof, Proof, Prover};
use sealpost_lab::{Domain, Lab};
use sealpost_net::Probes;
use sealpost_runtime::Clock;
use serde_json::Value;

use crate::daemon::{Daemon, World};
use crate::fleet::is_enforced;
use crate::inside;

/// Questions at a time: two cores are to do the work of all servers too.
const TOGETHER: usize = 16;

/// The AD and CD bits in the fourth octet of a DNS message.
const AUTHENTIC: u8 = 0x20;
const CHECKING_DISABLED: u8 = 0x10;
/// Longer than the deadline of the daemon that is asked then, and not so long that it asks again.
const SLOW: Duration = Duration::from_millis(800);

/// The same for TXT records: with [`SLOW`] it is longer than the deadline of who asks then.
const SLOW_TXT: Duration = Duration::from_millis(500);
/// For how long answers hold that are made to live shortly.
pub(crate) const SHORT_LIFE: Duration = Duration::from_secs(2);

/// What a forwarder does with questions to the lab. Whatever it is, those about names below
/// `nobody-answers.test` have no answer.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manner {
    Faithful,
    /// As a resolver that does not validate: it hands out everything, and vouches for nothing.
    Careless,
    Silent,
    /// It takes long to find MX records.
    SlowMx,
    /// It takes long to find MX records, and TXT records.
    Slow,
    /// Every record lives for [`SHORT_LIFE`].
    ShortLived,
    /// The same, and there are no TLSA records; it has no proof of that, though it says so.
    WithoutTlsa,
}

/// The type of TLSA records (RFC 6698 §7.1), and of two others.
const TLSA: u16 = 52;
const MX: u16 = 15;
const TXT: u16 = 16;

pub(crate) struct Forwarder {
    pub(crate) address: SocketAddr,
    manner: Arc<Mutex<Manner>>,
}

impl Forwarder {
    pub(crate) fn new(lab: SocketAddr, manner: Manner) -> Self {
        let inward = UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = inward.local_addr().unwrap();
        let manner = Arc::new(Mutex::new(manner));
        let told = Arc::clone(&manner);
        spawn(move || {
            let mut question = [0; 4_096];
            while let Ok((length, from)) = inward.recv_from(&mut question) {
                let (asked, reply_to) = (question[..length].to_vec(), inward.try_clone().unwrap());
                let manner = *told.lock().unwrap();
                spawn(move || {
                    if let Some(answer) = forward(asked, lab, manner) {
                        // Who asked may have gone.
                        let _ = reply_to.send_to(&answer, from);
                    }
                });
            }
        });
        Self { address, manner }
    }

    pub(crate) fn be(&self, manner: Manner) {
        *self.manner.lock().unwrap() = manner;
    }
}

fn forward(mut question: Vec<u8>, lab: SocketAddr, manner: Manner) -> Option<Vec<u8>> {
    let (asked, end) = question_of(&question);
    if manner == Manner::Silent || question.windows(14).any(|octets| octets == b"nobody-answers") {
        return None;
    }
    if manner == Manner::WithoutTlsa && asked == TLSA {
        // An answer (QR, RD; RA, AD) that has none, with the question alone.
        question.truncate(end);
        question[2..12].copy_from_slice(&[0x81, 0x80 | AUTHENTIC, 0, 1, 0, 0, 0, 0, 0, 0]);
        return Some(question);
    }
    if manner == Manner::Careless {
        question[3] |= CHECKING_DISABLED;
    }
    match (manner, asked) {
        (Manner::SlowMx | Manner::Slow, MX) => sleep(SLOW),
        (Manner::Slow, TXT) => sleep(SLOW_TXT),
        _ => {}
    }
    let outward = UdpSocket::bind("127.0.0.1:0").unwrap();
    outward.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    outward.send_to(&question, lab).ok()?;
    let mut answer = [0; 4_096];
    let (length, _) = outward.recv_from(&mut answer).ok()?;
    let mut answer = answer[..length].to_vec();
    if manner == Manner::Careless {
        answer[3] &= !AUTHENTIC;
    }
    if [Manner::ShortLived, Manner::WithoutTlsa].contains(&manner) {
        shorten_lives(&mut answer, end);
    }
    Some(answer)
}

/// The type that is asked for, which comes behind the labels of the question (RFC 1035 §4.1.2), and
/// where the question ends.
fn question_of(message: &[u8]) -> (u16, usize) {
    let at = behind_name(message, 12);
    (u16::from_be_bytes([message[at], message[at + 1]]), at + 4)
}

/// Where a name ends: with an empty label, or a pointer (RFC 1035 §4.1.4).
fn behind_name(message: &[u8], mut at: usize) -> usize {
    while message[at] > 0 && message[at] < 0xC0 {
        at += 1 + usize::from(message[at]);
    }
    if message[at] == 0 { at + 1 } else { at + 2 }
}

/// Gives every record behind the question this TTL, but for the one of EDNS, whose TTL is none.
fn shorten_lives(message: &mut [u8], mut at: usize) {
    const EDNS: [u8; 2] = [0, 41];
    let life = u32::try_from(SHORT_LIFE.as_secs()).unwrap().to_be_bytes();
    while at < message.len() {
        at = behind_name(message, at);
        if message[at..at + 2] != EDNS {
            message[at + 4..at + 8].copy_from_slice(&life);
        }
        at += 10 + usize::from(u16::from_be_bytes([message[at + 8], message[at + 9]]));
    }
}

/// The column of the table of what DNSSEC says of the MX records, or of the address where there are
/// none, and that of the TLSA records of the hosts.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Mx {
    Secure,
    Insecure,
    Failed,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Tlsa {
    All,
    Some,
    OnlyUnusable,
    None,
    /// The look-up for every host fails.
    Failed,
}

/// What the fleet's table says of a domain; those that are not named here are signed, and have no
/// TLSA record.
fn published(name: &str) -> (Mx, Tlsa) {
    match name {
        "absent-dane-good.test"
        | "absent-dane-mismatch.test"
        | "testing-dane-mismatch.test"
        | "dane-good.test"
        | "dane-certificate.test"
        | "dane-sha-512.test"
        | "dane-full.test"
        | "dane-trust-anchor.test"
        | "dane-trust-anchor-root.test"
        | "dane-mx-alias.test"
        | "dane-digests.test"
        | "dane-two-mx.test"
        | "dane-mismatch.test"
        | "dane-mismatch-in-stronger-digest.test"
        | "dane-mismatch-trust-anchor.test"
        | "dane-one-unusable.test"
        | "dane-without-starttls.test"
        | "dane-next-key.test"
        | "dane-next-key-missing.test"
        | "dane-next-key-in-time.test"
        | "dane-certificate-expired.test"
        | "dane-self-signed.test"
        | "victim-dane.test" => (Mx::Secure, Tlsa::All),
        "dane-partial.test" | "victim-dane-partial.test" => (Mx::Secure, Tlsa::Some),
        "dane-only-usage-1.test" | "dane-only-unknown-selector.test" => {
            (Mx::Secure, Tlsa::OnlyUnusable)
        }
        "dane-servfail.test" | "dane-timeout.test" | "dane-bogus.test" => {
            (Mx::Secure, Tlsa::Failed)
        }
        // The addresses of the only host cannot be had, so neither can its TLSA records.
        "bogus-mx-host.test" | "mx-host-servfail.test" => (Mx::Secure, Tlsa::Failed),
        // Its MX host is one with signed TLSA records.
        "dane-insecure-mx.test" => (Mx::Insecure, Tlsa::All),
        "unsigned.test"
        | "dane-unsigned.test"
        | "victim-unsigned.test"
        | "victim-wildcard.test"
        | "victim-two-mx.test"
        | "victim-shared.test"
        | "victim-shared-no-policy.test" => (Mx::Insecure, Tlsa::None),
        "bogus-altered.test"
        | "bogus-expired.test"
        | "bogus-wrong-key.test"
        | "bogus-mx.test"
        | "mx-servfail.test"
        | "mx-timeout.test" => (Mx::Failed, Tlsa::None),
        _ => (Mx::Secure, Tlsa::None),
    }
}

/// The beginning of the answer for a domain, by the table for senders that know both, and then by
/// the level of Postfix below which no answer may be.
fn wanted(domain: &Domain, level: &str) -> &'static str {
    let (mx, tlsa) = published(domain.name);
    let by_table = match (mx, tlsa, is_enforced(domain)) {
        (Mx::Failed, ..) => "TEMP",
        (Mx::Secure, Tlsa::All, _) | (Mx::Secure, Tlsa::Some, true) => "OK dane-only",
        (Mx::Secure, Tlsa::Some, false) => "OK dane",
        (Mx::Secure, Tlsa::OnlyUnusable, true) => "OK secure",
        (Mx::Secure, Tlsa::OnlyUnusable, false) => "OK dane",
        (Mx::Secure, Tlsa::Failed, _) => "TEMP",
        (Mx::Insecure, Tlsa::None, false) => "NOTFOUND",
        (Mx::Insecure, _, true) => "OK secure",
        (Mx::Insecure, _, false) => "OK dane",
        (Mx::Secure, Tlsa::None, true) => "OK secure",
        (Mx::Secure, Tlsa::None, false) => "NOTFOUND",
    };
    match (level, by_table) {
        // Whatever is asked for may be less than what is not known.
        ("unknown", by_table) if by_table != "TEMP" => "NOTFOUND",
        // Postfix does by itself what DANE asks for, and waits where the DNS fails.
        ("dane" | "dane-only", _) if !is_enforced(domain) => "NOTFOUND",
        // A host without TLSA records is delivered to without TLS if need be: less than all these.
        ("encrypt" | "secure" | "dane-only" | "fingerprint", "OK dane") => "NOTFOUND",
        // It is another thing, not more, than the records that the operator insists on.
        ("dane-only" | "fingerprint", "OK secure") => "NOTFOUND",
        ("fingerprint", "OK dane-only") => "NOTFOUND",
        (_, answer) => answer,
    }
}

fn configuration(world: &World, level: &str, resolver: SocketAddr) -> std::path::PathBuf {
    world.configuration(
        &format!("{level}.toml"),
        &format!(
            "dane = \"on\"\ndefault_level = \"{level}\"\nmta_resolvers = [\"{resolver}\"]\n\
             signed_name = \"good.test/MX\"\nbogus_names = [\"bogus-altered.test/MX\"]\n"
        ),
    )
}

pub(crate) fn start(
    world: &World,
    network: &Path,
    level: &str,
    resolver: SocketAddr,
    deadline: &str,
) -> Daemon {
    let configuration = configuration(world, level, resolver);
    let store = world.folder.path().join(format!("{level}.sqlite"));
    let more = ["--config", configuration.to_str().unwrap()];
    Daemon::start(network, &store, deadline, &more)
}

/// Asks about domains, some at a time, and says where the answers are not as they should be; and how
/// often each was to be given.
fn put(
    daemon: &Daemon,
    level: &str,
    domains: &[&'static Domain],
) -> (Vec<String>, BTreeMap<&'static str, usize>) {
    let mut replies: Vec<(&Domain, String)> = Vec::new();
    scope(|scope| {
        // The slow ones stand side by side in the table.
        let asking: Vec<_> = (0..TOGETHER)
            .map(|first| {
                scope.spawn(move || {
                    let mine = domains.iter().skip(first).step_by(TOGETHER);
                    let ask = |domain: &&'static Domain| {
                        (*domain, daemon.client().ask("postfix", domain.name))
                    };
                    mine.map(ask).collect::<Vec<_>>()
                })
            })
            .collect();
        asking.into_iter().for_each(|thread| replies.extend(thread.join().unwrap()));
    });
    let (mut wrong, mut counts) = (Vec::new(), BTreeMap::new());
    for (domain, reply) in replies {
        let wanted = wanted(domain, level);
        *counts.entry(wanted).or_default() += 1;
        let rest = reply.strip_prefix(wanted);
        if !rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(' ')) {
            wrong.push(format!("{level}, {}: {reply:.120}, not {wanted}", domain.name));
        }
    }
    (wrong, counts)
}

/// Starts a daemon whose answers follow DANE, and asks it.
fn at_level(
    world: &World,
    level: &str,
    domains: &[&'static Domain],
) -> (Vec<String>, BTreeMap<&'static str, usize>) {
    let lab = world.lab.resolver();
    let daemon = start(world, world.lab.settings_file(), level, lab, "60");
    assert!(daemon.before.contains("the resolvers validate"), "{}", daemon.before);
    put(&daemon, level, domains)
}

#[test]
fn every_domain_is_answered_as_dane_and_mta_sts_want() {
    let world = World::new();
    let all: Vec<&Domain> = Lab::fleet().iter().collect();
    let (wrong, counts) = at_level(&world, "may", &all);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    for answer in ["OK dane-only", "OK secure", "TEMP", "NOTFOUND"] {
        assert!(counts[answer] >= 5, "{counts:?}");
    }
}

/// At other levels than the lowest: a domain for each cell of the table that the fleet has.
#[test]
fn no_answer_asks_for_less_than_the_level_of_the_mail_server() {
    let world = World::new();
    let families = ["dane-", "bogus-", "victim-", "unsigned", "good.", "good-t", "sts-record-m"];
    let domains: Vec<&Domain> = Lab::fleet()
        .iter()
        .filter(|domain| families.iter().any(|family| domain.name.starts_with(family)))
        // Its time-out is the same for all.
        .filter(|domain| domain.name != "dane-timeout.test")
        .collect();
    assert!(domains.len() > 50, "{}", domains.len());
    let mut wrong = Vec::new();
    for level in ["unknown", "dane", "encrypt", "secure", "dane-only", "fingerprint"] {
        wrong.extend(at_level(&world, level, &domains).0);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The command looks for itself, and leaves to the mail server what the daemon leaves to it.
#[test]
fn why_says_what_is_answered_at_each_level() {
    let world = World::new();
    let lab = world.lab.resolver();
    for level in ["may", "encrypt", "dane", "dane-only"] {
        let daemon = start(&world, world.lab.settings_file(), level, lab, "60");
        let file = configuration(&world, level, lab);
        let mut client = daemon.client();
        for domain in [
            "good.test",
            "dane-good.test",
            "dane-partial.test",
            "dane-only-usage-1.test",
            "absent-dane-good.test",
            "testing-dane-mismatch.test",
            "sts-record-missing.test",
            "bogus-mx.test",
        ] {
            let arguments = ["enforce", "why", domain, "--format", "json", "--config"];
            let arguments = [&arguments[..], &[file.to_str().unwrap()]].concat();
            let (printed, _) = world.run(&arguments);
            let why: Value = serde_json::from_str(&printed).unwrap();
            let replies = why["replies"].as_array().unwrap();
            for map in ["postfix", "exim"] {
                let said = replies.iter().find(|reply| reply["map"] == map).unwrap();
                let answered = client.ask(map, domain);
                assert_eq!(said["reply"], answered, "{level}, {map}, {domain}");
            }
        }
    }
}

#[test]
fn mail_waits_while_dane_is_not_known_in_time() {
    let world = World::new();
    let forwarder = Forwarder::new(world.lab.resolver(), Manner::Faithful);
    let network = world.settings_with_resolver(&forwarder.address.to_string());
    let daemon = start(&world, &network, "may", forwarder.address, "1");
    assert!(daemon.before.contains("the resolvers validate"), "{}", daemon.before);
    let mut client = daemon.client();
    let mut known = |domain: &str, beginning: &str| {
        let reply = client.ask("postfix", domain);
        assert!(reply.starts_with(beginning), "{domain}: {reply}");
    };
    crate::cache::eventually("its first look-ups are over", || {
        daemon.client().ask("postfix", "dane-good.test") == "OK dane-only"
    });
    crate::cache::eventually("its first look-ups are over", || {
        daemon.client().ask("postfix", "good.test").starts_with("OK secure ")
    });

    forwarder.be(Manner::Silent);
    known("dane-two-mx.test", "TEMP ");
    known("sts-record-missing.test", "TEMP ");
    // What was known still is.
    known("dane-good.test", "OK dane-only");
    known("good.test", "OK secure ");

    forwarder.be(Manner::Faithful);
    crate::cache::eventually("mail goes on", || {
        daemon.client().ask("postfix", "dane-two-mx.test") == "OK dane-only"
    });
}

#[test]
fn dane_stays_off_while_a_resolver_does_not_validate() {
    let world = World::new();
    let careless = Forwarder::new(world.lab.resolver(), Manner::Careless).address;
    let daemon = start(&world, world.lab.settings_file(), "may", careless, "20");
    let warning = format!(
        "warning: answers do not follow DANE: failed to trust the DNS resolver {careless} with DNSSEC: \
         it does not validate"
    );
    assert!(daemon.before.contains(&warning), "{}", daemon.before);
    let mut client = daemon.client();
    let reply = client.ask("postfix", "dane-good.test");
    assert!(reply.starts_with("OK secure match=mx1.dane-good.test "), "{reply}");
    assert_eq!(client.ask("postfix", "sts-record-missing.test"), "NOTFOUND");
    assert!(client.ask("postfix", "dane-servfail.test").starts_with("OK secure "));
}

/// At the start of a machine its resolver may not answer yet; and settings are changed while it does
/// not.
#[test]
fn what_was_proven_holds_over_a_start_and_a_change_of_settings() {
    let world = World::new();
    let lab = world.lab.resolver();
    let forwarder = Forwarder::new(lab, Manner::Faithful);
    let network = world.lab.settings_file();
    let start = |resolver| start(&world, network, "may", resolver, "60");
    let of_dane = "OK dane-only";
    let domain = "absent-dane-good.test";

    // Nothing was ever proven.
    forwarder.be(Manner::Silent);
    let daemon = start(forwarder.address);
    assert!(daemon.before.contains("warning: answers do not follow DANE"), "{}", daemon.before);
    assert_eq!(daemon.client().ask("postfix", domain), "NOTFOUND");
    forwarder.be(Manner::Faithful);
    crate::cache::eventually("it is proven", || daemon.client().ask("postfix", domain) == of_dane);
    daemon.kill();

    // A start.
    forwarder.be(Manner::Silent);
    let daemon = start(forwarder.address);
    let words = "warning: answers follow DANE, for the resolvers were seen to validate before";
    assert!(daemon.before.contains(words), "{}", daemon.before);
    assert_eq!(daemon.client().ask("postfix", domain), of_dane);

    // Other settings: the role starts anew, and listens elsewhere.
    let file = configuration(&world, "may", forwarder.address);
    let before = fs_err::read_to_string(&file).unwrap();
    fs_err::write(&file, format!("{before}without_policy = 1000\n")).unwrap();
    daemon.signal("-HUP");
    assert!(daemon.says("listening at ").contains(words));
    daemon.terminate();
    assert!(daemon.wait().0.success());

    // Another resolver has proven nothing, and what is refuted is not believed any more.
    let other = Forwarder::new(lab, Manner::Silent);
    let daemon = start(other.address);
    assert_eq!(daemon.client().ask("postfix", domain), "NOTFOUND");
    daemon.kill();
    forwarder.be(Manner::Careless);
    let daemon = start(forwarder.address);
    assert_eq!(daemon.client().ask("postfix", domain), "NOTFOUND");
    daemon.kill();
    forwarder.be(Manner::Silent);
    let daemon = start(forwarder.address);
    assert_eq!(daemon.client().ask("postfix", domain), "NOTFOUND");
}

/// An older Postfix is told the names of the MX hosts. They are found out for who asks next.
#[test]
fn mx_hosts_that_come_late_are_known_afterwards() {
    let world = World::new();
    let forwarder = Forwarder::new(world.lab.resolver(), Manner::Faithful);
    let network = world.settings_with_resolver(&forwarder.address.to_string());
    let store = world.folder.path().join("store.sqlite");
    let daemon = Daemon::start(&network, &store, "0.4", &[]);
    let mut client = daemon.client();
    crate::cache::eventually("the policy is known", || {
        client.ask("postfix", "good.test").starts_with("OK secure ")
    });
    forwarder.be(Manner::SlowMx);
    let reply = client.ask("postfix-3.9", "good.test");
    assert_eq!(reply, "TEMP the MX hosts of good.test are not known in time");
    // All that ask meanwhile wait for the same.
    for _ in 0..3 {
        client.ask("exim", "good.test");
    }
    let reply = client.ask("postfix-3.9", "good.test");
    assert!(reply.starts_with("OK secure match=mx1.good.test "), "{reply}");
}

#[test]
fn dane_follows_what_the_resolvers_do() {
    use DaneAnswers::{Off, On};

    let world = World::new();
    let lab = world.lab.resolver();
    let forwarder = Forwarder::new(lab, Manner::Faithful);
    world.runtime.block_on(async {
        let (store, network) = (inside::store(&world).await, inside::network(&world));
        let (settings, clock) = (inside::SETTINGS, Clock::system());
        let enforcer = Enforcer::start(settings, network.clone(), &store, clock).await.unwrap();
        let answerer = Answerer::new(enforcer.clone(), network.clone(), settings);
        let (signed, bogus) = ("good.test/MX".parse(), "bogus-altered.test/MX".parse());
        let prover = Prover {
            answerer: answerer.clone(),
            network,
            resolvers: vec![lab, forwarder.address],
            probes: Probes::new(signed.unwrap(), [bogus.unwrap()]),
            last: LastProof::default(),
        };
        for (number, (manner, proof, dane)) in [
            (Manner::Silent, "unknown", Off), // nothing is proven yet
            (Manner::Faithful, "proven", On),
            (Manner::Silent, "unknown", On), // an outage is no reason to drop protection
            (Manner::Careless, "refuted", Off), // one of two is enough
            (Manner::Faithful, "proven", On),
        ]
        .into_iter()
        .enumerate()
        {
            forwarder.be(manner);
            let seen = match prover.test().await {
                Proof::Proven => "proven",
                Proof::Refuted(_) => "refuted",
                Proof::Unknown(_) => "unknown",
            };
            assert_eq!((seen, answerer.dane()), (proof, dane), "{number}");
        }
        // What has been proven holds after a start, and not what is refuted.
        for (proven, dane) in [(true, On), (false, Off)] {
            forwarder.be(if proven { Manner::Faithful } else { Manner::Careless });
            assert_eq!(prover.test().await == Proof::Proven, proven);
            forwarder.be(Manner::Silent);
            let answerer =
                Answerer::new(enforcer.clone(), inside::network(&world), inside::SETTINGS);
            let anew = Prover { answerer: answerer.clone(), ..prover.clone() };
            let unknown = anew.test_within(Duration::from_secs(2)).await;
            assert!(matches!(unknown, Proof::Unknown(_)), "{unknown:?}");
            assert_eq!(answerer.dane(), dane);
        }
        forwarder.be(Manner::Faithful);
        assert_eq!(prover.test().await, Proof::Proven);
        // It is tested again and again by itself.
        forwarder.be(Manner::Careless);
        let unknown = Proof::Unknown("nobody has looked".to_owned());
        let running = tokio::spawn(prover.run(unknown));
        for _ in 0..300 {
            if answerer.dane() == Off {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        assert_eq!(answerer.dane(), Off);
        running.abort();
        enforcer.stop().await;
        store.close().await;
    });
}
