//! Text from outside, made fit for a terminal.

use std::ops::Range;

/// The text with control characters replaced by visible ones, and the span moved along. Line ends
/// stay; a CR before an LF goes.
pub(super) fn printable(text: &str, span: &Range<usize>) -> (String, Range<usize>) {
    let mut shown = String::with_capacity(text.len());
    let (mut start, mut end) = (None, None);
    let mut characters = text.char_indices().peekable();
    while let Some((offset, character)) = characters.next() {
        if offset >= span.start {
            start.get_or_insert(shown.len());
        }
        if offset >= span.end {
            end.get_or_insert(shown.len());
        }
        match character {
            '\n' => shown.push('\n'),
            '\r' if characters.peek().is_some_and(|(_, next)| *next == '\n') => {}
            character if is_unsafe(character) => shown.push(picture(character)),
            character => shown.push(character),
        }
    }
    let end = end.unwrap_or(shown.len());
    let start = start.unwrap_or(shown.len()).min(end);
    (shown, start..end)
}

/// The text on one line: line ends too become visible.
pub fn one_line(text: &str) -> String {
    printable(text, &(0..0)).0.replace('\n', "\u{240a}")
}

/// Characters that move the cursor, change colours or reorder text.
fn is_unsafe(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{feff}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}')
}

/// A visible character in its stead: Unicode has pictures of the ASCII controls.
fn picture(character: char) -> char {
    match u32::from(character) {
        code @ 0..=0x1f => char::from_u32(0x2400 + code).unwrap_or(char::REPLACEMENT_CHARACTER),
        0x7f => '\u{2421}',
        _ => char::REPLACEMENT_CHARACTER,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn controls_become_visible_and_the_span_stays_on_its_text() {
        let (text, span) = printable("a\u{1b}[31m\tb\r\ncd", &(9..10));
        assert_eq!(text, "a␛[31m␉b\ncd");
        assert_eq!(text.get(span), Some("\n"));
        let (text, span) = printable("x\u{202e}y", &(4..5));
        assert_eq!((text.as_str(), text.get(span)), ("x\u{fffd}y", Some("y")));
        let (text, span) = printable("a\rb", &(1..2));
        assert_eq!((text.as_str(), text.get(span)), ("a␍b", Some("␍")));
    }

    #[test]
    fn nobody_begins_a_line_of_his_own() {
        assert_eq!(one_line("v=STSv1;\r\nok.test: enforced"), "v=STSv1;␊ok.test: enforced");
    }

    #[test]
    fn empty_spans_and_those_at_the_end_stay_within() {
        assert_eq!(printable("ab", &(2..2)).1, 2..2);
        assert_eq!(printable("", &(0..0)).1, 0..0);
        assert_eq!(printable("ab\r\n", &(4..4)), ("ab\n".to_owned(), 3..3));
    }
}
