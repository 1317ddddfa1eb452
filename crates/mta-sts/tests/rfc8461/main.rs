//! Conformance to RFC 8461, section by section, and properties of the readers.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

// By section of the RFC.
mod section_3_1;
mod section_3_2;
mod section_3_3;
mod section_4_1;

// For any input.
mod properties;
