//! Which records an SMTP client can use.

use crate::der;
use crate::parameters::{MatchingType, Selector, Usage};
use crate::record::TlsaRecord;

/// Whether an SMTP client can authenticate a server by a record ("usable" as in RFC 6698 §4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[must_use]
pub enum Usability {
    /// It can.
    Usable,
    /// It can't: the record is treated as if it were not in the set, except that it still obliges
    /// the client to encrypt (RFC 7672 §2.2.3).
    Unusable(UnusableReason),
}

/// Why a record is unusable, for whoever publishes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum UnusableReason {
    /// Usage 0 or 1, which rely on public authorities.
    #[error("usages 0 and 1 are not for SMTP: publish usage 3, or 2 for an authority of your own")]
    PkixUsage,

    /// A usage that is not registered.
    #[error("usage {0} is not known: publish usage 3 or 2")]
    UnknownUsage(u8),

    /// A selector that is not registered.
    #[error("selector {0} is not known: publish 1 for the key or 0 for the certificate")]
    UnknownSelector(u8),

    /// A matching type that is not registered.
    #[error("matching type {0} is not known: publish 1 for SHA-256")]
    UnknownMatchingType(u8),

    /// There is no association at all.
    #[error("the association is empty")]
    Empty,

    /// A digest of a length that this digest never has.
    #[error("the digest has {octets} octets instead of {expected}")]
    DigestLength {
        /// The length found, in octets.
        octets: usize,
        /// The right length, in octets.
        expected: usize,
    },

    /// The association of a `… 0 0` record is not a certificate.
    #[error(
        "the association is no certificate in DER, which selector 0 with matching type 0 needs"
    )]
    NotACertificate,

    /// The association of a `… 1 0` record is not a public key.
    #[error(
        "the association is no SubjectPublicKeyInfo in DER, which selector 1 with matching type 0 needs"
    )]
    NotAKey,
}

impl TlsaRecord {
    /// Whether an SMTP client can use this record.
    pub fn usability(&self) -> Usability {
        match self.defect() {
            None => Usability::Usable,
            Some(reason) => Usability::Unusable(reason),
        }
    }

    fn defect(&self) -> Option<UnusableReason> {
        match self.usage() {
            //= https://www.rfc-editor.org/rfc/rfc7672#section-3.1.3
            //# SMTP client treatment of TLSA RRs with certificate usages PKIX-TA(0)
            //# or PKIX-EE(1) is undefined.  As with any other unsupported
            //# certificate usage, SMTP clients MAY treat such records as "unusable".
            Usage::PkixTa | Usage::PkixEe => return Some(UnusableReason::PkixUsage),
            Usage::Other(number) => return Some(UnusableReason::UnknownUsage(number)),
            Usage::DaneTa | Usage::DaneEe => {}
        }
        if let Selector::Other(number) = self.selector() {
            return Some(UnusableReason::UnknownSelector(number));
        }
        if let MatchingType::Other(number) = self.matching_type() {
            return Some(UnusableReason::UnknownMatchingType(number));
        }
        let octets = self.association().len();
        if octets == 0 {
            return Some(UnusableReason::Empty);
        }
        //= https://www.rfc-editor.org/rfc/rfc7671#section-9
        //# Algorithm agility is to be applied after first discarding
        //# any unusable or malformed records (unsupported digest algorithm, or
        //# incorrect digest length).
        if let Some(expected) = self.matching_type().digest_length() {
            return (octets != expected)
                .then_some(UnusableReason::DigestLength { octets, expected });
        }
        match self.selector() {
            Selector::Cert => der::certificate(self.association())
                .is_none()
                .then_some(UnusableReason::NotACertificate),
            _ => der::public_key(self.association()).is_none().then_some(UnusableReason::NotAKey),
        }
    }
}
