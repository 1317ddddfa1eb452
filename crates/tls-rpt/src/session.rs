//! What a mail server tells of one TLS session with an MX: the datagram of libtlsrpt.
//!
//! Postfix 3.10 and others that link libtlsrpt send one datagram for each session: a JSON object
//! with the policy domain, the TLS-RPT record, and for each policy whether the session complied with
//! it and what went wrong. RFC 8460 does not define it; the letters are those of libtlsrpt 0.5,
//! version 1 of its protocol.
//!
//! # What is refused
//!
//! A datagram counts as a whole or not at all: half a session would be a wrong number. What does not
//! touch a number (an address that is none, octets that are not UTF-8) is mended and noted.

mod failure;
mod log_line;
mod normal;
mod reading;
mod refusal;
mod seen_policy;

pub use failure::SessionFailure;
pub use log_line::{LogRefusal, LogTime, LoggedSession};
pub use refusal::{SessionRefusal, SessionRepair};
pub use seen_policy::SeenPolicy;

use mail_domain::DomainName;

/// One TLS session with an MX, as the mail server saw it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// The domain that mail was sent to, and whose TLS-RPT record was found.
    pub domain: DomainName,
    /// The TLS-RPT record, as the mail server found it. Not judged: see [`Record`](crate::Record).
    pub record: Option<String>,
    /// The policies that the session was held against; at least one.
    pub policies: Vec<SessionPolicy>,
}

/// What one policy made of the session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionPolicy {
    /// The policy.
    pub policy: SeenPolicy,
    /// Whether the session complied with it in the end.
    pub outcome: SessionOutcome,
    /// What went wrong. A session may fail without any, and comply after some.
    pub failures: Vec<SessionFailure>,
}

/// Whether a session complied with a policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SessionOutcome {
    /// TLS was negotiated, and it was as the policy demands.
    Successful,
    /// It was not.
    Failed,
}

/// What was read from a datagram.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionReading {
    /// The session.
    pub session: Session,
    /// What had to be mended, each kind once.
    pub repairs: Vec<SessionRepair>,
}

impl Session {
    /// The most octets of a datagram; the kernel passes 212,960 by default.
    pub const MOST_OCTETS: usize = 256 << 10;
    /// The most policies in one. Postfix sends 1.
    pub const MOST_POLICIES: usize = 64;
    /// The most failures in all its policies together. Postfix sends 1.
    pub const MOST_FAILURES: usize = 1_024;

    /// Reads a datagram. What it takes is bounded by its length.
    ///
    /// # Errors
    /// Why nothing of it can be counted.
    pub fn read(octets: &[u8]) -> Result<SessionReading, SessionRefusal> {
        reading::read(octets)
    }
}

#[cfg(test)]
mod tests;
