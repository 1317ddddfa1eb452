//! Header fields: where they are, and what the few that matter here say.

use mail_parser::HeaderValue;
use mail_parser::parsers::MessageStream;
use memchr::memchr;

use super::lines;

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
        for line in lines(octets) {
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
                Some((name, colon)) => {
                    head.has_fields = true;
                    is_in_field = true;
                    let known =
                        NAMES.iter().find(|known| known.as_bytes().eq_ignore_ascii_case(name));
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
        Parameters::of_plain(&line).or_else(|| Parameters::of(&line))
    }
}

/// A field's first word and what follows it as `name=value` (RFC 2045, 2231).
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Parameters {
    /// Such as `multipart/report`, in lower case.
    pub kind: String,
    attributes: Vec<(String, String)>,
}

impl Parameters {
    fn of(line: &[u8]) -> Option<Self> {
        let HeaderValue::ContentType(parsed) = MessageStream::new(line).parse_content_type() else {
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
        Some(Self { kind: shown(&kind)?, attributes })
    }

    /// The same of a field without anything unusual, as nearly all are: tokens, and quoted text without
    /// spaces and escapes. `None` of any other.
    fn of_plain(line: &[u8]) -> Option<Self> {
        const LONGEST: usize = 512;

        let text = std::str::from_utf8(line).ok()?.strip_suffix("\r\n")?.trim_matches(' ');
        let is_token = |text: &str| {
            let is_part = |octet: u8| octet.is_ascii_alphanumeric() || b"-._+".contains(&octet);
            !text.is_empty() && text.bytes().all(is_part)
        };
        let is_plain = |text: &str| {
            let is_part = |octet: u8| octet.is_ascii_graphic() && !b"\"\\%*()<>".contains(&octet);
            !text.is_empty() && text.bytes().all(is_part) && !text.contains("=?")
        };
        if text.len() > LONGEST {
            return None;
        }
        let (kind, mut rest) = text.split_once(';').map_or((text, None), |(a, b)| (a, Some(b)));
        let (first, second) = kind.split_once('/').map_or((kind, None), |(a, b)| (a, Some(b)));
        if !is_token(first) || !second.is_none_or(is_token) {
            return None;
        }
        let mut attributes = Vec::new();
        while let Some(text) = rest {
            let (name, text) = text.trim_start_matches(' ').split_once('=')?;
            let (value, after) = match text.strip_prefix('"') {
                Some(text) => {
                    let (value, after) = text.split_once('"')?;
                    (Some(value).filter(|value| is_plain(value))?, after)
                }
                None => {
                    let end = text.find(';').unwrap_or(text.len());
                    let (value, after) = text.split_at(end);
                    (Some(value).filter(|value| is_token(value))?, after)
                }
            };
            if !is_token(name) {
                return None;
            }
            attributes.push((name.to_ascii_lowercase(), value.to_owned()));
            rest = match after {
                "" => None,
                after => Some(after.strip_prefix(';')?),
            };
        }
        Some(Self { kind: kind.to_ascii_lowercase(), attributes })
    }

    pub(super) fn value(&self, name: &str) -> Option<&str> {
        let mut attributes = self.attributes.iter();
        attributes.find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The value as a file name.
    pub(super) fn file_name(&self, name: &str) -> Option<String> {
        self.value(name).and_then(shown)
    }
}

/// The name of a field, what stands before the colon, if it can be a name; and where the colon is.
fn name(line: &[u8]) -> Option<(&[u8], usize)> {
    let colon = memchr(b':', line)?;
    let name = line.get(..colon)?.trim_ascii_end();
    let is_token = |octet: &u8| octet.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(octet);
    (!name.is_empty() && name.iter().all(is_token)).then_some((name, colon))
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

#[cfg(test)]
mod tests {
    use super::*;

    /// What is read without the parser of fields has to be the same, whatever is put together.
    #[test]
    fn plain_parameters_are_those_of_any() {
        let kinds = [
            "text/plain",
            "Multipart/Report",
            "application/tlsrpt+gzip",
            "attachment",
            "text",
            "text/",
            "/plain",
            "text/plain ",
            "text / plain",
            "a/b/c",
            "=?utf-8?q?text?=/plain",
            "",
        ];
        let values = [
            "name=x",
            "NAME=X.JSON",
            "name=\"a!b!1!2!001.json.gz\"",
            "name=\"=_a\"",
            "name=\"a b\"",
            "name=\"a;b=c\"",
            "name=\"a,b:c@d\"",
            "name=\"a/b\"",
            "name=\"a'b\"",
            "name=\"\"",
            "name=\" a\"",
            "name=\"a\\\"b\"",
            "name=\"(a)\"",
            "name=\"=?utf-8?q?a?=\"",
            "name=",
            "name",
            "=x",
            "name=a=b",
            "name=a b",
            "name =x",
            "name= x",
            "name*=utf-8''a%20b",
            "name*0=a; name*1=b",
            "name=\"x\"y",
            "name=\"x",
            "charset=\"UTF-8\" (ordinary)",
            "report-type=\"tlsrpt\"",
            "1=2",
            "",
        ];
        let (mut plain, mut all) = (0, 0);
        for kind in kinds {
            for separator in [";", "; ", " ; ", ";  ", ";\u{a0}"] {
                for one in values {
                    for other in values {
                        for end in ["", ";", " "] {
                            let line =
                                format!(" {kind}{separator}{one}{separator}{other}{end}\r\n");
                            all += 1;
                            let read = Parameters::of_plain(line.as_bytes());
                            if read.is_some() {
                                plain += 1;
                                assert_eq!(read, Parameters::of(line.as_bytes()), "{line:?}");
                            }
                        }
                    }
                }
            }
        }
        assert!((1_000..all / 4).contains(&plain), "{plain} of {all}");
        for usual in [
            " multipart/report; report-type=\"tlsrpt\"; boundary=\"=_4f\"\r\n",
            " application/tlsrpt+gzip; name=\"a!b!1!2!001.json.gz\"\r\n",
            " attachment; filename=x.json\r\n",
            " text/plain\r\n",
        ] {
            let read = Parameters::of_plain(usual.as_bytes());
            assert!(read.is_some(), "{usual:?}");
            assert_eq!(read, Parameters::of(usual.as_bytes()));
        }
    }
}
