//! The tolerant reader of records.

use std::collections::HashSet;

use super::defect::{FieldFault, check_extension};
use super::{Extension, Record, RecordDefect, RecordDefectKind, RecordError};
use crate::{ReportUri, Span, UriError};

/// All that was found in the text of a record, and all that is wrong with it.
///
/// Of a field given twice only the first counts, even when it is the first that is wrong.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RecordReading {
    /// Where the version stands, when it is right and in its place.
    pub version: Option<Span>,
    /// The usable URIs of `rua`, at most [`Record::MAX_URIS`].
    pub rua: Vec<(ReportUri, Span)>,
    /// The unknown fields, at most [`Record::MAX_EXTENSIONS`].
    pub extensions: Vec<(Extension, Span)>,
    /// What is wrong, mostly in the order of the text. Bounded; a fatal defect is never left out
    /// for want of room unless another fatal one is there.
    pub defects: Vec<RecordDefect>,
}

impl RecordReading {
    /// The record, when a sender that follows RFC 8460 to the letter can use it.
    ///
    /// The text must match the grammar of the record and name at least one usable URI. URIs are
    /// judged one by one: a sender skips one that is wrong or whose scheme it does not know.
    ///
    /// # Errors
    /// The first fatal defect.
    pub fn record(&self) -> Result<Record, RecordError> {
        match self.defects.iter().find(|defect| defect.kind.is_fatal()) {
            Some(defect) => Err(RecordError { defect: defect.clone() }),
            None => Ok(Record {
                rua: self.rua.iter().map(|(uri, _)| uri.clone()).collect(),
                extensions: self.extensions.iter().map(|(field, _)| field.clone()).collect(),
            }),
        }
    }
}

/// How many defects are kept, one more if the first fatal one comes late.
const MAX_DEFECTS: usize = 200;

pub(super) fn read(text: &[u8]) -> RecordReading {
    let mut reader = Reader {
        end: text.len(),
        reading: RecordReading::default(),
        version: Version::Awaited,
        has_rua: false,
        has_fatal: false,
        has_dropped_fields: false,
        names: HashSet::new(),
    };
    if text.len() > Record::MAX_LENGTH {
        reader.defect(RecordDefectKind::TooLong, Span::at(0, text.len()));
    } else {
        reader.text(text);
    }
    reader.reading
}

/// What is known of the version field.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Version {
    /// No field was like a version so far.
    Awaited,
    /// One was, right or wrong; what was wrong has been noted.
    Seen,
}

struct Reader<'a> {
    end: usize,
    reading: RecordReading,
    version: Version,
    has_rua: bool,
    has_fatal: bool,
    has_dropped_fields: bool,
    names: HashSet<&'a [u8]>,
}

impl<'a> Reader<'a> {
    fn text(&mut self, text: &'a [u8]) {
        if let Some(start) = text.iter().position(|byte| !byte.is_ascii()) {
            let length = text.iter().skip(start).take_while(|byte| !byte.is_ascii()).count();
            self.defect(RecordDefectKind::NotUsAscii, Span::at(start, length));
        }

        //= https://www.rfc-editor.org/rfc/rfc8460#section-3
        //# field-delim       = *WSP ";" *WSP
        let mut start = 0;
        let mut pieces = text.split(|byte| *byte == b';').peekable();
        while let Some(piece) = pieces.next() {
            let place = if start == 0 { Place::First } else { Place::Later };
            let delimiter =
                if pieces.peek().is_some() { Delimiter::Semicolon } else { Delimiter::End };
            self.piece(piece, start, place, delimiter);
            start = start.saturating_add(piece.len()).saturating_add(1);
        }

        let missing = Span::at(self.end, 0);
        if self.version == Version::Awaited {
            self.defect(RecordDefectKind::VersionMissing, missing);
        }
        if !self.has_rua {
            self.defect(RecordDefectKind::RuaMissing, missing);
        }
    }

