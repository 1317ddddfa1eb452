//! What a server showed in its TLS handshake.

use std::fmt;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tls_rpt::ResultType;

use crate::Octets;

/// A completed TLS handshake, and every fault of the certificate that it showed.
///
/// Auditors complete the handshake even with a faulty certificate, so that all faults and all that
/// lies behind them can be seen; what was read over such a session must not be trusted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TlsSession {
    /// The protocol version, in the words of the RFCs: `TLSv1.3`.
    pub version: String,
    /// The cipher suite by its IANA name.
    pub cipher_suite: String,
    /// The name sent in SNI, which is also the name the certificate was matched against.
    pub server_name: String,
    /// The certificates as sent, the server's own first; at most 16.
    pub certificates: Vec<Certificate>,
    /// Everything that is wrong with the certificate; empty when it verifies.
    pub faults: Vec<CertificateFault>,
}

/// Facts of one X.509 certificate, for people and for judging again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Certificate {
    /// The subject's distinguished name.
    pub subject: String,
    /// The issuer's distinguished name.
    pub issuer: String,
    /// The subject's common name, if any. It plays no part in verification.
    pub common_name: Option<String>,
    /// The DNS names among the subject alternative names, as written.
    pub dns_names: Vec<String>,
    /// Begin of validity.
    #[schemars(with = "String")]
    pub not_before: Timestamp,
    /// End of validity.
    #[schemars(with = "String")]
    pub not_after: Timestamp,
    /// The public key's kind and size: `ECDSA P-256`, `RSA 2048`.
    pub key: String,
    /// SHA-256 of the certificate, in lower-case hexadecimal.
    pub sha256: String,
    /// The certificate itself, DER.
    pub der: Octets,
}

/// One thing that is wrong with a certificate. Several may hold at once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "fault", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum CertificateFault {
    /// Its validity, or that of an issuer, has ended.
    Expired {
        /// When it ended.
        #[schemars(with = "String")]
        not_after: Timestamp,
    },
    /// Its validity has not begun.
    NotYetValid {
        /// When it begins.
        #[schemars(with = "String")]
        not_before: Timestamp,
    },
    /// No DNS-ID among its subject alternative names matches.
    NameMismatch {
        /// The name that it should be for.
        expected: String,
        /// The DNS names that it is for.
        presented: Vec<String>,
        /// Only the common name fits, which does not count (RFC 8461 §4.2).
        common_name_fits: bool,
    },
    /// Its issuer is not known: a private authority, or an intermediate certificate not sent.
    UnknownIssuer,
    /// It is signed by its own key.
    SelfSigned,
    /// It is marked as not being for servers (extended key usage).
    WrongPurpose,
    /// A signature in the chain does not verify.
    BadSignature,
    /// It can't be read.
    Malformed {
        /// What is wrong, in words.
        detail: String,
    },
    /// Any other fault of the chain.
    Other {
        /// What is wrong, in words.
        detail: String,
    },
}

impl TlsSession {
    /// The server's own certificate.
    pub fn leaf(&self) -> Option<&Certificate> {
        self.certificates.first()
    }

    /// Did the certificate verify: chain, dates and name?
    pub fn is_verified(&self) -> bool {
        self.faults.is_empty() && !self.certificates.is_empty()
    }
}

impl CertificateFault {
    /// The result type under which a sender reports this fault of an MX host (RFC 8460 §4.3.1).
    ///
    /// A certificate that is not valid yet has no type of its own; "expired" would send its owner
    /// to the wrong end of the dates, so it is a general `validation-failure`.
    pub fn result_type(&self) -> ResultType {
        match self {
            Self::Expired { .. } => ResultType::CertificateExpired,
            Self::NameMismatch { .. } => ResultType::CertificateHostMismatch,
            Self::UnknownIssuer | Self::SelfSigned | Self::WrongPurpose | Self::BadSignature => {
                ResultType::CertificateNotTrusted
            }
            Self::NotYetValid { .. } | Self::Malformed { .. } | Self::Other { .. } => {
                ResultType::ValidationFailure
            }
        }
    }
}

impl fmt::Display for CertificateFault {
    /// The fault as a fragment that fits after "the certificate".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        /// At most this many names are written out.
        const LISTED: usize = 3;
        match self {
            Self::Expired { not_after } => write!(f, "expired at {not_after}"),
            Self::NotYetValid { not_before } => write!(f, "is not valid before {not_before}"),
            Self::NameMismatch { expected, presented, .. } => {
                let listed: Vec<&str> = presented.iter().take(LISTED).map(String::as_str).collect();
                match presented.len().saturating_sub(LISTED) {
                    _ if listed.is_empty() => write!(f, "names no host, not even {expected}"),
                    0 => write!(f, "is for {}, not for {expected}", listed.join(", ")),
                    more => {
                        let listed = listed.join(", ");
                        write!(f, "is for {listed} and {more} more, not for {expected}")
                    }
                }
            }
            Self::UnknownIssuer => f.write_str("has an unknown issuer, or its chain is incomplete"),
            Self::SelfSigned => f.write_str("is signed by its own key"),
            Self::WrongPurpose => f.write_str("is not for servers"),
            Self::BadSignature => f.write_str("has a signature that does not verify"),
            Self::Malformed { detail } => write!(f, "cannot be read: {detail}"),
            Self::Other { detail } => write!(f, "does not verify: {detail}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_fault_has_the_result_type_that_senders_report() {
        let time = Timestamp::UNIX_EPOCH;
        let mismatch = CertificateFault::NameMismatch {
            expected: String::new(),
            presented: vec![],
            common_name_fits: false,
        };
        let detail = String::new;
        for (fault, expected) in [
            (CertificateFault::Expired { not_after: time }, "certificate-expired"),
            (CertificateFault::NotYetValid { not_before: time }, "validation-failure"),
            (mismatch, "certificate-host-mismatch"),
            (CertificateFault::UnknownIssuer, "certificate-not-trusted"),
            (CertificateFault::SelfSigned, "certificate-not-trusted"),
            (CertificateFault::WrongPurpose, "certificate-not-trusted"),
            (CertificateFault::BadSignature, "certificate-not-trusted"),
            (CertificateFault::Malformed { detail: detail() }, "validation-failure"),
            (CertificateFault::Other { detail: detail() }, "validation-failure"),
        ] {
            assert_eq!(fault.result_type().as_str(), expected, "{fault:?}");
        }
    }
}
