//! The role beside the mail server that sends: what became of its TLS sessions, counted for the
//! reports of RFC 8460, and those reports on their way.
//!
//! A mail server that links libtlsrpt, such as Postfix 3.10, sends a datagram for each session. A
//! thread of its own takes them out of the socket and does nothing else; another one counts them in
//! memory; neither ever waits for the disk. Every few seconds a [`Flusher`] writes the counters that have changed into the store, in
//! absolute numbers. [`domain_day`] gives what a day had, from which the report is built.
//!
//! # What can be lost
//!
//! What the mail server sends while the kernel's queue is full, or while nobody listens: it does not
//! wait and does not ask. What comes while 64 MiB of datagrams are still to be counted, which is told
//! (`sealpost_report_overflowed_total`). And, if this process is killed or the machine fails, what came since the
//! last write: at most the time between two of them ([`Section::flush_seconds`], 2 seconds) and the
//! time that one takes. A stop that is asked for loses nothing. Nothing is ever counted twice.
//!
//! # Bounds
//!
//! Memory is bounded by [`SectionLimits::memory_octets`]. At half of it the counters are written and
//! the memory is emptied; what comes then is counted from 0 under another number, and nothing is
//! lost. Only if the store cannot be written for so long that the whole is full, sessions with new
//! keys are no longer counted, and it is said how many.

// Counting.
mod collector;
mod flusher;
mod known;
mod memory;
mod ring;
mod slot;
pub use collector::{Collector, Leftover, Pulse};
pub use flusher::Flusher;

// Sessions that come by other ways.
mod intake;
mod lines;
mod log;
mod log_import;
mod posted;
mod posts;
pub use intake::{Intake, IntakeClosed, TimedSession};
pub use lines::{FollowedLine, FollowedLog};
pub use log::LogCounter;
pub use log_import::{LogImportError, LogImported, import_log};
pub use posts::{SessionPosts, TokenError};

// What the kernel allows.
mod queue;
pub use queue::{QUEUE_WANTED, queue_length};

// What was counted.
mod day;
mod import;
mod upkeep;
pub use day::{CountedDay, domain_day};
pub use import::{Imported, import};
pub use upkeep::keep_forgetting;

// What a mail server does not look at.
mod prober;
pub use prober::{Prober, judge};

// What leaves.
mod delivery;
pub use delivery::{
    Author, AuthorError, Bounced, Built, Considered, DayBuilder, DeliveryNotification, Dispatch,
    DispatchError, DispatchParts, Occasion, face_in, take_bounce,
};

// Whether strangers believe us.
mod doctor;
pub use doctor::{
    Examined, Health, PostfixRelease, Reporter, ReporterError, ReporterKey, ReporterWay, examine,
};

// What the operator wants.
mod section;
pub use section::{
    Delivery, Destinations, DkimKey, HttpsCertificates, OwnMails, Probing, Section, SectionLimits,
};

// What is said of it.
mod api;
mod metrics;
pub use api::ReportApi;
pub use metrics::{Became, Cause, Decided, Mended, Probed, ReportMetrics, Result};
