//! `sealpost receive` as a black box.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod import;
mod month;
mod program;
