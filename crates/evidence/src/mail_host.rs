//! What the MX hosts said, address by address.

use std::net::IpAddr;

use mail_domain::DomainName;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{CaaLookup, ConnectionFault, HostAddresses, Lookup, TlsSession};

/// Where mail for the domain goes, and what was found there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MailHosts {
    /// The MX record set.
    pub records: Lookup<Vec<MxRecord>>,
    /// What it says.
    pub source: MxSource,
    /// Was it tried to talk with the hosts?
    #[serde(default)]
    pub dialogues: Dialogues,
    /// The hosts by preference, each once; empty for a null MX and where the MX records are not
    /// known.
    pub hosts: Vec<MailHost>,
}

/// Whether it was tried to talk with the hosts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Dialogues {
    /// It was, with as many addresses as the limits allow.
    #[default]
    Wanted,
    /// It was not: only the DNS was asked.
    Unwanted,
}

/// One MX record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MxRecord {
    /// Lower is tried first.
    pub preference: u16,
    /// The name as in the DNS, in lower case and without its trailing dot; empty for the root, which
    /// alone means "no mail here" (RFC 7505).
    pub exchange: String,
}

/// How the mail hosts follow from the DNS (RFC 5321 §5.1, RFC 7505).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum MxSource {
    /// From MX records.
    Records,
    /// There is no MX record: the domain itself is the host, if it has an address.
    Implicit,
    /// A single MX record with the root as its host: the domain takes no mail.
    Null,
    /// The domain does not exist.
    NoSuchDomain,
    /// Not known: the look-up failed.
    Unknown,
}

/// One MX host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MailHost {
    /// The name as in [`MxRecord::exchange`].
    pub name: String,
    /// The name as a domain name; `None` where it is not one, and then nothing else was asked.
    #[schemars(with = "Option<String>")]
    pub domain: Option<DomainName>,
    /// The lowest preference under which it is listed; 0 for an implicit MX.
    pub preference: u16,
    /// Its addresses.
    pub addresses: Option<HostAddresses>,
    /// Its TLSA records, under each name that they may have (RFC 7672 §2.2.3): that of the end of
    /// a CNAME chain first. `None` where they were not asked for: a host whose addresses are not
    /// secure has no usable ones (RFC 7672 §2.2.2).
    pub tlsa: Option<Vec<TlsaLookup>>,
    /// Which authorities may issue certificates for it.
    pub caa: Option<CaaLookup>,
    /// One SMTP dialogue for each address.
    pub sessions: Vec<SmtpSession>,
}

/// One SMTP dialogue with one address: greeting, EHLO, STARTTLS, EHLO, QUIT; never a MAIL FROM.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SmtpSession {
    /// The address.
    pub address: IpAddr,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
    /// The greeting.
    pub greeting: Option<SmtpReply>,
    /// The reply to the EHLO before TLS.
    pub ehlo: Option<SmtpReply>,
    /// What became of STARTTLS.
    pub starttls: StartTls,
    /// Plaintext that arrived between the go-ahead for TLS and the handshake: the mark of a command
    /// injection (RFC 3207 §6). At most 512 octets, made printable.
    pub injected: Option<String>,
    /// The TLS session, where the handshake was completed.
    pub tls: Option<TlsSession>,
    /// The reply to the EHLO inside TLS.
    pub ehlo_over_tls: Option<SmtpReply>,
    /// Why the dialogue ended early, if it did.
    pub fault: Option<ConnectionFault>,
    /// Which outdated TLS the server still speaks; `None` where it was not asked.
    pub outdated_tls: Option<OutdatedTls>,
    /// The dialogue, a line each, `C: ` and `S: ` in front; at most 200 lines.
    pub transcript: Vec<String>,
}

/// The TLSA records under one name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TlsaLookup {
    /// The TLSA base domain: the name after `_25._tcp.`
    #[schemars(with = "String")]
    pub base: DomainName,
    /// The records in presentation form: `3 1 1 ab12…`
    pub records: Lookup<Vec<String>>,
}

/// Which outdated TLS a server still speaks, found with handshakes that offer nothing else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OutdatedTls {
    /// TLS 1.0, with any cipher suite.
    pub tls10: Offer,
    /// TLS 1.1, with any cipher suite.
    pub tls11: Offer,
    /// TLS 1.2, with weak cipher suites only: NULL, EXPORT, RC4, DES, 3DES. Anonymous suites are
    /// not among them: mail servers offer those to senders that would not look at a certificate.
    pub weak_suites: Offer,
}

/// What a server made of an offer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "offer", rename_all = "kebab-case")]
pub enum Offer {
    /// It accepted, with this cipher suite by its IANA name.
    Accepted {
        /// The suite.
        cipher_suite: String,
    },
    /// It refused.
    Refused,
    /// It gave no clear answer.
    Unknown,
}

/// What became of STARTTLS.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum StartTls {
    /// The dialogue did not get that far.
    NotReached,
    /// The server does not list it in its reply to EHLO.
    NotOffered,
    /// The server lists it and then refuses it.
    Refused(SmtpReply),
    /// The server gave the go-ahead.
    Accepted,
}

/// An SMTP reply: its code, and the text of each of its lines made printable.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SmtpReply {
    /// The three-digit code.
    pub code: u16,
    /// The text of each line, without the code.
    pub lines: Vec<String>,
}

impl SmtpReply {
    /// The reply on one line: `454 TLS not available`.
    pub fn to_line(&self) -> String {
        format!("{} {}", self.code, self.lines.join(" / "))
    }
}
