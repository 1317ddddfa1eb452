//! Tests of validation over a hand-signed tree, and of whom to believe.

mod world;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use hickory_proto::dnssec::rdata::DNSSECRData;
use hickory_proto::dnssec::rdata::DS;
use hickory_proto::dnssec::{Algorithm, DigestType};
use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::{RData, Record, RecordType};
use hickory_proto::serialize::binary::BinEncodable;
use sealpost_evidence::{AbsenceKind, Dnssec, Lookup, TextRecord};
use sealpost_runtime::Clock;

use super::anchors::TrustAnchor;
use super::relevant::signature;
use crate::DnssecMode;
use crate::deadline::Deadline;
use crate::dns::tests::answerer;
use crate::dns::{Dns, Means};
use crate::testing::clock;
use world::{Denial, Shared, World, Zone, address, alias, name, text};

/// A tree below `test.`, which the trust anchor is for:
///
/// * `nsec.test`, `nsec3.test`, `opt.test`: signed, each with its way to deny; below each `plain`,
///   which is not signed; below `opt.test` also `safe`, which is;
/// * `old.test`, `early.test`: signatures that hold no more or not yet;
/// * `other.test`: a DS record that fits no key; `strange.test`: one of an algorithm nobody knows;
/// * `slow3.test`: more iterations than anybody should count.
fn world() -> World {
    let mut top = Zone::signed("test", Denial::Nsec, vec![text("test"), text("*.wild.test")]);
    let mut zones = Vec::new();
    for (apex, denial) in [
        ("nsec.test", Denial::Nsec),
        ("nsec3.test", Denial::Nsec3 { iterations: 0 }),
        ("opt.test", Denial::OptOut),
        ("slow3.test", Denial::Nsec3 { iterations: 200 }),
    ] {
        let at = |label: &str| format!("{label}.{apex}");
        let records = vec![
            text(apex),
            text(&at("a")),
            text(&at("deep.empty")),
            text(&at("*.wild")),
            address(&at("*.numbers")),
            address(&at("host")),
            alias(&at("alias"), &at("a")),
            alias(&at("to-nothing"), &at("missing")),
            alias(&at("to-no-text"), &at("host")),
            alias(&at("to-plain"), "a.plain.nsec.test"),
            alias(&at("to-other"), "a.other.test"),
            alias(&at("*.alias"), &at("a")),
        ];
        let mut zone = Zone::signed(apex, denial, records);
        let plain = at("plain");
        let plain = Zone::unsigned(
            &plain,
            vec![
                text(&format!("a.{plain}")),
                alias(&format!("to-signed.{plain}"), "a.nsec.test"),
                address(&format!("host.{plain}")),
            ],
        );
        zone.delegate(&plain);
        if apex == "opt.test" {
            let safe = Zone::signed("safe.opt.test", Denial::Nsec, vec![text("a.safe.opt.test")]);
            zone.delegate(&safe);
            zones.push(safe);
        }
        top.delegate(&zone);
        zones.extend([zone, plain]);
    }
    for (apex, valid) in [("old.test", (-14, -1)), ("early.test", (1, 14))] {
        let mut zone = Zone::signed(apex, Denial::Nsec, vec![text(&format!("a.{apex}"))]);
        zone.valid = valid;
        top.delegate(&zone);
        zones.push(zone);
    }
    let other = Zone::signed("other.test", Denial::Nsec, vec![text("a.other.test")]);
    top.delegate_with(&other, zones[0].digest());
    let strange = Zone::signed("strange.test", Denial::Nsec, vec![text("a.strange.test")]);
    let unknown = DS::new(7, Algorithm::Unknown(200), DigestType::SHA256, vec![0; 32]);
    top.delegate_with(&strange, unknown);
    zones.extend([other, strange, top]);
    zones.push(Zone::unsigned("elsewhere", vec![text("a.elsewhere")]));
    World(zones)
}

fn anchor(world: &World) -> TrustAnchor {
    let top = world.0.iter().find(|zone| zone.apex() == &name("test")).unwrap();
    TrustAnchor { zone: name("test"), keys: vec![top.key()], digests: vec![] }
}

