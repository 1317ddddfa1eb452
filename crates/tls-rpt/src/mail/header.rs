//! Header fields: where they are, and what the few that matter here say.

use mail_parser::HeaderValue;
use mail_parser::parsers::MessageStream;

/// The header of a message or part. Only fields that matter here are kept.
pub(super) struct Head<'a> {
    /// The first of each name that matters, with how many there are.
    fields: Vec<Field<'a>>,
    /// Where the body begins.
    pub body: usize,
    /// Whether there is any field.
    pub has_fields: bool,
    /// Whether there are lines that are no fields.
    pub has_other_lines: bool,
    /// Whether it was longer than allowed; then nothing after that is the body.
    pub is_cut: bool,
}

struct Field<'a> {
    name: &'static str,
    value: &'a [u8],
    count: usize,
}

/// The names that matter, in lower case.
const NAMES: &[&str] = &[
    "content-disposition",
    "content-transfer-encoding",
    "content-type",
    "contenttype",
    "date",
    "from",
    "message-id",
    "subject",
    "tls-report-domain",
    "tls-report-submitter",
];

/// So much of a field is looked at.
const LONGEST_VALUE: usize = 16 << 10;

impl<'a> Head<'a> {
    pub(super) fn read(octets: &'a [u8], limit: usize) -> Self {
        let mut head = Self {
            fields: Vec::new(),
            body: octets.len(),
            has_fields: false,
            has_other_lines: false,
            is_cut: false,
        };
        let mut offset = 0;
        let mut open: Option<(&'static str, usize, usize)> = None;
        let mut is_in_field = false;
        for line in octets.split_inclusive(|octet| *octet == b'\n') {
            let start = offset;
            offset += line.len();
            if offset > limit {
                head.is_cut = true;
                break;
            }
            if matches!(line, b"\n" | b"\r\n") {
                head.body = offset;
                break;
            }
            if line.starts_with(b" ") || line.starts_with(b"\t") {
                head.has_other_lines |= !is_in_field;
                if let Some((_, _, end)) = &mut open {
                    *end = offset;
                }
                continue;
            }
            if let Some((name, from, to)) = open.take() {
                head.keep(name, octets.get(from..to).unwrap_or_default());
            }
            let text = line.trim_ascii_end();
            match name(text) {
                Some(name) => {
                    head.has_fields = true;
                    is_in_field = true;
                    let known =
                        NAMES.iter().find(|known| known.as_bytes().eq_ignore_ascii_case(name));
                    let colon = text.iter().position(|octet| *octet == b':').unwrap_or_default();
                    open = known.map(|known| (*known, start + colon + 1, offset));
                }
                None => {
                    is_in_field = false;
                    head.has_other_lines = true;
                }
            }
        }
        if let Some((name, from, to)) = open {
            head.keep(name, octets.get(from..to).unwrap_or_default());
        }
        head
    }

    fn keep(&mut self, name: &'static str, value: &'a [u8]) {
        match self.fields.iter_mut().find(|field| field.name == name) {
            Some(field) => field.count += 1,
            None => self.fields.push(Field { name, value, count: 1 }),
        }
    }

    /// How many fields have the name, which must be one that matters.
    pub(super) fn count(&self, name: &str) -> usize {
        self.fields.iter().find(|field| field.name == name).map_or(0, |field| field.count)
    }

    /// The value on one line, with the line end that the parser of fields wants.
    fn value(&self, name: &str) -> Option<Vec<u8>> {
        let field = self.fields.iter().find(|field| field.name == name)?;
        let value = field.value.get(..LONGEST_VALUE).unwrap_or(field.value);
        let mut line = Vec::with_capacity(value.len() + 2);
        for part in value.split(|octet| matches!(octet, b'\r' | b'\n')) {
            line.extend_from_slice(part);
        }
        line.iter_mut().filter(|octet| **octet == b'\t').for_each(|octet| *octet = b' ');
        line.extend_from_slice(b"\r\n");
        Some(line)
    }

    /// The value with RFC 2047 encodings taken off, without control characters.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        let line = self.value(name)?;
        let HeaderValue::Text(text) = MessageStream::new(&line).parse_unstructured() else {
            return None;
        };
        shown(&text)
    }

