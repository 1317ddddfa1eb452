//! Tables: a row, and what becomes of it.

use std::collections::BTreeMap;

use sealpost_store::{FetchedPolicy, PeerRow, Remembered};

use super::*;

/// When the fixtures were made.
const MADE: i64 = 1_795_600_000;

fn text(found: &Found) -> String {
    match &found.what {
        What::Policy(adoption) => String::from_utf8(adoption.policy.text.clone()).unwrap(),
        other => format!("{other:?}"),
    }
}

fn fetched_at(found: &Found) -> Option<i64> {
    match &found.what {
        What::Policy(adoption) => Some(adoption.policy.fetched_at),
        What::Expired | What::Name => None,
    }
}

#[test]
fn a_line_of_a_dump_is_taken_back() {
    let text = b"version: STSv1\nmode: enforce\nmx: a.test\nmax_age: 86400\nx: \"\xc3\xbc\"\r\n";
    let remembered = remembered(text);
    let line = write_dump_line(&remembered);
    assert!(!line.contains('\n') && line.len() < LONGEST_LINE);
    assert_eq!(Source::detect(line.as_bytes()), Some(Source::Dump));
    let found = read_dump_line(line.as_bytes(), MADE + 86_400).unwrap();
    let What::Policy(adoption) = found.what else { panic!("{found:?}") };
    assert_eq!((Some(adoption.policy), adoption.last_used), (remembered.policy, MADE - 7));
    let late = read_dump_line(line.as_bytes(), MADE + 86_401).unwrap();
    assert_eq!(late.what, What::Expired);
}

