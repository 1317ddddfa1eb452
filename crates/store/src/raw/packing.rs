//! Octets on their way into the file and back.

use std::{
    io::{self, Read as _, Write as _},
    sync::Arc,
};

use flate2::{Compression, read::DeflateDecoder, write::DeflateEncoder};

use super::{Digest, MOST_OCTETS};
use crate::StoreError;

/// Fewer octets are kept as they are. Most mails are smaller; packing one would save a third of
/// its room and cost more time than all the rest of storing it.
const WORTH_PACKING: usize = 16 * 1024;

/// Octets as they lie in the file.
pub(super) struct Packed {
    pub(super) digest: Digest,
    /// Before packing.
    pub(super) size: usize,
    pub(super) encoding: &'static str,
    pub(super) octets: Arc<Vec<u8>>,
}

/// Packs octets, if that saves at least an eighth of them.
pub(super) fn pack(octets: Arc<Vec<u8>>) -> Packed {
    let (digest, size) = (Digest::of(&octets), octets.len());
    if size >= WORTH_PACKING {
        let room = Vec::with_capacity(size);
        let mut encoder = DeflateEncoder::new(room, Compression::fast());
        let packed = encoder.write_all(&octets).and_then(|()| encoder.finish());
        if let Ok(mut packed) = packed
            && packed.len() <= size - size / 8
        {
            packed.shrink_to_fit();
            return Packed { digest, size, encoding: "deflate", octets: Arc::new(packed) };
        }
    }
    Packed { digest, size, encoding: "plain", octets }
}

/// The octets again. What does not have the digest any more is damaged.
pub(super) fn unpack(
    digest: Digest,
    size: usize,
    encoding: &str,
    octets: Vec<u8>,
) -> Result<Vec<u8>, StoreError> {
    let damaged = |text: &str| StoreError::damaged(io::Error::other(text.to_owned()));
    let octets = match encoding {
        "plain" => octets,
        "deflate" if size <= MOST_OCTETS => {
            let mut unpacked = Vec::with_capacity(size);
            let limit = u64::try_from(size).unwrap_or(u64::MAX);
            let read =
                DeflateDecoder::new(octets.as_slice()).take(limit).read_to_end(&mut unpacked);
            read.map_err(StoreError::damaged)?;
            unpacked
        }
        _ => return Err(damaged("a submission is stored in an unknown way")),
    };
    if Digest::of(&octets) != digest {
        return Err(damaged("a submission does not have its digest any more"));
    }
    Ok(octets)
}
