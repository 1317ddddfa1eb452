//! The answer to one DNS question.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The answer to one DNS question: found, known to be absent, or not known.
///
/// Policies depend on the difference between the last two: RFC 8461 §3.1 lets a sender act on the
/// absence of a record, and nobody may act on a server that did not answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "state", rename_all = "kebab-case")]
#[must_use]
pub enum Lookup<T> {
    /// The record set exists.
    Found(Found<T>),
    /// An authoritative answer says that there is no such record set.
    Absent(Absence),
    /// No usable answer came. Nothing follows from it about the domain.
    Unknown(LookupFault),
}

/// A record set that exists.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Found<T> {
    /// The records.
    pub value: T,
    /// The smallest time to live on the way, in seconds.
    pub ttl: u32,
    /// The names that CNAME records led through, first target first; empty without CNAME.
    pub aliases: Vec<String>,
    /// What DNSSEC says of the answer.
    pub security: Security,
}

/// A record set that does not exist.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Absence {
    /// Is the name missing, or only this type of record?
    pub kind: AbsenceKind,
    /// How long the denial may be kept, in seconds (RFC 2308 §5); 0 where the answer does not tell.
    #[serde(default)]
    pub ttl: u32,
    /// The names that CNAME records led through before the end, first target first.
    pub aliases: Vec<String>,
    /// What DNSSEC says of the denial.
    pub security: Security,
}

/// Two ways of there being none (RFC 2308 §2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AbsenceKind {
    /// NXDOMAIN: nothing has this name.
    NoSuchName,
    /// NODATA: the name exists, with no record of this type.
    NoSuchData,
}

/// Why a question has no answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LookupFault {
    /// The class of the fault.
    pub kind: LookupFaultKind,
    /// The fault in words, for people; at most 512 octets, printable.
    pub text: String,
}

/// Classes of DNS faults.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum LookupFaultKind {
    /// No server answered in time.
    TimedOut,
    /// SERVFAIL: the server tried and failed. A validating resolver says so of bogus data too.
    ServerFailure,
    /// REFUSED, NOTIMP or another error code.
    Refused,
    /// No server could be reached at all.
    Unreachable,
    /// The answer could not be read, or did not fit the question.
    Malformed,
    /// The answer was larger or its CNAME chain longer than we accept.
    TooLarge,
    /// DNSSEC validation failed.
    Bogus,
}

/// What DNSSEC says of an answer (RFC 4035 §4.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[must_use]
pub enum Security {
    /// Validated from a trust anchor, or vouched for by a validating resolver that we reach over
    /// loopback.
    Secure,
    /// Proven to lie in an unsigned part of the tree.
    Insecure,
    /// Nobody validated the answer, so nothing is known.
    Indeterminate,
}

impl<T> Lookup<T> {
    /// The records, where they were found.
    pub fn found(&self) -> Option<&Found<T>> {
        match self {
            Self::Found(found) => Some(found),
            Self::Absent(_) | Self::Unknown(_) => None,
        }
    }

    /// The value, where it was found.
    pub fn value(&self) -> Option<&T> {
        self.found().map(|found| &found.value)
    }

    /// Why there is no answer, where there is none.
    pub fn fault(&self) -> Option<&LookupFault> {
        match self {
            Self::Unknown(fault) => Some(fault),
            Self::Found(_) | Self::Absent(_) => None,
        }
    }

    /// Does an authoritative answer say that there is no such record set?
    pub fn is_absent(&self) -> bool {
        matches!(self, Self::Absent(_))
    }

    /// For how many seconds the answer may be relied on; zero where there is none.
    pub fn ttl(&self) -> u32 {
        match self {
            Self::Found(found) => found.ttl,
            Self::Absent(absence) => absence.ttl,
            Self::Unknown(_) => 0,
        }
    }

    /// The names that CNAME records led through, first target first.
    pub fn aliases(&self) -> &[String] {
        match self {
            Self::Found(found) => &found.aliases,
            Self::Absent(absence) => &absence.aliases,
            Self::Unknown(_) => &[],
        }
    }
}

impl LookupFaultKind {
    /// The fault as a short phrase: "timed out".
    pub fn as_str(self) -> &'static str {
        match self {
            Self::TimedOut => "timed out",
            Self::ServerFailure => "server failure (SERVFAIL)",
            Self::Refused => "refused",
            Self::Unreachable => "no resolver could be reached",
            Self::Malformed => "malformed answer",
            Self::TooLarge => "answer larger than we accept",
            Self::Bogus => "DNSSEC validation failed",
        }
    }
}
