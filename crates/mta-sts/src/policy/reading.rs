//! The tolerant reader of policies.

use std::collections::HashSet;

use super::{
    LARGEST_BODY, MaxAge, Mode, Policy, PolicyDefect, PolicyDefectKind as Kind, PolicyError,
    PolicyExtension, VERSION,
};
use crate::{
    defect::Defects,
    mx_pattern::{MxPattern, MxPatternError},
    span::Span,
    text::{Piece, any_control_character, expected_fields, is_field_name},
};

const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();
/// RFC 8461 §3.2: `sts-policy-max-age-value = 1*10(DIGIT)`
const MOST_DIGITS: usize = 10;
/// Extensions kept. More are valid, and ignored like all of them.
const KEPT_EXTENSIONS: usize = 100;
/// For how many names in Unicode a policy's reader proposes A-labels.
const MOST_PROPOSALS: usize = 10;

/// What could be understood of a policy, and what is wrong with it.
///
/// Of a repeated field only the first counts, also when the first is invalid. Spans of values cover
/// the value only, those of extensions the whole field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyReading {
    /// Where the valid version stands.
    pub version: Option<Span>,
    /// The mode, if the first one is valid.
    pub mode: Option<(Mode, Span)>,
    /// The lifetime, if the first one is valid; the maximum, if it is above.
    pub max_age: Option<(MaxAge, Span)>,
    /// The valid patterns, each once, in their order.
    pub mx: Vec<(MxPattern, Span)>,
    /// The first 100 well-formed fields that RFC 8461 does not know, duplicates left out.
    pub extensions: Vec<(PolicyExtension, Span)>,
    /// All defects in the order of their discovery: at most the first 200, or 201 if the only
    /// fatal one comes later, and then [`TooMany`](Kind::TooMany).
    pub defects: Vec<PolicyDefect>,
}

impl PolicyReading {
    /// The policy, if a sender that follows RFC 8461 to the letter can use it: exactly when no
    /// defect is fatal.
    ///
    /// # Errors
    ///
    /// [`PolicyError::Defective`] names the first fatal defect.
    pub fn policy(&self) -> Result<Policy, PolicyError> {
        let (mode, max_age) = self.usable()?;
        let mx = self.mx.iter().map(|(pattern, _)| pattern.clone()).collect();
        let extensions = self.extensions.iter().map(|(extension, _)| extension.clone()).collect();
        Ok(Policy { mode, max_age, mx, extensions })
    }

    /// The same without a copy.
    pub(super) fn into_policy(self) -> Result<Policy, PolicyError> {
        let (mode, max_age) = self.usable()?;
        let mx = self.mx.into_iter().map(|(pattern, _)| pattern).collect();
        let extensions = self.extensions.into_iter().map(|(extension, _)| extension).collect();
        Ok(Policy { mode, max_age, mx, extensions })
    }

    /// What a policy always has, unless a defect is fatal.
    fn usable(&self) -> Result<(Mode, MaxAge), PolicyError> {
        //= https://www.rfc-editor.org/rfc/rfc8461#section-3.2
        //# Parsers MUST accept TXT records and policy files that are
        //# syntactically valid (i.e., valid key/value pairs separated by
        //# semicolons for TXT records), possibly containing additional key/value
        //# pairs not specified in this document, in which case unknown fields
        //# SHALL be ignored.
        let mut fatal = self.defects.iter().filter(|defect| defect.kind.is_fatal());
        if let Some(first) = fatal.next() {
            return Err(PolicyError::Defective { first: first.clone(), others: fatal.count() });
        }
        let missing = |kind| {
            let first = PolicyDefect { kind, span: Span::empty_at(0) };
            PolicyError::Defective { first, others: 0 }
        };
        let (mode, _) = self.mode.ok_or_else(|| missing(Kind::ModeMissing))?;
        let (max_age, _) = self.max_age.ok_or_else(|| missing(Kind::MaxAgeMissing))?;
        if self.mx.is_empty() && mode != Mode::None {
            return Err(missing(Kind::MxMissing));
        }
        Ok((mode, max_age))
    }

    pub(super) fn of(body: &[u8]) -> Self {
        let start = body.get(..LARGEST_BODY).unwrap_or(body);
        let fields = expected_fields(start, b'\n');
        let lower_case = start.to_ascii_lowercase();
        let mut reader = Reader {
            reading: Self {
                version: None,
                mode: None,
                max_age: None,
                mx: Vec::with_capacity(fields),
                extensions: Vec::new(),
                defects: Vec::new(),
            },
            defects: Defects::new(),
            lower_case: &lower_case,
            seen: HashSet::with_capacity(fields),
            patterns: HashSet::with_capacity(fields),
            proposals_left: MOST_PROPOSALS,
        };
        let stopped = reader.read(Piece::new(body));
        Self { defects: reader.defects.finish(stopped), ..reader.reading }
    }
}

