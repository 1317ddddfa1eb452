//! What has changed between two looks.

use proptest::prelude::*;
use sealpost_evidence::{
    AbsenceKind, CertificateFault, ConnectionFaultKind, ConnectionStage, Evidence, FetchOutcome,
    HostAddresses, Lookup, MailHost, MxSource, SmtpSession, TlsaLookup,
};
use sealpost_rules::changes::{Change, Facts, changes};

use crate::evidence::{
    POLICY, absent, address, addresses, failed_session, fault, fetch, found, good, mail_host, mx,
    text, unknown,
};

/// The kinds of what has changed, each with its sentence on a line.
fn told(before: &Evidence, after: &Evidence) -> String {
    let lines: Vec<String> = changes(before, after)
        .iter()
        .map(|change| {
            let json = serde_json::to_value(change).unwrap();
            assert_eq!(json["kind"], change.kind());
            assert!(Change::KINDS.contains(&change.kind()));
            assert_eq!(&serde_json::from_value::<Change>(json).unwrap(), change);
            format!("{}: {change}", change.kind())
        })
        .collect();
    lines.join("\n")
}

/// What a change of a good domain is told as.
fn after(change: impl FnOnce(&mut Evidence)) -> String {
    let mut after = good();
    change(&mut after);
    told(&good(), &after)
}

fn host(evidence: &mut Evidence) -> &mut MailHost {
    &mut evidence.mail_hosts.as_mut().unwrap().hosts[0]
}

fn set_mx(evidence: &mut Evidence, hosts: &[(u16, &str)]) {
    let mail = evidence.mail_hosts.as_mut().unwrap();
    mail.records = found(hosts.iter().map(|(preference, name)| mx(*preference, name)).collect());
    let hosts = (11..).zip(hosts);
    mail.hosts =
        hosts.map(|(last, (preference, name))| mail_host(*preference, name, last)).collect();
}

/// Gives the certificate of a session another number and end.
fn renew(session: &mut SmtpSession, sha256: &str, until: &str) {
    let certificate = &mut session.tls.as_mut().unwrap().certificates[0];
    sha256.clone_into(&mut certificate.sha256);
    certificate.not_after = until.parse().unwrap();
}

fn with_tlsa(evidence: &mut Evidence, records: Lookup<Vec<String>>) {
    let base = "mx1.good.test".parse().unwrap();
    host(evidence).tlsa = Some(vec![TlsaLookup { base, records }]);
}

