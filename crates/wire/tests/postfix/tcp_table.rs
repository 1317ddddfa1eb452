//! The line protocol.

use sealpost_wire::postfix::tcp_table::{
    LONGEST_REQUEST, RequestError, RequestReader, write_reply,
};
use sealpost_wire::postfix::{Key, Profile, Reason, Reply, Table};

use crate::{names, policy, secure};

type Read = (Vec<Key>, Option<RequestError>);

fn keys(reader: &mut RequestReader) -> Read {
    let mut keys = Vec::new();
    loop {
        match reader.next_key() {
            Ok(Some(key)) => keys.push(key),
            Ok(None) => return (keys, None),
            Err(error) => return (keys, Some(error)),
        }
    }
}

/// What comes of the octets, at once and one by one.
fn read(octets: &[u8]) -> Read {
    let mut reader = RequestReader::new();
    reader.push(octets);
    let whole = keys(&mut reader);

    let mut reader = RequestReader::new();
    let mut pieces = (Vec::new(), None);
    for octet in octets {
        reader.push(&[*octet]);
        let (more, error) = keys(&mut reader);
        pieces.0.extend(more);
        pieces.1 = error;
    }
    assert_eq!(pieces, whole, "{}", octets.escape_ascii());
    whole
}

fn domain(name: &str) -> Key {
    Key::Domain(name.parse().unwrap())
}

#[test]
fn requests() {
    let good =
        |octets: &[u8], expected: &[Key]| assert_eq!(read(octets), (expected.to_vec(), None));
    good(b"", &[]);
    good(b"get example.com", &[]); // no line end yet
    good(b"get example.com\n", &[domain("example.com")]);
    good(b"get a.test\nget b.test\nget c", &[domain("a.test"), domain("b.test")]);
    good(b"get ex%61mple%2Ecom\n", &[domain("example.com")]);
    good(b"get b%C3%bccher.example\n", &[domain("xn--bcher-kva.example")]);
    good(b"get \n", &[Key::NotADomain]);
    good(b"get example.com\r\n", &[Key::NotADomain]); // Postfix ends lines with LF alone
    good(b"get a%20b\n", &[Key::NotADomain]);
    good(b"get .example.com\n", &[Key::NotADomain]);
}

#[test]
fn no_requests() {
    let bad = |octets: &[u8], before: usize, expected| {
        let (keys, error) = read(octets);
        assert_eq!((keys.len(), error), (before, Some(expected)), "{}", octets.escape_ascii());
    };
    bad(b"\n", 0, RequestError::NotGet);
    bad(b"get\n", 0, RequestError::NotGet);
    bad(b"put a b\n", 0, RequestError::NotGet);
    bad(b"GET / HTTP/1.1\n", 0, RequestError::NotGet);
    bad(b"get a.test\n17:QUERY\nget b.test\n", 1, RequestError::NotGet);
    bad(b"get %\n", 0, RequestError::Quoting);
    bad(b"get %4\n", 0, RequestError::Quoting);
    bad(b"get %4g\n", 0, RequestError::Quoting);
    bad(b"get %+4\n", 0, RequestError::Quoting);
    let long = |length: usize| ["get ", &"x".repeat(length - 5), "\n"].concat().into_bytes();
    assert_eq!(read(&long(LONGEST_REQUEST)), (vec![Key::NotADomain], None));
    bad(&long(LONGEST_REQUEST + 1), 0, RequestError::TooLong);
}

#[track_caller]
fn check(reply: &Reply, expected: &str) {
    let mut out = Vec::new();
    write_reply(reply, &mut out);
    assert_eq!(out.escape_ascii().to_string(), expected);
}

#[test]
fn replies() {
    let policy = policy(&["*.example.com"]);
    let mx_hosts = names(&["mx.example.com"]);
    check(
        &secure(Profile::Postfix3_9, Table::Tcp, &policy, &mx_hosts),
        r"200 secure%20match=mx.example.com%20servername=hostname%20protocols=!SSLv2:!SSLv3:!TLSv1:!TLSv1.1\n",
    );
    check(&Reply::NotFound, r"500 not%20found\n");
    check(&Reply::Temporary(Reason::new("100% of it\n")), r"400 100%25%20of%20it\n");
    check(&Reply::TimedOut(Reason::new("")), r"400 \n");
    check(&Reply::Permanent(Reason::new("wrong")), r"400 wrong\n"); // 500 would let mail pass
}

#[test]
fn replies_fit_into_a_line() {
    let patterns: Vec<String> = (0..300).map(|number| format!("{number}.test")).collect();
    let policy = policy(&patterns.iter().map(String::as_str).collect::<Vec<_>>());
    for count in [1, 20, 60, 100, 300] {
        let mx_hosts: Vec<&str> = patterns.iter().take(count).map(String::as_str).collect();
        let mx_hosts = names(&mx_hosts);
        for profile in crate::PROFILES {
            let mut line = Vec::new();
            write_reply(&secure(profile, Table::Tcp, &policy, &mx_hosts), &mut line);
            assert!(line.len() <= 4_096 && line.ends_with(b"\n"));
            let code = if count <= 60 || line.starts_with(b"200 ") { "200 " } else { "400 " };
            assert!(line.starts_with(code.as_bytes()), "{count}, {profile:?}");
        }
    }
    // Made for the other protocol.
    let reply = secure(Profile::Postfix, Table::Socketmap, &policy, &[]);
    check(&reply, r"400 the%20answer%20is%20too%20long\n");
}
