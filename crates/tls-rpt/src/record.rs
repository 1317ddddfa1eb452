//! The TLS-RPT record (RFC 8460 section 3).

mod defect;
mod reading;
mod selection;

use std::fmt;

use crate::ReportUri;

pub use defect::{FieldFault, RecordDefect, RecordDefectKind};
pub use reading::RecordReading;
pub use selection::{Selection, select_record};

/// A record that a sender can act on.
///
/// `Display` writes it in the form to publish, which [`Record::parse`] reads back to an equal value
/// as long as `rua` is not empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Where reports may go, in the order published; at least one in a record that was read.
    pub rua: Vec<ReportUri>,
    /// Fields that RFC 8460 does not know, in the order published. A sender ignores them.
    pub extensions: Vec<Extension>,
}

impl Record {
    /// The most bytes that a record can have: what fits into the data of one DNS record.
    pub const MAX_LENGTH: usize = 65_535;

    /// How many URIs are kept; those after them are ignored with a finding.
    pub const MAX_URIS: usize = 100;

    /// How many unknown fields are kept; those after them are ignored with a finding.
    pub const MAX_EXTENSIONS: usize = 100;

    /// Reads a record as a sender must.
    ///
    /// `text` is the data of one TXT record, its strings joined without anything between them.
    /// [`RecordReading::record`] says which texts succeed.
    ///
    /// # Errors
    /// The first reason why no sender can use the record. No report may be sent then.
    pub fn parse(text: &[u8]) -> Result<Self, RecordError> {
        Self::read(text).record()
    }

    /// Reads whatever is there. Never fails; see [`RecordReading`].
    pub fn read(text: &[u8]) -> RecordReading {
        reading::read(text)
    }
}

impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("v=TLSRPTv1; rua=")?;
        for (index, uri) in self.rua.iter().enumerate() {
            if index > 0 {
                f.write_str(",")?;
            }
            write!(f, "{uri}")?;
        }
        for extension in &self.extensions {
            write!(f, "; {extension}")?;
        }
        Ok(())
    }
}

/// Why a record cannot be used: its first fatal defect.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the TLS-RPT record cannot be used, so no report may be sent: {}", defect.kind)]
pub struct RecordError {
    /// What is wrong, and where.
    pub defect: RecordDefect,
}

/// A field of the record that RFC 8460 does not know.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Extension {
    name: Box<str>,
    value: Box<str>,
}

impl Extension {
    /// The most characters in a name.
    pub const MAX_NAME_LENGTH: usize = 32;

    /// Makes a field of a name and a value.
    ///
    /// # Errors
    /// When the name or the value is outside the grammar, or the name is one that RFC 8460 itself
    /// defines (`v`, `rua`).
    pub fn new(name: &str, value: &str) -> Result<Self, ExtensionError> {
        if matches!(name, "v" | "rua") {
            return Err(ExtensionError::Reserved);
        }
        defect::check_extension(name.as_bytes(), value.as_bytes())
            .map_err(ExtensionError::Malformed)?;
        Ok(Self { name: name.into(), value: value.into() })
    }

    /// The part before `=`, as written: names are case-sensitive.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The part after `=`; never empty.
    pub fn value(&self) -> &str {
        &self.value
    }
}

impl fmt::Display for Extension {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.name, self.value)
    }
}

/// Why a name and a value make no extension field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ExtensionError {
    /// `v` or `rua`.
    #[error("the names `v` and `rua` have a meaning of their own: choose another")]
    Reserved,
    /// Outside the grammar of fields.
    #[error("{0}")]
    Malformed(FieldFault),
}
