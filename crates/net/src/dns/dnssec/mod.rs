//! What DNSSEC says of an answer, and who says it.
//!
//! Either we validate from trust anchors, or a validating resolver that is reached over loopback
//! does, and we take its word (the AD bit). Whichever it is, an answer comes out of one place
//! ([`Judge::answer`]) with its security.

// Who says it.
mod judge;
pub(super) use judge::{Judge, Place};

// Where trust begins.
mod anchors;
pub(crate) use anchors::TrustAnchor;
mod priming;
mod words;

// Validation of our own.
mod delegation;
mod denial;
mod handle;
mod relevant;
mod validator;

#[cfg(test)]
mod tests;