    /// One piece of the text between semicolons.
    fn piece(&mut self, piece: &'a [u8], start: usize, place: Place, delimiter: Delimiter) {
        let (field, span) = trimmed(piece, start);
        let piece_end = start.saturating_add(piece.len());
        if field.is_empty() {
            match delimiter {
                // The end of a record may be a delimiter, with white space round it.
                Delimiter::End if place == Place::Later => {}
                Delimiter::End if piece.is_empty() => {}
                Delimiter::End => {
                    self.defect(RecordDefectKind::LeadingSpace, Span::at(start, piece.len()));
                }
                Delimiter::Semicolon => {
                    let with_semicolon = piece.len().saturating_add(1);
                    self.defect(RecordDefectKind::EmptyField, Span::at(start, with_semicolon));
                }
            }
            return;
        }
        if place == Place::First && span.start > start {
            self.defect(RecordDefectKind::LeadingSpace, Span { start, end: span.start });
        }

        match place {
            Place::First if is_like_version(field) => self.first_field(field, span),
            Place::First | Place::Later => self.field(field, span),
        }

        let trailing = Span { start: span.end, end: piece_end };
        if span.end < piece_end {
            match delimiter {
                Delimiter::End => self.defect(RecordDefectKind::TrailingSpace, trailing),
                Delimiter::Semicolon if place == Place::First => {
                    self.defect(RecordDefectKind::SpaceBeforeSemicolon, trailing);
                }
                Delimiter::Semicolon => {}
            }
        }
    }

    fn first_field(&mut self, field: &'a [u8], span: Span) {
        self.version = Version::Seen;
        //= https://www.rfc-editor.org/rfc/rfc8460#section-3
        //# tlsrpt-version    = %s"v=TLSRPTv1"
        //= https://www.rfc-editor.org/rfc/rfc8460#section-3
        //# This document defines version 1 of TLSRPT, for which this
        //# value MUST be equal to "TLSRPTv1".
        if field == VERSION {
            self.names.insert(b"v");
            self.reading.version = Some(span);
        } else {
            self.defect(RecordDefectKind::VersionInvalid, span);
        }
    }

    fn field(&mut self, field: &'a [u8], span: Span) {
        // Such bytes have been noted already, and are reason enough.
        if !field.is_ascii() {
            return;
        }
        let Some(equals) = field.iter().position(|byte| *byte == b'=') else {
            return self.malformed(FieldFault::EqualsMissing, span);
        };
        let (name, rest) = field.split_at(equals);
        let value = rest.get(1..).unwrap_or_default();

        if self.version == Version::Awaited && name.eq_ignore_ascii_case(b"v") {
            self.version = Version::Seen;
            return self.defect(RecordDefectKind::VersionNotFirst, span);
        }
        if name == b"rua" {
            return self.rua(value, span);
        }
        //= https://www.rfc-editor.org/rfc/rfc8460#section-3
        //# Parsers MUST accept TXT records that are syntactically valid (i.e.,
        //# valid key/value pairs separated by semicolons) and implement a
        //# superset of this specification, in which case unknown fields SHALL be
        //# ignored.
        match check_extension(name, value) {
            Ok(()) => self.extension(name, value, span),
            Err(fault) => self.malformed(fault, span),
        }
    }

    fn extension(&mut self, name: &'a [u8], value: &[u8], span: Span) {
        let (Ok(name_text), Ok(value)) = (str::from_utf8(name), str::from_utf8(value)) else {
            return;
        };
        if !self.names.insert(name) {
            return self.defect(RecordDefectKind::DuplicateField { name: name_text.into() }, span);
        }
        let kept = self.reading.extensions.len();
        match Extension::new(name_text, value) {
            Ok(extension) if kept < Record::MAX_EXTENSIONS => {
                self.reading.extensions.push((extension, span));
                self.defect(RecordDefectKind::UnknownField { name: name_text.into() }, span);
            }
            Ok(_) => {
                if !self.has_dropped_fields {
                    self.defect(RecordDefectKind::TooManyFields, span);
                }
                self.has_dropped_fields = true;
            }
            // A `v` field where the first one was wrong: that has been noted.
            Err(_) => {}
        }
    }

