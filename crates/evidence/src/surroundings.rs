//! What lies round the records: certificate authorities, report destinations, mail authentication.

use mail_domain::DomainName;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{HostAddresses, Lookup, MxRecord, PolicyFetch, TextRecord};

/// The CAA record set that counts for a name: its own, or that of the nearest parent that has one
/// (RFC 8659 §3).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CaaLookup {
    /// Where the climb ended: the name with records, the name whose look-up failed, or the last
    /// parent.
    #[schemars(with = "String")]
    pub owner: DomainName,
    /// The records there.
    pub records: Lookup<Vec<CaaRecord>>,
}

/// One CAA record (RFC 8659 §4.1).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CaaRecord {
    /// The flags octet; 128 is "issuer critical".
    pub flags: u8,
    /// The property: `issue`, `issuewild`, `iodef`, …, in lower case.
    pub tag: String,
    /// Its value, made printable.
    pub value: String,
}

/// Where TLS reports go, as far as it can be seen without sending one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "scheme", rename_all = "kebab-case")]
pub enum ReportDestination {
    /// By mail.
    Mailto {
        /// The URI, as published.
        uri: String,
        /// The domain of the address.
        #[schemars(with = "String")]
        domain: DomainName,
        /// Its MX records.
        records: Lookup<Vec<MxRecord>>,
        /// Its addresses, asked for where there is no MX record.
        addresses: Option<HostAddresses>,
    },
    /// By HTTPS.
    Https {
        /// The URI, as published.
        uri: String,
        /// The host, where it is a name.
        #[schemars(with = "String")]
        host: DomainName,
        /// Its addresses.
        addresses: HostAddresses,
        /// One GET of the path for each address: does anything answer? A receiver of reports may
        /// well reply that GET is not allowed.
        fetches: Vec<PolicyFetch>,
    },
}

/// Records of the domain that say what else protects its mail: context, not judged as such.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Surroundings {
    /// The TXT records of the domain itself, SPF among them.
    pub texts: Lookup<Vec<TextRecord>>,
    /// The TXT records at `_dmarc.` and the domain.
    pub dmarc: Lookup<Vec<TextRecord>>,
}
