//! `sealpost enforce` as a black box, against the lab.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod cache;
mod daemon;
mod fleet;
mod inside;
mod kept;
mod protocol;
