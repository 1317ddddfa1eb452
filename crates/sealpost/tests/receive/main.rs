//! `sealpost receive` as a black box: its commands, and its daemon with its real doors.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

// The commands.
mod import;
mod month;
mod program;
mod said;

// The daemon.
mod activation;
mod age;
mod daemon;
mod dns;
mod doors;
mod hostile;
mod kills;
mod maildir;
mod mails;
mod order;
mod reporters;
mod service;
mod signed;
mod stored;
mod tls;
mod trial;
mod world;
