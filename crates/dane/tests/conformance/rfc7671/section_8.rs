//! RFC 7671 §8: what publishers see to while keys change.

use dane::{MatchingType, Selector, TlsaSet, Usage, expects};

use crate::fixture::{Authority, Leaf, MX, compare, params, record, text};

#[test]
fn the_next_key_published_ahead() {
    let (now, next) = (Leaf::self_signed(&params(&[MX])), Leaf::self_signed(&params(&[MX])));
    let records = [record([3, 1, 1], &now), record([3, 1, 1], &next)];
    let set = TlsaSet::new(records.clone());
    for (leaf, current, other) in [(&now, 0, 1), (&next, 1, 0)] {
        let expectation = expects(&set, &[leaf]);
        assert_eq!(expectation.current, [records[current].clone()]);
        assert_eq!(expectation.other, [records[other].clone()]);
        assert_eq!(expectation.uncovered, []);
        let outcome = compare(&records, &[leaf]);
        assert_eq!(outcome.matches()[0].record, records[current]);
        assert_eq!(outcome.failures()[0].record, records[other]);
    }
}

//= https://www.rfc-editor.org/rfc/rfc7671#section-8
//= type=test
//# Such past or future records
//# MUST NOT at any time be the only records published for any given
//# combination of usage, selector, and matching type.
#[test]
fn a_combination_that_only_the_future_matches() {
    let root = Authority::root("Root");
    let (now, next) = (Leaf::self_signed(&params(&[MX])), root.issue(&params(&[MX])));
    let set = TlsaSet::new([
        record([3, 1, 1], &now),
        record([2, 0, 1], &root),
        record([3, 1, 2], &next),
        text("3 1 2 00"),
        text("3 2 1 00"), // an unknown selector: nobody can tell
    ]);
    let expectation = expects(&set, &[&now]);
    assert_eq!(expectation.current, [record([3, 1, 1], &now)]);
    assert_eq!(expectation.other.len(), 3);
    assert_eq!(
        expectation.uncovered,
        [
            (Usage::DaneTa, Selector::Cert, MatchingType::Sha256),
            (Usage::DaneEe, Selector::Spki, MatchingType::Sha512),
        ]
    );
}

#[test]
fn every_usage_in_its_place() {
    let root = Authority::root("Root");
    let leaf = root.issue(&params(&[MX]));
    let chain: [&[u8]; 2] = [&leaf, &root];
    for usage in [0, 2] {
        let of = |certificate, chain| {
            expects(&TlsaSet::new([record([usage, 1, 1], certificate)]), chain).current.len()
        };
        assert_eq!(of(&root, &chain[..]), 1);
        assert_eq!(of(&root, &chain[..1]), 0);
        assert_eq!(of(&leaf, &chain[..]), 0);
    }
    for usage in [1, 3] {
        let of = |certificate| {
            expects(&TlsaSet::new([record([usage, 1, 1], certificate)]), &chain).current.len()
        };
        assert_eq!(of(&leaf), 1);
        assert_eq!(of(&root), 0);
    }
}

#[test]
fn an_anchor_in_full_need_not_be_sent() {
    let (root, stranger) = (Authority::root("Root"), Authority::root("Stranger"));
    let leaf = root.issue(&params(&[MX]));
    let set = TlsaSet::new([record([2, 0, 0], &root), record([2, 0, 0], &stranger)]);
    let expectation = expects(&set, &[&leaf]);
    assert_eq!(expectation.current, [record([2, 0, 0], &root)]);
    assert_eq!(expectation.other, [record([2, 0, 0], &stranger)]);
}
