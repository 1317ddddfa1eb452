//! The cache file.

use std::io::{self, Read as _};

use flate2::read::MultiGzDecoder;
use mail_domain::DomainName;
use mta_sts::PolicyId;
use sealpost_store::FetchedPolicy;

use super::{
    super::found::{Found, RowError, domain},
    gob::{self, Fields, Gob, Value},
};

/// A larger file is not read, unpacked or not: 256 MiB. It keeps 50,000 domains at most.
pub const LARGEST_CACHE: u64 = 268_435_456;
/// Stands for the id, which the file does not tell. The record's own replaces it at the next fetch.
const ID: &str = "imported";
/// What the lines of a policy stand in.
const LINE: (&str, &str) = ("{ policy_string = ", " }");

/// Why a cache file cannot be read. The text fits after "failed to ".
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CacheError {
    /// It is not gzip, or is cut.
    #[error("unpack the file")]
    Gzip(#[source] io::Error),
    /// Unpacked it is larger than [`LARGEST_CACHE`].
    #[error("unpack the file: it is too large")]
    TooLarge,
    /// It is not what Go's `encoding/gob` writes of this program's cache.
    #[error("read the cache: {0}")]
    Gob(&'static str),
}

/// What one domain has in the cache.
#[derive(Debug, Default)]
struct Entry {
    /// Since version 1.12, MTA-STS has a place of its own.
    branch: Kept,
    /// What was answered, whatever it came from.
    answer: Kept,
    /// When the answer was renewed, in seconds since 1970.
    renewed_at: Option<i64>,
}

#[derive(Debug, Default)]
struct Kept {
    policy: String,
    report: String,
    ttl: u64,
    expires_at: Option<i64>,
}

/// Reads the cache file of postfix-tlspol, and hands over each domain that has a policy of MTA-STS,
/// or why it cannot be taken over; `now` in seconds since 1970. What comes before an error is right.
///
/// # Errors
///
/// [`CacheError`], of the file as a whole.
pub fn read_cache(
    octets: &[u8],
    now: i64,
    each: impl FnMut(&str, Result<Found, RowError>),
) -> Result<(), CacheError> {
    let mut unpacked = Vec::new();
    let mut reader = MultiGzDecoder::new(octets).take(LARGEST_CACHE + 1);
    reader.read_to_end(&mut unpacked).map_err(CacheError::Gzip)?;
    if unpacked.len() as u64 > LARGEST_CACHE {
        return Err(CacheError::TooLarge);
    }
    read_unpacked(&unpacked, now, each)
}

/// The same for a file that was unpacked before.
///
/// # Errors
///
/// As [`read_cache`].
pub fn read_unpacked(
    octets: &[u8],
    now: i64,
    mut each: impl FnMut(&str, Result<Found, RowError>),
) -> Result<(), CacheError> {
    let read = Gob::read_map(octets, |key, fields| {
        let entry = entry(fields)?;
        let kept = match entry {
            Entry { branch, .. } if !branch.policy.is_empty() => Some((branch, None)),
            Entry { answer, renewed_at, .. } if answer.policy.starts_with("secure ") => {
                Some((answer, renewed_at))
            }
            _ => None,
        };
        if let Some((kept, renewed_at)) = kept {
            each(key, domain(key.as_bytes()).and_then(|name| found(name, &kept, renewed_at, now)));
        }
        Ok(())
    });
    read.map_err(|gob::Malformed(what)| CacheError::Gob(what))
}

fn entry(fields: &mut Fields<'_, '_>) -> Result<Entry, gob::Malformed> {
    let mut entry = Entry::default();
    while let Some((name, value)) = fields.next_field()? {
        match (name, value) {
            ("MtaSts", Value::Struct(mut branch)) => entry.branch = kept(&mut branch)?,
            ("Expirable", Value::Struct(mut times)) => {
                while let Some((name, value)) = times.next_field()? {
                    match (name, value) {
                        ("ExpiresAt", Value::Opaque(time)) => {
                            entry.answer.expires_at = seconds(time);
                        }
                        ("LastUpdate", Value::Opaque(time)) => entry.renewed_at = seconds(time),
                        (_, other) => other.skip()?,
                    }
                }
            }
            (name, value) => entry.answer.take(name, value)?,
        }
    }
    Ok(entry)
}

fn kept(fields: &mut Fields<'_, '_>) -> Result<Kept, gob::Malformed> {
    let mut kept = Kept::default();
    while let Some((name, value)) = fields.next_field()? {
        kept.take(name, value)?;
    }
    Ok(kept)
}

impl Kept {
    fn take(&mut self, name: &str, value: Value<'_, '_>) -> Result<(), gob::Malformed> {
        match (name, value) {
            ("Policy", Value::Octets(text)) => self.policy = owned(text),
            ("Report", Value::Octets(text)) => self.report = owned(text),
            ("TTL", Value::Unsigned(seconds)) => self.ttl = seconds,
            ("ExpiresAt", Value::Opaque(time)) => self.expires_at = seconds(time),
            (_, other) => other.skip()?,
        }
        Ok(())
    }
}

fn owned(text: &[u8]) -> String {
    String::from_utf8_lossy(text).into_owned()
}

/// What can be taken over of a policy. Its age is what is left of the life that it was given.
fn found(
    domain: DomainName,
    kept: &Kept,
    renewed_at: Option<i64>,
    now: i64,
) -> Result<Found, RowError> {
    let text = policy_text(&kept.report);
    let ttl = i64::try_from(kept.ttl).unwrap_or(i64::MAX);
    let Some(expires_at) = kept.expires_at.filter(|_| ttl != 0 && !text.is_empty()) else {
        return Ok(Found::name(domain));
    };
    let fetched_at = expires_at.saturating_sub(ttl);
    let fetched_at = renewed_at.map_or(fetched_at, |renewed| renewed.min(fetched_at));
    let id = PolicyId::parse(ID).map_err(RowError::Id)?;
    let policy = FetchedPolicy { id, text: text.into_bytes(), fetched_at };
    Found::policy(domain, policy, fetched_at, now)
}

/// The lines of the policy, out of the attributes that Postfix wants for its reports.
fn policy_text(report: &str) -> String {
    let mut text = String::new();
    let mut rest = report;
    while let Some((_, behind)) = rest.split_once(LINE.0) {
        let Some((line, after)) = behind.split_once(LINE.1) else { break };
        text.push_str(line);
        text.push_str("\r\n");
        rest = after;
    }
    text
}

/// A `time.Time` as Go writes it: a version, seconds since the year 1, nanoseconds, the zone.
fn seconds(time: &[u8]) -> Option<i64> {
    /// From the year 1 to 1970.
    const EPOCH: i64 = 62_135_596_800;

    let (version, rest) = time.split_first()?;
    let (seconds, _) = rest.split_first_chunk::<8>()?;
    let seconds = i64::from_be_bytes(*seconds);
    // The zero time means that there is none.
    (matches!(version, 1 | 2) && seconds != 0).then(|| seconds.saturating_sub(EPOCH))
}
