//! SMTP by section of its RFCs, and what holds for every server.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod client;
mod client_properties;
mod ehlo;
mod probe;
mod properties;
mod reply;
