//! One rule's verdict on one piece of evidence.

use std::fmt;
use std::net::IpAddr;
use std::ops::Range;

use crate::Rule;

/// One rule's verdict on one piece of evidence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The rule.
    pub rule: &'static Rule,
    /// What it is about.
    pub subject: Subject,
    /// What was seen, as a fragment that fits after the subject and a colon.
    pub message: String,
    /// The text at fault, where there is one.
    pub excerpt: Option<Excerpt>,
    /// How to mend it, here.
    pub fix: String,
    /// The exact line to publish, where it is known.
    pub publish: Option<String>,
    /// A command that shows the same to a person.
    pub command: Option<String>,
}

/// What a finding is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Subject {
    /// Which part of the domain's set-up.
    pub place: Place,
    /// The name of the record or host.
    pub name: String,
    /// The addresses it holds for, where it is about some addresses of a host.
    pub addresses: Vec<IpAddr>,
}

/// The parts of a domain's set-up, in the order in which people read of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// The TXT record at `_mta-sts.`
    StsRecord,
    /// The policy host.
    PolicyHost,
    /// The policy text.
    Policy,
    /// The MX record set.
    MxRecords,
    /// An MX host.
    MailHost,
    /// The TXT record at `_smtp._tls.`
    TlsRptRecord,
    /// The place the look was taken from.
    Observer,
}

/// The part of a text round the place at fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Excerpt {
    /// Where the text is from: a record's name, a URL, a file.
    pub source: String,
    /// Whole lines round the place, or, of a line that is very long, a part; with U+FFFD where the
    /// text was not UTF-8. At most some 4 KiB.
    pub text: String,
    /// The number of the first line of `text`, from 1.
    pub line: usize,
    /// The place at fault, as offsets into `text`, on character boundaries; may be empty.
    pub span: Range<usize>,
    /// The same place as offsets into the octets as they came.
    pub octets: Range<usize>,
}

/// Text from outside, made safe to show: control characters escaped, cut after 120 characters.
#[derive(Clone, Copy, Debug)]
pub struct Quoted<'a>(pub &'a str);

impl Finding {
    pub(crate) fn new(rule: &'static Rule, subject: Subject, message: impl Into<String>) -> Self {
        Self {
            rule,
            subject,
            message: message.into(),
            excerpt: None,
            fix: rule.fix.to_owned(),
            publish: None,
            command: None,
        }
    }

    pub(crate) fn excerpt(mut self, excerpt: Excerpt) -> Self {
        self.excerpt = Some(excerpt);
        self
    }

    pub(crate) fn fix(mut self, fix: impl Into<String>) -> Self {
        self.fix = fix.into();
        self
    }

    pub(crate) fn publish(mut self, line: impl Into<String>) -> Self {
        self.publish = Some(line.into());
        self
    }

    pub(crate) fn command(mut self, command: Option<String>) -> Self {
        self.command = command;
        self
    }
}

impl Subject {
    pub(crate) fn new(place: Place, name: impl Into<String>) -> Self {
        Self { place, name: name.into(), addresses: Vec::new() }
    }

    pub(crate) fn at(mut self, address: IpAddr) -> Self {
        self.addresses.push(address);
        self
    }
}

impl Excerpt {
    /// Octets kept before and after the begin of the place.
    const REACH: usize = 1024;

    /// Marks the octets `span` of `octets`, which need not be UTF-8.
    pub(crate) fn new(source: impl Into<String>, octets: &[u8], span: Range<usize>) -> Self {
        let whole = span;
        let start = whole.start.min(octets.len());
        let from = window_start(octets, start);
        let to = start.saturating_add(Self::REACH).max(start).min(octets.len());
        let shown = octets.get(from..to).unwrap_or_default();
        let line =
            1 + octets.get(..from).unwrap_or_default().iter().filter(|o| **o == b'\n').count();
        let (text, span) = to_text(shown, start - from..whole.end.clamp(start, to) - from);
        Self { source: source.into(), text, line, span, octets: whole }
    }
}

/// Where to begin showing: at the begin of a line a few lines before, or within a very long one.
fn window_start(octets: &[u8], place: usize) -> usize {
    let earliest = place.saturating_sub(Excerpt::REACH);
    if earliest == 0 {
        return 0;
    }
    let before = octets.get(earliest..place).unwrap_or_default();
    match before.iter().position(|octet| *octet == b'\n') {
        Some(line_end) => earliest + line_end + 1,
        // Not within a character of UTF-8.
        None => (earliest..place)
            .find(|at| octets.get(*at).is_some_and(|octet| octet & 0xc0 != 0x80))
            .unwrap_or(place),
    }
}

