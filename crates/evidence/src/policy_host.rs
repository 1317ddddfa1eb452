//! What the policy host served, address by address.

use std::net::IpAddr;

use mail_domain::DomainName;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{CaaLookup, ConnectionFault, HostAddresses, Octets, TlsSession};

/// The policy host of a domain (RFC 8461 §3.2) as seen on every address that it has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PolicyHost {
    /// `mta-sts.` and the policy domain.
    #[schemars(with = "String")]
    pub name: DomainName,
    /// Its addresses.
    pub addresses: HostAddresses,
    /// Which authorities may issue certificates for it.
    pub caa: Option<CaaLookup>,
    /// One GET for each address.
    pub fetches: Vec<PolicyFetch>,
}

/// One GET of `/.well-known/mta-sts.txt`, from one address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PolicyFetch {
    /// The address.
    pub address: IpAddr,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
    /// The TLS session, where the handshake was completed.
    pub tls: Option<TlsSession>,
    /// What came of it.
    pub outcome: FetchOutcome,
}

/// What came of a GET.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub enum FetchOutcome {
    /// The host replied; whether the reply holds a policy is not judged here.
    Replied(HttpReply),
    /// No whole reply came.
    Failed(ConnectionFault),
}

/// An HTTP reply, as far as RFC 8461 §3.3 asks about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HttpReply {
    /// The status code.
    pub status: u16,
    /// `Content-Type`, as sent.
    pub content_type: Option<String>,
    /// `Content-Encoding`, as sent; we asked for none.
    pub content_encoding: Option<String>,
    /// `Location`, as sent; never followed.
    pub location: Option<String>,
    /// The body, at most 64 KiB of it.
    pub body: Octets,
    /// How the body ended.
    pub body_end: BodyEnd,
}

/// How a body ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum BodyEnd {
    /// As its length or last chunk announced.
    Complete,
    /// By the end of the TLS session, with a proper close_notify; no length was announced.
    ClosedCleanly,
    /// The connection ended before the announced length, or without close_notify where none was
    /// announced: the body may have been cut by an attacker.
    Cut,
    /// It is longer than 64 KiB; the rest was not read.
    OverLimit,
    /// The rest did not come within the deadline.
    TimedOut,
}

impl PolicyFetch {
    /// The reply, where one came.
    pub fn reply(&self) -> Option<&HttpReply> {
        match &self.outcome {
            FetchOutcome::Replied(reply) => Some(reply),
            FetchOutcome::Failed(_) => None,
        }
    }

    /// The fault, where no reply came.
    pub fn fault(&self) -> Option<&ConnectionFault> {
        match &self.outcome {
            FetchOutcome::Failed(fault) => Some(fault),
            FetchOutcome::Replied(_) => None,
        }
    }
}

impl HttpReply {
    /// Is the media type `text/plain`, whatever its parameters? (RFC 8461 §3.2)
    pub fn is_text_plain(&self) -> bool {
        self.content_type.as_deref().is_some_and(|value| {
            let media_type = value.split(';').next().unwrap_or_default();
            media_type.trim().eq_ignore_ascii_case("text/plain")
        })
    }
}
