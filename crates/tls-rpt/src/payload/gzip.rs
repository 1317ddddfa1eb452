//! Gzip data (RFC 1952): one member after another, and what people append to them.

use std::cell::RefCell;
use std::io::{self, Cursor};

use flate2::bufread::{DeflateDecoder, GzDecoder};
use flate2::{Crc, GzHeader};

use super::PayloadErrorKind;
use super::budget::{Budget, Halt};
use super::text;

/// What every member begins with.
pub(super) const MAGIC: [u8; 2] = [0x1F, 0x8B];

/// What follows in every member: the only method that there is.
const DEFLATE: u8 = 8;

/// Octets of what every member ends with: a checksum and a length.
const TRAILER: usize = 8;

/// Octets of the checksum.
const CHECKSUM: usize = 4;

/// So short are the data of nearly every report.
const SHORT: usize = 64 << 10;

thread_local! {
    /// Unpacks short data, one after another: to make such a decoder, with its window and tables, takes
    /// longer than to unpack a small report.
    static KEPT: RefCell<GzDecoder<Cursor<Vec<u8>>>> =
        RefCell::new(GzDecoder::new(Cursor::default()));
}

/// What gzip data held.
pub(super) struct Data {
    /// The documents, each with the number of the member in which it begins.
    pub documents: Vec<(usize, Document)>,
    /// How many members there were.
    pub members: usize,
    /// The members whose data are whole, and whose trailer is not all there or has another length.
    pub bad_trailers: Vec<usize>,
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
    let mut data = Data {
        documents: Vec::new(),
        members: 0,
        bad_trailers: Vec::new(),
        trailing: 0,
        refused: None,
    };
    let mut current = Document::default();
    let mut begins = 1;
    let mut rest = octets;
    while rest.starts_with(&MAGIC) {
        let offset = octets.len() - rest.len();
        if data.members >= most_members {
            return Err((PayloadErrorKind::TooMany { limit: most_members }, offset));
        }
        let member = match member(rest, budget) {
            Ok(member) => member,
            Err(Halt::Limit(kind)) => return Err((kind, offset)),
            // What comes after a whole report must not cost the report.
            Err(Halt::Data(error)) if text::ends_like_json(&current.octets) => {
                data.refused = Some(fault(&error));
                break;
            }
            Err(Halt::Data(error)) => return Err((fault(&error), offset)),
        };
        data.members += 1;
        if !member.fits_trailer {
            data.bad_trailers.push(data.members);
        }
        if text::ends_like_json(&current.octets) && text::is_json(&member.octets) {
            data.documents.push((begins, std::mem::take(&mut current)));
            begins = data.members;
        }
        if current.octets.is_empty() {
            current = Document { octets: member.octets, name: member.name };
        } else {
            current.octets.extend(member.octets);
        }
        rest = rest.get(member.length..).unwrap_or_default();
    }
    data.trailing = rest.len();
    data.documents.push((begins, current));
    Ok(data)
}

/// One member.
struct Member {
    octets: Vec<u8>,
    name: Option<String>,
    /// How long it is as it came.
    length: usize,
    /// The trailer is whole, with the length of the octets.
    fits_trailer: bool,
}

/// Reads the member with which the data begin.
fn member(data: &[u8], budget: &mut Budget) -> Result<Member, Halt> {
    let before = budget.clone();
    match whole_member(data, budget) {
        Err(Halt::Data(error)) => {
            // What comes out is the same once more: it counts once.
            let mut again = before;
            let member = without_trailer(data, &mut again).ok_or(Halt::Data(error))?;
            *budget = again;
            Ok(member)
        }
        read => read,
    }
}

fn whole_member(data: &[u8], budget: &mut Budget) -> Result<Member, Halt> {
    if data.len() > SHORT {
        let mut decoder = GzDecoder::new(data);
        let octets = budget.read_all(&mut decoder)?;
        let length = data.len().saturating_sub(decoder.get_ref().len());
        return Ok(Member { octets, name: name(decoder.header()), length, fits_trailer: true });
    }
    KEPT.with_borrow_mut(|decoder| {
        let mut input = decoder.reset(Cursor::default()).into_inner();
        input.clear();
        input.extend_from_slice(data);
        decoder.reset(Cursor::new(input));
        let octets = budget.read_all(&mut *decoder)?;
        let length = usize::try_from(decoder.get_ref().position()).unwrap_or(usize::MAX);
        Ok(Member { octets, name: name(decoder.header()), length, fits_trailer: true })
    })
}

/// The same where the trailer is not whole, or its length does not fit; `None` if the packed data do
/// not come to their end, or what there is of the checksum speaks against them.
fn without_trailer(data: &[u8], budget: &mut Budget) -> Option<Member> {
    let decoder = GzDecoder::new(data);
    let name = name(Some(decoder.header()?));
    let mut packed = DeflateDecoder::new(decoder.into_inner());
    let octets = budget.read_all(&mut packed).ok()?;
    let after = *packed.get_ref();
    let mut checksum = Crc::new();
    checksum.update(&octets);
    let checksum = checksum.sum().to_le_bytes();
    let trailer = after.get(..cut_trailer(after)).unwrap_or_default();
    if !checksum.starts_with(trailer.get(..CHECKSUM).unwrap_or(trailer)) {
        return None;
    }
    let rest = after.len().saturating_sub(trailer.len());
    Some(Member { octets, name, length: data.len().saturating_sub(rest), fits_trailer: false })
}

/// How much there is of a trailer: another member may follow at once, or where it was cut off.
fn cut_trailer(after: &[u8]) -> usize {
    let next =
        after.windows(3).take(TRAILER).position(|start| start == [MAGIC[0], MAGIC[1], DEFLATE]);
    next.unwrap_or(TRAILER.min(after.len()))
}

fn name(header: Option<&GzHeader>) -> Option<String> {
    let name = header.and_then(GzHeader::filename);
    name.map(|name| String::from_utf8_lossy(name).into_owned())
}

fn fault(error: &io::Error) -> PayloadErrorKind {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => PayloadErrorKind::GzipTruncated,
        _ => PayloadErrorKind::GzipCorrupt,
    }
}
