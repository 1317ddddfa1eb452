//! RFC 5246 section 7.4.1.2: the offer, octet by octet.
#![expect(clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::collections::BTreeMap;

use sealpost_wire::tls::{
    CipherSuite, ClientHello, ClientHelloError, NamedGroup, PointFormat, ProtocolVersion,
    ServerName, SignatureScheme,
};

use crate::offer;

/// Takes a vector off the front, whose length stands in so many octets.
fn vector<'a>(octets: &mut &'a [u8], length_octets: usize) -> &'a [u8] {
    let (length, rest) = octets.split_at(length_octets);
    let length = length.iter().fold(0, |sum, octet| sum << 8 | usize::from(*octet));
    let (content, rest) = rest.split_at(length);
    *octets = rest;
    content
}

/// The parts of an offer, read by other code than that which wrote them.
struct Parts<'a> {
    record_version: &'a [u8],
    version: &'a [u8],
    session_id: &'a [u8],
    suites: Vec<u16>,
    compressions: &'a [u8],
    /// In order of their numbers; none comes twice.
    extensions: BTreeMap<u16, &'a [u8]>,
    last_extension: Option<u16>,
    message_length: usize,
}

fn parts(octets: &[u8]) -> Parts<'_> {
    assert_eq!(octets[0], 22, "a handshake record");
    let mut rest = &octets[3..];
    let mut message = vector(&mut rest, 2);
    assert!(rest.is_empty(), "one record");
    let message_length = message.len();
    assert_eq!(message[0], 1, "a ClientHello");
    message = &message[1..];
    let mut body = vector(&mut message, 3);
    assert!(message.is_empty(), "one message");
    let version = &body[..2];
    assert_eq!(body[2..34], [7; 32]);
    body = &body[34..];
    let session_id = vector(&mut body, 1);
    let suites = vector(&mut body, 2);
    let compressions = vector(&mut body, 1);
    let mut extensions = BTreeMap::new();
    let mut last_extension = None;
    if !body.is_empty() {
        let mut list = vector(&mut body, 2);
        assert!(body.is_empty());
        while !list.is_empty() {
            let number = u16::from_be_bytes([list[0], list[1]]);
            list = &list[2..];
            assert!(extensions.insert(number, vector(&mut list, 2)).is_none(), "twice");
            last_extension = Some(number);
        }
    }
    Parts {
        record_version: &octets[1..3],
        version,
        session_id,
        suites: suites.chunks(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect(),
        compressions,
        extensions,
        last_extension,
        message_length,
    }
}

#[test]
fn a_small_offer_to_the_last_octet() {
    let offer =
        ClientHello::new(ProtocolVersion::TLS_1_2, &[CipherSuite::from_number(0xC02F)], [7; 32])
            .and_then(|offer| offer.with_groups(&[NamedGroup::X25519]))
            .and_then(|offer| offer.with_point_formats(&[PointFormat::UNCOMPRESSED]))
            .and_then(|offer| offer.with_signature_schemes(&[SignatureScheme::RSA_PKCS1_SHA256]))
            .and_then(|offer| offer.with_session_id(&[1, 2]))
            .unwrap()
            .with_server_name(ServerName::parse("mx.test").unwrap());
    let expected = [
        &[22, 3, 1, 0, 93, 1, 0, 0, 89, 3, 3][..], // record, message, version
        &[7; 32],
        &[2, 1, 2],                      // session id
        &[0, 4, 0xC0, 0x2F, 0x00, 0xFF], // suites, the signal last
        &[1, 0],                         // no compression
        &[0, 42],                        // extensions
        &[0, 0, 0, 12, 0, 10, 0, 0, 7],  // server_name
        b"mx.test",
        &[0, 10, 0, 4, 0, 2, 0, 29], // supported_groups
        &[0, 11, 0, 2, 1, 0],        // ec_point_formats
        &[0, 13, 0, 4, 0, 2, 4, 1],  // signature_algorithms
        &[0, 23, 0, 0],              // extended_master_secret
    ]
    .concat();
    assert_eq!(offer.to_octets(), expected);
}

