//! Gzip data (RFC 1952): one member after another, and what people append to them.

use std::io;

use flate2::bufread::GzDecoder;

use super::PayloadErrorKind;
use super::budget::{Budget, Halt};
use super::text;

/// What every member begins with.
pub(super) const MAGIC: [u8; 2] = [0x1F, 0x8B];

/// What gzip data held.
pub(super) struct Data {
    /// The documents, each with the number of the member in which it begins.
    pub documents: Vec<(usize, Document)>,
    /// How many members there were.
    pub members: usize,
    /// Octets after the last member.
    pub trailing: usize,
    /// Why what comes next, and begins like another member, is none.
    pub refused: Option<PayloadErrorKind>,
}

/// What one or more members held.
#[derive(Default)]
pub(super) struct Document {
    pub octets: Vec<u8>,
    /// The file name in the header of its first member.
    pub name: Option<String>,
}

/// Reads all members.
///
/// Members are parts of one document (RFC 1952 section 2.2), unless one ends with a whole JSON
/// object and the next begins with one: then a sender has appended another report.
///
/// # Errors
/// What is wrong, and the offset of the member concerned.
pub(super) fn read(
    octets: &[u8],
    most_members: usize,
    budget: &mut Budget,
) -> Result<Data, (PayloadErrorKind, usize)> {
    let mut data = Data { documents: Vec::new(), members: 0, trailing: 0, refused: None };
    let mut current = Document::default();
    let mut begins = 1;
    let mut rest = octets;
    while rest.starts_with(&MAGIC) {
        let offset = octets.len() - rest.len();
        if data.members >= most_members {
            return Err((PayloadErrorKind::TooMany { limit: most_members }, offset));
        }
        let mut decoder = GzDecoder::new(rest);
        let unpacked = match budget.read_all(&mut decoder) {
            Ok(unpacked) => unpacked,
            Err(Halt::Limit(kind)) => return Err((kind, offset)),
            // What comes after a whole report must not cost the report.
            Err(Halt::Data(error)) if text::ends_like_json(&current.octets) => {
                data.refused = Some(fault(&error));
                break;
            }
            Err(Halt::Data(error)) => return Err((fault(&error), offset)),
        };
        data.members += 1;
        if text::ends_like_json(&current.octets) && text::is_json(&unpacked) {
            data.documents.push((begins, std::mem::take(&mut current)));
            begins = data.members;
        }
        if current.octets.is_empty() {
            let name = decoder.header().and_then(|header| header.filename());
            current.name = name.map(|name| String::from_utf8_lossy(name).into_owned());
        }
        current.octets.extend(unpacked);
        rest = decoder.into_inner();
    }
    data.trailing = rest.len();
    data.documents.push((begins, current));
    Ok(data)
}

fn fault(error: &io::Error) -> PayloadErrorKind {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => PayloadErrorKind::GzipTruncated,
        _ => PayloadErrorKind::GzipCorrupt,
    }
}
