//! The tolerant reader of records.

use std::collections::HashSet;

use super::{
    FieldProblem, Record, RecordDefect, RecordDefectKind as Kind, RecordError, RecordExtension,
    VERSION, is_value_character,
};
use crate::{
    defect::Defects,
    policy_id::{PolicyId, PolicyIdError},
    span::Span,
    text::{Piece, expected_fields, is_field_name},
};

/// The data of a TXT record cannot be longer (RFC 1035 §3.2.1), in bytes.
const LARGEST_RECORD: usize = 65_535;
/// Extensions kept. More are valid, and ignored like all of them.
const KEPT_EXTENSIONS: usize = 100;

/// What could be understood of a record, and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordReading {
    /// Where the valid version stands.
    pub version: Option<Span>,
    /// The id, if the first one is valid, and where its value stands.
    pub id: Option<(PolicyId, Span)>,
    /// The first 100 well-formed fields that RFC 8461 does not know, duplicates left out, and
    /// where each field stands.
    pub extensions: Vec<(RecordExtension, Span)>,
    /// All defects in the order of their discovery: at most the first 200, or 201 if the only
    /// fatal one comes later, and then [`TooMany`](Kind::TooMany).
    pub defects: Vec<RecordDefect>,
}

impl RecordReading {
    /// The record, if a sender that follows RFC 8461 to the letter can use it: exactly when no
    /// defect is fatal.
    ///
    /// # Errors
    ///
    /// [`RecordError`] names the first fatal defect.
    pub fn record(&self) -> Result<Record, RecordError> {
        //= https://www.rfc-editor.org/rfc/rfc8461#section-3.2
        //# Parsers MUST accept TXT records and policy files that are
        //# syntactically valid (i.e., valid key/value pairs separated by
        //# semicolons for TXT records), possibly containing additional key/value
        //# pairs not specified in this document, in which case unknown fields
        //# SHALL be ignored.
        let mut fatal = self.defects.iter().filter(|defect| defect.kind.is_fatal());
        if let Some(first) = fatal.next() {
            return Err(RecordError::Defective { first: first.clone(), others: fatal.count() });
        }
        let Some((id, _)) = &self.id else {
            let first = RecordDefect { kind: Kind::IdMissing, span: Span::empty_at(0) };
            return Err(RecordError::Defective { first, others: 0 });
        };
        let extensions = self.extensions.iter().map(|(extension, _)| extension.clone()).collect();
        Ok(Record { id: id.clone(), extensions })
    }

    pub(super) fn of(text: &[u8]) -> Self {
        let start = text.get(..LARGEST_RECORD).unwrap_or(text);
        let mut reader = Reader {
            reading: Self { version: None, id: None, extensions: Vec::new(), defects: Vec::new() },
            defects: Defects::new(),
            seen: HashSet::with_capacity(expected_fields(start, b';')),
        };
        let stopped = reader.read(Piece::new(text));
        Self { defects: reader.defects.finish(stopped), ..reader.reading }
    }
}

struct Reader<'a> {
    reading: RecordReading,
    defects: Defects<Kind>,
    /// The names of the fields so far.
    seen: HashSet<&'a [u8]>,
}

impl<'a> Reader<'a> {
    /// Reads all, or says where reading stopped.
    fn read(&mut self, whole: Piece<'a>) -> Option<Span> {
        let end = Span::empty_at(whole.span().end);
        if whole.bytes.len() > LARGEST_RECORD {
            let excess = whole.bytes.len() - LARGEST_RECORD;
            self.defects.push(Kind::TooLarge, whole.span_within(LARGEST_RECORD, excess));
            return None;
        }
        let (text, leading) = whole.trim_start();
        if !leading.is_empty() {
            self.defects.push(Kind::LeadingSpace, leading);
        }
        // The delimiter is `*WSP ";" *WSP` and no field holds white space, so splitting at `;` and
        // trimming is the grammar, but for white space at the very start and end.
        let mut fields = text.split(b';').enumerate().peekable();
        while let Some((index, field)) = fields.next() {
            let last = fields.peek().is_none();
            let (trimmed, trailing) = field.trim_start().0.trim_end();
            if last && !trimmed.is_empty() && !trailing.is_empty() {
                self.defects.push(Kind::TrailingSpace, trailing);
            }
            if index == 0 {
                self.first_field(trimmed, text);
                if !last && !trailing.is_empty() {
                    self.defects.remark(trailing, || Kind::SpaceBeforeSemicolon);
                }
            } else if !trimmed.is_empty() {
                self.field(trimmed);
            } else if !last {
                self.defects.push(Kind::EmptyField, field.span());
            }
            if self.defects.is_full() && !last {
                return Some(Span { start: field.span().end, end: end.end });
            }
        }
        if !self.seen.contains(b"id".as_slice()) {
            self.defects.push(Kind::IdMissing, end);
        }
        None
    }

