//! Every cell of the table, once.

use super::*;

const MX: [(&str, MxSecurity); 3] = [
    ("secure", MxSecurity::Secure),
    ("insecure", MxSecurity::Insecure),
    ("bogus, indeterminate, error", MxSecurity::Failed),
];

const TLSA: [TlsaState; 7] = [
    TlsaState::AllUsable,
    TlsaState::SomeUsable,
    TlsaState::OnlyUnusable,
    TlsaState::None,
    TlsaState::FailedSomeUsable,
    TlsaState::FailedNoneUsable,
    TlsaState::FailedAll,
];

/// MX RRset | TLSA of the MX hosts | STS enforce | other.
const TABLE: &str = "
    secure   | all usable                       | dane-only | dane-only
    secure   | some usable                      | dane-only | dane
    secure   | only unusable, rest none         | secure    | dane
    secure   | none or insecure                 | secure    | NOTFOUND
    secure   | look-up failure, ≥ 1 usable      | dane-only | dane
    secure   | look-up failure, none usable     | TEMP      | dane
    secure   | look-up failure, all             | TEMP      | TEMP
    insecure | any usable                       | secure    | dane
    insecure | only unusable                    | secure    | dane
    insecure | none                             | secure    | NOTFOUND
    insecure | look-up failure                  | secure    | dane
    bogus, indeterminate, error | any           | TEMP      | TEMP";

/// The same while the mail server's own DNSSEC is unproven.
const UNPROVEN: &str = "
    secure   | all usable                       | secure    | NOTFOUND
    secure   | some usable                      | secure    | NOTFOUND
    secure   | only unusable, rest none         | secure    | NOTFOUND
    secure   | none or insecure                 | secure    | NOTFOUND
    secure   | look-up failure, ≥ 1 usable      | secure    | TEMP
    secure   | look-up failure, none usable     | TEMP      | TEMP
    secure   | look-up failure, all             | TEMP      | TEMP
    insecure | any                              | secure    | NOTFOUND
    bogus, indeterminate, error | any           | TEMP      | TEMP";

fn states(words: &str) -> &'static [TlsaState] {
    match words {
        "all usable" => &[TlsaState::AllUsable],
        "some usable" => &[TlsaState::SomeUsable],
        "any usable" => &[TlsaState::AllUsable, TlsaState::SomeUsable],
        "only unusable, rest none" | "only unusable" => &[TlsaState::OnlyUnusable],
        "none or insecure" | "none" => &[TlsaState::None],
        "look-up failure, ≥ 1 usable" => &[TlsaState::FailedSomeUsable],
        "look-up failure, none usable" => &[TlsaState::FailedNoneUsable],
        "look-up failure, all" => &[TlsaState::FailedAll],
        "look-up failure" => {
            &[TlsaState::FailedSomeUsable, TlsaState::FailedNoneUsable, TlsaState::FailedAll]
        }
        "any" => &TLSA,
        other => panic!("no such state: {other}"),
    }
}

fn decision(word: &str) -> SenderDecision {
    match word {
        "dane-only" => SenderDecision::DaneOnly,
        "dane" => SenderDecision::Dane,
        "secure" => SenderDecision::Secure,
        "NOTFOUND" => SenderDecision::NotFound,
        "TEMP" => SenderDecision::Temporary,
        other => panic!("no such decision: {other}"),
    }
}

#[track_caller]
fn check(table: &str, mta: MtaDnssec) {
    let mut cells = Vec::new();
    for line in table.lines().filter(|line| !line.trim().is_empty()) {
        let columns: Vec<&str> = line.split('|').map(str::trim).collect();
        let [mx, tlsa, enforce, other] = columns[..] else { panic!("{line}") };
        let (_, mx) = MX.into_iter().find(|(words, _)| *words == mx).unwrap();
        for &tlsa in states(tlsa) {
            for (sts, expected) in [(StsState::Enforce, enforce), (StsState::Other, other)] {
                let decided = SenderDecision::of(mx, tlsa, sts, mta);
                assert_eq!(decided, decision(expected), "{line}: {tlsa:?}, {sts:?}");
                cells.push((mx, tlsa, sts));
            }
        }
    }
    for (_, mx) in MX {
        for tlsa in TLSA {
            for sts in [StsState::Enforce, StsState::Other] {
                let times = cells.iter().filter(|cell| **cell == (mx, tlsa, sts)).count();
                assert_eq!(times, 1, "{mx:?}, {tlsa:?}, {sts:?}");
            }
        }
    }
}

//= https://www.rfc-editor.org/rfc/rfc7672#section-2.1.2
//= type=test
//# When a DNS lookup failure (an error, "bogus", or "indeterminate", as
//# defined above) prevents an SMTP client from determining which SMTP
//# server or servers it should connect to, message delivery MUST be
//# delayed.
//= https://www.rfc-editor.org/rfc/rfc7672#section-2.1.2
//= type=test
//# If any DNS queries used to locate
//# TLSA records fail (due to "bogus" or "indeterminate" records,
//# timeouts, malformed replies, SERVFAIL responses, etc.), then the SMTP
//# client MUST treat that server as unreachable and MUST NOT deliver the
//# message via that server.
//= https://www.rfc-editor.org/rfc/rfc7672#section-2.2.1
//= type=test
//# Since the protocol in this memo is an Opportunistic Security protocol
//# [RFC7435], the SMTP client MAY elect to use DANE TLS (as described in
//# Section 2.2.2 below), even with MX hosts obtained via an "insecure"
//# MX RRset.
//= https://www.rfc-editor.org/rfc/rfc8461#section-2
//= type=test
//# MTA-STS is designed not to interfere with DANE deployments when the
//# two overlap; in particular, senders who implement MTA-STS validation
//# MUST NOT allow MTA-STS Policy validation to override a failing DANE
//# validation.
#[test]
fn every_cell_of_the_table() {
    check(TABLE, MtaDnssec::Proven);
}

#[test]
fn every_cell_while_the_mail_server_is_not_known_to_validate() {
    check(UNPROVEN, MtaDnssec::Unproven);
}

#[test]
fn no_answer_asks_for_less_than_the_operator() {
    // The level, and what becomes of each decision there.
    let table = [
        ("unknown", ["NOTFOUND", "NOTFOUND", "NOTFOUND"]), // it may be any of these
        ("none", ["dane", "secure", "dane-only"]),
        ("may", ["dane", "secure", "dane-only"]),
        ("encrypt", ["NOTFOUND", "secure", "dane-only"]), // `dane` may go in the clear
        ("dane", ["dane", "secure", "dane-only"]),
        ("dane-only", ["NOTFOUND", "NOTFOUND", "dane-only"]), // a policy is no TLSA record
        ("verify", ["NOTFOUND", "secure", "dane-only"]),
        ("secure", ["NOTFOUND", "secure", "dane-only"]),
        ("fingerprint", ["NOTFOUND", "NOTFOUND", "NOTFOUND"]), // the operator knows the server
    ];
    assert_eq!(table.map(|(level, _)| level), OperatorLevel::WORDS.map(|(word, _)| word));
    for (level, expected) in table {
        let operator = OperatorLevel::parse(level).unwrap();
        let answers = ["dane", "secure", "dane-only"].map(|d| decision(d).no_less_than(operator));
        assert_eq!(answers, expected.map(decision), "{level}");
        for kept in ["NOTFOUND", "TEMP"].map(decision) {
            assert_eq!(kept.no_less_than(operator), kept, "{level}");
        }
    }
    assert_eq!(OperatorLevel::parse("Dane"), None);
}
