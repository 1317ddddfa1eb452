//! What can be wrong with a record.

use std::fmt;

use super::{Extension, Record};
use crate::{Span, UriError};

/// One departure from what RFC 8460 says or advises, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordDefect {
    /// What is wrong.
    pub kind: RecordDefectKind,
    /// The bytes concerned; empty and at the end of the text when something is missing.
    pub span: Span,
}

/// What is wrong with a record. `Display` is one lower-case fragment that says how to mend it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum RecordDefectKind {
    /// More bytes than one DNS record can hold; nothing was read. Fatal.
    TooLong,
    /// A byte outside US-ASCII. Fatal.
    NotUsAscii,
    /// White space before the version. Fatal: the record does not begin with `v=TLSRPTv1`.
    LeadingSpace,
    /// No version anywhere. Fatal.
    VersionMissing,
    /// The record begins with something like a version that is not `v=TLSRPTv1`. Fatal.
    VersionInvalid,
    /// The version is not the first field. Fatal.
    VersionNotFirst,
    /// White space between the version and its semicolon: the grammar allows it, but among several
    /// TXT records such a record is discarded.
    SpaceBeforeSemicolon,
    /// Two semicolons with nothing between them. Fatal.
    EmptyField,
    /// A field outside the grammar. Fatal.
    MalformedField {
        /// Which part of the field.
        fault: FieldFault,
    },
    /// White space at the end of the record, after no semicolon. Fatal.
    TrailingSpace,
    /// No `rua` field. Fatal.
    RuaMissing,
    /// A `rua` field in which no URI can be used. Fatal.
    NoUsableUri,
    /// A URI that cannot be used; senders skip it.
    UriInvalid {
        /// What is wrong with it.
        reason: UriError,
    },
    /// A URI of a scheme that no sender need support; senders skip it.
    UriSchemeUnknown {
        /// The scheme, in lower case.
        scheme: String,
    },
    /// The same URI once more; it counts once.
    DuplicateUri,
    /// More URIs than are kept.
    TooManyUris,
    /// A field name once more; only the first counts.
    DuplicateField {
        /// The name.
        name: String,
    },
    /// A field that RFC 8460 does not define; senders ignore it.
    UnknownField {
        /// The name.
        name: String,
    },
    /// More unknown fields than are kept.
    TooManyFields,
}

impl RecordDefectKind {
    /// Whether no sender can use a record that has this defect.
    pub fn is_fatal(&self) -> bool {
        match self {
            Self::TooLong
            | Self::NotUsAscii
            | Self::LeadingSpace
            | Self::VersionMissing
            | Self::VersionInvalid
            | Self::VersionNotFirst
            | Self::EmptyField
            | Self::MalformedField { .. }
            | Self::TrailingSpace
            | Self::RuaMissing
            | Self::NoUsableUri => true,
            Self::SpaceBeforeSemicolon
            | Self::UriInvalid { .. }
            | Self::UriSchemeUnknown { .. }
            | Self::DuplicateUri
            | Self::TooManyUris
            | Self::DuplicateField { .. }
            | Self::UnknownField { .. }
            | Self::TooManyFields => false,
        }
    }
}

impl fmt::Display for RecordDefectKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong => {
                write!(f, "the record has more than {} bytes: shorten it", Record::MAX_LENGTH)
            }
            Self::NotUsAscii => f.write_str(
                "the record holds bytes outside US-ASCII: remove them, or percent-encode them in a URI",
            ),
            Self::LeadingSpace => f.write_str(
                "white space stands before the version: remove it, the record must begin with \
                 `v=TLSRPTv1;`",
            ),
            Self::VersionMissing => {
                f.write_str("the version is missing: begin the record with `v=TLSRPTv1;`")
            }
            Self::VersionInvalid => f.write_str(
                "the version must be written exactly `v=TLSRPTv1`, with a semicolon after it",
            ),
            Self::VersionNotFirst => f.write_str("the version must be the first field: move it"),
            Self::SpaceBeforeSemicolon => f.write_str(
                "white space stands before the first semicolon: remove it, since some senders \
                 discard a record that does not begin with `v=TLSRPTv1;`",
            ),
            Self::EmptyField => f.write_str("a field is empty: remove one of the semicolons"),
            Self::MalformedField { fault } => fault.fmt(f),
            Self::TrailingSpace => {
                f.write_str("white space stands at the end of the record: remove it")
            }
            Self::RuaMissing => f.write_str(
                "the field `rua` is missing: say where reports shall go, such as \
                 `rua=mailto:tls-reports@example.com`",
            ),
            Self::NoUsableUri => f.write_str(
                "no URI in `rua` can be used: give at least one `mailto:` address or `https:` URL",
            ),
            Self::UriInvalid { reason } => reason.fmt(f),
            Self::UriSchemeUnknown { scheme } => write!(
                f,
                "the scheme `{scheme}` is none that senders know: use `mailto:` or `https:`"
            ),
            Self::DuplicateUri => f.write_str("the URI is given twice: remove one"),
            Self::TooManyUris => {
                write!(f, "only the first {} usable URIs are read: remove some", Record::MAX_URIS)
            }
            Self::DuplicateField { name } => {
                write!(f, "the field `{name}` is given twice and only the first counts: remove one")
            }
            Self::UnknownField { name } if name.eq_ignore_ascii_case("rua") => {
                write!(f, "the field `{name}` is ignored: field names are case-sensitive, write `rua`")
            }
            Self::UnknownField { name } => {
                write!(f, "the field `{name}` is unknown to RFC 8460, and senders ignore it")
            }
            Self::TooManyFields => write!(
                f,
                "only the first {} unknown fields are kept: remove some",
                Record::MAX_EXTENSIONS
            ),
        }
    }
}

/// Which part of a field is outside the grammar `name=value`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FieldFault {
    /// There is no `=`.
    #[error("the field has no `=`: write `name=value`, and a semicolon only between fields")]
    EqualsMissing,
    /// The name is empty, too long or holds other characters.
    #[error(
        "the field name must be 1 to {max} letters, digits, `_`, `-` or `.`, with a letter or digit \
         first and no space before the `=`",
        max = Extension::MAX_NAME_LENGTH
    )]
    Name,
    /// There is nothing after `=`.
    #[error("the field has no value: give one or remove the field")]
    ValueMissing,
    /// The value holds a space, a control character or `=`.
    #[error("the value of an unknown field cannot hold white space, control characters or `=`")]
    Value,
}

//= https://www.rfc-editor.org/rfc/rfc8460#section-3
//# tlsrpt-extension  = tlsrpt-ext-name "=" tlsrpt-ext-value
pub(super) fn check_extension(name: &[u8], value: &[u8]) -> Result<(), FieldFault> {
    check_name(name)?;
    if value.is_empty() {
        return Err(FieldFault::ValueMissing);
    }
    let is_allowed = |byte: &u8| matches!(byte, 0x21..=0x3A | 0x3C | 0x3E..=0x7E);
    if !value.iter().all(is_allowed) {
        return Err(FieldFault::Value);
    }
    Ok(())
}

fn check_name(name: &[u8]) -> Result<(), FieldFault> {
    let is_allowed = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    if name.first().is_some_and(u8::is_ascii_alphanumeric)
        && name.len() <= Extension::MAX_NAME_LENGTH
        && name.iter().all(is_allowed)
    {
        Ok(())
    } else {
        Err(FieldFault::Name)
    }
}
