//! Section 3: the record.

use tls_rpt::{
    Extension, FieldFault, Host, LocalPartFault, MailAddress, Record, RecordDefectKind as Kind,
    ReportUri, Selection, UriError, select_record,
};

/// A record that a sender can use; `written` is how it is written out again.
fn good(text: &str, written: &str) {
    let reading = Record::read(text.as_bytes());
    let fatal: Vec<_> = reading.defects.iter().filter(|d| d.kind.is_fatal()).collect();
    assert!(fatal.is_empty(), "{text:?} has fatal defects: {fatal:?}");
    assert_eq!(Record::parse(text.as_bytes()).map(|r| r.to_string()), Ok(written.to_owned()));
}

/// A record that no sender can use, its first fatal defect, and the text that this defect marks.
fn bad(text: &str, kind: Kind, marked: &str) {
    match Record::parse(text.as_bytes()) {
        Ok(record) => panic!("{text:?} was read as {record}"),
        Err(error) => {
            let found = text.get(error.defect.span.range());
            assert_eq!((error.defect.kind, found), (kind, Some(marked)), "in {text:?}");
        }
    }
}

/// A usable record, with the defects that it has all the same.
fn flawed(text: &str, kinds: &[(Kind, &str)]) {
    assert!(Record::parse(text.as_bytes()).is_ok(), "{text:?} was refused");
    let reading = Record::read(text.as_bytes());
    let found: Vec<_> = reading
        .defects
        .iter()
        .map(|defect| (defect.kind.clone(), text.get(defect.span.range()).unwrap_or("?")))
        .collect();
    assert_eq!(found, kinds, "in {text:?}");
}

fn unknown(name: &str) -> Kind {
    Kind::UnknownField { name: name.to_owned() }
}

fn duplicate(name: &str) -> Kind {
    Kind::DuplicateField { name: name.to_owned() }
}

fn invalid(reason: UriError) -> Kind {
    Kind::UriInvalid { reason }
}

fn malformed(fault: FieldFault) -> Kind {
    Kind::MalformedField { fault }
}

const MAILTO: &str = "v=TLSRPTv1; rua=mailto:a@b.test";

//= https://www.rfc-editor.org/rfc/rfc8460#section-3
//= type=test
//# tlsrpt-record     = tlsrpt-version 1*(field-delim tlsrpt-field)
//# [field-delim]
#[test]
fn records_that_can_be_used() {
    good("v=TLSRPTv1;rua=mailto:reports@example.com", "v=TLSRPTv1; rua=mailto:reports@example.com");
    good(
        "v=TLSRPTv1; rua=https://reporting.example.com/v1/tlsrpt",
        "v=TLSRPTv1; rua=https://reporting.example.com/v1/tlsrpt",
    );
    good("v=TLSRPTv1;rua=mailto:a@b.test;", MAILTO); // a delimiter at the end
    good("v=TLSRPTv1;rua=mailto:a@b.test \t; \t", MAILTO); // with white space round it
    good("v=TLSRPTv1\t ;\t rua=mailto:a@b.test", MAILTO); // white space round every delimiter
    good("v=TLSRPTv1;x=1;rua=mailto:a@b.test", "v=TLSRPTv1; rua=mailto:a@b.test; x=1"); // any order
    good(
        "v=TLSRPTv1; rua=mailto:a@b.test \t,\t https://c.test,mailto:d@e.test",
        "v=TLSRPTv1; rua=mailto:a@b.test,https://c.test,mailto:d@e.test",
    );
    good("v=TLSRPTv1;rua=mailto:a@b.test;v=x", MAILTO); // another `v` is no version
}

