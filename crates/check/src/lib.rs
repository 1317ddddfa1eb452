//! The check role: look at domains, judge what was seen, and show it.
//!
//! [`Checker`] looks and judges; [`scheduled`] does so again and again, and keeps what has changed; [`DomainReport`] is the result as data, for JSON; [`Page`] shows
//! it to people, and [`formats`] to other programs. [`DomainList`] reads lists of domains,
//! [`ResultLines`] the results of an earlier run, [`Summary`] sums them up, [`Comparison`] tells
//! what changed between two runs.

// What to look at.
mod list;
pub use list::{DomainList, LineFault, ListFault};
mod zone;
pub use zone::{MailNames, MasterFile, ZoneFault, ZoneNames, ZoneRecord};

// Looking and judging.
mod run;
pub use run::{Checked, Checker};

// Looking again and again.
pub mod scheduled;

// Showing.
mod report;
pub use report::{
    AddressReport, DomainReport, ExcerptReport, FindingReport, HostReport, HostRole, PolicyReport,
};
mod senders;
pub use senders::SenderReport;
mod escaped;
pub mod formats;
mod human;
pub use human::{Diagnostic, Page, Shown, one_line};

// What was found earlier.
mod results;
pub use results::{
    Change, Comparison, FindingLine, HostLine, PolicyLine, Presence, ResultLine, ResultLines,
    ResultsError, RuleSum, Summary, Worst,
};