struct Reader<'a> {
    reading: PolicyReading,
    defects: Defects<Kind>,
    /// The names of the fields so far, but for `mx`.
    seen: HashSet<&'a [u8]>,
    /// The whole body in lower case, as far as it is read.
    lower_case: &'a [u8],
    /// The values of `mx` so far, in lower case, valid or not.
    patterns: HashSet<&'a [u8]>,
    /// How many more names in Unicode are converted, which is slow.
    proposals_left: usize,
}

impl<'a> Reader<'a> {
    /// Reads all, or says where reading stopped.
    fn read(&mut self, body: Piece<'a>) -> Option<Span> {
        let end = Span::empty_at(body.span().end);
        if body.is_empty() {
            self.defects.push(Kind::Empty, end);
            return None;
        }
        if body.bytes.len() > LARGEST_BODY {
            let excess = body.bytes.len() - LARGEST_BODY;
            self.defects.push(Kind::TooLarge, body.span_within(LARGEST_BODY, excess));
            return None;
        }
        let text = match body.strip_prefix(BYTE_ORDER_MARK) {
            Some(text) => {
                let span = body.span_within(0, BYTE_ORDER_MARK.len());
                self.defects.push(Kind::ByteOrderMark, span);
                text
            }
            None => body,
        };
        let mut lines = text.split(b'\n').enumerate().peekable();
        while let Some((index, line)) = lines.next() {
            let last = lines.peek().is_none();
            if last && line.is_empty() && index > 0 {
                break; // behind the terminator of the last line
            }
            let line = if last { line } else { line.strip_suffix(b"\r").unwrap_or(line) };
            self.line(line, index);
            if self.defects.is_full() && !last {
                return Some(Span { start: line.span().end, end: end.end });
            }
        }
        self.note_what_is_missing(end);
        None
    }

    fn note_what_is_missing(&mut self, end: Span) {
        for (name, missing) in [
            ("version", Kind::VersionMissing),
            ("mode", Kind::ModeMissing),
            ("max_age", Kind::MaxAgeMissing),
        ] {
            if !self.seen.contains(name.as_bytes()) {
                self.defects.push(missing, end);
            }
        }
        let needs_none = matches!(self.reading.mode, Some((Mode::None, _)));
        if self.reading.mx.is_empty() && !needs_none {
            self.defects.push(Kind::MxMissing, end);
        }
    }

    /// A line without its terminator.
    fn line(&mut self, line: Piece<'a>, index: usize) {
        let (line, leading) = line.trim_start();
        if line.is_empty() {
            let span = Span { start: leading.start, end: line.span().end };
            self.defects.push(Kind::BlankLine, span);
            return;
        }
        // Past a byte that is not allowed a name can still be seen, but no value is taken.
        let text = self.check_characters(line);
        if !leading.is_empty() {
            self.defects.push(Kind::LeadingSpace, leading);
        }
        if line.bytes.starts_with(b"#") {
            self.defects.push(Kind::Comment, line.trim_end().0.span());
            return;
        }
        let Some((name, value)) = line.split_once(b':') else {
            if text.is_some() {
                self.defects.push(Kind::MalformedLine, line.trim_end().0.span());
            }
            return;
        };
        let (name, space) = name.trim_end();
        if !space.is_empty() {
            self.defects.push(Kind::SpaceBeforeColon, space);
        }
        if !is_field_name(name.bytes) {
            if text.is_some() {
                self.defects.push(Kind::NameInvalid { name: name.shown() }, name.span());
            }
            return;
        }
        let duplicate = name.bytes != b"mx" && !self.seen.insert(name.bytes);
        let value = value.trim();
        if value.is_empty() {
            let span = line.trim_end().0.span();
            self.defects.push(Kind::ValueMissing { name: name.shown() }, span);
            return;
        }
        if any_control_character(value.bytes)
            && let Some(at) = value.bytes.iter().position(|&byte| byte == b'\t')
        {
            let span = value.span_within(at, 1);
            self.defects.push(Kind::ControlCharacter { character: '\t' }, span);
            return;
        }
        let field = Span { start: name.span().start, end: value.span().end };
        if duplicate {
            //= https://www.rfc-editor.org/rfc/rfc8461#section-3.2
            //# If any non-repeated field -- i.e., all fields
            //# excepting "mx" -- is duplicated, all entries except for the first
            //# SHALL be ignored.
            self.defects.remark(field, || Kind::DuplicateField { name: name.shown() });
            return;
        }
        let Some(text) = text.and_then(|text| text.get(value.range_within(line))) else { return };
        match name.bytes {
            b"version" => self.version(text, value, index),
            b"mode" => self.mode(text, value),
            b"max_age" => self.max_age(text, value),
            b"mx" => self.mx(text, value),
            _ => self.extension(name, text, field),
        }
    }