/// A resolver over the world that lets `tamper` change what it says.
async fn resolver(
    world: Shared,
    tamper: impl Fn(&mut Message) + Send + Sync + 'static,
) -> SocketAddr {
    answerer(move |query, way| {
        let mut message = world.answer(&query);
        tamper(&mut message);
        let octets = message.to_vec().unwrap();
        if way == crate::dns::tests::Way::Udp && octets.len() > 1232 {
            message.answers.clear();
            message.authorities.clear();
            message.metadata.truncation = true;
            return vec![message.to_vec().unwrap()];
        }
        vec![octets]
    })
    .await
}

fn validating(resolver: SocketAddr, anchors: Vec<TrustAnchor>, clock: Clock) -> Dns {
    Dns::new(Means {
        resolvers: vec![resolver],
        patience: Duration::from_secs(3),
        dnssec: DnssecMode::Validate,
        anchors,
        clock,
    })
}

async fn dns(tamper: impl Fn(&mut Message) + Send + Sync + 'static) -> Dns {
    let world = Arc::new(world());
    let anchor = anchor(&world);
    validating(resolver(world, tamper).await, vec![anchor], clock())
}

fn soon() -> Deadline {
    Deadline::after(Duration::from_secs(20))
}

/// A look-up in three words.
fn shown(lookup: &Lookup<Vec<TextRecord>>) -> String {
    match lookup {
        Lookup::Found(found) => format!("found {:?}", found.security),
        Lookup::Absent(absence) => match absence.kind {
            AbsenceKind::NoSuchName => format!("no name {:?}", absence.security),
            AbsenceKind::NoSuchData => format!("no data {:?}", absence.security),
        },
        Lookup::Unknown(fault) => format!("{:?}", fault.kind),
    }
}

async fn texts(dns: &Dns, owner: &str) -> String {
    shown(&dns.texts(owner, soon()).await)
}

#[tokio::test]
async fn every_answer_has_its_security() {
    let dns = dns(|_| {}).await;
    for (owner, expected) in [
        ("test", "found Secure"),
        ("x.wild.test", "found Secure"),
        ("nsec.test", "found Secure"),
        ("a.nsec.test", "found Secure"),
        ("A.NSEC.test", "found Secure"),
        ("host.nsec.test", "no data Secure"),
        ("empty.nsec.test", "no data Secure"), // a name that only has names below
        ("missing.nsec.test", "no name Secure"),
        ("below.a.nsec.test", "no name Secure"),
        ("x.wild.nsec.test", "found Secure"), // made from a wildcard
        ("x.y.wild.nsec.test", "found Secure"),
        ("x.numbers.nsec.test", "no data Secure"), // a wildcard without texts
        ("x.numbers.nsec3.test", "no data Secure"),
        ("x.numbers.opt.test", "no data Insecure"),
        ("x.wild.opt.test", "found Insecure"),
        ("alias.nsec.test", "found Secure"),
        ("x.alias.nsec.test", "found Secure"), // a CNAME made from a wildcard
        ("to-nothing.nsec.test", "no name Secure"),
        ("to-no-text.nsec.test", "no data Secure"),
        ("to-plain.nsec.test", "found Insecure"), // the weakest link
        ("to-other.nsec.test", "Bogus"),
        ("a.plain.nsec.test", "found Insecure"),
        ("plain.nsec.test", "no data Insecure"),
        ("host.plain.nsec.test", "no data Insecure"),
        ("missing.plain.nsec.test", "no name Insecure"),
        ("to-signed.plain.nsec.test", "found Insecure"),
        ("a.nsec3.test", "found Secure"),
        ("host.nsec3.test", "no data Secure"),
        ("empty.nsec3.test", "no data Secure"),
        ("missing.nsec3.test", "no name Secure"),
        ("far.below.a.nsec3.test", "no name Secure"),
        ("x.wild.nsec3.test", "found Secure"),
        ("alias.nsec3.test", "found Secure"),
        ("to-nothing.nsec3.test", "no name Secure"),
        ("a.plain.nsec3.test", "found Insecure"),
        ("missing.plain.nsec3.test", "no name Insecure"),
        ("a.opt.test", "found Secure"),
        ("host.opt.test", "no data Secure"),
        ("a.plain.opt.test", "found Insecure"), // by the opt-out alone
        ("missing.opt.test", "no name Insecure"), // there may be something, unsigned
        ("a.safe.opt.test", "found Secure"),
        ("missing.safe.opt.test", "no name Secure"),
        ("a.slow3.test", "found Secure"),
        ("missing.slow3.test", "no name Insecure"), // too many iterations to count
        ("a.old.test", "Bogus"),
        ("missing.old.test", "Bogus"),
        ("a.early.test", "Bogus"),
        ("a.other.test", "Bogus"),
        ("missing.other.test", "Bogus"),
        ("a.strange.test", "found Insecure"), // nobody could verify it
        ("a.elsewhere", "found Insecure"),    // no trust anchor above
        ("missing.elsewhere", "no name Insecure"),
    ] {
        assert_eq!(texts(&dns, owner).await, expected, "{owner}");
        assert_eq!(texts(&dns, owner).await, expected, "{owner}, again");
    }
    assert_eq!(dns.dnssec(), Dnssec::Validated);
    let lookup = dns.texts("x.alias.nsec.test", soon()).await;
    assert_eq!(lookup.aliases(), ["a.nsec.test"]);
    assert!(lookup.found().unwrap().ttl <= world::TTL);
}

