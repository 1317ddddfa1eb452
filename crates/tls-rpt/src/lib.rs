//! SMTP TLS Reporting (RFC 8460): the TXT record by which a domain asks for reports, the reports,
//! and the names of the results that they count.
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
//! [`Report`] is what is sent in return. It is read in the same way: [`Report::read`] takes in
//! whatever is readable and gives a [`Repair`] for everything that had to be mended,
//! [`Report::parse`] is the strict face of the same reader, and [`Report::to_json`] writes what that
//! accepts. A [`Tally`] says which numbers of sessions a report supports, as the same sessions may
//! stand in it twice.
//!
//! ```
//! use tls_rpt::{RepairKind, Report, ReportLimits, Tally};
//!
//! let text = br#"{"organization-name": "Reporter",
//!     "date-range": {"start-datetime": "2026-09-10T00:00:00", "end-datetime": "2026-09-10T23:59:59"},
//!     "contact-info": "tls@reporter.example", "report-id": "1@reporter.example",
//!     "policies": [{"policy": {"policy-type": "no-policy-found", "policy-domain": "example.com"},
//!         "summary": {"total-successful-session-count": "7", "total-failure-session-count": 0}}]}"#;
//! let reading = Report::read(text, &ReportLimits::default());
//! assert!(reading.has(RepairKind::DateNoZone) && reading.has(RepairKind::CountText));
//!
//! let tally = Tally::of(&reading.report);
//! assert_eq!(tally.domains[0].sessions.successful.likely, 7);
//! assert_eq!(tally.days.iter().map(|day| day.date.to_string()).collect::<Vec<_>>(), ["2026-09-10"]);
//! ```
//!
//! On the side of the sender, a [`Session`] is what a mail server tells of one TLS session by the
//! datagram of libtlsrpt; [`PolicyCounts`] counts sessions, and [`DomainDay`] makes the report of a
//! day of them.
//!
//! # Limitations
//! - JSON that holds several reports at once is read up to the end of the first one; [`separate`]
//!   takes it apart.
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

pub use uri::{
    Host, HttpsUri, LocalPartFault, MailAddress, MailAddressError, MailtoUri, ReportUri, UriError,
};

// What reports count.
mod policy_type;
mod result_type;

pub use policy_type::PolicyType;
pub use result_type::ResultType;

// The report, and the numbers that it supports.
mod report;
mod tally;

pub use report::{
    AppliedPolicy, DateRange, FailureDetail, Loss, Parsed, PolicyReport, Refusal, Repair,
    RepairKind, Report, ReportError, ReportLimits, ReportReading, SessionCount, Severity, Summary,
    UnknownMember, UnknownMembers, locate, separate,
};
pub use tally::{
    Bounds, DayShare, Days, DetailsSum, DomainTally, FailureTally, SessionBounds, Tally,
};

// What mail servers tell of sessions.
mod session;

pub use session::{
    LogRefusal, LogTime, LoggedSession, SeenPolicy, Session, SessionFailure, SessionOutcome,
    SessionPolicy, SessionReading, SessionRefusal, SessionRepair,
};

// From sessions to reports.
mod aggregation;

pub use aggregation::{
    BuildError, BuiltReport, Changes, DomainDay, FailureCount, FailureIndex, HostProbe,
    HourlySessions, HourlySessionsError, Look, PolicyCounts, PolicySums, ProbeResult, ReportFace,
};

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

// What they leave in.
mod packed;

pub use packed::{
    ComposedMail, MailHead, MessageId, MessageIdError, PackError, PackedReport, Purpose,
    RetrySchedule,
};
