//! What can be wrong with a record.

use std::fmt;

use crate::{
    defect::{Defect, DefectKind},
    policy_id::PolicyIdError,
    text::meant,
};

/// A defect of a record and its place.
pub type RecordDefect = Defect<RecordDefectKind>;

/// What is wrong with a record, or worth a remark.
///
/// `Display` is one sentence with the remedy. Text from outside appears escaped and shortened.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum RecordDefectKind {
    /// More than 65,535 bytes, which no TXT record holds; nothing was read.
    TooLarge,
    /// Bytes outside US-ASCII.
    NotUsAscii,
    /// White space before the version.
    LeadingSpace,
    /// White space at the end that no `;` precedes.
    TrailingSpace,
    /// White space before the first `;`: valid by the grammar, yet senders that compare with
    /// `v=STSv1;` discard the record (erratum 6285 of RFC 8461).
    SpaceBeforeSemicolon,
    /// No version anywhere.
    VersionMissing,
    /// The record begins with something that was meant to be the version.
    VersionInvalid {
        /// What stands there.
        found: Box<str>,
    },
    /// The version stands behind another field.
    VersionNotFirst,
    /// Nothing between two `;`.
    EmptyField,
    /// A field that the grammar does not allow.
    MalformedField {
        /// Why.
        problem: FieldProblem,
    },
    /// No `id`.
    IdMissing,
    /// The first `id` is none. Later ones do not count.
    IdInvalid {
        /// Why.
        reason: PolicyIdError,
    },
    /// A field that was there before; it is ignored.
    DuplicateField {
        /// Its name.
        name: Box<str>,
    },
    /// A field that RFC 8461 does not know; it is ignored.
    UnknownField {
        /// Its name.
        name: Box<str>,
    },
    /// More defects than are kept.
    TooMany,
}

impl RecordDefectKind {
    /// Whether the defect makes the record useless to a sender that follows RFC 8461 to the letter.
    pub fn is_fatal(&self) -> bool {
        match self {
            Self::TooLarge
            | Self::NotUsAscii
            | Self::LeadingSpace
            | Self::TrailingSpace
            | Self::VersionMissing
            | Self::VersionInvalid { .. }
            | Self::VersionNotFirst
            | Self::EmptyField
            | Self::MalformedField { .. }
            | Self::IdMissing
            | Self::IdInvalid { .. } => true,
            Self::SpaceBeforeSemicolon
            | Self::DuplicateField { .. }
            | Self::UnknownField { .. }
            | Self::TooMany => false,
        }
    }
}

impl DefectKind for RecordDefectKind {
    const TOO_MANY: Self = Self::TooMany;

    fn is_fatal(&self) -> bool {
        self.is_fatal()
    }
}

impl fmt::Display for RecordDefectKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge => f.write_str("more than 65535 bytes: no TXT record is that long"),
            Self::NotUsAscii => f.write_str("characters outside US-ASCII: remove them"),
            Self::LeadingSpace => {
                f.write_str("white space before the version: the record must begin with v=STSv1")
            }
            Self::TrailingSpace => f.write_str(
                "white space at the end of the record: remove it, or write `;` before it",
            ),
            Self::SpaceBeforeSemicolon => f.write_str(
                "white space before the first `;`: some senders discard a record that does not \
                 begin with `v=STSv1;`, so remove it",
            ),
            Self::VersionMissing => {
                f.write_str("no version: the record must begin with `v=STSv1;`")
            }
            Self::VersionInvalid { found } => write!(
                f,
                "`{found}` is not the version: begin with exactly `v=STSv1;`, in this case, \
                 without spaces or quotation marks"
            ),
            Self::VersionNotFirst => f.write_str("the version must be the first field: move it"),
            Self::EmptyField => f.write_str("an empty field: remove the extra `;`"),
            Self::MalformedField { problem } => problem.fmt(f),
            Self::IdMissing => {
                f.write_str("no id: add `id=` and 1 to 32 letters and digits, then `;`")
            }
            Self::IdInvalid { reason } => reason.fmt(f),
            Self::DuplicateField { name } => {
                write!(f, "`{name}` was given before: senders ignore this one, remove it")
            }
            Self::UnknownField { name } => match meant(name, &["id", "v"]) {
                Some(known) => write!(f, "unknown field `{name}`: write `{known}` in lower case"),
                None => write!(f, "unknown field `{name}`: senders ignore it"),
            },
            Self::TooMany => {
                f.write_str("more defects follow that are not shown: mend these first")
            }
        }
    }
}

/// Why a field of a record is not `name=value`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum FieldProblem {
    /// There is no `=`.
    NoEqualsSign {
        /// The field.
        field: Box<str>,
    },
    /// There is white space beside `=`.
    SpaceAroundEqualsSign,
    /// The name is empty, too long, or holds a character that is not allowed.
    Name {
        /// The name.
        name: Box<str>,
    },
    /// There is nothing behind `=`.
    ValueMissing {
        /// The name.
        name: Box<str>,
    },
    /// The value holds a character that is not allowed.
    ValueCharacter {
        /// The first such character.
        character: char,
    },
}

impl fmt::Display for FieldProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoEqualsSign { field } => {
                write!(f, "`{field}` is not a field: write name=value")
            }
            Self::SpaceAroundEqualsSign => {
                f.write_str("white space beside `=` is not allowed: remove it")
            }
            Self::Name { name } => write!(
                f,
                "`{name}` is not a field name: use 1 to 32 letters, digits, `_`, `-` or `.`, a \
                 letter or digit first"
            ),
            Self::ValueMissing { name } => {
                write!(f, "`{name}` has no value: write one, or remove the field")
            }
            Self::ValueCharacter { character } => write!(
                f,
                "the value holds `{}`: separate fields by `;`; a value has no spaces and no `=`",
                character.escape_debug()
            ),
        }
    }
}