//= https://www.rfc-editor.org/rfc/rfc8460#section-3
//= type=test
//# tlsrpt-version    = %s"v=TLSRPTv1"
//= https://www.rfc-editor.org/rfc/rfc8460#section-3
//= type=test
//# This document defines version 1 of TLSRPT, for which this
//# value MUST be equal to "TLSRPTv1".
#[test]
fn the_version_comes_first_and_is_exact() {
    let rest = ";rua=mailto:a@b.test";
    for version in ["V=TLSRPTv1", "v=tlsrptv1", "v = TLSRPTv1", "v=TLSRPTv2", "v=TLSRPTv1.0", "v="]
    {
        bad(&format!("{version}{rest}"), Kind::VersionInvalid, version);
    }
    bad("\"v=TLSRPTv1;rua=mailto:a@b.test\"", Kind::VersionInvalid, "\"v=TLSRPTv1"); // stray quotes
    bad("v=TLSRPTv1 rua=mailto:a@b.test", Kind::VersionInvalid, "v=TLSRPTv1 rua=mailto:a@b.test");
    bad("rua=mailto:a@b.test", Kind::VersionMissing, "");
    bad("rua=mailto:a@b.test;v=TLSRPTv1", Kind::VersionNotFirst, "v=TLSRPTv1");
    bad("TLSRPTv1;rua=mailto:a@b.test", malformed(FieldFault::EqualsMissing), "TLSRPTv1");
    bad("", Kind::VersionMissing, "");
    bad(" \t", Kind::LeadingSpace, " \t");
    bad("  v=TLSRPTv1;rua=mailto:a@b.test", Kind::LeadingSpace, "  ");
    bad(";v=TLSRPTv1;rua=mailto:a@b.test", Kind::EmptyField, ";");
}

#[test]
fn records_outside_the_grammar() {
    bad("v=TLSRPTv1", Kind::RuaMissing, "");
    bad("v=TLSRPTv1;", Kind::RuaMissing, "");
    bad("v=TLSRPTv1 ", Kind::TrailingSpace, " ");
    bad("v=TLSRPTv1;;rua=mailto:a@b.test", Kind::EmptyField, ";");
    bad("v=TLSRPTv1; \t;rua=mailto:a@b.test", Kind::EmptyField, " \t;");
    bad("v=TLSRPTv1;rua=mailto:a@b.test;;", Kind::EmptyField, ";");
    bad("v=TLSRPTv1;rua=mailto:a@b.test  ", Kind::TrailingSpace, "  ");
    bad("v=TLSRPTv1;RUA=mailto:a@b.test", Kind::RuaMissing, ""); // names are case-sensitive
    bad("v=TLSRPTv1;rua =mailto:a@b.test", malformed(FieldFault::Name), "rua =mailto:a@b.test");
    bad("v=TLSRPTv1;rua=mailto:a@b.test;x", malformed(FieldFault::EqualsMissing), "x");
    bad("v=TLSRPTv1;rua=mailto:a@b.test;=y", malformed(FieldFault::Name), "=y");
    bad("v=TLSRPTv1;rua=mailto:a@b.test;_x=y", malformed(FieldFault::Name), "_x=y");
    bad("v=TLSRPTv1;rua=mailto:a@b.test;x=", malformed(FieldFault::ValueMissing), "x=");
    bad("v=TLSRPTv1;rua=mailto:a@b.test;x=y=z", malformed(FieldFault::Value), "x=y=z");
    bad("v=TLSRPTv1;rua=mailto:a@b.test;x=y z", malformed(FieldFault::Value), "x=y z");
    bad("v=TLSRPTv1;rua=mailto:a@b.test;x=\u{7}", malformed(FieldFault::Value), "x=\u{7}");
    bad("v=TLSRPTv1;rua=mailto:ä@b.test", Kind::NotUsAscii, "ä");
    let name = "n".repeat(33);
    bad(&format!("{MAILTO};{name}=y"), malformed(FieldFault::Name), &format!("{name}=y"));
    good(&format!("{MAILTO}; {}=y", "n".repeat(32)), &format!("{MAILTO}; {}=y", "n".repeat(32)));
}

#[test]
fn a_record_longer_than_dns_allows_is_not_read() {
    let longest = format!("{MAILTO};x={}", "y".repeat(Record::MAX_LENGTH - MAILTO.len() - 3));
    assert_eq!(longest.len(), Record::MAX_LENGTH);
    assert!(Record::parse(longest.as_bytes()).is_ok());
    let longer = longest + "y";
    bad(&longer, Kind::TooLong, &longer);
    assert!(Record::read(longer.as_bytes()).rua.is_empty());
}

