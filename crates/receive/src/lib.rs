//! The role that receives TLS reports (RFC 8460): from octets of any kind to numbers that count.
//!
//! [`Submission::read`] finds the reports in whatever came, a mail or a file, and reads them.
//! [`Notary`] says who vouches for a mail. [`accounts`] makes of both what the store keeps, and
//! [`Intake`] does all of this for every submission, after its octets are on the disk.
//!
//! # Limitations
//! - Of a mail that was forwarded, only the outermost message with a report below it is asked who
//!   signed it.

// From octets to reports.
mod submission;

pub use submission::{Document, Limits, Message, Submission, Unreadable};

// From files with many of them to submissions.
mod mbox;

pub use mbox::{Mbox, MboxMessage, is_mbox};

// Who vouches for them.
mod notary;

pub use notary::{Keys, Notary, Opinion, Undecided};

// What is kept of them.
mod account;
mod ours;

pub use account::{Received, accounts};
pub use ours::OurDomains;

// All of it, for everything that comes in.
mod intake;

pub use intake::{Arrived, Intake, READER, Taken, Unread};
