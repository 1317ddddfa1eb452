//! What a sender remembers of a domain: the rules one by one, by section of RFC 8461, and random
//! histories against a second, naive model.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

// One domain, its owner and a sender, in simulated time.
mod world;

// By section of the RFC.
mod section_10_2;
mod section_3_2;
mod section_3_3;
mod section_5;

// What the RFC leaves to the implementer.
mod clocks;
mod notes;

// For any history.
mod model;
