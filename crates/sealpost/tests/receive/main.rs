//! `sealpost receive` as a black box: its commands, and its daemon with its real doors.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

// The commands.
mod import;
mod month;
mod program;

// The daemon.
mod age;
mod daemon;
mod doors;
mod kills;
mod mails;
mod order;
mod service;
mod signed;
mod stored;
mod trial;
mod world;
