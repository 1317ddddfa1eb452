//! RFC 6698 §2.1: the data of a record in a DNS message.

use dane::{MatchingType, Selector, TlsaRdataError, TlsaRecord, Usage};

use crate::fixture::{Leaf, MX, params, record, text};

//= https://www.rfc-editor.org/rfc/rfc6698#section-2.1
//= type=test
//# The RDATA for a TLSA RR consists of a one-octet certificate usage
//# field, a one-octet selector field, a one-octet matching type field,
//# and the certificate association data field.
#[test]
fn the_octets_of_a_record() {
    let rdata = [3, 1, 2, 0xab, 0xcd];
    let record = TlsaRecord::from_rdata(&rdata).unwrap();
    assert_eq!(record.usage(), Usage::DaneEe);
    assert_eq!(record.selector(), Selector::Spki);
    assert_eq!(record.matching_type(), MatchingType::Sha512);
    assert_eq!(record.association(), [0xab, 0xcd]);
    assert_eq!(record.to_rdata(), rdata);
    assert_eq!(TlsaRecord::from_rdata(&[2, 0, 1]).unwrap().association(), []);
}

#[test]
fn too_little_and_too_much() {
    for octets in 0..3 {
        let read = TlsaRecord::from_rdata(&[3, 1, 1][..octets]);
        assert_eq!(read, Err(TlsaRdataError::TooShort { octets }));
    }
    let longest = vec![0; 65_535];
    assert_eq!(TlsaRecord::from_rdata(&longest).unwrap().to_rdata(), longest);
    let longer = vec![0; 65_536];
    let error = TlsaRecord::from_rdata(&longer).unwrap_err();
    assert_eq!(error, TlsaRdataError::TooLong { octets: 65_536 });
    assert!(error.to_string().contains("publish a digest"));
}

#[test]
fn numbers_that_are_not_registered_survive() {
    let record = TlsaRecord::from_rdata(&[4, 2, 3, 7]).unwrap();
    assert_eq!(record.usage(), Usage::Other(4));
    assert_eq!(record.selector(), Selector::Other(2));
    assert_eq!(record.matching_type(), MatchingType::Other(3));
    assert_eq!(record.to_rdata(), [4, 2, 3, 7]);
    assert_eq!(record.to_string(), "4 2 3 07");
    assert_eq!(record.usage().acronym(), None);
    assert_eq!(text("3 1 1 00").usage().acronym(), Some("DANE-EE"));
    assert_eq!(text("3 1 1 00").selector().acronym(), Some("SPKI"));
    assert_eq!(text("3 1 1 00").matching_type().acronym(), Some("SHA2-256"));
}

#[test]
fn the_record_of_a_certificate() {
    let leaf = Leaf::self_signed(&params(&[MX]));
    let full = record([3, 0, 0], &leaf);
    assert_eq!(full.association(), &*leaf);
    // A P-256 key as SubjectPublicKeyInfo is 91 octets with a fixed beginning (RFC 5480 §2).
    let key = record([3, 1, 0], &leaf);
    assert_eq!(key.association().len(), 91);
    assert_eq!(key.association()[..4], [0x30, 0x59, 0x30, 0x13]);
    assert!(leaf.windows(91).any(|window| window == key.association()));
    for (numbers, octets) in [([3, 0, 1], 32), ([3, 1, 1], 32), ([3, 0, 2], 64), ([3, 1, 2], 64)] {
        assert_eq!(record(numbers, &leaf).association().len(), octets);
    }
    let of = |usage, selector, form, der| TlsaRecord::of_certificate(usage, selector, form, der);
    assert_eq!(of(Usage::DaneEe, Selector::Spki, MatchingType::Sha256, b"nonsense"), None);
    assert_eq!(of(Usage::DaneEe, Selector::Other(2), MatchingType::Sha256, &leaf), None);
    assert_eq!(of(Usage::DaneEe, Selector::Spki, MatchingType::Other(3), &leaf), None);
}

#[test]
fn digests_are_those_of_the_standard() {
    // FIPS 180-4, the digests of "abc".
    let of = |form| TlsaRecord::of_certificate(Usage::DaneEe, Selector::Cert, form, b"abc");
    assert_eq!(
        of(MatchingType::Sha256).unwrap().to_string(),
        "3 0 1 ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    );
    assert_eq!(
        of(MatchingType::Sha512).unwrap().to_string(),
        "3 0 2 ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a\
         2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"
    );
}
