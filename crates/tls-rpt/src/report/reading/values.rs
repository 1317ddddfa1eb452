//! Single values: texts, counts, names, addresses.

use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};

use mail_domain::DomainName;

use super::{Place, Reader, RepairKind, Shape};
use crate::report::{Parsed, SessionCount};

/// What stands where an array of strings belongs.
pub(super) struct Strings {
    pub(super) texts: Vec<String>,
    /// One string stood for the array.
    pub(super) is_one_text: bool,
}

impl<'t> Reader<'t> {
    /// Whether an object comes next; if not, reads over what is there and notes it.
    pub(super) fn is_object(&mut self, place: &Place<'_>) -> bool {
        let is_object = self.cursor.shape() == Shape::Object;
        if !is_object {
            self.no_value(place);
        }
        is_object
    }

    /// Reads over a value that is of no use here.
    pub(super) fn no_value(&mut self, place: &Place<'_>) {
        match self.cursor.shape() {
            Shape::Word => match self.cursor.word() {
                Some("null" | "None") => self.repair(RepairKind::NullValue, place),
                Some(_) => self.repair(RepairKind::WrongType, place),
                None => {}
            },
            Shape::Nothing => self.cursor.nothing(),
            _ => {
                self.repair(RepairKind::WrongType, place);
                self.cursor.skip(self.depth);
            }
        }
    }

    pub(super) fn text_value(&mut self, place: &Place<'_>) -> Option<String> {
        self.text_there(place).map(Cow::into_owned)
    }