#[tokio::test]
async fn signatures_are_judged_by_our_clock() {
    let world = Arc::new(world());
    let anchors = vec![anchor(&world)];
    let resolver = resolver(world, |_| {}).await;
    for (now, old, good, early) in [
        ("2030-06-10T00:00:00Z", "found Secure", "found Secure", "Bogus"),
        ("2030-06-20T00:00:00Z", "Bogus", "found Secure", "found Secure"),
        ("2031-06-15T00:00:00Z", "Bogus", "Bogus", "Bogus"),
    ] {
        let dns = validating(resolver, anchors.clone(), Clock::simulated(now.parse().unwrap()));
        assert_eq!(texts(&dns, "a.old.test").await, old, "{now}");
        assert_eq!(texts(&dns, "a.nsec.test").await, good, "{now}");
        assert_eq!(texts(&dns, "a.early.test").await, early, "{now}");
    }
}

/// Removes every signature of records at or below a name.
fn strip(message: &mut Message, from: &str) {
    let from = name(from);
    let is_left = |record: &Record| signature(record).is_none() || !from.zone_of(&record.name);
    message.answers.retain(is_left);
    message.authorities.retain(is_left);
}

fn asks(message: &Message, owner: &str, kind: RecordType) -> bool {
    let asked = &message.queries[0];
    *asked.name() == name(owner) && asked.query_type() == kind
}

