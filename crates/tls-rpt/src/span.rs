//! Where in a text something stands.

use std::ops::Range;

/// A place in a record or report: byte offsets, the end excluded.
///
/// The span of something that is missing is empty and stands at the end of the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Span {
    /// Offset of the first byte.
    pub start: usize,
    /// Offset after the last byte; never below `start`.
    pub end: usize,
}

impl Span {
    /// The same place as a range, to slice the text with.
    pub fn range(self) -> Range<usize> {
        self.start..self.end
    }

    pub(crate) fn at(start: usize, length: usize) -> Self {
        Self { start, end: start.saturating_add(length) }
    }
}
