//! A cursor over JSON text that goes on where JSON ends.
//!
//! What JSON allows is read as JSON says. Beyond that the cursor goes on over what can only mean one
//! thing (a comma too many, `NaN`, a raw line break in a string), notes a fault, and gives what is
//! there. Where nothing can be told any more, and at an end that comes too early, it notes that and
//! stands at the end of the text: every object and array then ends. A value that the end of the text
//! cuts off is not given, as `12` may have been `123`.

use std::borrow::Cow;

use super::RepairKind;

pub(crate) struct Cursor<'t> {
    text: &'t [u8],
    at: usize,
    before: Before,
    faults: Vec<RepairKind>,
    is_stopped: bool,
    stopped_at: Option<usize>,
}

/// What stands before the cursor within the innermost array or object.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Before {
    Opening,
    Comma,
    Value,
}

/// What the next value looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    Object,
    Array,
    Text,
    Number,
    /// `null`, `true`, or a word that is no JSON.
    Word,
    /// The text has ended, or goes on with what is no value.
    Nothing,
}

impl<'t> Cursor<'t> {
    pub(crate) fn new(text: &'t [u8]) -> Self {
        Self {
            text,
            at: 0,
            before: Before::Opening,
            faults: Vec::new(),
            is_stopped: false,
            stopped_at: None,
        }
    }

    /// Stands at an offset, before a value.
    pub(crate) fn go_to(&mut self, at: usize) {
        self.at = at;
        self.before = Before::Comma;
    }

    /// How far the text was read, in octets.
    pub(crate) fn offset(&self) -> usize {
        self.at
    }

    /// Whether the text ended too early, or stopped being JSON.
    pub(crate) fn is_stopped(&self) -> bool {
        self.is_stopped
    }

    /// Where it did.
    pub(crate) fn stopped_at(&self) -> Option<usize> {
        self.stopped_at
    }

    /// The faults since the last call.
    pub(crate) fn take_faults(&mut self) -> Vec<RepairKind> {
        std::mem::take(&mut self.faults)
    }

    pub(crate) fn has_faults(&self) -> bool {
        !self.faults.is_empty()
    }

    pub(crate) fn fault(&mut self, kind: RepairKind) {
        if !self.faults.contains(&kind) {
            self.faults.push(kind);
        }
    }

    /// Gives up the rest of the text without a fault.
    pub(crate) fn stop(&mut self) {
        self.at = self.text.len();
        self.is_stopped = true;
    }

    /// The shape of the value that comes next. Nothing of it is read.
    pub(crate) fn shape(&mut self) -> Shape {
        self.skip_space();
        match self.peek() {
            Some(b'{') => Shape::Object,
            Some(b'[') => Shape::Array,
            Some(b'"') => Shape::Text,
            Some(b'-') if self.peek_at(1).is_some_and(|next| next.is_ascii_alphabetic()) => {
                Shape::Word
            }
            Some(b'-' | b'+' | b'.' | b'0'..=b'9') => Shape::Number,
            Some(next) if next.is_ascii_alphabetic() => Shape::Word,
            Some(_) => Shape::Nothing,
            None => Shape::Nothing,
        }
    }

    /// Reads over the bracket with which an object or array begins.
    pub(crate) fn open(&mut self) {
        self.skip_space();
        self.advance(1);
        self.before = Before::Opening;
    }

