//! Trust anchors: what is known of the keys of a zone without asking for it.
//!
//! A file may be written as Unbound's `trust-anchor-file` (lines of a zone file: DS and DNSKEY
//! records) or as BIND's `trust-anchors` and `trusted-keys` statements.

use std::io::Read;
use std::path::Path;

use data_encoding::{BASE64, HEXLOWER_PERMISSIVE};
use hickory_proto::dnssec::rdata::{DNSKEY, DS};
use hickory_proto::dnssec::{Algorithm, DigestType, PublicKeyBuf, TrustAnchors};
use hickory_proto::rr::Name;

use super::words::{Word, statements, zone_lines};

/// The largest file of trust anchors that is read, in octets.
const LARGEST_FILE: u64 = 64 * 1024;

/// The most records that a file may hold.
const MOST_RECORDS: usize = 256;

/// The flags of a key that signs keys: zone key, secure entry point (RFC 4034 §2.1.1).
const KEY_SIGNING_KEY: u16 = 257;

/// What is known of the keys of one zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TrustAnchor {
    /// The apex of the zone.
    pub(super) zone: Name,
    /// Keys of it.
    pub(super) keys: Vec<DNSKEY>,
    /// Digests of keys of it.
    pub(super) digests: Vec<DS>,
}

/// Why a file of trust anchors can't be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AnchorsError {
    #[error("{0}")]
    Unreadable(#[from] std::io::Error),
    #[error("{path} is not a text of at most 64 KiB")]
    NotText { path: String },
    #[error("{path} holds no DS or DNSKEY record")]
    Empty { path: String },
    #[error("{path} holds more than {MOST_RECORDS} records")]
    TooMany { path: String },
    #[error("{path}, record {number}: {reason}")]
    Record { path: String, number: usize, reason: String },
}

impl TrustAnchor {
    /// The anchors of this file, or, without one, those of the root that are built in.
    pub(crate) fn load(path: Option<&Path>) -> Result<Vec<Self>, AnchorsError> {
        match path {
            None => Ok(vec![Self::root()]),
            Some(path) => Self::file(path),
        }
    }

    /// The keys of the root as of this build.
    fn root() -> Self {
        let anchors = TrustAnchors::default();
        let keys = (0..anchors.len())
            .filter_map(|index| anchors.get(index))
            .map(|key| DNSKEY::with_flags(KEY_SIGNING_KEY, key.clone()))
            .collect();
        Self { zone: Name::root(), keys, digests: Vec::new() }
    }

    fn file(path: &Path) -> Result<Vec<Self>, AnchorsError> {
        let mut octets = Vec::new();
        fs_err::File::open(path)?.take(LARGEST_FILE + 1).read_to_end(&mut octets)?;
        let path = path.display().to_string();
        let text = String::from_utf8(octets)
            .ok()
            .filter(|text| text.len() as u64 <= LARGEST_FILE)
            .ok_or_else(|| AnchorsError::NotText { path: path.clone() })?;
        let records = if is_of_statements(&text) { statements(&text) } else { zone_lines(&text) };
        if records.len() > MOST_RECORDS {
            return Err(AnchorsError::TooMany { path });
        }
        let mut anchors: Vec<Self> = Vec::new();
        for (index, words) in records.iter().enumerate() {
            let (zone, kept) = record(words).map_err(|reason| AnchorsError::Record {
                path: path.clone(),
                number: index + 1,
                reason,
            })?;
            let place = anchors.iter().position(|anchor| anchor.zone == zone);
            let mut anchor = place.map_or_else(
                || Self { zone, keys: Vec::new(), digests: Vec::new() },
                |place| anchors.swap_remove(place),
            );
            match kept {
                Kept::Key(key) => anchor.keys.push(key),
                Kept::Digest(digest) => anchor.digests.push(digest),
            }
            anchors.push(anchor);
        }
        if anchors.is_empty() { Err(AnchorsError::Empty { path }) } else { Ok(anchors) }
    }
}

/// A brace may stand in a comment of a zone file, too.
fn is_of_statements(text: &str) -> bool {
    text.lines().any(|line| line.split(';').next().unwrap_or_default().contains('{'))
}

enum Kept {
    Key(DNSKEY),
    Digest(DS),
}

/// Reads `zone [ttl] [IN] DS|DNSKEY data`, BIND's `zone initial-ds|static-key|… data`, or the
/// `zone data` of its `trusted-keys`, which are keys.
fn record(words: &[Word]) -> Result<(Name, Kept), String> {
    let (zone, rest) = words.split_first().ok_or("it is empty")?;
    let name = Name::from_ascii(zone).map_err(|error| format!("{zone:?}: {error}"))?;
    let mut name = name.to_lowercase();
    name.set_fqdn(true);
    let kind = rest
        .iter()
        .take(MOST_BEFORE_DATA)
        .enumerate()
        .find_map(|(place, word)| Some((place, kind(word)?)));
    let (kind, data) = match kind {
        Some((place, kind)) => (kind, rest.get(place + 1..).unwrap_or_default()),
        None => (Kind::Key, rest),
    };
    let [first, second, third, encoded @ ..] = data else {
        return Err("it is too short".to_owned());
    };
    let octet =
        |word: &Word| word.parse::<u8>().map_err(|_| format!("{word:?} is no number of an octet"));
    let first: u16 =
        first.parse().map_err(|_| format!("{first:?} is neither a type nor a number"))?;
    let (second, third, encoded) = (octet(second)?, octet(third)?, encoded.concat());
    let kept = match kind {
        Kind::Digest => {
            let digest = HEXLOWER_PERMISSIVE
                .decode(encoded.as_bytes())
                .map_err(|error| format!("the digest is not hexadecimal: {error}"))?;
            let algorithm = Algorithm::from_u8(second);
            Kept::Digest(DS::new(first, algorithm, DigestType::from(third), digest))
        }
        Kind::Key if second != PROTOCOL => return Err("the protocol of a key is 3".to_owned()),
        Kind::Key => {
            let key = BASE64
                .decode(encoded.as_bytes())
                .map_err(|error| format!("the key is not base64: {error}"))?;
            let key = PublicKeyBuf::new(key, Algorithm::from_u8(third));
            Kept::Key(DNSKEY::with_flags(first, key))
        }
    };
    Ok((name, kept))
}

/// Zone files may have a TTL and a class before the type.
const MOST_BEFORE_DATA: usize = 3;

/// RFC 4034 §2.1.2.
const PROTOCOL: u8 = 3;

enum Kind {
    Key,
    Digest,
}

fn kind(word: &str) -> Option<Kind> {
    match word.to_ascii_lowercase().as_str() {
        "dnskey" | "initial-key" | "static-key" => Some(Kind::Key),
        "ds" | "initial-ds" | "static-ds" => Some(Kind::Digest),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