#[test]
fn each_kind_has_its_sentence() {
    let body = POLICY.replace("604800", "86400");
    let cases = [
        (
            after(|e| {
                set_mx(e, &[(10, "mx1.good.test"), (20, "mx2.good.test"), (30, "mx3.good.test")])
            }),
            "verdict-changed: The verdict was enforced and is failing.\n\
             mx-added: mx3.good.test is an MX host now, with preference 30.",
        ),
        (
            after(|e| set_mx(e, &[(10, "mx1.good.test")])),
            "mx-removed: mx2.good.test is an MX host no more; its preference was 20.",
        ),
        (
            after(|e| set_mx(e, &[(10, "mx1.good.test"), (5, "mx2.good.test")])),
            "mx-preference-changed: The preference of mx2.good.test was 20 and is 5.",
        ),
        (
            after(|e| host(e).addresses = Some(addresses(77))),
            "mx-addresses-changed: mx1.good.test has the new address 192.0.2.77, and no more the address 192.0.2.11.",
        ),
        (
            after(|e| renew(&mut host(e).sessions[0], "01", "2027-03-01T00:00:00Z")),
            "certificate-renewed: The certificate of the MX host mx1.good.test [192.0.2.11] was renewed with a new key: it ends on 2027-03-01, not on 2026-12-30.",
        ),
        (
            after(|e| renew(&mut host(e).sessions[0], "01", "2026-11-30T00:00:00Z")),
            "certificate-changed: The MX host mx1.good.test [192.0.2.11] shows another certificate for another key; it ends on 2026-11-30.",
        ),
        (
            after(|e| {
                let tls = e.policy_host.as_mut().unwrap().fetches[0].tls.as_mut().unwrap();
                tls.certificates[0].sha256 = "01".to_owned();
                tls.certificates[0].not_after = "2027-03-01T00:00:00Z".parse().unwrap();
            }),
            "certificate-renewed: The certificate of the policy host mta-sts.good.test [192.0.2.1] was renewed with a new key: it ends on 2027-03-01, not on 2026-12-30.",
        ),
        (
            after(|e| e.sts_records = Some(found(vec![text("v=STSv1; id=2;")]))),
            "sts-record-changed: The STS record was \"v=STSv1; id=1;\" and is \"v=STSv1; id=2;\".",
        ),
        (
            after(|e| e.sts_records = Some(absent(AbsenceKind::NoSuchName))),
            "verdict-changed: The verdict was enforced and is absent.\n\
             sts-record-changed: The STS record is gone; it was \"v=STSv1; id=1;\".",
        ),
        (
            after(|e| {
                e.tls_rpt_records =
                    Some(found(vec![text("v=TLSRPTv1; rua=mailto:b@good.test"), text("else")]))
            }),
            "tls-rpt-record-changed: The TLS-RPT record was \"v=TLSRPTv1; rua=mailto:tls@good.test\" and is \"v=TLSRPTv1; rua=mailto:b@good.test\".",
        ),
        (
            after(|e| e.policy_host.as_mut().unwrap().fetches = vec![fetch(1, &body)]),
            "id-unchanged: The policy that is served was mode enforce, max_age 604800, mx mx1.good.test mx2.good.test and is mode enforce, max_age 86400, mx mx1.good.test mx2.good.test, and its id is \"1\" as before: senders that hold the old one do not fetch the new.",
        ),
        (
            after(|e| {
                e.policy_host.as_mut().unwrap().fetches = vec![fetch(1, &body)];
                e.sts_records = Some(found(vec![text("v=STSv1; id=2;")]));
            }),
            "sts-record-changed: The STS record was \"v=STSv1; id=1;\" and is \"v=STSv1; id=2;\".\n\
             policy-changed: The policy that is served was mode enforce, max_age 604800, mx mx1.good.test mx2.good.test and is mode enforce, max_age 86400, mx mx1.good.test mx2.good.test.",
        ),
        (
            after(|e| with_tlsa(e, found(vec!["3 1 1 aa".to_owned()]))),
            "", // nobody had asked before
        ),
    ];
    for (told, expected) in cases {
        assert_eq!(told, expected);
    }
    let (mut before, mut after) = (good(), good());
    with_tlsa(&mut before, found(vec!["3 1 1 aa".to_owned()]));
    with_tlsa(&mut after, found(vec!["3 1 1 bb".to_owned()]));
    let expected =
        "tlsa-changed: The TLSA records of mx1.good.test are others: \"mx1.good.test: 3 1 1 bb\".";
    assert_eq!(told(&before, &after), expected);
    with_tlsa(&mut after, absent(AbsenceKind::NoSuchData));
    let expected = "tlsa-changed: mx1.good.test has no TLSA records any more.";
    assert_eq!(told(&before, &after), expected);
}

#[test]
fn a_renewal_is_told_once_for_all_addresses_that_took_part() {
    let (mut before, mut after) = (good(), good());
    for evidence in [&mut before, &mut after] {
        let mut second = host(evidence).sessions[0].clone();
        second.address = address(99);
        host(evidence).sessions.push(second);
    }
    for session in &mut host(&mut after).sessions {
        renew(session, "01", "2027-03-01T00:00:00Z");
    }
    let told = changes(&before, &after);
    let [Change::CertificateRenewed { addresses, .. }] = told.as_slice() else {
        panic!("{told:?}");
    };
    assert_eq!(addresses, &[address(11), address(99)]);
}