    /// The key of the next member, read up to its value; `None` when the object has ended.
    pub(crate) fn key(&mut self) -> Option<Cow<'t, str>> {
        if !self.has_next(b'}') {
            return None;
        }
        if self.peek() != Some(b'"') {
            self.give_up(RepairKind::JsonBroken);
            return None;
        }
        let key = self.string()?;
        self.skip_space();
        match self.peek() {
            Some(b':') => self.advance(1),
            None => {
                self.give_up(RepairKind::JsonTruncated);
                return None;
            }
            Some(_) => {
                self.give_up(RepairKind::JsonBroken);
                return None;
            }
        }
        Some(key)
    }

    /// Whether the array goes on; then a value comes next.
    pub(crate) fn item(&mut self) -> bool {
        self.has_next(b']')
    }

    /// Reads a string; `None` when its end is missing.
    pub(crate) fn string(&mut self) -> Option<Cow<'t, str>> {
        self.advance(1);
        let rest = self.rest();
        let plain = plain_length(rest);
        match rest.get(plain) {
            Some(b'"') => {
                self.advance(plain + 1);
                self.before = Before::Value;
                let octets = rest.get(..plain).unwrap_or_default();
                Some(match std::str::from_utf8(octets) {
                    Ok(text) => Cow::Borrowed(text),
                    Err(_) => {
                        self.fault(RepairKind::NotUtf8);
                        String::from_utf8_lossy(octets)
                    }
                })
            }
            Some(_) => self.escaped_string().map(Cow::Owned),
            None => {
                self.give_up(RepairKind::JsonTruncated);
                None
            }
        }
    }

    /// Reads a number as written; `None` when the text ends with it.
    pub(crate) fn number(&mut self) -> Option<&'t str> {
        let is_part = |octet: &&u8| matches!(octet, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E');
        let token = self.token(is_part)?;
        if !is_json_number(token.as_bytes()) {
            self.fault(RepairKind::JsonNumber);
        }
        Some(token)
    }

    /// Reads a word; `None` when the text ends with it.
    pub(crate) fn word(&mut self) -> Option<&'t str> {
        let is_part =
            |octet: &&u8| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'_' | b'.');
        let token = self.token(is_part)?;
        if !matches!(token, "null" | "true" | "false") {
            self.fault(RepairKind::JsonWord);
        }
        Some(token)
    }

    /// Reads over a value.
    pub(crate) fn skip(&mut self, depth: usize) {
        self.copy(depth, &mut String::new());
    }

    /// Reads a value and appends it to `out` as compact JSON, mended where it was broken. `depth` is
    /// how many brackets may still be opened; deeper parts become `null`.
    pub(crate) fn copy(&mut self, depth: usize, out: &mut String) {
        match self.shape() {
            Shape::Object | Shape::Array if depth == 0 => {
                self.fault(RepairKind::NestedTooDeep);
                self.skip_nested();
                out.push_str("null");
            }
            Shape::Object => {
                self.open();
                out.push('{');
                let mut is_first = true;
                while let Some(key) = self.key() {
                    if !is_first {
                        out.push(',');
                    }
                    is_first = false;
                    push_string(out, &key);
                    out.push(':');
                    self.copy(depth - 1, out);
                }
                out.push('}');
            }
            Shape::Array => {
                self.open();
                out.push('[');
                let mut is_first = true;
                while self.item() {
                    if !is_first {
                        out.push(',');
                    }
                    is_first = false;
                    self.copy(depth - 1, out);
                }
                out.push(']');
            }
            Shape::Text => match self.string() {
                Some(text) => push_string(out, &text),
                None => out.push_str("null"),
            },
            Shape::Number => match self.number() {
                Some(number) if is_json_number(number.as_bytes()) => out.push_str(number),
                _ => out.push_str("null"),
            },
            Shape::Word => match self.word() {
                Some(word @ ("true" | "false")) => out.push_str(word),
                _ => out.push_str("null"),
            },
            Shape::Nothing => {
                self.nothing();
                out.push_str("null");
            }
        }
    }

    /// Notes that a value was expected and there is none.
    pub(crate) fn nothing(&mut self) {
        match self.peek() {
            None => self.give_up(RepairKind::JsonTruncated),
            // A value left out, as in `"a":,`: the member has none.
            Some(b',' | b'}' | b']') => {
                self.fault(RepairKind::JsonComma);
                self.before = Before::Value;
            }
            Some(_) => self.give_up(RepairKind::JsonBroken),
        }
    }

    /// What stands behind the cursor.
    pub(crate) fn rest(&self) -> &'t [u8] {
        self.text.get(self.at..).unwrap_or_default()
    }

    pub(crate) fn skip_space(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.peek() {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn peek_at(&self, ahead: usize) -> Option<u8> {
        self.text.get(self.at.checked_add(ahead)?).copied()
    }

    fn advance(&mut self, octets: usize) {
        self.at = self.at.saturating_add(octets).min(self.text.len());
    }

    fn give_up(&mut self, kind: RepairKind) {
        if !self.is_stopped {
            self.fault(kind);
            self.stopped_at = Some(self.at);
        }
        self.stop();
    }

    /// Reads commas, or the bracket `end`. Whether something other follows.
    fn has_next(&mut self, end: u8) -> bool {
        loop {
            self.skip_space();
            match self.peek() {
                Some(b',') => {
                    if self.before != Before::Value {
                        self.fault(RepairKind::JsonComma);
                    }
                    self.before = Before::Comma;
                    self.advance(1);
                }
                Some(octet) if octet == end => {
                    if self.before == Before::Comma {
                        self.fault(RepairKind::JsonComma);
                    }
                    self.before = Before::Value;
                    self.advance(1);
                    return false;
                }
                Some(b'}' | b']') => {
                    self.give_up(RepairKind::JsonBroken);
                    return false;
                }
                Some(_) => {
                    if self.before == Before::Value {
                        self.fault(RepairKind::JsonComma);
                    }
                    return true;
                }
                None => {
                    self.give_up(RepairKind::JsonTruncated);
                    return false;
                }
            }
        }
    }

    fn token(&mut self, is_part: impl Fn(&&u8) -> bool) -> Option<&'t str> {
        let rest = self.rest();
        let length = rest.iter().take_while(is_part).count();
        if length == rest.len() {
            self.give_up(RepairKind::JsonTruncated);
            return None;
        }
        self.advance(length);
        self.before = Before::Value;
        rest.get(..length).and_then(|octets| std::str::from_utf8(octets).ok())
    }

    /// Reads a string that is not plain; stands behind the opening quotation mark.
    fn escaped_string(&mut self) -> Option<String> {
        let mut octets = Vec::new();
        loop {
            let rest = self.rest();
            let plain = plain_length(rest);
            octets.extend_from_slice(rest.get(..plain).unwrap_or_default());
            self.advance(plain);
            match self.peek() {
                Some(b'"') => {
                    self.advance(1);
                    self.before = Before::Value;
                    break;
                }
                Some(b'\\') => {
                    self.advance(1);
                    self.escape(&mut octets);
                }
                Some(control) => {
                    self.fault(RepairKind::JsonString);
                    octets.push(control);
                    self.advance(1);
                }
                None => {
                    self.give_up(RepairKind::JsonTruncated);
                    return None;
                }
            }
        }
        Some(String::from_utf8(octets).unwrap_or_else(|error| {
            self.fault(RepairKind::NotUtf8);
            String::from_utf8_lossy(error.as_bytes()).into_owned()
        }))
    }

    /// Reads an escape; stands behind the backslash. At the end of the text it reads nothing.
    fn escape(&mut self, octets: &mut Vec<u8>) {
        let Some(letter) = self.peek() else { return };
        self.advance(1);
        let meaning = match letter {
            b'"' | b'\\' | b'/' => letter,
            b'b' => 0x08,
            b'f' => 0x0C,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'u' => {
                let character = self.unicode_escape().unwrap_or_else(|| {
                    self.fault(RepairKind::JsonString);
                    char::REPLACEMENT_CHARACTER
                });
                octets.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
                return;
            }
            other => {
                // Kept as it stands, as in `\d` of a regular expression that nobody escaped.
                self.fault(RepairKind::JsonString);
                octets.push(b'\\');
                other
            }
        };
        octets.push(meaning);
    }

    /// The character behind `\u`; of a surrogate pair both halves are read, of half a pair that half.
    fn unicode_escape(&mut self) -> Option<char> {
        let first = self.four_digits()?;
        if !(0xD800..0xDC00).contains(&first) {
            return char::from_u32(first);
        }
        let after_first = self.at;
        if self.peek() == Some(b'\\') && self.peek_at(1) == Some(b'u') {
            self.advance(2);
            if let Some(second) = self.four_digits().filter(|half| (0xDC00..0xE000).contains(half))
            {
                return char::from_u32(0x1_0000 + ((first - 0xD800) << 10) + (second - 0xDC00));
            }
        }
        self.at = after_first;
        None
    }

    fn four_digits(&mut self) -> Option<u32> {
        let digits = self.text.get(self.at..self.at.checked_add(4)?)?;
        if !digits.iter().all(u8::is_ascii_hexdigit) {
            return None;
        }
        let number = u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
        self.advance(4);
        Some(number)
    }

    /// Reads over an array or object of any depth, counting brackets only.
    fn skip_nested(&mut self) {
        let mut depth = 0_usize;
        loop {
            match self.peek() {
                Some(b'{' | b'[') => {
                    depth += 1;
                    self.advance(1);
                }
                Some(b'}' | b']') => {
                    depth = depth.saturating_sub(1);
                    self.advance(1);
                    if depth == 0 {
                        self.before = Before::Value;
                        return;
                    }
                }
                Some(b'"') => {
                    if self.string().is_none() {
                        return;
                    }
                }
                Some(_) => self.advance(1),
                None => return self.give_up(RepairKind::JsonTruncated),
            }
        }
    }
}

