//! The details of a report as they lie in two columns: `details` has a short text, `packed` a long one
//! as an LZ4 block behind its length.
//!
//! The texts are most of what the store holds and repeat themselves. Unpacked, one fills a page of
//! the file alone, and each page is written twice.

use std::borrow::Cow;

use rusqlite::Row;

use super::details::Details;
use crate::{StoreError, column};

/// Texts that are shorter lie together in a page as they are.
const SHORT: usize = 512;
/// The longest text that is ever stored, as the table has it.
const LONGEST: usize = 32 << 20;
/// What the length takes before the block.
const LENGTH: usize = 4;

/// What the two columns get.
pub(super) struct Packed {
    pub(super) details: String,
    pub(super) packed: Option<Vec<u8>>,
}

impl Packed {
    pub(super) fn of(details: &Details<'_>) -> Result<Self, StoreError> {
        let text = serde_json::to_string(details).map_err(StoreError::damaged)?;
        if text.len() < SHORT {
            return Ok(Self { details: text, packed: None });
        }
        let packed = lz4_flex::block::compress_prepend_size(text.as_bytes());
        Ok(Self { details: String::new(), packed: Some(packed) })
    }
}

/// The text from the two columns, the first of which is `details`.
pub(super) fn text<'r>(row: &'r Row<'_>, first: usize) -> rusqlite::Result<Cow<'r, str>> {
    let second = first.saturating_add(1);
    let Some(packed) = row.get_ref(second)?.as_blob_or_null()? else {
        return Ok(Cow::Borrowed(column::text(row, first)?));
    };
    unpack(packed).map(Cow::Owned).ok_or_else(|| column::senseless(second))
}

fn unpack(packed: &[u8]) -> Option<String> {
    let (length, block) = packed.split_first_chunk::<LENGTH>()?;
    let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
    if length > LONGEST {
        return None;
    }
    String::from_utf8(lz4_flex::block::decompress(block, length).ok()?).ok()
}
