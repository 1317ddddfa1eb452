//! RFC 7671 §5.2: usage DANE-TA, the trust anchor.

use dane::{FailureCause, TlsaRecord, TlsaSet, verify};
use rcgen::{
    BasicConstraints, ExtendedKeyUsagePurpose, GeneralSubtree, IsCa, KeyPair, KeyUsagePurpose,
    NameConstraints,
};

use crate::fixture::{
    Authority, BEGINS, ENDED, Leaf, MX, NOW, authority_params, bad, compare, domain, early,
    expired, good, named, params, record,
};

/// Each selector with each matching type.
const FORMS: [[u8; 3]; 6] = [[2, 0, 0], [2, 0, 1], [2, 0, 2], [2, 1, 0], [2, 1, 1], [2, 1, 2]];

/// A root, an authority below it, and a server's certificate below that.
fn three() -> (Authority, Authority, Leaf) {
    let root = Authority::root("Root");
    let middle = root.below(authority_params("Middle"));
    let leaf = middle.issue(&params(&[MX]));
    (root, middle, leaf)
}

#[test]
fn the_root_and_the_authority_below_it() {
    let (root, middle, leaf) = three();
    let chain: [&[u8]; 3] = [&leaf, &middle, &root];
    for numbers in FORMS {
        good(record(numbers, &root), &chain, Some(2));
        good(record(numbers, &middle), &chain, Some(1));
        good(record(numbers, &middle), &[&leaf, &middle], Some(1)); // the root is not needed
    }
}

#[test]
fn the_order_of_the_issuers_does_not_matter() {
    let (root, middle, leaf) = three();
    let stranger = Authority::root("Stranger");
    good(record([2, 0, 1], &root), &[&leaf, &root, &stranger, &middle], Some(1));
}

#[test]
fn a_gap_in_the_chain() {
    let (root, _, leaf) = three();
    for numbers in FORMS {
        bad(record(numbers, &root), &[&leaf, &root], FailureCause::NotInPath);
    }
}

#[test]
fn a_trust_anchor_that_issued_nothing() {
    let (root, middle, leaf) = three();
    let stranger = Authority::root("Stranger");
    for numbers in FORMS {
        let chain: [&[u8]; 4] = [&leaf, &middle, &root, &stranger];
        bad(record(numbers, &stranger), &chain, FailureCause::NotInPath);
        // A genuine anchor beside a certificate that someone else issued.
        let forged = stranger.issue(&params(&[MX]));
        bad(record(numbers, &root), &[&forged, &stranger, &root], FailureCause::NotInPath);
    }
}

#[test]
fn an_issuer_of_the_same_name_with_another_key() {
    let (genuine, impostor) = (Authority::root("Root"), Authority::root("Root"));
    let forged = impostor.issue(&params(&[MX]));
    for numbers in FORMS {
        bad(record(numbers, &genuine), &[&forged, &genuine], FailureCause::BadSignature);
    }
    let forged = impostor.issue(&params(&[MX]));
    bad(record([2, 0, 0], &genuine), &[&forged], FailureCause::BadSignature);
    bad(record([2, 1, 0], &genuine), &[&forged], FailureCause::NoMatch);
}

#[test]
fn the_servers_own_certificate_is_no_trust_anchor() {
    let leaf = Leaf::self_signed(&params(&[MX]));
    let marked = Leaf::self_signed(&authority_params(MX));
    for numbers in FORMS {
        bad(record(numbers, &leaf), &[&leaf], FailureCause::WrongDepth { depth: 0 });
        bad(record(numbers, &marked), &[&marked], FailureCause::WrongDepth { depth: 0 });
    }
}

