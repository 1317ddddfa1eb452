//! How the pages read a report again.

use std::collections::BTreeSet;

use sealpost_receive::{Limits, Submission, repair_in_words};
use sealpost_store::Digest;
use sealpost_web::{Reader, ReportText, TextPiece};
use tls_rpt::Repair;

/// The longest text that is shown, in octets.
const SHOWN: usize = 64 * 1024;
/// What unpacks to more octets is not read for a page.
const UNPACKED: usize = 4 * 1024 * 1024;
/// The most repairs that are marked.
const MARKS: usize = 50;
/// To find the place of a repair, the text is read once: so many octets are read for all of them.
const LOOKED_THROUGH: usize = 16 * 1024 * 1024;

/// Reads reports as `receive` does.
pub(super) struct ReportReader;

impl Reader for ReportReader {
    fn sentence(&self, code: &str) -> Option<&'static str> {
        repair_in_words(code)
    }

    fn text(&self, submission: &[u8], report: Digest) -> Option<ReportText> {
        let mut limits = Limits::default();
        limits.mail.payload.unpacked = limits.mail.payload.unpacked.min(UNPACKED);
        let found = Submission::read(submission, &limits);
        let document = found.documents.iter().find(|one| Digest::of(&one.json) == report)?;
        Some(marked(&document.json, &document.reading.repairs))
    }
}

/// The beginning of a text, with marks at what was repaired.
fn marked(json: &[u8], repairs: &[Repair]) -> ReportText {
    let end = boundary(json, SHOWN);
    let most = MARKS.min(LOOKED_THROUGH / json.len().max(1));
    let spans: Vec<(usize, usize, &str)> = repairs
        .iter()
        .take(most)
        .filter_map(|repair| Some((repair.span(json)?, repair.kind.code())))
        .map(|(span, code)| {
            let start = boundary(json, span.start);
            // Where something is missing, what stands before it is marked.
            let end = boundary(json, span.end);
            let start = if start == end { boundary(json, start.saturating_sub(1)) } else { start };
            (start, end, code)
        })
        .filter(|(start, _, _)| *start < end)
        .collect();
    let mut edges: BTreeSet<usize> = BTreeSet::from([0, end]);
    edges.extend(spans.iter().flat_map(|(start, stop, _)| [*start, (*stop).min(end)]));
    let edges: Vec<usize> = edges.into_iter().collect();
    let pieces = edges.windows(2).filter_map(|edges| {
        let [from, to] = edges else { return None };
        let over = spans.iter().filter(|(start, stop, _)| start <= from && to <= stop);
        let codes: BTreeSet<&str> = over.map(|(.., code)| *code).collect();
        let repaired = codes.into_iter().collect::<Vec<_>>().join(", ");
        Some(TextPiece { text: plain(json.get(*from..*to)?), repaired })
    });
    ReportText {
        pieces: pieces.collect(),
        is_cut: end < json.len(),
        unmarked: u64::try_from(repairs.len() - spans.len()).unwrap_or(u64::MAX),
    }
}

/// The nearest place at or before this one at which a character begins.
fn boundary(octets: &[u8], place: usize) -> usize {
    let mut place = place.min(octets.len());
    while place > 0 && octets.get(place).is_some_and(|octet| octet & 0xC0 == 0x80) {
        place -= 1;
    }
    place
}

/// Text from outside, without characters that do something.
fn plain(octets: &[u8]) -> String {
    let is_harmful = |c: char| {
        (c.is_control() && !matches!(c, '\n' | '\t'))
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    let text = String::from_utf8_lossy(octets);
    let shown = |c: char| if is_harmful(c) { char::REPLACEMENT_CHARACTER } else { c };
    text.chars().filter(|c| *c != '\r').map(shown).collect()
}

#[cfg(test)]
mod tests {
    use tls_rpt::{Report, ReportLimits};

    use super::*;

    fn read(json: &[u8]) -> ReportText {
        marked(json, &Report::read(json, &ReportLimits::default()).repairs)
    }

    fn whole(text: &ReportText) -> String {
        text.pieces.iter().map(|piece| piece.text.as_str()).collect()
    }

    #[test]
    fn what_was_repaired_is_marked_and_all_is_there() {
        let json = "{\"organization-name\":\"Ä\u{202e}\",\"report-id\":\"1\",\"policies\":\
                    [{\"policy\":{\"policy-type\":\"sts\",\"policy-domain\":\"a.example.\"},\
                    \"summary\":{\"total-successful-session-count\":\"7\",\
                    \"total-failure-session-count\":0}}]}";
        let text = read(json.as_bytes());
        assert_eq!(whole(&text), json.replace('\u{202e}', "\u{fffd}"));
        let marks = |of: &str| {
            let is_it = |text: &str| text.trim_matches('"') == of;
            text.pieces.iter().any(|piece| is_it(&piece.text) && !piece.repaired.is_empty())
        };
        assert!(marks("a.example.") && marks("7"), "{text:?}");
        assert!(!text.is_cut && text.unmarked == 0, "{text:?}");
    }

    #[test]
    fn a_long_text_is_cut_between_characters() {
        let json = format!("{{\"report-id\":\"{}\"}}", "ä".repeat(SHOWN));
        for front in ["", " "] {
            let json = format!("{front}{json}");
            let text = read(json.as_bytes());
            assert!(text.is_cut && json.starts_with(&whole(&text)), "{}", whole(&text).len());
            assert!(whole(&text).len() > SHOWN - 4);
        }
    }

    #[test]
    fn octets_that_are_no_text_are_shown_harmlessly() {
        for json in
            [&b"\xff\xfe{\0}\0"[..], b"{\"a\":\"\x80\x80\x80\"", b"{", b"{\"report-id\":\x07"]
        {
            let shown = whole(&read(json));
            assert!(!shown.contains(|c: char| c.is_control() && !matches!(c, '\n' | '\t')));
        }
    }
}
