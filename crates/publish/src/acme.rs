//! Certificates from an authority that speaks ACME (RFC 8555).
//!
//! Whatever must not be lost is in the store before it is used: the key of the account before the
//! account, the key of a certificate before its order, the order's URL before anything else is done
//! about it. Each step looks at what the authority says of the order, so a step that was cut off is
//! taken again, and none makes a second order.

mod client;
mod csr;
mod issue;
mod jws;
mod preflight;
mod zone;

pub(crate) use client::{Client, Directory, Registration};
pub(crate) use csr::{CertificateFacts, certificate_id};
pub use issue::ChallengeKind;
pub(crate) use issue::{Issued, Issuer};
pub(crate) use jws::AccountKey;
pub(crate) use preflight::{Preflight, Unfit};
pub(crate) use zone::{Zone, ZoneError};

use sealpost_net::DialError;

use self::client::Problem;

/// The longest text of an authority that is shown, in characters.
const LONGEST_TEXT: usize = 400;

/// Why there is no certificate, yet. The text fits after "failed to ".
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum AcmeError {
    /// The authority was not reached.
    #[error(transparent)]
    Dial(#[from] DialError),
    /// A key that was kept cannot be read, or none can be made.
    #[error("use a key for the authority: it is none of P-256")]
    Key,
    /// The authority's answer makes no sense.
    #[error("understand the authority: its answer has {0}")]
    Answer(&'static str),
    /// The authority wants an account of its own customers.
    #[error(
        "register with the authority: it wants an external account; name it in \
         `external_account` of [publish.acme]"
    )]
    ExternalAccount,
    /// The authority does not offer the kind of certificate that is configured.
    #[error("order a certificate of the profile {wanted}: the authority offers {offered}")]
    Profile {
        /// What is configured.
        wanted: String,
        /// What there is, in a few words.
        offered: String,
    },
    /// The authority refuses.
    #[error("be served by the authority: {kind} ({status}): {detail}")]
    Refused {
        /// The status of HTTP.
        status: u16,
        /// The kind of the problem, without its namespace.
        kind: String,
        /// In its words.
        detail: String,
        /// Seconds after which it may be asked again.
        after: Option<u64>,
    },
    /// What the authority saw of a challenge did not convince it.
    #[error("prove the name by {challenge}: {detail}")]
    Challenge {
        /// The kind of the challenge.
        challenge: &'static str,
        /// What the authority saw.
        detail: String,
    },
    /// The authority does not offer what is configured.
    #[error("prove the name by {0}: the authority does not offer it here")]
    NotOffered(&'static str),
    /// A certificate is of no use to a machine with another time.
    #[error(
        "order a certificate: the clock of this machine shows {ours}, and that of the authority \
         {theirs}: set the clock"
    )]
    Clock {
        /// Our time.
        ours: jiff::Timestamp,
        /// The authority's.
        theirs: jiff::Timestamp,
    },
    /// It takes too long.
    #[error("wait for the authority: it has not finished within {0} seconds")]
    Slow(u64),
    /// The certificate is not what was ordered.
    #[error("use the certificate: {0}")]
    Certificate(String),
    /// A record could not be set or seen.
    #[error(transparent)]
    Dns(#[from] ZoneError),
    /// Not every server of the zone has the record of the challenge.
    #[error("set the record of the challenge: {0}")]
    NotEverywhere(String),
    /// Nothing may be ordered as things are.
    #[error(transparent)]
    Unfit(#[from] Unfit),
    /// The store.
    #[error(transparent)]
    Store(#[from] sealpost_store::StoreError),
    /// What is kept cannot be opened.
    #[error(transparent)]
    Seal(#[from] crate::certificates::SealError),
}

impl AcmeError {
    fn refused(status: u16, problem: &Problem, after: Option<u64>) -> Self {
        let kind = problem.kind.rsplit(':').next().unwrap_or_default();
        Self::Refused { status, kind: printable(kind), detail: printable(&problem.detail), after }
    }

    /// Whether the authority says this kind of problem.
    fn is(&self, wanted: &str) -> bool {
        matches!(self, Self::Refused { kind, .. } if kind == wanted)
    }

    /// Whether the certificate that an order names was replaced already, by one that was lost.
    pub(crate) fn is_replaced(&self) -> bool {
        self.is("alreadyReplaced")
    }

    /// Seconds after which the authority wants to be asked again, if it says so.
    pub(crate) fn retry_after(&self) -> Option<u64> {
        match self {
            Self::Refused { after: Some(seconds), .. } => Some(*seconds),
            Self::Refused { kind, .. } if kind == "rateLimited" => Some(3_600),
            _ => None,
        }
    }
}

/// Text of an authority, fit for a log line.
fn printable(text: &str) -> String {
    text.chars().take(LONGEST_TEXT).map(|c| if c.is_control() { ' ' } else { c }).collect()
}
