use std::collections::BTreeSet;

use super::{MxPattern, MxPatternError};

#[track_caller]
fn bad(text: &str, expected: &str) {
    let message = MxPattern::parse(text).unwrap_err().to_string();
    assert!(message.contains(expected), "{text:?}: {message:?} lacks {expected:?}");
}

#[test]
fn patterns_are_kept_in_lower_case() {
    for (text, expected) in [
        ("mail.example.com", "mail.example.com"),
        ("MAIL.Example.com", "mail.example.com"),
        ("*.Example.net", "*.example.net"),
        ("localhost", "localhost"), // grammatical
        ("*.test", "*.test"),       // too broad for use, but grammatical
        ("xn--bcher-kva.example", "xn--bcher-kva.example"),
    ] {
        let pattern = MxPattern::parse(text).unwrap();
        assert_eq!(pattern.to_string(), expected);
        assert_eq!(pattern.is_wildcard(), text.starts_with('*'));
        assert_eq!(pattern.base().as_str(), expected.trim_start_matches("*."));
        assert_eq!(pattern.to_string().parse(), Ok(pattern));
    }
}

#[test]
fn a_refused_pattern_says_what_to_write() {
    bad("", "the pattern is empty");
    bad("*", "a wildcard needs a domain");
    bad("*.", "a wildcard needs a domain");
    bad("mail*.example.com", "`*` may only be the whole first label");
    bad("*mail.example.com", "`*` may only be the whole first label");
    bad("*.*.example.com", "`*` may only be the whole first label");
    bad("mail.*.com", "`*` may only be the whole first label");
    bad("**", "`*` may only be the whole first label");
    bad(".example.com", "a leading dot is no wildcard");
    bad("mail.example.com.", "a trailing dot is not allowed");
    bad("*.example.com.", "a trailing dot is not allowed");
    bad("*..example.com", "label 1 is empty");
    bad("a.test,b.test", "an `mx` line of its own");
    bad("a.test b.test", "an `mx` line of its own");
    bad("a.test # the primary", "a policy has no comments");
    bad("10 mail.example.com", "an `mx` line of its own");
    bad("mail.example.com:25", "without a port");
    bad("192.0.2.1", "an IP address is not a domain name");
    bad("*.192.0.2.1", "an IP address is not a domain name");
    bad("[192.0.2.1]", "an IP address is not a domain name");
    bad("2001:db8::1", "an IP address is not a domain name");
    bad("_smtp.example.com", "underscore");
    bad("bücher.example", "write it as A-labels, xn--bcher-kva.example");
    bad("*.bücher.example", "write it as A-labels, *.xn--bcher-kva.example");
    bad("*.büc_her.example", "write it as A-labels");
}

#[test]
fn an_invalid_unicode_name_has_no_proposal() {
    let refused = MxPattern::parse("bü_cher.example");
    assert_eq!(refused, Err(MxPatternError::Unicode { pattern: None }));
}

#[test]
fn a_long_unicode_name_has_no_proposal() {
    let label = "例".repeat(45); // 135 bytes of UTF-8, and still a valid label
    let short = MxPattern::parse(&format!("{label}.test"));
    assert!(matches!(short, Err(MxPatternError::Unicode { pattern: Some(_) })), "{short:?}");
    let long = format!("{label}.{label}.test");
    assert!(mail_domain::DomainName::parse(&long).is_ok());
    assert_eq!(MxPattern::parse(&long), Err(MxPatternError::Unicode { pattern: None }));
}

#[test]
fn order_is_by_zone_then_kind() {
    let sorted: Vec<_> = ["*.b.test", "b.test", "a.b.test", "*.a.test"]
        .map(|text| MxPattern::parse(text).unwrap())
        .into_iter()
        .collect::<BTreeSet<_>>()
        .iter()
        .map(MxPattern::to_string)
        .collect();
    assert_eq!(sorted, ["*.a.test", "b.test", "*.b.test", "a.b.test"]);
}
