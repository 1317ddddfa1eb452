//! Outward: the only crate that opens a connection to anywhere.
//!
//! [`Network::gather`] looks at one domain from all sides and returns an
//! [`Evidence`](sealpost_evidence::Evidence): what the DNS says, what the policy host serves on
//! each of its addresses, what each address of each MX host says in SMTP and shows in TLS.
//!
//! [`Network::sts_records`], [`Network::sts_policy`], [`Network::mail_route`] and
//! [`Network::mx_hosts`] are what a sender asks before it delivers, each alone.
//!
//! * Every connection passes one door (`connect`): the address guard, the route check, the
//!   deadline. The guard judges the address that is connected to; no name is resolved twice.
//! * Every failure has a place in the evidence. Nothing here returns early, and nothing waits
//!   longer than [`Deadlines::domain`].
//! * Everything that comes in is bounded: see [`Limits`] and the constants of each module.
//!
//! [`Network::submit_mail`] and [`Poster`] send reports: by SMTP and by POST over HTTPS; [`Program`]
//! hands a mail to the `sendmail` of this machine.
//!
//! [`prove_resolver`] finds out whether a resolver on this machine validates, for a mail server that
//! relies on it.
//!
//! # Limitations
//!
//! - DNSSEC ([`DnssecMode`]): an answer that came through a DNAME record is not validated and counts
//!   as indeterminate; keys are not rolled over by themselves (RFC 5011), a file of trust anchors has
//!   to be kept up to date; a denial that rests on an opt-out is insecure, not secure.
//! - TLSA records are asked for at port 25, whatever [`Settings::smtp_port`] says.
//! - Which outdated TLS a server speaks is asked at the first address of each family, after the
//!   dialogue with it, and not of a server that met that dialogue with silence.
//! - Report destinations whose host is an IP address are not looked at.
//! - Certificates are not checked for revocation (RFC 8461 §3.3 leaves it open).
//! - TLS 1.0 and 1.1 are not spoken: a server that knows nothing newer fails the handshake. That it
//!   knows them is seen in [`OutdatedTls`](sealpost_evidence::OutdatedTls).

// What to use, and how.
mod settings;
pub use settings::{
    Deadlines, DnssecMode, IpNetwork, IpNetworkError, Limits, Settings, SettingsError, TrustRoots,
};
mod scope;
pub use scope::{Part, Scope};

// The whole.
mod network;
pub use network::{Network, NetworkError};
mod gather;
pub use gather::{AddressFault, MailRoute, NextHop, PolicyFault, PolicyFetchError, RouteHost};

// Whether a resolver may be believed.
mod proof;
pub use proof::{Probe, ProbeError, Probes, ResolverFault, ValidationFault, prove_resolver};

// Servers that the operator names.
mod dial;
mod exchange;
mod form;
pub use dial::{Connection, DialError};
pub use exchange::{Answer, Ask};
mod service;
pub use form::{FormReply, HttpsUrl, HttpsUrlError};
pub use service::{ServiceUrl, ServiceUrlError};

// What is sent.
mod submit;
pub use submit::{
    Acceptance, Certificates, Letter, MailWay, MailWayError, Poster, Program, Protection, Relay,
    RelayError, SubmitFault, Submitted,
};

// What is asked.
mod dns;
pub use dns::{Freshness, TransferError, TransferredRecord, transfer_zone};
mod authorities;
mod rehearsal;
pub use authorities::{Authority, AuthorityAnswer, PublishedKind};
pub use rehearsal::RehearsalError;
mod https;
mod smtp;
mod tls;

// What is written.
pub use dns::{
    RecordKind, RecordSet, RecordValue, SetChange, TsigKey, TsigKeyError, UpdateError, UpdateServer,
};

// What every connection goes through.
mod connect;
mod deadline;
mod guard;
mod reach;
mod text;

// What is kept for the next who asks.
mod shelf;

#[cfg(test)]
mod testing;
