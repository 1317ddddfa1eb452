//! Where in a report a finding is, and the text round it.

use std::ops::Range;

use sealpost_check::Shown;
use tls_rpt::Repair;

/// Finds the places of findings. To find one, the text is read once, so of a large report with many
/// findings only the first ones get a place.
pub(super) struct Spans {
    octets_left: usize,
}

impl Default for Spans {
    fn default() -> Self {
        Self { octets_left: 64 << 20 }
    }
}

impl Spans {
    pub(super) fn of(&mut self, repair: &Repair, json: &[u8]) -> Option<[usize; 2]> {
        self.octets_left = self.octets_left.checked_sub(json.len())?;
        repair.span(json).map(|span| [span.start, span.end])
    }
}

/// What is wrong, and how to mend it or what follows: a sentence about a repair says both, in this
/// order.
pub(super) fn parts(sentence: &str) -> (String, Option<String>) {
    match sentence.rsplit_once("; ") {
        Some((wrong, help)) => (wrong.to_owned(), Some(help.to_owned())),
        None => (sentence.to_owned(), None),
    }
}

/// So many octets before and behind the begin of a span are shown: reports often are one long line.
const BEFORE: usize = 24;
const BEHIND: usize = 44;

/// The part of a line round the begin of a span, and the span in it.
pub(super) fn excerpt(json: &[u8], span: [usize; 2]) -> Option<Shown> {
    let [start, end] = span;
    let (before, behind) = json.split_at_checked(start)?;
    let is_end = |octet: &u8| *octet == b'\n';
    let line_start = before.iter().rposition(is_end).map_or(0, |at| at + 1);
    let line_end = behind.iter().position(is_end).map_or(json.len(), |at| start + at);
    let line_end = match json.get(..line_end)?.strip_suffix(b"\r") {
        Some(without) if without.len() >= start => without.len(),
        _ => line_end,
    };
    let line = 1 + before.iter().filter(|octet| is_end(octet)).count();
    let column = 1 + String::from_utf8_lossy(json.get(line_start..start)?).chars().count();

    let shown_start = character(json, start.saturating_sub(BEFORE).max(line_start)).min(start);
    let shown_end = character(json, start.saturating_add(BEHIND).min(line_end)).max(start);
    let end = end.min(shown_end).max(start);
    let lossy = |range: Range<usize>| {
        json.get(range).map(String::from_utf8_lossy).unwrap_or_default().replace('\t', " ")
    };
    let mut text = String::new();
    if shown_start > line_start {
        text.push('…');
    }
    text.push_str(&lossy(shown_start..start));
    let from = text.len();
    text.push_str(&lossy(start..end));
    let to = text.len();
    text.push_str(&lossy(end..shown_end));
    if shown_end < line_end {
        text.push('…');
    }
    Some(Shown { text, span: from..to, line, column })
}

/// The place itself, or the next one at which a character of UTF-8 begins.
fn character(octets: &[u8], place: usize) -> usize {
    let is_inside = |octet: &u8| octet & 0b1100_0000 == 0b1000_0000;
    let rest = octets.get(place..).unwrap_or_default();
    place + rest.iter().take(3).take_while(|octet| is_inside(octet)).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(json: &str, span: [usize; 2], text: &str, marked: &str, at: (usize, usize)) {
        let shown = excerpt(json.as_bytes(), span).unwrap();
        assert_eq!(shown.text, text);
        assert_eq!(&shown.text[shown.span], marked);
        assert_eq!((shown.line, shown.column), at);
    }

    #[test]
    fn short_lines_are_shown_whole() {
        check("{\n \"a\": 1\r\n}", [8, 9], " \"a\": 1", "1", (2, 7));
        check("{}", [0, 1], "{}", "{", (1, 1));
        check("{", [1, 1], "{", "", (1, 2));
    }

    #[test]
    fn long_lines_are_cut_at_characters() {
        let json = format!("{}[7]{}", "ä".repeat(40), "ö".repeat(40));
        let cut = format!("…{}[7]{}…", "ä".repeat(12), "ö".repeat(21));
        check(&json, [80, 83], &cut, "[7]", (1, 41));
        let long = format!("[{}]", "x".repeat(500));
        check(
            &long,
            [0, 502],
            &format!("[{}…", "x".repeat(43)),
            &format!("[{}", "x".repeat(43)),
            (1, 1),
        );
    }

    #[test]
    fn spans_over_lines_are_shown_to_the_end_of_the_first() {
        check("{\n\"a\":\n1}", [0, 9], "{", "{", (1, 1));
    }

    #[test]
    fn octets_that_are_no_text_and_places_outside_do_no_harm() {
        let shown = excerpt(b"\xff\xfe{\x80\x80}", [2, 6]).unwrap();
        assert_eq!(shown.text, "\u{fffd}\u{fffd}{\u{fffd}\u{fffd}}");
        assert!(excerpt(b"{}", [7, 9]).is_none());
    }

    #[test]
    fn every_repair_says_more_than_what_is_wrong() {
        for kind in tls_rpt::RepairKind::ALL {
            assert!(parts(kind.sentence()).1.is_some(), "{kind}");
        }
    }
}