    /// The line as text, unless it holds bytes that no line may hold.
    fn check_characters(&mut self, line: Piece<'a>) -> Option<&'a str> {
        let text = match str::from_utf8(line.bytes) {
            Ok(text) => text,
            Err(error) => {
                let at = error.valid_up_to();
                let length = error.error_len().unwrap_or(line.bytes.len() - at);
                self.defects.push(Kind::NotUtf8, line.span_within(at, length));
                return None;
            }
        };
        if !any_control_character(line.bytes) {
            return Some(text);
        }
        // Tabs may be white space.
        let refused = |byte: &u8| byte.is_ascii_control() && *byte != b'\t';
        let Some((at, byte)) = line.bytes.iter().enumerate().find(|(_, byte)| refused(byte)) else {
            return Some(text);
        };
        let kind = match byte {
            b'\r' => Kind::BareCarriageReturn,
            _ => Kind::ControlCharacter { character: char::from(*byte) },
        };
        self.defects.push(kind, line.span_within(at, 1));
        None
    }

    fn version(&mut self, text: &str, value: Piece<'a>, index: usize) {
        if text != VERSION {
            self.defects.push(Kind::VersionInvalid { found: value.shown() }, value.span());
            return;
        }
        self.reading.version = Some(value.span());
        if index > 0 {
            self.defects.remark(value.span(), || Kind::VersionNotFirst);
        }
    }

    fn mode(&mut self, text: &str, value: Piece<'a>) {
        match text.parse() {
            Ok(mode) => self.reading.mode = Some((mode, value.span())),
            Err(_) => self.defects.push(Kind::ModeInvalid { found: value.shown() }, value.span()),
        }
    }

    fn max_age(&mut self, text: &str, value: Piece<'a>) {
        //= https://www.rfc-editor.org/rfc/rfc8461#section-3.2
        //# "max_age": Max lifetime of the policy (plaintext non-negative
        //# integer seconds, maximum value of 31557600).
        let digits = text.len() <= MOST_DIGITS && text.bytes().all(|byte| byte.is_ascii_digit());
        let Some(seconds) = text.parse::<u64>().ok().filter(|_| digits) else {
            self.defects.push(Kind::MaxAgeInvalid { found: value.shown() }, value.span());
            return;
        };
        let max_age = MaxAge::clamped_from_secs(seconds);
        if u64::from(max_age.as_secs()) != seconds {
            // The grammar allows ten digits, so the policy is valid; the maximum still holds.
            self.defects.remark(value.span(), || Kind::MaxAgeTooLarge { seconds });
        }
        self.reading.max_age = Some((max_age, value.span()));
    }

    fn mx(&mut self, text: &'a str, value: Piece<'a>) {
        let span = value.span();
        let lower_case = self.lower_case.get(span.range()).unwrap_or(value.bytes);
        if !self.patterns.insert(lower_case) {
            self.defects.remark(span, || Kind::DuplicateMx);
            return;
        }
        let parsed = if text.is_ascii() {
            MxPattern::parse(text)
        } else if self.proposals_left > 0 {
            self.proposals_left -= 1;
            MxPattern::parse(text)
        } else {
            Err(MxPatternError::Unicode { pattern: None })
        };
        match parsed {
            Ok(pattern) => self.reading.mx.push((pattern, span)),
            // What is no pattern is still a legal extension field, to be ignored.
            Err(reason) => self.defects.remark(span, || Kind::MxInvalid { reason }),
        }
    }

    fn extension(&mut self, name: Piece<'a>, value: &str, field: Span) {
        self.defects.remark(field, || Kind::UnknownField { name: name.shown() });
        if self.reading.extensions.len() < KEPT_EXTENSIONS
            && let Some(extension) = PolicyExtension::new(&name.shown(), value)
        {
            self.reading.extensions.push((extension, field));
        }
    }
}
