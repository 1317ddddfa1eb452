//! Netstrings, good and bad.

use sealpost_wire::socketmap::{NetstringError, NetstringReader, write_netstring};

type Read = (Vec<String>, Option<NetstringError>);

/// What comes of octets that arrive at once, with a limit of 100,000.
fn read(octets: &[u8]) -> Read {
    let mut reader = NetstringReader::new(100_000);
    reader.push(octets);
    payloads(&mut reader)
}

fn payloads(reader: &mut NetstringReader) -> Read {
    let mut payloads = Vec::new();
    loop {
        match reader.next_payload() {
            Ok(Some(payload)) => payloads.push(String::from_utf8_lossy(payload).into_owned()),
            Ok(None) => return (payloads, None),
            Err(error) => return (payloads, Some(error)),
        }
    }
}

#[track_caller]
fn good(octets: &str, expected: &[&str]) {
    let expected = expected.iter().map(|payload| (*payload).to_owned()).collect();
    assert_eq!(read(octets.as_bytes()), (expected, None), "{octets:?}");
}

#[track_caller]
fn bad(octets: &str, before: &[&str], expected: NetstringError) {
    let before = before.iter().map(|payload| (*payload).to_owned()).collect();
    assert_eq!(read(octets.as_bytes()), (before, Some(expected)), "{octets:?}");
}

#[test]
fn whole_netstrings() {
    good("", &[]); // nothing yet
    good("17:QUERY example.com,", &["QUERY example.com"]);
    good("0:,", &[""]); // an empty payload
    good("3:a:b,", &["a:b"]); // the frame's own characters are plain ones inside
    good("3:,,,,", &[",,,"]);
    good("1:a,1:b,1:c,", &["a", "b", "c"]); // several at once
    good("003:abc,", &["abc"]); // Postfix reads leading zeros
    good("00000000000000000003:abc,", &["abc"]); // 20 digits
    good("3:a\nb,", &["a\nb"]); // any octets
}

#[test]
fn what_has_not_all_arrived() {
    for octets in ["1", "17", "17:", "17:QUERY", "17:QUERY example.com"] {
        good(octets, &[]);
    }
    good("1:a,3:ab", &["a"]);
}

#[test]
fn no_netstrings() {
    let letter = |octet| NetstringError::NotALength { octet };
    bad("GET /metrics HTTP/1.1\r\n", &[], letter(b'G')); // HTTP
    bad("get example.com\n", &[], letter(b'g')); // a tcp map
    bad(":,", &[], letter(b':')); // no digits
    bad("-1:a,", &[], letter(b'-'));
    bad("+1:a,", &[], letter(b'+'));
    bad(" 1:a,", &[], letter(b' '));
    bad("1 :a,", &[], letter(b' '));
    bad("0x1:a,", &[], letter(b'x'));
    bad("1:a,\n1:b,", &["a"], letter(b'\n')); // a line end between two
    bad("1:ab", &[], NetstringError::NoComma { octet: b'b' });
    bad("1:a;", &[], NetstringError::NoComma { octet: b';' });
}

#[test]
fn what_is_too_long() {
    let too_long = NetstringError::TooLong { limit: 100_000 };
    let longest = format!("100000:{},", "x".repeat(100_000));
    assert_eq!(read(longest.as_bytes()).0.len(), 1);
    bad("100001", &[], too_long); // known before the payload, even before the colon
    bad("1:a,18446744073709551616:", &["a"], too_long); // 2^64
    bad("99999999999999999999", &[], too_long);
    bad("000000000000000000001", &[], too_long); // 21 digits
}

#[test]
fn a_failure_is_final() {
    let failure = NetstringError::NotALength { octet: b'x' };
    let mut reader = NetstringReader::new(100);
    reader.push(b"x");
    assert_eq!(payloads(&mut reader), (vec![], Some(failure)));
    reader.push(b"1:a,");
    assert_eq!(payloads(&mut reader), (vec![], Some(failure)));
    assert!(!reader.is_between_netstrings());
}

#[test]
fn where_the_other_side_may_close() {
    let mut reader = NetstringReader::new(100);
    assert!(reader.is_between_netstrings());
    for octet in b"2:ab" {
        reader.push(&[*octet]);
        assert_eq!(payloads(&mut reader), (vec![], None));
        assert!(!reader.is_between_netstrings());
    }
    reader.push(b",");
    assert_eq!(payloads(&mut reader).0, ["ab"]);
    assert!(reader.is_between_netstrings());
}

#[test]
fn what_is_written() {
    let mut out = b"before".to_vec();
    write_netstring(b"NOTFOUND ", &mut out);
    write_netstring(b"", &mut out);
    assert_eq!(out.escape_ascii().to_string(), "before9:NOTFOUND ,0:,");
}

#[test]
fn messages_are_clear() {
    let check = |error: NetstringError, text| assert_eq!(error.to_string(), text);
    check(
        NetstringError::NotALength { octet: b'\n' },
        "a netstring begins with its length and a colon, not with \"\\n\"",
    );
    check(NetstringError::TooLong { limit: 7 }, "the netstring is longer than 7 octets");
    check(
        NetstringError::NoComma { octet: 0xff },
        "a netstring ends with a comma, not with \"\\xff\"",
    );
}
