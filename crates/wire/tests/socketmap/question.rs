//! Requests.

use sealpost_wire::postfix::{HostLookup, Key, MapName, SmartHost};
use sealpost_wire::socketmap::{Question, QuestionError, write_reply};

#[track_caller]
fn good(payload: &str, map: MapName, key: Key) {
    assert_eq!(Question::parse(payload.as_bytes()), Ok(Question { map, key }), "{payload:?}");
}

/// The reply to what cannot be answered.
#[track_caller]
fn bad(payload: &[u8], expected: &str) {
    let error = Question::parse(payload).unwrap_err();
    let mut reply = Vec::new();
    write_reply(&error.reply(), &mut reply);
    let reply = String::from_utf8(reply).unwrap();
    assert_eq!(reply.split_once(':').unwrap().1, expected, "{}", payload.escape_ascii());
}

fn domain(name: &str) -> Key {
    Key::Domain(name.parse().unwrap())
}

#[test]
fn questions() {
    good("postfix example.com", MapName::Postfix, domain("example.com"));
    good("postfix-3.10 example.com", MapName::Postfix3_10, domain("example.com"));
    good("postfix-3.9 example.com", MapName::Postfix3_9, domain("example.com"));
    good("postfix-3.3 example.com", MapName::Postfix3_3, domain("example.com"));
    good("exim example.com", MapName::Exim, domain("example.com"));
    good("QUERY example.com", MapName::Query, domain("example.com"));
    good("QUERYwithTLSRPT example.com", MapName::QueryWithTlsRpt, domain("example.com"));
    good("Postfix example.com", MapName::Postfix, domain("example.com")); // any case
    good("querywithtlsrpt example.com", MapName::QueryWithTlsRpt, domain("example.com"));
    good("postfix ", MapName::Postfix, Key::NotADomain); // an empty key
    good("postfix  example.com", MapName::Postfix, Key::NotADomain); // the space is the key's
    good("postfix example.com x", MapName::Postfix, Key::NotADomain);
    good("postfix .example.com", MapName::Postfix, Key::NotADomain); // Postfix asks for parents
    let host = SmartHost {
        domain: "mail.example.com".parse().unwrap(),
        hosts: HostLookup::Address,
        port: Some(587),
    };
    good("exim [mail.example.com]:587", MapName::Exim, Key::SmartHost(host));
}

#[test]
fn what_cannot_be_answered() {
    const LIST: &str =
        "postfix, postfix-3.10, postfix-3.9, postfix-3.3, exim, QUERY, QUERYwithTLSRPT";

    let no_key = "PERM the request has no key: write the map's name, a space, the next hop,";
    bad(b"", no_key);
    bad(b"postfix", no_key);
    let unknown = |name: &str| format!("PERM unknown map name \"{name}\": use {LIST},");
    bad(b"postfix-3.4 example.com", &unknown("postfix-3.4"));
    bad(b" example.com", &unknown(""));
    bad(b"\xc3\xa9\n, example.com", &unknown(r"\xc3\xa9\n,"));
    // However long the name is, the list is all there.
    bad(&[&[0xff; 16], &b" example.com"[..]].concat(), &unknown(&r"\xff".repeat(16)));
    let longer = format!("{}...", r"\xff".repeat(16));
    bad(&[&[0xff; 9_000], &b" example.com"[..]].concat(), &unknown(&longer));
}

#[test]
fn the_list_names_every_map() {
    assert_eq!(MapName::ALL.map(MapName::as_str).join(", "), MapName::LIST);
    for map in MapName::ALL {
        assert_eq!(MapName::parse(map.as_str().as_bytes()), Some(map));
    }
    assert!(matches!(Question::parse(b"tcp a.test"), Err(QuestionError::UnknownMap { .. })));
}
