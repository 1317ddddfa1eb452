//! Outward: the only crate that opens a connection to anywhere.
//!
//! [`Network::gather`] looks at one domain from all sides and returns an
//! [`Evidence`](sealpost_evidence::Evidence): what the DNS says, what the policy host serves on
//! each of its addresses, what each address of each MX host says in SMTP and shows in TLS.
//!
//! * Every connection passes one door (`connect`): the address guard, the route check, the
//!   deadline. The guard judges the address that is connected to; no name is resolved twice.
//! * Every failure has a place in the evidence. Nothing here returns early, and nothing waits
//!   longer than [`Deadlines::domain`].
//! * Everything that comes in is bounded: see [`Limits`] and the constants of each module.
//!
//! # Limitations
//!
//! - DNSSEC is not validated here: an answer counts as secure only when a validating resolver that
//!   is reached over loopback vouches for it (the AD bit).
//! - Certificates are not checked for revocation (RFC 8461 §3.3 leaves it open).
//! - TLS 1.0 and 1.1 are not spoken: a server that knows nothing newer fails the handshake.

// What to use, and how.
mod settings;
pub use settings::{
    Deadlines, IpNetwork, IpNetworkError, Limits, Settings, SettingsError, TrustRoots,
};
mod scope;
pub use scope::{Part, Scope};

// The whole.
mod network;
pub use network::{Network, NetworkError};
mod gather;

// What is asked.
mod dns;
mod https;
mod smtp;
mod tls;

// What every connection goes through.
mod connect;
mod deadline;
mod guard;
mod reach;
mod text;

#[cfg(test)]
mod testing;
