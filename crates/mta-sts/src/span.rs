//! Places in a text.

use std::ops::Range;

/// A place in a text: byte offsets, `start` included, `end` excluded.
///
/// An empty span marks where something is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Span {
    /// Offset of the first byte.
    pub start: usize,
    /// Offset behind the last byte, never below `start`.
    pub end: usize,
}

impl Span {
    /// The empty place before the byte at `offset`.
    pub const fn empty_at(offset: usize) -> Self {
        Self { start: offset, end: offset }
    }

    /// The same as a range, to slice the text with.
    pub const fn range(self) -> Range<usize> {
        self.start..self.end
    }

    /// Whether the span covers no byte.
    pub const fn is_empty(self) -> bool {
        self.start == self.end
    }
}
