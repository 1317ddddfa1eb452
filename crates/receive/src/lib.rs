//! The role that receives TLS reports (RFC 8460): from octets of any kind to numbers that count.
//!
//! [`Submission::read`] finds the reports in whatever came, a mail or a file, and reads them.
//! [`Notary`] says who vouches for a mail. [`accounts`] makes of both what the store keeps, and
//! [`Intake`] does all of this for every submission, after its octets are on the disk.
//!
//! For the daemon there are the doors [`MailDoor`] and [`PostDoor`], which store and acknowledge, and
//! [`MailboxDoor`] and [`MaildirDoor`], which fetch what lies elsewhere; a
//! [`ReadingRoom`], in which what was stored is read beside them; and what is told of all this:
//! [`ReceiveApi`].
//!
//! # Limitations
//! - A report in a mail that was forwarded is believed by the signature of the message that it lies
//!   in, never by that of whoever forwarded it.

// From octets to reports.
mod submission;

pub use submission::{Document, Limits, Note, Submission, Unreadable};

// From files with many of them to submissions.
mod mbox;

pub use mbox::{Mbox, MboxMessage, is_mbox};

// Who vouches for them.
mod notary;

pub use notary::{Keys, Notary, Opinion, Undecided};
mod authentication_results;
pub use authentication_results::AuthenticationResults;
mod beliefs;
pub use beliefs::{AdmittedSource, Beliefs, BelievedServer};

mod unverified;
pub use unverified::unverified_in_words;

// What is kept of them.
mod account;
mod ours;

pub use account::{Allowance, Received, accounts, repair_in_words};
pub use ours::OurDomains;

// All of it, for everything that comes in.
mod intake;

pub use intake::{Arrived, Intake, Memory, Packed, READER, Taken, Unread};

// What the operator wants.
mod recipients;
mod section;
pub use recipients::{RecipientRule, RecipientRuleError, Recipients};
pub use section::{
    Admit, Afterwards, Doors, Endpoint, ImapMailbox, ImapToken, MOST_MAILBOXES, PostPath,
    Protection, Proxy, Section, SectionError, SectionLimits, SectionRetention, Server, SourceName,
};

// The daemon.
mod doors;
mod reading;
mod upkeep;
pub use doors::{
    Harvest, MailDoor, MailboxDoor, MailboxFailure, MaildirAfter, MaildirDoor, PostDoor,
};
pub use reading::{Readers, ReadingRoom};
pub use upkeep::{forget, keep_forgetting};

// What is said of it.
mod api;
mod metrics;
pub use api::ReceiveApi;
pub use metrics::{
    Acceptance, MailRefusal, MailboxOutcome, MailboxSlot, Outcome, PostRefusal, Reason,
    ReceiveMetrics, TrustLabel, Way,
};