//= https://www.rfc-editor.org/rfc/rfc7671#section-5.2.2
//= type=test
//# This
//# is also the only type of DANE-TA(2) record for which the client MUST
//# be able to verify the server's certificate chain even if the TA
//# certificate appears only in DNS and is absent from the TLS handshake
//# server certificate message.
#[test]
fn a_trust_anchor_that_is_not_sent() {
    let (root, middle, leaf) = three();
    let chain: [&[u8]; 2] = [&leaf, &middle];
    good(record([2, 0, 0], &root), &chain, None);
    good(record([2, 0, 0], &middle), &[&leaf], None);
    for numbers in [[2, 0, 1], [2, 0, 2], [2, 1, 1], [2, 1, 2]] {
        bad(record(numbers, &root), &chain, FailureCause::NoMatch);
    }
    bad(record([2, 0, 0], &root), &[&leaf], FailureCause::NotInPath);
}

//= https://www.rfc-editor.org/rfc/rfc7671#section-5.2.3
//= type=test
//# If none of the server's certificate chain elements match a public key
//# specified in a TLSA record, and at least one "DANE-TA(2) SPKI(1)
//# Full(0)" TLSA record is available, it is RECOMMENDED that clients
//# check to see whether or not the topmost certificate in the chain is
//# signed by the provided public key and has not expired, and in that
//# case consider the server authenticated, provided the rest of the
//# chain passes validation, including leaf certificate name checks.
#[test]
fn a_bare_key_that_is_not_sent() {
    let (root, middle, leaf) = three();
    good(record([2, 1, 0], &root), &[&leaf, &middle], None);
    good(record([2, 1, 0], &middle), &[&leaf], None);
    bad(record([2, 1, 0], &root), &[&leaf], FailureCause::NoMatch);
    bad(record([2, 1, 0], &Authority::root("Root")), &[&leaf, &middle], FailureCause::NoMatch);
    let elsewhere = middle.issue(&params(&["other.test"]));
    let presented = vec!["other.test".into()];
    let cause = FailureCause::NameMismatch { presented };
    bad(record([2, 1, 0], &root), &[&elsewhere, &middle], cause);
    let old = root.below(expired(authority_params("Old")));
    let leaf = old.issue(&params(&[MX]));
    let cause = FailureCause::Expired { not_after: ENDED };
    bad(record([2, 1, 0], &root), &[&leaf, &old], cause);
}

#[test]
fn the_dates_of_every_certificate_up_to_the_anchor() {
    let root = Authority::root("Root");
    let ended = FailureCause::Expired { not_after: ENDED };
    let begins = FailureCause::NotYetValid { not_before: BEGINS };
    for (change, cause) in [(expired as fn(_) -> _, ended), (early as fn(_) -> _, begins)] {
        let leaf = root.issue(&change(params(&[MX])));
        let middle = root.below(change(authority_params("Middle")));
        let below = middle.issue(&params(&[MX]));
        let dated = Authority::of(change(authority_params("Dated")));
        let fresh = dated.issue(&params(&[MX]));
        for numbers in FORMS {
            bad(record(numbers, &root), &[&leaf, &root], cause.clone());
            bad(record(numbers, &root), &[&below, &middle, &root], cause.clone());
            bad(record(numbers, &dated), &[&fresh, &dated], cause.clone());
            // What is above the anchor plays no part.
            let above = dated.below(authority_params("Above"));
            let fine = above.issue(&params(&[MX]));
            good(record(numbers, &above), &[&fine, &above, &dated], Some(1));
        }
        bad(record([2, 0, 0], &dated), &[&fresh], cause.clone());
    }
}

#[test]
fn the_last_second_of_validity() {
    let root = Authority::root("Root");
    let leaf = root.issue(&expired(params(&[MX])));
    let dated = Authority::of(expired(authority_params("Dated")));
    let below = dated.issue(&params(&[MX]));
    for (anchor, leaf) in [(&root, &leaf), (&dated, &below)] {
        let set = TlsaSet::new([record([2, 0, 1], anchor)]);
        let at = |now| verify(&set, &[leaf, anchor], &[domain(MX)], now).is_authenticated();
        assert!(at(ENDED));
        assert!(!at(ENDED + 1));
        assert!(!at(i64::MAX));
        assert!(!at(0));
        assert!(!at(i64::MIN));
    }
}