/// The octets as text, and the place in it.
fn to_text(octets: &[u8], span: Range<usize>) -> (String, Range<usize>) {
    let mut text = String::with_capacity(octets.len());
    let (mut start, mut end) = (None, None);
    let mut offset = 0;
    for chunk in octets.utf8_chunks() {
        for character in chunk.valid().chars() {
            if offset >= span.start {
                start.get_or_insert(text.len());
            }
            if offset >= span.end {
                end.get_or_insert(text.len());
            }
            text.push(character);
            offset += character.len_utf8();
        }
        if !chunk.invalid().is_empty() {
            if offset + chunk.invalid().len() > span.start {
                start.get_or_insert(text.len());
            }
            text.push(char::REPLACEMENT_CHARACTER);
            offset += chunk.invalid().len();
            if offset >= span.end {
                end.get_or_insert(text.len());
            }
        }
    }
    let end = end.unwrap_or(text.len());
    let start = start.unwrap_or(text.len()).min(end);
    (text, start..end)
}

impl fmt::Display for Subject {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.name)?;
        for (index, address) in self.addresses.iter().enumerate() {
            write!(formatter, "{}{address}", if index == 0 { " [" } else { ", " })?;
        }
        if !self.addresses.is_empty() {
            formatter.write_str("]")?;
        }
        Ok(())
    }
}

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 120;
        formatter.write_str("\"")?;
        for character in self.0.chars().take(SHOWN) {
            if character == '"' || character == '\\' {
                write!(formatter, "\\{character}")?;
            } else if character.is_control() || is_bidi_control(character) {
                write!(formatter, "{}", character.escape_unicode())?;
            } else {
                write!(formatter, "{character}")?;
            }
        }
        if self.0.chars().nth(SHOWN).is_some() {
            formatter.write_str("…")?;
        }
        formatter.write_str("\"")
    }
}

/// Characters that reorder what follows and so could disguise it.
fn is_bidi_control(character: char) -> bool {
    matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_from_outside_is_shown_without_control_characters_and_cut() {
        assert_eq!(Quoted("a\u{1b}[31m\"b\\").to_string(), r#""a\u{1b}[31m\"b\\""#);
        assert_eq!(Quoted("\u{202e}x").to_string(), r#""\u{202e}x""#);
        assert_eq!(Quoted(&"x".repeat(500)).to_string().chars().count(), 123);
    }

    #[test]
    fn spans_follow_octets_that_are_not_utf8() {
        let excerpt = Excerpt::new("x", b"ab\xff\xffcd", 4..5);
        assert_eq!(excerpt.text.get(excerpt.span), Some("c"));
        let excerpt = Excerpt::new("x", b"ab\xffcd", 2..3);
        assert_eq!(excerpt.text.get(excerpt.span), Some("\u{fffd}"));
        let excerpt = Excerpt::new("x", "aäb".as_bytes(), 1..3);
        assert_eq!(excerpt.text.get(excerpt.span), Some("ä"));
        let excerpt = Excerpt::new("x", b"ab", 2..2);
        assert_eq!(excerpt.span, 2..2);
        let excerpt = Excerpt::new("x", b"ab", 7..9);
        assert_eq!(excerpt.span, 2..2);
    }

    #[test]
    fn of_a_long_text_only_the_part_round_the_place_is_kept() {
        let text = format!("{}here\n{}", "line\n".repeat(10_000), "x".repeat(100_000));
        let place = text.find("here").unwrap();
        let excerpt = Excerpt::new("x", text.as_bytes(), place..place + 4);
        assert_eq!(excerpt.text.get(excerpt.span), Some("here"));
        assert!(excerpt.text.len() <= 2 * Excerpt::REACH, "{}", excerpt.text.len());
        assert_eq!(excerpt.line + excerpt.text.find("here").unwrap() / 5, 10_001);

        let text = "ä".repeat(50_000);
        let excerpt = Excerpt::new("x", text.as_bytes(), 50_000..90_000);
        assert!(excerpt.text.len() <= 2 * Excerpt::REACH && excerpt.line == 1);
        assert!(!excerpt.text.starts_with('\u{fffd}'));
        assert_eq!(excerpt.octets, 50_000..90_000);
    }

    #[test]
    fn a_subject_lists_its_addresses() {
        let subject = Subject::new(Place::MailHost, "mx1.good.test");
        assert_eq!(subject.to_string(), "mx1.good.test");
        let subject = subject.at(IpAddr::from([127, 0, 0, 1])).at("::1".parse().unwrap());
        assert_eq!(subject.to_string(), "mx1.good.test [127.0.0.1, ::1]");
    }
}