#[tokio::test]
async fn what_was_changed_on_the_way_is_bogus() {
    type Tamper = fn(&mut Message);
    let cases: [(&str, Tamper); 10] = [
        ("the records", |message| {
            for record in &mut message.answers {
                if record.record_type() == RecordType::TXT {
                    record.data = text("forged.nsec.test").data;
                }
            }
        }),
        ("one record more", |message| {
            if asks(message, "a.nsec.test", RecordType::TXT) {
                let mut forged = text("forged.nsec.test");
                forged.name = name("a.nsec.test");
                message.add_answer(forged);
            }
        }),
        ("the signatures", |message| {
            for record in &mut message.answers {
                if let RData::DNSSEC(DNSSECRData::RRSIG(signature)) = &mut record.data {
                    let mut octets = signature.sig().to_vec();
                    octets[7] ^= 1;
                    let input = signature.input().clone();
                    *signature = hickory_proto::dnssec::rdata::RRSIG::from_sig(input, octets);
                }
            }
        }),
        ("no signature", |message| strip(message, "a.nsec.test")),
        ("no signature in the zone", |message| strip(message, "nsec.test")),
        ("no signature anywhere but of the keys", |message| {
            if !asks(message, "test", RecordType::DNSKEY) {
                strip(message, "test");
            }
        }),
        ("no keys", |message| {
            if asks(message, "nsec.test", RecordType::DNSKEY) {
                message.answers.clear();
            }
        }),
        ("a denial of nothing", |message| {
            if asks(message, "a.nsec.test", RecordType::TXT) {
                message.answers.clear();
                message.metadata.response_code = ResponseCode::NXDomain;
            }
        }),
        ("an unsigned zone that nobody has delegated", |message| {
            strip(message, "a.nsec.test");
            if asks(message, "a.nsec.test", RecordType::NS) {
                message.metadata.response_code = ResponseCode::NoError;
                let ns = hickory_proto::rr::rdata::NS(name("ns.evil.test"));
                message.add_answer(world::record("a.nsec.test", RData::NS(ns)));
            }
        }),
        ("a denial from beside", |message| {
            if asks(message, "a.nsec.test", RecordType::TXT) {
                let world = world();
                let mut query = Message::query();
                query.add_query(hickory_proto::op::Query::query(
                    name("missing.nsec.test"),
                    RecordType::TXT,
                ));
                message.answers.clear();
                message.metadata.response_code = ResponseCode::NXDomain;
                message.add_authorities(world.answer(&query).authorities);
            }
        }),
    ];
    for (case, tamper) in cases {
        assert_eq!(texts(&dns(tamper).await, "a.nsec.test").await, "Bogus", "{case}");
    }
}

/// The opt-out of a zone above must not make a signed zone unsigned: whoever strips signatures and
/// answers the question for DS records with it has proven nothing.
#[tokio::test]
async fn the_opt_out_of_another_zone_is_no_proof() {
    let replayed = world();
    let dns = dns(move |message| {
        let asked = message.queries[0].clone();
        if !name("a.safe.opt.test").zone_of(asked.name()) {
            return;
        }
        strip(message, "a.safe.opt.test");
        if asked.query_type() == RecordType::NS {
            message.authorities.clear();
            message.metadata.response_code = ResponseCode::NoError;
            let ns = hickory_proto::rr::rdata::NS(name("ns.evil.test"));
            message.add_answer(world::record("a.safe.opt.test", RData::NS(ns)));
        }
        if asked.query_type() == RecordType::DS {
            message.metadata.response_code = ResponseCode::NoError;
            message.answers.clear();
            message.authorities = replayed.denial_of("opt.test", "a.safe.opt.test");
        }
    })
    .await;
    assert_eq!(texts(&dns, "a.safe.opt.test").await, "Bogus");
    assert_eq!(texts(&dns, "a.plain.opt.test").await, "found Insecure");
}

/// What a wildcard made proves nothing for a name that exists, and the zone above does not know which
/// names exist: its NSEC3 records cover nearly every one.
#[tokio::test]
async fn the_zone_above_can_not_vouch_for_a_wildcard() {
    for denial in [Denial::Nsec3 { iterations: 0 }, Denial::OptOut] {
        let records = vec![text("*.below.test"), text("host.below.test")];
        let below = Zone::signed("below.test", Denial::Nsec, records);
        let mut top = Zone::signed("test", denial, vec![]);
        top.delegate(&below);
        let world = Arc::new(World(vec![below, top]));
        let anchor = anchor(&world);
        let replayed = world.clone();
        let resolver = resolver(world, move |message| {
            if asks(message, "host.below.test", RecordType::TXT) {
                let mut query = Message::query();
                let other = name("other.below.test");
                query.add_query(hickory_proto::op::Query::query(other, RecordType::TXT));
                message.answers = replayed.answer(&query).answers;
                for record in &mut message.answers {
                    record.name = name("host.below.test");
                }
                message.authorities = replayed.denial_of("test", "host.below.test");
            }
        })
        .await;
        let dns = validating(resolver, vec![anchor], clock());
        assert_eq!(texts(&dns, "other.below.test").await, "found Secure");
        assert_eq!(texts(&dns, "host.below.test").await, "Bogus");
    }
}

