//! DNS: three-valued answers from a few upstream resolvers, each with what DNSSEC says of it.
//!
//! Messages are hickory's, and so is the verification of signatures; the exchange is our own. The
//! resolver and the pool of hickory drop what an auditor needs: the AD bit and the CNAME chain of an
//! answer that says "there is none", and a second opinion after SERVFAIL.
//!
//! There is no hosts file and no search list. Answers are kept for as long as their TTL says, and
//! for five minutes at most; faults are not kept.

// From answers to look-ups.
mod chain;
mod lookup;
pub use lookup::Freshness;
pub(crate) use lookup::{Dns, MOST_MX, MOST_MX_OF_A_ROUTE, Means, are_local};

// From questions to answers.
mod cache;
mod exchange;
pub(crate) use exchange::Upstreams;
mod lines;
mod message;
mod pace;
mod upstream;
pub(crate) use message::Checking;

// A zone as a whole.
mod transfer;
pub use transfer::{TransferError, TransferredRecord, transfer_zone};
mod tsig;

// A zone of the operator's, written.
mod authority;
mod tsig_key;
mod update;
mod zone_record;
pub(crate) use authority::{kept as kept_from_authority, read as read_from_authority};
pub use tsig_key::{TsigKey, TsigKeyError};
pub use update::{UpdateError, UpdateServer};
pub use zone_record::{RecordKind, RecordSet, RecordValue, SetChange};

// What answers are worth.
mod dnssec;
pub(crate) use dnssec::TrustAnchor;

// Whom to ask.
mod system;
pub(crate) use system::system_resolvers;

#[cfg(test)]
pub(crate) mod tests;