    //= https://www.rfc-editor.org/rfc/rfc8460#section-3
    //# tlsrpt-rua        = %s"rua="
    //# tlsrpt-uri *(*WSP "," *WSP tlsrpt-uri)
    fn rua(&mut self, value: &[u8], span: Span) {
        if self.has_rua {
            let name = "rua".to_owned();
            return self.defect(RecordDefectKind::DuplicateField { name }, span);
        }
        self.has_rua = true;

        let value_start = span.end.saturating_sub(value.len());
        let mut start = value_start;
        for piece in value.split(|byte| *byte == b',') {
            let (text, place) = trimmed(piece, start);
            if self.reading.rua.len() == Record::MAX_URIS {
                self.defect(RecordDefectKind::TooManyUris, Span { start, end: span.end });
                break;
            }
            // White space may stand round a comma, but not after `rua=`.
            if start == value_start && place.start > start && !text.is_empty() {
                let kind = RecordDefectKind::UriInvalid { reason: UriError::LeadingSpace };
                self.defect(kind, Span { start, end: place.end });
            } else {
                self.uri(text, place);
            }
            start = start.saturating_add(piece.len()).saturating_add(1);
        }
        if self.reading.rua.is_empty() {
            self.defect(RecordDefectKind::NoUsableUri, Span::at(value_start, value.len()));
        }
    }

    fn uri(&mut self, text: &[u8], span: Span) {
        let Ok(text) = str::from_utf8(text) else { return };
        let kind = match ReportUri::parse(text) {
            Ok(uri) if self.reading.rua.iter().any(|(other, _)| *other == uri) => {
                RecordDefectKind::DuplicateUri
            }
            Ok(uri) => return self.reading.rua.push((uri, span)),
            Err(UriError::SchemeUnknown { scheme }) => {
                RecordDefectKind::UriSchemeUnknown { scheme }
            }
            Err(reason) => RecordDefectKind::UriInvalid { reason },
        };
        self.defect(kind, span);
    }

    fn malformed(&mut self, fault: FieldFault, span: Span) {
        self.defect(RecordDefectKind::MalformedField { fault }, span);
    }

    fn defect(&mut self, kind: RecordDefectKind, span: Span) {
        let is_first_fatal = kind.is_fatal() && !self.has_fatal;
        self.has_fatal |= is_first_fatal;
        if self.reading.defects.len() < MAX_DEFECTS || is_first_fatal {
            self.reading.defects.push(RecordDefect { kind, span });
        }
    }
}

const VERSION: &[u8] = b"v=TLSRPTv1";

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    First,
    Later,
}

#[derive(Clone, Copy)]
enum Delimiter {
    Semicolon,
    End,
}

/// Whether a field is a version, right or wrong. A quotation mark before it comes from a zone file
/// whose quoting went wrong.
fn is_like_version(field: &[u8]) -> bool {
    let name = field.split(|byte| *byte == b'=').next().unwrap_or_default();
    let name = name.strip_prefix(b"\"").unwrap_or(name).trim_ascii();
    name.eq_ignore_ascii_case(b"v") && name.len() < field.len()
}

/// The text without the white space (space, tab) round it, and where it stands.
fn trimmed(piece: &[u8], start: usize) -> (&[u8], Span) {
    let is_space = |byte: &&u8| matches!(**byte, b' ' | b'\t');
    let leading = piece.iter().take_while(is_space).count();
    let rest = piece.get(leading..).unwrap_or_default();
    let trailing = rest.iter().rev().take_while(is_space).count();
    let text = rest.get(..rest.len().saturating_sub(trailing)).unwrap_or_default();
    (text, Span::at(start.saturating_add(leading), text.len()))
}
