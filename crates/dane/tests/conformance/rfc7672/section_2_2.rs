//! RFC 7672 §2.2: what records oblige to, and where they are.

use std::slice::from_ref;

use dane::{AddressLookup, Requirement, Security, TlsaSet, candidate_base_domains, tlsa_owner};

use Security::{Insecure, Secure};

use crate::fixture::{domain, text};

const USABLE: &str = "3 1 1 3fe246a848798236dd2ab78d39f0651d6b6e7ca8e2984012eb0a2e1ac8a87b72";

//= https://www.rfc-editor.org/rfc/rfc7672#section-2.2
//= type=test
//# A "secure" TLSA RRset with at least one usable record:  Any
//# connection to the MTA MUST employ TLS encryption and MUST
//# authenticate the SMTP server using the techniques discussed in the
//# rest of this document.
//= https://www.rfc-editor.org/rfc/rfc7672#section-2.2
//= type=test
//# A "secure" non-empty TLSA RRset where all the records are unusable:
//# Any connection to the MTA MUST be made via TLS, but authentication
//# is not required.
#[test]
fn what_the_records_oblige_to() {
    let requirement =
        |records: &[&str]| TlsaSet::new(records.iter().copied().map(text)).requirement();
    assert_eq!(requirement(&[]), Requirement::Nothing);
    assert_eq!(requirement(&["1 1 1 00"]), Requirement::Encryption);
    assert_eq!(requirement(&["1 1 1 00", "3 1 1"]), Requirement::Encryption);
    assert_eq!(requirement(&[USABLE]), Requirement::Authentication);
    assert_eq!(requirement(&["1 1 1 00", USABLE]), Requirement::Authentication);
}

//= https://www.rfc-editor.org/rfc/rfc7672#section-2.2.3
//= type=test
//# Each candidate TLSA base domain (alias-expanded or original) is in
//# turn prefixed with service labels of the form "_<port>._tcp".
#[test]
fn the_owner_of_the_records() {
    let mx = domain("mx.example.com");
    assert_eq!(tlsa_owner(25, &mx).as_deref(), Some("_25._tcp.mx.example.com"));
    assert_eq!(tlsa_owner(65_535, &mx).as_deref(), Some("_65535._tcp.mx.example.com"));
    // 253 characters are the most that DNS holds; "_25._tcp." takes nine.
    let of_length = |length: usize| {
        let labels = ["a".repeat(63), "b".repeat(63), "c".repeat(63)].join(".");
        domain(&format!("{labels}.{}", "d".repeat(length - labels.len() - 1)))
    };
    assert_eq!(tlsa_owner(25, &of_length(244)).map(|owner| owner.len()), Some(253));
    assert_eq!(tlsa_owner(25, &of_length(245)), None);
}

//= https://www.rfc-editor.org/rfc/rfc7672#section-2.2.3
//= type=test
//# When the hostname is an alias with a "secure" (at every stage) full
//# expansion, the list of candidate TLSA base domains (see below) is a
//# pair of domains: the fully expanded server hostname first, and the
//# unexpanded server hostname second.
//= https://www.rfc-editor.org/rfc/rfc7672#section-2.2.2
//= type=test
//# If the
//# initial CNAME response is also "insecure", DANE TLS does not
//# apply.  Otherwise, this case is treated just like the non-CNAME
//# case above, where a search is performed for a TLSA record with the
//# original input domain as the candidate TLSA base domain.
//= https://www.rfc-editor.org/rfc/rfc7672#section-2.2.2
//= type=test
//# If
//# address records are found but the DNSSEC validation status of the
//# first query response is "insecure" (see Section 2.1.3), the SMTP
//# client SHOULD NOT proceed to search for any associated TLSA records.
#[test]
fn the_base_domains_to_try() {
    let (host, expanded) = (domain("mx15.example.com"), domain("mxbackup.example.com"));
    let alias = |first, addresses| {
        candidate_base_domains(
            &host,
            AddressLookup::Alias { expanded: &expanded, first, addresses },
        )
    };
    let direct = |addresses| candidate_base_domains(&host, AddressLookup::Direct { addresses });
    assert_eq!(direct(Secure), from_ref(&host));
    assert_eq!(direct(Insecure), []);
    assert_eq!(alias(Secure, Secure), [expanded.clone(), host.clone()]);
    assert_eq!(alias(Secure, Insecure), from_ref(&host));
    assert_eq!(alias(Insecure, Insecure), []);
    // An insecure alias makes all that follows insecure, whatever is said of it (§2.1.3).
    assert_eq!(alias(Insecure, Secure), []);
}
