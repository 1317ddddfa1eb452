//! The zones, without a wire.

use hickory_proto::{
    dnssec::{PublicKey, TBS, rdata::DNSKEY},
    op::ResponseCode,
    rr::DNSClass,
};

use super::*;

const NOW: u32 = 1_900_000_000;

fn zones() -> Result<Zones, LabError> {
    let mut zones = Zones::new(NOW)?;
    let here = || RecordData::Ipv4(Ipv4Addr::LOCALHOST);
    zones.add("a.test", RecordData::Alias("b.test".to_owned()))?;
    zones.add("b.test", here())?;
    zones.add("deep.below.c.test", here())?;
    zones.add("x.loop.test", RecordData::Alias("y.loop.test".to_owned()))?;
    zones.add("y.loop.test", RecordData::Alias("x.loop.test".to_owned()))?;
    zones.fail("d.test", Some(RecordType::MX), Fault::ServerFailure)?;
    zones.fail("e.test", None, Fault::Silence)?;
    zones.add("*.wild.test", here())?;
    zones.delegate("plain.test", Delegation::Unsigned)?;
    zones.add("mx.plain.test", here())?;
    zones.add("to-plain.test", RecordData::Alias("mx.plain.test".to_owned()))?;
    zones.delegate("wrong.test", Delegation::WrongKey)?;
    zones.add("mx.wrong.test", here())?;
    zones.add("altered.test", here())?;
    zones.add("below.altered.test", here())?;
    zones.spoil("altered.test", Extent::Subtree, Flaw::Altered)?;
    zones.add("mixed.test", here())?;
    zones.add("mixed.test", RecordData::Mx(1, "b.test".to_owned()))?;
    zones.spoil("mixed.test", Extent::Type(RecordType::MX), Flaw::Expired)?;
    zones.serve("google.com")?;
    zones.add("smtp.google.com", here())?;
    Ok(zones)
}

fn ask(zones: &Zones, owner: &str, record_type: RecordType) -> Reply {
    match zones.answer(&name(owner).unwrap(), record_type, Signatures::Wanted) {
        Answer::Reply(reply) => reply,
        Answer::Silence => panic!("{owner}: silence"),
    }
}

#[track_caller]
fn check(owner: &str, record_type: RecordType, expected: (ResponseCode, usize, usize)) {
    let zones = zones().unwrap();
    match zones.answer(&name(owner).unwrap(), record_type, Signatures::Unwanted) {
        Answer::Reply(Reply { code, answers, authorities, .. }) => {
            assert_eq!((code, answers.len(), authorities.len()), expected, "{owner}");
        }
        Answer::Silence => panic!("{owner}: silence"),
    }
}

#[test]
fn answers_tell_absence_failure_and_presence_apart() {
    use ResponseCode::{NXDomain, NoError, Refused, ServFail};
    check("b.test", RecordType::A, (NoError, 1, 0));
    check("B.TEST", RecordType::A, (NoError, 1, 0));
    check("b.test", RecordType::AAAA, (NoError, 0, 1)); // no such data
    check("a.test", RecordType::A, (NoError, 2, 0)); // the alias and its target
    check("a.test", RecordType::CNAME, (NoError, 1, 0));
    check("a.test", RecordType::MX, (NoError, 1, 1)); // the alias, then no such data
    check("nobody.test", RecordType::A, (NXDomain, 0, 1));
    check("x.b.test", RecordType::A, (NXDomain, 0, 1));
    check("below.c.test", RecordType::A, (NoError, 0, 1)); // something lies below
    check("x.loop.test", RecordType::A, (NoError, 2, 0)); // and no endless walk
    check("d.test", RecordType::MX, (ServFail, 0, 0));
    check("d.test", RecordType::A, (NoError, 0, 1)); // the other types are answered
    check("any.wild.test", RecordType::A, (NoError, 1, 0));
    check("wild.test", RecordType::A, (NoError, 0, 1)); // a wildcard is not its parent
    check("any.wild.test", RecordType::MX, (NoError, 0, 1));
    check("smtp.google.com", RecordType::A, (NoError, 1, 0));
    check("www.google.com", RecordType::A, (NXDomain, 0, 1));
    check("example.com", RecordType::A, (Refused, 0, 0));
    check("com", RecordType::DS, (NoError, 0, 1));
    check("net", RecordType::NS, (Refused, 0, 0));
    check("", RecordType::NS, (NoError, 1, 0));
}

#[test]
fn a_silent_name_has_no_answer() {
    let answer =
        zones().unwrap().answer(&name("e.test").unwrap(), RecordType::TXT, Signatures::Wanted);
    assert_eq!(answer, Answer::Silence);
}

#[test]
fn security_is_that_of_the_weakest_part() {
    let zones = zones().unwrap();
    for (owner, record_type, expected) in [
        ("b.test", RecordType::A, Security::Secure),
        ("b.test", RecordType::MX, Security::Secure),
        ("nobody.test", RecordType::A, Security::Secure),
        ("any.wild.test", RecordType::A, Security::Secure),
        ("plain.test", RecordType::DS, Security::Secure), // the denial is the parent's
        ("plain.test", RecordType::NS, Security::Insecure),
        ("nobody.plain.test", RecordType::A, Security::Insecure),
        ("to-plain.test", RecordType::A, Security::Insecure),
        ("wrong.test", RecordType::DS, Security::Secure),
        ("mx.wrong.test", RecordType::A, Security::Bogus),
        ("nobody.wrong.test", RecordType::A, Security::Bogus),
        ("altered.test", RecordType::A, Security::Bogus),
        ("altered.test", RecordType::MX, Security::Bogus),
        ("below.altered.test", RecordType::A, Security::Bogus),
        ("nobody.below.altered.test", RecordType::A, Security::Bogus),
        ("mixed.test", RecordType::MX, Security::Bogus),
        ("mixed.test", RecordType::A, Security::Secure),
        ("smtp.google.com", RecordType::A, Security::Insecure),
    ] {
        let reply = ask(&zones, owner, record_type);
        assert_eq!(reply.security, expected, "{owner} {record_type}");
    }
}

