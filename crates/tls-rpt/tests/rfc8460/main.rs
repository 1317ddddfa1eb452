//! What RFC 8460 asks for, by its sections.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod json;
mod report;
mod section_3;
mod section_4_3;
mod section_4_4;