    /// The first address.
    pub(super) fn address(&self, name: &str) -> Option<String> {
        let line = self.value(name)?;
        let HeaderValue::Address(addresses) = MessageStream::new(&line).parse_address() else {
            return None;
        };
        shown(addresses.first()?.address.as_deref()?)
    }

    /// The text between angle brackets.
    pub(super) fn id(&self, name: &str) -> Option<String> {
        let line = self.value(name)?;
        match MessageStream::new(&line).parse_id() {
            HeaderValue::Text(id) => shown(&id),
            HeaderValue::TextList(ids) => shown(ids.first()?),
            _ => None,
        }
    }

    /// Seconds since 1970.
    pub(super) fn date(&self, name: &str) -> Option<i64> {
        let line = self.value(name)?;
        match MessageStream::new(&line).parse_date() {
            HeaderValue::DateTime(date) if date.is_valid() => Some(date.to_timestamp()),
            _ => None,
        }
    }

    /// The first word, in lower case.
    pub(super) fn word(&self, name: &str) -> Option<String> {
        let line = self.value(name)?;
        let word = line.trim_ascii().split(|octet| matches!(octet, b' ' | b'\t' | b';')).next()?;
        Some(String::from_utf8_lossy(word).to_ascii_lowercase())
    }

    /// A media type or disposition with its parameters.
    pub(super) fn parameters(&self, name: &str) -> Option<Parameters> {
        let line = self.value(name)?;
        let HeaderValue::ContentType(parsed) = MessageStream::new(&line).parse_content_type()
        else {
            return None;
        };
        let mut kind = parsed.c_type.to_ascii_lowercase();
        if let Some(subtype) = &parsed.c_subtype {
            kind.push('/');
            kind.push_str(&subtype.to_ascii_lowercase());
        }
        let attributes = parsed.attributes.unwrap_or_default();
        let attributes = attributes
            .into_iter()
            .map(|attribute| (attribute.name.to_ascii_lowercase(), attribute.value.into_owned()))
            .collect();
        Some(Parameters { kind: shown(&kind)?, attributes })
    }
}

/// A field's first word and what follows it as `name=value` (RFC 2045, 2231).
pub(super) struct Parameters {
    /// Such as `multipart/report`, in lower case.
    pub kind: String,
    attributes: Vec<(String, String)>,
}

impl Parameters {
    pub(super) fn value(&self, name: &str) -> Option<&str> {
        let mut attributes = self.attributes.iter();
        attributes.find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The value as a file name.
    pub(super) fn file_name(&self, name: &str) -> Option<String> {
        self.value(name).and_then(shown)
    }
}

/// The name of a field: what stands before the colon, if it can be a name.
fn name(line: &[u8]) -> Option<&[u8]> {
    let colon = line.iter().position(|octet| *octet == b':')?;
    let name = line.get(..colon)?.trim_ascii_end();
    let is_token = |octet: &u8| octet.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(octet);
    (!name.is_empty() && name.iter().all(is_token)).then_some(name)
}

/// Text that may be kept: no control characters, not too long, not empty.
fn shown(text: &str) -> Option<String> {
    const LONGEST: usize = 1000;

    let text = text.trim();
    // Nearly all of it is plain.
    let is_plain = text.len() <= LONGEST && text.bytes().all(|octet| matches!(octet, b' '..=b'~'));
    let replaced = |c: char| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c };
    let shown = || text.chars().take(LONGEST).map(replaced).collect();
    (!text.is_empty()).then(|| if is_plain { text.to_owned() } else { shown() })
}
