//! RFC 5321 section 4.1.1.1: EHLO and its answer.

use std::net::IpAddr;

use sealpost_wire::smtp::{Ehlo, EhloName, EhloNameError, Limits, Reply, ReplyReader};

fn reply(text: &str) -> Reply {
    match ReplyReader::new(Limits::default()).push(text.replace('\n', "\r\n").as_bytes()) {
        Ok(Some(reply)) => reply,
        other => panic!("{text:?} gave {other:?}"),
    }
}

fn ehlo(text: &str) -> Ehlo {
    match Ehlo::read(&reply(text)) {
        Some(ehlo) => ehlo,
        None => panic!("{text:?} is a refusal"),
    }
}

#[test]
fn extensions_and_the_name_of_the_server() {
    let ehlo = ehlo(
        "250-mx.example at your service\n250-SIZE 1000\n250-AUTH=LOGIN\n250-x  y z\n250 8BITMIME\n",
    );
    assert_eq!(ehlo.domain, "mx.example");
    let keywords: Vec<_> = ehlo.extensions.iter().map(|e| e.keyword.as_str()).collect();
    assert_eq!(keywords, ["SIZE", "X", "8BITMIME"]);
    assert_eq!(
        ehlo.extension("X").map(|e| e.parameters.clone()),
        Some(vec!["y".into(), "z".into()])
    );
    assert_eq!(ehlo.malformed, ["AUTH=LOGIN"]);
    assert!(!ehlo.offers("mx.example"));
    assert!(!ehlo.offers_starttls() && !ehlo.offers_requiretls());
}

//= https://www.rfc-editor.org/rfc/rfc5321#section-4.1.1.1
//= type=test
//# Although EHLO keywords may be specified in upper, lower, or mixed
//# case, they MUST always be recognized and processed in a case-
//# insensitive manner.
#[test]
fn keywords_know_no_case() {
    let ehlo = ehlo("250-mx.example\n250-StartTLS\n250 requiretls\n");
    assert!(ehlo.offers_starttls() && ehlo.offers_requiretls() && ehlo.offers("starttls"));
}

//= https://www.rfc-editor.org/rfc/rfc5321#section-4.1.1.1
//= type=test
//# ehlo-keyword   = (ALPHA / DIGIT) *(ALPHA / DIGIT / "-")
#[test]
fn only_a_whole_keyword_at_the_beginning_counts() {
    for line in ["STARTTLSX", "X STARTTLS", "XSTARTTLS", "START TLS", "STARTTLS_", "-STARTTLS"] {
        assert!(!ehlo(&format!("250-mx.example\n250 {line}\n")).offers_starttls(), "{line}");
    }
    assert!(!ehlo("250 STARTTLS\n").offers_starttls(), "the first line names the server");
    assert!(ehlo("250-mx.example\n250 STARTTLS \n").offers_starttls());
}

#[test]
fn a_refusal_offers_nothing() {
    assert_eq!(Ehlo::read(&reply("502-no\n502 STARTTLS\n")), None);
    assert_eq!(Ehlo::read(&reply("421 4.3.2 later\n")), None);
}

#[test]
fn size_limits() {
    let size = |line: &str| ehlo(&format!("250-mx.example\n250 {line}\n")).size_limit();
    assert_eq!(size("SIZE 52428800"), Some(52_428_800));
    assert_eq!(size("size 18446744073709551615"), Some(u64::MAX));
    for none in ["SIZE", "SIZE 0", "SIZE x", "SIZE +1", "SIZE 18446744073709551616", "SIZES 1"] {
        assert_eq!(size(none), None, "{none}");
    }
}

#[test]
fn masked_keywords_are_recognised() {
    let masked = |line: &str| {
        ehlo(&format!("250-mx.example\n250-SIZE\n250 {line}\n")).masked_keyword().map(str::to_owned)
    };
    assert_eq!(masked("XXXXXXXA"), Some("XXXXXXXA".into()));
    assert_eq!(masked("xxxxxxxx"), Some("XXXXXXXX".into()));
    assert_eq!(masked("XCLIENT"), None);
    assert_eq!(masked("STARTTLS"), None);
}

//= https://www.rfc-editor.org/rfc/rfc5321#section-4.1.1.1
//= type=test
//# ehlo           = "EHLO" SP ( Domain / address-literal ) CRLF
#[test]
fn names_of_the_client() {
    let label = "a".repeat(63);
    let longest = format!("{label}.{label}.{label}.{label}");
    for good in [
        "mail.example.com",
        "a",
        "xn--a.example",
        "1-2.test",
        "[192.0.2.1]",
        "[IPv6:2001:db8::1]",
        &longest,
    ] {
        assert_eq!(EhloName::parse(good).map(|name| name.to_string()), Ok(good.to_owned()));
    }
    let bad = [
        ("", EhloNameError::Empty),
        ("a.example\r\nMAIL FROM:<x@y.test>", EhloNameError::Domain),
        ("a.example\n", EhloNameError::Domain),
        ("a.example\r", EhloNameError::Domain),
        ("a b", EhloNameError::Domain),
        ("a_b.example", EhloNameError::Domain),
        ("bücher.example", EhloNameError::Domain),
        ("-a.example", EhloNameError::Domain),
        ("a-.example", EhloNameError::Domain),
        ("a..example", EhloNameError::Domain),
        ("a.example.", EhloNameError::Domain),
        ("[192.0.2.1", EhloNameError::AddressLiteral),
        ("[192.0.2.256]", EhloNameError::AddressLiteral),
        ("[2001:db8::1]", EhloNameError::AddressLiteral),
        ("[IPv6:192.0.2.1]", EhloNameError::AddressLiteral),
        ("[]", EhloNameError::AddressLiteral),
        ("[192.0.2.1]\r\nQUIT", EhloNameError::AddressLiteral),
    ];
    for (text, error) in bad {
        assert_eq!(EhloName::parse(text), Err(error), "{text:?}");
    }
    assert_eq!(EhloName::parse(&format!("{label}.a")).map(|_| ()), Ok(()));
    assert_eq!(EhloName::parse(&format!("{label}a")), Err(EhloNameError::Domain));
    assert_eq!(EhloName::parse(&format!("{longest}a")), Err(EhloNameError::TooLong));
}

#[test]
fn a_name_from_an_address() {
    for address in ["192.0.2.1", "2001:db8::1", "::ffff:192.0.2.1"] {
        let address: IpAddr = address.parse().unwrap();
        let name = EhloName::from_address(address);
        assert_eq!(EhloName::parse(name.as_str()), Ok(name));
    }
}
