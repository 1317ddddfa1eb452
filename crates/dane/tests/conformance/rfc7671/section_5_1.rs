//! RFC 7671 §5.1: usage DANE-EE, the server's own certificate.

use dane::{FailureCause, TlsaSet, verify};

use crate::fixture::{
    Authority, Leaf, MX, authority_params, bad, expired, good, named, params, record,
};

/// Each selector with each matching type.
const FORMS: [[u8; 3]; 6] = [[3, 0, 0], [3, 0, 1], [3, 0, 2], [3, 1, 0], [3, 1, 1], [3, 1, 2]];

#[test]
fn every_selector_and_matching_type() {
    let root = Authority::root("Root");
    let leaf = root.issue(&params(&[MX]));
    let stranger = root.issue(&params(&[MX]));
    for numbers in FORMS {
        good(record(numbers, &leaf), &[&leaf, &root], Some(0));
        good(record(numbers, &leaf), &[&leaf], Some(0));
        bad(record(numbers, &stranger), &[&leaf, &root], FailureCause::NoMatch);
        bad(record(numbers, &leaf), &[], FailureCause::NoCertificate);
    }
}

#[test]
fn one_octet_makes_the_difference() {
    let leaf = Leaf::self_signed(&params(&[MX]));
    for numbers in [[3, 0, 1], [3, 0, 2], [3, 1, 1], [3, 1, 2]] {
        let mut rdata = record(numbers, &leaf).to_rdata();
        *rdata.last_mut().unwrap() ^= 1;
        bad(dane::TlsaRecord::from_rdata(&rdata).unwrap(), &[&leaf], FailureCause::NoMatch);
    }
}

#[test]
fn a_certificate_that_nobody_else_vouches_for() {
    let leaf = Leaf::self_signed(&params(&[MX]));
    let authority_by_mistake = Leaf::self_signed(&authority_params(MX));
    for numbers in FORMS {
        good(record(numbers, &leaf), &[&leaf], Some(0));
        good(record(numbers, &authority_by_mistake), &[&authority_by_mistake], Some(0));
    }
}

//= https://www.rfc-editor.org/rfc/rfc7671#section-5.1
//= type=test
//# The server
//# MUST be considered authenticated even if none of the names in the
//# certificate match the client's reference identity for the server.
#[test]
fn names_do_not_matter() {
    let other = Leaf::self_signed(&params(&["other.test"]));
    let none = Leaf::self_signed(&named("localhost", &[]));
    for numbers in FORMS {
        good(record(numbers, &other), &[&other], Some(0));
        good(record(numbers, &none), &[&none], Some(0));
    }
}

//= https://www.rfc-editor.org/rfc/rfc7671#section-5.1
//= type=test
//# Also, with DANE-EE(3), the expiration date of the server certificate
//# MUST be ignored.
#[test]
fn dates_do_not_matter() {
    let leaf = Leaf::self_signed(&expired(params(&[MX])));
    for numbers in FORMS {
        good(record(numbers, &leaf), &[&leaf], Some(0));
    }
    let set = TlsaSet::new([record([3, 1, 1], &leaf)]);
    for now in [i64::MIN, -1, 0, i64::MAX] {
        assert!(verify(&set, &[&leaf], &[], now).is_authenticated(), "{now}");
    }
}

#[test]
fn what_stands_beside_the_key_need_not_be_readable() {
    let leaf = Leaf::self_signed(&expired(params(&[MX])));
    // The year of the end, as a UTCTime: 300601000000Z.
    let mut broken = leaf.to_vec();
    let date = broken.windows(13).position(|window| window == b"300601000000Z").unwrap();
    broken[date] = b'x';
    good(record([3, 1, 1], &leaf), &[&broken], Some(0));
    bad(record([3, 0, 1], &leaf), &[&broken], FailureCause::NoMatch);
    // Without its end it is no certificate, and has no key.
    bad(record([3, 1, 1], &leaf), &[&leaf[..leaf.len() - 1]], FailureCause::NoMatch);
}

#[test]
fn the_record_of_an_issuer_is_not_that_of_the_server() {
    let root = Authority::root("Root");
    let leaf = root.issue(&params(&[MX]));
    for numbers in FORMS {
        bad(record(numbers, &root), &[&leaf, &root], FailureCause::WrongDepth { depth: 1 });
    }
}
