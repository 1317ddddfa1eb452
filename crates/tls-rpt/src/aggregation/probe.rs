//! What MX hosts show when a sender tries them.

use mail_domain::DomainName;

use crate::SessionFailure;

/// What an MX host showed that was tried against the MTA-STS policy of a domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostProbe {
    /// The host.
    pub host: DomainName,
    /// Whether it complied.
    pub result: ProbeResult,
}

/// Whether an MX host complied with a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProbeResult {
    /// It did, on each of its addresses that answered.
    Passes,
    /// It did not.
    Fails(SessionFailure),
    /// It could not be told.
    Unknown,
}

impl ProbeResult {
    /// As it is stored.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Passes => "passes",
            Self::Fails(_) => "fails",
            Self::Unknown => "unknown",
        }
    }

    /// From what was stored, and the failure beside it; `None` from anything else.
    pub fn of(text: &str, failure: Option<SessionFailure>) -> Option<Self> {
        match (text, failure) {
            ("passes", None) => Some(Self::Passes),
            ("fails", Some(failure)) => Some(Self::Fails(failure)),
            ("unknown", None) => Some(Self::Unknown),
            _ => None,
        }
    }
}
