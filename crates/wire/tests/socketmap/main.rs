//! The frame, the request and the reply of socketmap.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod netstring;
mod properties;
mod question;
mod reply;