#[test]
fn names_of_strangers_are_quoted() {
    let told = after(|e| {
        let mail = e.mail_hosts.as_mut().unwrap();
        let records =
            vec![mx(10, "mx1.good.test"), mx(20, "mx2.good.test"), mx(30, "a\u{202e}b c")];
        mail.records = found(records);
    });
    assert!(told.contains(r#"mx-added: "a\u{202e}b c" is an MX host now"#), "{told}");
}

#[test]
fn what_lies_on_both_sides_of_a_look_that_could_not_tell_is_not_missed() {
    let mut silent = good();
    blind(&mut silent, u16::MAX);
    let mut after = good();
    set_mx(&mut after, &[(10, "mx1.good.test")]);
    renew(&mut host(&mut after).sessions[0], "01", "2027-03-01T00:00:00Z");
    let first = Facts::of(&good());
    assert_eq!(first.changes_to(&Facts::of(&silent)), []);
    let second = Facts::of(&silent).carried_from(&first);
    let told = second.changes_to(&Facts::of(&after));
    let kinds: Vec<&str> = told.iter().map(Change::kind).collect();
    assert_eq!(kinds, ["mx-removed", "certificate-renewed"]);
    assert_eq!(told, changes(&good(), &after));
}

#[test]
fn a_policy_host_that_moves_and_does_not_answer_has_not_lost_its_policy() {
    let told = after(|e| {
        let host = e.policy_host.as_mut().unwrap();
        host.addresses = addresses(2);
        host.fetches = vec![fetch(2, POLICY)];
        let kind = ConnectionFaultKind::TimedOut;
        host.fetches[0].outcome = FetchOutcome::Failed(fault(ConnectionStage::HttpHead, kind));
        e.sts_records = Some(unknown());
    });
    assert_eq!(told, "");
    let told = after(|e| {
        let host = e.policy_host.as_mut().unwrap();
        let none = || absent(AbsenceKind::NoSuchName);
        host.addresses = HostAddresses { ipv4: none(), ipv6: absent(AbsenceKind::NoSuchName) };
        host.fetches.clear();
    });
    assert!(told.contains("policy-changed: No policy is served any more; it was mode"), "{told}");
}

fn expired() -> CertificateFault {
    CertificateFault::Expired { not_after: "2026-10-02T00:00:00Z".parse().unwrap() }
}

/// Gives the first MX host, or the policy host, a second address. The first, or the second of them,
/// shows a certificate that has ended.
fn with_two_addresses(evidence: &mut Evidence, at_policy_host: bool, first_is_bad: bool) {
    let two = |last| HostAddresses {
        ipv4: found(vec![[192, 0, 2, last].into(), [192, 0, 2, 99].into()]),
        ..addresses(last)
    };
    let bad = usize::from(!first_is_bad);
    let session = if at_policy_host {
        let host = evidence.policy_host.as_mut().unwrap();
        host.addresses = two(1);
        host.fetches = vec![fetch(1, POLICY), fetch(99, POLICY)];
        &mut host.fetches[bad].tls
    } else {
        let host = host(evidence);
        host.addresses = Some(two(11));
        let mut second = host.sessions[0].clone();
        second.address = address(99);
        host.sessions.push(second);
        &mut host.sessions[bad].tls
    };
    session.as_mut().unwrap().faults = vec![expired()];
}

/// Silences one of the addresses of the first MX host and of the policy host.
fn silence_one(evidence: &mut Evidence, place: usize) {
    let kind = ConnectionFaultKind::TimedOut;
    if let Some(session) = host(evidence).sessions.get_mut(place) {
        let address = session.address;
        *session = failed_session(11, ConnectionStage::Connect, kind);
        session.address = address;
    }
    if let Some(fetch) = evidence.policy_host.as_mut().unwrap().fetches.get_mut(place) {
        fetch.outcome = FetchOutcome::Failed(fault(ConnectionStage::Connect, kind));
        fetch.tls = None;
    }
}

#[test]
fn an_address_that_falls_silent_takes_no_verdict_with_it() {
    for (at_policy_host, first_is_bad) in
        [(false, false), (false, true), (true, false), (true, true)]
    {
        for place in [0, 1] {
            let mut whole = good();
            with_two_addresses(&mut whole, at_policy_host, first_is_bad);
            let mut silenced = whole.clone();
            silence_one(&mut silenced, place);
            let case = (at_policy_host, first_is_bad, place);
            assert_eq!(changes(&whole, &silenced), [], "{case:?}");
            // However long it is silent.
            let mut facts = Facts::of(&whole);
            for _ in 0..3 {
                facts = Facts::of(&silenced).carried_from(&facts);
            }
            assert_eq!(facts.changes_to(&Facts::of(&whole)), [], "{case:?}");
        }
    }
}

#[test]
fn an_address_that_is_silent_hides_nothing_that_others_say() {
    let mut before = good();
    with_two_addresses(&mut before, false, true);
    host(&mut before).sessions[0].tls.as_mut().unwrap().faults.clear();
    let mut after = before.clone();
    silence_one(&mut after, 0);
    after.policy_host.clone_from(&before.policy_host);
    host(&mut after).sessions[1].tls.as_mut().unwrap().faults = vec![expired()];
    let told = told(&before, &after);
    assert_eq!(told, "verdict-changed: The verdict was enforced and is failing.");
    // One that is gone says nothing any more.
    let mut before = good();
    with_two_addresses(&mut before, false, true);
    let mut after = before.clone();
    host(&mut after).addresses = Some(addresses(99));
    host(&mut after).sessions.remove(0);
    let kinds: Vec<_> = changes(&before, &after).iter().map(Change::kind).collect();
    assert_eq!(kinds, ["verdict-changed", "mx-addresses-changed"]);
}

#[test]
fn a_policy_host_sheds_the_bodies_of_addresses_that_it_has_no_more() {
    // Nobody ever tells whether it has an IPv6 address.
    let look = |last: u8, body: &str| {
        let mut evidence = good();
        let host = evidence.policy_host.as_mut().unwrap();
        host.addresses = HostAddresses { ipv6: unknown(), ..addresses(last) };
        host.fetches = vec![fetch(last, body)];
        Facts::of(&evidence)
    };
    let body = POLICY.replace("604800", "86400");
    let mut facts = look(1, POLICY);
    let length = |facts: &Facts| serde_json::to_string(facts).unwrap().len();
    let first = length(&facts);
    for last in 10..200 {
        facts = look(last, POLICY).carried_from(&facts);
    }
    assert!(length(&facts) < first + 100, "{} octets, then {}", first, length(&facts));
    let told = facts.changes_to(&look(201, &body));
    let [Change::IdUnchanged { before, after, .. }] = told.as_slice() else { panic!("{told:?}") };
    assert_eq!((before.as_slice(), after.as_slice()), (&[POLICY.to_owned()][..], &[body][..]));
}

#[test]
fn addresses_that_come_and_go_are_told_until_they_are_known() {
    let look = |last| {
        let mut evidence = good();
        host(&mut evidence).addresses = Some(addresses(last));
        host(&mut evidence).sessions.clear();
        Facts::of(&evidence)
    };
    let mut facts = look(100);
    let mut told = Vec::new();
    for round in 0..3_u8 {
        for last in 100..112 {
            let now = look(last);
            told.extend(facts.changes_to(&now).iter().map(|_| round));
            facts = now.carried_from(&facts);
        }
    }
    assert_eq!(told, [0; 11], "the first round tells of each, and then all are known");
    let moved = facts.changes_to(&look(200));
    assert_eq!(moved.len(), 1, "a new one is told all the same");
}

/// Makes parts of the evidence untold, one for each bit.
fn blind(evidence: &mut Evidence, mask: u16) {
    let has = |bit: u16| mask & (1 << bit) != 0;
    if has(0) {
        evidence.sts_records = Some(unknown());
    }
    if has(1) {
        evidence.tls_rpt_records = None;
    }
    if has(2) {
        let host = evidence.policy_host.as_mut().unwrap();
        host.addresses = HostAddresses { ipv4: unknown(), ipv6: unknown() };
        host.fetches.clear();
    }
    if has(3) {
        for fetch in &mut evidence.policy_host.as_mut().unwrap().fetches {
            let kind = ConnectionFaultKind::TimedOut;
            fetch.outcome = FetchOutcome::Failed(fault(ConnectionStage::Connect, kind));
            fetch.tls = None;
        }
    }
    let mail = evidence.mail_hosts.as_mut().unwrap();
    for (place, host) in (4..).step_by(4).zip(&mut mail.hosts) {
        if has(place) {
            host.addresses = Some(HostAddresses { ipv4: unknown(), ipv6: unknown() });
        }
        if has(place + 1) {
            let (stage, kind) = (ConnectionStage::Connect, ConnectionFaultKind::TimedOut);
            host.sessions = vec![failed_session(11, stage, kind)];
        }
        if has(place + 2) {
            host.tlsa = None;
        }
    }
    if has(13) || has(14) {
        silence_one(evidence, usize::from(has(14)));
    }
    let mail = evidence.mail_hosts.as_mut().unwrap();
    if has(12) {
        mail.records = unknown();
        mail.source = MxSource::Unknown;
        mail.hosts.clear();
    }
}

/// A domain of a few shapes.
fn shaped(shape: u16) -> Evidence {
    let mut evidence = good();
    let has = |bit: u16| shape & (1 << bit) != 0;
    if has(0) {
        set_mx(&mut evidence, &[(10, "mx1.good.test")]);
    }
    if has(1) {
        renew(&mut host(&mut evidence).sessions[0], "01", "2027-03-01T00:00:00Z");
    }
    if has(2) {
        let records = if has(3) {
            found(vec!["3 1 1 aa".to_owned()])
        } else {
            absent(AbsenceKind::NoSuchData)
        };
        with_tlsa(&mut evidence, records);
    }
    if has(4) {
        evidence.sts_records = Some(found(vec![text("v=STSv1; id=2;")]));
    }
    if has(5) {
        evidence.policy_host.as_mut().unwrap().fetches = vec![fetch(1, "no policy")];
    }
    if has(6) {
        host(&mut evidence).addresses = Some(addresses(60));
    }
    if has(7) {
        with_two_addresses(&mut evidence, has(5), has(4));
    }
    evidence
}

proptest! {
    #[test]
    fn nothing_has_changed_where_both_looks_are_the_same(shape in 0..256_u16, mask: u16) {
        let mut evidence = shaped(shape);
        prop_assert_eq!(changes(&evidence, &evidence), []);
        blind(&mut evidence, mask);
        prop_assert_eq!(changes(&evidence, &evidence), []);
    }

    #[test]
    fn a_look_that_could_not_tell_changes_nothing(shape in 0..256_u16, mask: u16) {
        let whole = shaped(shape);
        let mut blinded = whole.clone();
        blind(&mut blinded, mask);
        prop_assert_eq!(changes(&whole, &blinded), []);
        let carried = Facts::of(&blinded).carried_from(&Facts::of(&whole));
        prop_assert_eq!(carried.changes_to(&Facts::of(&whole)), []);
    }

    #[test]
    fn what_is_carried_survives_the_store(shape in 0..256_u16, mask: u16) {
        let mut evidence = shaped(shape);
        blind(&mut evidence, mask);
        let facts = Facts::of(&evidence).carried_from(&Facts::of(&good()));
        let text = serde_json::to_string(&facts).unwrap();
        prop_assert_eq!(serde_json::from_str::<Facts>(&text).unwrap(), facts);
    }
}
