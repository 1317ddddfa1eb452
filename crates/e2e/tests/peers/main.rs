//! `sealpost receive` and what other people's programs send, and read.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod beside;
mod corpus;
mod odd;
mod own;
mod pipeline;
mod signed;

mod receive;
