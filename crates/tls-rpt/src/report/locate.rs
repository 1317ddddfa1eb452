//! Where in the text a repair belongs.

use super::encoding::decode;
use super::json::{Cursor, Shape};
use crate::Span;

/// How deep a value is looked through. Repairs lie far above.
const DEPTH: usize = 128;

/// The place of a JSON pointer (RFC 6901) in the octets of a report.
///
/// Works on every text that [`Report::read`](crate::Report::read) takes in, broken ones too, and
/// counts in the original octets also when they are UTF-16. Where a name is there twice, the last
/// one is meant. The place of something that is not there is the opening bracket of what should hold
/// it. `None` when there is no JSON value at all.
///
/// The time is that of reading the text once: call it for what is shown, not for every repair of a
/// large report.
pub fn locate(octets: &[u8], pointer: &str) -> Option<Span> {
    let text = decode(octets);
    let mut cursor = Cursor::new(&text.octets);
    let mut steps = pointer.split('/').skip(1);
    loop {
        let shape = cursor.shape();
        if shape == Shape::Nothing {
            return None;
        }
        let start = cursor.offset();
        let Some(step) = steps.next() else {
            cursor.skip(DEPTH);
            return Some(text.original_span(start, cursor.offset()));
        };
        let found = match shape {
            Shape::Object => member(&mut cursor, &step.replace("~1", "/").replace("~0", "~")),
            Shape::Array => step.parse().ok().and_then(|index| item(&mut cursor, index)),
            _ => None,
        };
        match found {
            Some(at) => cursor.go_to(at),
            None => return Some(text.original_span(start, start.saturating_add(1))),
        }
    }
}

/// What stands before the report.
pub(super) fn front(octets: &[u8]) -> Span {
    Span { start: 0, end: decode(octets).original_span(0, 0).start }
}

/// What stands behind the first value.
pub(super) fn back(octets: &[u8]) -> Span {
    let text = decode(octets);
    let mut cursor = Cursor::new(&text.octets);
    cursor.skip(DEPTH);
    cursor.skip_space();
    Span { start: text.original_span(cursor.offset(), cursor.offset()).start, end: octets.len() }
}

/// The octet at which the text stops being JSON, or the last one when it just ends.
pub(super) fn stop(octets: &[u8]) -> Option<Span> {
    let text = decode(octets);
    let mut cursor = Cursor::new(&text.octets);
    cursor.skip(DEPTH);
    let last = text.octets.len().checked_sub(1)?;
    let at = cursor.stopped_at()?.min(last);
    Some(text.original_span(at, at.saturating_add(1)))
}

/// The offset of the value of the last member with this name.
fn member(cursor: &mut Cursor<'_>, name: &str) -> Option<usize> {
    let mut found = None;
    cursor.open();
    while let Some(key) = cursor.key() {
        let is_value = cursor.shape() != Shape::Nothing;
        if is_value && key == name {
            found = Some(cursor.offset());
        }
        cursor.skip(DEPTH);
    }
    found
}

fn item(cursor: &mut Cursor<'_>, index: usize) -> Option<usize> {
    cursor.open();
    let mut count = 0;
    while cursor.item() {
        if count == index {
            return (cursor.shape() != Shape::Nothing).then(|| cursor.offset());
        }
        count += 1;
        cursor.skip(DEPTH);
    }
    None
}
