//! Evidence as it lies in a column: JSON as an LZ4 block behind its length. It is some twenty times
//! smaller then; most of it is certificates that several addresses show, and transcripts alike.

use serde::{Serialize, de::DeserializeOwned};

use crate::StoreError;

/// The longest text that is ever stored. Evidence has bounds of its own far below.
const LONGEST: usize = 64 << 20;
/// What the length takes before the block.
const LENGTH: usize = 4;

pub(super) fn pack(value: &impl Serialize) -> Result<Vec<u8>, StoreError> {
    let text = serde_json::to_vec(value).map_err(StoreError::damaged)?;
    if text.len() > LONGEST {
        return Err(StoreError::refused("evidence is larger than is ever stored"));
    }
    Ok(lz4_flex::block::compress_prepend_size(&text))
}

/// `None` if it was not stored like this, or is of a version that this one cannot read.
pub(super) fn unpack<T: DeserializeOwned>(packed: &[u8]) -> Option<T> {
    let (length, block) = packed.split_first_chunk::<LENGTH>()?;
    let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
    if length > LONGEST {
        return None;
    }
    serde_json::from_slice(&lz4_flex::block::decompress(block, length).ok()?).ok()
}
