//! What postfix-tlspol remembers: its cache file, and what it prints.
//!
//! The cache file (`cache-file` in its settings, saved every ten minutes and when it ends) is a Go
//! map in `encoding/gob`, compressed with gzip. For an enforced policy it holds the attributes of
//! TLS reports, in which the lines of the policy stand, and when the policy is to expire: its life,
//! cut to 30 days, after the fetch.
//!
//! `postfix-tlspol -dump` prints a line for each domain, `DOMAIN COUNTER POLICY`; `-export` the
//! same without the counter. Neither tells when the policy was fetched, how long it lives or under
//! which id, so only the name can be taken over.

mod cache;
mod gob;

pub use cache::{CacheError, LARGEST_CACHE, read_cache, read_unpacked};

use super::found::{Found, RowError, domain};

/// Reads a line of `-dump` or `-export`; `None` if it tells of no MTA-STS policy, but of DANE.
///
/// # Errors
///
/// [`RowError`] says what is wrong with it.
pub fn read_line(line: &[u8]) -> Result<Option<Found>, RowError> {
    let text = std::str::from_utf8(line).map_err(|_| RowError::Line("it is no text"))?;
    let mut words = text.split_ascii_whitespace();
    let name = words.next().ok_or(RowError::Line("it is empty"))?;
    let mut level = words.next();
    if level.is_some_and(|word| word.bytes().all(|octet| octet.is_ascii_digit())) {
        level = words.next();
    }
    match level {
        Some("secure") => Ok(Some(Found::name(domain(name.as_bytes())?))),
        Some("dane" | "dane-only") => Ok(None),
        _ => Err(RowError::Line("behind the domain it has no policy")),
    }
}
