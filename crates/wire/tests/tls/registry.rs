//! Values of the registries, known and unknown.

use std::collections::BTreeSet;

use sealpost_wire::tls::{AlertDescription, AlertLevel, CipherSuite, ProtocolVersion, Weakness};

#[test]
fn unknown_values_are_kept_and_shown_as_numbers() {
    let shown = |number| ProtocolVersion::from_number(number).to_string();
    assert_eq!(shown(0x0301), "TLS 1.0");
    assert_eq!(shown(0x7F1C), "version 0x7f1c");
    assert_eq!(AlertDescription::from_number(70), AlertDescription::PROTOCOL_VERSION);
    assert_eq!(AlertDescription::from_number(200).to_string(), "alert 200");
    assert_eq!(AlertLevel::from_number(7).to_string(), "level 7");
    assert_eq!(CipherSuite::from_number(0xABCD).to_string(), "0xABCD");
    for number in 0..=u16::MAX {
        assert_eq!(ProtocolVersion::from_number(number).number(), number);
        assert_eq!(CipherSuite::from_number(number).number(), number);
    }
    for number in 0..=u8::MAX {
        assert_eq!(AlertDescription::from_number(number).number(), number);
    }
}

#[test]
fn versions_are_ordered_by_age() {
    use ProtocolVersion as V;
    let versions = [V::SSL_3_0, V::TLS_1_0, V::TLS_1_1, V::TLS_1_2, V::TLS_1_3];
    assert!(versions.is_sorted_by(|older, newer| older < newer));
}

#[test]
fn each_suite_has_a_number_and_a_name_of_its_own() {
    let suites = CipherSuite::common();
    let numbers: BTreeSet<_> = suites.iter().map(|suite| suite.number()).collect();
    let names: BTreeSet<_> = suites.iter().filter_map(|suite| suite.name()).collect();
    assert_eq!((numbers.len(), names.len()), (suites.len(), suites.len()));
    assert!(names.iter().all(|name| name.starts_with("TLS_") && name.contains("_WITH_")));
}

#[test]
fn the_groups_hold_what_they_say() {
    let weaknesses = |group: &[CipherSuite]| -> BTreeSet<Option<Weakness>> {
        group.iter().map(|suite| suite.weakness()).collect()
    };
    assert_eq!(weaknesses(CipherSuite::FORWARD_SECRET), [None].into());
    assert_eq!(weaknesses(CipherSuite::STATIC_KEY), [Some(Weakness::NoForwardSecrecy)].into());
    assert_eq!(weaknesses(CipherSuite::ANONYMOUS), [Some(Weakness::Anonymous)].into());
    let broken = [
        Weakness::SmallBlock,
        Weakness::Rc4,
        Weakness::SingleDes,
        Weakness::Export,
        Weakness::NoEncryption,
    ];
    assert_eq!(weaknesses(CipherSuite::BROKEN), broken.map(Some).into());
    assert!(broken.into_iter().all(Weakness::is_broken));
    assert!(!Weakness::Anonymous.is_broken() && !Weakness::NoForwardSecrecy.is_broken());
    let worst_first = CipherSuite::BROKEN.iter().map(|suite| suite.weakness());
    assert!(worst_first.is_sorted_by(|before, after| before >= after));
}

#[test]
fn the_worst_of_a_suite_counts() {
    let check = |number, name: &str, weakness| {
        let suite = CipherSuite::from_number(number);
        assert_eq!((suite.to_string().as_str(), suite.weakness()), (name, weakness));
    };
    // Numbers, names and what they stand for are from RFC 5246, 4346, 8422, 5288, 5289 and 7905.
    check(0x0002, "TLS_RSA_WITH_NULL_SHA", Some(Weakness::NoEncryption));
    check(0x0017, "TLS_DH_anon_EXPORT_WITH_RC4_40_MD5", Some(Weakness::Export));
    check(0x0008, "TLS_RSA_EXPORT_WITH_DES40_CBC_SHA", Some(Weakness::Export));
    check(0x001A, "TLS_DH_anon_WITH_DES_CBC_SHA", Some(Weakness::SingleDes));
    check(0x0005, "TLS_RSA_WITH_RC4_128_SHA", Some(Weakness::Rc4));
    check(0x000A, "TLS_RSA_WITH_3DES_EDE_CBC_SHA", Some(Weakness::SmallBlock));
    check(0xC012, "TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA", Some(Weakness::SmallBlock));
    check(0x0007, "TLS_RSA_WITH_IDEA_CBC_SHA", Some(Weakness::SmallBlock));
    check(0x0034, "TLS_DH_anon_WITH_AES_128_CBC_SHA", Some(Weakness::Anonymous));
    check(0x002F, "TLS_RSA_WITH_AES_128_CBC_SHA", Some(Weakness::NoForwardSecrecy));
    check(0xC02D, "TLS_ECDH_ECDSA_WITH_AES_128_GCM_SHA256", Some(Weakness::NoForwardSecrecy));
    check(0xC02F, "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", None);
    check(0x009E, "TLS_DHE_RSA_WITH_AES_128_GCM_SHA256", None);
    check(0xCCA8, "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", None);
    check(0x1301, "0x1301", None); // TLS 1.3 is not spoken here
}
