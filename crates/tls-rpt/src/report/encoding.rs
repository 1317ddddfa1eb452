//! From octets to UTF-8 text, and where it begins.

use std::borrow::Cow;

use super::RepairKind;
use crate::Span;

/// A text to be read as JSON.
pub(super) struct Text<'o> {
    pub(super) octets: Cow<'o, [u8]>,
    /// What was needed to come here.
    pub(super) repairs: Vec<RepairKind>,
    /// How many octets stand before `octets`, and what an octet of it is in the original.
    before: usize,
    original: Original,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Original {
    Utf8,
    Utf16,
}

const UTF8_MARK: &[u8] = b"\xEF\xBB\xBF";

/// Makes text of the octets of a report. It begins with the first bracket if there is one.
pub(super) fn decode(octets: &[u8]) -> Text<'_> {
    let mut text = without_mark(octets);
    let is_space = |octet: &u8| matches!(octet, b' ' | b'\n' | b'\r' | b'\t');
    let spaces = text.octets.iter().take_while(|octet| is_space(octet)).count();
    if text.octets.get(spaces).is_some_and(|first| !matches!(first, b'{' | b'[')) {
        let bracket = text.octets.iter().position(|octet| *octet == b'{');
        if let Some(start) = bracket {
            text.repairs.push(RepairKind::LeadingOctets);
            text.drop_front(start);
        }
    }
    text
}

fn without_mark(octets: &[u8]) -> Text<'_> {
    let utf16 = |rest, before, read: fn([u8; 2]) -> u16| Text {
        octets: Cow::Owned(from_utf16(rest, read)),
        repairs: vec![RepairKind::Utf16],
        before,
        original: Original::Utf16,
    };
    match octets {
        [0xFF, 0xFE, rest @ ..] => utf16(rest, 2, u16::from_le_bytes),
        [0xFE, 0xFF, rest @ ..] => utf16(rest, 2, u16::from_be_bytes),
        // Without a mark: a report begins with ASCII, so every second octet is 0.
        [1..=0x7F, 0, 1..=0x7F, 0, ..] => utf16(octets, 0, u16::from_le_bytes),
        [0, 1..=0x7F, 0, 1..=0x7F, ..] => utf16(octets, 0, u16::from_be_bytes),
        _ => {
            let mut text = Text {
                octets: Cow::Borrowed(octets),
                repairs: Vec::new(),
                before: 0,
                original: Original::Utf8,
            };
            if octets.starts_with(UTF8_MARK) {
                text.repairs.push(RepairKind::ByteOrderMark);
                text.drop_front(UTF8_MARK.len());
            }
            text
        }
    }
}

fn from_utf16(octets: &[u8], read: fn([u8; 2]) -> u16) -> Vec<u8> {
    let (pairs, _) = octets.as_chunks::<2>();
    let units = pairs.iter().map(|pair| read(*pair));
    let mut text = Vec::with_capacity(pairs.len());
    for character in char::decode_utf16(units) {
        let character = character.unwrap_or(char::REPLACEMENT_CHARACTER);
        text.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
    }
    text
}

impl Text<'_> {
    fn drop_front(&mut self, octets: usize) {
        self.before = self.original_offset(octets);
        match &mut self.octets {
            Cow::Borrowed(text) => *text = text.get(octets..).unwrap_or_default(),
            Cow::Owned(text) => drop(text.drain(..octets.min(text.len()))),
        }
    }

    /// A part of the text as a part of the original octets.
    pub(super) fn original_span(&self, start: usize, end: usize) -> Span {
        Span { start: self.original_offset(start), end: self.original_offset(end) }
    }

    fn original_offset(&self, offset: usize) -> usize {
        let offset = match self.original {
            Original::Utf8 => offset,
            Original::Utf16 => {
                let front = self.octets.get(..offset).unwrap_or(&self.octets);
                String::from_utf8_lossy(front).chars().map(|c| c.len_utf16() * 2).sum()
            }
        };
        self.before.saturating_add(offset)
    }
}
