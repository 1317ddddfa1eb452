//! Text from outside, made fit to be shown.

/// The longest text of a fault, in octets.
pub(crate) const LONGEST_FAULT_TEXT: usize = 512;

/// The text with everything but printable characters escaped, cut at [`LONGEST_FAULT_TEXT`] octets.
pub(crate) fn printable(text: &str) -> String {
    printable_within(text, LONGEST_FAULT_TEXT)
}

/// The text with everything but printable characters escaped, cut to at most `most` octets.
pub(crate) fn printable_within(text: &str, most: usize) -> String {
    let mut shown = String::new();
    for character in text.chars() {
        if is_plain(character) {
            if shown.len() + character.len_utf8() > most {
                break;
            }
            shown.push(character);
        } else {
            let escaped = character.escape_default();
            if shown.len() + escaped.len() > most {
                break;
            }
            shown.extend(escaped);
        }
    }
    shown
}

/// May the character stand as it is? Not so control characters and those that reorder or hide text.
fn is_plain(character: char) -> bool {
    !character.is_control()
        && !matches!(
            character,
            '\u{ad}'
                | '\u{61c}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e0fff}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_and_hidden_characters_are_escaped() {
        assert_eq!(printable("a\x1b[31m\r\n"), "a\\u{1b}[31m\\r\\n");
        assert_eq!(printable("x\u{202e}y"), "x\\u{202e}y");
        assert_eq!(printable("bücher 漢"), "bücher 漢");
    }

    #[test]
    fn the_length_is_bounded_in_octets() {
        assert_eq!(printable(&"a".repeat(600)).len(), 512);
        assert_eq!(printable_within("ääää", 5), "ää");
        assert_eq!(printable_within("a\n", 2), "a");
        assert!(printable(&"\u{0}".repeat(600)).len() <= 512);
    }
}
