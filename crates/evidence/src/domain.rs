//! All that was seen of one domain.

use jiff::Timestamp;
use mail_domain::DomainName;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Lookup, MailHosts, PolicyHost, ReportDestination, Surroundings, TextRecord};

/// The number of the JSON format that this version writes. Readers refuse a higher one.
pub const FORMAT: u32 = 1;

/// All that was seen of one domain, at one time, from one place.
///
/// A part that nobody asked for is `None`; a part that was asked for and could not be learnt says
/// so inside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Evidence {
    /// The number of the format, [`FORMAT`].
    pub format: u32,
    /// The policy domain.
    #[schemars(with = "String")]
    pub domain: DomainName,
    /// When the look began, by the observer's clock.
    #[schemars(with = "String")]
    pub observed: Timestamp,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
    /// Who looked, and with what means.
    pub observer: Observer,
    /// The TXT records at `_mta-sts.` and the domain.
    pub sts_records: Option<Lookup<Vec<TextRecord>>>,
    /// The policy host.
    pub policy_host: Option<PolicyHost>,
    /// The MX hosts.
    pub mail_hosts: Option<MailHosts>,
    /// The TXT records at `_smtp._tls.` and the domain.
    pub tls_rpt_records: Option<Lookup<Vec<TextRecord>>>,
    /// Where TLS reports go: one for each usable `rua` of the one TLS-RPT record, at most 8.
    pub report_destinations: Vec<ReportDestination>,
    /// What else protects the domain's mail; looked at when nothing was left out.
    pub surroundings: Option<Surroundings>,
}

/// Who looked, and with what means.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Observer {
    /// The program and its version: `sealpost 0.1.0`.
    pub software: String,
    /// The name given in EHLO.
    pub ehlo_name: String,
    /// The DNS resolvers asked, as `address:port`.
    pub resolvers: Vec<String>,
    /// The port of policy hosts; 443 but for tests.
    pub https_port: u16,
    /// The port of MX hosts; 25 but for tests.
    pub smtp_port: u16,
    /// Where the trusted roots come from, in words.
    pub trust_roots: String,
    /// Who says what is secure.
    pub dnssec: Dnssec,
    /// Can this machine reach IPv4 addresses?
    pub ipv4: Reach,
    /// Can this machine reach IPv6 addresses?
    pub ipv6: Reach,
}

/// Who says which answers of the DNS are secure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Dnssec {
    /// The observer validates from its trust anchors.
    Validated,
    /// A validating resolver, reached over loopback, by its AD bit.
    TrustedResolver,
    /// Nobody: every answer is indeterminate.
    Nobody,
}

/// Has this machine a way there?
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Reach {
    /// There is a route.
    Routed,
    /// There is none, so that nothing can be said of such addresses.
    NoRoute,
}