/// Whether an octet stands for itself in a string.
/// How many octets of a string stand for themselves, up to the first that does not.
fn plain_length(octets: &[u8]) -> usize {
    let (words, _) = octets.as_chunks::<8>();
    let whole =
        words.iter().take_while(|word| is_all_plain(u64::from_le_bytes(**word))).count() * 8;
    let rest = octets.get(whole..).unwrap_or_default();
    whole + rest.iter().take_while(|octet| is_plain(**octet)).count()
}

/// Whether all eight octets are plain: eight at a time, as most of a report lies in strings.
fn is_all_plain(word: u64) -> bool {
    const ONES: u64 = u64::from_le_bytes([1; 8]);
    const HIGHEST: u64 = ONES << 7;
    // An octet that is smaller than another borrows from its highest bit; one that has that bit itself
    // is not smaller. What is borrowed from above a first one does not matter.
    let has_less =
        |word: u64, than: u8| word.wrapping_sub(ONES * u64::from(than)) & !word & HIGHEST != 0;
    let has = |octet: u8| has_less(word ^ (ONES * u64::from(octet)), 1);
    !has_less(word, 0x20) && !has(b'"') && !has(b'\\')
}

fn is_plain(octet: u8) -> bool {
    octet >= 0x20 && octet != b'"' && octet != b'\\'
}