/// Counts the sets of a reply, and those of them whose signature verifies with the zone's key.
fn signed_sets(zones: &Zones, reply: &Reply, key_of: &str) -> (usize, usize) {
    let keys = ask(zones, key_of, RecordType::DNSKEY);
    let key: &DNSKEY = keys
        .answers
        .iter()
        .find_map(|record| match &record.data {
            RData::DNSSEC(DNSSECRData::DNSKEY(key)) => Some(key),
            _ => None,
        })
        .unwrap();
    let mut counts = (0, 0);
    for section in [&reply.answers, &reply.authorities] {
        for signature in section {
            let RData::DNSSEC(DNSSECRData::RRSIG(rrsig)) = &signature.data else { continue };
            counts.0 += 1;
            let input = rrsig.input();
            assert_eq!(input.signer_name, name(key_of).unwrap());
            let set = section.iter().filter(|record| record.name == signature.name);
            let text = TBS::from_input(&signature.name, DNSClass::IN, input, set).unwrap();
            let is_valid = key.public_key().verify(text.as_ref(), rrsig.sig()).is_ok();
            let now = i64::from(NOW);
            let is_timely = i64::from(input.sig_inception.get()) < now
                && now < i64::from(input.sig_expiration.get());
            counts.1 += usize::from(is_valid && is_timely);
        }
    }
    counts
}

#[test]
fn every_set_is_signed_and_flaws_are_flaws() {
    let zones = zones().unwrap();
    for (owner, record_type, signer, expected) in [
        ("b.test", RecordType::A, "test", (1, 1)),
        ("a.test", RecordType::A, "test", (2, 2)),
        ("test", RecordType::DNSKEY, "test", (1, 1)),
        ("test", RecordType::DS, "", (1, 1)),
        ("b.test", RecordType::AAAA, "test", (2, 2)), // SOA, NSEC
        ("nobody.test", RecordType::A, "test", (3, 3)), // SOA, NSEC, NSEC of the wildcard
        ("any.wild.test", RecordType::A, "test", (2, 2)), // A, NSEC
        ("any.wild.test", RecordType::MX, "test", (3, 3)),
        ("plain.test", RecordType::DS, "test", (2, 2)),
        ("mx.plain.test", RecordType::A, "test", (0, 0)),
        ("wrong.test", RecordType::A, "wrong.test", (2, 2)),
        ("altered.test", RecordType::A, "test", (1, 0)),
        ("altered.test", RecordType::MX, "test", (2, 1)),
        ("mixed.test", RecordType::MX, "test", (1, 0)),
        ("mixed.test", RecordType::A, "test", (1, 1)),
    ] {
        let reply = ask(&zones, owner, record_type);
        assert_eq!(signed_sets(&zones, &reply, signer), expected, "{owner} {record_type}");
    }
}

#[test]
fn denials_cover_the_name_and_nothing_that_exists() {
    let zones = zones().unwrap();
    let before_and_after = |record: &Record| match &record.data {
        RData::DNSSEC(DNSSECRData::NSEC(nsec)) => {
            Some((record.name.clone(), nsec.next_domain_name().clone()))
        }
        _ => None,
    };
    let long = "x".repeat(63);
    let name_of_255_octets = format!("{long}.{long}.{long}.{}.test", "y".repeat(56));
    for owner in [
        "nobody.test",
        "deep.nobody.test",
        "bb.test",
        "b-.test",
        "x.b.test",
        "x.y.deep.below.c.test",
        &format!("{long}.test"),
        &name_of_255_octets,
    ] {
        let asked = name(owner).unwrap();
        let reply = ask(&zones, owner, RecordType::A);
        assert_eq!(reply.code, ResponseCode::NXDomain, "{owner}");
        let spans: Vec<_> = reply.authorities.iter().filter_map(before_and_after).collect();
        assert_eq!(spans.len(), 2, "{owner}");
        assert!(spans.iter().any(|(before, after)| *before < asked && asked < *after), "{owner}");
        for (before, after) in &spans {
            assert!(before < after, "{owner}");
            let hidden = zones.existing.iter().find(|name| before <= name && *name <= after);
            assert_eq!(hidden, None, "{owner}: {before} to {after}");
        }
    }
}

#[test]
fn a_name_that_only_a_joker_asks_for_is_refused() {
    let zones = zones().unwrap();
    let odd = name("test").unwrap().prepend_label([b'a', 0].as_slice()).unwrap();
    let answer = zones.answer(&odd, RecordType::A, Signatures::Wanted);
    assert_eq!(answer, Answer::Reply(Reply::empty(ResponseCode::Refused)));
}

#[test]
fn the_trust_anchors_are_the_keys_that_are_served() {
    let zones = zones().unwrap();
    let anchors = zones.trust_anchors();
    assert_eq!(anchors.lines().count(), 2, "{anchors}");
    for (apex, line) in ["", "test"].into_iter().zip(anchors.lines()) {
        let keys = ask(&zones, apex, RecordType::DNSKEY);
        assert_eq!(keys.answers[0].to_string().replace('\t', " "), line);
    }
}
