//! Conformance to RFC 6698, 7671 and 7672, section by section, and properties for any input.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

// Certificates made on the spot.
mod fixture;

// By RFC and section.
mod rfc6698;
mod rfc7671;
mod rfc7672;

// For any input.
mod properties;
