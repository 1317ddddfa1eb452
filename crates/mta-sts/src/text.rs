//! Slices that know their place, and the small grammar that record and policy share.

use std::ops::Range;

use crate::span::Span;

/// More characters of a text from outside than this are never repeated in a message.
const SHOWN_CHARACTERS: usize = 64;
/// RFC 8461 §3.1 and §3.2: `(ALPHA / DIGIT) *31(ALPHA / DIGIT / "_" / "-" / ".")`.
const LONGEST_FIELD_NAME: usize = 32;
/// Thousands of different fields are at least this long on average, separators included, in bytes.
const SHORTEST_OF_MANY_FIELDS: usize = 5;

/// A part of a text, with the offset of its first byte.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Piece<'a> {
    pub(crate) bytes: &'a [u8],
    start: usize,
}

impl<'a> Piece<'a> {
    pub(crate) fn new(text: &'a [u8]) -> Self {
        Self { bytes: text, start: 0 }
    }

    pub(crate) fn span(self) -> Span {
        Span { start: self.start, end: self.start + self.bytes.len() }
    }

    /// The place of `length` bytes from `offset` on, counted within this piece.
    pub(crate) fn span_within(self, offset: usize, length: usize) -> Span {
        Span { start: self.start + offset, end: self.start + offset + length }
    }

    /// Where in `whole`, of which it is a part, this piece lies.
    pub(crate) fn range_within(self, whole: Self) -> Range<usize> {
        let start = self.start - whole.start;
        start..start + self.bytes.len()
    }

    pub(crate) fn is_empty(self) -> bool {
        self.bytes.is_empty()
    }

    /// The parts between separators: one more than there are separators.
    pub(crate) fn split(self, separator: u8) -> impl Iterator<Item = Self> {
        let mut start = self.start;
        self.bytes.split(move |&byte| byte == separator).map(move |bytes| {
            let piece = Self { bytes, start };
            start += bytes.len() + 1;
            piece
        })
    }

    pub(crate) fn split_once(self, separator: u8) -> Option<(Self, Self)> {
        let at = self.bytes.iter().position(|&byte| byte == separator)?;
        let (before, after) = self.bytes.split_at_checked(at)?;
        let after = after.get(1..)?;
        let start = self.start + at + 1;
        Some((Self { bytes: before, start: self.start }, Self { bytes: after, start }))
    }

    pub(crate) fn strip_prefix(self, prefix: &[u8]) -> Option<Self> {
        let bytes = self.bytes.strip_prefix(prefix)?;
        Some(Self { bytes, start: self.start + prefix.len() })
    }

    pub(crate) fn strip_suffix(self, suffix: &[u8]) -> Option<Self> {
        Some(Self { bytes: self.bytes.strip_suffix(suffix)?, start: self.start })
    }

    /// Without the white space at its start; and that white space.
    pub(crate) fn trim_start(self) -> (Self, Span) {
        let mut piece = self;
        while let [b' ' | b'\t', rest @ ..] = piece.bytes {
            piece = Self { bytes: rest, start: piece.start + 1 };
        }
        (piece, Span { start: self.start, end: piece.start })
    }

    /// Without the white space at its end; and that white space.
    pub(crate) fn trim_end(self) -> (Self, Span) {
        let mut piece = self;
        while let [rest @ .., b' ' | b'\t'] = piece.bytes {
            piece = Self { bytes: rest, start: piece.start };
        }
        (piece, Span { start: piece.span().end, end: self.span().end })
    }

    pub(crate) fn trim(self) -> Self {
        self.trim_start().0.trim_end().0
    }

    /// The piece as text for a message: escaped, and cut after [`SHOWN_CHARACTERS`].
    pub(crate) fn shown(self) -> Box<str> {
        let (start, longer) = match self.bytes.split_at_checked(4 * SHOWN_CHARACTERS) {
            Some((start, rest)) => (start, !rest.is_empty()),
            None => (self.bytes, false),
        };
        let text = String::from_utf8_lossy(start);
        let mut shown = String::new();
        let mut characters = text.chars();
        for character in characters.by_ref().take(SHOWN_CHARACTERS) {
            shown.extend(character.escape_debug());
        }
        if longer || characters.next().is_some() {
            shown.push('…');
        }
        shown.into_boxed_str()
    }
}

/// How many different fields to make room for, so that those of a text with thousands of them,
/// which only malice writes, are not moved again and again.
pub(crate) fn expected_fields(text: &[u8], separator: u8) -> usize {
    let separators = text.iter().filter(|&&byte| byte == separator).count();
    separators.min(text.len() / SHORTEST_OF_MANY_FIELDS)
}

/// Whether there is an ASCII control character. It looks at all bytes, with no branch between them,
/// and so at many at a time.
pub(crate) fn any_control_character(bytes: &[u8]) -> bool {
    bytes.iter().fold(false, |any, byte| any | byte.is_ascii_control())
}

/// Whether `name` may name a field of a record or a policy.
pub(crate) fn is_field_name(name: &[u8]) -> bool {
    name.len() <= LONGEST_FIELD_NAME
        && name.first().is_some_and(u8::is_ascii_alphanumeric)
        && name.iter().all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(byte))
}

/// The known name that `name` was perhaps meant to be.
pub(crate) fn meant(name: &str, known: &[&'static str]) -> Option<&'static str> {
    let plain = |text: &str| text.replace(['-', '.'], "_").to_ascii_lowercase();
    let name = plain(name);
    known
        .iter()
        .copied()
        .find(|known| plain(known) == name || plain(known).replace('_', "") == name)
}