/// For each of these tlsrpt-reporter 0.6.0 sends no report at all.
#[test]
fn records_that_are_legal_or_nearly_so_keep_their_destinations() {
    for (text, destinations) in [
        ("v=TLSRPTv1; rua=mailto:a@x.test , mailto:b@x.test", &["a@x.test", "b@x.test"][..]),
        ("v=TLSRPTv1; rua=mailto:a@x.test, mailto:b@x.test", &["a@x.test", "b@x.test"]),
        ("v=TLSRPTv1; foo=bar; rua=mailto:a@x.test", &["a@x.test"]),
        ("v=TLSRPTv1 ; rua=mailto:a@x.test", &["a@x.test"]),
        ("v=TLSRPTv1; rua=tel:1,mailto:a@x.test", &["a@x.test"]),
        ("v=TLSRPTv1; rua=HTTPS://x.test/v1", &["x.test"]),
        ("v=TLSRPTv1; rua=mailto:a%21b@x.test?subject=y", &["a!b@x.test"]),
    ] {
        let record = Record::parse(text.as_bytes());
        let record = record.unwrap_or_else(|error| panic!("{text:?}: {error}"));
        let found: Vec<_> = record
            .rua
            .iter()
            .map(|uri| match uri {
                ReportUri::Mailto(uri) => uri.address(),
                ReportUri::Https(uri) => uri.host().to_string(),
            })
            .collect();
        assert_eq!(found, destinations, "{text:?}");
    }
}

#[test]
fn white_space_before_the_first_semicolon_is_only_advised_against() {
    flawed("v=TLSRPTv1 ;rua=mailto:a@b.test", &[(Kind::SpaceBeforeSemicolon, " ")]);
    flawed("v=TLSRPTv1;rua=mailto:a@b.test ;", &[]);
}

//= https://www.rfc-editor.org/rfc/rfc8460#section-3
//= type=test
//# Parsers MUST accept TXT records that are syntactically valid (i.e.,
//# valid key/value pairs separated by semicolons) and implement a
//# superset of this specification, in which case unknown fields SHALL be
//# ignored.
#[test]
fn unknown_fields_are_ignored_and_kept() {
    flawed(
        "v=TLSRPTv1;a.b-c_d=!~<>;rua=mailto:a@b.test;RUA=x",
        &[(unknown("a.b-c_d"), "a.b-c_d=!~<>"), (unknown("RUA"), "RUA=x")],
    );
    let record = Record::parse(b"v=TLSRPTv1;a.b-c_d=!~<>;rua=mailto:a@b.test").unwrap();
    assert_eq!(record.extensions, [Extension::new("a.b-c_d", "!~<>").unwrap()]);
}

#[test]
fn of_a_field_given_twice_the_first_counts() {
    flawed(
        "v=TLSRPTv1;rua=mailto:a@b.test;rua=https://c.test/",
        &[(duplicate("rua"), "rua=https://c.test/")],
    );
    flawed("v=TLSRPTv1;rua=mailto:a@b.test;v=TLSRPTv2", &[(duplicate("v"), "v=TLSRPTv2")]);
    flawed(
        "v=TLSRPTv1;rua=mailto:a@b.test;x=1;x=2",
        &[(unknown("x"), "x=1"), (duplicate("x"), "x=2")],
    );
    bad("v=TLSRPTv1;rua=ftp://x;rua=mailto:a@b.test", Kind::NoUsableUri, "ftp://x"); // even if wrong
}

