//! RFC 7672 §3.2: which names a certificate may be for.

use std::slice::from_ref;

use dane::{DaneOutcome, FailureCause, Route, TlsaSet, reference_identifiers, verify};
use mail_domain::DomainName;
use rcgen::{CertificateParams, CustomExtension, SanType};

use crate::fixture::{Authority, Leaf, MX, NOW, bad, compare, domain, good, named, params, record};

/// Is a certificate with these parameters accepted under DANE-TA for these names?
fn accepted(params: &CertificateParams, references: &[&str]) -> bool {
    let root = Authority::root("Root");
    let leaf = root.issue(params);
    let set = TlsaSet::new([record([2, 0, 1], &root)]);
    let references: Vec<DomainName> = references.iter().map(|name| domain(name)).collect();
    let outcome = verify(&set, &[&leaf, &root], &references, NOW);
    if let DaneOutcome::NotAuthenticated { failures } = &outcome {
        assert!(matches!(failures[0].cause, FailureCause::NameMismatch { .. }), "{outcome:?}");
    }
    outcome.is_authenticated()
}

//= https://www.rfc-editor.org/rfc/rfc7672#section-3.2.1
//= type=test
//# The SMTP client MUST NOT perform certificate name checks with
//# certificate usage DANE-EE(3) (Section 3.1.1).
//= https://www.rfc-editor.org/rfc/rfc7672#section-3.2.2
//= type=test
//# To match a server via a TLSA record with certificate usage
//# DANE-TA(2), the client MUST perform name checks to ensure that it has
//# reached the correct server.
#[test]
fn a_wrong_name_by_usage() {
    let root = Authority::root("Root");
    let leaf = root.issue(&params(&["other.test", "another.test"]));
    good(record([3, 1, 1], &leaf), &[&leaf, &root], Some(0));
    let presented = vec!["other.test".into(), "another.test".into()];
    let cause = FailureCause::NameMismatch { presented };
    for numbers in [[2, 0, 1], [2, 1, 1], [2, 0, 0], [2, 1, 0]] {
        bad(record(numbers, &root), &[&leaf, &root], cause.clone());
    }
    bad(record([2, 0, 0], &root), &[&leaf], cause.clone());
    bad(record([2, 1, 0], &root), &[&leaf], cause);
    assert!(!accepted(&params(&[MX]), &[])); // nobody in particular is nobody
}

//= https://www.rfc-editor.org/rfc/rfc7672#section-3.2.3
//= type=test
//# The server
//# certificate is considered matched when one of its presented
//# identifiers [RFC5280] matches any of the client's reference
//# identifiers.
#[test]
fn any_name_for_any_reference() {
    assert!(accepted(&params(&[MX]), &[MX]));
    assert!(accepted(&params(&["MX.Example.COM"]), &[MX]));
    assert!(accepted(&params(&["a.test", MX]), &["b.test", MX]));
    assert!(accepted(&params(&["example.com"]), &[MX, "example.com"]));
    assert!(!accepted(&params(&["example.com"]), &[MX]));
    assert!(!accepted(&params(&["mx.example.com.evil.test"]), &[MX]));
    assert!(!accepted(&params(&["evil-mx.example.com"]), &[MX]));
}

//= https://www.rfc-editor.org/rfc/rfc7672#section-3.2.3
//= type=test
//# The wildcard character must be the entire first label of the DNS-ID
//# or CN-ID.  Thus, "*.example.com" is valid, while "smtp*.example.com"
//# and "*smtp.example.com" are not.  SMTP clients MUST support wildcards
//# that match the first label of the reference identifier, with the
//# remaining labels matching verbatim.
#[test]
fn wildcards() {
    for named_by in [|name: &str| params(&[name]), |name: &str| named(name, &[])] {
        assert!(accepted(&named_by("*.example.com"), &["mx1.example.com"]));
        assert!(accepted(&named_by("*.EXAMPLE.com"), &["mx1.example.com"]));
        assert!(!accepted(&named_by("*.example.com"), &["example.com"]));
        assert!(!accepted(&named_by("*.example.com"), &["a.b.example.com"]));
        assert!(!accepted(&named_by("smtp*.example.com"), &["smtp1.example.com"]));
        assert!(!accepted(&named_by("*smtp.example.com"), &["1smtp.example.com"]));
        assert!(!accepted(&named_by("mx.*.com"), &[MX]));
        assert!(!accepted(&named_by("*"), &["localhost"]));
        assert!(!accepted(&named_by("*."), &["localhost"]));
        assert!(!accepted(&named_by("*.*.com"), &[MX]));
    }
}

