//! What stands in a certificate, for people and for judging again.

use data_encoding::HEXLOWER;
use jiff::Timestamp;
use sealpost_evidence::{Certificate, Octets};
use sha2::{Digest, Sha256};
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer;
use x509_parser::public_key::PublicKey;
use x509_parser::time::ASN1Time;
use x509_parser::x509::SubjectPublicKeyInfo;

use crate::text::{printable, printable_within};

/// The most DNS names that are kept of one certificate.
const MOST_NAMES: usize = 100;

/// The longest name that is kept, in octets: no DNS name is longer.
const LONGEST_NAME: usize = 253;

/// The facts of a certificate, or, beside what little can be said, why it can't be read.
pub(super) fn read(der: &[u8]) -> (Certificate, Option<String>) {
    match X509Certificate::from_der(der) {
        Ok((rest, certificate)) => {
            let trailing = (!rest.is_empty())
                .then(|| format!("{} octets follow the end of the certificate", rest.len()));
            (facts(der, &certificate), trailing)
        }
        Err(error) => (unreadable(der), Some(printable(&error.to_string()))),
    }
}

fn facts(der: &[u8], certificate: &X509Certificate<'_>) -> Certificate {
    let common_name = certificate
        .subject()
        .iter_common_name()
        .find_map(|attribute| attribute.as_str().ok())
        .map(printable);
    Certificate {
        subject: printable(&certificate.subject().to_string()),
        issuer: printable(&certificate.issuer().to_string()),
        common_name,
        dns_names: dns_names(certificate),
        not_before: timestamp(certificate.validity().not_before),
        not_after: timestamp(certificate.validity().not_after),
        key: key(certificate.public_key()),
        sha256: sha256(der),
        der: Octets::new(der),
    }
}

fn unreadable(der: &[u8]) -> Certificate {
    Certificate {
        subject: "(unreadable)".to_owned(),
        issuer: "(unreadable)".to_owned(),
        common_name: None,
        dns_names: Vec::new(),
        not_before: Timestamp::UNIX_EPOCH,
        not_after: Timestamp::UNIX_EPOCH,
        key: "(unreadable)".to_owned(),
        sha256: sha256(der),
        der: Octets::new(der),
    }
}

fn sha256(der: &[u8]) -> String {
    HEXLOWER.encode(&Sha256::digest(der))
}

fn dns_names(certificate: &X509Certificate<'_>) -> Vec<String> {
    let Ok(Some(names)) = certificate.subject_alternative_name() else { return Vec::new() };
    names
        .value
        .general_names
        .iter()
        .filter_map(|name| match name {
            GeneralName::DNSName(name) => Some(printable_within(name, LONGEST_NAME)),
            _ => None,
        })
        .take(MOST_NAMES)
        .collect()
}

/// The time; the end of the calendar for "never" (RFC 5280 §4.1.2.5: 99991231235959Z).
fn timestamp(time: ASN1Time) -> Timestamp {
    let seconds = time.timestamp();
    let bound = if seconds < 0 { Timestamp::MIN } else { Timestamp::MAX };
    Timestamp::from_second(seconds).unwrap_or(bound)
}

fn key(info: &SubjectPublicKeyInfo<'_>) -> String {
    let algorithm = info.algorithm.algorithm.to_id_string();
    let curve = || info.algorithm.parameters.as_ref()?.as_oid().ok().map(|oid| oid.to_id_string());
    match algorithm.as_str() {
        "1.2.840.113549.1.1.1" => match info.parsed() {
            Ok(PublicKey::RSA(key)) => format!("RSA {}", bits(key.modulus)),
            _ => "RSA".to_owned(),
        },
        "1.2.840.10045.2.1" => match curve().as_deref() {
            Some("1.2.840.10045.3.1.7") => "ECDSA P-256".to_owned(),
            Some("1.3.132.0.34") => "ECDSA P-384".to_owned(),
            Some("1.3.132.0.35") => "ECDSA P-521".to_owned(),
            Some(other) => printable(&format!("ECDSA {other}")),
            None => "ECDSA".to_owned(),
        },
        "1.3.101.112" => "Ed25519".to_owned(),
        "1.3.101.113" => "Ed448".to_owned(),
        other => printable(other),
    }
}

/// The length of a number in bits.
fn bits(number: &[u8]) -> usize {
    let mut digits = number.iter().skip_while(|octet| **octet == 0);
    let first = digits.next().map_or(0, |octet| 8 - octet.leading_zeros() as usize);
    first + 8 * digits.count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_length_of_a_modulus_in_bits() {
        for (number, length) in [
            (&[][..], 0),
            (&[0, 0], 0),
            (&[1], 1),
            (&[0, 0x80, 0], 16), // a leading zero keeps the number positive
            (&[0x7f, 0xff], 15),
        ] {
            assert_eq!(bits(number), length, "{number:?}");
        }
    }

    #[test]
    fn what_is_no_certificate_is_said_to_be_unreadable() {
        for der in [&b""[..], b"\x30\x00", b"garbage", &[0x30; 4000]] {
            let (facts, defect) = read(der);
            assert!(defect.is_some_and(|defect| !defect.is_empty()), "{der:?}");
            assert_eq!(facts.sha256.len(), 64);
            assert_eq!(facts.der.as_slice(), der);
        }
    }
}
