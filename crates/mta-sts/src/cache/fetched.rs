//! What a fetch of the policy brings.

use std::sync::Arc;

use crate::policy::{MaxAge, Mode, Policy, PolicyError};

/// A policy with its text as it was fetched.
///
/// The text is what RFC 8460 §4.5 wants in a report's `policy-string`: the policy "including any
/// errors". Clones share it.
///
/// A sender holds very many and is asked about few, so the patterns are held as text only, and one
/// place in memory has all of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchedPolicy {
    mode: Mode,
    max_age: MaxAge,
    text: Arc<[u8]>,
}

impl FetchedPolicy {
    /// Reads the body of an HTTPS response that counts: certificate valid, status 200, media type
    /// `text/plain`, body complete (RFC 8461 §3.3).
    ///
    /// # Errors
    ///
    /// [`PolicyError::Defective`] as [`Policy::parse`] has it. It becomes a [`FetchFailure`]; a
    /// cached policy still applies.
    pub fn parse(body: impl Into<Arc<[u8]>>) -> Result<Self, PolicyError> {
        let text = body.into();
        let policy = Policy::parse(&text)?;
        Ok(Self { mode: policy.mode(), max_age: policy.max_age(), text })
    }

    /// The policy. It is read anew from the text, which takes about a microsecond for each of its
    /// patterns.
    #[expect(clippy::expect_used, reason = "what was read once can be read again")]
    pub fn policy(&self) -> Policy {
        Policy::parse(&self.text).expect("invariant: only a valid text is held")
    }

    /// Its mode.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// Its `max_age`.
    pub fn max_age(&self) -> MaxAge {
        self.max_age
    }

    /// The body as it was fetched, at most 64 KiB of any octets: escape them.
    pub fn text(&self) -> &[u8] {
        &self.text
    }
}

/// Why a fetch brought no policy. Whatever it is, a cached policy still applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum FetchFailure {
    /// No connection, a time-out, a status other than 200, a body that was cut or too long.
    #[error("the policy could not be fetched")]
    NotFetched,
    /// The certificate of the policy host is not valid for it.
    #[error("the certificate of the policy host is not valid")]
    CertificateInvalid,
    /// What was fetched is no valid policy.
    #[error("what was fetched is not a valid policy")]
    PolicyInvalid,
}

impl FetchFailure {
    /// The result type under which a sender reports it, RFC 8460 §4.3.2.2.
    pub const fn result_type(self) -> &'static str {
        match self {
            Self::NotFetched => "sts-policy-fetch-error",
            Self::CertificateInvalid => "sts-webpki-invalid",
            Self::PolicyInvalid => "sts-policy-invalid",
        }
    }

    /// The failure of this result type, if it is one; the way back for who has stored it.
    pub fn from_result_type(name: &str) -> Option<Self> {
        [Self::NotFetched, Self::CertificateInvalid, Self::PolicyInvalid]
            .into_iter()
            .find(|failure| failure.result_type() == name)
    }
}

impl From<PolicyError> for FetchFailure {
    fn from(_: PolicyError) -> Self {
        Self::PolicyInvalid
    }
}