/// Whether a token is a number by the grammar of RFC 8259 section 6.
fn is_json_number(token: &[u8]) -> bool {
    let digits = |text: &[u8]| text.iter().take_while(|octet| octet.is_ascii_digit()).count();
    let mut rest = token.strip_prefix(b"-").unwrap_or(token);
    let whole = digits(rest);
    if whole == 0 || (whole > 1 && rest.first() == Some(&b'0')) {
        return false;
    }
    rest = rest.get(whole..).unwrap_or_default();
    if let Some(fraction) = rest.strip_prefix(b".") {
        let length = digits(fraction);
        if length == 0 {
            return false;
        }
        rest = fraction.get(length..).unwrap_or_default();
    }
    if let Some(exponent) = rest.strip_prefix(b"e").or_else(|| rest.strip_prefix(b"E")) {
        let exponent =
            exponent.strip_prefix(b"+").or_else(|| exponent.strip_prefix(b"-")).unwrap_or(exponent);
        let length = digits(exponent);
        if length == 0 {
            return false;
        }
        rest = exponent.get(length..).unwrap_or_default();
    }
    rest.is_empty()
}

fn push_string(out: &mut String, text: &str) {
    // Strings always have a JSON form, so this never comes to the empty string.
    out.push_str(&serde_json::to_string(text).unwrap_or_else(|_| "\"\"".to_owned()));
}

#[cfg(test)]
mod tests;
