//! `sealpost enforce` as a black box, against the lab.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod bounds;
mod cache;
mod daemon;
mod dane;
mod disks;
mod fleet;
mod heard;
mod injections;
mod inside;
mod kept;
mod kills;
mod limits;
mod protocol;
mod reload;
mod remarks;
mod restart;
mod tables;
