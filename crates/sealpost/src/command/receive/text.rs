//! Words and numbers for a terminal of 80 columns.

use sealpost_check::one_line;
use sealpost_evidence::traffic::Bounds;

/// How wide a page is, in columns.
pub(super) const WIDTH: usize = 80;

/// Text from outside on one line, without anything that a terminal would obey, cut at a number of
/// characters.
pub(super) fn shown(text: &str, most: usize) -> String {
    // What is cut off need not be looked at: a character has at most four octets.
    let start = text.get(..text.floor_char_boundary(most.saturating_mul(4).saturating_add(4)));
    clipped(&one_line(start.unwrap_or_default()), most, text.len() > most.saturating_mul(4) + 4)
}

fn clipped(text: &str, most: usize, is_cut: bool) -> String {
    if text.chars().count() <= most && !is_cut {
        return text.to_owned();
    }
    let kept: String = text.chars().take(most.saturating_sub(1)).collect();
    format!("{kept}…")
}

/// Breaks text at spaces into lines of at most `width` characters; words that are longer are broken.
pub(super) fn wrapped(text: &str, width: usize) -> Vec<String> {
    let width = width.max(1);
    let mut lines = Vec::new();
    let mut line = String::new();
    let mut length = 0;
    for word in text.split_whitespace() {
        let mut word: Vec<char> = word.chars().collect();
        if length > 0 && length + 1 + word.len() > width {
            lines.push(std::mem::take(&mut line));
            length = 0;
        }
        while word.len() > width {
            let rest = word.split_off(width);
            lines.push(word.into_iter().collect());
            word = rest;
        }
        if length > 0 {
            line.push(' ');
            length += 1;
        }
        length += word.len();
        line.extend(word);
    }
    if !line.is_empty() || lines.is_empty() {
        lines.push(line);
    }
    lines
}

/// A number with separators: `5,326`.
pub(super) fn number(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number and what is counted: `1 session`, `2,000 sessions`.
pub(super) fn counted(count: u64, one: &str, many: &str) -> String {
    format!("{} {}", number(count), if count == 1 { one } else { many })
}

/// `7`, or `4-7` where reports can be read in two ways.
pub(super) fn bounds(bounds: Bounds) -> String {
    match bounds.exact() {
        Some(count) => count.to_string(),
        None => format!("{}-{}", bounds.lower, bounds.upper),
    }
}

/// A part of a whole in per cent. It is 0 only for none and 100 only for all.
pub(super) fn percent(part: u64, whole: u64) -> String {
    if part == 0 || whole == 0 {
        return "0 %".to_owned();
    }
    if part >= whole {
        return "100 %".to_owned();
    }
    // In tenths of a per cent, rounded.
    let tenths = (u128::from(part) * 2_000 + u128::from(whole)) / (u128::from(whole) * 2);
    match tenths {
        0 => "less than 0.1 %".to_owned(),
        1000.. => "more than 99.9 %".to_owned(),
        tenths if tenths % 10 == 0 => format!("{} %", tenths / 10),
        tenths => format!("{}.{} %", tenths / 10, tenths % 10),
    }
}

/// A time span in the largest unit that it is a whole number of.
pub(super) fn duration(seconds: u64) -> String {
    match seconds {
        s if s >= 86_400 && s.is_multiple_of(86_400) => counted(s / 86_400, "day", "days"),
        s if s >= 3_600 && s.is_multiple_of(3_600) => counted(s / 3_600, "hour", "hours"),
        s => counted(s, "second", "seconds"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outside_text_is_one_line_and_bounded() {
        assert_eq!(shown("a\u{1b}[31m\nb", 80), "a␛[31m␊b");
        assert_eq!(shown("abcdef", 6), "abcdef");
        assert_eq!(shown("abcdefg", 6), "abcde…");
        assert_eq!(shown(&"ä".repeat(100_000), 3), "ää…");
        assert_eq!(shown("", 3), "");
    }

    #[test]
    fn lines_are_broken_at_spaces_or_where_they_must() {
        assert_eq!(wrapped("one two three", 7), ["one two", "three"]);
        assert_eq!(wrapped("a bcdefghij k", 4), ["a", "bcde", "fghi", "j k"]);
        assert_eq!(wrapped("", 4), [""]);
    }

    #[test]
    fn numbers_read_as_people_write_them() {
        for (input, text) in [
            (0, "0"),
            (999, "999"),
            (1_000, "1,000"),
            (1_234_567, "1,234,567"),
            (u64::MAX, "18,446,744,073,709,551,615"),
        ] {
            assert_eq!(number(input), text);
        }
    }

    #[test]
    fn none_and_all_are_never_rounded_to() {
        for (part, whole, text) in [
            (0, 10, "0 %"),
            (10, 10, "100 %"),
            (0, 0, "0 %"),
            (303, 5_629, "5.4 %"),
            (1, 10, "10 %"),
            (1, 1_000_000, "less than 0.1 %"),
            (999_999, 1_000_000, "more than 99.9 %"),
            (u64::MAX - 1, u64::MAX, "more than 99.9 %"),
        ] {
            assert_eq!(percent(part, whole), text, "{part} of {whole}");
        }
    }

    #[test]
    fn durations_are_whole() {
        assert_eq!(duration(86_400), "1 day");
        assert_eq!(duration(604_800), "7 days");
        assert_eq!(duration(7_200), "2 hours");
        assert_eq!(duration(0), "0 seconds");
        assert_eq!(duration(90_001), "90,001 seconds");
    }
}
