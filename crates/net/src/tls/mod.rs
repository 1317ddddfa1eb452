//! TLS as an auditor speaks it: the handshake is completed whatever the certificate, every fault of
//! the certificate is recorded, and nothing that was read over the session is trusted.

// The handshake.
mod client;
pub(crate) use client::{Protocol, TlsClient};

// Certificates: whether they hold, and what stands in them.
mod facts;
mod verifier;

// Whom to trust.
mod roots;
pub(crate) use roots::{RootsError, TrustedRoots};

#[cfg(test)]
mod tests;
