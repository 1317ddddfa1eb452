//! What has changed at a domain between two looks.
//!
//! [`changes`] holds two pieces of evidence beside each other, or rather their [`Facts`]: what can
//! change of a domain, each part known or not. What the later look could not tell is no change: it
//! counts as it was. Facts that are [carried](Facts::carried_from) from look to look therefore miss
//! no change either that lies on both sides of a look that could tell nothing.
//!
//! # Limitations
//!
//! - A certificate is compared with the one that the same address has shown before. A host that moves
//!   to other addresses has a change of its addresses.
//! - A host that answers with others of many addresses each time, as large providers do, has a change
//!   with each until they are [known](Facts).

mod change;
mod facts;
mod text;
mod unannounced;
pub use change::{Change, Key, Server, Shown};
pub use facts::Facts;
pub use unannounced::{Unannounced, unannounced};

use sealpost_evidence::Evidence;

/// What has changed from one look to a later one, as far as both could tell.
pub fn changes(before: &Evidence, after: &Evidence) -> Vec<Change> {
    Facts::of(before).changes_to(&Facts::of(after))
}
