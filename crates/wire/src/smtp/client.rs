//! The side that hands a message over: SMTP (RFC 5321) and LMTP (RFC 2033) as a machine that sends
//! one message over one connection.
//!
//! A [`Dispatch`] is fed what the server says and tells what to do ([`Action`](super::Action)):
//! send, wait, begin TLS, close. In the end it gives each recipient its [`Fate`].
//!
//! It sends one command at a time. EHLO is followed by HELO where a server does not know it, and by
//! STARTTLS where the server offers it and the caller has not excluded it ([`TlsUse`]). SIZE
//! (RFC 1870) and 8BITMIME (RFC 6152) are used where they are offered.
//!
//! # Limitations
//! - TLS is tried and never required: mail that must not go in the open is not for this machine.
//!   What the certificate is worth is the caller's to judge.
//! - No AUTH, no PIPELINING, no DSN, no SMTPUTF8, no CHUNKING; one message for each connection.
//! - A message is not changed: it has 7-bit lines ([`Outgoing`]), or the server takes 8-bit ones.

mod dispatch;
mod fate;
mod outgoing;

pub use dispatch::{Dispatch, DispatchStage, Terms, TlsUse};
pub use fate::{Cause, Fate};
pub use outgoing::{Outgoing, OutgoingError};
