use super::*;
use crate::{PolicyType, ResultType};

/// Output of libtlsrpt 0.5.1, as `facts` of the datagram: success by DANE, failure of STS, no policy.
const DANE: &str = r#"{"dpv": "1","d": "example.com","pr": "v=TLSRPTv1; rua=mailto:tlsrpt@example.com","policies":[{"policy-type":1,"policy-domain": "mx1.example.com","policy-string":["3 1 1 1F850A337E6DB9C609C522D136A475638CC43E1ED424F8EEC8513D747D1D085D"],"t":0,"f":0}]}"#;
const STS: &str = r#"{"dpv": "1","d": "example.org","pr": "v=TLSRPTv1;rua=https://tlsrpt.example.org/v1,mailto:tls@example.org","policies":[{"policy-type":2,"policy-domain": "example.org","policy-string":["version: STSv1","mode: enforce","mx: *.mail.example.org","max_age: 604800"],"mx-host":["*.mail.example.org"],"failure-details":[{"c":205,"s": "192.0.2.10","n": "mx1.mail.example.org","h": "250-mx1.mail.example.org\r\n250-PIPELINING\r\n250-STARTTLS\r\n250 8BITMIME","r": "198.51.100.7","f": "self-signed_certificate"}],"t":1,"f":1}]}"#;
const NONE: &str = r#"{"dpv": "1","d": "example.net","pr": "v=TLSRPTv1; rua=mailto:a@example.net","policies":[{"policy-type":9,"policy-domain": "example.net","t":0,"f":0}]}"#;