    /// The same where it lies, for what is not kept as text.
    pub(super) fn text_there(&mut self, place: &Place<'_>) -> Option<Cow<'t, str>> {
        self.text_or(RepairKind::TextEmpty, place)
    }

    /// Reads a string that is not empty.
    fn text_or(&mut self, empty: RepairKind, place: &Place<'_>) -> Option<Cow<'t, str>> {
        let text = match self.cursor.shape() {
            Shape::Text => self.cursor.string()?,
            Shape::Number => {
                self.repair(RepairKind::NumberForText, place);
                Cow::Borrowed(self.cursor.number()?)
            }
            Shape::Array => {
                self.repair(RepairKind::ArrayForText, place);
                Cow::Owned(self.first_text()?)
            }
            _ => {
                self.no_value(place);
                return None;
            }
        };
        if text.is_empty() {
            self.repair(empty, place);
            return None;
        }
        Some(self.short(text, place))
    }

    /// The first string of an array, which is read to its end.
    fn first_text(&mut self) -> Option<String> {
        let mut first = None;
        self.cursor.open();
        while self.cursor.item() {
            if first.is_none() && self.cursor.shape() == Shape::Text {
                first = self.cursor.string().map(Cow::into_owned);
            } else {
                self.cursor.skip(self.depth);
            }
        }
        first
    }

    fn short(&mut self, text: Cow<'t, str>, place: &Place<'_>) -> Cow<'t, str> {
        let limit = self.limits.string_octets;
        if text.len() <= limit {
            return text;
        }
        self.repair(RepairKind::TextTooLong, place);
        text.get(..text.floor_char_boundary(limit)).unwrap_or_default().to_owned().into()
    }

    /// Reads an array of strings, or one string for it, which `one_text` notes.
    pub(super) fn strings(&mut self, one_text: RepairKind, place: &Place<'_>) -> Option<Strings> {
        match self.cursor.shape() {
            Shape::Array => {
                let mut texts = Vec::new();
                let count = self.add_strings(&mut texts, 0, place);
                if count == 0 && !self.cursor.is_stopped() {
                    self.repair(RepairKind::EmptyArray, place);
                }
                Some(Strings { texts, is_one_text: false })
            }
            Shape::Text | Shape::Number => {
                let text = self.text_value(place)?;
                self.repair(one_text, place);
                Some(Strings { texts: vec![text], is_one_text: true })
            }
            _ => {
                self.no_value(place);
                None
            }
        }
    }

    /// Reads an array, arrays in it too; gives the number of its items.
    fn add_strings(&mut self, texts: &mut Vec<String>, level: usize, place: &Place<'_>) -> usize {
        let mut index = 0;
        self.cursor.open();
        while self.cursor.item() {
            let here = place.index(index);
            index += 1;
            match self.cursor.shape() {
                _ if texts.len() >= self.limits.strings.saturating_sub(self.strings) => {
                    self.repair(RepairKind::TooManyStrings, place);
                    self.cursor.skip(self.depth);
                }
                // Below the second level nobody means strings.
                Shape::Array if level == 0 => {
                    self.repair(RepairKind::PolicyStringNested, &here);
                    self.add_strings(texts, 1, &here);
                }
                Shape::Array => self.no_value(&here),
                _ => texts.extend(self.text_value(&here)),
            }
            self.settle(&here);
        }
        index
    }

    //= https://www.rfc-editor.org/rfc/rfc8460#section-4.4
    //# "failed-session-count": The number of (attempted) sessions that
    //# match the relevant "result-type" for this section (an integer,
    //# encoded as a JSON number).
    pub(super) fn count(&mut self, place: &Place<'_>) -> Option<SessionCount> {
        let token = match self.cursor.shape() {
            Shape::Number => Cow::Borrowed(self.cursor.number()?),
            Shape::Text => {
                let text = self.cursor.string()?;
                let trimmed = text.trim();
                if trimmed.is_empty() || !trimmed.contains(|c: char| c.is_ascii_digit()) {
                    self.repair(RepairKind::CountUnreadable, place);
                    return None;
                }
                self.repair(RepairKind::CountText, place);
                Cow::Owned(trimmed.to_owned())
            }
            Shape::Word => {
                match self.cursor.word()? {
                    "null" | "None" => self.repair(RepairKind::NullValue, place),
                    _ => {}
                }
                self.repair(RepairKind::CountUnreadable, place);
                return None;
            }
            _ => {
                self.no_value(place);
                self.expect_read(false, RepairKind::CountUnreadable, place);
                return None;
            }
        };
        let (count, kind) = read_count(&token);
        if let Some(kind) = kind {
            self.repair(kind, place);
        }
        count
    }

    /// Reads an IP address.
    pub(super) fn address(&mut self, place: &Place<'_>) -> Option<Parsed<IpAddr>> {
        let text = self.text_or(RepairKind::IpEmpty, place)?;
        if let Ok(address) = text.parse::<IpAddr>() {
            if address.is_ipv6() && address.to_string() != text {
                self.repair(RepairKind::IpNotCanonical, place);
            }
            return Some(Parsed::Valid(address));
        }
        Some(match bare_address(&text) {
            Some(address) => {
                self.repair(RepairKind::IpForm, place);
                Parsed::Valid(address)
            }
            None => {
                self.repair(RepairKind::IpInvalid, place);
                Parsed::Text(text.into_owned())
            }
        })
    }

    //= https://www.rfc-editor.org/rfc/rfc8460#section-4.4
    //# In the case of Internationalized Domain Names
    //# [RFC5891], the domain MUST consist of the Punycode-encoded
    //# A-labels [RFC3492] and not the U-labels.
    pub(super) fn name(&mut self, place: &Place<'_>) -> Option<Parsed<DomainName>> {
        let text = self.text_there(place)?;
        let Ok(name) = DomainName::parse(&text) else {
            self.repair(RepairKind::NameInvalid, place);
            return Some(Parsed::Text(text.into_owned()));
        };
        if name.as_str() != text {
            if !text.is_ascii() {
                self.repair(RepairKind::NameNotALabel, place);
            } else if text.bytes().any(|octet| octet.is_ascii_uppercase()) {
                self.repair(RepairKind::NameUpperCase, place);
            }
            if text.ends_with('.') {
                self.repair(RepairKind::NameTrailingDot, place);
            }
        }
        Some(Parsed::Valid(name))
    }
}

/// Reads a count, which may be missing from the result, and says what had to be mended.
fn read_count(token: &str) -> (Option<SessionCount>, Option<RepairKind>) {
    if token.bytes().all(|octet| octet.is_ascii_digit()) {
        let count = token.parse().ok().and_then(SessionCount::new);
        return (count, count.is_none().then_some(RepairKind::CountTooLarge));
    }
    let Ok(number) = token.parse::<f64>() else {
        return (None, Some(RepairKind::CountUnreadable));
    };
    if number.is_nan() {
        return (None, Some(RepairKind::CountUnreadable));
    }
    if number < 0.0 {
        return (None, Some(RepairKind::CountNegative));
    }
    // Upwards, so that no failure is rounded away.
    let whole = number.ceil();
    if whole > SessionCount::MAX.value() as f64 {
        return (None, Some(RepairKind::CountTooLarge));
    }
    let kind = if whole == number { RepairKind::CountDecimal } else { RepairKind::CountFractional };
    // Exact: the number is whole, not negative and at most 2^53 - 1.
    (SessionCount::new(whole as u64), Some(kind))
}

/// An address in brackets, with a port, a zone, or a tag of RFC 5321 before it.
fn bare_address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    if let Ok(address) = text.parse::<SocketAddr>() {
        return Some(address.ip());
    }
    let inner = match text.strip_prefix('[') {
        Some(rest) => rest.split_once(']')?.0,
        None => text,
    };
    let has_tag = inner.get(..5).is_some_and(|tag| tag.eq_ignore_ascii_case("ipv6:"));
    let inner = if has_tag { inner.get(5..).unwrap_or_default() } else { inner };
    let (inner, _zone) = inner.split_once('%').unwrap_or((inner, ""));
    inner.parse().ok()
}
