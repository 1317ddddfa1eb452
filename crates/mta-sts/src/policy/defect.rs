//! What can be wrong with a policy.

use std::fmt;

use crate::{
    defect::{Defect, DefectKind},
    mx_pattern::MxPatternError,
    policy::{MaxAge, ModeError},
    text::meant,
};

/// A defect of a policy and its place.
pub type PolicyDefect = Defect<PolicyDefectKind>;

/// What is wrong with a policy, or worth a remark.
///
/// `Display` is one sentence with the remedy. Text from outside appears escaped and shortened.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum PolicyDefectKind {
    /// The body has no byte.
    Empty,
    /// The body has more than 65,536 bytes; nothing was read.
    TooLarge,
    /// A UTF-8 byte order mark at the start.
    ByteOrderMark,
    /// Bytes that are not UTF-8.
    NotUtf8,
    /// An ASCII control character; a tab too, unless it stands before or after a value.
    ControlCharacter {
        /// The character.
        character: char,
    },
    /// A carriage return that no line feed follows.
    BareCarriageReturn,
    /// A line without a field, also after the last one.
    BlankLine,
    /// White space before a field.
    LeadingSpace,
    /// A line that begins with `#`.
    Comment,
    /// A line without a colon.
    MalformedLine,
    /// White space between the name of a field and its colon.
    SpaceBeforeColon,
    /// The name of a field is empty, too long, or holds a character that is not allowed.
    NameInvalid {
        /// What stands there.
        name: Box<str>,
    },
    /// Nothing behind the colon.
    ValueMissing {
        /// The name of the field.
        name: Box<str>,
    },
    /// No `version`.
    VersionMissing,
    /// The first `version` is not `STSv1`. Later ones do not count.
    VersionInvalid {
        /// What stands there.
        found: Box<str>,
    },
    /// `version` behind another field: valid, yet some readers expect it first.
    VersionNotFirst,
    /// No `mode`.
    ModeMissing,
    /// The first `mode` is none that exists. Later ones do not count.
    ModeInvalid {
        /// What stands there.
        found: Box<str>,
    },
    /// No `max_age`.
    MaxAgeMissing,
    /// The first `max_age` is not a number of 1 to 10 digits. Later ones do not count.
    MaxAgeInvalid {
        /// What stands there.
        found: Box<str>,
    },
    /// `max_age` above the maximum, which is used instead.
    MaxAgeTooLarge {
        /// The number of seconds that stands there.
        seconds: u64,
    },
    /// No valid `mx`, and the mode needs one.
    MxMissing,
    /// The value of an `mx` is no pattern. By the grammar the line is then an unknown field, which
    /// senders ignore.
    MxInvalid {
        /// Why.
        reason: MxPatternError,
    },
    /// The value of an `mx` that was there before, in whatever case.
    DuplicateMx,
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

impl PolicyDefectKind {
    /// Whether the defect makes the policy useless to a sender that follows RFC 8461 to the letter.
    pub fn is_fatal(&self) -> bool {
        match self {
            Self::Empty
            | Self::TooLarge
            | Self::ByteOrderMark
            | Self::NotUtf8
            | Self::ControlCharacter { .. }
            | Self::BareCarriageReturn
            | Self::BlankLine
            | Self::LeadingSpace
            | Self::Comment
            | Self::MalformedLine
            | Self::SpaceBeforeColon
            | Self::NameInvalid { .. }
            | Self::ValueMissing { .. }
            | Self::VersionMissing
            | Self::VersionInvalid { .. }
            | Self::ModeMissing
            | Self::ModeInvalid { .. }
            | Self::MaxAgeMissing
            | Self::MaxAgeInvalid { .. }
            | Self::MxMissing => true,
            Self::VersionNotFirst
            | Self::MaxAgeTooLarge { .. }
            | Self::MxInvalid { .. }
            | Self::DuplicateMx
            | Self::DuplicateField { .. }
            | Self::UnknownField { .. }
            | Self::TooMany => false,
        }
    }
}

impl DefectKind for PolicyDefectKind {
    const TOO_MANY: Self = Self::TooMany;

    fn is_fatal(&self) -> bool {
        self.is_fatal()
    }
}

impl fmt::Display for PolicyDefectKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("the policy is empty: write version, mode, mx and max_age"),
            Self::TooLarge => {
                f.write_str("more than 65536 bytes: senders may refuse it, use fewer patterns")
            }
            Self::ByteOrderMark => {
                f.write_str("a byte order mark: save the file as UTF-8 without it")
            }
            Self::NotUtf8 => f.write_str("bytes that are not UTF-8: save the file as UTF-8"),
            Self::ControlCharacter { character: '\t' } => {
                f.write_str("a tab within a field: use a space, or remove it")
            }
            Self::ControlCharacter { character } => {
                write!(f, "the control character `{}`: remove it", character.escape_debug())
            }
            Self::BareCarriageReturn => {
                f.write_str("a carriage return without a line feed: end lines by CRLF or LF")
            }
            Self::BlankLine => f.write_str("a line without a field: remove it"),
            Self::LeadingSpace => f.write_str("white space before a field: remove it"),
            Self::Comment => f.write_str("a policy has no comments: remove this line"),
            Self::MalformedLine => f.write_str("no colon in this line: write `name: value`"),
            Self::SpaceBeforeColon => f.write_str("white space before the colon: remove it"),
            Self::NameInvalid { name } => write!(
                f,
                "`{name}` is not a field name: use 1 to 32 letters, digits, `_`, `-` or `.`, a \
                 letter or digit first"
            ),
            Self::ValueMissing { name } => {
                write!(f, "`{name}` has no value: write one, or remove the line")
            }
            Self::VersionMissing => f.write_str("no version: add `version: STSv1` as first line"),
            Self::VersionInvalid { found } => {
                write!(f, "`{found}` is not the version: write STSv1, in this case")
            }
            Self::VersionNotFirst => f.write_str(
                "the version is not the first line: valid, but some readers expect it there",
            ),
            Self::ModeMissing => {
                f.write_str("no mode: add a line `mode:` with enforce, testing or none")
            }
            Self::ModeInvalid { found } => write!(f, "`{found}` is {ModeError}"),
            Self::MaxAgeMissing => {
                f.write_str("no max_age: add a line `max_age:` with a number of seconds")
            }
            Self::MaxAgeInvalid { found } => write!(
                f,
                "`{found}` is not a number of seconds: write 1 to 10 digits and nothing else, \
                 such as 604800"
            ),
            Self::MaxAgeTooLarge { seconds } => write!(
                f,
                "max_age {seconds} is above the maximum: senders use {} or may refuse the policy",
                MaxAge::MAX
            ),
            Self::MxMissing => f.write_str("no valid mx: add a line `mx:` for each MX host"),
            Self::MxInvalid { reason } => write!(f, "senders ignore this mx: {reason}"),
            Self::DuplicateMx => f.write_str("this mx was given before: remove it"),
            Self::DuplicateField { name } => {
                write!(f, "`{name}` was given before: senders ignore this one, remove it")
            }
            Self::UnknownField { name } => {
                match meant(name, &["version", "mode", "max_age", "mx"]) {
                    Some(known) => write!(f, "unknown field `{name}`: write `{known}`"),
                    None => write!(f, "unknown field `{name}`: senders ignore it"),
                }
            }
            Self::TooMany => {
                f.write_str("more defects follow that are not shown: mend these first")
            }
        }
    }
}
