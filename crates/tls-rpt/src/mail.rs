//! Reports in mail (RFC 8460 section 5.3), and in everything that occurs in its stead: other media
//! types, other structures, forwarded messages, several reports in one.
//!
//! The structure of a mail is read here, line by line and with bounds, and never by recursion that
//! the mail decides on: a parser that builds a tree of the whole message first takes time that grows
//! with the square of its parts, and stack that grows with its depth. Only single header fields, cut
//! to a length, go to the crate mail-parser.
//!
//! # Limitations
//! - Everything that a mail says about its reports is a hint: names, types, headers and the subject.
//!   Section 5.6 has the report itself decide. Whether the mail is genuine is not asked here.
//! - uuencoded and S/MIME parts are not read.

mod entity;
mod header;
mod hints;
mod limits;
mod multipart;
mod note;
mod transfer;

use std::borrow::Cow;
use std::fmt;

use memchr::memchr;

use crate::{Layer, PayloadError};

pub use hints::{MailHints, ReportSubject};
pub use limits::MailLimits;
pub use note::{MailNote, MailNoteKind};

/// A mail, and the reports in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportMail<'a> {
    /// The mail itself, and then the messages forwarded in it, as deep as the limits allow.
    pub messages: Vec<MailMessage<'a>>,
    /// The reports, in the order found; perhaps none.
    pub reports: Vec<MailPayload>,
    /// Parts that should hold a report, and out of which none could be taken.
    pub refusals: Vec<RefusedPart>,
    /// What was unusual; at most [`ReportMail::MAX_NOTES`].
    pub notes: Vec<MailNote>,
}

/// The mail itself, or a message forwarded in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailMessage<'a> {
    /// Header and body, byte for byte after its own transfer encoding was taken off: what a DKIM
    /// signature of this message was made for, if nothing was changed.
    pub octets: Cow<'a, [u8]>,
    /// The message in which this one was forwarded, as an index; `None` for the mail itself.
    pub within: Option<usize>,
    /// So much of its header is read.
    header: usize,
}

/// One report in a mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailPayload {
    /// The JSON, as in [`Payload::json`](crate::Payload::json).
    pub json: Vec<u8>,
    /// What it was packed in, the outermost first; empty if it was plain.
    pub layers: Vec<Layer>,
    /// The message whose part it was, as an index into [`ReportMail::messages`].
    pub message: usize,
    /// The part.
    pub part: PartPath,
    /// The media type that the part declares, in lower case. Text from outside.
    pub media_type: Option<String>,
    /// The file name, the innermost that is given. Text from outside.
    pub name: Option<String>,
}

/// A part that should hold a report, and why none could be taken out of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedPart {
    /// The message whose part it is, as an index into [`ReportMail::messages`].
    pub message: usize,
    /// The part.
    pub part: PartPath,
    /// The media type that the part declares, in lower case. Text from outside.
    pub media_type: Option<String>,
    /// The file name that the part declares. Text from outside.
    pub name: Option<String>,
    /// What is wrong.
    pub error: PayloadError,
}

/// Which part of a mail: `2` is the second of the mail, `2.1` the first of that. The mail itself,
/// when it has no parts, is `0`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct PartPath(Vec<usize>);

impl<'a> ReportMail<'a> {
    /// How many notes are kept.
    pub const MAX_NOTES: usize = 200;

    /// Finds all reports in a mail, which has line ends of CRLF or LF.
    ///
    /// What the limits cut off is told in [`ReportMail::notes`]; see [`ReportMail::is_whole`].
    ///
    /// # Errors
    /// When the mail or its header is longer than the limits allow, and when it has no header.
    pub fn read(octets: &'a [u8], limits: &MailLimits) -> Result<Self, MailError> {
        if octets.len() > limits.octets {
            return Err(MailError::TooLarge { size: octets.len(), limit: limits.octets });
        }
        let head = header::Head::read(octets, limits.header);
        if head.is_cut {
            return Err(MailError::HeaderTooLong { limit: limits.header });
        }
        if !head.has_fields {
            return Err(MailError::NoHeader);
        }
        Ok(entity::read(octets, &head, limits))
    }

    /// Whether all of the mail was looked at, and no part was refused.
    pub fn is_whole(&self) -> bool {
        self.refusals.is_empty() && !self.notes.iter().any(|note| note.kind.is_cut())
    }
}

impl PartPath {
    /// The path of one of the parts of this one, counted from 1.
    fn child(&self, number: usize) -> Self {
        Self(self.0.iter().copied().chain([number]).collect())
    }
}

impl MailMessage<'_> {
    /// What its header says. It is read when it is asked for: to take a report in, nobody asks.
    pub fn hints(&self) -> MailHints {
        MailHints::of(&header::Head::read(&self.octets, self.header))
    }
}

impl fmt::Display for PartPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, number) in self.0.iter().enumerate() {
            let dot = if index == 0 { "" } else { "." };
            write!(f, "{dot}{number}")?;
        }
        if self.0.is_empty() { f.write_str("0") } else { Ok(()) }
    }
}

/// The lines, each with its end.
fn lines(octets: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = octets;
    std::iter::from_fn(move || {
        let end = memchr(b'\n', rest).map_or(rest.len(), |at| at + 1);
        let (line, after) = rest.split_at_checked(end)?;
        rest = after;
        (!line.is_empty()).then_some(line)
    })
}

/// Why octets could not be read as a mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MailError {
    /// More octets than are taken in.
    #[error(
        "the mail has {size} octets, more than the {limit} that are taken in: pack its report with \
         gzip or split it, or raise the limit"
    )]
    TooLarge {
        /// How many there are.
        size: usize,
        /// How many there may be.
        limit: usize,
    },
    /// A header longer than is read.
    #[error("the header of the mail has more than {limit} octets: shorten it, or raise the limit")]
    HeaderTooLong {
        /// How many octets it may have.
        limit: usize,
    },
    /// No header field at the beginning.
    #[error("this is no mail: it does not begin with header fields such as `From: …`")]
    NoHeader,
}

impl MailError {
    /// A stable name, for metrics and lists: in kebab-case.
    pub fn code(self) -> &'static str {
        match self {
            Self::TooLarge { .. } => "mail-too-large",
            Self::HeaderTooLong { .. } => "mail-header-too-long",
            Self::NoHeader => "no-mail",
        }
    }
}
