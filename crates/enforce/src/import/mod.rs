//! Taking over what other programs remember, and what another sealpost does.
//!
//! Readers only: octets in, policies or reasons out. No file is opened here, and no row that cannot
//! be read costs another one.
//!
//! What comes from another program is as good as its word. A policy counts as fetched when that
//! program says, at the latest now, and expires by its own `max_age` from then; and since the other
//! program may have prolonged it without a fetch, it should be fetched again at once.

// What is taken over.
mod found;
pub use found::{Found, RowError, What};

// From whom.
mod source;
pub use source::Source;
mod dump;
pub use dump::{LONGEST_LINE, read_line as read_dump_line, write_line as write_dump_line};
mod postfix_mta_sts_resolver;
pub use postfix_mta_sts_resolver::read_row as read_postfix_mta_sts_resolver_row;
mod postfix_tlspol;
pub use postfix_tlspol::{
    CacheError as PostfixTlspolCacheError, LARGEST_CACHE, read_cache as read_postfix_tlspol_cache,
    read_line as read_postfix_tlspol_line, read_unpacked as read_unpacked_postfix_tlspol_cache,
};

// Whom mail was sent to.
mod recipients;
pub use recipients::{NotADomain, Recipients, Seen};

#[cfg(test)]
mod tests;
