//! How a connection went wrong, and where a host is.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Lookup;

/// The addresses of one host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HostAddresses {
    /// The A records.
    pub ipv4: Lookup<Vec<Ipv4Addr>>,
    /// The AAAA records.
    pub ipv6: Lookup<Vec<Ipv6Addr>>,
}

impl HostAddresses {
    /// Every address that was found, IPv4 first.
    pub fn all(&self) -> Vec<IpAddr> {
        let ipv4 = self.ipv4.value().into_iter().flatten().copied().map(IpAddr::V4);
        let ipv6 = self.ipv6.value().into_iter().flatten().copied().map(IpAddr::V6);
        ipv4.chain(ipv6).collect()
    }

    /// Is it certain that the host has no address?
    pub fn none_exist(&self) -> bool {
        self.ipv4.is_absent() && self.ipv6.is_absent()
    }

    /// The names that CNAME records led through, first target first.
    pub fn aliases(&self) -> &[String] {
        if self.ipv4.aliases().is_empty() { self.ipv6.aliases() } else { self.ipv4.aliases() }
    }
}

/// Why a dialogue with a server ended before it was complete.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ConnectionFault {
    /// How far it had come.
    pub stage: ConnectionStage,
    /// What happened.
    pub kind: ConnectionFaultKind,
    /// The fault in words, for people; at most 512 octets, printable.
    pub text: String,
}

/// The stages of a dialogue, in their order.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum ConnectionStage {
    /// The TCP connection.
    Connect,
    /// SMTP: waiting for the greeting.
    Greeting,
    /// SMTP: the first EHLO.
    Ehlo,
    /// SMTP: the STARTTLS command.
    StartTls,
    /// The TLS handshake.
    TlsHandshake,
    /// SMTP: EHLO inside TLS.
    EhloOverTls,
    /// HTTP: request sent, waiting for the head of the reply.
    HttpHead,
    /// HTTP: reading the body.
    HttpBody,
}

/// Classes of connection faults.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum ConnectionFaultKind {
    /// We did not connect: the address is not globally routable.
    NotRoutable,
    /// We could not connect: this machine has no route for this kind of address.
    NoRoute,
    /// The connection was refused (TCP reset in answer to the first packet).
    Refused,
    /// The network says that the host can't be reached.
    Unreachable,
    /// Nothing came within the deadline.
    TimedOut,
    /// The peer closed or reset the connection.
    Closed,
    /// The peer answered the TLS handshake with an alert.
    TlsAlert,
    /// The two sides have no TLS version or suite in common.
    TlsIncompatible,
    /// The peer said something that its protocol does not allow.
    Malformed,
    /// The peer said more than we accept.
    TooLarge,
    /// Another fault of this machine, such as no free file descriptor.
    Local,
}

impl ConnectionFault {
    /// Is this a fault of the observer's place or machine, which says nothing of the peer?
    pub fn is_ours(&self) -> bool {
        matches!(self.kind, ConnectionFaultKind::NoRoute | ConnectionFaultKind::Local)
    }
}

impl ConnectionStage {
    /// The stage as a short phrase: "waiting for the greeting".
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Connect => "connecting",
            Self::Greeting => "waiting for the SMTP greeting",
            Self::Ehlo => "waiting for the reply to EHLO",
            Self::StartTls => "waiting for the reply to STARTTLS",
            Self::TlsHandshake => "in the TLS handshake",
            Self::EhloOverTls => "waiting for the reply to EHLO inside TLS",
            Self::HttpHead => "waiting for the HTTP reply",
            Self::HttpBody => "reading the HTTP body",
        }
    }
}
