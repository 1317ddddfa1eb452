//! The details of a report as they lie in two columns: `details` has a short text, `packed` a long one
//! as an LZ4 block behind its length.
//!
//! The texts are most of what the store holds and repeat themselves. Unpacked, one fills a page of
//! the file alone, and each page is written twice.

use std::borrow::Cow;

use lz4_flex::block::{compress_into, get_maximum_output_size};
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

/// Packs details, one after another in the same room.
#[derive(Default)]
pub(super) struct Packer {
    text: Vec<u8>,
    /// The length, and the block behind it.
    block: Vec<u8>,
}

impl Packer {
    pub(super) fn pack(&mut self, details: &Details<'_>) -> Result<Packed, StoreError> {
        let Self { text, block } = self;
        text.clear();
        serde_json::to_writer(&mut *text, details).map_err(StoreError::damaged)?;
        if text.len() < SHORT {
            let details = String::from_utf8(text.clone()).map_err(StoreError::damaged)?;
            return Ok(Packed { details, packed: None });
        }
        let most = LENGTH.saturating_add(get_maximum_output_size(text.len()));
        if block.len() < most {
            block.resize(most, 0);
        }
        let (length, room) = block.split_at_mut(LENGTH);
        let text_length = u32::try_from(text.len()).map_err(StoreError::damaged)?;
        length.copy_from_slice(&text_length.to_le_bytes());
        let packed = compress_into(text, room).map_err(StoreError::damaged)?;
        let packed = block.get(..LENGTH.saturating_add(packed)).unwrap_or_default();
        Ok(Packed { details: String::new(), packed: Some(packed.to_vec()) })
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