//= https://www.rfc-editor.org/rfc/rfc8460#section-3
//= type=test
//# tlsrpt-rua        = %s"rua="
//# tlsrpt-uri *(*WSP "," *WSP tlsrpt-uri)
#[test]
fn uris_are_judged_one_by_one() {
    let usable = "mailto:ok@b.test";
    let one_bad = |uri: &str, kind: Kind| {
        flawed(&format!("v=TLSRPTv1;rua={uri},{usable}"), &[(kind.clone(), uri)]);
        flawed(&format!("v=TLSRPTv1;rua={usable} , {uri};"), &[(kind, uri)]);
        bad(&format!("v=TLSRPTv1;rua={uri}"), Kind::NoUsableUri, uri);
    };
    one_bad("http://r.test/", Kind::UriSchemeUnknown { scheme: "http".into() });
    one_bad("FTP://r.test/", Kind::UriSchemeUnknown { scheme: "ftp".into() });
    one_bad("mailto:a@b.test!10m", invalid(UriError::MustBeEncoded { character: '!' })); // DMARC
    one_bad("a@b.test", invalid(UriError::SchemeMissing));
    one_bad("mailto:a@b.test mailto:c@d.test", invalid(UriError::Character { character: ' ' }));
    one_bad("", invalid(UriError::Empty));
    flawed(
        "v=TLSRPTv1;rua=mailto:a@b.test,mailto:a@b.test",
        &[(Kind::DuplicateUri, "mailto:a@b.test")],
    );
    flawed(
        "v=TLSRPTv1;rua= mailto:a@b.test,https://c.test",
        &[(invalid(UriError::LeadingSpace), " mailto:a@b.test")],
    );
}

//= https://www.rfc-editor.org/rfc/rfc8460#section-3
//= type=test
//# commas (ASCII 0x2C), exclamation
//# points (ASCII 0x21), and semicolons
//# (ASCII 0x3B) MUST be encoded
#[test]
fn commas_and_semicolons_in_the_open_split() {
    flawed(
        "v=TLSRPTv1;rua=mailto:c@d.test,b@e.test",
        &[(invalid(UriError::SchemeMissing), "b@e.test")],
    );
    bad("v=TLSRPTv1;rua=https://c.test/a;b", malformed(FieldFault::EqualsMissing), "b");
    flawed("v=TLSRPTv1;rua=https://c.test/?a=1;b=2", &[(unknown("b"), "b=2")]);
    flawed("v=TLSRPTv1;rua=https://c.test/%2C%21%3B", &[]);
}

fn mailto(text: &str, address: &str) {
    match ReportUri::parse(text) {
        Ok(ReportUri::Mailto(uri)) => {
            assert_eq!(uri.address(), address);
            assert_eq!(uri.as_str(), text);
            assert_eq!(format!("{}@{}", uri.local_part(), uri.domain()), address);
        }
        other => panic!("{text:?} was read as {other:?}"),
    }
}

/// An address that stands by itself is none of a URI, and its faults do not speak of one.
#[test]
fn an_address_by_itself() {
    let bad = |text: &str, says: &str| {
        let error = MailAddress::parse(text).unwrap_err().to_string();
        assert!(error.contains(says) && !error.contains("mailto"), "{text:?}: {error}");
    };
    assert_eq!(MailAddress::parse("a+b@C.test").unwrap().to_string(), "a+b@c.test");
    bad("nobody", "has an `@`: write one such as `tls-reports@example.com`");
    bad("", "has an `@`");
    bad("@c.test", "the part before `@` is missing");
    bad("a b@c.test", "the part before `@` holds a character");
    bad("a@", "the part after `@` is no mail domain");
    bad("a@-c.test", "the part after `@` is no mail domain");
}

fn https(text: &str, host: &str, port: u16) {
    match ReportUri::parse(text) {
        Ok(ReportUri::Https(uri)) => {
            assert_eq!((uri.host().to_string().as_str(), uri.port()), (host, port), "in {text:?}");
            assert_eq!(uri.as_str(), text);
        }
        other => panic!("{text:?} was read as {other:?}"),
    }
}

fn refused(text: &str, error: UriError) {
    assert_eq!(ReportUri::parse(text), Err(error), "of {text:?}");
}