/// An answer that may not be kept is asked for twice, and the second may say something else than the
/// first: forged records must not profit from a genuine denial.
#[tokio::test]
async fn two_answers_to_one_question_are_not_mixed() {
    let asked = AtomicUsize::new(0);
    let dns = dns(move |message| {
        if !asks(message, "host.nsec.test", RecordType::TXT) {
            return;
        }
        // Without SOA, a denial is not kept (RFC 2308 §5).
        message.authorities.retain(|record| record.name == name("host.nsec.test"));
        if asked.fetch_add(1, Ordering::Relaxed) == 0 {
            return;
        }
        let genuine = world();
        let mut query = Message::query();
        let wild = name("x.wild.nsec.test");
        query.add_query(hickory_proto::op::Query::query(wild, RecordType::TXT));
        let mut forged = genuine.answer(&query).answers;
        for record in &mut forged {
            record.name = name("host.nsec.test");
            if let RData::DNSSEC(DNSSECRData::RRSIG(signature)) = &mut record.data {
                let mut input = signature.input().clone();
                input.num_labels = 2;
                let octets = signature.sig().to_vec();
                *signature = hickory_proto::dnssec::rdata::RRSIG::from_sig(input, octets);
            }
        }
        message.add_answers(forged);
    })
    .await;
    assert_eq!(texts(&dns, "host.nsec.test").await, "Bogus");
}

/// A trust anchor holds below an unsigned zone, too, whatever is remembered of that.
#[tokio::test]
async fn an_unsigned_zone_above_a_trust_anchor_does_not_count() {
    let mut world = world();
    let island = Zone::signed("i.plain.nsec.test", Denial::Nsec, vec![text("a.i.plain.nsec.test")]);
    let below =
        TrustAnchor { zone: island.apex().clone(), keys: vec![island.key()], digests: vec![] };
    world.0.extend([island, Zone::unsigned(".", vec![])]);
    let world = Arc::new(world);
    let anchors = vec![anchor(&world), below];
    let resolver = resolver(world, |message| strip(message, "a.i.plain.nsec.test")).await;
    let dns = validating(resolver, anchors, clock());
    assert_eq!(texts(&dns, "a.plain.nsec.test").await, "found Insecure");
    assert_eq!(texts(&dns, "i.plain.nsec.test").await, "no data Secure");
    assert_eq!(texts(&dns, "a.i.plain.nsec.test").await, "Bogus");
}

/// Whoever owns a zone chooses how many signatures it has: only the first few are tried.
#[tokio::test]
async fn the_number_of_signatures_that_are_tried_is_bounded() {
    for (before, expected) in [(7, "found Secure"), (8, "Bogus")] {
        for kind in [RecordType::TXT, RecordType::DNSKEY] {
            let dns = dns(move |message| {
                if message.queries[0].query_type() != kind || asks(message, "test", kind) {
                    return;
                }
                let is_signature = |record: &Record| signature(record).is_some();
                let Some(place) = message.answers.iter().position(is_signature) else { return };
                let mut broken = message.answers[place].clone();
                if let RData::DNSSEC(DNSSECRData::RRSIG(signature)) = &mut broken.data {
                    let input = signature.input().clone();
                    *signature = hickory_proto::dnssec::rdata::RRSIG::from_sig(input, vec![7; 64]);
                }
                let rest = message.answers.split_off(place);
                message.add_answers(vec![broken; before].into_iter().chain(rest));
            })
            .await;
            assert_eq!(texts(&dns, "a.nsec.test").await, expected, "{before} of {kind}");
        }
    }
}

