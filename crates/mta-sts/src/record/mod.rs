//! The TXT record at `_mta-sts.` under the policy domain, RFC 8461 §3.1.
//!
//! # Limitations
//!
//! A record is read as the octets of its strings, joined. Presentation format (quotation marks,
//! escapes) is not understood, only recognised in a message.

use std::fmt;

use crate::{policy_id::PolicyId, text::is_field_name};

// Reading: the tolerant door, and its defects.
mod defect;
mod reading;
pub use defect::{FieldProblem, RecordDefect, RecordDefectKind};
pub use reading::RecordReading;

// Which of several records counts.
mod selection;
pub use selection::{Selection, select_record};

/// What a record begins with. Case matters.
const VERSION: &str = "v=STSv1";

/// A record that a sender can use.
///
/// Its `Display` is the record as one should publish it, `v=STSv1; id=…;`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Changes whenever the policy changes.
    pub id: PolicyId,
    /// Fields that RFC 8461 does not know, in their order; at most the first 100.
    pub extensions: Vec<RecordExtension>,
}

impl Record {
    /// The record for a policy with this id, without extensions.
    pub fn new(id: PolicyId) -> Self {
        Self { id, extensions: Vec::new() }
    }

    /// Reads a record strictly: the strings of one TXT record, joined without spaces.
    ///
    /// # Errors
    ///
    /// [`RecordError`] exactly when RFC 8461 §3.1 calls the record syntactically invalid. The
    /// domain then has no policy available; a cached policy still applies.
    pub fn parse(text: &[u8]) -> Result<Self, RecordError> {
        Self::read(text).record()
    }

    /// Reads as much of a record as can be understood, with all its defects.
    pub fn read(text: &[u8]) -> RecordReading {
        RecordReading::of(text)
    }
}

impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{VERSION}; id={};", self.id)?;
        self.extensions.iter().try_for_each(|extension| write!(f, " {extension};"))
    }
}

/// A field of a record that RFC 8461 does not know: `name=value`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RecordExtension {
    name: Box<str>,
    value: Box<str>,
}

impl RecordExtension {
    /// An extension field; `None` unless name and value are as RFC 8461 §3.1 demands.
    ///
    /// The name has 1 to 32 letters, digits, `_`, `-` and `.`, begins with a letter or digit, and is
    /// neither `v` nor `id`. The value holds printable ASCII, at least one character, without
    /// spaces, `=` and `;`.
    pub fn new(name: &str, value: &str) -> Option<Self> {
        let known = matches!(name, "v" | "id");
        let valid = is_field_name(name.as_bytes())
            && !value.is_empty()
            && value.bytes().all(is_value_character);
        (valid && !known).then(|| Self { name: name.into(), value: value.into() })
    }

    /// The text before `=`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The text behind `=`.
    pub fn value(&self) -> &str {
        &self.value
    }
}

impl fmt::Display for RecordExtension {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.name, self.value)
    }
}

/// `%x21-3A / %x3C / %x3E-7E`
fn is_value_character(byte: u8) -> bool {
    byte.is_ascii_graphic() && !matches!(byte, b'=' | b';')
}

/// Why a record cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RecordError {
    /// The record is syntactically invalid: no policy is available, a cached policy still applies.
    #[error("invalid STS record: {}{}", first.kind, others_hint(*others))]
    Defective {
        /// The first defect that makes it invalid.
        first: RecordDefect,
        /// How many more defects make it invalid.
        others: usize,
    },
}

/// The end of a message that shows one defect of several.
pub(crate) fn others_hint(others: usize) -> String {
    if others == 0 { String::new() } else { format!(" (and {others} more)") }
}
