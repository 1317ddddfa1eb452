//! What JSON begins and ends like, and how it is encoded.

use std::borrow::Cow;

use super::PayloadNote;

const UTF8_MARK: &[u8] = b"\xEF\xBB\xBF";

/// How text stands in octets.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Encoding {
    Utf8,
    Utf16Le,
    Utf16Be,
}

/// Whether the octets begin like a JSON object or array.
pub(super) fn is_json(octets: &[u8]) -> bool {
    let (encoding, rest) = encoding(octets);
    match encoding {
        Encoding::Utf8 => begins(rest.iter().map(|octet| u16::from(*octet))),
        encoding => begins(units(rest, encoding)),
    }
}

/// Whether the last of the octets that is no white space closes a JSON object or array.
pub(super) fn ends_like_json(octets: &[u8]) -> bool {
    let last = octets.iter().rev().find(|octet| !octet.is_ascii_whitespace());
    matches!(last, Some(b'}' | b']'))
}

/// The text without a byte order mark, in UTF-8 if it was in UTF-16.
pub(super) fn to_utf8(octets: Cow<'_, [u8]>) -> (Vec<u8>, Option<PayloadNote>) {
    match encoding(&octets) {
        (Encoding::Utf8, rest) if rest.len() == octets.len() => (octets.into_owned(), None),
        (Encoding::Utf8, rest) => (rest.to_vec(), Some(PayloadNote::ByteOrderMark)),
        (encoding, rest) => {
            let characters = char::decode_utf16(units(rest, encoding));
            let text: String =
                characters.map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect();
            (text.into_bytes(), Some(PayloadNote::Utf16))
        }
    }
}

/// The encoding, and what stands after the byte order mark.
fn encoding(octets: &[u8]) -> (Encoding, &[u8]) {
    if let Some(rest) = octets.strip_prefix(UTF8_MARK) {
        return (Encoding::Utf8, rest);
    }
    match octets {
        [0xFF, 0xFE, rest @ ..] => (Encoding::Utf16Le, rest),
        [0xFE, 0xFF, rest @ ..] => (Encoding::Utf16Be, rest),
        // RFC 4627 section 3: JSON begins with two ASCII characters, so zeros tell the encoding.
        [first, 0, _, 0, ..] if *first != 0 => (Encoding::Utf16Le, octets),
        [0, second, 0, _, ..] if *second != 0 => (Encoding::Utf16Be, octets),
        _ => (Encoding::Utf8, octets),
    }
}

fn units(octets: &[u8], encoding: Encoding) -> impl Iterator<Item = u16> {
    let (pairs, _) = octets.as_chunks::<2>();
    pairs.iter().map(move |pair| match encoding {
        Encoding::Utf16Be => u16::from_be_bytes(*pair),
        _ => u16::from_le_bytes(*pair),
    })
}

/// Whether the first unit that is no white space opens an object or array.
fn begins(units: impl Iterator<Item = u16>) -> bool {
    const OPENING: [u16; 2] = [b'{' as u16, b'[' as u16];
    const WHITE: [u16; 4] = [b' ' as u16, b'\t' as u16, b'\r' as u16, b'\n' as u16];
    let mut units = units;
    units.find(|unit| !WHITE.contains(unit)).is_some_and(|unit| OPENING.contains(&unit))
}
