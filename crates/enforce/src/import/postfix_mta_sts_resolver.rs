//! The SQLite cache of postfix-mta-sts-resolver.
//!
//! Its rows hold the fields of a policy as that program has read them, not the text: patterns that
//! are no names of hosts, the last of repeated fields. So the text is written anew from validated
//! parts, without extensions, and what no policy can say is refused. `ts` is the time of the last
//! look-up that found the id unchanged, not of the fetch.

use mta_sts::{MaxAge, Mode, MxPattern, Policy};
use sealpost_store::{FetchedPolicy, PeerRow};
use serde::Deserialize;

use super::found::{Found, RowError, domain};

/// More patterns fit into no policy of 64 KiB.
const MOST_PATTERNS: usize = 16_384;

#[derive(Debug, Deserialize)]
struct Body {
    #[serde(default)]
    version: String,
    mode: String,
    #[serde(default)]
    mx: Vec<String>,
    max_age: u64,
}

/// Reads a row; `now` in seconds since 1970.
///
/// # Errors
///
/// [`RowError`] says what is wrong with it.
pub fn read_row(row: &PeerRow, now: i64) -> Result<Found, RowError> {
    let domain = domain(&row.domain)?;
    let id = std::str::from_utf8(&row.id).map_err(|_| RowError::Field("pol_id"))?;
    let id = id.parse().map_err(RowError::Id)?;
    let renewed_at = row.renewed_at.ok_or(RowError::Field("ts"))?;
    let text = policy(&row.body)?.to_string().into_bytes();
    let policy = FetchedPolicy { id, text, fetched_at: renewed_at };
    Found::policy(domain, policy, renewed_at, now)
}

fn policy(body: &[u8]) -> Result<Policy, RowError> {
    let body: Body = serde_json::from_slice(body).map_err(|_| RowError::Field("pol_body"))?;
    if body.version != "STSv1" {
        return Err(RowError::Field("version"));
    }
    if body.mx.len() > MOST_PATTERNS {
        return Err(RowError::Field("mx"));
    }
    let mode: Mode = body.mode.parse().map_err(|_| RowError::Field("mode"))?;
    let patterns: Result<Vec<MxPattern>, _> =
        body.mx.iter().map(|pattern| MxPattern::parse(pattern)).collect();
    let max_age = MaxAge::clamped_from_secs(body.max_age);
    Policy::new(mode, max_age, patterns.map_err(RowError::Mx)?).map_err(RowError::Policy)
}
