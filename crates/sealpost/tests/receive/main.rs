//! `sealpost receive` as a black box, with its real doors.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod age;
mod daemon;
mod doors;
mod kills;
mod mails;
mod order;
mod service;
mod signed;
mod stored;
mod world;