#[test]
fn only_authorities_issue() {
    let root = Authority::root("Root");
    let mut no_authority = authority_params("Not an authority");
    no_authority.is_ca = IsCa::ExplicitNoCa;
    let mut silent = authority_params("Silent");
    silent.is_ca = IsCa::NoCa;
    let mut other_key = authority_params("Other use");
    other_key.key_usages = vec![KeyUsagePurpose::CrlSign];
    for params_of_anchor in [no_authority.clone(), silent.clone(), other_key.clone()] {
        let anchor = Authority::of(params_of_anchor);
        let leaf = anchor.issue(&params(&[MX]));
        for numbers in FORMS {
            bad(record(numbers, &anchor), &[&leaf, &anchor], FailureCause::NotAuthority);
        }
        bad(record([2, 0, 0], &anchor), &[&leaf], FailureCause::NotAuthority);
    }
    for params_of_middle in [no_authority, silent, other_key] {
        let middle = root.below(params_of_middle);
        let leaf = middle.issue(&params(&[MX]));
        for numbers in FORMS {
            let chain: [&[u8]; 3] = [&leaf, &middle, &root];
            bad(record(numbers, &root), &chain, FailureCause::NotAuthority);
        }
    }
    let marked = root.issue(&authority_params(MX));
    bad(record([2, 0, 1], &root), &[&marked, &root], FailureCause::LeafIsAuthority);
}

//= https://www.rfc-editor.org/rfc/rfc7671#section-5.2.1
//= type=test
//# In
//# particular, when authenticating the peer certificate chain via such a
//# TLSA record, the client SHOULD apply any relevant constraints from
//# the TA certificate, such as, for example, path length constraints.
#[test]
fn the_anchors_constraints_hold() {
    let mut short = authority_params("Short");
    short.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    let short = Authority::of(short);
    let middle = short.below(authority_params("Middle"));
    let (direct, below) = (short.issue(&params(&[MX])), middle.issue(&params(&[MX])));

    let mut narrow = authority_params("Narrow");
    narrow.name_constraints = Some(NameConstraints {
        permitted_subtrees: vec![GeneralSubtree::DnsName("example.net".to_owned())],
        excluded_subtrees: Vec::new(),
    });
    let narrow = Authority::of(narrow);
    let outside = narrow.issue(&params(&[MX]));
    // A bare key carries no constraints, but its certificate does when it is sent.
    for numbers in FORMS {
        good(record(numbers, &short), &[&direct, &short], Some(1));
        let chain: [&[u8]; 3] = [&below, &middle, &short];
        bad(record(numbers, &short), &chain, FailureCause::PathTooLong);
        let chain: [&[u8]; 2] = [&outside, &narrow];
        bad(record(numbers, &narrow), &chain, FailureCause::NameConstraint);
    }
    bad(record([2, 0, 0], &short), &[&below, &middle], FailureCause::PathTooLong);
    bad(record([2, 0, 0], &narrow), &[&outside], FailureCause::NameConstraint);
}

#[test]
fn constraints_of_an_authority_in_between_hold() {
    let root = Authority::root("Root");
    let mut narrow = authority_params("Narrow");
    narrow.name_constraints = Some(NameConstraints {
        permitted_subtrees: vec![GeneralSubtree::DnsName("example.net".to_owned())],
        excluded_subtrees: Vec::new(),
    });
    let narrow = root.below(narrow);
    let outside = narrow.issue(&params(&[MX]));
    bad(record([2, 0, 1], &root), &[&outside, &narrow, &root], FailureCause::NameConstraint);
    // A common name would slip through them.
    let hidden = narrow.issue(&named(MX, &[]));
    let cause = FailureCause::NameMismatch { presented: Vec::new() };
    bad(record([2, 0, 1], &root), &[&hidden, &narrow, &root], cause.clone());
    bad(record([2, 0, 1], &narrow), &[&hidden, &narrow], cause);
}

