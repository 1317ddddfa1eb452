//! SMTP TLS Reporting (RFC 8460): the TXT record by which a domain asks for reports, and the names
//! of the results that a report counts.
//!
//! [`Record`] is what a sender may act on; [`Record::parse`] gives it or the first reason against
//! it. [`Record::read`] never fails: it gives all that was found, each part with its [`Span`], and
//! every [`RecordDefect`], so that a person can be shown what to mend. Both share one reader.
//!
//! ```
//! use tls_rpt::{Record, RecordDefectKind};
//!
//! let record = Record::parse(b"v=TLSRPTv1; rua=mailto:tls@example.com,https://r.example/v1")?;
//! assert_eq!(record.rua.len(), 2);
//!
//! let reading = Record::read(b"v=TLSRPTv1; rua=tls@example.com");
//! assert_eq!(reading.defects.last().map(|d| &d.kind), Some(&RecordDefectKind::NoUsableUri));
//! # Ok::<(), tls_rpt::RecordError>(())
//! ```
//!
//! # Limitations
//! - Reports themselves are not read or written yet.
//! - A `mailto:` address needs a domain name and an ASCII local part: address literals
//!   (`a@[192.0.2.1]`) and internationalised local parts are refused.
//! - The host of an `https:` URI is a domain name or an IP address. RFC 3986 would let any name
//!   pass; one with an underscore or other characters outside host names is refused.

// The record.
mod record;
mod span;

pub use record::{
    Extension, ExtensionError, FieldFault, Record, RecordDefect, RecordDefectKind, RecordError,
    RecordReading, Selection, select_record,
};
pub use span::Span;

// Where reports go.
mod uri;

pub use uri::{Host, HttpsUri, LocalPartFault, MailtoUri, ReportUri, UriError};

// What reports count.
mod result_type;

pub use result_type::ResultType;

// What reports come in.
mod mail;
mod payload;

pub use mail::{
    MailError, MailHints, MailLimits, MailMessage, MailNote, MailNoteKind, MailPayload, PartPath,
    RefusedPart, ReportMail, ReportSubject,
};
pub use payload::{
    Layer, Medium, Payload, PayloadError, PayloadErrorKind, PayloadLimits, PayloadNote, Payloads,
    Resemblance,
};
