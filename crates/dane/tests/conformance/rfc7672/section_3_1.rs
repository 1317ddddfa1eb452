//! RFC 7672 §3.1: which records an SMTP client uses.

use dane::{DaneOutcome, FailureCause, TlsaSet, UnusableReason, Usability, verify};

use crate::fixture::{
    Authority, ENDED, Leaf, MX, NOW, bad, compare, domain, expired, good, params, record, text,
};

#[track_caller]
fn unusable(record: &str, reason: UnusableReason) {
    assert_eq!(text(record).usability(), Usability::Unusable(reason), "{record}");
}

//= https://www.rfc-editor.org/rfc/rfc7672#section-3.1.3
//= type=test
//# SMTP client treatment of TLSA RRs with certificate usages PKIX-TA(0)
//# or PKIX-EE(1) is undefined.  As with any other unsupported
//# certificate usage, SMTP clients MAY treat such records as "unusable".
#[test]
fn unusable_records_and_why() {
    let (sha256, sha512) = ("ab".repeat(32), "ab".repeat(64));
    unusable(&format!("0 0 1 {sha256}"), UnusableReason::PkixUsage);
    unusable(&format!("1 1 1 {sha256}"), UnusableReason::PkixUsage);
    unusable(&format!("4 1 1 {sha256}"), UnusableReason::UnknownUsage(4));
    unusable(&format!("255 1 1 {sha256}"), UnusableReason::UnknownUsage(255));
    unusable(&format!("3 2 1 {sha256}"), UnusableReason::UnknownSelector(2));
    unusable(&format!("3 1 3 {sha256}"), UnusableReason::UnknownMatchingType(3));
    unusable("3 1 1", UnusableReason::Empty);
    unusable("2 0 0", UnusableReason::Empty);
    unusable("3 1 1 00", UnusableReason::DigestLength { octets: 1, expected: 32 });
    unusable(&format!("3 1 1 {sha512}"), UnusableReason::DigestLength { octets: 64, expected: 32 });
    unusable(&format!("2 0 2 {sha256}"), UnusableReason::DigestLength { octets: 32, expected: 64 });
    unusable(&format!("3 0 0 {sha256}"), UnusableReason::NotACertificate);
    unusable(&format!("2 1 0 {sha256}"), UnusableReason::NotAKey);
    for usable in [format!("3 1 1 {sha256}"), format!("2 0 2 {sha512}")] {
        assert_eq!(text(&usable).usability(), Usability::Usable);
    }
    let leaf = Leaf::self_signed(&params(&[MX]));
    for numbers in [[3, 0, 0], [3, 1, 0], [2, 0, 0], [2, 1, 0]] {
        assert_eq!(record(numbers, &leaf).usability(), Usability::Usable);
    }
    // A key where a certificate belongs, and the reverse.
    let key = record([3, 1, 0], &leaf).to_string().replacen("3 1 0", "3 0 0", 1);
    unusable(&key, UnusableReason::NotACertificate);
    let certificate = record([3, 0, 0], &leaf).to_string().replacen("3 0 0", "3 1 0", 1);
    unusable(&certificate, UnusableReason::NotAKey);
    unusable(&format!("{certificate}00"), UnusableReason::NotAKey);
}

#[test]
fn unusable_records_authenticate_nobody() {
    let root = Authority::root("Root");
    let leaf = root.issue(&params(&[MX]));
    let chain: [&[u8]; 2] = [&leaf, &root];
    let pkix = [record([0, 0, 1], &root), record([1, 1, 1], &leaf)];
    assert_eq!(compare(&pkix, &chain), DaneOutcome::NoUsableRecord);
    assert_eq!(compare(&[], &chain), DaneOutcome::NoUsableRecord);
    // Beside a usable one they neither help nor harm.
    let with = |usable| [pkix[0].clone(), pkix[1].clone(), usable];
    let outcome = compare(&with(record([3, 1, 1], &leaf)), &chain);
    assert_eq!((outcome.matches().len(), outcome.failures().len()), (1, 0));
    let outcome = compare(&with(record([3, 1, 1], &root)), &chain);
    assert_eq!((outcome.matches().len(), outcome.failures().len()), (0, 1));
}

//= https://www.rfc-editor.org/rfc/rfc7672#section-3.1.1
//= type=test
//# Authentication via certificate usage DANE-EE(3) TLSA records involves
//# simply checking that the server's leaf certificate matches the TLSA
//# record.
//= https://www.rfc-editor.org/rfc/rfc7672#section-3.1.1
//= type=test
//# The expiration date of the server certificate MUST be ignored: the
//# validity period of the TLSA record key binding is determined by the
//# validity interval of the TLSA record DNSSEC signature.
#[test]
fn an_expired_certificate_by_usage() {
    let root = Authority::root("Root");
    let leaf = root.issue(&expired(params(&[MX])));
    good(record([3, 1, 1], &leaf), &[&leaf, &root], Some(0));
    let cause = FailureCause::Expired { not_after: ENDED };
    bad(record([2, 0, 1], &root), &[&leaf, &root], cause);
}

//= https://www.rfc-editor.org/rfc/rfc7672#section-3.2
//= type=test
//# When at least one usable "secure" TLSA record is found, the SMTP
//# client MUST use TLSA records to authenticate the SMTP server.
//# Messages MUST NOT be delivered via the SMTP server if authentication
//# fails; otherwise, the SMTP client is vulnerable to MITM attacks.
#[test]
fn one_record_is_enough_and_none_is_not() {
    let root = Authority::root("Root");
    let (leaf, stranger) = (root.issue(&params(&[MX])), Leaf::self_signed(&params(&[MX])));
    let set = TlsaSet::new([record([2, 0, 1], &root), record([3, 1, 1], &stranger)]);
    let outcome = verify(&set, &[&leaf, &root], &[domain(MX)], NOW);
    let DaneOutcome::Authenticated { matches, failures } = outcome else { panic!("{outcome:?}") };
    assert_eq!(matches[0].to_string(), "matches certificate 1 of the chain, which issued it");
    assert_eq!(failures[0].to_string(), "matches no certificate that the server sent");
    let outcome = verify(&set, &[&leaf], &[domain(MX)], NOW);
    let DaneOutcome::NotAuthenticated { failures } = outcome else { panic!("{outcome:?}") };
    assert!(
        failures[0].to_string().ends_with("must be among the certificates that the server sends")
    );
}

#[test]
fn failures_say_which_usage_fits() {
    let root = Authority::root("Root");
    let leaf = root.issue(&params(&[MX]));
    let chain: [&[u8]; 2] = [&leaf, &root];
    let said = |record| compare(&[record], &chain).failures()[0].to_string();
    assert_eq!(
        said(record([3, 1, 1], &root)),
        "matches only certificate 1 of the chain, not the server's own: publish usage 2"
    );
    assert_eq!(
        said(record([2, 1, 1], &leaf)),
        "matches only certificate 0 of the chain: usage 2 is for its issuer; publish usage 3"
    );
}
