//! RFC 8461 §4.1: MX host validation.

use mail_domain::DomainName;
use mta_sts::{MxPattern, Policy};

#[track_caller]
fn matches(pattern: &str, mx: &str) -> bool {
    let mx = DomainName::parse(mx).unwrap();
    MxPattern::parse(pattern).unwrap().matches(&mx)
}

//= https://www.rfc-editor.org/rfc/rfc8461#section-4.1
//= type=test
//# Matching is identical to the rules
//# given in [RFC6125], with the restriction that the wildcard character
//# '*' may only be used to match the entire left-most label in the
//# presented identifier.  Thus, the mx pattern "*.example.com" matches
//# "mail.example.com" but not "example.com" or "foo.bar.example.com".
#[test]
fn a_wildcard_stands_for_exactly_one_label() {
    assert!(matches("*.example.com", "mail.example.com"));
    assert!(matches("*.example.com", "MAIL.example.COM.")); // as DNS gives it
    assert!(matches("*.EXAMPLE.com", "mail.example.com"));
    assert!(matches("*.example.com", "xn--bcher-kva.example.com"));
    assert!(!matches("*.example.com", "example.com"));
    assert!(!matches("*.example.com", "foo.bar.example.com"));
    assert!(!matches("*.example.com", "mailexample.com"));
    assert!(!matches("*.example.com", "mail.example.com.test"));
    assert!(!matches("*.test", "a.b.test"));
    assert!(!matches("*.test", "test"));
}

#[test]
fn a_name_stands_for_itself() {
    assert!(matches("mail.example.com", "mail.example.com"));
    assert!(matches("Mail.Example.Com", "mail.example.com."));
    assert!(matches("xn--bcher-kva.example", "bücher.example"));
    assert!(!matches("mail.example.com", "example.com"));
    assert!(!matches("example.com", "mail.example.com"));
    assert!(!matches("mail.example.com", "mail.example.org"));
}

#[test]
fn patterns_in_the_field_that_cover_less_than_hoped() {
    assert!(!matches("*.google.com", "alt1.aspmx.l.google.com"));
    assert!(matches("*.aspmx.l.google.com", "alt1.aspmx.l.google.com"));
    assert!(!matches("*.aspmx.l.google.com", "aspmx.l.google.com"));
    assert!(!matches("*.mx.microsoft", "contoso-com.a-v1.mx.microsoft"));
    assert!(!matches("mail.protection.outlook.com", "contoso-com.mail.protection.outlook.com"));
}

//= https://www.rfc-editor.org/rfc/rfc8461#section-4.1
//= type=test
//# A receiving candidate MX host is valid according to an applied MTA-
//# STS Policy if the MX record name matches one or more of the "mx"
//# fields in the applied policy.
#[test]
fn one_matching_pattern_is_enough() {
    let body = b"version: STSv1\nmode: enforce\nmx: a.test\nmx: *.b.test\nmx: c.b.test\nmax_age: 1";
    let policy = Policy::parse(body).unwrap();
    let covering =
        |mx: &str| policy.covers(&DomainName::parse(mx).unwrap()).map(MxPattern::to_string);
    assert_eq!(covering("a.test").as_deref(), Some("a.test"));
    assert_eq!(covering("c.b.test").as_deref(), Some("*.b.test")); // the first of two
    assert_eq!(covering("b.test"), None);
    assert_eq!(covering("d.test"), None);
}