#[test]
fn any_octets_can_be_dumped() {
    // No policy of this version, but perhaps of another one.
    let line = write_dump_line(&remembered(b"version: STSv1\nx: \xff\n"));
    assert!(line.contains(r#""text_base64":"dmVyc2lvbjogU1RTdjEKeDog/wo=""#), "{line}");
    let refused = read_dump_line(line.as_bytes(), MADE).unwrap_err();
    assert!(matches!(refused, RowError::Policy(_)), "{refused}");
    let longest = write_dump_line(&remembered(&[1; 65_536]));
    assert!(longest.len() < LONGEST_LINE);
}

fn remembered(text: &[u8]) -> Remembered {
    let id = "a1".parse().unwrap();
    Remembered {
        domain: "a.test".parse().unwrap(),
        policy: Some(FetchedPolicy { id, text: text.to_vec(), fetched_at: MADE }),
        backoff: None,
        last_used: MADE - 7,
    }
}

#[test]
fn lines_that_are_none_of_a_dump() {
    let policy = r#"{"id":"a1","fetched_at":"2026-11-01T00:00:00Z","text":"x"}"#;
    let base64 = policy.replace("text\":\"x", "text_base64\":\"x");
    let both = policy.replace("\"text\"", "\"text_base64\":\"eA==\",\"text\"");
    for (line, expected) in [
        ("{}".to_owned(), "read the line: it is no line of a dump"),
        (line_of("-", "null"), "read the domain: "),
        (line_of("a.test", policy), "read the policy: "),
        (line_of("a.test", &base64), "read its text_base64"),
        (line_of("a.test", &both), "read its text"),
        (line_of("a.test", &policy.replace("a1", "a 1")), "read the id of the record: "),
    ] {
        let error = read_dump_line(line.as_bytes(), MADE).unwrap_err();
        assert!(error.to_string().starts_with(expected), "{line}: {error}");
        assert!(!error.hint().is_empty());
    }
    let name = read_dump_line(line_of("a.test", "null").as_bytes(), MADE).unwrap();
    assert_eq!(name.what, What::Name);
}

fn line_of(domain: &str, policy: &str) -> String {
    format!(
        r#"{{"domain":"{domain}","policy":{policy},"backoff":null,"last_used":"2026-11-01T00:00:00Z"}}"#
    )
}

fn row(body: &str) -> PeerRow {
    PeerRow {
        number: 1,
        domain: b"a.test".to_vec(),
        renewed_at: Some(MADE),
        id: b"a1".to_vec(),
        body: body.as_bytes().to_vec(),
    }
}

#[test]
fn a_row_of_postfix_mta_sts_resolver_is_written_anew() {
    let body = r#"{"mx": ["*.a.test", "B.test"], "version": "STSv1", "mode": "enforce",
                   "max_age": 604800, "x": "y"}"#;
    let found = read_postfix_mta_sts_resolver_row(&row(body), MADE + 604_800).unwrap();
    let written = "version: STSv1\r\nmode: enforce\r\nmx: *.a.test\r\nmx: b.test\r\n\
                   max_age: 604800\r\n";
    assert_eq!((text(&found).as_str(), fetched_at(&found)), (written, Some(MADE)));
    // A clock that was ahead prolongs nothing.
    let found = read_postfix_mta_sts_resolver_row(&row(body), MADE - 5).unwrap();
    assert_eq!(fetched_at(&found), Some(MADE - 5));
    let found = read_postfix_mta_sts_resolver_row(&row(body), MADE + 604_801).unwrap();
    assert_eq!(found.what, What::Expired);
    let none = r#"{"mx": [], "version": "STSv1", "mode": "none", "max_age": 86400}"#;
    assert!(read_postfix_mta_sts_resolver_row(&row(none), MADE).is_ok());
}

#[test]
fn rows_that_postfix_mta_sts_resolver_should_not_have() {
    let body = |mx: &str, rest: &str| row(&format!(r#"{{"mx": {mx}, "version": "STSv1"{rest}}}"#));
    let mode = r#", "mode": "enforce", "max_age": 86400"#;
    let good = body(r#"["a.test"]"#, mode);
    let cases = [
        (PeerRow { domain: b"\xff".to_vec(), ..good.clone() }, "read its domain"),
        (PeerRow { domain: b"192.0.2.1".to_vec(), ..good.clone() }, "read the domain: "),
        (PeerRow { id: b"not an id".to_vec(), ..good.clone() }, "read the id of the record: "),
        (PeerRow { renewed_at: None, ..good.clone() }, "read its ts"),
        (PeerRow { body: Vec::new(), ..good.clone() }, "read its pol_body"),
        (body(r#"["a.test protocols=TLSv1"]"#, mode), "read an mx pattern: "),
        (body(r#"["a.test\nmode: none"]"#, mode), "read an mx pattern: "),
        (body("[]", mode), "read the policy: "),
        (body(r#"["a.test"]"#, r#", "mode": "maybe", "max_age": 1"#), "read its mode"),
        (body(r#"["a.test"]"#, r#", "mode": "enforce", "max_age": -1"#), "read its pol_body"),
    ];
    assert!(read_postfix_mta_sts_resolver_row(&good, MADE).is_ok());
    for (row, expected) in cases {
        let error = read_postfix_mta_sts_resolver_row(&row, MADE).unwrap_err();
        assert!(error.to_string().starts_with(expected), "{row:?}: {error}");
    }
}

#[test]
fn the_cache_of_postfix_tlspol_is_read() {
    let octets = include_bytes!("../../tests/fixtures/postfix-tlspol-cache.gob.gz");
    assert_eq!(Source::detect(octets), Some(Source::PostfixTlspolCache));
    let mut rows = BTreeMap::new();
    let now = MADE + 60;
    read_postfix_tlspol_cache(octets, now, |name, row| {
        assert!(rows.insert(name.to_owned(), row).is_none());
    })
    .unwrap();
    let names: Vec<&str> = rows.keys().map(String::as_str).collect();
    // Neither DANE, nor what has no policy, nor what only counts.
    let expected =
        ["broken.test", "good-wildcard.test", "good.test", "legacy.test", "no-report.test"];
    assert_eq!(names, expected);
    let good = rows["good.test"].as_ref().unwrap();
    let written = "version: STSv1\r\nmode: enforce\r\nmx: mx1.good.test\r\nmax_age: 604800\r\n";
    assert_eq!((text(good).as_str(), fetched_at(good)), (written, Some(MADE)));
    // Its life was cut, its age is right; and it has a zone of its own.
    let wildcard = rows["good-wildcard.test"].as_ref().unwrap();
    assert!(text(wildcard).contains("mx: *.mail.good-wildcard.test\r\nmax_age: 31557600"));
    assert_eq!(fetched_at(wildcard), Some(MADE));
    assert_eq!(fetched_at(rows["legacy.test"].as_ref().unwrap()), Some(MADE));
    assert_eq!(rows["no-report.test"].as_ref().unwrap().what, What::Name);
    assert!(matches!(rows["broken.test"], Err(RowError::Policy(_))));
}

#[test]
fn every_part_of_a_cache_file_is_an_error_and_no_panic() {
    use std::io::{Read as _, Write as _};

    let whole = include_bytes!("../../tests/fixtures/postfix-tlspol-cache.gob.gz");
    for length in 0..whole.len() {
        assert!(read_postfix_tlspol_cache(&whole[..length], MADE, |_, _| {}).is_err(), "{length}");
    }
    let mut plain = Vec::new();
    flate2::read::GzDecoder::new(whole.as_slice()).read_to_end(&mut plain).unwrap();
    let pack = |octets: &[u8]| {
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packer.write_all(octets).unwrap();
        packer.finish().unwrap()
    };
    assert!(read_postfix_tlspol_cache(&pack(&plain), MADE, |_, _| {}).is_ok());
    for length in 0..plain.len() {
        let cut = pack(&plain[..length]);
        assert!(read_postfix_tlspol_cache(&cut, MADE, |_, _| {}).is_err(), "{length}");
    }
    for index in 0..plain.len() {
        for octet in [1, 0x80, 0xf8] {
            let mut changed = plain.clone();
            changed[index] = octet;
            let _ = read_postfix_tlspol_cache(&pack(&changed), MADE, |_, _| {});
        }
    }
}

#[test]
fn lines_that_postfix_tlspol_prints() {
    let secure =
        "good.test                        41  secure match=mx1.good.test servername=hostname";
    let exported = "good.test                    secure match=mx1.good.test servername=hostname";
    for line in [secure, exported] {
        let found = read_postfix_tlspol_line(line.as_bytes()).unwrap().unwrap();
        assert_eq!((found.domain.as_str(), found.what), ("good.test", What::Name));
        assert_eq!(Source::detect(line.as_bytes()), Some(Source::PostfixTlspolDump));
    }
    let dane = "dane.test                         7  dane-only";
    assert_eq!(read_postfix_tlspol_line(dane.as_bytes()), Ok(None));
    for bad in ["", "good.test", "good.test may", "[192.0.2.1] 1 secure match=x", "a b c"] {
        assert!(read_postfix_tlspol_line(bad.as_bytes()).is_err(), "{bad}");
    }
    for other in ["", "\n\n", "# hello", "version: STSv1\n"] {
        assert_eq!(Source::detect(other.as_bytes()), None, "{other}");
    }
}

#[test]
fn recipients_are_found_in_lists_and_logs() {
    let postfix = "Nov 26 11:00:00 mx postfix/smtp[77]: 4A1: to=<a@one.test>, orig_to=<b@no.test>, \
                   relay=mx.one.test[192.0.2.1]:25, delay=1, dsn=2.0.0, status=sent (250 => x@no.test)";
    let exim = "2026-11-26 11:00:00 1r2-0003-AB => a@six.test R=dnslookup T=remote_smtp \
                H=mx.six.test [192.0.2.1] C=\"250 -> b@no.test\"";
    let cases: &[(&str, Result<Option<&str>, NotADomain>)] = &[
        ("one.test", Ok(Some("one.test"))),
        ("  ONE.test.  # known", Ok(Some("one.test"))),
        ("user@two.test\r\n", Ok(Some("two.test"))),
        ("<user@two.test>", Ok(Some("two.test"))),
        ("bücher.test", Ok(Some("xn--bcher-kva.test"))),
        ("# only a comment", Ok(None)),
        ("", Ok(None)),
        ("-", Err(NotADomain)),
        ("192.0.2.1", Err(NotADomain)),
        (postfix, Ok(Some("one.test"))),
        (&postfix.replace("/smtp[", "/local["), Ok(None)),
        (&postfix.replace("postfix/smtp", "postfix-out/relay/smtp"), Ok(Some("one.test"))),
        (&postfix.replace("a@one.test", "a@[192.0.2.1]"), Ok(None)),
        ("Nov 26 mx postfix/qmgr[3]: 4A1: from=<c@no.test>, size=3, nrcpt=1", Ok(None)),
        (exim, Ok(Some("six.test"))),
        (&exim.replace("=> a@", "-> a@"), Ok(Some("six.test"))),
        (&exim.replace("=> a@", "== a@"), Ok(Some("six.test"))),
        (&exim.replace("=> a@six.test", "** a@six.test:"), Ok(Some("six.test"))),
        (&exim.replace("=> a@six.test", "=> alice <a@no.test>"), Ok(None)),
        ("2026-11-26 11:00:00 1r2-0003-AB <= c@no.test H=x [192.0.2.1] P=esmtp", Ok(None)),
        ("2026-11-26 11:00:00 1r2-0003-AB Completed", Ok(None)),
    ];
    for (line, expected) in cases {
        let mut recipients = Recipients::new(10);
        let seen = recipients.read_line(line.as_bytes()).map(|seen| match seen {
            Seen::New(domain) => Some(domain.to_string()),
            _ => None,
        });
        assert_eq!(
            seen.as_ref().map(Option::as_deref),
            expected.as_ref().map(|name| *name),
            "{line}"
        );
    }
}

#[test]
fn recipients_are_bounded_and_come_once() {
    let mut recipients = Recipients::new(2);
    let mut read = |line: &str| recipients.read_line(line.as_bytes()).unwrap();
    assert!(matches!(read("a.test"), Seen::New(_)));
    assert_eq!(read("A.test"), Seen::Known);
    assert!(matches!(read("b.test"), Seen::New(_)));
    assert_eq!(read("c.test"), Seen::TooMany);
    assert_eq!(read("b.test"), Seen::Known);
    assert_eq!(read(&"x".repeat(Recipients::LONGEST_LINE + 1)), Seen::Nothing);
    assert_eq!(recipients.count(), 2);
}