#[test]
fn a_certificate_for_clients() {
    let root = Authority::root("Root");
    let mut for_clients = params(&[MX]);
    for_clients.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    let leaf = root.issue(&for_clients);
    bad(record([2, 0, 1], &root), &[&leaf, &root], FailureCause::WrongPurpose);
    for_clients.extended_key_usages.push(ExtendedKeyUsagePurpose::ServerAuth);
    let leaf = root.issue(&for_clients);
    good(record([2, 0, 1], &root), &[&leaf, &root], Some(1));
}

#[test]
fn one_key_in_two_certificates() {
    // The first certificate with the key is expired, the second is not.
    let key = KeyPair::generate().unwrap();
    let copy = KeyPair::try_from(key.serialize_der()).unwrap();
    let old = Authority::with_key(expired(authority_params("Root")), key);
    let new = Authority::with_key(authority_params("Root"), copy);
    let leaf = new.issue(&params(&[MX]));
    good(record([2, 1, 1], &new), &[&leaf, &old, &new], Some(2));
    good(record([2, 0, 1], &new), &[&leaf, &old, &new], Some(2));
    let cause = FailureCause::Expired { not_after: ENDED };
    bad(record([2, 0, 1], &old), &[&leaf, &old, &new], cause.clone());
    bad(record([2, 1, 1], &new), &[&leaf, &old], cause);
}

#[test]
fn a_chain_that_can_not_be_read() {
    let (root, middle, leaf) = three();
    let chain: [&[u8]; 4] = [&leaf, b"nonsense", &middle, &root];
    good(record([2, 0, 1], &root), &chain, Some(3));
    bad(record([2, 0, 1], &root), &[], FailureCause::NoCertificate);
    let outcome = compare(&[record([2, 0, 1], &root)], &[b"nonsense", &middle, &root]);
    let malformed = |cause: &FailureCause| matches!(cause, FailureCause::Malformed { .. });
    assert!(malformed(&outcome.failures()[0].cause), "{outcome:?}");
}

#[test]
fn a_hostile_number_of_anchors_and_namesakes() {
    let leaf = Leaf::self_signed(&params(&[MX]));
    let records: Vec<TlsaRecord> =
        (0..20).map(|_| record([2, 0, 0], &Authority::root("Root"))).collect();
    let outcome = verify(&TlsaSet::new(records), &[&leaf], &[domain(MX)], NOW);
    let causes: Vec<_> = outcome.failures().iter().map(|failure| &failure.cause).collect();
    let tried = causes.iter().filter(|cause| ***cause == FailureCause::NotInPath).count();
    let untried = causes.iter().filter(|cause| ***cause == FailureCause::TooComplex).count();
    assert_eq!((tried, untried), (8, 12));

    // Fifteen authorities of one name that issue each other: every order of them is a path.
    let root = Authority::root("Loop");
    let loops: Vec<Authority> = (0..14).map(|_| root.below(authority_params("Loop"))).collect();
    let leaf = loops[13].issue(&params(&[MX]));
    let stranger = Authority::root("Stranger");
    let mut chain: Vec<&[u8]> = vec![&leaf];
    chain.extend(loops.iter().map(|authority| &**authority));
    chain.push(&stranger);
    // Few of them are tried, so that the search comes to its end.
    bad(record([2, 0, 1], &stranger), &chain, FailureCause::NotInPath);
}

#[test]
fn certificates_after_the_sixteenth_do_not_count() {
    let root = Authority::root("Root");
    let leaf = root.issue(&params(&[MX]));
    let fill = Authority::root("Other");
    let mut chain: Vec<&[u8]> = vec![&leaf];
    chain.resize(15, &fill);
    chain.push(&root);
    good(record([2, 0, 1], &root), &chain, Some(15));
    chain.insert(1, &fill);
    bad(record([2, 0, 1], &root), &chain, FailureCause::NoMatch);
}
