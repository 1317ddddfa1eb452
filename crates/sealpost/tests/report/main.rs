//! `sealpost report` as a black box: its daemon with real datagrams, and what it shows.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(clippy::print_stdout, reason = "a kill that finds something is to be repeated")]

// Counting.
mod daemon;
mod days;
mod doors;
mod import;
mod kills;
mod load;
mod refused;
mod sums;
mod ways;

// Sending.
mod beside;
#[path = "../receive/dns.rs"]
mod dns;
mod doctor;
mod full;
mod house;
mod ids;
mod loops;
mod outages;
mod probing;
mod records;
mod returned;
mod sending;
mod sending_kills;
mod sink;