#[tokio::test]
async fn what_can_not_be_asked_is_not_bogus() {
    for kind in [RecordType::DS, RecordType::DNSKEY] {
        let dns = dns(move |message| {
            if message.queries[0].query_type() == kind && !asks(message, "test", kind) {
                message.answers.clear();
                message.authorities.clear();
                message.metadata.response_code = ResponseCode::ServFail;
            }
        })
        .await;
        assert_eq!(texts(&dns, "a.nsec.test").await, "ServerFailure", "{kind}");
        if kind == RecordType::DS {
            assert_eq!(texts(&dns, "a.plain.nsec.test").await, "ServerFailure");
        }
        assert_eq!(texts(&dns, "test").await, "found Secure");
    }
}

#[tokio::test]
async fn a_trust_anchor_may_be_a_key_or_a_digest_and_must_fit() {
    let world = Arc::new(world());
    let good = anchor(&world);
    let top = world.0.iter().find(|zone| zone.apex() == &name("test")).unwrap();
    let digest = TrustAnchor { zone: name("test"), keys: vec![], digests: vec![top.digest()] };
    let foreign = TrustAnchor { keys: vec![world.0[0].key()], ..good.clone() };
    let both = TrustAnchor { keys: vec![world.0[0].key(), top.key()], ..good };
    let below =
        TrustAnchor { zone: name("nsec.test"), keys: vec![world.0[0].key()], digests: vec![] };
    let resolver = resolver(world.clone(), |_| {}).await;
    for (case, anchors, at_top, below) in [
        ("a digest", vec![digest.clone()], "found Secure", "found Secure"),
        ("an old key and a new one", vec![both], "found Secure", "found Secure"),
        ("a foreign key", vec![foreign], "Bogus", "Bogus"),
        ("one for a zone below", vec![below.clone()], "found Insecure", "found Secure"),
        ("two", vec![below, digest], "found Secure", "found Secure"),
    ] {
        let dns = validating(resolver, anchors, clock());
        assert_eq!(texts(&dns, "test").await, at_top, "{case}");
        assert_eq!(texts(&dns, "a.nsec.test").await, below, "{case}");
    }
}

/// A key that signs nothing, for it is revoked or nobody knows its algorithm, stands in the way of
/// none.
#[tokio::test]
async fn a_trusted_zone_may_have_keys_that_can_not_sign() {
    let other = |flags, algorithm| {
        let key = hickory_proto::dnssec::PublicKeyBuf::new(vec![7; 64], algorithm);
        let key = hickory_proto::dnssec::rdata::DNSKEY::with_flags(flags, key);
        world::record("test", RData::DNSSEC(DNSSECRData::DNSKEY(key)))
    };
    for key in [
        other(257, Algorithm::Unknown(200)),
        other(257 | 128, Algorithm::ECDSAP256SHA256),
        other(0, Algorithm::ECDSAP256SHA256),
    ] {
        let zone = Zone::signed("test", Denial::Nsec, vec![key, text("a.test")]);
        let world = Arc::new(World(vec![zone, Zone::unsigned(".", vec![])]));
        let anchors = vec![anchor(&world)];
        let dns = validating(resolver(world, |_| {}).await, anchors, clock());
        assert_eq!(texts(&dns, "a.test").await, "found Secure");
    }
}

#[tokio::test]
async fn one_chain_serves_many_names() {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = asked.clone();
    let dns = dns(move |_| {
        count.fetch_add(1, Ordering::Relaxed);
    })
    .await;
    for n in 0..20 {
        assert_eq!(texts(&dns, &format!("n{n}.wild.nsec.test")).await, "found Secure");
        assert_eq!(texts(&dns, &format!("n{n}.plain.nsec.test")).await, "no name Insecure");
    }
    // Forty questions, and those of the chain: keys and DS records of two zones, the DS of `plain`.
    let asked = asked.load(Ordering::Relaxed);
    assert!((40..=46).contains(&asked), "{asked}");
}

/// A DNAME record that leads from a name to `nsec.test`.
fn redirection(owner: &str) -> Record {
    let target = name("nsec.test").to_bytes().unwrap();
    let rdata = hickory_proto::rr::rdata::NULL::with(target);
    world::record(owner, RData::Unknown { code: RecordType::DNAME, rdata })
}

