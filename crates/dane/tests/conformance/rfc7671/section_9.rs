//! RFC 7671 §9: of several digests, the strongest.

use dane::{DaneOutcome, MatchingType, Standing, TlsaRecord, TlsaSet, UnusableReason};

use crate::fixture::{Authority, Leaf, MX, compare, params, record, text};

/// A record with the numbers and the digest of nothing in particular.
fn stranger(numbers: [u8; 3]) -> TlsaRecord {
    record(numbers, &Leaf::self_signed(&params(&["stranger.test"])))
}

//= https://www.rfc-editor.org/rfc/rfc7671#section-9
//= type=test
//# For each usage and selector, the client
//# SHOULD process only any usable records with a matching type of
//# Full(0) and the usable records whose digest algorithm is considered
//# by the client to be the strongest among usable records with the given
//# usage and selector.
#[test]
fn a_weaker_digest_counts_only_without_a_stronger_one() {
    let leaf = Leaf::self_signed(&params(&[MX]));
    let chain: [&[u8]; 1] = [&leaf];
    let weak = record([3, 1, 1], &leaf);
    assert!(compare(std::slice::from_ref(&weak), &chain).is_authenticated());
    // The weak one matches, the strong one does not.
    let outcome = compare(&[weak.clone(), stranger([3, 1, 2])], &chain);
    assert!(matches!(&outcome, DaneOutcome::NotAuthenticated { failures } if failures.len() == 1));
    // Full content is as good as any digest.
    let outcome = compare(&[record([3, 1, 0], &leaf), stranger([3, 1, 2])], &chain);
    assert!(outcome.is_authenticated());
    let outcome = compare(&[stranger([3, 1, 0]), weak.clone()], &chain);
    assert!(outcome.is_authenticated());
    // Another selector, or another usage, is another matter.
    assert!(compare(&[weak.clone(), stranger([3, 0, 2])], &chain).is_authenticated());
    assert!(compare(&[weak.clone(), stranger([2, 1, 2])], &chain).is_authenticated());
    // The example of the section: full, SHA-256 and SHA-512 of one key.
    let outcome = compare(&[weak, record([3, 1, 2], &leaf), record([3, 1, 0], &leaf)], &chain);
    let matched: Vec<u8> =
        outcome.matches().iter().map(|found| found.record.matching_type().into()).collect();
    assert_eq!(matched, [0, 2]);
}

#[test]
fn trust_anchors_have_digests_too() {
    let root = Authority::root("Root");
    let leaf = root.issue(&params(&[MX]));
    let chain: [&[u8]; 2] = [&leaf, &root];
    let weak = record([2, 0, 1], &root);
    assert!(compare(&[weak.clone(), record([2, 0, 2], &root)], &chain).is_authenticated());
    assert!(!compare(&[weak, stranger([2, 0, 2])], &chain).is_authenticated());
}

//= https://www.rfc-editor.org/rfc/rfc7671#section-9
//= type=test
//# Algorithm agility is to be applied after first discarding
//# any unusable or malformed records (unsupported digest algorithm, or
//# incorrect digest length).
#[test]
fn an_unusable_record_outranks_nothing() {
    let leaf = Leaf::self_signed(&params(&[MX]));
    let weak = record([3, 1, 1], &leaf);
    let cut = text("3 1 2 00");
    let unknown = text("3 1 3 00");
    let outcome = compare(&[weak.clone(), cut.clone(), unknown.clone()], &[&leaf]);
    assert_eq!(outcome.matches().len(), 1);
    assert_eq!(outcome.failures(), []);

    let set = TlsaSet::new([weak.clone(), cut, unknown, weak]);
    let standings: Vec<Standing> = set.members().iter().map(|member| member.standing).collect();
    assert_eq!(
        standings,
        [
            Standing::Used,
            Standing::Unusable(UnusableReason::DigestLength { octets: 1, expected: 64 }),
            Standing::Unusable(UnusableReason::UnknownMatchingType(3)),
        ]
    );
}

#[test]
fn the_standing_names_the_stronger_digest() {
    let leaf = Leaf::self_signed(&params(&[MX]));
    let forms = [[3, 1, 2], [3, 1, 0], [3, 1, 1]];
    let set: TlsaSet = forms.map(|numbers| record(numbers, &leaf)).into_iter().collect();
    let standings: Vec<Standing> = set.members().iter().map(|member| member.standing).collect();
    let outranked = Standing::Outranked { by: MatchingType::Sha512 };
    assert_eq!(standings, [Standing::Used, outranked, Standing::Used]);
    assert_eq!(set.used().count(), 2);
}
