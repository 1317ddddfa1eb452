//! The handler of SMTP and LMTP, with real sockets on loopback.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(clippy::disallowed_methods, reason = "clients on loopback")]

mod budget;
mod client;
mod dialogue;
mod many;
mod server;
mod slow;
mod start_tls;
mod stop;
