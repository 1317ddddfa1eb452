//! What came of comparing a server's certificates with its records.

use std::fmt;

use crate::parameters::Usage;
use crate::record::TlsaRecord;

/// Whether a server is authenticated, and by what.
///
/// Records that are not used ([`Standing`](crate::Standing)) appear in none of the lists.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum DaneOutcome {
    /// At least one record matches: mail may be delivered.
    Authenticated {
        /// The records that match, at least one.
        matches: Vec<Match>,
        /// Those that don't: often the next key, published ahead (RFC 7671 §8.1).
        failures: Vec<Failure>,
    },

    /// No record matches: mail must not be delivered to this server (RFC 7672 §3.2).
    NotAuthenticated {
        /// Each record that was used, and why it does not match.
        failures: Vec<Failure>,
    },

    /// There is no usable record, so nothing was compared. When the set is not empty, TLS is
    /// required all the same ([`TlsaSet::requirement`](crate::TlsaSet::requirement)).
    NoUsableRecord,
}

impl DaneOutcome {
    /// The records that match; empty unless the server is authenticated.
    pub fn matches(&self) -> &[Match] {
        match self {
            Self::Authenticated { matches, .. } => matches,
            Self::NotAuthenticated { .. } | Self::NoUsableRecord => &[],
        }
    }

    /// The records that were used and do not match.
    pub fn failures(&self) -> &[Failure] {
        match self {
            Self::Authenticated { failures, .. } | Self::NotAuthenticated { failures } => failures,
            Self::NoUsableRecord => &[],
        }
    }

    /// Whether the server is authenticated.
    pub fn is_authenticated(&self) -> bool {
        matches!(self, Self::Authenticated { .. })
    }
}

/// A record that authenticates the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Match {
    /// The record.
    pub record: TlsaRecord,
    /// Which of the certificates it matches, the server's own being 0. `None` for a trust anchor
    /// that was not sent and stands in the record itself.
    pub depth: Option<usize>,
}

impl fmt::Display for Match {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.depth {
            Some(0) => f.write_str("matches the server's certificate"),
            Some(depth) => write!(f, "matches certificate {depth} of the chain, which issued it"),
            None => f.write_str("holds the trust anchor, which was not sent"),
        }
    }
}

/// A record that does not authenticate the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The record.
    pub record: TlsaRecord,
    /// Why not.
    pub cause: FailureCause,
}

impl fmt::Display for Failure {
    /// The cause, with what it means for this usage.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.cause.fmt(f)?;
        f.write_str(match (&self.cause, self.record.usage()) {
            (FailureCause::NoMatch, Usage::DaneTa) => {
                "; a trust anchor must be among the certificates that the server sends"
            }
            (FailureCause::WrongDepth { .. }, Usage::DaneTa) => {
                ": usage 2 is for its issuer; publish usage 3"
            }
            (FailureCause::WrongDepth { .. }, Usage::DaneEe) => {
                ", not the server's own: publish usage 2"
            }
            _ => "",
        })
    }
}

/// Why a record does not authenticate the server. Only the first cause found is named: the record
/// is compared, then the path verified, then the names.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FailureCause {
    /// The server sent no certificate.
    #[error("the server sent no certificate")]
    NoCertificate,

    /// It matches no certificate.
    #[error("matches no certificate that the server sent")]
    NoMatch,

    /// It matches only a certificate that its usage is not about.
    #[error("matches only certificate {depth} of the chain")]
    WrongDepth {
        /// Which one, the server's own being 0.
        depth: usize,
    },

    /// The trust anchor matches and did not issue the server's certificate, directly or through
    /// others that were sent.
    #[error("the trust anchor did not issue the server's certificate through those that were sent")]
    NotInPath,

    /// A certificate in the path, the trust anchor included, has expired.
    #[error("a certificate of the chain expired at {not_after} (seconds since 1970)")]
    Expired {
        /// When its validity ended, in seconds since 1970-01-01T00:00:00Z.
        not_after: i64,
    },

    /// The validity of a certificate in the path, the trust anchor included, has not begun.
    #[error("a certificate of the chain is valid only from {not_before} (seconds since 1970)")]
    NotYetValid {
        /// When it begins, in seconds since 1970-01-01T00:00:00Z.
        not_before: i64,
    },

    /// An issuer in the path, the trust anchor included, may not issue certificates.
    #[error("an issuer in the chain is not marked as an authority")]
    NotAuthority,

    /// An issuer in the path allows fewer authorities below it than there are.
    #[error("the chain is longer than one of its authorities allows")]
    PathTooLong,

    /// An issuer in the path may not issue for the names of the certificate.
    #[error("the name constraints of an authority in the chain forbid the certificate's names")]
    NameConstraint,

    /// A signature in the path does not verify.
    #[error("a signature in the chain does not verify")]
    BadSignature,

    /// A signature in the path is of a kind that is not supported.
    #[error("a certificate of the chain is signed with an algorithm or key that is not supported")]
    UnsupportedSignature,

    /// A certificate in the path is marked as being for other purposes than TLS servers.
    #[error("a certificate of the chain is not for TLS servers (extended key usage)")]
    WrongPurpose,

    /// The server's own certificate is marked as that of an authority.
    #[error("the server's certificate is marked as that of an authority")]
    LeafIsAuthority,

    /// The certificate is for none of the names that it could be for.
    #[error("the certificate is for none of the reference identifiers")]
    NameMismatch {
        /// The names that it is for, escaped; at most 100, each at most 253 characters before
        /// escaping. The common names where there are no DNS names.
        presented: Vec<Box<str>>,
    },

    /// A certificate can't be read.
    #[error("a certificate of the chain can't be read: {detail}")]
    Malformed {
        /// What is wrong, in words.
        detail: Box<str>,
    },

    /// There are too many trust anchors in the records, or paths between the certificates: the
    /// record was not tried, or not to the end.
    #[error("too many trust anchors or certificates to try them all")]
    TooComplex,

    /// Any other fault of the path.
    #[error("the chain does not verify: {detail}")]
    Other {
        /// What is wrong, in words.
        detail: Box<str>,
    },
}
