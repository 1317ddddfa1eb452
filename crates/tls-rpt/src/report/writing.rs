//! The strict writer.

use super::{Refusal, Repair, Report};

/// Why a report is not as RFC 8460 defines it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReportError {
    /// It is no report at all: keep the octets in quarantine.
    #[error("the TLS report cannot be read: {0}")]
    Refused(Refusal),
    /// It can be read with repairs; this is the first that RFC 8460 does not allow.
    #[error("the TLS report is faulty: {0}")]
    Faulty(Repair),
    /// A value would be read back as another, such as a host name that stands as
    /// [`Parsed::Text`](super::Parsed::Text). Build it by parsing its text.
    #[error("the TLS report would be read back as another one: build its values by parsing text")]
    Ambiguous,
}

pub(super) fn write(report: &Report) -> Result<String, ReportError> {
    // A report has only strings as keys and no way to fail, except for what a caller puts together
    // that no JSON has.
    let text = serde_json::to_string(report).map_err(|_| ReportError::Ambiguous)?;
    // The strict reader is the judge of what every reader can use, so it cannot be left behind when
    // a rule is added.
    let read = Report::parse(text.as_bytes())?;
    if read != *report {
        return Err(ReportError::Ambiguous);
    }
    Ok(text)
}
