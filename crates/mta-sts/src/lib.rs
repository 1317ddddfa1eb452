//! SMTP MTA Strict Transport Security (MTA-STS,
//! [RFC 8461](https://www.rfc-editor.org/rfc/rfc8461)): the TXT record, the policy, the MX patterns,
//! and what a sender remembers of them.
//!
//! Nothing here opens a socket, reads a clock or logs. Each format has one reader with two doors.
//! The tolerant door (`read`) understands as much as it can and returns every defect with its place
//! in the text, for people who maintain a record or a policy. The strict door (`parse`) is a thin
//! `Result` over it, for senders: it succeeds exactly when a sender that follows the RFC to the
//! letter can use the text.
//!
//! ```
//! use mta_sts::{Mode, Policy, Record};
//!
//! let record = Record::parse(b"v=STSv1; id=20160831085700Z;")?;
//! assert_eq!(record.id.as_str(), "20160831085700Z");
//!
//! let policy = Policy::parse(b"version: STSv1\nmode: enforce\nmx: *.example.net\nmax_age: 604800\n")?;
//! assert_eq!(policy.mode(), Mode::Enforce);
//! assert!(policy.covers(&"mx1.example.net".parse()?).is_some());
//! assert!(policy.covers(&"mx1.example.com".parse()?).is_none());
//!
//! let reading = Policy::read(b"version: STSv1\nmode = enforce\n");
//! assert_eq!(reading.defects[0].span.range(), 15..29);
//! assert!(reading.defects[0].kind.to_string().contains("no colon"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Limitations
//!
//! - Looking up records, fetching policies (RFC 8461 §3.3) and checking certificates (§4.2) are the
//!   caller's; [`cache`] says when, and what follows.
//! - Registered extension fields do not exist yet; unknown fields are kept as text and ignored.

// What both formats share.
mod defect;
mod span;
mod text;
pub use defect::Defect;
pub use span::Span;

// The TXT record at `_mta-sts.` and its `id` (RFC 8461 §3.1).
mod policy_id;
mod record;
pub use policy_id::{PolicyId, PolicyIdError};
pub use record::{
    FieldProblem, Record, RecordDefect, RecordDefectKind, RecordError, RecordExtension,
    RecordReading, Selection, select_record,
};

// The policy at `/.well-known/mta-sts.txt` (RFC 8461 §3.2) and its patterns (§4.1).
mod mx_pattern;
mod policy;
pub use mx_pattern::{MxPattern, MxPatternError};
pub use policy::{
    MaxAge, Mode, ModeError, Policy, PolicyDefect, PolicyDefectKind, PolicyError, PolicyExtension,
    PolicyReading,
};

// What a sender remembers of a domain and does next (RFC 8461 §3.3, §5.1, §10.2).
pub mod cache;
