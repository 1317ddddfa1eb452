//! What is taken over of one domain.

use mail_domain::{DomainName, DomainNameError};
use mta_sts::{MxPatternError, Policy, PolicyError, PolicyIdError};
use sealpost_store::{Adoption, FetchedPolicy};

/// One domain of another's memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The policy domain.
    pub domain: DomainName,
    /// What is known of it.
    pub what: What,
}

/// What can be taken over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// A policy that still applies.
    Policy(Adoption),
    /// A policy that has expired: the domain is worth asking about.
    Expired,
    /// There is a policy, but its text, or when it was fetched, is not told.
    Name,
}

/// Why a row cannot be taken over. The text fits after "failed to ".
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RowError {
    /// The domain is none.
    #[error("read the domain: {0}")]
    Domain(DomainNameError),
    /// The id is none that RFC 8461 §3.1 allows.
    #[error("read the id of the record: {0}")]
    Id(PolicyIdError),
    /// The pattern is none that RFC 8461 §4.1 allows.
    #[error("read an mx pattern: {0}")]
    Mx(MxPatternError),
    /// A sender that follows RFC 8461 §3.2 cannot use the policy.
    #[error("read the policy: {0}")]
    Policy(PolicyError),
    /// A column or field is missing, too long, or of another type.
    #[error("read its {0}")]
    Field(&'static str),
    /// The line is not in the form that was expected.
    #[error("read the line: {0}")]
    Line(&'static str),
}

impl RowError {
    /// How to mend it, as a sentence.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Domain(_) => "the row is about no domain and can be left behind",
            Self::Id(_) | Self::Mx(_) | Self::Policy(_) => {
                "the other program took what RFC 8461 does not allow; `sealpost check` shows what \
                 the domain publishes now"
            }
            Self::Field(_) | Self::Line(_) => {
                "`sealpost enforce cache refresh` with the domain asks its policy host instead"
            }
        }
    }
}

impl Found {
    /// A policy that counts as fetched then, or now if that is later.
    ///
    /// # Errors
    ///
    /// [`RowError::Policy`] if the text is no policy.
    pub(super) fn policy(
        domain: DomainName,
        mut policy: FetchedPolicy,
        last_used: i64,
        now: i64,
    ) -> Result<Self, RowError> {
        let max_age = Policy::parse(&policy.text).map_err(RowError::Policy)?.max_age();
        policy.fetched_at = policy.fetched_at.min(now);
        let expires = policy.fetched_at.saturating_add(max_age.as_secs().into());
        if expires < now {
            return Ok(Self { domain, what: What::Expired });
        }
        let last_used = last_used.min(now);
        let what = What::Policy(Adoption { domain: domain.clone(), policy, last_used });
        Ok(Self { domain, what })
    }

    /// A domain of which only the name can be taken over.
    pub(super) fn name(domain: DomainName) -> Self {
        Self { domain, what: What::Name }
    }
}

/// Reads the name of a domain.
pub(super) fn domain(octets: &[u8]) -> Result<DomainName, RowError> {
    let text = std::str::from_utf8(octets).map_err(|_| RowError::Field("domain"))?;
    text.parse().map_err(RowError::Domain)
}
