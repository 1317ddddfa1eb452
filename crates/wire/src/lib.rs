//! What mail servers say on the wire, as codecs and state machines without sockets or clock.
//!
//! The caller owns the connection, the TLS session and the time-outs: it hands in the octets that
//! arrived and carries out the [`smtp::Action`] or [`smtp::server::Event`] that comes back.
//!
//! # Limitations
//! - The client's side of SMTP looks at a server ([`smtp::Probe`]), or hands one message over
//!   ([`smtp::client`]). Of TLS the client's side only.

/// SMTP (RFC 5321) with STARTTLS (RFC 3207).
pub mod smtp;

/// IMAP (RFC 3501) as far as a mailbox is read by it.
pub mod imap;

/// TLS up to 1.2 as far as the first answer of a server, to learn which old versions and weak
/// suites it accepts. There is no cryptography in it, and no session comes of it.
pub mod tls;

// The questions of a mail server that is about to deliver, the answers, and what carries both.
pub mod postfix;
pub mod socketmap;
