//! Several reports in one text.

use super::encoding::decode;
use super::json::{Cursor, Shape};
use crate::Span;

/// How deep a value is looked through.
const DEPTH: usize = 128;
/// What begins each text in a sequence of JSON texts (RFC 7464).
const RECORD_SEPARATOR: u8 = 0x1e;

/// The JSON objects that stand beside each other in one text: one behind the other, or in an array.
/// At most `most` of them.
///
/// A report should stand alone, and [`Report::read`](crate::Report::read) reads the first one. Where
/// it finds [`RepairKind::FurtherReports`](crate::RepairKind::FurtherReports), this says where they
/// are. The time is that of reading the text once.
pub fn separate(octets: &[u8], most: usize) -> Vec<Span> {
    let text = decode(octets);
    let mut cursor = Cursor::new(&text.octets);
    let mut spans = Vec::new();
    let mut take = |cursor: &mut Cursor<'_>| {
        let start = cursor.offset();
        cursor.skip(DEPTH);
        spans.push(text.original_span(start, cursor.offset()));
        spans.len() < most
    };
    if cursor.shape() == Shape::Array {
        cursor.open();
        while cursor.item() {
            if cursor.shape() != Shape::Object {
                cursor.skip(DEPTH);
            } else if !take(&mut cursor) {
                break;
            }
        }
        return spans;
    }
    loop {
        match (cursor.shape(), cursor.rest().first()) {
            (Shape::Object, _) => {
                if !take(&mut cursor) {
                    return spans;
                }
            }
            (_, Some(&(b',' | RECORD_SEPARATOR))) => {
                cursor.go_to(cursor.offset().saturating_add(1))
            }
            _ => return spans,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn texts(text: &[u8], most: usize) -> Vec<&[u8]> {
        let spans = separate(text, most);
        spans.into_iter().map(|span| text.get(span.start..span.end).unwrap()).collect()
    }

    #[test]
    fn objects_beside_each_other() {
        let check = |text: &str, expected: &[&str]| {
            let expected: Vec<&[u8]> = expected.iter().map(|text| text.as_bytes()).collect();
            assert_eq!(texts(text.as_bytes(), 9), expected, "{text}");
        };
        check(r#"{"a":1}{"b":"}{"}"#, &[r#"{"a":1}"#, r#"{"b":"}{"}"#]);
        check("{} \n{}\r\n{}\n", &["{}", "{}", "{}"]);
        check("{},{}", &["{}", "{}"]);
        check("\u{1e}{}\n\u{1e}{}\n", &["{}", "{}"]);
        check(r#"[{"a":[{}]}, 1, {}]{}"#, &[r#"{"a":[{}]}"#, "{}"]);
        check("\u{feff}{}{}", &["{}", "{}"]);
        check("{}{\"a\":", &["{}", "{\"a\":"]); // cut off: it is read as far as it goes
        check("{} and {}", &["{}"]);
        check("", &[]);
        check("[]", &[]);
        assert_eq!(texts(b"{}{}{}", 2).len(), 2);
        assert_eq!(texts(b"[{},{},{}]", 2).len(), 2);
    }

    proptest! {
        #[test]
        fn whatever_the_text_is_they_lie_in_it_in_order(text: Vec<u8>, json in "[\\[\\]{}\", \\\\a1\u{1e}]{0,40}") {
            for text in [text.as_slice(), json.as_bytes()] {
                let spans = separate(text, 5);
                prop_assert!(spans.len() <= 5);
                for span in &spans {
                    prop_assert!(text.get(span.start..span.end).is_some());
                }
                prop_assert!(spans.is_sorted_by(|one, other| one.end <= other.start));
            }
        }
    }
}