//= https://www.rfc-editor.org/rfc/rfc8460#section-3
//= type=test
//# In the case of "mailto", reports should be submitted to the
//# specified email address [RFC6068].
#[test]
fn mailto_uris() {
    let local_part = |fault| UriError::LocalPart { fault };
    mailto("mailto:tls-reports@example.com", "tls-reports@example.com");
    mailto("MailTo:a@B.Test", "a@b.test"); // schemes and domains know no case
    mailto("mailto:a@b.test?subject=x/y?z", "a@b.test");
    mailto("mailto:a@b.test?", "a@b.test");
    mailto("mailto:a@b.test#f", "a@b.test");
    mailto("mailto:a%21b@c.test", "a!b@c.test"); // decoded
    mailto("mailto:a%2Bb+c@%63.test", "a+b+c@c.test");
    mailto("mailto:%22a%2Cb%20%5C%22%22@c.test", "\"a,b \\\"\"@c.test"); // a quoted string
    mailto("mailto:a@b%C3%BCcher.test", "a@xn--bcher-kva.test");
    mailto(&format!("mailto:{}@b.test", "a".repeat(64)), &format!("{}@b.test", "a".repeat(64)));

    refused("mailto:", UriError::MailboxMissing);
    refused("mailto:?to=a@b.test", UriError::MailboxMissing);
    refused("mailto:example.com", UriError::MailboxMissing);
    refused("mailto:@b.test", local_part(LocalPartFault::Empty));
    refused(&format!("mailto:{}@b.test", "a".repeat(65)), local_part(LocalPartFault::TooLong));
    refused("mailto:a..b@c.test", local_part(LocalPartFault::Dot));
    refused("mailto:.a@c.test", local_part(LocalPartFault::Dot));
    refused("mailto:a.@c.test", local_part(LocalPartFault::Dot));
    refused("mailto:a%20b@c.test", local_part(LocalPartFault::Character));
    refused("mailto:a%0D%0Ab@c.test", local_part(LocalPartFault::Character)); // no line breaks get in
    refused("mailto:a@b.test%2Cc@d.test", local_part(LocalPartFault::Character)); // one mailbox only
    refused("mailto:%22a%0Ab%22@c.test", local_part(LocalPartFault::Character));
    refused("mailto:%22a@c.test", local_part(LocalPartFault::Quoting));
    refused("mailto:%22a%22b@c.test", local_part(LocalPartFault::Quoting));
    refused("mailto:%22a%5C%22@c.test", local_part(LocalPartFault::Quoting));
    refused("mailto:%FF@c.test", local_part(LocalPartFault::Character));
    refused("mailto:%C3%A9@c.test", local_part(LocalPartFault::Character));
    refused("mailto:a@[192.0.2.1]", UriError::Character { character: '[' });
    for domain in ["", "-b.test", "b_c.test", "%5B192.0.2.1%5D", "b.test%0D%0A"] {
        let error = ReportUri::parse(&format!("mailto:a@{domain}")).unwrap_err();
        assert!(matches!(error, UriError::MailDomain { .. }), "{domain:?} gave {error:?}");
    }
}

//= https://www.rfc-editor.org/rfc/rfc8460#section-3
//= type=test
//# In the case of "https", reports should be submitted via POST
//# [RFC7231] to the specified URI.
#[test]
fn https_uris() {
    https("https://r.example.com/v1/tlsrpt", "r.example.com", 443);
    https("HTTPS://R.Test", "r.test", 443);
    https("https://u:p@h.test:8443/x?y=", "h.test", 8443);
    https("https://u:p@h/x", "h", 443);
    https("https://h.test:/x", "h.test", 443); // an empty port
    https("https://h.test?x", "h.test", 443);
    https("https://h.test#x", "h.test", 443);
    https("https://192.0.2.1/x", "192.0.2.1", 443);
    https("https://[2001:db8::1]:444/x", "2001:db8::1", 444);
    https("https://%68.test/%2C", "h.test", 443);
    assert!(matches!(
        ReportUri::parse("https://[::1]"),
        Ok(ReportUri::Https(uri)) if matches!(uri.host(), Host::Address(a) if a.is_loopback())
    ));

    refused("https:", UriError::HostMissing);
    refused("https:r.test/x", UriError::HostMissing);
    refused("https://", UriError::HostMissing);
    refused("https:///x", UriError::HostMissing);
    refused("https://u@/x", UriError::HostMissing);
    refused("https://:443/x", UriError::HostMissing);
    refused("https://h.test:0", UriError::Port);
    refused("https://h.test:65536", UriError::Port);
    refused("https://h.test:+1", UriError::Port);
    refused("https://h.test:1:2", UriError::Port);
    refused("https://[::1]1", UriError::Port);
    refused("https://[::1", UriError::Ipv6);
    refused("https://[h.test]", UriError::Ipv6);
    refused("https://a@b@h.test/", UriError::Character { character: '@' });
    refused("https://h.test/[", UriError::Character { character: '[' });
    refused("https://h.test/?]", UriError::Character { character: ']' });
    refused("https://h.test/#a#b", UriError::Character { character: '#' });
    refused("https://h.test/\\", UriError::Character { character: '\\' });
    for host in ["h_x.test", "%FF.test", "-h.test", "300.1.1.1"] {
        let error = ReportUri::parse(&format!("https://{host}/")).unwrap_err();
        assert!(matches!(error, UriError::Host { .. }), "{host:?} gave {error:?}");
    }
}

