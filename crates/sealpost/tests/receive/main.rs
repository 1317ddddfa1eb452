//! `sealpost receive` as a black box.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod import;
mod month;
mod program;
