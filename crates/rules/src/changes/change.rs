//! The kinds of changes.

use std::net::IpAddr;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Verdict;

/// One thing that has changed at a domain.
///
/// Its texts are those of strangers: names and records as they were found, cut where they are long.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Change {
    /// What becomes of mail to the domain.
    VerdictChanged {
        /// Before.
        before: Verdict,
        /// After.
        after: Verdict,
    },
    /// The STS record. None, one or, by mistake, more.
    StsRecordChanged {
        /// Before.
        before: Vec<String>,
        /// After.
        after: Vec<String>,
    },
    /// The policy that is served; where addresses differ, all of them.
    PolicyChanged {
        /// The bodies before.
        before: Vec<String>,
        /// The bodies after.
        after: Vec<String>,
    },
    /// The policy that is served is another, and its id in the STS record is the same: senders that
    /// hold the one before do not fetch this one until that expires.
    IdUnchanged {
        /// The id.
        id: String,
        /// The bodies before.
        before: Vec<String>,
        /// The bodies after.
        after: Vec<String>,
    },
    /// The TLS-RPT record.
    TlsRptRecordChanged {
        /// Before.
        before: Vec<String>,
        /// After.
        after: Vec<String>,
    },
    /// There is another MX host.
    MxAdded {
        /// Its name.
        host: String,
        /// Lower is tried first.
        preference: u16,
    },
    /// A host is an MX host no more.
    MxRemoved {
        /// Its name.
        host: String,
        /// What it was.
        preference: u16,
    },
    /// The preference of an MX host.
    MxPreferenceChanged {
        /// Its name.
        host: String,
        /// Before.
        before: u16,
        /// After.
        after: u16,
    },
    /// The addresses of an MX host.
    MxAddressesChanged {
        /// Its name.
        host: String,
        /// Those that it has now, and had not.
        added: Vec<IpAddr>,
        /// Those that it had, and has no more.
        removed: Vec<IpAddr>,
    },
    /// The TLSA records of an MX host.
    TlsaChanged {
        /// Its name.
        host: String,
        /// Before, each with its base domain.
        before: Vec<String>,
        /// After.
        after: Vec<String>,
    },
    /// A certificate was followed by one for the same names that ends later.
    CertificateRenewed {
        /// Which kind of host shows it.
        server: Server,
        /// Its name.
        host: String,
        /// The addresses at which it is shown.
        addresses: Vec<IpAddr>,
        /// The one before.
        before: Shown,
        /// The one after.
        after: Shown,
        /// Whether it is for the same key.
        key: Key,
    },
    /// A certificate was replaced by one for other names, or by one that does not end later.
    CertificateChanged {
        /// Which kind of host shows it.
        server: Server,
        /// Its name.
        host: String,
        /// The addresses at which it is shown.
        addresses: Vec<IpAddr>,
        /// The one before.
        before: Shown,
        /// The one after.
        after: Shown,
        /// Whether it is for the same key.
        key: Key,
    },
}

/// A kind of host that shows a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Server {
    /// It takes mail.
    Mx,
    /// It serves the policy.
    PolicyHost,
}

/// What became of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Key {
    /// It is the same: TLSA records for it hold on.
    Same,
    /// It is another one.
    Other,
}

/// A certificate as a server has shown it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Shown {
    /// Its SHA-256, in lower-case hexadecimal.
    pub sha256: String,
    /// The SHA-256 of its public key; empty if that could not be read.
    pub key: String,
    /// The DNS names that it is for, sorted; at most 100.
    pub names: Vec<String>,
    /// Its issuer's distinguished name.
    pub issuer: String,
    /// Begin of its validity.
    #[schemars(with = "String")]
    pub not_before: Timestamp,
    /// End of its validity.
    #[schemars(with = "String")]
    pub not_after: Timestamp,
}

impl Change {
    /// The word for each kind.
    pub const KINDS: [&'static str; 12] = [
        "verdict-changed",
        "sts-record-changed",
        "policy-changed",
        "id-unchanged",
        "tls-rpt-record-changed",
        "mx-added",
        "mx-removed",
        "mx-preference-changed",
        "mx-addresses-changed",
        "tlsa-changed",
        "certificate-renewed",
        "certificate-changed",
    ];

    /// The word for its kind, one of [`Self::KINDS`]; the same as in JSON.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::VerdictChanged { .. } => "verdict-changed",
            Self::StsRecordChanged { .. } => "sts-record-changed",
            Self::PolicyChanged { .. } => "policy-changed",
            Self::IdUnchanged { .. } => "id-unchanged",
            Self::TlsRptRecordChanged { .. } => "tls-rpt-record-changed",
            Self::MxAdded { .. } => "mx-added",
            Self::MxRemoved { .. } => "mx-removed",
            Self::MxPreferenceChanged { .. } => "mx-preference-changed",
            Self::MxAddressesChanged { .. } => "mx-addresses-changed",
            Self::TlsaChanged { .. } => "tlsa-changed",
            Self::CertificateRenewed { .. } => "certificate-renewed",
            Self::CertificateChanged { .. } => "certificate-changed",
        }
    }

    /// The name of the host that it is about, if it is about one.
    pub fn host(&self) -> Option<&str> {
        match self {
            Self::MxAdded { host, .. }
            | Self::MxRemoved { host, .. }
            | Self::MxPreferenceChanged { host, .. }
            | Self::MxAddressesChanged { host, .. }
            | Self::TlsaChanged { host, .. }
            | Self::CertificateRenewed { host, .. }
            | Self::CertificateChanged { host, .. } => Some(host),
            Self::VerdictChanged { .. }
            | Self::StsRecordChanged { .. }
            | Self::PolicyChanged { .. }
            | Self::IdUnchanged { .. }
            | Self::TlsRptRecordChanged { .. } => None,
        }
    }
}

impl Server {
    /// The word for people.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Mx => "MX host",
            Self::PolicyHost => "policy host",
        }
    }
}