#[test]
fn each_version_offers_what_it_has() {
    let check = |version: ProtocolVersion, record_version: [u8; 2], extensions: &[u16]| {
        let offer = offer(version);
        let octets = offer.to_octets();
        let parts = parts(&octets);
        assert_eq!(parts.version, version.number().to_be_bytes());
        assert_eq!(parts.record_version, record_version);
        assert_eq!(parts.compressions, [0]);
        assert!(parts.session_id.is_empty());
        let mut suites: Vec<u16> = offer.cipher_suites().iter().map(|s| s.number()).collect();
        suites.push(0x00FF);
        assert_eq!(parts.suites, suites);
        assert!(!suites.contains(&0x5600), "TLS_FALLBACK_SCSV would be refused");
        let numbers: Vec<u16> =
            parts.extensions.keys().copied().filter(|number| *number != 21).collect();
        assert_eq!(numbers, extensions, "{version}");
    };
    check(ProtocolVersion::SSL_3_0, [3, 0], &[]);
    check(ProtocolVersion::TLS_1_0, [3, 1], &[10, 11, 23]);
    check(ProtocolVersion::TLS_1_1, [3, 1], &[10, 11, 23]);
    check(ProtocolVersion::TLS_1_2, [3, 1], &[10, 11, 13, 23]);
}

#[test]
fn lists_can_be_left_out() {
    let offer = offer(ProtocolVersion::TLS_1_2)
        .with_groups(&[])
        .and_then(|offer| offer.with_point_formats(&[]))
        .and_then(|offer| offer.with_signature_schemes(&[]))
        .unwrap();
    let octets = offer.to_octets();
    let numbers: Vec<u16> = parts(&octets).extensions.keys().copied().collect();
    assert_eq!(numbers, [21, 23]);
}

#[test]
fn no_offer_has_a_length_at_which_servers_hang() {
    let mut padded = 0;
    for count in 1..=240 {
        let suites = vec![CipherSuite::from_number(0xC02F); count];
        for version in [ProtocolVersion::TLS_1_0, ProtocolVersion::TLS_1_2] {
            let octets = ClientHello::new(version, &suites, [7; 32]).unwrap().to_octets();
            let parts = parts(&octets);
            assert!(!(256..512).contains(&parts.message_length), "{}", parts.message_length);
            if let Some(padding) = parts.extensions.get(&21) {
                padded += 1;
                assert!(!padding.is_empty() && padding.iter().all(|octet| *octet == 0));
                assert!((512..=516).contains(&parts.message_length), "{}", parts.message_length);
                assert_eq!(parts.last_extension, Some(21));
            }
        }
    }
    assert!(padded > 200, "{padded}");
}

#[test]
fn the_largest_offer_fits_in_one_record() {
    let longest_label = "a".repeat(63);
    let name = format!("{longest_label}.{longest_label}.{longest_label}.{}", "a".repeat(61));
    let suites = vec![CipherSuite::from_number(1); ClientHello::MAX_CIPHER_SUITES];
    let offer = ClientHello::new(ProtocolVersion::TLS_1_2, &suites, [7; 32])
        .and_then(|offer| offer.with_groups(&[NamedGroup::X448; ClientHello::MAX_LIST]))
        .and_then(|offer| offer.with_point_formats(&[PointFormat::UNCOMPRESSED; 64]))
        .and_then(|offer| offer.with_signature_schemes(&[SignatureScheme::ED448; 64]))
        .and_then(|offer| offer.with_session_id(&[1; ClientHello::MAX_SESSION_ID]))
        .unwrap()
        .with_server_name(ServerName::parse(&name).unwrap());
    let octets = offer.to_octets();
    let parts = parts(&octets);
    assert!(octets.len() < 4_096, "{}", octets.len());
    assert_eq!(parts.suites.len(), ClientHello::MAX_CIPHER_SUITES + 1);
    assert_eq!(parts.session_id, [1; 32]);
}

#[test]
fn offers_that_cannot_be_made() {
    let suites = CipherSuite::STATIC_KEY;
    for number in [0x0002, 0x02FF, 0x0304, 0x7F1C] {
        let version = ProtocolVersion::from_number(number);
        let error = ClientHelloError::Version { version };
        assert_eq!(ClientHello::new(version, suites, [7; 32]), Err(error));
    }
    let new = |suites: &[CipherSuite]| ClientHello::new(ProtocolVersion::TLS_1_0, suites, [7; 32]);
    assert_eq!(new(&[]), Err(ClientHelloError::NoCipherSuite));
    let too_many = vec![CipherSuite::from_number(1); ClientHello::MAX_CIPHER_SUITES + 1];
    assert_eq!(new(&too_many), Err(ClientHelloError::TooMany { limit: 1_024 }));

    let offer = || offer(ProtocolVersion::TLS_1_2);
    let too_many = Err(ClientHelloError::TooMany { limit: 64 });
    assert_eq!(offer().with_groups(&[NamedGroup::X448; 65]), too_many);
    assert_eq!(offer().with_point_formats(&[PointFormat::UNCOMPRESSED; 65]), too_many);
    assert_eq!(offer().with_signature_schemes(&[SignatureScheme::ED448; 65]), too_many);
    assert_eq!(offer().with_session_id(&[0; 33]), Err(ClientHelloError::SessionId));
}