#[test]
fn texts_that_are_no_uri() {
    refused("", UriError::Empty);
    refused("mailto", UriError::SchemeMissing);
    refused(":x", UriError::SchemeMissing);
    refused("1a:x", UriError::SchemeMissing);
    refused("a@b.test:x", UriError::SchemeMissing);
    refused("mailto:a%@b.test", UriError::PercentEncoding);
    refused("mailto:a@b.test%2", UriError::PercentEncoding);
    refused("mailto:a%\u{e4}@b.test", UriError::PercentEncoding);
    refused("mailto:\u{e4}@b.test", UriError::Character { character: 'ä' });
    refused("mailto:<a@b.test>", UriError::Character { character: '<' });
    for character in [',', '!', ';'] {
        refused(&format!("https://h.test/{character}"), UriError::MustBeEncoded { character });
    }
    refused("data+x.y-z:", UriError::SchemeUnknown { scheme: "data+x.y-z".into() });
}

#[test]
fn extensions_follow_the_grammar() {
    let malformed = tls_rpt::ExtensionError::Malformed;
    assert_eq!(Extension::new("rua", "x"), Err(tls_rpt::ExtensionError::Reserved));
    assert_eq!(Extension::new("v", "x"), Err(tls_rpt::ExtensionError::Reserved));
    assert_eq!(Extension::new("", "x"), Err(malformed(FieldFault::Name)));
    assert_eq!(Extension::new("x", ""), Err(malformed(FieldFault::ValueMissing)));
    assert_eq!(Extension::new("x", "a;b"), Err(malformed(FieldFault::Value)));
}

//= https://www.rfc-editor.org/rfc/rfc8460#section-3
//= type=test
//# If multiple TXT records for "_smtp._tls" are returned by the
//# resolver, records that do not begin with "v=TLSRPTv1;" are discarded.
//# If the number of resulting records is not one, senders MUST assume
//# the recipient domain does not implement TLSRPT.
#[test]
fn exactly_one_record_counts() {
    let check = |texts: &[&str], expected: Selection| {
        assert_eq!(select_record(texts.iter().map(|t| t.as_bytes())), expected, "of {texts:?}");
    };
    let none = |near_misses: &[usize]| Selection::None { near_misses: near_misses.to_vec() };
    let record = "v=TLSRPTv1;rua=mailto:a@b.test";
    let spaced = "v=TLSRPTv1 \t;rua=mailto:a@b.test";

    check(&[], none(&[]));
    check(&[record], Selection::One(0));
    check(&["v=spf1 -all", record, "x"], Selection::One(1));
    check(&[record, "x", record], Selection::Several(vec![0, 2]));
    check(&["v=TLSRPTv1;"], Selection::One(0)); // counts, and is wrong
    check(&[spaced], Selection::One(0)); // alone, by the grammar
    check(&[spaced, "x"], none(&[0])); // among others, by the letter
    check(&[spaced, spaced], none(&[0, 1]));
    check(&[record, spaced], Selection::One(0));
    check(&["v=TLSRPTv2;rua=mailto:a@b.test", "v=spf1 -all", "V=tlsrptv1;"], none(&[0, 2]));
    check(&[spaced, "v=TLSRPTv2;", "x"], none(&[0, 1]));
    check(&["v=TLSRPTv1"], none(&[0]));
    check(&["v=TLSRPTv1\n;rua=mailto:a@b.test"], none(&[0]));
    check(&["\"v=TLSRPTv1; rua=mailto:a@b.test\""], none(&[0]));
    check(&["v=spf1 -all"], none(&[])); // a wildcard's answer
}