/// A session whose policy has these members beside its type.
fn with(members: &str) -> String {
    format!(r#"{{"dpv": "1","d": "a.test","policies":[{{"policy-type":2,{members}}}]}}"#)
}

/// A session that failed in this way.
fn failing(members: &str) -> String {
    with(&format!(r#""policy-domain": "a.test","failure-details":[{{{members}}}],"t":1,"f":1"#))
}

fn good(text: &str, repairs: &[SessionRepair]) -> Session {
    let reading = Session::read(text.as_bytes()).unwrap_or_else(|error| panic!("{text}: {error}"));
    assert_eq!(reading.repairs, repairs, "{text}");
    reading.session
}

fn bad(octets: impl AsRef<[u8]>, refusal: SessionRefusal) {
    let octets = octets.as_ref();
    assert_eq!(Session::read(octets), Err(refusal), "{}", octets.escape_ascii());
}

#[test]
fn what_libtlsrpt_writes_is_read() {
    let session = good(DANE, &[]);
    assert_eq!(session.domain.as_str(), "example.com");
    assert_eq!(session.record.as_deref(), Some("v=TLSRPTv1; rua=mailto:tlsrpt@example.com"));
    let [policy] = session.policies.as_slice() else { panic!("{session:?}") };
    assert_eq!(policy.policy.policy_type, PolicyType::Tlsa);
    assert_eq!(policy.policy.domain.as_str(), "mx1.example.com");
    assert_eq!(policy.policy.strings.len(), 1);
    assert_eq!((policy.outcome, policy.failures.len()), (SessionOutcome::Successful, 0));

    let session = good(STS, &[]);
    let [policy] = session.policies.as_slice() else { panic!("{session:?}") };
    let lines = ["version: STSv1", "mode: enforce", "mx: *.mail.example.org", "max_age: 604800"];
    assert_eq!(policy.policy.strings, lines);
    assert_eq!(policy.policy.mx_host, ["*.mail.example.org"]);
    assert_eq!(policy.outcome, SessionOutcome::Failed);
    let expected = SessionFailure {
        result_type: ResultType::ValidationFailure,
        sending_mta_ip: Some("192.0.2.10".parse().unwrap()),
        receiving_mx_hostname: Some("mx1.mail.example.org".parse().unwrap()),
        receiving_mx_helo: Some("mx1.mail.example.org".to_owned()),
        receiving_ip: Some("198.51.100.7".parse().unwrap()),
        additional_information: None,
        failure_reason_code: Some("self-signed_certificate".to_owned()),
    };
    assert_eq!(policy.failures, [expected]);

    let session = good(NONE, &[]);
    assert_eq!(session.policies[0].policy.policy_type, PolicyType::NoPolicyFound);
}

#[test]
fn several_policies_and_failures_are_read() {
    let text = r#"{"dpv": "1","d": "example.com","pr": "v=TLSRPTv1;rua=mailto:r@example.com","policies":[{"policy-type":2,"policy-domain": "company-y.example","policy-string":["version: STSv1"],"mx-host":["*.mail.company-y.example","*.mail2.company-y.example"],"failure-details":[{"c":302,"s": "1.2.3.4","a": "This is additional information","f": "999 TEST REASON CODE"},{"c":303,"a": "https://example.com/chain","f": "123 OTHER"}],"t":2,"f":1},{"policy-type":1,"policy-domain": "company-y.example","policy-string":["3 1 1 BB","3 0 1 AA","3 1 1 BB"],"t":0,"f":0}]}"#;
    let session = good(text, &[]);
    assert_eq!(
        session.policies[0].failures[1].additional_information.as_deref(),
        Some("https://example.com/chain")
    );
    assert_eq!(session.policies[0].failures[0].additional_information, None);
    assert_eq!(
        session.policies[0].failures[0].failure_reason_code.as_deref(),
        Some("999 TEST REASON CODE")
    );
    // In whatever order DNS gives them, it is the same policy.
    assert_eq!(session.policies[1].policy.strings, ["3 0 1 AA", "3 1 1 BB"]);
}

#[test]
fn success_with_failures_and_failure_without_are_legal() {
    let session =
        good(&with(r#""policy-domain": "a.test","failure-details":[{"c":201}],"t":1,"f":0"#), &[]);
    assert_eq!(session.policies[0].outcome, SessionOutcome::Successful);
    let session = good(&with(r#""policy-domain": "a.test","t":0,"f":1"#), &[]);
    assert!(session.policies[0].failures.is_empty());
}

#[test]
fn every_code_has_its_name() {
    for (code, name) in [
        (201, "starttls-not-supported"),
        (202, "certificate-host-mismatch"),
        (203, "certificate-not-trusted"),
        (204, "certificate-expired"),
        (205, "validation-failure"),
        (301, "sts-policy-fetch-error"),
        (302, "sts-policy-invalid"),
        (303, "sts-webpki-invalid"),
        (304, "tlsa-invalid"),
        (305, "dnssec-invalid"),
        (306, "dane-required"),
    ] {
        let session = good(&failing(&format!(r#""c":{code}"#)), &[]);
        assert_eq!(session.policies[0].failures[0].result_type.as_str(), name);
    }
    let session = good(&failing(r#""c":999,"f": "odd""#), &[SessionRepair::FailureCode]);
    let failure = &session.policies[0].failures[0];
    assert_eq!(failure.result_type, ResultType::ValidationFailure);
    assert_eq!(failure.failure_reason_code.as_deref(), Some("libtlsrpt-999 odd"));
}

/// Each of these ends tlsrpt-collectd 0.6.0.
#[test]
fn nothing_kills_the_reader() {
    bad("", SessionRefusal::Empty);
    bad(" \n\0", SessionRefusal::Empty);
    bad("hello", SessionRefusal::NotJson);
    bad(b"\xff\xfe\x00", SessionRefusal::NotJson);
    bad("5", SessionRefusal::NotJson);
    bad("[]", SessionRefusal::NotJson);
    bad("null", SessionRefusal::NotJson);
    bad(r#"{"dpv": "1","d": "a.test","policies":null}"#, SessionRefusal::Missing("policies"));
    bad(r#"{"dpv": "1","d": 5,"policies":[]}"#, SessionRefusal::WrongType("d"));
    bad(r#"{"dpv": "1","d": "a.test","pr":["b"]}"#, SessionRefusal::WrongType("pr"));
    good(
        &with(r#""policy-domain": "a.test","failure-details":null,"t":0,"f":0"#),
        &[SessionRepair::Null],
    );
    good(&failing(r#""c":203,"f": "\ud800""#), &[SessionRepair::Escape]);

    let mut text = failing(r#""c":203,"f": "?""#).into_bytes();
    let place = text.iter().position(|&octet| octet == b'?').unwrap();
    text[place] = 0xFF;
    let reading = Session::read(&text).unwrap();
    assert_eq!(reading.repairs, [SessionRepair::NotUtf8]);
    assert_eq!(
        reading.session.policies[0].failures[0].failure_reason_code.as_deref(),
        Some("\u{FFFD}")
    );
}

#[test]
fn half_a_session_is_none() {
    bad(&STS[..200], SessionRefusal::BrokenOff);
    for length in 1..STS.len() {
        assert!(Session::read(&STS.as_bytes()[..length]).is_err(), "{length} octets");
    }
    bad(format!("{DANE}{DANE}"), SessionRefusal::NotJson);
    bad(format!("{DANE} x"), SessionRefusal::NotJson);
    bad(with(r#""policy-domain": "a.test","t":0"#), SessionRefusal::Missing("f")); // tlsrpt-reporter goes on without it
    bad(with(r#""f":null"#), SessionRefusal::Missing("f"));
    bad(with(r#""f":2"#), SessionRefusal::Number("f"));
    bad(with(r#""f":-1"#), SessionRefusal::Number("f"));
    bad(with(r#""f":1e0"#), SessionRefusal::Number("f"));
    bad(with(r#""f":"1""#), SessionRefusal::WrongType("f"));
    bad(with(r#""f":0,"f":1"#), SessionRefusal::Twice("f"));
    bad(with(r#""f":0,"policy-domain": "a..b""#), SessionRefusal::NoDomain("policy-domain"));
    bad(with(r#""f":0,"failure-details":{}"#), SessionRefusal::WrongType("failure-details"));
    bad(with(r#""f":0,"failure-details":[1]"#), SessionRefusal::WrongType("failure-details"));
    bad(with(r#""f":0,"policy-string":"x""#), SessionRefusal::WrongType("policy-string"));
    bad(failing(r#""s": "192.0.2.1""#), SessionRefusal::Missing("c"));
    bad(r#"{"dpv": "1","d": "a.test","policies":[]}"#, SessionRefusal::NoPolicy);
    bad(r#"{"dpv": "1","d": "a.test","policies":[5]}"#, SessionRefusal::WrongType("policies"));
    bad(
        r#"{"dpv": "1","d": "a.test","policies":[{"f":0}]}"#,
        SessionRefusal::Missing("policy-type"),
    );
    bad(
        r#"{"dpv": "1","d": "a.test","policies":[{"policy-type":7,"f":0}]}"#,
        SessionRefusal::Number("policy-type"),
    );
    bad(
        NONE.replace(r#""example.net","pr"#, r#""[192.0.2.1]","pr"#),
        SessionRefusal::NoDomain("d"),
    );
    bad(NONE.replace(r#""d": "example.net","#, ""), SessionRefusal::Missing("d"));
    bad("{}", SessionRefusal::Missing("d"));
}

#[test]
fn another_version_is_not_guessed_at() {
    bad(NONE.replace(r#""dpv": "1""#, r#""dpv": "2""#), SessionRefusal::Version);
    bad(r#"{"dpv": 2, "d": 5}"#, SessionRefusal::Version);
    bad(r#"{"dpv": "", "d": 5}"#, SessionRefusal::Version);
    good(&NONE.replace(r#""dpv": "1","#, ""), &[SessionRepair::NoVersion]); // before 0.5
    good(&NONE.replace(r#""dpv": "1""#, r#""dpv":1"#), &[]);
    good(&NONE.replace(r#""dpv": "1""#, r#""new":{"a":[{}]},"dpv": "1""#), &[]); // what is new is read over
}

#[test]
fn what_touches_no_number_is_mended() {
    let session = good(&with(r#""t":0,"f":0"#), &[SessionRepair::PolicyDomain]);
    assert_eq!(session.policies[0].policy.domain.as_str(), "a.test");
    good(&with(r#""policy-domain": "a.test","t":3,"f":0"#), &[SessionRepair::FailureCount]);
    let session = good(
        &failing(r#""c":201,"s": "nowhere","n": "[192.0.2.1]","r": """#),
        &[SessionRepair::Address],
    );
    let failure = &session.policies[0].failures[0];
    assert_eq!(*failure, SessionFailure::new(ResultType::StartTlsNotSupported));
    let session = good(&NONE.replace("example.net", "EXAMPLE.net."), &[]);
    assert_eq!(session.domain.as_str(), "example.net");
    good(&NONE.replace(r#""t":0,"#, r#""t":0,,"#), &[SessionRepair::JsonForm]);
    good(&format!("{NONE}\0"), &[]);
    let session = good(
        &with(
            r#""policy-domain": "a.test","policy-string":["a: b\r\nc: d","",null],"mx-host":["mx: *.a.test"],"t":0,"f":0"#,
        ),
        &[SessionRepair::Null],
    );
    assert_eq!(session.policies[0].policy.strings, ["a: b", "c: d"]);
    // One that was blank made the report of the whole day unfit.
    let blank = with(
        r#""policy-domain": "a.test","mx-host":[" ","mx: "," *.a.test "," mx: mx: *.b.test"],"t":0,"f":0"#,
    );
    assert_eq!(good(&blank, &[]).policies[0].policy.mx_host, ["*.a.test", "*.b.test"]);
    assert_eq!(session.policies[0].policy.mx_host, ["*.a.test"]);
}

/// With them, equal sessions would be counted apart, and a report would tell of what is no part of its
/// policy.
#[test]
fn what_is_no_part_of_a_policy_is_left_out() {
    let of = |kind: u8| {
        let text = format!(
            r#"{{"dpv": "1","d": "a.test","policies":[{{"policy-type":{kind},"policy-string":["3 1 1 AA"],"mx-host":["*.a.test"],"f":0}}]}}"#
        );
        let policy = good(&text, &[SessionRepair::PolicyDomain]).policies.remove(0).policy;
        (policy.strings.len(), policy.mx_host.len())
    };
    assert_eq!([1, 2, 9].map(of), [(1, 0), (1, 1), (0, 0)]);
}

#[test]
fn sizes_are_bounded() {
    let long = "x".repeat(200_000);
    let session = good(
        &with(&format!(r#""policy-domain": "a.test","policy-string":["{long}"],"t":0,"f":0"#)),
        &[SessionRepair::Clipped],
    );
    assert_eq!(session.policies[0].policy.strings[0].len(), SeenPolicy::MOST_STRING_OCTETS);
    let many = vec![r#""a""#; 300].join(",");
    let session = good(
        &with(&format!(r#""policy-domain": "a.test","policy-string":[{many}],"t":0,"f":0"#)),
        &[SessionRepair::Clipped],
    );
    assert_eq!(session.policies[0].policy.strings.len(), SeenPolicy::MOST_STRINGS);
    bad(" ".repeat(Session::MOST_OCTETS + 1), SessionRefusal::TooLong);
    let failures = vec![r#"{"c":201}"#; Session::MOST_FAILURES + 1].join(",");
    bad(with(&format!(r#""f":1,"failure-details":[{failures}]"#)), SessionRefusal::TooMany);
    let policies = vec![r#"{"policy-type":9,"f":0}"#; Session::MOST_POLICIES + 1].join(",");
    bad(format!(r#"{{"d": "a.test","policies":[{policies}]}}"#), SessionRefusal::TooMany);
    // Deep, in a member that is read over.
    good(
        &NONE.replacen('{', &format!(r#"{{"x":{}{},"#, "[".repeat(5_000), "]".repeat(5_000)), 1),
        &[SessionRepair::JsonForm],
    );
}

#[test]
fn codes_and_their_places_agree() {
    let all = [
        SessionRefusal::Empty,
        SessionRefusal::TooLong,
        SessionRefusal::NotJson,
        SessionRefusal::BrokenOff,
        SessionRefusal::Version,
        SessionRefusal::Missing(""),
        SessionRefusal::WrongType(""),
        SessionRefusal::Twice(""),
        SessionRefusal::NoDomain(""),
        SessionRefusal::Number(""),
        SessionRefusal::NoPolicy,
        SessionRefusal::TooMany,
    ];
    let codes: Vec<_> = all.iter().map(|refusal| refusal.code()).collect();
    assert_eq!(codes, SessionRefusal::CODES);
    assert_eq!(SessionRepair::Clipped.code(), "clipped");
    assert_eq!(SessionRepair::NoVersion.code(), "no-version");
}

#[test]
fn stored_texts_are_read_back() {
    for text in [DANE, STS, NONE] {
        for policy in good(text, &[]).policies {
            assert_eq!(SeenPolicy::from_json(&policy.policy.to_json()), Some(policy.policy));
            for failure in policy.failures {
                assert_eq!(SessionFailure::from_json(&failure.to_json()), Some(failure));
            }
        }
    }
    let others = SessionFailure::others(ResultType::TlsaInvalid);
    assert!(others.is_others());
    assert_eq!(SessionFailure::from_json(&others.to_json()), Some(others));
    for bad in ["", "{}", "[]", r#"{"c":"x","n":"a..b"}"#, r#"{"c":"x","more":1}"#] {
        assert_eq!(SessionFailure::from_json(bad), None, "{bad}");
        assert_eq!(SeenPolicy::from_json(bad), None, "{bad}");
    }
}

/// The name of a policy in a store is made of its text: with another text it would be another policy.
#[test]
fn the_text_of_a_policy_is_what_it_always_was() {
    let policy = |policy_type| SeenPolicy::new(policy_type, "a.test".parse().unwrap());
    let none = policy(PolicyType::NoPolicyFound);
    assert_eq!(none.to_json(), r#"{"type":"no-policy-found","domain":"a.test"}"#);
    for strings in
        [&["version: STSv1"][..], &["say \"x\"", "a\\b\tc\u{1}d\u{7F}", "mx: bücher/"], &[]]
    {
        for mx in [&["*.a.test", "mx.b.test"][..], &["m\\x"], &[]] {
            let (sts, _) =
                policy(PolicyType::Sts).with_texts(strings.iter().copied(), mx.iter().copied());
            let list = |name, texts: &[&str]| match texts {
                [] => String::new(),
                texts => format!(r#","{name}":{}"#, serde_json::to_string(texts).unwrap()),
            };
            let (strings, mx) = (list("strings", strings), list("mx", mx));
            assert_eq!(
                sts.to_json(),
                format!(r#"{{"type":"sts","domain":"a.test"{strings}{mx}}}"#)
            );
            assert_eq!(SeenPolicy::from_json(&sts.to_json()), Some(sts));
        }
    }
}
