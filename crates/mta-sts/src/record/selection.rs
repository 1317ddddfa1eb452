//! Which of the TXT records at one name is the STS record, RFC 8461 §3.1.

use super::VERSION;
use crate::text::Piece;

/// How many of a record's bytes are searched for signs that it was meant for MTA-STS.
const SEARCHED: usize = 256;

/// Which of several TXT records is the STS record. The numbers are indices into what was given.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum Selection {
    /// Exactly one record counts. It may still be syntactically invalid.
    One(usize),
    /// No record counts: no policy is available.
    None {
        /// Records that were perhaps meant for MTA-STS: a version in the wrong case, with spaces
        /// or quotation marks, or not at the start.
        near_misses: Vec<usize>,
    },
    /// Several records count, so none does: no policy is available.
    Several(Vec<usize>),
}

/// Discards what is not an STS record and says what is left, RFC 8461 §3.1.
///
/// Each item is one TXT record, its strings joined without spaces.
///
/// Records that do not begin with the literal `v=STSv1;` are discarded. One exception: a record
/// that is alone may have white space before that `;`, for the grammar allows it and the RFC speaks
/// of discarding where several records are returned (erratum 6285 notes the contradiction).
pub fn select_record<'a>(records: impl IntoIterator<Item = &'a [u8]>) -> Selection {
    //= https://www.rfc-editor.org/rfc/rfc8461#section-3.1
    //# If multiple TXT records for
    //# "_mta-sts" are returned by the resolver, records that do not begin
    //# with "v=STSv1;" are discarded.  If the number of resulting records is
    //# not one, or if the resulting record is syntactically invalid, senders
    //# MUST assume the recipient domain does not have an available MTA-STS
    //# Policy and skip the remaining steps of policy discovery.
    let mut count = 0;
    let mut literal = Vec::new();
    let mut spaced = Vec::new();
    let mut near_misses = Vec::new();
    for (index, record) in records.into_iter().enumerate() {
        count += 1;
        match delimiter(record) {
            Some(Delimiter::Literal) => literal.push(index),
            Some(Delimiter::Spaced) => {
                spaced.push(index);
                near_misses.push(index);
            }
            None if is_near_miss(record) => near_misses.push(index),
            None => {}
        }
    }
    match (literal.as_slice(), spaced.as_slice()) {
        (&[index], _) => Selection::One(index),
        ([], &[index]) if count == 1 => Selection::One(index),
        ([], _) => Selection::None { near_misses },
        _ => Selection::Several(literal),
    }
}

enum Delimiter {
    Literal,
    Spaced,
}

/// What stands between the version and the first field of a record that begins with the version.
fn delimiter(record: &[u8]) -> Option<Delimiter> {
    let rest = Piece::new(record).strip_prefix(VERSION.as_bytes())?;
    let (delimiter, space) = rest.trim_start();
    match delimiter.bytes.first() {
        Some(b';') if space.is_empty() => Some(Delimiter::Literal),
        Some(b';') => Some(Delimiter::Spaced),
        _ => None,
    }
}

/// Whether the record was perhaps meant for MTA-STS: `STSv` in any case near its start, or a
/// version that begins with `sts`.
fn is_near_miss(record: &[u8]) -> bool {
    let start = record.get(..SEARCHED).unwrap_or(record);
    let plain: Vec<u8> = start
        .iter()
        .filter(|&byte| !matches!(byte, b' ' | b'\t' | b'"' | b'\''))
        .map(u8::to_ascii_lowercase)
        .collect();
    plain.starts_with(b"v=sts") || plain.windows(4).any(|window| window == b"stsv")
}