#[tokio::test]
async fn an_answer_through_dname_is_indeterminate() {
    let zone = Zone::signed("test", Denial::Nsec, vec![text("test"), redirection("moved.test")]);
    let world = Arc::new(World(vec![zone]));
    let anchors = vec![anchor(&world)];
    let resolver = resolver(world, |message| {
        if asks(message, "a.moved.test", RecordType::TXT) {
            message.metadata.response_code = ResponseCode::NoError;
            message.authorities.clear();
            message.add_answer(redirection("moved.test"));
            message.add_answer(alias("a.moved.test", "test"));
        }
    })
    .await;
    let dns = validating(resolver, anchors, clock());
    assert_eq!(texts(&dns, "a.moved.test").await, "found Indeterminate");
}

/// Whoever adds a DNAME record to an answer must not get a bogus one past validation by it.
#[tokio::test]
async fn a_forged_dname_excuses_nothing() {
    for forged in [vec![], vec![alias("a.nsec.test", "missing.elsewhere")]] {
        let dns = dns(move |message| {
            if asks(message, "a.nsec.test", RecordType::TXT) {
                message.answers = vec![redirection("nsec.test")];
                message.add_answers(forged.clone());
            }
        })
        .await;
        assert_eq!(texts(&dns, "a.nsec.test").await, "Bogus");
    }
}

/// Upstreams, what they do with AD and signatures, and what comes of it in each mode.
#[tokio::test]
//= https://www.rfc-editor.org/rfc/rfc7672#section-2.1.1
//= type=test
//# a security-aware stub resolver MUST NOT place any reliance on
//# signature validation allegedly performed on its behalf, except
//# when the security-aware stub resolver obtained the data in
//# question from a trusted security-aware recursive name server via a
//# secure channel.
async fn who_is_believed() {
    use DnssecMode::{Auto, Off, TrustedResolver, Validate};
    let world = Arc::new(world());
    let anchors = vec![anchor(&world)];
    let vouching = resolver(world.clone(), |message| {
        let is_secure = message.answers.iter().any(|record| signature(record).is_some());
        message.metadata.authentic_data = is_secure;
        strip(message, "test");
    })
    .await;
    let plain = resolver(world.clone(), |_| {}).await;
    let stripping = resolver(world.clone(), |message| strip(message, ".")).await;
    let lying = resolver(world.clone(), |message| message.metadata.authentic_data = true).await;
    // Never reached, since the first answers; but it is not on this machine.
    let remote: SocketAddr = "192.0.2.53:53".parse().unwrap();

    for (case, mode, resolvers, secure, insecure, who) in [
        (
            "a validating resolver",
            Auto,
            vec![vouching],
            "found Secure",
            "found Insecure",
            Dnssec::TrustedResolver,
        ),
        ("signatures", Auto, vec![plain], "found Secure", "found Insecure", Dnssec::Validated),
        (
            "no signatures",
            Auto,
            vec![stripping],
            "found Indeterminate",
            "found Indeterminate",
            Dnssec::Nobody,
        ),
        (
            "AD from one that is not on this machine",
            Auto,
            vec![vouching, remote],
            "found Indeterminate",
            "found Indeterminate",
            Dnssec::Nobody,
        ),
        (
            "AD on everything, and signatures, from elsewhere",
            Auto,
            vec![lying, remote],
            "found Secure",
            "found Insecure",
            Dnssec::Validated,
        ),
        (
            "AD on everything, told to validate",
            Validate,
            vec![lying],
            "found Secure",
            "found Insecure",
            Dnssec::Validated,
        ),
        (
            "stripped, told to validate",
            Validate,
            vec![stripping],
            "Bogus",
            "Bogus",
            Dnssec::Validated,
        ),
        (
            "told to trust one that validates",
            TrustedResolver,
            vec![vouching],
            "found Secure",
            "found Insecure",
            Dnssec::TrustedResolver,
        ),
        (
            "told to trust one that is not seen to validate",
            TrustedResolver,
            vec![plain],
            "found Indeterminate",
            "found Indeterminate",
            Dnssec::TrustedResolver,
        ),
        (
            "told to trust one that is not on this machine",
            TrustedResolver,
            vec![vouching, remote],
            "found Indeterminate",
            "found Indeterminate",
            Dnssec::Nobody,
        ),
        ("off", Off, vec![vouching], "found Indeterminate", "found Indeterminate", Dnssec::Nobody),
    ] {
        let dns = Dns::new(Means {
            resolvers,
            patience: Duration::from_secs(3),
            dnssec: mode,
            anchors: anchors.clone(),
            clock: clock(),
        });
        assert_eq!(texts(&dns, "a.nsec.test").await, secure, "{case}");
        assert_eq!(texts(&dns, "a.plain.nsec.test").await, insecure, "{case}");
        assert_eq!(dns.dnssec(), who, "{case}");
    }
}