//= https://www.rfc-editor.org/rfc/rfc7672#section-3.2.3
//= type=test
//# When name checks are applicable (certificate usage DANE-TA(2)), if
//# the server certificate contains a Subject Alternative Name extension
//# [RFC5280] with at least one DNS-ID [RFC6125], then only the DNS-IDs
//# are matched against the client's reference identifiers.  The CN-ID
//# [RFC6125] is only considered when no DNS-IDs are present.
#[test]
fn the_common_name_only_without_dns_names() {
    assert!(accepted(&named(MX, &[]), &[MX]));
    assert!(!accepted(&named("other.test", &[]), &[MX]));
    assert!(!accepted(&named(MX, &["other.test"]), &[MX]));
    assert!(accepted(&named("other.test", &[MX]), &[MX]));
    assert!(!accepted(&params(&[]), &[MX])); // no name at all
    // An address or a mailbox is no DNS-ID.
    let mut by_address = named(MX, &[]);
    by_address.subject_alt_names = vec![
        SanType::IpAddress("192.0.2.1".parse().unwrap()),
        SanType::Rfc822Name("postmaster@example.com".try_into().unwrap()),
    ];
    assert!(accepted(&by_address, &[MX]));
    // One that can't be read may have been one.
    let mut unreadable = named(MX, &[]);
    let name = vec![0x30, 3, 0x82, 1, 0xff];
    unreadable.custom_extensions = vec![CustomExtension::from_oid_content(&[2, 5, 29, 17], name)];
    assert!(!accepted(&unreadable, &[MX]));
}

#[test]
fn names_are_shown_escaped_and_bounded() {
    let root = Authority::root("Root");
    let shown = |params: &CertificateParams| {
        let outcome = compare(&[record([2, 0, 1], &root)], &[&root.issue(params), &root]);
        let DaneOutcome::NotAuthenticated { mut failures } = outcome else { panic!("{outcome:?}") };
        match failures.remove(0).cause {
            FailureCause::NameMismatch { presented } => presented,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(shown(&named("\u{1b}[31m\n", &[])), ["\\u{1b}[31m\\n".into()]);
    let many: Vec<String> = (0..150).map(|number| format!("mx{number}.test")).collect();
    assert_eq!(shown(&params(&many.iter().map(String::as_str).collect::<Vec<_>>())).len(), 100);
    assert_eq!(shown(&named(&"a".repeat(1_000), &[]))[0].len(), 253);
}

/// The example of the section, name for name.
//= https://www.rfc-editor.org/rfc/rfc7672#section-3.2.2
//= type=test
//# TLSA records for MX hostnames:  If the TLSA base domain was obtained
//# indirectly via a "secure" MX lookup (including any CNAME-expanded
//# name of an MX hostname), then the original next-hop domain used in
//# the MX lookup MUST be included as a second reference identifier.
//# The CNAME-expanded original next-hop domain MUST be included as a
//# third reference identifier if different from the original next-hop
//# domain.
#[test]
fn the_names_of_a_server_found_through_mx_records() {
    let (next_hop, expanded) = (domain("exchange.example.org"), domain("example.com"));
    for base in ["mx10.example.com", "mx15.example.com", "mxbackup.example.net"] {
        let base = domain(base);
        let route = Route::SecureMx { next_hop: &next_hop, expanded: Some(&expanded) };
        assert_eq!(
            reference_identifiers(&base, route),
            [base.clone(), next_hop.clone(), expanded.clone()]
        );
        let route = Route::SecureMx { next_hop: &next_hop, expanded: None };
        assert_eq!(reference_identifiers(&base, route), [base.clone(), next_hop.clone()]);
        let route = Route::SecureMx { next_hop: &next_hop, expanded: Some(&next_hop) };
        assert_eq!(reference_identifiers(&base, route), [base, next_hop.clone()]);
    }
}

//= https://www.rfc-editor.org/rfc/rfc7672#section-3.2.2
//= type=test
//# When the client MTA is employing DANE TLS security
//# despite "insecure" MX redirection, the MX hostname is the only
//# reference identifier.
//= https://www.rfc-editor.org/rfc/rfc7672#section-3.2.2
//= type=test
//# TLSA records for non-MX hostnames:  If MX records were not used
//# (e.g., if none exist) and the TLSA base domain is the
//# CNAME-expanded original next-hop domain, then the original
//# next-hop domain MUST be included as a second reference identifier.
#[test]
fn the_names_of_other_servers() {
    let (mx, next_hop) = (domain(MX), domain("example.com"));
    assert_eq!(reference_identifiers(&mx, Route::InsecureMx), from_ref(&mx));
    let direct = Route::Direct { next_hop: &next_hop };
    assert_eq!(reference_identifiers(&mx, direct), [mx, next_hop.clone()]);
    assert_eq!(reference_identifiers(&next_hop, direct), from_ref(&next_hop));
}

#[test]
fn a_certificate_for_the_mail_domain_serves_all_its_hosts() {
    let root = Authority::root("Root");
    let leaf: Leaf = root.issue(&params(&["example.com"]));
    let set = TlsaSet::new([record([2, 0, 1], &root)]);
    let next_hop = domain("example.com");
    let at = |route| {
        let references = reference_identifiers(&domain(MX), route);
        verify(&set, &[&leaf, &root], &references, NOW).is_authenticated()
    };
    assert!(at(Route::SecureMx { next_hop: &next_hop, expanded: None }));
    assert!(!at(Route::InsecureMx));
}