    fn first_field(&mut self, field: Piece<'a>, text: Piece<'a>) {
        //= https://www.rfc-editor.org/rfc/rfc8461#section-3.1
        //# The TXT record MUST begin with the sts-version field; the order of
        //# other fields is not significant.
        if field.bytes == VERSION.as_bytes() {
            self.reading.version = Some(field.span());
            self.seen.insert(b"v");
        } else if looks_like_version(field.bytes) {
            self.check_us_ascii(field);
            self.defects.push(Kind::VersionInvalid { found: field.shown() }, field.span());
            self.seen.insert(b"v");
        } else {
            let mut later = text.split(b';').skip(1).map(Piece::trim);
            match later.find(|field| field.bytes == VERSION.as_bytes()) {
                Some(version) => {
                    self.defects.push(Kind::VersionNotFirst, version.span());
                }
                None => self.defects.push(Kind::VersionMissing, Span::empty_at(text.span().end)),
            }
            if !field.is_empty() {
                self.field(field);
            }
        }
    }

    /// A field that is not the version in its place, without white space around it.
    fn field(&mut self, field: Piece<'a>) {
        if !self.check_us_ascii(field) {
            // Its name counts, so that an id with one wrong byte is not called missing.
            if let Some((name, _)) = field.split_once(b'=') {
                self.seen.insert(name.bytes);
            }
            return;
        }
        let Some((name, value)) = field.split_once(b'=') else {
            let problem = FieldProblem::NoEqualsSign { field: field.shown() };
            self.defects.push(Kind::MalformedField { problem }, field.span());
            return;
        };
        let duplicate = !self.seen.insert(name.trim().bytes);
        let (Some(name), Some(value_text)) = (self.name(name, value), ascii(value)) else {
            return;
        };
        if name == "id" && !duplicate {
            //= https://www.rfc-editor.org/rfc/rfc8461#section-3.1
            //# There is no implied ordering of "id" fields between revisions.
            match PolicyId::parse(value_text) {
                Ok(id) => self.reading.id = Some((id, value.span())),
                Err(reason @ PolicyIdError::Empty) => {
                    self.defects.push(Kind::IdInvalid { reason }, field.span());
                }
                Err(reason) => self.defects.push(Kind::IdInvalid { reason }, value.span()),
            }
            return;
        }
        let problem = match value.bytes.iter().position(|&byte| !is_value_character(byte)) {
            _ if value.is_empty() => {
                Some((FieldProblem::ValueMissing { name: name.into() }, field.span()))
            }
            Some(at) => value.bytes.get(at).map(|&byte| {
                let character = char::from(byte);
                (FieldProblem::ValueCharacter { character }, value.span_within(at, 1))
            }),
            None => None,
        };
        if let Some((problem, span)) = problem {
            self.defects.push(Kind::MalformedField { problem }, span);
        } else if duplicate {
            //= https://www.rfc-editor.org/rfc/rfc8461#section-3.2
            //# If any non-repeated field -- i.e., all fields
            //# excepting "mx" -- is duplicated, all entries except for the first
            //# SHALL be ignored.
            self.defects.remark(field.span(), || Kind::DuplicateField { name: name.into() });
        } else if name != "v" {
            self.defects.remark(field.span(), || Kind::UnknownField { name: name.into() });
            if self.reading.extensions.len() < KEPT_EXTENSIONS
                && let Some(extension) = RecordExtension::new(name, value_text)
            {
                self.reading.extensions.push((extension, field.span()));
            }
        }
    }

    /// The name of a field, if it and the `=` behind it are well formed.
    fn name(&mut self, name: Piece<'a>, value: Piece<'a>) -> Option<&'a str> {
        let (_, before) = name.trim_end();
        let (_, after) = value.trim_start();
        let problem = if !before.is_empty() || !after.is_empty() {
            let span = Span { start: before.start, end: after.end };
            (FieldProblem::SpaceAroundEqualsSign, span)
        } else if is_field_name(name.bytes) {
            return ascii(name);
        } else {
            (FieldProblem::Name { name: name.shown() }, name.span())
        };
        self.defects.push(Kind::MalformedField { problem: problem.0 }, problem.1);
        None
    }

    /// Whether the field is US-ASCII, as it must be.
    fn check_us_ascii(&mut self, field: Piece<'a>) -> bool {
        //= https://www.rfc-editor.org/rfc/rfc8461#section-3.1
        //# MTA-STS TXT records MUST be US-ASCII,
        //# semicolon-separated key/value pairs
        if field.bytes.is_ascii() {
            return true;
        }
        let first = field.bytes.iter().position(|byte| !byte.is_ascii());
        let last = field.bytes.iter().rposition(|byte| !byte.is_ascii());
        if let (Some(first), Some(last)) = (first, last) {
            self.defects.push(Kind::NotUsAscii, field.span_within(first, last + 1 - first));
        }
        false
    }
}

fn ascii(piece: Piece<'_>) -> Option<&str> {
    str::from_utf8(piece.bytes).ok().filter(|text| text.is_ascii())
}

/// Whether someone meant the version: `V=STSv1`, `v = STSv1`, `v=STSv2`, `"v=STSv1`, `STSv1`.
pub(super) fn looks_like_version(field: &[u8]) -> bool {
    let mut plain = field
        .iter()
        .filter(|&byte| !matches!(byte, b' ' | b'\t' | b'"' | b'\''))
        .filter(|byte| byte.is_ascii())
        .map(u8::to_ascii_lowercase);
    match plain.next() {
        Some(b'v') => matches!(plain.next(), Some(b'=' | b':')),
        Some(b's') => plain.take(3).eq(*b"tsv"),
        _ => false,
    }
}
