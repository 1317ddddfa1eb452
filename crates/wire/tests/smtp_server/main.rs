//! The SMTP and LMTP server as a machine: dialogues, bounds, and what holds for any octets.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod harness;

mod commands;
mod data;
mod endings;
mod lmtp;
mod mail;
mod mailboxes;
mod properties;
mod start_tls;