#[tokio::test]
async fn a_validating_resolver_that_fails_is_asked_why() {
    let world = Arc::new(world());
    let anchors = vec![anchor(&world)];
    // As Unbound does it without extended errors.
    let upstream = answerer(move |query, _| {
        let mut message = world.answer(&query);
        let owner = query.queries[0].name().to_ascii();
        let is_down = owner.starts_with("down.");
        if is_down || (owner == "a.old.test." && !query.metadata.checking_disabled) {
            message = query.into_response();
            message.metadata.response_code = ResponseCode::ServFail;
        } else {
            message.metadata.authentic_data = !query.metadata.checking_disabled;
        }
        vec![message.to_vec().unwrap()]
    })
    .await;
    let dns = Dns::new(Means {
        resolvers: vec![upstream],
        patience: Duration::from_secs(3),
        dnssec: DnssecMode::Auto,
        anchors,
        clock: clock(),
    });
    assert_eq!(texts(&dns, "a.nsec.test").await, "found Secure");
    assert_eq!(texts(&dns, "a.old.test").await, "Bogus");
    assert_eq!(texts(&dns, "down.test").await, "ServerFailure");
}

/// What one resolver finds bogus, the next hands out: unless all of them validate, none is trusted.
#[tokio::test]
async fn one_resolver_that_does_not_validate_spoils_the_others() {
    let world = Arc::new(world());
    let anchors = vec![anchor(&world)];
    let validates = resolver(world.clone(), |message| {
        message.metadata.authentic_data = true;
        if asks(message, "a.old.test", RecordType::TXT) {
            message.metadata.response_code = ResponseCode::ServFail;
        }
    })
    .await;
    let careless = resolver(world, |_| {}).await;
    let dns = Dns::new(Means {
        resolvers: vec![validates, careless],
        patience: Duration::from_secs(3),
        dnssec: DnssecMode::Auto,
        anchors,
        clock: clock(),
    });
    assert_eq!(texts(&dns, "a.old.test").await, "Bogus");
    assert_eq!(texts(&dns, "a.nsec.test").await, "found Secure");
    assert_eq!(dns.dnssec(), Dnssec::Validated);
}

#[tokio::test]
async fn the_look_at_the_resolvers_is_repeated_after_it_failed() {
    let world = Arc::new(world());
    let anchors = vec![anchor(&world)];
    let asked = Arc::new(AtomicUsize::new(0));
    let count = asked.clone();
    let upstream = resolver(world, move |message| {
        if asks(message, "test", RecordType::SOA) || asks(message, "test", RecordType::DNSKEY) {
            count.fetch_add(1, Ordering::Relaxed);
            message.metadata.response_code = ResponseCode::ServFail;
        }
    })
    .await;
    let dns = Dns::new(Means {
        resolvers: vec![upstream],
        patience: Duration::from_secs(3),
        dnssec: DnssecMode::Auto,
        anchors,
        clock: clock(),
    });
    for _ in 0..3 {
        assert_eq!(texts(&dns, "a.nsec.test").await, "found Indeterminate");
    }
    assert_eq!(asked.load(Ordering::Relaxed), 2, "once, and not with every look-up");
    assert_eq!(dns.dnssec(), Dnssec::Nobody);
}
