//! Zip archives, as far as a report in one needs it (APPNOTE.TXT of PKWARE, section 4.3).
//!
//! The library for zip reads the whole central directory, whose length a stranger chooses, and
//! brings six more packages. Entries of a report need none of that: they are read one after another
//! from the front, deflated data says itself where it ends, and no declared length is needed but for
//! stored data, where it can only point into the octets at hand.

use flate2::Crc;
use flate2::bufread::DeflateDecoder;
use memchr::memmem;

use super::PayloadErrorKind;
use super::budget::{Budget, Halt};

const LOCAL_HEADER: &[u8] = b"PK\x03\x04";
const DIRECTORY: &[u8] = b"PK\x01\x02";
const END: &[u8] = b"PK\x05\x06";
const DESCRIPTOR: &[u8] = b"PK\x07\x08";

/// How far from the front the first entry, and how far from the back the end record is looked for.
const SEARCHED: usize = 64 << 10;

const ENCRYPTED: u16 = 1;
/// Checksum and lengths come after the data.
const DESCRIBED: u16 = 1 << 3;
const STORED: u16 = 0;
const DEFLATED: u16 = 8;

/// Whether the octets are a zip archive, perhaps an empty one or one with something before it.
pub(super) fn is_zip(octets: &[u8]) -> bool {
    octets.starts_with(LOCAL_HEADER)
        || octets.starts_with(END)
        || (memmem::find(last(octets), END).is_some()
            && memmem::find(first(octets), LOCAL_HEADER).is_some())
}

/// The entries, one after another.
pub(super) struct Entries<'a> {
    octets: &'a [u8],
    /// Where the next entry begins, or later.
    next: usize,
}

/// The header of an entry.
pub(super) struct Entry {
    /// Where the header begins.
    pub offset: usize,
    /// The name; text from outside.
    pub name: Option<String>,
    flags: u16,
    method: u16,
    checksum: u32,
    packed: usize,
    /// Where the data begins.
    data: usize,
}

impl Entry {
    /// Whether this is a folder, or what an operating system puts beside a file.
    pub(super) fn is_beside(&self) -> bool {
        let Some(name) = &self.name else { return false };
        let file = name.rsplit(['/', '\\']).next().unwrap_or_default();
        file.is_empty()
            || file.starts_with("._")
            || matches!(file, ".DS_Store" | "Thumbs.db" | "desktop.ini")
            || name.split(['/', '\\']).any(|folder| folder == "__MACOSX")
    }
}

impl<'a> Entries<'a> {
    pub(super) fn new(octets: &'a [u8]) -> Self {
        let next = memmem::find(first(octets), LOCAL_HEADER).unwrap_or(octets.len());
        Self { octets, next: if octets.starts_with(END) { 0 } else { next } }
    }

    /// Where the next entry is looked for.
    pub(super) fn offset(&self) -> usize {
        self.next
    }

    /// The next entry, whose data must then be unpacked or skipped.
    pub(super) fn next(&mut self) -> Option<Entry> {
        // Lengths and padding may stand between entries; the directory ends them.
        let rest = self.octets.get(self.next..)?;
        let found = rest
            .windows(LOCAL_HEADER.len())
            .position(|window| [LOCAL_HEADER, DIRECTORY, END].contains(&window))?;
        let offset = self.next + found;
        let header = self.octets.get(offset..).filter(|header| header.starts_with(LOCAL_HEADER))?;
        let name_length = usize::from(u16_at(header, 26)?);
        let extra_length = usize::from(u16_at(header, 28)?);
        let name = header.get(30..30 + name_length)?;
        let data = offset + 30 + name_length + extra_length;
        self.next = data;
        Some(Entry {
            offset,
            name: (!name.is_empty()).then(|| String::from_utf8_lossy(name).into_owned()),
            flags: u16_at(header, 6)?,
            method: u16_at(header, 8)?,
            checksum: u32_at(header, 14)?,
            packed: usize::try_from(u32_at(header, 18)?).ok()?,
            data,
        })
    }

    /// Goes on after the entry, if its header says where that is. Otherwise the next header is
    /// searched for in its data.
    pub(super) fn skip(&mut self, entry: &Entry) {
        if entry.flags & DESCRIBED == 0 {
            self.next = entry.data.saturating_add(entry.packed);
        }
    }

    pub(super) fn unpack(
        &mut self,
        entry: &Entry,
        budget: &mut Budget,
    ) -> Result<Vec<u8>, PayloadErrorKind> {
        if entry.flags & ENCRYPTED != 0 {
            self.skip(entry);
            return Err(PayloadErrorKind::ZipEncrypted);
        }
        let data = self.octets.get(entry.data..).unwrap_or_default();
        let (octets, length) = match entry.method {
            DEFLATED => {
                let mut decoder = DeflateDecoder::new(data);
                let octets = budget.read_all(&mut decoder).map_err(|halt| match halt {
                    Halt::Limit(kind) => kind,
                    Halt::Data(_) => PayloadErrorKind::ZipCorrupt,
                })?;
                (octets, data.len() - decoder.into_inner().len())
            }
            STORED if entry.flags & DESCRIBED == 0 => {
                let octets = data.get(..entry.packed).ok_or(PayloadErrorKind::ZipTruncated)?;
                budget.charge(octets.len())?;
                (octets.to_vec(), entry.packed)
            }
            method => {
                self.skip(entry);
                return Err(PayloadErrorKind::ZipMethod { method });
            }
        };
        self.next = entry.data + length;
        let after = data.get(length..).unwrap_or_default();
        let checksum = if entry.flags & DESCRIBED == 0 {
            Some(entry.checksum)
        } else {
            u32_at(after.strip_prefix(DESCRIPTOR).unwrap_or(after), 0)
        };
        let mut found = Crc::new();
        found.update(&octets);
        match checksum {
            None => Err(PayloadErrorKind::ZipTruncated),
            Some(checksum) if checksum != found.sum() => Err(PayloadErrorKind::ZipCorrupt),
            Some(_) => Ok(octets),
        }
    }
}

fn first(octets: &[u8]) -> &[u8] {
    octets.get(..SEARCHED).unwrap_or(octets)
}

fn last(octets: &[u8]) -> &[u8] {
    octets.get(octets.len().saturating_sub(SEARCHED)..).unwrap_or_default()
}

fn u16_at(octets: &[u8], offset: usize) -> Option<u16> {
    octets.get(offset..)?.first_chunk().map(|chunk| u16::from_le_bytes(*chunk))
}

fn u32_at(octets: &[u8], offset: usize) -> Option<u32> {
    octets.get(offset..)?.first_chunk().map(|chunk| u32::from_le_bytes(*chunk))
}
